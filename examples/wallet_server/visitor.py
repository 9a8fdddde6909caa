"""At the authorization endpoint in place of a person: it follows redirects, and fills the forms that it was told how to fill.

Rule 1: it goes to https only, and only to the server's origin or where the trust decision allows.
Rule 2: a password is typed on a page of the server that it is for, and nowhere else.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urljoin

from attrs import define, field, frozen

from examples.wallet.ordering import Send
from examples.wallet_server.forms import read_forms
from oid4vci.errors import InvalidResponse, TryLater, Untrusted
from oid4vci.http import Request, Response, url_origin

__all__ = ("Login", "Visitor")

MAX_PAGES: Final = 10
MAX_COOKIES: Final = 50
MAX_COOKIE: Final = 4096
REDIRECTS: Final = (301, 302, 303, 307, 308)
HTML: Final = "text/html,application/xhtml+xml,*/*;q=0.8"


@frozen
class Login:
    """Who logs in at one server."""

    username: str
    password: str = field(repr=False)


@define
class Visitor:
    """A browser with cookies of its own. `login` is for the server of the authorization endpoint, `origin` is that server's.

    `allows` is the trust decision.
    """

    send: Send
    allows: Callable[[str], bool]
    redirect_uri: str
    origin: str
    login: Login | None = None
    _cookies: dict[str, dict[str, str]] = field(factory=dict, repr=False)
    _typed: bool = field(default=False, init=False)

    def visit(self, url: str) -> str | None:
        """Where the server sends the browser in the end: a URL that begins with the redirect URI; None if it wants a person.

        Raises `InvalidResponse`, `TryLater`, `Untrusted`, and what `send` raises.
        """
        request: Request | None = Request("GET", url, {"accept": HTML})
        for _ in range(MAX_PAGES):
            if request is None:
                return None
            answer = self._sent(request)
            if answer.status in REDIRECTS:
                target = urljoin(request.url, self._location(answer))
                if target.partition("?")[0].partition("#")[0] == self.redirect_uri:
                    return target
                if request.method == "POST" and answer.status >= 307:
                    # The same form once more, elsewhere: that is for a person to decide.
                    return None
                request = Request("GET", target, {"accept": HTML})
            elif answer.status == 200:
                request = self._submitted(request.url, answer)
            elif answer.status == 429 or answer.status >= 500:
                raise TryLater(f"the authorization endpoint answered with status {answer.status}")
            else:
                raise InvalidResponse(f"the authorization endpoint answered with status {answer.status}")
        raise InvalidResponse("the authorization endpoint leads from page to page without end")

    @staticmethod
    def _location(answer: Response) -> str:
        locations = answer.headers.all("location")
        if len(locations) != 1:
            raise InvalidResponse("a redirect needs one Location")
        return locations[0]

    def _sent(self, request: Request) -> Response:
        origin = url_origin(request.url)
        if origin is None or (origin != self.origin and not self.allows(request.url)):
            raise Untrusted("the authorization server sends the browser where the trust decision does not allow to go")
        jar = self._cookies.setdefault(origin, {})
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
        answer = self.send(Request(request.method, request.url, (*request.headers.pairs, *cookies.items()), request.body))
        for header in answer.headers.all("set-cookie"):
            self._keep(jar, header)
        return answer

    @staticmethod
    def _keep(jar: dict[str, str], header: str) -> None:
        """As browsers read it (RFC 6265 5.2), but for `Path`, `Domain` and `Expires`: a jar is for one origin and a few pages."""
        pair, *attributes = header.split(";")
        name, separator, value = (each.strip() for each in pair.partition("="))
        if not name or not separator or len(pair) > MAX_COOKIE:
            return
        ages = [
            after.strip()
            for before, _, after in (each.partition("=") for each in attributes)
            if before.strip().lower() == "max-age"
        ]
        if any(age == "0" or age.startswith("-") for age in ages[-1:]):
            jar.pop(name, None)
        elif len(jar) < MAX_COOKIES or name in jar:
            jar[name] = value

    def _submitted(self, url: str, answer: Response) -> Request | None:
        """The next request, for a page with a form that is known; None if there is none."""
        if (
            self.login is None
            or url_origin(url) != self.origin
            or "html" not in (answer.headers.all("content-type") or ("",))[0]
        ):
            return None
        typed = {"username": self.login.username, "password": self.login.password}
        for form in read_forms(answer.body):
            filled = form.filled("login", typed) or form.filled("approve", {})
            action = urljoin(url, form.action)
            if filled is not None and url_origin(action) == self.origin:
                body = urlencode(filled).encode()
                headers = {"accept": HTML, "origin": self.origin, "content-type": "application/x-www-form-urlencoded"}
                if "login" in form.buttons and self._typed:
                    # It was not accepted.
                    return None
                self._typed = self._typed or "login" in form.buttons
                return Request("POST", action, {**headers, "content-length": str(len(body))}, body)
        return None
