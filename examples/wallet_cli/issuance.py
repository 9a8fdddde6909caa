"""One issuance, step by step: what a wallet does with the library."""

import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from examples.wallet_cli.attester import Attester
from examples.wallet_cli.callback import Callback
from examples.wallet_cli.consent import Consent
from examples.wallet_cli.delivery import Delivery
from examples.wallet_cli.folder import Folder, HolderKey
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person, plain
from examples.wallet_cli.waiting import Promise, StillToCome, Waiting
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidCredential, Refused, TxCodeRequired, Untrusted, WalletError, WrongTxCode
from oid4vci.http import Request
from oid4vci.keys import LocalSigner
from oid4vci.offers import CredentialOffer, OfferReference, read_offer_response
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Exchange, Issued, Offer, Opened, Order, ProofChoice, Session, Wallet
from oid4vci.x509 import Anchors

__all__ = ("Issuance",)

ATTEMPTS = 3
MAX_COPIES = 100
# Seconds for the person to log in.
PATIENCE = 600
MAX_URL = 65_536


@frozen
class Issuance:
    """What the person asked for on the command line, and with what it is done.

    `opens`: whether a browser is opened for them. `attester`: who attests keys, where an issuer wants that. `patience`: for how
    many seconds issuers that need time are asked again. `encrypts`: whether messages are encrypted wherever that is possible.
    `metadata_anchors`: who vouches for signed metadata.
    """

    person: Person
    network: Network
    anchors: Anchors | None
    client_id: str | None
    copies: int | None
    folder: Folder | None
    opens: bool
    attester: Attester | None = None
    patience: int = 0
    encrypts: bool = False
    metadata_anchors: Anchors | None = None

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
        consent, folder = Consent(self.person), self.folder or Folder.prepare(path.parent)

        def wallet(credential_issuer: str, signers: Mapping[str, LocalSigner]) -> Wallet:
            # The person agreed to that issuer when the file was written.
            consent.agree(credential_issuer)
            return self._wallet(consent, signers)

        return evolve(self, folder=folder)._finish(0, Waiting.load(path, folder, wallet), [])

    def _wallet(self, consent: Consent, signers: Mapping[str, LocalSigner]) -> Wallet:
        return Wallet(
            trust=Trust(self.anchors, allow=consent.allow, metadata_anchors=self.metadata_anchors),
            client_id=self.client_id,
            signers=signers,
            encryption="when possible" if self.encrypts else "when required",
        )

    def _take(self, offer: Offer, consent: Consent, tx_code: str | None) -> int:
        opened = run(offer.open(self._wallet(consent, {}), now=int(time.time())), self.network.send)
        self._show(opened)
        dpop = _dpop_key(opened)
        signer = None if dpop is None else dpop.signer
        session = (
            self._authorize(opened, signer) if opened.pre_authorized_code is None else self._redeem(opened, tx_code, signer)
        )
        waiting = Waiting(dpop, self.folder)
        count, failures = 0, list[Exception]()
        for configuration_id in session.configuration_ids:
            for identifier in (session.credential_identifiers or {}).get(configuration_id, (None,)):
                try:
                    count += self._order(session, configuration_id, identifier, waiting)
                except (WalletError, ValueError) as error:
                    # What else was offered may be had all the same.
                    self._not_obtained(configuration_id, error)
                    failures.append(error)
        return self._finish(count, waiting, failures)

    def _not_obtained(self, configuration_id: str, error: Exception) -> None:
        self.person.tell(f"Not obtained: {plain(configuration_id)}: {plain(str(error))}")

    def _finish(self, count: int, waiting: Waiting, failures: list[Exception]) -> int:
        """Ask for what was promised, as long as the person has patience; the number of credentials."""
        end, stopped = int(time.time()) + self.patience, False
        while waiting.promises and not stopped:
            promise = min(waiting.promises, key=lambda each: each.deferred.ready_at)
            left = promise.deferred.ready_at - int(time.time())
            if left > 0 and promise.deferred.ready_at > end:
                self.person.tell(f"The issuer is to be asked again in {left} seconds.")
                break
            time.sleep(max(0, left))
            try:
                count += self._ask_again(waiting, promise)
            except (WalletError, ValueError) as error:
                self._not_obtained(promise.deferred.configuration_id, error)
                failures.append(error)
                # With any other advice the promise still stands.
                stopped = not isinstance(error, WalletError) or error.advice is not Advice.GIVE_UP
                if not stopped:
                    waiting.drop(promise.deferred)
        if failures:
            raise failures[0]
        if waiting.promises:
            if waiting.path is None:
                raise ValueError("the issuer needs more time, and nobody waits: see --wait and --save")
            raise StillToCome(count, waiting.path)
        return count

    def _ask_again(self, waiting: Waiting, promise: Promise) -> int:
        """Ask for credentials that were promised; how many came."""
        try:
            result = self._polled(promise)
        except Refused as refused:
            if refused.advice is not Advice.REFRESH:
                raise
            self.person.tell("The access token is over: it is refreshed.")
            # The old Refresh Token is spent by that, so what comes of it is written down first.
            waiting.renew(run(promise.deferred.session.refresh(now=int(time.time())), self.network.send))
            promise = waiting.of(promise.deferred)
            result = self._polled(promise)
        if isinstance(result, Deferred):
            waiting.replace(result)
            return 0
        count = Delivery(self.person, self.network, self.folder).keep(result, promise.keys)
        waiting.drop(promise.deferred)
        return count

    def _polled(self, promise: Promise) -> Issued | Deferred:
        try:
            return run(promise.deferred.poll(now=int(time.time())), self.network.send)
        except InvalidCredential as error:
            Delivery(self.person, self.network, self.folder).reject(error)
            raise

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

    def _show(self, opened: Opened) -> None:
        metadata, tell = opened.metadata, self.person.tell
        names = [display.name for display in metadata.display or () if display.name]
        tell(f"Issuer: {plain(metadata.credential_issuer)}" + (f", which calls itself {plain(names[0])}" if names else ""))
        for name, configuration in opened.configurations.items():
            shown = configuration.credential_metadata
            title = shown.display[0].name if shown is not None and shown.display else name
            tell(f"Offered: {plain(title)} ({plain(name)}, {plain(configuration.format)})")
        if self.metadata_anchors is not None:
            signed = opened.signed_metadata
            tell(
                "Its metadata are not signed."
                if signed is None
                else "Its metadata are signed by a certificate that is trusted."
            )
        if self.encrypts and metadata.credential_request_encryption is None:
            tell("This issuer takes no encrypted requests.")

    def _authorize(self, opened: Opened, dpop: LocalSigner | None) -> Session:
        """The authorization code grant: the person logs in with a browser, which comes back to this machine."""
        with Callback[Exchange[Session]]() as callback:
            asked = opened.authorize(redirect_uri=callback.redirect_uri, now=int(time.time()), dpop=dpop)
            pending = run(asked, self.network.send)
            soon = "" if pending.expires_in is None else f" within {pending.expires_in} seconds"
            self.person.tell(f"Open this address{soon} in a browser on this machine, and decide there:")
            self.person.tell(plain(pending.url, limit=MAX_URL))
            if self.opens:
                webbrowser.open(pending.url)
            came_back = callback.wait(lambda url: pending.callback(url, now=int(time.time())), timeout=PATIENCE)
        return self._told(run(came_back, self.network.send))

    def _told(self, session: Session) -> Session:
        bound = "" if session.sender.dpop is None else ", bound to a key of this wallet"
        self.person.tell(f"The server gave an access token{bound}.")
        return session

    def _redeem(self, opened: Opened, tx_code: str | None, dpop: LocalSigner | None) -> Session:
        for attempt in range(ATTEMPTS):
            given = tx_code if attempt == 0 and tx_code is not None else self._ask_tx_code(opened)
            try:
                session = run(opened.redeem(tx_code=given, now=int(time.time()), dpop=dpop), self.network.send)
            except (TxCodeRequired, WrongTxCode) as error:
                if not self.person.interactive or attempt == ATTEMPTS - 1:
                    raise
                self.person.tell(f"Not accepted: {plain(str(error))}")
            else:
                return self._told(session)
        raise AssertionError("the last attempt returns or raises")

    def _ask_tx_code(self, opened: Opened) -> str | None:
        if opened.tx_code is None:
            return None
        hints, where = opened.tx_code, plain(opened.token_endpoint or "")
        if hints.description:
            self.person.tell(f"The issuer says of the code: {plain(hints.description)}")
        kind = "digits" if hints.input_mode == "numeric" else "characters"
        length = "" if hints.length is None else f"{hints.length} "
        # Where the code goes is for the person to see before it is entered (OID4VCI 13.6.2).
        return self.person.answer(f"Transaction code, {length}{kind}, to be sent to {where}")

    def _order(self, session: Session, configuration_id: str, identifier: str | None, waiting: Waiting) -> int:
        order = run(session.order(configuration_id, identifier), self.network.send)
        wanted = order.max_keys if self.copies is None else min(self.copies, order.max_keys)
        choice = self._choice(order)
        algorithms = None if choice is None else choice.key_algorithms
        keys = [HolderKey.generate(f"holder-{i + 1}", algorithms) for i in range(min(wanted, MAX_COPIES))]
        self.person.tell(f"Ordering {plain(configuration_id)} with {len(keys)} new keys ...")
        delivery = Delivery(self.person, self.network, self.folder)
        try:
            result = self._obtain(order, choice, [key.signer for key in keys])
        except InvalidCredential as error:
            delivery.reject(error)
            raise
        if isinstance(result, Issued):
            return delivery.keep(result, keys)
        waiting.add(result, keys)
        kept = "" if waiting.path is None else f", kept as {waiting.path}"
        self.person.tell(f"Promised: {plain(configuration_id)}, the issuer needs {result.interval} seconds or more{kept}")
        return 0

    def _choice(self, order: Order) -> ProofChoice | None:
        """How keys are proved: the first that does without an attestation, if nobody here attests keys."""
        choices = order.proof_choices
        possible = (each for each in choices if self.attester is not None or not each.key_attestation_needed)
        choice = next(possible, None)
        if choice is None and choices:
            # The library says what the issuer wants.
            self.person.tell("This issuer wants keys that are attested: --key-attestation-key names a key to attest with.")
            return choices[0]
        return choice

    def _obtain(self, order: Order, choice: ProofChoice | None, keys: list[LocalSigner]) -> Issued | Deferred:
        now = int(time.time())
        attestation = None if choice is None else self._attestation(order, choice, keys, now)
        proof_type = None if choice is None else choice.type
        proofs = order.prove(keys, now=now, proof_type=proof_type, key_attestation=attestation)
        match run(proofs.submit(), self.network.send):
            case Order() as renewed:
                # The nonce has expired, and the attestation has it in it. A renewed order gives no other.
                return self._obtain(renewed, choice, keys)
            case Issued() | Deferred() as result:
                return result
            case _:
                raise AssertionError("keys in this process sign by themselves")

    def _attestation(self, order: Order, choice: ProofChoice, keys: list[LocalSigner], now: int) -> str | None:
        if self.attester is None or not choice.key_attestation_needed:
            return None
        required = choice.key_attestations_required
        if required is not None and not order.renewed:
            said = {"keys": required.key_storage, "logins": required.user_authentication}
            levels = " and ".join(f"{what} of level {plain(values[0])}" for what, values in said.items() if values)
            if levels and not (self.person.yes or self.person.agrees(f"Attest to the issuer that the wallet has {levels}?")):
                raise ValueError("the issuer wants keys that are attested, and these are not")
        return self.attester.attest(keys, required, nonce=order.c_nonce, now=now)


def _dpop_key(opened: Opened) -> HolderKey | None:
    """A new key for the access token, where the server can bind it to one that we can make."""
    supported = opened.server.dpop_signing_alg_values_supported
    try:
        return None if supported is None else HolderKey.generate("dpop", supported)
    except ValueError:
        return None
