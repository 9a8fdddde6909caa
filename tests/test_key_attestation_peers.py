"""Key attestations of others: published ones, the specification's examples, and those of other libraries, in both directions."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jwt as jwcrypto_jwt

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.key_attestation import HIGH, MODERATE, KeyAttestation, KeyAttestations
from oid4vci.proofs.key_attester import key_attestation_signing_input
from tests.issuance import IDENTIFIER, NOW
from tests.key_attestations import (
    ANCHORS,
    ATTESTER,
    HOLDER,
    HOLDERS,
    Attestation,
    accepted,
    attesting,
    certified,
    known_attester,
    public,
)

# --- published ----------------------------------------------------------------------------------------------------------------


def published(vectors: Path) -> dict[str, Any]:
    document = json.loads((vectors / "key-attestation/vectors.json").read_text())
    return {vector["id"]: vector for vector in document["vectors"]}


def verified(vector: dict[str, Any], now: int, **changes: Any) -> KeyAttestation:
    """By the key that was published with it, whatever its `iss` is."""
    attester = vector["payload_json"].get("iss", ATTESTER)
    settings = KeyAttestations(attesters={attester: (public_key(vector["jwk"]),)})
    terms: dict[str, Any] = {"algorithms": ("ES256",), "required": None, "max_keys": 1, "exp_required": True, "nonce": True}
    terms |= {"audience": IDENTIFIER, "keys": {}, "statuses": {}, "now": now, **changes}
    return settings.read(vector["compact"]).verify(**terms)


@pytest.mark.spec("HAIP-7-02", "VCI-D-05")
def test_published_attestations(vectors: Path) -> None:
    tried = 0
    for name, vector in published(vectors).items():
        claims = vector["payload_json"]
        if vector.get("protocol_expect") == "invalid":
            with pytest.raises(Malformed, match="attested_keys"):
                verified(vector, claims["iat"])
            continue
        tried += 1
        attestation = verified(vector, claims["exp"] - 1)
        assert attestation.keys == tuple(public_key(jwk) for jwk in claims["attested_keys"]), name
        assert attestation.key_storage == (None if "key_storage" not in claims else tuple(claims["key_storage"]))
        for now, because in ((claims["exp"], "is over"), (claims["iat"] - 61, "in the future")):
            with pytest.raises(Malformed, match=because):
                verified(vector, now)
        with pytest.raises(Malformed, match="not an accepted algorithm"):
            verified(vector, claims["iat"], algorithms=("ES384",))
        demanding = KeyAttestationsRequired(key_storage=(HIGH,))
        with pytest.raises(Malformed, match="key_storage"):
            verified(vector, claims["iat"], required=demanding)
        with pytest.raises(Malformed, match="does not verify"):
            verified({**vector, "jwk": dict(HOLDER.public_jwk)}, claims["iat"])
    assert tried == 3


@pytest.mark.spec("VCI-D.1-08", "VCI-D.1-09", "VCI-D.1-10")
def test_the_specification_s_example(vectors: Path) -> None:
    """What it says, signed here: its own signature, and its certificate, are not in the specification."""
    folder = vectors / "oid4vci-1.0"
    (path,) = folder.glob("057*.parsed.json")
    example = json.loads(path.read_text())
    made = Attestation(None, claims=example["jose_payload"], header={"typ": example["jose_header"]["typ"]})
    assert example["jose_header"]["alg"] == made.signer.algorithm
    settings = known_attester(attesters={example["jose_payload"]["iss"]: public(made.signer)})
    attestation = accepted(
        lambda nonce: Attestation(nonce, claims=example["jose_payload"]),
        attesting(settings, required=KeyAttestationsRequired(key_storage=(MODERATE,), user_authentication=(MODERATE,))),
        now=example["jose_payload"]["iat"],
    )
    assert dict(attestation.keys[0].jwk) == example["jose_payload"]["attested_keys"][0]
    with pytest.raises(Malformed, match="x5c"):
        # Three dots are no base64.
        KeyAttestations(anchors=ANCHORS).read(str(certified(None, header={"x5c": example["jose_header"]["x5c"]}))).verify(
            algorithms=("ES256",),
            required=None,
            max_keys=1,
            exp_required=False,
            audience=IDENTIFIER,
            nonce=True,
            keys={},
            statuses={},
            now=NOW,
        )


def test_the_specification_s_proofs_object(vectors: Path) -> None:
    """One JWT in an array under `attestation`; its place is held by a description."""
    (path,) = (vectors / "oid4vci-1.0").glob("063*.json")
    proofs = json.loads(path.read_text())
    assert list(proofs) == ["attestation"]
    assert len(proofs["attestation"]) == 1
    world = attesting()
    token, nonce = world.token("note"), world.nonce()
    body = {"credential_configuration_id": "note", "proofs": {"attestation": [str(Attestation(nonce))]}}
    assert body["proofs"].keys() == proofs.keys()  # type: ignore[attr-defined]
    assert world.credential(token, body).status == 200


# --- other libraries ----------------------------------------------------------------------------------------------------------


def said(nonce: str | None, *keys: dict[str, Any]) -> dict[str, Any]:
    return {
        "iss": ATTESTER,
        "iat": NOW,
        "exp": NOW + 60,
        "nonce": nonce,
        "key_storage": [HIGH],
        "attested_keys": list(keys),
    }


@pytest.mark.spec("HAIP-7-02", "VCI-D-05")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("algorithm", "kty", "crv"),
    [("ES256", "EC", "P-256"), ("ES384", "EC", "P-384"), ("ES512", "EC", "P-521"), ("EdDSA", "OKP", "Ed25519")],
)
def test_attestations_that_joserfc_made(algorithm: str, kty: str, crv: str) -> None:
    def new() -> Any:
        return joserfc_jwk.ECKey.generate_key(crv) if kty == "EC" else joserfc_jwk.OKPKey.generate_key("Ed25519")

    attester, holders = new(), [new(), new()]
    world = attesting(
        known_attester(attesters={ATTESTER: (public_key(attester.as_dict(private=False)),)}), algorithms=(algorithm,)
    )
    keys = [each.as_dict(private=False) for each in holders]
    attestation = accepted(
        lambda nonce: joserfc_jwt.encode(
            {"typ": "key-attestation+jwt", "alg": algorithm}, said(nonce, *keys), attester, algorithms=[algorithm]
        ),
        world,
    )
    assert attestation.keys == tuple(public_key(key) for key in keys)


@pytest.mark.spec("HAIP-7-02", "VCI-D-05")
@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("ES256", {"kty": "EC", "crv": "P-256"}),
        ("ES256K", {"kty": "EC", "crv": "secp256k1"}),
        ("EdDSA", {"kty": "OKP", "crv": "Ed25519"}),
    ],
)
def test_attestations_that_jwcrypto_made(algorithm: str, kind: dict[str, str]) -> None:
    attester, holder = (jwcrypto_jwk.JWK.generate(**kind) for _ in range(2))

    def make(nonce: str | None) -> str:
        token = jwcrypto_jwt.JWT(
            header={"alg": algorithm, "typ": "key-attestation+jwt"},
            claims=said(nonce, holder.export_public(as_dict=True)),
            algs=[algorithm],
        )
        token.make_signed_token(attester)
        text: str = token.serialize()
        return text

    settings = known_attester(attesters={ATTESTER: (public_key(attester.export_public(as_dict=True)),)})
    attestation = accepted(make, attesting(settings, algorithms=(algorithm,)))
    assert attestation.keys == (public_key(holder.export_public(as_dict=True)),)


@pytest.mark.spec("VCI-D-05")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA"])
def test_others_read_what_was_made_here(algorithm: str) -> None:
    attester, now = LocalSigner.generate("attester", algorithm), int(time.time())
    data = key_attestation_signing_input(
        attester,
        issuer=ATTESTER,
        attested_keys=[key.public_jwk for key in HOLDERS[:2]],
        now=now,
        lifetime=600,
        nonce="n",
        key_storage=(HIGH,),
    )
    token = _jose.compact(data, attester.sign(data))
    jwk: dict[str, Any] = dict(attester.public_jwk)
    read = joserfc_jwt.decode(token, joserfc_jwk.import_key(jwk), algorithms=[algorithm])
    theirs = jwcrypto_jwt.JWT(jwt=token, key=jwcrypto_jwk.JWK(**jwk), algs=[algorithm])
    for header, claims in ((read.header, read.claims), (json.loads(theirs.header), json.loads(theirs.claims))):
        assert header == {"typ": "key-attestation+jwt", "alg": algorithm, "kid": "attester"}
        assert claims == {
            "iss": ATTESTER,
            "iat": now,
            "exp": now + 600,
            "nonce": "n",
            "key_storage": [HIGH],
            "attested_keys": [dict(key.public_jwk) for key in HOLDERS[:2]],
        }
