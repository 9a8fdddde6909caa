"""What server.json says of encryption, deferred issuance, notifications and the metadata, and what is published of it."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from examples.reference_server import demo
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from oid4vci import _jose
from oid4vci.keys import thumbprint
from oid4vci.metadata import CredentialIssuerMetadata
from tests.private_keys import in_pem
from tests.reference_server import ISSUER, ReferenceServer
from tests.test_reference_server import written

IDENTITY = demo.CONFIGURATIONS["identity_x5c"]
SUBJECTS = {"subjects": {"ada": {"identity": {"given_name": "Ada"}}}}
WELL_KNOWN = "/.well-known/openid-credential-issuer"


def deferred(value: Any, **members: Any) -> dict[str, Any]:
    return {"configurations": {"identity": {**IDENTITY, "deferred": value}}, **SUBJECTS, **members}


def service_of(folder: Path, members: dict[str, Any]) -> Service:
    return Service.of(ISSUER, read_settings(written(folder, members)), demo_keys(ISSUER))


def metadata_of(folder: Path, members: dict[str, Any]) -> CredentialIssuerMetadata:
    return service_of(folder, members).issuer.metadata


def private_key(folder: Path, name: str, key: Any) -> str:
    """The name of a PEM file."""
    (folder / name).write_bytes(in_pem(key))
    return name


def test_without_a_file_all_is_offered_and_nothing_deferred() -> None:
    service = Service.of(ISSUER, read_settings(None), demo_keys(ISSUER))
    metadata = service.issuer.metadata
    request, response = metadata.credential_request_encryption, metadata.credential_response_encryption
    assert request is not None
    assert response is not None
    assert (request.encryption_required, response.encryption_required) == (False, False)
    assert (request.zip_values_supported, response.zip_values_supported) == (None, None)
    (key,) = request.keys
    assert (key["crv"], key["alg"], key["kid"]) == ("P-256", "ECDH-ES", thumbprint(key))
    assert "d" not in key
    assert metadata.deferred_credential_endpoint is None
    assert metadata.notification_endpoint == f"{ISSUER}/notification"
    assert service.issuer.signed_metadata is not None
    assert not service.issuer.localised
    assert metadata.findings() == ()


def test_what_is_off_is_not_published(tmp_path: Path) -> None:
    service = service_of(tmp_path, {"encryption": False, "notifications": False, "signed_metadata": False, "localised": True})
    metadata = service.issuer.metadata
    assert (metadata.credential_request_encryption, metadata.credential_response_encryption) == (None, None)
    assert metadata.notification_endpoint is None
    assert service.issuer.signed_metadata is None
    assert service.issuer.localised


def test_keys_from_files_and_what_is_required(tmp_path: Path) -> None:
    files = [
        private_key(tmp_path, "one.pem", ec.generate_private_key(ec.SECP256R1())),
        private_key(tmp_path, "two.pem", x25519.X25519PrivateKey.generate()),
    ]
    retired = [private_key(tmp_path, "old.pem", ec.generate_private_key(ec.SECP384R1()))]
    members = {"key_files": files, "retired_key_files": retired, "requests_required": True, "responses_required": True}
    issuers = [service_of(tmp_path, {"encryption": {**members, "zip": True}}).issuer for _ in range(2)]
    (request, again) = (each.metadata.credential_request_encryption for each in issuers)
    response = issuers[0].metadata.credential_response_encryption
    assert request == again
    assert request is not None
    assert response is not None
    assert [each["crv"] for each in request.keys] == ["P-256", "X25519"]
    assert [each["kid"] for each in request.keys] == [thumbprint(each) for each in request.keys]
    assert (request.encryption_required, response.encryption_required) == (True, True)
    assert request.zip_values_supported == response.zip_values_supported == ("DEF",)
    assert issuers[0].encryption is not None
    assert len(issuers[0].encryption.retired_keys) == 1


def test_what_is_deferred_and_how(tmp_path: Path) -> None:
    service = service_of(tmp_path, deferred(60))
    assert service.issuer.metadata.deferred_credential_endpoint == f"{ISSUER}/deferred_credential"
    assert service.deferrals is not None
    assert (service.deferrals.delays, service.deferrals.interval) == ({"identity": 60}, 5)
    assert service.issuer.deferral is not None
    assert (service.issuer.deferral.lifetime, service.issuer.deferral.grace) == (90 * 86_400, 0)
    given = {"interval": 3600, "lifetime": 7200, "grace": 30}
    service = service_of(tmp_path, deferred(0, deferral=given, notifications={"lifetime": 60}))
    assert service.deferrals is not None
    assert (service.deferrals.delays, service.deferrals.interval) == ({"identity": 0}, 3600)
    assert service.issuer.deferral is not None
    assert (service.issuer.deferral.lifetime, service.issuer.deferral.grace) == (7200, 30)
    assert service.issuer.notifications is not None
    assert service.issuer.notifications.lifetime == 60


def test_what_was_promised_can_be_had_although_nothing_is_deferred_any_more(tmp_path: Path) -> None:
    service = service_of(tmp_path, {"deferral": {"interval": 5}})
    assert service.issuer.metadata.deferred_credential_endpoint is not None
    assert service.deferrals is not None
    assert service.deferrals.delays == {}


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"encryption": True}, "encryption"),
        ({"encryption": {}}, "encryption"),
        ({"encryption": {"keys": ["a.pem"]}}, r"encryption\.keys: is not known"),
        ({"encryption": {"key_files": []}}, r"encryption\.key_files"),
        ({"encryption": {"key_files": "a.pem"}}, r"encryption\.key_files"),
        ({"encryption": {"key_files": [1]}}, r"encryption\.key_files\[0\]"),
        ({"encryption": {"retired_key_files": ["a.pem"]}}, r"encryption\.key_files: is missing"),
        ({"encryption": {"requests_required": "yes"}}, r"encryption\.requests_required"),
        ({"encryption": {"responses_required": 1}}, r"encryption\.responses_required"),
        ({"encryption": {"zip": ["DEF"]}}, r"encryption\.zip"),
        ({"deferral": False}, "deferral"),
        ({"deferral": {"interval": 0}}, r"deferral\.interval"),
        ({"deferral": {"interval": 1.5}}, r"deferral\.interval"),
        ({"deferral": {"lifetime": 59}}, r"deferral\.lifetime"),
        ({"deferral": {"grace": -1}}, r"deferral\.grace"),
        ({"deferral": {"after": 1}}, r"deferral\.after: is not known"),
        (deferred(-1), r"configurations\.identity\.deferred"),
        (deferred(True), r"configurations\.identity\.deferred"),
        (deferred(None), r"configurations\.identity\.deferred"),
        (deferred(60, deferral={"lifetime": 60}), r"configurations\.identity\.deferred: must be shorter"),
        (deferred(90 * 86_400), r"configurations\.identity\.deferred: must be shorter"),
        ({"notifications": True}, "notifications"),
        ({"notifications": {"lifetime": 0}}, r"notifications\.lifetime"),
        ({"notifications": {"events": []}}, r"notifications\.events: is not known"),
        ({"signed_metadata": "yes"}, "signed_metadata"),
        ({"localised": 1}, "localised"),
    ],
)
def test_a_wrong_member_is_refused_with_its_name(tmp_path: Path, members: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        read_settings(written(tmp_path, members))


def test_files_that_hold_no_key_to_encrypt_to_are_refused(tmp_path: Path) -> None:
    private_key(tmp_path, "signs.pem", ed25519.Ed25519PrivateKey.generate())
    (tmp_path / "nothing.pem").write_text("nothing")
    for name in ("signs.pem", "nothing.pem"):
        with pytest.raises(ValueError, match=f"^encryption: {name}: "):
            service_of(tmp_path, {"encryption": {"key_files": [name]}})
    with pytest.raises(FileNotFoundError):
        service_of(tmp_path, {"encryption": {"key_files": ["missing.pem"]}})
    key = private_key(tmp_path, "one.pem", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValueError, match="kid of its own"):
        service_of(tmp_path, {"encryption": {"key_files": [key, key]}})


def test_metadata_are_signed_only_with_a_certificate_that_names_the_issuer(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, {}))
    with pytest.raises(ValueError, match=r"^signed_metadata: the first certificate of the chain does not name the issuer"):
        Service.of(ISSUER, settings, demo_keys("https://another.example"))
    unsigned = evolve(settings, signed_metadata=False)
    assert Service.of(ISSUER, unsigned, demo_keys("https://another.example")).issuer.signed_metadata is None


def test_who_asks_for_signed_metadata_gets_the_same_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch)
    plain = server.client.get(WELL_KNOWN, headers={"accept": "application/json"}).json()
    answer = server.client.get(WELL_KNOWN, headers={"accept": "application/jwt"})
    assert answer.headers["content-type"] == "application/jwt"
    jws = _jose.parse(answer.text)
    assert (jws.header["typ"], len(jws.header["x5c"])) == ("openidvci-issuer-metadata+jwt", 1)
    claims = jws.claims()
    assert {name: claims[name] for name in plain} == plain
    assert (claims["sub"], claims["iat"]) == (ISSUER, server.clock.now)
    # Without a wish, nothing that old wallets could not read.
    assert server.client.get(WELL_KNOWN).headers["content-type"] == "application/json"


def test_languages_are_chosen_where_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [{"name": "Identity", "locale": "en"}, {"name": "Ausweis", "locale": "de"}]
    metadata = {**IDENTITY["metadata"], "credential_metadata": {"display": shown}}
    members = {"configurations": {"identity": {**IDENTITY, "metadata": metadata}}, **SUBJECTS}

    def locales(localised: bool) -> list[str]:
        server = ReferenceServer.of(tmp_path, monkeypatch, {**members, "localised": localised})
        answer = server.client.get(WELL_KNOWN, headers={"accept-language": "de"}).json()
        configuration = answer["credential_configurations_supported"]["identity"]
        return [each["locale"] for each in configuration["credential_metadata"]["display"]]

    assert locales(localised=True) == ["de"]
    assert locales(localised=False) == ["en", "de"]
