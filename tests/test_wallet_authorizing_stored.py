"""An `Authorizing` outlives the process: `dump`, `load` (the browser may come back to another one)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import InvalidResponse
from oid4vci.keys import RemoteSigner
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Wallet, dump, load
from tests.scripted_authorization import HAIP, PAR, REDIRECT, authorizing, code_offer, code_server, redeemed, response
from tests.scripted_server import ACCESS_TOKEN, CREDENTIAL, ISSUER, NOW, TOKEN, ok, wallet
from tests.wallet_clients import DPOP, INSTANCE, SIGNERS, attestation, remote, sign

BOUND = {"access_token": ACCESS_TOKEN, "token_type": "DPoP"}


def loaded(pending: Authorizing, settings: Wallet | None = None) -> Authorizing:
    state = load(dump(pending), settings or wallet())
    assert isinstance(state, Authorizing)
    return state


def pendings() -> dict[str, Authorizing]:
    plain = code_server(pushed_authorization_request_endpoint=None)
    wanted = {"pid": [ClaimsDescription(path=("degrees", None, "type"), mandatory=True)]}
    return {
        "pushed": authorizing(code_server(), code_offer("pid", issuer_state="s")),
        "plain": authorizing(plain, code_offer("pid"), dpop=remote(DPOP)),
        "details": authorizing(code_server(), claims=wanted, redirect_uri=f"{REDIRECT}?a=1"),
        "keys": authorizing(code_server(), code_offer("pid"), HAIP, authentication=attestation(), dpop=DPOP, now=NOW),
    }


PENDING = pendings()
SETTINGS = wallet(signers=SIGNERS)


@pytest.mark.parametrize("name", PENDING)
def test_it_comes_back_as_it_was(name: str) -> None:
    pending = PENDING[name]
    again = loaded(pending, wallet() if name == "plain" else SETTINGS)
    assert again == pending
    assert dump(again) == dump(pending)


def test_it_goes_on() -> None:
    server = code_server(answers={TOKEN: ok(BOUND)})
    arguments: dict[str, Any] = {"authentication": attestation(), "dpop": DPOP, "now": NOW}
    pending = authorizing(server, code_offer("pid"), HAIP, **arguments)
    again = loaded(pending, wallet(signers=SIGNERS, **HAIP))
    session = run(again.callback(response(pending), now=NOW), server)
    assert (session.access_token, session.sender.dpop) == (ACCESS_TOKEN, DPOP)
    assert redeemed(server, TOKEN)["code_verifier"] == pending.code_verifier


def test_keys_that_the_settings_do_not_have_sign_elsewhere() -> None:
    server = code_server(answers={TOKEN: ok(BOUND)})
    pending = authorizing(server, code_offer("pid"), HAIP, authentication=attestation(), dpop=DPOP, now=NOW)
    again = loaded(pending)
    assert isinstance(again.sender.dpop, RemoteSigner)
    step = again.callback(response(pending), now=NOW)
    assert {each.key_id for each in step.to_sign} == {DPOP.key_id, INSTANCE.key_id}
    assert run(step, server, sign=sign).access_token == ACCESS_TOKEN


def test_no_private_key_and_no_setting_is_written() -> None:
    for pending in PENDING.values():
        written = dump(pending)
        assert b'"d"' not in written
        assert b"trust" not in written


def test_another_trust_decision_ends_the_flow() -> None:
    for refused in (ISSUER, TOKEN, CREDENTIAL):
        trust = Trust(allow=lambda url, refused=refused: url != refused and url in (ISSUER, TOKEN, CREDENTIAL))  # type: ignore[misc]
        with pytest.raises(ValueError, match="trust"):
            load(dump(PENDING["pushed"]), wallet(trust=trust))


def test_settings_that_make_no_plain_requests_take_none_back() -> None:
    with pytest.raises(ValueError, match="pushed"):
        load(dump(PENDING["plain"]), wallet(plain_requests=False))


def test_a_response_is_held_against_the_loaded_state() -> None:
    first, second = PENDING["pushed"], PENDING["plain"]
    with pytest.raises(InvalidResponse):
        loaded(first).callback(response(second))


Change = Callable[[dict[str, Any]], Any]
CHANGES: dict[str, Change] = {
    "empty state": lambda state: state.update(state=""),
    "no state": lambda state: state.pop("state"),
    "short verifier": lambda state: state.update(code_verifier="v" * 42),
    "long verifier": lambda state: state.update(code_verifier="v" * 129),
    "no verifier": lambda state: state.pop("code_verifier"),
    "another server's url": lambda state: state.update(url="https://evil.example/authorize?client_id=wallet"),
    "a longer path": lambda state: state.update(url=state["url"].replace("?", "x?")),
    "a redirect URI with a state": lambda state: state.update(redirect_uri=f"{REDIRECT}?state=x"),
    "no redirect URI": lambda state: state.update(redirect_uri="cb"),
    "what was not offered": lambda state: state.update(configuration_ids=["other"]),
    "nothing": lambda state: state.update(configuration_ids=[]),
    "twice the same": lambda state: state.update(configuration_ids=["pid", "pid"]),
    "details of another": lambda state: state.update(
        authorization_details=[{"type": "openid_credential", "credential_configuration_id": "ticket"}]
    ),
    "no seconds": lambda state: state.update(expires_in=0),
    "no endpoint": lambda state: state["opened"]["server"].pop("authorization_endpoint"),
    "an endpoint elsewhere": lambda state: state["opened"]["server"].update(
        authorization_endpoint="https://evil.example/authorize"
    ),
    "a pushed endpoint elsewhere": lambda state: state["opened"]["server"].update(
        pushed_authorization_request_endpoint="https://evil.example/par"
    ),
    "no scope": lambda state: state["opened"]["metadata"]["credential_configurations_supported"]["pid"].pop("scope"),
    "a key of another name": lambda state: state["sender"].update(
        dpop={"key_id": DPOP.key_id, "algorithm": "ES256", "public_jwk": dict(INSTANCE.public_jwk)}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_does_not_fit_is_refused(change: Change) -> None:
    envelope = _json.object_from(dump(PENDING["pushed"]))
    change(envelope["state"])
    with pytest.raises(ValueError, match=r"\w"):
        load(_json.dump_bytes(envelope), SETTINGS)


MEMBERS = sorted(_json.object_from(dump(PENDING["pushed"]))["state"])


@given(
    st.sampled_from(MEMBERS),
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()),
)
def test_any_change_is_a_state_or_a_value_error(name: str, value: Any) -> None:
    envelope = _json.object_from(dump(PENDING["pushed"]))
    envelope["state"][name] = value
    try:
        state = load(_json.dump_bytes(envelope), SETTINGS)
    except ValueError:
        return
    assert isinstance(state, Authorizing)
    assert state.state
    assert state.url.startswith("https://issuer.example/tenant/authorize?")


def test_the_pushed_request_is_not_made_again() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    loaded(pending)
    assert len(server.to(PAR)) == 1
