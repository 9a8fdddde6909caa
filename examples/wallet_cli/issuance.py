"""One issuance, step by step: what a wallet does with the library."""

import json
import time
import webbrowser

from attrs import frozen

from examples.wallet_cli.attester import Attester
from examples.wallet_cli.callback import Callback
from examples.wallet_cli.consent import Consent
from examples.wallet_cli.folder import Folder, HolderKey
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person, plain
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, TxCodeRequired, Untrusted, WalletError, WrongTxCode
from oid4vci.formats import VerifiedCredential
from oid4vci.http import Request
from oid4vci.keys import LocalSigner
from oid4vci.offers import CredentialOffer, OfferReference, read_offer_response
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Issued, Offer, Opened, Order, ProofChoice, Session, Wallet, check_status
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

    `opens`: whether a browser is opened for them. `attester`: who attests keys, where an issuer wants that.
    """

    person: Person
    network: Network
    anchors: Anchors | None
    client_id: str | None
    copies: int | None
    folder: Folder | None
    opens: bool
    attester: Attester | None = None

    def accept(self, offer_uri: str, tx_code: str | None) -> int:
        """Take an offer to its end; the number of credentials.

        Raises `WalletError`, `ValueError`, `OSError`, `httpx.HTTPError`.
        """
        consent = Consent(self.person)
        return self._take(Offer(self._offer(offer_uri, consent)), consent, tx_code)

    def ask(self, credential_issuer: str, configuration_ids: list[str]) -> int:
        """The same without an offer: the person named the issuer, and what to ask it for."""
        offer, consent = Offer.of(credential_issuer, *configuration_ids), Consent(self.person)
        consent.agree(credential_issuer)
        return self._take(offer, consent, None)

    def _take(self, offer: Offer, consent: Consent, tx_code: str | None) -> int:
        wallet = Wallet(trust=Trust(self.anchors, allow=consent.allow), client_id=self.client_id)
        opened = run(offer.open(wallet), self.network.send)
        self._show(opened)
        session = self._authorize(opened) if opened.pre_authorized_code is None else self._redeem(opened, tx_code)
        count, failures = 0, list[Exception]()
        for configuration_id in session.configuration_ids:
            for identifier in (session.credential_identifiers or {}).get(configuration_id, (None,)):
                try:
                    count += self._order(session, configuration_id, identifier)
                except (WalletError, ValueError) as error:
                    # What else was offered may be had all the same.
                    self.person.tell(f"Not obtained: {plain(configuration_id)}: {plain(str(error))}")
                    failures.append(error)
        if failures:
            raise failures[0]
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

    def _show(self, opened: Opened) -> None:
        metadata, tell = opened.metadata, self.person.tell
        names = [display.name for display in metadata.display or () if display.name]
        tell(f"Issuer: {plain(metadata.credential_issuer)}" + (f", which calls itself {plain(names[0])}" if names else ""))
        for name, configuration in opened.configurations.items():
            shown = configuration.credential_metadata
            title = shown.display[0].name if shown is not None and shown.display else name
            tell(f"Offered: {plain(title)} ({plain(name)}, {plain(configuration.format)})")

    def _authorize(self, opened: Opened) -> Session:
        """The authorization code grant: the person logs in with a browser, which comes back to this machine."""
        with Callback[Exchange[Session]]() as callback:
            asked = opened.authorize(redirect_uri=callback.redirect_uri, now=int(time.time()), dpop=_dpop_key(opened))
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

    def _redeem(self, opened: Opened, tx_code: str | None) -> Session:
        dpop = _dpop_key(opened)
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

    def _order(self, session: Session, configuration_id: str, identifier: str | None) -> int:
        order = run(session.order(configuration_id, identifier), self.network.send)
        wanted = order.max_keys if self.copies is None else min(self.copies, order.max_keys)
        choice = self._choice(order)
        algorithms = None if choice is None else choice.key_algorithms
        keys = [HolderKey.generate(f"holder-{i + 1}", algorithms) for i in range(min(wanted, MAX_COPIES))]
        self.person.tell(f"Ordering {plain(configuration_id)} with {len(keys)} new keys ...")
        issued = self._obtain(order, choice, [key.signer for key in keys])
        self._check_status(issued)
        for credential in issued.credentials:
            self._keep(configuration_id, issued, credential, keys)
        return len(issued.credentials)

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

    def _obtain(self, order: Order, choice: ProofChoice | None, keys: list[LocalSigner]) -> Issued:
        now = int(time.time())
        attestation = None if choice is None else self._attestation(order, choice, keys, now)
        proof_type = None if choice is None else choice.type
        proofs = order.prove(keys, now=now, proof_type=proof_type, key_attestation=attestation)
        match run(proofs.submit(), self.network.send):
            case Issued() as issued:
                return issued
            case Order() as renewed:
                # The nonce has expired, and the attestation has it in it. A renewed order gives no other.
                return self._obtain(renewed, choice, keys)
            case _:
                raise ValueError("the issuer needs time, and deferred issuance is not supported here")

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

    def _check_status(self, issued: Issued) -> None:
        """Credentials that can be revoked and are, are not kept. Raises `InvalidCredential`."""
        with_status = [each for each in issued.credentials if each.status is not None and "status_list" in each.status]
        checked = check_status(issued.session.wallet, with_status, now=int(time.time()))
        statuses = run(checked, self.network.send) if isinstance(checked, Exchange) else checked
        if not all(status.valid for status in statuses):
            raise InvalidCredential("a credential is revoked already")

    def _keep(self, configuration_id: str, issued: Issued, credential: VerifiedCredential, keys: list[HolderKey]) -> None:
        holder = credential.holder_key
        key = next((each for each in keys if holder is not None and each.signer.public_jwk == holder.jwk), None)
        self.person.tell(f"Verified: {plain(configuration_id)}, issued by {plain(credential.issuer or 'the certificate')}")
        for claim in issued.view().claims:
            for place, value in claim.values:
                name = claim.name or ".".join(str(step) for step in place)
                self.person.tell(f"  {plain(name)}: {plain(json.dumps(value, ensure_ascii=False, default=_shown))}")
        if self.folder is not None:
            text = credential.credential if isinstance(credential.credential, str) else json.dumps(credential.credential)
            self.person.tell(f"  saved as {self.folder.save(configuration_id, credential.format, text, key)}")


def _shown(value: object) -> str:
    """What an mdoc has and JSON has not."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def _dpop_key(opened: Opened) -> LocalSigner | None:
    """A new key for the access token, where the server can bind it to one that we can make."""
    supported = opened.server.dpop_signing_alg_values_supported
    try:
        return None if supported is None else HolderKey.generate("dpop", supported).signer
    except ValueError:
        return None
