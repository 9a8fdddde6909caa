"""The browser that a request came from, and the forms that were made for it: nothing of either is kept in this process.

A cookie names the browser. It is no login: that is in the ticket of the form that comes next, so each request asks for its own.
A ticket is sealed for the browser it was made for. It is what a page of somebody else cannot put into a form (CSRF), and it
holds the handle of the request, which therefore no other browser can use.
"""

import re
from typing import Final

from attrs import field, frozen

from oid4vci.http import Request
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret, new_secret

__all__ = ("BrowserSession", "Ticket")

# With this prefix, a browser takes the cookie over https and from this host alone (RFC 6265bis 4.1.3.2).
COOKIE: Final = "__Host-session"
_SECRET: Final = re.compile(r"[0-9a-f]{64}")


@frozen
class Ticket:
    """What a form is about: a pending request, and who has logged in to decide it, if somebody has."""

    handle: str = field(repr=False)
    username: str | None = None


@frozen
class BrowserSession:
    """A browser. `is_new` if it did not bring the cookie yet."""

    keys: SealingKeys = field(repr=False)
    secret: str = field(repr=False)
    is_new: bool

    @classmethod
    def of(cls, request: Request, keys: SealingKeys, *, new_secret: NewSecret = new_secret) -> "BrowserSession":
        """The session that the cookies of a request name, or a new one."""
        pairs = [each.strip().partition("=") for value in request.headers.all("cookie") for each in value.split(";")]
        secret = next((value for name, _, value in pairs if name == COOKIE and _SECRET.fullmatch(value)), None)
        return cls(keys, secret or new_secret(32).hex(), secret is None)

    @property
    def headers(self) -> dict[str, str]:
        """What makes the browser keep the cookie until it is closed; nothing if it has it."""
        return {"set-cookie": f"{COOKIE}={self.secret}; Path=/; Secure; HttpOnly; SameSite=Lax"} if self.is_new else {}

    def seal(self, ticket: Ticket, *, ends_at: int, new_secret: NewSecret) -> str:
        """The ticket as a form has it."""
        claims = {"handle": ticket.handle, "username": ticket.username, "exp": ends_at}
        return self.keys.seal(self._purpose, claims, new_secret=new_secret)

    def open(self, sealed: str | None, *, now: int) -> Ticket | None:
        """The ticket of a form; None if it was not made for this browser, or has expired."""
        try:
            claims = self.keys.open(self._purpose, sealed or "")
        except ValueError:
            return None
        return Ticket(claims["handle"], claims["username"]) if now < claims["exp"] else None

    @property
    def _purpose(self) -> str:
        return f"form {self.secret}"
