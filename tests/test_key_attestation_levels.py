"""Attack potential resistance: what key attestations say of it, and what an issuer accepts (OID4VCI D.1, D.2, 12.2.4)."""

from typing import Any

import pytest

from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.key_attestation import BASIC, ENHANCED_BASIC, HIGH, MODERATE
from tests.key_attestations import Attestation, accepted, attesting, broken, claims

LEVELS = ("key_storage", "user_authentication")


@pytest.mark.spec("VCI-D.1-09", "VCI-D.1-10")
@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("value", [[], "", HIGH, {}, 1, True, [1], [HIGH, None], [[HIGH]], [""], ["x" * 2049], ["x"] * 33])
def test_levels_are_a_bounded_array_of_strings(name: str, value: Any) -> None:
    broken(claims(**{name: value}), f"proofs.attestation[0].{name}: must")


@pytest.mark.spec("VCI-12.2.4-66", "VCI-12.2.4-67", "VCI-D.1-09", "VCI-D.1-10")
@pytest.mark.parametrize("name", LEVELS)
def test_one_of_the_levels_is_accepted(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        KeyAttestationsRequired.from_json({name: []})
    required = KeyAttestationsRequired.from_json({name: [HIGH, "https://ecosystem.example/levels/1"]})
    world = attesting(required=required)
    good = claims(**{name: [HIGH]})
    for levels in ([HIGH], [BASIC, HIGH], ["https://ecosystem.example/levels/1"], [HIGH, "x", HIGH]):
        accepted(claims(**{name: levels}), world)
    for levels in (
        [MODERATE],
        [BASIC, MODERATE],
        ["ISO_18045_HIGH"],
        ["iso_18045_high "],
        ["high"],
        ["https://ecosystem.example/levels/2"],
    ):
        broken(claims(**{name: levels}), f"{name}: has no value that the issuer accepts", world=world, good=good)
    broken(claims(**{name: None}), f"proofs.attestation[0].{name}: is missing", world=world, good=good)
    # Of the other one nothing was required.
    other = next(each for each in LEVELS if each != name)
    accepted(claims(**{name: [HIGH], other: None}), world)


def test_both_levels_are_required_where_both_are() -> None:
    world = attesting(required=KeyAttestationsRequired(key_storage=(HIGH,), user_authentication=(HIGH, MODERATE)))
    accepted(Attestation, world)
    broken(claims(key_storage=[MODERATE]), "key_storage: has no value", world=world)
    broken(claims(user_authentication=[BASIC]), "user_authentication: has no value", world=world)


@pytest.mark.spec("VCI-D.2-01", "VCI-D.2-02", "VCI-D.2-03", "VCI-D.2-04", "VCI-D.2-05", "VCI-D.2-06")
@pytest.mark.parametrize(
    ("level", "text"),
    [
        (HIGH, "iso_18045_high"),
        (MODERATE, "iso_18045_moderate"),
        (ENHANCED_BASIC, "iso_18045_enhanced-basic"),
        (BASIC, "iso_18045_basic"),
        ("urn:x-level:7", "urn:x-level:7"),
        ("https://ecosystem.example/levels#gold", "https://ecosystem.example/levels#gold"),
    ],
)
def test_levels_by_name(level: str, text: str) -> None:
    required = KeyAttestationsRequired(key_storage=(text,), user_authentication=(text,))
    attestation = accepted(claims(key_storage=[level], user_authentication=[level]), attesting(required=required))
    assert attestation.key_storage == attestation.user_authentication == (text,)
