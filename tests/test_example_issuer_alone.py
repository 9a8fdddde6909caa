"""The example of a Credential Issuer alone: tokens are of a server that shares nothing with it, and signs with another library."""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
import httpx
import pytest
from attrs import define, evolve, field
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, RSAKey
from starlette.applications import Starlette

from examples.adapters.endpoints import MAX_BODY
from examples.issuer_alone import __main__ as command_line
from examples.issuer_alone.__main__ import discover, main
from examples.issuer_alone.app import new_application, new_issuer
from examples.issuer_alone.host import new_offer
from examples.issuer_alone.jwks import Jwks, Unavailable
from oid4vci.drive import run
from oid4vci.errors import Refused, TryLater
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer
from oid4vci.keys import KeyReference, LocalSigner, thumbprint
from oid4vci.memory import MemoryStore
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer
from oid4vci.offers import CredentialOffer
from oid4vci.sealed import SealingKeys
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Session, Wallet

IDENTIFIER, SERVER = "https://club.example", "https://as.example"
JWKS_URI = f"{SERVER}/keys"
REDIRECT_URI = "https://wallet.example/callback"


def now() -> int:
    return int(time.time())


def new_key(kid: str, *, rsa: bool = False) -> ECKey | RSAKey:
    parameters: KeyParameters = {"kid": kid, "use": "sig"}
    return RSAKey.generate_key(2048, parameters) if rsa else ECKey.generate_key("P-256", parameters)


@define
class ExternalServer:
    """An authorization server in a few lines: it knows everybody, and asks nobody. `claims` replaces claims of its tokens."""

    key: ECKey | RSAKey
    published: list[ECKey | RSAKey]
    subject: str = "alice"
    claims: dict[str, Any] = field(factory=dict)
    header: dict[str, Any] = field(factory=dict)
    requests: dict[str, dict[str, str]] = field(factory=dict)
    fetched: int = 0
    failing: bool = False

    @classmethod
    def new(cls, **options: Any) -> "ExternalServer":
        key = new_key("key-1", **options)
        return cls(key, [key])

    def answer(self, request: Request) -> Response:
        """What it answers to a request of a wallet, or of the issuer."""
        if request.path == "/.well-known/oauth-authorization-server":
            return Response.of_json(200, self.metadata)
        if request.path == "/keys":
            self.fetched += 1
            if self.failing:
                return Response(500)
            return Response.of_json(200, {"keys": [key.as_dict(private=False) for key in self.published]})
        assert request.path == "/token"
        return Response.of_json(200, self.token(request))

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": SERVER,
            "authorization_endpoint": f"{SERVER}/authorize",
            "token_endpoint": f"{SERVER}/token",
            "jwks_uri": JWKS_URI,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_details_types_supported": ["openid_credential"],
            "dpop_signing_alg_values_supported": ["ES256"],
        }

    def agree(self, url: str) -> str:
        """The person agrees: the URL to which the browser is sent."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self.requests)}"
        self.requests[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, request: Request) -> dict[str, Any]:
        asked = self.requests.pop(dict(parse_qsl(request.body.decode()))["code"])
        proof = request.headers.get("dpop")
        members: dict[str, Any] = {"token_type": "Bearer" if proof is None else "DPoP", "expires_in": 300}
        claims: dict[str, Any] = {"client_id": asked["client_id"], "scope": asked.get("scope", "")}
        if proof is not None:
            header = json.loads(urlsafe_b64decode(proof.split(".")[0] + "=="))
            claims["cnf"] = {"jkt": thumbprint(header["jwk"])}
        if "authorization_details" in asked:
            details = json.loads(asked["authorization_details"])
            for detail in details:
                detail["credential_identifiers"] = [f"dataset of {detail['credential_configuration_id']}"]
            claims["authorization_details"] = members["authorization_details"] = details
        if "issuer_state" in asked:
            claims["issuer_state"] = asked["issuer_state"]
        return {**members, "access_token": self.signed(claims)}

    def signed(self, claims: Mapping[str, Any] = {}) -> str:
        """A token by RFC 9068 with these claims."""
        standing = {"iss": SERVER, "aud": IDENTIFIER, "sub": self.subject, "iat": now(), "exp": now() + 300, "jti": "1"}
        algorithm = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        header = {"typ": "at+jwt", "alg": algorithm, "kid": self.key.kid, **self.header}
        return jwt.encode(header, {**standing, **claims, **self.claims}, self.key, algorithms=[algorithm])


@define
class Club:
    """The issuer, and the server that it trusts."""

    server: ExternalServer
    issuer: Issuer
    store: MemoryStore
    app: Starlette

    @classmethod
    def new(cls, server: ExternalServer) -> "Club":
        trusted = TrustedAuthorizationServer(issuer=SERVER, jwks_uri=JWKS_URI)
        issuer = new_issuer(IDENTIFIER, trusted, keys=SealingKeys([bytes(32)]), signer=LocalSigner.generate("club-1"))
        store = MemoryStore()
        app = new_application(issuer, trusted, store, client=client_of(server), clock=now)
        return cls(server, issuer, store, app)

    def send(self, request: Request) -> Response:
        """Send a request to whose origin it is."""
        if request.url.startswith(SERVER):
            return self.server.answer(request)

        async def exchange() -> Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport) as client:
                answer = await client.request(
                    request.method, request.url, headers=list(request.headers.pairs), content=request.body
                )
                return Response(answer.status_code, answer.headers.multi_items(), answer.content)

        return anyio.run(exchange)

    def authorize(self, offer: Offer, **options: Any) -> Session:
        wallet = Wallet(trust=Trust.of(IDENTIFIER, SERVER), client_id="wallet")
        opened = run(offer.open(wallet), self.send)
        pending = run(opened.authorize(redirect_uri=REDIRECT_URI, now=now(), **options), self.send)
        return run(pending.callback(self.server.agree(pending.url), now=now()), self.send)

    def credential(self, session: Session, configuration_id: str = "membership") -> Mapping[str, Any]:
        """The claims of a credential that was issued and verified."""
        order = run(session.order(configuration_id), self.send)
        issued = run(order.prove([LocalSigner.generate("holder")], now=now()).submit(), self.send)
        assert isinstance(issued, Issued)
        return issued.credentials[0].claims

    def offer(self, subject: str) -> CredentialOffer:
        return new_offer(self.issuer, self.store, subject, ["membership"], now=now())


def client_of(server: ExternalServer) -> httpx.AsyncClient:
    """What the issuer fetches keys with."""

    def answer(request: httpx.Request) -> httpx.Response:
        response = server.answer(Request(request.method, str(request.url)))
        return httpx.Response(response.status, headers=dict(response.headers.pairs), content=response.body)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


@pytest.fixture
def club() -> Club:
    return Club.new(ExternalServer.new())


WALLET_INITIATED = Offer.of(IDENTIFIER, "membership")


# --- what is issued ---------------------------------------------------------------------------------------------------------


def test_the_metadata_name_the_server(club: Club) -> None:
    assert club.issuer.metadata.authorization_servers == (SERVER,)
    assert club.issuer.metadata.findings() == ()


@pytest.mark.parametrize("rsa", [False, True])
def test_a_credential_for_a_token_of_the_server(rsa: bool) -> None:
    club = Club.new(ExternalServer.new(rsa=rsa))
    session = club.authorize(WALLET_INITIATED, using="scope")
    assert club.credential(session)["level"] == "gold"
    assert club.server.fetched == 1


def test_a_credential_for_authorization_details(club: Club) -> None:
    session = club.authorize(Offer.of(IDENTIFIER, "parking_permit"), using="authorization_details")
    assert session.credential_identifiers == {"parking_permit": ("dataset of parking_permit",)}
    assert club.credential(session, "parking_permit")["place"] == "A 12"


def test_a_token_bound_to_a_key(club: Club) -> None:
    session = club.authorize(WALLET_INITIATED, dpop=LocalSigner.generate("dpop"))
    assert club.credential(session)["name"] == "Alice"
    for another in (LocalSigner.generate("another"), None):
        with pytest.raises(Refused, match="invalid_token"):
            club.credential(evolve(session, sender=evolve(session.sender, dpop=another)))


# --- issuer_state -----------------------------------------------------------------------------------------------------------


def test_an_offer_leads_to_a_token_with_its_state(club: Club) -> None:
    offer = club.offer("alice")
    assert offer.grants is not None
    assert offer.grants.authorization_code is not None
    session = club.authorize(Offer.parse(offer.uri()))
    assert club.credential(session)["name"] == "Alice"


def test_an_offer_for_somebody_else_is_worth_nothing(club: Club) -> None:
    """Mallory was sent, or has injected, an offer that was made for Alice."""
    club.server.subject = "bob"
    session = club.authorize(Offer.parse(club.offer("alice").uri()))
    with pytest.raises(Refused, match="credential_request_denied"):
        club.credential(session)
    club.server.claims = {"issuer_state": "made up"}
    with pytest.raises(Refused, match="credential_request_denied"):
        club.credential(club.authorize(WALLET_INITIATED))


def test_an_offer_that_has_ended_is_worth_nothing(club: Club) -> None:
    offer = new_offer(club.issuer, club.store, "alice", ["membership"], now=now() - 3600)
    with pytest.raises(Refused, match="credential_request_denied"):
        club.credential(club.authorize(Offer.parse(offer.uri())))


# --- tokens that are refused ------------------------------------------------------------------------------------------------


def made(**claims: Any) -> Callable[[ExternalServer], None]:
    def change(server: ExternalServer) -> None:
        server.claims = claims

    return change


def with_header(**members: Any) -> Callable[[ExternalServer], None]:
    def change(server: ExternalServer) -> None:
        server.header = members

    return change


def by_a_stranger(server: ExternalServer) -> None:
    server.key = new_key("key-1")


def by_an_unpublished_key(server: ExternalServer) -> None:
    server.key = new_key("key-2")


@pytest.mark.parametrize(
    "change",
    [
        made(iss="https://other.example"),
        made(aud="https://other.example"),
        made(exp=now() - 1),
        made(nbf=now() + 86_400),
        with_header(typ="JWT"),
        by_a_stranger,
        by_an_unpublished_key,
    ],
)
def test_other_tokens_are_refused(club: Club, change: Callable[[ExternalServer], None]) -> None:
    good = club.authorize(WALLET_INITIATED)
    change(club.server)
    bad = club.authorize(WALLET_INITIATED)
    with pytest.raises(Refused, match="invalid_token"):
        club.credential(bad)
    assert club.credential(good)["name"] == "Alice"


def test_a_token_for_something_else_is_refused(club: Club) -> None:
    session = club.authorize(WALLET_INITIATED)
    club.server.claims = {"scope": "email"}
    with pytest.raises(Refused, match="insufficient_scope"):
        club.credential(evolve(session, access_token=club.server.signed()))


def test_a_member_who_is_none_gets_nothing(club: Club) -> None:
    club.server.subject = "mallory"
    with pytest.raises(Refused, match="credential_request_denied"):
        club.credential(club.authorize(WALLET_INITIATED))


def test_a_server_that_cannot_be_reached_is_no_fault_of_the_wallet(club: Club) -> None:
    club.server.failing = True
    session = club.authorize(WALLET_INITIATED)
    with pytest.raises(TryLater):
        club.credential(session)


def test_a_large_body_is_not_read(club: Club) -> None:
    request = Request("POST", f"{IDENTIFIER}/credential", {"content-type": "application/json"}, bytes(MAX_BODY + 1))
    assert club.send(request).status == 413


# --- the cache of keys ------------------------------------------------------------------------------------------------------


@define
class Keys:
    """The cache, and a clock."""

    server: ExternalServer
    cache: Jwks
    time: int = 1_800_000_000

    @classmethod
    def new(cls) -> "Keys":
        server = ExternalServer.new()
        keys = cls(server, Jwks(client_of(server), [JWKS_URI], lambda: keys.time))
        return keys

    def kids(self, kid: str | None, url: str = JWKS_URI) -> list[str | None]:
        """The ids of what a reference leads to."""
        reference = KeyReference(url, kid)

        async def resolve() -> list[str | None]:
            resolved = await self.cache.resolve([reference])
            return [key.kid for key in resolved.get(reference, ())]

        return anyio.run(resolve)


def test_keys_are_fetched_once_in_their_lifetime() -> None:
    keys = Keys.new()
    for _ in range(3):
        assert keys.kids("key-1") == ["key-1"]
    assert keys.server.fetched == 1
    keys.time += 3600
    assert keys.kids(None) == ["key-1"]
    assert keys.server.fetched == 2


def test_an_unknown_key_is_looked_for_but_not_at_anybodys_wish() -> None:
    keys = Keys.new()
    assert keys.kids("key-1") == ["key-1"]
    keys.server.published.append(new_key("key-2"))
    assert keys.kids("key-2") == ["key-1"]
    keys.time += 60
    assert keys.kids("key-2") == ["key-1", "key-2"]
    for i in range(100):
        assert keys.kids(f"made-up-{i}") == ["key-1", "key-2"]
    assert keys.server.fetched == 2
    keys.time += 60
    for i in range(100):
        keys.kids(f"made-up-{i}")
    assert keys.server.fetched == 3


def test_keys_that_are_still_good_outlive_an_outage() -> None:
    keys = Keys.new()
    keys.kids("key-1")
    keys.server.failing = True
    keys.time += 60
    assert keys.kids("key-2") == ["key-1"]
    assert keys.kids("key-2") == ["key-1"]
    assert keys.server.fetched == 2
    keys.time += 3540
    with pytest.raises(Unavailable):
        keys.kids("key-1")
    keys.server.failing = False
    with pytest.raises(Unavailable):
        keys.kids("key-1")
    assert keys.server.fetched == 3
    keys.time += 60
    assert keys.kids("key-1") == ["key-1"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 1}', b'{"keys": [], "keys": []}', bytes((1 << 20) + 1)])
def test_what_is_no_key_set_is_not_taken(body: bytes) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    cache = Jwks(client, [JWKS_URI], now)
    with pytest.raises(Unavailable):
        anyio.run(cache.resolve, [KeyReference(JWKS_URI)])


def test_other_addresses_are_not_fetched() -> None:
    keys = Keys.new()
    assert keys.kids("key-1", "https://inside.example/keys") == []
    assert keys.server.fetched == 0


# --- the command line -------------------------------------------------------------------------------------------------------


def test_the_server_is_found_by_its_metadata() -> None:
    server = ExternalServer.new()

    def answer(request: httpx.Request) -> httpx.Response:
        response = server.answer(Request(request.method, str(request.url)))
        return httpx.Response(response.status, headers=dict(response.headers.pairs), content=response.body)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert discover(SERVER, client) == TrustedAuthorizationServer(issuer=SERVER, jwks_uri=JWKS_URI)
        with pytest.raises(ValueError, match="issuer"):
            discover(f"{SERVER}/", client)


def test_the_command_line_makes_an_offer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def serve(app: Starlette, *, host: str, ssl_certfile: Path, ssl_keyfile: Path, **_: Any) -> None:
        assert (host, ssl_certfile.is_file(), ssl_keyfile.stat().st_mode & 0o777) == ("127.0.0.1", True, 0o600)

        async def metadata() -> dict[str, Any]:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
                answer = await client.get("https://localhost:8444/.well-known/openid-credential-issuer")
                found: dict[str, Any] = answer.json()
                return found

        assert anyio.run(metadata)["authorization_servers"] == [SERVER]

    monkeypatch.setattr(command_line, "discover", lambda *_: TrustedAuthorizationServer(issuer=SERVER, jwks_uri=JWKS_URI))
    monkeypatch.setattr("examples.issuer_alone.__main__.uvicorn.run", serve)
    assert command_line.main(["--authorization-server", SERVER]) == 0
    offer = re.search(r"openid-credential-offer:\S+", capsys.readouterr().out)
    assert offer is not None
    content = Offer.parse(offer.group()).content
    assert isinstance(content, CredentialOffer)
    assert content.grant_types == ("authorization_code",)


def test_a_server_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--authorization-server", "http://as.example"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
