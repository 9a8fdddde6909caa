"""Clients at the server: attested, with a key of their own, public, anonymous; each held to what it is registered for."""

from typing import Any

import pytest
from attrs import field, frozen

from oid4vci import _jose
from oid4vci.http import Request
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_key, thumbprint
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import PrivateKeyJwt, client_assertion_signing_input
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation, client_attestation_pop_signing_input
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.oauth.client_authentication import PublicClient
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens
from tests.authorization import AUTHORIZE, CHALLENGE, CLIENT, PAR, REDIRECT_URI, CodeFlow, Proving, arrived, code_flow
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, TOKEN, refused, secret_keys, token_request

PROVIDER = LocalSigner.generate("provider-1")
PROVIDER_NAME = "https://provider.example"
ATTESTED = ClientMetadata(token_endpoint_auth_method="attest_jwt_client_auth")
ASSERTED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@frozen
class AttestedWallet:
    """A Wallet with an attestation of `PROVIDER`."""

    provider: LocalSigner = PROVIDER
    key: LocalSigner = field(factory=lambda: LocalSigner.generate("instance"))
    client_id: str = CLIENT
    numbers: list[int] = field(factory=list)

    def headers(
        self, *, now: int = NOW, audience: str = IDENTIFIER, challenge: str | None = None, **also: str
    ) -> dict[str, Any]:
        self.numbers.append(0)
        data = client_attestation_signing_input(
            self.provider, issuer=PROVIDER_NAME, client_id=self.client_id, jwk=self.key.public_jwk, now=now, lifetime=3600
        )
        jti = f"{id(self)}-{len(self.numbers)}"
        proof = client_attestation_pop_signing_input(
            self.key, client_id=self.client_id, audience=audience, jti=jti, now=now, challenge=challenge
        )
        return {
            "oauth-client-attestation": _jose.compact(data, self.provider.sign(data)),
            "oauth-client-attestation-pop": _jose.compact(proof, self.key.sign(proof)),
            **also,
        }


def attested(*, challenges: bool = False, **settings: Any) -> CodeFlow:
    """A server for any Wallet that `PROVIDER` attests, whatever its redirect URI."""
    method = ClientAttestation(
        attesters={PROVIDER_NAME: [public_key(PROVIDER.public_jwk)]},
        challenges=Challenges(secret_keys()) if challenges else None,
    )
    return code_flow(
        **{
            "clients": {},
            "other_clients": ATTESTED,
            "client_authentication": {"attest_jwt_client_auth": method},
            **settings,
        }
    )


@pytest.mark.spec("VCI-E-01", "VCI-E-02", "VCI-E-08", "HAIP-4-01", "HAIP-4.3-01")
def test_an_attested_wallet_completes_the_flow() -> None:
    flow, wallet, proving = attested(), AttestedWallet(), Proving()
    code = flow.code(headers=wallet.headers(dpop=proving(PAR)))
    body = flow.exchange(code, headers=wallet.headers(dpop=proving(TOKEN))).json()
    token = body["access_token"]
    proof = proving(CREDENTIAL, access_token=token)
    order = {"credential_configuration_id": "note"}
    assert flow.credential(None, order, authorization=f"DPoP {token}", dpop=proof).status == 200
    assert flow.host.requests[-1].request.instance == thumbprint(wallet.key.public_jwk)
    assert flow.refresh(body["refresh_token"], headers=wallet.headers(dpop=proving(TOKEN))).status == 200


@pytest.mark.spec("HAIP-4.4.1-02", "VCI-15.7-01")
def test_a_wallet_without_attestation_is_refused_everywhere() -> None:
    flow = attested()
    refused(flow.push(), "invalid_client", status=401)
    refused(flow.exchange("code"), "invalid_client", status=401)
    refused(flow.refresh("token"), "invalid_client", status=401)
    refused(flow.send(token_request(flow.grant("note"))), "invalid_client", status=401)
    refused(flow.send(token_request(flow.grant("note"), client_id=None)), "invalid_client", status=401)


def test_a_redirect_uri_that_is_not_registered_must_be_pushed_by_a_client_that_authenticated() -> None:
    flow, wallet = attested(), AttestedWallet()
    uri = "https://any.example/cb"
    assert "code" in arrived(flow.visit(flow.pushed(headers=wallet.headers(), redirect_uri=uri)), redirect_uri=uri)
    refused(flow.authorize(redirect_uri=uri), "invalid_request")
    for unsafe in ("javascript:alert(1)", "http://any.example/cb", "https://any.example/cb#f", "/cb", "https://a@any.example/"):
        refused(flow.push(headers=wallet.headers(), redirect_uri=unsafe), "invalid_request")


def test_where_redirect_uris_are_registered_an_attestation_does_not_change_them() -> None:
    registered = ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method=ATTESTED.token_endpoint_auth_method)
    flow, wallet = attested(clients={CLIENT: registered}), AttestedWallet()
    refused(flow.push(headers=wallet.headers(), redirect_uri="https://any.example/cb"), "invalid_request")
    assert flow.push(headers=wallet.headers()).status == 201


@pytest.mark.spec("VCI-E-01", "VCI-E-07", "VCI-E-08", "HAIP-4.4.1-10")
@pytest.mark.parametrize(
    ("wallet", "also", "parameters"),
    [
        (AttestedWallet(LocalSigner.generate("provider-1")), {}, {}),
        (AttestedWallet(), {"audience": "https://other.example"}, {}),
        (AttestedWallet(), {}, {"client_id": "other"}),
        (AttestedWallet(), {"now": NOW - 4000}, {}),
        (AttestedWallet(client_id="other"), {}, {}),
    ],
    ids=["another provider", "another audience", "another client_id", "expired", "another subject"],
)
def test_a_bad_attestation_is_refused_and_leaves_the_code(wallet: AttestedWallet, also: Any, parameters: Any) -> None:
    flow, good = attested(), AttestedWallet()
    code = flow.code(headers=good.headers())
    before = flow.host.rows
    for response in (
        flow.exchange(code, headers=wallet.headers(**also), **parameters),
        flow.push(headers=wallet.headers(**also), **parameters),
    ):
        assert response.json()["error"] == "invalid_client"
        assert response.status in (400, 401)
    assert flow.host.rows == before
    assert flow.exchange(code, headers=good.headers()).status == 200


def test_a_code_serves_only_the_instance_that_asked_for_it() -> None:
    flow, mine, other = attested(), AttestedWallet(), AttestedWallet()
    code = flow.code(headers=mine.headers())
    refused(flow.exchange(code, headers=other.headers()), "invalid_grant")
    assert flow.exchange(code, headers=mine.headers()).status == 200


def test_a_proof_of_possession_serves_once_and_is_not_spent_by_a_refusal() -> None:
    flow, wallet = attested(), AttestedWallet()
    headers = wallet.headers()
    refused(flow.push(headers=headers, scope="unknown"), "invalid_scope")
    assert flow.push(headers=headers).status == 201
    refused(flow.push(headers=headers), "invalid_client")


def test_challenges_are_given_and_asked_for() -> None:
    flow, wallet = attested(challenges=True), AttestedWallet()
    response = flow.send(Request("POST", CHALLENGE))
    assert (response.status, response.headers.get("cache-control")) == (200, "no-store")
    challenge = response.json()["attestation_challenge"]
    code = flow.code(headers=wallet.headers(challenge=challenge))
    # The same challenge serves several requests.
    assert flow.exchange(code, headers=wallet.headers(challenge=challenge)).status == 200
    response = flow.push(headers=wallet.headers())
    refused(response, "use_attestation_challenge")
    fresh = response.headers.get("oauth-client-attestation-challenge")
    assert flow.push(headers=wallet.headers(challenge=fresh)).status == 201
    refused(flow.push(headers=wallet.headers(challenge=challenge, now=NOW + 300), now=NOW + 300), "use_attestation_challenge")
    assert flow.send(Request("GET", CHALLENGE)).status == 405


def test_a_challenge_is_renewed_in_time() -> None:
    flow, wallet = attested(challenges=True), AttestedWallet()
    challenge = flow.send(Request("POST", CHALLENGE)).json()["attestation_challenge"]
    response = flow.push(headers=wallet.headers(challenge=challenge, now=NOW + 200), now=NOW + 200)
    renewed = response.headers.get("oauth-client-attestation-challenge")
    assert response.status == 201
    later = NOW + 400
    assert flow.push(headers=wallet.headers(challenge=renewed, now=later), now=later).status == 201


# --- private_key_jwt ----------------------------------------------------------------------------------------------------------

OWN = LocalSigner.generate("client-1")
JWKS = {"keys": [{**OWN.public_jwk, "kid": "client-1"}]}


def assertion(
    signer: LocalSigner = OWN, *, audience: str = IDENTIFIER, jti: str = "1", client_id: str = CLIENT
) -> dict[str, Any]:
    data = client_assertion_signing_input(signer, client_id=client_id, audience=audience, jti=jti, now=NOW)
    return {"client_assertion_type": ASSERTED, "client_assertion": _jose.compact(data, signer.sign(data))}


def asserted(**members: Any) -> CodeFlow:
    keys = members or {"jwks": JWKS}
    client = ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="private_key_jwt", **keys)
    methods = {"private_key_jwt": PrivateKeyJwt(), "none": PublicClient()}
    return code_flow(clients={CLIENT: client, "public": ClientMetadata()}, client_authentication=methods)


@pytest.mark.spec("VCI-6.1-07")
def test_a_client_with_a_key_of_its_own_completes_the_flow() -> None:
    flow = asserted()
    code = flow.code(**assertion(jti="1"))
    refused(flow.exchange(code), "invalid_client", status=401)
    refused(flow.exchange(code, **assertion(jti="1")), "invalid_client")
    assert flow.exchange(code, client_id=None, **assertion(jti="2")).status == 200


@pytest.mark.parametrize(
    "parameters",
    [
        assertion(LocalSigner.generate("client-1")),
        assertion(audience="https://other.example"),
        assertion(audience=AUTHORIZE),
        assertion(client_id="other"),
        {**assertion(), "client_assertion_type": "other"},
        {"client_assertion_type": ASSERTED, "client_assertion": "x"},
    ],
)
def test_a_bad_assertion_is_refused(parameters: dict[str, Any]) -> None:
    flow = asserted()
    response = flow.push(**parameters)
    assert response.json()["error"] == "invalid_client"
    assert not flow.host.rows


def test_a_client_that_is_to_sign_needs_keys() -> None:
    with pytest.raises(ValueError, match=r"clients\.wallet: has no keys"):
        asserted(client_name="x")


def test_keys_elsewhere_are_resolved_by_the_host() -> None:
    flow = asserted(jwks_uri="https://wallet.example/jwks")
    # With the `kid`, so that whoever keeps the keys notices when they are old.
    reference = KeyReference("https://wallet.example/jwks", "client-1")
    refused(flow.push(**assertion()), "invalid_client")
    assert flow.host.asked == [reference]

    def resolve(references: Any) -> ResolvedKeys:
        key: PublicKey = public_key(JWKS["keys"][0])
        return dict.fromkeys(references, (key,))

    flow.host.resolve = resolve  # type: ignore[method-assign]
    assert flow.push(**assertion()).status == 201


# --- what is published is what is served --------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-13.3-04")
def test_the_derived_metadata_say_what_is_served() -> None:
    flow = attested(challenges=True, dpop_required=True)
    metadata = flow.get("https://issuer.example/.well-known/oauth-authorization-server/tenant").json()
    assert metadata == {
        "issuer": IDENTIFIER,
        "token_endpoint": TOKEN,
        "authorization_endpoint": AUTHORIZE,
        "pushed_authorization_request_endpoint": PAR,
        "challenge_endpoint": CHALLENGE,
        "scopes_supported": ["note-scope", "card-scope", "pair"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "refresh_token",
        ],
        "token_endpoint_auth_methods_supported": ["attest_jwt_client_auth"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": ["openid_credential"],
        "dpop_signing_alg_values_supported": metadata["dpop_signing_alg_values_supported"],
        "client_attestation_signing_alg_values_supported": metadata["client_attestation_signing_alg_values_supported"],
        "client_attestation_pop_signing_alg_values_supported": metadata["client_attestation_pop_signing_alg_values_supported"],
    }
    assert "ES256" in metadata["dpop_signing_alg_values_supported"]


@pytest.mark.parametrize(
    ("metadata", "settings", "named"),
    [
        ({"authorization_endpoint": None}, {}, "authorization_endpoint"),
        ({"code_challenge_methods_supported": ("S256", "plain")}, {}, "code_challenge_methods_supported"),
        ({"code_challenge_methods_supported": None}, {}, "code_challenge_methods_supported"),
        ({"authorization_response_iss_parameter_supported": None}, {}, "authorization_response_iss_parameter_supported"),
        ({"response_types_supported": ("code", "token")}, {}, "response_types_supported"),
        ({"response_modes_supported": ("fragment",)}, {}, "response_modes_supported"),
        ({"challenge_endpoint": CHALLENGE}, {}, "challenge_endpoint"),
        ({"dpop_signing_alg_values_supported": None}, {}, "dpop_signing_alg_values_supported"),
        ({"dpop_signing_alg_values_supported": ("RS256",)}, {}, "dpop_signing_alg_values_supported"),
        ({"token_endpoint_auth_methods_supported": ("none", "private_key_jwt")}, {}, "token_endpoint_auth"),
        ({"grant_types_supported": ("authorization_code",)}, {}, "grant_types_supported"),
        ({"pushed_authorization_request_endpoint": TOKEN}, {}, "a path of its own"),
        ({"introspection_endpoint": f"{IDENTIFIER}/introspect"}, {}, "introspection_endpoint"),
        ({}, {"dpop": None, "dpop_required": True}, "dpop_required"),
        ({}, {"credential_issuers": ()}, "credential_issuers"),
        ({}, {"credential_issuers": (IDENTIFIER,)}, "credential_issuers"),
        ({}, {"access_token_lifetime": 301}, "access_token_lifetime"),
        ({}, {"bound_access_token_lifetime": 0}, "bound_access_token_lifetime"),
        ({}, {"request_uri_lifetime": 4}, "request_uri_lifetime"),
        ({}, {"login_lifetime": 0}, "login_lifetime"),
        ({}, {"clients": {"w": ATTESTED}}, r"clients\.w"),
        ({}, {"other_clients": ATTESTED}, r"clients\.other_clients"),
        ({}, {"published_keys": [OWN, OWN]}, "published_keys"),
        ({}, {"clients": {"w": ClientMetadata(jwks=JWKS)}}, r"clients\.w.*token_endpoint_auth_method"),
        ({}, {"clients": {"w": ClientMetadata(extra={"client_secret": "s"})}}, r"clients\.w.*token_endpoint_auth_method"),
        ({}, {"access_tokens": JwtAccessTokens(OWN, issuer="https://other.example")}, "access_tokens"),
        (
            {},
            {"access_tokens": JwtAccessTokens(OWN, issuer=IDENTIFIER), "published_keys": [PROVIDER]},
            "published_keys: must have the key",
        ),
        ({"jwks_uri": None}, {"published_keys": [OWN]}, "jwks_uri"),
        ({}, {"authorization_codes": None, "pre_authorized_codes": None}, "pre_authorized_codes"),
    ],
)
def test_a_server_that_would_not_keep_its_word_is_not_made(metadata: Any, settings: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        code_flow(server_metadata=metadata, **settings)


def test_a_server_for_pre_authorized_codes_only_needs_no_authorization_endpoint() -> None:
    flow = code_flow(authorization_codes=None, refresh_tokens=None, dpop=None, issuer={"dpop": None})
    assert flow.server.metadata.response_types_supported is None
    refused(flow.push(), "not_found", status=404)
    assert flow.redeem(flow.grant("note")).status == 200
    with pytest.raises(ValueError, match="pre-authorized"):
        code_flow(pre_authorized_codes=None).server.pre_authorize("ada", ["note"], now=NOW)


@pytest.mark.spec("HAIP-4-12")
def test_es256_alone_is_enough() -> None:
    method = ClientAttestation(
        attesters={PROVIDER_NAME: [public_key(PROVIDER.public_jwk)]}, algorithms=("ES256",), pop_algorithms=("ES256",)
    )
    only = Dpop(algorithms=("ES256",))
    flow = attested(client_authentication={"attest_jwt_client_auth": method}, dpop=only, dpop_required=True)
    metadata = flow.server.metadata
    assert metadata.dpop_signing_alg_values_supported == metadata.client_attestation_signing_alg_values_supported == ("ES256",)
    wallet, proving = AttestedWallet(), Proving()
    code = flow.code(headers=wallet.headers(dpop=proving(PAR)))
    assert flow.exchange(code, headers=wallet.headers(dpop=proving(TOKEN))).status == 200
    other = AttestedWallet(key=LocalSigner.generate("instance", "EdDSA"))
    refused(flow.push(headers=other.headers()), "invalid_client")
