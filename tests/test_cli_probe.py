"""`oid4vci probe` at a running server, and what it says where nothing can be asked."""

import json
from collections.abc import Iterator

import httpx
import pytest

from oid4vci.cli import web
from tests.command_line import Run, run
from tests.running_server import RunningServer, running_server

__all__ = ("run",)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def trusted(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> RunningServer:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    return server


SOME = ("credential_is_issued", "proof_unsigned", "transaction_code_gives_a_token", "metadata_are_from_now")


def test_what_can_be_asked_for_with_offers(run: Run, trusted: RunningServer) -> None:
    assert run("probe", trusted.issuer, "--offers", f"{trusted.issuer}/admin/offers", "--only", *SOME) == 0
    assert run.out.startswith("4 checks: 0 failed, 0 warned, 0 skipped, 4 passed\n")


def test_without_offers_it_looks_at_what_everybody_sees(run: Run, trusted: RunningServer) -> None:
    assert run("probe", trusted.issuer, "--json") == 0
    report = json.loads(run.out)
    found = {finding["check"]: finding for finding in report["findings"]}
    assert found["issuer_metadata_follow_the_rules"]["outcome"] == "passed"
    assert found["pushed_request_without_pkce"]["outcome"] == "passed"
    assert found["credential_is_issued"]["outcome"] == "skipped"
    assert report["requirements"]["VCI-12.2.4-02"] == "passed"


def test_what_fails_is_in_the_exit_code(run: Run, trusted: RunningServer) -> None:
    """This server does not follow HAIP as it is."""
    assert run("probe", trusted.issuer, "--profile", "haip", "--only", "server_metadata_follow_the_rules") == 1
    assert "HAIP" in run.out


@pytest.mark.parametrize(
    ("arguments", "because"),
    [(("http://issuer.example",), "https"), (("https://issuer.example", "--only", "unheard_of"), "unheard_of")],
)
def test_what_cannot_be_asked(run: Run, arguments: tuple[str, ...], because: str) -> None:
    assert run("probe", *arguments) == 2
    assert because in run.err


def test_nobody_answers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(web, "new_client", lambda: httpx.Client(transport=httpx.MockTransport(handle)))
    assert run("probe", "https://issuer.example", "--only", "issuer_metadata_at_the_well_known_path") == 1
    assert "ConnectError" in run.out


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(200, content=b"garbage"),
        httpx.Response(200, json=["x"]),
        httpx.Response(200, json={"offer_uri": 1}),
    ],
)
def test_offers_that_are_none(
    run: Run, monkeypatch: pytest.MonkeyPatch, trusted: RunningServer, answer: httpx.Response
) -> None:
    good = web.sending

    def sending(client: httpx.Client) -> object:
        send = good(client)

        def sent(request: object) -> object:
            from oid4vci.http import Response

            if getattr(request, "url", "").endswith("/admin/offers"):
                return Response(answer.status_code, answer.headers.multi_items(), answer.content)
            return send(request)  # type: ignore[arg-type]

        return sent

    monkeypatch.setattr(web, "sending", sending)
    arguments = ("probe", trusted.issuer, "--offers", f"{trusted.issuer}/admin/offers", "--only", "offer_by_value")
    assert run(*arguments) == 1
    assert "no offer is made" in run.out


def test_only_https_and_small_answers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = {"credential_issuer": "https://issuer.example", "nonce_endpoint": "http://issuer.example/nonce"}

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        if "oauth" in request.url.path:
            return httpx.Response(200, content=b"{" + b" " * (1 << 20) + b"}")
        return httpx.Response(200, json=metadata)

    monkeypatch.setattr(web, "new_client", lambda: httpx.Client(transport=httpx.MockTransport(handle)))
    names = ("nonce_is_given_to_everybody", "server_metadata_follow_the_rules")
    assert run("probe", "https://issuer.example", "--only", *names) == 1
    assert run.out.count("the check ended with Unreadable") == 2
