"""The Wallet's trust decision: whom it may believe, and which addresses it may talk to.

Nothing is trusted until the application says so: what an offer or a credential names is the choice of whoever made it
(OID4VCI 13.5, 13.6.2).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeAlias

from attrs import field, frozen

from oid4vci.errors import Untrusted
from oid4vci.http import url_origin

if TYPE_CHECKING:
    from oid4vci.keys import PublicKey
    from oid4vci.revocation import CertificateReference, Statuses
    from oid4vci.x509 import Anchors, Leaf

__all__ = ("Trust",)

SignsMetadata: TypeAlias = "Callable[[str, Leaf], bool]"
CheckStatuses: TypeAlias = "Callable[[Sequence[CertificateReference], int], Statuses]"


def _nothing(identifier: str) -> bool:
    return False


def _names_issuer(credential_issuer: str, leaf: "Leaf") -> bool:
    return leaf.identifies(credential_issuer)


@frozen
class Trust:
    """What a Wallet believes.

    `anchors`: the authorities under which issuers of credentials hold certificates (`x5c` of a credential must lead to one);
    None: no credential with certificates is believed.

    `status_anchors`: those under which others than issuers hold certificates for status lists; their Status List Tokens are
    believed for every issuer (Token Status List 11.3). They say nothing of credentials. None: there are none.

    `check_statuses`: called with the certificates of a chain, but the anchors, and the time in seconds since the epoch, tells which
    stand (0), from lists that the application keeps, such as `RevocationList.check_statuses`. What it leaves out is not believed.
    None: what was revoked is of no interest.

    `metadata_anchors`: those under which certificates for signed Credential Issuer Metadata are held (`x5c` of the JWT must lead to
    one, HAIP 4.1), `metadata_keys`: by Credential Issuer Identifier, the keys that sign the metadata of an issuer, which are then
    the only ones believed for it. With neither, no signed metadata are asked for, and none taken (OID4VCI 12.2.3).

    `signs_metadata`: called with the identifier of an issuer and the leaf of a chain that leads to one of `metadata_anchors`, tells
    whether that certificate may sign the metadata of that issuer. By default, it must name the issuer as its subject.

    `signed_metadata_required`: whether unsigned metadata are refused. If not, whoever answers decides whether they are signed.

    `allow`: called with a URL or an identifier, exactly as the peer gave it: a Credential Issuer identifier, an Authorization
    Server, a URL that is about to be fetched, an `iss`. True means the Wallet may send requests there and believe the keys it
    publishes; endpoints of the same origin are allowed with it, others are asked about. The default refuses everything.
    `Trust.of` and an allow-list of exact strings are safest; whoever allows more keeps in mind that the string is the peer's
    choice, and must refuse addresses inside its own network.

    >>> Trust(allow={"https://issuer.example.com"}.__contains__).demand("https://issuer.example.com")
    >>> Trust().demand("https://issuer.example.com")
    Traceback (most recent call last):
    oid4vci.errors.Untrusted: the trust decision does not allow this party
    """

    anchors: "Anchors | None" = None
    allow: Callable[[str], bool] = field(default=_nothing, kw_only=True)
    status_anchors: "Anchors | None" = field(default=None, kw_only=True)
    check_statuses: "CheckStatuses | None" = field(default=None, kw_only=True)
    metadata_anchors: "Anchors | None" = field(default=None, kw_only=True)
    metadata_keys: "Mapping[str, Sequence[PublicKey]]" = field(factory=dict, kw_only=True, hash=False)
    signs_metadata: "SignsMetadata" = field(default=_names_issuer, kw_only=True)
    signed_metadata_required: bool = field(default=False, kw_only=True)

    @classmethod
    def of(
        cls,
        *identifiers: str,
        anchors: "Anchors | None" = None,
        status_anchors: "Anchors | None" = None,
        check_statuses: "CheckStatuses | None" = None,
        metadata_anchors: "Anchors | None" = None,
        metadata_keys: "Mapping[str, Sequence[PublicKey]] | None" = None,
        signed_metadata_required: bool = False,
    ) -> Self:
        """Trust in these parties: their identifiers, and the URLs beneath them.

        >>> Trust.of("https://issuer.example").allow("https://issuer.example.evil.com")
        False
        """
        beneath = tuple(f"{identifier.removesuffix('/')}/" for identifier in identifiers)
        return cls(
            anchors,
            allow=lambda url: url in identifiers or url.startswith(beneath),
            status_anchors=status_anchors,
            check_statuses=check_statuses,
            metadata_anchors=metadata_anchors,
            metadata_keys=metadata_keys or {},
            signed_metadata_required=signed_metadata_required,
        )

    def knows_metadata_signer(self, credential_issuer: str) -> bool:
        """Whether signed metadata of that issuer could be believed at all: then they are asked for."""
        return credential_issuer in self.metadata_keys or bool(self.metadata_anchors and self.metadata_anchors.certificates)

    def demand_endpoint(self, url: str, owner: str) -> None:
        """Raises `Untrusted` unless `url` has the same origin as `owner`, a party that was allowed, or is allowed itself."""
        if url_origin(url) is None or url_origin(url) != url_origin(owner):
            self.demand(url)

    def demand(self, identifier: str) -> None:
        """Raises `Untrusted` unless `identifier` is allowed."""
        if not self.allow(identifier):
            raise Untrusted("the trust decision does not allow this party")
