"""Whether a credential has the claims that its type demands (draft-ietf-oauth-sd-jwt-vc, "Claim Metadata").

Paths are followed as if everything were disclosed: an element of an array that was withheld keeps its place, and nothing is known
of what is in it.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.claims import ClaimsPath
from oid4vci.formats.type_metadata import TypeClaim

__all__ = ("IssuedClaims",)

# Elements that all paths of a type may select together, step by step: both are somebody else's choice.
MAX_SELECTED = 100_000

_WITHHELD: Final = object()
_Selected = list[tuple[ClaimsPath, Any]]


@frozen
class IssuedClaims:
    """The claims of a credential, all of them as far as its holder knows.

    `disclosed`: the places of those that are disclosures; None if that is not to be checked. `withheld`: see `sd_jwt.Unfolded`.
    """

    claims: Mapping[str, Any] = field(repr=False)
    disclosed: Collection[ClaimsPath] | None = None
    withheld: Mapping[ClaimsPath, Sequence[int]] = field(factory=dict)

    def check(self, described: Sequence[TypeClaim]) -> None:
        """Raises `Malformed` if the claims are not as `described`."""
        left = MAX_SELECTED
        for i, claim in enumerate(described):
            try:
                found, unknown, steps = self._select(claim.path, left)
                self._check(claim, found, unknown)
            except Malformed as error:
                # What a path is belongs to whoever published it, and is not repeated.
                raise Malformed(error.reason, f"type metadata.claims[{i}]") from None
            left -= steps

    def _check(self, claim: TypeClaim, found: _Selected, unknown: bool) -> None:
        if claim.mandatory and not found and not unknown:
            raise Malformed("a claim is missing that is mandatory for the type")
        if self.disclosed is None or claim.sd in (None, "allowed"):
            return
        for place, element in found:
            # "directly represented as a Disclosure ...; not ... solely because one of its ancestors is"
            if (element is _WITHHELD or place in self.disclosed) != (claim.sd == "always"):
                raise Malformed(f"a claim is not as selectively disclosable as the type demands: {claim.sd}")

    def _select(self, path: ClaimsPath, left: int) -> tuple[_Selected, bool, int]:
        """What `path` selects, whether it may select more that is not known, and how much work that was ("Processing of path")."""
        selected: _Selected = [((), self.claims)]
        unknown, steps = False, 0
        for step in path:
            found: _Selected = []
            for at, element in selected:
                if element is _WITHHELD:
                    unknown = True
                elif isinstance(step, str):
                    if not isinstance(element, Mapping):
                        raise Malformed("has a name where the credential has no object")
                    if step in element:
                        found.append(((*at, step), element[step]))
                elif isinstance(element, list | tuple):
                    found += self._elements(at, element, step)
                else:
                    raise Malformed("has an index or null where the credential has no array")
            selected = found
            steps += 1 + len(found)
            if steps > left:
                raise Malformed("selects too much")
        return selected, unknown, steps

    def _elements(self, at: ClaimsPath, array: Sequence[Any], step: int | None) -> _Selected:
        missing = self.withheld.get(at, ())
        if step is None:
            return [*(((*at, i), element) for i, element in enumerate(array)), *(((), _WITHHELD) for _ in missing)]
        # They are in their order, and as many as the issuer likes.
        before = bisect_left(missing, step)
        if before < len(missing) and missing[before] == step:
            return [((), _WITHHELD)]
        i = step - before
        return [((*at, i), array[i])] if i < len(array) else []
