"""The status of Credentials from end to end: indices are taken as a Credential is issued, and looked up by the Wallet."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, frozen

from oid4vci.drive import Together, respond, run
from oid4vci.errors import InvalidCredential, StatusUnknown, TryLater, Untrusted
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.sd_jwt_vc import SD_JWT_VC, SdJwtVcEncoder
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.secret import new_secret
from oid4vci.status_list import Status, StatusChecker, StatusLists, StatusListSigner, StoredStatusList
from oid4vci.status_list.endpoint import StatusListOrder
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Issued, Offer, Wallet, check_status, dump, load
from tests.issuance import IDENTIFIER, NOW, Host, Issuance, configuration, issuance, issuer_metadata
from tests.scripted_server import HOLDER_KEYS

DAY = 86_400
LIST = f"{IDENTIFIER}/statuslists/1"
STORED = StoredStatusList(uri=LIST, expires_at=NOW + 365 * DAY)
SIGNER = LocalSigner.generate("issuer")


class StatusHost(Host):
    """An application that gives every copy an entry of its own, in one transaction with the nonce."""

    def decide(self, order: Any, /) -> Any:
        if isinstance(order, StatusListOrder):
            return order.publish()
        if not isinstance(order, CredentialOrder):
            return super().decide(order)
        draw = STORED.indices.draw(len(order.holder_keys), now=order.now, new_secret=new_secret, name="ada")
        allocated = draw.verify(self.load(draw.lookups))
        return order.issue({"given_name": "Ada"}, copies=allocated.copies, changes=allocated.changes)

    def set(self, value: int) -> None:
        allocation = STORED.indices.allocation_key("ada")
        records = self.load((allocation, STORED.key))
        assert self.commit((STORED.set(records, dict.fromkeys(records[allocation].data["indices"], value)),))


@frozen
class World:
    """An issuer with a status list, and what went to it."""

    net: Issuance
    lists: StatusLists
    urls: list[str]

    def at(self, now: int, answers: Mapping[str, Response] | None = None) -> Any:
        def send(request: Request) -> Response:
            self.urls.append(request.url)
            if request.url in (answers or {}):
                return (answers or {})[request.url]
            return respond(Together([self.net.issuer, self.net.server, self.lists]), request, self.net.host, now=now)

        return send

    @property
    def host(self) -> StatusHost:
        assert isinstance(self.net.host, StatusHost)
        return self.net.host


def world() -> World:
    published = SdJwtVcConfiguration(
        vct="urn:person",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported=configuration("ES256").proof_types_supported,
    )
    net = issuance(
        metadata=issuer_metadata(credential_configurations_supported={"person": published}),
        encoders={"person": SdJwtVcEncoder(signer=SIGNER)},
        published_keys=[SIGNER],
        host=StatusHost(),
    )
    assert net.host.commit((STORED.create(),))
    return World(net, StatusLists(signer=StatusListSigner(signer=SIGNER), lists=(LIST,)), [])


def wallet(**settings: Any) -> Wallet:
    return Wallet(**{"trust": Trust.of(IDENTIFIER), "client_id": "wallet", "formats": {"dc+sd-jwt": SD_JWT_VC}, **settings})


def received(world: World) -> Issued:
    granted = world.net.server.pre_authorize("ada", ("person",), now=NOW)
    assert world.host.commit(granted.changes)
    offer = world.net.issuer.offer(("person",), pre_authorized_code=granted.grant)
    send = world.at(NOW)
    session = run(run(Offer.parse(offer.uri()).open(wallet()), send).redeem(), send)
    result = run(run(session.order("person"), send).prove(HOLDER_KEYS[:3], now=NOW).submit(), send)
    assert isinstance(result, Issued)
    return result


def statuses(world: World, issued: Issued, now: int = NOW, answers: Any = None) -> tuple[Status, ...]:
    exchange = issued.check_status(now=now)
    assert isinstance(exchange, Exchange)
    return run(exchange, world.at(now, answers))


def test_credentials_are_valid_until_they_are_revoked() -> None:
    everything = world()
    issued = received(everything)
    indices = [credential.status["status_list"]["idx"] for credential in issued.credentials if credential.status]
    assert len(set(indices)) == 3
    everything.urls.clear()
    assert [each.valid for each in statuses(everything, issued)] == [True] * 3
    # One list serves for all copies; the key is that of the credentials' issuer.
    assert len(everything.urls) == len(set(everything.urls)) == 2
    everything.host.set(1)
    restored = load(dump(issued), wallet())
    assert isinstance(restored, Issued)
    assert [each.name for each in statuses(everything, restored, NOW + DAY)] == ["INVALID"] * 3
    everything.host.set(0)
    assert [each.valid for each in statuses(everything, restored, NOW + 2 * DAY)] == [True] * 3


def test_what_was_fetched_before_is_not_fetched_again() -> None:
    everything = world()
    issued = received(everything)
    documents: dict[str, bytes] = {}
    keep = everything.at(NOW)

    def send(request: Request) -> Response:
        response: Response = keep(request)
        documents[request.url] = response.body
        return response

    exchange = issued.check_status(now=NOW)
    assert isinstance(exchange, Exchange)
    run(exchange, send)
    again = check_status(issued.session.wallet, issued.credentials[:1], now=NOW + 60, documents=documents)
    assert isinstance(again, tuple)
    assert [each.value for each in again] == [0]
    # It is asked for one Credential as for all.
    assert check_status(issued.session.wallet, [], now=NOW) == ()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response(404), StatusUnknown),
        (Response(302, {"location": "https://elsewhere.example"}), StatusUnknown),
        (Response(200, {}, b"no token"), StatusUnknown),
        (Response(503), TryLater),
    ],
)
def test_a_list_that_cannot_be_had_says_nothing(answer: Response, error: type[Exception]) -> None:
    everything = world()
    issued = received(everything)
    with pytest.raises(error):
        statuses(everything, issued, answers={LIST: answer})


def test_a_list_that_is_not_the_issuers_says_nothing() -> None:
    everything = world()
    issued = received(everything)
    other = evolve(everything, lists=StatusLists(signer=StatusListSigner(signer=LocalSigner.generate("issuer")), lists=(LIST,)))
    with pytest.raises(StatusUnknown):
        statuses(other, issued)


def test_a_credential_that_has_expired_or_names_no_list_has_no_status() -> None:
    everything = world()
    issued = received(everything)
    with pytest.raises(InvalidCredential, match="expired"):
        issued.check_status(now=NOW + 60 * DAY)
    with pytest.raises(StatusUnknown):
        check_status(wallet(), [evolve(issued.credentials[0], status=None)], now=NOW)
    with pytest.raises(Untrusted):
        check_status(wallet(trust=Trust()), [evolve(issued.credentials[0], issuer=None)], now=NOW)


@frozen
class Oracle:
    """A mechanism of a third party, which needs `url`."""

    url: str

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> str | NeededDocument:
        return documents[self.url].decode() if self.url in documents else NeededDocument(self.url, ())


@frozen
class Lists:
    """A mechanism in which every Credential, known by its issuer, is on a list of its own."""

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> bytes | NeededDocument:
        url = f"https://lists.example/{credential.issuer}"
        return documents[url] if url in documents else NeededDocument(url, ())


def test_as_many_lists_are_fetched_as_there_are_credentials() -> None:
    """What the application has from before is none of them."""
    credentials = [VerifiedCredential("x", "", {}, issuer=str(i)) for i in range(40)]
    before = {f"https://lists.example/{i}": b"before" for i in range(20)}
    exchange = check_status(wallet(), credentials, now=NOW, checker=Lists(), documents=before)
    assert isinstance(exchange, Exchange)
    assert run(exchange, lambda request: Response(200, {}, b"fetched")) == (b"before",) * 20 + (b"fetched",) * 20


@frozen
class Endless:
    """A mechanism that always needs one more document."""

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> bytes | NeededDocument:
        return NeededDocument(f"https://lists.example/{len(documents)}", ())


def test_there_is_an_end_to_fetching() -> None:
    exchange = check_status(wallet(), [VerifiedCredential("x", "", {})] * 2, now=NOW, checker=Endless())
    urls: list[str] = []

    def send(request: Request) -> Response:
        urls.append(request.url)
        return Response(200, {}, b"")

    assert isinstance(exchange, Exchange)
    with pytest.raises(StatusUnknown, match="too many documents"):
        run(exchange, send)
    assert len(urls) == 32


def test_another_mechanism_is_asked_the_same_way() -> None:
    everything = world()
    issued = received(everything)
    exchange = issued.check_status(now=NOW, checker=Oracle("https://oracle.example/"))
    assert isinstance(exchange, Exchange)
    assert exchange.request.headers.get("accept") == "*/*"
    assert exchange.receive(Response(200, {}, b"well")) == ("well", "well", "well")
    with pytest.raises(StatusUnknown, match="https"):
        issued.check_status(now=NOW, checker=Oracle("http://oracle.example/"))
    strict = issued.check_status(now=NOW, checker=StatusChecker(haip=True))
    assert isinstance(strict, Exchange)
    with pytest.raises(StatusUnknown, match="x5c"):
        run(strict, everything.at(NOW))
