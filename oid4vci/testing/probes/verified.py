"""The whole flow by this library's own wallet, which verifies what it gets."""

from typing import Any

from oid4vci.drive import run
from oid4vci.errors import WalletError
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.testing.probes.expectations import need
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.target import Target
from oid4vci.testing.report import CheckFailed
from oid4vci.wallet import ClientAssertion, ClientAuthentication, Issued, Offer, Order, Session, Wallet, WalletAttestation

__all__ = ()


def _begun(peer: Peer, target: Target, wallet: Wallet) -> Session:
    """After whatever grant can be had."""
    supplies, client, instance, now = peer.supplies, peer.supplies.client, peer.instance(), peer.now
    authentication: ClientAuthentication | None = None
    if client.signer is not None:
        authentication = ClientAssertion(client.signer)
    elif instance.attestation is not None:
        authentication = WalletAttestation(instance.attestation, instance.key, authorization_server=peer.server_identifier)
    given: dict[str, Any] = {"now": now, "dpop": instance.dpop, "authentication": authentication}
    if supplies.new_offer is not None and PRE_AUTHORIZED_CODE in peer.grant_types:
        uri = peer.offer(target.configuration_id).offered.offer_uri
        return run(run(Offer.parse(uri).open(wallet, now=now), supplies.send).redeem(**given), supplies.send)
    need(supplies.approve, "nothing was given by which access tokens can be had: new_offer or approve")
    opened = run(Offer.of(supplies.issuer, target.configuration_id).open(wallet, now=now), supplies.send)
    asked = opened.authorize(redirect_uri=supplies.redirect_uri, **given)
    pending = run(asked, supplies.send) if hasattr(asked, "receive") else asked
    callback = supplies.approve(pending.url) if supplies.approve is not None else ""
    return run(pending.callback(callback, now=peer.now), supplies.send)


def _issued(peer: Peer, target: Target, wallet: Wallet) -> int:
    """How many credentials came and were verified; none if they come later."""
    supplies = peer.supplies
    ordered = _begun(peer, target, wallet).order(target.configuration_id)
    order = ordered if isinstance(ordered, Order) else run(ordered, supplies.send)
    holders = [] if target.proof_type is None else [target.holder()]
    attestation = None
    if (target.attested or target.proof_type == "attestation") and supplies.attest_keys is not None:
        attestation = supplies.attest_keys([holder.public_jwk for holder in holders], order.c_nonce)
    proofs = order.prove(holders, now=peer.now, proof_type=target.proof_type, key_attestation=attestation)
    result = run(proofs.submit(), supplies.send)
    return len(result.credentials) if isinstance(result, Issued) else 0


@CHECKS("VCI-3.5-01", "VCI-8.3-01", "VCI-8.1-01")
def wallet_gets_credentials_that_verify(peer: Peer) -> str:
    """This library's wallet goes from the offer to credentials of every configuration, and verifies them by the trust given."""
    supplies, verified = peer.supplies, 0
    need(supplies.trust, "nothing was given that says whom to trust")
    assert supplies.trust is not None
    wallet = Wallet(trust=supplies.trust, client_id=supplies.client.client_id, haip=supplies.haip)
    for target in peer.targets:
        try:
            verified += _issued(peer, target, wallet)
        except WalletError as error:
            # What a wallet says of an answer holds no secret of it.
            raise CheckFailed(f"{target.configuration_id}: {type(error).__name__}: {error}") from None
    need(verified, "no credential came at once")
    return f"{verified} credentials were verified"
