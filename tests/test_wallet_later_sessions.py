"""What was promised or issued goes on with the session that a Refresh Token gave: nothing is lost by that (OID4VCI 9, 11)."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import InvalidResponse, TryLater
from oid4vci.http import Response
from oid4vci.notifications import CREDENTIAL_ACCEPTED, MAX_NOTIFICATION_ID
from oid4vci.wallet import Issued, dump, load
from tests.scripted_notifications import DONE, notifiable
from tests.scripted_server import ISSUER_KEY, JWKS, NOW, TOKEN, JwtFormat, ok, wallet
from tests.test_wallet_deferred import FIRST, READY, begun, bound, sent, server

ASKED = (ClaimsDescription(path=("nobody", "has", "this"), mandatory=True),)


def tokens(**second: Any) -> dict[str, Any]:
    """Two Token Responses."""
    first = {"access_token": "one", "token_type": "Bearer", "refresh_token": "again"}
    return {TOKEN: [ok(first), ok({"access_token": "two", "token_type": "Bearer", **second})]}


def test_credentials_are_not_lost_with_a_session_that_is_for_something_else() -> None:
    """Any token of the grant will do for a notification (OID4VCI 11), also one that is for less."""
    details = [{"type": "openid_credential", "credential_configuration_id": "ticket", "credential_identifiers": ["t"]}]
    script, issued = notifiable(DONE, scripted=tokens(authorization_details=details))
    narrower = run(issued.session.refresh(now=NOW, configuration_ids=["ticket"]), script)
    loaded = load(dump(issued.with_session(narrower)), wallet())
    assert isinstance(loaded, Issued)
    assert (loaded.credentials, loaded.session.configuration_ids) == (issued.credentials, ("ticket",))
    run(loaded.notify(CREDENTIAL_ACCEPTED), script)


def test_credentials_are_held_against_what_was_asked_for_with_them() -> None:
    _, issued = notifiable()
    other = issued.with_session(evolve(issued.session, claims={"pid": ASKED, "ticket": ASKED}))
    assert other.session.claims == {"ticket": ASKED}
    assert load(dump(other), wallet()) == other
    known = evolve(issued, session=evolve(issued.session, claims={"pid": ASKED}))
    assert known.with_session(issued.session).session.claims == {"pid": ASKED}


def test_a_session_of_a_grant_for_something_else_does_not_fit() -> None:
    _, issued = notifiable()
    other = evolve(issued.session, granted={"ticket": ()}, configuration_ids=("ticket",))
    with pytest.raises(ValueError, match="of a grant for ticket"):
        issued.with_session(other)


def test_nothing_is_asked_for_that_nobody_here_can_check() -> None:
    """An issuer gives what was promised once."""
    there = server(bound(FIRST))
    deferred = begun(there)
    other = evolve(deferred.session.opened, wallet=wallet(formats={"x": JwtFormat()}))
    with pytest.raises(ValueError, match="no verifier for the format"):
        deferred.with_session(evolve(deferred.session, opened=other))
    with pytest.raises(ValueError, match="no verifier for the format"):
        load(dump(deferred), other.wallet)
    assert sent(there) == []


def test_an_id_may_be_as_long_as_our_issuers_make_it() -> None:
    script, issued = notifiable(DONE, notification_id="x" * MAX_NOTIFICATION_ID)
    loaded = load(dump(issued), wallet())
    assert isinstance(loaded, Issued)
    run(loaded.notify(CREDENTIAL_ACCEPTED), script)
    with pytest.raises(InvalidResponse, match="notification_id"):
        notifiable(DONE, notification_id="x" * (MAX_NOTIFICATION_ID + 1))


KEYS = ok({"keys": [dict(ISSUER_KEY.public_jwk)]})


@pytest.mark.parametrize("troubles", [1, 3])
def test_credentials_that_came_are_not_lost_while_keys_cannot_be_had(troubles: int) -> None:
    """What was promised comes once: to poll again would be to ask for what is over."""
    there = server(bound(FIRST), {JWKS: [*[Response(503)] * troubles, KEYS]})
    deferred = begun(there, formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])})
    exchange: Any = deferred.poll(now=READY)
    for _ in range(troubles):
        with pytest.raises(TryLater) as caught:
            run(exchange, there)
        exchange = caught.value.exchange
    issued = run(exchange, there)
    assert isinstance(issued, Issued)
    assert len(issued.credentials) == len(sent(there)) == 1


def test_where_nothing_came_the_step_is_taken_again() -> None:
    there = server(Response(503))
    with pytest.raises(TryLater) as caught:
        run(begun(there).poll(now=READY), there)
    assert caught.value.exchange is None
