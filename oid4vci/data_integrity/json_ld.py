"""JSON-LD expansion that loses nothing and fetches nothing (JSON-LD 1.1 API 5.1). Only this file imports PyLD.

Rule 1: what JSON-LD would leave out without a word is refused: terms that no context defines, relative references, values that
belong to nothing (VC Data Integrity 2.4.3).
Rule 2: a document cannot make PyLD do other than raise an error, and `Malformed` is all that gets out.
"""

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final, NoReturn

from oid4vci._json import Malformed
from oid4vci.data_integrity.contexts import FROM_PYLD, Contexts
from oid4vci.data_integrity.rdf import RELATIVE, shown

try:
    from pyld import BUNDLED_CONTEXTS, ContextResolver
    from pyld.jsonld import JsonLdError, JsonLdProcessor
except ImportError:
    raise ImportError("Data Integrity needs the extra oid4vci[ldp]: pip install 'oid4vci[ldp]'") from None

__all__ = ("check_contexts", "expand")

MAX_VALUES: Final = 10_000
# How often contexts are applied: once for a document, and for each type or term that has one of its own.
MAX_APPLIED: Final = 2_000
_MAX_RESOLVED: Final = 500
# PyLD keeps what it has worked out in maps that are not made for several threads.
_LOCK: Final = Lock()


class _Resolved(dict[str, Any]):
    """Contexts that PyLD has resolved, by URL or, for those within others, by their text."""

    def __setitem__(self, key: str, value: Any) -> None:
        if len(self) >= _MAX_RESOLVED:
            self.clear()
        super().__setitem__(key, value)


def _undefined(name: Any) -> NoReturn:
    raise Malformed("is a term that no context defines", shown(name))


class _Processor(JsonLdProcessor):  # type: ignore[misc]  # PyLD has no types
    """PyLD's, that says so when something would be left out."""

    def __init__(self) -> None:
        super().__init__(on_property_dropped=_undefined)
        self.expansions = self.objects = self.applied = 0

    def _expand(self, active_ctx: Any, active_property: Any, element: Any, *more: Any, **options: Any) -> Any:
        self.expansions += 1
        expanded = super()._expand(active_ctx, active_property, element, *more, **options)
        if expanded is None:
            raise Malformed("has a value that JSON-LD leaves out", shown(active_property))
        return expanded

    def _expand_object(
        self, active_ctx: Any, active_property: Any, expanded: Any, element: Any, *more: Any, **options: Any
    ) -> None:
        self.objects += 1
        for name, value in element.items():
            # An array without types is left out; one without values is there still, and refused later.
            if value == [] and self._expand_iri(active_ctx, name, vocab=True) == "@type":
                raise Malformed("is empty, so that a signature would not cover it", shown(name))
        super()._expand_object(active_ctx, active_property, expanded, element, *more, **options)

    def _process_context(self, *arguments: Any, **options: Any) -> Any:
        self.applied += 1
        if self.applied > MAX_APPLIED:
            raise Malformed("has too many contexts, or types that have their own")
        return super()._process_context(*arguments, **options)


def check_contexts(value: Any, contexts: Contexts) -> None:
    """Raise `Malformed` for a context that is named and not known. `value`: what `@context` is."""
    for i, context in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(context, str) and context not in contexts:
            raise Malformed("is a context that is neither served nor registered", f"@context[{i}]")


def _check_values(document: Mapping[str, Any]) -> None:
    """Bound the work, and refuse null: JSON-LD takes it for the absence of the member."""
    waiting: list[Any] = [document]
    count = 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise Malformed("has too many values")
        if isinstance(value, dict):
            for name, member in value.items():
                if member is None and name != "@context":
                    raise Malformed("is null, which JSON-LD leaves out", shown(name))
                # A context may say null.
                if name != "@context":
                    waiting.append(member)
        elif isinstance(value, list):
            if None in value:
                raise Malformed("has a null, which JSON-LD leaves out")
            waiting += value


def expand(document: Mapping[str, Any], contexts: Contexts) -> list[Any]:
    """The expanded form of a document. `document`: JSON values, of bounded size and depth.

    Raises `Malformed` for what is no JSON-LD, for unknown contexts, and for whatever would be left out.
    """
    if "@context" not in document:
        raise Malformed("is missing", "@context")
    check_contexts(document["@context"], contexts)
    _check_values(document)

    def load(url: str, options: Any) -> dict[str, Any]:
        if url not in contexts:
            raise Malformed("names a context that is neither served nor registered", "@context")
        served = contexts.documents.get(url)
        # PyLD works in what it gets; a copy is made once for each context.
        text = BUNDLED_CONTEXTS[url].read_text(encoding="utf-8") if url in FROM_PYLD else json.dumps(served)
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": json.loads(text),
            "tag": "static",
        }

    processor = _Processor()
    with _LOCK:
        resolved = contexts.resolved.setdefault("pyld", _Resolved())
        options = {"base": RELATIVE, "documentLoader": load, "contextResolver": ContextResolver(resolved, load)}
        try:
            expanded: list[Any] = processor.expand(dict(document), options)
        except (JsonLdError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise _malformed(error) from None
    if not (processor.expansions and processor.objects and processor.applied):
        raise RuntimeError("this version of PyLD does not say what it leaves out")
    return expanded


def _malformed(error: BaseException) -> Malformed:
    """What is wrong, from PyLD's error or from the one of ours that is behind it."""
    code: str | None = None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Malformed):
            return cause
        code = getattr(cause, "code", None) or code
        cause = cause.__cause__ or cause.__context__
    return Malformed(f"is not JSON-LD ({code})" if isinstance(code, str) else "is not JSON-LD")
