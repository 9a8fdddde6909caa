"""States as bytes and back: `dump`, `load`.

Rule 1: the settings (`Wallet`) and private keys are never written.
Rule 2: what is read obeys the rules that held when it was written; Credentials are verified again.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import Document, choice, integer, json_object, wire
from oid4vci._json import Malformed
from oid4vci.errors import WalletError
from oid4vci.wallet.authorizing import Authorizing
from oid4vci.wallet.issued import Deferred, Issued
from oid4vci.wallet.opened import Opened
from oid4vci.wallet.order import Order, Proofs
from oid4vci.wallet.session import Session
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.authorizing import StoredAuthorizing
from oid4vci.wallet.storage.issued import StoredDeferred, StoredIssued
from oid4vci.wallet.storage.members import MAX_BYTES, MAX_DEPTH
from oid4vci.wallet.storage.order import StoredOrder, StoredProofs
from oid4vci.wallet.storage.session import StoredOpened, StoredSession

__all__ = ("State", "dump", "load")

State: TypeAlias = Opened | Authorizing | Session | Order | Proofs | Issued | Deferred

VERSION: Final = 1

Stored: TypeAlias = (
    StoredOpened | StoredAuthorizing | StoredSession | StoredOrder | StoredProofs | StoredIssued | StoredDeferred
)

_FORMS: dict[str, type[Stored]] = {
    "opened": StoredOpened,
    "authorizing": StoredAuthorizing,
    "session": StoredSession,
    "order": StoredOrder,
    "proofs": StoredProofs,
    "issued": StoredIssued,
    "deferred": StoredDeferred,
}


@frozen(kw_only=True)
class Envelope(Document):
    """What `dump` writes."""

    type: str = field(metadata=wire(choice(*_FORMS)))
    version: int = field(metadata=wire(integer(minimum=VERSION, maximum=VERSION)))
    state: Mapping[str, Any] = field(repr=False, metadata=wire(json_object()))


def _stored(state: State) -> tuple[str, Stored]:
    match state:
        case Opened():
            return "opened", StoredOpened.of(state)
        case Authorizing():
            return "authorizing", StoredAuthorizing.of(state)
        case Session():
            return "session", StoredSession.of(state)
        case Order():
            return "order", StoredOrder.of(state)
        case Proofs():
            return "proofs", StoredProofs.of(state)
        case Issued():
            return "issued", StoredIssued.of(state)
        case _:
            return "deferred", StoredDeferred.of(state)


def dump(state: State) -> bytes:
    """A state as JSON, to be loaded by another process.

    The bytes hold whatever secrets the state holds, codes and tokens and Credentials: store them encrypted, where nobody can
    change them (OID4VCI 13.10). Of keys they hold the public halves: `load` gets the private ones from `Wallet.signers`.
    """
    name, stored = _stored(state)
    return _json.dump_bytes(Envelope(type=name, version=VERSION, state=stored.to_json()).to_json())


def load(data: bytes, wallet: Wallet) -> State:
    """The state that `dump` wrote, with the settings of this process.

    Credentials of an `Issued` are verified again, against the Wallet's present trust, for the time of their receipt.

    Raises `ValueError` if the data are not what `dump` wrote, or what they hold no longer verifies; `ImportError` if an extra is
    missing that they need.
    """
    envelope = Envelope.from_json(_json.object_from(data, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH))
    try:
        return _FORMS[envelope.type].from_json(envelope.state).restore(wallet)
    except WalletError as error:
        raise Malformed(str(error), "state") from None
