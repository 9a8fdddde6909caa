"""Authorization Server Metadata (RFC 8414, OID4VCI 12.3)."""

from collections.abc import Mapping
from typing import Any

from oid4vci import _json
from oid4vci.lint import lint
from oid4vci.metadata.well_known import authorization_server_metadata_url
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.testing.probes.expectations import demand, json_object, need, status
from oid4vci.testing.probes.metadata import told
from oid4vci.testing.probes.peer import CHECKS, Peer

__all__ = ()


def _names(members: Mapping[str, Any], name: str) -> list[Any]:
    value = members.get(name, [])
    demand(isinstance(value, list), f"{name} must be an array")
    names: list[Any] = value
    return names


@CHECKS("VCI-12.2.4-06", "RFC8414-3")
def server_metadata_at_the_well_known_path(peer: Peer) -> None:
    """Metadata in JSON are where RFC 8414 3.1 says, and `issuer` is the identifier, character by character."""
    response = peer.get(authorization_server_metadata_url(peer.server_identifier), accept="application/json")
    status(response, 200, what="server metadata")
    members = json_object(response, what="server metadata")
    demand(members.get("issuer") == peer.server_identifier, "issuer is not the identifier of the server")


@CHECKS("RFC8414-2", "VCI-12.3-01")
def server_metadata_follow_the_rules(peer: Peer) -> None:
    """Every member is what RFC 8414 and its extensions, and HAIP if it is asked for, say of it."""
    text = _json.dump_bytes(peer.server)
    told(lint(text, now=peer.now, kind="server-metadata", profile="haip" if peer.supplies.haip else None))


@CHECKS("RFC8414-2")
def server_has_the_endpoints_of_its_grants(peer: Peer) -> None:
    """There is a token endpoint, and an authorization endpoint where codes are given; all of them `https`."""
    demand("token_endpoint" in peer.server, "there is no token_endpoint")
    if "authorization_code" in peer.grant_types:
        demand("authorization_endpoint" in peer.server, "there is no authorization_endpoint")
        demand("code" in _names(peer.server, "response_types_supported"), "response_types_supported has no code")
    for name, value in peer.server.items():
        if name.endswith("_endpoint"):
            demand(isinstance(value, str) and value.startswith("https://"), f"{name} is not an https URL")


@CHECKS("RFC7636-4.2", "HAIP-4-05")
def server_says_that_it_takes_s256(peer: Peer) -> None:
    """`code_challenge_methods_supported` has `S256`, and not `plain` under HAIP."""
    need("authorization_code" in peer.grant_types, "the server gives no codes")
    methods = _names(peer.server, "code_challenge_methods_supported")
    demand("S256" in methods, "code_challenge_methods_supported has no S256")
    demand(not (peer.supplies.haip and "plain" in methods), "code_challenge_methods_supported has plain")


@CHECKS("RFC9207-3", "HAIP-4-07")
def server_says_that_it_names_itself(peer: Peer) -> None:
    """`authorization_response_iss_parameter_supported` is true."""
    need("authorization_code" in peer.grant_types, "the server gives no codes")
    said = peer.server.get("authorization_response_iss_parameter_supported")
    demand(said is True, "authorization_response_iss_parameter_supported is not true")


@CHECKS("RFC9449-5.1", "HAIP-4-08")
def server_says_which_dpop_algorithms_it_takes(peer: Peer) -> None:
    """`dpop_signing_alg_values_supported` has `ES256`, and nothing that is not a digital signature."""
    need("dpop_signing_alg_values_supported" in peer.server or peer.supplies.haip, "the server does not say that it takes DPoP")
    _digital_signatures(peer, "dpop_signing_alg_values_supported")


@CHECKS("VCI-E-02", "HAIP-7-01")
def server_says_which_attestation_algorithms_it_takes(peer: Peer) -> None:
    """Where clients are attested, both lists of algorithms have `ES256`, and nothing that is not a digital signature."""
    methods = _names(peer.server, "token_endpoint_auth_methods_supported")
    need("attest_jwt_client_auth" in methods, "clients are not attested")
    for name in ("client_attestation_signing_alg_values_supported", "client_attestation_pop_signing_alg_values_supported"):
        _digital_signatures(peer, name)


def _digital_signatures(peer: Peer, name: str) -> None:
    algorithms = _names(peer.server, name)
    demand("ES256" in algorithms, f"{name} has no ES256")
    wrong = [each for each in algorithms if not isinstance(each, str) or each == "none" or each.startswith("HS")]
    demand(not wrong, f"{name} has what is no digital signature algorithm")


@CHECKS("VCI-3.5-01", "VCI-4.1.1-17")
def server_says_which_grants_it_takes(peer: Peer) -> None:
    """The grants of the offers that are made are in `grant_types_supported`."""
    made = peer.offer(grant="pre-authorized_code")
    demand(
        PRE_AUTHORIZED_CODE in peer.grant_types,
        "there are offers with a pre-authorized code, which is no grant type of the server",
    )
    demand(made.code, "the offer has no code")


@CHECKS("RFC9396-10", "VCI-5.1.1-04")
def server_says_that_it_takes_authorization_details(peer: Peer) -> None:
    """Where a configuration has no scope, `authorization_details_types_supported` has `openid_credential`."""
    need("authorization_code" in peer.grant_types, "the server gives no codes")
    known = peer.metadata.get("credential_configurations_supported")
    without = isinstance(known, dict) and any(isinstance(each, dict) and "scope" not in each for each in known.values())
    need(without, "every configuration has a scope")
    types = _names(peer.server, "authorization_details_types_supported")
    demand("openid_credential" in types, "authorization_details_types_supported has no openid_credential")
