"""Refresh tokens (RFC 6749 6, RFC 9449 5, HAIP 4.4)."""

from typing import Any, Final

from oid4vci.http import Response
from oid4vci.testing.probes.expectations import demand, need, refused
from oid4vci.testing.probes.instance import Instance
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import Session, session, token_response
from oid4vci.testing.report import CheckWarned

__all__ = ()

REFUSED: Final = ("invalid_grant", "invalid_client", "invalid_request", "invalid_dpop_proof", "unauthorized_client")


def _begun(peer: Peer) -> tuple[Session, str]:
    begun = session(peer)
    refresh = begun.members.get("refresh_token")
    need(isinstance(refresh, str) and refresh, "there is no refresh token")
    return begun, str(refresh)


def _refresh(peer: Peer, instance: Instance, refresh_token: str, **changes: Any) -> Response:
    parameters: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return instance.post_form(peer.server_endpoint("token_endpoint"), parameters, **changes)


@CHECKS("RFC6749-6", "HAIP-4.4-01")
def refresh_token_is_announced(peer: Peer) -> None:
    """Where there are refresh tokens the grant is in `grant_types_supported`."""
    _begun(peer)
    demand("refresh_token" in peer.grant_types, "grant_types_supported has no refresh_token")


@CHECKS("RFC6749-6", "HAIP-4.4-01")
def refresh_token_gives_a_token(peer: Peer) -> None:
    """It gives another access token, which serves."""
    begun, refresh = _begun(peer)
    instance = begun.instance
    members = token_response(_refresh(peer, instance, refresh), bound=instance.dpop is not None, what="a refresh")
    demand(members["access_token"] != begun.access_token, "the same access token came again")
    renewed = Session(peer, instance, begun.target, members)
    again = renewed.order(renewed.body())
    renewed.accepted(again, what="a request with a refreshed token")


@CHECKS("RFC6749-6", "FAPI2-5.3.2.1-9")
def refresh_token_before_serves_a_while(peer: Peer) -> None:
    """Where refresh tokens are renewed the one before is still good for a moment: the answer can have got lost."""
    begun, refresh = _begun(peer)
    token_response(_refresh(peer, begun.instance, refresh), bound=begun.instance.dpop is not None, what="a refresh")
    if _refresh(peer, begun.instance, refresh).status != 200:
        raise CheckWarned("a refresh token is refused as soon as there is another: whoever loses the answer has none")


@CHECKS("RFC6749-5.2", "RFC6749-10.4")
def refresh_token_that_nobody_gave(peer: Peer) -> None:
    """One that somebody made up is refused, and so is none."""
    begun, refresh = _begun(peer)
    for wrong in ("garbage", f"{refresh[:-4]}AAAA"):
        refused(_refresh(peer, begun.instance, wrong), "invalid_grant", what="a refresh token that nobody gave")
    token_response(_refresh(peer, begun.instance, refresh), bound=begun.instance.dpop is not None)


@CHECKS("RFC6749-10.4", "RFC9449-5")
def refresh_token_of_another_instance(peer: Peer) -> None:
    """A refresh token that was stolen serves neither with another key of a public client, nor at another attested instance."""
    _, refresh = _begun(peer)
    client = peer.supplies.client
    need(client.signer is None, "a client that is known by its key may come with another DPoP key")
    need(peer.supplies.dpop or client.attest, "refresh tokens are bound to nothing")
    response = _refresh(peer, peer.instance(), refresh)
    refused(response, *REFUSED, what="a refresh token at another instance", statuses=(400, 401))


@CHECKS("RFC6749-10.4")
def refresh_token_of_another_client(peer: Peer) -> None:
    """A refresh token serves no other client."""
    other = peer.other_instance()
    _, refresh = _begun(peer)
    refused(_refresh(peer, other, refresh), *REFUSED, what="a refresh token at another client", statuses=(400, 401))


@CHECKS("RFC9449-5")
def refresh_token_without_a_proof(peer: Peer) -> None:
    """A refresh token of a public client that is bound to a key serves only with a proof of it."""
    begun, refresh = _begun(peer)
    client = peer.supplies.client
    need(peer.supplies.dpop, "tokens are not to be bound to a key")
    need(client.signer is None and client.attest is None, "refresh tokens are bound to a client that authenticates")
    response = _refresh(peer, begun.instance, refresh, proofs=lambda _: ())
    refused(response, *REFUSED, "use_dpop_nonce", what="a refresh without a proof")
