"""An authorization server reduced to its client authentication, and clients whose requests are good until some part is changed."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import evolve, field, frozen

from oid4vci import _jose
from oid4vci._json import dump_bytes
from oid4vci.errors import InvalidClient, Refusal
from oid4vci.http import Request
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, public_key
from oid4vci.memory import MemoryStore
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import ASSERTION_TYPE
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.client_authentication import AuthenticatedClient, ClientAuthenticationMethod, ReadClient, read_client
from tests.test_x509 import NOW as NOW

ISSUER = "https://as.example"
TOKEN, PAR = f"{ISSUER}/token", f"{ISSUER}/par"
CLIENT, ATTESTER = "https://wallet.example", "https://attester.example"
ATTESTER_KEY, INSTANCE_KEY, CLIENT_KEY, OTHER_KEY = (
    LocalSigner.generate(name) for name in ("attester", "instance", "client", "other")
)
UNFIT = ": is signed with a key that is not known"
# What an ES256 key does not sign, and how that is called at the end of a description.
WRONG_ALGORITHMS = [
    *((alg, ".header: alg must be a string") for alg in (None, 1, ["ES256"])),
    *((alg, ".header: alg is not an accepted algorithm") for alg in ("", "none", "None", "HS256", "HS512", "RS256", "es256")),
    *((alg, UNFIT) for alg in ("ES384", "ES256K", "EdDSA", "PS256")),
]
ATTESTED = ClientMetadata(token_endpoint_auth_method="attest_jwt_client_auth")


def known_attester(**settings: Any) -> ClientAttestation:
    """A server that knows the key of `ATTESTER`."""
    return ClientAttestation(**{"attesters": {ATTESTER: (public_key(ATTESTER_KEY.public_jwk),)}, **settings})


def jws(header: Mapping[str, Any], payload: Any, signer: LocalSigner) -> str:
    """A compact JWS; the payload is JSON unless it is bytes."""
    data = _jose.signing_input(header, payload if isinstance(payload, bytes) else dump_bytes(payload))
    return _jose.compact(data, signer.sign(data))


def post(headers: Mapping[str, str] | list[tuple[str, str]] | None = None, /, **form: str | None) -> Request:
    """A request with a form to the token endpoint; a parameter that is None is left out."""
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or ())
    body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
    return Request("POST", TOKEN, [("Content-Type", "application/x-www-form-urlencoded"), *pairs], body)


@frozen
class Server:
    """Methods, registrations, outside keys and a store."""

    methods: Mapping[str, ClientAuthenticationMethod]
    registrations: Mapping[str, ClientMetadata]
    keys: ResolvedKeys = field(factory=dict)
    anonymous: bool = False
    issuer: str = ISSUER
    store: MemoryStore = field(factory=MemoryStore)

    def read(self, request: Request) -> ReadClient:
        return read_client(
            request,
            request.form(),
            methods=self.methods,
            registered=self.registrations.get,
            issuer=self.issuer,
            endpoint=TOKEN,
            anonymous=self.anonymous,
        )

    def authenticate(self, request: Request, *, now: int = NOW) -> AuthenticatedClient:
        client = self.read(request)
        # Whoever resolves a reference answers by it; the `kid` in it is a hint.
        resolved = {reference: self.keys[KeyReference(reference.url)] for reference in client.key_refs}
        verified = client.verify(self.store.load(client.lookups), keys=resolved, now=now)
        assert (verified.client_id, verified.method) == (client.client_id, client.method)
        return verified

    def spend(self, request: Request, *, now: int = NOW) -> AuthenticatedClient:
        """A request that succeeds: the changes are committed."""
        client = self.authenticate(request, now=now)
        assert self.store.commit(client.changes)
        return client

    def refuse(
        self, request: Request, because: str, error: type[Refusal] = InvalidClient, *, status: int = 400, now: int = NOW
    ) -> Refusal:
        """The refusal: of exactly that class and status, for that reason, with nothing to commit and nothing committed."""
        before = self.store.load(list(self.store._rows))
        with pytest.raises(error) as caught:
            self.authenticate(request, now=now)
        refusal = caught.value
        assert type(refusal) is error
        assert because in refusal.description, refusal.description
        assert refusal.reply.changes == ()
        assert refusal.reply.response.status == status
        assert self.store.load(list(self.store._rows)) == before
        return refusal


def _left(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@frozen(kw_only=True)
class Attested:
    """A good Client Attestation with a good proof, until some of it is changed. A member that is None is left out."""

    header: Mapping[str, Any] = field(factory=dict)
    claims: Mapping[str, Any] = field(factory=dict)
    pop_header: Mapping[str, Any] = field(factory=dict)
    pop_claims: Mapping[str, Any] = field(factory=dict)
    attester: LocalSigner = ATTESTER_KEY
    instance: LocalSigner = INSTANCE_KEY
    pop_signer: LocalSigner | None = None

    @property
    def attestation(self) -> str:
        header = {"typ": "oauth-client-attestation+jwt", "alg": self.attester.algorithm}
        claims = {
            "iss": ATTESTER,
            "sub": CLIENT,
            "iat": NOW - 60,
            "exp": NOW + 3600,
            "cnf": {"jwk": dict(self.instance.public_jwk)},
        }
        return jws(_left({**header, **self.header}), _left({**claims, **self.claims}), self.attester)

    @property
    def pop(self) -> str:
        header = {"typ": "oauth-client-attestation-pop+jwt", "alg": self.instance.algorithm}
        claims = {"iss": CLIENT, "aud": ISSUER, "jti": "1", "iat": NOW}
        return jws(_left({**header, **self.pop_header}), _left({**claims, **self.pop_claims}), self.pop_signer or self.instance)

    @property
    def headers(self) -> dict[str, str]:
        return {"OAuth-Client-Attestation": self.attestation, "OAuth-Client-Attestation-PoP": self.pop}

    def request(self, **form: str | None) -> Request:
        return post(self.headers, **{"grant_type": "authorization_code", **form})

    def with_pop(self, **claims: Any) -> "Attested":
        """The same with other claims in the proof."""
        return evolve(self, pop_claims={**self.pop_claims, **claims})


@frozen(kw_only=True)
class Asserted:
    """A good client assertion, until some of it is changed. A member that is None is left out."""

    header: Mapping[str, Any] = field(factory=dict)
    claims: Mapping[str, Any] = field(factory=dict)
    signer: LocalSigner = CLIENT_KEY

    def __str__(self) -> str:
        header = {"alg": self.signer.algorithm}
        claims = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "1", "iat": NOW, "exp": NOW + 60}
        return jws(_left({**header, **self.header}), _left({**claims, **self.claims}), self.signer)

    def request(self, **form: str | None) -> Request:
        parameters = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": str(self)}
        return post(**{**parameters, **form})
