"""How a Credential is shown to a person: its name, its claims in their order, each in a language they read (OID4VCI 12.2.4, B.2).

Nothing is fetched here. All texts are the issuer's or the type's publisher's: what is drawn escapes them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics, Selection
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.type_metadata_display import TypeDisplay
from oid4vci.metadata import CredentialDisplay, CredentialMetadata
from oid4vci.metadata.language import in_language

__all__ = ("ClaimView", "CredentialView", "credential_view")


@frozen
class ClaimView:
    """A claim, or several that one path addresses.

    `name` is None where nobody gave one: then the path is all there is to show. `values` has the place of each, a path without
    None, and its value as it is in the Credential. `description` is that of the issuer's metadata, if there is one.
    """

    path: ClaimsPath
    name: str | None
    values: Selection = field(repr=False)
    description: ClaimsDescription | None = field(default=None, repr=False)


@frozen
class CredentialView:
    """What to show of a Credential in the languages of a person.

    `type_display` is what the Credential's own format says (the type metadata of an SD-JWT VC). It is preferred over `display`,
    what the issuer's metadata say, "which serves as the default fallback" (OID4VCI 12.2.4). Either may be None.
    """

    type_display: TypeDisplay | None
    display: CredentialDisplay | None
    claims: tuple[ClaimView, ...]

    @property
    def name(self) -> str | None:
        """The name of the Credential; None if nobody says how it is shown."""
        shown = self.type_display or self.display
        return None if shown is None else shown.name


def credential_view(
    credential: VerifiedCredential, metadata: CredentialMetadata | None, preferences: Sequence[str]
) -> CredentialView:
    """A Credential as it is shown to who prefers these languages, the preferred one first (RFC 4647 3.4).

    `metadata` are those of its Credential Configuration. The order of their claims descriptions is that of the claims
    (OID4VCI B.3); claims that only the Credential's type describes come next, in the order of the type, and claims that nobody
    describes last, each as it stands in the Credential. What a description addresses and is not there is not shown. Claims that
    say nothing about the subject (`iss`, `exp`) are shown if they are described.

    Nothing of a view is part of the Credential: with metadata that were fetched again, it is another one.
    """
    kind, described = credential.type_metadata, () if metadata is None else metadata.claims or ()
    labels = _type_labels(credential, preferences)
    shown: dict[ClaimsPath, ClaimView] = {}
    for description in described:
        values = _values(credential, description.path)
        name = _type_label(labels, values) or _label(description, preferences)
        shown[description.path] = ClaimView(description.path, name, values, description)
    for path in () if kind is None else (claim.path for claim in kind.claims):
        values = _values(credential, path)
        shown.setdefault(path, ClaimView(path, _type_label(labels, values), values))
    claims = [each for each in shown.values() if each.values]
    places = (at for each in claims for at, _ in each.values)
    for at, value in _others(credential.claims, places, credential.semantics):
        claims.append(ClaimView(at, labels.get(at), ((at, value),)))
    return CredentialView(
        None if kind is None else kind.shown(preferences),
        None if metadata is None else metadata.shown(preferences),
        tuple(claims),
    )


def _values(credential: VerifiedCredential, path: ClaimsPath) -> Selection:
    try:
        return credential.select(path)
    except Malformed:
        return ()


def _label(description: ClaimsDescription, preferences: Sequence[str]) -> str | None:
    """The name in the issuer's metadata; entries without one say nothing of the kind."""
    found = in_language([each for each in description.display or () if each.name is not None], preferences)
    return None if found is None else found.name


def _type_labels(credential: VerifiedCredential, preferences: Sequence[str]) -> Mapping[ClaimsPath, str]:
    """The names that the type's metadata have for places of the Credential, as `CredentialType.label` finds them one by one."""
    nearest: dict[ClaimsPath, tuple[int, str]] = {}
    for claim in () if credential.type_metadata is None else credential.type_metadata.claims:
        found, vague = claim.label(preferences), claim.path.count(None)
        for at, _ in () if found is None else _values(credential, claim.path):
            if found is not None and (at not in nearest or vague < nearest[at][0]):
                nearest[at] = (vague, found.label)
    return {at: name for at, (_, name) in nearest.items()}


def _type_label(labels: Mapping[ClaimsPath, str], values: Selection) -> str | None:
    """The name in the type's metadata; elements of an array that one path addresses have one name."""
    return labels.get(values[0][0]) if values else None


def _others(claims: Any, described: Iterable[ClaimsPath], semantics: ClaimsSemantics) -> Iterator[tuple[ClaimsPath, Any]]:
    """What stands at none of the `described` places, nor within one, in pieces as large as possible."""
    within: set[ClaimsPath] = set()
    there = set(described)
    for at in there:
        within.update(at[:depth] for depth in range(len(at)))

    def walk(at: ClaimsPath, value: Any) -> Iterator[tuple[ClaimsPath, Any]]:
        if at in there or semantics.is_always(at):
            return
        if at not in within and len(at) >= semantics.depth:
            yield at, value
            return
        if isinstance(value, Mapping):
            members: Iterable[tuple[Any, Any]] = ((name, each) for name, each in value.items() if name not in semantics.kinds)
        else:
            members = enumerate(value) if isinstance(value, list | tuple) else ()
        for step, member in members:
            yield from walk((*at, step), member)

    for place in semantics.within:
        claims = claims.get(place, {}) if isinstance(claims, Mapping) else {}
    yield from walk(semantics.within, claims)
