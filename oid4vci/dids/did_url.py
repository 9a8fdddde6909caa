"""DIDs and DID URLs (DID 1.0, 3.1 and 3.2). They are compared as strings: nothing is normalised."""

import re
from typing import Final, Self

from attrs import frozen

from oid4vci._json import Malformed

__all__ = ("MAX_DID_URL", "DidUrl")

MAX_DID_URL = 4_096

_PART = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@{more}-]|%[0-9A-Fa-f]{{2}})*"
_QUERY_AND_FRAGMENT = (
    rf"(?:\?(?P<query>{_PART.format(more='/?')}))?(?:\#(?P<fragment>{_PART.format(more='/?')}))?"  # RFC 3986 3.4, 3.5
)
_DID_URL: Final = re.compile(
    r"(?P<did>did:(?P<method>[a-z0-9]+):(?P<id>(?:[A-Za-z0-9._:-]|%[0-9A-Fa-f]{2})*(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})))"
    rf"(?P<path>(?:/{_PART.format(more='')})*){_QUERY_AND_FRAGMENT}"
)
# Without scheme, so without a colon in its first segment, and without authority, which would be another DID (RFC 3986 4.2).
_RELATIVE: Final = re.compile(rf"(?!//)(?![^/?\#]*:)(?P<path>{_PART.format(more='/')}){_QUERY_AND_FRAGMENT}")


@frozen
class DidUrl:
    """A DID, or a DID URL, in its parts. `query` and `fragment` are None where there is none; `str` puts it together again."""

    did: str
    method: str
    method_specific_id: str
    path: str = ""
    query: str | None = None
    fragment: str | None = None

    @classmethod
    def parse(cls, text: str, base: str | None = None) -> Self:
        """Take it apart. Raises `Malformed`.

        `base`: the DID that a relative DID URL is to be resolved against, such as the `id` of the document in which it stands
        (DID 1.0 3.2.2, RFC 3986 5.2). Without, only an absolute one is read. `ValueError` for a base that is no DID.
        """
        found = _DID_URL.fullmatch(text) if len(text) <= MAX_DID_URL else None
        if found is not None:
            return cls(*(found[name] for name in ("did", "method", "id", "path", "query", "fragment")))
        relative = _RELATIVE.fullmatch(text) if base is not None and len(text) <= MAX_DID_URL else None
        if base is None or relative is None:
            raise Malformed("is not a DID URL")
        return cls._within(base, relative)

    @classmethod
    def _within(cls, base: str, relative: "re.Match[str]") -> Self:
        whole = _DID_URL.fullmatch(base)
        if whole is None or whole["did"] != base:
            raise ValueError("the base of a relative DID URL is a DID")
        path = relative["path"]
        url = cls(base, whole["method"], whole["id"], _resolved(path) if path else "", relative["query"], relative["fragment"])
        if len(base) + len(relative[0]) + 1 > MAX_DID_URL:
            raise Malformed("is not a DID URL")
        return url

    def __str__(self) -> str:
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.did}{self.path}{query}{fragment}"


def _resolved(path: str) -> str:
    """A path beneath the DID, without dot segments (RFC 3986 5.2.3, 5.2.4)."""
    segments: list[str] = []
    *before, last = path.removeprefix("/").split("/")
    for segment in before:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if last == "..":
        del segments[-1:]
    return "/" + "/".join([*segments, "" if last in (".", "..") else last])
