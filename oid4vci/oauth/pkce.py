"""Proof Key for Code Exchange (RFC 7636), with the method S256 and no other (RFC 9700 2.1.1)."""

import hmac
import re
from hashlib import sha256
from typing import Final

from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.secret import NewSecret

__all__ = ("S256", "check_challenge", "check_verifier", "code_challenge", "new_verifier")

S256: Final = "S256"

# code-verifier = 43*128unreserved -- RFC 7636 4.1
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def new_verifier(new_secret: NewSecret) -> str:
    """A `code_verifier` of 32 unpredictable bytes: 43 characters (RFC 7636 4.1)."""
    return b64url_encode(new_secret(32))


def code_challenge(verifier: str) -> str:
    """The S256 `code_challenge` of a `code_verifier`: 43 characters (RFC 7636 4.2). Raises `Malformed` if it is no verifier."""
    if not _VERIFIER.fullmatch(verifier):
        raise Malformed("must have 43 to 128 unreserved characters", "code_verifier")
    return b64url_encode(sha256(verifier.encode("ascii")).digest())


def check_challenge(challenge: str) -> None:
    """Raises `Malformed` unless `challenge` can be an S256 `code_challenge`: a SHA-256 digest as base64url."""
    try:
        digest = b64url_decode(challenge)
    except Malformed as error:
        raise error.within("code_challenge") from None
    if len(digest) != 32:
        raise Malformed("must be a SHA-256 digest", "code_challenge")


def check_verifier(verifier: str, challenge: str) -> None:
    """Raises `Malformed` unless `challenge` was made of `verifier` (RFC 7636 4.6), which takes the same time for any two."""
    if not hmac.compare_digest(code_challenge(verifier).encode(), challenge.encode()):
        raise Malformed("does not fit the code_challenge", "code_verifier")
