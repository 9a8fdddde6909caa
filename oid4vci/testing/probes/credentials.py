"""What is issued: its signature and claims, its key, batches, and where its status is published (OID4VCI A; HAIP 5.3, 6.1)."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from oid4vci import x509
from oid4vci.keys import public_key
from oid4vci.lint import lint
from oid4vci.status_list.signed import SignedStatusList
from oid4vci.status_list.token import StatusListToken
from oid4vci.testing.probes.contents import Contents, contents
from oid4vci.testing.probes.expectations import content_type, demand, need, status
from oid4vci.testing.probes.metadata import told
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import Session, session
from oid4vci.testing.probes.target import Target
from oid4vci.testing.report import CheckWarned

__all__ = ()

HOUR: Final = 3600
LINTED: Final = frozenset(("dc+sd-jwt", "mso_mdoc", "jwt_vc_json", "ldp_vc", "vc+jwt", "vc+sd-jwt"))
STATUS_LIST: Final = "application/statuslist+jwt"


def _issued(peer: Peer, format_: str | None = None) -> Iterator[tuple[Target, Any, Any]]:
    """A credential of each configuration that the probe can ask for, with the key it is for."""
    wanted = [each for each in peer.targets if format_ is None or each.format == format_]
    need(wanted, f"no configuration of the format {format_} can be asked for" if format_ else "nothing can be asked for")
    for target in wanted:
        begun, holder = session(peer, target), target.holder()
        found = begun.credentials(holder)
        demand(len(found) == 1, f"{target.configuration_id}: {len(found)} credentials came for one key")
        yield target, found[0], holder


def _taken_apart(peer: Peer, format_: str) -> Iterator[tuple[Target, Contents, Any]]:
    for target, credential, holder in _issued(peer, format_):
        read = contents(credential, format_)
        if read is not None:
            yield target, read, holder


@CHECKS("VCI-A.3.4-01", "VCI-A.2.4-01", "VCI-8.3-14", "VCI-2-01")
def credentials_follow_the_rules_of_their_format(peer: Peer) -> None:
    """Every member of every credential is what its format, and HAIP if it is asked for, say of it."""
    for target, credential, _ in _issued(peer):
        if target.format in LINTED:
            text = credential if isinstance(credential, str) else _json_text(credential)
            told(lint(text, now=peer.now, kind=target.format, profile="haip" if peer.supplies.haip else None))


def _json_text(credential: Any) -> str:
    from oid4vci import _json

    return _json.dumps(credential)


@CHECKS("VCI-A.3.4-01", "VCI-A.3.2-02")
def sd_jwt_vc_has_the_type_of_its_configuration(peer: Peer) -> None:
    """`typ` is `dc+sd-jwt`, and `vct` that of the metadata."""
    for target, read, _ in _taken_apart(peer, "dc+sd-jwt"):
        demand(read.header.get("typ") == "dc+sd-jwt", "typ is not dc+sd-jwt")
        demand(read.type == target.members.get("vct"), "vct is not that of the configuration")


@CHECKS("VCI-8.1-01", "HAIP-6.1-05", "HAIP-6.1-06")
def sd_jwt_vc_is_bound_to_the_key_that_was_proved(peer: Peer) -> None:
    """`cnf.jwk` is the key of the proof."""
    for target, read, holder in _taken_apart(peer, "dc+sd-jwt"):
        if target.proof_type is not None and target.kid(holder) is None:
            demand(read.holder == public_key(holder.public_jwk), "cnf.jwk is not the key of the proof")


@CHECKS("RFC9901-9.3")
def sd_jwt_vc_salts_differ(peer: Peer) -> None:
    """No two disclosures have the same salt."""
    for _, read, __ in _taken_apart(peer, "dc+sd-jwt"):
        demand(len(set(map(str, read.salts))) == len(read.salts), "two disclosures have the same salt")


@CHECKS("HAIP-6.1.1-02", "HAIP-6.1.1-03", "HAIP-6.1.1-04", "HAIP-6.1-04")
def sd_jwt_vc_as_haip_wants_it(peer: Peer) -> None:
    """It has its certificates, the first not self-signed, and ends at some time or can be revoked."""
    need(peer.supplies.haip, "HAIP was not asked for")
    for _, read, __ in _taken_apart(peer, "dc+sd-jwt"):
        demand(read.certificates, "there is no x5c")
        demand(
            not any(x509.self_signed(x509.load(each)) for each in read.certificates),
            "x5c has a certificate that is self-signed",
        )
        demand("exp" in read.times or read.status is not None, "there is neither exp nor status")


@CHECKS("VCI-A.2.4-01", "VCI-A.2.2-03")
def mdoc_has_the_type_of_its_configuration(peer: Peer) -> None:
    """`docType` is that of the metadata, and the certificates are in the unprotected header."""
    for target, read, _ in _taken_apart(peer, "mso_mdoc"):
        demand(read.type == target.members.get("doctype"), "docType is not that of the configuration")
        demand(read.certificates, "x5chain is not in the unprotected header")


@CHECKS("VCI-8.1-01")
def mdoc_is_bound_to_the_key_that_was_proved(peer: Peer) -> None:
    """`deviceKey` is the key of the proof."""
    for target, read, holder in _taken_apart(peer, "mso_mdoc"):
        if target.proof_type is not None:
            demand(read.holder == public_key(holder.public_jwk), "deviceKey is not the key of the proof")


@CHECKS("VCI-15.4.1-02")
def times_of_credentials_are_rounded(peer: Peer) -> None:
    """Times that tell one copy from another are rounded to the hour at least."""
    for target in peer.targets:
        if target.format in ("dc+sd-jwt", "mso_mdoc"):
            read = contents(session(peer, target).credentials(target.holder())[0], target.format)
            precise = []
            if read is not None:
                # A time that is that of the certificate is the same in every credential.
                precise = [name for name, seconds in read.times.items() if seconds % HOUR and seconds != read.certified_since]
            if precise:
                raise CheckWarned(f"{target.configuration_id}: {', '.join(precise)} are not rounded to the hour")


# --- batches ----------------------------------------------------------------------------------------------------------------------


def _batch(peer: Peer, number: int) -> Iterator[tuple[Target, list[Contents], list[Any]]]:
    batch = peer.metadata.get("batch_credential_issuance")
    size = batch.get("batch_size") if isinstance(batch, dict) else None
    need(type(size) is int, "the issuer offers no batches")
    count = min(number, size if isinstance(size, int) else 1)
    wanted = [each for each in peer.targets if each.format in ("dc+sd-jwt", "mso_mdoc") and each.proof_type]
    need(wanted, "no configuration of a format that the probe takes apart binds keys")
    for target in wanted:
        begun: Session = session(peer, target)
        holders = [target.holder(f"holder {index}") for index in range(count)]
        found = [contents(each, target.format) for each in begun.credentials(*holders)]
        yield target, [each for each in found if each is not None], holders


@CHECKS("VCI-3.3.2-01", "VCI-8.3-11")
def batch_is_one_dataset_for_different_keys(peer: Peer) -> None:
    """The credentials of a batch say the same, and each is bound to a key of its own that was proved."""
    for _, found, holders in _batch(peer, 3):
        keys = [each.holder for each in found]
        demand(len(set(keys)) == len(keys), "two credentials of a batch are bound to the same key")
        demand(set(keys) <= {public_key(holder.public_jwk) for holder in holders}, "a key was not proved")
        demand(all(each.dataset == found[0].dataset for each in found), "the credentials of a batch say different things")


@CHECKS("VCI-3.3.2-02")
def batch_shares_no_salts(peer: Peer) -> None:
    """What is random in a credential is in no other one of its batch."""
    for _, found, __ in _batch(peer, 3):
        salts = [str(salt) for each in found for salt in each.salts]
        demand(len(set(salts)) == len(salts), "two credentials of a batch share a salt or a digest")


@CHECKS("VCI-15.4.1-02")
def batch_has_the_same_times(peer: Peer) -> None:
    """The times of a batch are the same, or rounded: they do not tell that it is one."""
    for _, found, __ in _batch(peer, 3):
        demand(all(each.times == found[0].times for each in found), "the credentials of a batch have different times")


@CHECKS("HAIP-6.1-11", "VCI-3.3.2-02")
def batch_has_statuses_of_its_own(peer: Peer) -> None:
    """Each credential has an index of its own on a status list, all on one list, and not one after the other."""
    for target, found, __ in _batch(peer, 5):
        references = [reference for each in found if (reference := _reference(each.status)) is not None]
        if not references:
            continue
        demand(len(references) == len(found), f"{target.configuration_id}: some credentials of a batch have no status")
        indices = [index for _, index in references]
        demand(len(set(indices)) == len(indices), "two credentials of a batch have the same status index")
        demand(len({uri for uri, _ in references}) == 1, "the credentials of a batch are on different status lists")
        steps = {second - first for first, second in pairwise(indices)}
        demand(len(indices) < 4 or len(steps) > 1, "the status indices of a batch are one after the other")


def _reference(value: Mapping[str, Any] | None) -> tuple[str, int] | None:
    """URL and index on a status list."""
    reference = value.get("status_list") if value is not None else None
    if not isinstance(reference, dict):
        return None
    uri, index = reference.get("uri"), reference.get("idx")
    demand(isinstance(uri, str) and type(index) is int, "status_list must have uri and idx")
    return str(uri), int(index or 0)


@CHECKS("HAIP-6.1-07", "HAIP-6.1-08", "StatusList-5.1", "StatusList-8.2")
def status_list_is_served(peer: Peer) -> None:
    """The list that a credential names is a signed token of the right type, in which the credential is valid."""
    found = None
    for target in peer.targets:
        if target.format in ("dc+sd-jwt", "mso_mdoc"):
            read = contents(session(peer, target).credentials(target.holder())[0], target.format)
            found = found or (_reference(read.status) if read is not None else None)
    need(found, "no credential has a status on a status list")
    uri, index = found or ("", 0)
    response = peer.get(uri, accept=STATUS_LIST)
    status(response, 200, what="the status list")
    demand(content_type(response) == STATUS_LIST, "the status list is not application/statuslist+jwt")
    signed = SignedStatusList.parse(response.body)
    demand(signed.x5c is not None or not peer.supplies.haip, "the status list token has no x5c")
    need(signed.x5c is not None, "the status list token does not bring its key")
    key = x509.leaf_public_key(x509.load(x509.decode_x5c(signed.x5c)[0]))
    token = StatusListToken.from_claims(signed.claims([key]), uri=uri, now=peer.now, cbor=False)
    demand(token.statuses.get(index) == 0, "a credential that was just issued is not valid by its status list")
