"""The example that embeds the library in an OAuth server made with Django OAuth Toolkit."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import urlsplit

import django
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from examples.django_oauth_toolkit.settings import Club, configure
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.offers import CredentialOffer
from oid4vci.records import Insert, Key, Record, Swap
from oid4vci.sealed import SealingKeys
from tests.documents import ROOT
from tests.embedding import (
    ATTESTED,
    CREDENTIAL,
    IDENTIFIER,
    PASSWORD,
    PUBLIC,
    REDIRECT_URI,
    Embedding,
    Phone,
    outcome,
    token_request,
    trusted_attestation,
)

HOST = urlsplit(IDENTIFIER).netloc


class Inputs(HTMLParser):
    """The fields of the form on a page, with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an `input` that has a name."""
        given = dict(attrs)
        if tag == "input" and (name := given.get("name")):
            self.found[name] = given.get("value") or ""

    @classmethod
    def of(cls, page: bytes) -> dict[str, str]:
        """The fields of a page."""
        inputs = cls()
        inputs.feed(page.decode())
        return inputs.found


class DjangoServer:
    """The example over Django's test client. Its modules can be imported only once Django is configured."""

    def send(self, request: Request) -> Response:
        """Send a request, to which the server answers."""
        # The test client has the types of a WSGI environment.
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.pairs}
        content_type = headers.pop("HTTP_CONTENT_TYPE", "")
        target = request.path + (f"?{request.query}" if request.query else "")
        try:
            answer = Client(SERVER_NAME=HOST).generic(
                request.method, target, request.body, content_type=content_type, secure=True, **headers
            )
            return Response(answer.status_code, list(answer.items()), answer.content)
        finally:
            if current_thread() is not main_thread():
                connections.close_all()

    def offer(self, subject: str, configuration_ids: Sequence[str], *, tx_code: str | None = None) -> CredentialOffer:
        """An offer with a new pre-authorized code."""
        from examples.django_oauth_toolkit.issuer import new_offer

        return new_offer(subject, configuration_ids, tx_code=tx_code)

    def agree(self, url: str, *, username: str, agreed: bool = True) -> str:
        """What a person does in the browser at the authorization endpoint; the URL to which it is sent in the end."""
        browser = Client(SERVER_NAME=HOST, enforce_csrf_checks=True, headers={"referer": IDENTIFIER})
        answer: Any = browser.get(url, secure=True)
        login = answer["location"]
        assert login.startswith("/login?next=/authorize")
        page = browser.get(login, secure=True)
        form = {**Inputs.of(page.content), "username": username, "password": PASSWORD}
        answer = browser.post(login, form, secure=True)
        assert answer.status_code == 302, answer.content
        answer = browser.get(answer["location"], secure=True)
        if answer.status_code == 200:
            form = Inputs.of(answer.content)
            assert form.pop("allow") == "Authorize"
            answer = browser.post(url, {**form, **({"allow": "Authorize"} if agreed else {})}, secure=True)
        assert answer.status_code == 302, answer.content
        return str(answer["location"])

    def end_tokens(self) -> None:
        """Let the lifetime of all access tokens be over."""
        from oauth2_provider.models import AccessToken

        AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))

    def revoke(self, access_token: str) -> None:
        """Revoke a token, in the server's own way."""
        from oauth2_provider.models import AccessToken

        AccessToken.objects.get(token_checksum=sha256(access_token.encode()).hexdigest()).revoke()

    def tokens(self) -> int:
        """How many rows the server's own token table has."""
        from oauth2_provider.models import AccessToken

        return int(AccessToken.objects.count())

    def records(self) -> int:
        """How many records of the library are stored."""
        from examples.django_oauth_toolkit.models import LibraryRecord

        return int(LibraryRecord.objects.count())

    def purge(self) -> None:
        """Delete what will have expired in an hour."""
        from oauth2_provider.models import AccessToken

        from examples.django_oauth_toolkit.store import purge

        purge(now=int(time.time()) + 3600)
        AccessToken.objects.filter(expires__lte=timezone.now() + timedelta(hours=1)).delete()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Django is configured once in a process."""
    keys = SealingKeys([bytes(32)])
    club = Club(IDENTIFIER, keys, LocalSigner.generate("club-1"), trusted_attestation(keys))
    configure(club, database=tmp_path_factory.mktemp("django") / "club.db", secret_key="only for tests, in one process" * 2)
    django.setup()
    call_command("migrate", verbosity=0)

    from examples.django_oauth_toolkit.oauth import new_application

    for username in ("alice", "bob"):
        get_user_model().objects.create_user(username, password=PASSWORD)
    new_application(PUBLIC, REDIRECT_URI)
    new_application(ATTESTED, REDIRECT_URI, attested=True)
    yield
    connections.close_all()


@pytest.fixture
def server(project: None) -> Iterator[DjangoServer]:
    yield DjangoServer()

    from oauth2_provider.models import AccessToken, Grant

    from examples.django_oauth_toolkit.models import LibraryRecord

    for model in (AccessToken, Grant, LibraryRecord):
        model.objects.all().delete()


class TestDjango(Embedding):
    """See `Embedding`."""


# --- what is the toolkit's own ------------------------------------------------------------------------------------------------


def test_no_migration_is_missing(project: None) -> None:
    call_command("check")
    from django.apps import apps
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    # The state that the migrations lead to, against the models.
    state = MigrationExecutor(connection).loader.project_state().apps
    for model in apps.get_app_config("django_oauth_toolkit").get_models():
        migrated = state.get_model("django_oauth_toolkit", model.__name__)
        for one, other in zip(model._meta.fields, migrated._meta.fields, strict=True):
            assert (one.name, one.db_parameters(connection)) == (other.name, other.db_parameters(connection))


def test_a_code_that_is_gone_when_it_is_to_be_used_up(server: DjangoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a database where requests overlap: the toolkit finds that too late, so everything is rolled back and run again."""
    from oauth2_provider.models import Grant
    from oauth2_provider.oauth2_validators import OAuth2Validator
    from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

    phone, tokens = Phone.of(server), list[int]()
    invalidate = OAuth2Validator.invalidate_authorization_code

    def too_late(*arguments: Any, **options: Any) -> None:
        tokens.append(server.tokens())
        if len(tokens) == 1:
            raise InvalidGrantError
        invalidate(*arguments, **options)

    monkeypatch.setattr(OAuth2Validator, "invalidate_authorization_code", too_late)
    session = phone.authorize("membership")
    assert tokens == [1, 1]
    assert (server.tokens(), Grant.objects.count()) == (1, 0)
    assert phone.credential(session)["name"] == "Alice"


def test_a_request_that_is_always_too_late_may_come_again(server: DjangoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from examples.django_oauth_toolkit import oauth, store

    def too_late(_: object) -> None:
        raise store.Conflict

    request = token_request(server.offer("alice", ["membership"]))
    with monkeypatch.context() as patch:
        patch.setattr(oauth, "apply", too_late)
        assert server.send(request).status == 503
    assert server.tokens() == 0
    assert outcome(server.send(request)) == (200, None)


def test_a_row_that_has_changed_or_is_there_already_is_a_conflict(server: DjangoServer) -> None:
    from examples.django_oauth_toolkit.store import commit, load

    record = Record(Key.of("example", "a"), {"n": 1}, 1_900_000_000)
    assert commit([Insert(record)])
    assert not commit([Insert(Record(Key.of("example", "b"), {}, 1_900_000_000)), Insert(record)])
    assert dict(load([record.key, Key.of("example", "b")])) == {record.key: record}
    assert commit([Swap.update(record, n=2)])
    assert not commit([Swap.update(record, n=3)])
    assert not commit([Swap(record, None)])
    (stored,) = load([record.key]).values()
    assert (stored.data, stored.version) == ({"n": 2}, 1)
    assert commit([Swap(stored, None)])
    assert not load([record.key])


def test_who_is_registered_for_attestations_has_no_other_way(server: DjangoServer) -> None:
    from oauth2_provider.models import Application

    application = Application.objects.get(client_id=ATTESTED)
    application.client_secret = "a secret that nobody should need"
    application.save()
    request = token_request(
        server.offer("alice", ["membership"]), client_id=ATTESTED, client_secret="a secret that nobody should need"
    )
    assert outcome(server.send(request)) == (401, "invalid_client")


def test_a_token_of_the_server_for_something_else_is_no_token_here(server: DjangoServer) -> None:
    from oauth2_provider.models import AccessToken, Application

    AccessToken.objects.create(
        application=Application.objects.get(client_id=PUBLIC),
        user=get_user_model().objects.get(username="alice"),
        token="for-an-api",
        expires=timezone.now() + timedelta(seconds=60),
        scope="membership",
    )
    headers = {"authorization": "Bearer for-an-api", "content-type": "application/json"}
    refused = server.send(Request("POST", CREDENTIAL, headers, b'{"credential_configuration_id": "membership"}'))
    assert refused.status == 401


COMMAND_LINE = """
from django.test import Client
from django.urls import Resolver404, resolve
from examples.django_oauth_toolkit import __main__ as command_line

def serve(host, port, application, **options):
    answer = Client(SERVER_NAME="localhost").get("/.well-known/openid-credential-issuer", secure=True)
    print(host, port, application.__class__.__name__, answer.json()["credential_issuer"])

command_line.run_simple = serve
raise SystemExit(command_line.main(["--port", "8444"]))
"""


def test_the_command_line_makes_an_offer() -> None:
    """In a process of its own: Django is configured already in this one."""
    done = subprocess.run([sys.executable, "-c", COMMAND_LINE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"openid-credential-offer:\S+\ntransaction code: \d{6}\n", done.stdout)
    assert "127.0.0.1 8444 WSGIHandler https://localhost:8444" in done.stdout


def test_django_finds_nothing_wrong_with_the_urls() -> None:
    call_command("check", fail_level="WARNING")
    with pytest.raises(Resolver404):
        resolve("/credential/")
    assert resolve("/credential").route == ""
    assert resolve("/.well-known/openid-credential-issuer").func is resolve("/credential").func
