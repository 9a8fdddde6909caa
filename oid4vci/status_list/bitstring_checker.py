"""Wallet: what status a W3C credential has, by its Bitstring Status Lists (Bitstring Status List 3.2)."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from oid4vci._json import Malformed, object_from
from oid4vci.errors import InvalidCredential, StatusUnknown, reading
from oid4vci.formats.credential_format import CredentialVerifier, NeededDocument, VerifiedCredential
from oid4vci.formats.validity import DAY
from oid4vci.status_list.bitstring import MINIMUM_ENTRIES, BitstringStatusList, BitstringStatusListEntry
from oid4vci.status_list.compression import MAX_SIZE
from oid4vci.trust import Trust

__all__ = ("BitstringStatus", "BitstringStatusChecker")

MAX_ENTRIES = 16


@frozen
class BitstringStatus:
    """What the issuer says of a credential for one `purpose`. `message` is for developers, not for the person.

    `checked_at` is when it was found out; until `valid_until` it may be kept. Both are in seconds since the epoch.
    """

    purpose: str
    value: int
    message: str | None
    checked_at: int
    valid_until: int

    @property
    def valid(self) -> bool:
        """Whether the status is 0: for `revocation` and `suspension`, whether the credential stands."""
        return self.value == 0


def _identifiers(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


@frozen(kw_only=True)
class BitstringStatusChecker:
    """Finds out the status of W3C credentials that were verified.

    - `verifier`: verifies the credentials that hold lists, as a rule that of the same format.
    - `issuers`: who may publish lists beside the credential's own issuer.
    - `media_types`: those that the verifier reads.
    - `leeway`: seconds by which clocks may differ; the verifier has its own.
    - `minimum_entries`: the shortest list that is accepted; an ecosystem may set another bound.
    - `ttl_range`: the least and the most seconds for which an answer is kept, whatever the list says.
    - `max_size`: bytes to which a list may inflate.
    """

    verifier: CredentialVerifier
    issuers: frozenset[str] = field(default=frozenset(), converter=_identifiers)
    media_types: tuple[str, ...] = ("application/vc+jwt", "application/vc+sd-jwt", "application/vc", "application/json")
    leeway: int = 60
    minimum_entries: int = MINIMUM_ENTRIES
    ttl_range: tuple[int, int] = (60, 7 * DAY)
    max_size: int = MAX_SIZE

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> tuple[BitstringStatus, ...] | NeededDocument:
        """A status for each `BitstringStatusListEntry` that the credential has, or a document to fetch first.

        Entries of other types are passed over. `documents`: bodies of what earlier calls needed, by URL. `now`: seconds since the
        epoch. Raises `InvalidCredential` if the credential has expired, `StatusUnknown` if there is no telling, `Untrusted`.
        """
        if credential.expires_at is not None and now >= credential.expires_at + self.leeway:
            raise InvalidCredential("the credential has expired")
        found = []
        with reading(StatusUnknown):
            for entry in _entries(credential):
                trust.demand_endpoint(entry.status_list_credential, credential.issuer or "")
                holder = self._list_credential(entry, credential.issuer, trust, documents, now)
                if isinstance(holder, NeededDocument):
                    return holder
                found.append(self._status(entry, holder, now))
            if not found:
                raise Malformed("names no bitstring status list", "credentialStatus")
        return tuple(found)

    def _list_credential(
        self,
        entry: BitstringStatusListEntry,
        issuer: str | None,
        trust: Trust,
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        """The verified credential that holds the list of an entry."""
        url = entry.status_list_credential
        if url not in documents:
            return NeededDocument(url, self.media_types)
        body = documents[url]
        try:
            secured = object_from(body) if body.lstrip()[:1] == b"{" else body.decode("ascii").strip()
        except UnicodeDecodeError:
            raise Malformed("the status list is not a credential") from None
        try:
            holder = self.verifier.verify(
                secured, configuration=None, trust=trust, holder_keys=(), documents=documents, now=now
            )
        except InvalidCredential as error:
            raise StatusUnknown(f"the status list does not verify: {error}") from None
        if isinstance(holder, NeededDocument):
            return holder
        if issuer is None or holder.issuer not in (issuer, *self.issuers):
            raise Malformed("is not an issuer of status lists for this credential", "issuer")
        # "MAY express an id property that matches": one that does not is another list.
        if holder.claims.get("id", url) != url:
            raise Malformed("is not the URL that the credential names", "id")
        if "BitstringStatusListCredential" not in _several(holder.claims.get("type")):
            raise Malformed("must include BitstringStatusListCredential", "type")
        return holder

    def _status(self, entry: BitstringStatusListEntry, holder: VerifiedCredential, now: int) -> BitstringStatus:
        subject = holder.claims.get("credentialSubject")
        if not isinstance(subject, Mapping):
            raise Malformed("must be an object", "credentialSubject")
        try:
            if "BitstringStatusList" not in _several(subject.get("type")):
                raise Malformed("must be BitstringStatusList", "type")
            # "Verify that the status purpose is equal to a statusPurpose value in the statusListCredential"
            if entry.status_purpose not in _several(subject.get("statusPurpose")):
                raise Malformed("is not that of the entry", "statusPurpose")
            if subject.get("statusSize", entry.status_size) != entry.status_size:
                raise Malformed("is not that of the entry", "statusSize")
            statuses = BitstringStatusList.from_encoded(
                subject.get("encodedList"), status_size=entry.status_size, max_size=self.max_size
            )
            if statuses.size < self.minimum_entries:
                raise Malformed("has too few entries to hide anybody among them", "encodedList")
            value, until = statuses.get(entry.index), now + self._ttl(subject)
        except Malformed as error:
            raise error.within("credentialSubject") from None
        if holder.expires_at is not None:
            until = min(until, holder.expires_at)
        return BitstringStatus(entry.status_purpose, value, entry.message(value), now, until)

    def _ttl(self, subject: Mapping[str, Any]) -> int:
        """Seconds to keep the list; in `ttl` they are milliseconds (Bitstring Status List 2.2)."""
        least, most = self.ttl_range
        ttl = subject.get("ttl", most * 1000)
        if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl < 1e15:
            raise Malformed("must be a positive number", "ttl")
        return min(max(int(ttl) // 1000, least), most)


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _entries(credential: VerifiedCredential) -> tuple[BitstringStatusListEntry, ...]:
    """The Bitstring entries of a credential's `credentialStatus`, an object or an array of them."""
    members = _several((credential.status or {}).get("credentialStatus"))
    if len(members) > MAX_ENTRIES:
        raise Malformed("has too many entries", "credentialStatus")
    found = []
    for i, each in enumerate(members):
        if isinstance(each, Mapping) and "BitstringStatusListEntry" in _several(each.get("type")):
            try:
                found.append(BitstringStatusListEntry.from_json({**each, "type": "BitstringStatusListEntry"}))
            except Malformed as error:
                raise error.within(f"credentialStatus[{i}]") from None
    return tuple(found)
