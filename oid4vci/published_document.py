"""Documents that are the same for many who ask: metadata, key sets. Each has an entity tag, and caches may keep it."""

import hashlib
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from oid4vci._json import b64url_encode
from oid4vci.http import Headers, Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.negotiation import has_already
from oid4vci.records import Key, Records, Reply

__all__ = ("MAX_AGE", "DocumentCall", "PublishedDocument")

# Seconds. Whoever replaces a key or an endpoint serves the old one for that long.
MAX_AGE: Final = 300


@frozen
class PublishedDocument:
    """A document as it is served. `headers` are those that go with it whoever asks."""

    body: bytes = field(repr=False)
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict)
    etag: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{b64url_encode(hashlib.sha256(self.body).digest()[:18])}"')

    def response(self, asked: Headers, *, max_age: int = MAX_AGE) -> Response:
        """The answer to a GET with the headers `asked`: 304 without a body, if the client has it already (RFC 9110 15.4.5).

        Caches may keep it for `max_age` seconds.
        """
        headers = {"etag": self.etag, "cache-control": f"public, max-age={max_age}", **self.headers}
        if has_already(",".join(asked.all("if-none-match")), self.etag):
            return Response(304, headers)
        return Response(200, {"content-type": self.media_type, **headers}, self.body)


@frozen
class DocumentCall:
    """A request for a document that is the same for everybody, always."""

    document: PublishedDocument
    request: Request = field(repr=False)
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The document."""
        return Reply(self.document.response(self.request.headers))
