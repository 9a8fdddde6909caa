"""DID methods: those whose DIDs are keys themselves, did:key and did:jwk, and those whose documents are published.

Rule 1: nothing is fetched. What a DID of another method leads to is the caller's to find.
Rule 2: a DID proves nothing by itself. Whoever holds its key has made it; whether they are believed is the trust decision's affair.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

from attrs import frozen

from oid4vci import _jose, _json
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.dids.did_url import MAX_DID_URL, DidUrl
from oid4vci.dids.multikey import multikey, read_multikey
from oid4vci.dids.web import DidWeb

__all__ = (
    "DID_METHODS",
    "KNOWN_DID_METHODS",
    "DidDocumentMethod",
    "DidJwk",
    "DidKey",
    "DidMethod",
    "DidMethods",
    "resolve",
)


class DidMethod(Protocol):
    """A DID method whose DIDs are resolved without asking anybody."""

    def did(self, key: PublicKey) -> str:
        """The DID of a key. Raises `ValueError` for a kind of key that has none."""

    def verification_method(self, did: str) -> str:
        """The DID URL of the one key that such a DID has, as it stands in a `kid`."""

    def key(self, url: DidUrl) -> PublicKey:
        """The key that a DID URL of this method names; a DID without fragment names its only one. Raises `Malformed`."""


class DidDocumentMethod(Protocol):
    """A DID method whose documents are published at https URLs. What is there is read by `did_document_keys`."""

    def document_url(self, url: DidUrl) -> str:
        """The URL at which the document of a DID is; `url` may have a fragment besides. Raises `Malformed`."""


DidMethods: TypeAlias = Mapping[str, DidMethod | DidDocumentMethod]
"""DID methods by name."""


def _check_fragment(url: DidUrl, fragment: str) -> None:
    if url.path or url.query is not None:
        raise Malformed("has a path or a query, which lead to no key")
    if url.fragment not in (None, fragment):
        raise Malformed("names a key that the DID does not have")


@frozen
class DidKey:
    """did:key (W3C CCG, The did:key Method 0.7): the DID is the Multikey. Only the key for signatures, not one derived from it."""

    def did(self, key: PublicKey) -> str:
        """See `DidMethod.did`."""
        return f"did:key:{multikey(key)}"

    def verification_method(self, did: str) -> str:
        """See `DidMethod.verification_method`: the fragment is the Multikey once more."""
        return f"{did}#{did.removeprefix('did:key:')}"

    def key(self, url: DidUrl) -> PublicKey:
        """See `DidMethod.key`."""
        _check_fragment(url, url.method_specific_id)
        return read_multikey(url.method_specific_id)


@frozen
class DidJwk:
    """did:jwk: the DID is a JWK in base64url. `#0` is the only key it has, whatever `kid` the JWK may have.

    The same key has many such DIDs, which are different ones: compare keys, or compare DIDs as strings.
    """

    def did(self, key: PublicKey) -> str:
        """See `DidMethod.did`. Written with the required members alone, sorted. A key that makes too long a DID has none."""
        did = f"did:jwk:{b64url_encode(_json.dump_bytes(dict(sorted(key.jwk.items()))))}"
        if len(self.verification_method(did)) > MAX_DID_URL:
            raise ValueError("this key is too large for a DID")
        return did

    def verification_method(self, did: str) -> str:
        """See `DidMethod.verification_method`."""
        return f"{did}#0"

    def key(self, url: DidUrl) -> PublicKey:
        """See `DidMethod.key`. A private or symmetric key is refused."""
        _check_fragment(url, "0")
        return _jose.public_key(_json.loads(b64url_decode(url.method_specific_id), max_bytes=MAX_DID_URL, max_depth=4))


DID_METHODS: Final[Mapping[str, DidMethod]] = {"key": DidKey(), "jwk": DidJwk()}
"""The methods whose DIDs are keys. A mapping with more entries can be given wherever DIDs are resolved."""

KNOWN_DID_METHODS: Final[DidMethods] = {**DID_METHODS, "web": DidWeb()}
"""Those, and the ones whose documents are fetched, where there is somebody to fetch them."""


def resolve(url: str | DidUrl, *, methods: DidMethods = DID_METHODS) -> PublicKey | None:
    """The key that a DID, or a DID URL, names; None if it cannot be told without asking anybody: its method is not among `methods`,
    or is one whose documents are published. Raises `Malformed`.
    """
    parsed = DidUrl.parse(url) if isinstance(url, str) else url
    method = methods.get(parsed.method)
    # By what it does, and not by `isinstance`, which takes longer with a protocol than the key does.
    return method.key(parsed) if method is not None and hasattr(method, "key") else None
