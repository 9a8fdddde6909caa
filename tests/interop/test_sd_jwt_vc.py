"""SD-JWT VCs that `@sd-jwt/sd-jwt-vc` makes are verified here, and those that are made here are verified, and presented, there."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from oid4vci import dids
from oid4vci._json import b64url_decode, b64url_encode, dump_bytes
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, REQUIRED, SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.formats.type_metadata import CredentialType, TypeMetadata
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.interop.parties import Party

pytestmark = pytest.mark.interop

ISSUER, VERIFIER = "https://issuer.example", "https://verifier.example"
BASE, VCT = "https://types.example/person", "https://types.example/person/pid"
CONFIGURATION = SdJwtVcConfiguration(vct=VCT)
CLAIMS: dict[str, Any] = {
    "given_name": "Zoë",
    "address": {"locality": "Köln", "country": "DE"},
    "nationalities": ["DE", "FR"],
    "age": 42,
    "nothing": None,
    "sub": "person-1",
}
PARTY, HOLDER = Party(ISSUER), Party("holder")
HOLDER_KEY = public_key(HOLDER.signer.public_jwk)


def private_jwk(signer: LocalSigner) -> dict[str, str]:
    """A generated key, to sign in another process."""
    key: Any = signer._private_key
    if signer.algorithm == "EdDSA":
        return {**signer.public_jwk, "d": b64url_encode(key.private_bytes_raw())}
    size = key.curve.key_size + 7 >> 3
    return {**signer.public_jwk, "d": b64url_encode(key.private_numbers().private_value.to_bytes(size, "big"))}


def verified(
    credential: str, *, signer: LocalSigner | None = None, verifier: SdJwtVcVerifier | None = None, trust: Trust | None = None
) -> VerifiedCredential:
    """Our word on a credential."""
    keys = [] if signer is None else [{**signer.public_jwk, "kid": "k"}]
    published = {jwt_vc_issuer_metadata_url(ISSUER): dump_bytes({"issuer": ISSUER, "jwks": {"keys": keys}})}
    outcome = (verifier or SdJwtVcVerifier()).verify(
        credential,
        configuration=CONFIGURATION,
        trust=trust or Trust.of(ISSUER, anchors=PARTY.anchors),
        holder_keys=[HOLDER_KEY],
        documents=published,
        now=int(time.time()),
    )
    assert isinstance(outcome, VerifiedCredential)
    return outcome


# --- theirs -----------------------------------------------------------------------------------------------------------------

SIGNERS = {name: LocalSigner.generate("k", name) for name in ("ES256", "ES384", "ES512", "EdDSA")}
FRAME = {
    "_sd": ["given_name", "sub", "address"],
    "_sd_decoy": 3,
    "address": {"_sd": ["locality"], "_sd_decoy": 1},
    "nationalities": {"_sd": [0, 1], "_sd_decoy": 1},
}


def question(signer: LocalSigner, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    own = {"iss": ISSUER, "vct": VCT, "iat": now, "exp": now + 86_400, "cnf": {"jwk": dict(HOLDER.signer.public_jwk)}}
    header = {"alg": signer.algorithm, "kid": "k", **changes.pop("header", {})}
    return {"key": private_jwk(signer), "header": header, "payload": {**own, **CLAIMS, **changes}, "frame": FRAME}


@pytest.fixture(scope="module")
def made(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """By name what they make."""
    es256 = SIGNERS["ES256"]
    did = dids.DID_METHODS["jwk"].did(public_key(es256.public_jwk))
    certified = {"header": {"alg": "ES256", "x5c": PARTY.x5c}}
    questions = {
        **{name: question(signer) for name, signer in SIGNERS.items()},
        "sha-512": {**question(es256), "hash": "sha-512"},
        "x5c": {**question(PARTY.signer, **certified), "key": PARTY.private_jwk},
        "x5c of another": {**question(es256, **certified)},
        "did": question(es256, iss=did, header={"kid": f"{did}#0"}),
        "expired": question(es256, exp=int(time.time()) - 600),
        "other key": question(es256, cnf={"jwk": dict(es256.public_jwk)}),
        "other type": question(es256, vct=BASE),
        "further type": question(es256, vct="https://types.example/other", aka_vcts=[VCT]),
        "plain": {**question(es256), "frame": {}},
    }
    answer: dict[str, Any] = node.run("sd_jwt_vc.mjs", {"issue": questions})["issue"]
    assert all(one.keys() == {"ok"} for one in answer.values()), answer
    return answer


@pytest.mark.parametrize("name", [*SIGNERS, "sha-512", "x5c", "further type", "plain"])
def test_theirs_are_verified(made: Mapping[str, Any], name: str) -> None:
    found = verified(made[name]["ok"], signer=SIGNERS.get(name, SIGNERS["ES256"]))
    assert {member: found.claims[member] for member in CLAIMS} == CLAIMS
    assert found.holder_key == HOLDER_KEY
    places = {one.path for one in found.disclosures}
    hidden = {("given_name",), ("sub",), ("address",), ("address", "locality"), ("nationalities", 0), ("nationalities", 1)}
    assert places == (set() if name == "plain" else hidden)


def test_theirs_by_a_did(made: Mapping[str, Any]) -> None:
    did = dids.DID_METHODS["jwk"].did(public_key(SIGNERS["ES256"].public_jwk))
    assert verified(made["did"]["ok"], trust=Trust.of(did)).issuer == did
    with pytest.raises(Untrusted):
        verified(made["did"]["ok"])


@pytest.mark.parametrize(
    ("name", "because"),
    [("expired", "exp"), ("other key", "cnf"), ("other type", "vct"), ("x5c of another", "does not verify")],
)
def test_what_is_wrong_with_theirs_is_noticed(made: Mapping[str, Any], name: str, because: str) -> None:
    with pytest.raises(InvalidCredential, match=because):
        verified(made[name]["ok"], signer=SIGNERS["ES256"])


def test_theirs_under_haip(made: Mapping[str, Any]) -> None:
    haip = SdJwtVcVerifier(haip=True)
    assert verified(made["x5c"]["ok"], verifier=haip)
    with pytest.raises(InvalidCredential, match="x5c is missing"):
        verified(made["ES256"]["ok"], signer=SIGNERS["ES256"], verifier=haip)


# --- ours -------------------------------------------------------------------------------------------------------------------

DEMANDS = [
    {"path": ["given_name"], "sd": "always", "mandatory": True, "display": [{"locale": "de", "label": "Vorname"}]},
    {"path": ["address", "locality"], "sd": "always"},
    {"path": ["nationalities", None], "sd": "always"},
    {"path": ["age"], "sd": "never"},
]
TYPES: dict[str, Any] = {
    VCT: {"vct": VCT, "extends": BASE, "claims": DEMANDS[2:], "display": [{"locale": "en", "name": "PID"}]},
    BASE: {"vct": BASE, "claims": DEMANDS[:2]},
}
TYPE = CredentialType.of(*(TypeMetadata.from_json(document) for document in TYPES.values()))


def ours(signer: LocalSigner, **fields: Any) -> str:
    encoder = SdJwtVcEncoder(
        **{"signer": signer, "kid": "k", "disclosable": EVERY_CLAIM, "lifetime": 86_400, "decoys": 2, **fields}
    )
    (credential,) = encoder.draft(
        CLAIMS,
        configuration=CONFIGURATION,
        issuer=ISSUER,
        holder_keys=[HOLDER_KEY],
        now=int(time.time()),
        new_secret=new_secret,
    ).finish()
    assert isinstance(credential, str)
    return credential


def asked(signer: LocalSigner, credential: str | None = None, **more: Any) -> dict[str, Any]:
    return {"credential": credential or ours(signer), "jwk": dict(signer.public_jwk), **more}


def changed(credential: str) -> str:
    """Another salt in the first disclosure, whose digest is then nowhere."""
    jwt, first, *rest = credential.split("~")
    other = dump_bytes(["salt", *json.loads(b64url_decode(first))[1:]])
    return "~".join((jwt, b64url_encode(other), *rest))


CHANGED = changed(ours(SIGNERS["ES256"]))


@pytest.fixture(scope="module")
def said(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """By name what they say."""
    es256 = SIGNERS["ES256"]
    typed = ours(es256, type_metadata=TYPE)
    certified = ours(PARTY.signer, x5c=(PARTY.leaf,), kid=None)
    holder: dict[str, Any] = {"holder": HOLDER.private_jwk, "audience": VERIFIER}
    questions = {
        **{name: asked(signer) for name, signer in SIGNERS.items()},
        "sha-384": asked(es256, ours(es256, hash_algorithm="sha-384")),
        "x5c": {"credential": certified, "anchors": PARTY.anchors_pem},
        "x5c under another anchor": {"credential": certified, "anchors": Party(ISSUER).anchors_pem},
        "nested": asked(es256, ours(es256, disclosable=[("address",), ("address", "locality"), ("nationalities", None)])),
        "nothing disclosable": asked(es256, ours(es256, disclosable=())),
        "typed": asked(es256, typed, documents=TYPES),
        "signed by another": asked(es256, ours(LocalSigner.generate("k"))),
        "changed": asked(es256, CHANGED),
        "presented": asked(es256, frame={"given_name": True, "address": True}, required=["given_name"], **holder),
        "presented without": asked(es256, frame={"address": True}, required=["given_name"], **holder),
        "presented by another": asked(es256, frame={}, **{**holder, "holder": PARTY.private_jwk}),
        "presented in part": asked(es256, typed, frame={"nationalities": {"1": True}}, **holder),
    }
    answer: dict[str, Any] = node.run("sd_jwt_vc.mjs", {"verify": questions})["verify"]
    return answer


@pytest.mark.parametrize("name", [*SIGNERS, "sha-384", "x5c", "nested", "nothing disclosable"])
def test_ours_are_verified(said: Mapping[str, Any], name: str) -> None:
    payload = said[name]["ok"]["payload"]
    assert {member: payload[member] for member in CLAIMS} == CLAIMS
    assert payload["cnf"] == {"jwk": dict(HOLDER_KEY.jwk)}
    assert payload["vct"] == VCT


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("x5c under another anchor", "not under the anchor"),
        ("signed by another", "Invalid JWT Signature"),
        ("presented without", "Missing required claim keys"),
        ("presented by another", "Invalid JWT Signature"),
    ],
)
def test_what_is_wrong_with_ours_is_noticed(said: Mapping[str, Any], name: str, because: str) -> None:
    assert because in said[name]["error"]


def test_disclosures_that_nothing_leads_to(said: Mapping[str, Any]) -> None:
    """They pass them over; RFC 9901 7.1 wants the whole refused."""
    assert "given_name" not in said["changed"]["ok"]["payload"]
    with pytest.raises(InvalidCredential, match="not referenced"):
        verified(CHANGED, signer=SIGNERS["ES256"])


def test_ours_are_presented(said: Mapping[str, Any]) -> None:
    """Under the key that they are bound to, with a part of what they say."""
    found = said["presented"]["ok"]
    assert found["audience"] == VERIFIER
    payload = found["payload"]
    assert payload["given_name"] == "Zoë"
    assert payload["address"] == CLAIMS["address"]
    assert not {"age", "nationalities", "sub"} & payload.keys()
    # What was presented is no credential that an issuer sends.
    with pytest.raises(InvalidCredential, match="key binding"):
        verified(found["presented"], signer=SIGNERS["ES256"])
    issued = f"{found['presented'].rpartition('~')[0]}~"
    assert verified(issued, signer=SIGNERS["ES256"]).claims["given_name"] == "Zoë"


def test_elements_that_were_not_presented_keep_their_places(said: Mapping[str, Any]) -> None:
    found = said["presented in part"]["ok"]
    assert found["payload"]["nationalities"] == ["FR"]
    issued = f"{found['presented'].rpartition('~')[0]}~"
    documents = {name: dump_bytes(document) for name, document in TYPES.items()}
    for path, sd, good in ((["nationalities", 1], "always", True), (["nationalities", 0], "always", True),
                           (["nationalities", 1], "never", False), (["nationalities", 0], "never", False)):  # fmt: skip
        types = {**documents, VCT: dump_bytes({"vct": VCT, "claims": [{"path": path, "sd": sd}]})}
        reader = SdJwtVcVerifier(type_metadata=REQUIRED, types=types)
        if good:
            assert verified(issued, signer=SIGNERS["ES256"], verifier=reader)
        else:
            with pytest.raises(InvalidCredential, match="disclosable"):
                verified(issued, signer=SIGNERS["ES256"], verifier=reader)


def test_the_type_is_the_same_here_and_there(said: Mapping[str, Any]) -> None:
    found = said["typed"]["ok"]
    assert found["types"] == [VCT, BASE] or found["types"] == [BASE, VCT]
    there = {tuple(claim["path"]): claim["sd"] for claim in found["claims"]}
    assert there == {claim.path: claim.sd for claim in TYPE.claims}
