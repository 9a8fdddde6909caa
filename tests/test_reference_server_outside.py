"""What the reference server fetches for proofs: documents of did:web, and status lists; what it keeps, and what it never asks."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio
import httpx
import pytest
from attrs import define, field

from examples.issuer_alone.jwks import Unavailable
from examples.reference_server import fetching
from examples.reference_server.attestation_statuses import MAX_LIST, MAX_LISTS, AttestationStatuses
from examples.reference_server.attesters import KeyAttesters
from examples.reference_server.did_documents import MAX_DOCUMENT, MAX_DOCUMENTS, DidDocuments
from oid4vci._json import dump_bytes
from oid4vci.keys import KeyReference, LocalSigner, public_key
from oid4vci.revocation import CertificateReference, StatusReference
from oid4vci.status_list import CWT, JWT, StatusList, StatusListSigner
from oid4vci.trust import Trust
from tests.proving_configurations import PROVIDER, STRANGER

T = TypeVar("T")
HOLDER, OTHER = LocalSigner.generate("holder"), LocalSigner.generate("other")
LISTS = "https://provider.example/lists/"
LIST = f"{LISTS}1"


@define
class Web:
    """What is published, by URL; None is a server that is down. `asked` are the URLs, and `accept` what was said last."""

    published: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)
    accept: str = ""
    now: int = field(factory=lambda: int(time.time()))

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        self.accept = request.headers["accept"]
        found = self.published.get(url, httpx.Response(404))
        if found is None:
            raise httpx.ConnectError("down", request=request)
        return found if isinstance(found, httpx.Response) else httpx.Response(200, content=found)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    def clock(self) -> int:
        return self.now


def ask(what: Callable[[Any], Awaitable[T]], given: Any) -> T:
    async def asked() -> T:
        return await what(given)

    return anyio.run(asked)


# --- did:web ----------------------------------------------------------------------------------------------------------------

DID, DOCUMENT = "did:web:wallet.example:users:1", "https://wallet.example/users/1/did.json"
NAMED = KeyReference(f"{DID}#key-1")


def document(did: str = DID, holder: LocalSigner = HOLDER, purpose: str = "authentication") -> bytes:
    method = {"id": f"{did}#key-1", "type": "JsonWebKey", "controller": did, "publicKeyJwk": dict(holder.public_jwk)}
    return dump_bytes({"id": did, "verificationMethod": [method], purpose: [f"{did}#key-1"]})


def documents(web: Web, *hosts: str) -> DidDocuments:
    return DidDocuments(web.client(), frozenset(hosts or ("wallet.example", "wallet.example:8443")), web.clock)


def test_a_document_is_fetched_once_and_again_when_its_time_is_over() -> None:
    web = Web({DOCUMENT: document()})
    resolver = documents(web)
    for _ in range(3):
        assert ask(resolver.resolve, [NAMED]) == {NAMED: (public_key(HOLDER.public_jwk),)}
    assert web.asked == [DOCUMENT]
    assert "application/did" in web.accept
    web.published[DOCUMENT] = document(holder=OTHER)
    web.now += 300
    assert ask(resolver.resolve, [NAMED]) == {NAMED: (public_key(OTHER.public_jwk),)}
    assert web.asked == [DOCUMENT] * 2


def test_a_port_and_a_key_that_another_proof_names() -> None:
    web = Web({"https://wallet.example:8443/.well-known/did.json": document("did:web:wallet.example%3A8443")})
    named, other = (KeyReference(f"did:web:wallet.example%3A8443#key-{i}") for i in (1, 2))
    assert list(ask(documents(web).resolve, [named, other])) == [named]
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "did:web:other.example#key-1",
        "did:web:wallet.example.other.example#key-1",
        "did:web:wallet.example%3A8444#key-1",
        "did:web:wallet.example%2F@other.example#key-1",
        "did:web:127.0.0.1#key-1",
        "did:web:wallet.example:..:admin#key-1",
        "did:web:wallet.example/path#key-1",
        "did:web:#key-1",
        "did:webs:wallet.example#key-1",
        "did:example:1#key-1",
        "https://wallet.example/users/1/did.json",
        "",
    ],
)
def test_what_leads_elsewhere_is_not_asked(url: str) -> None:
    web = Web()
    assert ask(documents(web).resolve, [KeyReference(url, "kid", ("statement",) if not url else ())]) == {}
    assert web.asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", document("did:web:wallet.example"), document(purpose="assertionMethod"), httpx.Response(410)],
    ids=["empty", "array", "broken", "no text", "of another DID", "for another purpose", "gone"],
)
def test_what_is_no_document_of_it_leads_to_no_key(body: Any) -> None:
    assert ask(documents(Web({DOCUMENT: body})).resolve, [NAMED]) == {}


def test_no_document_is_no_reason_to_wait() -> None:
    assert ask(documents(Web()).resolve, [NAMED]) == {}


TROUBLE: Mapping[str, Any] = {
    "down": None,
    "error": httpx.Response(500),
    "redirect": httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
    "too large": b" " * (MAX_LIST + 1),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_document_that_cannot_be_had_now(trouble: str) -> None:
    web = Web({DOCUMENT: TROUBLE[trouble]})
    resolver = documents(web)
    with pytest.raises(Unavailable):
        ask(resolver.resolve, [NAMED])
    assert web.asked == [DOCUMENT]
    web.published[DOCUMENT] = document()
    assert list(ask(resolver.resolve, [NAMED])) == [NAMED]


def test_what_is_kept_is_bounded() -> None:
    web = Web({DOCUMENT: document() + b" " * (MAX_DOCUMENT - len(document()))})
    resolver = documents(web)
    assert list(ask(resolver.resolve, [NAMED])) == [NAMED]
    web.published[DOCUMENT] += b" "
    web.now += 300
    with pytest.raises(Unavailable):
        ask(resolver.resolve, [NAMED])
    web = Web({f"https://wallet.example/{i}/did.json": b"{}" for i in range(MAX_DOCUMENTS + 5)})
    many = documents(web)
    ask(many.resolve, [KeyReference(f"did:web:wallet.example:{i}#key-1") for i in range(MAX_DOCUMENTS + 5)])
    assert len(web.asked) == MAX_DOCUMENTS + 5
    assert len(many._documents) <= MAX_DOCUMENTS


def test_a_server_that_is_slow_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2)

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                await anyio.sleep(0.01)
                yield b" "

    web = Web({DOCUMENT: httpx.Response(200, stream=Slow())})
    with pytest.raises(Unavailable):
        ask(documents(web).resolve, [NAMED])


# --- status lists -----------------------------------------------------------------------------------------------------------


def status_list(
    uri: str = LIST, *, party: Any = PROVIDER, media_type: str = JWT, now: int | None = None, **given: Any
) -> bytes:
    """The list of that URL: the index 7 is revoked, 8 suspended."""
    statuses = StatusList.of(1_000, bits=2, statuses={7: 1, 8: 2})
    signer = StatusListSigner(**{"signer": party.signer, "x5c": [party.leaf], "ttl": 600, **given})
    made = signer.draft(statuses, uri=uri, now=now or int(time.time()), media_types=[media_type]).finish()
    return made.tokens[media_type]


def checker(web: Web, *urls: str, anchors: Any = PROVIDER.anchors) -> AttestationStatuses:
    allows = KeyAttesters(status_list_urls=urls or (LISTS,)).allows
    return AttestationStatuses(web.client(), Trust(status_anchors=anchors, allow=allows), web.clock)


def entry(index: int, uri: str = LIST) -> StatusReference:
    return StatusReference(uri, index)


@pytest.mark.parametrize("media_type", [JWT, CWT])
def test_a_status_list_is_fetched_once_for_as_long_as_it_says(media_type: str) -> None:
    web = Web({LIST: status_list(media_type=media_type)})
    statuses = checker(web)
    expected = {entry(6): 0, entry(7): 1, entry(8): 2}
    for _ in range(2):
        assert ask(statuses.check, list(expected)) == expected
    assert web.asked == [LIST]
    assert web.accept == f"{JWT}, {CWT}"
    web.now += 600
    web.published[LIST] = None
    with pytest.raises(Unavailable):
        ask(statuses.check, [entry(6)])
    web.published[LIST] = status_list(now=web.now)
    assert ask(statuses.check, [entry(6)]) == {entry(6): 0}


@pytest.mark.parametrize(
    "uri",
    [
        "https://provider.example.other.example/lists/1",
        "https://provider.example/list",
        "https://provider.example/lists/../admin",
        "https://provider.example/lists/%2e%2E/admin",
        "https://provider.example:8443/lists/1",
        "http://provider.example/lists/1",
        "HTTPS://provider.example/lists/1",
        "urn:list:1",
    ],
)
def test_a_list_elsewhere_is_not_asked_for(uri: str) -> None:
    web = Web()
    assert ask(checker(web).check, [entry(1, uri), CertificateReference(b"", 1)]) == {}
    assert web.asked == []


def test_one_list_can_be_named_alone() -> None:
    web = Web({LIST: status_list(), f"{LIST}0": status_list(f"{LIST}0")})
    assert ask(checker(web, LIST).check, [entry(1), entry(1, f"{LIST}0")]) == {entry(1): 0}
    assert web.asked == [LIST]


@pytest.mark.parametrize(
    ("body", "index"),
    [
        (status_list(party=STRANGER), 1),
        (status_list(f"{LISTS}2"), 1),
        (status_list(x5c=()), 1),
        (status_list(lifetime=60, now=int(time.time()) - 600), 1),
        (b"{}", 1),
        (status_list(), 5_000),
        (httpx.Response(404), 1),
    ],
    ids=["another's", "of another URL", "no certificate", "expired", "no list", "no such index", "missing"],
)
def test_what_is_no_list_of_an_attester_says_nothing(body: Any, index: int) -> None:
    web = Web({LIST: body})
    assert ask(checker(web).check, [entry(index)]) == {}
    assert web.asked == [LIST]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_list_that_cannot_be_had_now(trouble: str) -> None:
    web = Web({LIST: TROUBLE[trouble]})
    statuses = checker(web)
    with pytest.raises(Unavailable):
        ask(statuses.check, [entry(1)])
    web.published[LIST] = status_list()
    assert ask(statuses.check, [entry(1)]) == {entry(1): 0}


def test_lists_that_are_kept_are_bounded() -> None:
    web = Web({f"{LISTS}{i}": status_list(f"{LISTS}{i}") for i in range(MAX_LISTS + 5)})
    statuses = checker(web)
    found = ask(statuses.check, [entry(7, uri) for uri in web.published])
    assert list(found.values()) == [1] * (MAX_LISTS + 5)
    assert len(statuses._lists) <= MAX_LISTS
