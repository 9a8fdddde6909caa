"""The Credential Issuer Metadata as a Wallet asks for them and reads them (OID4VCI 12.2.2): signed, if it trusts a signer (12.2.3).

`Content-Language` is not looked at: what there is to show says itself in which language it is.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.errors import Untrusted
from oid4vci.http import Response
from oid4vci.metadata import SignedMetadata
from oid4vci.trust import Trust
from oid4vci.wallet.exchange import JSON, json_object

__all__ = ("MetadataRequest", "check_signed")

JWT = "application/jwt"


def check_signed(trust: Trust, signed: SignedMetadata | None) -> None:
    """Raise `Untrusted` if the trust demands that metadata are signed, and these are not."""
    if trust.signed_metadata_required and signed is None:
        raise Untrusted("the trust decision demands signed metadata, and these are not signed")


@frozen
class MetadataRequest:
    """A request for the metadata of an issuer. `now` is in seconds since the epoch, if signed ones can be believed."""

    trust: Trust
    credential_issuer: str
    now: int | None

    @classmethod
    def check_now(cls, trust: Trust, now: int | None) -> None:
        """Raise `ValueError` if `now` is missing although signed metadata may be asked for."""
        if now is None and (trust.signed_metadata_required or trust.metadata_keys or trust.metadata_anchors is not None):
            raise ValueError("now is needed: the Wallet's trust is for signed metadata")

    @property
    def accept(self) -> str:
        """What to ask for: signed metadata only where one could believe them.

        Raises `Untrusted` if they are demanded, and there is nobody to believe.
        """
        if not self.trust.knows_metadata_signer(self.credential_issuer):
            check_signed(self.trust, None)
            return JSON
        return JWT if self.trust.signed_metadata_required else f"{JWT}, {JSON};q=0.5"

    def read(self, response: Response) -> tuple[Mapping[str, Any], SignedMetadata | None]:
        """The metadata as a JSON object, and what is known of their signature; a bad one is no reason to take them unsigned.

        Raises `Malformed`, also for signed metadata that were not asked for, and `Untrusted`.
        """
        asked = self.now is not None and self.trust.knows_metadata_signer(self.credential_issuer)
        if self.now is None or not asked or response.status != 200 or response.media_type != JWT:
            members = json_object(response)
            check_signed(self.trust, None)
            return members, None
        try:
            jwt = response.body.decode("ascii")
        except UnicodeDecodeError:
            raise Malformed("not a JWT") from None
        signed = SignedMetadata.verify(jwt, credential_issuer=self.credential_issuer, trust=self.trust, now=self.now)
        return signed.parameters, signed
