"""Which of several languages a person is shown (RFC 4647 3.4, "Lookup")."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

__all__ = ("Localised", "in_language", "in_narrower", "lookup")

MAX_PREFERENCES = 100
_MAX_TAG = 255


class Localised(Protocol):
    """Something to show in one language; `locale` is its language tag (RFC 5646), None if it has none."""

    @property
    def locale(self) -> str | None: ...


T = TypeVar("T", bound=Localised)


def lookup(preferences: Sequence[str], tags: Iterable[str]) -> str | None:
    """The one of `tags` that fits best, None if none does.

    `preferences`: language ranges, the most wanted first. Each is tried as it is, and then cut short from its end, before the next
    is: `de-Latn-CH` finds `de-latn-ch`, `de-Latn` or `de`, and never `de-DE`. `*` says nothing that others do not. Of two tags
    that differ only in case the first is given.

    >>> lookup(("fr-CH", "de-CH"), ("en", "de", "de-AT"))
    'de'
    """
    known: dict[str, str] = {}
    for tag in tags:
        known.setdefault(tag.lower(), tag)
    for preference in preferences[:MAX_PREFERENCES]:
        subtags = preference[:_MAX_TAG].lower().split("-")
        while subtags:
            found = known.get("-".join(subtags))
            if found is not None:
                return found
            subtags.pop()
            # "Single letter or digit subtags ... are removed at the same time as their closest trailing subtag" -- RFC 4647 3.4
            if len(subtags) > 1 and len(subtags[-1]) == 1:
                subtags.pop()
    return None


def in_language(entries: Sequence[T] | None, preferences: Sequence[str]) -> T | None:
    """The entry in the language that fits best; else the first that has no language, else the first of all. None of none.

    `preferences`: as in `lookup`. Where lookup finds nothing, an entry for a region or a script of a preferred language comes first
    (`en-US` for `en`): which default there is, is for the application to say (RFC 4647 3.4.1).
    """
    if not entries:
        return None
    tags = [entry.locale for entry in entries if entry.locale is not None]
    tag = lookup(preferences, tags) or _narrower(preferences, tags)
    for entry in entries:
        if entry.locale == tag:
            return entry
    return entries[0]


def in_narrower(language_range: str, tags: Iterable[str]) -> list[str]:
    """Those of `tags` that are for a region or a script of that language: `en-US` for `en`."""
    begin = f"{language_range.lower()}-"
    return [tag for tag in tags if language_range and tag.lower().startswith(begin)]


def _narrower(preferences: Sequence[str], tags: Sequence[str]) -> str | None:
    for preference in preferences[:MAX_PREFERENCES]:
        if found := in_narrower(preference, tags):
            return found[0]
    return None
