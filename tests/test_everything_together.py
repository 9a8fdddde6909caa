"""All parts of the protocol in one flow, with HAIP's switch on for the three roles, and a Wallet that is restarted after each step.

Signed and localised metadata, a pushed request, attested client and keys, DPoP with nonces of the servers, encrypted requests and
answers, Credentials that are deferred and polled for with a refreshed token, notifications: each has tests of its own; these show
that they do not get in each other's way.
"""

from typing import Any, TypeVar

import pytest
from attrs import evolve

from oid4vci.drive import Draft, run
from oid4vci.encryption import Encryption
from oid4vci.errors import Advice, Refused
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, Deferral, DeferredOrder, NotificationOrder
from oid4vci.keys import public_key
from oid4vci.metadata import IssuerDisplay, MetadataSigner
from oid4vci.notifications import Notifications
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.records import Reply
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Deferred, Issued, Offer, Opened, Order, Session, Wallet, dump, load
from oid4vci.x509 import Anchors
from tests import haip, mdocs
from tests.authorization import CodeFlow, arrived
from tests.conformance import DEFERRED, NOTIFICATION
from tests.encrypted_messages import REQUEST_KEY
from tests.haip import DPOP, HOLDERS, REDIRECT_URI
from tests.issuance import CREDENTIAL, IDENTIFIER, ISSUER_METADATA, NONCE, NOW, TOKEN, secret_keys
from tests.key_attestations import ROOT, SUB

INTERVAL = 7 * 86_400
JWT = "application/jwt"
ENCRYPTION = Encryption(keys=[REQUEST_KEY], zip_values=("DEF",), requests_required=True, responses_required=True)
CHECKS = Dpop(nonces=DpopNonces(secret_keys()))
SHOWN = tuple(IssuerDisplay(name=f"in {each}", locale=each) for each in ("en", "de"))
TRUST = Trust.of(
    IDENTIFIER,
    anchors=Anchors.from_der(ROOT, mdocs.IACA),
    metadata_anchors=Anchors.from_der(ROOT),
    signed_metadata_required=True,
)
S = TypeVar("S", Opened, Session, Order, Deferred, Issued)


class Office(haip.PersonHost):
    """Whoever comes waits, and is given what there is when they come again."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[NotificationOrder] = []

    def decide(self, order: Any, /) -> Draft | Reply:
        if isinstance(order, CredentialOrder):
            return order.defer(interval=INTERVAL, note="waits")
        if isinstance(order, NotificationOrder):
            self.heard.append(order)
            return order.acknowledge()
        if isinstance(order, DeferredOrder):
            if order.now < NOW + 2 * INTERVAL:
                return order.wait(interval=INTERVAL)
            if order.configuration_id == "pid":
                return order.issue(haip.PERSON)
            copies = [{"status": {"status_list": {"idx": 7 + i, "uri": haip.STATUSES}}} for i in range(len(order.holder_keys))]
            return order.issue(mdocs.PERSON, copies=copies)
        return super().decide(order)


def world() -> CodeFlow:
    published = haip.metadata(
        deferred_credential_endpoint=DEFERRED,
        notification_endpoint=NOTIFICATION,
        credential_request_encryption=ENCRYPTION.request_metadata,
        credential_response_encryption=ENCRYPTION.response_metadata,
        display=SHOWN,
    )
    issuer = haip.issuer(
        published,
        encryption=ENCRYPTION,
        deferral=Deferral(10 * INTERVAL),
        notifications=Notifications(secret_keys()),
        signed_metadata=MetadataSigner(signer=haip.ISSUER_SIGNER, x5c=(haip.ISSUER_LEAF, SUB)),
        localised=True,
        dpop=CHECKS,
    )
    server = haip.server(dpop=CHECKS, credential_issuers=(published,))
    return CodeFlow(host=Office(), keys=secret_keys(), issuer=issuer, server=server)


class Net:
    """The three, the time, and a Wallet that keeps nothing but what it stored."""

    def __init__(self) -> None:
        self.flow, self.now = world(), NOW
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.flow.send(request, now=self.now)

    def to(self, url: str) -> list[Request]:
        return [each for each in self.requests if each.url == url]

    @property
    def wallet(self) -> Wallet:
        return haip.wallet(trust=TRUST, encryption="when possible", locales=["de"])

    def again(self, state: S) -> S:
        """In another process."""
        loaded = load(dump(state), self.wallet)
        assert type(loaded) is type(state)
        return loaded

    def session(self) -> Session:
        uri = self.flow.issuer.offer(["pid", "pid-mdoc"], authorization_code=AuthorizationCodeGrant()).uri("haip-vci://")
        opened = self.again(run(Offer.parse(uri).open(self.wallet, now=NOW), self))
        assert opened.signed_metadata is not None
        assert opened.metadata.display == (SHOWN[1],)
        begun: Any = opened.authorize(redirect_uri=REDIRECT_URI, now=NOW, dpop=DPOP, authentication=haip.attestation())
        pending: Authorizing = run(begun, self)
        answer = self(Request("GET", pending.url))
        arrived(answer, redirect_uri=REDIRECT_URI, state=pending.state)
        return self.again(run(pending.callback(answer.headers.get("location") or "", now=NOW), self))

    def promised(self, session: Session, configuration_id: str) -> Deferred:
        order = self.again(haip.begin_order(self.flow, session, configuration_id))
        proofs = order.prove(HOLDERS, now=self.now, key_attestation=haip.key_attestation(order))
        result = run(proofs.submit(), self)
        assert isinstance(result, Deferred)
        return self.again(result)

    def polled(self, deferred: Deferred) -> Issued | Deferred:
        """With another Access Token, if this one is over by now."""
        try:
            return run(deferred.poll(now=self.now), self)
        except Refused as refused:
            if refused.advice is not Advice.REFRESH:
                raise
        # The Wallet Attestation is over as well.
        renewed: Any = deferred.session.refresh(now=self.now, authentication=haip.attestation(now=self.now))
        return run(self.again(deferred.with_session(run(renewed, self))).poll(now=self.now), self)


@pytest.mark.parametrize("configuration_id", ["pid", "pid-mdoc"])
def test_a_wallet_waits_for_weeks_and_tells_what_became_of_it(configuration_id: str) -> None:
    net = Net()
    deferred = net.promised(net.session(), configuration_id)
    assert deferred.interval == INTERVAL
    net.now = deferred.ready_at
    again = net.polled(deferred)
    assert isinstance(again, Deferred)
    assert again.transaction_id == deferred.transaction_id
    net.now = again.ready_at
    issued = net.polled(net.again(again))
    assert isinstance(issued, Issued)
    assert {each.holder_key for each in issued.credentials} == {public_key(key.public_jwk) for key in HOLDERS}
    issued = run(net.again(issued).notify("credential_accepted", now=net.now), net)
    assert isinstance(net.flow.host, Office)
    (heard,) = net.flow.host.heard
    assert (heard.event, heard.subject) == ("credential_accepted", "ada")


def test_what_went_over_the_wire() -> None:
    net = Net()
    deferred = net.promised(net.session(), "pid")
    for _ in range(2):
        net.now = deferred.ready_at
        result = net.polled(deferred)
        deferred = result if isinstance(result, Deferred) else deferred
    assert isinstance(result, Issued)
    run(result.notify("credential_deleted", now=net.now), net)
    (metadata,) = net.to(ISSUER_METADATA)
    assert (metadata.headers.get("accept"), metadata.headers.get("accept-language")) == (JWT, "de")
    for request in (*net.to(CREDENTIAL), *net.to(DEFERRED)):
        assert request.headers.all("content-type") == (JWT,)
    assert all(request.media_type == "application/json" for request in net.to(NOTIFICATION))
    for request in net.requests:
        proofs = request.headers.all("dpop")
        assert len(proofs) == (1 if request.method == "POST" and request.url != NONCE else 0), request.url
    tokens = {request.headers.get("authorization") for url in (CREDENTIAL, DEFERRED, NOTIFICATION) for request in net.to(url)}
    assert len(tokens) == 3
    assert all((each or "").startswith("DPoP ") for each in tokens)
    # One token by the code, and one for each week, after which the nonce for DPoP was over as well.
    assert len(net.to(TOKEN)) == 5


def test_the_settings_still_agree_with_each_other() -> None:
    """Each part can be taken out again, and the issuer is as valid."""
    issuer = world().issuer
    assert issuer.haip
    without = evolve(
        issuer,
        metadata=evolve(issuer.metadata, deferred_credential_endpoint=None, notification_endpoint=None),
        deferral=None,
        notifications=None,
        signed_metadata=None,
    )
    assert without.haip
    with pytest.raises(ValueError, match="deferred_credential_endpoint"):
        evolve(issuer, deferral=None)
    with pytest.raises(ValueError, match="notification"):
        evolve(issuer, notifications=None)
    with pytest.raises(ValueError, match="encryption"):
        evolve(issuer, encryption=None)
