"""Credential Issuer Metadata, plain and signed (OID4VCI 12.2)."""

from collections.abc import Iterator
from typing import Any, Final

from oid4vci import _jose, _json, x509
from oid4vci.lint import lint
from oid4vci.lint.report import Report
from oid4vci.metadata import canonical_language_tag
from oid4vci.metadata.well_known import credential_issuer_metadata_url
from oid4vci.testing.probes.expectations import content_type, demand, json_object, need, status
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.report import CheckFailed, CheckWarned

__all__ = ("told",)

# OID4VCI 12.2.4
MEMBERS: Final = frozenset(
    (
        *("credential_issuer", "authorization_servers", "credential_endpoint", "nonce_endpoint"),
        *("deferred_credential_endpoint", "notification_endpoint", "credential_request_encryption"),
        *("credential_response_encryption", "batch_credential_issuance", "display", "credential_configurations_supported"),
    )
)
ACCEPTS: Final = ("", "*/*", "text/html", "application/json;q=0.1, */*;q=0", ";;;,,", "a" * 4000)


def told(report: Report) -> None:
    """Fail for what must not be, warn for what is doubtful."""
    found = "; ".join(str(finding) for finding in report.findings)
    if report.errors:
        raise CheckFailed(found)
    if report.findings:
        raise CheckWarned(found)


@CHECKS("VCI-12.2.2-01", "VCI-12.2.2-05", "VCI-12.2.2-06", "VCI-12.2.2-07", "VCI-12.2.2-09")
def issuer_metadata_at_the_well_known_path(peer: Peer) -> None:
    """Metadata in JSON are where the identifier says, its path and a final slash kept."""
    response = peer.get(credential_issuer_metadata_url(peer.supplies.issuer), accept="application/json")
    status(response, 200, what="issuer metadata")
    json_object(response, what="issuer metadata")


@CHECKS("VCI-12.2.4-01", "VCI-12.2.4-02")
def issuer_metadata_are_of_the_issuer_that_was_asked(peer: Peer) -> None:
    """`credential_issuer` is the identifier, character by character."""
    demand(peer.metadata.get("credential_issuer") == peer.supplies.issuer, "credential_issuer is not the identifier")


@CHECKS("VCI-12.2.4-09", "VCI-12.2.4-47", "VCI-12.2.4-48", "VCI-12.2.4-61", "VCI-12.2.4-37", "VCI-12.2.4-43", "VCI-12.2.4-75")
def issuer_metadata_follow_the_rules(peer: Peer) -> None:
    """Every member is what OID4VCI 12.2.4, and HAIP if it is asked for, say of it."""
    text = _json.dump_bytes(peer.metadata)
    told(lint(text, now=peer.now, kind="issuer-metadata", profile="haip" if peer.supplies.haip else None))


@CHECKS("VCI-12.2.4-10", "VCI-12.2.4-13", "VCI-12.2.4-16", "VCI-12.2.4-19")
def issuer_endpoints_are_https(peer: Peer) -> None:
    """Every endpoint is an `https` URL."""
    for name, value in peer.metadata.items():
        if name.endswith("_endpoint"):
            demand(isinstance(value, str) and value.startswith("https://"), f"{name} is not an https URL")


@CHECKS("VCI-12.2.4-88")
def issuer_metadata_have_no_unknown_members(peer: Peer) -> None:
    """Members that OID4VCI does not know are allowed, and wallets and test suites have stumbled over them."""
    unknown = sorted(peer.metadata.keys() - MEMBERS)
    if unknown:
        raise CheckWarned(f"there are members that OID4VCI does not define: {', '.join(unknown)}")


@CHECKS("VCI-12.2.4-55", "VCI-12.2.4-58", "VCI-14.2-01")
def binding_methods_and_proof_types_come_together(peer: Peer) -> None:
    """A configuration has both `cryptographic_binding_methods_supported` and `proof_types_supported`, or neither."""
    for name, members in _configurations(peer):
        both = [each in members for each in ("cryptographic_binding_methods_supported", "proof_types_supported")]
        demand(both[0] == both[1], f"the configuration {name} has only one of the two")


@CHECKS("VCI-12.2.2-13")
def locales_are_canonical(peer: Peer) -> None:
    """Every `locale` is a language tag in its canonical spelling."""
    for locale in _texts(peer.metadata, "locale"):
        demand(canonical_language_tag(locale) == locale, "a locale is not spelt canonically")


@CHECKS("VCI-12.2.2-10")
def odd_accept_values_are_served(peer: Peer) -> None:
    """Whatever stands in `Accept`, the metadata come, and they are of the same issuer."""
    url = credential_issuer_metadata_url(peer.supplies.issuer)
    for accept in ACCEPTS:
        response = peer.get(url, accept=accept, accept_language="de-CH, *;q=0.1")
        status(response, 200, what="issuer metadata with an odd Accept")
        members = json_object(response, what="issuer metadata with an odd Accept")
        demand(members.get("credential_issuer") == peer.supplies.issuer, "other metadata came for an odd Accept")


@CHECKS("VCI-12.2.2-09")
def metadata_are_from_now(peer: Peer) -> None:
    """Over HTTP every response has one `Date` (RFC 9110 6.6.1)."""
    need(peer.supplies.over_http, "the responses do not come over a network")
    response = peer.get(credential_issuer_metadata_url(peer.supplies.issuer))
    demand(len(response.headers.all("date")) == 1, "there is not one Date")


@CHECKS("VCI-12.2.3-01", "VCI-12.2.3-02", "VCI-12.2.3-03", "VCI-12.2.3-04", "VCI-12.2.3-06", "VCI-12.2.3-07")
def signed_metadata_follow_the_rules(peer: Peer) -> None:
    """Signed metadata, where there are any, have the right type, `sub`, `iat`, and a key that verifies them."""
    text = _signed(peer)
    report = lint(text, now=peer.now, kind="signed-issuer-metadata", profile="haip" if peer.supplies.haip else None)
    claims = _jose.parse(text).claims()
    demand(claims.get("sub") == peer.supplies.issuer, "sub is not the identifier")
    _verify(text)
    told(report)


@CHECKS("VCI-12.2.3-09")
def signed_metadata_say_what_the_plain_ones_say(peer: Peer) -> None:
    """Every member of the metadata is a claim of the signed ones."""
    claims = _jose.parse(_signed(peer)).claims()
    other = [name for name, value in peer.metadata.items() if claims.get(name) != value]
    demand(not other, f"these members are others: {', '.join(other)}")


@CHECKS("HAIP-4.1-03", "HAIP-4.1-10")
def haip_metadata_have_scopes_and_a_nonce_endpoint(peer: Peer) -> None:
    """Every configuration has a `scope`, and where keys are bound there is a `nonce_endpoint`."""
    need(peer.supplies.haip, "HAIP was not asked for")
    configurations = list(_configurations(peer))
    demand(all(isinstance(members.get("scope"), str) for _, members in configurations), "a configuration has no scope")
    bound = any("cryptographic_binding_methods_supported" in members for _, members in configurations)
    demand(not bound or "nonce_endpoint" in peer.metadata, "there is no nonce_endpoint")


def _signed(peer: Peer) -> str:
    response = peer.get(credential_issuer_metadata_url(peer.supplies.issuer), accept="application/jwt")
    status(response, 200, what="signed metadata")
    need(content_type(response) != "application/json", "the issuer does not sign its metadata")
    demand(content_type(response) == "application/jwt", "signed metadata: expected application/jwt")
    return response.body.decode("ascii", "replace")


def _verify(text: str) -> None:
    """With the key that the header brings, if it brings one: trust is not looked at."""
    jws = _jose.parse(text, max_bytes=_json.MAX_BYTES)
    if "x5c" in jws.header:
        key = x509.leaf_public_key(x509.load(x509.decode_x5c(jws.header["x5c"])[0]))
    elif "jwk" in jws.header:
        key = _jose.public_key(jws.header["jwk"])
    else:
        return
    _jose.verify(jws, key, algorithms=tuple(_jose.ALGORITHMS))


def _configurations(peer: Peer) -> Iterator[tuple[str, dict[str, Any]]]:
    configurations = peer.metadata.get("credential_configurations_supported")
    if not isinstance(configurations, dict):
        raise CheckFailed("credential_configurations_supported must be an object")
    for name, members in configurations.items():
        demand(isinstance(members, dict), f"the configuration {name} must be an object")
        yield name, members


def _texts(value: Any, name: str) -> Iterator[str]:
    """Every string member of this name, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _texts(each, name)
