"""Access Tokens at the Credential Endpoint: how they arrive, and the sealed ones of our own server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidToken, InvalidTokenRequest, MissingToken, Refusal
from oid4vci.http import Request
from oid4vci.oauth.access_tokens import SealedAccessTokens, bearer_token
from oid4vci.oauth.grants import GRANT, OFFERED, REDEEMED, REVOKED
from oid4vci.records import Key, Record
from oid4vci.sealed import SealingKeys
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, Proof, counted, issuance, order_of, refused, secret_keys, token_request

BADGE = {"credential_configuration_id": "badge"}
KEY = Key.of(GRANT, "code")
DATA = {
    "subject": "ada",
    "client_id": "wallet",
    "configuration_ids": ["badge"],
    "details": [],
    "credential_issuer": None,
    "note": None,
    "state": REDEEMED,
}


def token(keys: SealingKeys | None = None, *, issuer: str = IDENTIFIER, expires_at: int = NOW + 1) -> str:
    return SealedAccessTokens(keys or secret_keys()).new(
        KEY, credential_issuer=issuer, expires_at=expires_at, new_secret=counted()
    )


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


# --- how a token arrives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["Bearer abc", "bearer abc", "BEARER  abc ", "Bearer abc=="])
def test_the_token_of_the_header(value: str) -> None:
    assert bearer_token(Request("POST", CREDENTIAL, {"authorization": value})) in {"abc", "abc=="}


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([], MissingToken),
        ([("authorization", "")], MissingToken),
        ([("authorization", "DPoP abc")], MissingToken),
        ([("authorization", "Bearerabc")], MissingToken),
        ([("authorization", "Bearer")], InvalidToken),
        ([("authorization", "Bearer a b")], InvalidToken),
        ([("authorization", "Bearer a,b")], InvalidToken),
        ([("authorization", "Bearer =a")], InvalidToken),
        ([("authorization", "Bearer a\nb")], InvalidToken),
        ([("authorization", "Bearer abc\n")], InvalidToken),
        ([("authorization", "Bearer " + "a" * 8193)], InvalidToken),
        ([("authorization", "Bearer abc"), ("authorization", "Bearer abc")], InvalidTokenRequest),
        ([("authorization", "Bearer abc"), ("AUTHORIZATION", "Basic abc")], InvalidTokenRequest),
    ],
)
def test_headers_without_exactly_one_good_token(headers: list[tuple[str, str]], error: type[Refusal]) -> None:
    with pytest.raises(error):
        bearer_token(Request("POST", CREDENTIAL, headers))


@given(
    st.lists(st.tuples(st.sampled_from(["authorization", "Authorization", "x"]), st.text(max_size=20)), max_size=3),
    st.text(max_size=30),
)
def test_any_headers_and_query_give_a_token_or_a_refusal(headers: list[tuple[str, str]], query: str) -> None:
    try:
        found = bearer_token(Request("POST", f"/credential?{query}", headers))
    except Refusal as refusal:
        found = refusal.reply.response.headers.get("www-authenticate") or ""
    assert found.isascii()
    assert found
