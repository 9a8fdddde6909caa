"""What becomes of credentials that came: their statuses are looked up, and the issuer is told (OID4VCI 11)."""

import time
from collections.abc import Sequence

from examples.wallet.keys import HolderKey
from examples.wallet.ordering import Send
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential
from oid4vci.keys import PublicKey
from oid4vci.wallet import Exchange, Issued, RejectedCredentials, check_status

__all__ = ("check_statuses", "holder_of", "tell_issuer")


def check_statuses(issued: Issued, send: Send) -> None:
    """Credentials that can be revoked and are, are not kept. Raises `InvalidCredential`, and what `send` raises."""
    now = int(time.time())
    with_status = [each for each in issued.credentials if each.status is not None and "status_list" in each.status]
    checked = check_status(issued.session.wallet, with_status, now=now)
    statuses = run(checked, send) if isinstance(checked, Exchange) else checked
    if not all(status.valid for status in statuses):
        raise InvalidCredential("a credential is revoked already")


def holder_of(holder: PublicKey | None, keys: Sequence[HolderKey]) -> HolderKey | None:
    """The key to which a credential is bound, whatever the order of credentials is."""
    return next((each for each in keys if holder is not None and each.signer.public_jwk == holder.jwk), None)


def tell_issuer(about: Issued | RejectedCredentials, event: str, send: Send) -> bool:
    """Send a notification, if the issuer wants one; whether it does. Raises `WalletError`, and what `send` raises."""
    if not about.can_notify:
        return False
    run(about.notify(event, now=int(time.time())), send)
    return True
