"""DID documents: the keys that they have for a purpose, in the shapes in which others publish them, and all that is no key."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _base58
from oid4vci._json import Malformed, b64url_decode, dump_bytes
from oid4vci.data_integrity import controlled_identifier_document
from oid4vci.dids import did_document_keys, did_web_url, multikey, resolve
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, public_key

NOW = 1_800_000_000
DID = "did:web:issuer.example.com:tenants:1"
SIGNERS = {name: LocalSigner.generate(name, name) for name in ("ES256", "ES384", "ES512", "ES256K", "EdDSA")}
KEYS = {name: public_key(signer.public_jwk) for name, signer in SIGNERS.items()}
ED25519, P256, SECP256K1 = KEYS["EdDSA"], KEYS["ES256"], KEYS["ES256K"]


def base58(key: PublicKey) -> str:
    return _base58.encode(_base58.decode(multikey(key)[1:])[2:])


def method(fragment: str = "#key-1", key: PublicKey = P256, **members: Any) -> dict[str, Any]:
    """A verification method; a member that is `...` is left out."""
    whole = {"id": f"{DID}{fragment}", "type": "JsonWebKey2020", "controller": DID, "publicKeyJwk": dict(key.jwk), **members}
    return {name: value for name, value in whole.items() if value is not ...}


def multi(fragment: str = "#key-1", key: PublicKey = P256, **members: Any) -> dict[str, Any]:
    return method(fragment, **{"type": "Multikey", "publicKeyJwk": ..., "publicKeyMultibase": multikey(key), **members})


def document(*methods: Any, **members: Any) -> dict[str, Any]:
    """A document with these methods, all of them for assertions."""
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
        "id": DID,
        "verificationMethod": list(methods),
        "assertionMethod": [each["id"] for each in methods if isinstance(each, Mapping) and "id" in each],
        **members,
    }


def keys(read: Any, url: str = f"{DID}#key-1", purpose: str = "assertionMethod", now: int = NOW) -> tuple[PublicKey, ...]:
    return did_document_keys(read if isinstance(read, bytes) else dump_bytes(read), url, purpose=purpose, now=now)


# --- as others publish them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "key"),
    [
        *((method(key=key), key) for key in KEYS.values()),
        *((method(key=key, type="JsonWebKey"), key) for key in KEYS.values()),
        *((multi(key=key), key) for key in KEYS.values()),
        (multi(key=ED25519, type="Ed25519VerificationKey2020"), ED25519),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58=base58(ED25519)), ED25519),
        (method(key=ED25519, type="Ed25519VerificationKey2018"), ED25519),
        (method(key=SECP256K1, type="EcdsaSecp256k1VerificationKey2019"), SECP256K1),
        (method(type="EcdsaSecp256k1VerificationKey2019", publicKeyJwk=..., publicKeyBase58=base58(SECP256K1)), SECP256K1),
        (multi(type="EcdsaSecp256r1VerificationKey2019"), P256),
        (method(type="P256Key2021", publicKeyJwk=..., publicKeyBase58=base58(P256)), P256),
        # More members, of the key and of the method.
        (method(publicKeyJwk={**P256.jwk, "kid": "key-1", "alg": "ES256", "use": "sig"}, name="signs", blockchain=1), P256),
        (method(revoked="2030-01-01T00:00:00Z", expires="2030-01-01T00:00:00+02:00"), P256),
    ],
)
def test_types_of_verification_methods(published: dict[str, Any], key: PublicKey) -> None:
    assert keys(document(published)) == (key,)
    assert keys(document(published), DID) == (key,)


def test_published_did_documents(vectors: Path) -> None:
    """What other implementations make of did:key and did:jwk leads to the key that the DID itself is."""
    read = 0
    for vector in json.loads((vectors / "did" / "vectors.json").read_text())["vectors"]:
        whole, did = vector["did_document"], vector["did"]
        url = whole["verificationMethod"][0]["id"]
        for purpose in ("authentication", "assertionMethod", "capabilityInvocation", "capabilityDelegation"):
            # One has a stray character in a reference.
            if vector.get("key_type") == "X25519" or url not in whole.get(purpose, ()):
                with pytest.raises(Malformed):
                    keys(whole, url, purpose)
                continue
            found = keys(whole, url, purpose)
            assert found == keys(whole, did, purpose)
            if vector.get("key_type") == "RSA":
                # A document can have it, but there is no Multikey of it here.
                with pytest.raises(Malformed):
                    resolve(did)
                assert found[0].jwk["kty"] == "RSA"
            else:
                assert found == (resolve(did),)
            read += 1
        with pytest.raises(Malformed):
            keys(whole, f"{did}#other")
    assert read == 15 * 4 + 3


def test_the_document_that_is_made_here() -> None:
    signers = [SIGNERS["ES256"], SIGNERS["EdDSA"]]
    made = controlled_identifier_document(DID, signers)
    assert made["@context"][0] == "https://www.w3.org/ns/did/v1"
    assert keys(made, f"{DID}#ES256") == (P256,)
    assert keys(made, DID) == (P256, ED25519)
    with pytest.raises(Malformed, match="authentication"):
        keys(made, f"{DID}#ES256", "authentication")


def test_what_a_host_does_to_resolve_a_did_web() -> None:
    published = {"https://issuer.example.com/tenants/1/did.json": dump_bytes(document(method(), authentication=["#key-1"]))}

    def resolved(reference: KeyReference) -> tuple[PublicKey, ...]:
        body = published[did_web_url(reference.url)]
        return did_document_keys(body, reference.url, purpose="authentication", now=NOW)

    assert resolved(KeyReference(f"{DID}#key-1")) == resolved(KeyReference(DID)) == (P256,)
    with pytest.raises(Malformed):
        resolved(KeyReference(f"{DID}#key-2"))


def test_relative_and_absolute_urls() -> None:
    for written in ("#key-1", f"{DID}#key-1"):
        for referred in ("#key-1", f"{DID}#key-1"):
            assert keys(document(method(id=written), assertionMethod=[referred])) == (P256,)
        assert keys(document(assertionMethod=[method(id=written)])) == (P256,)
    # With a path it is another URL, also where a relative one is meant.
    for written in ("key-1", "/#key-1", "?#key-1", "//issuer.example.com#key-1", "https://issuer.example.com#key-1", "#key 1"):
        with pytest.raises(Malformed, match="no such key"):
            keys(document(method(id=written)))


def test_a_key_that_stands_within_a_purpose_is_for_that_one() -> None:
    whole = document(authentication=[method()], assertionMethod=["#key-1"])
    assert keys(whole, purpose="authentication") == (P256,)
    with pytest.raises(Malformed, match="assertionMethod: does not have the key"):
        keys(whole)
    with pytest.raises(Malformed, match="no key that is supported"):
        keys(whole, DID)


@pytest.mark.parametrize(
    "purpose", ["authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation"]
)
def test_purposes(purpose: str) -> None:
    whole = document(method(), assertionMethod=[])
    for listed in ("authentication", "assertionMethod", "capabilityInvocation"):
        there = {**whole, listed: [f"{DID}#key-1"]}
        if listed == purpose:
            assert keys(there, purpose=purpose) == (P256,)
        else:
            with pytest.raises(Malformed, match=f"{purpose}: does not have the key"):
                keys(there, purpose=purpose)
    with pytest.raises(ValueError, match="purpose must be one of"):
        keys(whole, purpose="verificationMethod")


def test_all_keys_of_a_purpose_but_those_that_are_none() -> None:
    others = [
        method("#x25519", publicKeyJwk={"kty": "OKP", "crv": "X25519", "x": ED25519.jwk["x"]}),
        method("#private", publicKeyJwk={**P256.jwk, "d": P256.jwk["x"]}),
        method("#address", type="EcdsaSecp256k1RecoveryMethod2020", publicKeyJwk=..., blockchainAccountId="eip155:1:0x89a9"),
        method("#theirs", controller="did:web:other.example"),
        method("#expired", expires="2020-01-01T00:00:00Z"),
        method("#revoked", revoked="2020-01-01T00:00:00Z"),
    ]
    whole = document(*others, method(), multi("#key-2", ED25519))
    whole["assertionMethod"] += ["did:web:other.example#key-1", "#nowhere", 1, None, {}]
    assert keys(whole, DID) == (P256, ED25519)
    for each in others:
        with pytest.raises(Malformed):
            keys(whole, each["id"])
    with pytest.raises(Malformed, match="assertionMethod: has no key that is supported"):
        keys(document(*others), DID)


def test_up_to_a_hundred_methods() -> None:
    many = [method(f"#{i}") for i in range(100)]
    assert len(keys(document(*many), DID)) == 100
    with pytest.raises(Malformed, match="at most 100"):
        keys(document(*many, method()), DID)
    with pytest.raises(Malformed, match="at most 100"):
        keys(document(method(), authentication=["#key-1"] * 101), DID)


# --- what is no key -----------------------------------------------------------------------------------------------------------

X_OF_ANOTHER = {**P256.jwk, "x": public_key(LocalSigner.generate("k").public_jwk).jwk["x"]}


@pytest.mark.parametrize(
    ("published", "because"),
    [
        (method(controller="did:web:other.example"), "controller"),
        (method(controller=f"{DID}#key-1"), "controller"),
        (method(controller=[DID]), "controller"),
        (method(controller=...), "controller"),
        (method(type=...), "type"),
        (method(type="Ed25519VerificationKey2099"), "type"),
        (method(type=["JsonWebKey2020"]), "type"),
        (method(type="EcdsaSecp256k1RecoveryMethod2020"), "type"),
        (method(expires="2020-01-01T00:00:00Z"), "expires"),
        (method(revoked="2027-01-15T08:00:00Z"), "revoked"),
        (method(revoked=None), "revoked"),
        (method(expires="2030"), "expires"),
        # No key, two keys, a key under the name of another kind.
        (method(publicKeyJwk=...), "publicKeyJwk alone"),
        (method(publicKeyMultibase=multikey(P256)), "publicKeyJwk alone"),
        (multi(publicKeyBase58=base58(P256)), "publicKeyMultibase alone"),
        (multi(type="JsonWebKey"), "publicKeyJwk alone"),
        (method(type="Multikey"), "publicKeyMultibase alone"),
        (method(type="Ed25519VerificationKey2020", key=ED25519), "publicKeyMultibase alone"),
        (multi(type="Ed25519VerificationKey2020"), "not the kind of key"),
        (method(type="EcdsaSecp256k1VerificationKey2019"), "not the kind of key"),
        (multi(type="EcdsaSecp256r1VerificationKey2019", key=SECP256K1), "not the kind of key"),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58=base58(P256)), "size"),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58=multikey(ED25519)), "size"),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58="l" * 43), "base58"),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58="2" * 10_000), "longer"),
        (method(type="Ed25519VerificationKey2018", publicKeyJwk=..., publicKeyBase58=[]), "string"),
        # Private halves, wherever they stand.
        (method(publicKeyJwk={**P256.jwk, "d": P256.jwk["x"]}), "private"),
        (method(privateKeyJwk={**P256.jwk, "d": P256.jwk["x"]}), "private"),
        (multi(secretKeyMultibase="z42tjX"), "private"),
        (multi(publicKeyMultibase="z" + _base58.encode(b"\x86\x26" + b64url_decode(P256.jwk["x"]))), "private"),
        # Keys that are none.
        (method(publicKeyJwk=X_OF_ANOTHER), "curve"),
        (method(publicKeyJwk={"kty": "oct", "k": "AAAA"}), "publicKeyJwk"),
        (method(publicKeyJwk={**P256.jwk, "use": "enc"}), "use"),
        (method(publicKeyJwk=[]), "publicKeyJwk"),
        (method(publicKeyJwk=None), "publicKeyJwk"),
        (multi(publicKeyMultibase=1), "string"),
        (multi(publicKeyMultibase=""), "base58btc"),
        (multi(publicKeyMultibase="u" + P256.jwk["x"]), "base58btc"),
        # Of early drafts, which left out what kind of key it is.
        (multi(publicKeyMultibase=f"z{base58(ED25519)}"), "not supported"),
        (multi(publicKeyMultibase=f"z{'2' * 10_000}"), "longer"),
    ],
)
def test_methods_that_are_not_to_be_used(published: dict[str, Any], because: str) -> None:
    for whole in (document(published), document(assertionMethod=[published])):
        with pytest.raises(Malformed, match=because):
            keys(whole)
        with pytest.raises(Malformed, match="no key that is supported"):
            keys(whole, DID)


@pytest.mark.parametrize(
    ("whole", "because"),
    [
        (document(method(), id="did:web:issuer.example.com"), "id: is not the identifier"),
        (document(method(), id=f"{DID}:2"), "id"),
        (document(method(), id=f"{DID}#"), "id: must be a DID"),
        (document(method(), id="did:web:"), "DID URL"),
        (document(method(), id=None), "id"),
        (document(method(), id=[DID]), "id"),
        # One name, two keys, wherever they stand, and however the name is written.
        (document(method(), multi(key=ED25519)), "two keys"),
        (document(method(), method(id="#key-1", key=ED25519)), "two keys"),
        (document(method(), method(publicKeyJwk={**P256.jwk, "kid": "1"})), "two keys"),
        (document(method(), assertionMethod=[multi(key=ED25519)]), "two keys"),
        (document(method(), keyAgreement=[multi(key=ED25519)]), "keyAgreement: has two keys"),
        (document(method(), verificationMethod=method()), "array"),
        (document(method(), assertionMethod=f"{DID}#key-1"), "array"),
        (document(method(), assertionMethod=None), "array"),
        (document(method(), authentication={}), "authentication: must be an array"),
        (document(), "no such key"),
        (document(method("#key-2")), "no such key"),
        (document(method(id=1)), "no such key"),
        (document(method(id=...)), "no such key"),
        (document(method(), assertionMethod=[]), "assertionMethod"),
        (document(method(), assertionMethod=["did:web:other.example#key-1"]), "assertionMethod"),
        (document(method(), assertionMethod=["key-1", DID, f"{DID}#", "#key-10"]), "assertionMethod"),
        ({"didDocument": document(method())}, "id"),
        ({}, "id"),
        (b"[]", "object"),
        (b"", "JSON"),
        (b'{"id": 1, "id": 2}', "repeated"),
        (dump_bytes(document(method(), padding="a" * 2_000_000)), "large"),
        (b'{"id":' + b"[" * 1_000 + b"]" * 1_000 + b"}", "deep"),
    ],
)
def test_documents_that_lead_to_no_key(whole: Any, because: str) -> None:
    with pytest.raises(Malformed, match=because):
        keys(whole)


@pytest.mark.parametrize("rest", ["#", "#key", "#key-1#", "/#key-1", "?#key-1", "/path", "?versionId=1", "#KEY-1", "#%6Bey-1"])
def test_only_what_the_url_names(rest: str) -> None:
    with pytest.raises(Malformed):
        keys(document(method()), f"{DID}{rest}")


def test_the_same_method_twice_is_one() -> None:
    assert keys(document(method(), method(id="#key-1"), authentication=[method()])) == (P256,)


PLACES = st.sampled_from(["id", "type", "controller", "publicKeyJwk", "publicKeyMultibase", "expires", "revoked"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(DID) | st.just("#key-1"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(PLACES | st.sampled_from(["kty", "crv", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(PLACES, JSON, max_size=3), st.sampled_from(["verificationMethod", "assertionMethod"]), JSON)
def test_arbitrary_members_give_the_key_or_nothing(members: dict[str, Any], name: str, value: Any) -> None:
    for whole in (document({**method(), **members}), document(method(), **{name: value}), document(method(), value)):
        for url in (DID, f"{DID}#key-1"):
            with suppress(Malformed):
                assert set(keys(whole, url)) <= {P256}


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=1))
def test_a_changed_byte_never_gives_another_key_for_the_same_did(place: int, byte: bytes) -> None:
    """The document is not signed: what changes must be the key, and then it is another one, or nothing that is looked at."""
    good = dump_bytes(document(multi(), assertionMethod=["#key-1"]))
    at = place % len(good)
    with suppress(Malformed):
        (found,) = keys(good[:at] + byte + good[at + 1 :])
        assert found == P256 or multikey(found).encode() in good[:at] + byte + good[at + 1 :]
