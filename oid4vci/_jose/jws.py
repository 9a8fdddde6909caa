"""Compact JWS (RFC 7515): strict framing, and verification by allowed algorithms only."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _json
from oid4vci._jose.algorithms import ALGORITHMS
from oid4vci._jose.public_keys import PublicKey
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = ("MAX_JWT", "MAX_REMEMBERED", "Jws", "compact", "parse", "signing_input", "verify")

MAX_JWT = 65_536
# Bytes of a header, a certificate chain in it and all, that is remembered.
MAX_REMEMBERED: Final = 16_384


@frozen
class Jws:
    """A compact JWS, taken apart and not believed."""

    header: Mapping[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The `alg` of the header. Raises `Malformed` if it is no string."""
        algorithm = self.header.get("alg")
        if not isinstance(algorithm, str):
            raise Malformed("alg must be a string", "header")
        return algorithm

    def claims(self) -> dict[str, Any]:
        """The payload as a JWT Claims Set (RFC 7519 4). Raises `Malformed`."""
        return _json.object_from(self.payload, max_bytes=MAX_JWT)


def parse(token: str, *, max_bytes: int = MAX_JWT, header_repeats: bool = False) -> Jws:
    """Take a compact JWS apart (RFC 7515 7.1): three canonical base64url parts, a strict JSON header, no `crit`.

    `header_repeats`: whether others with the same header are to be expected, as Credentials of one issuer have. Raises `Malformed`.
    """
    if len(token) > max_bytes:
        raise Malformed("too large")
    try:
        raw = token.encode("ascii")
    except UnicodeEncodeError:
        raise Malformed("not a JWT") from None
    if raw.count(b".") != 2:
        raise Malformed("not a JWT")
    dot = raw.rindex(b".")
    head, _, payload = raw[:dot].partition(b".")
    header = _remembered_header(head) if header_repeats and len(head) <= MAX_REMEMBERED else _header(head)
    return Jws(header, b64url_decode(payload), raw[:dot], b64url_decode(raw[dot + 1 :]))


def _header(head: bytes) -> dict[str, Any]:
    header = _json.object_from(b64url_decode(head))
    # "If any of the listed extension Header Parameters are not understood and supported ... the JWS is invalid" -- RFC 7515 4.1.11
    if "crit" in header:
        raise Malformed("crit names header parameters that are not understood", "header")
    if "b64" in header:
        raise Malformed("an unencoded payload (RFC 7797) is not supported", "header")
    return header


@lru_cache(8)
def _remembered_header(head: bytes) -> Mapping[str, Any]:
    return MappingProxyType(_header(head))


def verify(jws: Jws, key: PublicKey, *, algorithms: Collection[str | int]) -> None:
    """Verify the signature with `key`; the header's `alg` must be among `algorithms` and fit the key.

    Raises `Malformed`.
    """
    name = jws.algorithm
    if name not in algorithms or name not in ALGORITHMS:
        raise Malformed("alg is not an accepted algorithm", "header")
    if not key.fits(name):
        raise Malformed("alg does not fit the key", "header")
    if not ALGORITHMS[name].verifies(key.key, jws.signing_input, jws.signature):
        raise Malformed("the signature does not verify")


def signing_input(header: Mapping[str, Any], payload: bytes) -> bytes:
    """The bytes that a JWS signature covers (RFC 7515 5.1)."""
    return f"{b64url_encode(_json.dump_bytes(header))}.{b64url_encode(payload)}".encode()


def compact(data: bytes, signature: bytes) -> str:
    """Signing input and signature as a compact JWS."""
    return f"{data.decode()}.{b64url_encode(signature)}"
