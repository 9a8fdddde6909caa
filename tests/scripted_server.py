"""An issuer and its Authorization Server as a script of hand-written answers, and a small Credential Format, for Wallet tests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import define, field

from oid4vci import _jose, _json
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, PublicKey, public_key, public_keys
from oid4vci.metadata import CredentialConfiguration
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.trust import Trust
from oid4vci.wallet import Offer, Opened, Session, Wallet

ISSUER = "https://issuer.example/tenant"
METADATA_URL = "https://issuer.example/.well-known/openid-credential-issuer/tenant"
SERVER_URL = "https://issuer.example/.well-known/oauth-authorization-server/tenant"
TOKEN = "https://tokens.example/token"
NONCE = "https://issuer.example/tenant/nonce"
CREDENTIAL = "https://credentials.example/credential?v=1"
JWKS = "https://issuer.example/jwks"
CODE = "the-pre-authorized-code"
ACCESS_TOKEN = "the-access-token"
NOW = 1_800_000_000

ISSUER_KEY = LocalSigner.generate("issuer")
HOLDER_KEYS = tuple(LocalSigner.generate(f"holder-{i}") for i in range(4))


def credential_for(jwk: Any, *, signer: LocalSigner = ISSUER_KEY, **claims: Any) -> str:
    """A Credential of the format below, bound to `jwk` if there is one."""
    confirmation = {} if jwk is None else {"cnf": {"jwk": jwk}}
    data = _jose.signing_input({"alg": signer.algorithm}, _json.dump_bytes({**confirmation, **claims}))
    return _jose.compact(data, signer.sign(data))


@define
class JwtFormat:
    """A JWT with `cnf`, signed by a key that is known, or one of the keys that must be fetched first."""

    fetch: Sequence[str] = ()
    seen: list[dict[str, Any]] = field(factory=list)

    def verify(
        self,
        credential: Any,
        *,
        configuration: CredentialConfiguration | None,
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        self.seen.append({"trust": trust, "holder_keys": holder_keys, "now": now, "configuration": configuration})
        for url in self.fetch:
            trust.demand(url)
            if url not in documents:
                return NeededDocument(url, ("application/json", "application/jwk-set+json"))
        try:
            keys = public_keys(_json.loads(documents[self.fetch[0]])) if self.fetch else (public_key(ISSUER_KEY.public_jwk),)
            jws = _jose.parse(credential if isinstance(credential, str) else "")
            _jose.verify(jws, keys[0], algorithms=("ES256",))
            claims = jws.claims()
            holder_key = public_key(claims["cnf"]["jwk"]) if "cnf" in claims else None
        except (_json.Malformed, IndexError) as error:
            raise InvalidCredential("the credential does not verify") from error
        return VerifiedCredential("dc+sd-jwt", credential, claims, holder_key=holder_key)


def metadata() -> dict[str, Any]:
    """The issuer's metadata."""
    binding = {
        "cryptographic_binding_methods_supported": ["jwk"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
    }
    return {
        "credential_issuer": ISSUER,
        "credential_endpoint": CREDENTIAL,
        "nonce_endpoint": NONCE,
        "deferred_credential_endpoint": "https://issuer.example/tenant/deferred",
        "batch_credential_issuance": {"batch_size": 3},
        "credential_configurations_supported": {
            "pid": {"format": "dc+sd-jwt", "vct": "urn:pid", "scope": "pid", **binding},
            "ticket": {"format": "dc+sd-jwt", "vct": "urn:ticket"},
            "other": {"format": "dc+sd-jwt", "vct": "urn:other", **binding},
        },
    }


def server_metadata(issuer: str = ISSUER) -> dict[str, Any]:
    """The Authorization Server's metadata."""
    return {
        "issuer": issuer,
        "token_endpoint": TOKEN,
        "response_types_supported": ["code"],
        "grant_types_supported": [PRE_AUTHORIZED_CODE],
    }


def offer(*, tx_code: Any = None, **grant: Any) -> dict[str, Any]:
    """A Credential Offer with a pre-authorized code."""
    parameters = {"pre-authorized_code": CODE, **grant} | ({} if tx_code is None else {"tx_code": tx_code})
    return {
        "credential_issuer": ISSUER,
        "credential_configuration_ids": ["pid", "ticket"],
        "grants": {PRE_AUTHORIZED_CODE: parameters},
    }


def by_value(document: Any) -> str:
    """The URI that carries an offer."""
    return f"openid-credential-offer://?credential_offer={quote(_json.dumps(document))}"


Answer = Response | Callable[[Request], Response]


def ok(value: Any) -> Response:
    """A JSON answer."""
    return Response.of_json(200, value)


def error(code: str, status: int = 400) -> Response:
    """An error answer."""
    return Response.of_json(status, {"error": code})


@define
class Server:
    """Answers by URL; what is not there is 404. An answer that is a list is used up one by one."""

    answers: dict[str, Answer | list[Answer]] = field(factory=dict)
    requests: list[Request] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        nonces = iter(range(1, 1000))
        self.answers = {
            METADATA_URL: ok(metadata()),
            SERVER_URL: ok(server_metadata()),
            TOKEN: ok({"access_token": ACCESS_TOKEN, "token_type": "Bearer"}),
            NONCE: lambda request: ok({"c_nonce": f"nonce-{next(nonces)}"}),
            CREDENTIAL: issue,
            JWKS: ok({"keys": [dict(ISSUER_KEY.public_jwk)]}),
            **self.answers,
        }

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.get(request.url, Response(404))
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer if isinstance(answer, Response) else answer(request)

    @property
    def urls(self) -> list[str]:
        """Where requests went."""
        return [request.url for request in self.requests]

    def to(self, url: str) -> list[Request]:
        """The requests to one URL."""
        return [request for request in self.requests if request.url == url]


def proofs_of(request: Request) -> list[_jose.Jws]:
    """The proofs in a Credential Request."""
    return [_jose.parse(proof) for proof in request.json_object().get("proofs", {}).get("jwt", [])]


def issue(request: Request) -> Response:
    """A Credential for each key, the last key first."""
    credentials = [credential_for(proof.header["jwk"]) for proof in reversed(proofs_of(request))] or [credential_for(None)]
    return ok({"credentials": [{"credential": credential} for credential in credentials]})


def wallet(**members: Any) -> Wallet:
    """A Wallet that trusts everybody in this file."""
    settings: dict[str, Any] = {
        "trust": Trust(allow=lambda url: url.startswith("https://issuer.example/") or url in (TOKEN, CREDENTIAL)),
        "client_id": "wallet",
        "formats": {"dc+sd-jwt": JwtFormat()},
    }
    return Wallet(**{**settings, **members})


def opened(server: Server, document: Any = None, **settings: Any) -> Opened:
    """An opened offer."""
    return run(Offer.parse(by_value(offer() if document is None else document)).open(wallet(**settings)), server)


def session(server: Server, **settings: Any) -> Session:
    """A session for everything in the offer."""
    return run(opened(server, **settings).redeem(), server)
