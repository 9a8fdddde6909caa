"""What tests of `ldp_vc` share: contexts, configurations, an issuer, holders, and credentials by an issuer that may do anything."""

from collections.abc import Mapping, Sequence
from typing import Any

from oid4vci.data_integrity import CRYPTOSUITES, Contexts, controlled_identifier_document, proof_options, secured
from oid4vci.dids import DID_METHODS
from oid4vci.formats.credential_format import CredentialEncoder, CredentialVerifier, VerifiedCredential
from oid4vci.formats.ldp_vc import LdpVcEncoder, LdpVcVerifier
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import CredentialDefinition, LdpVcConfiguration
from oid4vci.secret import new_secret
from oid4vci.trust import Trust

NOW = 1_800_000_000
DAY = 86_400
ISSUER = "https://issuer.example.com/tenant"
V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
DATA_INTEGRITY = "https://w3id.org/security/data-integrity/v2"
DEGREE = "https://credentials.example.com/degree/v1"
TYPES = ("VerifiableCredential", "UniversityDegreeCredential")
_TERMS = "https://credentials.example.com/terms#"

DEGREE_CONTEXT: dict[str, Any] = {
    "@context": {
        "@version": 1.1,
        "@protected": True,
        "UniversityDegreeCredential": f"{_TERMS}UniversityDegreeCredential",
        "BachelorDegree": f"{_TERMS}BachelorDegree",
        "given_name": "https://schema.org/givenName",
        "nationalities": f"{_TERMS}nationalities",
        "gpa": f"{_TERMS}gpa",
        "member": f"{_TERMS}member",
        "born": {"@id": "https://schema.org/birthDate", "@type": "http://www.w3.org/2001/XMLSchema#date"},
        "grades": {"@id": f"{_TERMS}grades", "@container": "@list"},
        "degree": {
            "@id": f"{_TERMS}degree",
            "@context": {"@protected": True, "title": f"{_TERMS}title", "granted_by": {"@id": f"{_TERMS}by", "@type": "@id"}},
        },
    }
}
CONTEXTS = Contexts({DEGREE: DEGREE_CONTEXT})

SIGNERS = {
    "eddsa-rdfc-2022": LocalSigner.generate("ed", "EdDSA"),
    "ecdsa-rdfc-2019": LocalSigner.generate("p256"),
    "ecdsa-rdfc-2019 P-384": LocalSigner.generate("p384", "ES384"),
}
SIGNER = SIGNERS["ecdsa-rdfc-2019"]
OTHER = LocalSigner.generate("other")
HOLDERS = tuple(public_key(LocalSigner.generate(f"holder-{i}").public_jwk) for i in range(3))


def did(signer: LocalSigner = SIGNER, method: str = "key") -> str:
    return DID_METHODS[method].did(public_key(signer.public_jwk))


DID = did()
TRUST = Trust(allow={ISSUER, *map(did, SIGNERS.values()), did(SIGNER, "jwk")}.__contains__)
DOCUMENTS = {ISSUER: controlled_identifier_document(ISSUER, list(SIGNERS.values()))}

CLAIMS: dict[str, Any] = {
    "credentialSubject": {
        "given_name": "Erika",
        "born": "1984-01-26",
        "nationalities": ["DE", "FR"],
        "gpa": 1.5,
        "member": True,
        "grades": [1, 2, 1],
        "degree": {"type": "BachelorDegree", "title": "Künste", "granted_by": {"id": "https://university.example", "gpa": 2}},
    }
}


def configuration(model: str = V2, **more: Any) -> LdpVcConfiguration:
    definition = CredentialDefinition(context=(model, DEGREE), type=TYPES)
    return LdpVcConfiguration(**{"credential_definition": definition, **more})


CONFIGURATION = configuration()


def encoder(**settings: Any) -> LdpVcEncoder:
    return LdpVcEncoder(**{"signer": SIGNER, "issuer": DID, "contexts": CONTEXTS, **settings})


def issue(
    making: CredentialEncoder | None = None,
    claims: Mapping[str, Any] = CLAIMS,
    keys: Sequence[PublicKey] = HOLDERS[:1],
    **more: Any,
) -> tuple[dict[str, Any], ...]:
    arguments: dict[str, Any] = {
        "configuration": CONFIGURATION, "issuer": ISSUER, "now": NOW, "new_secret": new_secret, **more,
    }  # fmt: skip
    made = (making or encoder()).draft(claims, holder_keys=keys, **arguments).finish()
    return tuple(each for each in made if isinstance(each, dict))


def check(credential: Any, verifier: CredentialVerifier | None = None, **more: Any) -> VerifiedCredential:
    arguments: dict[str, Any] = {
        "configuration": CONFIGURATION, "trust": TRUST, "holder_keys": HOLDERS, "documents": {}, "now": NOW, **more,
    }  # fmt: skip
    verified = (verifier or LdpVcVerifier(contexts=CONTEXTS)).verify(credential, **arguments)
    assert isinstance(verified, VerifiedCredential)
    return verified


GOOD: dict[str, Any] = issue()[0]
UNSECURED = {name: value for name, value in GOOD.items() if name != "proof"}
OPTIONS = {name: value for name, value in GOOD["proof"].items() if name != "proofValue"}


def signed(
    unsecured: Mapping[str, Any] | None = None,
    *,
    signer: LocalSigner = SIGNER,
    suite: str = "ecdsa-rdfc-2019",
    contexts: Contexts = CONTEXTS,
    proof: Mapping[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """A credential by an issuer that may do anything; a member, or an option of `proof`, that is `...` is left out."""
    whole = {name: value for name, value in {**(unsecured or UNSECURED), **members}.items() if value is not ...}
    options = proof_options(
        CRYPTOSUITES[suite],
        verification_method=DID_METHODS["key"].verification_method(did(signer)),
        purpose="assertionMethod",
        created="2027-01-01T00:00:00Z",
        context=whole.get("@context"),
    )
    options = {name: value for name, value in {**options, **(proof or {})}.items() if value is not ...}
    data = CRYPTOSUITES[suite].hash_data(whole, options, contexts, crv=signer.public_jwk["crv"])
    return secured({name: value for name, value in whole.items() if name != "proof"}, options, signer.sign(data))
