"""`ldp_vc` against `@digitalbazaar/vc`: its credentials are verified here, and those that are made here are verified there."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from oid4vci.errors import InvalidCredential
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.linked_credentials import (
    CLAIMS,
    DEGREE,
    DEGREE_CONTEXT,
    HOLDERS,
    NOW,
    SIGNERS,
    V1,
    V2,
    check,
    configuration,
    did,
    encoder,
    issue,
    signed,
)

pytestmark = pytest.mark.interop

MODELS = {"1.1": V1, "2.0": V2}
# What goes with our names of signers there.
THEIRS = {"eddsa-rdfc-2022": "EdDSA", "ecdsa-rdfc-2019": "P-256", "ecdsa-rdfc-2019 P-384": "P-384"}
NAMES = [f"{version} {name}" for version in MODELS for name in SIGNERS]
# All that N-Quads escape, and all that they do not.
TEXT = 'a "quoted" \\ text\b\t\n\f\r\x00\x0b\x1f\x7f\x80 with ü, € and \U0001f600'


def ours(version: str, name: str) -> dict[str, Any]:
    """One that does not expire, made in the past."""
    signer = SIGNERS[name]
    subject = {**CLAIMS["credentialSubject"], "given_name": TEXT, "gpa": [0.1, -12.5, 1e21, 5.0, 1e20, 0]}
    (credential,) = issue(
        encoder(signer=signer, issuer=did(signer), lifetime=None),
        {"credentialSubject": subject},
        configuration=configuration(MODELS[version]),
        now=NOW - 40 * 365 * 86_400 // 10,
    )
    return credential


def wrong() -> dict[str, dict[str, Any]]:
    """Ours with something wrong in them."""
    good = ours("2.0", "eddsa-rdfc-2022")
    subject = good["credentialSubject"]
    method = signed(issuer=did(SIGNERS["ecdsa-rdfc-2019"]))["proof"]["verificationMethod"]
    return {
        "claim": {**good, "credentialSubject": {**subject, "member": False}},
        "undefined term": {**good, "credentialSubject": {**subject, "given_nme": "x"}},
        "undefined type": {**good, "type": [*good["type"], "Unknown"]},
        "relative id": {**good, "credentialSubject": {**subject, "degree": {"id": "a"}}},
        "proof": {**good, "proof": {**good["proof"], "created": "2020-01-01T00:00:00Z"}},
        "purpose": signed(signer=SIGNERS["eddsa-rdfc-2022"], suite="eddsa-rdfc-2022", proof={"proofPurpose": "authentication"}),
        "key of another": {**good, "proof": {**good["proof"], "verificationMethod": method}},
    }


@pytest.fixture(scope="module")
def said(node: Node) -> Mapping[str, Any]:
    """What the library makes, and what it says of ours."""
    mine = {f"{version} {name}": ours(version, name) for version in MODELS for name in SIGNERS}
    given = {
        "contexts": {DEGREE: DEGREE_CONTEXT},
        "verify": {**mine, **wrong()},
        "make": {
            key: {
                "suite": key.split(" ")[1],
                "algorithm": THEIRS[key.partition(" ")[2]],
                "credential": {name: value for name, value in credential.items() if name not in ("proof", "issuer")},
            }
            for key, credential in mine.items()
        },
    }
    answer: dict[str, Any] = node.run("ldp_vc.mjs", given)
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_our_credentials_are_accepted(said: Mapping[str, Any], name: str) -> None:
    assert said["verified"][name] == {"ok": True}


@pytest.mark.parametrize("name", wrong())
def test_what_is_wrong_with_ours_is_noticed(said: Mapping[str, Any], name: str) -> None:
    assert said["verified"][name].keys() == {"error"}


def theirs(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    made: dict[str, Any] = said["made"][name]
    assert made.keys() == {"ok"}, made
    credential: dict[str, Any] = made["ok"]
    return credential


@pytest.mark.parametrize("name", NAMES)
def test_their_credentials_are_accepted(said: Mapping[str, Any], name: str) -> None:
    credential, wanted = theirs(said, name), configuration(MODELS[name.split(" ")[0]])
    arguments: dict[str, Any] = {"configuration": wanted, "trust": Trust.of(credential["issuer"]), "now": NOW}
    verified = check(credential, **arguments)
    assert (verified.issuer, verified.holder_key) == (credential["issuer"], HOLDERS[0])
    assert verified.claims["credentialSubject"]["given_name"] == TEXT
    changed = copy.deepcopy(credential)
    changed["credentialSubject"]["member"] = False
    with pytest.raises(InvalidCredential, match="does not verify"):
        check(changed, **arguments)
