"""Whole flows at the reference server: a process of its own over TLS, by hand and with our wallet, in each of its settings."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from examples.reference_server import demo
from examples.reference_server.encoders import datasets
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from oid4vci import _jose
from oid4vci.drive import run
from oid4vci.errors import Advice, Refused, TryLater
from oid4vci.keys import LocalSigner, public_key
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.oauth.pkce import code_challenge
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.wallet import ClientAssertion, Session, WalletAttestation
from tests.authorization import Proving
from tests.browser import Browser, location, query
from tests.reference_server import CALLBACK, WalletAt, tells
from tests.running_server import RunningServer, make_certificates, running_server

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
ATTESTER, WALLET = "https://provider.example", "https://wallet.example/app"
ATTESTER_KEY, CLIENT_KEY, INSTANCE, OTHER = (LocalSigner.generate(name) for name in ("attester", "client", "instance", "other"))


def published(signer: LocalSigner) -> dict[str, Any]:
    """A key as its owner publishes it."""
    return {**signer.public_jwk, "kid": signer.key_id, "alg": signer.algorithm, "use": "sig"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def wallet_at(server: RunningServer, **settings: Any) -> WalletAt:
    return WalletAt.of(server.client(), server.issuer, server.demo_authority(), **settings)


def browser_at(server: RunningServer) -> Browser:
    return Browser(server.client())


def authorized(server: RunningServer, wallet: WalletAt, *asked: str, **arguments: Any) -> Session:
    """A session, after a person has logged in and agreed."""
    pending = wallet.asks(*asked, **arguments)
    return wallet.comes_back(pending, browser_at(server).approved(pending.url))


# --- by hand ----------------------------------------------------------------------------------------------------------------


def nonce_of(answer: httpx.Response, status: int) -> str:
    """The nonce that a server wants."""
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["error"] == "use_dpop_nonce"
    else:
        assert 'DPoP error="use_dpop_nonce"' in answer.headers["www-authenticate"]
    return str(answer.headers["dpop-nonce"])


def test_every_step_by_hand(server: RunningServer) -> None:
    """With PAR, PKCE, and DPoP with nonces of the server."""
    proving = Proving()
    with server.client() as client:
        metadata = client.get("/.well-known/oauth-authorization-server").json()
        par, token, credential = (
            metadata["pushed_authorization_request_endpoint"],
            metadata["token_endpoint"],
            f"{server.issuer}/credential",
        )

        def proof(url: str, **claims: Any) -> dict[str, str]:
            return {"dpop": proving(url, now=int(time.time()), **claims)}

        request = {
            "response_type": "code",
            "client_id": "wallet",
            "redirect_uri": CALLBACK,
            "state": "s",
            "scope": "membership_jwt_vc_issuer",
            "code_challenge": code_challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        nonce = nonce_of(client.post(par, data=request, headers=proof(par)), 400)
        pushed = client.post(par, data=request, headers=proof(par, nonce=nonce))
        assert (pushed.status_code, pushed.headers["cache-control"]) == (201, "no-store")
        assert 60 <= pushed.json()["expires_in"] <= 90

        reference = {"client_id": "wallet", "request_uri": pushed.json()["request_uri"]}
        url = f"{metadata['authorization_endpoint']}?{httpx.QueryParams(reference)}"
        came_back = browser_at(server).approved(url)
        parameters = query(came_back)
        assert came_back.startswith(CALLBACK)
        assert parameters.keys() == {"code", "state", "iss"}
        assert (parameters["state"], parameters["iss"]) == ("s", server.issuer)

        form = {
            "grant_type": "authorization_code",
            "code": parameters["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "wallet",
        }
        bearer = client.post(token, data=form)
        assert (bearer.status_code, bearer.json()["error"]) == (400, "invalid_grant")
        for changes in (
            {"code_verifier": VERIFIER[::-1]},
            {"redirect_uri": "http://127.0.0.1/callback"},
            {"client_id": "other"},
        ):
            wrong = client.post(token, data={**form, **changes}, headers=proof(token, nonce=nonce))
            assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
        nonce_of(client.post(token, data=form, headers=proof(token)), 400)
        answer = client.post(token, data=form, headers=proof(token, nonce=nonce))
        assert answer.status_code == 200, answer.text
        members = answer.json()
        assert (members["token_type"], members["scope"]) == ("DPoP", "membership_jwt_vc_issuer")
        assert "refresh_token" in members

        access = members["access_token"]
        body = {"credential_configuration_id": "membership_jwt_vc_issuer", "proofs": {"jwt": []}}
        scheme = {"authorization": f"DPoP {access}"}
        nonce_of(client.post(credential, json=body, headers={**scheme, **proof(credential, access_token=access)}), 401)
        as_bearer = client.post(credential, json=body, headers={"authorization": f"Bearer {access}"})
        assert as_bearer.status_code == 401
        good = {**scheme, **proof(credential, access_token=access, nonce=nonce)}
        assert client.post(credential, json=body, headers=good).json()["error"] == "invalid_proof"

        replayed = client.post(token, data=form, headers=proof(token, nonce=nonce))
        assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
        revoked = {**scheme, **proof(credential, access_token=access, nonce=nonce)}
        assert client.post(credential, json=body, headers=revoked).status_code == 401


# --- with our wallet --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_a_wallet_takes_an_offer(server: RunningServer, by_reference: bool) -> None:
    made = server.offer(*demo.CONFIGURATIONS, grant=AUTHORIZATION_CODE, by_reference=by_reference)
    wallet = wallet_at(server)
    session = authorized(server, wallet, made["offer_uri"])
    assert session.sender.dpop is not None
    assert set(session.configuration_ids) == set(demo.CONFIGURATIONS)
    for name, dataset in datasets(read_settings(None))["ada"].items():
        for credential in wallet.gets(session, name).credentials:
            assert tells(credential.claims, dataset)


def test_a_wallet_asks_by_itself_and_by_details(server: RunningServer) -> None:
    wallet = wallet_at(server)
    pending = wallet.asks("identity_x5c", using="authorization_details")
    session = wallet.comes_back(pending, browser_at(server).approved(pending.url, "max"))
    assert session.credential_identifiers is not None
    (first, _) = wallet.gets(session, "identity_x5c").credentials
    assert first.claims["given_name"] == "Max"


def test_a_session_is_renewed_and_its_old_token_ends_it(server: RunningServer) -> None:
    wallet = wallet_at(server)
    session = authorized(server, wallet)
    renewed = run(session.refresh(now=wallet.clock()), wallet.send)
    assert renewed.refresh_token not in (None, session.refresh_token)
    wallet.gets(renewed, "identity_x5c")
    thief = evolve(renewed, sender=evolve(renewed.sender, dpop=LocalSigner.generate("thief")))
    with pytest.raises(Refused, match="invalid_grant") as refused:
        run(thief.refresh(now=wallet.clock()), wallet.send)
    assert refused.value.advice is Advice.AUTHORIZE
    wallet.gets(run(renewed.refresh(now=wallet.clock()), wallet.send), "identity_x5c")


def test_a_wallet_without_dpop_gets_a_bearer_token_and_none_to_renew(server: RunningServer) -> None:
    wallet = wallet_at(server, dpop=False)
    session = authorized(server, wallet)
    assert (session.sender.dpop, session.refresh_token) == (None, None)
    wallet.gets(session, "identity_x5c")


# --- settings ---------------------------------------------------------------------------------------------------------------


def test_tokens_can_be_jwts_that_others_verify(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, config={"access_tokens": "jwt", "refresh_tokens": {"grace": 0}}) as server,
        server.client() as client,
    ):
        wallet = wallet_at(server)
        session = authorized(server, wallet)
        wallet.gets(session, "identity_x5c")
        metadata = client.get("/.well-known/oauth-authorization-server").json()
        jwks = client.get(metadata["jwks_uri"]).json()
        keys = [public_key(each) for each in jwks["keys"]]
        trusted = TrustedJwtAccessTokens(servers=[TrustedAuthorizationServer(issuer=server.issuer, keys=keys)])
        read = trusted.read(session.access_token, credential_issuer=server.issuer)
        authorization = read.verify({}, keys={}, now=wallet.clock())
        assert (authorization.subject, authorization.client_id) == ("ada", "wallet")
        assert authorization.configuration_ids == {"identity_x5c"}
        assert authorization.jkt is not None
        published_for_credentials = client.get("/.well-known/jwt-vc-issuer").json()["jwks"]["keys"]
        assert {each["kid"] for each in jwks["keys"]}.isdisjoint(each["kid"] for each in published_for_credentials)
        renewed = run(session.refresh(now=wallet.clock()), wallet.send)
        wallet.gets(renewed, "identity_x5c")
        # A token ends with its grant, although it says everything itself.
        with pytest.raises(Refused, match="invalid_grant"):
            run(session.refresh(now=wallet.clock()), wallet.send)
        with pytest.raises(Refused, match="invalid_token"):
            wallet.gets(renewed, "identity_x5c")


@pytest.mark.parametrize("dpop", ["off", "optional", "required"])
def test_dpop_can_be_off_or_required(tmp_path: Path, dpop: str) -> None:
    with running_server(tmp_path, config={"dpop": dpop, "dpop_nonces": False}) as server:
        with_key, without = wallet_at(server), wallet_at(server, dpop=False)
        bound = authorized(server, with_key)
        assert (bound.sender.dpop is None) == (dpop == "off")
        assert bound.sender.nonces == {}
        with_key.gets(bound, "identity_x5c")
        if dpop == "required":
            with pytest.raises(Refused, match="invalid_dpop_proof"):
                authorized(server, without)
        else:
            without.gets(authorized(server, without), "identity_x5c")


def attested(server: RunningServer, *, key: LocalSigner = INSTANCE, x5c: Any = (), **changes: Any) -> WalletAt:
    """A wallet with an attestation by `ATTESTER`, for this server."""
    made: dict[str, Any] = {"issuer": ATTESTER, "client_id": WALLET, "signer": ATTESTER_KEY, "lifetime": 600, **changes}
    by = made.pop("signer")
    data = client_attestation_signing_input(by, x5c=x5c, jwk=key.public_jwk, now=int(time.time()), **made)
    attestation = WalletAttestation(_jose.compact(data, by.sign(data)), key, authorization_server=server.issuer)
    return wallet_at(server, client_id=WALLET, authentication=attestation)


HAIP = {
    "client_authentication": ["attest_jwt_client_auth"],
    "client_attestation": {"attesters": {ATTESTER: {"jwks": {"keys": [published(ATTESTER_KEY)]}}}},
    "require_pushed_authorization_requests": True,
    "dpop": "required",
}


def test_wallets_that_somebody_trusted_vouches_for(tmp_path: Path) -> None:
    with running_server(tmp_path, config=HAIP) as server, server.client() as client:
        assert client.post("/challenge").json().keys() == {"attestation_challenge"}
        wallet = attested(server)
        made = server.offer("identity_x5c", grant=AUTHORIZATION_CODE)
        # Nobody is registered: what authenticated may name any redirect URI (RFC 9126 2.4).
        pending = wallet.asks(made["offer_uri"], redirect_uri="https://wallet.example/cb")
        browser = browser_at(server)
        page = browser.visit(pending.url)
        assert "whose provider is known here" in page.text("client")
        session = wallet.comes_back(pending, location(browser.click(browser.log_in(page), "approve")))
        wallet.gets(session, "identity_x5c")
        renewed = run(session.refresh(now=wallet.clock()), wallet.send)
        wallet.gets(renewed, "identity_x5c")

        # The pre-authorized code is for attested wallets as well.
        opened = wallet.opened(server.offer("identity_x5c")["offer_uri"])
        redeemed = opened.redeem(now=wallet.clock(), dpop=wallet.dpop, authentication=wallet.authentication)
        wallet.gets(run(redeemed, wallet.send), "identity_x5c")

        for refused in (
            attested(server, signer=OTHER),
            attested(server, issuer="https://other.example"),
            wallet_at(server),
            wallet_at(server, client_id=WALLET),
        ):
            with pytest.raises(Refused, match="invalid_client"):
                refused.asks(made["offer_uri"], redirect_uri="https://wallet.example/cb")

        # Another instance of the same wallet does not get the code.
        pending = wallet.asks(made["offer_uri"], redirect_uri="https://wallet.example/cb")
        other = attested(server, key=OTHER)
        assert other.authentication is not None
        stolen = evolve(pending, sender=evolve(pending.sender, authentication=other.authentication))
        url = browser.approved(pending.url)
        with pytest.raises(Refused, match="invalid_grant"):
            run(stolen.callback(url, now=wallet.clock()), wallet.send)


def test_attesters_can_be_known_by_their_certificates(tmp_path: Path) -> None:
    keys, stranger = demo_keys(ATTESTER), demo_keys(ATTESTER).issuer
    attester = keys.issuer
    (tmp_path / "anchors.pem").write_bytes(keys.demo_authority or b"")
    attestation = {"anchors_file": "anchors.pem", "require_x5c": True, "challenges": False}
    with running_server(tmp_path, config={**HAIP, "client_attestation": attestation}) as server, server.client() as client:
        assert "challenge_endpoint" not in client.get("/.well-known/oauth-authorization-server").json()
        assert client.post("/challenge").status_code == 404
        wallet = attested(server, signer=attester.signer, x5c=attester.chain)
        wallet.gets(authorized(server, wallet), "identity_x5c")
        for refused, because in (
            (attested(server, signer=attester.signer), "x5c is missing"),
            (attested(server, signer=stranger.signer, x5c=stranger.chain), "does not lead to a trust anchor"),
            (attested(server), "x5c is missing"),
        ):
            with pytest.raises(Refused, match=f"invalid_client: .*{because}"):
                refused.asks()


class _Jwks(BaseHTTPRequestHandler):
    """Serves the keys of the server object, and counts how often."""

    def do_GET(self) -> None:  # the name that the base class calls
        self.server.paths.append(self.path)  # type: ignore[attr-defined]
        body = self.server.body  # type: ignore[attr-defined]
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("location", "/jwks")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def jwks_server(folder: Path, body: bytes) -> Iterator[HTTPServer]:
    """An https server for a JWK Set; the PEM of its authority is in the folder."""
    _, certificate, key = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("127.0.0.1", 0), _Jwks) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.paths, server.body = [], body  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def signed_client(server: RunningServer, key: LocalSigner = CLIENT_KEY) -> WalletAt:
    return wallet_at(server, client_id="app", authentication=ClientAssertion(key))


def registered(**keys: Any) -> dict[str, Any]:
    client = {"token_endpoint_auth_method": "private_key_jwt", "redirect_uris": [CALLBACK], **keys}
    return {"clients": {"app": client}, "client_authentication": ["private_key_jwt"]}


def test_a_registered_client_signs(tmp_path: Path) -> None:
    with running_server(tmp_path, config=registered(jwks={"keys": [published(CLIENT_KEY)]})) as server:
        wallet = signed_client(server)
        session = authorized(server, wallet)
        wallet.gets(session, "identity_x5c")
        # Known by its own key, it may change the one of its tokens.
        run(session.refresh(now=wallet.clock(), dpop=LocalSigner.generate("another")), wallet.send)
        for refused in (signed_client(server, LocalSigner.generate(CLIENT_KEY.key_id)), wallet_at(server, client_id="app")):
            with pytest.raises(Refused, match="invalid_client"):
                refused.asks()


def test_the_keys_of_a_client_are_fetched_where_it_publishes_them(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    jwks = json.dumps({"keys": [published(CLIENT_KEY)]}).encode()
    with jwks_server(folder, jwks) as elsewhere:
        url = f"https://localhost:{elsewhere.server_port}/jwks"
        members = {**registered(jwks_uri=url), "tls_authorities_file": str(folder / "tls-authority.pem")}
        with running_server(tmp_path, config=members) as server:
            wallet = signed_client(server)
            wallet.gets(authorized(server, wallet), "identity_x5c")
            assert elsewhere.paths == ["/jwks"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["redirect", "no authority", "too large", "no JWK Set"])
def test_keys_that_cannot_be_fetched_are_nobodys_fault(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    body = json.dumps({"keys": [published(CLIENT_KEY)]}).encode()
    if fault == "too large":
        body += b" " * (2 << 20)
    with jwks_server(folder, b"[]" if fault == "no JWK Set" else body) as elsewhere:
        url = f"https://localhost:{elsewhere.server_port}/{'moved' if fault == 'redirect' else 'jwks'}"
        members = registered(jwks_uri=url)
        if fault != "no authority":
            members["tls_authorities_file"] = str(folder / "tls-authority.pem")
        with running_server(tmp_path, config=members) as server, server.client() as client:
            for _ in range(3):
                with pytest.raises(TryLater, match="503"):
                    signed_client(server).asks()
            assert client.get("/.well-known/openid-credential-issuer").status_code == 200
        # It is not tried at everybody's wish.
        assert len(elsewhere.paths) <= 1  # type: ignore[attr-defined]
