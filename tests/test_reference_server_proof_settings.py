"""What server.json says of proofs: whose key attestations are believed, where did:web is looked up, what credentials bind to."""

from pathlib import Path
from typing import Any

import pytest

from examples.reference_server.__main__ import main
from examples.reference_server.encoders import encoder
from examples.reference_server.outside import outside
from examples.reference_server.service import Service
from examples.reference_server.settings import Configuration, Settings, read_settings
from examples.reference_server.signing import demo_keys
from oid4vci.keys import KeyReference
from oid4vci.proofs.jwt import JwtProofType
from tests.proving_configurations import believing, configuration, members, terms
from tests.test_reference_server import ISSUER, KEY, PUBLIC_JWK, written

JWKS = {"keys": [PUBLIC_JWK]}
ANCHORS = {"anchors_file": "a.pem"}
LISTS = "https://provider.example/lists/"


def read(folder: Path, value: Any) -> Settings:
    return read_settings(written(folder, {"key_attestation": value}))


def test_every_member_can_be_set(tmp_path: Path) -> None:
    given = believing(tmp_path, require_x5c=False, check_status=True, status_list_urls=[LISTS])
    attesters = {"https://a.example": {"jwks": JWKS}, "https://b.example": {"jwks_uri": "https://b.example/jwks"}}
    settings = read(tmp_path, {**given, "anchors_file": "providers.pem", "attesters": attesters})
    believed = settings.key_attestation
    assert believed is not None
    assert (believed.anchors_file, believed.check_status, believed.require_x5c) == (tmp_path / "providers.pem", True, False)
    assert (believed.status_list_urls, believed.key_set_urls) == ((LISTS,), ("https://b.example/jwks",))
    assert believed.attesters["https://b.example"] == KeyReference("https://b.example/jwks")
    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    proofs = service.issuer.proof_types["jwt"]
    assert isinstance(proofs, JwtProofType)
    assert proofs.key_attestations is not None
    assert (proofs.key_attestations.anchors, proofs.key_attestations.check_status) == (believed.anchors, True)
    assert {"jwt", "attestation", "di_vp"} == set(service.issuer.proof_types)
    fetched = outside(settings)
    assert fetched is not None
    assert (set(fetched.jwks.urls), fetched.statuses is None) == ({"https://b.example/jwks"}, False)


def test_attesters_of_keys_are_not_those_of_wallets(tmp_path: Path) -> None:
    """Whoever is believed for one is not for the other."""
    wallets = {"https://w.example": {"jwks_uri": "https://w.example/jwks"}}
    given = {
        "client_authentication": ["attest_jwt_client_auth"],
        "client_attestation": {"attesters": wallets},
        "key_attestation": {"attesters": {"https://k.example": {"jwks": JWKS}}},
    }
    service = Service.of(ISSUER, read_settings(written(tmp_path, given)), demo_keys(ISSUER))
    proofs, clients = service.issuer.proof_types["jwt"], service.server.client_authentication["attest_jwt_client_auth"]
    assert isinstance(proofs, JwtProofType)
    assert proofs.key_attestations is not None
    assert set(proofs.key_attestations.attesters) == {"https://k.example"}
    assert set(clients.attesters) == {"https://w.example"}  # type: ignore[attr-defined]


def test_without_it_nobody_is_believed_and_nothing_is_fetched() -> None:
    settings = read_settings(None)
    proofs = Service.of(ISSUER, settings, demo_keys(ISSUER)).issuer.proof_types["jwt"]
    assert isinstance(proofs, JwtProofType)
    assert (proofs.key_attestations, settings.did_web_hosts, outside(settings)) == (None, (), None)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({}, ": must be an object"),
        ([], ": must be an object"),
        (None, ": must be an object"),
        ("a.pem", ": must be an object"),
        ({"check_status": False}, ": anchors_file or attesters is needed"),
        ({**ANCHORS, "anchor_file": "a.pem"}, ".anchor_file: is not known"),
        # It would be of no effect: every key attestation here has a nonce.
        ({**ANCHORS, "max_age": 300}, ".max_age: is not known"),
        ({**ANCHORS, "challenges": True}, ".challenges: is not known"),
        ({"anchors_file": ""}, ".anchors_file"),
        ({"anchors_file": ["a.pem"]}, ".anchors_file"),
        ({"anchors_file": None}, ".anchors_file"),
        ({"attesters": {}}, ".attesters"),
        ({"attesters": ["https://a.example"]}, ".attesters"),
        ({"attesters": {"a": JWKS}}, ".attesters.a.keys"),
        ({"attesters": {"a": {"jwks": JWKS, "jwks_uri": "https://a.example"}}}, ".attesters.a: must have jwks or jwks_uri"),
        ({"attesters": {"a": {"jwks": {"keys": []}}}}, ".attesters.a.jwks"),
        ({"attesters": {"a": {"jwks": {"keys": [{**PUBLIC_JWK, "d": "AA"}]}}}}, ".attesters.a.jwks"),
        ({"attesters": {"a": {"jwks_uri": "http://a.example"}}}, ".attesters.a.jwks_uri"),
        ({"attesters": {"a": {"jwks_uri": "https:///jwks"}}}, ".attesters.a.jwks_uri"),
        ({**ANCHORS, "require_x5c": 1}, ".require_x5c"),
        ({"attesters": {"a": {"jwks": JWKS}}, "require_x5c": True}, ".require_x5c: is for anchors_file"),
        ({**ANCHORS, "attesters": {"a": {"jwks": JWKS}}, "require_x5c": True}, ".require_x5c: is for anchors_file"),
        ({**ANCHORS, "check_status": "yes"}, ".check_status"),
        ({**ANCHORS, "status_list_urls": []}, ".status_list_urls"),
        ({**ANCHORS, "status_list_urls": LISTS}, ".status_list_urls"),
        ({**ANCHORS, "status_list_urls": [LISTS, 1]}, r".status_list_urls\[1\]"),
        ({**ANCHORS, "status_list_urls": ["http://provider.example/"]}, r".status_list_urls\[0\]"),
        ({**ANCHORS, "status_list_urls": ["https://provider.example"]}, r".status_list_urls\[0\]: .* slash"),
        ({**ANCHORS, "status_list_urls": ["https://me@provider.example/"]}, r".status_list_urls\[0\]"),
        ({**ANCHORS, "status_list_urls": [LISTS], "check_status": False}, ".status_list_urls: need"),
        ({"attesters": {"a": {"jwks": JWKS}}, "status_list_urls": [LISTS]}, ".status_list_urls: need anchors_file"),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_member(tmp_path: Path, value: Any, named: str) -> None:
    with pytest.raises(ValueError, match=f"^key_attestation{named}"):
        read(tmp_path, value)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        "wallet.example",
        [1],
        [""],
        ["Wallet.example"],
        ["https://wallet.example"],
        ["wallet.example/users"],
        ["wallet.example:0"],
        ["wallet.example:99999"],
        ["wallet.example:"],
        ["me@wallet.example"],
        ["*.wallet.example"],
        ["-wallet.example"],
        ["127.0.0.1"],
        ["[::1]"],
        ["wallet.example", "wallet example"],
    ],
)
def test_hosts_that_are_none(tmp_path: Path, hosts: Any) -> None:
    with pytest.raises(ValueError, match=r"^did_web_hosts(\[\d\])?: must be"):
        read_settings(written(tmp_path, {"did_web_hosts": hosts}))


@pytest.mark.parametrize("key_file", ["missing.pem", "empty.pem"])
def test_a_file_without_authorities_stops_the_server_and_is_named(
    tmp_path: Path, key_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.pem").write_text("")
    path = written(tmp_path, {"key_attestation": {"anchors_file": key_file}, "sealing_keys": [KEY]})
    assert main(["--issuer", ISSUER, "--port", "1", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert key_file in said


@pytest.mark.parametrize(
    ("types", "methods", "said"),
    [
        ({"attestation": terms()}, ("jwk",), "key_attestation: is missing, the configuration id"),
        ({"jwt": terms(attested={})}, ("jwk",), "key_attestation: is missing, the configuration id"),
        ({"jwt": terms()}, ("did:web",), "did_web_hosts: is missing, the configuration id"),
        ({"jwt": terms("HS256")}, ("jwk",), "must be the JWS name of a digital signature algorithm"),
        ({"di_vp": terms("ES256")}, ("did:key",), "not all algorithms of di_vp can be verified"),
        ({"ldp_vp": terms()}, ("did:key",), "proof type ldp_vp cannot be validated"),
    ],
)
def test_what_could_never_be_proved_is_not_published(tmp_path: Path, types: Any, methods: Any, said: str) -> None:
    given = members({"id": configuration("identity_x5c", types, methods)}, {"id": "identity_x5c"})
    with pytest.raises(ValueError, match=said):
        Service.of(ISSUER, read_settings(written(tmp_path, given)), demo_keys(ISSUER))


@pytest.mark.parametrize(
    ("of", "methods", "binding"),
    [
        ("degree_jwt", ["jwk"], "cnf"),
        ("degree_jwt", ["jwk", "did:key"], "did"),
        ("degree_jwt", ["did:key", "did:jwk", "did:web"], "did"),
        ("degree_ldp", ["did:key", "jwk"], "did"),
        ("degree_ldp", ["did:web"], "did"),
        # These have a key in them, however it was named.
        ("identity_x5c", ["jwk", "did:key"], None),
        ("driving_licence_mdoc", ["cose_key"], None),
    ],
)
def test_what_credentials_are_bound_to_is_what_the_configuration_says(of: str, methods: list[str], binding: str | None) -> None:
    like = configuration(of, {"jwt": terms()}, methods)
    made = encoder(Configuration(like["metadata"], like["key_resolution"]), ISSUER, demo_keys(ISSUER))
    assert getattr(made, "binding", None) == binding


def test_keys_of_rsa_and_of_ml_dsa_are_off_unless_they_are_listed() -> None:
    for each in read_settings(None).configurations.values():
        for terms_ in each.metadata["proof_types_supported"].values():
            assert not any(name[:2] in ("RS", "PS", "ML") for name in terms_["proof_signing_alg_values_supported"])
