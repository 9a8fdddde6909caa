"""The Wallet's side of OID4VCI: exchanges, and the states between them.

opened  = run(Offer.parse(uri).open(wallet))          offer and metadata, checked; nothing trusted yet
session = run(opened.redeem(tx_code="4921"))          an Access Token, with a pre-authorized code

pending = run(opened.authorize(redirect_uri=...))     or the authorization code flow: pending.url for the browser
session = run(pending.callback(url))                  and what came back

order   = run(session.order("pid_sd_jwt"))            with a fresh c_nonce
proofs  = order.prove([signer], now=now)              to be signed, by whoever has the keys
result  = run(proofs.submit(signatures))              Issued, Deferred, new Proofs, or a renewed Order

issued  = run(issued.notify("credential_accepted"))   to tell the issuer, if it wants to know
"""

from oid4vci.wallet.authorizing import Authorizing
from oid4vci.wallet.client_authentication import ClientAssertion, ClientAuthentication, ClientCredentials, WalletAttestation
from oid4vci.wallet.display import ClaimView, CredentialView, credential_view
from oid4vci.wallet.exchange import Exchange
from oid4vci.wallet.issued import Deferred, Issued
from oid4vci.wallet.notification import RejectedCredentials
from oid4vci.wallet.offer import Offer
from oid4vci.wallet.opened import Opened
from oid4vci.wallet.order import Order, Proofs
from oid4vci.wallet.proof_choice import ProofChoice
from oid4vci.wallet.session import Session
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.status import CredentialStatusChecker, check_status
from oid4vci.wallet.storage import State, dump, load

__all__ = (
    "Authorizing",
    "ClaimView",
    "ClientAssertion",
    "ClientAuthentication",
    "ClientCredentials",
    "CredentialStatusChecker",
    "CredentialView",
    "Deferred",
    "Exchange",
    "Issued",
    "Offer",
    "Opened",
    "Order",
    "ProofChoice",
    "Proofs",
    "RejectedCredentials",
    "Session",
    "State",
    "Wallet",
    "WalletAttestation",
    "check_status",
    "credential_view",
    "dump",
    "load",
)
