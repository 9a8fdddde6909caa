"""Mobile driving licences: the data elements of their name space (ISO/IEC 18013-5 7.2.1).

Whoever keeps claims as JSON turns them into what CBOR tells apart before they come here: texts, dates and bytes are not exchanged
silently.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

__all__ = ("DOCTYPE", "MANDATORY", "NAMESPACE", "check")

DOCTYPE: Final = "org.iso.18013.5.1.mDL"
NAMESPACE: Final = "org.iso.18013.5.1"

MANDATORY: Final = (
    "family_name",
    "given_name",
    "birth_date",
    "issue_date",
    "expiry_date",
    "issuing_country",
    "issuing_authority",
    "document_number",
    "portrait",
    "driving_privileges",
    "un_distinguishing_sign",
)
"""Data elements that every mDL has."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes)


def _is_date(value: Any) -> bool:
    return type(value) is date


def _is_time(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _is_date_or_time(value: Any) -> bool:
    return _is_date(value) or _is_time(value)


def _has(members: Any, required: str, kinds: Mapping[str, Callable[[Any], bool]]) -> bool:
    """Whether it is a map with the member `required`, and each of its members that `kinds` knows is of its kind."""
    if not isinstance(members, dict) or required not in members:
        return False
    return all(kinds[name](value) for name, value in members.items() if name in kinds)


def _are_codes(value: Any) -> bool:
    kinds = {"code": _is_text, "sign": _is_text, "value": _is_text}
    return isinstance(value, list | tuple) and len(value) > 0 and all(_has(each, "code", kinds) for each in value)


def _are_privileges(value: Any) -> bool:
    kinds = {"vehicle_category_code": _is_text, "issue_date": _is_date, "expiry_date": _is_date, "codes": _are_codes}
    return isinstance(value, list | tuple) and all(_has(each, "vehicle_category_code", kinds) for each in value)


# What is demanded, as a developer reads it, and the data elements it is demanded of.
_KINDS: Final[Mapping[str, tuple[Callable[[Any], bool], tuple[str, ...]]]] = {
    "a str": (
        _is_text,
        (
            "family_name",
            "given_name",
            "issuing_country",
            "issuing_authority",
            "document_number",
            "un_distinguishing_sign",
            "administrative_number",
            "eye_colour",
            "hair_colour",
            "birth_place",
            "resident_address",
            "issuing_jurisdiction",
            "nationality",
            "resident_city",
            "resident_state",
            "resident_postal_code",
            "resident_country",
            "family_name_national_character",
            "given_name_national_character",
        ),
    ),
    "an int from 0": (_is_number, ("sex", "height", "weight", "age_in_years", "age_birth_year")),
    "bytes": (_is_bytes, ("portrait", "signature_usual_mark")),
    "a datetime.date": (_is_date, ("birth_date",)),
    "a datetime.datetime with time zone": (_is_time, ("portrait_capture_date",)),
    "a datetime.date, or a datetime.datetime with time zone": (_is_date_or_time, ("issue_date", "expiry_date")),
    "an array of maps, each with a vehicle_category_code, dates as datetime.date, codes as maps": (
        _are_privileges,
        ("driving_privileges",),
    ),
}
_KIND_OF = {name: (kind, test) for kind, (test, names) in _KINDS.items() for name in names}
_PREFIXES = {"age_over_": ("a bool", _is_bool), "biometric_template_": ("bytes", _is_bytes)}


def check(doctype: str, claims: Mapping[str, Any]) -> None:
    """Raise `ValueError` if data elements of this name space are not of their type, or a mobile driving licence lacks one.

    Other data elements and other name spaces are let be.
    """
    elements = claims.get(NAMESPACE, {})
    if doctype == DOCTYPE:
        missing = [name for name in MANDATORY if name not in elements]
        if missing:
            raise ValueError(f"a mobile driving licence must have {', '.join(missing)} in {NAMESPACE} (ISO/IEC 18013-5 7.2.1)")
    for name, value in elements.items():
        known = _KIND_OF.get(name) or next((kind for prefix, kind in _PREFIXES.items() if name.startswith(prefix)), None)
        if known is not None and not known[1](value):
            raise ValueError(f"{name} must be {known[0]} (ISO/IEC 18013-5 7.2.1)")
