"""An order for one Credential Dataset, the proofs for its keys, and the Credential Request (OID4VCI 7, 8.2, F.1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from oid4vci._document import Document, string, wire
from oid4vci.http import Response
from oid4vci.keys import PublicKey, Signer, SigningInput
from oid4vci.metadata import CredentialConfiguration
from oid4vci.proofs.attested_keys import AttestedKeys
from oid4vci.proofs.holder_key import HolderKey, holder_key
from oid4vci.proofs.proof_type import Intended, UnsignedProofs
from oid4vci.wallet.credential_exchange import credential_exchange, credential_refusal
from oid4vci.wallet.exchange import Exchange, extended, json_object, post, server_error
from oid4vci.wallet.issued import Deferred, Issued, read_credential_response
from oid4vci.wallet.proof_choice import ProofChoice, proof_choices
from oid4vci.wallet.sender import Sender

if TYPE_CHECKING:
    from oid4vci.wallet.session import Session

__all__ = ("Order", "Proofs")

T = TypeVar("T")
# "an HTTP response with a 2xx status code" -- OID4VCI 7.2
SUCCESS = range(200, 300)
# OID4VCI 8.2
_MEMBERS = frozenset(("credential_configuration_id", "credential_identifier", "credential_response_encryption", "proofs"))


@frozen(kw_only=True)
class NonceResponse(Document):
    """The answer of the Nonce Endpoint."""

    c_nonce: str = field(repr=False, metadata=wire(string()))


def request_nonce(endpoint: str, order: "Order", then: Callable[["Order"], T | Exchange[T]]) -> Exchange[T]:
    """Fetch a `c_nonce` (OID4VCI 7) and go on with the order that has it."""

    def read(response: Response) -> T | Exchange[T]:
        if refused := server_error(response):
            raise refused
        c_nonce = NonceResponse.from_json(json_object(response, statuses=SUCCESS)).c_nonce
        session = order.session
        # "the Wallet uses the new nonce value in the DPoP proof when presenting an access token at the Credential Endpoint", also
        # where that has another origin -- OID4VCI 7.2
        sender = session.sender.after(endpoint, response).after(session.metadata.credential_endpoint, response)
        return then(evolve(order, session=evolve(session, sender=sender), c_nonce=c_nonce))

    # "the Wallet does not need to supply an access token to access it" -- OID4VCI 7.1
    return Exchange(post(endpoint), read)


@frozen(kw_only=True)
class Order:
    """One Credential Dataset, to be had in as many Credentials as there are keys.

    `c_nonce` is fresh from the Nonce Endpoint, None if the issuer has none. It serves until the issuer rejects it
    (OID4VCI 13.8), so one order may be proved several times. `renewed` says that the issuer rejected one already.
    The constructor raises `ValueError` if the Wallet has no verifier for the format.

    The value holds the Access Token. Store it (`dump`) as a secret.
    """

    session: "Session"
    configuration_id: str
    credential_identifier: str | None = None
    c_nonce: str | None = field(default=None, repr=False)
    renewed: bool = False

    def __attrs_post_init__(self) -> None:
        # Before a Credential is on its way that nobody here can check.
        self.session.wallet.verifier(self.configuration.format)

    @property
    def configuration(self) -> CredentialConfiguration:
        """What is ordered, from the issuer's metadata."""
        return self.session.metadata.credential_configurations_supported[self.configuration_id]

    @property
    def proof_choices(self) -> tuple[ProofChoice, ...]:
        """The proof types that the issuer takes and the Wallet makes, in the Wallet's order of preference.

        Empty if a Credential takes no keys. Proof types that are not known here are passed over (OID4VCI 12.2.4).
        """
        return proof_choices(self.configuration, self.session.wallet.proof_makers)

    @property
    def proof_algorithms(self) -> tuple[str, ...] | None:
        """The algorithms of keys for the preferred of `proof_choices`; None if any will do, or a Credential takes no keys.

        Raises `ValueError` if the Wallet makes no proofs that the issuer takes, `ImportError` if it would with another extra.
        """
        if self.configuration.proof_types_supported is None:
            return None
        return self._chosen(None)[0].key_algorithms

    @property
    def max_keys(self) -> int:
        """How many keys `prove` may be given: one Credential each. 0 if a Credential takes no keys."""
        return 0 if self.configuration.proof_types_supported is None else self.session.metadata.batch_size

    def prove(
        self,
        keys: Sequence[Signer | HolderKey],
        *,
        now: int,
        proof_type: str | None = None,
        key_attestation: str | None = None,
    ) -> "Proofs":
        """Prepare proofs for these keys (OID4VCI F), of the first of `proof_choices` that they fit, or of `proof_type`.

        - `keys` are 1 to `max_keys` distinct keys, none if `max_keys` is 0; use a new key for each Credential (OID4VCI 15.4.1). A
          `HolderKey` is named as it says, others as the issuer wants it: by themselves, or by a DID that is made of them.
        - `key_attestation` is a JWT with the order's `c_nonce` as its `nonce` (OID4VCI D.1). `keys` are then some of those that it
          attests; there may be none where no key has to sign. Credentials are had for all that it attests, `max_keys` at most. It
          goes to an issuer that did not ask for one only if there is no other choice, and then each of `keys` signs.
        - `now`, in seconds since the epoch, becomes the time of the proofs.

        Raises `ValueError` for another number of keys, a key that is there twice, a key attestation that does not fit, and if
        the issuer takes no proof that can be made of this: it says what the issuer wants. Raises `ImportError` if an extra is
        missing without which there are no such proofs.
        """
        given = tuple(holder_key(key) for key in keys)
        if self.configuration.proof_types_supported is None:
            if self.configuration.key_binding_required:
                # OID4VCI 12.2.4: proof types "MUST be present if cryptographic_binding_methods_supported is present".
                raise ValueError("the issuer demands key binding but does not say how to prove a key")
            if given or key_attestation is not None or proof_type is not None:
                raise ValueError("the number of keys must be 0 to 0, without proofs: the Credential is bound to none")
            return Proofs(self, (), now)
        choices = self._chosen(proof_type)
        attested = None if key_attestation is None else AttestedKeys.read(key_attestation, nonce=self.c_nonce, now=now)
        if self.session.wallet.haip and attested is not None and not attested.certified:
            raise ValueError("HAIP-4.5.1-05: the key attestation must have its certificate in x5c (HAIP 4.5.1)")
        if attested is not None:
            # Whoever brings one means it for proofs that need it.
            choices = tuple(sorted(choices, key=lambda choice: not choice.key_attestation_needed))
        self._check_number(given, attested)
        misfits = []
        for choice in choices:
            try:
                choice.check(given, attested)
                named = tuple(choice.named(key) for key in given)
                # Known by their names as far as they have some, and then the others that are attested.
                proved = dict.fromkeys((*(key.public_key for key in named), *(attested.keys if attested else ())))
                return Proofs(self, named, now, choice.type, key_attestation, tuple(proved))
            except ValueError as error:
                misfits.append(error if len(choices) == 1 else ValueError(f"{choice.type}: {error}"))
        raise misfits[0] if len(misfits) == 1 else ValueError("; ".join(map(str, misfits)))

    def _chosen(self, proof_type: str | None) -> tuple[ProofChoice, ...]:
        found = tuple(choice for choice in self.proof_choices if proof_type in (None, choice.type))
        if not found:
            types, makers = self.configuration.proof_types_supported or {}, self.session.wallet.proof_makers
            for name in types:
                if name in makers and proof_type in (None, name):
                    makers[name]  # says which extra is missing
            taken = (f"{name} ({', '.join(map(str, types[name].proof_signing_alg_values_supported))})" for name in types)
            made = "the Wallet makes none of them" if proof_type is None else f"the Wallet cannot make {proof_type} for it"
            raise ValueError(f"the issuer takes proofs of the types {', '.join(taken)} only, and {made}")
        return found

    def _check_number(self, keys: Sequence[HolderKey], attested: AttestedKeys | None) -> None:
        fewest = 1 if attested is None else 0
        if not fewest <= len(keys) <= self.max_keys:
            raise ValueError(f"the number of keys must be {fewest} to {self.max_keys}")
        if len({key.public_key for key in keys}) != len(keys):
            raise ValueError("each Credential needs a key of its own")
        if attested is not None and len(attested.keys) > self.max_keys:
            raise ValueError(f"the issuer takes {self.max_keys} keys at most, and {len(attested.keys)} are attested")


@frozen
class Proofs:
    """The proofs for an order, still to be signed; `submit` sends them with the Credential Request.

    - `keys` are those that sign, or that were named, as the proofs name them; `now` is the time of the proofs.
    - `proof_type` is the identifier of the proof type, None if the Credential is bound to no key.
    - `key_attestation` goes with them.
    - `holder_keys` are the public keys that Credentials will be bound to, those of `keys` first.

    `Order.prove` makes it. The value holds the Access Token. Store it (`dump`) as a secret.
    """

    order: Order
    keys: tuple[HolderKey, ...]
    now: int
    proof_type: str | None = None
    key_attestation: str | None = field(default=None, repr=False)
    holder_keys: tuple[PublicKey, ...] = ()
    _unsigned: UnsignedProofs | None = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_unsigned", self._draft())

    def _draft(self) -> UnsignedProofs | None:
        session, configuration = self.order.session, self.order.configuration
        if self.proof_type is None or configuration.proof_types_supported is None:
            return None
        terms = configuration.proof_types_supported[self.proof_type]
        intended = Intended(
            audience=session.metadata.credential_issuer,
            # "MUST be omitted if the access token ... was obtained ... through anonymous access to the token endpoint"
            client_id=session.client_id,
            nonce=self.order.c_nonce,
            now=self.now,
            algorithms=terms.proof_signing_alg_values_supported,
            key_attestation_asked=terms.key_attestations_required is not None,
        )
        return session.wallet.proof_makers[self.proof_type].draft(self.keys, intended, key_attestation=self.key_attestation)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What the keys outside this process must sign."""
        return () if self._unsigned is None else self._unsigned.to_sign

    def submit(
        self, signatures: Sequence[bytes] = (), *, now: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> "Exchange[Issued | Deferred | Proofs | Order]":
        """The Credential Request (OID4VCI 8.2).

        `signatures` are raw JWS signatures, one for each element of `to_sign` in its order. `now` is the time for which
        Credentials are verified, and that of the DPoP proof, by default that of the proofs. `extra` members are sent along.

        The exchange gives `Issued`, with verified Credentials, or `Deferred`. If the issuer rejects the `c_nonce` it fetches
        another one, once: keys in this process sign again, for others it gives new `Proofs` to sign. A key attestation has the
        old one in it, so then it gives the renewed `Order`, to be proved with another attestation. It raises `Refused` if the
        issuer does not issue, with the advice to refresh the session or to authorize again if it rejects the Access Token;
        `InvalidCredential` for Credentials that do not verify, `InvalidResponse`.

        Raises `ValueError` for a wrong number or size of signatures, or an extra member that is a known one.
        """
        session, order = self.order.session, self.order
        # One of the two, never both (OID4VCI 8.2): an order has an identifier exactly if the server named some.
        members: dict[str, Any] = (
            {"credential_configuration_id": order.configuration_id}
            if order.credential_identifier is None
            else {"credential_identifier": order.credential_identifier}
        )
        if self._unsigned is not None:
            # "contains exactly one parameter named as the proof type" -- OID4VCI 8.2
            members["proofs"] = {self.proof_type: self._unsigned.finish(signatures)}
        elif signatures:
            raise ValueError("0 signatures are needed: there are no proofs")
        members = extended(members, extra, known=_MEMBERS)
        time = self.now if now is None else now

        def read(response: Response, sender: Sender) -> "Result | Exchange[Result]":
            # What the answer brings is kept, also for the request with another c_nonce.
            kept = evolve(session, sender=sender)
            if refused := credential_refusal(session, response):
                endpoint = session.metadata.nonce_endpoint
                # "The wallet should retrieve a new c_nonce value" -- OID4VCI 8.3.1.2; but not for ever.
                if refused.error != "invalid_nonce" or endpoint is None or order.renewed or self.proof_type is None:
                    raise refused
                return request_nonce(endpoint, evolve(order, session=kept), lambda fresh: self._renew(fresh, now, extra))
            return read_credential_response(kept, order.configuration_id, self.holder_keys, time, response)

        return credential_exchange(session, session.metadata.credential_endpoint, members, now=time, read=read)

    def _renew(self, fresh: Order, now: int | None, extra: Mapping[str, Any] | None) -> "Result | Exchange[Result]":
        renewed = evolve(fresh, renewed=True)
        if self.key_attestation is not None:
            return renewed
        # By now the first ones may be too old for the issuer, as their nonce was.
        again = evolve(self, order=renewed, now=self.now if now is None else now)
        return again if again.to_sign else again.submit(now=now, extra=extra)


Result: TypeAlias = Issued | Deferred | Proofs | Order
"""What comes of a Credential Request."""
