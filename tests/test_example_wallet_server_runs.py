"""Runs of the wallet server, with answers that were changed on the way."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
import httpx
import pytest

from examples.reference_server import demo
from examples.wallet_server.asked import Asked
from examples.wallet_server.driver import Driver
from examples.wallet_server.outbound import Unreachable
from examples.wallet_server.run import KEPT_FIRST, MAX_STEPS, Run
from examples.wallet_server.runs import Runs, TooManyRuns
from oid4vci.http import Headers, Request, Response
from oid4vci.wallet import Offer
from tests.reference_server import ISSUER
from tests.wallet_in_process import URL, Change, World

NAME, LATER = "identity_x5c", "membership_jwt_vc_issuer"
PRE_AUTHORIZED = {"grant": "pre-authorized_code"}


def with_location(response: Response, url: str) -> Response:
    headers = [pair for pair in response.headers.pairs if pair[0] != "location"]
    return Response(response.status, Headers((*headers, ("location", url))), response.body)


def coming_back(**changes: str | None) -> Change:
    """What the server sends to the redirect URI has other parameters."""

    def change(request: Request, response: Response) -> Response:
        target = response.headers.get("location") or ""
        if not target.startswith(URL):
            return response
        place, _, query = target.partition("?")
        given = {**dict(parse_qsl(query)), **changes}
        return with_location(
            response, f"{place}?{urlencode({name: value for name, value in given.items() if value is not None})}"
        )

    return change


def at_authorize(answer: Response) -> Change:
    return lambda request, response: answer if request.path == "/authorize" else response


# --- the authorization response -----------------------------------------------------------------------------------------------


def test_nothing_is_changed_and_it_is_issued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch, change=coming_back())
    run = world.carried(world.offered(NAME))
    assert (run.state, run.error, len(run.credentials)) == ("issued", None, 1)
    assert world.wire.paths.count("/authorize") == 1
    assert "/token" in world.wire.paths


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": "https://other.example"},
        {"iss": f"{ISSUER}/"},
        {"state": None},
        {"state": "another"},
        {"code": None},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_a_wrong_response_ends_the_run_with_no_further_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, Any]
) -> None:
    world = World.of(tmp_path, monkeypatch, change=coming_back(**changes))
    run = world.carried(world.offered(NAME))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "InvalidResponse")
    assert "/token" not in world.wire.paths
    assert run.credentials == []


def test_a_server_without_iss_is_taken_only_where_that_was_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(request: Request, response: Response) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            members = response.json()
            del members["authorization_response_iss_parameter_supported"]
            return Response.of_json(200, members)
        return coming_back(iss=None)(request, response)

    for allowed, state in ((False, "failed"), (True, "issued")):
        world = World.of(tmp_path, monkeypatch, change=change, responses_without_iss=allowed)
        assert world.carried(world.offered(NAME)).state == state


# --- the wallet at the authorization endpoint ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["https://evil.example/login", "http://localhost:8443/authorize", "file:///etc/passwd", "//evil.example"]
)
def test_a_redirect_elsewhere_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    world = World.of(tmp_path, monkeypatch, change=at_authorize(Response(302, {"location": target})))
    run = world.carried(world.offered(NAME))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "Untrusted")
    assert world.wire.paths[-1] == "/authorize"


@pytest.mark.parametrize(
    "target", [f"{URL}.evil.example/callback", f"{URL}/callback/more", f"{URL}/callbacks", f"{URL}@evil.example/callback"]
)
def test_what_only_looks_like_the_redirect_uri_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    world = World.of(tmp_path, monkeypatch, change=at_authorize(Response(302, {"location": f"{target}?code=a"})))
    run = world.carried(world.offered(NAME))
    assert run.error is not None
    assert run.error["type"] == "Untrusted"


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (Response(302, {"location": "/authorize"}), "failed", "InvalidResponse"),
        (Response(302), "failed", "InvalidResponse"),
        (Response(302, [("location", "/a"), ("location", "/b")]), "failed", "InvalidResponse"),
        (Response(404), "failed", "InvalidResponse"),
        (Response(503), "failed", "TryLater"),
        (Response(429), "failed", "TryLater"),
        (Response(200, {"content-type": "text/html"}, b"<p>Use your other device</p>"), "waiting_for_person", None),
        (Response(200, {"content-type": "image/png"}, b"\x89PNG"), "waiting_for_person", None),
        (
            Response(200, {"content-type": "text/html"}, b"<form><input id=username><button id=login>"),
            "waiting_for_person",
            None,
        ),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Response) else str(value),
)
def test_what_the_authorization_endpoint_can_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Response, state: str, error: str | None
) -> None:
    world = World.of(tmp_path, monkeypatch, change=at_authorize(answer), patience=1)
    seen: list[str] = []

    async def act(driver: Driver, run: Run) -> None:
        seen.append(run.state)

    run = world.carried(world.offered(NAME), act, wait=5)
    assert seen == [state]
    assert run.error is not None
    assert run.error["type"] == (error or "TimeoutError")
    assert run.authorization_url is None
    assert len(world.wire.sent) < 20


def test_a_password_that_is_wrong_is_typed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch, logins={ISSUER: {"username": "ada", "password": "wrong"}}, patience=1)
    world.carried(world.offered(NAME), wait=5)
    assert world.wire.paths.count("/login") == 1
    assert "/consent" not in world.wire.paths


@pytest.mark.parametrize(
    "page",
    [
        '<form method="post" action="https://evil.example/login">{}</form>',
        '<form method="get" action="/login">{}</form>',
        '<form method="post" action="http://localhost:8443/login">{}</form>',
    ],
)
def test_a_password_goes_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    fields = '<input id="username" name="u"><input id="password" name="p"><button id="login" name="d" value="l">'
    answer = Response(200, {"content-type": "text/html"}, page.format(fields).encode())
    world = World.of(tmp_path, monkeypatch, change=at_authorize(answer), patience=1)
    run = world.carried(world.offered(NAME), wait=5)
    assert run.error is not None
    assert run.error["type"] == "TimeoutError"
    assert world.wire.paths[-1] == "/authorize"
    assert all(b"ada" not in request.body for request in world.wire.sent)


def test_nobody_logs_in_where_no_login_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(
        tmp_path, monkeypatch, logins={"https://other.example": {"username": "ada", "password": "ada"}}, patience=1
    )
    run = world.carried(world.offered(NAME), wait=5)
    assert run.error is not None
    assert run.error["description"] == "nobody came in time"
    assert "/login" not in world.wire.paths


# --- promises -----------------------------------------------------------------------------------------------------------------

DEFERRED = {
    "configurations": {LATER: {**demo.CONFIGURATIONS[LATER], "deferred": 0}},
    "subjects": {"ada": {LATER: demo.SUBJECTS["ada"][LATER]}},
    "users": {"ada": demo.USERS["ada"]},
    "deferral": {"interval": 1},
}


def at_first(path: str, answer: Response, times: int) -> tuple[Change, list[int]]:
    left = [times]

    def change(request: Request, response: Response) -> Response:
        if request.path != path or not left[0]:
            return response
        left[0] -= 1
        return answer

    return change, left


@pytest.mark.parametrize("answer", [Response(503), Response(429, {"retry-after": "0"})], ids=["503", "429"])
def test_a_promise_stands_while_the_issuer_is_in_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    monkeypatch.setattr("examples.wallet_server.flow.RETRY", 0)
    world = World.of(tmp_path, monkeypatch, server=DEFERRED, state=True)
    send, failures = world.wire.server.client.request, [2]

    def failing(method: str, url: str, **arguments: Any) -> httpx.Response:
        # The requests never get there.
        if url.endswith("/deferred_credential") and failures[0]:
            failures[0] -= 1
            return httpx.Response(answer.status, headers=list(answer.headers.pairs))
        return send(method, url, **arguments)

    monkeypatch.setattr(world.wire.server.client, "request", failing)
    run = world.carried(world.offered(LATER, **PRE_AUTHORIZED))
    assert (run.state, len(run.credentials), failures) == ("issued", 1, [0])
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("deferred", [True, False])
@pytest.mark.parametrize("reached", [True, False], ids=["503", "unreachable"])
def test_credentials_that_came_wait_for_the_key_that_verifies_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: bool, reached: bool
) -> None:
    monkeypatch.setattr("examples.wallet.ordering.PAUSES", (0, 0, 0))
    left = [3]

    def change(request: Request, response: Response) -> Response:
        if request.path != "/.well-known/jwt-vc-issuer" or not left[0]:
            return response
        left[0] -= 1
        if reached:
            return Response(503)
        raise Unreachable("away")

    world = World.of(tmp_path, monkeypatch, server=DEFERRED if deferred else None, change=change)
    run = world.carried(world.offered(LATER, **PRE_AUTHORIZED))
    assert (run.state, len(run.credentials), left) == ("issued", 1, [0])
    # They are not asked for again.
    assert world.wire.paths.count("/deferred_credential") == deferred


def test_what_came_after_a_promise_is_kept_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = {name: DEFERRED["configurations"].get(name, demo.CONFIGURATIONS[name]) for name in (LATER, NAME)}
    stored: list[Any] = []

    def change(request: Request, response: Response) -> Response:
        if request.path == "/deferred_credential":
            stored.extend(json.loads(path.read_bytes())["run"] for path in (tmp_path / "state").iterdir())
        return response

    subjects = {"ada": {name: demo.SUBJECTS["ada"][name] for name in both}}
    server = {**DEFERRED, "configurations": both, "subjects": subjects}
    world = World.of(tmp_path, monkeypatch, server=server, change=change, state=True)
    run = world.carried(world.offered(LATER, NAME, **PRE_AUTHORIZED))
    assert (run.state, len(run.credentials)) == ("issued", 2)
    assert [each["configuration_id"] for each in stored[0]["credentials"]] == [NAME]
    assert [each["configuration_id"] for each in stored[0]["deferred"]] == [LATER]


def test_a_promise_is_kept_by_the_issuer_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.wallet_server.flow.RETRY", 0)
    members = {
        **DEFERRED,
        "configurations": {NAME: {**demo.CONFIGURATIONS[NAME], "deferred": 0}},
        "subjects": {"ada": {NAME: demo.SUBJECTS["ada"][NAME]}},
        "status_list_size": 1000,
    }

    def change(request: Request, response: Response) -> Response:
        if request.path == "/status-lists/1":
            raise Unreachable("away")
        return response

    world = World.of(tmp_path, monkeypatch, server=members, change=change, state=True)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["type"], run.credentials) == ("failed", "Unreachable", [])
    # Whoever has them is not asked for them again.
    assert world.wire.paths.count("/deferred_credential") == 1
    assert [each["event"] for each in run.notifications] == ["credential_failure"]
    assert list((tmp_path / "state").iterdir()) == []


def test_a_server_that_stops_does_not_wait_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("examples.wallet_server.driver.GRACE", 0.1)

    async def never(wire: Any, request: Request) -> Response:
        await anyio.sleep(60)
        raise AssertionError("nobody waits for that long")

    world = World.of(tmp_path, monkeypatch)
    asked = world.offered(NAME, **PRE_AUTHORIZED)
    monkeypatch.setattr("tests.wallet_in_process.Wire.send", never)
    begun = time.monotonic()
    run = world.carried(asked, wait=0.3)
    assert time.monotonic() - begun < 20
    assert (run.state, run.error) == ("running", None)
    assert "failed" not in caplog.text


def test_a_server_that_stops_does_not_wait_for_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.wallet_server.driver.GRACE", 0.1)
    monkeypatch.setattr("examples.wallet.ordering.PAUSES", (60,))
    asked_for_key = anyio.Event()

    def change(request: Request, response: Response) -> Response:
        if request.path != "/.well-known/jwt-vc-issuer":
            return response
        asked_for_key.set()
        return Response(503)

    async def act(driver: Driver, run: Run) -> None:
        await asked_for_key.wait()

    world = World.of(tmp_path, monkeypatch, change=change)
    begun = time.monotonic()
    run = world.carried(world.offered(LATER, **PRE_AUTHORIZED), act, wait=1)
    assert asked_for_key.is_set()
    assert (run.state, run.error) == ("running", None)
    assert time.monotonic() - begun < 30


def test_what_takes_longer_than_the_wallet_waits_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        **DEFERRED,
        "configurations": {LATER: {**demo.CONFIGURATIONS[LATER], "deferred": 900}},
        "deferral": {"interval": 60},
    }
    world = World.of(tmp_path, monkeypatch, server=config, state=True, deferral_patience=2)
    run = world.carried(world.offered(LATER, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "TimeoutError")
    assert list((tmp_path / "state").iterdir()) == []
    assert "/deferred_credential" not in world.wire.paths


def test_a_state_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch, server=DEFERRED, state=True)
    (tmp_path / "state").rmdir()
    run = world.carried(world.offered(LATER, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "FileNotFoundError")


# --- what becomes of them -----------------------------------------------------------------------------------------------------


def test_an_issuer_that_cannot_be_told_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, _ = at_first("/notification", Response(500), 9)
    world = World.of(tmp_path, monkeypatch, change=change)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    (told,) = run.notifications
    assert (run.state, told["sent"], told["error"]["type"]) == ("issued", False, "TryLater")


@pytest.mark.parametrize(("setting", "event"), [("deleted", "credential_deleted"), ("none", None)])
def test_what_the_issuer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, event: str | None) -> None:
    world = World.of(tmp_path, monkeypatch, notification=setting)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    assert [each["event"] for each in run.notifications] == ([] if event is None else [event])
    assert ("/notification" in world.wire.paths) is (event is not None)


def test_what_was_revoked_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {
        "configurations": {NAME: demo.CONFIGURATIONS[NAME]},
        "subjects": {"ada": {NAME: demo.SUBJECTS["ada"][NAME]}},
        "status_list_size": 1000,
    }

    def change(request: Request, response: Response) -> Response:
        if request.path == "/status-lists/1":
            return Response(404)
        return response

    world = World.of(tmp_path, monkeypatch, server=members, change=change)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "StatusUnknown")
    assert [each["event"] for each in run.notifications] == ["credential_failure"]


def test_a_default_transaction_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch, tx_code="12")
    seen: list[Any] = []

    async def act(driver: Driver, run: Run) -> None:
        seen.append(run.tx_code)
        driver.tx_code(run, made["tx_code"])

    made = world.wire.server.offer(NAME, tx_code=True, **PRE_AUTHORIZED)
    run = world.carried(Asked(offer=Offer.parse(made["offer_uri"])), act)
    assert (run.state, seen[0]["not_accepted"]) == ("issued", "the transaction code has 6 characters")


def test_what_nobody_foresaw_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def change(request: Request, response: Response) -> Response:
        raise KeyError("a secret")

    world = World.of(tmp_path, monkeypatch, change=change)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["type"]) == ("failed", "KeyError")
    assert "secret" not in json.dumps(run.to_json())
    assert "a run failed" in caplog.text


def test_words_of_others_are_shortened_and_in_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Response.of_json(400, {"error": "invalid_request", "error_description": "\x1b[2J" + "x" * 900})
    change, _ = at_first("/token", said, 1)
    world = World.of(tmp_path, monkeypatch, change=change)
    run = world.carried(world.offered(NAME, **PRE_AUTHORIZED))
    assert run.error is not None
    assert (run.state, run.error["code"], len(run.error["description"])) == ("refused", "invalid_request", 500)
    assert "\x1b" not in run.error["description"]


# --- how many ---------------------------------------------------------------------------------------------------------------------


def test_the_oldest_that_is_over_goes_first() -> None:
    runs = Runs(2)
    first, second = runs.new(), runs.new()
    with pytest.raises(TooManyRuns):
        runs.new()
    second.state = "issued"
    third = runs.new()
    assert [runs.get(each.id) for each in (first, second, third)] == [first, None, third]
    assert runs.latest(1) == [third]
    # What was saved is there all the same.
    saved = Run("saved")
    runs.add(saved)
    assert [runs.get(each.id) for each in (first, third, saved)] == [first, third, saved]


def test_who_waits_for_months_keeps_how_it_began() -> None:
    run = Run("a")
    for i in range(1000):
        run.step("poll", number=i)
    numbers = [each["number"] for each in run.steps]
    assert len(numbers) == MAX_STEPS
    assert numbers[:KEPT_FIRST] == list(range(KEPT_FIRST))
    assert numbers[-1] == 999
    assert run.steps[-1]["time"] <= time.time() + 1
