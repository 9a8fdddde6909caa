"""One issuance, step by step: what a wallet does with the library."""

import time
import webbrowser
from pathlib import Path

from attrs import evolve, field, frozen

from examples.wallet.client import Client, SessionKeys
from examples.wallet.folder import Folder
from examples.wallet.ordering import Ordering, Prepared
from examples.wallet.promises import Promise, Promises
from examples.wallet_cli.callback import Callback
from examples.wallet_cli.consent import Consent
from examples.wallet_cli.delivery import Delivery
from examples.wallet_cli.introduction import introduce
from examples.wallet_cli.network import Network
from examples.wallet_cli.promise_file import PromiseFile, StillToCome
from examples.wallet_cli.questions import agree_to_levels, ask_for_tx_code
from examples.wallet_cli.terminal import Person, plain
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidCredential, TxCodeRequired, Untrusted, WalletError, WrongTxCode
from oid4vci.http import Request
from oid4vci.offers import CredentialOffer, OfferReference, read_offer_response
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Exchange, Issued, Offer, Opened, Session, Wallet
from oid4vci.x509 import Anchors

__all__ = ("Issuance",)

ATTEMPTS = 3
# Seconds for the person to log in.
PATIENCE = 600
MAX_URL = 65_536


@frozen(kw_only=True)
class Issuance:
    """What the person asked for on the command line, and with what it is done.

    `client`: as whom the wallet comes to servers. `ordering`: with which keys it orders. `opens`: whether a browser is opened for
    the person. `patience`: for how many seconds issuers that need time are asked again. `encrypts`: whether messages are encrypted
    wherever that is possible. `metadata_anchors`: who vouches for signed metadata.
    """

    person: Person
    network: Network
    anchors: Anchors | None
    client: Client
    ordering: Ordering
    folder: Folder | None = None
    opens: bool = False
    patience: int = 0
    encrypts: bool = False
    haip: bool = False
    metadata_anchors: Anchors | None = None
    _file: PromiseFile = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_file", PromiseFile(self.folder))

    def accept(self, offer_uri: str, tx_code: str | None) -> int:
        """Take an offer to its end; the number of credentials.

        Raises `WalletError`, `ValueError`, `OSError`, `httpx.HTTPError`, and `StillToCome` if that has to be gone on with.
        """
        consent = Consent(self.person)
        return self._take(Offer(self._offer(offer_uri, consent)), consent, tx_code)

    def ask(self, credential_issuer: str, configuration_ids: list[str]) -> int:
        """The same without an offer: the person named the issuer, and what to ask it for."""
        offer, consent = Offer.of(credential_issuer, *configuration_ids), Consent(self.person)
        consent.agree(credential_issuer)
        return self._take(offer, consent, None)

    def resume(self, path: Path) -> int:
        """Go on with what was promised, in the file that says so."""
        consent, resumed = Consent(self.person), evolve(self, folder=self.folder or Folder.prepare(path.parent))

        def wallet(credential_issuer: str, keys: SessionKeys) -> Wallet:
            # The person agreed to that issuer when the file was written.
            consent.agree(credential_issuer)
            return self._wallet(consent, keys)

        return resumed._finish(0, resumed._file.load(path, wallet), [])

    def _wallet(self, consent: Consent, keys: SessionKeys) -> Wallet:
        return Wallet(
            trust=Trust(self.anchors, allow=consent.allow, metadata_anchors=self.metadata_anchors),
            client_id=self.client.client_id,
            signers={**self.client.signers, **keys.signers},
            encryption="when possible" if self.encrypts else "when required",
            haip=self.haip,
        )

    def _take(self, offer: Offer, consent: Consent, tx_code: str | None) -> int:
        opened = run(offer.open(self._wallet(consent, SessionKeys()), now=int(time.time())), self.network.send)
        introduce(opened, self.person, signed=self.metadata_anchors is not None, encrypted=self.encrypts)
        keys = self.client.new_keys(opened)
        session = self._authorize(opened, keys) if opened.pre_authorized_code is None else self._redeem(opened, tx_code, keys)
        promises = Promises(keys, self._file.write)
        count, failures = 0, list[Exception]()
        for configuration_id in session.configuration_ids:
            for identifier in (session.credential_identifiers or {}).get(configuration_id, (None,)):
                try:
                    count += self._order(session, configuration_id, identifier, promises)
                except (WalletError, ValueError) as error:
                    # What else was offered may be had all the same.
                    self._not_obtained(configuration_id, error)
                    failures.append(error)
        return self._finish(count, promises, failures)

    def _not_obtained(self, configuration_id: str, error: Exception) -> None:
        self.person.tell(f"Not obtained: {plain(configuration_id)}: {plain(str(error))}")

    def _finish(self, count: int, promises: Promises, failures: list[Exception]) -> int:
        """Ask for what was promised, as long as the person has patience; the number of credentials."""
        end, stopped = int(time.time()) + self.patience, False
        while promises.left and not stopped:
            promise = promises.next()
            left = promise.deferred.ready_at - int(time.time())
            if left > 0 and promise.deferred.ready_at > end:
                self.person.tell(f"The issuer is to be asked again in {left} seconds.")
                break
            time.sleep(max(0, left))
            try:
                count += self._ask_again(promises, promise)
            except (WalletError, ValueError) as error:
                self._not_obtained(promise.deferred.configuration_id, error)
                failures.append(error)
                # With any other advice the promise still stands.
                stopped = not isinstance(error, WalletError) or error.advice is not Advice.GIVE_UP
                if not stopped:
                    promises.drop(promise.deferred)
        if failures:
            raise failures[0]
        if promises.left:
            if self._file.path is None:
                raise ValueError("the issuer needs more time, and nobody waits: see --wait and --save")
            raise StillToCome(count, self._file.path)
        return count

    def _ask_again(self, promises: Promises, promise: Promise) -> int:
        """Ask for credentials that were promised; how many came."""
        delivery = Delivery(self.person, self.network, self.folder)

        def refreshing() -> None:
            self.person.tell("The access token is over: it is refreshed.")

        try:
            result = promises.ask(promise, self.client, self.network.send, refreshing=refreshing)
        except InvalidCredential as error:
            delivery.reject(error)
            raise
        if isinstance(result, Deferred):
            return 0
        count = delivery.keep(result, promise.keys)
        promises.drop(promise.deferred)
        return count

    def _offer(self, uri: str, consent: Consent) -> CredentialOffer:
        content = Offer.parse(uri).content
        if isinstance(content, OfferReference):
            if not consent.to_offer(content.url, "it has the offer"):
                raise Untrusted("the offer is not fetched without consent")
            self.person.tell("Fetching the offer ...")
            content = read_offer_response(self.network.send(Request("GET", content.url, {"accept": "application/json"})))
        if not consent.to_offer(content.credential_issuer, "the issuer of the offer"):
            raise Untrusted("the issuer is not asked without consent")
        return content

    def _authorize(self, opened: Opened, keys: SessionKeys) -> Session:
        """The authorization code grant: the person logs in with a browser, which comes back to this machine."""
        server, now = opened.server.issuer, int(time.time())
        with Callback[Exchange[Session]]() as callback:
            asked = opened.authorize(
                redirect_uri=callback.redirect_uri,
                now=now,
                dpop=keys.dpop_signer,
                authentication=self.client.authentication(server, keys, now=now),
            )
            pending = run(asked, self.network.send)
            soon = "" if pending.expires_in is None else f" within {pending.expires_in} seconds"
            self.person.tell(f"Open this address{soon} in a browser on this machine, and decide there:")
            self.person.tell(plain(pending.url, limit=MAX_URL))
            if self.opens:
                webbrowser.open(pending.url)

            def take(url: str) -> Exchange[Session]:
                now = int(time.time())
                return pending.callback(url, now=now, authentication=self.client.authentication(server, keys, now=now))

            came_back = callback.wait(take, timeout=PATIENCE)
        return self._told(run(came_back, self.network.send))

    def _told(self, session: Session) -> Session:
        bound = "" if session.sender.dpop is None else ", bound to a key of this wallet"
        self.person.tell(f"The server gave an access token{bound}.")
        return session

    def _redeem(self, opened: Opened, tx_code: str | None, keys: SessionKeys) -> Session:
        for attempt in range(ATTEMPTS):
            given, now = (
                tx_code if attempt == 0 and tx_code is not None else ask_for_tx_code(opened, self.person),
                int(time.time()),
            )
            try:
                authentication = self.client.authentication(opened.server.issuer, keys, now=now)
                asked = opened.redeem(tx_code=given, now=now, dpop=keys.dpop_signer, authentication=authentication)
                session = run(asked, self.network.send)
            except (TxCodeRequired, WrongTxCode) as error:
                if not self.person.interactive or attempt == ATTEMPTS - 1:
                    raise
                self.person.tell(f"Not accepted: {plain(str(error))}")
            else:
                return self._told(session)
        raise AssertionError("the last attempt returns or raises")

    def _order(self, session: Session, configuration_id: str, identifier: str | None, promises: Promises) -> int:
        prepared = self.ordering.prepare(run(session.order(configuration_id, identifier), self.network.send))
        self.person.tell(f"Ordering {plain(configuration_id)} with {len(prepared.keys)} new keys ...")
        delivery = Delivery(self.person, self.network, self.folder)
        try:
            result = self._obtain(prepared)
        except InvalidCredential as error:
            delivery.reject(error)
            raise
        if isinstance(result, Issued):
            return delivery.keep(result, prepared.keys)
        promises.add(result, prepared.keys)
        kept = "" if self._file.path is None else f", kept as {self._file.path}"
        self.person.tell(f"Promised: {plain(configuration_id)}, the issuer needs {result.interval} seconds or more{kept}")
        return 0

    def _obtain(self, prepared: Prepared) -> Issued | Deferred:
        choice = prepared.choice
        if self.ordering.lacks_attester(choice):
            # The library says what the issuer wants.
            self.person.tell("This issuer wants keys that are attested: --key-attestation-key names a key to attest with.")
        elif choice is not None and choice.key_attestation_needed:
            agree_to_levels(choice, self.person)
        return self.ordering.obtain(prepared)
