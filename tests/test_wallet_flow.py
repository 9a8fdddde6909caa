"""Our Wallet, our issuer and our Authorization Server: the authorization code flow from the offer to the Credential."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, field, frozen

from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import AuthorizationDenied, AuthorizationRefused, Refused
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer, Grants
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Issued, Offer, Opened, Order, Session, Wallet, dump, load
from tests.authorization import PAR, REDIRECT_URI, CodeFlow, code_flow, scoped_metadata
from tests.issuance import CREDENTIAL, IDENTIFIER, ISSUER_KEY, NOW, TOKEN, configuration, secret_keys
from tests.scripted_authorization import HAIP, parameters_of
from tests.scripted_server import HOLDER_KEYS, JwtFormat, ok
from tests.wallet_clients import CLIENT, DPOP, PROVIDER, PROVIDER_KEY, SIGNERS, attestation

KEYS_URL = f"{IDENTIFIER}/keys-of-notes"


def metadata() -> Any:
    """Configurations that need a proof."""
    published = scoped_metadata()
    bound = {
        name: evolve(configuration("ES256"), scope=each.scope)
        for name, each in published.credential_configurations_supported.items()
    }
    return evolve(published, credential_configurations_supported=bound)


@frozen
class Internet:
    """What the Wallet and the person's browser reach; what went where is remembered."""

    flow: CodeFlow
    requests: list[Request] = field(factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        if request.url == KEYS_URL:
            return ok({"keys": [dict(ISSUER_KEY.public_jwk)]})
        return self.flow.send(request)

    def browse(self, url: str) -> str:
        """The URL to which the server sends the browser back."""
        answer = self(Request("GET", url))
        assert answer.status == 303, answer.body
        return answer.headers.get("location") or ""

    def to(self, url: str) -> list[Request]:
        return [request for request in self.requests if request.url == url]


def internet(**settings: Any) -> Internet:
    return Internet(code_flow(metadata=metadata(), **settings))


def wallet(**settings: Any) -> Wallet:
    return Wallet(
        **{
            "trust": Trust.of(IDENTIFIER),
            "client_id": "wallet",
            "formats": {"x-note": JwtFormat(fetch=[KEYS_URL])},
            "signers": SIGNERS,
            **settings,
        }
    )


def opened(net: Internet, *configuration_ids: str, issuer_state: str | None = None, **settings: Any) -> Opened:
    grants = Grants(authorization_code=AuthorizationCodeGrant(issuer_state=issuer_state))
    offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=configuration_ids, grants=grants)
    return run(Offer.parse(offer.uri()).open(wallet(**settings)), net)


def issued(net: Internet, session: Session, name: str, **chosen: Any) -> Mapping[str, Any]:
    """The claims of a Credential for a key of the Wallet."""
    order = run(session.order(name, **chosen), net)
    assert isinstance(order, Order)
    result = run(order.prove([HOLDER_KEYS[0]], now=NOW).submit(now=NOW), net)
    assert isinstance(result, Issued)
    (credential,) = result.credentials
    assert credential.holder_key == public_key(HOLDER_KEYS[0].public_jwk)
    return dict(credential.claims)


@pytest.mark.spec("VCI-3.3.4-04")
def test_from_an_offer_to_a_credential() -> None:
    net = internet()
    start = opened(net, "note", issuer_state="the-order-of-ada")
    pending = run(start.authorize(redirect_uri=REDIRECT_URI), net)
    assert parameters_of(pending.url).keys() == {"client_id", "request_uri"}
    session = run(pending.callback(net.browse(pending.url)), net)
    assert issued(net, session, "note")["given_name"] == "Ada"
    (order,) = net.to(CREDENTIAL)
    assert order.json_object().keys() == {"credential_configuration_id", "proofs"}
    (request,) = net.flow.host.requests
    assert (request.request.issuer_state, request.request.client_id) == ("the-order-of-ada", "wallet")


@pytest.mark.spec("HAIP-4-01", "HAIP-4-02")
@pytest.mark.parametrize("challenges", [False, True])
def test_as_haip_wants_it_through_two_processes(challenges: bool) -> None:
    """Attestation, DPoP with the server's nonces and challenges; the Wallet is stored while the person is away."""
    method = ClientAttestation(
        attesters={PROVIDER: (public_key(PROVIDER_KEY.public_jwk),)},
        challenges=Challenges(secret_keys()) if challenges else None,
    )
    net = internet(
        clients={CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="attest_jwt_client_auth")},
        client_authentication={"attest_jwt_client_auth": method},
        dpop=Dpop(nonces=DpopNonces(secret_keys())),
        dpop_required=True,
        issuer={"bearer": False},
    )
    start = opened(net, "note", **HAIP)
    arguments: Any = {"authentication": attestation(authorization_server=IDENTIFIER), "dpop": DPOP}
    pending = run(start.authorize(redirect_uri=REDIRECT_URI, now=NOW, **arguments), net)
    state = load(dump(pending), wallet(**HAIP))
    assert isinstance(state, Authorizing)
    session = run(state.callback(net.browse(state.url), now=NOW), net)
    assert session.sender.dpop == DPOP
    assert issued(net, session, "note")["grade"] == 1
    # One answer each asks for a nonce; it is known then, and followed from there.
    assert (len(net.to(PAR)), len(net.to(TOKEN))) == (2, 1)
    assert issued(net, run(session.refresh(now=NOW), net), "note")["grade"] == 1


@pytest.mark.spec("VCI-6-02")
@pytest.mark.parametrize("configured", [True, False])
def test_a_refresh_token_is_kept_where_the_server_gives_one(configured: bool) -> None:
    net = internet(**({} if configured else {"refresh_tokens": None}))
    pending = run(opened(net, "note").authorize(redirect_uri=REDIRECT_URI, now=NOW, dpop=DPOP), net)
    session = load(dump(run(pending.callback(net.browse(pending.url), now=NOW), net)), wallet())
    assert isinstance(session, Session)
    assert (session.refresh_token is not None) == configured
    if configured:
        session = run(session.refresh(now=NOW), net)
    assert issued(net, session, "note")["given_name"] == "Ada"


def test_a_session_for_less_is_widened_again() -> None:
    """What was granted is not lost (RFC 6749 6)."""
    net = internet()
    pending = run(opened(net, "note", "card").authorize(redirect_uri=REDIRECT_URI, now=NOW, dpop=DPOP), net)
    session = run(pending.callback(net.browse(pending.url), now=NOW), net)
    for chosen, expected in (["card"], ("card",)), (None, ("note", "card")), (["note"], ("note",)):
        session = run(session.refresh(now=NOW, configuration_ids=chosen), net)
        assert session.configuration_ids == expected
        for name in expected:
            assert issued(net, session, name)["given_name"] == "Ada"


@pytest.mark.spec("VCI-3.3.4-02")
def test_by_details_with_claims_and_a_token_for_less() -> None:
    net = internet()
    net.flow.host.approval = {"datasets": {"note": ["n-1", "n-2"]}}
    wanted = {"note": [ClaimsDescription(path=("given_name",), mandatory=True)]}
    pending = run(opened(net, "note", "badge").authorize(redirect_uri=REDIRECT_URI, claims=wanted), net)
    session = run(pending.callback(net.browse(pending.url), configuration_ids=["note"]), net)
    assert session.credential_identifiers == {"note": ("n-1", "n-2")}
    assert issued(net, session, "note", credential_identifier="n-2")["given_name"] == "Ada"
    (order,) = net.to(CREDENTIAL)
    assert order.json_object().keys() == {"credential_identifier", "proofs"}
    assert order.json_object()["credential_identifier"] == "n-2"
    (request,) = net.flow.host.requests
    assert [(detail.credential_configuration_id, detail.claims) for detail in request.details] == [
        ("note", tuple(wanted["note"])),
        ("badge", None),
    ]


def test_what_the_person_did_not_agree_to_cannot_be_ordered() -> None:
    net = internet()
    net.flow.host.approval = {"configuration_ids": ["card"]}
    pending = run(opened(net, "note", "card").authorize(redirect_uri=REDIRECT_URI), net)
    session = run(pending.callback(net.browse(pending.url)), net)
    assert session.configuration_ids == ("card",)
    assert issued(net, session, "card")["given_name"] == "Ada"


def test_scopes_that_two_configurations_share() -> None:
    net = internet()
    pending = run(opened(net, "left", "right", "note").authorize(redirect_uri=REDIRECT_URI), net)
    session = run(pending.callback(net.browse(pending.url)), net)
    assert session.configuration_ids == ("left", "right", "note")
    assert all(issued(net, session, name) for name in session.configuration_ids)


def test_a_person_who_says_no() -> None:
    net = internet()
    net.flow.host.refuses = True
    pending = run(opened(net, "note").authorize(redirect_uri=REDIRECT_URI), net)
    with pytest.raises(AuthorizationDenied):
        pending.callback(net.browse(pending.url))
    assert not net.to(TOKEN)


def test_a_request_that_the_server_does_not_take() -> None:
    net = internet()
    start = opened(net, "note")
    with pytest.raises(Refused) as caught:
        run(start.authorize(redirect_uri="https://wallet.example/other"), net)
    assert caught.value.error == "invalid_request"


def test_a_code_is_good_for_one_token() -> None:
    net = internet()
    pending = run(opened(net, "note").authorize(redirect_uri=REDIRECT_URI), net)
    url = net.browse(pending.url)
    session = run(pending.callback(url), net)
    with pytest.raises(Refused) as caught:
        run(pending.callback(url), net)
    assert caught.value.error == "invalid_grant"
    with pytest.raises(Refused):
        issued(net, session, "note")


def test_the_code_of_one_request_is_not_good_for_another() -> None:
    """As if somebody had the Wallet's state as well: the verifier is another one."""
    net = internet()
    start = opened(net, "note")
    first, second = (run(start.authorize(redirect_uri=REDIRECT_URI), net) for _ in range(2))
    stolen = net.browse(first.url)
    with pytest.raises(Refused) as caught:
        run(evolve(second, state=first.state).callback(stolen), net)
    assert caught.value.error == "invalid_grant"


def test_a_wallet_that_began_by_itself() -> None:
    net = internet()
    start = run(Offer.of(IDENTIFIER, "note").open(wallet()), net)
    pending = run(start.authorize(redirect_uri=REDIRECT_URI), net)
    session = run(pending.callback(net.browse(pending.url)), net)
    assert issued(net, session, "note")["given_name"] == "Ada"
    assert net.flow.host.requests[0].issuer_state is None


def test_a_plain_request_where_the_server_takes_it() -> None:
    net = internet()
    start = opened(net, "note")
    plain = evolve(start, server=evolve(start.server, pushed_authorization_request_endpoint=None))
    pending = run(plain.authorize(redirect_uri=REDIRECT_URI, dpop=DPOP), net)
    assert not net.to(PAR)
    session = run(pending.callback(net.browse(pending.url), now=NOW), net)
    assert net.flow.host.requests[0].request.jkt is not None
    assert issued(net, session, "note")["given_name"] == "Ada"


def test_an_error_that_the_server_reports_through_the_browser() -> None:
    net = internet()
    start = opened(net, "note")
    plain = evolve(start, server=evolve(start.server, pushed_authorization_request_endpoint=None))
    pending = run(plain.authorize(redirect_uri=REDIRECT_URI), net)
    with pytest.raises(AuthorizationRefused) as caught:
        pending.callback(net.browse(pending.url.replace("response_type=code", "response_type=token")))
    assert (type(caught.value), caught.value.error) == (AuthorizationRefused, "unsupported_response_type")
