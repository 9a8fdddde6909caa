"""Records, changes and replies."""

import hashlib

import pytest
from attrs import evolve

from oid4vci.http import Response
from oid4vci.records import Insert, Key, Record, Reply, Swap

RECORD = Record(Key.of("grant", "c0de"), {"subject": "alice", "used": False}, expires_at=100)


def test_a_key_holds_the_digest_and_not_the_secret() -> None:
    key = Key.of("grant", "c0d\u00e9")
    assert key == Key("grant", hashlib.sha256("c0d\u00e9".encode()).hexdigest())
    assert "c0d" not in repr(key)


def test_keys_differ_by_kind_and_by_secret() -> None:
    keys = {Key.of("grant", "a"), Key.of("grant", "b"), Key.of("nonce", "a"), Key.of("grant", "a")}
    assert len(keys) == 3


def test_the_data_of_a_record_does_not_show() -> None:
    assert "alice" not in repr(RECORD)
    assert "alice" not in repr(Reply(Response(200), (Insert(RECORD), Swap(RECORD, None))))


def test_update_replaces_members_and_raises_the_version() -> None:
    swap = Swap.update(RECORD, used=True, by="wallet")
    assert swap.before == RECORD
    assert swap.after == Record(RECORD.key, {"subject": "alice", "used": True, "by": "wallet"}, expires_at=100, version=1)
    assert RECORD.data == {"subject": "alice", "used": False}


def test_update_moves_the_expiry_only_when_asked() -> None:
    after = Swap.update(evolve(RECORD, version=4), expires_at=0).after
    assert after == evolve(RECORD, version=5, expires_at=0)


def test_records_and_replies_are_frozen() -> None:
    with pytest.raises(AttributeError):
        RECORD.version = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Reply(Response(200)).changes = ()  # type: ignore[misc]
