"""Metadata about encryption that others have published: the specification's, and those of other implementations' tests."""

import json
from pathlib import Path
from typing import Any

import pytest

from oid4vci._jwe import CONTENT_ENCRYPTIONS, parse
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.errors import InvalidMetadata
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.secret import new_secret
from oid4vci.wallet.message_encryption import message_encryption
from tests.scripted_server import wallet

EXAMPLES = ["oid4vci-1.0", "oid4vci-1.0-errata1-draft"]


def long_example(vectors: Path, folder: str) -> dict[str, Any]:
    """Appendix I.1. In OID4VCI 1.0 its keys are a bare array."""
    read = json.loads((vectors / folder / "065-credential-issuer-metadata-sd-jwt-long.json").read_text())
    assert isinstance(read, dict)
    return read


@pytest.mark.spec("VCI-10-05", "VCI-10-06", "VCI-10-07", "VCI-12.2.4-34")
@pytest.mark.parametrize("folder", EXAMPLES)
def test_a_wallet_does_what_the_example_demands(vectors: Path, folder: str) -> None:
    metadata = CredentialIssuerMetadata.from_json(long_example(vectors, folder))
    encryption = message_encryption(wallet(), metadata)
    assert encryption is not None
    assert encryption.answers is not None
    key = encryption.answers.new_key(new_secret)
    assert key.parameters == {"jwk": key.key.public_jwk, "enc": "A128GCM"}
    header = parse(encryption.encrypt({}, new_secret)).header
    assert {name: value for name, value in header.items() if name != "epk"} == {"alg": "ECDH-ES", "enc": "A128GCM", "kid": "ac"}


@pytest.mark.parametrize("folder", EXAMPLES)
def test_an_issuer_publishes_the_example_but_for_the_key(vectors: Path, folder: str) -> None:
    example = long_example(vectors, folder)
    encryption = Encryption(
        keys=[DecryptionKey.generate("ac")],
        alg_values=["ECDH-ES"],
        enc_values=["A128GCM"],
        zip_values=["DEF"],
        requests_required=True,
        responses_required=True,
    )
    request, response = encryption.request_metadata.to_json(), encryption.response_metadata
    assert response is not None
    assert response.to_json() == example["credential_response_encryption"]
    (ours,) = request.pop("jwks")["keys"]
    jwks = example["credential_request_encryption"].pop("jwks")
    (theirs,) = jwks["keys"] if isinstance(jwks, dict) else jwks
    assert request == example["credential_request_encryption"]
    assert {name: ours[name] for name in ours if name not in "xy"} == {
        name: theirs[name] for name in theirs if name not in "xy"
    }


@pytest.mark.parametrize("name", ["valid", "no_request_encryption", "no_response_encryption"])
def test_algorithms_that_are_not_known(vectors: Path, name: str) -> None:
    """Each demands encryption by an `enc` that RFC 7518 does not have."""
    document = json.loads((vectors / "oid4vci-peer-fixtures" / f"credential_issuer_metadata_{name}.json").read_text())
    with pytest.raises(InvalidMetadata, match="to encrypt requests with"):
        message_encryption(wallet(), CredentialIssuerMetadata.from_json(document))
    if "credential_request_encryption" in document:
        # Their key is one to encrypt to.
        document["credential_request_encryption"]["enc_values_supported"] += list(CONTENT_ENCRYPTIONS)
        document.pop("credential_response_encryption", None)
        assert message_encryption(wallet(), CredentialIssuerMetadata.from_json(document)) is not None
