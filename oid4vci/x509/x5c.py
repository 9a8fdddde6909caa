"""The `x5c` header parameter: certificates in base64 (RFC 7515 4.1.6)."""

from base64 import b64encode
from binascii import Error as _BinasciiError
from binascii import a2b_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oid4vci._json import Malformed
from oid4vci.x509.certificate import MAX_CERTIFICATE, MAX_CHAIN, leaf_public_key, load, self_signed

__all__ = ("check_own_chain", "decode_x5c", "encode_x5c")


def encode_x5c(chain: Iterable[bytes]) -> list[str]:
    """An `x5c` header parameter of DER certificates, leaf first (RFC 7515 4.1.6)."""
    return [b64encode(der).decode() for der in chain]


def check_own_chain(chain: Sequence[bytes], public_jwk: Mapping[str, str]) -> None:
    """For who signs: raise `ValueError` unless `chain` (DER, leaf first) is for that key, without anything self-signed."""
    certificates = [load(der) for der in chain]
    if any(self_signed(certificate) for certificate in certificates):
        raise ValueError("x5c must contain neither a self-signed leaf nor the trust anchor (HAIP 4.4.1, 6.1.1)")
    if dict(leaf_public_key(certificates[0]).jwk) != dict(public_jwk):
        raise ValueError("the first certificate of x5c must be for the signer's key")


def decode_x5c(value: Any) -> tuple[bytes, ...]:
    """The DER certificates of an `x5c` header parameter, leaf first: base64, not base64url (RFC 7515 4.1.6).

    Raises `Malformed`.
    """
    if not isinstance(value, list | tuple) or not value:
        raise Malformed("must be an array of certificates", "x5c")
    if len(value) > MAX_CHAIN:
        raise Malformed("has too many certificates", "x5c")
    chain = []
    for text in value:
        if not isinstance(text, str) or len(text) > MAX_CERTIFICATE * 4 // 3 + 4:
            raise Malformed("must hold strings of bounded length", "x5c")
        try:
            der = a2b_base64(text.encode("ascii"), strict_mode=True)
        except (UnicodeEncodeError, _BinasciiError):
            raise Malformed("must hold base64", "x5c") from None
        if b64encode(der).decode() != text:
            raise Malformed("must hold canonical base64", "x5c")
        chain.append(der)
    return tuple(chain)
