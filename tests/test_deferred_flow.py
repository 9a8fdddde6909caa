"""Our Wallet comes to our issuer for what was promised: both roles, from the offer to the Credentials (OID4VCI 8.3, 9)."""

from typing import Any

import pytest
from attrs import field, frozen

from oid4vci.drive import run
from oid4vci.errors import Advice, Refused
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, LocalSigner, public_key
from oid4vci.metadata import CredentialConfiguration, ProofType
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.offers import CredentialOffer, Grants
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.records import Swap
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Offer, Order, Session, Wallet, dump, load
from tests.deferrals import Deferring, as_decided, deferring_metadata, host_of, stored, world_of
from tests.issuance import IDENTIFIER, ISSUER_KEY, NOW, Issuance, NoteEncoder, secret_keys, server_metadata
from tests.scripted_server import HOLDER_KEYS, JwtFormat, ok
from tests.wallet_at_issuer import KEYS_URL, WEB

DPOP = LocalSigner.generate("dpop")
WEEKS = 30 * 86_400
LIFETIME = 300


@frozen
class World:
    """An issuer, the keys by which the Wallet knows its notes, and the time."""

    issuance: Issuance
    time: list[int] = field(factory=lambda: [NOW])
    requests: list[Request] = field(factory=list)

    @property
    def now(self) -> int:
        return self.time[0]

    def wait(self, seconds: int) -> None:
        self.time[0] += seconds

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        if request.url == KEYS_URL:
            return ok({"keys": [dict(ISSUER_KEY.public_jwk)]})
        return self.issuance.send(request, now=self.now)

    @property
    def wallet(self) -> Wallet:
        return Wallet(
            trust=Trust.of(IDENTIFIER),
            client_id="wallet",
            formats={"x-note": JwtFormat(fetch=[KEYS_URL])},
            signers={signer.key_id: signer for signer in (DPOP, *HOLDER_KEYS)},
        )

    def session(self, **options: Any) -> Session:
        grants = Grants(pre_authorized_code=self.issuance.grant("note", now=self.now).grant)
        offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("note",), grants=grants)
        opened = run(Offer.parse(offer.uri()).open(self.wallet), self)
        return run(opened.redeem(now=self.now, **options), self)

    def promised(self, session: Session, *keys: Any) -> Deferred:
        order = session.order("note")
        order = order if isinstance(order, Order) else run(order, self)
        result = run(order.prove(keys or HOLDER_KEYS[:2], now=self.now).submit(), self)
        assert isinstance(result, Deferred)
        return result

    def polled(self, deferred: Deferred) -> Issued | Deferred:
        """In another process."""
        loaded = load(dump(deferred), self.wallet)
        assert isinstance(loaded, Deferred)
        return run(loaded.poll(now=self.now), self)

    def complete(self) -> None:
        assert self.issuance.host.commit(stored(self.issuance, now=self.now).complete())


def world(**fields: Any) -> World:
    checks = Dpop(nonces=DpopNonces(secret_keys()))
    server = {
        "metadata": server_metadata(
            grant_types_supported=("urn:ietf:params:oauth:grant-type:pre-authorized_code", "refresh_token"),
            response_types_supported=("code",),
            dpop_signing_alg_values_supported=checks.algorithms,
        ),
        "dpop": checks,
        "refresh_tokens": RefreshTokens(secret_keys()),
        "bound_access_token_lifetime": LIFETIME,
    }
    return World(world_of(as_decided, dpop=checks, server=server, **fields))


def test_weeks_pass_between_the_order_and_the_credentials() -> None:
    net = world()
    deferred = net.promised(net.session(dpop=DPOP))
    net.wait(WEEKS // 3)
    with pytest.raises(Refused) as caught:
        net.polled(deferred)
    assert caught.value.advice == Advice.REFRESH
    deferred = deferred.with_session(run(deferred.session.refresh(now=net.now), net))
    waiting = net.polled(deferred)
    assert isinstance(waiting, Deferred)
    assert waiting.ready_at == net.now + 86_400
    net.wait(86_400)
    net.complete()
    waiting = waiting.with_session(run(waiting.session.refresh(now=net.now), net))
    issued = net.polled(waiting)
    assert isinstance(issued, Issued)
    assert [each.holder_key for each in issued.credentials] == [public_key(key.public_jwk) for key in HOLDER_KEYS[:2]]
    with pytest.raises(Refused) as over:
        net.polled(waiting)
    assert (over.value.error, over.value.advice) == ("invalid_transaction_id", Advice.GIVE_UP)


def test_a_person_who_authorizes_again_gets_what_was_promised() -> None:
    net = world()
    deferred = net.promised(net.session(dpop=DPOP))
    net.wait(WEEKS // 3)
    net.complete()
    assert isinstance(net.polled(deferred.with_session(net.session(dpop=DPOP))), Issued)


def test_with_another_dpop_key_nothing_is_to_be_had() -> None:
    net = world()
    deferred = net.promised(net.session(dpop=DPOP))
    net.complete()
    net.wait(3600)
    other = deferred.with_session(net.session(dpop=HOLDER_KEYS[3]))
    with pytest.raises(Refused, match="invalid_transaction_id"):
        net.polled(other)
    assert isinstance(net.polled(deferred.with_session(net.session(dpop=DPOP))), Issued)


def test_what_was_refused_is_told_to_the_wallet() -> None:
    net = world()
    deferred = net.promised(net.session())
    assert net.issuance.host.commit(stored(net.issuance).refuse("not enrolled"))
    net.wait(3600)
    with pytest.raises(Refused) as caught:
        net.polled(deferred.with_session(net.session()))
    assert (caught.value.error, caught.value.description) == ("credential_request_denied", "not enrolled")
    assert caught.value.advice == Advice.GIVE_UP
    assert host_of(net.issuance).polls == []


def test_a_lost_answer_is_fetched_once_more_within_the_grace() -> None:
    net = world(grace=60)
    deferred = net.promised(net.session(dpop=DPOP))
    net.complete()
    net.wait(3600)
    deferred = deferred.with_session(net.session(dpop=DPOP))
    first, second = net.polled(deferred), net.polled(deferred)
    assert isinstance(first, Issued)
    assert isinstance(second, Issued)
    assert {each.holder_key for each in first.credentials} == {each.holder_key for each in second.credentials}
    assert first.credentials[0].credential != second.credentials[0].credential


class ResolvingDeferring(Deferring):
    """An application that knows the document of one DID."""

    def resolve(self, references: Any, /) -> Any:
        known = {KeyReference(WEB): (public_key(HOLDER_KEYS[0].public_jwk),)}
        return {reference: known[reference] for reference in references if reference in known}


def test_a_holder_who_is_named_by_a_did_stays_so() -> None:
    note = CredentialConfiguration(
        format="x-note",
        cryptographic_binding_methods_supported=("did:web",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    metadata = deferring_metadata(credential_configurations_supported={"note": note})
    net = world(metadata=metadata, encoders={"note": NoteEncoder(ISSUER_KEY)}, host=ResolvingDeferring(as_decided))
    deferred = net.promised(net.session(dpop=DPOP), HolderKey(HOLDER_KEYS[0], did_url=WEB))
    assert [key.did_url for key in deferred.holder_keys] == [WEB]
    net.complete()
    net.wait(3600)
    issued = net.polled(deferred.with_session(net.session(dpop=DPOP)))
    assert isinstance(issued, Issued)
    assert [key.did_url for key in issued.holder_keys] == [WEB]
    (order,) = host_of(net.issuance).polls
    assert [key.did_url for key in order.holder_keys] == [WEB]


def test_a_grant_that_was_revoked_gives_nothing_any_more() -> None:
    net = world()
    deferred = net.promised(net.session(dpop=DPOP))
    net.complete()
    (grant,) = (row for key, row in net.issuance.host.rows.items() if key.kind == "grant")
    assert net.issuance.host.commit([Swap.update(grant, state="revoked")])
    with pytest.raises(Refused) as caught:
        run(deferred.poll(now=net.now, early=True), net)
    assert caught.value.status == 401
    assert host_of(net.issuance).polls == []
