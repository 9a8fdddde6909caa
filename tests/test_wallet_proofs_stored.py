"""Proofs, and what comes of them, as bytes and back: names of keys, key attestations, and what was stored before there were any."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, PublicKey
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.wallet import Deferred, Issued, Proofs, dump, load
from oid4vci.wallet.storage import State
from tests.interop.parties import Party
from tests.scripted_server import CREDENTIAL, HOLDER_KEYS, NOW, Server, wallet
from tests.test_wallet_storage import places
from tests.wallet_proofs import (
    ATTESTER,
    SIGNERS,
    attestation,
    credentials_for,
    ordered,
    remote,
    sent,
    server,
    signatures,
    taken,
)

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
METHODS = ("jwk", "did:web", "did:key")
CERTIFIED = Party("https://wallet.example")
BY_CERTIFICATE = HolderKey(CERTIFIED.signer, x5c=[CERTIFIED.leaf, CERTIFIED.authority])
WEB = HolderKey(remote(FIRST), did_url="did:web:wallet.example#1")
JWT, ATTESTED, ALONE = {"jwt": taken()}, {"jwt": taken(attested={})}, {"attestation": taken()}


def proved(types: Any, *keys: Any, attested: Any = (), methods: Any = METHODS) -> Proofs:
    given = attestation(*attested) if attested else None
    return ordered(server(types, methods)).prove(keys, now=NOW, key_attestation=given)


PROOFS = {
    "plain": proved(JWT, remote(FIRST), remote(SECOND)),
    "web": proved(JWT, WEB, remote(SECOND)),
    "did:key": proved(JWT, remote(FIRST), methods=["did:key"]),
    "x5c": proved(JWT, BY_CERTIFICATE),
    "attested": proved(ATTESTED, remote(FIRST), attested=[FIRST, SECOND]),
    "attestation": proved(ALONE, attested=[FIRST, SECOND]),
    "attestation of keys": proved(ALONE, remote(SECOND), attested=[SECOND, FIRST]),
    "none": proved(None, methods=None),
}


def results() -> dict[str, State]:
    """What comes of proofs by a key with a DID of its own."""
    issuer = server(JWT, METHODS, credentials_for(FIRST), Response.of_json(202, {"transaction_id": "t", "interval": 1}))
    proofs = ordered(issuer).prove([WEB], now=NOW)
    issued, deferred = [run(proofs.submit(signatures(proofs)), issuer) for _ in range(2)]
    assert isinstance(issued, Issued)
    assert isinstance(deferred, Deferred)
    return {"issued": issued, "deferred": deferred}


RESULTS = results()


def again(**settings: Any) -> Any:
    return wallet(**{"signers": {CERTIFIED.signer.key_id: BY_CERTIFICATE.signer}, **settings})


def names(keys: tuple[PublicKey, ...]) -> list[Any]:
    return [(key.jwk, key.did_url) for key in keys]


@pytest.mark.parametrize("name", PROOFS)
def test_proofs_come_back_as_they_were(name: str) -> None:
    before = PROOFS[name]
    loaded = load(dump(before), again())
    assert isinstance(loaded, Proofs)
    assert loaded == before
    assert (loaded.proof_type, loaded.key_attestation, loaded.to_sign) == (
        before.proof_type,
        before.key_attestation,
        before.to_sign,
    )
    assert names(loaded.holder_keys) == names(before.holder_keys)
    assert dump(loaded) == dump(before)


@pytest.mark.parametrize("name", ["web", "did:key", "attested", "attestation"])
def test_loaded_proofs_are_sent_like_those_that_were_stored(name: str) -> None:
    loaded = load(dump(PROOFS[name]), again())
    assert isinstance(loaded, Proofs)
    issuer = Server({CREDENTIAL: credentials_for(FIRST, SECOND)})
    issuer.answers[CREDENTIAL] = credentials_for(FIRST)
    assert isinstance(run(loaded.submit(signatures(loaded)), issuer), Issued)
    (proofs,) = sent(issuer)
    assert list(proofs) == [PROOFS[name].proof_type]


def test_keys_of_the_settings_sign() -> None:
    loaded = load(dump(PROOFS["web"]), again(signers=SIGNERS))
    assert isinstance(loaded, Proofs)
    assert loaded.to_sign == ()
    assert [key.did_url for key in loaded.keys] == ["did:web:wallet.example#1", None]
    assert all(isinstance(key.signer, LocalSigner) for key in loaded.keys)


@pytest.mark.parametrize("name", RESULTS)
def test_the_names_of_keys_are_kept_with_what_came(name: str) -> None:
    before = RESULTS[name]
    loaded = load(dump(before), again())
    assert loaded == before
    assert isinstance(before, Issued | Deferred)
    assert isinstance(loaded, Issued | Deferred)
    assert names(loaded.holder_keys) == names(before.holder_keys)
    assert before.holder_keys[0].did_url == "did:web:wallet.example#1"


# --- data that were stored by others ---------------------------------------------------------------------------------------


def envelope(state: State) -> Any:
    return _json.loads(dump(state))


def test_what_was_stored_before_there_were_proof_types_still_loads() -> None:
    stored = envelope(PROOFS["plain"])
    del stored["state"]["proof_type"]
    assert stored["state"].keys() == {"order", "signers", "now"}
    assert [signer.keys() for signer in stored["state"]["signers"]] == [{"key_id", "algorithm", "public_jwk"}] * 2
    assert load(_json.dump_bytes(stored), again()) == PROOFS["plain"]


ANOTHER = attestation(FIRST, nonce="nonce-0")


@pytest.mark.parametrize(
    ("name", "member", "value"),
    [
        ("plain", "proof_type", "attestation"),
        ("plain", "proof_type", "x-other"),
        ("plain", "proof_type", 1),
        ("plain", "key_attestation", ANOTHER),
        ("plain", "key_attestation", 1),
        ("attested", "key_attestation", None),
        ("attested", "key_attestation", ANOTHER),
        ("attested", "key_attestation", "x"),
        ("attested", "key_attestation", attestation(SECOND)),
        ("attested", "signers", []),
        ("attestation", "key_attestation", None),
        ("attestation", "key_attestation", ANOTHER),
        ("attestation", "proof_type", "jwt"),
        ("attestation", "now", NOW + 300),
        ("none", "proof_type", "jwt"),
        ("none", "key_attestation", attestation(FIRST)),
    ],
)
def test_what_could_not_be_proved_is_not_loaded(name: str, member: str, value: Any) -> None:
    stored = envelope(PROOFS[name])
    stored["state"][member] = value
    with pytest.raises(ValueError):  # noqa: PT011  # what is refused differs, and is shown by the parameters
        load(_json.dump_bytes(stored), again())


@pytest.mark.parametrize(
    ("name", "member", "value"),
    [
        ("web", "did_url", "did:web:wallet.example"),
        ("web", "did_url", "did:example:1#1"),
        ("web", "did_url", "x"),
        ("web", "did_url", 1),
        ("web", "x5c", ["AAAA"]),
        ("x5c", "x5c", []),
        ("x5c", "x5c", ["AAAA"]),
        ("x5c", "x5c", [1]),
        ("x5c", "did_url", "did:web:wallet.example#1"),
        ("x5c", "public_jwk", dict(FIRST.public_jwk)),
    ],
)
def test_a_name_that_a_key_cannot_have_is_not_loaded(name: str, member: str, value: Any) -> None:
    stored = envelope(PROOFS[name])
    stored["state"]["signers"][0][member] = value
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        load(_json.dump_bytes(stored), again())


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("value", ["x", 1, [], "did:web:wallet.example", ""])
def test_a_name_that_is_no_did_url_is_not_loaded(name: str, value: Any) -> None:
    stored = envelope(RESULTS[name])
    stored["state"]["holder_keys"][0]["did_url"] = value
    with pytest.raises(ValueError, match="DID URL"):
        load(_json.dump_bytes(stored), again())


def test_a_wallet_without_the_maker_cannot_go_on() -> None:
    with pytest.raises(ValueError, match="cannot make attestation"):
        load(dump(PROOFS["attestation"]), again(proof_makers={"jwt": PROOF_MAKERS["jwt"]}))


def test_what_is_kept_of_keys_has_no_private_half() -> None:
    written = dump(PROOFS["x5c"])
    assert CERTIFIED.private_jwk["d"].encode() not in written
    assert ATTESTER.public_jwk["x"].encode() not in written


@given(st.data())
def test_no_data_raise_anything_but_a_value_error(data: st.DataObject) -> None:
    stored = envelope({**PROOFS, **RESULTS}[data.draw(st.sampled_from(sorted({*PROOFS, *RESULTS})))])
    place, key = data.draw(st.sampled_from(list(places(stored["state"]))))
    texts = st.sampled_from(["did:web:wallet.example#1", "jwt", "attestation", ANOTHER, attestation(FIRST)])
    place[key] = data.draw(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), texts, st.just({}), st.just([]), st.just([{}]))
    )
    with suppress(ValueError):
        load(_json.dump_bytes(stored), again())
