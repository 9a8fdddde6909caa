"""An offer whose issuer and Authorization Server are known, and how its grants are used (OID4VCI 4.1.1, 5.1, 6.1)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from attrs import field, frozen

from oid4vci._document import strings
from oid4vci.claims import ClaimsDescription
from oid4vci.errors import InvalidMetadata, TxCodeRequired
from oid4vci.keys import Signer
from oid4vci.metadata import AuthorizationServerMetadata, CredentialConfiguration, CredentialIssuerMetadata, SignedMetadata
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, CredentialOffer, PreAuthorizedCodeGrant, TxCode
from oid4vci.wallet.authorization_request import request_authorization
from oid4vci.wallet.authorizing import Authorizing
from oid4vci.wallet.client_authentication import ClientAuthentication
from oid4vci.wallet.exchange import Exchange, extended
from oid4vci.wallet.haip import issuer_refusal, server_refusal
from oid4vci.wallet.requested_credentials import (
    Using,
    check_takes_details,
    credential_details,
    details_parameter,
    further_scopes,
    requested_claims,
)
from oid4vci.wallet.sender import CLIENT_PARAMETERS, Sender
from oid4vci.wallet.session import Session, TokenRequest, read_token_response
from oid4vci.wallet.settings import Wallet

__all__ = ("Opened",)

# What `redeem` decides itself; `extra` parameters are no way around that.
_PARAMETERS: Final = frozenset(
    ("grant_type", "pre-authorized_code", "tx_code", "authorization_details", "scope", "resource", *CLIENT_PARAMETERS)
)


def check_tx_code(expected: TxCode, tx_code: str | None) -> None:
    """Raise `TxCodeRequired` unless the person's entry can be the Transaction Code, before an attempt is spent on it."""
    if not tx_code:
        raise TxCodeRequired("the offer demands a transaction code")
    if expected.input_mode == "numeric" and not (tx_code.isascii() and tx_code.isdigit()):
        raise TxCodeRequired("the transaction code has digits only")
    if expected.length is not None and len(tx_code) != expected.length:
        raise TxCodeRequired(f"the transaction code has {expected.length} characters")


def demand_issuer_endpoints(wallet: Wallet, metadata: CredentialIssuerMetadata) -> None:
    """Raise `Untrusted` if a token or a proof would go to an origin that the trust decision has not allowed.

    Endpoints of the same origin as the party they belong to are allowed with it.
    """
    for endpoint in (metadata.credential_endpoint, metadata.nonce_endpoint):
        if endpoint is not None:
            wallet.trust.demand_endpoint(endpoint, metadata.credential_issuer)


def demand_token_endpoint(wallet: Wallet, server: AuthorizationServerMetadata) -> str:
    """The endpoint that every flow uses; the others are asked about by whatever uses them.

    Raises `InvalidMetadata` if there is none, and `Untrusted` if a code would go where the trust decision does not allow.
    """
    if server.token_endpoint is None:
        raise InvalidMetadata("the Authorization Server has no token_endpoint")
    wallet.trust.demand_endpoint(server.token_endpoint, server.issuer)
    return server.token_endpoint


@frozen
class Opened:
    """An offer, the metadata of its issuer and of the Authorization Server to use; each was named by the one before.

    Nothing here vouches for the issuer: an offer is not trustworthy (OID4VCI 13.5), and what the trust decision allowed is to talk
    to these parties. Show the person `metadata` and, before a Transaction Code is entered, where code and Transaction Code will go:
    `token_endpoint` (OID4VCI 13.6.2).

    `signed_metadata` says by whom the metadata were signed and who attests to them (OID4VCI 12.2.3); None: they came as they are.

    The value holds the code of the offer. Store it (`dump`) as a secret. Raises `InvalidMetadata` if the Wallet goes by HAIP and
    one of the two does not.
    """

    wallet: Wallet = field(eq=False, repr=False)
    offer: CredentialOffer
    metadata: CredentialIssuerMetadata = field(repr=False)
    server: AuthorizationServerMetadata = field(repr=False)
    token_endpoint: str
    signed_metadata: SignedMetadata | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        # Also of a state that was stored under other settings.
        refusal = issuer_refusal(self.wallet, self.metadata) or server_refusal(self.wallet, self.server)
        if refusal is not None:
            raise refusal

    @property
    def configurations(self) -> Mapping[str, CredentialConfiguration]:
        """The offered Credential Configurations by their ids, in the order of the offer."""
        supported = self.metadata.credential_configurations_supported
        return {name: supported[name] for name in self.offer.credential_configuration_ids}

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types to choose from: those of the offer, else those of the Authorization Server (OID4VCI 4.1.1).

        A grant for which the offer names another Authorization Server than `server` takes an `Offer.open` with its `grant_type`.
        """
        return self.offer.grant_types or self.server.grant_types

    @property
    def pre_authorized_code(self) -> PreAuthorizedCodeGrant | None:
        """The pre-authorized code grant of the offer, if it has one."""
        return self.offer.grants.pre_authorized_code if self.offer.grants else None

    @property
    def tx_code(self) -> TxCode | None:
        """What to tell the person about the Transaction Code; None if none is needed."""
        return self.pre_authorized_code.tx_code if self.pre_authorized_code else None

    @property
    def issuer_state(self) -> str | None:
        """What goes unchanged into the Authorization Request, if the offer has it."""
        grants = self.offer.grants
        return None if grants is None or grants.authorization_code is None else grants.authorization_code.issuer_state

    def redeem(
        self,
        tx_code: str | None = None,
        *,
        configuration_ids: Sequence[str] | None = None,
        claims: Mapping[str, Sequence[ClaimsDescription]] | None = None,
        scope: str | None = None,
        now: int | None = None,
        dpop: Signer | None = None,
        authentication: ClientAuthentication | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Exchange[Session]:
        """The Token Request with the pre-authorized code (OID4VCI 6.1).

        `tx_code` is what the person entered, passed on as it is. `configuration_ids` are those of the offer to ask for, in
        `authorization_details`; without them, the code stands for all that was offered. `claims` are claims descriptions by
        configuration id (OID4VCI B.1): if there are any, all is asked for by `authorization_details`. `scope` (space-separated)
        and `extra` parameters are sent along.

        `dpop` is the key to bind the Access Token to (RFC 9449); a server that does not know DPoP gives a Bearer token.
        `authentication` is a Wallet Attestation, or another way to authenticate. With either of them `now`, in seconds since the
        epoch, is needed.

        Raises `AttestationExpired` for a Wallet Attestation that has expired, and `Untrusted` if a challenge for it would be
        fetched elsewhere. Raises `TxCodeRequired` if a Transaction Code is demanded and `tx_code` cannot be it, and `ValueError`
        if none is demanded, the offer has no pre-authorized code, a configuration was not offered, none has a format that the
        Wallet can verify, the server says that it takes no `authorization_details`, not this authentication or not these
        algorithms, claims contradict each other or are of a Credential that is not asked for, the settings of the Wallet rule out
        to go without `dpop` or `authentication` or to ask by `authorization_details`, `scope` is none or has `openid`, an extra
        parameter is a known one, or the server takes no anonymous requests and the Wallet has no `client_id`. The exchange raises
        `WrongTxCode`: ask the person again and redeem again; `Refused`: the code is gone.
        """
        grant = self.pre_authorized_code
        if grant is None:
            raise ValueError("the offer has no pre-authorized code")
        self._check_server(PRE_AUTHORIZED_CODE)
        chosen = self._chosen(configuration_ids)
        parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": grant.pre_authorized_code}
        # OID4VCI 6.1: "MUST be present if a tx_code object was present in the Credential Offer", even an empty one.
        if grant.tx_code is not None:
            check_tx_code(grant.tx_code, tx_code)
        elif tx_code is not None:
            raise ValueError("the offer demands no transaction code")
        if tx_code is not None:
            parameters["tx_code"] = tx_code
        details: tuple[AuthorizationDetail, ...] = ()
        if configuration_ids is not None or claims:
            details = self.authorization_details(chosen, claims)
            parameters["authorization_details"] = details_parameter(details)
        if scope is not None:
            parameters["scope"] = " ".join(further_scopes(scope))
            if self.metadata.authorization_servers is not None:
                # "it is RECOMMENDED to use a resource parameter ... whose value is the Credential Issuer's identifier value"
                parameters["resource"] = self.metadata.credential_issuer
        request = TokenRequest(
            configuration_ids=chosen,
            left_out=tuple(name for name in self.configurations if name not in chosen),
            with_details=bool(details),
            with_tx_code=tx_code is not None,
            claims=requested_claims(details),
        )
        # "the client_id parameter is only needed when a form of Client Authentication that relies on this parameter is used"
        sender = Sender.of(
            self.wallet, self.server, dpop=dpop, authentication=authentication, anonymous=self.server.anonymous_access
        )
        return sender.post_form(
            self.token_endpoint,
            extended(parameters, extra, known=_PARAMETERS),
            now=now,
            read=partial(read_token_response, self, request),
        )

    def authorization_details(
        self, configuration_ids: Sequence[str], claims: Mapping[str, Sequence[ClaimsDescription]] | None = None
    ) -> tuple[AuthorizationDetail, ...]:
        """What asks for these configurations, and for `claims` of them by their ids (OID4VCI 5.1.1, B.1).

        Raises `ValueError` if one was not offered, there is none, claims are none that can be asked for, or the server or the
        settings take no `authorization_details`.
        """
        check_takes_details(self.wallet, self.server)
        return credential_details(self.metadata, self._chosen(configuration_ids), claims)

    def authorize(
        self,
        *,
        redirect_uri: str,
        configuration_ids: Sequence[str] | None = None,
        using: Using | None = None,
        claims: Mapping[str, Sequence[ClaimsDescription]] | None = None,
        scope: str | None = None,
        now: int | None = None,
        dpop: Signer | None = None,
        authentication: ClientAuthentication | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Exchange[Authorizing] | Authorizing:
        """Begin the authorization code flow (OID4VCI 5.1): with an exchange, where the server takes pushed requests (RFC 9126).

        - `redirect_uri` is where the browser brings the response, registered for the client.
        - `configuration_ids` are those of the offer to ask for, by default all of them.
        - `using` says how to ask: by the `scope` values of the metadata or by `authorization_details`. By default, by scope where
          every configuration has a value, as HAIP 4.3 wants, and by details otherwise, or where `claims` are asked for; by scope
          only where the settings rule out details.
        - `claims` are claims descriptions by configuration id (OID4VCI B.1).
        - `scope` values, space-separated, and `extra` parameters are sent along.
        - `dpop` is the key to bind the code and the Access Token to (RFC 9449), `authentication` a Wallet Attestation or another
          way to authenticate, in the pushed request and in the Token Request. `now`, in seconds since the epoch, is needed with
          an authentication, and with a key for a pushed request.

        Raises `InvalidMetadata` if the server does not support this flow as it is made here (PKCE with S256, a pushed request
        where the server or the settings demand one), there is no way to ask for a Credential, or responses could not be told from
        those of another server (an `authorization_endpoint` of another origin, and no `iss`); `Untrusted` for its endpoints;
        `AttestationExpired`; and `ValueError` if the offer does not have the grant or names another server for it, a
        configuration was not offered, none has a format that the Wallet can verify, responses cannot be recognized at
        `redirect_uri`, the Wallet has no `client_id`, claims contradict each other or do not go with `using`, the settings rule
        out the only way to ask, an extra parameter is a known one, and for what else `redeem` raises it for. The exchange raises
        `Refused`.
        """
        if AUTHORIZATION_CODE not in self.grant_types:
            if self.offer.grant_types:
                raise ValueError("the offer has no authorization code grant")
            raise InvalidMetadata("the Authorization Server does not support the authorization code grant")
        self._check_server(AUTHORIZATION_CODE)
        return request_authorization(
            self,
            Sender.of(self.wallet, self.server, dpop=dpop, authentication=authentication),
            redirect_uri=redirect_uri,
            configuration_ids=self._chosen(configuration_ids),
            using=using,
            claims=claims,
            scope=scope,
            extra=extra,
            now=now,
        )

    def _check_server(self, grant_type: str) -> None:
        """Raise `ValueError` if this server was chosen for another grant of the offer: no code goes where it does not belong."""
        supported = self.server.grant_types_supported
        unsupported = bool(self.offer.grant_types) and supported is not None and grant_type not in supported
        if unsupported or self.offer.authorization_server(grant_type) not in (None, self.server.issuer):
            raise ValueError("this grant is for another Authorization Server: open the offer with this grant_type")

    def _chosen(self, configuration_ids: Sequence[str] | None) -> tuple[str, ...]:
        """Configurations to ask for, of which the Wallet can verify at least one: nothing is to be spent on others."""
        offered = self.offer.credential_configuration_ids
        chosen = offered if configuration_ids is None else tuple(dict.fromkeys(strings(configuration_ids)))
        if not chosen or not set(chosen) <= set(offered):
            raise ValueError(f"choose from what is offered: {', '.join(offered)}")
        if not any(self.configurations[name].format in self.wallet.formats for name in chosen):
            raise ValueError("the Wallet has no verifier for the format of any of these Credentials")
        return chosen
