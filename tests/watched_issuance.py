"""Whole issuances by both grants in which everything is kept that could be logged."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci._jose import compact
from oid4vci.authorization_server import AuthorizationOrder, AuthorizationServer, TokenOrder
from oid4vci.drive import Together
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.errors import Refused, WalletError
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request
from oid4vci.issuer import Deferral, DeferredOrder, Issuer, NotificationOrder
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import (
    BatchCredentialIssuance,
    ClientMetadata,
    KeyAttestationsRequired,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.records import Key
from oid4vci.sealed import SealingKeys
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, Deferred, Issued, Offer, Opened, Order, Proofs, Session, Wallet, dump, load
from tests.deferrals import DEFERRED
from tests.issuance import IDENTIFIER, NOW, OFFERS, issuer_metadata
from tests.key_attestations import ATTESTER, ATTESTER_KEY, known_attester
from tests.notifications import NOTIFICATION
from tests.wallet_clients import CLIENT, INSTANCE, PROVIDER, PROVIDER_KEY, attestation
from tests.watching import Watch, WatchedServer

SUBJECT, NAME, TX_CODE, WRONG = "ada.lovelace@people.example", "Augusta Ada", "731946", "731947"
STATE = "the-secret-issuer-state"
# What the application knows of the person, and what the Wallet tells of her.
PERSONAL = (
    SUBJECT,
    NAME,
    TX_CODE,
    WRONG,
    STATE,
    "case of Ada",
    "reason of Ada",
    "decision of Ada",
    "phone of Ada",
    "denied to Ada",
)
HOLDERS = [LocalSigner.generate(f"holder-{i}") for i in range(2)]
DPOP_KEY, ISSUER_KEY = LocalSigner.generate("dpop"), LocalSigner.generate("issuer")
REDIRECT_URI = "https://wallet.example/cb"
SEALING_KEY = bytes(range(100, 132))
DECRYPTION_KEY = DecryptionKey.generate("enc-1")
PID = SdJwtVcConfiguration(
    vct="urn:pid",
    scope="pid",
    cryptographic_binding_methods_supported=("jwk",),
    proof_types_supported={
        "jwt": ProofType(proof_signing_alg_values_supported=("ES256",), key_attestations_required=KeyAttestationsRequired())
    },
)


def decide(order: Any) -> Any:
    """Everybody is ada, who waits for her pid if she asked for it with her browser."""
    match order:
        case TokenOrder():
            return order.issue()
        case AuthorizationOrder():
            return order.approve(SUBJECT, note={"case": "case of Ada"})
        case NotificationOrder():
            return order.acknowledge()
        case DeferredOrder() if order.decision is None:
            return order.wait(interval=1)
        case DeferredOrder():
            return order.issue({"given_name": NAME})
    return order.issue({"given_name": NAME}) if order.note is None else order.defer(interval=1, note="reason of Ada")


def world(watch: Watch) -> WatchedServer:
    """An issuer and an authorization server with everything that they can."""
    keys = SealingKeys([SEALING_KEY])
    encryption = Encryption(keys=[DECRYPTION_KEY])
    dpop = Dpop(nonces=DpopNonces(keys))
    issuer = Issuer(
        issuer_metadata(
            credential_configurations_supported={"pid": PID},
            deferred_credential_endpoint=DEFERRED,
            notification_endpoint=NOTIFICATION,
            batch_credential_issuance=BatchCredentialIssuance(batch_size=2),
            credential_request_encryption=encryption.request_metadata,
            credential_response_encryption=encryption.response_metadata,
        ),
        SealedAccessTokens(keys),
        encoders={"pid": SdJwtVcEncoder(signer=ISSUER_KEY, disclosable=[("given_name",)])},
        nonces=Nonces(keys),
        proof_types={"jwt": JwtProofType(key_attestations=known_attester())},
        credential_offer_endpoint=OFFERS,
        published_keys=[ISSUER_KEY],
        dpop=dpop,
        encryption=encryption,
        deferral=Deferral(1000),
        notifications=Notifications(keys),
    )
    attesters = {PROVIDER: (public_key(PROVIDER_KEY.public_jwk),)}
    server = AuthorizationServer.at(
        IDENTIFIER,
        access_tokens=SealedAccessTokens(keys),
        pre_authorized_codes=PreAuthorizedCodes(keys),
        authorization_codes=AuthorizationCodes(),
        refresh_tokens=RefreshTokens(keys),
        credential_issuers=(issuer.metadata,),
        clients={CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="attest_jwt_client_auth")},
        client_authentication={"attest_jwt_client_auth": ClientAttestation(attesters=attesters, challenges=Challenges(keys))},
        other_clients=None,
        dpop=dpop,
    )
    watch.keep([issuer, server, keys, encryption])
    return WatchedServer(watch, Together([issuer, server]), decide, NOW)


def issuer_of(served: WatchedServer) -> Issuer:
    assert isinstance(served.role, Together)
    issuer, _ = served.role.roles
    assert isinstance(issuer, Issuer)
    return issuer


def server_of(served: WatchedServer) -> AuthorizationServer:
    assert isinstance(served.role, Together)
    _, server = served.role.roles
    assert isinstance(server, AuthorizationServer)
    return server


def wallet(**settings: Any) -> Wallet:
    signers = {each.key_id: each for each in (*HOLDERS, DPOP_KEY, INSTANCE)}
    return Wallet(trust=Trust.of(IDENTIFIER), client_id=CLIENT, signers=signers, **settings)


def stored(served: WatchedServer, state: Any) -> Any:
    """The state in another process."""
    holder = state.order.session if isinstance(state, Proofs) else state
    if not isinstance(holder, Opened | Session):
        holder = holder.opened if isinstance(holder, Authorizing) else holder.session
    loaded = load(dump(state), holder.wallet)
    served.watch.keep(loaded)
    return loaded


def ordered(served: WatchedServer, session: Session) -> Any:
    """What comes of an order for two attested keys."""
    order = served.run(session.order("pid"))
    assert isinstance(order, Order)
    data = key_attestation_signing_input(
        ATTESTER_KEY,
        issuer=ATTESTER,
        attested_keys=[each.public_jwk for each in HOLDERS],
        now=NOW,
        lifetime=300,
        nonce=order.c_nonce,
    )
    attested = compact(data, ATTESTER_KEY.sign(data))
    served.watch.secrets.update((attested, order.c_nonce or ""))
    proofs = stored(served, order).prove(HOLDERS[:1], now=NOW, key_attestation=attested)
    served.watch.keep(proofs)
    return served.run(stored(served, proofs).submit())


def pre_authorized(served: WatchedServer, client: Wallet) -> Session:
    """With a transaction code, which is mistyped first."""
    issuer, server = issuer_of(served), server_of(served)
    granted = server.pre_authorize(SUBJECT, ["pid"], now=NOW, tx_code=TX_CODE)
    served.watch.keep(granted)
    published = issuer.publish_offer(issuer.offer(["pid"], pre_authorized_code=granted.grant), now=NOW)
    served.watch.keep(published)
    assert served.store.commit((*granted.changes, *published.changes))
    served.watch.secrets |= {granted.grant.pre_authorized_code, published.url.rpartition("/")[2]}
    offer = Offer.parse(published.uri())
    served.watch.keep(offer)
    opened = stored(served, served.run(offer.open(client)))
    known: Any = {"now": NOW, "dpop": DPOP_KEY, "authentication": attestation()}
    with pytest.raises(Refused):
        served.run(opened.redeem(WRONG, **known))
    session = served.run(opened.redeem(TX_CODE, **known))
    assert isinstance(session, Session)
    return session


def authorized(served: WatchedServer, client: Wallet) -> Session:
    """With a browser."""
    issuer = issuer_of(served)
    offer = Offer(issuer.offer(["pid"], authorization_code=AuthorizationCodeGrant(issuer_state=STATE)))
    opened = served.run(offer.open(client))
    known: Any = {"now": NOW, "authentication": attestation()}
    pending = served.run(opened.authorize(redirect_uri=REDIRECT_URI, dpop=DPOP_KEY, **known))
    assert isinstance(pending, Authorizing)
    served.watch.secrets |= {pending.state, pending.code_verifier, pending.url.rpartition("=")[2]}
    pending = stored(served, pending)
    session = served.run(pending.callback(served(Request("GET", pending.url)).headers.get("location") or "", **known))
    assert isinstance(session, Session)
    return session


def completed(served: WatchedServer, deferred: Deferred) -> Issued:
    """The application decides, and the Wallet comes again."""
    served.watch.secrets.add(deferred.transaction_id)
    served.run(deferred.poll(now=NOW, early=True))
    wanted = issuer_of(served).transaction(Key.of("transaction", deferred.transaction_id).digest)
    transaction = wanted.read(served.store.load(wanted.lookups), now=NOW)
    assert transaction is not None
    changes = transaction.complete("decision of Ada")
    served.watch.keep([wanted, transaction, changes, transaction.refuse("denied to Ada")])
    assert served.store.commit(changes)
    issued = served.run(stored(served, deferred).poll(now=NOW, early=True))
    assert isinstance(issued, Issued)
    return issued


def result_of(served: WatchedServer, session: Session) -> Issued:
    """Refreshed, ordered, waited for, received and notified."""
    watch = served.watch
    watch.secrets |= {session.access_token, session.refresh_token or session.access_token}
    result = ordered(served, stored(served, served.run(session.refresh(now=NOW))))
    issued = completed(served, result) if isinstance(result, Deferred) else result
    assert isinstance(issued, Issued)
    notified(served, issued)
    return issued


def notified(served: WatchedServer, issued: Issued) -> None:
    """The issuer hears of it, and the person sees what she has."""
    assert issued.credentials[0].claims["given_name"] == NAME
    served.watch.secrets.add(issued.notification_id or "")
    served.watch.secrets.update(str(each.credential) for each in issued.credentials)
    served.run(stored(served, issued).notify("credential_failure", "phone of Ada", now=NOW))
    served.watch.keep([issued.view(), issued.credentials])


def misused(served: WatchedServer, session: Session) -> None:
    """Everything that was sent is sent again, as it was and by somebody else: refusals of every kind."""
    sent = [each for each in served.watch.values.values() if isinstance(each, Request)]
    for request in sent:
        served(request)
        served(Request(request.method, request.url, {**dict(request.headers.pairs), "dpop": "x.y.z"}, request.body))
        served(Request(request.method, request.url, request.headers, request.body[: len(request.body) // 2]))
    with pytest.raises(WalletError):
        ordered(served, evolve(session, access_token=session.access_token[:-9]))


def pushed(served: WatchedServer) -> dict[str, str]:
    """The parameters of an Authorization Request, of a Wallet that was given a code before."""
    authorized(served, wallet())
    sent = [each for each in served.watch.values.values() if isinstance(each, Request) and each.url.endswith("/par")]
    return dict(sent[-1].form().pairs)
