"""Whole issuances, as requests and answers: each is a generator, so that it runs over a socket as well as within the process."""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator, Sequence
from html import unescape
from itertools import count
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import field, frozen

from examples.reference_server import demo
from examples.reference_server.users import PasswordHash
from oid4vci import _jose
from oid4vci._json import dump_bytes
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.oauth.pkce import code_challenge, new_verifier
from oid4vci.secret import new_secret

__all__ = ("CONFIGURATION", "FLOWS", "Issuances", "Steps", "Unexpected", "form", "members", "payload", "users")

Steps: TypeAlias = Generator[Request, Response, str]
CONFIGURATION: Final = "identity_x5c"
SCOPE: Final = demo.CONFIGURATIONS[CONFIGURATION]["metadata"]["scope"]
PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
REDIRECT_URI: Final = "http://127.0.0.1/callback"
_TICKET: Final = re.compile(r'name="ticket" value="([^"]*)"')
# A password is tried five times a minute at most, so there are many people.
_USERS: Final = 64


class Unexpected(Exception):
    """An answer with another status than the step has."""

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(f"{request.method} {request.path}: {response.status}")
        self.request, self.response = request, response

    @property
    def error(self) -> str:
        """The code in it, if it has one."""
        members = self.response.json() if self.response.media_type == "application/json" else {}
        return str(members.get("error", ""))


def users() -> dict[str, dict[str, str]]:
    """For server.json. All have one password."""
    password = str(PasswordHash.of("ada", p=1))
    return {f"user{i}": {"password_hash": password, "subject": "ada"} for i in range(_USERS)}


def form(url: str, **parameters: str) -> Request:
    """A POST with a form."""
    return Request("POST", url, {"content-type": "application/x-www-form-urlencoded"}, urlencode(parameters).encode())


def members(url: str, value: dict[str, Any], **headers: str) -> Request:
    """A POST with JSON."""
    return Request("POST", url, {"content-type": "application/json", **headers}, json.dumps(value).encode())


def asked(request: Request, status: int = 200) -> Generator[Request, Response, Response]:
    """One step, which must be answered with this status. Raises `Unexpected`."""
    response = yield request
    if response.status != status:
        raise Unexpected(request, response)
    return response


@frozen
class Issuances:
    """Wallets at `issuer`, with a few keys, since making keys is no work of the server."""

    issuer: str
    holders: Sequence[LocalSigner] = field(factory=lambda: [LocalSigner.generate(f"holder {i}") for i in range(16)], repr=False)
    numbers: "count[int]" = field(factory=count, repr=False)

    def pre_authorized(self) -> Steps:
        """An offer by the administrator, a token for its code, a nonce, a credential."""
        code = yield from self.code()
        token = yield from self.token(code)
        nonce = yield from self.nonce()
        return (yield from self.credential(token, nonce))

    def authorization_code(self) -> Steps:
        """A pushed request, a person who logs in and approves, a token, a nonce, a credential."""
        verifier = new_verifier(new_secret)
        pushed = yield from asked(
            form(
                f"{self.issuer}/par",
                response_type="code",
                client_id="wallet",
                redirect_uri=REDIRECT_URI,
                scope=SCOPE,
                code_challenge=code_challenge(verifier),
                code_challenge_method="S256",
            ),
            201,
        )
        query = urlencode({"client_id": "wallet", "request_uri": pushed.json()["request_uri"]})
        page = yield from asked(Request("GET", f"{self.issuer}/authorize?{query}", {"accept": "text/html"}))
        cookie = (page.headers.get("set-cookie") or "").partition(";")[0]
        user = f"user{next(self.numbers) % _USERS}"
        login = form(f"{self.issuer}/login", ticket=_ticket(page), username=user, password="ada", decision="login")
        page = yield from asked(_with(login, cookie))
        consent = form(f"{self.issuer}/consent", ticket=_ticket(page), decision="approve")
        back = yield from asked(_with(consent, cookie), 303)
        (code,) = parse_qs(urlsplit(back.headers.get("location") or "").query)["code"]
        answer = yield from asked(
            form(
                f"{self.issuer}/token",
                grant_type="authorization_code",
                code=code,
                redirect_uri=REDIRECT_URI,
                code_verifier=verifier,
                client_id="wallet",
            )
        )
        nonce = yield from self.nonce()
        return (yield from self.credential(answer.json()["access_token"], nonce))

    def code(self) -> Steps:
        """A pre-authorized code."""
        offer = {"credential_configuration_ids": [CONFIGURATION], "grant": "pre-authorized_code"}
        answer = yield from asked(members(f"{self.issuer}/admin/offers", offer))
        code: str = answer.json()["offer"]["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
        return code

    def token(self, code: str) -> Steps:
        """An Access Token for it."""
        request = form(
            f"{self.issuer}/token", **{"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, "client_id": "wallet"}
        )
        answer = yield from asked(request)
        token: str = answer.json()["access_token"]
        return token

    def nonce(self) -> Steps:
        """A `c_nonce`."""
        answer = yield from asked(Request("POST", f"{self.issuer}/nonce"))
        nonce: str = answer.json()["c_nonce"]
        return nonce

    def credential(self, token: str, nonce: str) -> Steps:
        """A credential for a key, proved with the nonce."""
        holder = self.holders[next(self.numbers) % len(self.holders)]
        header = {"typ": "openid4vci-proof+jwt", "alg": holder.algorithm, "jwk": dict(holder.public_jwk)}
        data = _jose.signing_input(header, dump_bytes({"aud": self.issuer, "iat": int(time.time()), "nonce": nonce}))
        order = {"credential_configuration_id": CONFIGURATION, "proofs": {"jwt": [_jose.compact(data, holder.sign(data))]}}
        answer = yield from asked(members(f"{self.issuer}/credential", order, authorization=f"Bearer {token}"))
        (issued,) = answer.json()["credentials"]
        credential: str = issued["credential"]
        return credential


FLOWS: Final[dict[str, Callable[[Issuances], Steps]]] = {
    "pre-authorized_code": Issuances.pre_authorized,
    "authorization_code": Issuances.authorization_code,
}


def _ticket(page: Response) -> str:
    found = _TICKET.search(page.body.decode())
    assert found is not None
    return unescape(found[1])


def _with(request: Request, cookie: str) -> Request:
    return Request(request.method, request.url, [*request.headers.pairs, ("cookie", cookie)], request.body)


def payload(credential: str) -> dict[str, Any]:
    """What the issuer has signed in an SD-JWT VC."""
    part = credential.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
