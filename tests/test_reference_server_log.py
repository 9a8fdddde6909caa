"""The log of the reference server: whole lines, the process that wrote each, and no secret of any flow."""

import json
import logging
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from examples.logs import JsonLines, WholeLines
from examples.reference_server import demo
from examples.reference_server.users import PasswordHash
from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.keys import LocalSigner
from oid4vci.wallet import Deferred, Issued
from tests.browser import Browser
from tests.reference_server import WalletAt
from tests.running_server import running_server

NOW, LATER = "identity_x5c", "membership_jwt_vc_issuer"
PASSWORD, USER, SUBJECT = "correct horse battery", "user-zoraida", "subject-0815"
CLAIMS = {
    NOW: {"given_name": "Zoraida", "family_name": "Quintanilla"},
    LATER: {"level": "platinum-plus", "member_id": "M-90210"},
}
ADMIN_TOKEN, SEALING_KEY = "an-admin-token-of-some-length", urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
CONFIG = {
    "configurations": {NOW: demo.CONFIGURATIONS[NOW], LATER: {**demo.CONFIGURATIONS[LATER], "deferred": 0}},
    "subjects": {SUBJECT: CLAIMS},
    "users": {USER: {"password_hash": str(PasswordHash.of(PASSWORD, p=1)), "subject": SUBJECT}},
    "admin_token": ADMIN_TOKEN,
    "sealing_keys": [SEALING_KEY],
    "status_list_size": 1000,
    "tx_code_length": 8,
}
# What the log says on purpose, and what everybody knows. The handle of a promise is for the administrator alone.
PUBLIC = re.compile(
    r"urn:|https?:|openid-credential|application/|identity|membership|authorization_code|credential_|DPoP$|Bearer$|S256|code$|pending$"
    r"|completed$|text$|numeric$|login$|approve$|wallet$|invalid_|use_dpop_nonce|not_found|no-store|The code that was shown"
)


class Overheard:
    """Every value that goes over the wire, by the name that it has there, but for published documents."""

    def __init__(self) -> None:
        self.values: dict[str, set[str]] = {}

    def request(self, request: httpx.Request) -> None:
        for name in ("authorization", "dpop", "cookie"):
            if name in request.headers:
                self._add(name, request.headers[name].rpartition(" ")[2].rpartition("=")[2])
        self._query(request.url.query.decode())
        self._add("path", request.url.path.rpartition("/")[2] if request.url.path.startswith("/credential-offer/") else "")
        body = request.content.decode()
        if request.headers.get("content-type") == "application/json":
            self._json("", json.loads(body))
        else:
            self._query(body)

    def response(self, response: httpx.Response) -> None:
        response.read()
        if response.request.url.path.startswith(("/.well-known/", "/demo-ca")):
            return
        for name in ("dpop-nonce", "set-cookie"):
            if name in response.headers:
                self._add(name, response.headers[name].partition(";")[0].rpartition("=")[2])
        self._query(urlsplit(response.headers.get("location", "")).query)
        if response.headers.get("content-type") == "application/json":
            self._json("", response.json())
        for value in re.findall(r'name="ticket" value="([^"]+)"', response.text):
            self._add("ticket", value)

    def _query(self, query: str) -> None:
        for name, value in parse_qsl(query):
            self._add(name, value)

    def _json(self, name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for member, each in value.items():
                self._json(member, each)
        elif isinstance(value, list):
            for each in value:
                self._json(name, each)
        elif isinstance(value, str):
            self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        for each in {value, unquote(value), value.rpartition(":")[2] if name == "request_uri" else value}:
            if len(each) >= 4 and not PUBLIC.match(each):
                self.values.setdefault(name, set()).add(each)


def leaves(value: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(value, str):
        yield value
    else:
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(each)


def test_no_secret_of_any_flow_is_in_the_log(tmp_path: Path) -> None:
    """Every value that was sent or answered is looked for, in flows that succeed and in requests that are refused."""
    overheard = Overheard()
    hooks: dict[str, Any] = {"request": [overheard.request], "response": [overheard.response]}
    with running_server(tmp_path, config=CONFIG, store=f"sqlite:///{tmp_path}/state.db", workers=2) as server:
        client = server.client()
        anchors = _anchors(client)
        client.event_hooks = hooks
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

        def offer(**members: Any) -> dict[str, Any]:
            made: dict[str, Any] = client.post("/admin/offers", json=members, headers=headers).raise_for_status().json()
            return made

        wallet = WalletAt.of(client, server.issuer, anchors)

        # The authorization code flow, with a deferred credential, a notification, a renewed token.
        made = offer(credential_configuration_ids=[NOW, LATER], grant="authorization_code", by_reference=True)
        pending = wallet.asks(made["offer_uri"])
        browser = Browser(server.client())
        browser.client.event_hooks = hooks
        wrong = browser.click(browser.visit(pending.url), "login", username=USER, password="a wrong password")
        assert wrong.status_code == 403
        pending = wallet.asks(made["offer_uri"])
        came_back = browser.click(browser.log_in(browser.visit(pending.url), USER, PASSWORD), "approve").headers["location"]
        session = wallet.comes_back(pending, came_back)
        issued = wallet.gets(session, NOW)
        run(issued.notify("credential_failure", "no room for Zoraida", now=wallet.clock()), wallet.send)
        keys = [LocalSigner.generate("holder")]
        deferred = run(run(session.order(LATER), wallet.send).prove(keys, now=wallet.clock()).submit(), wallet.send)
        assert isinstance(deferred, Deferred)
        assert isinstance(run(deferred.poll(now=wallet.clock(), early=True), wallet.send), Issued)
        run(session.refresh(now=wallet.clock()), wallet.send)
        with pytest.raises(Refused):
            run(pending.callback(came_back, now=wallet.clock()), wallet.send)

        # The pre-authorized code flow, with a wrong transaction code first and a code that is used again.
        made = offer(credential_configuration_ids=[NOW], grant="pre-authorized_code", tx_code=True)
        with pytest.raises(Refused):
            run(wallet.opened(made["offer_uri"]).redeem("31415926"), wallet.send)
        session = run(wallet.opened(made["offer_uri"]).redeem(made["tx_code"]), wallet.send)
        wallet.gets(session, NOW)
        with pytest.raises(Refused):
            run(wallet.opened(made["offer_uri"]).redeem(made["tx_code"]), wallet.send)

        # What nobody serves, what is no HTTP, what breaks in the middle.
        token = session.access_token
        client.post(f"/nowhere/{token}?access_token={token}", headers={"authorization": f"Bearer {token}"})
        client.post("/credential", content=token, headers={"authorization": f"Bearer {token}", "content-type": "text/plain"})
        client.get("/credential-offer/of-somebody-else")
    log = server.log.read_text()
    names = overheard.values.keys()
    assert names >= {"code", "pre-authorized_code", "tx_code", "access_token", "refresh_token", "c_nonce", "dpop-nonce", "jwt"}
    assert names >= {"authorization", "dpop", "cookie", "set-cookie", "ticket", "password", "state", "request_uri", "path"}
    assert names >= {"credential", "transaction_id", "notification_id", "issuer_state", "code_verifier", "event_description"}
    found = {name: [each for each in values if each in log] for name, values in overheard.values.items()}
    assert {name: values for name, values in found.items() if values} == {}
    for secret in (PASSWORD, USER, SUBJECT, ADMIN_TOKEN, SEALING_KEY, *leaves(CLAIMS), repr(bytes(range(32)))):
        assert secret not in log
    requests = [line for line in server.log_lines() if line["message"] == "request"]
    assert {line["status"] for line in requests} >= {200, 201, 202, 204, 303, 400, 403, 404}
    assert {line["pid"] for line in requests} <= set(server.workers())


def _anchors(client: httpx.Client) -> bytes:
    return client.get("/demo-ca.pem").raise_for_status().content


PROCESSES, LINES = 4, 60


def test_lines_of_several_processes_do_not_run_into_one_another() -> None:
    """Also those that are longer than what a pipe takes at once."""
    reading, writing = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            os.close(reading)
            logger, handler = logging.Logger("lines"), WholeLines(writing)
            handler.setFormatter(JsonLines())
            logger.addHandler(handler)
            for i in range(LINES):
                text = str(number) * (200_000 if i % 2 else 50)
                logger.warning("line", extra={"members": {"process": number, "i": i, "text": text}})
            os._exit(0)
        children.append(child)
    os.close(writing)
    with open(reading, encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert sorted((line["process"], line["i"]) for line in read) == [(n, i) for n in range(PROCESSES) for i in range(LINES)]
    assert all(line["text"] == str(line["process"]) * len(line["text"]) for line in read)
    assert [line["pid"] for line in sorted(read, key=lambda line: line["process"])][::LINES] == children


def test_a_line_that_cannot_be_written_does_not_end_anything(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler = WholeLines(writing)
    handler.setFormatter(JsonLines())
    handler.emit(logging.makeLogRecord({"msg": "nobody reads"}))
    os.close(writing)
    assert "BrokenPipeError" in capsys.readouterr().err
