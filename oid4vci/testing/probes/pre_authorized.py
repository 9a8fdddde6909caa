"""The pre-authorized code at the Token Endpoint (OID4VCI 6, 3.5)."""

from typing import Any, Final

from attrs import evolve

from oid4vci.http import Response
from oid4vci.testing.probes.code_flow import details
from oid4vci.testing.probes.expectations import demand, need, no_store, refused
from oid4vci.testing.probes.instance import Authentication
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.peer import CHECKS, MadeOffer, Peer
from oid4vci.testing.probes.session import redeem, token_response
from oid4vci.testing.report import CheckWarned

__all__ = ()

INVALID_REQUEST: Final = ("invalid_request",)
INVALID_GRANT: Final = ("invalid_grant",)
MAX_BEARER_LIFETIME: Final = 300
_WRONG_TX_CODE = "000000"


def _good(peer: Peer, made: MadeOffer) -> dict[str, Any]:
    return token_response(redeem(peer, made), bound=peer.supplies.dpop)


@CHECKS("VCI-6.2-01", "VCI-3.5-01")
def pre_authorized_code_gives_a_token(peer: Peer) -> None:
    """The code of an offer gives an access token, which no cache keeps and nobody can guess."""
    members = _good(peer, peer.offer())
    demand(len(members["access_token"]) >= 22, "the access token has fewer than 128 bits")
    lifetime = members.get("expires_in")
    demand(lifetime is None or (type(lifetime) is int and lifetime > 0), "expires_in must be a positive integer")


@CHECKS("VCI-13.10-01")
def bearer_tokens_are_short_lived(peer: Peer) -> None:
    """A token that is bound to no key lives five minutes at most."""
    members = _good(peer, peer.offer())
    need(str(members["token_type"]).lower() == "bearer", "tokens are bound to a key")
    lifetime = members.get("expires_in")
    demand(type(lifetime) is int, "expires_in does not say how long the token lives")
    demand(isinstance(lifetime, int) and lifetime <= MAX_BEARER_LIFETIME, "a bearer token lives longer than five minutes")


@CHECKS("VCI-6.1-15")
def token_endpoint_ignores_unknown_parameters(peer: Peer) -> None:
    """A parameter that nobody knows changes nothing."""
    token_response(redeem(peer, peer.offer(), unheard_of=token()), bound=peer.supplies.dpop)


@CHECKS("VCI-4.1.1-20", "VCI-6.3-05", "VCI-13.6.1-01")
def pre_authorized_code_serves_once(peer: Peer) -> None:
    """The second request with a code is refused, whoever sends it."""
    made = peer.offer()
    _good(peer, made)
    response = redeem(peer, made)
    refused(response, *INVALID_GRANT, what="a code that was used")
    no_store(response, what="a code that was used")


@CHECKS("VCI-3.5-03", "VCI-6.1-04")
def transaction_code_gives_a_token(peer: Peer) -> None:
    """With the Transaction Code the code gives a token."""
    made = peer.offer(tx_code=True)
    need(made.offered.tx_code, "no Transaction Code was handed to the probe")
    _good(peer, made)


@CHECKS("VCI-6.3-03")
def transaction_code_must_not_be_missing(peer: Peer) -> None:
    """Without it the request is refused, and the code is not burnt by that."""
    made = peer.offer(tx_code=True)
    refused(redeem(peer, made, tx_code=None), *INVALID_REQUEST, what="a missing tx_code")
    _good(peer, made)


@CHECKS("VCI-6.3-04", "VCI-3.5-03")
def transaction_code_must_be_right(peer: Peer) -> None:
    """A wrong one is refused, and the code is not burnt by one typing error."""
    made = peer.offer(tx_code=True)
    wrong = _WRONG_TX_CODE if made.offered.tx_code != _WRONG_TX_CODE else "111111"
    refused(redeem(peer, made, tx_code=wrong), *INVALID_GRANT, what="a wrong tx_code")
    _good(peer, made)


@CHECKS("VCI-13.6.3-01", "VCI-13.6.3-02")
def transaction_code_cannot_be_guessed(peer: Peer) -> None:
    """After a dozen wrong ones the code is gone."""
    made = peer.offer(tx_code=True)
    right = made.offered.tx_code
    for number in range(12):
        wrong = f"{number:06d}"
        if wrong != right:
            redeem(peer, made, tx_code=wrong)
    if redeem(peer, made).status == 200:
        raise CheckWarned("after a dozen wrong Transaction Codes the right one was still taken")


@CHECKS("VCI-6.3-02")
def transaction_code_must_not_come_unasked(peer: Peer) -> None:
    """One that no offer asked for is refused, and the code is not burnt by that."""
    made = peer.offer()
    refused(redeem(peer, made, tx_code="123456"), *INVALID_REQUEST, what="a tx_code that nobody asked for")
    _good(peer, made)


def _mistake(name: str, requirements: tuple[str, ...], codes: tuple[str, ...], about: str, **options: Any) -> None:
    """A request with one thing wrong: it is refused, and the right one then gives a token."""

    def look(peer: Peer) -> None:
        made = peer.offer()
        response = redeem(peer, made, **options)
        _refused_somehow(response, codes, what=about)
        _good(peer, made)

    CHECKS.add(name, requirements, f"{about.capitalize()} is refused, and the code still serves.", look)


def _refused_somehow(response: Response, codes: tuple[str, ...], *, what: str) -> None:
    if response.status in (405, 415):
        return
    refused(response, *codes, what=what)


_mistake("token_request_without_a_code", ("VCI-6.1-02",), INVALID_REQUEST, "a missing pre-authorized_code", code=None)
_mistake("token_request_with_an_empty_code", ("VCI-6.1-02",), INVALID_REQUEST, "an empty pre-authorized_code", code="")
_mistake("token_request_with_a_wrong_code", ("VCI-6.3-05",), INVALID_GRANT, "a code that nobody gave", code="x" * 43)
_mistake(
    "token_request_with_a_huge_code", ("VCI-6.3-05",), (*INVALID_GRANT, *INVALID_REQUEST), "a huge code", code="x" * 60_000
)
_mistake("token_request_without_a_grant_type", ("VCI-6.3-01",), INVALID_REQUEST, "a missing grant_type", grant_type=None)
_mistake(
    "token_request_with_an_unknown_grant_type",
    ("VCI-6.3-01",),
    ("unsupported_grant_type",),
    "an unknown grant_type",
    grant_type="urn:example:unheard-of",
)
_mistake("token_request_as_json", ("VCI-6.3-01",), INVALID_REQUEST, "another content type", content_type="application/json")
_mistake("token_request_by_get", ("RFC6749-3.2",), INVALID_REQUEST, "a GET", method="GET")
_mistake(
    "token_request_with_a_repeated_parameter",
    ("VCI-6.3-01", "RFC6749-3.2"),
    INVALID_REQUEST,
    "a parameter that stands twice",
    more=(("pre-authorized_code", "another"),),
)


@CHECKS("VCI-6.3-06", "VCI-12.3-02")
def token_request_must_name_the_client(peer: Peer) -> None:
    """Without a client id the request is refused where the server does not take anonymous ones."""
    anonymous = peer.server.get("pre-authorized_grant_anonymous_access_supported")
    need(anonymous is not True, "the server takes anonymous requests")
    made = peer.offer()
    response = redeem(peer, made, client=lambda _: Authentication(None))
    refused(response, "invalid_client", *INVALID_REQUEST, what="no client_id", statuses=(400, 401))
    _good(peer, made)


@CHECKS("VCI-6.1-07", "RFC6749-5.2")
def token_request_of_a_client_that_does_not_authenticate(peer: Peer) -> None:
    """A client that has to authenticate is refused if it only says its name."""
    client = peer.supplies.client
    need(client.signer or client.attest, "the client does not authenticate")
    made = peer.offer()
    response = redeem(peer, made, client=lambda given: evolve(given, assertion=None, attestation=None, pop=None))
    refused(response, "invalid_client", *INVALID_REQUEST, what="no client authentication", statuses=(400, 401))
    _good(peer, made)


@CHECKS("VCI-6.2-03", "VCI-6.2-05", "VCI-6.2-06")
def token_request_with_authorization_details(peer: Peer) -> None:
    """Those that were asked for come back with `credential_identifiers`."""
    types = peer.server.get("authorization_details_types_supported")
    need(
        isinstance(types, list) and "openid_credential" in types, "the server does not say that it takes authorization_details"
    )
    wanted = peer.target.configuration_id
    response = redeem(peer, peer.offer(), authorization_details=details(wanted, unheard_of=1))
    given = token_response(response, bound=peer.supplies.dpop).get("authorization_details")
    demand(isinstance(given, list) and given, "the answer has no authorization_details")
    for each in given if isinstance(given, list) else ():
        demand(isinstance(each, dict) and each.get("type") == "openid_credential", "an element has another type")
        demand(each.get("credential_configuration_id") == wanted, "an element is of another configuration")
        identifiers = each.get("credential_identifiers")
        demand(isinstance(identifiers, list) and identifiers, "an element has no credential_identifiers")
        demand(all(isinstance(one, str) for one in identifiers or ()), "credential_identifiers must be strings")


@CHECKS("VCI-6.1.1-01", "VCI-6.1-12")
def token_request_for_what_was_not_offered(peer: Peer) -> None:
    """`authorization_details` for a configuration that the offer does not have are refused, and the code still serves."""
    types = peer.server.get("authorization_details_types_supported")
    need(
        isinstance(types, list) and "openid_credential" in types, "the server does not say that it takes authorization_details"
    )
    made = peer.offer()
    for configuration_id in ("unheard of", *[each.configuration_id for each in peer.targets[1:2]]):
        response = redeem(peer, made, authorization_details=details(configuration_id))
        refused(response, "invalid_authorization_details", "invalid_request", "invalid_grant", what="what was not offered")
    _good(peer, made)
