"""The users of the login form: who they are, and their passwords, of which only hashes are kept (scrypt, RFC 7914).

`python -m examples.reference_server.users` asks for a password and prints the hash for server.json.
"""

import hashlib
import hmac
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import partial
from getpass import getpass
from typing import Any, Final, Self

from attrs import field, frozen

from examples.members import each_member, known_only, named, non_empty_object, text

__all__ = ("MAX_PASSWORD", "MAX_USERNAME", "PasswordHash", "User", "authenticated", "read_users")

MAX_USERNAME, MAX_PASSWORD = 200, 1000
_FORM: Final = re.compile(r"scrypt\$([0-9]{1,7})\$([0-9]{1,2})\$([0-9]{1,2})\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{43})")
# Bytes that one hash may take.
MAX_MEMORY: Final = 1 << 27


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@frozen
class PasswordHash:
    """The hash of a password, and with what it was made."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.n < 2**14 or self.n & (self.n - 1) or not 1 <= self.p <= 16 or not 8 <= self.r <= 32:
            raise ValueError("n must be a power of two from 16384 on, r 8 to 32, p 1 to 16")
        if 128 * self.n * self.r > MAX_MEMORY:
            raise ValueError("a hash must not need more than 128 MiB")

    @classmethod
    def of(cls, password: str, *, n: int = 2**14, r: int = 8, p: int = 5) -> Self:
        """A new hash."""
        salt = os.urandom(16)
        return cls(n, r, p, salt, _scrypt(password, n, r, p, salt))

    @classmethod
    def parse(cls, written: str) -> Self:
        """What `str` has written. Raises `ValueError`."""
        found = _FORM.fullmatch(written)
        if found is None:
            raise ValueError("must be scrypt$n$r$p$salt$hash, as python -m examples.reference_server.users prints it")
        n, r, p = map(int, found.groups()[:3])
        return cls(n, r, p, _raw(found[4]), _raw(found[5]))

    def __str__(self) -> str:
        return f"scrypt${self.n}${self.r}${self.p}${_b64(self.salt)}${_b64(self.digest)}"

    def fits(self, password: str) -> bool:
        """Whether it is the hash of this password."""
        return hmac.compare_digest(_scrypt(password, self.n, self.r, self.p, self.salt), self.digest)


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * MAX_MEMORY, dklen=32)


@frozen
class User:
    """Who can log in, and which of the `subjects` that is."""

    password: PasswordHash = field(repr=False)
    subject: str


def authenticated(users: Mapping[str, User], username: str, password: str) -> User | None:
    """The user whose password this is. Whoever is not known takes as long to refuse as whoever is."""
    user = users.get(username)
    fits = (user or next(iter(users.values()))).password.fits(password)
    return user if fits else None


def read_users(name: str, value: Any) -> dict[str, User]:
    """The member `users`. Raises `ValueError`."""
    users = {}
    for username, given in each_member(name, value, non_empty_object).items():
        within = f"{name}.{username}"
        if not 1 <= len(username) <= MAX_USERNAME:
            raise ValueError(f"{within}: a user name has 1 to {MAX_USERNAME} characters")
        known_only(given, ("password_hash", "subject"), f"{within}.")
        written = text(f"{within}.password_hash", given.get("password_hash"))
        password = named(f"{within}.password_hash", partial(PasswordHash.parse, written))
        users[username] = User(password, text(f"{within}.subject", given.get("subject", username)))
    return users


if __name__ == "__main__":
    print(PasswordHash.of(getpass()))
