"""Documents in compact form: whatever is signed as linked data is named by terms.

A signature covers what names mean, not the names. Whoever reads a document by its names must know that there is no other way to
write the same: `validUntil` under its whole IRI would be signed just as well, and read by nobody.
"""

from collections.abc import Mapping
from typing import Any, Final

from oid4vci._json import Malformed

__all__ = ("check_compact",)

# A text in a language, or a value of a type (JSON-LD 1.1 4.1.2, 4.2).
_VALUE: Final = frozenset(("@value", "@language", "@type", "@direction"))


def check_compact(document: Mapping[str, Any]) -> None:
    """Raise `Malformed` unless all members are named by terms, apart from `@context` at the top and from value objects.

    Refused are IRIs and compact IRIs as names, keywords that have an alias or move parts of a document to elsewhere, and contexts
    within, which give names another meaning (VC Data Integrity 4.6; "in compacted document form", VCDM 2.0 1.3).
    """
    waiting: list[Any] = [{name: value for name, value in document.items() if name != "@context"}]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if not ("@value" in value and value.keys() <= _VALUE) and any(":" in name or name[:1] == "@" for name in value):
                raise Malformed("has a member that is named by no term")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
