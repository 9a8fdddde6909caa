"""One order: new keys, proved as the issuer wants it, and the Credential Request (OID4VCI 8)."""

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from attrs import field, frozen

from examples.wallet.attester import Attester
from examples.wallet.certifier import Certifier
from examples.wallet.keys import HolderKey
from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.errors import TryLater
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key
from oid4vci.proofs.holder_key import HolderKey as NamedKey
from oid4vci.wallet import Deferred, Exchange, Issued, Order, ProofChoice

__all__ = ("KEY_NAMES", "MAX_COPIES", "Ordering", "Pause", "Prepared", "Send", "completed")

T = TypeVar("T")
# Seconds between attempts to fetch what it takes to verify credentials that came.
PAUSES: Final = (1, 5, 20)

MAX_COPIES: Final = 100
KEY_NAMES: Final = ("jwk", "did:key", "did:jwk", "x5c")
"""How a `jwt` proof can name its key (OID4VCI F.1)."""
Send = Callable[[Request], Response]
Pause = Callable[[float], object]
"""Waits that many seconds."""


def completed(exchange: Exchange[T], send: Send, pause: Pause) -> T:
    """What comes of a request for credentials, which may not come again: what it takes to verify them is tried for repeatedly."""
    for seconds in PAUSES:
        try:
            return run(exchange, send)
        except TryLater as later:
            if later.exchange is None:
                raise
            exchange = later.exchange
            pause(seconds)
    return run(exchange, send)


@frozen
class Prepared:
    """An order, how its keys are to be proved (None: they are not), and the keys."""

    order: Order
    choice: ProofChoice | None
    keys: Sequence[HolderKey] = field(repr=False)


@frozen(kw_only=True)
class Ordering:
    """How a wallet orders. `attester`: who attests keys where an issuer wants that. `copies`: None: as many as the issuer gives.

    `key_name` is how keys are named where the issuer takes that, else they are named as it wants; `certifier` has the certificates
    for `x5c`.
    """

    send: Send = field(repr=False)
    pause: Pause = field(default=time.sleep, repr=False)
    attester: Attester | None = None
    copies: int | None = None
    key_name: str = "jwk"
    certifier: Certifier | None = None

    def prepare(self, order: Order) -> Prepared:
        """The keys for an order. Raises `ValueError` if there are none that the issuer takes."""
        wanted = order.max_keys if self.copies is None else min(self.copies, order.max_keys)
        choice = self._choice(order)
        algorithms = None if choice is None else choice.key_algorithms
        keys = [HolderKey.generate(f"holder-{i + 1}", algorithms) for i in range(min(wanted, MAX_COPIES))]
        return Prepared(order, choice, keys)

    def _choice(self, order: Order) -> ProofChoice | None:
        """How keys are proved: the first that does without an attestation, if nobody here attests keys."""
        choices = order.proof_choices
        possible = (each for each in choices if self.attester is not None or not each.key_attestation_needed)
        # Where there is none, the library says what the issuer wants.
        return next(possible, choices[0] if choices else None)

    def lacks_attester(self, choice: ProofChoice | None) -> bool:
        """Whether the issuer wants keys that are attested, and nobody here does that."""
        return choice is not None and choice.key_attestation_needed and self.attester is None

    def obtain(self, prepared: Prepared) -> Issued | Deferred:
        """Prove and request. Raises `WalletError`, `ValueError`, and what `send` raises."""
        order, choice, now = prepared.order, prepared.choice, int(time.time())
        signers = [key.signer for key in prepared.keys]
        attestation = None if choice is None else self._attestation(order, choice, signers, now)
        named = [self._named(key, choice) for key in prepared.keys]
        proof_type = None if choice is None else choice.type
        proofs = order.prove(named, now=now, proof_type=proof_type, key_attestation=attestation)
        match completed(proofs.submit(), self.send, self.pause):
            case Order() as renewed:
                # The nonce has expired, and the attestation has it in it. A renewed order gives no other.
                return self.obtain(Prepared(renewed, choice, prepared.keys))
            case Issued() | Deferred() as result:
                return result
            case _:
                raise AssertionError("keys in this process sign by themselves")

    def _attestation(self, order: Order, choice: ProofChoice, keys: Sequence[LocalSigner], now: int) -> str | None:
        if self.attester is None or not choice.key_attestation_needed:
            return None
        return self.attester.attest(keys, choice.key_attestations_required, nonce=order.c_nonce, now=now)

    def _named(self, key: HolderKey, choice: ProofChoice | None) -> LocalSigner | NamedKey:
        """The key by the name that this wallet prefers, or without one: then the library finds a name."""
        if choice is None or choice.key_algorithms is None:
            return key.signer
        if self.key_name == "x5c":
            plain = choice.plain_keys and not choice.dids_only
            return NamedKey(key.signer, x5c=self.certifier.certify(key)) if plain and self.certifier else key.signer
        if self.key_name in choice.did_methods:
            method = DID_METHODS[self.key_name.removeprefix("did:")]
            return NamedKey(key.signer, method.verification_method(method.did(public_key(key.signer.public_jwk))))
        return key.signer
