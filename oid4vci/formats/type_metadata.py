"""SD-JWT VC Type Metadata (draft-ietf-oauth-sd-jwt-vc, "SD-JWT VC Type Metadata"): documents, and types that extend others.

Rule 1: whoever publishes a type decides how its credentials look and which claims they have, never whether an issuer is believed.
Rule 2: a type is used with all that it extends, or not at all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from oid4vci import _json
from oid4vci._document import Codec, Document, array, boolean, choice, https_url, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.claims import MAX_STEPS, ClaimsPath
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.formats.integrity import check_integrity, integrity_metadata
from oid4vci.formats.type_metadata_display import ClaimLabel, TypeDisplay
from oid4vci.metadata.language import in_language
from oid4vci.trust import Trust

__all__ = ("CredentialType", "TypeClaim", "TypeMetadata", "find_type")

MAX_EXTENDED = 8
MAX_CLAIMS = 1_000

_TEXT = string(minimum=0)
_SVG_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_step(step: Any) -> None:
    if step is not None and (isinstance(step, bool) or not isinstance(step, str | int) or (isinstance(step, int) and step < 0)):
        raise Malformed("must be a string, null or a non-negative integer")


def _check_svg_id(value: Any) -> None:
    if not isinstance(value, str) or len(value) > 255 or not _SVG_ID.fullmatch(value):
        raise Malformed("must consist of letters, digits and underscores, and not begin with a digit")


_LABELS = array(nested(ClaimLabel), minimum=0)


@frozen(kw_only=True)
class TypeClaim(Document):
    """What a type says of a claim, or of several ("Claim Metadata").

    `sd` is "always", "allowed" or "never"; it and `mandatory` are None where nothing is said, which means "allowed" and False.
    """

    path: ClaimsPath = field(metadata=wire(array(Codec(_check_step), maximum=MAX_STEPS)))
    display: tuple[ClaimLabel, ...] | None = field(default=None, metadata=wire(_LABELS))
    mandatory: bool | None = field(default=None, metadata=wire(boolean()))
    sd: str | None = field(default=None, metadata=wire(choice("always", "allowed", "never")))
    svg_id: str | None = field(default=None, metadata=wire(Codec(_check_svg_id)))

    def label(self, preferences: Sequence[str]) -> ClaimLabel | None:
        """How the claim is called, in the language that fits best (RFC 4647 3.4)."""
        return in_language(self.display, preferences)

    def extending(self, base: "TypeClaim") -> "TypeClaim":
        """What holds of the claim in a type that says this, and extends one that says `base`. Raises `Malformed`."""
        if self.sd is not None and base.sd in ("always", "never") and self.sd != base.sd:
            raise Malformed("must not change what the extended type says", "sd")
        if self.mandatory is False and base.mandatory:
            raise Malformed("must not change what the extended type says", "mandatory")
        said = {name: getattr(self, name) for name in ("display", "mandatory", "sd", "svg_id")}
        own = {name: value for name, value in said.items() if value is not None}
        return evolve(base, **own, extra={**base.extra, **self.extra})

    def describes(self, place: ClaimsPath) -> bool:
        """Whether the claim at `place`, a path without None, is one that is meant."""
        return len(place) == len(self.path) and all(
            step == there or (step is None and isinstance(there, int)) for step, there in zip(self.path, place, strict=True)
        )


def _distinct(described: Any) -> None:
    paths, identifiers = set(), set()
    for i, claim in enumerate(described.claims or ()):
        if claim.path in paths:
            raise Malformed("describes the same claims as another", f"claims[{i}].path")
        if claim.svg_id is not None and claim.svg_id in identifiers:
            raise Malformed("must be unique", f"claims[{i}].svg_id")
        paths.add(claim.path)
        identifiers.add(claim.svg_id)


@frozen(kw_only=True)
class TypeMetadata(Document):
    """A Type Metadata document ("Type Metadata Format"). `name` and `description` are for developers."""

    vct: str = field(metadata=wire(string(maximum=2_048)))
    name: str | None = field(default=None, metadata=wire(_TEXT))
    description: str | None = field(default=None, metadata=wire(_TEXT))
    extends: str | None = field(default=None, metadata=wire(string(maximum=2_048)))
    extends_integrity: str | None = field(default=None, metadata=wire(integrity_metadata(), "extends#integrity"))
    display: tuple[TypeDisplay, ...] | None = field(default=None, metadata=wire(array(nested(TypeDisplay), minimum=0)))
    claims: tuple[TypeClaim, ...] | None = field(
        default=None, metadata=wire(array(nested(TypeClaim), minimum=0, maximum=MAX_CLAIMS))
    )
    rules: ClassVar[tuple[Callable[[Any], None], ...]] = (_distinct,)


@frozen(kw_only=True)
class CredentialType:
    """A type with all that it inherits; make it with `of` or `find_type`.

    `documents`: its own and those of the types it extends, the nearest first. `display` and `claims` are what holds for it.
    """

    vct: str
    documents: tuple[TypeMetadata, ...] = field(repr=False)
    display: tuple[TypeDisplay, ...] = field(repr=False)
    claims: tuple[TypeClaim, ...] = field(repr=False)

    @classmethod
    def of(cls, *documents: TypeMetadata) -> "CredentialType":
        """The type that the first of `documents` describes; each of the others is what the one before it extends.

        Raises `Malformed` if they do not belong together, or one loosens what it extends ("Extending Claim Metadata").
        """
        if not documents or [document.extends for document in documents] != [*(each.vct for each in documents[1:]), None]:
            raise Malformed("each document must be followed by the one that it extends")
        display: tuple[TypeDisplay, ...] = ()
        claims: dict[ClaimsPath, TypeClaim] = {}
        for document in reversed(documents):
            if document.display is not None:
                display = document.display
            for i, claim in enumerate(document.claims or ()):
                if claim.path in claims:
                    try:
                        claims[claim.path] = claim.extending(claims[claim.path])
                    except Malformed as error:
                        raise error.within(f"claims[{i}]") from None
                else:
                    claims[claim.path] = claim
        found = cls(vct=documents[0].vct, documents=documents, display=display, claims=tuple(claims.values()))
        _distinct(found)
        return found

    @property
    def extends(self) -> tuple[str, ...]:
        """The types it extends, directly or by way of others, the nearest first."""
        return tuple(document.vct for document in self.documents[1:])

    def shown(self, preferences: Sequence[str]) -> TypeDisplay | None:
        """How its credentials are shown, in the language that fits best (RFC 4647 3.4)."""
        return in_language(self.display, preferences)

    def label(self, place: ClaimsPath, preferences: Sequence[str]) -> ClaimLabel | None:
        """How the claim at `place` is called, in the language that fits best; `place` is a path without None."""
        described = [claim for claim in self.claims if claim.describes(place) and claim.display]
        # One that names the element says more than one that means all elements.
        nearest = min(described, key=lambda claim: claim.path.count(None), default=None)
        return None if nearest is None else nearest.label(preferences)


def find_type(
    vct: str,
    *,
    integrity: str | None = None,
    types: Mapping[str, bytes] | None = None,
    trust: Trust,
    documents: Mapping[str, bytes],
    required: bool = True,
) -> CredentialType | NeededDocument | None:
    """The type `vct`, or a document to fetch first.

    `integrity`: the `vct#integrity` of a credential. `types`: documents by type, from wherever the application has them ("From a
    Registry", "From a Local Cache"). What is not among them is to be had at the type's own URL, if it is an https URL that the
    trust decision allows. `documents`: bodies of what was fetched, by URL; an empty one could not be had.

    Without `required`: None if a document cannot be had. What can be had must be right.

    Raises `Malformed` for documents that are wrong, not the ones that were meant, or extend one another in a circle; `Untrusted`
    for one that may not be fetched.
    """
    chain: dict[str, bytes] = {}
    uri: str | None = vct
    while uri is not None:
        if uri in chain:
            raise Malformed("the type extends itself")
        if len(chain) > MAX_EXTENDED:
            raise Malformed("the type extends too many others")
        body = _body(uri, types or {}, trust, documents, required)
        if body is None or isinstance(body, NeededDocument):
            return body
        if integrity is not None:
            check_integrity(integrity, body)
        document = _read(body)
        if document.vct != uri:
            raise Malformed("is not the type that the document was retrieved for", "type metadata.vct")
        chain[uri] = body
        uri, integrity = document.extends, document.extends_integrity
    return _type(*chain.values())


# A batch of credentials is of one type.
_REMEMBERED: Final = 16


@lru_cache(_REMEMBERED)
def _read(body: bytes) -> TypeMetadata:
    try:
        return TypeMetadata.from_json(_json.object_from(body))
    except Malformed as error:
        raise error.within("type metadata") from None


@lru_cache(_REMEMBERED)
def _type(*bodies: bytes) -> CredentialType:
    try:
        return CredentialType.of(*map(_read, bodies))
    except Malformed as error:
        raise error.within("type metadata") from None


def _body(
    uri: str, types: Mapping[str, bytes], trust: Trust, documents: Mapping[str, bytes], required: bool
) -> bytes | NeededDocument | None:
    if uri in types:
        return types[uri]
    try:
        https_url().check(uri)
    except Malformed:
        if not required:
            return None
        raise Malformed("there is no metadata of the type") from None
    if required:
        trust.demand(uri)
    elif not trust.allow(uri):
        return None
    if uri not in documents:
        return NeededDocument(uri, ("application/json",), optional=not required)
    body = documents[uri]
    if body:
        return body
    if required:
        raise Malformed("the metadata of the type cannot be had")
    return None
