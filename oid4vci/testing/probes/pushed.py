"""Pushed authorization requests (RFC 9126) and requests to the authorization endpoint that must not get far."""

from collections.abc import Sequence
from typing import Any, Final

from oid4vci.http import Response, with_query
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.testing.probes.code_flow import Asking, asking, brought
from oid4vci.testing.probes.expectations import demand, json_object, need, refused, status
from oid4vci.testing.probes.jwts import dpop_proof, token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import token_response
from oid4vci.testing.report import CheckSkipped, CheckWarned

__all__ = ("led_back",)

WHAT: Final = "a pushed authorization request"
REQUEST: Final = ("invalid_request",)


def led_back(asked: Asking, url: str) -> dict[str, str] | None:
    """What the browser brings to the redirect URI at once; None if it is not sent there."""
    response = asked.visit(url)
    location = response.headers.get("location") if response.status in (302, 303) else None
    return brought(location) if location is not None and location.startswith(str(asked.parameters["redirect_uri"])) else None


@CHECKS("RFC9126-2.2", "VCI-5-03")
def pushed_request_is_taken(peer: Peer) -> None:
    """A request that is right gets a `request_uri` that nobody guesses and that serves for a minute or so."""
    response = asking(peer).push()
    status(response, 201, what=WHAT)
    members = json_object(response, what=WHAT)
    request_uri, lifetime = members.get("request_uri"), members.get("expires_in")
    demand(isinstance(request_uri, str) and len(request_uri) >= 16 + len("urn:"), "request_uri can be guessed")
    demand(type(lifetime) is int and lifetime > 0, "expires_in must be a positive integer")
    if isinstance(lifetime, int) and not 5 <= lifetime <= 600:
        raise CheckWarned(f"a pushed request serves for {lifetime} seconds; RFC 9126 2.2 speaks of 5 to 600")


@CHECKS("RFC9126-2.2")
def pushed_requests_differ(peer: Peer) -> None:
    """The same request pushed twice has two `request_uri` values."""
    asked = asking(peer)
    demand(asked.pushed() != asked.pushed(), "the same request_uri was given twice")


@CHECKS("VCI-5.1.3-04")
def pushed_request_with_unknown_parameters(peer: Peer) -> None:
    """A parameter that nobody knows changes nothing."""
    asking(peer).pushed(unheard_of=token())


@CHECKS("RFC6749-4.1.1")
def pushed_request_with_a_long_state(peer: Peer) -> None:
    """A `state` of up to 1,000 characters is taken, and so is none."""
    for state in ("s" * 128, "s" * 1000, None):
        asking(peer).pushed(state=state)


@CHECKS("VCI-5.1.2-09")
def pushed_request_with_an_unknown_scope_beside(peer: Peer) -> None:
    """A scope value that nobody knows is ignored beside one that is known."""
    need(peer.target.scope, "the configuration has no scope")
    asked = asking(peer)
    asked.pushed(scope=f"{peer.target.scope} urn:example:unheard-of")


def _mistake(name: str, requirements: Sequence[str], codes: Sequence[str], about: str, **changes: Any) -> None:
    """A pushed request with one thing wrong, which is refused."""

    def look(peer: Peer) -> None:
        asked = asking(peer)
        response = asked.push(**changes)
        refused(response, *codes, what=about, statuses=(400, 401) if "invalid_client" in codes else (400,))
        asked.pushed()

    CHECKS.add(f"pushed_request_{name}", requirements, f"{about[0].upper()}{about[1:]} is refused.", look)


_mistake(
    "without_pkce",
    ("VCI-5-02", "HAIP-4-05"),
    REQUEST,
    "a request without code_challenge",
    code_challenge=None,
    code_challenge_method=None,
)
_mistake("with_plain_pkce", ("RFC7636-4.2", "HAIP-4-05"), REQUEST, "the method plain", code_challenge_method="plain")
_mistake("with_pkce_by_default", ("RFC7636-4.3",), REQUEST, "a missing method, which is plain", code_challenge_method=None)
_mistake("with_unknown_pkce", ("RFC7636-4.4.1",), REQUEST, "an unknown method", code_challenge_method="S1024")
_mistake("with_a_short_challenge", ("RFC7636-4.2",), REQUEST, "a challenge that is no hash", code_challenge="short")
_mistake("with_a_request_uri", ("RFC9126-2.1",), REQUEST, "a request_uri that is pushed", request_uri="urn:example:x")
_mistake(
    "with_a_request_object",
    ("RFC9101-7", "RFC9126-3"),
    ("request_not_supported", "invalid_request_object", *REQUEST),
    "a request object that is none",
    request="garbage",
)
_mistake(
    "for_a_token",
    ("RFC6749-4.1.2.1",),
    ("unsupported_response_type", "unauthorized_client", *REQUEST),
    "another response type",
    response_type="token",
)
_mistake("without_response_type", ("RFC6749-4.1.1",), REQUEST, "a missing response_type", response_type=None)
_mistake("without_redirect_uri", ("RFC9126-2.4", "HAIP-4-04"), REQUEST, "a missing redirect_uri", redirect_uri=None)
_mistake(
    "with_a_redirect_uri_that_is_none",
    ("RFC9126-2.4",),
    ("invalid_redirect_uri", *REQUEST),
    "a redirect_uri with a fragment",
    redirect_uri="https://wallet.example/cb#fragment",
)
_mistake(
    "with_an_unknown_scope",
    ("VCI-5.1.2-09",),
    ("invalid_scope", *REQUEST),
    "a scope of which nothing is known",
    scope="urn:example:unheard-of",
    authorization_details=None,
)
_mistake(
    "with_wrong_authorization_details",
    ("VCI-5.1.1-05", "RFC9396-5"),
    ("invalid_authorization_details", *REQUEST),
    "authorization_details for an unknown configuration",
    authorization_details='[{"type": "openid_credential", "credential_configuration_id": "unheard of"}]',
    scope=None,
)
_mistake(
    "with_garbage_for_authorization_details",
    ("VCI-5.1.1-03", "RFC9396-5"),
    ("invalid_authorization_details", *REQUEST),
    "authorization_details that are no JSON",
    authorization_details="{",
)
_mistake("with_a_repeated_parameter", ("RFC6749-3.1",), REQUEST, "a parameter that stands twice", more=(("state", "other"),))


@CHECKS("RFC9126-2.4", "RFC9700-2.1")
def pushed_request_with_another_redirect_uri(peer: Peer) -> None:
    """Another redirect URI than the registered one is refused, also one that begins like it, where clients are registered."""
    asked = asking(peer)
    response = asked.push(redirect_uri="https://elsewhere.example/cb")
    if response.status == 201:
        raise CheckSkipped("the client may name any redirect URI")
    registered = str(asked.parameters["redirect_uri"])
    for almost in ("https://elsewhere.example/cb", f"{registered}x", with_query(registered, "more=1"), registered.upper()):
        response = asked.push(redirect_uri=almost)
        refused(response, "invalid_redirect_uri", *REQUEST, what="a redirect URI that is not registered")
    asked.pushed()


@CHECKS("RFC9126-2.3")
def pushed_requests_by_other_methods(peer: Peer) -> None:
    """Whatever is no POST is refused."""
    url = peer.server_endpoint("pushed_authorization_request_endpoint")
    for method in ("GET", "PUT", "DELETE"):
        response = peer.post(url, method=method)
        demand(400 <= response.status < 500, f"{method}: expected a refusal, got {response.status}")


@CHECKS("RFC9449-10", "RFC9449-10.1")
def pushed_request_binds_the_code_to_a_key(peer: Peer) -> None:
    """A code for a request with `dpop_jkt`, or that came with a DPoP proof, serves no other key; the two must not differ."""
    need(peer.supplies.dpop, "tokens are not to be bound to a key")
    asked, stranger = asking(peer), LocalSigner.generate("stranger")
    key = asked.instance.dpop
    assert key is not None
    refused(
        asked.push(dpop_jkt=thumbprint(stranger.public_jwk)),
        "invalid_dpop_proof",
        "use_dpop_nonce",
        *REQUEST,
        what="a dpop_jkt that is not the key of the proof",
    )
    nothing = lambda _: ()  # noqa: E731
    response = asked.push(proofs=nothing, dpop_jkt=thumbprint(key.public_jwk))
    status(response, 201, what="a pushed request with dpop_jkt")
    request_uri = str(json_object(response, what=WHAT)["request_uri"])
    code = brought(asked.agreed(asked.url(request_uri))).get("code")
    url = peer.server_endpoint("token_endpoint")

    def stolen(proof: Any) -> Sequence[str]:
        nonce = proof.claims.get("nonce")
        return (str(dpop_proof(stranger, method="POST", url=url, now=peer.now, nonce=nonce)),)

    refused(asked.exchange(code, proofs=stolen), "invalid_grant", "invalid_dpop_proof", what="a code with another key")
    token_response(asked.exchange(code), bound=True)


# --- the authorization endpoint, without a person -------------------------------------------------------------------------------


def _goes_nowhere(asked: Asking, url: str, *, what: str) -> None:
    """The browser gets no code, and is not sent on to where the request says."""
    response: Response = asked.visit(url)
    location = ", ".join(response.headers.all("location"))
    demand("code=" not in location, f"{what}: a code was given")
    demand(response.status >= 400 or "error=" in location, f"{what}: expected an error, got {response.status}")


@CHECKS("RFC9126-4", "HAIP-4-06")
def authorization_request_that_was_not_pushed(peer: Peer) -> None:
    """Where requests must be pushed, one that was not is refused."""
    required = peer.server.get("require_pushed_authorization_requests")
    need(required is True or peer.supplies.haip, "the server does not demand that requests are pushed")
    asked = asking(peer)
    _goes_nowhere(asked, asked.plain_url(), what="a request that was not pushed")


@CHECKS("RFC9126-2.2", "RFC9126-7.1")
def authorization_request_with_a_made_up_request_uri(peer: Peer) -> None:
    """A `request_uri` that nobody gave leads nowhere."""
    asked = asking(peer)
    given = asked.pushed()
    _goes_nowhere(asked, asked.url(f"{given[:-6]}AAAAAA"), what="a request_uri that nobody gave")
    _goes_nowhere(asked, asked.url("https://elsewhere.example/request"), what="a request_uri of somebody else")


@CHECKS("RFC9126-2.2", "RFC9126-4")
def authorization_request_that_expired(peer: Peer) -> None:
    """A `request_uri` leads nowhere after its `expires_in`."""
    asked = asking(peer)
    response = asked.push()
    status(response, 201, what=WHAT)
    members = json_object(response, what=WHAT)
    peer.pause(members.get("expires_in"))
    _goes_nowhere(asked, asked.url(str(members.get("request_uri"))), what="a request_uri that has expired")


@CHECKS("RFC9126-2.2")
def authorization_request_of_another_client(peer: Peer) -> None:
    """A `request_uri` belongs to the client that pushed it."""
    asked = asking(peer)
    other = peer.supplies.other_client
    name = other.client_id if other is not None and other.client_id is not None else "somebody-else"
    _goes_nowhere(asked, asked.url(asked.pushed(), client_id=name), what="a request_uri of another client")


@CHECKS("RFC9700-4.11")
def authorization_request_to_an_unknown_place(peer: Peer) -> None:
    """With a redirect URI that is not registered the browser is not sent there, not even with an error."""
    asked = asking(peer)
    elsewhere = "https://elsewhere.example/cb"
    if asked.push(redirect_uri=elsewhere).status == 201:
        raise CheckSkipped("the client may name any redirect URI")
    response = asked.visit(asked.plain_url(redirect_uri=elsewhere))
    location = ", ".join(response.headers.all("location"))
    demand(not location.startswith(elsewhere), "the browser was sent to a redirect URI that is not registered")
    demand(response.status >= 400, f"expected an error, got {response.status}")
