"""Our Wallet takes Credentials of an issuer and authorization server made of `@openid4vc/openid4vci`, `@openid4vc/oauth2`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from attrs import evolve, field, frozen

from oid4vci import _jose
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, Refused, WrongTxCode
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Issued, Offer, Opened, Order, Session, Wallet, WalletAttestation, dump, load
from tests.browser import query
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.network import over

pytestmark = pytest.mark.interop

ISSUER, PROVIDER, CLIENT = "https://issuer.example", "https://provider.example", "https://wallet.example/app"
REDIRECT_URI = "https://wallet.example/cb"
BOTH = ("with_x5c", "with_metadata")
CLAIMS = {"given_name": "Ada", "birthdate": "1992-02-29", "level": "gold"}


@frozen
class TypescriptIssuer:
    """The running issuer, as the Wallet and a browser reach it. What went there is remembered."""

    port: int
    party: Party
    provider: Party
    client: httpx.Client
    requests: list[Request] = field(factory=list)

    def send(self, request: Request) -> Response:
        """The answer to a request, which goes to the loopback interface instead of the issuer's host."""
        assert request.url.startswith(f"{ISSUER}/"), request.url
        self.requests.append(request)
        url = f"http://127.0.0.1:{self.port}{request.url.removeprefix(ISSUER)}"
        return over(self.client)(evolve(request, url=url))

    def browse(self, url: str) -> str:
        """Where a browser is sent."""
        answer = self.send(Request("GET", url))
        assert answer.status == 302, answer.body
        return answer.headers.get("location") or ""

    def offer(self, *configuration_ids: str, grant: str = "authorization_code", **members: str) -> str:
        """A new offer; `members` may have a `tx_code`."""
        asked = {"grant": grant, "configuration_ids": configuration_ids, **members}
        made = self.client.post(f"http://127.0.0.1:{self.port}/offers", json=asked).raise_for_status().json()
        return str(made["offer_uri"])

    def to(self, name: str) -> list[Request]:
        """The requests to an endpoint."""
        return [request for request in self.requests if request.path == f"/{name}"]


@pytest.fixture(scope="module", params=[True, False], ids=["challenge endpoint", "challenges in refusals"])
def running(request: pytest.FixtureRequest, node: Node) -> Iterator[TypescriptIssuer]:
    party, provider = Party(ISSUER), Party(PROVIDER)
    given = {
        "identifier": ISSUER,
        "signing": {"jwk": party.private_jwk, "x5c": party.x5c},
        "anchors": provider.anchors_pem,
        "challenge_endpoint": request.param,
    }
    with node.serving("issuer.mjs", given) as said, httpx.Client(trust_env=False, timeout=30) as client:
        yield TypescriptIssuer(said["port"], party, provider, client)


@pytest.fixture
def issuer(running: TypescriptIssuer) -> TypescriptIssuer:
    """The issuer, with no memory of what went there in other tests."""
    return evolve(running, requests=[])


@frozen
class Flow:
    """A Wallet that has opened an offer, with its keys."""

    issuer: TypescriptIssuer
    opened: Opened
    dpop: LocalSigner = field(factory=lambda: LocalSigner.generate("dpop"))
    instance: LocalSigner = field(factory=lambda: LocalSigner.generate("instance"))

    @property
    def wallet(self) -> Wallet:
        return self.opened.wallet

    def attestation(self, *, provider: Party | None = None) -> WalletAttestation:
        """A Wallet Attestation for the issuer."""
        attester = provider or self.issuer.provider
        signer, now = attester.signer, int(time.time())
        data = client_attestation_signing_input(
            signer,
            x5c=[attester.leaf],
            issuer=PROVIDER,
            client_id=CLIENT,
            jwk=self.instance.public_jwk,
            now=now,
            lifetime=600,
        )
        return WalletAttestation(_jose.compact(data, signer.sign(data)), self.instance, authorization_server=ISSUER)

    def authorizing(self, *, provider: Party | None = None, **asked: Any) -> Authorizing:
        """The pushed request."""
        exchange = self.opened.authorize(
            redirect_uri=REDIRECT_URI,
            now=int(time.time()),
            dpop=self.dpop,
            authentication=self.attestation(provider=provider),
            **asked,
        )
        return run(exchange, self.issuer.send)

    def session(self, pending: Authorizing, url: str | None = None) -> Session:
        """The session for the response to a pushed request."""
        url = self.issuer.browse(pending.url) if url is None else url
        return run(pending.callback(url, now=int(time.time())), self.issuer.send)

    def issued(self, session: Session, name: str, copies: int = 1) -> Issued:
        """Credentials, each for a new key; they are verified."""
        order = run(session.order(name), self.issuer.send)
        assert isinstance(order, Order)
        holders = [LocalSigner.generate(f"holder {i}") for i in range(copies)]
        result = run(order.prove(holders, now=int(time.time())).submit(), self.issuer.send)
        assert isinstance(result, Issued)
        assert [each.holder_key for each in result.credentials] == [public_key(holder.public_jwk) for holder in holders]
        for each in result.credentials:
            assert {name: each.claims[name] for name in CLAIMS} == CLAIMS
            assert each.claims["vct"] == f"https://credentials.example.com/{name}"
        return result


def flow(issuer: TypescriptIssuer, *configuration_ids: str, trust: Trust | None = None, **offered: Any) -> Flow:
    """An offer that was opened by a Wallet as HAIP wants it."""
    wallet = Wallet(
        trust=trust or Trust.of(ISSUER, anchors=issuer.party.anchors),
        client_id=CLIENT,
        bearer=False,
        plain_requests=False,
        responses_without_iss=False,
    )
    return Flow(issuer, run(Offer.parse(issuer.offer(*configuration_ids, **offered)).open(wallet), issuer.send))


@contextmanager
def refused(error: str) -> Iterator[None]:
    """The server refuses, with this code."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.error == error


@pytest.mark.parametrize("using", ["scope", "authorization_details"])
def test_the_authorization_code_flow_with_attestation_and_dpop(issuer: TypescriptIssuer, using: str) -> None:
    wallet = flow(issuer, *BOTH)
    assert wallet.opened.issuer_state is not None
    pending = wallet.authorizing(using=using)
    assert query(pending.url).keys() == {"client_id", "request_uri"}
    # The person takes a while: the Wallet ends, and another one goes on.
    signers = {signer.key_id: signer for signer in (wallet.dpop, wallet.instance)}
    resumed = load(dump(pending), evolve(wallet.wallet, signers=signers))
    assert isinstance(resumed, Authorizing)
    session = wallet.session(resumed)
    assert session.configuration_ids == BOTH
    assert (session.credential_identifiers is None) == (using == "scope")
    assert session.sender.dpop is not None
    for name in BOTH:
        assert len(wallet.issued(session, name, copies=3).credentials) == 3


def test_nonces_and_challenges_of_the_server_are_used(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, *BOTH)
    session = wallet.session(wallet.authorizing())
    for name in BOTH:
        session = wallet.issued(session, name).session
    # What the first request lacks it is told, the challenge only if there is no endpoint for it. From then on every answer has
    # what the next request needs (RFC 9449 8.2; draft-ietf-oauth-attestation-based-client-auth-07 8.1), at both roles.
    with_endpoint = wallet.opened.server.challenge_endpoint is not None
    assert len(issuer.to("par")) == (2 if with_endpoint else 3)
    assert len(issuer.to("challenge")) == (1 if with_endpoint else 0)
    assert (len(issuer.to("token")), len(issuer.to("credential"))) == (1, 2)


def test_an_access_token_is_refreshed(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, *BOTH)
    first = wallet.session(wallet.authorizing())
    wallet.issued(first, "with_x5c")
    second = run(first.refresh(now=int(time.time())), issuer.send)
    assert {second.access_token, second.refresh_token}.isdisjoint({first.access_token, first.refresh_token})
    wallet.issued(second, "with_metadata")
    with refused("invalid_grant"):
        run(first.refresh(now=int(time.time())), issuer.send)


@pytest.mark.parametrize("attested", [True, False], ids=["attested", "anonymous"])
def test_the_pre_authorized_code_flow_with_dpop(issuer: TypescriptIssuer, attested: bool) -> None:
    wallet = flow(issuer, *BOTH, grant="pre-authorized_code", tx_code="4921")
    given: dict[str, Any] = {"dpop": wallet.dpop, "authentication": wallet.attestation() if attested else None}
    with pytest.raises(WrongTxCode):
        run(wallet.opened.redeem("4922", now=int(time.time()), **given), issuer.send)
    session = run(wallet.opened.redeem("4921", now=int(time.time()), **given), issuer.send)
    assert session.client_id == (CLIENT if attested else None)
    assert session.sender.dpop is wallet.dpop
    for name in BOTH:
        wallet.issued(session, name, copies=2)


def test_the_pre_authorized_code_flow_for_some_of_what_was_offered(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, *BOTH, grant="pre-authorized_code")
    exchange = wallet.opened.redeem(
        configuration_ids=["with_x5c"], now=int(time.time()), dpop=wallet.dpop, authentication=wallet.attestation()
    )
    session = run(exchange, issuer.send)
    assert session.credential_identifiers == {"with_x5c": ("with_x5c/ada",)}
    wallet.issued(session, "with_x5c")
    too_much = evolve(session, configuration_ids=BOTH, credential_identifiers=None)
    with refused("invalid_credential_request"):
        wallet.issued(too_much, "with_metadata")


def test_an_attestation_by_somebody_else_is_refused(issuer: TypescriptIssuer) -> None:
    with refused("invalid_client"):
        flow(issuer, "with_x5c").authorizing(provider=Party(PROVIDER))


def test_only_the_pre_authorized_code_is_taken_from_anybody(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    exchange = wallet.opened.authorize(redirect_uri=REDIRECT_URI, now=int(time.time()), dpop=wallet.dpop)
    with refused("invalid_client"):
        run(exchange, issuer.send)


def test_a_code_is_for_one_key_one_verifier_and_one_time(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    pending = wallet.authorizing()
    url = issuer.browse(pending.url)
    with refused("invalid_dpop_proof"):
        wallet.session(evolve(pending, sender=evolve(pending.sender, dpop=LocalSigner.generate("another"))), url)
    with refused("invalid_grant"):
        wallet.session(evolve(pending, code_verifier="v" * 43), url)
    session = wallet.session(pending, url)
    with refused("invalid_grant"):
        wallet.session(pending, url)
    wallet.issued(session, "with_x5c")


def test_an_access_token_is_for_one_key(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    session = wallet.session(wallet.authorizing())
    stolen = evolve(session, sender=evolve(session.sender, dpop=LocalSigner.generate("another")))
    with refused("invalid_dpop_proof"):
        wallet.issued(stolen, "with_x5c")
    wallet.issued(session, "with_x5c")


def test_credentials_under_another_anchor_are_not_taken(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, *BOTH, trust=Trust.of(ISSUER, anchors=Party(ISSUER).anchors))
    session = wallet.session(wallet.authorizing())
    with pytest.raises(InvalidCredential):
        wallet.issued(session, "with_x5c")
    wallet.issued(session, "with_metadata")
