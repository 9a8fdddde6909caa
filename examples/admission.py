"""Who may use what is for administrators: this machine, or holders of a token.

Without a token, a request must come over the loopback interface, directly (not forwarded by a proxy), and name a host of this
machine or the server's, so that a page in a browser which resolves its own name to this machine gets nowhere.
"""

import hmac
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import field, frozen

from oid4vci.http import Request, Response

__all__ = ("Admission", "refusal")

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def refusal(status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as JSON."""
    return Response.of_json(status, {"error": error, "error_description": description}, headers)


@frozen
class Admission:
    """`url` is where the server is reached. `token` is what a client must present; without one, only this machine is served."""

    url: str
    token: str | None = field(default=None, repr=False)

    def refusal(self, request: Request, client: str | None, methods: Sequence[str] = ("POST",)) -> Response | None:
        """What a client that may not is told, before its body is read. `client` is the address it came from."""
        if request.method not in methods:
            allowed = ", ".join(methods)
            return refusal(405, "invalid_request", f"the method must be {' or '.join(methods)}", {"allow": allowed})
        headers = request.headers
        if self.token is not None:
            values = headers.all("authorization")
            scheme, _, given = values[0].partition(" ") if len(values) == 1 else ("", "", "")
            if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode()):
                return None
            return refusal(401, "invalid_token", "the admin token is needed", {"www-authenticate": "Bearer"})
        if not _loopback(client) or any(name in headers for name in _FORWARDED) or not self._names_us(headers.all("host")):
            return refusal(403, "access_denied", "this is for this machine only, or for an admin token")
        return None

    def _names_us(self, hosts: Sequence[str]) -> bool:
        ours = (*_LOCAL_HOSTS, urlsplit(self.url).hostname)
        try:
            return len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in ours
        except ValueError:
            return False


def _loopback(client: str | None) -> bool:
    try:
        return client is not None and ip_address(client).is_loopback
    except ValueError:
        return False
