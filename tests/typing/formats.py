"""Formats, claims and status as a typed application uses them: checked by mypy, never run."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, assert_type

from oid4vci import (
    CREDENTIAL_FORMATS,
    BitstringStatus,
    BitstringStatusChecker,
    ClaimsDescription,
    ClaimsSemantics,
    ClaimView,
    CredentialConfiguration,
    CredentialFormat,
    CredentialOrder,
    Exchange,
    Issued,
    LocalSigner,
    MdocEncoder,
    NewSecret,
    PublicKey,
    Reply,
    Status,
    StatusList,
    StatusListOrder,
    Store,
    StoredStatusList,
    Trust,
    VcJwtVerifier,
    VerifiedCredential,
    Wallet,
    run,
)
from oid4vci.formats import CredentialEncoder, CredentialVerifier, NeededDocument
from oid4vci.formats.copies import Copies, SignedCopies
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialDraft


class PlainEncoder:
    """A format of a third party, for issuers."""

    format = "x-plain"
    semantics = ClaimsSemantics()

    def check(self, configuration: CredentialConfiguration) -> None:
        """Nothing to check."""

    def binds(self, key: PublicKey, *, configuration: CredentialConfiguration) -> bool:
        """Any key."""
        return True

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: CredentialConfiguration,
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> SignedCopies[str]:
        own = Copies.of(copies, count=len(holder_keys) or 1)
        return SignedCopies(LocalSigner.generate("x"), (b"",) * len(own.members), lambda i, signature: signature.hex())


class PlainVerifier:
    """And for Wallets."""

    def verify(
        self,
        credential: Any,
        *,
        configuration: CredentialConfiguration | None,
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        return VerifiedCredential("x-plain", credential, {})


def sixth(trust: Trust) -> Wallet:
    """A format beside those of the library."""
    encoder: CredentialEncoder = PlainEncoder()
    verifier: CredentialVerifier = PlainVerifier()
    plain = CredentialFormat(
        identifier=encoder.format,
        configuration_class=CredentialConfiguration,
        encoder=PlainEncoder,
        verifier=PlainVerifier,
    )
    assert_type(CREDENTIAL_FORMATS["mso_mdoc"], CredentialFormat)
    return Wallet(trust=trust, formats={**CREDENTIAL_FORMATS, plain.identifier: plain, "x-other": verifier})


def licence(signer: LocalSigner, certificate: bytes, order: CredentialOrder) -> CredentialDraft:
    """An mdoc, with what CBOR has and JSON has not."""
    MdocEncoder(signer=signer, x5c=[certificate], lifetime=86_400)
    return order.issue({"org.iso.18013.5.1": {"birth_date": date(1990, 2, 28), "portrait": b"..."}})


def revocable(order: CredentialOrder, stored: StoredStatusList, store: Store, now: int) -> CredentialDraft:
    """A credential with a status."""
    draw = stored.indices.draw(len(order.holder_keys), now=now, new_secret=order.issuer.new_secret, note={"case": 7})
    allocated = draw.verify(store.load(draw.lookups))
    return order.issue({"level": 1}, copies=allocated.copies, changes=allocated.changes)


def publish(order: StatusListOrder) -> Reply:
    """The list from the application's own database."""
    return order.publish(StatusList.of(1_000, statuses={7: 1})).finish()


def look(issued: Issued, now: int, verifier: VcJwtVerifier) -> Sequence[ClaimView]:
    """What a Wallet does with what it got."""
    checked = issued.check_status(now=now)
    if isinstance(checked, Exchange):
        checked = run(checked, send)
    assert_type(checked, tuple[Status, ...])
    others = issued.check_status(now=now, checker=BitstringStatusChecker(verifier=verifier))
    # Of each credential, one for each purpose.
    assert_type(others, Exchange[tuple[tuple[BitstringStatus, ...], ...]] | tuple[tuple[BitstringStatus, ...], ...])
    assert_type(issued.missing_claims, tuple[tuple[str | int | None, ...], ...])
    return issued.view(["de-AT", "en"]).claims


def send(request: Request) -> Response:
    """An HTTP client."""
    return Response(404)


def wanted() -> ClaimsDescription:
    """A claim that a Wallet insists on."""
    return ClaimsDescription(path=("address", "locality"), mandatory=True)
