"""A Wallet's keys and client authentications, and what servers make of what it sends: our rooms, joserfc and jwcrypto."""

import hashlib
from typing import Any

from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from oid4vci import _jose, _json
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, RemoteSigner, public_key, thumbprint
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.oauth.client_authentication import AuthenticatedClient, ClientAuthenticationMethod, read_client
from oid4vci.oauth.dpop import Dpop
from oid4vci.wallet.client_authentication import ClientAssertion, WalletAttestation
from tests.scripted_server import ACCESS_TOKEN, ISSUER, NOW, SERVER_URL, TOKEN, Server, ok, server_metadata

CLIENT, PROVIDER = "https://wallet.example/app", "https://provider.example"
CHALLENGE_ENDPOINT = "https://issuer.example/tenant/challenge"
DPOP, OTHER_DPOP, INSTANCE, OTHER_INSTANCE, PROVIDER_KEY, CLIENT_KEY = (
    LocalSigner.generate(name) for name in ("dpop", "other dpop", "instance", "other instance", "provider", "client")
)
SIGNERS = {signer.key_id: signer for signer in (DPOP, OTHER_DPOP, INSTANCE, OTHER_INSTANCE, CLIENT_KEY)}
BOUND = {"access_token": ACCESS_TOKEN, "token_type": "DPoP"}


def remote(signer: LocalSigner) -> RemoteSigner:
    """The same key, elsewhere."""
    return RemoteSigner(signer.key_id, signer.algorithm, signer.public_jwk)


def sign(inputs: Any) -> list[bytes]:
    """What a KMS does."""
    return [SIGNERS[each.key_id].sign(each.data) for each in inputs]


def server(answers: dict[str, Any] | None = None, /, **members: Any) -> Server:
    """A scripted server that binds its tokens; `members` are further ones of the Authorization Server's metadata."""
    return Server({SERVER_URL: ok({**server_metadata(), **members}), TOKEN: ok(BOUND), **(answers or {})})


def wants_nonce(nonce: str | None, status: int = 400) -> Response:
    """`use_dpop_nonce`, as an Authorization Server (400) or as a protected endpoint (401) says it."""
    given = {} if nonce is None else {"dpop-nonce": nonce}
    if status == 400:
        return Response.of_json(400, {"error": "use_dpop_nonce"}, given)
    return Response(401, {"www-authenticate": 'DPoP error="use_dpop_nonce", algs="ES256"', **given})


def wants_challenge(challenge: str | None) -> Response:
    """`use_attestation_challenge`."""
    given = {} if challenge is None else {"oauth-client-attestation-challenge": challenge}
    return Response.of_json(400, {"error": "use_attestation_challenge"}, given)


def verified(token: str, jwk: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT that two other libraries verify with this key."""
    read = joserfc_jws.deserialize_compact(token, ECKey.import_key(dict(jwk)), algorithms=["ES256"])
    other = jwcrypto_jws.JWS()
    other.allowed_algs = ["ES256"]
    other.deserialize(token)
    other.verify(jwcrypto_jwk.JWK(**jwk))
    assert other.payload == read.payload
    claims = _json.loads(read.payload)
    assert isinstance(claims, dict)
    return dict(read.headers()), claims


def proof(request: Request, *, access_token: str | None = None, key: LocalSigner = DPOP, now: int = NOW) -> dict[str, Any]:
    """The claims of the DPoP proof of a request, which every server would accept (RFC 9449 4.3)."""
    read = Dpop().read(request, url=request.url)
    assert read is not None
    assert read.verify({}, now=now, access_token=access_token).jkt == thumbprint(key.public_jwk)
    (token,) = request.headers.all("dpop")
    header, claims = verified(token, _jose.parse(token).header["jwk"])
    assert header == {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(key.public_jwk)}
    assert claims.keys() - {"nonce"} == {"jti", "htm", "htu", "iat", *(() if access_token is None else ("ath",))}
    return claims


def nonces(requests: list[Request]) -> list[str | None]:
    """The nonce in each proof; None where there is none. No two proofs are the same."""
    found = [_jose.parse(request.headers.get("dpop") or "").claims() for request in requests]
    assert len({claims["jti"] for claims in found}) == len(found)
    assert all("nonce" not in claims or claims["nonce"] is not None for claims in found)
    return [claims.get("nonce") for claims in found]


def attestation_jwt(
    key: LocalSigner = INSTANCE,
    *,
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    lifetime: int = 60,
) -> str:
    """A Wallet Attestation; members of `header` and `claims` are replaced, or left out where they are None."""
    data = client_attestation_signing_input(
        PROVIDER_KEY, issuer=PROVIDER, client_id=CLIENT, jwk=key.public_jwk, now=NOW, lifetime=lifetime
    )
    if header is not None or claims is not None:
        made = _jose.parse(_jose.compact(data, b""))
        parts = ({**made.header, **(header or {})}, {**made.claims(), **(claims or {})})
        left = [{name: value for name, value in part.items() if value is not None} for part in parts]
        data = _jose.signing_input(left[0], _json.dump_bytes(left[1]))
    return _jose.compact(data, PROVIDER_KEY.sign(data))


def attestation(
    key: LocalSigner | RemoteSigner = INSTANCE, *, authorization_server: str = ISSUER, **changes: Any
) -> WalletAttestation:
    """A Wallet Attestation for one Authorization Server."""
    local = SIGNERS[key.key_id]
    return WalletAttestation(attestation_jwt(local, **changes), key, authorization_server=authorization_server)


ASSERTION = ClientAssertion(CLIENT_KEY)
METHODS: dict[str, ClientAuthenticationMethod] = {
    "attest_jwt_client_auth": ClientAttestation(attesters={PROVIDER: (public_key(PROVIDER_KEY.public_jwk),)}),
    "private_key_jwt": PrivateKeyJwt(),
}
REGISTRATIONS = {
    CLIENT: ClientMetadata(token_endpoint_auth_method="attest_jwt_client_auth"),
    "wallet": ClientMetadata(
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [{**CLIENT_KEY.public_jwk, "kid": CLIENT_KEY.key_id, "use": "sig", "alg": "ES256"}]},
    ),
}


def authenticated(request: Request) -> AuthenticatedClient:
    """The client, as an Authorization Server sees it."""
    read = read_client(
        request,
        request.form(),
        methods=METHODS,
        registered=REGISTRATIONS.get,
        issuer=ISSUER,
        endpoint=request.url,
        anonymous=False,
    )
    return read.verify({}, keys={}, now=NOW)


def pop(request: Request, key: LocalSigner = INSTANCE) -> dict[str, Any]:
    """The claims of the proof of possession of a request whose Wallet Attestation an Authorization Server accepts."""
    client = authenticated(request)
    assert (client.client_id, client.instance) == (CLIENT, thumbprint(key.public_jwk))
    (token,) = request.headers.all("oauth-client-attestation-pop")
    header, claims = verified(token, key.public_jwk)
    assert header == {"typ": "oauth-client-attestation-pop+jwt", "alg": "ES256"}
    return claims


def challenges(requests: list[Request]) -> list[str | None]:
    """The challenge in each proof of possession; None where there is none. No two proofs are the same."""
    found = [_jose.parse(request.headers.get("oauth-client-attestation-pop") or "").claims() for request in requests]
    assert len({claims["jti"] for claims in found}) == len(found)
    return [claims.get("challenge") for claims in found]


def ath(access_token: str) -> str:
    """RFC 9449 4.2."""
    return _json.b64url_encode(hashlib.sha256(access_token.encode()).digest())
