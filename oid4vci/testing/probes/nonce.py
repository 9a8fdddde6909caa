"""The Nonce Endpoint (OID4VCI 7)."""

from oid4vci.testing.probes.expectations import demand, json_object, no_store, status
from oid4vci.testing.probes.peer import CHECKS, Peer

__all__ = ()

WHAT = "a Nonce Request"


@CHECKS("VCI-7.1-02", "VCI-7.2-01", "VCI-7.2-02", "VCI-7.2-05")
def nonce_is_given_to_everybody(peer: Peer) -> None:
    """A POST without token and body is answered with a `c_nonce` that no cache keeps."""
    response = peer.post(peer.endpoint("nonce_endpoint"))
    status(response, 200, what=WHAT)
    members = json_object(response, what=WHAT)
    nonce = members.get("c_nonce")
    demand(isinstance(nonce, str) and nonce, "c_nonce must be a string that is not empty")
    no_store(response, what=WHAT)


@CHECKS("VCI-7.2-03")
def nonces_differ(peer: Peer) -> None:
    """Three nonces are three values, of 16 characters and more."""
    peer.endpoint("nonce_endpoint")
    nonces = [peer.nonce() for _ in range(3)]
    demand(len(set(nonces)) == 3, "the same c_nonce was given twice")
    demand(all(nonce is not None and len(nonce) >= 16 for nonce in nonces), "a c_nonce is short enough to be guessed")


@CHECKS("VCI-7.1-01")
def nonce_endpoint_takes_only_post(peer: Peer) -> None:
    """Other methods are refused."""
    url = peer.endpoint("nonce_endpoint")
    for method in ("GET", "PUT", "DELETE"):
        response = peer.post(url, method=method)
        demand(400 <= response.status < 500, f"{method} at the Nonce Endpoint: expected a refusal, got {response.status}")


@CHECKS("VCI-7.1-01")
def nonce_endpoint_serves_odd_accept_values(peer: Peer) -> None:
    """Whatever stands in `Accept` and in the body, a nonce comes."""
    url = peer.endpoint("nonce_endpoint")
    for accept in ("text/html", ";;;,,", "application/json;q=0"):
        status(peer.post(url, b"unheard_of=1", accept=accept, content_type="application/x-www-form-urlencoded"), 200, what=WHAT)
