"""SD-JWT VCs under HAIP: what encoders and verifiers with `haip=True` refuse (HAIP 6.1, 6.1.1, 8)."""

from typing import Any

import pytest

from oid4vci.errors import InvalidCredential
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.metadata import ProofType, SdJwtVcConfiguration
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_sd_jwt import digest, disclosure
from tests.test_sd_jwt_vc import (
    CERTIFIED,
    CONFIGURATION,
    HOLDERS,
    NAMED_LEAF,
    NAMES,
    PAYLOAD,
    SIGNER,
    VCT,
    check,
    issue,
    opened,
    signed,
    x5c,
)
from tests.test_x509 import LEAF_KEY, ROOT, SUB, certificate

CHAIN = (NAMED_LEAF, SUB)
HAIP = SdJwtVcVerifier(haip=True)
BOUND = SdJwtVcConfiguration(
    vct=VCT,
    credential_signing_alg_values_supported=("ES256",),
    cryptographic_binding_methods_supported=("jwk",),
    proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
)
STATUS = {"status": {"status_list": {"idx": 7, "uri": "https://status.example.com/1"}}}


def encoder(**fields: Any) -> SdJwtVcEncoder:
    return SdJwtVcEncoder(**{"signer": CERTIFIED, "x5c": CHAIN, "haip": True, **fields})


def certified(payload: dict[str, Any], *disclosures: str, chain: tuple[bytes, ...] = CHAIN) -> str:
    return signed(payload, *disclosures, signer=CERTIFIED, kid=None, x5c=x5c(*chain))


@pytest.mark.spec("HAIP-6.1-01", "HAIP-6.1.1-01", "HAIP-6.1.1-02")
def test_what_the_one_makes_the_other_takes() -> None:
    (credential,) = issue(encoder(disclosable=EVERY_CLAIM), configuration=BOUND)
    assert len(opened(credential)[0]["x5c"]) == 2
    assert check(credential, verifier=HAIP, configuration=BOUND, documents={}).holder_key == HOLDERS[0]


@pytest.mark.spec("HAIP-6.1-03", "HAIP-6.1-04")
def test_validity_is_limited() -> None:
    with pytest.raises(ValueError, match="exp or a status"):
        issue(encoder(lifetime=None))
    with pytest.raises(ValueError, match="exp or a status"):
        issue(encoder(lifetime=None), keys=HOLDERS[:2], copies=[STATUS, {}])
    for made in (issue(encoder()), issue(encoder(lifetime=None), STATUS), issue(encoder(lifetime=None), copies=[STATUS])):
        payload = opened(made[0])[1]
        assert "exp" in payload or "status" in payload
        assert check(made[0], verifier=HAIP)
    # Without HAIP that is the issuer's decision.
    assert "exp" not in opened(issue(SdJwtVcEncoder(signer=SIGNER, lifetime=None))[0])[1]


@pytest.mark.spec("HAIP-6.1-06")
def test_the_key_is_in_cnf() -> None:
    with pytest.raises(ValueError, match="cnf with a jwk"):
        issue(encoder(), keys=(), configuration=BOUND)
    (unbound,) = issue(encoder(), keys=())
    assert check(unbound, verifier=HAIP, holder_keys=())
    for cnf in ({"kid": "did:example:1#k"}, {"x5t#S256": "x"}, {"jkt": "x"}, {"jwe": "x"}, {"jku": "https://x", "kid": "y"}):
        credential = certified({**PAYLOAD, "cnf": cnf})
        for keys in (HOLDERS, ()):
            with pytest.raises(InvalidCredential, match="cnf: must have jwk"):
                check(credential, verifier=HAIP, configuration=BOUND, holder_keys=keys)
        assert check(credential, verifier=HAIP, holder_keys=()).holder_key is None
    with pytest.raises(InvalidCredential, match="cnf: is missing"):
        check(unbound, verifier=HAIP, configuration=BOUND, holder_keys=())
    with pytest.raises(InvalidCredential, match="requested for"):
        check(certified(PAYLOAD), verifier=HAIP, configuration=BOUND, holder_keys=HOLDERS[1:])


@pytest.mark.spec("HAIP-6.1-07")
def test_status_is_a_status_list() -> None:
    statuses: tuple[dict[str, Any], ...] = ({"other": {}}, {"status_list": 1})
    for status in statuses:
        with pytest.raises(ValueError, match="status_list"):
            issue(encoder(), {"status": status})
        with pytest.raises(ValueError, match="status_list"):
            issue(encoder(), copies=[{"status": status}])
        with pytest.raises(InvalidCredential, match="status"):
            check(certified({**PAYLOAD, "status": status}), verifier=HAIP)
    with pytest.raises(InvalidCredential, match="status"):
        check(certified({**PAYLOAD, "status": {}}), verifier=HAIP)


@pytest.mark.spec("HAIP-6.1-11")
def test_each_of_a_batch_has_an_index_of_its_own() -> None:
    copies = [{"status": {"status_list": {"idx": i, "uri": "https://status.example.com/1"}}} for i in (9, 2, 5)]
    made = issue(encoder(), keys=HOLDERS, copies=copies)
    assert [opened(one)[1]["status"]["status_list"]["idx"] for one in made] == [9, 2, 5]
    with pytest.raises(ValueError, match="status of its own"):
        issue(encoder(), keys=HOLDERS, copies=[copies[0]] * 3)


@pytest.mark.spec("HAIP-6.1.1-02", "HAIP-6.1.1-03", "HAIP-6.1.1-04")
def test_certificates() -> None:
    alone = certificate("signer", LEAF_KEY, "signer", LEAF_KEY, NAMES)
    with pytest.raises(ValueError, match="x5c must be there"):
        encoder(x5c=())
    for chain in ((alone,), (NAMED_LEAF, SUB, ROOT)):
        with pytest.raises(ValueError, match="neither a self-signed"):
            encoder(x5c=chain)
        for anchors in (Anchors.from_der(ROOT), Anchors.from_der(alone), Anchors.from_der(ROOT, alone)):
            with pytest.raises(InvalidCredential):
                check(certified(PAYLOAD, chain=chain), verifier=HAIP, trust=Trust(anchors))
    with pytest.raises(InvalidCredential, match="must hold neither the trust anchor"):
        check(certified(PAYLOAD, chain=(NAMED_LEAF, SUB, ROOT)), verifier=HAIP)
    with pytest.raises(InvalidCredential, match="x5c is missing"):
        check(signed(PAYLOAD), verifier=HAIP)
    # What is remembered of one chain says nothing of another set of anchors, nor of another time, nor without HAIP.
    good = certified(PAYLOAD)
    assert check(good, verifier=HAIP)
    with pytest.raises(InvalidCredential, match="anchor"):
        check(good, verifier=HAIP, trust=Trust(Anchors.from_der(alone)))
    sent = certified(PAYLOAD, chain=(NAMED_LEAF, SUB, ROOT))
    assert check(sent)
    with pytest.raises(InvalidCredential):
        check(sent, verifier=HAIP)


@pytest.mark.spec("HAIP-8-01")
def test_sha_256_with_and_without_a_name() -> None:
    text = disclosure("salt", "b", "x")
    hidden = {**PAYLOAD, "_sd": [digest(text)]}
    for payload in (hidden, {**hidden, "_sd_alg": "sha-256"}):
        assert check(certified(payload, text), verifier=HAIP).claims["b"] == "x"
    (credential,) = issue(encoder(disclosable=EVERY_CLAIM), configuration=CONFIGURATION)
    assert opened(credential)[1]["_sd_alg"] == "sha-256"


@pytest.mark.spec("HAIP-6.1-13")
def test_sub_may_be_there() -> None:
    for claims in ({"sub": "user-1"}, {}):
        assert check(issue(encoder(), claims)[0], verifier=HAIP).claims.get("sub") == claims.get("sub")


@pytest.mark.spec("HAIP-6.1-02")
def test_the_json_serialisation_is_refused() -> None:
    jwt, *rest, _ = certified(PAYLOAD).split("~")
    head, payload, signature = jwt.split(".")
    with pytest.raises(InvalidCredential, match="is a string"):
        check({"protected": head, "payload": payload, "signature": signature, "header": {"disclosures": rest}}, verifier=HAIP)
