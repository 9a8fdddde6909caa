"""Encoders, verifiers and status checkers as HAIP 1.0 wants them (HAIP 6.1, 6.1.1)."""

from typing import Any, TypeVar, cast

from attrs import evolve, has

__all__ = ("under_haip",)

T = TypeVar("T")
_SD_JWT_VC = "dc+sd-jwt"


def under_haip(part: T, format_identifier: str | None = None) -> T:
    """The same encoder, verifier or status checker with its `haip` setting on, if it has one.

    Raises `ValueError` if it cannot be so, and for one of `dc+sd-jwt` that has no such setting: for that format HAIP adds rules,
    and whoever knows them says so with `haip = True`.
    """
    demands = getattr(part, "haip", None)
    if demands is False and has(type(part)):
        return cast(T, evolve(cast(Any, part), haip=True))
    if demands is False or (demands is None and format_identifier == _SD_JWT_VC):
        raise ValueError("does not go by HAIP: its haip must be True")
    return part
