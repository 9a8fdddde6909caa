"""Access Tokens: what is minted, and the sealed ones of our own server. How they arrive is in test_protected_resource."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidToken
from oid4vci.oauth.access_tokens import NewAccessToken, SealedAccessTokens
from oid4vci.oauth.grants import GRANT, OFFERED, REDEEMED, REVOKED, Authorization
from oid4vci.records import Key, Record
from oid4vci.sealed import SealingKeys
from tests.issuance import IDENTIFIER, NOW, Proof, counted, issuance, order_of, refused, secret_keys, token_request

BADGE = {"credential_configuration_id": "badge"}
KEY = Key.of(GRANT, "code")
DATA: Mapping[str, Any] = {
    "subject": "ada",
    "client_id": "wallet",
    "configuration_ids": ["badge"],
    "details": [],
    "credential_issuer": None,
    "note": None,
    "state": REDEEMED,
}


def new_token(*, data: Mapping[str, Any] = DATA, **fields: Any) -> NewAccessToken:
    grant = Record(KEY, data, NOW)
    settings = {"credential_issuer": IDENTIFIER, "configuration_ids": data["configuration_ids"], "expires_at": NOW + 1}
    return NewAccessToken(grant=grant, now=NOW, **{**settings, **fields})


def token(keys: SealingKeys | None = None, *, issuer: str = IDENTIFIER, expires_at: int = NOW + 1) -> str:
    new = new_token(credential_issuer=issuer, expires_at=expires_at)
    return SealedAccessTokens(keys or secret_keys()).draft(new, new_secret=counted()).finish()


def test_a_token_says_what_its_grant_says() -> None:
    read = SealedAccessTokens(secret_keys()).read(token(), credential_issuer=IDENTIFIER)
    assert (read.lookups, read.key_refs) == ((KEY,), ())
    authorization = read.verify({KEY: Record(KEY, DATA, NOW)}, keys={}, now=NOW)
    assert (authorization.subject, authorization.client_id, authorization.expires_at) == ("ada", "wallet", NOW + 1)
    assert authorization.configuration_ids == {"badge"}
    assert authorization.identifiers is None


@pytest.mark.parametrize("state", [OFFERED, REVOKED, "x", None])
def test_a_grant_that_is_not_redeemed_or_was_revoked_gives_nothing(state: str | None) -> None:
    read = SealedAccessTokens(secret_keys()).read(token(), credential_issuer=IDENTIFIER)
    with pytest.raises(InvalidToken):
        read.verify({KEY: Record(KEY, {**DATA, "state": state}, NOW + 9)}, keys={}, now=NOW)


def test_a_token_ends_and_its_grant_may_be_gone() -> None:
    read = SealedAccessTokens(secret_keys()).read(token(), credential_issuer=IDENTIFIER)
    records = {KEY: Record(KEY, DATA, NOW + 9)}
    for loaded, now in (({}, NOW), (records, NOW + 1), (records, NOW + 10**9)):
        with pytest.raises(InvalidToken):
            read.verify(loaded, keys={}, now=now)


@pytest.mark.parametrize(
    ("keys", "issuer"),
    [
        (secret_keys(2), IDENTIFIER),
        (secret_keys(1), "https://other.example"),
        (secret_keys(1), IDENTIFIER + "/"),
        (secret_keys(1), ""),
    ],
)
def test_a_token_of_other_keys_or_for_another_issuer_is_not_valid(keys: SealingKeys, issuer: str) -> None:
    with pytest.raises(InvalidToken):
        SealedAccessTokens(keys).read(token(), credential_issuer=issuer)


def test_a_token_sealed_with_the_old_key_is_valid_after_rotation() -> None:
    old, new = bytes([1]) * 32, bytes([2]) * 32
    sealed = token(SealingKeys([old]))
    assert SealedAccessTokens(SealingKeys([new, old])).read(sealed, credential_issuer=IDENTIFIER).grant == KEY
    with pytest.raises(InvalidToken):
        SealedAccessTokens(SealingKeys([new])).read(sealed, credential_issuer=IDENTIFIER)


MANY: Mapping[str, Any] = {
    **DATA,
    "configuration_ids": ["note", "badge", "object"],
    "details": [
        {"type": "openid_credential", "credential_configuration_id": each, "credential_identifiers": [f"{each}/1"]}
        for each in ("note", "badge", "object")
    ],
}


def authorized(new: NewAccessToken) -> Authorization:
    tokens = SealedAccessTokens(secret_keys())
    sealed = tokens.draft(new, new_secret=counted()).finish()
    return tokens.read(sealed, credential_issuer=IDENTIFIER).verify({KEY: new.grant}, keys={}, now=NOW)


@pytest.mark.parametrize("chosen", [("note",), ("badge",), ("object", "note"), ("note", "badge", "object")])
def test_a_token_may_be_narrower_than_its_grant(chosen: tuple[str, ...]) -> None:
    authorization = authorized(new_token(data=MANY, configuration_ids=chosen))
    assert authorization.configuration_ids == set(chosen)
    assert authorization.identifiers == {f"{each}/1": each for each in chosen}
    assert {each.credential_configuration_id for each in authorization.details} == set(chosen)


def test_a_token_for_some_of_very_many_configurations_is_small() -> None:
    names = [f"configuration-{i}" for i in range(5000)]
    new = new_token(data={**DATA, "configuration_ids": names}, configuration_ids=names[1:-1:2])
    assert authorized(new).configuration_ids == set(names[1:-1:2])
    assert len(SealedAccessTokens(secret_keys()).draft(new, new_secret=counted()).finish()) < 4096


def test_a_token_carries_the_thumbprint_of_the_key_it_is_bound_to() -> None:
    assert authorized(new_token(jkt="A" * 43)).jkt == "A" * 43
    assert authorized(new_token()).jkt is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"configuration_ids": ()}, "configuration_ids"),
        ({"configuration_ids": ("badge", "other")}, "configuration_ids"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW - 1, "jkt": "A" * 43}, "expires_at"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        new_token(**fields)


def test_configuration_ids_are_several_strings() -> None:
    with pytest.raises(TypeError):
        new_token(configuration_ids="badge")


@pytest.mark.spec("VCI-13.10-01")
def test_only_a_token_that_is_bound_to_a_key_lives_longer_than_five_minutes() -> None:
    assert new_token(expires_at=NOW + 300).jkt is None
    assert authorized(new_token(expires_at=NOW + 3600, jkt="A" * 43)).expires_at == NOW + 3600
    with pytest.raises(ValueError, match="300 seconds"):
        new_token(expires_at=NOW + 301)


def test_what_is_secret_does_not_show() -> None:
    new = new_token(data={**DATA, "note": "secret-note"})
    draft = SealedAccessTokens(secret_keys()).draft(new, new_secret=counted())
    assert draft.to_sign == ()
    assert draft.finish() not in repr(draft)
    assert "secret-note" not in repr(new)


def test_a_nonce_is_no_token_and_a_token_no_nonce() -> None:
    world = issuance()
    refused(world.credential(world.nonce(), BADGE), "invalid_token", status=401)
    sealed = world.token("note")
    refused(world.credential(sealed, order_of(Proof(sealed))), "invalid_nonce")


@given(st.integers(0, 90), st.characters(codec="ascii"))
def test_a_tampered_token_is_not_valid(position: int, character: str) -> None:
    good = token()
    position %= len(good)
    changed = good[:position] + character + good[position + 1 :]
    if changed != good:
        with pytest.raises(InvalidToken):
            SealedAccessTokens(secret_keys()).read(changed, credential_issuer=IDENTIFIER)


def test_the_token_of_a_request_that_was_not_committed_is_worth_nothing() -> None:
    world = issuance()
    granted = world.grant("badge")
    call = world.server.read_token_request(token_request(granted))
    reply = call.verify(world.host.load(call.lookups), now=NOW).issue().finish()
    sealed = reply.response.json()["access_token"]
    refused(world.credential(sealed, BADGE), "invalid_token", status=401)
    assert world.host.commit(reply.changes)
    assert world.credential(sealed, BADGE).status == 200
