"""Wallet: what status a Credential has, by its Status List Token (Token Status List 8.3).

Rule: a token is believed because its key is the issuer's or that of somebody the trust given names for it, never because of
where it came from.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import field, frozen

from oid4vci._document import https_url, strings
from oid4vci._jose import DEFAULT_ALGORITHMS, check_algorithms
from oid4vci._json import Malformed
from oid4vci.dids import KNOWN_DID_METHODS, DidMethods
from oid4vci.errors import InvalidCredential, StatusUnknown, Untrusted, reading
from oid4vci.formats import issuer_keys
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.validity import DAY
from oid4vci.keys import PublicKey
from oid4vci.revocation import StatusReference
from oid4vci.status_list.compression import MAX_SIZE
from oid4vci.status_list.signed import SignedStatusList
from oid4vci.status_list.status_list import status_name
from oid4vci.status_list.token import CWT, JWT, StatusListToken
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ("Status", "StatusChecker")


@frozen
class Status:
    """What the issuer says of a Credential: a Status Type `value` (Token Status List 7).

    `checked_at` is when it was found out; until `valid_until` it may be kept, then a fresh list is to be fetched. Both are in
    seconds since the epoch.
    """

    value: int
    checked_at: int
    valid_until: int

    @property
    def valid(self) -> bool:
        """Whether the Credential stands, so far as its status goes."""
        return self.value == 0

    @property
    def name(self) -> str | None:
        """`VALID`, `INVALID` (revoked, for good) or `SUSPENDED`; None for values whose meaning is the issuer's."""
        return status_name(self.value)


def _purposes(values: Sequence[str]) -> frozenset[str]:
    return frozenset(values)


@frozen(kw_only=True)
class StatusChecker:
    """Finds out the status of Credentials that were verified.

    - `leeway`: seconds by which clocks may differ.
    - `haip`: demand what HAIP 6.1 adds: a certificate chain, without the anchor.
    - `purposes`: extended key usages (dotted) by which a certificate under the trust's anchors may sign lists for issuers that it
      does not name (Token Status List 10), as any under its `status_anchors` may. Without one, the certificate must name the
      Credential's issuer. Where that is known by its certificate only, it must be from the same authority, and for the same subject
      unless the Credential is an mdoc.
    - `ttl_range`: the least and the most seconds for which an answer is kept, whatever the token says (Token Status List 11.5).
    - `max_size`: bytes to which a list may inflate.
    - `did_methods`: the DID methods that issuers may use, by name: those of the Credentials' verifier.
    - `algorithms`: the JWS algorithms by which lists may be signed; for a CWT, those that make the same signatures.

    Raises `ValueError` for algorithms that are not known.
    """

    leeway: int = 60
    haip: bool = False
    purposes: frozenset[str] = field(default=frozenset(), converter=_purposes)
    ttl_range: tuple[int, int] = (60, 7 * DAY)
    max_size: int = MAX_SIZE
    did_methods: DidMethods = field(default=KNOWN_DID_METHODS, repr=False)
    algorithms: tuple[str, ...] = field(
        default=DEFAULT_ALGORITHMS, converter=strings, validator=lambda _, __, value: check_algorithms(value)
    )

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> Status | NeededDocument:
        """The status of a Credential whose `status` names a status list, or a document to fetch first.

        `documents`: bodies of what earlier calls needed, by URL, as they are fetched now. `now`: seconds since the epoch. Whoever
        keeps a list asks again with a freshly fetched body after `valid_until`.

        Raises `InvalidCredential` if the Credential has expired, `StatusUnknown` if there is no telling, `Untrusted` if the
        trust decision forbids what the Credential names.
        """
        # "a Referenced Token that is evaluated as being expired ... is considered expired" -- Token Status List 7.1
        if credential.expires_at is not None and now >= credential.expires_at + self.leeway:
            raise InvalidCredential("the credential has expired")
        with reading(StatusUnknown):
            try:
                reference = StatusReference.of(credential.status)
            except Malformed as error:
                raise error.within("status") from None
            if reference is None:
                raise Malformed("names no status list", "status")
        issuer, certificate = credential.issuer, credential.issuer_certificate
        token = self.token(reference.uri, issuer=issuer, certificate=certificate, trust=trust, documents=documents, now=now)
        return token if isinstance(token, NeededDocument) else self.status(token, reference.index, now=now)

    def status(self, token: StatusListToken, index: int, *, now: int) -> Status:
        """One entry of a verified token that was fetched at `now`. Raises `StatusUnknown` for an index out of bounds."""
        with reading(StatusUnknown):
            value = token.statuses.get(index)
        least, most = self.ttl_range
        # "Clients should ensure that exp and ttl are within reasonable bounds" -- Token Status List 13.7
        until = now + min(max(most if token.ttl is None else token.ttl, least), most)
        return Status(value, now, until if token.expires_at is None else min(until, token.expires_at + self.leeway))

    def token(
        self,
        uri: str,
        *,
        issuer: str | None,
        certificate: bytes | None = None,
        trust: Trust,
        documents: Mapping[str, bytes],
        now: int,
    ) -> StatusListToken | NeededDocument:
        """The verified token at `uri`, for the Credentials of `issuer`, or a document to fetch first; otherwise as `check`.

        `certificate` is the issuer's, in DER, which counts unless `issuer` is a URL or a DID; without `issuer`, its subject is the
        issuer. With neither, a certificate under the trust's anchors is enough.
        """
        with reading(StatusUnknown):
            try:
                https_url().check(uri)
            except Malformed as error:
                raise error.within("status.status_list.uri") from None
            trust.demand_endpoint(uri, issuer or "")
            if uri not in documents:
                return NeededDocument(uri, (JWT, CWT))
            signed = SignedStatusList.parse(documents[uri], algorithms=self.algorithms)
            if signed.x5c is not None:
                keys: tuple[PublicKey, ...] | NeededDocument = (
                    self._certified_key(signed.x5c, issuer, certificate, trust, now),
                )
            elif self.haip:
                # "MUST be included in the x5c JOSE header of the Token" -- HAIP 6.1
                raise Malformed("x5c is missing", "header")
            else:
                keys = self._published_keys(signed, issuer, trust, documents, now)
            if isinstance(keys, NeededDocument):
                return keys
            return StatusListToken.from_claims(
                signed.claims(keys), uri=uri, now=now, leeway=self.leeway, cbor=signed.cbor, max_size=self.max_size
            )

    def _certified_key(self, x5c: Any, issuer: str | None, certificate: bytes | None, trust: Trust, now: int) -> PublicKey:
        """The key of a chain whose leaf is the issuer's, or is for status lists (11.3)."""
        # "The X.509 certificate of the trust anchor MUST NOT be included", nor one that is self-signed -- HAIP 6.1
        allowed, others = not self.haip, trust.status_anchors
        if others is not None:
            try:
                return issuer_keys.certified_leaf(x5c, trust=trust, now=now, anchor_allowed=allowed, anchors=others).key
            except (Malformed, Untrusted):
                if trust.anchors is None:
                    raise
        if self.purposes:
            # The authorities above it must allow that too, not only the leaf say so.
            with suppress(Malformed):
                return issuer_keys.certified_leaf(x5c, trust=trust, now=now, anchor_allowed=allowed, purposes=self.purposes).key
        leaf = issuer_keys.certified_leaf(x5c, trust=trust, now=now, anchor_allowed=allowed)
        _check_leaf(leaf.certificate, x5c, issuer, certificate, trust)
        return leaf.key

    def _published_keys(
        self, signed: SignedStatusList, issuer: str | None, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> tuple[PublicKey, ...] | NeededDocument:
        """The keys of the Credential's issuer: those it publishes, or those of its DID (11.3)."""
        if not _is_identifier(issuer):
            raise Malformed("there is no x5c, and the credential names no issuer that publishes keys", "header")
        if issuer.startswith("did:"):
            methods = self.did_methods
            return issuer_keys.did_keys(
                issuer, signed.kid, signed.algorithm, trust=trust, documents=documents, now=now, methods=methods
            )
        return issuer_keys.published_keys(issuer, signed.kid, signed.algorithm, trust=trust, documents=documents)


def _check_leaf(leaf: "Certificate", x5c: Any, issuer: str | None, certificate: bytes | None, trust: Trust) -> None:
    """Of a leaf under the anchors for issuers: it is this issuer's."""
    from oid4vci import x509

    if _is_identifier(issuer):
        believed = x509.identifies(leaf, issuer)
    elif certificate is not None:
        known = x509.load(certificate)
        # Not by name alone: another authority under the anchors may give its own certificates any issuer.
        believed = trust.anchors is not None and x509.same_authority(leaf, known, x509.decode_x5c(x5c)[1:], trust.anchors)
        # The issuer of an mdoc is the authority; else the certificate's subject is, and others may have certificates of it.
        believed = believed and (issuer is not None or x509.same_subject(leaf, known))
    else:
        believed = issuer is None or x509.identifies(leaf, issuer)
    if not believed:
        raise Malformed("is for neither the issuer of the credential nor for status lists", "x5c")


def _is_identifier(issuer: str | None) -> TypeGuard[str]:
    """Whether an issuer is named by a URL or a DID, and not by the subject of its certificate."""
    return issuer is not None and issuer.startswith(("https://", "did:"))
