"""Controlled identifier documents (Controlled Identifiers 1.0): the keys that an issuer publishes, made and read.

The verification method of a proof is a URL with a fragment; the document is what the URL without the fragment leads to.
"""

from collections.abc import Sequence
from typing import Any, Final

from oid4vci._json import Malformed
from oid4vci.dids import did_document_keys, multikey
from oid4vci.keys import PublicKey, Signer, public_key

__all__ = ("MEDIA_TYPES", "controlled_identifier_document", "published_key")

MEDIA_TYPES: Final = ("application/cid", "application/did", "application/json")
_CONTEXT: Final = "https://www.w3.org/ns/cid/v1"
# DID 1.0 6.3.1, whose own context has no Multikey.
_DID_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")


def controlled_identifier_document(identifier: str, signers: Sequence[Signer]) -> dict[str, Any]:
    """What an issuer publishes so that `signers` may sign what it issues: at `identifier`, an https URL, or where its did:web says.

    The verification method of a key is `identifier`, `#` and its `key_id`. Raises `ValueError` for a key without a Multikey.
    """
    methods = [
        {
            "id": f"{identifier}#{signer.key_id}",
            "type": "Multikey",
            "controller": identifier,
            "publicKeyMultibase": multikey(public_key(signer.public_jwk)),
        }
        for signer in signers
    ]
    return {
        "@context": list(_DID_CONTEXTS) if identifier.startswith("did:") else [_CONTEXT],
        "id": identifier,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def published_key(document: bytes, method: str, *, purpose: str, now: int) -> PublicKey:
    """The key of the verification method `method`, a URL with a fragment, if it may be used for `purpose`.

    `document`: what was fetched for the URL before the fragment. Raises `Malformed`.
    """
    if "#" not in method:
        raise Malformed("must have a fragment")
    return did_document_keys(document, method, purpose=purpose, now=now)[0]
