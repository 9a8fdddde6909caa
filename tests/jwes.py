"""JWE for tests: good ones, and those that decrypt although something about them is wrong."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci import _jwe
from oid4vci._json import b64url_decode, b64url_encode, dump_bytes
from oid4vci._jwe import CONTENT_ENCRYPTIONS, DecryptionKey, EncryptionKey
from oid4vci._jwe.key_agreement import derived_key
from oid4vci.secret import new_secret

ENC_VALUES = tuple(CONTENT_ENCRYPTIONS)
KEY = DecryptionKey.generate("k1")
OTHER = DecryptionKey.generate("k1")
MESSAGE = b'{"a":1}'


def to(key: DecryptionKey) -> EncryptionKey:
    return EncryptionKey.from_jwk(dict(key.public_jwk))


def encrypted(plaintext: bytes = MESSAGE, key: DecryptionKey = KEY, *, enc: str = "A256GCM", **options: Any) -> bytes:
    return _jwe.encrypt(plaintext, to(key), enc=enc, new_secret=new_secret, **options).encode()


def decrypted(token: bytes, key: DecryptionKey = KEY, **options: Any) -> bytes:
    return _jwe.decrypt(_jwe.parse(token), key, **{"enc_values": ENC_VALUES, **options})


def header(token: bytes) -> dict[str, Any]:
    return dict(_jwe.parse(token).header)


def private_jwk(key: DecryptionKey) -> dict[str, Any]:
    """What another library takes as the same key."""
    private: Any = key._key
    if isinstance(private, ec.EllipticCurvePrivateKey):
        secret = private.private_numbers().private_value.to_bytes((private.key_size + 7) // 8, "big")
    else:
        secret = private.private_bytes_raw()
    return {**key.public_jwk, "d": b64url_encode(secret)}


def changed_header(token: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """With another header, the rest as it was."""
    head, rest = token.split(b".", 1)
    members = json.loads(b64url_decode(head))
    replaced = change(members)
    return b64url_encode(dump_bytes(members if replaced is None else replaced)).encode() + b"." + rest


def made(
    claims: Mapping[str, Any], plaintext: bytes = MESSAGE, key: DecryptionKey = KEY, enc: str = "A256GCM", alg: str = "ECDH-ES"
) -> bytes:
    """A JWE that decrypts, whatever its header says beside: `claims` replace parameters, or leave them out where they are None."""
    ephemeral = DecryptionKey.generate(crv=key.crv)
    epk = {name: value for name, value in ephemeral.public_jwk.items() if name in ("kty", "crv", "x", "y")}
    said = {"alg": alg, "enc": enc, "epk": epk, "kid": key.kid, **claims}
    head = b64url_encode(dump_bytes({name: value for name, value in said.items() if value is not None}))
    content = CONTENT_ENCRYPTIONS[enc]
    content_key = derived_key(ephemeral.agree(to(key).key), algorithm=enc, size=content.key_size)
    iv = bytes(content.iv_size)
    ciphertext, tag = content.encrypt(content_key, iv, plaintext, head.encode())
    return ".".join((head, "", *(b64url_encode(part) for part in (iv, ciphertext, tag)))).encode()
