"""An order for one Credential Dataset, the proofs for its keys, and the Credential Request (OID4VCI 7, 8.2, F.1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, field, frozen

from oid4vci._document import Document, string, wire
from oid4vci.errors import Advice
from oid4vci.http import Response
from oid4vci.keys import PublicKey, Signer, SigningInput, public_key
from oid4vci.metadata import CredentialConfiguration
from oid4vci.proofs.jwt import proof_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt, signed, to_sign
from oid4vci.wallet.exchange import Exchange, extended, json_object, post, server_error
from oid4vci.wallet.issued import Deferred, Issued, read_credential_response
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
    def proof_algorithms(self) -> tuple[str, ...] | None:
        """The algorithms that the issuer accepts in `jwt` proofs; None if a Credential takes no keys.

        Raises `ValueError` if the issuer takes other proof types only.
        """
        types = self.configuration.proof_types_supported
        if types is None:
            return None
        if "jwt" not in types:
            raise ValueError(f"the issuer takes no jwt proofs, only {', '.join(types)}")
        return tuple(each for each in types["jwt"].proof_signing_alg_values_supported if isinstance(each, str))

    @property
    def max_keys(self) -> int:
        """How many keys `prove` may be given: one Credential each. 0 if a Credential takes no keys."""
        return 0 if self.configuration.proof_types_supported is None else self.session.metadata.batch_size

    def prove(self, signers: Sequence[Signer], *, now: int) -> "Proofs":
        """Prepare one proof for each key (OID4VCI F.1).

        `signers` are 1 to `max_keys` distinct keys, none if `max_keys` is 0; use a new key for each Credential (OID4VCI 15.4.1).
        `now`, in seconds since the epoch, becomes the `iat` of the proofs.

        Raises `ValueError` for another number of keys, a key that is there twice, an algorithm that the issuer does not accept, or
        if the issuer demands another proof type, another way to name keys, or key attestations.
        """
        algorithms = self.proof_algorithms
        if algorithms is None and self.configuration.key_binding_required:
            # OID4VCI 12.2.4: proof types "MUST be present if cryptographic_binding_methods_supported is present".
            raise ValueError("the issuer demands key binding but does not say how to prove a key")
        if not (min(self.max_keys, 1) <= len(signers) <= self.max_keys):
            raise ValueError(f"the number of keys must be {min(self.max_keys, 1)} to {self.max_keys}")
        if algorithms is not None:
            self._check_keys(signers, algorithms)
        return Proofs(self, tuple(signers), now)

    def _check_keys(self, signers: Sequence[Signer], algorithms: Sequence[str]) -> None:
        configuration = self.configuration
        methods = configuration.cryptographic_binding_methods_supported
        if methods is not None and not {"jwk", "cose_key"} & set(methods):
            raise ValueError(f"the issuer binds Credentials to {', '.join(methods)} only, not to plain keys")
        types = configuration.proof_types_supported
        if types is not None and types["jwt"].key_attestations_required is not None:
            raise ValueError("the issuer demands key attestations, which are not supported")
        if len({public_key(signer.public_jwk) for signer in signers}) != len(signers):
            raise ValueError("each Credential needs a key of its own")
        for signer in signers:
            if signer.algorithm not in algorithms:
                raise ValueError(f"the issuer accepts {', '.join(algorithms)}, not {signer.algorithm}")


def _unsigned_jwts(proofs: "Proofs") -> tuple[UnsignedJwt, ...]:
    session = proofs.order.session
    return tuple(
        UnsignedJwt(
            signer,
            proof_signing_input(
                signer,
                audience=session.metadata.credential_issuer,
                nonce=proofs.order.c_nonce,
                # "MUST be omitted if the access token ... was obtained ... through anonymous access to the token endpoint"
                issuer_claim=session.client_id,
                now=proofs.now,
            ),
        )
        for signer in proofs.signers
    )


@frozen
class Proofs:
    """The proofs for an order, one for each key, still to be signed; `submit` sends them with the Credential Request.

    `now` is the `iat` of the proofs. The value holds the Access Token. Store it (`dump`) as a secret.
    """

    order: Order
    signers: tuple[Signer, ...]
    now: int
    _jwts: tuple[UnsignedJwt, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_jwts", _unsigned_jwts(self))

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What the keys outside this process must sign."""
        return to_sign(self._jwts)

    @property
    def holder_keys(self) -> tuple[PublicKey, ...]:
        """The public keys that Credentials will be bound to, in the order of the signers."""
        return tuple(public_key(signer.public_jwk) for signer in self.signers)

    def submit(
        self, signatures: Sequence[bytes] = (), *, now: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> "Exchange[Issued | Deferred | Proofs]":
        """The Credential Request (OID4VCI 8.2).

        `signatures` are raw JWS signatures, one for each element of `to_sign` in its order. `now` is the time for which
        Credentials are verified, and that of the DPoP proof, by default that of the proofs. `extra` members are sent along.

        The exchange gives `Issued`, with verified Credentials, or `Deferred`. If the issuer rejects the `c_nonce` it fetches
        another one, once: keys in this process sign again, for others it gives new `Proofs` to sign. It raises `Refused` if the
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
        jwts = signed(self._jwts, signatures)
        if jwts:
            members["proofs"] = {"jwt": jwts}
        members = extended(members, extra, known=_MEMBERS)
        time = self.now if now is None else now

        def read(response: Response, sender: Sender) -> "Issued | Deferred | Proofs | Exchange[Issued | Deferred | Proofs]":
            # What the answer brings is kept, also for the request with another c_nonce.
            kept = evolve(session, sender=sender)
            if refused := server_error(response, scheme=session.sender.scheme):
                if refused.status == 401 and refused.error in ("invalid_token", "unknown_error"):
                    refused.advice = Advice.AUTHORIZE if session.refresh_token is None else Advice.REFRESH
                endpoint = session.metadata.nonce_endpoint
                # "The wallet should retrieve a new c_nonce value" -- OID4VCI 8.3.1.2; but not for ever.
                if refused.error != "invalid_nonce" or endpoint is None or order.renewed or not self.signers:
                    raise refused
                return request_nonce(endpoint, evolve(order, session=kept), lambda fresh: self._renew(fresh, now, extra))
            return read_credential_response(kept, order.configuration_id, self.holder_keys, time, response)

        return session.sender.post_json(
            session.metadata.credential_endpoint, members, access_token=session.access_token, now=time, read=read
        )

    def _renew(
        self, fresh: Order, now: int | None, extra: Mapping[str, Any] | None
    ) -> "Proofs | Exchange[Issued | Deferred | Proofs]":
        again = Proofs(evolve(fresh, renewed=True), self.signers, self.now)
        return again if again.to_sign else again.submit(now=now, extra=extra)
