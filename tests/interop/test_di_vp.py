"""`di_vp` proofs against `@digitalbazaar/vc`: its presentations are verified here, and ours there."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from oid4vci.proofs.di_vp import DiVpProofMaker
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.proof_type import Intended
from tests.interop.node import Node
from tests.issuance import CLIENT, IDENTIFIER, Issuance, refused
from tests.presentations import DATA_INTEGRITY, HOLDERS, V1, V2, changed, order_of, world

pytestmark = pytest.mark.interop

# The cryptosuites that the library has, with its names of our holders' keys.
THEIRS = {"eddsa-rdfc-2022": "EdDSA", "ecdsa-rdfc-2019": "P-256", "ecdsa-rdfc-2019 P-384": "P-384"}
MODELS = {"1.1": [V1, DATA_INTEGRITY], "2.0": [V2]}
NAMES = [f"{version} {name}" for version in MODELS for name in THEIRS]
CREDENTIAL = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "issuer": "https://university.example",
    "credentialSubject": {"id": "did:example:subject"},
}


def wallet(version: str, name: str, *, nonce: str, now: int, domain: str = IDENTIFIER) -> dict[str, Any]:
    """Made by our Wallet."""
    intended = Intended(audience=domain, client_id=CLIENT, nonce=nonce, now=now, algorithms=(name.partition(" ")[0],))
    (made,) = DiVpProofMaker(context=MODELS[version][0]).draft([HolderKey(HOLDERS[name])], intended).finish()
    assert isinstance(made, dict)
    return made


@frozen
class Said:
    """What the library makes, for an issuer and one of its nonces at a time, and what it says of ours."""

    issuer: Issuance
    now: int
    answer: Mapping[str, Any]

    def made(self, name: str) -> dict[str, Any]:
        made: dict[str, Any] = self.answer["made"][name]
        assert made.keys() == {"ok"}, made
        presentation: dict[str, Any] = made["ok"]
        return presentation


@pytest.fixture(scope="module")
def said(node: Node) -> Said:
    # Theirs are of the time at which they are made.
    issuer, now = world(), int(time.time())
    nonce = issuer.nonce(now=now)
    good = wallet("2.0", "eddsa-rdfc-2022", nonce=nonce, now=now)
    ours = {
        **{name: wallet(*name.split(" ", 1), nonce=nonce, now=now) for name in NAMES},
        "another domain": wallet("2.0", "eddsa-rdfc-2022", nonce=nonce, now=now, domain="https://other.example"),
        "another challenge": wallet("2.0", "eddsa-rdfc-2022", nonce=f"{nonce}x", now=now),
        "another holder": changed(good, holder="did:key:z6MkvrFpBNCoYewiaeBLgjUDvLxUtnK5R6mqh5XPvLsrPsro"),
        "another purpose": changed(good, {"proofPurpose": "assertionMethod"}),
        "a changed time": changed(good, {"created": "2020-01-01T00:00:00Z"}),
    }
    tasks = {
        name: {
            "suite": name.split(" ")[1],
            "algorithm": THEIRS[name.partition(" ")[2]],
            "presentation": {"@context": MODELS[name.split(" ")[0]], "type": ["VerifiablePresentation"], "holder": None},
        }
        for name in NAMES
    }
    plain = tasks["2.0 ecdsa-rdfc-2019"]
    bare = {name: value for name, value in plain["presentation"].items() if name != "holder"}  # type: ignore[attr-defined]
    tasks["without holder"] = {**plain, "presentation": bare}
    tasks["with a credential"] = {**plain, "presentation": {**bare, "verifiableCredential": [CREDENTIAL]}}
    tasks["without any credentials"] = {**plain, "presentation": {**bare, "verifiableCredential": []}}
    given = {"domain": IDENTIFIER, "challenge": nonce, "verify": ours, "make": tasks}
    return Said(issuer, now, node.run("di_vp.mjs", given))


@pytest.mark.parametrize("name", NAMES)
def test_our_presentations_are_accepted(said: Said, name: str) -> None:
    assert said.answer["verified"][name] == {"ok": True}


@pytest.mark.parametrize("name", ["another domain", "another challenge", "another holder", "another purpose", "a changed time"])
def test_what_is_wrong_with_ours_is_noticed(said: Said, name: str) -> None:
    assert said.answer["verified"][name].keys() == {"error"}


@pytest.mark.parametrize("name", [*NAMES, "without holder", "with a credential", "without any credentials"])
def test_their_presentations_are_accepted(said: Said, name: str) -> None:
    made, now = said.made(name), said.now
    issuer = said.issuer
    token = issuer.token("note", now=now)
    for options in ({"domain": "https://other.example"}, {"created": f"{made['proof']['created'][:-1]}.5Z"}, {"nonce": "x"}):
        refused(issuer.credential(token, order_of(changed(made, options)), now=now), "invalid_proof")
    # The nonce is one for all, and serves once: what an issuer of the same keys would say.
    again = world()
    response = again.credential(again.token("note", now=now), order_of(made), now=now)
    assert response.status == 200, response.body
    (key,) = again.host.orders[-1].holder_keys  # type: ignore[union-attr]
    assert key.did_url == made["proof"]["verificationMethod"]
