"""An issuer's settings for encryption: what they publish, and what cannot be set (OID4VCI 12.2.4)."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.metadata import CredentialIssuerMetadata, CredentialRequestEncryption, CredentialResponseEncryption
from oid4vci.metadata.finding import publishing_errors
from tests.encrypted_messages import REQUEST_KEY, encrypting
from tests.issuance import ISSUER_METADATA, issuer_metadata, new_issuer
from tests.jwes import private_jwk

OTHER_KEY = DecryptionKey.generate("enc-2", alg="ECDH-ES+A256KW", crv="X25519")


@pytest.mark.spec("VCI-8.2-26", "VCI-8.2-31", "VCI-10-04", "VCI-12.2.4-21", "VCI-12.2.4-29")
def test_what_is_set_is_what_is_published() -> None:
    encryption = Encryption(
        keys=[REQUEST_KEY, OTHER_KEY],
        requests_required=True,
        responses_required=True,
        alg_values=["ECDH-ES"],
        enc_values=["A128GCM", "A256GCM"],
        zip_values=["DEF"],
    )
    published = encrypting(encryption).get(ISSUER_METADATA).json()
    algorithms = {"enc_values_supported": ["A128GCM", "A256GCM"], "zip_values_supported": ["DEF"], "encryption_required": True}
    assert published["credential_request_encryption"] == {
        "jwks": {
            "keys": [
                {**REQUEST_KEY.public_jwk, "kid": "enc-1", "alg": "ECDH-ES", "use": "enc"},
                {**OTHER_KEY.public_jwk, "kid": "enc-2", "alg": "ECDH-ES+A256KW", "use": "enc"},
            ]
        },
        **algorithms,
    }
    assert published["credential_response_encryption"] == {"alg_values_supported": ["ECDH-ES"], **algorithms}
    assert publishing_errors(CredentialIssuerMetadata.from_json(published).findings()) == []


def test_by_default_nothing_is_required_and_nothing_compressed() -> None:
    published = encrypting(Encryption(keys=[REQUEST_KEY])).get(ISSUER_METADATA).json()
    for name in ("credential_request_encryption", "credential_response_encryption"):
        assert published[name]["encryption_required"] is False
        assert "zip_values_supported" not in published[name]
        assert published[name]["enc_values_supported"][:2] == ["A256GCM", "A128GCM"]


@pytest.mark.spec("VCI-12.2.4-22", "VCI-12.2.4-24", "VCI-12.2.4-30", "VCI-12.2.4-31")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keys": []}, "each with a kid"),
        ({"keys": [DecryptionKey.generate()]}, "each with a kid"),
        ({"keys": [REQUEST_KEY, DecryptionKey.generate("enc-1")]}, "each with a kid"),
        ({"retired_keys": [DecryptionKey.generate("enc-1")]}, "each with a kid"),
        ({"retired_keys": [DecryptionKey.generate()]}, "each with a kid"),
        ({"responses": False, "responses_required": True}, "must be possible"),
        ({"enc_values": []}, "must name algorithms"),
        ({"alg_values": []}, "must name algorithms"),
        ({"enc_values": ["A256GCM", "A256GCM"]}, "enc_values must be some of A256GCM"),
        ({"enc_values": ["none"]}, "enc_values must be some of A256GCM"),
        ({"alg_values": ["RSA1_5"]}, "alg_values must be some of ECDH-ES"),
        ({"alg_values": ["dir"]}, "alg_values must be some of ECDH-ES"),
        ({"zip_values": ["GZIP"]}, "zip_values must be some of DEF"),
    ],
)
def test_what_cannot_be_set(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Encryption(**{"keys": [REQUEST_KEY], **settings})


def test_no_secret_shows() -> None:
    encryption = Encryption(keys=[REQUEST_KEY, OTHER_KEY])
    shown = repr(encryption) + repr(encrypting(encryption).issuer) + repr(REQUEST_KEY)
    for key in (REQUEST_KEY, OTHER_KEY):
        assert private_jwk(key)["d"] not in shown


# --- nothing is published that is not served ------------------------------------------------------------------------------------

ENCRYPTION = Encryption(keys=[REQUEST_KEY])
REQUEST, RESPONSE = ENCRYPTION.request_metadata, ENCRYPTION.response_metadata
assert RESPONSE is not None
PUBLISHED = {"credential_request_encryption": REQUEST, "credential_response_encryption": RESPONSE}
OTHER_KEYS = evolve(REQUEST, jwks={"keys": [dict(DecryptionKey.generate("enc-1").public_jwk)]})
FEWER = evolve(RESPONSE, enc_values_supported=("A256GCM",))


@pytest.mark.spec("VCI-8.2-26", "VCI-8.2-31")
@pytest.mark.parametrize(
    ("members", "encryption", "named"),
    [
        ({}, ENCRYPTION, "credential_request_encryption"),
        ({"credential_request_encryption": REQUEST}, ENCRYPTION, "credential_response_encryption"),
        ({"credential_request_encryption": REQUEST}, None, "credential_request_encryption"),
        (PUBLISHED, None, "credential_response_encryption"),
        (PUBLISHED, Encryption(keys=[REQUEST_KEY], responses=False), "credential_response_encryption"),
        (PUBLISHED, Encryption(keys=[REQUEST_KEY], requests_required=True), "credential_request_encryption"),
        (PUBLISHED, Encryption(keys=[REQUEST_KEY], responses_required=True), "credential_response_encryption"),
        (PUBLISHED, Encryption(keys=[OTHER_KEY]), "credential_request_encryption"),
        (PUBLISHED, Encryption(keys=[REQUEST_KEY], zip_values=["DEF"]), "credential_request_encryption"),
        (PUBLISHED, Encryption(keys=[REQUEST_KEY], alg_values=["ECDH-ES"]), "credential_response_encryption"),
        ({**PUBLISHED, "credential_request_encryption": OTHER_KEYS}, ENCRYPTION, "credential_request_encryption"),
        ({**PUBLISHED, "credential_response_encryption": FEWER}, ENCRYPTION, "credential_response_encryption"),
    ],
)
def test_what_is_published_is_what_is_served(members: Any, encryption: Encryption | None, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        new_issuer(issuer_metadata(**members), encryption=encryption)


def test_further_members_may_be_published() -> None:
    extended = {name: evolve(value, extra={"x": 1}) for name, value in PUBLISHED.items()}
    assert new_issuer(issuer_metadata(**extended), encryption=ENCRYPTION).encryption is ENCRYPTION


def test_a_published_key_needs_its_algorithm_and_name() -> None:
    """Keys without `alg` have been published by others."""
    for name in ("alg", "kid"):
        jwk = {key: value for key, value in REQUEST_KEY.public_jwk.items() if key != name}
        request = CredentialRequestEncryption(
            jwks={"keys": [jwk]}, enc_values_supported=("A256GCM",), encryption_required=False
        )
        with pytest.raises(ValueError, match=name):
            CredentialIssuerMetadata.build(**{**_members(issuer_metadata()), "credential_request_encryption": request})


def test_encrypted_answers_need_encrypted_requests() -> None:
    response = CredentialResponseEncryption(
        alg_values_supported=("ECDH-ES",), enc_values_supported=("A256GCM",), encryption_required=False
    )
    with pytest.raises(ValueError, match="credential_request_encryption"):
        CredentialIssuerMetadata.build(**{**_members(issuer_metadata()), "credential_response_encryption": response})


def _members(metadata: CredentialIssuerMetadata) -> dict[str, Any]:
    names = ("credential_issuer", "credential_endpoint", "nonce_endpoint", "credential_configurations_supported")
    return {name: getattr(metadata, name) for name in names}
