"""An issuer that takes encrypted requests, and a Wallet by hand that sends them and reads the answers with joserfc."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwe as joserfc_jwe
from joserfc.jwk import ECKey, OKPKey

from oid4vci import _jwe
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.http import Request, Response
from oid4vci.secret import new_secret
from tests.issuance import Issuance, credential_request, issuance, issuer_metadata
from tests.jwes import private_jwk, to

BADGE = {"credential_configuration_id": "badge"}
REQUEST_KEY = DecryptionKey.generate("enc-1")
ANSWER_KEY = DecryptionKey.generate()
JWT = "application/jwt"


def encrypting(encryption: Encryption | None = None, **settings: Any) -> Issuance:
    """A whole issuer side with that encryption, or with the key above and further `settings` of it."""
    made = encryption or Encryption(**{"keys": [REQUEST_KEY], "zip_values": ("DEF",), **settings})
    members = {
        "credential_request_encryption": made.request_metadata,
        "credential_response_encryption": made.response_metadata,
    }
    return issuance(metadata=issuer_metadata(**members), encryption=made)


def asking(key: DecryptionKey = ANSWER_KEY, **members: Any) -> dict[str, Any]:
    """`credential_response_encryption`; a member that is None is left out."""
    asked = {"jwk": dict(key.public_jwk), "enc": "A128GCM", **members}
    return {name: value for name, value in asked.items() if value is not None}


def sealed(body: Any, key: DecryptionKey = REQUEST_KEY, *, enc: str = "A256GCM", zip: str | None = None) -> bytes:  # noqa: A002
    """A request; `body` is JSON unless it is bytes."""
    plaintext = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _jwe.encrypt(plaintext, to(key), enc=enc, zip=zip, new_secret=new_secret).encode()


def sealed_request(token: str, body: Any, **options: Any) -> Request:
    return credential_request(token, sealed(body, **options), content_type=JWT)


def opened(
    response: Response, key: DecryptionKey = ANSWER_KEY, *, status: int = 200, enc: str = "A128GCM", **header: Any
) -> dict[str, Any]:
    """What an encrypted answer says, read by joserfc. `header` are further parameters that its header has."""
    assert (response.status, response.headers.all("content-type")) == (status, (JWT,)), response.body
    assert response.headers.get("cache-control") == "no-store"
    theirs: type[OKPKey | ECKey] = OKPKey if key.crv == "X25519" else ECKey
    registry = joserfc_jwe.JWERegistry(algorithms=[key.alg, enc, "DEF"])
    read = joserfc_jwe.decrypt_compact(response.body, theirs.import_key(private_jwk(key)), registry=registry)
    said: Mapping[str, Any] = read.headers()
    assert {name: value for name, value in said.items() if name != "epk"} == {"alg": key.alg, "enc": enc, **header}
    assert read.plaintext is not None
    members = json.loads(read.plaintext)
    assert isinstance(members, dict)
    return members
