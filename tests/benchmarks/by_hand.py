"""What the floors share: base64url, JSON and ES256 as fast as Python does them, checking nothing.

A floor does the work of one case and yields the same kind of credential; it is no safe program, only a measure.
"""

import hashlib
from binascii import a2b_base64, b2a_base64
from json import JSONDecoder, JSONEncoder

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ("CURVE", "ECDSA", "b64", "decode", "der", "encode", "load_point", "raw", "sha256", "to_url", "unb64")

CURVE = ec.SECP256R1()
ECDSA = ec.ECDSA(hashes.SHA256())
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")

encode = JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
decode = JSONDecoder().decode
load_point = ec.EllipticCurvePublicKey.from_encoded_point
sha256 = hashlib.sha256


def to_url(data: bytes) -> bytes:
    """base64url of bytes that are a multiple of three, or else with its padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL)


def b64(data: bytes) -> bytes:
    """base64url."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def unb64(text: bytes) -> bytes:
    """base64url, read."""
    return a2b_base64(text.translate(_FROM_URL) + b"==")


def der(signature: bytes) -> bytes:
    """An ES256 signature as two DER integers, without going through Python's."""
    parts = []
    for half in (signature[:32], signature[32:]):
        number = half.lstrip(b"\0")
        if number[0] & 0x80:
            number = b"\0" + number
        parts.append(bytes((2, len(number))) + number)
    body = b"".join(parts)
    return bytes((0x30, len(body))) + body


def raw(signature: bytes) -> bytes:
    """The reverse of `der`."""
    size = signature[3]
    return signature[4 : 4 + size][-32:].rjust(32, b"\0") + signature[6 + size :][-32:].rjust(32, b"\0")
