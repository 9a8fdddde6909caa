"""An issuer, its authorization server and their host, for tests from the outside in: HTTP requests go in, responses come out.

The formats here are of a third party (`x-note`, a JWS, and `x-object`, a plain JSON object): the endpoints know nothing of formats,
and these show what it takes to add one.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._json import dump_bytes
from oid4vci.authorization_server import AuthorizationServer, TokenOrder
from oid4vci.claims import ClaimsSemantics
from oid4vci.drive import Draft, Together, respond
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, RemoteSigner, ResolvedKeys, Signer, SigningInput, sign
from oid4vci.memory import MemoryStore
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    ProofType,
)
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import AccessTokens, SealedAccessTokens
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorized, PreAuthorizedCodes
from oid4vci.records import Key, Record, Reply
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

NOW = 1_800_000_000
IDENTIFIER = "https://issuer.example/tenant"
CREDENTIAL, NONCE, TOKEN, OFFERS = (f"{IDENTIFIER}/{name}" for name in ("credential", "nonce", "token", "offers"))
ISSUER_METADATA = "https://issuer.example/.well-known/openid-credential-issuer/tenant"
SERVER_METADATA = "https://issuer.example/.well-known/oauth-authorization-server/tenant"
CLIENT = "wallet"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
JSON_CLAIMS = ClaimsSemantics()
CLAIMS: Mapping[str, Any] = {"given_name": "Ada", "grade": 1}
ALGORITHMS = ("ES256", "ES384", "EdDSA")


def secret_keys(seed: int = 1) -> SealingKeys:
    return SealingKeys([bytes([seed]) * 32])


def counted(start: int = 0) -> NewSecret:
    """A generator of secrets that can be foretold."""
    number = start

    def new_secret(size: int) -> bytes:
        nonlocal number
        number += 1
        return number.to_bytes(size, "big")

    return new_secret


@frozen
class NoteDraft:
    signer: Signer
    inputs: tuple[bytes, ...]

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        if isinstance(self.signer, LocalSigner):
            return ()
        return tuple(SigningInput(self.signer.key_id, self.signer.algorithm, data) for data in self.inputs)

    def finish(self, signatures: Sequence[bytes] = ()) -> tuple[str | dict[str, Any], ...]:
        made = sign(self.signer, self.inputs, signatures)
        return tuple(_jose.compact(data, each) for data, each in zip(self.inputs, made, strict=True))


@frozen
class NoteEncoder:
    """The format `x-note`: a JWS over the claims, a salt and the holder's key."""

    signer: Signer
    format: str = "x-note"
    semantics: ClaimsSemantics = JSON_CLAIMS

    def check(self, configuration: CredentialConfiguration) -> None:
        """Every configuration will do."""

    def binds(self, key: PublicKey, *, configuration: CredentialConfiguration) -> bool:
        """Any key."""
        return True

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: CredentialConfiguration,
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> NoteDraft:
        if "cnf" in claims:
            raise ValueError("cnf is reserved")
        inputs = []
        for i, key in enumerate(holder_keys or (None,)):
            own = {} if copies is None else copies[i]
            bound = {} if key is None else {"cnf": {"jwk": dict(key.jwk)}}
            payload = {**claims, **own, **bound, "iss": issuer, "salt": new_secret(16).hex()}
            inputs.append(_jose.signing_input({"alg": self.signer.algorithm}, dump_bytes(payload)))
        return NoteDraft(self.signer, tuple(inputs))


@frozen
class FixedDraft:
    credentials: tuple[Any, ...]
    to_sign: tuple[SigningInput, ...] = ()

    def finish(self, signatures: Sequence[bytes] = ()) -> tuple[Any, ...]:
        return self.credentials


@frozen
class FixedEncoder:
    """The format `x-object`: whatever it was made with, else the claims as a JSON object."""

    credentials: tuple[Any, ...] | None = None
    format: str = "x-object"
    semantics: ClaimsSemantics = JSON_CLAIMS

    def check(self, configuration: CredentialConfiguration) -> None:
        """Every configuration will do."""

    def binds(self, key: PublicKey, *, configuration: CredentialConfiguration) -> bool:
        """Any key."""
        return True

    def draft(self, claims: Mapping[str, Any], **_: Any) -> FixedDraft:
        return FixedDraft((dict(claims),) if self.credentials is None else self.credentials)


class Host(MemoryStore):
    """An application that issues the same claims to everybody, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[TokenOrder | CredentialOrder] = []
        self.asked: list[KeyReference] = []
        self.signer = LocalSigner.generate("remote")

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        self.asked.extend(references)
        return {}

    def decide(self, order: Any, /) -> Draft | Reply:
        self.orders.append(order)
        decided: Draft = order.issue() if isinstance(order, TokenOrder) else order.issue(CLAIMS)
        return decided

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return [self.signer.sign(each.data) for each in inputs]

    @property
    def remote_signer(self) -> RemoteSigner:
        """The host's key, as the issuer knows it."""
        return RemoteSigner(self.signer.key_id, self.signer.algorithm, self.signer.public_jwk)

    @property
    def rows(self) -> dict[Key, Record]:
        return dict(self.load(tuple(self._rows)))


@frozen
class Issuance:
    """A whole issuer side."""

    issuer: Issuer
    server: AuthorizationServer
    host: Host
    keys: SealingKeys

    def send(self, request: Request, *, now: int = NOW) -> Response:
        return respond(Together([self.issuer, self.server]), request, self.host, now=now)

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, now: int = NOW) -> Response:
        return self.send(Request("GET", url, headers or {}), now=now)

    # --- the authorization server --------------------------------------------------------------------------------------------

    def grant(self, *configuration_ids: str, now: int = NOW, **options: Any) -> PreAuthorized:
        granted = self.server.pre_authorize("ada", configuration_ids or ("note",), now=now, **options)
        assert self.host.commit(granted.changes)
        return granted

    def redeem(self, granted: PreAuthorized, *, now: int = NOW, **parameters: str | None) -> Response:
        return self.send(token_request(granted, **parameters), now=now)

    def token(self, *configuration_ids: str, now: int = NOW, **parameters: str | None) -> str:
        response = self.redeem(self.grant(*configuration_ids, now=now), now=now, **parameters)
        assert response.status == 200, response.body
        token = response.json()["access_token"]
        assert isinstance(token, str)
        return token

    # --- the issuer ----------------------------------------------------------------------------------------------------------

    def nonce(self, *, now: int = NOW) -> str:
        nonce = self.send(Request("POST", NONCE), now=now).json()["c_nonce"]
        assert isinstance(nonce, str)
        return nonce

    def credential(self, token: str | None, body: Any, *, now: int = NOW, **headers: str) -> Response:
        return self.send(credential_request(token, body, **headers), now=now)


def credential_request(token: str | None, body: Any, **headers: str) -> Request:
    """A Credential Request; `body` is JSON unless it is bytes. Underscores in the names of headers stand for hyphens."""
    fields = {"content-type": JSON, **({} if token is None else {"authorization": f"Bearer {token}"})}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", CREDENTIAL, fields, body if isinstance(body, bytes) else json.dumps(body).encode())


def token_request(granted: PreAuthorized | str, **parameters: str | None) -> Request:
    """A Token Request; a parameter that is None is left out. `code` stands for `pre-authorized_code`."""
    code = granted if isinstance(granted, str) else granted.grant.pre_authorized_code
    form = {"grant_type": GRANT_TYPE, "code": code, "client_id": CLIENT, **parameters}
    named = {"pre-authorized_code" if name == "code" else name: value for name, value in form.items() if value is not None}
    return Request("POST", TOKEN, {"content-type": FORM}, urlencode(named).encode())


def details(*configuration_ids: str, **members: Any) -> str:
    """The parameter `authorization_details`, an element for each configuration."""
    return json.dumps(
        [{"type": "openid_credential", "credential_configuration_id": each, **members} for each in configuration_ids]
    )


def configuration(*algorithms: str, format: str = "x-note") -> CredentialConfiguration:  # noqa: A002
    """A configuration that takes `jwt` proofs with these algorithms, or none at all."""
    if not algorithms:
        return CredentialConfiguration(format=format)
    return CredentialConfiguration(
        format=format,
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=algorithms)},
    )


def issuer_metadata(**members: Any) -> CredentialIssuerMetadata:
    """`note` and `other` need a proof, `badge` and `object` do not."""
    return CredentialIssuerMetadata(
        **{
            "credential_issuer": IDENTIFIER,
            "credential_endpoint": CREDENTIAL,
            "nonce_endpoint": NONCE,
            "batch_credential_issuance": BatchCredentialIssuance(batch_size=4),
            "credential_configurations_supported": {
                "note": configuration(*ALGORITHMS),
                "other": configuration("ES256"),
                "badge": configuration(),
                "object": configuration(format="x-object"),
            },
            **members,
        }
    )


def server_metadata(**members: Any) -> AuthorizationServerMetadata:
    return AuthorizationServerMetadata(
        **{
            "issuer": IDENTIFIER,
            "token_endpoint": TOKEN,
            "grant_types_supported": (GRANT_TYPE,),
            "token_endpoint_auth_methods_supported": ("none",),
            **members,
        }
    )


ISSUER_KEY = LocalSigner.generate("issuer-1")


def encoders(signer: Signer = ISSUER_KEY) -> dict[str, Any]:
    note = NoteEncoder(signer)
    return {"note": note, "other": note, "badge": note, "object": FixedEncoder()}


def new_issuer(
    metadata: CredentialIssuerMetadata | None = None,
    *,
    keys: SealingKeys | None = None,
    access_tokens: AccessTokens | None = None,
    **fields: Any,
) -> Issuer:
    keys = keys or secret_keys()
    settings: dict[str, Any] = {
        "encoders": encoders(),
        "nonces": Nonces(keys),
        "credential_offer_endpoint": OFFERS,
        **fields,
    }
    return Issuer(metadata or issuer_metadata(), access_tokens or SealedAccessTokens(keys), **settings)


def issuance(
    *,
    metadata: CredentialIssuerMetadata | None = None,
    keys: SealingKeys | None = None,
    anonymous: bool = False,
    codes: Mapping[str, Any] | None = None,
    server: Mapping[str, Any] | None = None,
    host: Host | None = None,
    **fields: Any,
) -> Issuance:
    """The issuer takes `fields`; `codes` and `server` are those of the pre-authorized codes and the authorization server."""
    keys = keys or secret_keys()
    return Issuance(
        new_issuer(metadata, keys=keys, **fields),
        AuthorizationServer(
            **{
                "metadata": server_metadata(pre_authorized_grant_anonymous_access_supported=anonymous or None),
                "pre_authorized_codes": PreAuthorizedCodes(keys, **(codes or {})),
                "access_tokens": SealedAccessTokens(keys),
                **(server or {}),
            }
        ),
        Host() if host is None else host,  # an empty store is false
        keys,
    )


# --- proofs, made by hand so that every part of them can be wrong ---------------------------------------------------------------


def b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(header: Any, payload: Any, signer: LocalSigner) -> str:
    """A compact JWS; header and payload are JSON unless they are bytes."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    data = ".".join(b64url(part) for part in parts)
    return f"{data}.{b64url(signer.sign(data.encode()))}"


@frozen
class Proof:
    """A good `jwt` proof, until some of it is changed. A member that is None in `header` or `claims` is left out."""

    nonce: str | None
    holder: LocalSigner = field(factory=lambda: LocalSigner.generate("holder"))
    header: Mapping[str, Any] = field(factory=dict)
    claims: Mapping[str, Any] = field(factory=dict)
    signer: LocalSigner | None = None

    def __str__(self) -> str:
        header = {"typ": "openid4vci-proof+jwt", "alg": self.holder.algorithm, "jwk": dict(self.holder.public_jwk)}
        claims = {"aud": IDENTIFIER, "iat": NOW, "nonce": self.nonce, "iss": CLIENT}
        return jws(
            {name: value for name, value in {**header, **self.header}.items() if value is not None},
            {name: value for name, value in {**claims, **self.claims}.items() if value is not None},
            self.signer or self.holder,
        )


def order_of(*proofs: Proof | str, configuration_id: str = "note", **members: Any) -> dict[str, Any]:
    """The body of a Credential Request with `jwt` proofs."""
    return {
        "credential_configuration_id": configuration_id,
        "proofs": {"jwt": [str(proof) for proof in proofs]},
        **members,
    }


def refused(response: Response, error: str, *, status: int = 400) -> dict[str, Any]:
    """The body of an error response: plain JSON that no cache keeps, with no members but those of RFC 6749 5.2."""
    assert response.status == status, (response.status, response.body)
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    body = response.json()
    assert isinstance(body, dict)
    assert body["error"] == error, body
    assert body.keys() <= {"error", "error_description", "error_uri"}
    assert all(isinstance(value, str) for value in body.values())
    return body
