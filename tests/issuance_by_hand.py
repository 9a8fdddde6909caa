"""A wallet by hand at a running server: one bearer token, requests as httpx sends them, encrypted and read by joserfc."""

import json
import time
from typing import Any

import httpx
from attrs import frozen
from joserfc import jwe
from joserfc.jwk import ECKey

from oid4vci import _jose, _json
from oid4vci.encryption import DecryptionKey
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, sign
from tests.encrypted_messages import JWT, asking, opened
from tests.running_server import RunningServer

PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
METADATA = "/.well-known/openid-credential-issuer"


@frozen
class ByHand:
    """What is needed for requests."""

    server: RunningServer
    client: httpx.Client
    token: str
    metadata: dict[str, Any]
    holder: LocalSigner

    @classmethod
    def at(cls, server: RunningServer, *names: str) -> "ByHand":
        """With a token for these configurations."""
        client = server.client()
        grant = server.offer(*names)["offer"]["grants"][PRE_AUTHORIZED]
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": grant["pre-authorized_code"], "client_id": "wallet"}
        answer = client.post("/token", data=form)
        assert answer.status_code == 200, answer.text
        metadata = client.get(METADATA).raise_for_status().json()
        return cls(server, client, answer.json()["access_token"], metadata, LocalSigner.generate("holder"))

    def order(self, name: str, **members: Any) -> dict[str, Any]:
        """The members of a Credential Request for one key."""
        nonce = self.client.post("/nonce").json()["c_nonce"]
        header = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(self.holder.public_jwk)}
        claims = {"aud": self.server.issuer, "iat": int(time.time()), "nonce": nonce}
        data = _jose.signing_input(header, _json.dump_bytes(claims))
        proof = _jose.compact(data, sign(self.holder, [data], ())[0])
        return {"credential_configuration_id": name, "proofs": {"jwt": [proof]}, **members}

    @property
    def request_key(self) -> dict[str, str]:
        """The key in the metadata that requests are encrypted to."""
        (jwk,) = self.metadata["credential_request_encryption"]["jwks"]["keys"]
        key: dict[str, str] = jwk
        return key

    def encrypted(
        self, members: dict[str, Any], *, enc: str = "A256GCM", to: dict[str, str] | None = None, **header: Any
    ) -> str:
        """A request to that key, or another one; `header` are further parameters, or others."""
        jwk = to or self.request_key
        protected = {"alg": jwk["alg"], "enc": enc, "kid": jwk["kid"], **header}
        registry = jwe.JWERegistry(algorithms=["ECDH-ES", enc, "DEF"])
        return jwe.encrypt_compact(protected, json.dumps(members).encode(), ECKey.import_key({**jwk}), registry=registry)

    def send(self, path: str, body: dict[str, Any] | str) -> Response:
        """The answer to an object as JSON, or to a JWE."""
        headers = {"authorization": f"Bearer {self.token}"}
        if isinstance(body, str):
            answer = self.client.post(path, content=body, headers={**headers, "content-type": JWT})
        else:
            answer = self.client.post(path, json=body, headers=headers)
        return Response(answer.status_code, answer.headers.multi_items(), answer.content)

    def asking(self, key: DecryptionKey, **members: Any) -> dict[str, Any]:
        """What asks for an encrypted answer."""
        return {"credential_response_encryption": asking(key, **members)}

    def read(self, response: Response, key: DecryptionKey, **expected: Any) -> dict[str, Any]:
        """What an encrypted answer says."""
        return opened(response, key, **expected)
