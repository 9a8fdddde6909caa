"""`di_vp` proofs of a Wallet (OID4VCI F.2): what is sent, what our issuer makes of it, and what they need."""

import subprocess
import sys
from typing import Any

import pytest

from oid4vci import _base58
from oid4vci.data_integrity import CRYPTOSUITES, Contexts
from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet import Issued, Order, Proofs, dump, load
from tests.scripted_server import HOLDER_KEYS, ISSUER, NOW, error, wallet
from tests.wallet_at_issuer import WEB, at, internet, issued, takes
from tests.wallet_at_issuer import ordered as ordered_of_ours
from tests.wallet_proofs import OKP, attestation, credentials_for, ordered, remote, sent, server, signatures, taken

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
SUITES = tuple(CRYPTOSUITES)
BOTH_KINDS = pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])


def did_url(signer: Signer, method: str = "key") -> str:
    known = DID_METHODS[method]
    return known.verification_method(known.did(public_key(signer.public_jwk)))


def verified(presentation: Any, signer: Signer) -> dict[str, Any]:
    """The proof, whose signature is that of the key over hashes that are worked out anew."""
    unsecured = {name: value for name, value in presentation.items() if name != "proof"}
    proof = dict(presentation["proof"])
    suite, crv = CRYPTOSUITES[proof["cryptosuite"]], signer.public_jwk["crv"]
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    data = suite.hash_data(unsecured, options, Contexts(), crv=crv)
    suite.verify(public_key(signer.public_jwk), data, _base58.decode(proof["proofValue"][1:]))
    return proof


@pytest.mark.spec(
    "VCI-F.2-01",
    "VCI-F.2-03",
    "VCI-F.2-04",
    "VCI-F.2-05",
    "VCI-F.2-06",
    "VCI-F.2-07",
    "VCI-F.2-08",
    "VCI-F.2-09",
    "VCI-12.2.4-60",
)
@BOTH_KINDS
@pytest.mark.parametrize(
    ("signer", "suite"),
    [(OKP, "eddsa-rdfc-2022"), (OKP, "eddsa-jcs-2022"), (FIRST, "ecdsa-rdfc-2019"), (FIRST, "ecdsa-jcs-2019")],
)
@pytest.mark.parametrize(
    ("methods", "method"),
    [(["did:key"], "key"), (["jwk", "did:jwk"], "jwk"), (["did:web", "did:jwk", "did:key"], "jwk"), (["jwk"], "key")],
)
def test_a_presentation_proves_a_key(signer: LocalSigner, suite: str, methods: list[str], method: str, elsewhere: bool) -> None:
    issuer = server({"di_vp": taken("x-suite", suite)}, methods, credentials_for(signer))
    order = ordered(issuer)
    assert order.proof_algorithms is not None
    assert signer.algorithm in order.proof_algorithms
    proofs = order.prove(at(elsewhere, signer), now=NOW)
    result = run(proofs.submit(signatures(proofs)), issuer)
    assert isinstance(result, Issued)
    ((kind, (presentation,)),) = sent(issuer)[0].items()
    assert kind == "di_vp"
    proof = verified(presentation, signer)
    assert proof["cryptosuite"] == suite
    assert (proof["proofPurpose"], proof["domain"], proof["challenge"]) == ("authentication", ISSUER, "nonce-1")
    assert (proof["verificationMethod"], presentation["holder"]) == (
        did_url(signer, method),
        did_url(signer, method).split("#")[0],
    )


@pytest.mark.spec("VCI-F.2-10")
def test_without_nonce_there_is_no_challenge() -> None:
    issuer = server({"di_vp": taken(*SUITES)}, ["did:key"], credentials_for(FIRST), leave_out=["nonce_endpoint"])
    run(ordered(issuer).prove([FIRST], now=NOW).submit(), issuer)
    assert "challenge" not in sent(issuer)[0]["di_vp"][0]["proof"]


@BOTH_KINDS
@pytest.mark.parametrize("suite", SUITES)
def test_our_issuer_accepts_it(suite: str, elsewhere: bool) -> None:
    keys = [OKP] if suite.startswith("eddsa") else [FIRST, SECOND]
    net = internet({"di_vp": takes(suite)}, ["did:jwk", "did:key"])
    result = issued(net, ordered_of_ours(net).prove(at(elsewhere, *keys), now=NOW), *keys)
    named = {key: key.did_url for key in net.ordered.holder_keys}
    assert named == {key: key.did_url for key in result.holder_keys}
    assert set(named.values()) == {did_url(key, "jwk") for key in keys}


@BOTH_KINDS
def test_a_did_that_must_be_resolved(elsewhere: bool) -> None:
    net = internet({"di_vp": takes(*SUITES)}, ["did:web"])
    (signer,) = at(elsewhere, FIRST)
    issued(net, ordered_of_ours(net).prove([HolderKey(signer, did_url=WEB)], now=NOW), FIRST)
    assert [key.did_url for key in net.ordered.holder_keys] == [WEB]


@pytest.mark.spec("VCI-8.3.1.2-11")
@BOTH_KINDS
def test_a_nonce_that_is_rejected_is_replaced(elsewhere: bool) -> None:
    issuer = server({"di_vp": taken(*SUITES)}, ["did:key"], error("invalid_nonce"), credentials_for(FIRST))
    proofs = ordered(issuer).prove(at(elsewhere, FIRST), now=NOW)
    result = run(proofs.submit(signatures(proofs)), issuer)
    if elsewhere:
        assert isinstance(result, Proofs)
        result = run(result.submit(signatures(result)), issuer)
    assert isinstance(result, Issued)
    assert [proofs["di_vp"][0]["proof"]["challenge"] for proofs in sent(issuer)] == ["nonce-1", "nonce-2"]


# --- what is chosen ---------------------------------------------------------------------------------------------------------


def both(*algorithms: str) -> Order:
    return ordered(server({"di_vp": taken(*SUITES), "jwt": taken(*algorithms)}, ["jwk", "did:key"]))


def test_it_is_the_last_choice() -> None:
    order = both("ES256")
    assert [choice.type for choice in order.proof_choices] == ["jwt", "di_vp"]
    assert order.prove([FIRST], now=NOW).proof_type == "jwt"
    assert order.prove([OKP], now=NOW).proof_type == "di_vp"
    assert order.prove([FIRST], now=NOW, proof_type="di_vp").proof_type == "di_vp"


def test_without_an_attestation_it_may_still_do() -> None:
    order = ordered(server({"di_vp": taken(*SUITES), "jwt": taken(attested={}), "attestation": taken()}, ["did:key"]))
    assert order.prove([FIRST], now=NOW).proof_type == "di_vp"
    assert order.prove([FIRST], now=NOW, key_attestation=attestation(FIRST)).proof_type == "jwt"


@pytest.mark.parametrize(
    ("types", "arguments", "because"),
    [
        ({"di_vp": taken("eddsa-rdfc-2022")}, {}, "not ES256"),
        ({"di_vp": taken("x-suite")}, {}, "the Wallet makes none"),
        ({"di_vp": taken("ES256")}, {}, "the Wallet makes none"),
        ({"di_vp": taken(*SUITES)}, {"key_attestation": attestation(FIRST)}, "no place for a key attestation"),
        ({"di_vp": taken(*SUITES, attested={})}, {}, "demands a key attestation"),
    ],
)
def test_what_will_not_do(types: Any, arguments: Any, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        ordered(server(types, ["did:key"])).prove([FIRST], now=NOW, **arguments)


def test_a_key_has_a_did_that_the_issuer_binds_to() -> None:
    with pytest.raises(ValueError, match="binds Credentials to did:web only"):
        ordered(server({"di_vp": taken(*SUITES)}, ["did:web"])).prove([FIRST], now=NOW)


@BOTH_KINDS
def test_proofs_come_back_as_they_were(elsewhere: bool) -> None:
    order = ordered(server({"di_vp": taken(*SUITES)}, ["jwk", "did:jwk"]))
    before = order.prove([*at(elsewhere, FIRST), remote(OKP)], now=NOW)
    loaded = load(dump(before), wallet(signers={FIRST.key_id: at(elsewhere, FIRST)[0]}))
    assert isinstance(loaded, Proofs)
    assert loaded == before
    assert loaded.to_sign == before.to_sign


MISSING = """
import sys
sys.modules["pyld"] = None
from tests.wallet_proofs import *
from tests.scripted_server import HOLDER_KEYS
both = ordered(server({"di_vp": taken("ecdsa-rdfc-2019"), "jwt": taken()}, ["did:key"]))
assert [choice.type for choice in both.proof_choices] == ["jwt"]
assert both.prove([HOLDER_KEYS[0]], now=NOW).proof_type == "jwt"
alone = ordered(server({"di_vp": taken("ecdsa-rdfc-2019")}, ["did:key"]))
for asked in (lambda: alone.prove([HOLDER_KEYS[0]], now=NOW), lambda: alone.proof_algorithms):
    try:
        asked()
    except ImportError as error:
        print(error)
"""


def test_the_extra_is_named_where_it_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert ["oid4vci[ldp]" in line for line in done.stdout.splitlines()] == [True, True]
