"""An authorization server with the authorization code flow beside an issuer, and a client that can do everything wrong."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import evolve, field, frozen

from oid4vci import _jose
from oid4vci.authorization_server import AuthorizationOrder, AuthorizationServer
from oid4vci.drive import Draft, answer
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner
from oid4vci.metadata import ClientMetadata, CredentialIssuerMetadata
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.dpop import Dpop, dpop_signing_input
from oid4vci.oauth.pkce import code_challenge
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.records import Reply
from tests.issuance import (
    FORM,
    IDENTIFIER,
    ISSUER_KEY,
    NOW,
    TOKEN,
    Host,
    Issuance,
    NoteEncoder,
    configuration,
    issuer_metadata,
    new_issuer,
    secret_keys,
)

AUTHORIZE, PAR, CHALLENGE, JWKS = (f"{IDENTIFIER}/{name}" for name in ("authorize", "par", "challenge", "jwks"))
CLIENT = "wallet"
REDIRECT_URI = "https://wallet.example/cb?kept=1"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CLIENTS = {CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,)), "other": ClientMetadata(redirect_uris=(REDIRECT_URI,))}


def scoped_metadata(*, prefix: str = "", **members: Any) -> CredentialIssuerMetadata:
    """Configurations with scopes: `note` and `card` one each, `left` and `right` share one, `badge` has none."""
    scopes = {"note": "note-scope", "card": "card-scope", "left": "pair", "right": "pair", "badge": None}
    configurations = {
        name: evolve(configuration(), scope=None if scope is None else prefix + scope) for name, scope in scopes.items()
    }
    return issuer_metadata(credential_configurations_supported=configurations, **members)


class CodeHost(Host):
    """An application whose End-User is always logged in, and agrees unless `refuses` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.approval: Mapping[str, Any] = {}
        self.waits = False
        self.refuses = False
        self.requests: list[AuthorizationOrder] = []

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, AuthorizationOrder):
            return super().decide(order)
        self.requests.append(order)
        if self.waits:
            pending = order.pending()
            return Reply(Response(200, {"x-handle": pending.handle}, b"log in"), pending.changes)
        return order.refuse() if self.refuses else order.approve("ada", **self.approval)


@frozen
class Proving:
    """A DPoP key; each proof has a number of its own."""

    signer: LocalSigner = field(factory=lambda: LocalSigner.generate("dpop"))
    numbers: list[int] = field(factory=list)

    def __call__(self, url: str, *, now: int = NOW, method: str = "POST", **claims: Any) -> str:
        self.numbers.append(0)
        jti = claims.pop("jti", f"{self.signer.public_jwk['x']}-{len(self.numbers)}")
        data = dpop_signing_input(self.signer, method=method, url=url, jti=jti, now=now, **claims)
        return _jose.compact(data, self.signer.sign(data))


@frozen
class CodeFlow(Issuance):
    """The whole, and the steps of the flow with a client that follows the rules unless it is told otherwise."""

    host: CodeHost

    def push(self, *, now: int = NOW, headers: Mapping[str, str] | None = None, **parameters: str | None) -> Response:
        return self.send(Request("POST", PAR, {"content-type": FORM, **(headers or {})}, form(**parameters)), now=now)

    def pushed(self, **parameters: Any) -> str:
        response = self.push(**parameters)
        assert response.status == 201, response.body
        return str(response.json()["request_uri"])

    def visit(self, request_uri: str, *, client_id: str | None = CLIENT, now: int = NOW, **outer: str) -> Response:
        query = {"request_uri": request_uri, **outer, **({} if client_id is None else {"client_id": client_id})}
        return self.send(Request("GET", f"{AUTHORIZE}?{urlencode(query)}"), now=now)

    def authorize(self, *, now: int = NOW, **parameters: str | None) -> Response:
        """A request that is not pushed."""
        return self.send(Request("GET", f"{AUTHORIZE}?{form(**parameters).decode()}"), now=now)

    def resume(self, handle: str, *, now: int = NOW) -> Response:
        return answer(self.server.resume(handle), self.host, now=now)

    def code(self, *, now: int = NOW, **parameters: Any) -> str:
        """A code for a request that was pushed."""
        return arrived(self.visit(self.pushed(now=now, **parameters), now=now))["code"]

    def exchange(
        self, code: str | None, *, now: int = NOW, headers: Mapping[str, str] | None = None, **parameters: str | None
    ) -> Response:
        """The answer to a Token Request with an authorization code."""
        return self.send(self.token_request(code, headers=headers, **parameters), now=now)

    def token_request(self, code: str | None, *, headers: Mapping[str, str] | None = None, **parameters: str | None) -> Request:
        """The Token Request with an authorization code."""
        members = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLIENT,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
            **parameters,
        }
        return Request("POST", TOKEN, {"content-type": FORM, **(headers or {})}, encoded(members))

    def refresh(
        self, token: str | None, *, now: int = NOW, headers: Mapping[str, str] | None = None, **parameters: str | None
    ) -> Response:
        """The answer to a Token Request with a Refresh Token."""
        members = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT, **parameters}
        return self.send(Request("POST", TOKEN, {"content-type": FORM, **(headers or {})}, encoded(members)), now=now)


def encoded(members: Mapping[str, str | None]) -> bytes:
    return urlencode({name: value for name, value in members.items() if value is not None}).encode()


def form(**parameters: str | None) -> bytes:
    """The parameters of a good Authorization Request, some of them changed; one that is None is left out."""
    return encoded(
        {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": REDIRECT_URI,
            "state": "af0ifjsldkj",
            "code_challenge": code_challenge(VERIFIER),
            "code_challenge_method": "S256",
            "scope": "note-scope",
            **parameters,
        }
    )


def arrived(response: Response, *, redirect_uri: str = REDIRECT_URI, state: str | None = "af0ifjsldkj") -> dict[str, str]:
    """What a browser was sent back with: to the redirect URI exactly, with `state` and `iss`, nothing in a fragment."""
    assert response.status == 303, (response.status, response.body)
    location = response.headers.get("location") or ""
    assert location.startswith(redirect_uri)
    assert "#" not in location
    assert response.headers.get("cache-control") == "no-store"
    own = dict(parse_qsl(urlsplit(redirect_uri).query))
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True)
    parameters = dict(pairs)
    assert len(parameters) == len(pairs)
    assert {name: parameters.pop(name) for name in own} == own
    assert parameters.pop("iss") == IDENTIFIER
    assert parameters.pop("state", None) == state
    return parameters


def sent_back(response: Response, error: str, **places: Any) -> None:
    """That a browser was sent back with this error."""
    parameters = arrived(response, **places)
    assert parameters["error"] == error, parameters
    assert parameters.keys() <= {"error", "error_description"}


def code_flow(
    *,
    metadata: CredentialIssuerMetadata | None = None,
    issuer: Mapping[str, Any] | None = None,
    server_metadata: Mapping[str, Any] | None = None,
    **settings: Any,
) -> CodeFlow:
    """The issuer takes `issuer`, the server `settings`, its metadata further members `server_metadata`."""
    keys = secret_keys()
    metadata = metadata or scoped_metadata()
    dpop = settings.setdefault("dpop", Dpop())
    served: Issuer = new_issuer(
        metadata,
        keys=keys,
        **{
            "dpop": dpop,
            "encoders": dict.fromkeys(metadata.credential_configurations_supported, NoteEncoder(ISSUER_KEY)),
            **(issuer or {}),
        },
    )
    server = AuthorizationServer.at(
        IDENTIFIER,
        metadata=server_metadata,
        **{
            "access_tokens": SealedAccessTokens(keys),
            "pre_authorized_codes": PreAuthorizedCodes(keys),
            "authorization_codes": AuthorizationCodes(),
            "refresh_tokens": RefreshTokens(keys),
            "credential_issuers": (metadata,),
            "clients": CLIENTS,
            "other_clients": None,
            **settings,
        },
    )
    return CodeFlow(issuer=served, server=server, host=CodeHost(), keys=keys)
