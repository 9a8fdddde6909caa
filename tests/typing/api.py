"""The public names as a typed application uses them: checked by mypy, never run."""

from collections.abc import Sequence
from typing import assert_type

from oid4vci import (
    EVERY_CLAIM,
    GRANT_TYPE,
    Anchors,
    AuthorizationServer,
    AuthorizationServerMetadata,
    BatchCredentialIssuance,
    Change,
    CredentialIssuerMetadata,
    CredentialMetadata,
    CredentialOffer,
    CredentialOrder,
    Deferred,
    Exchange,
    Form,
    Issued,
    Issuer,
    Key,
    KeyReference,
    LocalSigner,
    MemoryStore,
    NewSecret,
    Nonces,
    Offer,
    Opened,
    Order,
    PreAuthorizedCodes,
    Proofs,
    ProofType,
    Records,
    Refusal,
    RemoteSigner,
    Reply,
    Request,
    ResolvedKeys,
    Response,
    SdJwtVcConfiguration,
    SdJwtVcEncoder,
    SealedAccessTokens,
    SealingKeys,
    Session,
    SigningInput,
    State,
    Store,
    Together,
    TokenOrder,
    Trust,
    VerifiedCredential,
    Wallet,
    WalletError,
    arespond,
    arun,
    dump,
    ecdsa_signature,
    load,
    new_secret,
    qr_svg,
    respond,
    run,
)
from oid4vci.metadata import ClientMetadata, KeyAttestationsRequired
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.proofs.proof_type import ProofMaker
from oid4vci.wallet import ProofChoice

ISSUER = "https://issuer.example"


def build(keys: SealingKeys, signer: LocalSigner | RemoteSigner, certificate: bytes) -> tuple[Issuer, AuthorizationServer]:
    """An issuer and its authorization server."""
    server = AuthorizationServer(
        metadata=AuthorizationServerMetadata(
            issuer=ISSUER, token_endpoint=ISSUER + "/token", grant_types_supported=(GRANT_TYPE,)
        ),
        access_tokens=SealedAccessTokens(keys),
        pre_authorized_codes=PreAuthorizedCodes(keys, lifetime=300),
        credential_issuers=[ISSUER],
        clients={"wallet": ClientMetadata(token_endpoint_auth_method="none")},
        other_clients=None,
    )
    configuration = SdJwtVcConfiguration(
        vct="urn:example:member",
        scope="member",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
        credential_metadata=CredentialMetadata(),
    )
    metadata = CredentialIssuerMetadata.build(
        credential_issuer=ISSUER,
        credential_endpoint=ISSUER + "/credential",
        batch_credential_issuance=BatchCredentialIssuance(batch_size=2),
        credential_configurations_supported={"member": configuration},
    )
    assert_type(metadata, CredentialIssuerMetadata)
    encoder = SdJwtVcEncoder(signer=signer, x5c=[certificate], disclosable=EVERY_CLAIM)
    issuer = Issuer(metadata, SealedAccessTokens(keys), {"member": encoder}, nonces=Nonces(keys), new_secret=new_secret)
    return issuer, server


class Host(MemoryStore):
    """A host for `respond`."""

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        return {}

    def decide(self, order: TokenOrder | CredentialOrder, /) -> Reply:
        if isinstance(order, TokenOrder):
            return order.issue(extra={"scope": "member"}).finish()
        assert_type(order.subject, str)
        draft = order.issue({"level": "gold"}, limit=1)
        assert_type(draft.to_sign, tuple[SigningInput, ...])
        return draft.finish(self.sign(draft.to_sign)) if order.holder_keys else order.deny("no key")

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return [ecdsa_signature(each.data, each.algorithm) for each in inputs]


class AsyncHost:
    """A host for `arespond`."""

    async def load(self, keys: Sequence[Key], /) -> Records:
        return {}

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        return {}

    async def decide(self, order: TokenOrder | CredentialOrder, /) -> Reply:
        return order.deny()

    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return ()

    async def commit(self, changes: Sequence[Change], /) -> bool:
        return not changes


def serve(issuer: Issuer, server: AuthorizationServer, request: Request, host: Host, now: int) -> Response:
    """One request, with a driver."""
    store: Store = host
    granted = server.pre_authorize("alice", ["member"], tx_code=server.new_tx_code(), now=now)
    assert_type(store.commit(granted.changes), bool)
    offer = issuer.offer(["member"], pre_authorized_code=granted.grant)
    assert_type(offer, CredentialOffer)
    qr_svg(offer.uri())
    return respond(Together([issuer, server]), request, host, now=now)


async def aserve(issuer: Issuer, request: Request, host: AsyncHost, now: int) -> Response:
    """One request, with the asynchronous driver."""
    return await arespond(issuer, request, host, now=now)


def by_stages(issuer: Issuer, request: Request, store: Store, now: int) -> Reply:
    """One request, stage by stage."""
    try:
        call = issuer.read_credential_request(request)
        order = call.verify(store.load(call.lookups), now=now)
        assert_type(order, CredentialOrder)
        return order.issue({}).finish()
    except Refusal as refusal:
        return refusal.reply


def redeem(codes: PreAuthorizedCodes, form: dict[str, str], store: Store, now: int, random: NewSecret) -> Reply:
    """The grant in another OAuth server."""
    codes.new("alice", ["member"], now=now, new_secret=random, note={"ticket": 1})
    call = codes.read(Form(tuple(form.items())), credential_issuers=[ISSUER], client_id=None)
    grant = call.verify(store.load(call.lookups), now=now)
    assert_type(grant.subject, str)
    return Reply(Response.of_json(200, {"access_token": "..."}), (grant.redeem(expires_at=now + 60),))


class Network:
    """An HTTP client, in both colours."""

    def send(self, request: Request) -> Response:
        return Response(404)

    async def asend(self, request: Request) -> Response:
        return Response(404)


def receive(uri: str, pem: bytes, network: Network, now: int) -> tuple[VerifiedCredential, ...]:
    """A whole issuance, with a driver."""
    trust = Trust.of(ISSUER, anchors=Anchors.from_pem(pem))
    wallet = Wallet(trust=trust, client_id="wallet", locales=["de", "en"])
    try:
        opened = run(Offer.parse(uri).open(wallet), network.send)
        assert_type(opened, Opened)
        session = run(opened.redeem("1234"), network.send)
        assert_type(session, Session)
        order = run(session.order("member"), network.send)
        assert_type(order, Order)
        result = run(order.prove([LocalSigner.generate("1")], now=now).submit(), network.send)
        assert_type(result, Issued | Deferred | Proofs | Order)
    except WalletError as error:
        raise RuntimeError(error.advice.value) from error
    return result.credentials if isinstance(result, Issued) else ()


async def areceive(uri: str, wallet: Wallet, network: Network) -> bytes:
    """The same in the other colour, up to the session, which is stored."""
    opened = await arun(Offer.parse(uri).open(wallet), network.asend)
    assert_type(opened, Opened)
    session = await arun(opened.redeem(), network.asend)
    state: State = load(dump(session), wallet)
    return dump(state)


def step(exchange: Exchange[Opened], response: Response) -> Opened | Exchange[Opened]:
    """One exchange by hand."""
    return exchange.receive(response)


def elsewhere(
    order: Order, key: RemoteSigner, signatures: Sequence[bytes], now: int
) -> Exchange[Issued | Deferred | Proofs | Order]:
    """Proofs that another device signs."""
    proofs = order.prove([key], now=now)
    assert_type(proofs.to_sign, tuple[SigningInput, ...])
    return proofs.submit(signatures)


def by_did(order: Order, key: RemoteSigner, did_url: str, attestation: str, now: int) -> Proofs:
    """A key that has a name, and somebody who vouches for it."""
    (choice, *_) = order.proof_choices
    assert_type(choice, ProofChoice)
    assert_type(choice.key_attestations_required, KeyAttestationsRequired | None)
    keys: list[LocalSigner | RemoteSigner | HolderKey] = [HolderKey(key, did_url=did_url)]
    proofs = order.prove(keys, now=now, proof_type=choice.type, key_attestation=attestation)
    assert_type(proofs.keys, tuple[HolderKey, ...])
    return proofs


def another_type(trust: Trust, maker: ProofMaker) -> Wallet:
    """A Wallet that makes proofs of a further type."""
    return Wallet(trust=trust, proof_makers={**PROOF_MAKERS, "x-note": maker})
