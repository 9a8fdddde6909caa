"""States as bytes and back (`dump`, `load`)."""

from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose, _json
from oid4vci.drive import run
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, RemoteSigner
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Deferred, Issued, Opened, Order, Proofs, Session, dump, load
from oid4vci.wallet.storage import State
from tests.scripted_authorization import authorizing, code_offer, code_server
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    JWKS,
    METADATA_URL,
    NOW,
    TOKEN,
    JwtFormat,
    Server,
    issue,
    metadata,
    offer,
    ok,
    opened,
    session,
    wallet,
)
from tests.wallet_clients import ASSERTION, CLIENT, DPOP, INSTANCE, OTHER_DPOP, SIGNERS, attestation, remote

REMOTE = tuple(RemoteSigner(key.key_id, key.algorithm, key.public_jwk) for key in HOLDER_KEYS)
DETAILS = {"type": "openid_credential", "credential_configuration_id": "pid", "credential_identifiers": ["a", "b"]}
TOKEN_RESPONSE = {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r"}


BOUND_TOKEN = Response.of_json(
    200,
    {**TOKEN_RESPONSE, "token_type": "DPoP", "authorization_details": [DETAILS]},
    {"dpop-nonce": "the-nonce", "oauth-client-attestation-challenge": "the-challenge"},
)


def states(token: Response, **arguments: Any) -> dict[str, State]:
    """One of each, by the name of its type; all but one come from one flow."""
    server = Server({TOKEN: token})
    settings = {"formats": {"dc+sd-jwt": JwtFormat(fetch=[JWKS])}}
    start = opened(server, offer(tx_code={"length": 4}, x=1), **settings)
    session = run(start.redeem("0042", now=NOW, **arguments), server)
    order = run(session.order("pid", "b"), server)
    proofs = order.prove(REMOTE[:2], now=NOW)
    signatures = [key.sign(each.data) for key, each in zip(HOLDER_KEYS, proofs.to_sign, strict=False)]
    issued = run(proofs.submit(signatures), server)
    server.answers[CREDENTIAL] = Response.of_json(202, {"transaction_id": "t", "interval": 1.5})
    deferred = run(proofs.submit(signatures), server)
    assert isinstance(issued, Issued)
    assert isinstance(deferred, Deferred)
    pending = authorizing(code_server(), code_offer("pid"), settings, now=NOW, **arguments)
    found = (start, pending, session, order, proofs, issued, deferred)
    return {type(state).__name__.lower(): state for state in found}


PLAIN = states(ok({**TOKEN_RESPONSE, "authorization_details": [DETAILS]}))
BOUND = states(BOUND_TOKEN, dpop=DPOP, authentication=attestation())
STATES = {**PLAIN, **{f"bound {name}": state for name, state in BOUND.items()}}


def again(**changes: Any) -> Any:
    """The settings of another process."""
    return wallet(**{"formats": {"dc+sd-jwt": JwtFormat(fetch=[JWKS])}, "signers": SIGNERS, **changes})


@pytest.mark.parametrize("name", STATES)
def test_a_state_comes_back_as_it_was(name: str) -> None:
    settings = again()
    loaded = load(dump(STATES[name]), settings)
    assert type(loaded) is type(STATES[name])
    assert loaded == STATES[name]
    assert dump(loaded) == dump(STATES[name])


def test_the_types_are_all_there() -> None:
    assert {type(state) for state in PLAIN.values()} == set(get_args(State))
    assert PLAIN.keys() == BOUND.keys()


def test_a_loaded_state_goes_on() -> None:
    server, settings = Server(), again()
    start = load(dump(STATES["opened"]), settings)
    assert isinstance(start, Opened)
    token = load(dump(run(start.redeem("0042"), server)), settings)
    assert isinstance(token, Session)
    order = load(dump(run(token.order("pid"), server)), settings)
    assert isinstance(order, Order)
    proofs = load(dump(order.prove(REMOTE[:1], now=NOW)), settings)
    assert isinstance(proofs, Proofs)
    issued = run(proofs.submit([HOLDER_KEYS[0].sign(proofs.to_sign[0].data)]), server)
    assert isinstance(issued, Issued)
    assert load(dump(issued), settings) == issued


def test_states_without_the_optional_members_come_back() -> None:
    published = {name: value for name, value in metadata().items() if name != "nonce_endpoint"}
    server = Server({METADATA_URL: ok(published), CREDENTIAL: issue})
    token = session(server)
    order = token.order("ticket")
    assert isinstance(order, Order)
    issued = run(order.prove([], now=NOW).submit(), server)
    assert isinstance(issued, Issued)
    for state in (token, order, order.prove([], now=NOW), issued):
        assert load(dump(state), wallet()) == state


def test_an_order_remembers_that_its_nonce_was_renewed() -> None:
    order = STATES["order"]
    assert isinstance(order, Order)
    renewed = Order(session=order.session, configuration_id="pid", credential_identifier="a", c_nonce="second", renewed=True)
    assert load(dump(renewed), again()) == renewed


def private(signer: LocalSigner) -> bytes:
    """The number that must not be found anywhere."""
    secret = signer._private_key.private_numbers().private_value  # type: ignore[union-attr]  # a key on P-256
    return _json.b64url_encode(secret.to_bytes(32, "big")).encode()


@pytest.mark.parametrize("name", BOUND)
def test_private_keys_are_never_written(name: str) -> None:
    written = dump(BOUND[name])
    assert not any(private(signer) in written for signer in (DPOP, INSTANCE))
    assert (DPOP.public_jwk["x"].encode() in written) == (name != "opened")


def test_keys_of_proofs_are_written_by_their_public_halves() -> None:
    order = STATES["order"]
    assert isinstance(order, Order)
    proofs = order.prove([REMOTE[0], HOLDER_KEYS[1]], now=NOW)
    written = dump(proofs)
    assert private(HOLDER_KEYS[1]) not in written
    loaded = load(written, again(signers={"holder-1": HOLDER_KEYS[1]}))
    assert loaded == proofs
    elsewhere = load(written, again())
    assert isinstance(elsewhere, Proofs)
    assert [key.signer for key in elsewhere.keys] == [*REMOTE[:2]]


def sender_of(state: Any) -> Any:
    """The sender of a state that has one."""
    if isinstance(state, Proofs):
        return state.order.session.sender
    return state.sender if isinstance(state, Session | Authorizing) else state.session.sender


@pytest.mark.parametrize("name", [name for name in BOUND if name != "opened"])
def test_a_sender_comes_back_with_the_keys_of_the_settings_or_with_keys_elsewhere(name: str) -> None:
    data = dump(BOUND[name])
    here, elsewhere = sender_of(load(data, again())), sender_of(load(data, again(signers={})))
    assert (here.dpop, here.authentication.signer) == (DPOP, INSTANCE)
    assert (elsewhere.dpop, elsewhere.authentication.signer) == (remote(DPOP), remote(INSTANCE))
    assert here.authentication.jwt == elsewhere.authentication.jwt
    assert (here.nonces, here.challenge, here.client_id) == (elsewhere.nonces, elsewhere.challenge, elsewhere.client_id)
    if name != "authorizing":
        assert here.nonces == {"https://tokens.example": "the-nonce"}
        assert (here.challenge, here.client_id) == ("the-challenge", CLIENT)


def test_a_name_of_another_key_is_refused() -> None:
    data = dump(BOUND["session"])
    for signer in (LocalSigner.generate("dpop"), LocalSigner.generate("dpop", "ES384"), OTHER_DPOP):
        with pytest.raises(ValueError, match="key_id"):
            load(data, again(signers={"dpop": signer}))


def test_settings_that_have_become_stricter_hold_for_stored_states() -> None:
    for strict in ({"bearer": False}, {"public": False}):
        for name in ("session", "order", "proofs", "issued", "deferred", "authorizing"):
            assert load(dump(BOUND[name]), again(**strict)) == BOUND[name]
            with pytest.raises(ValueError, match="is needed"):
                load(dump(PLAIN[name]), again(**strict))


def test_the_new_process_draws_its_own_secrets() -> None:
    loaded = load(dump(BOUND["session"]), again(new_secret=bytes))
    assert isinstance(loaded, Session)
    exchange = loaded.refresh(now=NOW)
    assert _jose.parse(exchange.request.headers.get("dpop") or "").claims()["jti"] == "A" * 22


def test_the_settings_are_not_written() -> None:
    order = STATES["order"]
    assert isinstance(order, Order)
    assert b"https://elsewhere.example" not in dump(order)
    settings = wallet(client_id="https://elsewhere.example")
    loaded = load(dump(order), settings)
    assert isinstance(loaded, Order)
    assert loaded.session.wallet is settings


def test_credentials_are_verified_again() -> None:
    data = dump(STATES["issued"])
    with pytest.raises(ValueError, match="trust decision"):
        load(data, wallet(formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])}, trust=Trust()))
    envelope = _json.loads(data)
    credentials = envelope["state"]["credentials"]
    credentials[0] = credentials[0][:-6] + "AAAAAA"
    with pytest.raises(ValueError, match="does not verify"):
        load(_json.dump_bytes(envelope), again())


def changed(name: str, path: str, value: Any) -> bytes:
    envelope = _json.loads(dump(STATES[name]))
    place: Any = envelope
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[int(last) if isinstance(place, list) else last] = value
    return _json.dump_bytes(envelope)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("bound session", "state.sender", None),
        ("bound session", "state.sender", []),
        ("bound session", "state.sender.client_id", None),
        ("bound session", "state.sender.client_id", "another client"),
        ("bound session", "state.sender.dpop", "dpop"),
        ("bound session", "state.sender.dpop.algorithm", "ES384"),
        ("bound session", "state.sender.dpop.algorithm", "none"),
        ("bound session", "state.sender.dpop.public_jwk.y", "AA"),
        ("bound session", "state.sender.dpop.public_jwk", dict(OTHER_DPOP.public_jwk)),
        ("bound session", "state.sender.nonces", []),
        ("bound session", "state.sender.nonces", {"https://tokens.example": 1}),
        ("bound session", "state.sender.challenge", ""),
        ("bound session", "state.sender.authentication.method", "none"),
        ("bound session", "state.sender.authentication.method", "private_key_jwt"),
        ("bound session", "state.sender.authentication.members", {}),
        ("bound session", "state.sender.authentication.members.jwt", "x"),
        ("bound session", "state.sender.authentication.members.more", "x"),
        ("bound session", "state.sender.authentication.members.authorization_server", 1),
        ("bound session", "state.sender.authentication.signers", []),
        ("bound session", "state.sender.authentication.signers.0.public_jwk", dict(OTHER_DPOP.public_jwk)),
        ("opened", "version", 2),
        ("opened", "type", "session"),
        ("session", "type", "opened"),
        ("opened", "type", "wallet"),
        ("opened", "state", []),
        ("opened", "state.offer.credential_issuer", "https://elsewhere.example"),
        ("opened", "state.offer.credential_configuration_ids", ["unknown"]),
        ("opened", "state.server.issuer", "https://elsewhere.example"),
        ("opened", "state.server.token_endpoint", None),
        ("opened", "state.metadata.credential_endpoint", "http://issuer.example/credential"),
        ("session", "state.configuration_ids", ["other"]),
        ("session", "state.configuration_ids", []),
        ("session", "state.granted", {}),
        ("session", "state.granted", None),
        ("session", "state.granted", {"ticket": []}),
        ("session", "state.granted", {"pid": [], "unknown": []}),
        ("session", "state.granted", {"pid": [1]}),
        ("session", "state.by_scope", "yes"),
        ("session", "state.by_scope", None),
        ("session", "state.credential_identifiers", {"other": ["a"]}),
        ("session", "state.credential_identifiers", {"pid": []}),
        ("session", "state.access_token", 1),
        ("session", "state.access_token", "a\r\nb: c"),
        ("session", "state.expires_in", "60"),
        ("order", "state.configuration_id", "ticket"),
        ("order", "state.credential_identifier", "c"),
        ("order", "state.credential_identifier", None),
        ("order", "state.c_nonce", None),
        ("order", "state.renewed", 1),
        ("proofs", "state.signers.0.algorithm", "ES384"),
        ("proofs", "state.signers.0.public_jwk.x", "AA"),
        ("proofs", "state.signers", []),
        ("proofs", "state.now", "now"),
        ("issued", "state.documents", {}),
        ("issued", "state.documents", {JWKS: 1}),
        ("issued", "state.documents", {JWKS: "e30="}),
        ("issued", "state.holder_keys.0.y", "AA"),
        ("issued", "state.holder_keys", ["key"]),
        ("issued", "state.configuration_id", "ticket"),
        ("issued", "state.credentials", []),
        ("deferred", "state.interval", 0),
        ("deferred", "state.configuration_id", "ticket"),
        ("deferred", "state.session.opened.metadata.deferred_credential_endpoint", None),
    ],
)
def test_changed_data_are_refused(name: str, path: str, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # what is refused differs, and is shown by the parameters
        load(changed(name, path, value), again())


def test_a_client_assertion_comes_back() -> None:
    server = Server()
    token = run(opened(server).redeem(now=NOW, authentication=ASSERTION), server)
    loaded = load(dump(token), again())
    assert isinstance(loaded, Session)
    assert loaded.sender.authentication == ASSERTION


@pytest.mark.parametrize("name", ["order", "proofs", "issued", "deferred"])
def test_a_wallet_without_the_format_cannot_go_on(name: str) -> None:
    with pytest.raises(ValueError, match="no verifier"):
        load(dump(STATES[name]), wallet(formats={}))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 100, dump(STATES["opened"])[:-1]])
def test_other_data_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        load(data, again())


@given(st.data())
def test_no_data_raise_anything_but_a_value_error(data: st.DataObject) -> None:
    """Cut, spliced, or with any member replaced."""
    name = data.draw(st.sampled_from(sorted(STATES)))
    envelope = _json.loads(dump(STATES[name]))
    place, key = data.draw(st.sampled_from(list(places(envelope))))
    place[key] = data.draw(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just({}), st.just([]), st.just([{}]))
    )
    with suppress(ValueError):
        load(_json.dump_bytes(envelope), again())


def places(value: Any) -> Any:
    """Every member and element of a document."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@pytest.mark.parametrize("name", STATES)
def test_a_party_that_is_trusted_no_longer_gets_nothing_from_stored_states(name: str) -> None:
    data = dump(STATES[name])
    for trust in (Trust(), Trust(allow={ISSUER}.__contains__)):
        with pytest.raises(ValueError, match="trust decision"):
            load(data, again(trust=trust))
