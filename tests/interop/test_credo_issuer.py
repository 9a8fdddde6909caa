"""Our Wallet takes Credentials of Credo as a Credential Issuer and authorization server."""

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from attrs import evolve, field, frozen

from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, Refused, WrongTxCode
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Offer, Opened, Order, Session, Wallet, dump, load
from oid4vci.x509 import Anchors
from tests import mdocs
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.network import over
from tests.proving_configurations import PROVIDER, attested

pytestmark = pytest.mark.interop

ORIGIN = "https://issuer.example"
ISSUER = f"{ORIGIN}/issuers/credo"
CLAIMS = {"given_name": "Ada", "birthdate": "1992-02-29", "level": "gold"}
COPIES = 3
VALID: Any = {"start": int(time.time()) - 3600, "end": int(time.time()) + mdocs.DAY}


@frozen
class CredoIssuer:
    """The running issuer, as the Wallet reaches it: it listens on the loopback interface. `anchors` are those of both its keys."""

    url: str
    anchors: Anchors
    client: httpx.Client

    def send(self, request: Request) -> Response:
        """The answer to a request."""
        assert request.url.startswith(f"{ORIGIN}/"), request.url
        url = f"{self.url}{request.url.removeprefix(ORIGIN)}"
        return over(self.client)(evolve(request, url=url))

    def offer(self, *configuration_ids: str, **members: Any) -> dict[str, Any]:
        """A new offer, and its transaction code."""
        asked = {"configuration_ids": configuration_ids, **members}
        made: dict[str, Any] = self.client.post(f"{self.url}/offers", json=asked).raise_for_status().json()
        return made


@pytest.fixture(scope="module")
def issuer(node: Node) -> Iterator[CredoIssuer]:
    party, document_signer = Party(ISSUER), Party(ISSUER)
    certificate = mdocs.document_signer(key=document_signer.key.public_key(), **VALID)
    given = {
        "origin": ORIGIN,
        "signing": {"jwk": party.private_jwk, "x5c": party.x5c},
        "document_signing": {"jwk": document_signer.private_jwk, "x5c": [b64encode(certificate).decode()]},
        "attesters": PROVIDER.anchors_pem,
    }
    anchors = Anchors.from_der(party.authority, mdocs.iaca(**VALID))
    with node.serving("credo_issuer.mjs", given) as said, httpx.Client(trust_env=False, timeout=30) as client:
        yield CredoIssuer(f"http://127.0.0.1:{said['port']}", anchors, client)


@frozen
class Taking:
    """A Wallet that has opened an offer."""

    issuer: CredoIssuer
    opened: Opened
    dpop: LocalSigner = field(factory=lambda: LocalSigner.generate("dpop"))
    holders: tuple[LocalSigner, ...] = tuple(LocalSigner.generate(f"holder {i}") for i in range(COPIES))

    @classmethod
    def of(cls, issuer: CredoIssuer, offer: dict[str, Any], anchors: Anchors | None = None) -> "Taking":
        wallet = Wallet(trust=Trust.of(ISSUER, anchors=anchors or issuer.anchors), client_id="wallet")
        return cls(issuer, run(Offer.parse(offer["offer_uri"]).open(wallet), issuer.send))

    def session(self, tx_code: str | None = None) -> Session:
        return run(self.opened.redeem(tx_code=tx_code, dpop=self.dpop, now=int(time.time())), self.issuer.send)

    def asks(self, session: Session, name: str, *, by_attestation: bool = False) -> Issued | Deferred:
        order = run(session.order(name), self.issuer.send)
        assert isinstance(order, Order)
        now = int(time.time())
        by = {"key_attestation": attested(order, *self.holders)} if by_attestation else {}
        proofs = order.prove(self.holders, now=now, **by)
        result = run(proofs.submit(), self.issuer.send)
        assert isinstance(result, Issued | Deferred)
        return result

    def check(self, issued: Issued | Deferred) -> list[Mapping[str, Any]]:
        """The claims of each copy, which was verified, and is for one of the keys."""
        assert isinstance(issued, Issued)
        assert {each.holder_key for each in issued.credentials} == {public_key(key.public_jwk) for key in self.holders}
        return [each.claims for each in issued.credentials]


def tells(claims: list[Mapping[str, Any]]) -> bool:
    """Whether all say what Credo has signed."""
    return len(claims) == COPIES and all(CLAIMS.items() <= each.items() for each in claims)


def test_a_batch_for_a_transaction_code(issuer: CredoIssuer) -> None:
    made = issuer.offer("identity", tx_code=True)
    taking = Taking.of(issuer, made)
    assert tells(taking.check(taking.asks(taking.session(made["tx_code"]), "identity")))


def test_a_wrong_transaction_code(issuer: CredoIssuer) -> None:
    made = issuer.offer("identity", tx_code=True)
    wrong = f"{(int(made['tx_code']) + 1) % 10_000:04}"
    with pytest.raises(WrongTxCode):
        Taking.of(issuer, made).session(wrong)


def test_a_code_serves_once(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("identity"))
    taking.session()
    with pytest.raises(Refused, match="invalid_grant"):
        taking.session()


def test_a_driving_licence(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("licence"))
    claims = taking.check(taking.asks(taking.session(), "licence"))
    assert claims == [{"org.iso.18013.5.1": {"given_name": "Ada", "document_number": "42"}}] * COPIES


def test_keys_that_are_attested(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("attested"))
    assert tells(taking.check(taking.asks(taking.session(), "attested", by_attestation=True)))


def test_with_a_refreshed_token(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("identity", "licence"))
    session = taking.session()
    assert tells(taking.check(taking.asks(session, "identity")))
    session = run(session.refresh(now=int(time.time())), issuer.send)
    assert isinstance(taking.asks(session, "licence"), Issued)


def test_what_is_ready_after_the_interval(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("later"))
    deferred = taking.asks(taking.session(), "later")
    assert isinstance(deferred, Deferred)
    assert deferred.interval == 1
    # Credo has a clock of its own.
    loaded = load(dump(deferred), Wallet(trust=taking.opened.wallet.trust, client_id="wallet", signers={"dpop": taking.dpop}))
    assert isinstance(loaded, Deferred)
    waiting = run(loaded.poll(now=loaded.ready_at), issuer.send)
    assert isinstance(waiting, Deferred)
    time.sleep(waiting.interval)
    assert tells(taking.check(run(waiting.poll(now=waiting.ready_at), issuer.send)))


def test_credentials_under_another_anchor_are_not_taken(issuer: CredoIssuer) -> None:
    taking = Taking.of(issuer, issuer.offer("identity"), Party(ISSUER).anchors)
    with pytest.raises(InvalidCredential):
        taking.asks(taking.session(), "identity")
