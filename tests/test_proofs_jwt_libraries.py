"""`jwt` proofs of the specification, of other implementations, and those that other libraries make of our keys and read of ours."""

import datetime
import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, OKPKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jwt as jwcrypto_jwt

from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidProof
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.proofs.proof_type import Expected, Intended
from tests.issuance import CLIENT, IDENTIFIER, NOW
from tests.jwt_proofs import accepted, did_url, taking
from tests.key_attestations import ATTESTER, HOLDER, HOLDERS, Attestation, known_attester, public
from tests.test_proofs_jwt_names import CERTIFIED, CERTIFIED_LEAF, ROOT

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
TYP = "openid4vci-proof+jwt"


class Roomy(joserfc_jws.JWSRegistry):
    """By default joserfc takes no header that is longer than 512 characters, or has parameters that it does not know."""

    max_header_length = 65_536


ROOMY = Roomy(algorithms=["ES256"], strict_check_header=False)

# --- the specification --------------------------------------------------------------------------------------------------------


def example(vectors: Path, number: int) -> Any:
    (path,) = (vectors / "oid4vci-1.0").glob(f"{number:03}-*.parsed.json")
    return json.loads(path.read_text())


@pytest.mark.spec("VCI-F.1-06", "VCI-F.1-21")
def test_the_first_example_of_f_1_verifies(vectors: Path) -> None:
    proofs, decoded = example(vectors, 59)["json"]["jwt"], example(vectors, 60)
    header, payload = decoded["jose_header"], decoded["jose_payload"]
    read = JwtProofType().read(proofs)
    assert read.nonces == (payload["nonce"],)
    settings: dict[str, Any] = {"audience": payload["aud"], "algorithms": ("ES256",), "now": payload["iat"]}
    for client_id in (None, "wallet"):
        proved = read.verify(Expected(client_id=client_id, **settings), keys={}, statuses={})
        assert proved.keys == (public_key(header["jwk"]),)
    for wrong in ({"audience": payload["aud"] + "/"}, {"now": payload["iat"] + 301}, {"algorithms": ("ES384",)}):
        with pytest.raises(InvalidProof):
            read.verify(Expected(client_id=None, **{**settings, **wrong}), keys={}, statuses={})


@pytest.mark.spec("VCI-F.1-22")
def test_the_second_example_of_f_1_with_an_attestation_in_its_place(vectors: Path) -> None:
    said = example(vectors, 61)["jose_payload"]
    times = {"iat": said["iat"] - 60, "exp": said["iat"] + 600}
    token = str(Attestation(said["nonce"], HOLDERS[:2], claims=times))
    key = ECKey.import_key({**HOLDER.public_jwk, "d": _secret(HOLDER)})
    proof = joserfc_jwt.encode({"typ": TYP, "alg": "ES256", "kid": "0", "key_attestation": token}, said, key, registry=ROOMY)
    read = JwtProofType(key_attestations=known_attester()).read([proof])
    assert read.nonces == (said["nonce"], said["nonce"])
    expected = Expected(
        audience=said["aud"],
        client_id=said["iss"],
        algorithms=("ES256",),
        key_attestations_required=KeyAttestationsRequired(),
        max_keys=2,
        now=said["iat"],
    )
    assert read.verify(expected, keys={}, statuses={}).keys == public(*HOLDERS[:2])
    with pytest.raises(InvalidProof):
        JwtProofType().read([proof])


def _secret(signer: LocalSigner) -> str:
    secret = jwcrypto_jwk.JWK.from_pyca(signer._private_key).export(as_dict=True)["d"]
    assert isinstance(secret, str)
    return secret


# --- other implementations ----------------------------------------------------------------------------------------------------


def test_proofs_of_other_implementations(vectors: Path) -> None:
    """Those of `typ` JWT, of older drafts, are refused; a did:jwk is what the Credential is bound to."""
    seen = set()
    for vector in json.loads((vectors / "oid4vci-proofs" / "vectors.json").read_text())["vectors"]:
        header, said = vector["jose_header"], vector["payload_json"]
        expected = Expected(
            audience=said["aud"],
            client_id=said.get("iss"),
            algorithms=("ES256", "ES256K", "EdDSA"),
            binding_methods=("jwk", "did:jwk", "did:key"),
            now=int(said["iat"]),
        )
        if header["typ"] != TYP:
            with pytest.raises(InvalidProof, match="typ"):
                JwtProofType().read([vector["compact"]])
            seen.add("refused")
            continue
        proved = JwtProofType().read([vector["compact"]]).verify(expected, keys={}, statuses={})
        assert proved.keys == (public_key(vector["jwk"]),), vector["id"]
        assert proved.keys[0].did_url == header.get("kid")
        seen.add("did" if "kid" in header else "jwk")
    assert seen == {"refused", "did", "jwk"}


# --- other libraries make them ------------------------------------------------------------------------------------------------


def joserfc_proof(key: Any, nonce: str | None, **header: Any) -> str:
    algorithm = "ES256" if isinstance(key, ECKey) else "EdDSA"
    claims = {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce, "iss": CLIENT}
    return joserfc_jwt.encode(
        {"typ": TYP, "alg": algorithm, **header}, claims, key, registry=Roomy(algorithms=[algorithm], strict_check_header=False)
    )


def jwcrypto_token(key: jwcrypto_jwk.JWK, claims: dict[str, Any], **header: Any) -> str:
    token = jwcrypto_jwt.JWT(header=header, claims=claims)
    token.make_signed_token(key)
    made = token.serialize()
    assert isinstance(made, str)
    return made


@pytest.mark.spec("VCI-F.1-04")
@pytest.mark.parametrize("method", ["key", "jwk"])
@pytest.mark.parametrize("kty", ["EC", "OKP"])
def test_a_did_of_a_key_of_joserfc(method: str, kty: str) -> None:
    key: Any = ECKey.generate_key("P-256") if kty == "EC" else OKPKey.generate_key("Ed25519")
    known, public_half = DID_METHODS[method], public_key(key.as_dict(private=False))
    url = known.verification_method(known.did(public_half))
    order = accepted(lambda nonce: joserfc_proof(key, nonce, kid=url))
    assert order.holder_keys == (public_half,)
    assert order.holder_keys[0].did_url == url


@pytest.mark.spec("VCI-F.1-08")
def test_certificates_in_a_proof_of_jwcrypto() -> None:
    key = jwcrypto_jwk.JWK.from_pyca(CERTIFIED._private_key)
    x5c = [b64encode(each).decode() for each in (CERTIFIED_LEAF, ROOT)]

    def make(nonce: str | None) -> str:
        return jwcrypto_token(key, {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, typ=TYP, alg="ES256", x5c=x5c)

    assert accepted(make).holder_keys == public(CERTIFIED)


@pytest.mark.spec("VCI-F.1-22", "VCI-D.1-14")
def test_an_attestation_of_jwcrypto_in_a_proof_of_joserfc() -> None:
    attester = jwcrypto_jwk.JWK.generate(kty="EC", crv="P-256")
    holders = [ECKey.generate_key("P-256") for _ in range(3)]
    attesters = {ATTESTER: (public_key(json.loads(attester.export_public())),)}
    world = taking(JwtProofType(key_attestations=KeyAttestations(attesters=attesters)))

    def make(nonce: str | None) -> str:
        claims = {
            "iss": ATTESTER,
            "iat": NOW,
            "exp": NOW + 60,
            "nonce": nonce,
            "attested_keys": [key.as_dict(private=False) for key in holders],
        }
        token = jwcrypto_token(attester, claims, typ="key-attestation+jwt", alg="ES256")
        return joserfc_proof(holders[1], nonce, kid="1", key_attestation=token)

    order = accepted(make, world)
    assert order.holder_keys == tuple(public_key(key.as_dict(private=False)) for key in holders)


# --- other libraries read ours ------------------------------------------------------------------------------------------------


def ours(key: HolderKey, key_attestation: str | None = None) -> str:
    intended = Intended(audience=IDENTIFIER, client_id=CLIENT, nonce="n", now=NOW, algorithms=("ES256",))
    (proof,) = JwtProofMaker().draft([key], intended, key_attestation=key_attestation).finish()
    assert isinstance(proof, str)
    return proof


def _decoded(part: str) -> Any:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def read_elsewhere(proof: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """The header, as joserfc has it; jwcrypto agrees that the signature is good."""
    token = joserfc_jws.deserialize_compact(proof, ECKey.import_key(jwk), registry=ROOMY)
    assert json.loads(token.payload) == {"aud": IDENTIFIER, "iat": NOW, "nonce": "n", "iss": CLIENT}
    checked = jwcrypto_jwt.JWT(check_claims={"aud": IDENTIFIER, "nonce": "n"}, algs=["ES256"])
    checked.deserialize(proof, jwcrypto_jwk.JWK(**jwk))
    return dict(token.headers())


def test_others_verify_what_names_its_key_by_jwk() -> None:
    proof = ours(HolderKey(HOLDER))
    jwk = _decoded(proof.split(".")[0])["jwk"]
    assert read_elsewhere(proof, jwk)["jwk"] == dict(HOLDER.public_jwk)


def test_others_verify_what_names_its_key_by_did() -> None:
    proof = ours(HolderKey(HOLDER, did_url(HOLDER, "jwk")))
    did = _decoded(proof.split(".")[0])["kid"].partition("#")[0]
    assert read_elsewhere(proof, _decoded(did.rpartition(":")[2]))["kid"] == did + "#0"


def test_others_verify_what_names_its_key_by_certificates() -> None:
    proof = ours(HolderKey(CERTIFIED, x5c=[CERTIFIED_LEAF, ROOT]))
    leaf, root = (x509.load_der_x509_certificate(b64decode(each)) for each in _decoded(proof.split(".")[0])["x5c"])
    leaf.verify_directly_issued_by(root)
    assert leaf.not_valid_after_utc > datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    read_elsewhere(proof, jwcrypto_jwk.JWK.from_pyca(leaf.public_key()).export(as_dict=True))


@pytest.mark.spec("VCI-F-04")
def test_others_find_the_attestation() -> None:
    token = str(Attestation("n", HOLDERS[:2]))
    header = read_elsewhere(ours(HolderKey(HOLDER), token), dict(HOLDER.public_jwk))
    assert header["key_attestation"] == token
    assert dict(HOLDER.public_jwk) in _decoded(header["key_attestation"].split(".")[1])["attested_keys"]
