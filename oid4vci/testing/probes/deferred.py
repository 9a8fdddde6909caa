"""Deferred issuance (OID4VCI 9)."""

from typing import Any, Final

from oid4vci.http import Response
from oid4vci.testing.probes.encryption import ask_encrypted
from oid4vci.testing.probes.expectations import demand, json_object, need, no_store, refused, status, unauthorized
from oid4vci.testing.probes.instance import Instance
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.sealing import ResponseKey, sealed
from oid4vci.testing.probes.session import MAX_POLLS, Session, session
from oid4vci.testing.report import CheckSkipped

__all__ = ()

WHAT: Final = "a Deferred Credential Request"
UNKNOWN: Final = ("invalid_transaction_id",)


def _promised(peer: Peer) -> tuple[Session, dict[str, Any]]:
    """A request that was answered with a promise. Raises `CheckSkipped` if everything comes at once."""
    peer.endpoint("deferred_credential_endpoint")
    for target in peer.targets:
        begun = session(peer, target)
        response = begun.order(begun.body())
        if begun.accepted(response) and response.status == 202:
            return begun, json_object(response, what="a deferred Credential Response")
    raise CheckSkipped("no credential is deferred")


def _ready(begun: Session, members: dict[str, Any]) -> Response:
    """The answer with the credentials. Raises `CheckSkipped` if they do not come in time."""
    response = begun.poll(members["transaction_id"])
    for _ in range(MAX_POLLS):
        if response.status != 202:
            break
        begun.pause(json_object(response, what=WHAT))
        response = begun.poll(members["transaction_id"])
    need(response.status != 202, "the credentials come later than the probe waits for")
    return response


@CHECKS("VCI-8.3-02", "VCI-8.3-03", "VCI-8.3-18", "VCI-8.3-19", "VCI-8.3-16")
def deferred_credential_is_promised(peer: Peer) -> None:
    """202 with a `transaction_id` that nobody guesses and an `interval`, and nothing else."""
    _, members = _promised(peer)
    demand(members.keys() == {"transaction_id", "interval"}, "the promise must have transaction_id and interval only")
    demand(isinstance(members["transaction_id"], str) and len(members["transaction_id"]) >= 16, "transaction_id can be guessed")
    interval = members["interval"]
    demand(isinstance(interval, int | float) and not isinstance(interval, bool) and interval > 0, "interval is not positive")


@CHECKS("VCI-9.2-03", "VCI-9.2-04", "VCI-9.2-05", "VCI-9.2-01", "VCI-9.2-02", "VCI-9.2-11")
def deferred_credential_comes(peer: Peer) -> None:
    """A poll is answered with the same transaction and 202, or with credentials and 200."""
    begun, members = _promised(peer)
    response = begun.poll(members["transaction_id"])
    status(response, 200, 202, what=WHAT)
    said = json_object(response, what=WHAT)
    no_store(response, what=WHAT)
    if response.status == 202:
        demand(said.get("transaction_id") == members["transaction_id"], "another transaction_id came")
        demand(said.get("interval", 0) > 0, "there is no interval")
        demand("credentials" not in said, "credentials came with 202")
        response = _ready(begun, members)
        status(response, 200, what=WHAT)
        said = json_object(response, what=WHAT)
    demand(isinstance(said.get("credentials"), list) and said["credentials"], "no credentials came")
    demand("transaction_id" not in said and "interval" not in said, "credentials came, and a promise as well")


@CHECKS("VCI-8.3-17", "VCI-9.1-05", "VCI-9.3-02")
def transaction_ends_with_its_credential(peer: Peer) -> None:
    """Once the credential was had its `transaction_id` is invalid."""
    begun, members = _promised(peer)
    status(_ready(begun, members), 200, what=WHAT)
    begun.pause({"interval": 1})
    refused(begun.poll(members["transaction_id"]), *UNKNOWN, what="a transaction whose credential was had")


@CHECKS("VCI-9.3-01", "VCI-9.3-02")
def transaction_that_nobody_promised(peer: Peer) -> None:
    """A `transaction_id` that somebody made up is refused, and so are requests without one, or with another type."""
    begun, members = _promised(peer)
    right = members["transaction_id"]
    for wrong in (token(), f"{right[:-4]}AAAA"):
        refused(begun.poll(wrong), *UNKNOWN, what="a transaction_id that nobody gave")
    others: tuple[Any, ...] = (None, 1, ["x"], "")
    for other in others:
        refused(begun.poll(other), *UNKNOWN, "invalid_credential_request", what="a transaction_id of another type")
    status(begun.poll(right), 200, 202, what=WHAT)


@CHECKS("VCI-9.1-07")
def deferred_request_with_unknown_members(peer: Peer) -> None:
    """A member that nobody knows changes nothing."""
    begun, members = _promised(peer)
    status(begun.poll(members["transaction_id"], unheard_of={"a": 1}), 200, 202, what=WHAT)


@CHECKS("VCI-9.3-01", "VCI-8.3.1.1-01")
def deferred_request_without_a_token(peer: Peer) -> None:
    """Without an access token, and with one that nobody gave, the answer is 401."""
    begun, members = _promised(peer)
    url, body = peer.endpoint("deferred_credential_endpoint"), {"transaction_id": members["transaction_id"]}
    unauthorized(begun.send(url, body, authorization=(), proofs=lambda _: ()), what="no access token")
    wrong = begun.send(url, body, authorization=(f"{begun.instance.scheme} {token()}",))
    unauthorized(wrong, "invalid_token", "invalid_dpop_proof", what="a token that nobody gave")
    status(begun.poll(members["transaction_id"]), 200, 202, what=WHAT)


@CHECKS("VCI-9.3-02", "VCI-13.2-01")
def transaction_of_somebody_else(peer: Peer) -> None:
    """A transaction is no business of another wallet, whatever token it has."""
    begun, members = _promised(peer)
    thief: Instance = peer.instance()
    other = session(peer, begun.target, instance=thief)
    response = other.poll(members["transaction_id"])
    demand(response.status not in (200, 202), "the transaction of another wallet was answered")
    demand(response.status in (400, 401, 403), f"a transaction of another wallet: got {response.status}")
    status(begun.poll(members["transaction_id"]), 200, 202, what=WHAT)


@CHECKS("VCI-9.2-09", "VCI-9.2-10", "VCI-9.1-14")
def deferred_answer_is_encrypted(peer: Peer) -> None:
    """A poll is encrypted by what it asks for itself: here one that asks, after a request that did too, with another key."""
    begun, _ = _promised(peer)
    first, second = ResponseKey(peer), ResponseKey(peer)
    response = ask_encrypted(begun, begun.body(**first.asking()))
    members = first.opened(response, 200, 202, what="an encrypted promise")
    need("transaction_id" in members, "the encrypted request was not deferred")
    body = {"transaction_id": members["transaction_id"], **second.asking()}
    url = peer.endpoint("deferred_credential_endpoint")
    polled = begun.instance.post(url, begun.access_token, sealed(peer, body), content_type="application/jwt")
    second.opened(polled, 200, 202, what="an encrypted poll")


@CHECKS("VCI-9.1-15")
def deferred_encryption_in_a_plain_request(peer: Peer) -> None:
    """A plain poll for an encrypted answer is refused: anybody could have put in another key."""
    begun, members = _promised(peer)
    body = {"transaction_id": members["transaction_id"], **ResponseKey(peer).asking()}
    response = begun.send(peer.endpoint("deferred_credential_endpoint"), body, plain=True)
    refused(
        response, "invalid_encryption_parameters", "invalid_credential_request", what="a plain poll that asks for encryption"
    )
