"""States as bytes and back (`dump`, `load`)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.http import Response
from oid4vci.keys import RemoteSigner
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Opened, Order, Proofs, Session, dump, load
from oid4vci.wallet.storage import State
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

REMOTE = tuple(RemoteSigner(key.key_id, key.algorithm, key.public_jwk) for key in HOLDER_KEYS)
DETAILS = {"type": "openid_credential", "credential_configuration_id": "pid", "credential_identifiers": ["a", "b"]}
TOKEN_RESPONSE = {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r"}


def states() -> dict[str, State]:
    """One of each, by the name of its type; all come from one flow."""
    server = Server({TOKEN: ok({**TOKEN_RESPONSE, "authorization_details": [DETAILS]})})
    settings = {"formats": {"dc+sd-jwt": JwtFormat(fetch=[JWKS])}}
    start = opened(server, offer(tx_code={"length": 4}, x=1), **settings)
    token = run(start.redeem("0042"), server)
    order = run(token.order("pid", "b"), server)
    proofs = order.prove(REMOTE[:2], now=NOW)
    signatures = [key.sign(each.data) for key, each in zip(HOLDER_KEYS, proofs.to_sign, strict=False)]
    issued = run(proofs.submit(signatures), server)
    server.answers[CREDENTIAL] = Response.of_json(202, {"transaction_id": "t", "interval": 1.5})
    deferred = run(proofs.submit(signatures), server)
    assert isinstance(issued, Issued)
    assert isinstance(deferred, Deferred)
    found = (start, token, order, proofs, issued, deferred)
    return {type(state).__name__.lower(): state for state in found}


STATES = states()


def again(**changes: Any) -> Any:
    """The settings of another process."""
    return wallet(formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])}, **changes)


@pytest.mark.parametrize("name", STATES)
def test_a_state_comes_back_as_it_was(name: str) -> None:
    settings = again()
    loaded = load(dump(STATES[name]), settings)
    assert type(loaded) is type(STATES[name])
    assert loaded == STATES[name]
    assert dump(loaded) == dump(STATES[name])


def test_the_types_are_all_there() -> None:
    assert list(STATES) == ["opened", "session", "order", "proofs", "issued", "deferred"]


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


def test_private_keys_are_never_written() -> None:
    order = STATES["order"]
    assert isinstance(order, Order)
    with pytest.raises(ValueError, match="private key"):
        dump(order.prove([REMOTE[0], HOLDER_KEYS[1]], now=NOW))


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


@pytest.mark.parametrize("name", ["order", "proofs", "issued"])
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
