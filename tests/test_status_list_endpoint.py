"""The endpoint of status lists: media types, caching, what is signed anew, aggregation (Token Status List 8.1, 8.2, 8.4, 9)."""

from collections.abc import Sequence
from typing import Any

import pytest

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.drive import Draft, respond
from oid4vci.errors import HistoryNotSupported, MethodNotAllowed, NotFound, TemporarilyUnavailable
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, RemoteSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.negotiation import accepted
from oid4vci.records import Change, Key, Records, Reply
from oid4vci.status_list import (
    CWT,
    JWT,
    PublishedStatusList,
    StatusList,
    StatusListOrder,
    StatusLists,
    StatusListSigner,
    StoredStatusList,
    read_aggregation,
)
from tests.status_lists import CHAIN, ISSUER, NOW, SIGNER, SIGNING, STATUSES, URI, credential, status

PUBLISHED = SIGNING.draft(STATUSES, uri=URI, now=NOW, media_types=(JWT, CWT)).finish()
STORED = StoredStatusList(uri=URI, expires_at=NOW + 10**8, size=1000, bits=2)
AGGREGATION = f"{ISSUER}/statuslists"
PROVIDER = StatusLists(
    signer=StatusListSigner(signer=SIGNER, x5c=CHAIN, aggregation_uri=AGGREGATION), lists=(URI, f"{ISSUER}/statuslists/2")
)


def get(url: str = URI, *accept: str, method: str = "GET") -> Request:
    return Request(method, url, [("Accept", value) for value in accept])


# One token


def test_a_token_has_its_media_type() -> None:
    for media_type in (JWT, CWT):
        response = PUBLISHED.respond(get(URI, media_type), now=NOW)
        assert (response.status, response.media_type, response.body) == (200, media_type, PUBLISHED.tokens[media_type])
        assert response.headers.get("vary") == "accept"
        assert response.headers.get("access-control-allow-origin") == "*"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (JWT, JWT),
        (CWT, CWT),
        (f"{JWT}, {CWT}", JWT),
        (f"{CWT}, {JWT}", JWT),
        (f"{JWT};q=0.5, {CWT}", CWT),
        (f"{JWT};q=0, {CWT};q=0.1", CWT),
        (f"*/*;q=0.1, {CWT}", CWT),
        (f"{JWT};q=0, */*", CWT),
        ("application/*", JWT),
        (f"application/*;q=0.2, {CWT.upper()} ; Q=0.3", CWT),
        ("*/*", JWT),
        ("text/html", JWT),
        ("", JWT),
        (";;,,;q=", JWT),
        (f"{JWT};q=nan, {CWT};q=many", JWT),
        (f"{CWT};q=1e9", CWT),
    ],
)
def test_accept(accept: str, expected: str) -> None:
    assert accepted(accept, (JWT, CWT)) == expected


def test_several_accept_headers_are_one() -> None:
    assert PUBLISHED.respond(get(URI, f"{JWT};q=0.1", CWT), now=NOW).media_type == CWT
    assert PUBLISHED.respond(get(), now=NOW).media_type == JWT


def test_what_there_is_only_one_of_is_served() -> None:
    only = SIGNING.draft(STATUSES, uri=URI, now=NOW).finish()
    assert only.respond(get(URI, CWT), now=NOW).media_type == JWT


@pytest.mark.parametrize(
    ("lifetime", "ttl", "after", "expected"),
    [
        (86_400, 43_200, 0, "public, max-age=43200"),
        (86_400, 43_200, 86_000, "public, max-age=400"),
        (None, 600, 10**6, "public, max-age=600"),
        (600, None, 100, "public, max-age=500"),
        (None, None, 100, "no-cache"),
    ],
)
def test_caches_keep_it_as_long_as_it_says(lifetime: int | None, ttl: int | None, after: int, expected: str) -> None:
    published = StatusListSigner(signer=SIGNER, lifetime=lifetime, ttl=ttl).draft(STATUSES, uri=URI, now=NOW).finish()
    assert published.respond(get(), now=NOW + after).headers.get("cache-control") == expected


def test_what_is_refused() -> None:
    with pytest.raises(MethodNotAllowed):
        PUBLISHED.respond(get(method="POST"), now=NOW)
    for query in ("time=1686925000", "a=b&time=", "time"):
        with pytest.raises(HistoryNotSupported) as caught:
            PUBLISHED.respond(get(f"{URI}?{query}"), now=NOW)
        assert caught.value.reply.response.status == 501
    assert PUBLISHED.respond(get(f"{URI}?timestamp=1"), now=NOW).status == 200
    with pytest.raises(TemporarilyUnavailable):
        PUBLISHED.respond(get(), now=NOW + 86_400)


def test_a_published_token_can_be_kept_as_json() -> None:
    data = _json.loads(_json.dumps(PUBLISHED.to_json()))
    assert PublishedStatusList.from_json(URI, data) == PUBLISHED


# The role


class Host:
    """An application with a store; lists that are not in it are `own`."""

    def __init__(self, own: StatusList | None = None) -> None:
        self.store, self.own, self.signed = MemoryStore(), own, 0

    def load(self, keys: Sequence[Key], /) -> Records:
        return self.store.load(keys)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        return {}

    def decide(self, order: Any, /) -> Draft | Reply:
        assert isinstance(order, StatusListOrder)
        self.signed += 1
        return order.publish(self.own)

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return [SIGNER.sign(each.data) for each in inputs]

    def commit(self, changes: Sequence[Change], /) -> bool:
        return self.store.commit(changes)


def fetch(host: Host, *accept: str, url: str = URI, now: int = NOW, provider: StatusLists = PROVIDER) -> Response:
    return respond(provider, get(url, *accept), host, now=now)


def test_a_stored_list_is_signed_once_and_served_until_it_changes() -> None:
    host = Host()
    assert host.commit([STORED.create()])
    first = fetch(host)
    assert status(first.body, credential(7)).name == "VALID"
    assert fetch(host, now=NOW + 43_199).body == first.body
    assert status(fetch(host, CWT).body, credential(7)).name == "VALID"
    assert host.signed == 1
    assert host.commit([STORED.set(host.load([STORED.key]), {7: 2})])
    assert status(fetch(host).body, credential(7)).name == "SUSPENDED"
    assert host.signed == 2
    again = fetch(host, now=NOW + 43_200)
    assert status(again.body, credential(7), now=NOW + 43_200).name == "SUSPENDED"
    assert host.signed == 3


def test_a_list_of_the_application_is_signed_once_too() -> None:
    host = Host(STATUSES)
    assert status(fetch(host).body).name == "INVALID"
    assert fetch(host, now=NOW + 60).body == fetch(host).body
    assert host.signed == 1
    assert fetch(host, now=NOW - 1).status == 200
    assert host.signed == 2


def test_keys_elsewhere_sign() -> None:
    remote = StatusListSigner(signer=RemoteSigner("hsm", "ES256", SIGNER.public_jwk), x5c=CHAIN)
    response = fetch(Host(STATUSES), provider=StatusLists(signer=remote, lists=(URI,)))
    assert status(response.body).name == "INVALID"


def test_a_representation_that_was_not_signed_then_is_signed_now() -> None:
    host = Host(STATUSES)
    fetch(host, provider=StatusLists(signer=SIGNING, lists=(URI,), media_types=(JWT,)))
    assert fetch(host, CWT).media_type == CWT
    assert host.signed == 2


def test_two_who_sign_at_once_both_answer() -> None:
    host = Host(STATUSES)
    calls = [PROVIDER.read(get()) for _ in range(2)]
    replies = []
    for call in calls:
        order = call.verify({}, keys={}, now=NOW)
        assert isinstance(order, StatusListOrder)
        replies.append(order.publish(STATUSES).finish())
    assert [host.commit(reply.changes) for reply in replies] == [True, False]
    assert isinstance(calls[1].verify(host.load([STORED.key]), keys={}, now=NOW), Reply)


def test_statuses_must_come_from_somewhere() -> None:
    order = PROVIDER.read(get()).verify({}, keys={}, now=NOW)
    assert isinstance(order, StatusListOrder)
    with pytest.raises(ValueError, match="must be given"):
        order.publish()


def test_where_there_are_lists() -> None:
    assert PROVIDER.serves("/statuslists/1")
    assert PROVIDER.serves("/statuslists/2")
    assert PROVIDER.serves("/statuslists")
    assert not PROVIDER.serves("/statuslists/3")
    assert not StatusLists(signer=SIGNING, lists=(URI,)).serves("/statuslists")
    with pytest.raises(NotFound):
        PROVIDER.read(get(f"{ISSUER}/statuslists/3"))
    for url in (URI, AGGREGATION):
        with pytest.raises(MethodNotAllowed):
            PROVIDER.read(get(url, method="POST"))
    assert fetch(Host(), url=f"{URI}?time=1").status == 501


@pytest.mark.parametrize(
    "fields",
    [{"lists": ()}, {"lists": (URI, f"{URI}?a")}, {"media_types": ()}, {"refresh": 0}, {"lists": ("http://e.com/1",)}],
)
def test_providers_of_nothing(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        StatusLists(**{"signer": SIGNING, "lists": (URI,), **fields})


def test_several_lists_are_not_one_string() -> None:
    with pytest.raises(TypeError):
        StatusLists(signer=SIGNING, lists=URI)


@pytest.mark.parametrize(
    ("lifetime", "ttl", "expected"),
    [(86_400, 43_200, 43_200), (600, 43_200, 300), (None, 60, 60), (None, None, 43_200), (1, 9, 1)],
)
def test_when_a_token_is_signed_anew(lifetime: int | None, ttl: int | None, expected: int) -> None:
    signing = StatusListSigner(signer=SIGNER, lifetime=lifetime, ttl=ttl)
    assert StatusLists(signer=signing, lists=(URI,)).refresh == expected


# Aggregation


def test_the_list_of_lists() -> None:
    response = fetch(Host(), url=AGGREGATION)
    assert response.media_type == "application/json"
    assert response.json() == {"status_lists": [URI, f"{ISSUER}/statuslists/2"]}
    assert read_aggregation(response.body) == (URI, f"{ISSUER}/statuslists/2")


@pytest.mark.parametrize(
    "value", [[], {}, {"status_lists": URI}, {"status_lists": [7]}, {"status_lists": [URI] * 10_001}, {"status_lists": [""]}]
)
def test_aggregations_that_are_none(value: Any) -> None:
    with pytest.raises(Malformed):
        read_aggregation(_json.dump_bytes(value))
