"""The example that embeds the library in an OAuth server made with Authlib."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import frozen
from flask import Flask

from examples.authlib_server import __main__ as command_line
from examples.authlib_server.app import Club, new_club_server
from examples.authlib_server.database import Client, Database
from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.offers import CredentialOffer
from oid4vci.sealed import SealingKeys
from oid4vci.trust import Trust
from oid4vci.wallet import Offer, Wallet
from tests.embedding import (
    ATTESTED,
    AUTHORIZATION_REQUEST,
    IDENTIFIER,
    PASSWORD,
    PUBLIC,
    REDIRECT_URI,
    Embedding,
    now,
    outcome,
    token_request,
    trusted_attestation,
)


@frozen
class AuthlibServer:
    """The example over Flask's test client."""

    club: Club
    database: Database

    def send(self, request: Request) -> Response:
        """Send a request, to which the server answers."""
        with self.club.application.test_client() as client:
            answer = client.open(
                request.url, method=request.method, headers=list(request.headers.pairs), data=request.body, base_url=IDENTIFIER
            )
            return Response(answer.status_code, list(answer.headers), answer.data)

    def offer(self, subject: str, configuration_ids: Sequence[str], *, tx_code: str | None = None) -> CredentialOffer:
        """An offer with a new pre-authorized code."""
        return self.club.offer(subject, configuration_ids, tx_code=tx_code)

    def agree(self, url: str, *, username: str, agreed: bool = True) -> str:
        """What a person does in the browser at the authorization endpoint; the URL to which it is sent in the end."""
        with self.club.application.test_client() as client:
            answer = client.get(url, base_url=IDENTIFIER)
            if answer.status_code == 200:
                form = {"username": username, "password": PASSWORD, "decision": "approve" if agreed else "deny"}
                answer = client.post(url, base_url=IDENTIFIER, data=form)
            assert answer.status_code == 302, answer.text
            return answer.headers["location"]

    def end_tokens(self) -> None:
        """Let the lifetime of all access tokens be over."""
        self.database._connection.execute("update token set expires_at = ?", (now(),))

    def revoke(self, access_token: str) -> None:
        """Revoke a token, in the server's own way."""
        self.database.revoke_token(access_token)

    def tokens(self) -> int:
        """How many rows the server's own token table has."""
        return self._count("token")

    def records(self) -> int:
        """How many records of the library are stored."""
        return self._count("oid4vci")

    def _count(self, table: str) -> int:
        (count,) = self.database._connection.execute(f"select count(*) from {table}").fetchone()  # noqa: S608
        return int(count)

    def purge(self) -> None:
        """Delete what will have expired in an hour."""
        self.database.purge(now=now() + 3600)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database with its clients and users: passwords are slow to hash, on purpose."""
    database = Database(tmp_path_factory.mktemp("authlib") / "club.db")
    for username in ("alice", "bob"):
        database.add_user(username, PASSWORD)
    database.add_client(Client(PUBLIC, REDIRECT_URI, "none"))
    database.add_client(Client(ATTESTED, REDIRECT_URI, "attest_jwt_client_auth"))
    yield database
    database.close()


@pytest.fixture
def server(accounts: Database) -> AuthlibServer:
    for table in ("token", "authorization_code", "oid4vci"):
        accounts._connection.execute(f"delete from {table}")  # noqa: S608
    keys, signer = SealingKeys([bytes(32)]), LocalSigner.generate("club-1")
    attestation = trusted_attestation(keys)
    club = new_club_server(IDENTIFIER, accounts, keys=keys, signer=signer, attestation=attestation, clock=now)
    return AuthlibServer(club, accounts)


class TestAuthlib(Embedding):
    """See `Embedding`."""


# --- what is Authlib's own ----------------------------------------------------------------------------------------------------


def test_somebody_who_is_faster_between_reading_and_storing(server: AuthlibServer, monkeypatch: pytest.MonkeyPatch) -> None:
    request = token_request(server.offer("alice", ["membership"]))
    save, answers = server.database.save_token, list[Response]()

    def slowly(*arguments: Any) -> bool:
        monkeypatch.setattr(server.database, "save_token", save)
        answers.append(server.send(request))
        return save(*arguments)

    monkeypatch.setattr(server.database, "save_token", slowly)
    assert outcome(server.send(request)) == (400, "invalid_grant")
    assert [outcome(each) for each in answers] == [(200, None)]
    assert server.tokens() == 1


def test_codes_that_were_not_redeemed_are_purged(server: AuthlibServer) -> None:
    url = f"{IDENTIFIER}/authorize?{urlencode({**AUTHORIZATION_REQUEST, 'scope': 'membership'})}"
    server.agree(url, username="alice")
    server.database.purge(now=now())
    assert server._count("authorization_code") == 1
    server.purge()
    assert server._count("authorization_code") == 0


def test_a_request_that_is_always_too_late_may_come_again(server: AuthlibServer, monkeypatch: pytest.MonkeyPatch) -> None:
    request = token_request(server.offer("alice", ["membership"]))
    with monkeypatch.context() as patch:
        patch.setattr(server.database, "save_token", lambda *_: False)
        assert server.send(request).status == 503
    assert outcome(server.send(request)) == (200, None)


def test_the_page_asks_for_the_password_and_cannot_be_framed(server: AuthlibServer) -> None:
    query = {"response_type": "code", "client_id": PUBLIC, "scope": "membership", "redirect_uri": REDIRECT_URI}
    with server.club.application.test_client() as browser:
        page = browser.get(f"/authorize?{urlencode(query)}", base_url=IDENTIFIER)
        assert "wallet asks for membership" in page.text
        assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
        for username, password in (("alice", "wrong"), ("nobody", PASSWORD), ("", "")):
            form = {"username": username, "password": password, "decision": "approve"}
            again = browser.post(f"/authorize?{urlencode(query)}", data=form, base_url=IDENTIFIER)
            assert (again.status_code, again.text) == (200, page.text)


def test_a_stranger_is_not_sent_anywhere(server: AuthlibServer) -> None:
    query = {"response_type": "code", "client_id": PUBLIC, "scope": "membership", "redirect_uri": "https://evil.example"}
    with server.club.application.test_client() as browser:
        assert browser.get(f"/authorize?{urlencode(query)}", base_url=IDENTIFIER).status_code == 400


def test_without_attesters_there_is_no_challenge(tmp_path: Path) -> None:
    database, keys, signer = Database(tmp_path / "club.db"), SealingKeys([bytes(32)]), LocalSigner.generate("club-1")
    club = new_club_server(IDENTIFIER, database, keys=keys, signer=signer, attestation=None, clock=now)
    server = AuthlibServer(club, database)
    assert server.send(Request("POST", f"{IDENTIFIER}/challenge")).status == 404
    metadata = server.send(Request("GET", f"{IDENTIFIER}/.well-known/oauth-authorization-server")).json()
    assert metadata["token_endpoint_auth_methods_supported"] == ["none"]
    assert "challenge_endpoint" not in metadata
    database.close()


def test_the_command_line_makes_an_offer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def serve(host: str, port: int, application: Flask, *, ssl_context: tuple[str, str], threaded: bool) -> None:
        printed = capsys.readouterr().out
        offer, tx_code = (re.search(pattern, printed) for pattern in (r"openid-credential-offer:\S+", r"code: (\d+)"))
        assert offer is not None
        assert tx_code is not None

        def send(request: Request) -> Response:
            with application.test_client() as client:
                headers, path = list(request.headers.pairs), request.path
                base = "https://localhost:8443"
                answer = client.open(path, method=request.method, headers=headers, data=request.body, base_url=base)
                return Response(answer.status_code, list(answer.headers), answer.data)

        wallet = Wallet(trust=Trust.of("https://localhost:8443"), client_id="oid4vci-wallet-cli")
        opened = run(Offer.parse(offer.group()).open(wallet), send)
        assert run(opened.redeem(tx_code.group(1)), send).access_token
        assert all(Path(file).is_file() for file in ssl_context)

    monkeypatch.setattr(command_line, "run_simple", serve)
    assert command_line.main([]) == 0
