"""JWE in compact form (RFC 7516): strict framing, key agreement by ECDH-ES, authenticated content encryption.

Rule 1: no algorithm is taken from a header alone. The key says its `alg`, the caller which `enc` and `zip` values there may be.
Rule 2: whatever depends on a private key fails with one and the same error.
"""

from oid4vci._jwe.compact import MAX_MESSAGE, ZIP_VALUES, Jwe, decrypt, encrypt, parse
from oid4vci._jwe.content_encryption import CONTENT_ENCRYPTIONS
from oid4vci._jwe.key_agreement import KEY_AGREEMENTS
from oid4vci._jwe.keys import CURVES, DecryptionKey, EncryptionKey

__all__ = (
    "CONTENT_ENCRYPTIONS",
    "CURVES",
    "KEY_AGREEMENTS",
    "MAX_MESSAGE",
    "ZIP_VALUES",
    "DecryptionKey",
    "EncryptionKey",
    "Jwe",
    "decrypt",
    "encrypt",
    "parse",
)
