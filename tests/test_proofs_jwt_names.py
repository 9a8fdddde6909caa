"""How a `jwt` proof names its key (OID4VCI F.1): by a DID that is a key itself, by a certificate, by the key.

Each test breaks one rule in an otherwise good proof, at a whole issuer. DIDs that have to be resolved are in
test_proofs_jwt_resolved.py, keys that are attested in test_proofs_jwt_attested.py.
"""

import json
from typing import Any

import pytest
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.dids import DID_METHODS, DidUrl
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.x509 import Anchors
from tests.issuance import ALGORITHMS, NOW, Proof
from tests.jwt_proofs import ANOTHER, accepted, broken, by_kid, by_x5c, did_url, send, taking
from tests.key_attestations import HOLDER, HOLDERS, public
from tests.test_x509 import CERT_SIGN, DAY, SIGNING_ONLY, PrivateKey, certificate

# --- DIDs -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-21")
@pytest.mark.parametrize("method", ["key", "jwk"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_did_that_is_a_key_is_what_the_credential_is_bound_to(method: str, algorithm: str) -> None:
    holder = LocalSigner.generate("holder", algorithm)
    world = taking()
    order = accepted(lambda nonce: by_kid(nonce, did_url(holder, method), holder), world)
    assert order.holder_keys == public(holder)
    assert order.holder_keys[0].did_url == did_url(holder, method)
    # Nobody is asked for what is in the DID.
    assert world.host.asked == []


def test_only_a_kid_that_named_the_key_is_a_did_url() -> None:
    """Not the `kid` of a JWK, even if it is the key's own DID URL, nor that of the JWK in a did:jwk."""
    url = did_url(HOLDER)
    order = accepted(lambda nonce: Proof(nonce, HOLDER, header={"jwk": {**HOLDER.public_jwk, "kid": url}}))
    assert order.holder_keys[0].did_url is None
    inner = f"did:jwk:{b64url_encode(dump_bytes({**HOLDER.public_jwk, 'kid': 'did:web:victim.example#key-1'}))}#0"
    order = accepted(lambda nonce: by_kid(nonce, inner))
    assert order.holder_keys[0].did_url == inner


@pytest.mark.spec("VCI-F.1-21", "VCI-F.4-04")
@pytest.mark.parametrize("method", ["key", "jwk"])
def test_the_signature_is_by_the_key_of_the_did(method: str) -> None:
    broken(lambda nonce: by_kid(nonce, did_url(ANOTHER, method)), "the signature does not verify")
    broken(lambda nonce: by_kid(nonce, did_url(HOLDER, method), signer=ANOTHER), "the signature does not verify")


KEY_DID, JWK_DID = (did_url(HOLDER, method).partition("#")[0] for method in ("key", "jwk"))
P384 = did_url(LocalSigner.generate("x", "ES384"))
PRIVATE = f"did:jwk:{b64url_encode(dump_bytes({**HOLDER.public_jwk, 'd': 'AA'}))}#0"
SYMMETRIC = f"did:jwk:{b64url_encode(dump_bytes({'kty': 'oct', 'k': 'AA'}))}#0"
ENCRYPTION = f"did:jwk:{b64url_encode(dump_bytes({**HOLDER.public_jwk, 'use': 'enc'}))}#0"


@pytest.mark.spec("VCI-F.1-04", "VCI-F.4-05")
@pytest.mark.parametrize(
    ("kid", "because"),
    [
        # It names a DID, not one of its keys.
        (KEY_DID, "fragment"),
        (JWK_DID, "fragment"),
        (KEY_DID + "#", "fragment"),
        # A key that the DID does not have.
        (KEY_DID + "#0", "does not have"),
        (JWK_DID + "#1", "does not have"),
        (f"{KEY_DID}{P384[P384.index('#') :]}", "does not have"),
        # Leads to no key.
        (f"{KEY_DID}/path#{KEY_DID[8:]}", "path"),
        (f"{KEY_DID}?x=1#{KEY_DID[8:]}", "path"),
        ("did:key:zzz#zzz", ""),
        ("did:jwk:AA#0", ""),
        ("did:jwk:#0", ""),
        ("did:key:z6Mk#z6Mk", ""),
        (PRIVATE, "private"),
        (SYMMETRIC, "private"),
        (ENCRYPTION, "signatures"),
        # Not a DID URL.
        ("did:", "DID URL"),
        ("did:#", "DID URL"),
        ("did:key", "DID URL"),
        ("did:KEY:z6Mk#z6Mk", "DID URL"),
        ("did:web:a b#k", "DID URL"),
        ("did:web:a.example#k#k", "DID URL"),
        ("did:web:é.example#k", "DID URL"),
        ("did:web:" + "a" * 5_000 + "#k", "DID URL"),
        (f"#{KEY_DID[8:]}", "no key that can be found"),
        (f" {did_url(HOLDER)}", "no key that can be found"),
        (f"DID:key:{KEY_DID[8:]}#{KEY_DID[8:]}", "no key that can be found"),
        ("https://holder.example/jwks#k", "no key that can be found"),
        ("urn:ietf:params:oauth:jwk-thumbprint:sha-256:x", "no key that can be found"),
        # Names nothing, without a key attestation.
        ("0", "no key that can be found"),
        ("holder", "no key that can be found"),
        ("x" * 1_000, "too long"),
        ("", "string"),
        (0, "string"),
        (True, "string"),
        ([did_url(HOLDER)], "string"),
        ({}, "string"),
    ],
)
def test_a_kid_that_names_no_key(kid: Any, because: str) -> None:
    world = taking()
    broken(lambda nonce: by_kid(nonce, kid), because, world=world)
    assert world.host.asked == []


def test_the_key_of_a_did_fits_the_algorithm() -> None:
    broken(lambda nonce: by_kid(nonce, P384), "does not fit")
    limited = f"did:jwk:{b64url_encode(dump_bytes({**HOLDER.public_jwk, 'alg': 'ES384'}))}#0"
    broken(lambda nonce: by_kid(nonce, limited), "does not fit")


@pytest.mark.parametrize(
    ("method", "bindings"),
    [
        ("key", ("jwk",)),
        ("key", ("jwk", "cose_key", "did:jwk", "did:web")),
        ("jwk", ("jwk", "did:key")),
        ("jwk", ("did:jwkx", "did:jw", "did", "jwk")),
    ],
)
def test_a_did_is_of_a_method_to_which_the_credential_is_bound(method: str, bindings: tuple[str, ...]) -> None:
    broken(lambda nonce: by_kid(nonce, did_url(HOLDER, method)), "DID method", world=taking(bindings=bindings))


def test_where_credentials_are_bound_to_dids_only_a_key_alone_is_refused() -> None:
    def good(nonce: str | None) -> Proof:
        return by_kid(nonce, did_url(HOLDER))

    world = taking(bindings=("did:key",))
    broken(lambda nonce: Proof(nonce, HOLDER), "DID URL", world=world, good=good)
    broken(lambda nonce: by_x5c(nonce, LEAF), "DID URL", world=world, good=good)


@pytest.mark.spec("VCI-F.1-06")
@pytest.mark.parametrize("binding", ["jwk", "cose_key"])
def test_a_key_alone_is_bound_as_jwk_or_cose_key(binding: str) -> None:
    assert accepted(lambda nonce: Proof(nonce, HOLDER), taking(bindings=(binding,))).holder_keys == public(HOLDER)
    assert accepted(lambda nonce: by_x5c(nonce, LEAF), taking(bindings=(binding,))).holder_keys == public(HOLDER)


def test_one_key_counts_once_by_whatever_name() -> None:
    """The DID URL stays, wherever it was said; of two, the first."""

    def named(*kids: str | None) -> Any:
        return lambda nonce: [Proof(nonce, HOLDER) if kid is None else by_kid(nonce, kid) for kid in kids]

    key, jwk = did_url(HOLDER), did_url(HOLDER, "jwk")
    for kids, kept in (((None, key), key), ((key, None), key), ((key, key), key), ((jwk, key), jwk), ((None, None), None)):
        order = accepted(named(*kids))
        assert order.holder_keys == public(HOLDER)
        assert order.holder_keys[0].did_url == kept


def test_several_proofs_each_with_another_kind_of_name() -> None:
    """pitfall: a batch refused."""
    first, second, third = HOLDERS[1:4]
    order = accepted(
        lambda nonce: [
            Proof(nonce, first),
            by_kid(nonce, did_url(second), second),
            by_kid(nonce, did_url(third, "jwk"), third),
            by_x5c(nonce, LEAF),
        ]
    )
    assert order.holder_keys == public(first, second, third, HOLDER)
    assert [key.did_url for key in order.holder_keys] == [None, did_url(second), did_url(third, "jwk"), None]


def test_one_bad_proof_refuses_all() -> None:
    broken(lambda nonce: [Proof(nonce, HOLDER), by_kid(nonce, did_url(ANOTHER), HOLDER)], "proofs.jwt[1]: the signature")
    broken(lambda nonce: [by_kid(nonce, "did:key:z#z"), Proof(nonce, HOLDER)], "proofs.jwt[0].header.kid")


@frozen
class DidExample:
    """A third party's DID method."""

    keys: dict[str, PublicKey]

    def did(self, key: PublicKey) -> str:
        return next(f"did:example:{name}" for name, each in self.keys.items() if each == key)

    def verification_method(self, did: str) -> str:
        return f"{did}#only"

    def key(self, url: DidUrl) -> PublicKey:
        return self.keys[url.method_specific_id]


def test_another_did_method_may_be_resolved_here() -> None:
    methods = {**DID_METHODS, "example": DidExample({"ada": public_key(HOLDER.public_jwk)})}
    world = taking(JwtProofType(did_methods=methods))
    order = accepted(lambda nonce: by_kid(nonce, "did:example:ada#only"), world)
    assert order.holder_keys[0].did_url == "did:example:ada#only"
    assert world.host.asked == []
    broken(lambda nonce: by_kid(nonce, "did:example:ada#only", ANOTHER), "the signature", world=world)


# --- certificates ---------------------------------------------------------------------------------------------------------------

START, END = NOW - DAY, NOW + DAY
ROOT_KEY, HOLDER_KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
CERTIFIED = LocalSigner("certified", "ES256", HOLDER_KEY)


def for_key(key: Any, issuer: str = "root", issuer_key: PrivateKey = ROOT_KEY, start: int = START, end: int = END) -> bytes:
    return certificate("holder", key, issuer, issuer_key, (SIGNING_ONLY, True), start=start, end=end)


ROOT = certificate(
    "root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, 0), True), (CERT_SIGN, True), start=START, end=END
)
LEAF = for_key(HOLDER._private_key)
CERTIFIED_LEAF = for_key(HOLDER_KEY)
EXPIRED = for_key(HOLDER_KEY, start=NOW - 9 * DAY, end=NOW - DAY)
SELF_SIGNED = for_key(HOLDER_KEY, "holder", HOLDER_KEY)
FORGED = for_key(HOLDER_KEY, issuer_key=OTHER_KEY)
FOR_OTHER = for_key(OTHER_KEY)


@pytest.mark.spec("VCI-F.1-08", "VCI-F.1-21")
@pytest.mark.parametrize("chain", [(CERTIFIED_LEAF,), (CERTIFIED_LEAF, ROOT), (CERTIFIED_LEAF, FOR_OTHER)])
def test_the_first_certificate_carries_the_key(chain: tuple[bytes, ...]) -> None:
    order = accepted(lambda nonce: by_x5c(nonce, *chain, holder=CERTIFIED))
    assert order.holder_keys == public(CERTIFIED)
    assert order.holder_keys[0].did_url is None


@pytest.mark.parametrize("leaf", [SELF_SIGNED, EXPIRED, FORGED])
def test_without_anchors_a_certificate_is_nothing_but_a_carrier(leaf: bytes) -> None:
    order = accepted(lambda nonce: by_x5c(nonce, leaf, holder=CERTIFIED))
    assert order.holder_keys == public(CERTIFIED)


@pytest.mark.spec("VCI-F.1-21", "VCI-F.1-08")
@pytest.mark.parametrize("chain", [(FOR_OTHER,), (FOR_OTHER, CERTIFIED_LEAF), (ROOT, CERTIFIED_LEAF)])
def test_the_signature_is_by_the_key_of_the_first_certificate(chain: tuple[bytes, ...]) -> None:
    broken(lambda nonce: by_x5c(nonce, *chain, holder=CERTIFIED), "the signature does not verify")


RSA_LEAF = for_key(rsa.generate_private_key(65537, 2048))
P384_LEAF = for_key(ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.spec("VCI-F.1-08")
@pytest.mark.parametrize(
    "x5c",
    [
        [],
        "",
        {},
        True,
        "MIIB",
        ["!"],
        ["AA"],
        [1],
        [None],
        [[]],
        [b64url_encode(CERTIFIED_LEAF)],
        ["AAAA"],
        [CERTIFIED_LEAF[:-1].hex()],
        ["x" * 60_000],
        ["AAAA"] * 9,
    ],
)
def test_an_x5c_that_holds_no_certificates(x5c: Any) -> None:
    broken(lambda nonce: Proof(nonce, CERTIFIED, header={"jwk": None, "x5c": x5c}), "header.x5c")


def test_a_certificate_whose_key_does_not_fit() -> None:
    broken(lambda nonce: by_x5c(nonce, P384_LEAF, holder=CERTIFIED), "does not fit")
    broken(lambda nonce: by_x5c(nonce, RSA_LEAF, holder=CERTIFIED))
    cut = CERTIFIED_LEAF[:-5]
    broken(lambda nonce: by_x5c(nonce, cut, holder=CERTIFIED), "X.509")


@pytest.mark.spec("VCI-F.1-08")
def test_with_anchors_the_chain_leads_to_one() -> None:
    world = taking(JwtProofType(holder_anchors=Anchors.from_der(ROOT)))
    for good in ((CERTIFIED_LEAF,), (CERTIFIED_LEAF, ROOT)):
        assert accepted(lambda nonce, chain=good: by_x5c(nonce, *chain, holder=CERTIFIED), world).holder_keys == public(  # type: ignore[misc]
            CERTIFIED
        )
    for bad in ((SELF_SIGNED,), (EXPIRED,), (FORGED,), (FORGED, ROOT), (CERTIFIED_LEAF, b"x")):
        broken(lambda nonce, chain=bad: by_x5c(nonce, *chain, holder=CERTIFIED), "header.x5c", world=world)  # type: ignore[misc]
    # A certificate of the right authority, for somebody else's key.
    broken(lambda nonce: by_x5c(nonce, FOR_OTHER, holder=CERTIFIED), "the signature does not verify", world=world)
    # The rule is for certificates: other names stay what they are.
    accepted(lambda nonce: Proof(nonce, HOLDER), world)


def test_no_anchors_at_all_let_no_chain_in() -> None:
    broken(
        lambda nonce: by_x5c(nonce, CERTIFIED_LEAF, holder=CERTIFIED),
        "does not lead to",
        world=taking(JwtProofType(holder_anchors=Anchors())),
    )


# --- the rest of the header and the claims, with every kind of name ---------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-05", "VCI-F.1-07", "VCI-F.1-09", "VCI-F.1-21")
@pytest.mark.parametrize("names", [(), ("kid", "jwk"), ("kid", "x5c"), ("jwk", "x5c"), ("kid", "jwk", "x5c")])
def test_exactly_one_name_even_if_all_are_of_the_key(names: tuple[str, ...]) -> None:
    of_key = {
        "kid": did_url(CERTIFIED),
        "jwk": dict(CERTIFIED.public_jwk),
        "x5c": by_x5c(None, CERTIFIED_LEAF).header["x5c"],
    }
    members = {name: of_key[name] if name in names else None for name in of_key}
    broken(lambda nonce: Proof(nonce, CERTIFIED, header=members), "exactly one")


@pytest.mark.spec("VCI-F.1-02", "VCI-F.1-03", "VCI-F.1-24", "VCI-F.4-02", "VCI-F.4-03")
@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": None}, {"alg": "none"}, {"alg": "HS256"}, {"alg": "ES384"}, {"alg": None}, {"crit": ["x"]}],
)
def test_rules_of_the_header_hold_for_every_name(header: dict[str, Any]) -> None:
    broken(lambda nonce: by_kid(nonce, did_url(HOLDER), header=header))
    broken(lambda nonce: Proof(nonce, CERTIFIED, header={**by_x5c(nonce, CERTIFIED_LEAF).header, **header}))


@pytest.mark.spec("VCI-F.1-17", "VCI-8.2-20", "VCI-F.1-18", "VCI-F.1-20", "VCI-8.2-21", "VCI-F.4-01", "VCI-F.4-07")
@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": None}, "invalid_proof"),
        ({"aud": "https://other.example"}, "invalid_proof"),
        ({"iat": None}, "invalid_proof"),
        ({"iat": NOW + 61}, "invalid_proof"),
        ({"iat": NOW - 301}, "invalid_proof"),
        ({"exp": NOW}, "invalid_proof"),
        ({"iss": "other"}, "invalid_proof"),
        ({"nonce": None}, "invalid_proof"),
        ({"nonce": 1}, "invalid_proof"),
        ({"nonce": "x"}, "invalid_nonce"),
    ],
)
def test_rules_of_the_claims_hold_for_every_name(claims: dict[str, Any], error: str) -> None:
    broken(lambda nonce: by_kid(nonce, did_url(HOLDER), claims=claims), error=error)
    broken(lambda nonce: by_x5c(nonce, CERTIFIED_LEAF, holder=CERTIFIED, claims=claims), error=error)


@pytest.mark.spec("VCI-13.8-01", "VCI-F.4-06")
def test_a_proof_by_did_or_certificate_is_not_replayed() -> None:
    world = taking()
    for proof in (
        str(by_kid(world.nonce(), did_url(HOLDER))),
        str(by_x5c(world.nonce(), CERTIFIED_LEAF, holder=CERTIFIED)),
    ):
        assert send(world, proof).status == 200
        response = send(world, proof)
        assert (response.status, json.loads(response.body)["error"]) == (400, "invalid_nonce")


@pytest.mark.spec("VCI-F-01")
@pytest.mark.parametrize("proofs", [[], [{}], [{"jwt": "x"}], "x", {}, [None], [1], [["x"]]])
def test_the_proofs_are_a_non_empty_array_of_strings(proofs: Any) -> None:
    world = taking()
    body = {"credential_configuration_id": "note", "proofs": {"jwt": proofs}}
    response = world.credential(world.token("note"), body)
    assert (response.status, response.json()["error"]) == (400, "invalid_proof")


@pytest.mark.parametrize("nonce", [1, True, ["x"], {}])
def test_a_nonce_that_is_no_string_is_refused_where_none_is_needed(nonce: Any) -> None:
    broken(lambda _: Proof(None, HOLDER, claims={"nonce": nonce}), "nonce", world=taking(nonces=False))
