"""Refusals and their replies, and what errors tell a wallet."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import errors
from oid4vci._json import Malformed
from oid4vci.errors import (
    Advice,
    Challenge,
    CredentialRequestDenied,
    InsufficientScope,
    InvalidClient,
    InvalidCredentialRequest,
    InvalidDpopProof,
    InvalidEncryptionParameters,
    InvalidGrant,
    InvalidNonce,
    InvalidOffer,
    InvalidProof,
    InvalidRequest,
    InvalidToken,
    InvalidTokenRequest,
    MethodNotAllowed,
    MissingToken,
    NotFound,
    ProtocolError,
    Refusal,
    Refused,
    TryLater,
    TxCodeRequired,
    UnknownCredentialConfiguration,
    UnknownCredentialIdentifier,
    UseAttestationChallenge,
    UseDpopNonce,
    WalletError,
    WrongTxCode,
    reading,
)
from oid4vci.records import Insert, Key, Record

ALLOWED = "".join(chr(code) for code in (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F)))
CHANGES = (Insert(Record(Key.of("grant", "a"), {}, expires_at=1)),)


# Those that cannot be made without something else to say.
OTHERS = (MethodNotAllowed, UseAttestationChallenge, UseDpopNonce)
REFUSALS = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, Refusal) and hasattr(value, "error") and value not in OTHERS
]


@pytest.mark.spec("VCI-8.3.1.2-16", "VCI-8.3.1.2-17")
@pytest.mark.parametrize("refusal", REFUSALS)
def test_descriptions_have_the_allowed_characters_only(refusal: type[Refusal]) -> None:
    assert refusal(ALLOWED).description == ALLOWED
    for text in ('"', "\\", "a\nb", "a\n", "\r", "\t", "\x00", "\x7f", "\u00e9", "\u2019", "\U0001f511"):
        with pytest.raises(ValueError, match="error description"):
            refusal(text)


@given(st.text(max_size=30))
def test_no_other_character_gets_into_a_description(text: str) -> None:
    try:
        refusal = InvalidProof(text)
    except ValueError:
        assert not set(text) <= set(ALLOWED)
    else:
        assert set(refusal.body["error_description"] if text else "") <= set(ALLOWED)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_no_reply_is_cached_and_changes_go_along(refusal: type[Refusal]) -> None:
    reply = refusal("why", changes=CHANGES).reply
    assert reply.changes == CHANGES
    assert reply.response.status == refusal.status
    assert reply.response.headers.get("cache-control") == "no-store"
    assert refusal().reply.changes == ()
    assert refusal.section


@pytest.mark.spec("VCI-8.3.1.2-02", "VCI-8.3.1.2-03", "VCI-8.3.1.2-04")
@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (InvalidCredentialRequest, "invalid_credential_request"),
        (UnknownCredentialConfiguration, "unknown_credential_configuration"),
        (UnknownCredentialIdentifier, "unknown_credential_identifier"),
        (InvalidProof, "invalid_proof"),
        (InvalidNonce, "invalid_nonce"),
        (InvalidEncryptionParameters, "invalid_encryption_parameters"),
        (CredentialRequestDenied, "credential_request_denied"),
    ],
)
def test_credential_error_responses(refusal: type[Refusal], code: str) -> None:
    response = refusal().reply.response
    assert response.status == 400
    assert response.headers.get("content-type") == "application/json"
    assert response.json() == {"error": code}
    assert refusal("why").reply.response.json() == {"error": code, "error_description": "why"}
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (errors.InvalidRequest, "invalid_request"),
        (errors.InvalidGrant, "invalid_grant"),
        (errors.UnauthorizedClient, "unauthorized_client"),
        (errors.UnsupportedGrantType, "unsupported_grant_type"),
        (errors.InvalidScope, "invalid_scope"),
        (errors.InvalidTarget, "invalid_target"),
        (errors.InvalidAuthorizationDetails, "invalid_authorization_details"),
        (InvalidClient, "invalid_client"),
    ],
)
def test_token_error_responses(refusal: type[Refusal], code: str) -> None:
    response = refusal("why").reply.response
    assert response.status == 400
    assert response.media_type == "application/json"
    assert response.json() == {"error": code, "error_description": "why"}


def test_a_client_that_used_the_authorization_header_is_challenged() -> None:
    reply = InvalidClient("unknown", challenge='Basic realm="token"', changes=CHANGES).reply
    assert reply.response.status == 401
    assert reply.response.headers.get("WWW-Authenticate") == 'Basic realm="token"'
    assert reply.response.json() == {"error": "invalid_client", "error_description": "unknown"}
    assert reply.changes == CHANGES


def test_a_missing_token_is_answered_without_an_error_code() -> None:
    response = MissingToken("no token").reply.response
    assert response.status == 401
    assert response.headers.get("www-authenticate") == "Bearer"
    assert response.body == b""


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (InvalidToken, 401, "invalid_token"),
        (InvalidTokenRequest, 400, "invalid_request"),
        (InsufficientScope, 403, "insufficient_scope"),
    ],
)
def test_token_errors_at_protected_endpoints(refusal: type[Refusal], status: int, code: str) -> None:
    plain, described = refusal().reply.response, refusal("it's over").reply.response
    assert plain.status == described.status == status
    assert plain.headers.get("www-authenticate") == f'Bearer error="{code}"'
    assert described.headers.get("www-authenticate") == f'Bearer error="{code}", error_description="it\'s over"'
    assert described.json() == {"error": code, "error_description": "it's over"}


def test_no_endpoint_and_another_method() -> None:
    assert NotFound().reply.response.status == 404
    response = MethodNotAllowed("POST").reply.response
    assert (response.status, response.headers.get("allow")) == (405, "POST")
    assert response.json()["error"] == "invalid_request"


def test_how_refusals_read() -> None:
    assert str(InvalidGrant("used")) == "invalid_grant: used"
    assert str(InvalidGrant()) == "invalid_grant"


def test_reading_turns_malformed_into_the_refusal() -> None:
    with pytest.raises(InvalidCredentialRequest) as refused, reading(InvalidCredentialRequest):
        raise Malformed("must be a string").within("[2]").within("jwt")
    assert refused.value.description == "jwt[2]: must be a string"
    assert refused.value.__cause__ is None
    with pytest.raises(KeyError), reading(InvalidRequest):
        raise KeyError
    with reading(InvalidRequest):
        pass


def test_one_family() -> None:
    for name in errors.__all__:
        value = getattr(errors, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert issubclass(value, ProtocolError), name
            assert not issubclass(value, ValueError), name
            assert not issubclass(value, Refusal) or not issubclass(value, WalletError), name


def test_advice() -> None:
    assert InvalidOffer("x").advice is Advice.GIVE_UP
    assert TxCodeRequired("x").advice is Advice.ASK_AGAIN
    later = TryLater("busy", retry_after=30)
    assert (later.advice, later.retry_after, TryLater("busy").retry_after) == (Advice.WAIT, 30, None)


def test_a_peer_s_refusal_carries_its_words() -> None:
    refused = Refused("invalid_proof", "expired", status=400)
    assert (refused.error, refused.description, refused.status, str(refused)) == (
        "invalid_proof",
        "expired",
        400,
        "invalid_proof: expired",
    )
    wrong = WrongTxCode("invalid_grant", status=400)
    assert (str(wrong), wrong.description, wrong.advice) == ("invalid_grant", None, Advice.ASK_AGAIN)
    assert refused.advice is Advice.GIVE_UP


def test_dpop_errors_are_400_at_an_authorization_server_and_challenges_at_a_resource() -> None:
    plain = InvalidDpopProof("why").reply.response
    assert (plain.status, plain.headers.get("www-authenticate")) == (400, None)
    challenges = (Challenge("DPoP", {"algs": "ES256 EdDSA"}), Challenge("Bearer"))
    challenged = InvalidDpopProof("why").challenged(challenges).reply.response
    assert challenged.status == 401
    assert challenged.headers.get("www-authenticate") == (
        'DPoP error="invalid_dpop_proof", error_description="why", algs="ES256 EdDSA", Bearer'
    )


def test_the_dpop_nonce_goes_along_in_both_places() -> None:
    for refusal, status in ((UseDpopNonce("n"), 400), (UseDpopNonce("n").challenged((Challenge("DPoP"),)), 401)):
        response = refusal.reply.response
        assert (response.status, response.headers.get("dpop-nonce")) == (status, "n")
        assert response.json()["error"] == "use_dpop_nonce"


def test_a_fresh_challenge_goes_along() -> None:
    response = UseAttestationChallenge("c").reply.response
    assert (response.status, response.headers.get("oauth-client-attestation-challenge")) == (400, "c")
    assert response.json() == {"error": "use_attestation_challenge"}
