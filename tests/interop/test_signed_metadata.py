"""`@openid4vc/openid4vci` believes the signed metadata of our issuer, and signs some that our Wallet believes."""

import time
from typing import Any

import pytest

from oid4vci.drive import respond
from oid4vci.errors import Untrusted
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer
from oid4vci.metadata import MetadataSigner, SdJwtVcConfiguration, SignedMetadata
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.issuance import IDENTIFIER, ISSUER_METADATA, SERVER_METADATA, Host, NoteEncoder, new_issuer, server_metadata
from tests.issuance import issuer_metadata as all_metadata

pytestmark = pytest.mark.interop

PARTY, STRANGER = Party(IDENTIFIER), Party(IDENTIFIER)
METADATA = all_metadata(credential_configurations_supported={"pid": SdJwtVcConfiguration(vct="urn:pid", scope="pid")})


def issuer(signing: MetadataSigner | None) -> Issuer:
    encoder = NoteEncoder(PARTY.signer, format="dc+sd-jwt")
    return new_issuer(METADATA, encoders={"pid": encoder}, signed_metadata=signing)


def answer(role: Issuer, accept: str) -> Response:
    return respond(role, Request("GET", ISSUER_METADATA, {"accept": accept}), Host(), now=int(time.time()))


def document(response: Response) -> dict[str, str]:
    return {"media_type": response.media_type, "body": response.body.decode()}


def read(node: Node, response: Response, anchors: str) -> Any:
    server = Response.of_json(200, server_metadata().to_json())
    documents = {ISSUER_METADATA: document(response), SERVER_METADATA: document(server)}
    given = {"credential_issuer": IDENTIFIER, "documents": documents, "anchors": anchors}
    return node.run("signed_metadata.mjs", {"read": given})["read"]


@pytest.mark.spec("VCI-12.2.2-08", "HAIP-4.1-04", "HAIP-4.1-05")
@pytest.mark.parametrize("iss", [None, IDENTIFIER])
def test_they_believe_what_we_sign(node: Node, iss: str | None) -> None:
    role = issuer(MetadataSigner(signer=PARTY.signer, x5c=(PARTY.leaf,), iss=iss))
    ours = answer(role, "application/jwt")
    found = read(node, ours, PARTY.anchors_pem)
    assert "error" not in found, found
    assert found["payload"]["sub"] == found["metadata"]["credential_issuer"] == IDENTIFIER
    assert found["payload"].get("iss") == iss
    assert found["metadata"]["credential_configurations_supported"] == METADATA.to_json()["credential_configurations_supported"]


def test_who_takes_both_and_says_nothing_gets_json(node: Node) -> None:
    """Their library sends no `Accept` of its own: the wallet that embeds it must."""
    role = issuer(MetadataSigner(signer=PARTY.signer, x5c=(PARTY.leaf,)))
    found = read(node, answer(role, ""), PARTY.anchors_pem)
    assert {"url": ISSUER_METADATA, "accept": None} in found["fetched"]
    assert found["metadata"] == METADATA.to_json()
    assert "payload" not in found


def test_they_do_not_believe_a_stranger(node: Node) -> None:
    ours = answer(issuer(MetadataSigner(signer=STRANGER.signer, x5c=(STRANGER.leaf,))), "application/jwt")
    assert "verification failed" in read(node, ours, PARTY.anchors_pem)["error"]


def test_they_read_what_is_not_signed(node: Node) -> None:
    found = read(node, answer(issuer(None), "application/jwt"), PARTY.anchors_pem)
    assert found["metadata"]["credential_issuer"] == IDENTIFIER
    assert "payload" not in found


@pytest.mark.spec("VCI-12.2.3-10", "HAIP-7-04")
@pytest.mark.parametrize("issuer_name", [None, "https://attester.example"])
def test_we_believe_what_they_sign(node: Node, issuer_name: str | None) -> None:
    now = int(time.time())
    given = {
        "metadata": METADATA.to_json(),
        "jwk": PARTY.private_jwk,
        "x5c": PARTY.x5c,
        "issued_at": now,
        "expires_at": now + 60,
    }
    named = {} if issuer_name is None else {"issuer": issuer_name}
    jwt = node.run("signed_metadata.mjs", {"make": {**given, **named}})["make"]["jwt"]
    trust = Trust(metadata_anchors=PARTY.anchors)
    found = SignedMetadata.verify(jwt, credential_issuer=IDENTIFIER, trust=trust, now=now)
    assert (found.issuer, found.expires_at, found.certificate) == (issuer_name, now + 60, PARTY.leaf)
    assert found.parameters == METADATA.to_json()
    with pytest.raises(Untrusted):
        SignedMetadata.verify(jwt, credential_issuer=IDENTIFIER, trust=Trust(anchors=PARTY.anchors), now=now)
