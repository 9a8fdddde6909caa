"""Issuers and holders that are a did:web: others read the documents that are made here, and believe what is signed with them."""

import time
from typing import Any

import pytest
from attrs import evolve

from oid4vci._json import dump_bytes
from oid4vci.data_integrity import controlled_identifier_document
from oid4vci.dids import did_web_url
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.keys import LocalSigner
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.interop.test_jwt_vc import Party
from tests.linked_credentials import CONTEXTS, DEGREE, DEGREE_CONTEXT, NOW, SIGNERS, encoder
from tests.linked_credentials import issue as issue_linked
from tests.w3c_credentials import CLAIMS, CONFIGURATIONS, HOLDERS, TYPES, V1, issue

pytestmark = pytest.mark.interop

DID = "did:web:issuer.example:tenants:1"
SUBJECT = "did:web:wallet.example"
HOLDER = evolve(HOLDERS[0], did_url=f"{SUBJECT}#key-1")


class WebParty(Party):
    """An issuer that publishes the document which the library makes."""

    def __init__(self, algorithm: str) -> None:
        super().__init__("key", algorithm)
        self.did, self.kid = DID, f"{DID}#x"
        self.document = controlled_identifier_document(DID, [self.signer])


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_jwts(node: Node, algorithm: str) -> None:
    party, other, now = WebParty(algorithm), WebParty(algorithm), int(time.time())
    promised = evolve(CONFIGURATIONS["jwt_vc_json"], credential_signing_alg_values_supported=(algorithm,))
    making = JwtVcEncoder(signer=party.signer, issuer=DID, binding="did")
    (ours,) = issue(making, keys=(HOLDER,), configuration=promised, now=now)
    asked = {"format": "jwt_vc_json", "credential": ours, **party.public()}
    subject = {"id": SUBJECT, **CLAIMS["credentialSubject"]}
    credential = {
        "@context": [V1],
        "type": list(TYPES),
        "issuer": DID,
        "issuanceDate": "2025-01-01T00:00:00Z",
        "credentialSubject": subject,
    }
    given = {**party.public(), "jwk": party.private_jwk, "credential": credential, "w3c": {}}
    given["jwt"] = {"iss": DID, "nbf": now, "sub": SUBJECT, "vc": {**credential, "issuer": DID}}
    answer = node.run(
        "jwt_vc.mjs",
        {
            "make": given,
            "verify": {
                "good": {**asked, "document": party.document},
                "another key": {**asked, "document": other.document},
            },
        },
    )
    assert answer["good"]["ok"]["credential"]["credentialSubject"] == subject
    assert answer["another key"].keys() == {"error"}
    for theirs in (answer["made"]["moved"], answer["made"]["both"], ours):
        verified = JwtVcVerifier().verify(
            theirs,
            configuration=promised,
            trust=Trust.of(DID),
            holder_keys=(HOLDERS[1], HOLDER),
            documents={did_web_url(DID): dump_bytes(party.document)},
            now=now,
        )
        assert isinstance(verified, VerifiedCredential)
        assert (verified.issuer, verified.holder_key) == (DID, HOLDER)


def test_data_integrity_proofs(node: Node) -> None:
    def published(signer: LocalSigner) -> dict[str, Any]:
        """The document, and each of its methods as a document of its own, which is how the library loads them."""
        document = controlled_identifier_document(DID, [signer])
        (method,) = document["verificationMethod"]
        return {DID: document, method["id"]: {"@context": "https://w3id.org/security/multikey/v1", **method}}

    for name in ("eddsa-rdfc-2022", "ecdsa-rdfc-2019"):
        signer = SIGNERS[name]
        making = encoder(signer=signer, issuer=DID, binding="did", contexts=CONTEXTS, lifetime=None)
        (ours,) = issue_linked(making, keys=(HOLDER,), now=NOW - 40 * 365 * 86_400 // 10)
        assert ours["credentialSubject"]["id"] == SUBJECT
        for documents, accepted in (
            (published(signer), True),
            (published(another_key(signer)), False),
            ({**published(signer), DID: {**published(signer)[DID], "assertionMethod": []}}, False),
        ):
            given = {"contexts": {DEGREE: DEGREE_CONTEXT, **documents}, "make": {}, "verify": {"ours": ours}}
            assert (node.run("ldp_vc.mjs", given)["verified"]["ours"] == {"ok": True}) == accepted


def another_key(signer: LocalSigner) -> LocalSigner:
    """Another key under the same name."""
    return LocalSigner.generate(signer.key_id, signer.algorithm)
