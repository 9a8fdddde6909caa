"""Credentials of the reference server in the other formats, taken over TLS by a TypeScript wallet, and checked by other libraries.

`@owf/mdoc` checks the mdoc, `@digitalbazaar/vc` the Data Integrity proof, joserfc the JWT.
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from examples.reference_server import demo
from oid4vci.keys import thumbprint
from tests.interop.node import Node
from tests.interop.wallet import COPIES, TypescriptWallet
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.interop

CONFIGURATIONS = ("driving_licence_mdoc", "degree_jwt", "degree_ldp")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("formats")) as server:
        yield server


@pytest.fixture(scope="module")
def taken(node: Node, server: RunningServer) -> dict[str, dict[str, Any]]:
    """What the wallet printed of each configuration."""
    result = TypescriptWallet(node, server).take(server.offer(*CONFIGURATIONS), client_id="typescript-wallet")
    assert "error" not in result, result
    return {each["configuration"]: each for each in result["issued"]}


def credentials(taken: dict[str, dict[str, Any]], configuration_id: str) -> list[Any]:
    found = [each["credential"] for each in taken[configuration_id]["credentials"]]
    assert len(found) == COPIES
    return found


@pytest.mark.spec("VCI-A.2.4-01")
def test_driving_licences(node: Node, server: RunningServer, taken: dict[str, dict[str, Any]]) -> None:
    anchor = x509.load_pem_x509_certificate(server.demo_authority()).public_bytes(Encoding.DER)
    now = int(time.time())
    tasks = {
        str(i): {"credential": each, "anchors": [b64encode(anchor).decode()], "now": now}
        for i, each in enumerate(credentials(taken, "driving_licence_mdoc"))
    }
    answers = node.run("mdoc.mjs", tasks)
    dataset = demo.SUBJECTS["ada"]["driving_licence_mdoc"]["org.iso.18013.5.1"]
    holders = []
    for answer in answers.values():
        assert answer.keys() == {"ok"}, answer
        read = answer["ok"]
        assert read["doctype"] == "org.iso.18013.5.1.mDL"
        elements = read["claims"]["org.iso.18013.5.1"]
        assert elements.keys() == dataset.keys()
        assert elements["family_name"] == "Beispiel"
        assert elements["birth_date"] == {"date": "1992-02-29"}
        assert elements["portrait"] == dataset["portrait"]
        holders.append(thumbprint(read["device"]))
    assert sorted(holders) == sorted(taken["driving_licence_mdoc"]["holders"])


@pytest.mark.spec("VCI-A.1.1.4-01", "VCI-A.1.1.4-02")
def test_degrees_as_jwts(server: RunningServer, taken: dict[str, dict[str, Any]]) -> None:
    with server.client() as client:
        keys = KeySet.import_key_set(client.get("/.well-known/jwt-vc-issuer").json()["jwks"])
    holders = []
    for credential in credentials(taken, "degree_jwt"):
        token = jwt.decode(credential, keys, algorithms=["ES256"])
        assert token.claims["iss"] == server.issuer
        subject = demo.SUBJECTS["ada"]["degree_jwt"]["credentialSubject"]
        assert token.claims["vc"]["credentialSubject"] == subject
        holders.append(ECKey.import_key(token.claims["cnf"]["jwk"]).thumbprint())
    assert sorted(holders) == sorted(taken["degree_jwt"]["holders"])


@pytest.mark.spec("VCI-A.1.2.4-01", "VCI-A.1.2.4-02")
def test_degrees_with_a_data_integrity_proof(node: Node, server: RunningServer, taken: dict[str, dict[str, Any]]) -> None:
    with server.client() as client:
        controller = client.get("/keys").json()
    (method,) = controller["verificationMethod"]
    # Their loader has them as it has contexts, and reads them as JSON-LD.
    contexts = {
        controller["id"]: {**controller, "@context": "https://www.w3.org/ns/did/v1"},
        method["id"]: {"@context": "https://w3id.org/security/multikey/v1", **method},
    }
    good = credentials(taken, "degree_ldp")
    changed = json.loads(json.dumps(good[0]))
    changed["credentialSubject"]["description"] = "Doctor of Examples"
    tasks = {**{str(i): each for i, each in enumerate(good)}, "changed": changed}
    verified = node.run("ldp_vc.mjs", {"contexts": contexts, "make": {}, "verify": tasks})["verified"]
    assert "error" in verified.pop("changed")
    assert all(answer == {"ok": True} for answer in verified.values()), verified
    assert len({each["credentialSubject"]["id"] for each in good}) == COPIES
