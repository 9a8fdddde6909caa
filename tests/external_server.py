"""A Credential Issuer whose authorization server is elsewhere, and that server as the issuer's host sees it: a JWK Set, and answers
to introspection.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from oid4vci.drive import respond
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_keys
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.oauth.access_tokens import AccessTokens
from oid4vci.oauth.introspection import Introspection
from oid4vci.records import Key, Record
from tests.issuance import IDENTIFIER, NONCE, NOW, Host, Proof, credential_request, issuer_metadata, jws, new_issuer, order_of

SERVER = "https://as.example"
JWKS_URI = f"{SERVER}/jwks"
ENDPOINT = f"{SERVER}/introspect"
SIGNER = LocalSigner.generate("as-1")


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def scoped_metadata(**members: Any) -> CredentialIssuerMetadata:
    """`note` has the scope `notes`; `badge` and `object` share `simple`; `other` has none."""
    plain = issuer_metadata().credential_configurations_supported
    scopes = {"note": "notes", "badge": "simple", "object": "simple"}
    configurations = {name: evolve(each, scope=scopes.get(name)) for name, each in plain.items()}
    return issuer_metadata(
        credential_configurations_supported=configurations, **{"authorization_servers": (SERVER,), **members}
    )


SCOPES = scoped_metadata().scopes


def jwks(*signers: LocalSigner) -> dict[str, Any]:
    return {"keys": [{**signer.public_jwk, "kid": signer.key_id, "alg": signer.algorithm} for signer in signers]}


def detail(configuration_id: str, *identifiers: str, **members: Any) -> dict[str, Any]:
    """An element of `authorization_details`."""
    named = {"credential_identifiers": list(identifiers)} if identifiers else {}
    return {"type": "openid_credential", "credential_configuration_id": configuration_id, **named, **members}


def claims_of(**changes: Any) -> dict[str, Any]:
    """The claims of a good token for `simple`, until some are changed; one that is None is left out."""
    good = {
        "iss": SERVER,
        "sub": "ada",
        "aud": IDENTIFIER,
        "client_id": "wallet",
        "iat": NOW - 5,
        "exp": NOW + 60,
        "jti": "token-1",
        "scope": "simple",
    }
    return without_none({**good, **changes})


def jwt(*, header: Mapping[str, Any] | None = None, signer: LocalSigner = SIGNER, **claims: Any) -> str:
    """An access token of the server."""
    good = {"typ": "at+jwt", "alg": signer.algorithm, "kid": signer.key_id}
    return jws(without_none({**good, **(header or {})}), claims_of(**claims), signer)


class ExternalHost(Host):
    """It keeps JWK Sets and looks again for a `kid` that it does not have; it asks the server about tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, Any] = {JWKS_URI: jwks(SIGNER)}
        self.answers: dict[str, Any] = {}
        self.sent: list[Request] = []
        self.fetched: list[str] = []
        self.clock = NOW
        self._cached: dict[str, tuple[PublicKey, ...]] = {}

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        self.asked.extend(references)
        found = {}
        for reference in references:
            cached = self._cached.get(reference.url)
            if cached is None or reference.kid not in {None, *(key.kid for key in cached)}:
                self.fetched.append(reference.url)
                if reference.url in self.documents:
                    self._cached[reference.url] = public_keys(self.documents[reference.url])
            if reference.url in self._cached:
                found[reference] = self._cached[reference.url]
        return found

    def load(self, keys: Sequence[Key], /) -> dict[Key, Record]:
        found = dict(super().load(keys))
        for key in keys:
            if isinstance(key, Introspection) and (key not in found or found[key].expires_at <= self.clock):
                found[key] = key.record(self.introspect(key), now=self.clock)
        return found

    def introspect(self, question: Introspection) -> Response:
        self.sent.append(question.request(ENDPOINT, headers={"authorization": "Bearer 23410913-abewfq.123483"}))
        answer = self.answers.get(question.token, {"active": False})
        return answer if isinstance(answer, Response) else Response.of_json(200, answer)


@frozen
class Elsewhere:
    """The issuer side alone."""

    issuer: Issuer
    host: ExternalHost = field(factory=ExternalHost)

    @classmethod
    def trusting(cls, access_tokens: AccessTokens, **fields: Any) -> "Elsewhere":
        metadata = fields.pop("metadata", None) or scoped_metadata()
        return cls(new_issuer(metadata, access_tokens=access_tokens, **fields))

    def send(self, request: Request, *, now: int = NOW) -> Response:
        self.host.clock = now
        return respond(self.issuer, request, self.host, now=now)

    def ask(self, token: str, configuration_id: str = "badge", *, now: int = NOW, **headers: str) -> Response:
        return self.send(credential_request(token, {"credential_configuration_id": configuration_id}, **headers), now=now)

    @property
    def orders(self) -> list[CredentialOrder]:
        """What the host was asked to decide."""
        return [order for order in self.host.orders if isinstance(order, CredentialOrder)]

    def nonce(self) -> str:
        return str(self.send(Request("POST", NONCE)).json()["c_nonce"])

    def prove(self, token: str, proof: Proof) -> Response:
        """A request for `note`."""
        return self.send(credential_request(token, order_of(proof)))

    def ask_for(self, token: str, identifier: str) -> Response:
        return self.send(credential_request(token, {"credential_identifier": identifier}))

    def given(self, token: str) -> set[str]:
        """The configurations that the token is good for, among those that need no proof, and `note` and `other` by their error."""
        got = set()
        for name in self.issuer.metadata.credential_configurations_supported:
            response = self.ask(token, name)
            if response.status == 200 or response.json()["error"] == "invalid_proof":
                got.add(name)
            else:
                assert (response.status, response.json()["error"]) == (403, "insufficient_scope")
        return got
