"""JSON-LD contexts that documents may use: those that are served here, and those that an application registers.

Rule: nothing is ever fetched. A context decides what the members of a document mean, so whoever signs or believes a document
must have decided for its contexts before (VC Data Integrity 2.4.1, 5.14).

The Data Integrity and Multikey contexts restate those that the W3C publishes with VC Data Integrity 1.0 and Controlled Identifiers
1.0, Copyright (c) World Wide Web Consortium, under the W3C Software and Document License
(https://www.w3.org/copyright/software-license/); those of the data models and of older suites are the copies in PyLD.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, field, frozen

__all__ = (
    "CREDENTIALS_V1",
    "CREDENTIALS_V2",
    "DATA_INTEGRITY_V1",
    "DATA_INTEGRITY_V2",
    "FROM_PYLD",
    "NAMES",
    "SERVED",
    "Contexts",
)

CREDENTIALS_V1: Final = "https://www.w3.org/2018/credentials/v1"
CREDENTIALS_V2: Final = "https://www.w3.org/ns/credentials/v2"
DATA_INTEGRITY_V1: Final = "https://w3id.org/security/data-integrity/v1"
DATA_INTEGRITY_V2: Final = "https://w3id.org/security/data-integrity/v2"
MULTIKEY_V1: Final = "https://w3id.org/security/multikey/v1"

FROM_PYLD: Final = (
    CREDENTIALS_V1,
    CREDENTIALS_V2,
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/ed25519-2020/v1",
    "https://w3id.org/security/suites/jws-2020/v1",
)
"""The contexts that are served as PyLD has them."""

_SECURITY: Final = "https://w3id.org/security#"
_CREDENTIALS: Final = "https://www.w3.org/2018/credentials#"
_STATUS: Final = "https://www.w3.org/ns/credentials/status#"

NAMES: Final[Mapping[str, str]] = {
    f"{_SECURITY}expiration": "expires",
    **{
        f"{vocabulary}{name}": name
        for vocabulary, names in (
            (_SECURITY, ("proof", "proofPurpose", "verificationMethod", "previousProof", "domain", "challenge")),
            (_CREDENTIALS, ("issuer", "credentialSubject", "credentialStatus")),
            (_CREDENTIALS, ("validFrom", "validUntil", "issuanceDate", "expirationDate")),
            (_STATUS, ("statusPurpose", "statusListIndex", "statusListCredential", "statusSize", "encodedList", "ttl")),
        )
        for name in names
    },
}
"""The names under which is read what decides whether a credential, or its proof, holds; a context shall give it no other."""
_KEYWORDS: Final = {"@protected": True, "id": "@id", "type": "@type"}


def _typed(iri: str, datatype: str) -> dict[str, str]:
    return {"@id": iri, "@type": datatype}


def _time(iri: str) -> dict[str, str]:
    return _typed(iri, "http://www.w3.org/2001/XMLSchema#dateTime")


def _method(name: str) -> dict[str, str]:
    return {**_typed(f"{_SECURITY}{name}", "@id"), "@container": "@set"}


_PROOF: Final[Mapping[str, Any]] = {
    **_KEYWORDS,
    "challenge": f"{_SECURITY}challenge",
    "created": _time("http://purl.org/dc/terms/created"),
    "cryptosuite": _typed(f"{_SECURITY}cryptosuite", f"{_SECURITY}cryptosuiteString"),
    "domain": f"{_SECURITY}domain",
    "expires": _time(f"{_SECURITY}expiration"),
    "nonce": f"{_SECURITY}nonce",
    "previousProof": _typed(f"{_SECURITY}previousProof", "@id"),
    "proofPurpose": {
        **_typed(f"{_SECURITY}proofPurpose", "@vocab"),
        "@context": {
            **_KEYWORDS,
            "assertionMethod": _method("assertionMethod"),
            "authentication": _method("authenticationMethod"),
            "capabilityDelegation": _method("capabilityDelegationMethod"),
            "capabilityInvocation": _method("capabilityInvocationMethod"),
            "keyAgreement": _method("keyAgreementMethod"),
        },
    },
    "proofValue": _typed(f"{_SECURITY}proofValue", f"{_SECURITY}multibase"),
    "verificationMethod": _typed(f"{_SECURITY}verificationMethod", "@id"),
}
# The first version has no proof chains, and a cryptosuite that is a plain string.
_PROOF_V1: Final = {
    **{name: definition for name, definition in _PROOF.items() if name != "previousProof"},
    "cryptosuite": f"{_SECURITY}cryptosuite",
}
_MULTIKEY: Final[Mapping[str, Any]] = {
    **_KEYWORDS,
    "controller": _typed(f"{_SECURITY}controller", "@id"),
    "expires": _time(f"{_SECURITY}expiration"),
    "publicKeyMultibase": _typed(f"{_SECURITY}publicKeyMultibase", f"{_SECURITY}multibase"),
    "revoked": _time(f"{_SECURITY}revoked"),
    "secretKeyMultibase": _typed(f"{_SECURITY}secretKeyMultibase", f"{_SECURITY}multibase"),
}


def _data_integrity(proof: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_KEYWORDS,
        "proof": {**_typed(f"{_SECURITY}proof", "@id"), "@container": "@graph"},
        "DataIntegrityProof": {"@id": f"{_SECURITY}DataIntegrityProof", "@context": proof},
    }


_RESTATED: Final[Mapping[str, Mapping[str, Any]]] = {
    DATA_INTEGRITY_V1: {"@context": _data_integrity(_PROOF_V1)},
    DATA_INTEGRITY_V2: {"@context": _data_integrity(_PROOF)},
    MULTIKEY_V1: {"@context": {**_KEYWORDS, "Multikey": {"@id": f"{_SECURITY}Multikey", "@context": _MULTIKEY}}},
}

SERVED: Final = frozenset((*FROM_PYLD, *_RESTATED))
"""The URLs of the contexts that are always there."""


def _documents(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_RESTATED, **given}


def _check(contexts: "Contexts", attribute: object, documents: Mapping[str, Any]) -> None:
    for url, document in documents.items():
        if not isinstance(document, Mapping) or "@context" not in document:
            raise ValueError(f"{url} must be a JSON object with @context")
        if url in SERVED and document is not _RESTATED.get(url):
            raise ValueError(f"{url} is served here, and means the same everywhere")


@frozen(eq=False)
class Contexts:
    """The contexts that documents may name: `SERVED`, and `documents`, the JSON of others by URL.

    >>> Contexts({"https://example.com/v1": {"@context": {"degree": "https://example.com/terms#degree"}}})
    Contexts()

    Keep the value: contexts are worked out once for each. Raises `ValueError`.
    """

    documents: Mapping[str, Any] = field(factory=dict, converter=_documents, validator=_check, repr=False)
    # What PyLD made of them.
    resolved: dict[str, Any] = field(default=Factory(dict), init=False, repr=False)
    # Of the options of proofs, under these contexts.
    hashes: dict[bytes, bytes] = field(default=Factory(dict), init=False, repr=False)

    def registers(self, context: Mapping[str, Any]) -> bool:
        """Whether one of `documents` has this context: then a document may also have it in itself."""
        return any(document["@context"] == context for document in self.documents.values())

    def __contains__(self, url: object) -> bool:
        return url in SERVED or url in self.documents
