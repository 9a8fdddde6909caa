"""What came: it is checked, reported and saved, and the issuer is told what became of it (OID4VCI 11)."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from examples.wallet.folder import Folder
from examples.wallet.keys import HolderKey
from examples.wallet.ordering import Send
from examples.wallet.outcome import check_statuses, holder_of, tell_issuer
from examples.wallet_server.outbound import Unreachable
from examples.wallet_server.run import Run, key_thumbprint, reported_error
from examples.wallet_server.setting_up import Setup
from examples.wallet_server.settings import EVENTS
from oid4vci.errors import InvalidCredential, WalletError
from oid4vci.formats import VerifiedCredential
from oid4vci.wallet import Issued, RejectedCredentials

__all__ = ("Delivery",)


@frozen
class Delivery:
    """Where credentials go."""

    run: Run
    setup: Setup
    send: Send

    def take(self, issued: Issued, keys: Sequence[HolderKey]) -> None:
        """Report and keep all, or none. Raises `WalletError`, `OSError`, and what `send` raises."""
        saved: list[Path] = []
        try:
            check_statuses(issued, self.send)
            for credential in issued.credentials:
                saved += self._saved(issued.configuration_id, credential, keys)
        except Exception:
            # "Partial errors ... MUST be treated as the overall issuance flow failing." -- OID4VCI 11.1
            for path in saved:
                Folder.remove(path)
            self._tell(issued, "credential_failure", issued.configuration_id)
            raise
        self.run.credentials += [_reported(issued.configuration_id, credential) for credential in issued.credentials]
        self.run.step("issued", configuration_id=issued.configuration_id, count=len(issued.credentials))
        event = EVENTS[self.setup.settings.notification]
        if event is not None:
            self._tell(issued, event, issued.configuration_id)

    def reject(self, error: InvalidCredential, configuration_id: str) -> None:
        """Tell the issuer of credentials that did not verify."""
        if error.rejected is not None:
            self._tell(error.rejected, "credential_failure", configuration_id)

    def _tell(self, about: Issued | RejectedCredentials, event: str, configuration_id: str) -> None:
        """What comes of a notification does not matter to the credentials."""
        if not about.can_notify:
            return
        noted: dict[str, Any] = {"configuration_id": configuration_id, "event": event, "sent": True}
        try:
            tell_issuer(about, event, self.send)
        except (WalletError, Unreachable) as error:
            noted = {**noted, "sent": False, "error": reported_error(error)}
        self.run.notifications.append(noted)

    def _saved(self, configuration_id: str, credential: VerifiedCredential, keys: Sequence[HolderKey]) -> list[Path]:
        if self.setup.folder is None:
            return []
        text = credential.credential if isinstance(credential.credential, str) else json.dumps(credential.credential)
        key = holder_of(credential.holder_key, keys)
        return [self.setup.folder.save(configuration_id, credential.format, text, key)]


def _reported(configuration_id: str, credential: VerifiedCredential) -> dict[str, Any]:
    return {
        "configuration_id": configuration_id,
        "verified": True,
        "format": credential.format,
        "issuer": credential.issuer,
        "holder_key": key_thumbprint(credential.holder_key),
        "issued_at": credential.issued_at,
        "expires_at": credential.expires_at,
        "claims": _json_value(credential.claims),
    }


def _json_value(value: Any) -> Any:
    """What an mdoc has and JSON has not: bytes become base64url, days and times text."""
    if isinstance(value, Mapping):
        return {str(name): _json_value(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).rstrip(b"=").decode()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
