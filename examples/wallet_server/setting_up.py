"""The library's wallet, and what goes with it, made from the settings once at start."""

from pathlib import Path
from typing import Any

from attrs import frozen

from examples.wallet.client import Client, SessionKeys
from examples.wallet.folder import Folder
from examples.wallet.ordering import Ordering, Pause, Send
from examples.wallet_server.settings import Settings
from oid4vci.formats.known import CREDENTIAL_FORMATS
from oid4vci.keys import published_jwks
from oid4vci.metadata import ClientMetadata
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.wallet import Wallet

__all__ = ("Setup",)


@frozen(kw_only=True)
class Setup:
    """`url` is where this wallet is reached, without `/` at its end. `folder`: where credentials are saved; None: nowhere."""

    url: str
    settings: Settings
    client: Client
    folder: Folder | None = None

    @classmethod
    def of(cls, url: str, settings: Settings, save: Path | None = None) -> "Setup":
        """Raises `ValueError` for settings that do not go together, `OSError`."""
        client = Client(
            client_id=settings.client_id,
            method=settings.client_authentication,
            key=settings.client_key_file,
            provider=settings.attester if settings.client_authentication == "attest_jwt_client_auth" else None,
            dpop=settings.haip or settings.dpop != "off",
        )
        folder = None if save is None else Folder.prepare(save)
        setup = cls(url=url.removesuffix("/"), settings=settings, client=client, folder=folder)
        setup.wallet(SessionKeys())
        return setup

    @property
    def redirect_uri(self) -> str:
        """Where authorization servers send the browser."""
        return f"{self.url}/callback"

    def wallet(self, keys: SessionKeys) -> Wallet:
        """The library's settings, with the keys of one issuance for states that are loaded."""
        settings = self.settings
        # Under HAIP it is the library that knows what these must be.
        strictness: dict[str, Any] = (
            {}
            if settings.haip
            else {
                "bearer": settings.dpop != "required",
                "plain_requests": settings.pushed_authorization_requests != "required",
                "responses_without_iss": settings.responses_without_iss,
            }
        )
        return Wallet(
            trust=settings.trust.trust(),
            client_id=settings.client_id,
            locales=settings.locales,
            formats=CREDENTIAL_FORMATS
            if settings.formats == tuple(CREDENTIAL_FORMATS)
            else {name: CREDENTIAL_FORMATS[name] for name in settings.formats},
            proof_makers=_makers(settings.proof_types),
            signers={**self.client.signers, **keys.signers},
            haip=settings.haip,
            encryption="when possible" if settings.encryption == "when possible" else "when required",
            compression=settings.compression,
            **strictness,
        )

    def ordering(self, send: Send, pause: Pause) -> Ordering:
        """With which keys it orders."""
        settings = self.settings
        return Ordering(
            send=send,
            pause=pause,
            attester=settings.attester,
            copies=settings.copies,
            key_name=settings.key_name,
            certifier=settings.certifier,
        )

    def client_metadata(self) -> dict[str, Any]:
        """What this wallet says about itself as a client (OID4VCI 12.1, RFC 7591)."""
        keyed = self.client.key is not None
        return ClientMetadata(
            redirect_uris=(self.redirect_uri,),
            token_endpoint_auth_method=self.client.method,
            grant_types=(AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, "refresh_token"),
            response_types=("code",),
            jwks_uri=f"{self.url}/jwks" if keyed else None,
            credential_offer_endpoint=f"{self.url}/credential_offer",
            extra={"client_id": self.settings.client_id},
        ).to_json()

    def jwks(self) -> dict[str, Any]:
        """The public keys by which servers know this wallet."""
        return published_jwks([] if self.client.key is None else [self.client.key])


def _makers(names: tuple[str, ...]) -> Any:
    """Makers in the order of preference; what needs an extra that is not there is no obstacle to the others."""
    makers = {}
    for name in names:
        try:
            makers[name] = PROOF_MAKERS[name]
        except ImportError:
            if len(names) == 1:
                raise ValueError(f"proof_types: {name} needs an extra that is not installed") from None
    return makers
