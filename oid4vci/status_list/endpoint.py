"""Status Provider: the endpoint of status lists, and that of their aggregation (Token Status List 8.1, 8.2, 9).

A role like the others: `oid4vci.drive.respond` serves it, beside an issuer or alone.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import Factory, field, frozen

from oid4vci._document import https_url
from oid4vci.errors import NotFound, check_method
from oid4vci.formats.validity import DAY
from oid4vci.http import Request, Response, url_path
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Swap
from oid4vci.status_list.aggregation import Aggregation
from oid4vci.status_list.published import PublishedStatusList, requested
from oid4vci.status_list.signing import StatusListDraft, StatusListSigner
from oid4vci.status_list.status_list import StatusList
from oid4vci.status_list.stored import list_key
from oid4vci.status_list.token import CWT, JWT

__all__ = ("AggregationCall", "StatusListCall", "StatusListOrder", "StatusListReplyDraft", "StatusLists")

# How long a row is kept that holds nothing but what was signed: it can be made again.
KEEP: Final = 365 * DAY


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError("several URIs are expected, not a string")
    return tuple(values)


def _refresh(lists: "StatusLists") -> int:
    lifetime, ttl = lists.signer.lifetime, lists.signer.ttl
    return min(DAY // 2 if lifetime is None else max(1, lifetime // 2), DAY // 2 if ttl is None else ttl)


@frozen(kw_only=True)
class StatusLists:
    """Serves the tokens of `lists`, their URIs (https); those of a `StoredStatusList` by themselves, others with statuses given.

    - `signer`: signs the tokens, in each of `media_types`.
    - `refresh`: seconds after which a token is signed anew; by default the token's `ttl`, and at most half its lifetime. In
      between it comes from the store, and nobody has to sign.

    If the signer's `aggregation_uri` is of the same server, the list of `lists` is served there.
    """

    signer: StatusListSigner
    lists: tuple[str, ...] = field(converter=_strings)
    media_types: tuple[str, ...] = field(default=(JWT, CWT), converter=_strings)
    refresh: int = Factory(_refresh, takes_self=True)

    def __attrs_post_init__(self) -> None:
        if not self.lists or not self.media_types or self.refresh < 1:
            raise ValueError("there must be a list, a media type, and a positive refresh")
        for uri in self.lists:
            https_url().check(uri)
        if len({url_path(uri) for uri in self.lists}) != len(self.lists):
            raise ValueError("each list must have a path of its own")

    def _uri(self, path: str) -> str | None:
        return next((uri for uri in self.lists if url_path(uri) == path), None)

    def _aggregates(self, path: str) -> bool:
        return self.signer.aggregation_uri is not None and url_path(self.signer.aggregation_uri) == path

    def serves(self, path: str) -> bool:
        """Whether a list, or the aggregation, is at this path of a URL."""
        return self._uri(path) is not None or self._aggregates(path)

    def read(self, request: Request) -> "StatusListCall | AggregationCall":
        """Read a request. Raises `NotFound`, `MethodNotAllowed`, `HistoryNotSupported`."""
        uri = self._uri(request.path)
        if uri is not None:
            return StatusListCall(self, uri, requested(request, self.media_types))
        if not self._aggregates(request.path):
            raise NotFound("there is no status list here")
        check_method(request, "GET")
        return AggregationCall(self.lists)


@frozen
class AggregationCall:
    """A request for the list of lists."""

    lists: tuple[str, ...]
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The URIs as `application/json` (Token Status List 9.3)."""
        headers = {"cache-control": "no-cache", "access-control-allow-origin": "*"}
        return Reply(Response.of_json(200, Aggregation(status_lists=self.lists).to_json(), headers))


@frozen
class StatusListCall:
    """A request for the token at `uri`, in the representation `media_type`."""

    provider: StatusLists
    uri: str
    media_type: str
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The list's record."""
        return (list_key(self.uri),)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> "Reply | StatusListOrder":
        """The token as it was signed, or an order to sign it anew."""
        record = records.get(*self.lookups)
        if record is not None and record.data["published"] is not None:
            published = PublishedStatusList.from_json(self.uri, record.data["published"])
            fresh = published.issued_at <= now < published.issued_at + self.provider.refresh and published.fresh(now)
            if fresh and self.media_type in published.tokens:
                return Reply(published.response(self.media_type, now=now))
        return StatusListOrder(self, record, now)


@frozen
class StatusListOrder:
    """The token at `uri` is to be signed: `publish` it."""

    call: StatusListCall
    record: Record | None = field(repr=False)
    now: int

    @property
    def uri(self) -> str:
        """Which list."""
        return self.call.uri

    def publish(self, statuses: StatusList | None = None) -> "StatusListReplyDraft":
        """The answer, but for the signatures. `statuses`: the list, if it is not a stored one but comes from the application.

        Raises `ValueError` if there is neither.
        """
        provider = self.call.provider
        if statuses is None:
            if self.record is None or self.record.data["list"] is None:
                raise ValueError("the list is not in the store: its statuses must be given")
            statuses = StatusList.from_json(self.record.data["list"])
        draft = provider.signer.draft(statuses, uri=self.uri, now=self.now, media_types=provider.media_types)
        return StatusListReplyDraft(self, draft)


@frozen
class StatusListReplyDraft:
    """An answer that lacks its signatures only."""

    order: StatusListOrder = field(repr=False)
    token: StatusListDraft

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is a `LocalSigner`."""
        return self.token.to_sign

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The token, and the change that keeps it for the next requests. Raises `ValueError`."""
        published = self.token.finish(signatures)
        before, now = self.order.record, self.order.now
        change: Change
        if before is None:
            data = {"list": None, "published": published.to_json()}
            change = Insert(Record(list_key(published.uri), data, now + KEEP))
        else:
            change = Swap.update(before, published=published.to_json())
        return Reply(published.response(self.order.call.media_type, now=now), (change,))
