"""JSON-LD expansion that loses nothing and fetches nothing (JSON-LD 1.1 API 5.1). Only this file imports PyLD.

Rule 1: what JSON-LD would leave out without a word is refused: terms that no context defines, relative references, values that
belong to nothing (VC Data Integrity 2.4.3). So is what can be said in two ways, of which a reader would see one alone: other names
for keywords, or for what decides whether a credential holds. Who reads nothing may have terms without a definition left out.
Contexts within such a document must be known as well: a stranger's own could make long text of short names, thousands of times.
Rule 2: a document cannot make PyLD do other than raise an error, and `Malformed` is all that gets out.
Rule 3: what one document does to contexts is nothing to the next.
"""

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final, NoReturn

from oid4vci._json import Malformed
from oid4vci.data_integrity.contexts import FROM_PYLD, NAMES, Contexts
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
# How many terms those define, and how much they have in them. Each that is served has some hundreds, worked out once and kept.
MAX_DEFINED: Final = 100_000
_MAX_RESOLVED: Final = 500
# PyLD keeps what it has worked out in maps that are not made for several threads.
_LOCK: Final = Lock()


class _Resolved(dict[str, Any]):
    """Contexts that PyLD has resolved, by URL or, for those within others, by their text."""

    def __setitem__(self, key: str, value: Any) -> None:
        if len(self) >= _MAX_RESOLVED:
            self.clear()
        super().__setitem__(key, value)


# What the data models call two keywords (VCDM 1.1 4.1, VCDM 2.0 4.4 and 4.5).
_ALIASES: Final = {"@id": "id", "@type": "type"}


def _undefined(name: Any) -> NoReturn:
    raise Malformed("is a term that no context defines", shown(name))


def _pass_over(_: Any) -> None:
    """For a reader that needs none of what is left out."""


class _Processor(JsonLdProcessor):  # type: ignore[misc]  # PyLD has no types
    """PyLD's, that says so when something would be left out."""

    def __init__(self, contexts: Contexts, *, lossless: bool) -> None:
        super().__init__(on_property_dropped=_undefined if lossless else _pass_over)
        self.contexts, self.lossless = contexts, lossless
        self.expansions = self.objects = self.applied = self.defined = 0
        # PyLD does not tell apart what it keeps of contexts that may redefine protected terms, those of a term, and of others.
        self.resolvers = {overriding: self._resolver(overriding) for overriding in (False, True)}

    def _resolver(self, overriding: bool) -> ContextResolver:
        resolved = self.contexts.resolved.setdefault(f"pyld {overriding}", _Resolved())
        return ContextResolver(resolved, self.load)

    def load(self, url: str, options: Any) -> dict[str, Any]:
        """A context from among those that are known, as PyLD's document loaders give them."""
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": {"@context": self._imported(self._known(url))},
            "tag": "static",
        }

    def _known(self, url: Any) -> Any:
        if not isinstance(url, str) or url not in self.contexts:
            raise Malformed("names a context that is neither served nor registered", "@context")
        # PyLD works in what it gets; a copy is made once for each context.
        if url in FROM_PYLD:
            return json.loads(BUNDLED_CONTEXTS[url].read_text(encoding="utf-8"))["@context"]
        return json.loads(json.dumps(self.contexts.documents[url]))["@context"]

    def _imported(self, local: Any) -> Any:
        """A context with what it imports (JSON-LD 1.1 4.1.10). PyLD would write it into the one that is imported, for good."""
        if isinstance(local, list):
            return [self._imported(each) for each in local]
        if not isinstance(local, Mapping) or "@import" not in local:
            return local
        imported = self._known(local["@import"])
        if not isinstance(imported, dict) or "@import" in imported:
            raise Malformed("imports what cannot be imported", "@context")
        return {**imported, **{name: value for name, value in local.items() if name != "@import"}}

    def _expand(self, active_ctx: Any, active_property: Any, element: Any, *more: Any, **options: Any) -> Any:
        self.expansions += 1
        # Those of the document itself, which comes first, are the caller's to check.
        if not self.lossless and self.expansions > 1 and isinstance(element, Mapping) and "@context" in element:
            self._check_within(element["@context"])
        expanded = super()._expand(active_ctx, active_property, element, *more, **options)
        if expanded is None:
            raise Malformed("has a value that JSON-LD leaves out", shown(active_property))
        return expanded

    def _check_within(self, value: Any) -> None:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping) and not self.contexts.registers(each):
                raise Malformed("is a context that is neither served nor registered", "@context")

    def _expand_object(
        self, active_ctx: Any, active_property: Any, expanded: Any, element: Any, *more: Any, **options: Any
    ) -> None:
        self.objects += 1
        for name, value in element.items():
            if name != "@context":
                self._check_name(active_ctx, name, value)
        super()._expand_object(active_ctx, active_property, expanded, element, *more, **options)

    def _check_name(self, active_ctx: Any, name: str, value: Any) -> None:
        mapping = active_ctx["mappings"].get(name)
        iri = self._expand_iri(active_ctx, name, vocab=True) if mapping is None else mapping["@id"]
        # An array without types, or of a reversed property, is left out; others without values are refused later.
        if value in ([], {}) and (iri in ("@type", "@reverse") or (mapping is not None and mapping["reverse"])):
            raise Malformed("is empty, so that a signature would not cover it", shown(name))
        # A keyword has its own name and, if it is one of two, an alias; `@nest` by whatever name would take members elsewhere.
        if isinstance(iri, str) and iri[:1] == "@" and (iri == "@nest" or name not in (iri, _ALIASES.get(iri))):
            raise Malformed("is another name for a keyword", shown(name))
        if ":" not in name and NAMES.get(iri, name) != name:
            raise Malformed(f"is another name for {NAMES[iri]}", shown(name))

    def _expand_language_map(self, active_ctx: Any, language_map: Any, *more: Any, **options: Any) -> Any:
        _check_map(language_map)
        return super()._expand_language_map(active_ctx, language_map, *more, **options)

    def _expand_index_map(
        self, active_ctx: Any, active_property: Any, value: Any, index_key: Any, *more: Any, **options: Any
    ) -> Any:
        _check_map(value)
        if index_key == "@id":
            # Where a value has an id of its own, the one in the map is left out.
            raise Malformed("is a map by ids", shown(active_property))
        return super()._expand_index_map(active_ctx, active_property, value, index_key, *more, **options)

    def _process_context(self, active_ctx: Any, local_ctx: Any, options: Any, *more: Any, **further: Any) -> Any:
        self.applied += 1
        if self.applied > MAX_APPLIED:
            raise Malformed("has too many contexts, or types that have their own")
        # PyLD looks up what it keeps by the whole text of a context.
        self._define(_size(local_ctx))
        resolver = self.resolvers[bool(more and more[0]) or further.get("override_protected", False)]
        options = {**options, "contextResolver": resolver}
        return super()._process_context(active_ctx, self._imported(local_ctx), options, *more, **further)

    def _create_term_definition(self, *arguments: Any, **options: Any) -> Any:
        self._define(1)
        return super()._create_term_definition(*arguments, **options)

    def _define(self, terms: int) -> None:
        self.defined += terms
        if self.defined > MAX_DEFINED:
            raise Malformed("has contexts that define too many terms")


def _size(context: Any) -> int:
    """How many members there are in a context, those of contexts within it included."""
    if isinstance(context, list):
        return sum(map(_size, context))
    return len(context) + sum(map(_size, context.values())) if isinstance(context, Mapping) else 0


def _check_map(value: Mapping[str, Any]) -> None:
    if [] in value.values():
        raise Malformed("has an empty array in a map, which JSON-LD leaves out")


def check_contexts(value: Any, contexts: Contexts) -> None:
    """Raise `Malformed` for a context that is named and not known. `value`: what `@context` is."""
    for i, context in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(context, str) and context not in contexts:
            raise Malformed("is a context that is neither served nor registered", f"@context[{i}]")


def _check_values(document: Mapping[str, Any], *, lossless: bool) -> None:
    """Bound the work, and refuse null if nothing may be lost: JSON-LD takes it for the absence of the member."""
    waiting: list[Any] = [document]
    count = 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise Malformed("has too many values")
        if isinstance(value, dict):
            for name, member in value.items():
                if lossless and member is None and name != "@context":
                    raise Malformed("is null, which JSON-LD leaves out", shown(name))
                # A context may say null.
                if name != "@context":
                    waiting.append(member)
        elif isinstance(value, list):
            if lossless and None in value:
                raise Malformed("has a null, which JSON-LD leaves out")
            if lossless and [] in value:
                raise Malformed("has an empty array in an array, which JSON-LD leaves out")
            waiting += value


def expand(document: Mapping[str, Any], contexts: Contexts, *, lossless: bool = True) -> list[Any]:
    """The expanded form of a document. `document`: JSON values, of bounded size and depth.

    `lossless`: whether a term that no context defines is refused, or else left out together with its value. If not, contexts that
    stand anywhere but at the top must be known.

    Raises `Malformed` for what is no JSON-LD, for unknown contexts, and for whatever would be left out.
    """
    if "@context" not in document:
        raise Malformed("is missing", "@context")
    check_contexts(document["@context"], contexts)
    _check_values(document, lossless=lossless)

    with _LOCK:
        processor = _Processor(contexts, lossless=lossless)
        options = {"base": RELATIVE, "documentLoader": processor.load, "contextResolver": processor.resolvers[False]}
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
