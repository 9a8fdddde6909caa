"""An offer whose issuer and Authorization Server are known, and the Token Request (OID4VCI 6.1)."""

from collections.abc import Mapping, Sequence
from functools import partial

from attrs import field, frozen

from oid4vci import _json
from oid4vci.errors import TxCodeRequired
from oid4vci.metadata import AuthorizationServerMetadata, CredentialConfiguration, CredentialIssuerMetadata
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.offers import PRE_AUTHORIZED_CODE, CredentialOffer, PreAuthorizedCodeGrant, TxCode
from oid4vci.wallet.exchange import Exchange, post_form
from oid4vci.wallet.session import Session, TokenRequest, read_token_response
from oid4vci.wallet.settings import Wallet

__all__ = ("Opened",)

# What `redeem` decides itself; `extra` parameters are no way around that.
_PARAMETERS = frozenset(
    ("grant_type", "pre-authorized_code", "tx_code", "client_id", "authorization_details", "scope", "resource")
)


def check_tx_code(expected: TxCode, tx_code: str | None) -> None:
    """Raise `TxCodeRequired` unless the person's entry can be the Transaction Code, before an attempt is spent on it."""
    if not tx_code:
        raise TxCodeRequired("the offer demands a transaction code")
    if expected.input_mode == "numeric" and not (tx_code.isascii() and tx_code.isdigit()):
        raise TxCodeRequired("the transaction code has digits only")
    if expected.length is not None and len(tx_code) != expected.length:
        raise TxCodeRequired(f"the transaction code has {expected.length} characters")


def demand_endpoints(wallet: Wallet, metadata: CredentialIssuerMetadata, server: AuthorizationServerMetadata) -> None:
    """Raise `Untrusted` if a code, a token or a proof would go to an origin that the trust decision has not allowed.

    Endpoints of the same origin as the party they belong to are allowed with it.
    """
    for endpoint in (metadata.credential_endpoint, metadata.nonce_endpoint):
        if endpoint is not None:
            wallet.trust.demand_endpoint(endpoint, metadata.credential_issuer)
    if server.token_endpoint is not None:
        wallet.trust.demand_endpoint(server.token_endpoint, server.issuer)


@frozen
class Opened:
    """An offer, the metadata of its issuer and of the Authorization Server to use; each was named by the one before.

    Nothing here vouches for the issuer: an offer is not trustworthy (OID4VCI 13.5), and what the trust decision allowed is to talk
    to these parties. Show the person `metadata` and, before a Transaction Code is entered, where code and Transaction Code will go:
    `token_endpoint` (OID4VCI 13.6.2).

    The value holds the code of the offer. Store it (`dump`) as a secret.
    """

    wallet: Wallet = field(eq=False, repr=False)
    offer: CredentialOffer
    metadata: CredentialIssuerMetadata = field(repr=False)
    server: AuthorizationServerMetadata = field(repr=False)
    token_endpoint: str

    @property
    def configurations(self) -> Mapping[str, CredentialConfiguration]:
        """The offered Credential Configurations by their ids, in the order of the offer."""
        supported = self.metadata.credential_configurations_supported
        return {name: supported[name] for name in self.offer.credential_configuration_ids}

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types to choose from: those of the offer, else those of the Authorization Server (OID4VCI 4.1.1)."""
        return self.offer.grant_types or self.server.grant_types

    @property
    def pre_authorized_code(self) -> PreAuthorizedCodeGrant | None:
        """The pre-authorized code grant of the offer, if it has one."""
        return self.offer.grants.pre_authorized_code if self.offer.grants else None

    @property
    def tx_code(self) -> TxCode | None:
        """What to tell the person about the Transaction Code; None if none is needed."""
        return self.pre_authorized_code.tx_code if self.pre_authorized_code else None

    def redeem(
        self,
        tx_code: str | None = None,
        *,
        configuration_ids: Sequence[str] | None = None,
        scope: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Exchange[Session]:
        """The Token Request with the pre-authorized code (OID4VCI 6.1).

        `tx_code` is what the person entered, passed on as it is. `configuration_ids` are those of the offer to ask for, in
        `authorization_details`; without them, the code stands for all that was offered. `scope` (space-separated) and `extra`
        parameters are sent along.

        Raises `TxCodeRequired` if a Transaction Code is demanded and `tx_code` cannot be it, and `ValueError` if none is demanded,
        the offer has no pre-authorized code, a configuration was not offered, none has a format that the Wallet can verify, the
        server says that it takes no `authorization_details`, an
        extra parameter is a known one, or the server takes no anonymous requests and the Wallet has no `client_id`. The exchange
        raises `WrongTxCode`: ask the person again and redeem again; `Refused`: the code is gone.
        """
        grant = self.pre_authorized_code
        if grant is None:
            raise ValueError("the offer has no pre-authorized code")
        chosen = self.offer.credential_configuration_ids if configuration_ids is None else configuration_ids
        formats = {each.format for name, each in self.configurations.items() if name in chosen}
        if formats and not any(each in self.wallet.formats for each in formats):
            # Before the code is spent on Credentials that nobody here can verify.
            raise ValueError("the Wallet has no verifier for the format of any of these Credentials")
        parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": grant.pre_authorized_code}
        # OID4VCI 6.1: "MUST be present if a tx_code object was present in the Credential Offer", even an empty one.
        if grant.tx_code is not None:
            check_tx_code(grant.tx_code, tx_code)
        elif tx_code is not None:
            raise ValueError("the offer demands no transaction code")
        if tx_code is not None:
            parameters["tx_code"] = tx_code
        client_id = self._client_id()
        if client_id is not None:
            parameters["client_id"] = client_id
        if configuration_ids is not None:
            parameters["authorization_details"] = self._authorization_details(configuration_ids)
        if scope is not None:
            parameters["scope"] = scope
            if self.metadata.authorization_servers is not None:
                # "it is RECOMMENDED to use a resource parameter ... whose value is the Credential Issuer's identifier value"
                parameters["resource"] = self.metadata.credential_issuer
        if extra:
            if not _PARAMETERS.isdisjoint(extra):
                raise ValueError(f"an extra parameter must be none of {', '.join(sorted(_PARAMETERS))}")
            parameters.update(extra)
        request = TokenRequest(
            client_id=client_id,
            configuration_ids=self.offer.credential_configuration_ids
            if configuration_ids is None
            else tuple(configuration_ids),
            with_details=configuration_ids is not None,
            with_tx_code=tx_code is not None,
        )
        return Exchange(post_form(self.token_endpoint, parameters), partial(read_token_response, self, request))

    def _client_id(self) -> str | None:
        # "the client_id parameter is only needed when a form of Client Authentication that relies on this parameter is used"
        if self.server.anonymous_access:
            return None
        if self.wallet.client_id is None:
            raise ValueError("this server takes no anonymous token requests: the Wallet needs a client_id")
        return self.wallet.client_id

    def _authorization_details(self, configuration_ids: Sequence[str]) -> str:
        # A server that ignored them would spend the code on a token that the Wallet cannot use (OID4VCI 6.2).
        if self.server.authorization_details_types_supported is not None and not self.server.takes_authorization_details:
            raise ValueError("this server takes no authorization_details of type openid_credential")
        offered = self.offer.credential_configuration_ids
        if not configuration_ids or not set(configuration_ids) <= set(offered):
            raise ValueError(f"choose from what is offered: {', '.join(offered)}")
        # "MUST contain the Credential Issuer's identifier in the locations element", if there is `authorization_servers`
        locations = None if self.metadata.authorization_servers is None else (self.metadata.credential_issuer,)
        return _json.dumps(
            [
                AuthorizationDetail(credential_configuration_id=name, locations=locations).to_json()
                for name in dict.fromkeys(configuration_ids)
            ]
        )
