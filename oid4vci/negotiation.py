"""What a client would rather have: media types and languages in its order, and what it has already (RFC 9110 12.5, 13.1.2).

These headers are preferences. Whatever they say is understood as far as it goes, and never refused.
"""

import re
from typing import Final

__all__ = ("accepted", "has_already", "language_ranges", "weights")

# More than anybody has a preference for.
MAX_ELEMENTS: Final = 32
MAX_HEADER: Final = 8_192

# RFC 4647 2.1; `*` is not among the languages that somebody asks for by name.
_LANGUAGE_RANGE = re.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8})*")


def weights(header: str) -> dict[str, float]:
    """The elements of `Accept` or `Accept-Language` in lower case, each with its weight of 0 to 1 (RFC 9110 12.4.2).

    Other parameters are passed over; a weight that is none counts as 0.
    """
    found: dict[str, float] = {}
    for each in header[:MAX_HEADER].split(",")[:MAX_ELEMENTS]:
        element, *parameters = (part.strip().lower() for part in each.split(";"))
        if element:
            found[element] = _weight(next((part[2:] for part in parameters if part.startswith("q=")), "1"))
    return found


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return min(max(weight, 0.0), 1.0) if weight == weight else 0.0  # NaN is not equal to itself


def accepted(accept: str, offered: tuple[str, ...]) -> str:
    """The media type of `offered` that an `Accept` value likes best (RFC 9110 12.5.1), of equals the first.

    What it does not name at all is served nevertheless: whoever sends an odd one gets the first.
    """
    liked = weights(accept)

    def quality(media_type: str) -> float:
        ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        return next((liked[each] for each in ranges if each in liked), 0.0)

    return max(offered, key=quality)


def language_ranges(accept_language: str) -> tuple[str, ...]:
    """The language ranges that are asked for by name in an `Accept-Language` value, the most wanted first (RFC 9110 12.5.4).

    A range that is wanted less than any other language (`*`) is none of them.

    >>> language_ranges("fr;q=0.9, fr-CH, en;q=0, *;q=0.5")
    ('fr-ch', 'fr')
    """
    found = weights(accept_language)
    least = found.get("*", 0.0)
    liked = {each: w for each, w in found.items() if w > 0 and w >= least and _LANGUAGE_RANGE.fullmatch(each)}
    return tuple(sorted(liked, key=lambda each: -liked[each]))


def has_already(if_none_match: str, etag: str) -> bool:
    """Whether an `If-None-Match` value has this entity tag, by weak comparison (RFC 9110 8.8.3.2, 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in if_none_match[:MAX_HEADER].split(",")]
    return "*" in tags or etag in tags
