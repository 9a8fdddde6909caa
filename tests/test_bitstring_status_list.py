"""Bitstring Status List 1.0: the list, its entries, and what a Wallet makes of them."""

import contextlib
import gzip
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose, _json
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.errors import InvalidCredential, StatusUnknown, Untrusted, reading
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.status_list import (
    BITSTRING_CREDENTIAL_TYPES,
    BitstringStatus,
    BitstringStatusChecker,
    BitstringStatusList,
    BitstringStatusListEntry,
)
from oid4vci.trust import Trust
from tests.test_x509 import NOW

# Bitstring Status List, examples 1 to 3 and 5.
EXAMPLE_LIST = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
EXAMPLE_ENTRY = {
    "id": "https://example.com/credentials/status/3#94567",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "94567",
    "statusListCredential": "https://example.com/credentials/status/3",
}
ISSUER, URL = "https://issuer.example", "https://issuer.example/status/3"
TRUST = Trust.of(ISSUER)
SIGNER = LocalSigner.generate("issuer")
KEY = public_key(SIGNER.public_jwk)
MESSAGES = [
    {"status": f"0x{value:x}", "message": word} for value, word in enumerate(("pending", "accepted", "rejected", "undefined"))
]
INDEX = 94_567
STATUSES = BitstringStatusList.of(statuses={INDEX: 1})


class PlainVerifier:
    """Credentials that are JWTs by one key, in which the claims are the credential; it needs a document first if told so."""

    def __init__(self, needs: str | None = None) -> None:
        self.needs = needs

    def verify(
        self,
        credential: Any,
        *,
        configuration: object,
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        if self.needs is not None and self.needs not in documents:
            return NeededDocument(self.needs, ("application/json",))
        with reading(InvalidCredential):
            jws = _jose.parse(credential if isinstance(credential, str) else credential["jwt"])
            _jose.verify(jws, KEY, algorithms=("ES256",))
            claims = jws.claims()
            return VerifiedCredential("vc+jwt", credential, claims, issuer=claims["issuer"], expires_at=claims.get("exp"))


def holder(statuses: BitstringStatusList = STATUSES, purposes: Sequence[str] = ("revocation",), **more: Any) -> dict[str, Any]:
    """A credential that holds a list. Members of the subject come as `subject`."""
    subject, messages = more.pop("subject", {}), more.pop("messages", ())
    dataset = statuses.dataset(URL, purposes, ttl=more.pop("ttl", None), messages=messages)
    claims = {"type": list(BITSTRING_CREDENTIAL_TYPES), "issuer": ISSUER, **dataset, **more}
    claims["credentialSubject"] = {**claims["credentialSubject"], **subject}
    for members in (claims, claims["credentialSubject"]):
        for name in [name for name, value in members.items() if value is None]:
            del members[name]
    return claims


def secured(claims: Mapping[str, Any], signer: LocalSigner = SIGNER) -> bytes:
    data = _jose.signing_input({"alg": "ES256"}, _json.dump_bytes(claims))
    return _jose.compact(data, signer.sign(data)).encode()


def entry(index: int = INDEX, **more: Any) -> dict[str, Any]:
    return BitstringStatusListEntry.of(URL, index, **more).to_json()


def credential(*entries: Any, issuer: str | None = ISSUER, **more: Any) -> VerifiedCredential:
    status = {"credentialStatus": entries[0] if len(entries) == 1 else list(entries)}
    return VerifiedCredential("vc+jwt", "", {}, issuer=issuer, status=status, **more)


def checker(**settings: Any) -> BitstringStatusChecker:
    return BitstringStatusChecker(**{"verifier": PlainVerifier(), **settings})


def check(
    body: bytes, of: VerifiedCredential | None = None, *, by: BitstringStatusChecker | None = None, now: int = NOW
) -> tuple[BitstringStatus, ...]:
    outcome = (by or checker()).check(of or credential(entry()), trust=TRUST, documents={URL: body}, now=now)
    assert not isinstance(outcome, NeededDocument)
    return outcome


def refused(body: bytes, of: VerifiedCredential | None = None, **more: Any) -> None:
    with pytest.raises(StatusUnknown):
        check(body, of, **more)


# The list


def test_the_list_of_the_specification() -> None:
    read = BitstringStatusList.from_encoded(EXAMPLE_LIST)
    assert read == BitstringStatusList.of()
    assert read.size == 131_072
    assert gzip.decompress(b64url_decode(EXAMPLE_LIST[1:])) == gzip.decompress(
        b64url_decode(BitstringStatusList.of().encoded()[1:])
    )


def test_the_first_index_is_the_leftmost_bit() -> None:
    assert BitstringStatusList.of(statuses={0: 1}).packed[:2] == b"\x80\x00"
    assert BitstringStatusList.of(statuses={131_071: 1}).packed[-2:] == b"\x00\x01"
    assert BitstringStatusList.of(status_size=3, statuses={2: 0b101}).packed[:2] == b"\x02\x80"


def test_the_same_list_gives_the_same_text() -> None:
    """GZIP has room for a time and a file name."""
    head = b64url_decode(STATUSES.encoded()[1:])[:10]
    assert head[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    assert STATUSES.encoded() == BitstringStatusList.of(statuses={INDEX: 1}).encoded()


@given(st.integers(1, 8), st.data())
def test_any_list_comes_back(status_size: int, data: st.DataObject) -> None:
    largest = (1 << status_size) - 1
    statuses = data.draw(st.dictionaries(st.integers(0, 131_071), st.integers(0, largest), max_size=20))
    made = BitstringStatusList.of(status_size=status_size, statuses=statuses)
    read = BitstringStatusList.from_encoded(made.encoded(), status_size=status_size)
    assert read == made
    assert all(read.get(index) == status for index, status in statuses.items())
    bits = "".join(f"{byte:08b}" for byte in made.packed)
    for index in (*statuses, 0, 1, 131_071):
        at = index * status_size
        assert read.get(index) == int(bits[at : at + status_size], 2) == statuses.get(index, 0)
    again = made.set(dict.fromkeys(statuses, 0))
    assert again == BitstringStatusList.of(status_size=status_size)


def test_lists_that_cannot_be() -> None:
    for index, status in ((131_072, 1), (-1, 1), (0, 2), (0, -1)):
        with pytest.raises(ValueError, match=r"range|fit"):
            STATUSES.set({index: status})
    for index in (-1, 131_072):
        with pytest.raises(Malformed):
            STATUSES.get(index)
    with pytest.raises(ValueError, match="at least 131072"):
        BitstringStatusList.of(131_071)
    for status_size in (0, 9, True, 1.0):
        with pytest.raises(ValueError, match="statusSize"):
            BitstringStatusList.of(status_size=status_size)  # type: ignore[arg-type]


GOOD = gzip.compress(bytes(16_384), mtime=0)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "u",
        EXAMPLE_LIST[1:],
        "z" + EXAMPLE_LIST[1:],
        EXAMPLE_LIST + "=",
        EXAMPLE_LIST[:-4],
        "u" + b64url_encode(GOOD + b"\0"),
        "u" + b64url_encode(GOOD + GOOD),
        "u" + b64url_encode(GOOD[:-5] + b"\xff" + GOOD[-4:]),
        "u" + b64url_encode(zlib.compress(bytes(16_384))),
        "u" + b64url_encode(gzip.compress(bytes(1 << 24))),
    ],
)
def test_encoded_lists_that_are_refused(text: Any) -> None:
    with pytest.raises(Malformed):
        BitstringStatusList.from_encoded(text)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        BitstringStatusList.from_encoded("u" + b64url_encode(data), max_size=1 << 16)


def test_the_dataset_of_a_list() -> None:
    dataset = STATUSES.dataset(URL, ["revocation", "suspension"], ttl=60)
    assert dataset == {
        "id": URL,
        "credentialSubject": {
            "id": f"{URL}#list",
            "type": "BitstringStatusList",
            "statusPurpose": ["revocation", "suspension"],
            "encodedList": STATUSES.encoded(),
            "ttl": 60_000,
        },
    }
    messages = BitstringStatusList.of(status_size=2).dataset(URL, ["message"], messages=MESSAGES)["credentialSubject"]
    assert (messages["statusPurpose"], messages["statusSize"], messages["statusMessages"]) == ("message", 2, MESSAGES)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "http://issuer.example"},
        {"purposes": []},
        {"purposes": "revocation"},
        {"purposes": [""]},
        {"ttl": 0},
        {"purposes": ["message"]},
        {"purposes": ["message"], "messages": [{"status": "0", "message": "a"}, {"status": "0x1", "message": "b"}]},
        {"purposes": ["message"], "messages": [{"status": "0x1", "message": "a"}, {"status": "0x1", "message": "b"}]},
    ],
)
def test_datasets_that_cannot_be(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        STATUSES.dataset(**{"url": URL, "purposes": ["revocation"], **arguments})


# Entries


def test_the_entries_of_the_specification() -> None:
    read = BitstringStatusListEntry.from_json(EXAMPLE_ENTRY)
    assert read == BitstringStatusListEntry.of("https://example.com/credentials/status/3", 94_567)
    assert {**read.to_json(), "statusSize": 1} == {**EXAMPLE_ENTRY, "statusSize": 1}
    message = {
        **EXAMPLE_ENTRY,
        "statusPurpose": "message",
        "statusSize": 2,
        "statusMessage": MESSAGES,
        "statusReference": "https://example.org/status-dictionary/",
    }
    assert BitstringStatusListEntry.from_json(message).message(2) == "rejected"
    assert (read.message(0), read.message(1)) == ("unset", "set")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "BitstringStatusList"),
        ("type", 7),
        ("id", EXAMPLE_ENTRY["statusListCredential"]),
        ("statusPurpose", None),
        ("statusPurpose", ""),
        ("statusPurpose", ["revocation"]),
        ("statusListIndex", None),
        ("statusListIndex", 94_567),
        ("statusListIndex", "-1"),
        ("statusListIndex", "0x1"),
        ("statusListIndex", "1.0"),
        ("statusListIndex", "\u0661"),
        ("statusListIndex", "1" * 17),
        ("statusListCredential", None),
        ("statusListCredential", "http://example.com/status"),
        ("statusListCredential", "urn:status"),
        ("statusSize", 0),
        ("statusSize", "1"),
        ("statusSize", 9),
        ("statusSize", True),
        ("statusSize", 2),
        ("statusMessage", []),
        ("statusMessage", MESSAGES),
        ("statusMessage", "none"),
        ("statusMessage", [{"status": "0x0"}, {"status": "0x1", "message": "set"}]),
        ("statusMessage", ["unset", "set"]),
    ],
)
def test_entries_that_are_refused(name: str, value: Any) -> None:
    changed = {**EXAMPLE_ENTRY, name: value}
    with pytest.raises(Malformed):
        BitstringStatusListEntry.from_json(changed)
    if name != "type":
        refused(secured(holder()), credential(changed))


# What a Wallet finds out


def test_a_status() -> None:
    assert check(secured(holder())) == (BitstringStatus("revocation", 1, "set", NOW, NOW + 7 * 86_400),)
    (valid,) = check(secured(holder()), credential(entry(0)))
    assert valid.valid
    assert valid.message == "unset"


def test_a_status_for_each_purpose() -> None:
    body = secured(holder(purposes=["revocation", "suspension"]))
    entries = [entry(), {"type": "Other"}, 7, entry(0, purpose="suspension")]
    assert [(each.purpose, each.value) for each in check(body, credential(*entries))] == [("revocation", 1), ("suspension", 0)]


def test_a_message() -> None:
    statuses = BitstringStatusList.of(status_size=2, statuses={INDEX: 2})
    of = credential(entry(purpose="message", status_size=2, messages=MESSAGES))
    (found,) = check(secured(holder(statuses, ["message"], messages=MESSAGES)), of)
    assert (found.value, found.message, found.valid) == (2, "rejected", False)
    refused(secured(holder(statuses, ["message"], messages=MESSAGES, subject={"statusSize": 1})), of)


def test_how_long_an_answer_is_kept() -> None:
    def until(**more: Any) -> int:
        return check(secured(holder(**more)))[0].valid_until - NOW

    assert until(ttl=600) == 600
    assert until(ttl=1) == 60
    assert until(ttl=10**8) == 7 * 86_400
    assert until(ttl=600, exp=NOW + 100) == 100


def test_documents_are_asked_for() -> None:
    keys = "https://issuer.example/keys"
    by = checker(verifier=PlainVerifier(keys))
    documents: dict[str, bytes] = {}
    needed = by.check(credential(entry()), trust=TRUST, documents=documents, now=NOW)
    assert needed == NeededDocument(URL, by.media_types)
    documents[URL] = secured(holder())
    assert by.check(credential(entry()), trust=TRUST, documents=documents, now=NOW) == NeededDocument(
        keys, ("application/json",)
    )
    documents[keys] = b""
    assert by.check(credential(entry()), trust=TRUST, documents=documents, now=NOW) == check(documents[URL])


def test_a_list_may_be_a_json_object() -> None:
    body = _json.dump_bytes({"jwt": secured(holder()).decode()})
    assert check(b" \n" + body) == check(secured(holder()))


def test_nothing_is_fetched_where_trust_has_not_allowed_it() -> None:
    with pytest.raises(Untrusted):
        checker().check(credential(EXAMPLE_ENTRY), trust=TRUST, documents={}, now=NOW)
    with pytest.raises(Untrusted):
        checker().check(credential(entry(), issuer=None), trust=Trust(), documents={}, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://elsewhere.example"},
        {"id": "https://issuer.example/status/4"},
        {"type": ["VerifiableCredential"]},
        {"type": None},
        {"credentialSubject": {}},
        {"subject": {"type": "BitstringStatusListEntry"}},
        {"subject": {"type": None}},
        {"subject": {"statusPurpose": "suspension"}},
        {"subject": {"statusPurpose": None}},
        {"subject": {"statusSize": 2}},
        {"subject": {"encodedList": None}},
        {"subject": {"encodedList": EXAMPLE_LIST[1:]}},
        {"subject": {"encodedList": "u" + b64url_encode(gzip.compress(bytes(16_383)))}},
        {"subject": {"ttl": 0}},
        {"subject": {"ttl": "1000"}},
        {"subject": {"ttl": True}},
    ],
)
def test_lists_that_tell_nothing(changes: dict[str, Any]) -> None:
    refused(secured(holder(**changes)))


def test_a_list_of_several_subjects_is_none() -> None:
    claims = holder()
    refused(secured({**claims, "credentialSubject": [claims["credentialSubject"]]}))


def test_a_list_without_an_id_is_the_one_at_its_url() -> None:
    assert check(secured(holder(id=None))) == check(secured(holder()))


def test_others_may_publish_lists_if_the_wallet_says_so() -> None:
    body = secured(holder(issuer="https://status.example"))
    refused(body)
    assert check(body, by=checker(issuers=["https://status.example"])) == check(secured(holder()))
    with pytest.raises(StatusUnknown):
        checker().check(credential(entry(), issuer=None), trust=Trust(allow=lambda _: True), documents={URL: body}, now=NOW)


def test_lists_that_do_not_verify_tell_nothing() -> None:
    refused(secured(holder(), LocalSigner.generate("another")))
    refused(b"\xff")
    refused(b"{}}")
    refused(b"")


def test_a_shorter_list_if_the_ecosystem_says_so() -> None:
    short = secured(holder(subject={"encodedList": BitstringStatusList(bytes(128)).encoded()}))
    refused(short, credential(entry(0)))
    assert check(short, credential(entry(0)), by=checker(minimum_entries=1024))[0].valid
    refused(short, credential(entry(1024)), by=checker(minimum_entries=1024))


def test_credentials_without_an_entry() -> None:
    for of in (
        VerifiedCredential("vc+jwt", "", {}, issuer=ISSUER),
        credential({"type": "Other"}),
        credential([]),
        credential(*[entry()] * 17),
    ):
        refused(secured(holder()), of)


def test_a_credential_that_has_expired_stays_so() -> None:
    with pytest.raises(InvalidCredential) as caught:
        check(secured(holder()), credential(entry(), expires_at=NOW - 60))
    assert not isinstance(caught.value, StatusUnknown)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*EXAMPLE_ENTRY, "statusSize", "statusMessage"]), JSON)
def test_arbitrary_entries_raise_nothing_else(name: str, value: Any) -> None:
    with contextlib.suppress(StatusUnknown, Untrusted):
        check(secured(holder()), credential({**entry(), name: value}))


@given(st.sampled_from(["id", "type", "credentialSubject"]) | st.just("encodedList"), JSON)
def test_arbitrary_lists_raise_nothing_else(name: str, value: Any) -> None:
    claims = holder()
    where = claims["credentialSubject"] if name == "encodedList" else claims
    where[name] = value
    with contextlib.suppress(StatusUnknown):
        check(secured(claims))
