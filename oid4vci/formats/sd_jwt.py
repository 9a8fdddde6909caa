"""Reading SD-JWTs (RFC 9901): taking the compact form apart, and putting disclosed claims back in their places.

Rule 1: nothing here looks at a signature or at what a claim means.
Rule 2: whoever sends an SD-JWT chooses its size and shape, so length, depth and number of disclosures are bounded.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._json import TO_URL, Malformed, b64url_decode
from oid4vci.claims import ClaimsPath

__all__ = ("HASHES", "Disclosure", "SdJwt", "Unfolded", "digests_of", "parse", "process", "unfold")

MAX_SD_JWT = 1 << 20
MAX_DISCLOSURES = 1_000
MAX_DEPTH = 32


HASHES: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "sha-256": hashlib.sha256,
    "sha-384": hashlib.sha384,
    "sha-512": hashlib.sha512,
}
"""Hash functions by their names in the IANA registry that `_sd_alg` refers to (RFC 9901 4.1.1)."""

# Names that carry digests and can be no claim's (RFC 9901 4.1); `_sd_alg` means something at the top level only.
RESERVED: Final = frozenset(("_sd", "...", "_sd_alg"))

_CONTAINERS = (dict, list)
_NONE: Final = object()


@frozen
class Disclosure:
    """One disclosure: `text` as it was sent, and the place in the processed payload of the value that it reveals.

    `path` consists of member names and of indices into arrays. What lies within the value may be disclosed separately.
    """

    text: str = field(repr=False)
    path: tuple[str | int, ...]


@frozen
class SdJwt:
    """An SD-JWT taken apart and not believed. `key_binding` is the Key Binding JWT, if there is one."""

    jws: _jose.Jws
    disclosures: tuple[str, ...] = field(repr=False)
    key_binding: str | None = field(default=None, repr=False)

    def payload(self) -> dict[str, Any]:
        """The payload of the issuer-signed JWT, digests and all. Raises `Malformed`."""
        return _json.object_from(self.jws.payload, max_bytes=MAX_SD_JWT, max_depth=MAX_DEPTH)


def parse(text: str) -> SdJwt:
    """Take the compact serialisation apart (RFC 9901 4): `<JWT>~<disclosure>~...~` and maybe a Key Binding JWT.

    Raises `Malformed`.
    """
    if len(text) > MAX_SD_JWT:
        raise Malformed("too large")
    if text.count("~") > MAX_DISCLOSURES + 1:
        raise Malformed("too many disclosures")
    jwt, *disclosures = text.split("~")
    if not disclosures:
        raise Malformed("not an SD-JWT: it has no ~")
    key_binding = disclosures.pop()
    return SdJwt(_jose.parse(jwt, max_bytes=MAX_SD_JWT, header_repeats=True), tuple(disclosures), key_binding or None)


@frozen
class Unfolded:
    """The processed payload of an SD-JWT, and the disclosures with their places, in the order they were sent.

    `withheld` says which elements are missing from arrays: by the path of an array, their indices as it was issued.
    """

    claims: dict[str, Any] = field(repr=False)
    disclosures: tuple[Disclosure, ...]
    withheld: Mapping[ClaimsPath, Sequence[int]]


def process(payload: Mapping[str, Any], disclosures: Sequence[str]) -> tuple[dict[str, Any], tuple[Disclosure, ...]]:
    """The claims and the disclosures of `unfold`. Raises `Malformed`."""
    unfolded = unfold(payload, disclosures)
    return unfolded.claims, unfolded.disclosures


def unfold(payload: Mapping[str, Any], disclosures: Sequence[str]) -> Unfolded:
    """Put disclosed claims back in their places (RFC 9901 7.1, step 3).

    Every rule of that step is an error here: malformed, repeated or unreferenced disclosures, a digest that stands twice,
    a disclosed name that is reserved or already there. `payload` is left as it is.

    Raises `Malformed`.
    """
    # "If the _sd_alg claim is not present at the top level, a default value of sha-256 MUST be used." -- RFC 9901 4.1.1
    name = payload.get("_sd_alg", "sha-256")
    if not isinstance(name, str) or name not in HASHES:
        raise Malformed("is not a supported hash algorithm", "_sd_alg")
    return _Unfolding(disclosures, HASHES[name]).run(payload)


def digests_of(hash_function: Callable[[bytes], Any], texts: Sequence[bytes]) -> list[bytes]:
    """The digest of each text in base64url. With zeros between them up to a multiple of three bytes, all are encoded at once."""
    raw = [hash_function(text).digest() for text in texts]
    if not raw:
        return raw
    size = len(raw[0])
    width, used = (size + 2) // 3 * 4, (size * 4 + 2) // 3
    encoded = b2a_base64((b"\0" * (-size % 3)).join(raw), newline=False).translate(TO_URL)
    return [encoded[k : k + used] for k in range(0, len(raw) * width, width)]


def _check_contents(values: Sequence[Any]) -> None:
    """A disclosure is an array: salt, name and value of an object's member, or salt and value of an array's element."""
    for value in values:
        if type(value) is list and len(value) == 3 and type(value[0]) is type(value[1]) is str and value[1] not in RESERVED:
            continue
        if not isinstance(value, list) or len(value) not in (2, 3) or not isinstance(value[0], str):
            raise Malformed("a disclosure is not an array of salt, claim name and value, or of salt and value")
        if len(value) == 3:
            if not isinstance(value[1], str):
                raise Malformed("a disclosed claim name is not a string")
            # "If the claim name is _sd or ..., the SD-JWT MUST be rejected." -- RFC 9901 7.1
            if value[1] in RESERVED:
                raise Malformed("a disclosed claim has a reserved name")


class _Unfolding:
    """One run of step 3. Digests are found where they stand, so one that nothing leads to is never unfolded."""

    def __init__(self, disclosures: Sequence[str], hash_function: Callable[[bytes], Any]) -> None:
        if len(disclosures) > MAX_DISCLOSURES:
            raise Malformed("too many disclosures")
        self.texts = disclosures
        try:
            raw = [text.encode("ascii") for text in disclosures]
        except UnicodeEncodeError:
            raise Malformed("a disclosure is not base64url") from None
        self.contents = _json.loads_each([b64url_decode(text) for text in raw], max_bytes=MAX_SD_JWT, max_depth=MAX_DEPTH)
        _check_contents(self.contents)
        digests = [digest.decode() for digest in digests_of(hash_function, raw)]
        self.waiting = dict(zip(digests, range(len(raw)), strict=True))
        if len(self.waiting) != len(disclosures):
            raise Malformed("a disclosure is repeated")
        self.seen: set[str] = set()
        self.paths: list[tuple[str | int, ...]] = [()] * len(disclosures)
        self.withheld: dict[ClaimsPath, list[int]] = {}

    def run(self, payload: Mapping[str, Any]) -> Unfolded:
        own = dict(payload)
        own.pop("_sd_alg", None)
        claims = self.members(own, (), 1)
        # "If any Disclosure was not referenced by digest value in the Issuer-signed JWT (directly or recursively via other
        # Disclosures), the SD-JWT MUST be rejected." -- RFC 9901 7.1
        if self.waiting:
            raise Malformed("a disclosure is not referenced")
        return Unfolded(claims, tuple(map(Disclosure, self.texts, self.paths)), self.withheld)

    def disclosed(self, digests: Sequence[Any], size: int) -> list[int]:
        """The numbers of the disclosures with these digests. One that was withheld has none, nor has a decoy."""
        if not {str}.issuperset(map(type, digests)):
            raise Malformed("a digest is not a string")
        found = set(digests)
        if len(found) != len(digests) or not found.isdisjoint(self.seen):
            raise Malformed("a digest is repeated")
        self.seen |= found
        numbers = [self.waiting.pop(digest) for digest in digests if digest in self.waiting]
        if numbers and {size} != {len(self.contents[i]) for i in numbers}:
            raise Malformed("a disclosure is of the wrong kind for its place")
        return numbers

    def value(self, value: Any, path: tuple[str | int, ...], depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise Malformed("nested too deeply")
        return self.members(value, path, depth) if isinstance(value, dict) else self.elements(value, path, depth)

    def members(self, value: dict[str, Any], path: tuple[str | int, ...], depth: int) -> dict[str, Any]:
        if "..." in value or "_sd_alg" in value:
            raise Malformed("a reserved name stands where it has no meaning")
        claims = value.copy()
        here = claims.pop("_sd", _NONE)
        for name, member in claims.items():
            if isinstance(member, _CONTAINERS):
                claims[name] = self.value(member, (*path, name), depth + 1)
        if here is not _NONE:
            if not isinstance(here, list):
                raise Malformed("must be an array", "_sd")
            for i in self.disclosed(here, 3):
                _, name, member = self.contents[i]
                # "If the claim name already exists at the level of the _sd key, the SD-JWT MUST be rejected."
                if name in claims:
                    raise Malformed("a disclosed claim is already there")
                self.paths[i] = (*path, name)
                claims[name] = self.value(member, self.paths[i], depth + 1) if isinstance(member, _CONTAINERS) else member
        return claims

    def elements(self, value: list[Any], path: tuple[str | int, ...], depth: int) -> list[Any]:
        elements: list[Any] = []
        for issued, element in enumerate(value):
            place: tuple[str | int, ...] = (*path, len(elements))
            if isinstance(element, dict) and "..." in element:
                if len(element) != 1:
                    raise Malformed("an element that stands for a digest has other members")
                numbers = self.disclosed((element["..."],), 2)
                if not numbers:
                    self.withheld.setdefault(path, []).append(issued)
                    continue
                (i,) = numbers
                element = self.contents[i][1]
                self.paths[i] = place
            elements.append(self.value(element, place, depth + 1) if isinstance(element, _CONTAINERS) else element)
        return elements
