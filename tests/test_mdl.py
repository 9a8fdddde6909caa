"""The data elements of a mobile driving licence."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from oid4vci.formats import mdl
from tests.mdocs import LICENCE, MDL, NAMESPACE, PID

ELEMENTS = LICENCE[NAMESPACE]
TIME = datetime(2026, 1, 1, tzinfo=UTC)


def check(doctype: str = MDL, **changes: Any) -> None:
    mdl.check(doctype, {NAMESPACE: {**ELEMENTS, **changes}})


def test_a_whole_licence() -> None:
    mdl.check(MDL, LICENCE)


@pytest.mark.parametrize("name", mdl.MANDATORY)
def test_every_mandatory_element_is_needed(name: str) -> None:
    elements = {key: value for key, value in ELEMENTS.items() if key != name}
    with pytest.raises(ValueError, match=name):
        mdl.check(MDL, {NAMESPACE: elements})
    # In another document the name space can be used in part.
    mdl.check(PID, {NAMESPACE: elements})


def test_a_licence_without_its_name_space() -> None:
    with pytest.raises(ValueError, match="family_name"):
        mdl.check(MDL, {PID: {"family_name": "Doe"}})
    mdl.check(PID, {PID: {"family_name": 1}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family_name", b"Doe"),
        ("birth_date", "1990-02-28"),
        ("birth_date", TIME),
        ("issue_date", "2026-01-01"),
        ("issue_date", datetime(2026, 1, 1)),
        ("expiry_date", 2036),
        ("portrait", "/9j/4A=="),
        ("portrait_capture_date", date(2026, 1, 1)),
        ("portrait_capture_date", "2026-01-01T00:00:00Z"),
        ("sex", "1"),
        ("sex", True),
        ("height", -1),
        ("height", 1.8),
        ("age_over_18", 1),
        ("age_over_65", "true"),
        ("biometric_template_face", "x"),
        ("signature_usual_mark", "x"),
        ("driving_privileges", {}),
        ("driving_privileges", "B"),
        ("driving_privileges", ["B"]),
        ("driving_privileges", [{}]),
        ("driving_privileges", [{"vehicle_category_code": 1}]),
        ("driving_privileges", [{"vehicle_category_code": "B", "issue_date": "2018-08-09"}]),
        ("driving_privileges", [{"vehicle_category_code": "B", "expiry_date": TIME}]),
        ("driving_privileges", [{"vehicle_category_code": "B", "codes": []}]),
        ("driving_privileges", [{"vehicle_category_code": "B", "codes": [{"sign": "="}]}]),
        ("driving_privileges", [{"vehicle_category_code": "B", "codes": [{"code": 78}]}]),
    ],
)
def test_elements_of_a_wrong_type(name: str, value: Any) -> None:
    for doctype in (MDL, PID):
        with pytest.raises(ValueError, match=f"{name} must be"):
            check(doctype, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issue_date", TIME),
        ("expiry_date", date(2036, 1, 1)),
        ("portrait_capture_date", TIME),
        ("sex", 9),
        ("age_over_65", False),
        ("biometric_template_face", b"x"),
        ("driving_privileges", []),
        ("driving_privileges", ({"vehicle_category_code": "B", "codes": ({"code": "78", "value": "1", "other": 1},)},)),
        ("an_element_of_the_next_edition", {"a": 1}),
    ],
)
def test_elements_of_their_types(name: str, value: Any) -> None:
    check(**{name: value})
