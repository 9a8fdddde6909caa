"""The challenges of `WWW-Authenticate`: schemes and their parameters (RFC 9110 11.2, 11.6.1)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

__all__ = ("Challenges", "error_parameters", "read_challenges")

Challenges: TypeAlias = Sequence[tuple[str, Mapping[str, str]]]
"""Schemes and parameters; schemes and names are case-insensitive, and in lower case here."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATOR: Final = re.compile(r"[ \t,]*")
_PARAMETER: Final = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_WORD})(?=[ \t,]|$))')
_SCHEME: Final = re.compile(rf"({_WORD})(?=[ \t,]|$)")
_OTHER: Final = re.compile(r"[^,]*")


def read_challenges(values: Sequence[str]) -> Challenges:
    """The challenges in all values of the field, in their order. What is none of the grammar is passed over."""
    challenges: list[tuple[str, dict[str, str]]] = []
    for value in values:
        position, parameters = 0, dict[str, str]()
        while (position := _end(_SEPARATOR.match(value, position), position)) < len(value):
            if found := _PARAMETER.match(value, position):
                name, quoted, token = found.groups()
                # "a parameter name MUST only occur once per challenge" -- RFC 9110 11.2
                parameters.setdefault(name.lower(), token if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            elif found := _SCHEME.match(value, position):
                parameters = {}
                challenges.append((found[1].lower(), parameters))
            else:
                # A token68, or something broken.
                found = _OTHER.match(value, position)
            position = _end(found, position)
    return challenges


def _end(found: re.Match[str] | None, otherwise: int) -> int:
    return otherwise if found is None else found.end()


def error_parameters(challenges: Challenges, scheme: str | None) -> Mapping[str, str]:
    """The parameters of the challenge that says what is wrong: of the scheme that was sent, else the first one with an error."""
    wrong = [(name, parameters) for name, parameters in challenges if "error" in parameters]
    same = [parameters for name, parameters in wrong if scheme is not None and name == scheme.lower()]
    return next(iter((*same, *(parameters for _, parameters in wrong))), {})
