"""Credential Offers (OID4VCI 4)."""

from urllib.parse import parse_qsl, urlsplit

from oid4vci import _json
from oid4vci.lint import lint
from oid4vci.testing.probes.expectations import demand, json_object, need, status
from oid4vci.testing.probes.metadata import told
from oid4vci.testing.probes.peer import CHECKS, MadeOffer, Peer
from oid4vci.testing.probes.supplies import Grant

__all__ = ()


def _of_this_issuer(peer: Peer, made: MadeOffer) -> None:
    demand(made.members.get("credential_issuer") == peer.supplies.issuer, "credential_issuer is not the identifier")
    known = peer.metadata.get("credential_configurations_supported")
    ids = made.members.get("credential_configuration_ids")
    demand(isinstance(ids, list) and ids and isinstance(known, dict), "credential_configuration_ids must name something")
    unknown = [each for each in ids or () if not isinstance(each, str) or each not in (known or ())]
    demand(not unknown, "credential_configuration_ids name what the metadata do not have")
    told(lint(_json.dump_bytes(dict(made.members)), now=peer.now, kind="offer"))


@CHECKS("VCI-4.1-02", "VCI-4.1-03", "VCI-4.1.1-01", "VCI-4.1.1-03", "VCI-4.1.1-04", "VCI-4.1.2-01", "VCI-4.1.1-18")
def offer_by_value(peer: Peer) -> None:
    """An offer with a pre-authorized code, in its own URI, is of this issuer and names configurations of it."""
    made = peer.offer()
    names = [name for name, _ in parse_qsl(urlsplit(made.offered.offer_uri).query)]
    demand(names == ["credential_offer"], "the URI must carry credential_offer and nothing else")
    _of_this_issuer(peer, made)
    demand(made.code, "there is no pre-authorized code")


@CHECKS("VCI-4.1-05", "VCI-4.1-06", "VCI-4.1.3-03", "VCI-4.1.3-05")
def offer_by_reference(peer: Peer) -> None:
    """An offer at a URL is served as `application/json` over https."""
    made = peer.offer(by_reference=True)
    query = parse_qsl(urlsplit(made.offered.offer_uri).query)
    demand([name for name, _ in query] == ["credential_offer_uri"], "the URI must carry credential_offer_uri and nothing else")
    url = query[0][1]
    demand(url.startswith("https://"), "credential_offer_uri is not an https URL")
    for accept in ("application/json", "*/*", "application/jwt"):
        response = peer.get(url, accept=accept)
        status(response, 200, what="the offer")
        demand(json_object(response, what="the offer") == made.members, "the offer says another thing each time")
    _of_this_issuer(peer, made)


@CHECKS("VCI-4.1.3-02", "VCI-4.1.1-20")
def offers_are_fresh(peer: Peer) -> None:
    """No two offers share a code, or a URL."""
    _differ([peer.offer() for _ in range(2)], "pre-authorized_code")
    by_reference = [peer.offer(by_reference=True) for _ in range(2)]
    demand(len({made.offered.offer_uri for made in by_reference}) == 2, "two offers have the same URL")


@CHECKS("VCI-4.1.1-11", "HAIP-4.2-01")
def offer_of_the_authorization_code(peer: Peer) -> None:
    """An offer of the authorization code grant is of this issuer, and has an `issuer_state` of its own if it has any."""
    made = [peer.offer(grant="authorization_code") for _ in range(2)]
    _of_this_issuer(peer, made[0])
    grants = made[0].members.get("grants")
    demand(isinstance(grants, dict) and "authorization_code" in grants, "the offer has no grant authorization_code")
    states = [each.issuer_state for each in made]
    demand(states[0] is None or states[0] != states[1], "two offers have the same issuer_state")


@CHECKS("VCI-4.1.1-24")
def transaction_code_is_not_in_the_offer(peer: Peer) -> None:
    """Where a Transaction Code is wanted the offer says so, and does not give it away."""
    made = peer.offer(tx_code=True)
    need(made.offered.tx_code, "no Transaction Code was handed to the probe")
    grants = made.members.get("grants")
    values = list(grants.values()) if isinstance(grants, dict) else []
    demand(any(isinstance(each, dict) and isinstance(each.get("tx_code"), dict) for each in values), "the offer has no tx_code")
    demand(f'"{made.offered.tx_code}"' not in _json.dumps(dict(made.members)), "the offer has the Transaction Code in it")


def _differ(made: list[MadeOffer], what: str, grant: Grant = "pre-authorized_code") -> None:
    demand(len({each.code for each in made}) == len(made), f"two offers of {grant} have the same {what}")
