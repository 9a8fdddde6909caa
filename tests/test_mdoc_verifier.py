"""mdocs as a Wallet checks them: each rule with a credential that breaks just that one."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import cbor2
import pytest

from oid4vci import _cose
from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.mdoc import MdocVerifier
from oid4vci.keys import LocalSigner
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.trust import Trust
from tests import mdocs
from tests.mdocs import DAY, HOLDER, LICENCE, MDL, NAMESPACE, NOW, PID, configuration, forge, issue, tdate, verify


def refused(credential: Any, **options: Any) -> str:
    with pytest.raises(InvalidCredential) as error:
        verify(credential, **options)
    return str(error.value)


# --- what is right ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.2.4-01", "VCI-8.3-14", "HAIP-8-01")
def test_a_good_one() -> None:
    credential = forge()
    read = verify(credential)
    assert (read.format, read.credential) == ("mso_mdoc", credential)
    assert read.claims == LICENCE
    assert read.issuer == "CN=Utopia document signer,C=UT"
    assert read.holder_key == HOLDER
    assert (read.issued_at, read.expires_at) == (NOW - 60, NOW + 30 * DAY)
    assert read.status is None
    verify(credential, haip=True)
    verify(credential, doctype=None, holder_keys=())


@pytest.mark.spec("VCI-C.2-01", "VCI-C.2-02", "VCI-C.2.1-11")
def test_paths_lead_into_it() -> None:
    read = verify(forge())
    assert read.select((NAMESPACE, "birth_date"))[0][1] == date(1990, 2, 28)
    categories = read.select((NAMESPACE, "driving_privileges", None, "vehicle_category_code"))
    assert [value for _, value in categories] == ["B", "A"]
    with pytest.raises(ValueError, match="data element identifier"):
        read.select((NAMESPACE,))


def test_dates_are_decoded() -> None:
    elements = verify(forge()).claims[NAMESPACE]
    assert elements["issue_date"] == date(2026, 1, 1)
    assert elements["expiry_date"] == datetime(2036, 1, 1, tzinfo=UTC)
    assert elements["portrait"] == b"\xff\xd8\xff\xe0"


@pytest.mark.spec("VCI-A.2.2-02", "HAIP-7-05")
@pytest.mark.parametrize("alg", [-7, -9])
@pytest.mark.parametrize("listed", [(-7,), (-9,), (-35, -9), ("ES256", "ES521"), None])
def test_both_numbers_of_es256_and_names_that_say_nothing(alg: int, listed: Any) -> None:
    verify(forge(header={1: alg}), asked=configuration(credential_signing_alg_values_supported=listed))


@pytest.mark.parametrize("number", range(3))
def test_what_is_not_known_is_passed_over(number: int) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"mso": lambda mso: mso.update(other=[1], status={"other": 1})},
        {"outer": lambda outer: outer.update(other=1)},
        {"items": lambda spaces: spaces[NAMESPACE][0].update(other=1)},
    )
    assert verify(forge(**changes[number])).claims == LICENCE


@pytest.mark.parametrize(
    "change",
    [
        lambda times: times.update(signed=cbor2.CBORTag(0, "2027-01-15T07:00:00.123456Z")),
        lambda times: times.update(signed=cbor2.CBORTag(0, "2027-01-15T09:00:00+02:00")),
        lambda times: times.update(expectedUpdate=tdate(NOW + DAY)),
    ],
)
def test_times_as_others_write_them(change: Callable[[Any], Any]) -> None:
    """Fractions and offsets are forbidden (ISO/IEC 18013-5 9.1.2.4), common, and leave no doubt."""
    verify(forge(mso=lambda mso: change(mso["validityInfo"])))


def test_indefinite_lengths_are_read() -> None:
    outer = mdocs.opened(forge())
    spaces = b"".join(
        cbor2.dumps(name) + b"\x9f" + b"".join(map(cbor2.dumps, items)) + b"\xff" for name, items in outer["nameSpaces"].items()
    )
    data = (
        b"\xbf"
        + cbor2.dumps("nameSpaces")
        + b"\xbf"
        + spaces
        + b"\xff"
        + cbor2.dumps("issuerAuth")
        + cbor2.dumps(outer["issuerAuth"])
        + b"\xff"
    )
    assert verify(b64url_encode(data)).claims == LICENCE


# --- the security object ----------------------------------------------------------------------------------------------------


def update(mapping: Any, **changes: Any) -> None:
    mapping.update(changes)


def status(value: Any) -> Callable[[Any], None]:
    return lambda mso: update(mso, status=value)


def device_key(**changes: Any) -> Callable[[Any], None]:
    return lambda mso: update(mso["deviceKeyInfo"], **changes)


def digests(change: Callable[[dict[Any, Any]], Any]) -> Callable[[Any], None]:
    def changed(mso: Any) -> None:
        change(mso["valueDigests"][NAMESPACE])

    return changed


@pytest.mark.parametrize("name", ["version", "digestAlgorithm", "valueDigests", "deviceKeyInfo", "docType", "validityInfo"])
def test_every_member_is_needed(name: str) -> None:
    def change(mso: Any) -> None:
        del mso[name]

    assert f"{name}: is missing" in refused(forge(mso=change))
    assert f"{name}: has a wrong type" in refused(forge(mso=lambda mso: update(mso, **{name: 1})))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda mso: update(mso, version="2.0"), "version"),
        (lambda mso: update(mso, version="1"), "version"),
        (lambda mso: update(mso, digestAlgorithm="SHA-1"), "digestAlgorithm"),
        (lambda mso: update(mso, digestAlgorithm="sha-256"), "digestAlgorithm"),
        (lambda mso: update(mso, digestAlgorithm="SHA-512"), "valueDigests"),
        (lambda mso: update(mso, docType=PID), "docType"),
        (lambda mso: update(mso, docType=MDL.lower()), "docType"),
        (lambda mso: update(mso["valueDigests"], other={}), "valueDigests"),
        (lambda mso: update(mso["valueDigests"], other=[bytes(32)]), "valueDigests"),
        (digests(lambda found: found.update({0: bytes(31)})), "valueDigests"),
        (digests(lambda found: found.update({0: "x" * 32})), "valueDigests"),
        (digests(lambda found: found.update({-1: bytes(32)})), "valueDigests"),
        (digests(lambda found: found.update({"0": bytes(32)})), "valueDigests"),
        (digests(lambda found: found.update({0: bytes(32)})), "digest"),
        (digests(lambda found: found.pop(0)), "digest"),
        (device_key(deviceKey=None), "deviceKey"),
        (device_key(deviceKey={}), "deviceKey"),
        (device_key(deviceKey={**_cose.cose_key(HOLDER), -4: bytes(32)}), "private"),
        (device_key(deviceKey=_cose.cose_key(mdocs.holder())), "requested"),
        (device_key(keyAuthorizations=[]), "keyAuthorizations"),
        (device_key(keyAuthorizations={"nameSpaces": {}}), "keyAuthorizations"),
        (device_key(keyAuthorizations={"nameSpaces": []}), "keyAuthorizations"),
        (device_key(keyAuthorizations={"nameSpaces": [1]}), "keyAuthorizations"),
        (device_key(keyAuthorizations={"dataElements": []}), "keyAuthorizations"),
        (device_key(keyAuthorizations={"dataElements": {NAMESPACE: []}}), "keyAuthorizations"),
        (status({}), "status"),
        (status([]), "status"),
        (status(None), "status"),
        (status({1: {}}), "status"),
    ],
)
def test_what_is_wrong_in_it(change: Callable[[Any], None], reason: str) -> None:
    assert reason in refused(forge(mso=change))


def test_what_is_right_in_it() -> None:
    authorizations = {"nameSpaces": [PID], "dataElements": {NAMESPACE: ["age_over_18"]}}
    verify(forge(mso=device_key(keyAuthorizations=authorizations, keyInfo={1: 2})))
    verify(forge(mso=lambda mso: update(mso, version="1.1")))
    listed = {"status_list": {"idx": 3, "uri": "https://status.example"}}
    assert verify(forge(mso=status(listed)), haip=True).status == listed
    assert verify(forge(mso=status({"identifier_list": {"id": b"x", "uri": "https://status.example"}})), haip=True)


@pytest.mark.spec("HAIP-5.3.1-03")
def test_another_status_mechanism_is_not_for_haip() -> None:
    credential = forge(mso=status({"other": {}}))
    assert verify(credential).status == {"other": {}}
    assert "status" in refused(credential, haip=True)


def test_the_payload_is_embedded_cbor() -> None:
    for embed in (lambda data: cbor2.loads(data), lambda data: data, lambda data: cbor2.CBORTag(24, data + b"\0")):
        refused(forge(embed=embed))


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"signed": tdate(NOW + 120), "validFrom": tdate(NOW + 120)}, "signed: lies in the future"),
        ({"validFrom": tdate(NOW + 120)}, "validFrom: lies in the future"),
        ({"validUntil": tdate(NOW - 60)}, "order"),
        ({"signed": tdate(NOW - 10 * DAY), "validFrom": tdate(NOW - 10 * DAY), "validUntil": tdate(NOW - 61)}, "past"),
        ({"validFrom": tdate(NOW - 120)}, "order"),
        ({"signed": "2027-01-15T07:00:00Z"}, "wrong type"),
        ({"signed": cbor2.CBORTag(1, NOW)}, "tdate"),
        ({"signed": cbor2.CBORTag(1004, "2027-01-15")}, "tdate"),
        ({"signed": cbor2.CBORTag(0, "yesterday")}, "date-time"),
        ({"validFrom": None}, "wrong type"),
        ({"validUntil": cbor2.CBORTag(0, "2027-02-30T00:00:00Z")}, "calendar"),
        ({"expectedUpdate": NOW}, "wrong type"),
    ],
)
def test_times(times: Mapping[str, Any], reason: str) -> None:
    assert reason in refused(forge(mso=lambda mso: update(mso["validityInfo"], **times)))


@pytest.mark.parametrize("name", ["signed", "validFrom", "validUntil"])
def test_times_that_are_missing(name: str) -> None:
    def change(mso: Any) -> None:
        del mso["validityInfo"][name]

    assert f"{name}: is missing" in refused(forge(mso=change))


def test_the_leeway() -> None:
    credential = issue(lifetime=100, time_granularity=1)
    for now, good in ((NOW - 60, True), (NOW - 61, False), (NOW + 159, True), (NOW + 160, False)):
        if good:
            verify(credential, now=now)
        else:
            refused(credential, now=now)
    refused(credential, now=NOW + 100, leeway=0)


# --- signature and binding --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {}}, "alg"),
        ({"header": {1: -35}}, "fit"),
        ({"header": {1: -47}}, "accepted"),
        ({"header": {1: -257}}, "alg"),
        ({"header": {1: "ES256"}}, "alg"),
        ({"header": {1: -7, 2: [33]}}, "crit"),
        ({"header": {}, "unprotected": {1: -7, 33: mdocs.SIGNER_CERTIFICATE}}, "alg"),
        ({"header": {1: -7, 33: mdocs.SIGNER_CERTIFICATE}}, "both"),
        ({"header": {1: -7, 33: mdocs.SIGNER_CERTIFICATE}, "unprotected": {}}, "x5chain is missing"),
        ({"unprotected": {}}, "x5chain is missing"),
        ({"unprotected": {4: b"kid"}}, "x5chain is missing"),
        ({"chain": [mdocs.SIGNER_CERTIFICATE]}, "two certificates"),
        ({"chain": []}, "two certificates"),
        ({"chain": "x"}, "x5chain"),
        ({"chain": b"x"}, "certificate"),
        ({"signer": LocalSigner.generate("other")}, "signature"),
        ({"message": lambda parts: [*parts[:3], parts[3][:-1] + bytes([parts[3][-1] ^ 1])]}, "signature"),
        ({"message": lambda parts: [*parts[:3], b""]}, "signature"),
        ({"message": lambda parts: [*parts[:2], None, parts[3]]}, "payload"),
        ({"message": lambda parts: parts[:3]}, "COSE_Sign1"),
    ],
)
def test_signatures(changes: dict[str, Any], reason: str) -> None:
    assert reason in refused(forge(**changes))


def test_an_algorithm_that_was_not_announced() -> None:
    assert "accepted" in refused(forge(), asked=configuration(credential_signing_alg_values_supported=(-35, -8)))


def test_another_format_was_asked_for() -> None:
    with pytest.raises(InvalidCredential, match="docType"):
        MdocVerifier().verify(
            forge(), configuration=SdJwtVcConfiguration(vct="x"), trust=mdocs.TRUST, holder_keys=[HOLDER], documents={}, now=NOW
        )


def test_the_key_is_one_that_was_sent() -> None:
    keys = [mdocs.holder(), HOLDER]
    assert verify(forge(), holder_keys=keys).holder_key == HOLDER
    assert "requested" in refused(forge(), holder_keys=keys[:1])


def test_nobody_is_trusted_by_default() -> None:
    for trusted in (Trust(), mdocs.trust()):
        with pytest.raises(Untrusted):
            verify(forge(), trusted=trusted)


def test_times_of_the_signature_and_the_certificate() -> None:
    """It must have been signed while the certificate held (ISO/IEC 18013-5 9.3.1)."""
    young = mdocs.document_signer(start=NOW - 30)
    assert "certificate" in refused(forge(chain=young))
    old = mdocs.document_signer(end=NOW - 1)
    assert "not valid now" in refused(forge(chain=old))
