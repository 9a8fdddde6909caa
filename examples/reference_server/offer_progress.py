"""The state of an offer that somebody follows: read off the records that its way through the server leaves, whenever asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from examples.reference_server.followed_offers import FollowedOffer
from examples.reference_server.offer_events import (
    APPROVED,
    DEFERRED,
    DENIED,
    ISSUED,
    LOGIN,
    REFUSED,
    TOKEN,
    Events,
    fetch_key,
    load_events,
)
from oid4vci.issuer import Issuer, Transaction
from oid4vci.notifications import EVENTS
from oid4vci.oauth.grants import GRANT, REVOKED
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.records import Key, Record, Store

__all__ = ("TX_CODE", "Progress", "progress_of")

TX_CODE: Final = "tx_code"
"""The way of an offer without a login, but with a transaction code."""

# What is shown of each credential.
CREDENTIALS: Final[Mapping[str, str]] = {
    "waiting": "Not issued yet",
    "deferred": "Promised: the wallet comes for it later",
    "ready": "Ready: the wallet has yet to come for it",
    "issued": "Issued",
    "denied": "Refused by the issuer",
    "credential_accepted": "Issued, and accepted by the wallet",
    "credential_failure": "Issued, but the wallet could not take it",
    "credential_deleted": "Issued, and deleted in the wallet",
}
PENDING: Final = ("waiting", "deferred", "ready")
TEXTS: Final[Mapping[str, str]] = {
    "offered": "Waiting for a wallet to read the offer.",
    "fetched": "A wallet has read the offer.",
    "log_in": "Waiting for the log-in.",
    "tx_code": "A wallet has read the offer. Waiting for the transaction code.",
    "refused": "The log-in was refused.",
    "approved": "Approved. The wallet goes on.",
    "token": "The wallet may ask for the credential.",
    "locked": "There were too many wrong transaction codes. The offer is worth nothing any more.",
    "expired": "The offer has expired. No wallet took it up.",
    "deferred": "The credential is promised. The wallet comes for it later.",
    "ready": "The credential is ready. The wallet has yet to come for it.",
    "issued": "The credential is issued.",
    "denied": "The credential was refused.",
    "credential_accepted": "The wallet has accepted the credential.",
    "credential_failure": "The wallet could not take the credential.",
    "credential_deleted": "The credential was deleted in the wallet.",
}
STEPS: Final[Mapping[str, str]] = {
    "offered": "Offer made",
    "fetched": "Offer read by a wallet",
    "log_in": "Log-in and approval",
    "tx_code": "Transaction code",
    "token": "Wallet let in",
    "issued": "Credential issued",
    "notified": "Answer of the wallet",
}
SAYS: Final[Mapping[str, str]] = {"done": "done", "now": "now", "failed": "failed", "later": ""}
FAILED: Final = ("refused", "locked", "expired", "denied", "credential_failure", "credential_deleted")
# The last step that a state has done; what follows is the step that is on.
DONE: Final[Mapping[str, str]] = {
    "offered": "offered",
    "expired": "offered",
    "fetched": "fetched",
    "log_in": "fetched",
    "tx_code": "fetched",
    "refused": "fetched",
    "locked": "fetched",
    "approved": "log_in",
    "token": "token",
    "deferred": "token",
    "ready": "token",
    "some": "token",
    "denied": "token",
    "issued": "issued",
    "credential_accepted": "notified",
    "credential_failure": "issued",
    "credential_deleted": "issued",
    "ended": "notified",
}


@frozen
class Progress:
    """`state` is the state of the whole, `credentials` that of each, in the order of the offer.

    `is_open`: somebody can still take the offer up; `ended`: nothing more will come. `ends` says until when, for a person.
    """

    state: str
    text: str
    steps: Sequence[tuple[str, str]]
    credentials: Sequence[str]
    is_open: bool
    ended: bool
    ends: str

    def to_json(self) -> dict[str, Any]:
        """As the page's script reads it."""
        return {
            "state": self.state,
            "text": self.text,
            "steps": [{"name": name, "status": status, "says": SAYS[status]} for name, status in self.steps],
            "credentials": [{"state": each, "text": CREDENTIALS[each]} for each in self.credentials],
            "open": self.is_open,
            "ended": self.ended,
            "ends": self.ends,
        }


def progress_of(offer: FollowedOffer, store: Store, issuer: Issuer, *, now: int) -> Progress:
    """How far an offer is."""
    fetched_key, grant_key = fetch_key(offer.offer_id), None if offer.grant is None else Key(GRANT, offer.grant)
    also = (fetched_key,) if grant_key is None else (fetched_key, grant_key)
    events, records = load_events(store, offer.watch, offer.configuration_ids, *also)
    transactions = _transactions(events, store, issuer, now)
    credentials = tuple(_credential(each, events, transactions, now) for each in offer.configuration_ids)
    fetch = records.get(fetched_key)
    is_fetched = fetch is not None and fetch.data["at"] is not None
    grant = None if grant_key is None else records.get(grant_key)
    state, wrong = _state(offer, events, credentials, is_fetched, grant, now)
    begun = any(each != "waiting" for each in credentials) or (TOKEN, None) in events
    is_open = state in ("offered", "fetched", "log_in", "tx_code", "refused") and not begun
    notified = issuer.notifications is not None
    return Progress(
        state,
        _text(state, credentials, wrong),
        _steps(offer.way, state, notified),
        credentials,
        is_open,
        state in ("locked", "expired") or all(_is_over(each, notified) for each in credentials),
        _ends(offer, is_fetched, now) if is_open else "",
    )


def _transactions(events: Events, store: Store, issuer: Issuer, now: int) -> Mapping[str, Transaction]:
    stored = [issuer.transaction(data["handle"]) for data in events.values() if data["handle"] is not None]
    records = store.load([key for each in stored for key in each.lookups]) if stored else {}
    found = {each.handle: each.read(records, now=now) for each in stored}
    return {handle: each for handle, each in found.items() if each is not None}


def _credential(configuration_id: str, events: Events, transactions: Mapping[str, Transaction], now: int) -> str:
    """The state of one credential: what happened last, and of what happened at once what comes later on the way."""
    told = [event for event in EVENTS if (event, configuration_id) in events]
    if told:
        order = ("credential_failure", "credential_accepted", "credential_deleted")
        return max(told, key=lambda event: (events[event, configuration_id]["at"], order.index(event)))
    ends = [event for event in (DENIED, ISSUED) if (event, configuration_id) in events]
    if ends:
        return max(ends, key=lambda event: (events[event, configuration_id]["at"], event == ISSUED))
    promised = events.get((DEFERRED, configuration_id))
    if promised is None:
        return "waiting"
    transaction = transactions.get(promised["handle"])
    if transaction is None:
        return "deferred"
    if transaction.state == "refused":
        return "denied"
    ready = transaction.decision is not None or transaction.note["ready_at"] <= now
    return "ready" if ready else "deferred"


def _is_over(credential: str, notified: bool) -> bool:
    """Whether no more is to be heard of a credential. That one was deleted can be told of at any time, and is the last."""
    return credential in ("denied", "credential_deleted") or (credential == "issued" and not notified)


def _state(
    offer: FollowedOffer,
    events: Events,
    credentials: Sequence[str],
    is_fetched: bool,
    grant: Record | None,
    now: int,
) -> tuple[str, int]:
    """The state of the whole, and how many wrong transaction codes there were."""
    if any(each != "waiting" for each in credentials):
        return _of_credentials(credentials), 0
    if (TOKEN, None) in events:
        return "token", 0
    if offer.way == AUTHORIZATION_CODE:
        decided = [event for event in (REFUSED, APPROVED) if (event, None) in events]
        if decided:
            return max(decided, key=lambda event: (events[event, None]["at"], event == APPROVED)), 0
        if (LOGIN, None) in events:
            return "log_in", 0
        # Who has read the offer has as long as it is followed.
        expired = now >= offer.ends_at and not is_fetched
    else:
        wrong = 0 if grant is None else grant.data["wrong_tx_codes"]
        if grant is not None and grant.data["state"] == REVOKED:
            return "locked", wrong
        expired = now >= offer.ends_at
        if is_fetched and not expired and offer.way == TX_CODE:
            return "tx_code", wrong
    if expired:
        return "expired", 0
    return ("fetched" if is_fetched else "offered"), 0


def _of_credentials(credentials: Sequence[str]) -> str:
    """The state that all of them have reached."""
    if len(set(credentials)) == 1:
        return credentials[0]
    for each in PENDING:
        if each in credentials:
            return "some"
    return "issued" if "issued" in credentials else "ended"


def _text(state: str, credentials: Sequence[str], wrong: int) -> str:
    if state == "some":
        count = sum(each not in PENDING and each != "denied" for each in credentials)
        return f"{count} of {len(credentials)} credentials are issued."
    if state == "ended":
        return "Every credential has come to its end, see below."
    text = TEXTS[state]
    if len(credentials) > 1:
        text = text.replace("The credential is", "The credentials are").replace("The credential was", "The credentials were")
        text = text.replace("the credential", "the credentials").replace("for it", "for them")
    if state == "tx_code" and wrong:
        text += f" {wrong} wrong {'code was' if wrong == 1 else 'codes were'} given so far."
    return text


def _steps(way: str, state: str, notified: bool) -> tuple[tuple[str, str], ...]:
    between = {AUTHORIZATION_CODE: ("log_in",), TX_CODE: ("tx_code",)}.get(way, ())
    names = ("offered", "fetched", *between, "token", "issued", *(("notified",) if notified else ()))
    done = DONE[state]
    # Where nobody is told of what wallets do, the way is at its end with the credential.
    reached = names.index(done) if done in names else len(names) - 1
    on = "failed" if state in FAILED else "now"
    return tuple((name, "done" if i <= reached else on if i == reached + 1 else "later") for i, name in enumerate(names))


def _ends(offer: FollowedOffer, is_fetched: bool, now: int) -> str:
    # Who has read one that stands for nobody may come back with it as long as its issuer_state is known.
    end = offer.watch.until if is_fetched and offer.way == AUTHORIZATION_CODE else offer.ends_at
    minutes = max(1, -(-(end - now) // 60))
    return f"A wallet can take it up for {'one more minute' if minutes == 1 else f'{minutes} more minutes'}."
