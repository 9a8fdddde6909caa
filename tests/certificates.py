"""Certificates that no builder makes: taken apart in DER, changed, and signed again."""

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(8)
"""The members of a TBSCertificate with neither unique identifier (RFC 5280 4.1)."""
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
RSA_SHA1, RSA_SHA256, RSA_MD5 = (bytes.fromhex(f"300d06092a864886f70d0101{last}0500") for last in ("05", "0b", "04"))


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = bytes((size,)) if size < 128 else bytes((0x80 + len(octets),)) + octets
    return bytes((tag,)) + length + content


def members(der: bytes) -> list[bytes]:
    """What is in a SEQUENCE, each as it stands there."""
    content, found = _content(der), []
    while content:
        size = len(content) - len(_after(content))
        found.append(content[:size])
        content = content[size:]
    return found


def _start(der: bytes) -> tuple[int, int]:
    first = der[1]
    if first < 128:
        return 2, first
    return 2 + first - 128, int.from_bytes(der[2 : 2 + first - 128], "big")


def _content(der: bytes) -> bytes:
    start, size = _start(der)
    return der[start : start + size]


def _after(der: bytes) -> bytes:
    start, size = _start(der)
    return der[start + size :]


def changed(
    der: bytes,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    change: Callable[[list[bytes]], None],
    *,
    outer: bytes | None = None,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    """The certificate with changed members, signed by `key`; `outer`: another signatureAlgorithm than within."""
    parts = members(members(der)[0])
    change(parts)
    algorithm = next(part for part in parts[:3] if part.startswith((ECDSA_SHA256[:3], RSA_SHA256[:3])))
    signed = tlv(0x30, b"".join(parts))
    digest = digest or hashes.SHA256()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed, padding.PKCS1v15(), digest)
    else:
        signature = key.sign(signed, ec.ECDSA(digest))
    return tlv(0x30, signed + (outer or algorithm) + tlv(0x03, b"\x00" + signature))


def put(index: int, part: bytes) -> Callable[[list[bytes]], None]:
    """A change: that member is replaced, or left out if `part` is empty."""

    def change(parts: list[bytes]) -> None:
        parts[index] = part

    return change


def as_version_1(parts: list[bytes]) -> None:
    """A change: no version, no extensions."""
    parts[EXTENSIONS] = parts[VERSION] = b""
