"""A Wallet made of the library, as a scripted issuer probes one, and the parts of it that a test makes wrong."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import define, evolve, field

from oid4vci._jose import compact
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, InvalidResponse, Untrusted, WalletError
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.proofs.key_attestation import HIGH, KeyAttestations
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.testing import FEATURES, ScriptedIssuer, WalletProfile
from oid4vci.trust import Trust
from oid4vci.wallet import (
    Authorizing,
    ClientAssertion,
    ClientAuthentication,
    Deferred,
    Issued,
    Offer,
    Opened,
    Order,
    Session,
    Wallet,
    WalletAttestation,
)
from oid4vci.x509 import Anchors
from tests.issuance import NOW, secret_keys
from tests.key_attestations import CERTIFIED_KEY, LEAF, ROOT, SUB

ORIGIN = "https://probe.example"
REDIRECT_URI = "https://wallet.example/cb"
CLIENT = "https://wallet.example/app"
CLIENT_KEY, INSTANCE = LocalSigner.generate("client"), LocalSigner.generate("instance")
ANCHORS = Anchors.from_der(ROOT)
Send = Callable[[Request], Response]
Method = Literal["none", "private_key_jwt", "attest_jwt_client_auth"]


def profile(method: Method = "none", *, without: frozenset[str] = frozenset(), haip: bool = False) -> WalletProfile:
    """The wallet below, as the issuer knows it."""
    registered: dict[str, Any] = {"redirect_uris": (REDIRECT_URI,), "token_endpoint_auth_method": method}
    if method == "private_key_jwt":
        registered["jwks"] = {"keys": [dict(CLIENT_KEY.public_jwk)]}
    attested = method == "attest_jwt_client_auth"
    return WalletProfile(
        registration=ClientMetadata(**registered),
        client_attestation=ClientAttestation(anchors=ANCHORS, challenges=Challenges(secret_keys())) if attested else None,
        key_attestations=KeyAttestations(anchors=ANCHORS),
        haip=haip,
        features=FEATURES - without,
    )


@define
class Clock:
    """The time, which passes when somebody waits."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@define
class ProbedWallet:
    """A Wallet with everything on. `send` is the network, and every field is something that a test can make wrong."""

    issuer: ScriptedIssuer
    clock: Clock
    send: Send = field(default=lambda request: Response(500))
    dpop: bool = True
    settings: Mapping[str, Any] = field(factory=dict)
    waits: bool = True
    asks_for_signed: bool = True
    callback: Callable[[str], str] = field(default=lambda url: url)
    keys: Callable[[int], list[LocalSigner]] = field(
        default=lambda count: [LocalSigner.generate(f"holder-{i}") for i in range(count)]
    )

    @property
    def wallet(self) -> Wallet:
        anchors = self.issuer.anchors
        trust = Trust.of(self.issuer.origin, anchors=anchors, metadata_anchors=anchors if self.asks_for_signed else None)
        return Wallet(**{"trust": trust, "client_id": CLIENT, "haip": self.issuer.wallet.haip, **self.settings})

    def __call__(self, offer_uri: str, tx_code: str | None) -> Literal["issued", "failed"]:
        try:
            self.accept(offer_uri, tx_code)
        except WalletError as error:
            self.reject(error)
            return "failed"
        return "issued"

    def accept(self, offer_uri: str, tx_code: str | None) -> None:
        opened = run(Offer.parse(offer_uri).open(self.wallet, now=self.clock()), self.send)
        session = self.session(opened, tx_code)
        for configuration_id in session.configuration_ids:
            issued = self.ordered(session, configuration_id)
            if issued.can_notify:
                self.notify(issued)

    def notify(self, issued: Issued) -> None:
        try:
            run(issued.notify("credential_accepted", now=self.clock()), self.send)
        except WalletError:
            """What was issued is kept all the same."""

    def reject(self, error: WalletError) -> None:
        rejected = error.rejected if isinstance(error, InvalidCredential | Untrusted) else None
        if rejected is not None and rejected.can_notify:
            run(rejected.notify(now=self.clock()), self.send)

    def session(self, opened: Opened, tx_code: str | None) -> Session:
        bound = LocalSigner.generate("dpop") if self.dpop else None
        given: dict[str, Any] = {"now": self.clock(), "dpop": bound, "authentication": self.authentication(opened)}
        if opened.pre_authorized_code is not None:
            return run(opened.redeem(tx_code, **given), self.send)
        begun: Any = opened.authorize(redirect_uri=REDIRECT_URI, **given)
        pending: Authorizing = run(begun, self.send)
        # The browser.
        answer = self.send(Request("GET", pending.url))
        url = answer.headers.get("location")
        if url is None:
            raise InvalidResponse("the browser was not sent back")
        return run(pending.callback(self.callback(url), now=self.clock()), self.send)

    def authentication(self, opened: Opened) -> ClientAuthentication | None:
        method = self.issuer.wallet.method
        if method == "private_key_jwt":
            return ClientAssertion(CLIENT_KEY)
        if method == "none":
            return None
        data = client_attestation_signing_input(
            CERTIFIED_KEY,
            x5c=(LEAF, SUB),
            issuer="https://provider.example",
            client_id=CLIENT,
            jwk=INSTANCE.public_jwk,
            now=self.clock(),
            lifetime=600,
        )
        jwt = compact(data, CERTIFIED_KEY.sign(data))
        return WalletAttestation(jwt, INSTANCE, authorization_server=opened.server.issuer)

    def ordered(self, session: Session, configuration_id: str) -> Issued:
        begun = session.order(configuration_id)
        order = begun if isinstance(begun, Order) else run(begun, self.send)
        result: Any = self.obtained(order)
        while isinstance(result, Deferred):
            if self.waits:
                self.clock.now = max(self.clock.now, int(result.ready_at))
                self.clock()  # where time is real, it passes here
            result = run(result.poll(now=int(result.ready_at)), self.send)
        if isinstance(result, Order):
            result = self.obtained(result)
        assert isinstance(result, Issued)
        return result

    def obtained(self, order: Order) -> Any:
        keys = self.keys(order.max_keys)
        attested = any(choice.key_attestation_needed for choice in order.proof_choices)
        proofs = order.prove(keys, now=self.clock(), key_attestation=self.attestation(order, keys) if attested else None)
        return run(proofs.submit(now=self.clock()), self.send)

    def attestation(self, order: Order, keys: list[LocalSigner]) -> str:
        data = key_attestation_signing_input(
            CERTIFIED_KEY,
            x5c=(LEAF, SUB),
            issuer="https://provider.example",
            attested_keys=[key.public_jwk for key in keys],
            now=self.clock(),
            lifetime=300,
            nonce=order.c_nonce,
            key_storage=[HIGH],
        )
        return compact(data, CERTIFIED_KEY.sign(data))


def probed(
    method: Method = "none", *, without: frozenset[str] = frozenset(), haip: bool = False, **settings: Any
) -> tuple[ScriptedIssuer, ProbedWallet]:
    """A scripted issuer, and the wallet in the same process."""
    clock = Clock()
    issuer = ScriptedIssuer(ORIGIN, clock, profile(method, without=without, haip=haip))
    wallet = ProbedWallet(issuer, clock, **settings)
    return issuer, evolve(wallet, send=issuer.send) if "send" not in settings else wallet
