"""The scripted wallet: nothing fails at issuers that follow the rules, and each check fails at one that breaks its rule."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from examples.reference_server import demo
from oid4vci.http import Request
from oid4vci.testing import ISSUER_CHECKS, ProbeClient, Report, ScriptedWallet
from tests import broken_issuers as broken
from tests.broken_issuers import AGREEING, ISSUER_METADATA, SERVER_METADATA, Breaking
from tests.probed_issuer import EVERYTHING, HAIP, STRICT, configuration, haip_supplies, reference, strict_supplies
from tests.reference_server import Clock
from tests.spec_coverage.coverage import requirements

SETTINGS: dict[str, tuple[Any, Any]] = {
    "everything": (EVERYTHING, lambda now: {}),
    "haip": (HAIP, haip_supplies),
    "strict": (STRICT, strict_supplies),
}
AGREED = re.compile(r"got 20\d|was answered|still taken|is taken where|token_type is not bearer")
# What a network adds: see test_scripted_wallet_apps.
ELSEWHERE = {"metadata_are_from_now"}


@frozen
class Probed:
    """An issuer that follows the rules, and what the wallet says of it."""

    wallet: ScriptedWallet
    report: Report

    @property
    def passed(self) -> set[str]:
        return {finding.check for finding in self.report.of("passed")}


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Probed]]:
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as stack:
        # One clock: the servers share the module that looks at it.
        clock, found = Clock(), {}
        for name, (members, supplies) in SETTINGS.items():
            folder, given = tmp_path_factory.mktemp(name), supplies(lambda: clock.now)
            wallet = stack.enter_context(reference(folder, monkeypatch, members, clock, **given))
            found[name] = Probed(wallet, wallet.probe())
        yield found


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_fails_at_the_reference_server(probed: dict[str, Probed], name: str) -> None:
    report = probed[name].report
    assert report.ok, report.text()
    assert report.of("warned") == (), report.text()
    assert [finding.check for finding in report] == [check.name for check in ISSUER_CHECKS]
    assert len(probed[name].passed) > 170


def test_every_check_is_made_somewhere(probed: dict[str, Probed]) -> None:
    made = {name for each in probed.values() for name in each.passed}
    assert {check.name for check in ISSUER_CHECKS} - made == ELSEWHERE


def test_checks_name_requirements_that_there_are() -> None:
    known = {each.id for each in requirements()}
    named = {name for check in ISSUER_CHECKS for name in check.requirements}
    assert {name for name in named if name.startswith(("VCI-", "HAIP-"))} - known == set()
    assert all(check.requirements and check.about.rstrip().endswith(".") for check in ISSUER_CHECKS)
    # Most of what an issuer must do can be seen from outside.
    assert len(named & known) > 150


# --- each check can fail ----------------------------------------------------------------------------------------------------------


def body_has(text: str) -> Any:
    return lambda request: text.encode() in request.body


def accepts_json_only(request: Request) -> bool:
    return request.headers.all("accept") not in ((), ("application/json",), ("application/jwt",))


def is_jwt(request: Request) -> bool:
    return request.headers.all("content-type") == ("application/jwt",)


def another_spelling(request: Request) -> bool:
    return broken.proof_of(request).get("htu") != request.url


def lower_case(request: Request) -> bool:
    return not str(request.headers.all("authorization")[0]).startswith(("DPoP ", "Bearer "))


def first_configuration(**members: Any) -> Any:
    """Members of a configuration, left out where they are None."""

    def change(metadata: dict[str, Any]) -> None:
        first = next(iter(metadata["credential_configurations_supported"].values()))
        first.update(members)
        for name in [name for name, value in members.items() if value is None]:
            del first[name]

    return broken.saying(ISSUER_METADATA, change)


def of_mdocs(metadata: dict[str, Any]) -> None:
    metadata["credential_configurations_supported"]["driving_licence_mdoc"]["doctype"] = "org.example.other"


def without_a_kid(metadata: dict[str, Any]) -> None:
    del metadata["credential_request_encryption"]["jwks"]["keys"][0]["kid"]


def in_turn(number: int, made: broken.SdJwt) -> None:
    made.payload["status"]["status_list"]["idx"] = 7 + number


def to_the_second(number: int, made: broken.SdJwt) -> None:
    made.payload["exp"] += 1


def growing(number: int, made: broken.SdJwt) -> None:
    made.payload["exp"] += 3600 * number


def for_somebody_else(number: int, made: broken.SdJwt) -> None:
    made.payload["vct"] = "urn:example:other"


def without_x5c(number: int, made: broken.SdJwt) -> None:
    del made.header["x5c"]


ROWS: list[tuple[str, str, Breaking, str]] = [
    # metadata
    ("everything", "of another type", broken.field(ISSUER_METADATA, "content-type", "text/plain"), "issuer_metadata_at_*"),
    (
        "everything",
        "of another issuer",
        broken.setting(ISSUER_METADATA, credential_issuer="https://other.example"),
        "issuer_metadata_are_of_* odd_accept_values_*",
    ),
    (
        "everything",
        "without TLS",
        broken.setting(ISSUER_METADATA, credential_endpoint="http://localhost:8443/credential"),
        "issuer_metadata_follow_* issuer_endpoints_*",
    ),
    ("everything", "with an unknown member", broken.setting(ISSUER_METADATA, unheard_of=1), "issuer_metadata_have_no_*"),
    ("everything", "with half of a pair", first_configuration(proof_types_supported=None), "binding_methods_*"),
    ("everything", "with an odd locale", broken.setting(ISSUER_METADATA, display=[{"locale": "EN-us"}]), "locales_*"),
    ("everything", "picky", broken.refusing(ISSUER_METADATA, accepts_json_only, number=406), "odd_accept_values_*"),
    (
        "everything",
        "signed wrongly",
        broken.answering(ISSUER_METADATA, lambda answer: evolve(answer, body=answer.body[:-3] + b"AAA")),
        "signed_metadata_follow_*",
    ),
    (
        "everything",
        "with two minds",
        broken.setting(ISSUER_METADATA, nonce_endpoint="https://localhost:8443/other"),
        "signed_metadata_say_*",
    ),
    ("haip", "without a scope", first_configuration(scope=None), "haip_metadata_*"),
    (
        "everything",
        "of another server",
        broken.setting(SERVER_METADATA, issuer="https://other.example"),
        "server_metadata_at_*",
    ),
    (
        "everything",
        "of a server without TLS",
        broken.setting(SERVER_METADATA, token_endpoint="http://localhost:8443/token"),
        "server_metadata_follow_* server_has_*",
    ),
    (
        "everything",
        "plain PKCE",
        broken.setting(SERVER_METADATA, code_challenge_methods_supported=["plain"]),
        "server_says_that_it_takes_s256",
    ),
    (
        "everything",
        "no name",
        broken.setting(SERVER_METADATA, authorization_response_iss_parameter_supported=False),
        "server_says_that_it_names_*",
    ),
    (
        "everything",
        "symmetric proofs",
        broken.setting(SERVER_METADATA, dpop_signing_alg_values_supported=["ES256", "HS256"]),
        "server_says_which_dpop_*",
    ),
    (
        "haip",
        "symmetric attestations",
        broken.setting(SERVER_METADATA, client_attestation_pop_signing_alg_values_supported=["HS256"]),
        "server_says_which_attestation_*",
    ),
    (
        "everything",
        "one grant",
        broken.setting(SERVER_METADATA, grant_types_supported=["authorization_code"]),
        "server_says_which_grants_*",
    ),
    (
        "everything",
        "no details",
        broken.setting(SERVER_METADATA, authorization_details_types_supported=None),
        "server_says_that_it_takes_authorization_details",
    ),
    # offers
    (
        "everything",
        "offers in both ways",
        broken.offering(lambda made: evolve(made, offer_uri=f"{made.offer_uri}&credential_offer_uri=https%3A%2F%2Fx.example")),
        "offer_by_value",
    ),
    (
        "everything",
        "offers that are pages",
        broken.field("/credential-offer/", "content-type", "text/html"),
        "offer_by_reference",
    ),
    ("everything", "one offer", broken.always_the_same, "offers_are_fresh offer_of_the_authorization_code"),
    ("everything", "offers that tell all", broken.offering(broken.telling), "transaction_code_is_not_*"),
    # nonces
    ("everything", "nonces that are kept", broken.field("/nonce", "cache-control", "max-age=60"), "nonce_is_given_*"),
    ("everything", "one nonce", broken.setting("/nonce", c_nonce="always-the-same-one"), "nonces_differ"),
    ("everything", "nonces for all", AGREEING["/nonce"], "nonce_endpoint_takes_*"),
    ("everything", "nonces for some", broken.refusing("/nonce", accepts_json_only, number=406), "nonce_endpoint_serves_*"),
    # the token endpoint
    (
        "everything",
        "tokens that are kept",
        broken.field("/token", "cache-control", None),
        "pre_authorized_code_gives_* authorization_code_gives_*",
    ),
    ("strict", "tokens that live long", broken.setting("/token", expires_in=3600), "bearer_tokens_*"),
    ("everything", "pickiness", broken.refusing("/token", body_has("unheard_of")), "token_endpoint_ignores_*"),
    (
        "everything",
        "yes to every token request",
        AGREEING["/token"],
        "pre_authorized_code_serves_once transaction_code_must_* transaction_code_cannot_be_guessed token_request_without_* "
        "token_request_with_a_* token_request_with_an_* token_request_as_* token_request_by_* token_request_must_* "
        "token_request_for_what_* authorization_code_with_wrong_* authorization_code_without_* authorization_code_that_nobody_gave "
        "authorization_code_missing authorization_code_expires "
        "authorization_code_that_was_used_* authorization_code_of_another_* dpop_at_token_doubled_header "
        "dpop_at_token_[!md]* dpop_nonce_must_be_* refresh_token_that_* refresh_token_of_* refresh_token_without_*",
    ),
    (
        "everything",
        "no Transaction Codes",
        broken.refusing("/token", body_has("tx_code"), code="invalid_grant"),
        "transaction_code_gives_* authorization_code_with_tx_code",
    ),
    (
        "everything",
        "no details in tokens",
        broken.saying("/token", lambda said: said.pop("authorization_details", None)),
        "token_request_with_authorization_details authorization_details_come_back",
    ),
    (
        "everything",
        "no codes",
        broken.refusing("/token", body_has("code_verifier")),
        "authorization_code_gives_* authorization_with_an_issuer_state",
    ),
    ("everything", "no refresh", broken.refusing("/token", body_has("refresh_token=")), "refresh_token_gives_*"),
    (
        "everything",
        "silence about refresh",
        broken.setting(
            SERVER_METADATA,
            grant_types_supported=["authorization_code", "urn:ietf:params:oauth:grant-type:pre-authorized_code"],
        ),
        "refresh_token_is_announced",
    ),
    (
        "haip",
        "yes to every token request",
        AGREEING["/token"],
        "client_attestation_* token_request_of_a_client_* dpop_at_token_missing",
    ),
    ("strict", "yes to every token request", AGREEING["/bearer"], "client_assertion_*"),
    (
        "haip",
        "one challenge",
        broken.setting("/challenge", attestation_challenge="always-the-same-one"),
        "challenge_is_given_*",
    ),
    # the authorization endpoint
    ("everything", "200 for what is pushed", broken.status("/par", 200), "pushed_request_is_taken"),
    (
        "everything",
        "one request_uri",
        broken.setting("/par", request_uri="urn:example:always-the-same-one"),
        "pushed_requests_differ",
    ),
    (
        "everything",
        "pickiness about what is pushed",
        broken.refusing("/par", body_has("unheard")),
        "pushed_request_with_unknown_parameters pushed_request_with_an_unknown_scope_beside",
    ),
    ("everything", "short states", broken.refusing("/par", body_has("s" * 1000)), "pushed_request_with_a_long_state"),
    (
        "everything",
        "yes to every pushed request",
        AGREEING["/par"],
        "pushed_request_without_* pushed_request_with_plain_* pushed_request_with_pkce_* pushed_request_with_unknown_pkce "
        "pushed_request_with_a_short_* pushed_request_with_a_re* pushed_request_for_* pushed_request_with_an_unknown_scope "
        "pushed_request_with_wrong_* pushed_request_with_garbage_* pushed_requests_by_* pushed_request_binds_*",
    ),
    ("everything", "codes of errors that nobody knows", broken.misnaming("/par"), "pushed_request_with_another_redirect_uri"),
    ("everything", "a way on for everybody", broken.leading_on("http://127.0.0.1/callback"), "authorization_request_*"),
    (
        "haip",
        "a way on for everybody",
        broken.leading_on("http://127.0.0.1/callback"),
        "authorization_request_that_was_not_pushed",
    ),
    ("everything", "no iss", broken.coming_back(iss=None), "authorization_response_* authorization_that_is_refused_*"),
    ("everything", "another state", broken.coming_back(state="another"), "authorization_heeds_*"),
    # DPoP
    (
        "everything",
        "yes to every Credential Request",
        AGREEING["/credential"],
        "dpop_at_credential_* access_token_missing access_token_expires "
        "access_token_that_* access_token_twice access_token_in_* access_token_for_* "
        "credential_request_for_* credential_request_with_a_number_* credential_request_is_read_* credential_request_by_* "
        "credential_request_that_* credential_request_of_* credential_endpoint_* proof_[!an]* proof_array_* proof_nonce_[!s]* "
        "proofs_* errors_are_never_* encrypted_answer_to_* encryption_parameters_* encrypted_request_that_* compressed_request_*",
    ),
    (
        "haip",
        "yes to every Credential Request",
        AGREEING["/credential"],
        "key_attestation_* attestation_proofs proof_with_unsupported_*",
    ),
    ("everything", "one proof for all", AGREEING["/token"], "dpop_at_token_replayed"),
    (
        "everything",
        "exact clocks",
        broken.exact_clocks,
        "dpop_clocks_*",
    ),
    ("everything", "exact URLs", broken.refusing("/credential", another_spelling, number=401), "dpop_htu_*"),
    (
        "everything",
        "exact proofs",
        broken.refusing("/credential", lambda request: "unheard_of" in broken.proof_of(request), number=401),
        "dpop_extra_*",
    ),
    (
        "everything",
        "a nonce that is not said",
        broken.answering(
            "/token", lambda answer: evolve(answer, headers=[*answer.headers.pairs, ("dpop-nonce", "x")]), fine=False
        ),
        "dpop_nonce_is_asked_*",
    ),
    # the credential endpoint
    (
        "everything",
        "answers that are kept",
        broken.field("/credential", "cache-control", None),
        "credential_is_issued encrypted_answer",
    ),
    (
        "everything",
        "more than was asked for",
        broken.saying("/credential", broken.one_more),
        "credential_is_issued credential_for_each_key",
    ),
    ("everything", "exact schemes", broken.refusing("/credential", lower_case, number=401), "access_token_with_*"),
    ("everything", "tokens that are soon tired", broken.tired_after(18), "access_token_serves_*"),
    (
        "everything",
        "pickiness about credentials",
        broken.refusing("/credential", body_has("unheard_of")),
        "credential_request_with_unknown_*",
    ),
    ("everything", "codes of errors that nobody knows at last", broken.misnaming("/credential"), "proof_nonce_serves_once"),
    (
        "everything",
        "symmetric key proofs",
        first_configuration(proof_types_supported={"jwt": {"proof_signing_alg_values_supported": ["ES256", "HS256"]}}),
        "proof_algorithms_*",
    ),
    # encryption
    (
        "everything",
        "half an encryption",
        broken.setting(ISSUER_METADATA, credential_request_encryption=None),
        "encryption_is_offered_*",
    ),
    ("everything", "keys without names", broken.saying(ISSUER_METADATA, without_a_kid), "encryption_keys_*"),
    (
        "everything",
        "no encryption at all",
        broken.refusing("/credential", is_jwt),
        "encrypted_request_with_plain_answer encrypted_and_*",
    ),
    ("strict", "yes to every Credential Request", AGREEING["/credential"], "encryption_that_is_required proofs_more_*"),
    # credentials
    ("everything", "no tilde", broken.issuing(lambda _, text: text.rstrip("~")), "credentials_follow_* sd_jwt_vc_has_*"),
    ("everything", "another type", broken.sd_jwts(for_somebody_else), "sd_jwt_vc_has_* wallet_gets_*"),
    ("everything", "what somebody else has", broken.somebody_elses, "sd_jwt_vc_is_bound_* mdoc_is_bound_*"),
    ("everything", "one salt", broken.sd_jwts(lambda _, made: made.resalted()), "sd_jwt_vc_salts_*"),
    ("haip", "no certificates", broken.sd_jwts(without_x5c), "sd_jwt_vc_as_haip_*"),
    ("everything", "another docType", broken.saying(ISSUER_METADATA, of_mdocs), "mdoc_has_*"),
    ("everything", "exact times", broken.sd_jwts(to_the_second), "times_of_*"),
    (
        "everything",
        "a batch of one",
        broken.saying("/credential", broken.all_alike),
        "batch_is_one_* batch_shares_* batch_has_statuses_*",
    ),
    ("everything", "times that grow", broken.sd_jwts(growing), "batch_has_the_same_*"),
    ("everything", "statuses in turn", broken.sd_jwts(in_turn), "batch_has_statuses_*"),
    (
        "everything",
        "a status list that is a page",
        broken.field("/status-lists/1", "content-type", "text/html"),
        "status_list_*",
    ),
    # later
    (
        "everything",
        "no interval",
        broken.saying("/credential", lambda said: said.pop("interval", None)),
        "deferred_credential_is_*",
    ),
    (
        "everything",
        "another transaction",
        broken.saying("/deferred_credential", lambda said: said.update(transaction_id="other") if "interval" in said else None),
        "deferred_credential_comes",
    ),
    (
        "everything",
        "yes to every later request",
        AGREEING["/deferred_credential"],
        "transaction_ends_* transaction_that_* transaction_of_* deferred_request_without_* deferred_encryption_*",
    ),
    (
        "everything",
        "pickiness about later",
        broken.refusing("/deferred_credential", body_has("unheard_of")),
        "deferred_request_with_unknown_*",
    ),
    ("everything", "no encryption later", broken.refusing("/deferred_credential", is_jwt), "deferred_answer_is_*"),
    ("everything", "deaf ears", broken.refusing("/notification", lambda _: True), "notification_is_taken"),
    (
        "everything",
        "pickiness about notifications",
        broken.refusing("/notification", body_has("unheard_of")),
        "notification_with_unknown_*",
    ),
    (
        "everything",
        "yes to every notification",
        AGREEING["/notification"],
        "notification_of_* notification_that_* notification_without_*",
    ),
    ("everything", "refresh tokens that are gone at once", broken.refreshing_once(), "refresh_token_before_*"),
]


def matching(patterns: str, names: set[str]) -> set[str]:
    return {name for name in names for pattern in patterns.split() if fnmatch(name, pattern)}


@pytest.mark.parametrize(("setting", "what", "breaking", "patterns"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_what_breaks_a_rule_is_found(
    probed: dict[str, Probed], setting: str, what: str, breaking: Breaking, patterns: str
) -> None:
    names = matching(patterns, probed[setting].passed)
    assert names
    report = breaking(probed[setting].wallet).probe(only=names)
    missed = [finding.check for finding in report if finding.outcome not in ("failed", "warned")]
    assert missed == [], report.text()
    if breaking in AGREEING.values():
        # What is found is what was agreed to, and not that something else went wrong on the way.
        assert [finding for finding in report if not AGREED.search(finding.detail)] == [], report.text()


def test_no_check_is_there_that_cannot_fail(probed: dict[str, Probed]) -> None:
    found = {name for setting, _, __, patterns in ROWS for name in matching(patterns, probed[setting].passed)}
    assert {check.name for check in ISSUER_CHECKS} - found == ELSEWHERE


# --- other clients, other ways ----------------------------------------------------------------------------------------------------


SOME = frozenset(
    (
        *("wallet_gets_credentials_that_verify", "token_request_must_name_the_client", "pushed_request_is_taken"),
        *("credential_is_issued", "dpop_at_credential_wrong_ath", "proof_unsigned", "pre_authorized_code_serves_once"),
        *(
            "proof_signed_by_another_key",
            "credential_request_for_nothing",
            "notification_is_taken",
            "refresh_token_gives_a_token",
        ),
    )
)


def outcomes(report: Report) -> dict[str, str]:
    return {finding.check: finding.outcome for finding in report}


def test_a_client_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reference(tmp_path, monkeypatch, {"anonymous_access": True}, client=ProbeClient(None)) as wallet:
        report = wallet.probe(only=SOME)
    assert report.ok, report.text()
    found = outcomes(report)
    assert found["wallet_gets_credentials_that_verify"] == "passed"
    assert found["token_request_must_name_the_client"] == found["pushed_request_is_taken"] == "skipped"


def test_nobody_makes_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens then come by the authorization code."""
    with reference(tmp_path, monkeypatch, {}, new_offer=None) as wallet:
        report = wallet.probe(only=SOME)
    assert report.ok, report.text()
    found = outcomes(report)
    for name in (
        "wallet_gets_credentials_that_verify",
        "credential_is_issued",
        "dpop_at_credential_wrong_ath",
        "proof_unsigned",
    ):
        assert found[name] == "passed"
    assert found["pre_authorized_code_serves_once"] == "skipped"


def test_keys_that_only_dids_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {
        "configurations": {"degree_jwt": configuration("degree_jwt", cryptographic_binding_methods_supported=["did:key"])},
        "subjects": {"ada": {"degree_jwt": demo.SUBJECTS["ada"]["degree_jwt"]}},
    }
    with reference(tmp_path, monkeypatch, members) as wallet:
        report = wallet.probe(only=SOME)
    assert report.ok, report.text()
    assert (
        outcomes(report)["proof_signed_by_another_key"] == outcomes(report)["wallet_gets_credentials_that_verify"] == "passed"
    )
