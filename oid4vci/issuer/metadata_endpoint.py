"""The Credential Issuer Metadata as they are served: JSON or signed, in the languages that are wanted (OID4VCI 12.2.2, 12.2.3)."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _json
from oid4vci.http import Headers, Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.metadata.localised import languages, localised, relevant_ranges
from oid4vci.metadata.signing import MetadataSigner, SignedMetadataDraft
from oid4vci.negotiation import accepted, language_ranges, weights
from oid4vci.published_document import MAX_AGE, PublishedDocument
from oid4vci.records import Key, Records, Reply

__all__ = ("MetadataCall", "MetadataDocuments", "MetadataReplyDraft")

JSON: Final = "application/json"
JWT: Final = "application/jwt"

# Sets of languages whose documents are kept.
MAX_VARIANTS: Final = 64

Ranges = frozenset[str]
_EVERY_LANGUAGE: Final[Ranges] = frozenset()


@frozen
class _Signed:
    """Signed metadata, which are the same for many requests. `issued_at` is in seconds since the epoch."""

    document: PublishedDocument
    issued_at: int


@frozen(eq=False)
class MetadataDocuments:
    """Every form of an issuer's metadata: made when it is first asked for, and kept, some of each kind.

    With `signing`, they can be had signed; `localised`: whether in some languages only.
    """

    metadata: CredentialIssuerMetadata
    signing: MetadataSigner | None
    localised: bool
    _members: dict[str, Any] = field(init=False, repr=False)
    _languages: tuple[str, ...] = field(init=False)
    _unsigned: dict[Ranges, PublishedDocument] = field(init=False, factory=dict, repr=False)
    _signed: dict[Ranges, _Signed] = field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        members = self.metadata.to_json()
        object.__setattr__(self, "_members", members)
        object.__setattr__(self, "_languages", languages(members) if self.localised else ())
        self.unsigned(_EVERY_LANGUAGE)
        if self.signing is not None:
            # What cannot be signed is noticed here.
            self.signing.draft(members, now=0)

    def media_type(self, headers: Headers) -> str:
        """The media type to answer with: a JWT only for who names it, and likes JSON no better (RFC 9110 12.5.1)."""
        accept = ",".join(headers.all("accept"))
        if self.signing is None or not weights(accept).get(JWT, 0) > 0:
            return JSON
        return accepted(accept, (JWT, JSON))

    def ranges(self, headers: Headers) -> Ranges:
        """The wanted languages of those that there are; none, for all of them, if none is there or none was asked for."""
        if not self._languages:
            return _EVERY_LANGUAGE
        return relevant_ranges(language_ranges(",".join(headers.all("accept-language"))), self._languages)

    def unsigned(self, ranges: Ranges) -> PublishedDocument:
        """The metadata as JSON."""
        document = self._unsigned.get(ranges)
        if document is None:
            document = self._document(ranges, _json.dump_bytes(self._part(ranges)), JSON)
            _keep(self._unsigned, ranges, document)
        return document

    def signed(self, ranges: Ranges, now: int) -> _Signed | None:
        """The metadata as a JWT that was signed before and still is fresh."""
        found = self._signed.get(ranges)
        return found if found is not None and self._is_fresh(found, now) else None

    def to_be_signed(self, ranges: Ranges, now: int) -> Ranges:
        """What is signed for these languages: all languages, if there are too many sets already, so that nobody has us sign on."""
        if ranges in self._signed or len(self._signed) < MAX_VARIANTS:
            return ranges
        for each, found in list(self._signed.items()):
            if not self._is_fresh(found, now):
                self._signed.pop(each, None)
        return ranges if len(self._signed) < MAX_VARIANTS else _EVERY_LANGUAGE

    def draft(self, signing: MetadataSigner, ranges: Ranges, now: int) -> SignedMetadataDraft:
        """The metadata as a JWT but for its signature."""
        return signing.draft(self._part(ranges), now=now)

    def keep(self, ranges: Ranges, jwt: str, issued_at: int) -> _Signed:
        """A JWT that was signed, kept for the next requests."""
        signed = _Signed(self._document(ranges, jwt.encode(), JWT), issued_at)
        self._signed[ranges] = signed
        return signed

    def response(self, signed: _Signed, headers: Headers, now: int) -> Response:
        """A JWT as it is served. Caches keep it no longer than it holds."""
        lifetime = None if self.signing is None else self.signing.lifetime
        left = MAX_AGE if lifetime is None else max(0, signed.issued_at + lifetime - now)
        return signed.document.response(headers, max_age=min(MAX_AGE, left))

    def _is_fresh(self, signed: _Signed, now: int) -> bool:
        return self.signing is not None and signed.issued_at <= now < signed.issued_at + self.signing.refresh

    def _part(self, ranges: Ranges) -> dict[str, Any]:
        return localised(self._members, ranges) if ranges else self._members

    def _document(self, ranges: Ranges, body: bytes, media_type: str) -> PublishedDocument:
        headers = {}
        vary = [name for name, does in (("Accept", self.signing is not None), ("Accept-Language", self._languages)) if does]
        if vary:
            headers["vary"] = ", ".join(vary)
        if ranges:
            # "indicate returned languages using the HTTP Content-Language Header" -- OID4VCI 12.2.2
            headers["content-language"] = ", ".join(languages(self._part(ranges)))
        return PublishedDocument(body, media_type, headers)


def _keep(documents: dict[Ranges, PublishedDocument], ranges: Ranges, document: PublishedDocument) -> None:
    documents[ranges] = document
    for each in list(documents)[:-MAX_VARIANTS]:
        documents.pop(each, None)


@frozen
class MetadataCall:
    """A request for metadata."""

    documents: MetadataDocuments = field(repr=False)
    request: Request = field(repr=False)
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> "Reply | MetadataReplyDraft":
        """The metadata in the form that is wanted: the answer, or a draft where a key outside this process must sign them first."""
        documents, headers = self.documents, self.request.headers
        ranges = documents.ranges(headers)
        if documents.signing is None or documents.media_type(headers) == JSON:
            return Reply(documents.unsigned(ranges).response(headers))
        ranges = ranges if documents.signed(ranges, now) else documents.to_be_signed(ranges, now)
        signed = documents.signed(ranges, now)
        if signed is not None:
            return Reply(documents.response(signed, headers, now))
        draft = MetadataReplyDraft(self, ranges, now, documents.draft(documents.signing, ranges, now))
        return draft if draft.to_sign else draft.finish()


@frozen
class MetadataReplyDraft:
    """An answer with signed metadata that lacks its signature only. There is nothing to decide."""

    call: MetadataCall = field(repr=False)
    ranges: Ranges
    now: int
    metadata: SignedMetadataDraft

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is a `LocalSigner`."""
        return self.metadata.to_sign

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The answer. The JWT is kept in this process for the next requests. Raises `ValueError`."""
        documents = self.call.documents
        signed = documents.keep(self.ranges, self.metadata.finish(signatures), self.now)
        return Reply(documents.response(signed, self.call.request.headers, self.now))
