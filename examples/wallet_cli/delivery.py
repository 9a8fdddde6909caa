"""What came: it is checked, shown and kept, and the issuer is told what became of it (OID4VCI 11)."""

import json
from collections.abc import Sequence
from pathlib import Path

import httpx
from attrs import frozen

from examples.wallet.folder import Folder
from examples.wallet.keys import HolderKey
from examples.wallet.outcome import check_statuses, holder_of, tell_issuer
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person, plain
from oid4vci.errors import InvalidCredential, WalletError
from oid4vci.formats import VerifiedCredential
from oid4vci.wallet import Issued, RejectedCredentials

__all__ = ("Delivery",)


@frozen
class Delivery:
    """Where credentials go."""

    person: Person
    network: Network
    folder: Folder | None

    def keep(self, issued: Issued, keys: Sequence[HolderKey]) -> int:
        """Show and keep all, or none; how many. Raises `WalletError`, `OSError`, `httpx.HTTPError`."""
        paths: list[Path] = []
        try:
            check_statuses(issued, self.network.send)
            for credential in issued.credentials:
                paths += self._kept(issued, credential, keys)
        except Exception:
            # "Partial errors ... MUST be treated as the overall issuance flow failing." -- OID4VCI 11.1
            for path in paths:
                Folder.remove(path)
            self.tell_issuer(issued, issued.outcome(0))
            raise
        # Credentials that are only shown are gone with this process, because the person wanted that.
        self.tell_issuer(issued, issued.outcome(len(paths), by_user=True))
        return len(issued.credentials)

    def reject(self, error: InvalidCredential) -> None:
        """Tell the issuer of credentials that did not verify."""
        if error.rejected is not None:
            self.tell_issuer(error.rejected, "credential_failure")

    def tell_issuer(self, about: Issued | RejectedCredentials, event: str) -> None:
        """Send a notification, if the issuer wants one. What came of it does not matter to the credentials."""
        try:
            told = tell_issuer(about, event, self.network.send)
        except (WalletError, httpx.HTTPError, httpx.InvalidURL) as error:
            self.person.tell(f"The issuer could not be told {event}: {plain(f'{type(error).__name__}: {error}')}")
        else:
            if told:
                self.person.tell(f"The issuer was told {event}.")

    def _kept(self, issued: Issued, credential: VerifiedCredential, keys: Sequence[HolderKey]) -> list[Path]:
        configuration_id, key = issued.configuration_id, holder_of(credential.holder_key, keys)
        self.person.tell(f"Verified: {plain(configuration_id)}, issued by {plain(credential.issuer or 'the certificate')}")
        for claim in issued.view().claims:
            for place, value in claim.values:
                name = claim.name or ".".join(str(step) for step in place)
                self.person.tell(f"  {plain(name)}: {plain(json.dumps(value, ensure_ascii=False, default=_shown))}")
        if self.folder is None:
            return []
        text = credential.credential if isinstance(credential.credential, str) else json.dumps(credential.credential)
        path = self.folder.save(configuration_id, credential.format, text, key)
        self.person.tell(f"  saved as {path}")
        return [path]


def _shown(value: object) -> str:
    """What an mdoc has and JSON has not."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
