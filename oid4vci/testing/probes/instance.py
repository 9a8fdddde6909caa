"""One instance of a wallet, which sends what it is told, right or wrong: DPoP, client authentication, and retries for nonces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from attrs import define, evolve, field, frozen

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.http import Request, Response, url_origin
from oid4vci.keys import LocalSigner
from oid4vci.oauth.client_assertion import ASSERTION_TYPE
from oid4vci.testing.probes.jwts import Jwt, client_assertion, client_attestation_pop, dpop_proof
from oid4vci.testing.probes.supplies import ProbeClient, Supplies

__all__ = ("FORM", "JSON", "Authentication", "Instance", "Proofs", "as_it_is", "good")

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
MAX_RETRIES: Final = 3

Proofs: TypeAlias = Callable[[Jwt], Sequence[str]]
"""Makes the values of the `DPoP` header from a proof that is good."""


def good(proof: Jwt) -> Sequence[str]:
    """The proof as it is, once."""
    return (str(proof),)


@frozen
class Authentication:
    """How a client says who it is, in one request. Every part can be replaced."""

    client_id: str | None
    assertion: Jwt | str | None = None
    attestation: str | None = field(default=None, repr=False)
    pop: Jwt | str | None = None

    @property
    def parameters(self) -> dict[str, str | None]:
        """What goes into the form."""
        named: dict[str, str | None] = {"client_id": self.client_id}
        if self.assertion is None:
            return named
        return {**named, "client_assertion_type": ASSERTION_TYPE, "client_assertion": str(self.assertion)}

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What goes into header fields."""
        fields = (("oauth-client-attestation", self.attestation), ("oauth-client-attestation-pop", self.pop))
        return [(name, str(value)) for name, value in fields if value is not None]


def as_it_is(authentication: Authentication) -> Authentication:
    """Unchanged."""
    return authentication


@define
class Instance:
    """An instance of a client: its keys, and the nonces and challenges that it was given."""

    supplies: Supplies
    client: ProbeClient
    server: Mapping[str, Any]
    dpop: LocalSigner | None = None
    key: LocalSigner = field(factory=lambda: LocalSigner.generate("instance"))
    nonces: dict[str, str] = field(factory=dict)
    challenge: str | None = None
    _attestation: str | None = None

    @property
    def scheme(self) -> str:
        """Of its access tokens."""
        return "Bearer" if self.dpop is None else "DPoP"

    @property
    def attestation(self) -> str | None:
        """Its client attestation, if its client has any."""
        if self._attestation is None and self.client.attest is not None:
            self._attestation = self.client.attest(self.key.public_jwk)
        return self._attestation

    def authentication(self) -> Authentication:
        """What is right for the next request."""
        client, audience, now = self.client, str(self.server.get("issuer")), self.supplies.now()
        if client.client_id is None:
            return Authentication(None)
        made = Authentication(client.client_id)
        if client.signer is not None:
            assertion = client_assertion(client.signer, client_id=client.client_id, audience=audience, now=now)
            return evolve(made, assertion=assertion)
        if self.attestation is None:
            return made
        pop = client_attestation_pop(
            self.key, client_id=client.client_id, audience=audience, now=now, challenge=self._challenge()
        )
        return evolve(made, attestation=self.attestation, pop=pop)

    def _challenge(self) -> str | None:
        endpoint = self.server.get("challenge_endpoint")
        if self.challenge is None and isinstance(endpoint, str):
            answer = self.supplies.send(Request("POST", endpoint, {"content-type": FORM}))
            value = answer.json()
            challenge = value.get("attestation_challenge") if isinstance(value, dict) else None
            self.challenge = challenge if isinstance(challenge, str) else None
        return self.challenge

    def proof(self, method: str, url: str, access_token: str | None = None) -> Jwt | None:
        """A DPoP proof that is right for a request; None without a key."""
        if self.dpop is None:
            return None
        nonce = self.nonces.get(url_origin(url) or "")
        now = self.supplies.now()
        return dpop_proof(self.dpop, method=method, url=url, now=now, nonce=nonce, access_token=access_token)

    # --- requests ------------------------------------------------------------------------------------------------------------

    def post_form(
        self,
        url: str,
        parameters: Mapping[str, str | None],
        *,
        proofs: Proofs = good,
        client: Callable[[Authentication], Authentication] = as_it_is,
        method: str = "POST",
        content_type: str | None = FORM,
        more: Sequence[tuple[str, str]] = (),
        headers: Sequence[tuple[str, str]] = (),
        retry: bool = True,
    ) -> Response:
        """The answer to a form at an endpoint where clients authenticate. Parameters that are None are left out; `more` are
        further pairs, `headers` further fields."""

        def make() -> Request:
            authentication = client(self.authentication())
            form = {**authentication.parameters, **parameters}
            pairs = [(name, value) for name, value in form.items() if value is not None]
            fields = [*authentication.headers, *self._dpop(method, url, proofs, None), *headers]
            encoded = urlencode([*pairs, *more])
            if method == "GET":
                return Request("GET", f"{url}?{encoded}", fields)
            return Request(method, url, [*_content(content_type), *fields], encoded.encode())

        return self._exchange(make, retry=retry)

    def post(
        self,
        url: str,
        access_token: str | None,
        body: Mapping[str, Any] | bytes,
        *,
        proofs: Proofs = good,
        authorization: Sequence[str] | None = None,
        method: str = "POST",
        content_type: str | None = JSON,
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
        retry: bool = True,
    ) -> Response:
        """The answer to a request at a protected endpoint. `authorization` are other values of that header than the right one."""
        content = body if isinstance(body, bytes) else _json.dump_bytes(dict(body))

        def make() -> Request:
            given = [f"{self.scheme} {access_token}"] if authorization is None and access_token is not None else authorization
            fields = [("authorization", value) for value in given or ()]
            fields += [*self._dpop(method, url, proofs, access_token), *headers]
            return Request(method, url + query, [*_content(content_type), *fields], content)

        return self._exchange(make, retry=retry)

    def _dpop(self, method: str, url: str, proofs: Proofs, access_token: str | None) -> list[tuple[str, str]]:
        proof = self.proof(method, url, access_token)
        return [] if proof is None else [("dpop", value) for value in proofs(proof)]

    def _exchange(self, make: Callable[[], Request], *, retry: bool) -> Response:
        """Send, and send again what the server asks for with another nonce or challenge."""
        for _ in range(MAX_RETRIES):
            request = make()
            response = self.supplies.send(request)
            if not (self.learn(request.url, response) and retry):
                return response
        return response

    def learn(self, url: str, response: Response) -> bool:
        """Keep what the answer gives. Whether it asks for the request once more."""
        nonce, challenge = _one(response, "dpop-nonce"), _one(response, "oauth-client-attestation-challenge")
        origin = url_origin(url)
        if nonce is not None and origin is not None:
            self.nonces[origin] = nonce
        if challenge is not None:
            self.challenge = challenge
        if response.status not in (400, 401):
            return False
        codes = error_codes(response)
        return ("use_dpop_nonce" in codes and nonce is not None) or (
            "use_attestation_challenge" in codes and challenge is not None
        )


def error_codes(response: Response) -> str:
    """Everything in a refusal that can name an error: its body and its challenge."""
    try:
        body = _json.loads(response.body)
    except Malformed:
        body = None
    code = body.get("error") if isinstance(body, dict) else ""
    return f"{code} {', '.join(response.headers.all('www-authenticate'))}"


def _one(response: Response, name: str) -> str | None:
    values = response.headers.all(name)
    return values[0] if len(values) == 1 and values[0] else None


def _content(content_type: str | None) -> list[tuple[str, str]]:
    return [] if content_type is None else [("content-type", content_type)]
