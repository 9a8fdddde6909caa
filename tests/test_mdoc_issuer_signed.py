"""The IssuerSigned of an mdoc and its data elements: framing, and what the issuer's digests cover."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.errors import InvalidCredential
from tests import mdocs
from tests.mdocs import MDL, NAMESPACE, forge, verify


def refused(credential: Any) -> str:
    with pytest.raises(InvalidCredential) as error:
        verify(credential)
    return str(error.value)


# --- framing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-2-01", "VCI-A.2.4-01")
@pytest.mark.parametrize("credential", [None, 1, {}, [], "", "a", b"", "\u00e9", "A" * (1 << 21), "oQ", "9w", "omE"])
def test_what_is_no_mdoc(credential: Any) -> None:
    refused(credential)


@pytest.mark.spec("VCI-2-01")
def test_only_unpadded_base64url_is_read() -> None:
    # Of some length that has padding.
    made = (forge(outer=lambda outer: outer.update(other=b"\xff\xef" * 3 + bytes(n))) for n in range(3))  # noqa: B023
    credential = next(each for each in made if len(each) % 4)
    verify(credential)
    for other in (
        credential + "=" * (-len(credential) % 4),
        credential.replace("-", "+").replace("_", "/"),
        credential + "\n",
        credential[:10] + " " + credential[10:],
        b64url_decode(credential).hex(),
    ):
        refused(other)


def test_a_whole_document_is_refused() -> None:
    """Wallets have been sent a DeviceResponse, or a document with its type."""
    signed = mdocs.opened(forge())
    for other in (
        {"docType": MDL, "issuerSigned": signed},
        {"version": "1.0", "documents": [{"docType": MDL, "issuerSigned": signed}], "status": 0},
    ):
        assert "nameSpaces: is missing" in refused(b64url_encode(cbor2.dumps(other)))


@pytest.mark.parametrize(
    "outer",
    [
        lambda outer: {"issuerAuth": outer["issuerAuth"]},
        lambda outer: {"nameSpaces": outer["nameSpaces"]},
        lambda outer: outer.update(nameSpaces=[]),
        lambda outer: outer.update(nameSpaces={}),
        lambda outer: outer["nameSpaces"].update({NAMESPACE: []}),
        lambda outer: outer["nameSpaces"].update({NAMESPACE: {}}),
        lambda outer: outer["nameSpaces"].update({1: outer["nameSpaces"].pop(NAMESPACE)}),
        lambda outer: outer["nameSpaces"][NAMESPACE].append({"digestID": 1}),
        lambda outer: outer["nameSpaces"][NAMESPACE].append(b"\x01"),
        lambda outer: outer["nameSpaces"][NAMESPACE].append(cbor2.CBORTag(24, "text")),
        lambda outer: outer["nameSpaces"][NAMESPACE].append(cbor2.CBORTag(25, b"\x01")),
        lambda outer: outer.update(issuerAuth=cbor2.CBORTag(18, outer["issuerAuth"])),
        lambda outer: outer.update(issuerAuth=cbor2.dumps(outer["issuerAuth"])),
        lambda outer: [outer],
        lambda outer: cbor2.CBORTag(24, cbor2.dumps(outer)),
    ],
)
def test_structures_that_are_no_issuer_signed(outer: Callable[[Any], Any]) -> None:
    refused(forge(outer=outer))


# --- data elements ----------------------------------------------------------------------------------------------------------


def element(outer: Any, index: int = 0) -> Any:
    return cbor2.loads(outer["nameSpaces"][NAMESPACE][index].value)


def replace(outer: Any, **changes: Any) -> None:
    """Change the first data element after it was digested."""
    outer["nameSpaces"][NAMESPACE][0] = cbor2.CBORTag(24, cbor2.dumps({**element(outer), **changes}))


def move(outer: Any) -> None:
    """A data element into another name space, whose digests have that ID too."""
    outer["nameSpaces"]["org.iso.18013.5.1.aamva"] = [outer["nameSpaces"][NAMESPACE][0]]


@pytest.mark.parametrize(
    ("outer", "reason"),
    [
        (lambda outer: replace(outer, elementValue="Smith"), "digest"),
        (lambda outer: replace(outer, elementIdentifier="given_name"), "digest"),
        (lambda outer: replace(outer, digestID=1), "digest"),
        (lambda outer: replace(outer, random=b"\x01" * 16), "digest"),
        (lambda outer: replace(outer, digestID=99), "digest"),
        (lambda outer: replace(outer, digestID=-1), "digest ID from 0"),
        (lambda outer: replace(outer, digestID="0"), "digestID"),
        (lambda outer: replace(outer, digestID=None), "digestID"),
        (lambda outer: replace(outer, digestID=False), "digestID"),
        (move, "digest"),
        (lambda outer: outer["nameSpaces"].update(other=outer["nameSpaces"][NAMESPACE]), "without digests"),
        (lambda outer: outer["nameSpaces"][NAMESPACE].append(outer["nameSpaces"][NAMESPACE][0]), "twice"),
    ],
)
def test_data_elements_that_the_issuer_did_not_sign(outer: Callable[[Any], Any], reason: str) -> None:
    assert reason in refused(forge(outer=outer))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"random": bytes(15)}, "16 bytes"),
        ({"random": b""}, "16 bytes"),
        ({"random": "x" * 32}, "random"),
        ({"random": None}, "random"),
        ({"elementIdentifier": ""}, "identifier"),
        ({"elementIdentifier": 1}, "elementIdentifier"),
        ({"elementValue": cbor2.CBORTag(1004, "2026-02-30")}, "calendar"),
        ({"elementValue": cbor2.CBORTag(1004, 20)}, "full-date"),
        ({"elementValue": cbor2.CBORTag(0, "today")}, "date-time"),
        ({"elementValue": float("nan")}, "finite"),
        ({"elementValue": {1.5: 1}}, "keys"),
        ({"elementValue": 1 << 70}, "numbers"),
    ],
)
def test_malformed_data_elements(changes: dict[str, Any], reason: str) -> None:
    def change(spaces: Any) -> None:
        spaces[NAMESPACE][0].update(changes)

    assert reason in refused(forge(items=change))


@pytest.mark.parametrize("name", ["digestID", "random", "elementIdentifier", "elementValue"])
def test_every_member_of_a_data_element_is_needed(name: str) -> None:
    def change(outer: Any) -> None:
        item = element(outer)
        del item[name]
        outer["nameSpaces"][NAMESPACE][0] = cbor2.CBORTag(24, cbor2.dumps(item))

    assert f"{name}: is missing" in refused(forge(outer=change))


def test_two_data_elements_of_one_name() -> None:
    def change(spaces: Any) -> None:
        spaces[NAMESPACE][1]["elementIdentifier"] = spaces[NAMESPACE][0]["elementIdentifier"]

    assert "twice" in refused(forge(items=change))


def test_a_doubled_key_in_a_data_element() -> None:
    """cbor2 and others take the last one, so that two readers may see two values."""

    def change(outer: Any) -> None:
        item = cbor2.dumps(element(outer))
        doubled = b"\xa5" + item[1:] + cbor2.dumps("elementValue") + cbor2.dumps("Smith")
        outer["nameSpaces"][NAMESPACE][0] = cbor2.CBORTag(24, doubled)

    assert "repeated" in refused(forge(outer=change))
