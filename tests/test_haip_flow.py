"""HAIP from end to end: an issuer, its authorization server and a Wallet, each with the switch on and no other (HAIP 4, 5.3, 6)."""

from functools import partial
from typing import Any

import pytest
from attrs import field, frozen

from oid4vci._jose import parse
from oid4vci.drive import run
from oid4vci.errors import InvalidMetadata, Refused, TryLater
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.metadata.haip import issuer_findings, server_findings
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.wallet import Authorizing, Issued, Offer, Opened, Session, Wallet, WalletAttestation, dump, load
from tests import haip, mdocs
from tests.authorization import PAR, CodeFlow, arrived, code_flow
from tests.authorization import form as authorization_form
from tests.haip import CLIENT, DPOP, HOLDERS, PERSON, REDIRECT_URI
from tests.issuance import CREDENTIAL, FORM, IDENTIFIER, ISSUER_METADATA, NOW, SERVER_METADATA, TOKEN, refused
from tests.scripted_authorization import parameters_of


@frozen
class Net:
    """The world of the three, and the requests that went through it."""

    flow: CodeFlow = field(factory=haip.world)
    requests: list[Request] = field(factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.flow.send(request)

    def to(self, url: str) -> list[Request]:
        return [each for each in self.requests if each.url == url]

    def opened(self, scheme: str = "haip-vci://", **settings: Any) -> Opened:
        offer = self.flow.issuer.offer(["pid", "pid-mdoc"], authorization_code=AuthorizationCodeGrant())
        uri = offer.uri(scheme)
        assert uri.startswith(scheme)
        return run(Offer.parse(uri).open(haip.wallet(**settings)), self)

    def authorizing(self, **arguments: Any) -> Authorizing:
        begun = self.opened().authorize(
            **{"redirect_uri": REDIRECT_URI, "now": NOW, "dpop": DPOP, "authentication": haip.attestation(), **arguments}
        )
        assert not isinstance(begun, Authorizing)
        return run(begun, self)

    def session(self) -> Session:
        pending = self.authorizing()
        answer = self(Request("GET", pending.url))
        arrived(answer, redirect_uri=REDIRECT_URI, state=pending.state)
        return run(pending.callback(answer.headers.get("location") or "", now=NOW), self)


@pytest.mark.spec("HAIP-3-01", "HAIP-4-01", "HAIP-4-02", "HAIP-4-05", "HAIP-4-06", "HAIP-4-08", "HAIP-4.2-03", "HAIP-4.2-04")
@pytest.mark.spec("HAIP-4.3-01", "HAIP-4.3-02", "HAIP-4.4.1-11", "HAIP-4-15", "HAIP-4.5.1-01", "HAIP-4.5.1-09", "HAIP-4-12")
def test_a_wallet_gets_credentials_of_both_formats() -> None:
    net = Net()
    session = net.session()
    # The request was pushed by an attested client, with PKCE by S256, and asks by scope.
    (pushed,) = net.to(PAR)
    asked = parameters_of(pushed.body.decode())
    assert (asked["code_challenge_method"], asked["scope"], asked["client_id"]) == ("S256", "pid pid-mdoc", CLIENT)
    assert "authorization_details" not in asked
    for request in (pushed, *net.to(TOKEN)):
        for name in ("oauth-client-attestation", "oauth-client-attestation-pop", "dpop"):
            assert len(request.headers.all(name)) == 1
        assert "x5c" in parse(request.headers.get("oauth-client-attestation") or "").header
    assert session.sender.scheme == "DPoP"

    order = haip.begin_order(net.flow, session, "pid")
    proofs = order.prove(HOLDERS, now=NOW, key_attestation=haip.key_attestation(order))
    result = run(proofs.submit(), net)
    assert isinstance(result, Issued)
    assert [each.claims["family_name"] for each in result.credentials] == [PERSON["family_name"]] * 3
    assert {each.holder_key for each in result.credentials} == {public_key(key.public_jwk) for key in HOLDERS}
    for each in result.credentials:
        assert isinstance(each.credential, str)
        assert {"x5c", "typ"} <= parse(each.credential.partition("~")[0]).header.keys()

    order = haip.begin_order(net.flow, session, "pid-mdoc")
    proofs = order.prove(HOLDERS[:1], now=NOW, key_attestation=haip.key_attestation(order, HOLDERS[:1]))
    result = run(proofs.submit(), net)
    assert isinstance(result, Issued)
    assert [each.claims for each in result.credentials] == [mdocs.PERSON]
    # One request for the three keys of a batch, and each token went with its proof.
    assert len(net.to(CREDENTIAL)) == 2
    assert all((each.headers.get("authorization") or "").startswith("DPoP ") for each in net.to(CREDENTIAL))
    # What was done is done under the same rules after a restart.
    assert load(dump(result), result.session.wallet) == result


@pytest.mark.spec("HAIP-4.5.1-04", "HAIP-4.5.1-01")
def test_an_attestation_is_proof_enough() -> None:
    net = Net()
    order = haip.begin_order(net.flow, net.session(), "pid")
    proofs = order.prove((), now=NOW, key_attestation=haip.key_attestation(order), proof_type="attestation")
    result = run(proofs.submit(), net)
    assert isinstance(result, Issued)
    assert len(result.credentials) == 3


@pytest.mark.spec("HAIP-4-11", "HAIP-4-02", "HAIP-4.4.1-11")
def test_a_pre_authorized_code_needs_no_pushed_request() -> None:
    net = Net()
    granted = net.flow.grant("pid", tx_code="493536")
    offer = net.flow.issuer.offer(["pid"], pre_authorized_code=granted.grant)
    opened = run(Offer.parse(offer.uri("haip-vci://")).open(haip.wallet()), net)
    session = run(opened.redeem("493536", now=NOW, dpop=DPOP, authentication=haip.attestation()), net)
    assert net.to(PAR) == []
    order = haip.begin_order(net.flow, session, "pid")
    result = run(order.prove(HOLDERS, now=NOW, key_attestation=haip.key_attestation(order)).submit(), net)
    assert isinstance(result, Issued)


@pytest.mark.spec("HAIP-4.4-01")
def test_a_refresh_token_serves_again() -> None:
    """FAPI 2.0 wants no rotation: clients authenticate, and tokens are bound."""
    net = Net()
    session = net.session()
    for now in (NOW, NOW + 100, NOW + 200):
        renewed = run(session.refresh(now=now), partial(net.flow.send, now=now))
        assert renewed.access_token != session.access_token
        assert renewed.sender.scheme == "DPoP"


@pytest.mark.spec("HAIP-4-16")
@pytest.mark.parametrize("size", [None, 3])
def test_the_metadata_say_whether_there_are_batches(size: int | None) -> None:
    batch = haip.metadata().batch_credential_issuance if size else None
    net = Net(haip.world(issuer=haip.issuer(haip.metadata(batch_credential_issuance=batch))))
    assert ("batch_credential_issuance" in net.flow.get(ISSUER_METADATA).json()) == bool(size)
    order = haip.begin_order(net.flow, net.session(), "pid")
    assert order.max_keys == (size or 1)


# --- what is published --------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.1-01", "HAIP-4.1-02", "HAIP-4-07")
def test_what_is_published_says_so() -> None:
    net = Net()
    server = net.flow.get(SERVER_METADATA).json()
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["require_pushed_authorization_requests"] is True
    assert server["authorization_response_iss_parameter_supported"] is True
    assert server["token_endpoint_auth_methods_supported"] == ["attest_jwt_client_auth"]
    for name in ("dpop", "client_attestation", "client_attestation_pop"):
        assert "ES256" in server[f"{name}_signing_alg_values_supported"]
    assert list(server_findings(AuthorizationServerMetadata.from_json(server))) == []
    assert list(issuer_findings(CredentialIssuerMetadata.from_json(net.flow.get(ISSUER_METADATA).json()))) == []


# --- clients that do otherwise ------------------------------------------------------------------------------------------------


def token_headers(net: Net, *left_out: str) -> tuple[Request, dict[str, str]]:
    """The Token Request of a good flow, held back, and its headers without some."""
    pending = net.authorizing()
    answer = net(Request("GET", pending.url))
    caught: list[Request] = []

    def hold(request: Request) -> Response:
        caught.append(request)
        return Response(500)

    with pytest.raises(TryLater):
        run(pending.callback(answer.headers.get("location") or "", now=NOW), hold)
    names = ("content-type", "dpop", "oauth-client-attestation", "oauth-client-attestation-pop")
    return caught[0], {name: caught[0].headers.get(name) or "" for name in names if name not in left_out}


@pytest.mark.spec("HAIP-4-08")
def test_a_token_request_without_dpop() -> None:
    net = Net()
    request, headers = token_headers(net, "dpop")
    refused(net(Request("POST", TOKEN, headers, request.body)), "invalid_dpop_proof")
    # Nothing was consumed.
    assert net(request).json()["token_type"] == "DPoP"


@pytest.mark.spec("HAIP-4.4.1-02")
def test_a_token_request_without_authentication() -> None:
    net = Net()
    request, headers = token_headers(net, "oauth-client-attestation", "oauth-client-attestation-pop")
    refused(net(Request("POST", TOKEN, headers, request.body)), "invalid_client", status=401)
    assert net(request).status == 200


@pytest.mark.spec("HAIP-4.4.1-02")
def test_a_pre_authorized_code_of_an_anonymous_client() -> None:
    net = Net()
    response = net.flow.redeem(net.flow.grant("pid"), client_id=None)
    refused(response, "invalid_client", status=401)


@pytest.mark.spec("HAIP-4.4.1-02", "HAIP-4.3-01")
def test_a_pushed_request_without_authentication() -> None:
    net = Net()
    response = net.flow.push(client_id=CLIENT, redirect_uri=REDIRECT_URI, scope="pid")
    refused(response, "invalid_client", status=401)


@pytest.mark.spec("HAIP-4-06")
def test_a_request_that_is_not_pushed() -> None:
    net = Net()
    response = net.flow.authorize(client_id=CLIENT, redirect_uri=REDIRECT_URI, scope="pid")
    assert arrived(response, redirect_uri=REDIRECT_URI)["error"] == "invalid_request"


@pytest.mark.spec("HAIP-4-05", "HAIP-4.3-02")
@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"scope": None, "authorization_details": '[{"type":"openid_credential","credential_configuration_id":"pid"}]'},
    ],
    ids=["no challenge", "a plain challenge", "details alone"],
)
def test_a_pushed_request_that_breaks_a_rule(changed: dict[str, str | None]) -> None:
    net = Net()
    net.authorizing()
    (good,) = net.to(PAR)
    names = ("oauth-client-attestation", "oauth-client-attestation-pop")
    headers = {"content-type": FORM, **{name: good.headers.get(name) or "" for name in names}}
    # A world that has not seen this proof yet.
    fresh = Net()
    body = authorization_form(**{"client_id": CLIENT, "redirect_uri": REDIRECT_URI, "scope": "pid", **changed})
    response = fresh(Request("POST", PAR, headers, body))
    refused(response, "invalid_scope" if "scope" in changed else "invalid_request")


@pytest.mark.spec("HAIP-4-08")
def test_a_bearer_token_is_refused_at_the_credential_endpoint() -> None:
    net = Net()
    session = net.session()
    response = net.flow.credential(session.access_token, {"credential_configuration_id": "pid"})
    assert response.status == 401
    assert "DPoP" in (response.headers.get("www-authenticate") or "")


@pytest.mark.spec("HAIP-4.5.1-05")
def test_a_key_attestation_without_a_chain_is_refused() -> None:
    """By an issuer with the switch on, from a Wallet without it."""
    net = Net()
    lenient = Net(net.flow)
    pending = net.authorizing()
    answer = net(Request("GET", pending.url))
    state = dump(run(pending.callback(answer.headers.get("location") or "", now=NOW), net))
    session = load(state, Wallet(trust=haip.TRUST, signers=haip.SIGNERS))
    assert isinstance(session, Session)
    order = haip.begin_order(net.flow, session, "pid")
    bare = haip.key_attestation(order, x5c=())
    with pytest.raises(Refused, match="invalid_proof"):
        run(order.prove(HOLDERS, now=NOW, key_attestation=bare).submit(), lenient)


@pytest.mark.spec("HAIP-4.5.1-05")
def test_a_wallet_sends_no_key_attestation_without_a_chain() -> None:
    net = Net()
    order = haip.begin_order(net.flow, net.session(), "pid")
    for keys, proof_type in ((HOLDERS, "jwt"), ((), "attestation")):
        bare = haip.key_attestation(order, x5c=())
        with pytest.raises(ValueError, match=r"HAIP-4\.5\.1-05"):
            order.prove(keys, now=NOW, key_attestation=bare, proof_type=proof_type)
    assert net.to(CREDENTIAL) == []


@pytest.mark.spec("HAIP-4.4.1-05")
def test_a_wallet_attestation_without_a_chain_is_refused() -> None:
    net = Net()
    offer = net.flow.issuer.offer(["pid"], authorization_code=AuthorizationCodeGrant())
    opened = run(Offer(offer).open(Wallet(trust=haip.TRUST)), net)
    bare = haip.attestation(x5c=())
    assert isinstance(bare, WalletAttestation)
    begun = opened.authorize(redirect_uri=REDIRECT_URI, now=NOW, dpop=DPOP, authentication=bare)
    assert not isinstance(begun, Authorizing)
    with pytest.raises(Refused, match="invalid_client"):
        run(begun, net)


def test_the_identifier_of_another_server_is_none() -> None:
    """The attestation is for one server (HAIP 4.4.1)."""
    with pytest.raises(ValueError, match=r"HAIP 4\.4\.1"):
        Net().authorizing(authentication=haip.attestation(server=f"{IDENTIFIER}/other"))


def test_a_server_without_the_switch_is_not_used() -> None:
    flow = code_flow()
    with pytest.raises(InvalidMetadata, match=r"HAIP-4\.1-03"):
        run(Offer.of(IDENTIFIER, "note").open(haip.wallet()), flow.send)
