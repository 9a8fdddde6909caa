"""The reference server over TLS, by hand: encrypted, deferred, notified, with signed metadata; and what the linter says of it."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey

from examples.reference_server import demo
from oid4vci import cli
from oid4vci.encryption import DecryptionKey
from oid4vci.http import Response
from tests.encrypted_messages import JWT
from tests.issuance_by_hand import METADATA, ByHand
from tests.running_server import RunningServer, running_server
from tests.test_proofs_jwt_libraries import ROOMY

NAME, LATER = "identity_x5c", "membership_jwt_vc_issuer"
BOTH = (NAME, LATER)


def config(**encryption: Any) -> dict[str, Any]:
    """The demonstration, with one configuration that is ready at once when it is asked for again."""
    configurations = {**demo.CONFIGURATIONS, LATER: {**demo.CONFIGURATIONS[LATER], "deferred": 0}}
    return {"configurations": configurations, "subjects": demo.SUBJECTS, "users": demo.USERS, "encryption": encryption}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that takes what is encrypted, or compressed as well, and what is not."""
    with running_server(tmp_path_factory.mktemp("server"), config=config(zip=True)) as server:
        yield server


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that takes nothing that is not encrypted, and offers no compression."""
    required = config(requests_required=True, responses_required=True)
    with running_server(tmp_path_factory.mktemp("strict"), config=required) as server:
        yield server


@pytest.fixture
def key() -> DecryptionKey:
    return DecryptionKey.generate()


def refused(response: Response, error: str) -> None:
    """Exactly 400, plain JSON, never encrypted."""
    assert (response.status, response.media_type) == (400, "application/json"), response.body
    assert response.json()["error"] == error
    assert response.json().keys() <= {"error", "error_description", "error_uri"}


# --- encryption ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-05", "VCI-10-01", "VCI-10-05", "VCI-10-06", "VCI-10-07")
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_the_answer_is_encrypted_as_was_asked(server: RunningServer, key: DecryptionKey, enc: str) -> None:
    wallet = ByHand.at(server, NAME)
    request = wallet.encrypted(wallet.order(NAME, **wallet.asking(key, enc=enc)), enc=enc)
    # Without `zip`, and without a `kid`, since the key has none.
    members = wallet.read(wallet.send("/credential", request), key, enc=enc)
    assert members.keys() == {"credentials", "notification_id"}
    assert len(members["credentials"]) == 1


@pytest.mark.spec("VCI-10-08")
def test_compressed_both_ways_where_that_is_offered_and_asked_for(server: RunningServer, key: DecryptionKey) -> None:
    wallet = ByHand.at(server, NAME)
    assert wallet.metadata["credential_request_encryption"]["zip_values_supported"] == ["DEF"]
    request = wallet.encrypted(wallet.order(NAME, **wallet.asking(key, zip="DEF")), zip="DEF")
    assert "credentials" in wallet.read(wallet.send("/credential", request), key, zip="DEF")


def test_an_encrypted_request_can_have_a_plain_answer(server: RunningServer) -> None:
    wallet = ByHand.at(server, NAME)
    answer = wallet.send("/credential", wallet.encrypted(wallet.order(NAME)))
    assert (answer.status, answer.media_type) == (200, "application/json")
    plain = wallet.send("/credential", wallet.order(NAME))
    assert plain.json().keys() == answer.json().keys() == {"credentials", "notification_id"}


def test_what_is_not_as_announced_is_refused_plainly_and_spends_nothing(server: RunningServer, key: DecryptionKey) -> None:
    wallet = ByHand.at(server, NAME)
    order = wallet.order(NAME)
    refused(wallet.send("/credential", wallet.encrypted(order, kid="another")), "invalid_encryption_parameters")
    same_name = {**DecryptionKey.generate().public_jwk, "kid": wallet.request_key["kid"]}
    refused(wallet.send("/credential", wallet.encrypted(order, to=same_name)), "invalid_encryption_parameters")
    for asked in ({"enc": "A128CBC-HS256X"}, {"zip": "GZIP"}, {"jwk": {"kty": "EC"}}):
        request = wallet.encrypted({**order, **wallet.asking(key, **asked)})
        refused(wallet.send("/credential", request), "invalid_encryption_parameters")
    # What asks for encryption is encrypted itself (OID4VCI 8.2), and checks of encryption come before those of proofs.
    refused(wallet.send("/credential", {**order, **wallet.asking(key)}), "invalid_encryption_parameters")
    refused(
        wallet.send("/credential", {**order, "proofs": {"jwt": ["x"]}, **wallet.asking(key)}), "invalid_encryption_parameters"
    )
    assert wallet.send("/credential", order).status == 200


def test_a_server_that_demands_it_takes_nothing_plain(strict: RunningServer, key: DecryptionKey) -> None:
    wallet = ByHand.at(strict, *BOTH)
    for name in ("credential_request_encryption", "credential_response_encryption"):
        assert wallet.metadata[name]["encryption_required"] is True
        assert "zip_values_supported" not in wallet.metadata[name]
    order = wallet.order(NAME)
    refused(wallet.send("/credential", order), "invalid_encryption_parameters")
    refused(wallet.send("/credential", wallet.encrypted(order)), "invalid_encryption_parameters")
    asked = wallet.asking(key)
    refused(wallet.send("/credential", wallet.encrypted({**order, **asked}, zip="DEF")), "invalid_encryption_parameters")
    promise = wallet.read(wallet.send("/credential", wallet.encrypted({**wallet.order(LATER), **asked})), key, status=202)
    poll = {"transaction_id": promise["transaction_id"]}
    refused(wallet.send("/deferred_credential", poll), "invalid_encryption_parameters")
    assert "credentials" in wallet.read(wallet.send("/deferred_credential", wallet.encrypted({**poll, **asked})), key)
    assert "credentials" in wallet.read(wallet.send("/credential", wallet.encrypted({**order, **asked})), key)


# --- deferred -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-02", "VCI-8.3-03", "VCI-9.2-01", "VCI-9.2-02")
def test_what_is_ready_at_the_first_request_encrypted_too(server: RunningServer, key: DecryptionKey) -> None:
    wallet = ByHand.at(server, LATER)
    answer = wallet.send("/credential", wallet.order(LATER))
    assert (answer.status, answer.media_type) == (202, "application/json")
    promise = answer.json()
    assert promise.keys() == {"transaction_id", "interval"}
    assert promise["interval"] > 0
    poll = {"transaction_id": promise["transaction_id"], "unknown": 1}
    members = wallet.read(wallet.send("/deferred_credential", wallet.encrypted({**poll, **wallet.asking(key)})), key)
    assert members.keys() == {"credentials", "notification_id"}
    refused(wallet.send("/deferred_credential", poll), "invalid_transaction_id")


def test_a_request_that_is_wrong_is_refused_and_spends_nothing(server: RunningServer) -> None:
    wallet, other = ByHand.at(server, LATER), ByHand.at(server, LATER)
    promise = wallet.send("/credential", wallet.order(LATER)).json()
    poll = {"transaction_id": promise["transaction_id"]}
    refused(wallet.send("/deferred_credential", {}), "invalid_credential_request")
    refused(wallet.send("/deferred_credential", {"transaction_id": "another"}), "invalid_transaction_id")
    assert wallet.client.post("/deferred_credential", json=poll).status_code == 401
    # Another token of the same person and client does: the transaction is theirs.
    assert other.send("/deferred_credential", poll).status == 200


# --- notifications ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11.1-02", "VCI-11.2-01")
def test_notifications_are_taken_with_members_that_nobody_knows(server: RunningServer) -> None:
    wallet = ByHand.at(server, NAME)
    notification_id = wallet.send("/credential", wallet.order(NAME)).json()["notification_id"]
    for event in ("credential_accepted", "credential_failure", "credential_deleted", "credential_accepted"):
        answer = wallet.send("/notification", {"notification_id": notification_id, "event": event, "unknown": [1]})
        assert 200 <= answer.status < 300
    shown = wallet.client.get("/admin/notifications").json()["notifications"]
    assert [each["event"] for each in shown[-3:]] == ["credential_accepted", "credential_failure", "credential_deleted"]


def test_wrong_notifications_are_refused(server: RunningServer) -> None:
    wallet = ByHand.at(server, NAME)
    notification_id = wallet.send("/credential", wallet.order(NAME)).json()["notification_id"]
    refused(wallet.send("/notification", {"notification_id": notification_id}), "invalid_notification_request")
    wrong = {"notification_id": notification_id, "event": "Credential_Accepted"}
    refused(wallet.send("/notification", wrong), "invalid_notification_request")
    refused(wallet.send("/notification", {"notification_id": "x", "event": "credential_accepted"}), "invalid_notification_id")
    right = {"notification_id": notification_id, "event": "credential_accepted"}
    assert wallet.client.post("/notification", json=right).status_code == 401


# --- metadata -----------------------------------------------------------------------------------------------------------------


def test_signed_metadata_verify_under_the_authority_of_the_issuer(server: RunningServer) -> None:
    with server.client() as client:
        plain = client.get(METADATA, headers={"accept": "application/json"})
        answer = client.get(METADATA, headers={"accept": "application/jwt"})
    assert (plain.headers["content-type"], answer.headers["content-type"]) == ("application/json", JWT)
    head = jws.extract_compact(answer.content, registry=ROOMY).headers()
    (leaf,) = (x509.load_der_x509_certificate(base64.b64decode(each)) for each in head["x5c"])
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(server.demo_authority()))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [server.issuer]
    public = leaf.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    verified = jws.deserialize_compact(answer.content, ECKey.import_key(public), registry=ROOMY)
    assert head["typ"] == "openidvci-issuer-metadata+jwt"
    claims = json.loads(verified.payload)
    assert claims["sub"] == server.issuer
    assert isinstance(claims["iat"], int)
    assert plain.json().items() <= claims.items()


@pytest.mark.parametrize("which", ["server", "strict"])
def test_the_linter_finds_nothing_wrong(
    which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running: RunningServer = request.getfixturevalue(which)
    monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
    assert cli.main(["lint", running.issuer]) == 0
    assert "0 errors" in capsys.readouterr().out
