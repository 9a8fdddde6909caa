"""Controlled identifier documents (Controlled Identifiers 1.0): the keys that an https issuer publishes, made and read.

The verification method of a proof is a URL with a fragment; the document is what the URL without the fragment leads to.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from oid4vci import _json
from oid4vci._date_time import timestamp
from oid4vci._json import Malformed
from oid4vci.dids import multikey, read_multikey
from oid4vci.keys import PublicKey, Signer, public_key

__all__ = ("MEDIA_TYPES", "controlled_identifier_document", "published_key")

MEDIA_TYPES: Final = ("application/cid", "application/did", "application/json")
_CONTEXT: Final = "https://www.w3.org/ns/cid/v1"
_MAX_METHODS: Final = 100


def controlled_identifier_document(identifier: str, signers: Sequence[Signer]) -> dict[str, Any]:
    """What an issuer publishes at `identifier`, an https URL, so that `signers` may sign what it issues.

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
        "@context": [_CONTEXT],
        "id": identifier,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def published_key(document: bytes, method: str, *, purpose: str, now: int) -> PublicKey:
    """The key of the verification method `method`, if it may be used for `purpose` (Controlled Identifiers 3.3).

    `document`: what was fetched from the URL before the fragment. Raises `Malformed`.
    """
    read = _json.object_from(document)
    identifier = method.partition("#")[0]
    # "If controllerDocument.id does not match the controllerDocumentUrl, an error MUST be raised" -- Controlled Identifiers 3.3
    if read.get("id") != identifier:
        raise Malformed("is not the identifier that was asked for", "id")
    allowed = _list(read, purpose)
    found = [
        each
        for each in (*_list(read, "verificationMethod"), *allowed)
        if isinstance(each, Mapping) and _absolute(each.get("id"), identifier) == method
    ]
    if not found:
        raise Malformed("has no such key", "verificationMethod")
    if not any(_absolute(each.get("id") if isinstance(each, Mapping) else each, identifier) == method for each in allowed):
        raise Malformed("does not have the key", purpose)
    if any(each != found[0] for each in found):
        raise Malformed("has two keys of the same name", "verificationMethod")
    return _key(found[0], identifier, now)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    values = document.get(name, [])
    if not isinstance(values, list) or len(values) > _MAX_METHODS:
        raise Malformed(f"must be an array of at most {_MAX_METHODS}", name)
    return values


def _absolute(url: Any, identifier: str) -> Any:
    return f"{identifier}{url}" if isinstance(url, str) and url.startswith("#") else url


def _key(method: Mapping[str, Any], identifier: str, now: int) -> PublicKey:
    if method.get("controller") != identifier:
        raise Malformed("is not the issuer", "controller")
    for name in ("revoked", "expires"):
        try:
            if name in method and timestamp(method[name]) <= now:
                raise Malformed("lies in the past")
        except Malformed as error:
            raise error.within(name) from None
    if method.get("type") == "Multikey":
        value = method.get("publicKeyMultibase")
        if not isinstance(value, str):
            raise Malformed("must be a string", "publicKeyMultibase")
        return read_multikey(value)
    # JsonWebKey2020 is the name that drafts had for the same.
    if method.get("type") in ("JsonWebKey", "JsonWebKey2020"):
        return public_key(method.get("publicKeyJwk"))
    raise Malformed("is a kind of verification method that is not supported", "type")
