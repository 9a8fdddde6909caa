"""The runs that are drawn: wallet, issuer and authorization server of this library, with nothing between them but a recording.

Keys and secrets are made of numbers, and the clock stands still, so that each build draws the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from docs.flows.recording import Message, Note, Recording
from oid4vci import (
    AuthorizationCodes,
    AuthorizationOrder,
    AuthorizationServer,
    BatchCredentialIssuance,
    ClientMetadata,
    CredentialIssuerMetadata,
    CredentialOrder,
    DecryptionKey,
    Deferral,
    Deferred,
    DeferredOrder,
    Dpop,
    DpopNonces,
    Encryption,
    Issued,
    Issuer,
    LocalSigner,
    MemoryStore,
    Nonces,
    NotificationOrder,
    Notifications,
    Offer,
    PendingAuthorization,
    PreAuthorizedCodes,
    ProofType,
    RefreshTokens,
    Reply,
    Request,
    Response,
    SdJwtVcConfiguration,
    SdJwtVcEncoder,
    SealedAccessTokens,
    SealingKeys,
    Session,
    Together,
    Trust,
    Wallet,
    answer,
    respond,
    run,
)

__all__ = ("FLOWS",)

ISSUER: Final = "https://issuer.example"
REDIRECT: Final = "com.example.wallet:/callback"
NOW: Final = 1_800_000_000
DAY: Final = 86_400
INTERVAL: Final = 60
WALLET, SERVER, CREDENTIAL_ISSUER, BROWSER = "Wallet", "Authorization Server", "Credential Issuer", "Browser"


def _key(number: int) -> LocalSigner:
    return LocalSigner(f"key-{number}", "ES256", ec.derive_private_key(number + 1_000, ec.SECP256R1()))


def _secrets(name: str) -> Callable[[int], bytes]:
    count = 0

    def new_secret(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{name} {count}".encode()).digest(size)

    return new_secret


class _Host(MemoryStore):
    """An application that says yes, at once or a day later."""

    def __init__(self, *, deferring: bool = False) -> None:
        super().__init__()
        self.deferring = deferring
        self.waiting: list[PendingAuthorization] = []
        self.handles: list[str] = []
        self.user = ""

    def decide(self, order: Any, /) -> Any:
        match order:
            case AuthorizationOrder() if not self.user:
                self.waiting.append(order.pending())
                return Reply(Response(200, {"content-type": "text/html"}, b"<form>"), self.waiting[-1].changes)
            case AuthorizationOrder():
                return order.approve(self.user)
            case CredentialOrder() if self.deferring:
                draft = order.defer(interval=INTERVAL)
                self.handles.append(draft.handle)
                return draft
            case DeferredOrder(decision=None):
                return order.wait(interval=INTERVAL)
            case CredentialOrder() | DeferredOrder():
                return order.issue({"level": "gold"})
            case NotificationOrder():
                return order.acknowledge()
        return order.issue()

    def resolve(self, references: Any, /) -> Mapping[Any, Any]:
        return {}

    def sign(self, inputs: Any, /) -> tuple[bytes, ...]:
        return ()


@frozen(eq=False)
class _World:
    """An issuer, its server and its application, a wallet, and the recording of what passes between them."""

    recording: Recording
    issuer: Issuer
    server: AuthorizationServer
    wallet: Wallet
    host: _Host
    muted: list[bool] = field(factory=lambda: [False])

    @classmethod
    def of(cls, title: str, actors: tuple[str, ...], *, encrypted: bool = False, deferring: bool = False) -> "_World":
        new_secret = _secrets(title)
        keys = SealingKeys([new_secret(32)])
        dpop = Dpop(nonces=DpopNonces(keys), new_secret=new_secret)
        configuration = SdJwtVcConfiguration(
            vct="urn:example:member",
            scope="member",
            cryptographic_binding_methods_supported=("jwk",),
            proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
        )
        metadata = CredentialIssuerMetadata.build(
            credential_issuer=ISSUER,
            credential_endpoint=f"{ISSUER}/credential",
            nonce_endpoint=f"{ISSUER}/nonce",
            batch_credential_issuance=BatchCredentialIssuance(batch_size=2),
            credential_configurations_supported={"member": configuration},
        )
        encryption = Encryption(
            keys=[DecryptionKey.generate("enc-1", new_secret=new_secret)], requests_required=True, responses_required=True
        )
        if encrypted:
            metadata = evolve(
                metadata,
                credential_request_encryption=encryption.request_metadata,
                credential_response_encryption=encryption.response_metadata,
            )
        if deferring:
            metadata = evolve(
                metadata,
                deferred_credential_endpoint=f"{ISSUER}/deferred_credential",
                notification_endpoint=f"{ISSUER}/notification",
            )
        issuer = Issuer(
            metadata,
            SealedAccessTokens(keys),
            {"member": SdJwtVcEncoder(signer=_key(0))},
            nonces=Nonces(keys),
            published_keys=[_key(0)],
            credential_offer_endpoint=f"{ISSUER}/offers",
            encryption=encryption if encrypted else None,
            deferral=Deferral(lifetime=30 * DAY) if deferring else None,
            notifications=Notifications(keys) if deferring else None,
            dpop=dpop,
            new_secret=new_secret,
        )
        server = AuthorizationServer.at(
            ISSUER,
            access_tokens=SealedAccessTokens(keys),
            pre_authorized_codes=PreAuthorizedCodes(keys),
            authorization_codes=AuthorizationCodes(),
            refresh_tokens=RefreshTokens(keys),
            credential_issuers=[metadata],
            clients={"wallet": ClientMetadata(redirect_uris=(REDIRECT,))},
            dpop=dpop,
            new_secret=new_secret,
        )
        wallet = Wallet(trust=Trust.of(ISSUER), client_id="wallet", new_secret=_secrets(f"wallet of {title}"))
        return cls(Recording(title, actors), issuer, server, wallet, _Host(deferring=deferring))

    def note(self, text: str) -> None:
        self.recording.steps.append(Note(text))

    def keep(self, sender: str, receiver: str, content: Request | Response) -> None:
        if not self.muted[0]:
            self.recording.steps.append(Message(sender, receiver, content))

    def send(self, request: Request, *, sender: str = WALLET, now: int = NOW) -> Response:
        receiver = CREDENTIAL_ISSUER if self.issuer.serves(request.path) else SERVER
        self.keep(sender, receiver, request)
        response = respond(Together([self.issuer, self.server]), request, self.host, now=now)
        self.keep(receiver, sender, response)
        return response

    def session(self, *, metadata: bool = False, **options: Any) -> Session:
        """A session by a pre-authorized code, of which nothing is recorded but how `metadata` are fetched."""
        self.muted[0] = not metadata
        granted = self.server.pre_authorize("alice", ["member"], now=NOW)
        assert self.host.commit(granted.changes)
        offer = Offer(self.issuer.offer(["member"], pre_authorized_code=granted.grant))
        opened = run(offer.open(self.wallet), self.send)
        self.muted[0] = True
        session = run(opened.redeem(now=NOW, **options), self.send)
        self.muted[0] = False
        return session

    def obtain(self, session: Session, *, copies: int = 1, now: int = NOW) -> Issued | Deferred:
        """The credential of a session, as far as it comes at once."""

        def send(request: Request) -> Response:
            return self.send(request, now=now)

        order = run(session.order("member"), send)
        result = run(order.prove([_key(i) for i in range(1, copies + 1)], now=now).submit(now=now), send)
        assert isinstance(result, Issued | Deferred)
        return result


def pre_authorized_code() -> Recording:
    """Pre-authorized code with a transaction code."""
    world = _World.of("Pre-authorized code flow with a transaction code, a batch of two", (WALLET, SERVER, CREDENTIAL_ISSUER))
    tx_code = "493536"
    granted = world.server.pre_authorize("alice", ["member"], tx_code=tx_code, now=NOW)
    offer = world.issuer.offer(["member"], pre_authorized_code=granted.grant)
    published = world.issuer.publish_offer(offer, now=NOW)
    assert world.host.commit((*granted.changes, *published.changes))
    world.note("The issuer shows a QR code with the offer's URL, and sends the transaction code on another channel.")
    opened = run(Offer.parse(published.uri()).open(world.wallet), world.send)
    world.note("The wallet asks the person: this issuer, this credential? And for the transaction code.")
    session = run(opened.redeem(tx_code=tx_code), world.send)
    world.obtain(session, copies=2)
    world.note("The credentials are verified, each is bound to another key, and the wallet keeps them.")
    return world.recording


def authorization_code() -> Recording:
    """Authorization code with a pushed request and DPoP."""
    world = _World.of(
        "Authorization code flow with a pushed request, DPoP and nonces of the server",
        (BROWSER, WALLET, SERVER, CREDENTIAL_ISSUER),
    )
    opened = run(Offer.of(ISSUER, "member").open(world.wallet), world.send)
    pending = run(opened.authorize(redirect_uri=REDIRECT, dpop=_key(9), now=NOW), world.send)
    world.note("The wallet opens the browser, with nothing in the URL but its name and that of the pushed request.")
    world.send(Request("GET", pending.url), sender=BROWSER)
    world.host.user = "alice"
    world.note("The person logs in and agrees: pages of the application, which then takes the request up again.")
    back = answer(world.server.resume(world.host.waiting[0].handle), world.host, now=NOW)
    world.keep(SERVER, BROWSER, back)
    world.note("The browser gives that URL to the wallet, which holds state and iss against what it asked for, and whom.")
    session = run(pending.callback(back.headers.get("location") or "", now=NOW), world.send)
    world.obtain(session)
    return world.recording


def deferred() -> Recording:
    """Deferred issuance, and what the issuer is told."""
    world = _World.of("Deferred issuance and notification", (WALLET, CREDENTIAL_ISSUER), deferring=True)
    session = world.session()
    world.note("The wallet has an access token, by either of the flows above.")
    promised = world.obtain(session)
    assert isinstance(promised, Deferred)
    world.note("The wallet keeps the transaction_id, and asks again after the interval. Nothing was decided yet.")
    promised = run(promised.poll(now=NOW + INTERVAL), lambda request: world.send(request, now=NOW + INTERVAL))
    assert isinstance(promised, Deferred)
    world.note("Somebody looks the case up, and completes the transaction.")
    wanted = world.issuer.transaction(world.host.handles[0])
    transaction = wanted.read(world.host.load(wanted.lookups), now=NOW + INTERVAL)
    assert transaction is not None
    assert world.host.commit(transaction.complete())
    later = NOW + 2 * INTERVAL
    issued = run(promised.poll(now=later), lambda request: world.send(request, now=later))
    assert isinstance(issued, Issued)
    world.note("The credential is verified and stored, and the issuer is told so.")
    run(issued.notify(issued.outcome(stored=1), now=later), lambda request: world.send(request, now=later))
    return world.recording


def encrypted() -> Recording:
    """Encrypted Credential Request and Response."""
    world = _World.of(
        "Credential Request and Credential Response, both encrypted", (WALLET, SERVER, CREDENTIAL_ISSUER), encrypted=True
    )
    session = world.session(metadata=True)
    world.note("The wallet has an access token, by either of the flows above.")
    world.obtain(session)
    world.note("Within are the same members as without encryption, and in the request the wallet's key for the response.")
    return world.recording


def refresh() -> Recording:
    """A refresh token, weeks later."""
    world = _World.of("Another credential by a refresh token, bound to a DPoP key", (WALLET, SERVER, CREDENTIAL_ISSUER))
    session = world.session(dpop=_key(9))
    later = NOW + 30 * DAY
    world.note("Thirty days later the access token has expired, and so have the nonces of the server.")
    session = run(session.refresh(now=later), lambda request: world.send(request, now=later))
    world.note(
        "The refresh token is a new one. The one before serves for some seconds more; after that its use ends the grant."
    )
    world.obtain(session, now=later)
    return world.recording


FLOWS: Final[Mapping[str, Callable[[], Recording]]] = {
    "pre-authorized-code": pre_authorized_code,
    "authorization-code": authorization_code,
    "deferred": deferred,
    "encrypted": encrypted,
    "refresh": refresh,
}
