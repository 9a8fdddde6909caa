"""The keys of DID documents, and of other controlled identifier documents (DID 1.0 5; Controlled Identifiers 2, 3.3).

Rule 1: a document speaks for the identifier that was asked for, and for no other.
Rule 2: a key serves the purposes under which the document lists it; one name is one key, wherever in the document it stands.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _json
from oid4vci._date_time import timestamp
from oid4vci._jose import PublicKey, public_key
from oid4vci._json import Malformed
from oid4vci.dids.did_url import MAX_DID_URL, DidUrl
from oid4vci.dids.multikey import read_base58_key, read_multikey

__all__ = ("DID_MEDIA_TYPES", "did_document_keys")

DID_MEDIA_TYPES: Final = ("application/did", "application/did+json", "application/did+ld+json", "application/json")

# Controlled Identifiers 2.3
_RELATIONSHIPS: Final = ("authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation")
_MAX_METHODS: Final = 100
_MATERIALS: Final = ("publicKeyJwk", "publicKeyMultibase", "publicKeyBase58")
_SECRETS: Final = frozenset(
    f"{secret}Key{form}" for secret in ("private", "secret") for form in ("Jwk", "Multibase", "Base58", "Hex")
)


@frozen
class _Type:
    """A type of verification method: how it says its key, and on which curve that is, if on one alone."""

    materials: tuple[str, ...]
    crv: str | None = None


_TYPES: Final[Mapping[str, _Type]] = {
    # Controlled Identifiers 2.2.2, 2.2.3
    "Multikey": _Type(("publicKeyMultibase",)),
    "JsonWebKey": _Type(("publicKeyJwk",)),
    # What went before these (DID specification registries), and is still published.
    "JsonWebKey2020": _Type(("publicKeyJwk",)),
    "Ed25519VerificationKey2020": _Type(("publicKeyMultibase",), "Ed25519"),
    "Ed25519VerificationKey2018": _Type(("publicKeyBase58", "publicKeyJwk"), "Ed25519"),
    "EcdsaSecp256k1VerificationKey2019": _Type(_MATERIALS, "secp256k1"),
    "EcdsaSecp256r1VerificationKey2019": _Type(_MATERIALS, "P-256"),
    "P256Key2021": _Type(("publicKeyBase58",), "P-256"),
}


def did_document_keys(document: bytes, url: str, *, purpose: str, now: int) -> tuple[PublicKey, ...]:
    """The key that `url` names, if it may be used for `purpose`; without a fragment all that may be, of kinds that are known.

    - `document`: what was fetched for the DID, or from the https URL, before the fragment. Relative URLs in it are read against
      its `id`.
    - `purpose`: a verification relationship: `authentication` for proofs of possession, `assertionMethod` for credentials.
    - `now`: seconds since the epoch.

    There is at least one. Raises `Malformed`, `ValueError` for a purpose that is none.
    """
    if purpose not in _RELATIONSHIPS:
        raise ValueError(f"purpose must be one of {', '.join(_RELATIONSHIPS)}")
    identifier, hash_sign, _ = url.partition("#")
    if identifier.startswith("did:") and DidUrl.parse(url).did != identifier:
        raise Malformed("has a path or a query, which lead to no key")
    read = _read(document)
    # "If controllerDocument.id does not match the controllerDocumentUrl, an error MUST be raised" -- Controlled Identifiers 3.3
    if read.identifier != identifier:
        raise Malformed("is not the identifier that was asked for", "id")
    listed = read.listed[purpose]
    if hash_sign:
        if url not in read.methods:
            raise Malformed("has no such key", "verificationMethod")
        if url not in listed:
            raise Malformed("does not have the key", purpose)
        return (_key(listed[url], identifier, now),)
    keys = []
    for method in listed.values():
        try:
            keys.append(_key(method, identifier, now))
        except Malformed:
            # Others may be for other parties.
            continue
    if not keys:
        raise Malformed("has no key that is supported", purpose)
    return tuple(keys)


@frozen
class _Document:
    """A document: its verification methods by URL, wherever they stand, and those that are listed under each purpose."""

    identifier: str
    methods: Mapping[str, Mapping[str, Any]] = field(repr=False)
    listed: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(repr=False)


# The credentials of a batch come with the same document again and again.
@lru_cache(8)
def _read(document: bytes) -> _Document:
    read = _json.object_from(document)
    identifier = read.get("id")
    if not isinstance(identifier, str):
        raise Malformed("must be a string", "id")
    if identifier.startswith("did:") and DidUrl.parse(identifier).did != identifier:
        raise Malformed("must be a DID", "id")
    methods: dict[str, Mapping[str, Any]] = {}
    found: dict[str, dict[str, Mapping[str, Any] | None]] = {}
    for name in ("verificationMethod", *_RELATIONSHIPS):
        there = found[name] = {}
        for each in _list(read, name):
            method = each if isinstance(each, Mapping) else None
            url = _absolute(each if method is None else method.get("id"), identifier)
            if url is None:
                continue
            if method is not None:
                method = {**method, "id": url}
                if methods.setdefault(url, method) != method:
                    raise Malformed("has two keys of the same name", name)
            there[url] = method or there.get(url)
    shared = found.pop("verificationMethod")
    # One that stands within a purpose is for that purpose alone (Controlled Identifiers 2.2.4); references lead to the others.
    listed = {
        name: {url: method for url, each in there.items() if (method := each or shared.get(url)) is not None}
        for name, there in found.items()
    }
    return _Document(identifier, methods, listed)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    values = document.get(name, [])
    if not isinstance(values, list) or len(values) > _MAX_METHODS:
        raise Malformed(f"must be an array of at most {_MAX_METHODS}", name)
    return values


def _absolute(url: Any, identifier: str) -> str | None:
    """The URL of a verification method; None for what is none.

    did:web wants absolute ones in documents, so that no key is taken for another; a relative one is of the document itself.
    """
    if not isinstance(url, str) or len(url) > MAX_DID_URL:
        return None
    if not identifier.startswith("did:"):
        return f"{identifier}{url}" if url.startswith("#") else url
    try:
        return str(DidUrl.parse(url, identifier))
    except Malformed:
        return None


def _key(method: Mapping[str, Any], identifier: str, now: int) -> PublicKey:
    # "If the absolute URL value of verificationMethod.controller does not equal controllerDocumentUrl, an error MUST be raised"
    if method.get("controller") != identifier:
        raise Malformed("is not the one whose document it is", "controller")
    for name in ("revoked", "expires"):
        try:
            if name in method and timestamp(method[name]) <= now:
                raise Malformed("lies in the past")
        except Malformed as error:
            raise error.within(name) from None
    if not _SECRETS.isdisjoint(method):
        raise Malformed("is published with its private half", "verificationMethod")
    known = _TYPES.get(method["type"]) if isinstance(method.get("type"), str) else None
    if known is None:
        raise Malformed("is a kind of verification method that is not supported", "type")
    # "MUST NOT contain multiple verification material properties for the same material" -- Controlled Identifiers 2.2.1
    materials = [name for name in _MATERIALS if name in method]
    if len(materials) != 1 or materials[0] not in known.materials:
        raise Malformed(f"must have {' or '.join(known.materials)} alone", "verificationMethod")
    (material,) = materials
    try:
        key = _read_material(material, method[material], known)
        if known.crv not in (None, key.crv):
            raise Malformed("is not the kind of key that the type says")
    except Malformed as error:
        raise error.within(material) from None
    return key


def _read_material(name: str, value: Any, known: _Type) -> PublicKey:
    if name == "publicKeyJwk":
        # "MUST NOT include any members of the private information class" -- Controlled Identifiers 2.2.3
        return public_key(value)
    if not isinstance(value, str):
        raise Malformed("must be a string")
    if known.crv is None or name == "publicKeyMultibase":
        return read_multikey(value)
    return read_base58_key(value, known.crv)
