"""The authorization code grant with a person who agrees or refuses (OID4VCI 5, 6; RFC 6749 4.1, RFC 9207)."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from oid4vci.oauth.pkce import new_verifier
from oid4vci.secret import new_secret
from oid4vci.testing.probes.code_flow import Asking, asking, brought, details
from oid4vci.testing.probes.expectations import demand, need, no_store, refused
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.pushed import led_back
from oid4vci.testing.probes.session import Session, token_response
from oid4vci.testing.report import CheckWarned

__all__ = ()

INVALID_GRANT: Final = ("invalid_grant",)
# RFC 6749 4.1.2, RFC 9207 2; `session_state` is of OpenID Connect.
MEMBERS: Final = frozenset(("code", "state", "iss", "session_state"))


def _ready(peer: Peer) -> Asking:
    need(peer.supplies.approve, "nothing was given that approves authorization requests")
    return asking(peer)


def _good(peer: Peer, asked: Asking, code: str) -> Session:
    members = token_response(asked.exchange(code), bound=asked.instance.dpop is not None)
    return Session(peer, asked.instance, peer.target, members)


@CHECKS("VCI-5.2-01", "RFC9207-2", "HAIP-4-07")
def authorization_response_says_whose_it_is(peer: Peer) -> None:
    """It has `code`, the `state` of the request and the `iss` of the server, in the query, and nothing else."""
    asked = _ready(peer)
    state = "s" * 128
    callback = asked.agreed(asked.request_url(state=state))
    members = brought(callback)
    demand(members.get("state") == state, "state is not that of the request")
    demand(members.get("iss") == peer.server_identifier, "iss is not the server's identifier")
    demand(not urlsplit(callback).fragment, "the response is in the fragment")
    demand(len(members.get("code", "")) >= 16, "the code can be guessed")
    extra = members.keys() - MEMBERS - brought(str(asked.parameters["redirect_uri"])).keys()
    if extra:
        raise CheckWarned(f"the authorization response has further parameters: {', '.join(sorted(extra))}")


@CHECKS("VCI-5.3-01", "RFC9207-2")
def authorization_that_is_refused_says_so(peer: Peer) -> None:
    """A person who refuses sends the browser back with `access_denied`, `state` and `iss`, and without a code."""
    need(peer.supplies.deny, "nothing was given that refuses authorization requests")
    asked = asking(peer)
    callback = peer.supplies.deny(asked.request_url()) if peer.supplies.deny is not None else ""
    demand(callback.startswith(str(asked.parameters["redirect_uri"])), "the browser was not sent to the redirect URI")
    members = brought(callback)
    demand(members.get("error") == "access_denied", "error is not access_denied")
    demand(members.get("state") == asked.parameters["state"], "state is not that of the request")
    demand(members.get("iss") == peer.server_identifier, "iss is not the server's identifier")
    demand("code" not in members, "there is a code, too")


@CHECKS("VCI-6.2-01", "VCI-5.1.2-06")
def authorization_code_gives_a_token(peer: Peer) -> None:
    """The code gives a token, which is good for the credential that was asked for."""
    asked = _ready(peer)
    begun = _good(peer, asked, asked.code())
    begun.accepted(begun.order(begun.body()))


@CHECKS("VCI-6.2-03", "VCI-6.2-06", "VCI-3.3.4-02", "VCI-5.1.1-08")
def authorization_details_come_back(peer: Peer) -> None:
    """A request with `authorization_details`, unknown members in them, is answered with `credential_identifiers`, which serve."""
    types = peer.server.get("authorization_details_types_supported")
    need(
        isinstance(types, list) and "openid_credential" in types, "the server does not say that it takes authorization_details"
    )
    asked = _ready(peer)
    wanted = details(peer.target.configuration_id, unheard_of=[1])
    # HAIP asks by scope: details stand beside it.
    scope = peer.target.scope if peer.supplies.haip else None
    begun = _good(peer, asked, asked.code(scope=scope, authorization_details=wanted))
    demand(begun.identifiers, "the Token Response has no credential_identifiers")
    begun.accepted(begun.order(begun.body()))


@CHECKS("VCI-5.1.3-02", "VCI-4.1.1-11")
def authorization_with_an_issuer_state(peer: Peer) -> None:
    """The `issuer_state` of an offer leads to a token; one that nobody gave opens nothing more and stops nothing by itself."""
    need(peer.supplies.approve, "nothing was given that approves authorization requests")
    made = peer.offer(grant="authorization_code")
    need(made.issuer_state, "offers have no issuer_state")
    asked = asking(peer, issuer_state=made.issuer_state)
    _good(peer, asked, asked.code())


@CHECKS("RFC9126-4")
def authorization_heeds_what_was_pushed(peer: Peer) -> None:
    """Parameters beside a `request_uri` change nothing."""
    asked = _ready(peer)
    request_uri = asked.pushed()
    url = asked.url(request_uri, state="another", redirect_uri="https://elsewhere.example/cb", scope="other")
    members = brought(asked.agreed(url))
    demand(members.get("state") == asked.parameters["state"], "state is that from beside the request_uri")
    _good(peer, asked, members.get("code", ""))


@CHECKS("RFC9126-7.3", "RFC9126-4")
def authorization_request_serves_once(peer: Peer) -> None:
    """A `request_uri` survives a visit, and is gone once the person has decided."""
    asked = _ready(peer)
    request_uri = asked.pushed()
    asked.visit(asked.url(request_uri))
    asked.agreed(asked.url(request_uri))
    again = led_back(asked, asked.url(request_uri))
    demand(again is None or "code" not in again, "a request_uri that was used gave another code")
    response = asked.visit(asked.url(request_uri))
    demand(response.status >= 400 or "error=" in ", ".join(response.headers.all("location")), "a request_uri serves twice")


def _mistake(
    name: str, requirements: Sequence[str], about: str, look_at: Callable[[Asking], dict[str, Any]], *codes: str
) -> None:
    """A Token Request with one thing wrong: it is refused."""

    def look(peer: Peer) -> None:
        asked = _ready(peer)
        code = asked.code()
        response = asked.exchange(**{"code": code, **look_at(asked)})
        refused(response, *(codes or INVALID_GRANT), what=about)
        no_store(response, what=about)

    CHECKS.add(f"authorization_code_{name}", requirements, f"{about[0].upper()}{about[1:]} is refused.", look)


_VERIFIER = ("RFC7636-4.6", "HAIP-4-05")
_mistake("with_wrong_verifier", _VERIFIER, "another code_verifier", lambda _: {"code_verifier": new_verifier(new_secret)})
_mistake("that_nobody_gave", ("RFC6749-5.2",), "a code that nobody gave", lambda _: {"code": "x" * 43})
_mistake("missing", ("RFC6749-4.1.3",), "a missing code", lambda _: {"code": None}, "invalid_request")
_mistake(
    "with_wrong_redirect_uri",
    ("RFC6749-4.1.3",),
    "another redirect_uri",
    lambda asked: {"redirect_uri": f"{asked.parameters['redirect_uri']}/other"},
    *INVALID_GRANT,
    "invalid_request",
)


@CHECKS("RFC7636-4.6", "HAIP-4-05")
def authorization_code_without_verifier(peer: Peer) -> None:
    """A missing code_verifier is refused: best as one that is wrong."""
    asked = _ready(peer)
    response = asked.exchange(asked.code(), code_verifier=None)
    said = refused(response, *INVALID_GRANT, "invalid_request", what="a missing code_verifier")
    if said["error"] != "invalid_grant":
        raise CheckWarned("a missing code_verifier is invalid_request; test suites expect invalid_grant")


@CHECKS("RFC6749-4.1.2", "RFC6749-5.2")
def authorization_code_expires(peer: Peer) -> None:
    """A code is refused a minute after it was given (FAPI 2.0 5.3.1.1)."""
    asked = _ready(peer)
    code = asked.code()
    peer.pause(60)
    refused(asked.exchange(code), *INVALID_GRANT, what="a code of a minute ago")


@CHECKS("VCI-6.1-05")
def authorization_code_with_tx_code(peer: Peer) -> None:
    """A Transaction Code means nothing here: it is ignored, or refused without burning the code."""
    asked = _ready(peer)
    code = asked.code()
    response = asked.exchange(code, tx_code="123456")
    if response.status != 200:
        refused(response, "invalid_request", what="a tx_code beside an authorization code")
        _good(peer, asked, code)


@CHECKS("RFC6749-4.1.2", "RFC6749-10.5")
def authorization_code_that_was_used_revokes_its_token(peer: Peer) -> None:
    """The second use of a code is refused, and the token from the first is then worth nothing."""
    asked = _ready(peer)
    code = asked.code()
    begun = _good(peer, asked, code)
    begun.accepted(begun.order(begun.body()))
    refused(asked.exchange(code), *INVALID_GRANT, what="a code that was used")
    after = begun.order(begun.body())
    if after.status in (200, 202):
        raise CheckWarned("the token of a code that was used twice is still good (RFC 6749 4.1.2 says: should be revoked)")
    demand(after.status == 401, f"a token that was revoked: expected 401, got {after.status}")


@CHECKS("RFC6749-4.1.3", "RFC6749-10.5")
def authorization_code_of_another_client(peer: Peer) -> None:
    """A code serves the client that asked for it, and no other."""
    need(peer.supplies.approve, "nothing was given that approves authorization requests")
    other = peer.other_instance()
    asked = asking(peer)
    code = asked.code()
    refused(asked.exchange(code, instance=other), *INVALID_GRANT, what="a code of another client")
