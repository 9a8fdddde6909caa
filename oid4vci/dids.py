"""Decentralized Identifiers that are keys themselves, did:key and did:jwk, and the Multikey encoding of keys.

Rule 1: nothing is fetched. A DID of another method is not resolved here, and what it leads to is the caller's to find.
Rule 2: one key has one Multikey and one did:key: codes, lengths and points that could be written otherwise are refused.
Rule 3: a DID proves nothing by itself. Whoever holds its key has made it; whether they are believed is the trust decision's affair.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Protocol

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oid4vci import _base58, _jose, _json
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = ("DID_METHODS", "DidJwk", "DidKey", "DidMethod", "DidUrl", "multikey", "read_multikey", "resolve")

MAX_DID_URL = 4_096
# The longest is that of a P-521 key: 69 bytes in 95 characters. Reading base58 takes time that grows with the square.
MAX_MULTIKEY = 128


# --- Multikey ---------------------------------------------------------------------------------------------------------------


@frozen
class _Codec:
    """A multicodec code, as the unsigned varint that it is written as, and the size of the public key that follows."""

    crv: str
    code: bytes
    size: int


_CODECS: Final = (
    _Codec("Ed25519", b"\xed\x01", 32),
    _Codec("P-256", b"\x80\x24", 33),
    _Codec("P-384", b"\x81\x24", 49),
    _Codec("P-521", b"\x82\x24", 67),
    _Codec("secp256k1", b"\xe7\x01", 33),
)
_BY_CURVE: Final[Mapping[str, _Codec]] = {codec.crv: codec for codec in _CODECS}


def multikey(key: PublicKey) -> str:
    """The key as the `publicKeyMultibase` of a Multikey (Controlled Identifiers 2.2.2): `z` and base58btc.

    Raises `ValueError` for a key that is on no curve.
    """
    codec = _BY_CURVE.get(key.crv)
    if codec is None:
        raise ValueError("this kind of key has no Multikey here")
    if isinstance(key.key, ec.EllipticCurvePublicKey):
        raw = key.key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    else:
        raw = b64url_decode(key.jwk["x"])
    return f"z{_base58.encode(codec.code + raw)}"


@lru_cache(maxsize=128)
def read_multikey(text: str) -> PublicKey:
    """The key of a Multikey. Raises `Malformed`, also for kinds of keys that make no signatures.

    The last ones are remembered: the credentials of a batch have one issuer, and a point takes as long as half a signature.
    """
    if not text.startswith("z") or len(text) > MAX_MULTIKEY:
        raise Malformed("is not a Multikey in base58btc")
    data = _base58.decode(text[1:])
    # Codes are compared as they are written, so one in more bytes than it needs is none of them (unsigned varint).
    codec = next((codec for codec in _CODECS if data.startswith(codec.code)), None)
    if codec is None:
        raise Malformed("has a kind of key that is not supported")
    raw = data[len(codec.code) :]
    if len(raw) != codec.size:
        raise Malformed("has not the size of its kind of key")
    if codec.crv == "Ed25519":
        return _jose.public_key({"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(raw)})
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(_jose._CURVES[codec.crv][0], raw)
    except ValueError:
        raise Malformed("is not a point on the curve") from None
    # A point is checked when it is read, so the JWK needs no reading.
    return PublicKey(_jose.jwk_of(point), codec.crv, point)


# --- DIDs -------------------------------------------------------------------------------------------------------------------

_PART = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@{more}-]|%[0-9A-Fa-f]{{2}})*"
_DID_URL: Final = re.compile(
    r"(?P<did>did:(?P<method>[a-z0-9]+):(?P<id>(?:[A-Za-z0-9._:-]|%[0-9A-Fa-f]{2})*(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})))"
    rf"(?P<path>(?:/{_PART.format(more='')})*)(?:\?(?P<query>{_PART.format(more='/?')}))?(?:\#(?P<fragment>{_PART.format(more='/?')}))?"
)


@frozen
class DidUrl:
    """A DID, or a DID URL, in its parts (DID 1.0, 3.1 and 3.2). `query` and `fragment` are None where there is none."""

    did: str
    method: str
    method_specific_id: str
    path: str = ""
    query: str | None = None
    fragment: str | None = None

    @classmethod
    def parse(cls, text: str) -> "DidUrl":
        """Take it apart; nothing is normalised. Raises `Malformed`."""
        found = _DID_URL.fullmatch(text) if len(text) <= MAX_DID_URL else None
        if found is None:
            raise Malformed("is not a DID URL")
        return cls(*(found[name] for name in ("did", "method", "id", "path", "query", "fragment")))


class DidMethod(Protocol):
    """A DID method whose DIDs are resolved without asking anybody."""

    def did(self, key: PublicKey) -> str:
        """The DID of a key. Raises `ValueError` for a kind of key that has none."""

    def verification_method(self, did: str) -> str:
        """The DID URL of the one key that such a DID has, as it stands in a `kid`."""

    def key(self, url: DidUrl) -> PublicKey:
        """The key that a DID URL of this method names; a DID without fragment names its only one. Raises `Malformed`."""


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
"""DID methods by name. A mapping with more entries can be given wherever DIDs are resolved."""


def resolve(url: str | DidUrl, *, methods: Mapping[str, DidMethod] = DID_METHODS) -> PublicKey | None:
    """The key that a DID, or a DID URL, names; None if its method is not among `methods`. Raises `Malformed`."""
    parsed = DidUrl.parse(url) if isinstance(url, str) else url
    method = methods.get(parsed.method)
    return None if method is None else method.key(parsed)
