"""The scripted issuer: its scenarios and rules, played to the Wallet of this library, which is to pass all of them."""

import json
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oid4vci.drive import run
from oid4vci.errors import WalletError
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.testing import SCENARIOS, Report, Scenario, ScriptedIssuer, Setting, TooManyRequests, WalletProfile
from oid4vci.testing.conduct import CONDUCT, Conduct
from oid4vci.testing.probes.jwts import key_proof
from oid4vci.testing.stage.stage import MAX_KEPT, MAX_REQUESTS
from oid4vci.wallet import Offer
from tests.issuance import NOW
from tests.probed_wallet import ORIGIN, Clock, Method, probed
from tests.spec_coverage import coverage

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
# What is only there where a client authenticates in that way, or asks for signed metadata, or does not.
ELSEWHERE = {
    *("signed-metadata", "signed-metadata-of-a-stranger", "signed-metadata-unasked"),
    *("client_assertion_audience", "client_assertion_claims", "client_assertion_jti"),
    *("wallet_attestation", "wallet_attestation_chain", "wallet_attestation_reused"),
    *("attestation_proof", "attestation_proof_jti", "challenge_request"),
    # Under HAIP nothing is asked for by details.
    "locations",
}


@cache
def probe(method: Method, without: frozenset[str], asks_for_signed: bool, haip: bool) -> tuple[ScriptedIssuer, Report]:
    issuer, wallet = probed(method, without=without, asks_for_signed=asks_for_signed, haip=haip)
    return issuer, issuer.probe(wallet)


WALLETS: tuple[tuple[Method, frozenset[str], bool, bool], ...] = (
    ("none", frozenset(), False, False),
    ("private_key_jwt", frozenset(), True, False),
    ("attest_jwt_client_auth", frozenset({"dc+sd-jwt"}), True, False),
    ("attest_jwt_client_auth", frozenset({"pre-authorized_code", "authorization_details"}), True, True),
)


@pytest.mark.parametrize("wallet", WALLETS)
def test_the_wallet_of_this_library_passes(wallet: tuple[Method, frozenset[str], bool, bool]) -> None:
    issuer, report = probe(*wallet)
    assert report.ok, report.text()
    assert not report.of("warned"), report.text()
    skipped = {finding.check for finding in report.of("skipped")}
    lacking = {scenario.name for scenario in SCENARIOS if scenario.lacking(issuer.wallet) is not None}
    assert skipped <= ELSEWHERE | lacking
    assert len(report) == len(SCENARIOS) + len(list(CONDUCT))


def test_between_them_they_are_looked_at_for_everything() -> None:
    seen = {finding.check for wallet in WALLETS for finding in probe(*wallet)[1].of("passed")}
    assert seen == {scenario.name for scenario in SCENARIOS} | {check.name for check in CONDUCT}


def test_requirements_are_those_of_the_list_or_sections_of_another_document() -> None:
    known = {each.id for each in coverage.requirements()}
    for check in (*SCENARIOS, *CONDUCT):
        assert check.requirements
        for requirement in check.requirements:
            assert requirement in known or requirement.startswith("RFC"), (check.name, requirement)


def test_names_are_parts_of_identifiers_and_say_what_they_are_about() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert set(scenario.name) <= set("abcdefghijklmnopqrstuvwxyz-")
        assert scenario.about.endswith(".")


# --- how it is played ---------------------------------------------------------------------------------------------------------


def scripted(**settings: Any) -> ScriptedIssuer:
    return ScriptedIssuer(ORIGIN, Clock(), WalletProfile(**settings))


@pytest.mark.parametrize(
    "origin", ["http://probe.example", "https://probe.example/", "https://probe.example/x", "probe.example", ""]
)
def test_an_origin_is_one(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        ScriptedIssuer(origin, Clock())


def test_a_profile_fits_together() -> None:
    for wrong in (
        {"features": {"unheard-of"}},
        {"features": "dpop"},
        {"features": {"dpop"}},
        {"features": {"dc+sd-jwt", "authorization_code"}},
    ):
        with pytest.raises(ValueError, match=r"feature|grant"):
            WalletProfile(**wrong)
    with pytest.raises(ValueError, match="feature"):
        Scenario(name="x", about="x", requirements=(), expectation=str, needs=("unheard-of",))


def test_what_a_wallet_does_not_have_is_not_played() -> None:
    issuer = scripted(features={"dc+sd-jwt", "pre-authorized_code"})
    for name in ("encrypted-requests", "mdoc", "offer-with-authorization-code", "attested-keys"):
        finding = issuer.play(BY_NAME[name], lambda uri, tx_code: pytest.fail("must not be played"))
        assert finding.outcome == "skipped"
        with pytest.raises(ValueError, match="wallet"):
            issuer.begin(BY_NAME[name])
    assert issuer.stages == []


def test_each_scenario_has_identifiers_of_its_own() -> None:
    issuer, wallet = probed()
    for _ in range(2):
        issuer.play(BY_NAME["sd-jwt-vc"], wallet)
    issuer.play(BY_NAME["mdoc"], wallet)
    names = [stage.identifier for stage in issuer.stages]
    assert names == [f"{ORIGIN}/{name}" for name in ("sd-jwt-vc-1", "sd-jwt-vc-2", "mdoc-3")]
    again = evolve(issuer, first=100)
    assert again.begin(BY_NAME["mdoc"]).identifier == f"{ORIGIN}/mdoc-100"


def test_scenarios_can_be_played_by_hand() -> None:
    """As one does whose wallet is asynchronous."""
    issuer, wallet = probed()
    stages = {name: issuer.begin(BY_NAME[name]) for name in ("sd-jwt-vc", "mdoc-digest")}
    outcomes = {name: wallet(stage.offer_uri, stage.tx_code) for name, stage in stages.items()}
    assert outcomes == {"sd-jwt-vc": "issued", "mdoc-digest": "failed"}
    for name, stage in stages.items():
        assert issuer.judge(BY_NAME[name], stage, outcomes[name]).outcome == "passed"


def test_a_scenario_of_ones_own() -> None:
    def expectation(stage: Any) -> str:
        return f"{len(stage.to('token'))} token requests"

    scenario = Scenario(name="mine", about="Mine.", requirements=("X-1",), setting=Setting(dpop="on"), expectation=expectation)
    issuer, wallet = probed()
    report = issuer.probe(wallet, scenarios=(scenario,))
    assert isinstance(report, Report)
    assert (report[0].outcome, report[0].detail) == ("passed", "1 token requests")
    assert report.ok, report.text()


def test_what_belongs_to_no_scenario_is_not_found() -> None:
    issuer = scripted()
    for url in ("/", "/.well-known/openid-credential-issuer", "/mdoc-1/token", f"{ORIGIN}/.well-known/x/mdoc-1", "*", ""):
        assert issuer.answer(Request("GET", url)).status == 404
    stage = issuer.begin(BY_NAME["sd-jwt-vc"])
    # By whom it must have been, while it is being played.
    issuer.answer(Request("GET", f"{ORIGIN}/.well-known/openid-credential-issuer"))
    assert [each.endpoint for each in stage.exchanges] == ["unknown"]
    issuer.judge(BY_NAME["sd-jwt-vc"], stage)
    issuer.answer(Request("GET", f"{ORIGIN}/.well-known/openid-credential-issuer"))
    assert len(stage.exchanges) == 1


# --- wallets that are none ----------------------------------------------------------------------------------------------------


def test_a_wallet_that_does_nothing_passes_no_scenario_in_which_it_has_to() -> None:
    issuer = scripted()
    report = issuer.probe(lambda uri, tx_code: None)
    assert not report.ok
    assert {finding.check for finding in report.of("passed")} <= {"offer-fetched-without-tls", "offer-both-ways"}
    finding = issuer.play(BY_NAME["sd-jwt-vc"], lambda uri, tx_code: None)
    assert finding.outcome == "failed"
    assert "nothing at all" in finding.detail


def test_a_wallet_that_raises_has_failed() -> None:
    def raising(uri: str, tx_code: str | None) -> None:
        raise KeyError("the-secret")

    finding = scripted().play(BY_NAME["sd-jwt-vc"], raising)
    assert finding.outcome == "failed"
    assert "KeyError" in finding.detail
    assert "the-secret" not in finding.detail


@pytest.mark.parametrize("url", [f"{ORIGIN}/sd-jwt-vc-1/", f"{ORIGIN}/elsewhere"])
def test_a_wallet_in_an_endless_loop_is_taken_out_of_it(url: str) -> None:
    issuer = scripted()

    def endless(uri: str, tx_code: str | None) -> None:
        while True:
            issuer.send(Request("GET", url))

    finding = issuer.play(BY_NAME["sd-jwt-vc"], endless)
    assert TooManyRequests.__name__ in finding.detail
    assert CONDUCT["no_endless_requests"].name in {each.check for each in issuer.conduct().failed}
    assert issuer.stages[0].exchanges[-1].response.status == 429


def test_of_a_wallet_that_goes_on_for_hours_only_so_much_is_kept() -> None:
    issuer = scripted()
    stage = issuer.begin(BY_NAME["sd-jwt-vc"])
    statuses = [issuer.answer(Request("GET", stage.urls["token"])).status for _ in range(MAX_KEPT + 10)]
    assert statuses[MAX_REQUESTS:] == [429] * (MAX_KEPT + 10 - MAX_REQUESTS)
    assert len(stage.exchanges) == MAX_KEPT
    assert CONDUCT["no_endless_requests"].name in {each.check for each in issuer.conduct().failed}


def test_requests_that_look_alike_are_not_taken_for_one_another() -> None:
    """The second comes after a `c_nonce`, and has none all the same."""
    issuer = scripted()
    stage = issuer.begin(evolve(BY_NAME["sd-jwt-vc"], setting=Setting(dpop="off")))
    key = LocalSigner.generate("holder")
    proof = str(key_proof(key, audience=stage.identifier, now=NOW, nonce=None, client_id=None))
    body = json.dumps({"credential_configuration_id": "person", "proofs": {"jwt": [proof]}}).encode()
    request = Request("POST", stage.urls["credential"], {"content-type": "application/json"}, body)
    issuer.send(request)
    assert CONDUCT["latest_nonce"](Conduct(tuple(issuer.stages), issuer.wallet)).outcome == "passed"
    issuer.send(Request("POST", stage.urls["nonce"]))
    issuer.send(request)
    assert stage.exchanges[0].response == stage.exchanges[-1].response
    assert CONDUCT["latest_nonce"](Conduct(tuple(issuer.stages), issuer.wallet)).outcome == "failed"


GARBAGE = st.binary(max_size=60) | st.sampled_from(
    [
        b"{}",
        b"[]",
        b"grant_type=authorization_code&code=%00",
        b'{"proofs": {"jwt": [1, "a.b.c", "e30.e30.e30"]}}',
        b'{"proofs": 1}',
    ]
)
ENDPOINTS = ("token", "par", "authorize", "nonce", "credential", "deferred_credential", "notification", "challenge", "x")


HEADERS = ("authorization", "dpop", "content-type", "oauth-client-attestation", "oauth-client-attestation-pop", "accept")
VALUES = ("application/json", "application/jwt", "application/x-www-form-urlencoded", "DPoP x", "e30.e30.e30")
QUERIES = ("", "?a=b", "?request_uri=x&client_id=%ff", "?%zz")


@st.composite
def garbage(draw: st.DrawFn) -> Request:
    value = st.sampled_from(VALUES) | st.text(max_size=20)
    headers = draw(st.lists(st.tuples(st.sampled_from(HEADERS), value), max_size=6))
    url = draw(st.sampled_from(ENDPOINTS)) + draw(st.sampled_from(QUERIES))
    return Request(draw(st.sampled_from(["GET", "POST", "PUT"])), url, headers, draw(GARBAGE))


@given(
    st.lists(garbage(), max_size=8), st.sampled_from([BY_NAME[n] for n in ("encrypted-requests", "state-wrong", "mdoc-digest")])
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_garbage_is_judged_like_anything_else(requests: list[Request], scenario: Scenario) -> None:
    issuer, _ = probed("attest_jwt_client_auth")

    def wallet(uri: str, tx_code: str | None) -> Any:
        base = issuer.stages[-1].base
        for request in requests:
            issuer.answer(evolve(request, url=f"{base}/{request.url}"))
        return "what is that?"

    finding = issuer.play(scenario, wallet)
    assert finding.outcome in ("failed", "skipped", "passed")
    for rule in issuer.conduct():
        assert "ended with" not in rule.detail, rule
    json.loads(issuer.conduct().to_bytes())


@given(st.integers(0, 40), st.sampled_from([b"", b"{}", b"[1]", b"\xff", b'{"access_token": 1}']))
@settings(max_examples=40, deadline=None)
def test_a_wallet_that_loses_answers_is_judged_all_the_same(lost: int, body: bytes) -> None:
    issuer, wallet = probed()

    def losing(request: Request) -> Response:
        response = issuer.send(request)
        return (
            Response(200, {"content-type": "application/json"}, body) if len(issuer.stages[-1].exchanges) == lost else response
        )

    finding = issuer.play(BY_NAME["encrypted-deferral"], evolve(wallet, send=losing))
    assert finding.outcome in ("passed", "failed")
    # That it was sent back for a nonce is among what it may not have heard.
    assert {each.check for each in issuer.conduct().failed} <= {"dpop_nonce_retried"}


def test_a_whole_issuance_with_nothing_but_send() -> None:
    issuer, wallet = probed()
    stage = issuer.begin(BY_NAME["offer-by-reference"])
    opened = run(Offer.parse(stage.offer_uri).open(wallet.wallet, now=NOW), issuer.send)
    assert opened.metadata.credential_issuer == stage.identifier
    with pytest.raises(WalletError):
        run(opened.redeem(now=NOW), lambda request: Response(404))
