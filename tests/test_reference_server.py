"""The reference server of the examples: its settings, its admin API, its HTTP edge, and what it issues."""

import json
import logging
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette

from examples import reference_server
from examples.logs import JsonLines
from examples.reference_server import demo
from examples.reference_server.__main__ import main
from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.service import Service
from examples.reference_server.settings import Settings, Signing, read_settings
from examples.reference_server.signing import IssuerKeys, certified_key, demo_keys
from examples.reference_server.users import PasswordHash
from examples.request_body import MAX_BODY
from examples.sqlite_store import SqliteStore
from oid4vci.drive import run
from oid4vci.errors import Refused, WrongTxCode
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key, thumbprint
from oid4vci.memory import MemoryStore
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, CredentialOffer, OfferReference
from oid4vci.records import Change, Insert, Key, Record, Store
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Session, Wallet
from oid4vci.x509 import Anchors, identifies, verify_chain
from tests.private_keys import in_pem
from tests.reference_server import tells
from tests.running_program import ROOT
from tests.running_server import make_certificates, running_server

ISSUER = "https://localhost:8443"
OFFER = {"credential_configuration_ids": ["identity_x5c"], "grant": "pre-authorized_code"}
TOKEN = "an-admin-token-of-some-length"
KEY = urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(None)


@pytest.fixture(scope="module")
def service(settings: Settings) -> Service:
    return Service.of(ISSUER, settings, demo_keys(ISSUER))


def make_app(service: Service, settings: Settings, *, store: Store | None = None, token: str | None = None) -> Starlette:
    store = MemoryStore() if store is None else store
    offers = OffersEndpoint(service, store, settings.subjects, settings.tx_code_length, token)
    return application(service, ServerHost(store, datasets(settings)), offers)


@pytest.fixture
def app(service: Service, settings: Settings) -> Starlette:
    return make_app(service, settings)


def send(app: Starlette, method: str, url: str, *, address: str = "127.0.0.1", **given: Any) -> httpx.Response:
    """What the application answers to a request from an address."""

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
            return await client.request(method, url, **given)

    return anyio.run(exchange)


def send_for_wallet(app: Starlette, request: Request) -> Response:
    """The same for a wallet of the library."""
    answer = send(app, request.method, request.url, headers=list(request.headers.pairs), content=request.body)
    return Response(answer.status_code, answer.headers.multi_items(), answer.content)


def make_offer(app: Starlette, **members: Any) -> dict[str, Any]:
    answer = send(app, "POST", "/admin/offers", json={**OFFER, **members})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


@cache
def demo_private_key() -> bytes:
    """A key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return in_pem(key)


# --- settings ---------------------------------------------------------------------------------------------------------------


def written(folder: Path, members: Any) -> Path:
    path = folder / "server.json"
    path.write_text(members if isinstance(members, str) else json.dumps(members))
    return path


def test_the_defaults_need_no_file_and_are_safe(settings: Settings, service: Service) -> None:
    assert (settings.host, settings.admin_token, settings.anonymous_access) == ("127.0.0.1", None, False)
    assert {each.metadata["format"] for each in settings.configurations.values()} == {
        "dc+sd-jwt",
        "mso_mdoc",
        "jwt_vc_json",
        "ldp_vc",
    }
    assert all(set(datasets) == set(settings.configurations) for datasets in settings.subjects.values())
    assert service.server.metadata.findings() == ()
    assert [str(each) for each in service.issuer.metadata.findings([service.server.metadata])] == []
    metadata = service.server.metadata
    assert metadata.token_endpoint_auth_methods_supported == ("none",)
    assert metadata.pushed_authorization_request_endpoint == f"{ISSUER}/par"
    assert not metadata.require_pushed_authorization_requests
    assert (settings.dpop, settings.dpop_nonces, settings.access_tokens) == ("optional", True, "sealed")
    assert metadata.jwks_uri is None


def test_the_users_of_the_demonstration_are_for_its_subjects_only(tmp_path: Path, settings: Settings) -> None:
    assert settings.demo_users
    assert {name: user.subject for name, user in settings.users.items()} == {"ada": "ada", "max": "max"}
    assert all(user.password.fits(name) for name, user in settings.users.items())
    assert read_settings(written(tmp_path, {"batch_size": 1})).demo_users
    own = read_settings(written(tmp_path, {"subjects": {"ada": {"identity_x5c": {"level": 1}}}}))
    assert (own.users, own.demo_users) == ({}, False)
    service = Service.of(ISSUER, own, demo_keys(ISSUER))
    assert service.server.metadata.authorization_endpoint is None
    assert "authorization_code" not in service.server.metadata.grant_types
    app = make_app(service, own)
    assert send(app, "GET", "/authorize").status_code == 404
    answer = send(app, "POST", "/admin/offers", json={**OFFER, "grant": "authorization_code"})
    assert "nobody can log in" in answer.json()["error_description"]
    users = {"somebody": {"password_hash": PASSWORD_HASH, "subject": "ada"}}
    both = read_settings(written(tmp_path, {"users": users}))
    assert (both.users["somebody"].subject, both.demo_users) == ("ada", False)


PUBLIC_JWK = {**LocalSigner.generate("k").public_jwk, "kid": "k"}
PASSWORD_HASH = str(PasswordHash.of("correct horse", p=1))
SIGNED = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [PUBLIC_JWK]}, "redirect_uris": ["app.example:/cb"]}
ATTESTATION = {
    "client_authentication": ["attest_jwt_client_auth"],
    "client_attestation": {"attesters": {"https://attester.example": {"jwks": {"keys": [PUBLIC_JWK]}}}},
}


def test_every_member_can_be_set(tmp_path: Path) -> None:
    authority, *_ = make_certificates(tmp_path)
    (tmp_path / "token.pem").write_bytes(demo_private_key())
    members = {
        "host": "0.0.0.0",  # noqa: S104
        "signing": {"key_file": "key.pem", "chain_file": "chain.pem"},
        "configurations": {"badge": {**demo.CONFIGURATIONS["identity_x5c"], "lifetime": 3600}},
        "subjects": {"somebody": {"badge": {"level": 1}}},
        "users": {"somebody": {"password_hash": PASSWORD_HASH}},
        "batch_size": 1,
        "sealing_keys": [KEY],
        "tx_code_length": 4,
        "clients": {
            "wallet": {"redirect_uris": ["https://wallet.example/cb"], "client_name": "The wallet"},
            "signer": {**SIGNED, "dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True},
            "elsewhere": {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://wallet.example/jwks"},
        },
        "other_clients": {"token_endpoint_auth_method": "attest_jwt_client_auth"},
        "client_authentication": ["none", "private_key_jwt", "attest_jwt_client_auth"],
        "client_attestation": {
            "anchors_file": authority.name,
            "attesters": {
                "https://attester.example": {"jwks": {"keys": [PUBLIC_JWK]}},
                "https://another.example": {"jwks_uri": "https://another.example/jwks"},
            },
            "challenges": False,
            "require_x5c": False,
            "require_iss": False,
            "max_attestation_age": 86400,
        },
        "anonymous_access": True,
        "require_pushed_authorization_requests": True,
        "scope_required": True,
        "dpop": "required",
        "dpop_nonces": False,
        "access_tokens": "jwt",
        "access_token_key_file": "token.pem",
        "refresh_tokens": {"lifetime": 3600, "grace": 0},
        "tls_authorities_file": authority.name,
        "admin_token": TOKEN,
    }
    settings = read_settings(written(tmp_path, members))
    assert settings.signing == Signing(tmp_path / "key.pem", tmp_path / "chain.pem")
    assert settings.sealing_keys == (bytes(range(32)),)
    assert settings.configurations["badge"].lifetime == 3600
    assert (settings.host, settings.batch_size, settings.tx_code_length) == ("0.0.0.0", 1, 4)  # noqa: S104
    assert settings.tls_authorities_file == tmp_path / authority.name
    assert set(settings.clients.key_set_urls) == {"https://wallet.example/jwks", "https://another.example/jwks"}
    for secret in (
        TOKEN,
        repr(bytes(range(32))),
        PASSWORD_HASH.rpartition("$")[2],
        repr(settings.users["somebody"].password.digest),
    ):
        assert secret not in repr(settings)

    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    server, metadata = service.server, service.server.metadata
    assert service.issuer.metadata.batch_credential_issuance is None
    assert metadata.pre_authorized_grant_anonymous_access_supported
    assert metadata.require_pushed_authorization_requests
    assert server.scope_required
    attestation = server.client_authentication["attest_jwt_client_auth"]
    assert isinstance(attestation, ClientAttestation)
    assert not attestation.require_iss
    assert metadata.token_endpoint_auth_methods_supported == ("none", "private_key_jwt", "attest_jwt_client_auth")
    assert metadata.challenge_endpoint is None
    assert metadata.jwks_uri == f"{ISSUER}/jwks"
    assert set(server.clients) == {"wallet", "signer", "elsewhere"}
    assert server.clients["signer"].dpop_bound_access_tokens
    assert server.other_clients == ClientMetadata(token_endpoint_auth_method="attest_jwt_client_auth")
    assert server.dpop is not None
    assert (server.dpop.nonces, server.dpop_required, service.issuer.bearer) == (None, True, False)
    assert server.refresh_tokens is not None
    assert (server.refresh_tokens.lifetime, server.refresh_tokens.grace) == (3600, 0)
    attestation = server.client_authentication["attest_jwt_client_auth"]
    assert isinstance(attestation, ClientAttestation)
    assert (attestation.anchors is not None, attestation.max_attestation_age) == (True, 86400)
    (key,) = send(make_app(service, settings), "GET", "/jwks").json()["keys"]
    assert key["kid"] == thumbprint(LocalSigner.from_pem("", demo_private_key()).public_jwk)
    assert "d" not in key


def test_what_is_off_is_not_published(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, {"dpop": "off", "refresh_tokens": False, "other_clients": None}))
    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    metadata = service.server.metadata
    assert metadata.dpop_signing_alg_values_supported is None
    assert "refresh_token" not in metadata.grant_types
    assert service.server.registered("wallet") is None


README = Path(reference_server.__file__).parent / "README.md"


def test_the_readme_names_every_member_and_no_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^a: is not known; known are ") as refused:
        read_settings(written(tmp_path, {"a": 1}))
    known = str(refused.value).rpartition("known are ")[2].split(", ")
    rows = re.findall(r"^\| `(\w+)` \|", README.read_text().partition("## server.json")[2].partition("## ")[0], re.MULTILINE)
    assert sorted(rows) == sorted(known)


def test_the_settings_in_the_readme_are_right(tmp_path: Path) -> None:
    (text,) = re.findall("```json\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "wallet-providers.pem").write_bytes(demo_keys(ISSUER).demo_authority or b"")
    service = Service.of(ISSUER, read_settings(written(tmp_path, text)), demo_keys(ISSUER))
    metadata = service.server.metadata
    assert metadata.token_endpoint_auth_methods_supported == ("attest_jwt_client_auth",)
    assert metadata.require_pushed_authorization_requests
    assert (service.server.dpop_required, service.issuer.bearer) == (True, False)
    assert metadata.challenge_endpoint == f"{ISSUER}/challenge"
    (configuration,) = service.issuer.metadata.credential_configurations_supported.values()
    assert configuration.scope is not None
    assert set(configuration.proof_types_supported or ()) == {"jwt", "attestation"}
    assert all(each.key_attestations_required for each in (configuration.proof_types_supported or {}).values())
    assert (service.issuer.metadata.findings([metadata]), service.statuses is None) == ((), False)


@pytest.mark.parametrize(
    ("members", "others"),
    [
        ({}, ("none", ("http://127.0.0.1/callback", "http://[::1]/callback"))),
        (ATTESTATION, ("attest_jwt_client_auth", None)),
        ({"clients": {"wallet": {"client_name": "The wallet"}}}, None),
        (
            {"clients": {"wallet": {"client_name": "The wallet"}}, "other_clients": {"token_endpoint_auth_method": "none"}},
            ("none", None),
        ),
        ({"client_authentication": ["private_key_jwt"]}, None),
    ],
)
def test_who_is_not_registered_may_come_only_where_nobody_is(
    tmp_path: Path, members: Mapping[str, Any], others: tuple[str, Any] | None
) -> None:
    found = read_settings(written(tmp_path, members)).clients.others
    assert (None if found is None else (found.token_endpoint_auth_method, found.redirect_uris)) == others


CONFIGURATION = demo.CONFIGURATIONS["identity_x5c"]


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ("", "server.json"),
        ("[]", "server.json"),
        ('{"batch_size": 1, "batch_size": 2}', "server.json: a member is repeated"),
        ({"batchsize": 3}, "batchsize"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 101}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"batch_size": "3"}, "batch_size"),
        ({"tx_code_length": 3}, "tx_code_length"),
        ({"host": ""}, "host"),
        ({"clients": "wallet"}, "clients"),
        ({"clients": {}}, "clients"),
        ({"clients": ["wallet"]}, "clients"),
        ({"clients": {"w": {}}}, "clients.w"),
        ({"clients": {"w": {"redirect_uri": "https://w.example"}}}, "clients.w.redirect_uri"),
        ({"clients": {"w": {"redirect_uris": "https://w.example"}}}, "clients.w: redirect_uris"),
        ({"clients": {"w": {"jwks_uri": "http://w.example/jwks"}}}, "clients.w: jwks_uri"),
        ({"clients": {"w": {**SIGNED, "jwks_uri": "https://w.example/jwks"}}}, "clients.w: jwks"),
        ({"clients": {"w": SIGNED}}, "clients.w.token_endpoint_auth_method"),
        ({"clients": {"w": {**SIGNED, "jwks": {"keys": []}}}}, "clients.w.*jwks"),
        ({"clients": {"w": {**SIGNED, "jwks": {"keys": [{**PUBLIC_JWK, "d": "AA"}]}}}}, "clients.w.*jwks"),
        ({"clients": {"w": {**SIGNED, "jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}}}, "clients.w.*jwks"),
        ({"clients": {"w": {"token_endpoint_auth_method": "private_key_jwt"}}}, "clients.w: jwks or jwks_uri"),
        ({"clients": {"w": {"jwks": {"keys": [PUBLIC_JWK]}}}}, "clients.w: jwks or jwks_uri"),
        ({"clients": {"w": {"token_endpoint_auth_method": "client_secret_basic"}}}, "clients.w.token_endpoint_auth_method"),
        ({"other_clients": {}}, "other_clients"),
        ({"other_clients": False}, "other_clients"),
        ({"other_clients": SIGNED, "client_authentication": ["private_key_jwt"]}, "other_clients.token_endpoint_auth_method"),
        ({"client_authentication": []}, "client_authentication"),
        ({"client_authentication": ["none", "none"]}, "client_authentication"),
        ({"client_authentication": ["client_secret_basic"]}, r"client_authentication\[0\]"),
        ({"client_authentication": ["attest_jwt_client_auth"]}, "client_attestation"),
        ({**ATTESTATION, "client_authentication": ["none"]}, "client_attestation"),
        ({**ATTESTATION, "client_attestation": {}}, "client_attestation"),
        ({**ATTESTATION, "client_attestation": {"challenges": True}}, "client_attestation: anchors_file"),
        ({**ATTESTATION, "client_attestation": {"attesters": []}}, "client_attestation.attesters"),
        ({**ATTESTATION, "client_attestation": {"attesters": {"a": {}}}}, "client_attestation.attesters.a"),
        (
            {**ATTESTATION, "client_attestation": {"attesters": {"a": {"jwks": [PUBLIC_JWK]}}}},
            "client_attestation.attesters.a.jwks",
        ),
        (
            {**ATTESTATION, "client_attestation": {"attesters": {"a": {"jwks_uri": "http://a.example"}}}},
            "client_attestation.attesters.a.jwks_uri",
        ),
        (
            {
                **ATTESTATION,
                "client_attestation": {"attesters": {"a": {"jwks": {"keys": [PUBLIC_JWK, {"kty": "oct", "k": "AA"}]}}}},
            },
            "client_attestation.attesters.a.jwks",
        ),
        ({**ATTESTATION, "client_attestation": {"anchors_file": 1}}, "client_attestation.anchors_file"),
        ({**ATTESTATION, "client_attestation": {"anchors_file": "a.pem", "challenges": 1}}, "client_attestation.challenges"),
        (
            {**ATTESTATION, "client_attestation": {"anchors_file": "a.pem", "max_attestation_age": 0}},
            "client_attestation.max_attestation_age",
        ),
        ({"require_pushed_authorization_requests": 1}, "require_pushed_authorization_requests"),
        (
            {"require_pushed_authorization_requests": True, "subjects": {"ada": {"identity_x5c": {"a": 1}}}},
            "require_pushed_authorization_requests",
        ),
        ({"dpop": True}, "dpop"),
        ({"dpop": "always"}, "dpop"),
        ({"dpop_nonces": "yes"}, "dpop_nonces"),
        ({"access_tokens": "opaque"}, "access_tokens"),
        ({"access_token_key_file": "k.pem"}, "access_token_key_file"),
        ({"refresh_tokens": True}, "refresh_tokens"),
        ({"refresh_tokens": {"lifetime": 1}}, "refresh_tokens.lifetime"),
        ({"refresh_tokens": {"grace": -1}}, "refresh_tokens.grace"),
        ({"refresh_tokens": {"rotation": False}}, "refresh_tokens.rotation"),
        ({"tls_authorities_file": ""}, "tls_authorities_file"),
        ({"users": {}}, "users"),
        ({"users": {"ada": "ada"}}, "users.ada"),
        ({"users": {"ada": {"password": "ada"}}}, "users.ada.password"),
        ({"users": {"ada": {"subject": "ada"}}}, "users.ada.password_hash"),
        ({"users": {"ada": {"password_hash": "ada"}}}, "users.ada.password_hash"),
        ({"users": {"ada": {"password_hash": PASSWORD_HASH.replace("16384", "1024")}}}, "users.ada.password_hash"),
        ({"users": {"ada": {"password_hash": PASSWORD_HASH.replace("16384", "4194304")}}}, "users.ada.password_hash"),
        ({"users": {"eve": {"password_hash": PASSWORD_HASH}}}, "users.eve.subject"),
        ({"users": {"e" * 201: {"password_hash": PASSWORD_HASH, "subject": "ada"}}}, "users.e"),
        ({"anonymous_access": "yes"}, "anonymous_access"),
        ({"anonymous_access": 1}, "anonymous_access"),
        ({"admin_token": "short"}, "admin_token"),
        ({"admin_token": "long enough, but\n with a line"}, "admin_token"),
        ({"sealing_keys": []}, "sealing_keys"),
        ({"sealing_keys": [KEY[:-2]]}, r"sealing_keys\[0\]"),
        ({"sealing_keys": ["ä" * 43]}, r"sealing_keys\[0\]"),
        ({"signing": {"key_file": "k.pem"}}, "signing.chain_file"),
        ({"signing": {"key_file": "k.pem", "chain_file": "c.pem", "password": "x"}}, "signing.password"),
        ({"configurations": {}}, "configurations"),
        ({"configurations": {"a": CONFIGURATION}}, "subjects"),
        ({"configurations": {"a": {**CONFIGURATION, "key_resolution": "did"}}}, "configurations.a.key_resolution"),
        ({"configurations": {"a": {**CONFIGURATION, "lifetime": 1}}}, "configurations.a.lifetime"),
        ({"configurations": {"a": {"key_resolution": "x5c"}}}, "configurations.a.metadata"),
        ({"configurations": {"a": {**CONFIGURATION, "metadata": {"format": "vc+zip"}}}}, "configurations.a.metadata.format"),
        ({"subjects": {"ada": {"nothing": {"a": 1}}}}, "subjects.ada.nothing"),
        ({"subjects": {"ada": {"identity_x5c": "claims"}}}, "subjects.ada.identity_x5c"),
    ],
)
def test_a_wrong_file_is_refused_with_the_name_of_the_member(tmp_path: Path, members: Any, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        read_settings(written(tmp_path, members))


def test_a_configuration_that_makes_no_valid_metadata_is_refused(tmp_path: Path) -> None:
    broken = {**CONFIGURATION, "metadata": {"format": "dc+sd-jwt"}}
    members = {"configurations": {"a": broken}, "subjects": {"ada": {"a": {"level": 1}}}}
    with pytest.raises(ValueError, match="vct"):
        Service.of(ISSUER, read_settings(written(tmp_path, members)), demo_keys(ISSUER))


def test_what_the_library_refuses_of_a_registration_stops_the_server(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, {"clients": {"w": {"redirect_uris": ["http://wallet.example/cb"]}}}))
    with pytest.raises(ValueError, match=r"clients\.w: a redirect URI with http"):
        Service.of(ISSUER, settings, demo_keys(ISSUER))


# --- keys -------------------------------------------------------------------------------------------------------------------


def test_the_demonstration_key_has_a_chain_to_its_authority_that_names_the_issuer() -> None:
    keys = demo_keys(ISSUER)
    assert keys.demo_authority is not None
    leaf = verify_chain(keys.issuer.chain, Anchors.from_pem(keys.demo_authority), now=int(time.time()))
    assert identifies(leaf, ISSUER)
    assert not identifies(leaf, "https://localhost:8444")
    assert demo_keys(ISSUER).signer.public_jwk != keys.signer.public_jwk


def pem_files(folder: Path, certificates: list[bytes]) -> tuple[Signing, ec.EllipticCurvePrivateKey]:
    authority, leaf, key = make_certificates(folder)
    parts = {b"authority": authority.read_bytes(), b"leaf": leaf.read_bytes()}
    (folder / "chain.pem").write_bytes(b"".join(parts[each] for each in certificates))
    private_key = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    return Signing(key, folder / "chain.pem"), private_key


def test_a_configured_chain_is_sent_without_its_anchor(tmp_path: Path) -> None:
    signing, _ = pem_files(tmp_path, [b"leaf", b"authority"])
    key = certified_key(signing)
    (leaf,) = key.chain
    assert x509.load_der_x509_certificate(leaf).issuer.rfc4514_string() == "CN=Test TLS authority"
    service = Service.of(ISSUER, read_settings(None), IssuerKeys(key, demo_keys(ISSUER).document_signer))
    assert send(make_app(service, read_settings(None)), "GET", "/demo-ca.pem").status_code == 404


def test_a_chain_of_another_key_or_without_a_proper_leaf_is_refused(tmp_path: Path) -> None:
    signing, _ = pem_files(tmp_path, [b"authority", b"leaf"])
    with pytest.raises(ValueError, match="not that of the key"):
        certified_key(signing)


def test_a_self_signed_leaf_is_refused(tmp_path: Path) -> None:
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    own = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).sign(key, hashes.SHA256())
    (tmp_path / "own.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "own.key").write_bytes(in_pem(key))
    with pytest.raises(ValueError, match="self-signed"):
        certified_key(Signing(tmp_path / "own.key", tmp_path / "own.pem"))


# --- making offers ----------------------------------------------------------------------------------------------------------


def test_an_offer_by_value(app: Starlette) -> None:
    made = make_offer(app)
    assert made.keys() == {"offer_uri", "offer", "tx_code"}
    assert made["tx_code"] is None
    assert made["offer_uri"].startswith("openid-credential-offer://?credential_offer=")
    assert Offer.parse(made["offer_uri"]) == Offer.parse(CredentialOffer.from_json(made["offer"]).uri())


@pytest.mark.spec("VCI-4.1.3-02", "VCI-4.1.3-03")
def test_an_offer_by_reference_is_served_under_an_address_of_its_own(app: Starlette) -> None:
    made, other = (make_offer(app, by_reference=True, tx_code=True) for _ in range(2))
    assert made["offer_uri"] != other["offer_uri"]
    reference = Offer.parse(made["offer_uri"]).content
    assert isinstance(reference, OfferReference)
    answer = send(app, "GET", reference.url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == made["offer"]
    assert made["tx_code"].isdigit()
    assert made["tx_code"] not in answer.text
    assert send(app, "GET", f"{ISSUER}/credential-offer/guessed").status_code == 404


@pytest.mark.parametrize("by_reference", [True, False])
def test_an_offer_of_the_authorization_code_grant_has_a_state_of_its_own(app: Starlette, by_reference: bool) -> None:
    made, other = (make_offer(app, grant="authorization_code", by_reference=by_reference) for _ in range(2))
    assert made["tx_code"] is None
    assert made["offer"]["grants"].keys() == {AUTHORIZATION_CODE}
    states = [each["offer"]["grants"][AUTHORIZATION_CODE]["issuer_state"] for each in (made, other)]
    assert len(set(states)) == 2
    assert all(len(state) >= 43 for state in states)
    if by_reference:
        reference = Offer.parse(made["offer_uri"]).content
        assert isinstance(reference, OfferReference)
        assert send(app, "GET", reference.url).json() == made["offer"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"grant": "authorization_code", "tx_code": True}, "do not go with"),
        ({"grant": "authorization_code", "subject": "ada"}, "do not go with"),
        ({"grant": ["authorization_code"]}, "grant must be"),
        ({"grant": "implicit"}, "grant must be"),
        ({"tx_code": "yes"}, "tx_code must be"),
        ({"tx_code": 1}, "tx_code must be"),
        ({"by_reference": None}, "by_reference must be"),
        ({"credential_configuration_ids": []}, "credential_configuration_ids must be"),
        ({"credential_configuration_ids": ["other"]}, "credential_configuration_ids must be"),
        ({"credential_configuration_ids": [1]}, "credential_configuration_ids must be"),
        ({"credential_configuration_ids": "identity_x5c"}, "credential_configuration_ids must be"),
        ({"credential_configuration_ids": ["identity_x5c", "identity_x5c"]}, "must not repeat"),
        ({"subject": "nobody"}, "subject must be"),
        ({"subject": ["ada"]}, "subject must be"),
        ({"txcode": True}, "members are"),
    ],
)
def test_a_wrong_wish_for_an_offer_is_a_bad_request(app: Starlette, members: Mapping[str, Any], message: str) -> None:
    answer = send(app, "POST", "/admin/offers", json={**OFFER, **members})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert message in answer.json()["error_description"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_page_in_a_browser_cannot_send_what_makes_an_offer(app: Starlette, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = send(app, "POST", "/admin/offers", content=json.dumps(OFFER), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"grant": "a", "grant": "b"}'])
def test_what_is_no_json_object_is_a_bad_request(app: Starlette, body: bytes) -> None:
    answer = send(app, "POST", "/admin/offers", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "given",
    [
        {"address": "192.0.2.1"},
        {"address": "2001:db8::1"},
        {"address": "testclient"},
        {"headers": {"x-forwarded-for": "127.0.0.1"}},
        {"headers": {"forwarded": "for=127.0.0.1"}},
        {"headers": {"via": "1.1 proxy"}},
        {"headers": {"host": "rebound.example:8443"}},
        {"headers": {"host": "[::1"}},
        {"headers": {"authorization": f"Bearer {TOKEN}"}, "address": "192.0.2.1"},
    ],
)
def test_offers_are_made_from_this_machine_only(app: Starlette, given: Mapping[str, Any]) -> None:
    answer = send(app, "POST", "/admin/offers", json=OFFER, **given)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


@pytest.mark.parametrize("given", [{"address": "::1"}, {"address": "127.8.8.8"}, {"headers": {"host": "[::1]:8443"}}])
def test_this_machine_has_several_names(app: Starlette, given: Mapping[str, Any]) -> None:
    assert send(app, "POST", "/admin/offers", json=OFFER, **given).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1"])
def test_with_a_token_it_is_the_token_that_counts(service: Service, settings: Settings, address: str) -> None:
    app = make_app(service, settings, token=TOKEN)
    for authorization in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": TOKEN}):
        answer = send(app, "POST", "/admin/offers", json=OFFER, headers=authorization, address=address)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    headers = {"authorization": f"Bearer {TOKEN}", "host": "anything.example"}
    assert send(app, "POST", "/admin/offers", json=OFFER, headers=headers, address=address).status_code == 200


def test_without_admin_there_is_no_such_endpoint(service: Service, settings: Settings) -> None:
    app = application(service, ServerHost(MemoryStore(), settings.subjects))
    assert send(app, "POST", "/admin/offers", json=OFFER).status_code == 404


def test_a_store_that_does_not_take_the_offer_is_said_so(service: Service, settings: Settings) -> None:
    class Full(MemoryStore):
        def commit(self, changes: Sequence[Change], /) -> bool:
            return False

    assert send(make_app(service, settings, store=Full()), "POST", "/admin/offers", json=OFFER).status_code == 503


# --- HTTP -------------------------------------------------------------------------------------------------------------------

DOCUMENTS = [
    "/.well-known/openid-credential-issuer",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwt-vc-issuer",
    "/demo-ca.pem",
]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_are_read_and_nothing_else(app: Starlette, path: str) -> None:
    got, head = send(app, "GET", path), send(app, "HEAD", path)
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.headers == got.headers
    options = send(app, "OPTIONS", path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, "GET, HEAD, OPTIONS", b"")
    for method in ("POST", "PUT", "DELETE"):
        answer = send(app, method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/token", "/par", "/nonce", "/credential", "/login", "/consent", "/admin/offers"])
def test_endpoints_take_posts_only(app: Starlette, path: str) -> None:
    options = send(app, "OPTIONS", path)
    assert (options.status_code, options.headers["allow"]) == (204, "POST, OPTIONS")
    for method in ("GET", "HEAD", "PUT"):
        answer = send(app, method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["//token", "/token/", "/%74oken", "/authorize/", "/login/", "/jwks", "/credential-offer/", "/admin", "/x?y=["]
)
def test_other_paths_are_not_there(app: Starlette, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert send(app, method, f"{ISSUER}{path}").status_code == 404


@pytest.mark.parametrize("path", ["/token", "/par", "/authorize", "/login", "/credential", "/nonce", "/admin/offers"])
def test_a_large_body_is_not_read_to_its_end(app: Starlette, path: str) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 4 * MAX_BODY:
            read += 65_536
            yield bytes(65_536)

    headers = {"content-type": "application/json"}
    answer = send(app, "POST", path, content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert MAX_BODY < read < 2 * MAX_BODY


@pytest.mark.parametrize("length", [MAX_BODY + 1, 10**30])
def test_a_body_that_is_announced_as_large_is_not_read_at_all(app: Starlette, length: int) -> None:
    def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")

    class Body(httpx.AsyncByteStream):
        __aiter__ = staticmethod(unread)

    answer = send(app, "POST", "/token", content=Body(), headers={"content-length": str(length)})
    assert answer.status_code == 413


def test_a_body_that_does_not_come_ends_the_request(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.request_body.BODY_TIMEOUT", 0.01)

    async def slow() -> AsyncIterator[bytes]:
        yield b"grant_type="
        await anyio.sleep(5)

    assert send(app, "POST", "/token", content=slow()).status_code == 408


def test_a_failure_is_logged_and_shows_nothing(service: Service, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryStore):
        def commit(self, changes: Sequence[Change], /) -> bool:
            raise RuntimeError("the disk is full")

    answer = send(make_app(service, settings, store=Broken()), "POST", "/admin/offers", json=OFFER)
    assert (answer.status_code, answer.json()) == (500, {"error": "server_error"})
    assert "the disk is full" in caplog.text


def test_the_published_key_is_the_one_that_signs(app: Starlette, service: Service) -> None:
    published = send(app, "GET", "/.well-known/jwt-vc-issuer").json()
    encoder = service.issuer.encoders["membership_jwt_vc_issuer"]
    assert isinstance(encoder, SdJwtVcEncoder)
    assert published["issuer"] == ISSUER
    (jwk,) = published["jwks"]["keys"]
    assert "d" not in jwk
    assert (jwk["kid"], jwk["alg"]) == (encoder.kid, "ES256")
    assert public_key(jwk).jwk == encoder.signer.public_jwk


def test_an_issuer_with_a_path(settings: Settings) -> None:
    identifier = f"{ISSUER}/tenant"
    app = make_app(Service.of(identifier, settings, demo_keys(identifier)), settings)
    for name in ("openid-credential-issuer", "oauth-authorization-server", "jwt-vc-issuer"):
        assert send(app, "GET", f"/.well-known/{name}/tenant").status_code == 200
    metadata = send(app, "GET", "/.well-known/openid-credential-issuer/tenant").json()
    assert metadata["credential_issuer"] == identifier
    assert send(app, "POST", metadata["nonce_endpoint"]).status_code == 200


# --- issuance ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        with SqliteStore(tmp_path / "state.db") as store:
            yield store


def redeem(app: Starlette, service: Service, made: Mapping[str, Any], tx_code: str | None) -> Session:
    assert service.demo_authority is not None
    trust = Trust.of(ISSUER, anchors=Anchors.from_pem(service.demo_authority))
    wallet = Wallet(trust=trust, client_id="wallet")
    opened = run(Offer.parse(made["offer_uri"]).open(wallet), partial(send_for_wallet, app))
    return run(opened.redeem(tx_code), partial(send_for_wallet, app))


def test_a_wallet_gets_both_credentials_of_the_subject(service: Service, settings: Settings, store: Store) -> None:
    app = make_app(service, settings, store=store)
    made = make_offer(
        app, credential_configuration_ids=list(demo.CONFIGURATIONS), subject="max", tx_code=True, by_reference=True
    )
    assert len(made["tx_code"]) == settings.tx_code_length
    session = redeem(app, service, made, made["tx_code"])
    for configuration_id in demo.CONFIGURATIONS:
        order = run(session.order(configuration_id), partial(send_for_wallet, app))
        assert order.max_keys == settings.batch_size
        keys = [LocalSigner.generate(f"{i}") for i in range(3)]
        issued = run(order.prove(keys, now=int(time.time())).submit(), partial(send_for_wallet, app))
        assert isinstance(issued, Issued)
        assert len(issued.credentials) == 3
        for credential in issued.credentials:
            assert tells(credential.claims, datasets(settings)["max"][configuration_id])
            assert credential.expires_at is not None


def test_a_wrong_transaction_code_and_a_second_redemption_are_refused(
    service: Service, settings: Settings, store: Store
) -> None:
    app = make_app(service, settings, store=store)
    made = make_offer(app, tx_code=True)
    wrong = "000000" if made["tx_code"] != "000000" else "000001"
    with pytest.raises(WrongTxCode):
        redeem(app, service, made, wrong)
    redeem(app, service, made, made["tx_code"])
    with pytest.raises(Refused, match="invalid_grant"):
        redeem(app, service, made, made["tx_code"])


def test_a_subject_that_is_gone_gets_nothing(service: Service, settings: Settings) -> None:
    store = MemoryStore()
    session = redeem(
        make_app(service, settings, store=store), service, make_offer(make_app(service, settings, store=store)), None
    )
    app = application(service, ServerHost(store, {"max": settings.subjects["max"]}))
    order = run(session.order("identity_x5c"), partial(send_for_wallet, app))
    proofs = order.prove([LocalSigner.generate("holder")], now=int(time.time()))
    with pytest.raises(Refused, match="credential_request_denied"):
        run(proofs.submit(), partial(send_for_wallet, app))


# --- the process ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--store", "mongodb://localhost"], "--store: use memory, sqlite:///state.db, "),
        (["--config", "missing.json"], "missing.json"),
        (["--issuer", "http://localhost"], "https"),
    ],
)
def test_what_cannot_be_served_ends_with_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--issuer", ISSUER, "--port", "1", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_certificate_and_key_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--issuer", ISSUER, "--port", "1", "--tls-cert", "c.pem"])
    assert "--tls-cert and --tls-key go together" in capsys.readouterr().err


def test_the_log_is_json_lines_without_secrets(app: Starlette, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = make_offer(app, tx_code=True, by_reference=True)
    session = redeem(app, service, made, made["tx_code"])
    send(app, "GET", f"/nowhere/{session.access_token}?access_token={session.access_token}")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "reference_server"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/admin/offers", 200),
        ("GET", "/credential-offer/*", 200),
        ("GET", "/.well-known/openid-credential-issuer", 200),
        ("GET", "/.well-known/oauth-authorization-server", 200),
        ("POST", "/token", 200),
        ("GET", "*", 404),
    ]
    assert lines[-1]["error"] == "not_found"
    code = made["offer"]["grants"][PRE_AUTHORIZED_CODE]["pre-authorized_code"]
    written = json.dumps(lines)
    for secret in (code, session.access_token, made["offer_uri"].rpartition("%2F")[2], made["offer_uri"].rpartition("/")[2]):
        assert secret not in written


def test_expired_records_are_purged_while_the_server_runs(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.reference_server.app.PURGE_INTERVAL", 0.01)
    store = MemoryStore()
    store.commit([Insert(Record(Key.of("grant", "old"), {}, 1)), Insert(Record(Key.of("grant", "new"), {}, 2**40))])
    app = make_app(service, settings, store=store)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            with anyio.fail_after(10):
                while len(store) == 2:
                    await anyio.sleep(0.01)

    anyio.run(live)
    assert len(store) == 1


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_server_runs_over_tls_and_ends_in_order(tmp_path: Path, store: str) -> None:
    name = store if store == "memory" else f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, config={"sealing_keys": [KEY]}, store=name) as server:
        made = server.offer("identity_x5c", tx_code=True, by_reference=True)
        with server.client() as client:
            answer = client.post("/nonce")
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
            assert "date" in answer.headers
            assert "server" not in answer.headers
            assert client.head("/.well-known/openid-credential-issuer").content == b""
    log = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert log[-1]["message"].startswith("Finished server process")
    assert made["offer_uri"].rpartition("/")[2] not in server.log.read_text()
    if store == "sqlite":
        # What was stored outlives the process.
        with running_server(tmp_path, config={"sealing_keys": [KEY]}, store=name) as again, again.client() as client:
            reference = Offer.parse(made["offer_uri"]).content
            assert isinstance(reference, OfferReference)
            assert client.get(urlsplit(reference.url).path).status_code == 200


def test_the_users_of_the_demonstration_are_said_at_start(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        assert "anybody can log in" in server.log.read_text()
    users = {"somebody": {"password_hash": PASSWORD_HASH, "subject": "ada"}}
    with running_server(
        tmp_path, config={"users": users, "access_tokens": "jwt"}, store=f"sqlite:///{tmp_path}/s.db"
    ) as server:
        log = server.log.read_text()
    assert "anybody can log in" not in log
    assert "not set: sealing_keys, access_token_key_file." in log


def test_a_hash_is_made_of_a_password_that_is_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import getpass; getpass.getpass = lambda: 'ä secret'; import runpy; "]
    command[-1] += "runpy.run_module('examples.reference_server.users', run_name='__main__')"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    made = PasswordHash.parse(done.stdout.strip())
    assert made.fits("ä secret")
    assert not made.fits("a secret")
    assert str(made) == done.stdout.strip()
    assert PasswordHash.of("ä secret", p=1) != PasswordHash.of("ä secret", p=1)


def test_behind_a_proxy_offers_are_made_with_a_token_only(capsys: pytest.CaptureFixture[str]) -> None:
    """There every client seems to come from this machine."""
    assert main(["--issuer", ISSUER, "--port", "1", "--admin"]) == 2
    assert "admin_token" in capsys.readouterr().err
