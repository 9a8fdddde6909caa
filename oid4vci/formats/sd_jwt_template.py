"""Making SD-JWTs (RFC 9901 4): claims are encoded once, then each copy gets salts of its own.

What depends on no salt is JSON, and in a disclosure even base64, before the first copy is made: a salt of 18 bytes is 24
characters, so that `["<salt>"` is 27 bytes and the rest of the disclosure begins on a base64 boundary.
"""

from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from oid4vci._json import TO_URL, dumps
from oid4vci.claims import ClaimsPath, PathStep
from oid4vci.formats.sd_jwt import HASHES, MAX_DISCLOSURES, RESERVED, digests_of

__all__ = ("SALT_SIZE", "Hiding", "Template", "hiding")

SALT_SIZE = 18
"""Bytes of a salt: 144 bits, above the 128 that RFC 9901 9.3 recommends."""
_SALT, _PREFIX = 24, 36
# Two levels less than what `process` takes: a disclosure wraps its value in an array, an element in an object.
_MAX_DEPTH = 28


@frozen
class Hiding:
    """What is disclosed separately: whether the value itself is, and which of its members or elements are."""

    itself: bool = False
    within: "Mapping[PathStep, Hiding]" = field(factory=dict)
    # Of a member: what stands between salt and value in its disclosure.
    start: bytes = field(default=b",", repr=False)

    @classmethod
    def member(cls, name: str, itself: bool = True, within: "Mapping[PathStep, Hiding] | None" = None) -> "Hiding":
        """That of the member `name` of an object."""
        return cls(itself, within or {}, b",%b," % dumps(name).encode())


def hiding(paths: Iterable[ClaimsPath]) -> Hiding:
    """The claims that `paths` lead to are disclosable; one beneath another, both are (RFC 9901 6.3).

    Raises `ValueError` for what is no claims path.
    """
    root: dict[Any, Any] = {}
    for path in paths:
        if not isinstance(path, tuple) or not path or not isinstance(path[0], str):
            raise ValueError("a claims path is a tuple that begins with a claim's name")
        node = root
        for step in path:
            if isinstance(step, bool) or not isinstance(step, str | int | None) or (isinstance(step, int) and step < 0):
                raise ValueError("a claims path consists of strings, integers from 0, and None")
            if step in RESERVED:
                raise ValueError(f"{step} is reserved and cannot be a claim's name (RFC 9901 4.1)")
            node = node.setdefault(step, {})
        node[_ITSELF] = True
    return _hiding(root)


_ITSELF = object()


_PLAIN = Hiding()


def _both(one: Hiding, other: Hiding) -> Hiding:
    if one is _PLAIN or other is _PLAIN:
        return other if one is _PLAIN else one
    steps = {**one.within, **other.within}
    return Hiding(
        one.itself or other.itself,
        {step: _both(one.within.get(step, _PLAIN), other.within.get(step, _PLAIN)) for step in steps},
        # Two of one place have the same.
        one.start,
    )


def _hiding(node: dict[Any, Any]) -> Hiding:
    within: dict[PathStep, Hiding] = {}
    for step, below in node.items():
        if isinstance(step, str):
            inner = _hiding(below)
            within[step] = Hiding.member(step, inner.itself, inner.within)
        elif step is not _ITSELF:
            within[step] = _hiding(below)
    return Hiding(_ITSELF in node, within)


_CONTAINERS = (dict, list, tuple)


def _check(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"claims may be nested {_MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        try:
            # The quickest way to see that all are strings; `json` would turn other names into such.
            "".join(value)
        except TypeError:
            raise ValueError("names of claims are strings") from None
        if not RESERVED.isdisjoint(value):
            raise ValueError(f"{', '.join(sorted(RESERVED))} are reserved and cannot be a claim's name (RFC 9901 4.1)")
        value = value.values()
    for element in value:
        if isinstance(element, _CONTAINERS):
            _check(element, depth + 1)


def _b64(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(TO_URL).rstrip(b"=")


# A text with places for digests: bytes, and tuples that number the digests which stand there, quoted and separated.
_Pieces: TypeAlias = list[bytes | tuple[int, ...]]


def _render(pieces: _Pieces, digests: Sequence[bytes]) -> bytes:
    return b"".join(
        [
            piece
            if isinstance(piece, bytes)
            # In the order of their text, which says nothing of the order of the claims (RFC 9901 4.2.4.1).
            else b'"' + b'","'.join(sorted([digests[i] for i in piece])) + b'"'
            for piece in pieces
        ]
    )


@frozen
class Template:
    """Claims ready for any number of copies; make one with `of`."""

    _payload: _Pieces = field(repr=False)
    # The end of each disclosure, in base64url where it holds no digest (`_static`: none does); those within it come before it.
    _ends: list[Any] = field(repr=False)
    _decoys: int
    _hash: Callable[[bytes], Any] = field(repr=False)
    _static: bool

    @classmethod
    def of(cls, claims: dict[str, Any], hidden: Hiding, *, hash_algorithm: str = "sha-256", decoys: int = 0) -> "Template":
        """Encode `claims`, with those that `hidden` names disclosable.

        `decoys` digests that stand for nothing join every object that has disclosable members (RFC 9901 4.2.5); arrays get
        none, their elements keep their places. A path that leads to nothing is passed over: not every dataset has every claim.

        Raises `ValueError` for reserved names, for values that are no JSON, and for a path that leads into a value which has no
        such parts.
        """
        _check(claims, 1)
        try:
            return _Encoding(hash_algorithm, decoys).run(claims, hidden)
        except TypeError as error:
            raise ValueError(f"claims are JSON values: {error}") from None

    @property
    def entropy(self) -> int:
        """How many random bytes a copy needs."""
        return SALT_SIZE * (len(self._ends) + self._decoys)

    def fill(self, entropy: bytes, members: bytes = b"") -> tuple[bytes, list[bytes]]:
        """One copy: the payload's JSON, and the disclosures.

        `entropy`: that many fresh random bytes. `members`: JSON of further members, that begins with a comma.
        """
        salts = b64encode(entropy).translate(TO_URL)
        count = len(self._ends)
        cut = [salts[k : k + _SALT] for k in range(0, len(salts), _SALT)]
        starts = b64encode(b'["' + b'"["'.join(cut[:count]) + b'"').translate(TO_URL)
        decoys = cut[count:]
        if self._static:
            disclosures = [starts[i * _PREFIX : i * _PREFIX + _PREFIX] + end for i, end in enumerate(self._ends)]
            digests = digests_of(self._hash, disclosures + decoys)
        else:
            disclosures, digests = [], [b""] * count + (digests_of(self._hash, decoys) if decoys else [])
            for i, end in enumerate(self._ends):
                text = end if isinstance(end, bytes) else _b64(_render(end, digests))
                disclosures.append(starts[i * _PREFIX : i * _PREFIX + _PREFIX] + text)
                digests[i] = digests_of(self._hash, disclosures[-1:])[0]
        return _render([*self._payload, members, b"}"], digests), disclosures


class _Encoding:
    """One run of `Template.of`."""

    def __init__(self, hash_algorithm: str, decoys: int) -> None:
        self.hash_algorithm, self.decoys_wanted = hash_algorithm, decoys
        # As JSON, from the salt to the end; `dynamic` counts those that hold digests.
        self.ends: list[bytes | _Pieces] = []
        self.dynamic = 0
        self.decoys = 0

    def run(self, claims: Mapping[str, Any], hidden: Hiding) -> Template:
        pieces = self.members(claims, hidden.within)
        if len(self.ends) + self.decoys > MAX_DISCLOSURES:
            raise ValueError(f"an SD-JWT can have {MAX_DISCLOSURES} disclosures and decoys")
        if self.ends:
            pieces.append(b',"_sd_alg":"%b"' % self.hash_algorithm.encode())
        static = self.dynamic == 0
        # All at once: each line is one end.
        ends: list[Any] = (
            b"".join(map(b2a_base64, self.ends)).translate(TO_URL, b"=").split()  # type: ignore[arg-type]  # all are bytes
            if static
            else [_b64(end) if isinstance(end, bytes) else end for end in self.ends]
        )
        return Template(pieces, ends, self.decoys, HASHES[self.hash_algorithm], static)

    def members(self, value: Mapping[str, Any], hidden: Mapping[PathStep, Hiding]) -> _Pieces:
        """The object's text without the closing brace."""
        plain: dict[str, Any] = {}
        others: _Pieces = []
        digests: list[int] = []
        ends = self.ends
        for name, member in value.items():
            how = hidden.get(name)
            if how is None:
                plain[name] = member
            elif how.itself and not how.within:
                # As `disclosure` does it; this runs once for every disclosure.
                digests.append(len(ends))
                ends.append(how.start + dumps(member).encode() + b"]")
            elif how.itself:
                digests.append(self.disclosure(how.start, member, how.within))
            else:
                others += [how.start[:-1] + b":", *self.value(member, how.within)]
        pieces: _Pieces = []
        if digests:
            for _ in range(self.decoys_wanted):
                # Counted from the end of a copy's digests, where those of decoys stand.
                self.decoys += 1
                digests.append(-self.decoys)
            pieces += [b',"_sd":[', tuple(digests), b"]"]
        if plain:
            pieces.append(b"," + dumps(plain)[1:-1].encode())
        return _opened(b"{", pieces + others)

    def value(self, value: Any, hidden: Mapping[PathStep, Hiding]) -> _Pieces:
        """The text of a value of which parts are disclosable."""
        if isinstance(value, dict) and all(isinstance(step, str) for step in hidden):
            return [*self.members(value, hidden), b"}"]
        if isinstance(value, list | tuple) and not any(isinstance(step, str) for step in hidden):
            return self.elements(value, hidden)
        raise ValueError("a path of a disclosable claim leads into a value that has no such parts")

    def elements(self, value: Sequence[Any], hidden: Mapping[PathStep, Hiding]) -> _Pieces:
        every = hidden.get(None, _PLAIN)
        pieces: _Pieces = []
        for i, element in enumerate(value):
            how = _both(every, hidden.get(i, _PLAIN))
            if how.itself:
                pieces += [b',{"...":', (self.disclosure(b",", element, how.within),), b"}"]
            elif how.within:
                pieces += [b",", *self.value(element, how.within)]
            else:
                pieces.append(b"," + dumps(element).encode())
        return [*_opened(b"[", pieces), b"]"]

    def disclosure(self, start: bytes, value: Any, within: Mapping[PathStep, Hiding]) -> int:
        """Add a disclosure, whose text is `start` between salt and value, and give its number."""
        if within:
            end = _joined([start, *self.value(value, within), b"]"])
            static = len(end) == 1 and isinstance(end[0], bytes)
            self.dynamic += not static
            self.ends.append(end[0] if static else end)  # type: ignore[arg-type]  # bytes
        else:
            self.ends.append(start + dumps(value).encode() + b"]")
        return len(self.ends) - 1


def _opened(bracket: bytes, pieces: _Pieces) -> _Pieces:
    """`pieces`, each of whose parts begins with a comma, with the bracket in the place of the first."""
    if not pieces:
        return [bracket]
    first, *rest = pieces
    return [bracket + first[1:] if isinstance(first, bytes) else bracket, *rest]


def _joined(pieces: _Pieces) -> _Pieces:
    """The same text in as few pieces as there can be."""
    joined: _Pieces = []
    for piece in pieces:
        if joined and isinstance(piece, bytes) and isinstance(last := joined[-1], bytes):
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return joined
