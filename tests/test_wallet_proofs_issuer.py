"""Our Wallet's proofs at our issuer: each proof type, keys here and elsewhere, each kind of name."""

import pytest

from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.wallet import Issued, Order, Proofs
from tests.interop.parties import Party
from tests.issuance import NONCE, NOW
from tests.key_attestations import CERTIFIED_KEY, LEAF, ROOT, SUB, by_anchors
from tests.scripted_server import HOLDER_KEYS
from tests.wallet_at_issuer import WEB, at, attested, internet, issued, ordered, takes
from tests.wallet_proofs import HIGH, OKP, remote, signatures

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
CERTIFIED = Party("https://wallet.example")
RULES = KeyAttestationsRequired(key_storage=(HIGH,), user_authentication=(HIGH,))
BOTH_KINDS = pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])


# --- jwt --------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-06", "VCI-F.1-24", "VCI-8.2-21")
@BOTH_KINDS
@pytest.mark.parametrize("methods", [["jwk"], ["did:key"], ["did:jwk"], ["did:web", "did:jwk"]])
def test_jwt_proofs(methods: list[str], elsewhere: bool) -> None:
    net = internet({"jwt": takes("ES256", "EdDSA")}, methods)
    proofs = ordered(net).prove(at(elsewhere, FIRST, OKP, SECOND), now=NOW)
    assert len(proofs.to_sign) == (3 if elsewhere else 0)
    result = issued(net, proofs, FIRST, OKP, SECOND)
    method = DID_METHODS[methods[-1].removeprefix("did:")] if methods != ["jwk"] else None
    for key in net.ordered.holder_keys:
        assert key.did_url == (None if method is None else method.verification_method(method.did(key)))
    names = {key: key.did_url for key in result.holder_keys}
    assert names == {key: key.did_url for key in net.ordered.holder_keys}


@BOTH_KINDS
def test_a_did_that_must_be_resolved(elsewhere: bool) -> None:
    net = internet({"jwt": takes()}, ["did:web"])
    (signer,) = at(elsewhere, FIRST)
    issued(net, ordered(net).prove([HolderKey(signer, did_url=WEB)], now=NOW), FIRST)
    assert [key.did_url for key in net.ordered.holder_keys] == [WEB]


@BOTH_KINDS
def test_certified_keys(elsewhere: bool) -> None:
    net = internet({"jwt": takes()})
    key = HolderKey(remote(CERTIFIED.signer) if elsewhere else CERTIFIED.signer, x5c=[CERTIFIED.leaf])
    proofs = ordered(net).prove([key], now=NOW)
    result = run(proofs.submit([CERTIFIED.signer.sign(each.data) for each in proofs.to_sign]), net)
    assert isinstance(result, Issued)
    assert net.ordered.holder_keys == (public_key(CERTIFIED.signer.public_jwk),)


@pytest.mark.spec("HAIP-4.5.1-01", "HAIP-4.5.1-03", "HAIP-4.5.1-09", "VCI-F.1-10", "VCI-F.1-11", "VCI-D.1-07", "VCI-D.1-08")
@BOTH_KINDS
@pytest.mark.parametrize("methods", [["jwk"], ["did:key"]])
def test_jwt_proofs_with_a_key_attestation(methods: list[str], elsewhere: bool) -> None:
    net = internet({"jwt": takes(attested=RULES)}, methods)
    order, keys = ordered(net), at(elsewhere, FIRST, SECOND, THIRD)
    issued(net, order.prove(keys, now=NOW, key_attestation=attested(order, *keys)), FIRST, SECOND, THIRD)
    (attestation,) = net.ordered.key_attestations
    assert len(attestation.keys) == 3
    assert list(net.proofs()[0]) == ["jwt"]


@pytest.mark.spec("HAIP-4.5.1-05", "HAIP-4.5.1-06")
def test_an_attester_with_certificates() -> None:
    net = internet({"jwt": takes(attested=RULES)}, jwt=JwtProofType(key_attestations=by_anchors(require_x5c=True)))
    order = ordered(net)
    given = attested(order, FIRST, x5c=[LEAF, SUB], attester=CERTIFIED_KEY)
    issued(net, order.prove([FIRST], now=NOW, key_attestation=given), FIRST)
    # The anchor is for the issuer to have.
    with pytest.raises(ValueError, match="anchor"):
        attested(order, FIRST, x5c=[LEAF, SUB, ROOT], attester=CERTIFIED_KEY)


# --- attestation ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.5.1-01", "HAIP-4.5.1-04", "VCI-F.3-01", "VCI-F.3-02", "VCI-F.3-05")
@pytest.mark.parametrize("rules", [RULES, None], ids=["required", "not required"])
@pytest.mark.parametrize("keys", [[], [remote(FIRST), remote(SECOND)], [FIRST, SECOND]], ids=["none", "elsewhere", "here"])
def test_attestation_proofs(keys: list[Signer], rules: KeyAttestationsRequired | None) -> None:
    net = internet({"attestation": takes(attested=rules)})
    order = ordered(net)
    proofs = order.prove(keys, now=NOW, key_attestation=attested(order, FIRST, SECOND))
    assert proofs.to_sign == ()
    issued(net, proofs, FIRST, SECOND)
    assert list(net.proofs()[0]) == ["attestation"]


# --- nonces that have served ------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-11", "VCI-F.1-20")
@BOTH_KINDS
def test_a_nonce_that_has_served_is_replaced(elsewhere: bool) -> None:
    net = internet({"jwt": takes()})
    order = ordered(net)
    issued(net, order.prove([FIRST], now=NOW), FIRST)
    proofs = order.prove(at(elsewhere, SECOND), now=NOW)
    again = run(proofs.submit(signatures(proofs)), net)
    if elsewhere:
        assert isinstance(again, Proofs)
        issued(net, again, SECOND)
    else:
        assert isinstance(again, Issued)
    assert len([request for request in net.requests if request.url == NONCE]) == 2
    assert len(net.proofs()) == 3


@pytest.mark.spec("VCI-8.3.1.2-11", "VCI-F.3-02")
@pytest.mark.parametrize("name", ["jwt", "attestation"])
def test_an_attestation_for_a_nonce_that_has_served_is_replaced(name: str) -> None:
    net = internet({name: takes(attested=RULES)})
    order = ordered(net)
    issued(net, order.prove([FIRST], now=NOW, key_attestation=attested(order, FIRST)), FIRST)
    proofs = order.prove([SECOND], now=NOW, key_attestation=attested(order, SECOND))
    again = run(proofs.submit(), net)
    assert isinstance(again, Order)
    issued(net, again.prove([SECOND], now=NOW, key_attestation=attested(again, SECOND)), SECOND)


# --- what only the issuer can know ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["jwt", "attestation"])
def test_an_attester_that_nobody_knows(name: str) -> None:
    net = internet({name: takes(attested=RULES)})
    order = ordered(net)
    given = attested(order, FIRST, attester=LocalSigner.generate("attester"))
    with pytest.raises(Refused) as caught:
        run(order.prove([FIRST], now=NOW, key_attestation=given).submit(), net)
    assert caught.value.error == "invalid_proof"
    assert not [order for order in net.world.host.orders if isinstance(order, CredentialOrder)]
