"""The Credential Endpoint: access tokens, and what names the credential (OID4VCI 8)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from oid4vci import _json
from oid4vci.http import Response
from oid4vci.testing.probes.code_flow import details
from oid4vci.testing.probes.expectations import demand, json_object, need, no_store, refused, status, unauthorized
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.metadata import ACCEPTS
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.sealing import required
from oid4vci.testing.probes.session import Session, redeem, session, token_response
from oid4vci.testing.report import CheckWarned

__all__ = ("MEMBERS",)

REQUEST: Final = ("invalid_credential_request",)
MEMBERS: Final = frozenset(("credentials", "transaction_id", "notification_id", "interval"))
USES: Final = 35


@CHECKS("VCI-8-01", "VCI-8.3-01", "VCI-8.3-06", "VCI-8.3-09", "VCI-8.3-12", "VCI-8.3-18", "VCI-8.3-24", "VCI-8.2-15")
def credential_is_issued(peer: Peer) -> None:
    """A request that is right gets 200 with `credentials`, or 202 with `transaction_id` and `interval`, and no other members."""
    need(peer.targets, "there is no configuration that the probe can prove keys for")
    for target in peer.targets:
        begun = session(peer, target)
        response = begun.order(begun.body())
        members = begun.accepted(response, what=f"a request for {target.configuration_id}")
        no_store(response, what="a Credential Response")
        extra = members.keys() - MEMBERS
        demand(not extra, f"the response has members that it must not have: {', '.join(sorted(extra))}")
        if response.status == 202:
            _promised(members)
        else:
            _given(members)


def _promised(members: Mapping[str, Any]) -> None:
    demand(isinstance(members.get("transaction_id"), str) and members["transaction_id"], "there is no transaction_id")
    interval = members.get("interval")
    demand(isinstance(interval, int | float) and not isinstance(interval, bool) and interval > 0, "interval is not positive")
    demand("credentials" not in members, "credentials are beside the transaction_id")
    demand("notification_id" not in members, "notification_id is there without credentials")


def _given(members: Mapping[str, Any]) -> None:
    entries = members.get("credentials")
    demand(isinstance(entries, list) and len(entries) == 1, "there must be one credential for one key")
    for each in entries if isinstance(entries, list) else ():
        demand(isinstance(each, dict) and each.get("credential"), "an element of credentials has no credential")
    demand("transaction_id" not in members and "interval" not in members, "credentials came, and a promise as well")


# --- access tokens --------------------------------------------------------------------------------------------------------------


def _token(peer: Peer) -> tuple[Session, dict[str, Any]]:
    begun = session(peer)
    return begun, begun.body()


@CHECKS("VCI-8.3.1.1-01", "RFC6750-3", "VCI-8-02")
def access_token_missing(peer: Peer) -> None:
    """Without a token the answer is 401 with the schemes that are taken."""
    begun, body = _token(peer)
    unauthorized(begun.order(body, authorization=(), proofs=lambda _: ()), what="no access token")
    begun.accepted(begun.order(body))


@CHECKS("VCI-8.3.1.1-01", "RFC6750-3.1")
def access_token_that_nobody_gave(peer: Peer) -> None:
    """Garbage, and a token of which a letter was changed, are refused with 401 `invalid_token`."""
    begun, body = _token(peer)
    good = begun.access_token
    middle = len(good) // 2
    changed = f"{good[:middle]}{'A' if good[middle] != 'A' else 'B'}{good[middle + 1 :]}"
    for other in ("garbage", token(64), changed):
        response = begun.order(body, authorization=(f"{begun.instance.scheme} {other}",))
        unauthorized(response, "invalid_token", "invalid_dpop_proof", what="a token that nobody gave")
    begun.accepted(begun.order(body))


@CHECKS("VCI-8.3.1.1-01", "RFC6750-3.1")
def access_token_expires(peer: Peer) -> None:
    """After `expires_in` the token is refused with 401 `invalid_token`."""
    begun = session(peer)
    begun.accepted(begun.order(begun.body()))
    need("expires_in" in begun.members, "the token does not say how long it lives")
    peer.pause(begun.members["expires_in"])
    response = begun.order(begun.body())
    unauthorized(response, "invalid_token", what="a token that has expired")


@CHECKS("VCI-8.3.1.1-01", "RFC6750-3.1")
def access_token_twice(peer: Peer) -> None:
    """Two `Authorization` headers, and a scheme that is unknown, are refused."""
    begun, body = _token(peer)
    right = f"{begun.instance.scheme} {begun.access_token}"
    for values in ((right, right), (right, "Bearer other"), (f"Basic {begun.access_token}",), (begun.access_token,)):
        response = begun.order(body, authorization=values)
        demand(response.status in (400, 401), f"a wrong Authorization header: expected 400 or 401, got {response.status}")
    begun.accepted(begun.order(body))


@CHECKS("RFC6750-2.3", "HAIP-4-04")
def access_token_in_the_query(peer: Peer) -> None:
    """A token in the URL is refused."""
    begun, body = _token(peer)
    response = begun.order(body, authorization=(), query=f"?access_token={begun.access_token}")
    demand(response.status in (400, 401, 414), f"a token in the query: expected 400, 401 or 414, got {response.status}")
    begun.accepted(begun.order(body))


@CHECKS("RFC9110-11.1")
def access_token_with_a_scheme_of_either_case(peer: Peer) -> None:
    """The name of the scheme is taken in upper and lower case."""
    begun = session(peer)
    scheme = begun.instance.scheme
    for spelt in (scheme.lower(), scheme.upper()):
        response = begun.order(begun.body(), authorization=(f"{spelt} {begun.access_token}",))
        begun.accepted(response, what="the scheme in another case")


@CHECKS("VCI-14.3-01")
def access_token_serves_many_times(peer: Peer) -> None:
    """One token serves for some 35 requests, right and wrong ones in turn, with whatever is in `Accept`."""
    begun = session(peer)
    for number in range(USES):
        accept = (("accept", ACCEPTS[number % len(ACCEPTS)]),)
        if number % 3 == 2:
            wrong = begun.body(credential_configuration_id="unheard of", credential_identifier=None)
            demand(begun.order(wrong, headers=accept).status == 400, "a wrong request was not refused with 400")
            continue
        response = begun.order(begun.body(), headers=accept)
        if response.status in (401, 403):
            raise CheckWarned(f"the access token was good for {number} requests only")
        begun.accepted(response, what="a request with an odd Accept")


@CHECKS("VCI-8-02", "VCI-8.2-09")
def access_token_for_another_configuration(peer: Peer) -> None:
    """A token for one configuration gets no other."""
    need(len(peer.targets) > 1, "there is one configuration only")
    begun = session(peer, peer.targets[0])
    other = Session(peer, begun.instance, peer.targets[1], {**begun.members, "authorization_details": None})
    response = other.order(other.body())
    demand(response.status in (400, 401, 403), f"another configuration: expected a refusal, got {response.status}")
    if response.status == 400:
        refused(
            response, *REQUEST, "unknown_credential_configuration", "credential_request_denied", what="another configuration"
        )
    begun.accepted(begun.order(begun.body()))


# --- what names the credential ----------------------------------------------------------------------------------------------------


@CHECKS("VCI-8.2-25")
def credential_request_with_unknown_members(peer: Peer) -> None:
    """A member that nobody knows changes nothing."""
    begun = session(peer)
    begun.accepted(begun.order(begun.body(unheard_of={"a": [1]})), what="a request with an unknown member")


def _mistake(name: str, requirements: Sequence[str], codes: Sequence[str], about: str, **changes: Any) -> None:
    """A request with other members: it is refused, and the nonce still serves."""

    def look(peer: Peer) -> None:
        begun, body = _token(peer)
        now = {key: value(begun) if callable(value) else value for key, value in changes.items()}
        made = {key: value for key, value in {**body, **now}.items() if value is not ...}
        response = begun.order(made)
        refused(response, *codes, what=about)
        no_store(response, what=about)
        begun.accepted(begun.order(body), what="the same request as it should be")

    CHECKS.add(f"credential_request_{name}", requirements, f"{about[0].upper()}{about[1:]} is refused.", look)


_IDS: Final[dict[str, Any]] = {"credential_configuration_id": ..., "credential_identifier": ...}
_UNKNOWN_CONFIGURATION = ("unknown_credential_configuration",)
_mistake(
    "for_an_unknown_configuration",
    ("VCI-8.3.1.2-07", "VCI-8.2-08"),
    (*_UNKNOWN_CONFIGURATION, *REQUEST),
    "an unknown credential_configuration_id",
    **{**_IDS, "credential_configuration_id": "unheard of"},
)
_mistake(
    "for_an_unknown_identifier",
    ("VCI-8.3.1.2-08",),
    ("unknown_credential_identifier", *REQUEST),
    "an unknown credential_identifier",
    **{**_IDS, "credential_identifier": "unheard of"},
)
_mistake("for_nothing", ("VCI-8.3.1.2-06",), REQUEST, "a request that names no credential", **_IDS)
_mistake(
    "for_two_names",
    ("VCI-8.2-05", "VCI-8.2-10"),
    REQUEST,
    "a request that names its credential in both ways",
    credential_configuration_id=lambda begun: begun.target.configuration_id,
    credential_identifier=lambda begun: begun.identifiers[0] if begun.identifiers else begun.target.configuration_id,
)
_mistake(
    "with_a_number_for_a_name",
    ("VCI-8.3.1.2-06",),
    (*REQUEST, *_UNKNOWN_CONFIGURATION),
    "a credential_configuration_id that is a number",
    **{**_IDS, "credential_configuration_id": 1},
)


@CHECKS("VCI-8.3.1.2-07", "VCI-8.3.1.2-18")
def credential_request_is_read_before_its_proofs(peer: Peer) -> None:
    """An unknown configuration is what is complained of, whatever the proofs are."""
    begun = session(peer)
    body = {"credential_configuration_id": "unheard of", "proofs": {"jwt": ["garbage"]}}
    refused(begun.order(body), *_UNKNOWN_CONFIGURATION, *REQUEST, what="an unknown configuration with wrong proofs")


@CHECKS("VCI-6.2-08", "VCI-8.2-10", "VCI-3.3.4-02")
def credential_request_by_identifier_where_there_are_any(peer: Peer) -> None:
    """Where the token came with `credential_identifiers`, these name the credential, and the configuration id is not taken."""
    begun = session(peer)
    types = peer.server.get("authorization_details_types_supported")
    if (
        not begun.identifiers
        and peer.supplies.new_offer is not None
        and isinstance(types, list)
        and "openid_credential" in types
    ):
        asked = details(begun.target.configuration_id)
        response = redeem(peer, peer.offer(), instance=begun.instance, authorization_details=asked)
        begun = evolve(begun, members=token_response(response, bound=begun.instance.dpop is not None))
    need(begun.identifiers, "the Token Response has no credential_identifiers")
    body = begun.body()
    other = {**body, "credential_identifier": ..., "credential_configuration_id": begun.target.configuration_id}
    response = begun.order({name: value for name, value in other.items() if value is not ...})
    if response.status in (200, 202):
        raise CheckWarned("the credential_configuration_id is taken where there are credential_identifiers")
    refused(response, *REQUEST, *_UNKNOWN_CONFIGURATION, what="a configuration id where there are identifiers")
    begun.accepted(begun.order(body))


# --- bodies -----------------------------------------------------------------------------------------------------------------------


@CHECKS("VCI-8.3.1.2-01", "VCI-8.3.1.2-02", "VCI-8.3.1.2-03", "VCI-8.3.1.2-04", "VCI-8.3.1.2-06", "VCI-8.3.1.2-17")
def credential_request_that_is_garbage(peer: Peer) -> None:
    """What is no JSON object is refused with 400 in JSON, with the error members and no others."""
    begun, body = _token(peer)
    text = _json.dump_bytes(body)
    repeated = b'{"credential_configuration_id":"x",' + text[1:]
    for wrong in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 20_000, text + b"x", repeated):
        refused(begun.order(wrong), *REQUEST, what="a body that is no JSON object")
    begun.accepted(begun.order(body))


@CHECKS("VCI-8.3.1.2-06")
def credential_request_of_another_type(peer: Peer) -> None:
    """JSON that says it is something else is refused."""
    need(not any(required(peer)), "requests must be encrypted")
    begun, body = _token(peer)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", None):
        response = begun.order(body, content_type=content_type)
        demand(response.status in (400, 415), f"another content type: expected 400 or 415, got {response.status}")
    begun.accepted(begun.order(body))


@CHECKS("RFC9110-15.5.6")
def credential_endpoint_takes_only_post(peer: Peer) -> None:
    """Other methods are refused."""
    begun, body = _token(peer)
    for method in ("GET", "PUT", "DELETE"):
        response: Response = begun.order(body, method=method)
        demand(400 <= response.status < 500, f"{method}: expected a refusal, got {response.status}")
    begun.accepted(begun.order(body))


@CHECKS("VCI-8.3-10", "VCI-8.3-11", "VCI-3.3.2-01")
def credential_for_each_key(peer: Peer) -> None:
    """A batch has as many credentials as keys, or fewer, and never more."""
    batch = peer.metadata.get("batch_credential_issuance")
    need(isinstance(batch, dict), "the issuer offers no batches")
    target = peer.target
    need(target.proof_type, "the configuration binds no keys")
    begun = session(peer, target)
    holders = [target.holder(f"holder {number}") for number in range(2)]
    response = begun.order(begun.body(*holders))
    status(response, 200, 202, what="a batch of two")
    entries = json_object(response, what="a batch of two").get("credentials", [None])
    demand(isinstance(entries, list) and 1 <= len(entries) <= 2, "there are more credentials than keys")
