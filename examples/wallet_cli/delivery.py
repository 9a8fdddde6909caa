"""What came: it is checked, shown and kept, and the issuer is told what became of it (OID4VCI 11)."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from attrs import frozen

from examples.wallet_cli.folder import Folder, HolderKey
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person, plain
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, WalletError
from oid4vci.formats import VerifiedCredential
from oid4vci.wallet import Exchange, Issued, RejectedCredentials, check_status

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
            self._check_status(issued)
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
        if not about.can_notify:
            return
        try:
            run(about.notify(event, now=int(time.time())), self.network.send)
        except (WalletError, httpx.HTTPError, httpx.InvalidURL) as error:
            self.person.tell(f"The issuer could not be told {event}: {plain(f'{type(error).__name__}: {error}')}")
        else:
            self.person.tell(f"The issuer was told {event}.")

    def _check_status(self, issued: Issued) -> None:
        """Credentials that can be revoked and are, are not kept. Raises `InvalidCredential`."""
        with_status = [each for each in issued.credentials if each.status is not None and "status_list" in each.status]
        checked = check_status(issued.session.wallet, with_status, now=int(time.time()))
        statuses = run(checked, self.network.send) if isinstance(checked, Exchange) else checked
        if not all(status.valid for status in statuses):
            raise InvalidCredential("a credential is revoked already")

    def _kept(self, issued: Issued, credential: VerifiedCredential, keys: Sequence[HolderKey]) -> list[Path]:
        holder, configuration_id = credential.holder_key, issued.configuration_id
        key = next((each for each in keys if holder is not None and each.signer.public_jwk == holder.jwk), None)
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
