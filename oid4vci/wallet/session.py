"""An Access Token, what may be ordered with it, and how it is refreshed; the Token Response (OID4VCI 6.2, 6.3)."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from oid4vci._document import MAX_ITEMS, Codec, Document, integer, json_array, string, strings, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription
from oid4vci.errors import Advice, WrongTxCode
from oid4vci.http import Response
from oid4vci.keys import Signer
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.oauth.authorization_details import OPENID_CREDENTIAL, AuthorizationDetail
from oid4vci.wallet.client_authentication import ClientAuthentication
from oid4vci.wallet.exchange import Exchange, extended, json_object, server_error
from oid4vci.wallet.order import Order, request_nonce
from oid4vci.wallet.requested_credentials import credential_scope, details_parameter
from oid4vci.wallet.sender import CLIENT_PARAMETERS, Sender
from oid4vci.wallet.settings import Wallet

if TYPE_CHECKING:
    from oid4vci.wallet.opened import Opened

__all__ = ("Session",)

# What can stand in a header after the scheme; RFC 6750 2.1 allows less, servers send more.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,65536}")


def _check_token(value: Any) -> None:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Malformed("must be a token of visible ASCII characters")


ACCESS_TOKEN: Final = Codec(_check_token)
# "Value is case insensitive." -- RFC 6749 5.1
BEARER, DPOP = "bearer", "dpop"
# What `refresh` decides itself.
_PARAMETERS: Final = frozenset(("grant_type", "refresh_token", "authorization_details", "scope", *CLIENT_PARAMETERS))


def _check_token_type(value: Any) -> None:
    if not isinstance(value, str) or value.lower() not in (BEARER, DPOP):
        raise Malformed("must be Bearer or DPoP: other types are not supported")


@frozen(kw_only=True)
class TokenResponse(Document):
    """The members of a Token Response that the Wallet uses; a `c_nonce` among the others comes from drafts and is ignored."""

    access_token: str = field(repr=False, metadata=wire(ACCESS_TOKEN))
    token_type: str = field(metadata=wire(Codec(_check_token_type)))
    expires_in: int | None = field(default=None, metadata=wire(integer(minimum=0)))
    refresh_token: str | None = field(default=None, repr=False, metadata=wire(string(maximum=65_536)))
    scope: str | None = field(default=None, metadata=wire(string(minimum=0, maximum=65_536)))
    authorization_details: tuple[Any, ...] | None = field(default=None, metadata=wire(json_array()))


@frozen(kw_only=True)
class TokenRequest:
    """What of a Token Request decides how its answer is read.

    `configuration_ids` are what the token is to be for, `left_out` what the grant is for beside them. `with_details` says that the
    answer must name credential identifiers, `by_scope` that scope values asked for the Credentials. `known` are the credential
    identifiers, by configuration, that the server named before, `claims` the claims that are asked for.
    """

    configuration_ids: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    with_details: bool = False
    with_tx_code: bool = False
    by_scope: bool = False
    known: Mapping[str, tuple[str, ...]] = field(factory=dict)
    claims: Mapping[str, tuple[ClaimsDescription, ...]] = field(factory=dict)

    def granted(
        self, metadata: CredentialIssuerMetadata, token: TokenResponse
    ) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]] | None]:
        """The configurations that the token is for, and the credential identifiers of each; None if the server named none."""
        identifiers = _identifiers(self.configuration_ids, token)
        if identifiers is None and not self.with_details:
            left = self._left(metadata, token.scope)
            if not self.known:
                return left, None
            # Those that are known stay what they are: a response need not repeat what the request did not ask for.
            identifiers = {name: self.known[name] for name in left if name in self.known}
        # "REQUIRED when the authorization_details parameter ... is used in ... [the] Token Request" -- OID4VCI 6.2
        if not identifiers:
            raise Malformed("authorization_details of type openid_credential are missing")
        return tuple(identifiers), identifiers

    def _left(self, metadata: CredentialIssuerMetadata, scope: str | None) -> tuple[str, ...]:
        """The configurations that the `scope` of a response leaves: without one, it is what was asked for (RFC 6749 5.1)."""
        if not self.by_scope or scope is None:
            return self.configuration_ids
        values = scope.split(" ")
        left = tuple(name for name in self.configuration_ids if credential_scope(metadata, name) in values)
        if not left:
            raise Malformed("grants nothing of what was asked for", "scope")
        return left


@frozen(kw_only=True)
class Session:
    """An Access Token, and what may be ordered with it.

    `sender` is as whom the Wallet got it: the token is bound to the DPoP key of `sender`, or a Bearer token if that has none.
    `configuration_ids` can be ordered; if the server named `credential_identifiers` (by configuration id), each is one Credential
    Dataset, and Credentials are ordered by them. `expires_in` is in seconds from the answer, None if the server did not say.

    `granted` is what the Refresh Token stands for, which may be more: the configurations of the grant, each with the credential
    identifiers that the server named. `by_scope` says that scope values asked for them. `claims` are the claims that were asked
    for, by configuration: a Credential that lacks a mandatory one of them is not accepted (OID4VCI B.1).

    The value holds the Access Token and the Refresh Token. Store it (`dump`) as a secret (OID4VCI 13.10).
    """

    opened: "Opened"
    sender: Sender
    access_token: str = field(repr=False)
    configuration_ids: tuple[str, ...]
    credential_identifiers: Mapping[str, tuple[str, ...]] | None = None
    granted: Mapping[str, tuple[str, ...]]
    by_scope: bool = False
    claims: Mapping[str, tuple[ClaimsDescription, ...]] = field(factory=dict)
    expires_in: int | None = None
    refresh_token: str | None = field(default=None, repr=False)

    @property
    def wallet(self) -> Wallet:
        """The settings."""
        return self.opened.wallet

    @property
    def metadata(self) -> CredentialIssuerMetadata:
        """The issuer's metadata."""
        return self.opened.metadata

    @property
    def client_id(self) -> str | None:
        """What the Token Request named, None if it was anonymous."""
        return self.sender.client_id

    def refresh(
        self,
        *,
        now: int | None = None,
        configuration_ids: Sequence[str] | None = None,
        dpop: Signer | None = None,
        authentication: ClientAuthentication | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> "Exchange[Session]":
        """A new Access Token for the Refresh Token (RFC 6749 6): for Credentials that are ordered later, or once more.

        `now`, in seconds since the epoch, is needed if the session has a DPoP key or authenticates. `configuration_ids`, of those
        that were `granted`, ask for a token for less; without them it is for all of that again, as far as the answer says nothing
        else. `authentication` replaces that of the session: a fresh Wallet Attestation for the same key. `dpop` replaces the DPoP
        key, if the client authenticates. `extra` parameters are sent along.

        The new session has the new Refresh Token; if the server sent none, the old one is still good. Store it in place of this
        one (`dump`): most servers take a Refresh Token once.

        Raises `AttestationExpired` if the Wallet Attestation has expired: refresh with a fresh one. Raises `ValueError` if there
        is no Refresh Token, `now` is missing, a configuration was not granted, there is no way to ask for less, the keys are
        others than they must be, or an extra parameter is a known one. The exchange raises `Refused`, with the advice to authorize
        again if the Refresh Token has expired, was used before, or was revoked, and `InvalidResponse`, also for a token that is
        not bound although that of the session was.
        """
        if self.refresh_token is None:
            raise ValueError("this session has no refresh token")
        parameters = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        if configuration_ids is not None:
            parameters.update(self._narrowing(configuration_ids))
        parameters = extended(parameters, extra, known=_PARAMETERS)
        # Without restriction it is "treated as equal to the scope originally granted" -- RFC 6749 6
        wanted = self.granted if configuration_ids is None else configuration_ids
        request = TokenRequest(
            configuration_ids=tuple(dict.fromkeys(wanted)),
            by_scope=self.by_scope or "scope" in parameters,
            known={name: identifiers for name, identifiers in self.granted.items() if identifiers},
        )
        return self.sender.renewed(self.wallet, dpop=dpop, authentication=authentication).post_form(
            self.opened.token_endpoint, parameters, now=now, read=partial(self._refreshed, request)
        )

    def _narrowing(self, configuration_ids: Sequence[str]) -> dict[str, str]:
        """What asks for these configurations: `authorization_details` (RFC 9396 6.1), or `scope` where only that was granted."""
        if not configuration_ids or not set(strings(configuration_ids)) <= set(self.granted):
            raise ValueError(f"choose from what was granted: {', '.join(self.granted)}")
        takes_details = self.opened.server.takes_authorization_details and self.wallet.authorization_details
        if self.credential_identifiers is None and not takes_details:
            scopes = dict.fromkeys(credential_scope(self.metadata, name) for name in configuration_ids)
            if None not in scopes:
                return {"scope": " ".join(scope for scope in scopes if scope is not None)}
        claims = {name: self.claims[name] for name in configuration_ids if name in self.claims}
        return {"authorization_details": details_parameter(self.opened.authorization_details(configuration_ids, claims))}

    def _refreshed(self, request: TokenRequest, response: Response, sender: Sender) -> "Session":
        if refused := server_error(response):
            if refused.error == "invalid_grant":
                refused.advice = Advice.AUTHORIZE
            raise refused
        token = TokenResponse.from_json(json_object(response))
        configuration_ids, identifiers = request.granted(self.metadata, token)
        bound = _bound(self.opened, token, sender)
        if self.sender.dpop is not None and bound.dpop is None:
            # Whoever strips the proof would have a token that anybody can use, and the Refresh Token is bound as well.
            raise Malformed("must be DPoP, as that of the session was", "token_type")
        return evolve(
            self,
            sender=bound,
            access_token=token.access_token,
            configuration_ids=configuration_ids,
            credential_identifiers=identifiers,
            granted={**self.granted, **(identifiers or {})},
            expires_in=token.expires_in,
            # "The authorization server MAY issue a new refresh token, in which case the client MUST discard the old" -- RFC 6749 6
            refresh_token=token.refresh_token or self.refresh_token,
        )

    def order(self, configuration_id: str, credential_identifier: str | None = None) -> Exchange[Order] | Order:
        """Begin to order a Credential: an exchange that fetches a `c_nonce`, or the order, if the issuer has no Nonce Endpoint.

        `credential_identifier` says which, where the server named several for this configuration.

        Raises `ValueError` if this token is not for that configuration (open an offer for it, OID4VCI 6.1), the identifier is not
        one of those that the server named, one must be chosen, or the Wallet has no verifier for the format.
        """
        if configuration_id not in self.configuration_ids:
            raise ValueError(f"this session is for {', '.join(self.configuration_ids)}")
        order = Order(
            session=self,
            configuration_id=configuration_id,
            credential_identifier=self._identifier(configuration_id, credential_identifier),
        )
        endpoint = self.metadata.nonce_endpoint
        return order if endpoint is None else request_nonce(endpoint, order, lambda fresh: fresh)

    def _identifier(self, configuration_id: str, chosen: str | None) -> str | None:
        """The `credential_identifier` to send: one of those that the server named, none if it named none (OID4VCI 8.2)."""
        if self.credential_identifiers is None:
            if chosen is not None:
                raise ValueError("the server named no credential identifiers: order by configuration id alone")
            return None
        named = self.credential_identifiers[configuration_id]
        if chosen is None and len(named) == 1:
            return named[0]
        if chosen not in named:
            raise ValueError(f"choose a credential identifier: {', '.join(named)}")
        return chosen


def read_token_response(opened: "Opened", request: TokenRequest, response: Response, sender: Sender) -> Session:
    """The answer to the Token Request of `sender`. Raises `WrongTxCode`, `Refused`, and `Malformed`."""
    if refused := server_error(response):
        # "the Client provides the wrong Transaction Code", or the code has expired: OID4VCI 6.3 has one error for both.
        if refused.error == "invalid_grant" and request.with_tx_code:
            raise WrongTxCode(refused.error, refused.description, status=refused.status)
        raise refused
    token = TokenResponse.from_json(json_object(response))
    configuration_ids, identifiers = request.granted(opened.metadata, token)
    granted: dict[str, tuple[str, ...]] = dict.fromkeys((*configuration_ids, *request.left_out), ())
    return Session(
        opened=opened,
        sender=_bound(opened, token, sender),
        access_token=token.access_token,
        configuration_ids=configuration_ids,
        credential_identifiers=identifiers,
        granted={**granted, **(identifiers or {})},
        by_scope=request.by_scope,
        claims={name: claims for name, claims in request.claims.items() if name in granted},
        expires_in=token.expires_in,
        refresh_token=token.refresh_token,
    )


def _bound(opened: "Opened", token: TokenResponse, sender: Sender) -> Sender:
    """The sender that can use the token: `token_type` says whether it is bound to the key that was proved (RFC 9449 5)."""
    if token.token_type.lower() == DPOP:
        if sender.dpop is None:
            raise Malformed("must be Bearer: the Wallet proved no key to bind a token to", "token_type")
        return sender
    if sender.dpop is None:
        return sender
    # The server does not know DPoP. Whether the token is good enough then is for the client to decide (RFC 9449 5).
    if not opened.wallet.bearer:
        raise Malformed("must be DPoP: the Wallet takes no Bearer tokens", "token_type")
    return evolve(sender, dpop=None, nonces={})


def _identifiers(configuration_ids: Sequence[str], token: TokenResponse) -> dict[str, tuple[str, ...]] | None:
    """The credential identifiers by configuration of those that were asked for; None if the server named none."""
    named: dict[str, list[str]] = {}
    for i, element in enumerate(token.authorization_details or ()):
        if not isinstance(element, Mapping) or element.get("type") != OPENID_CREDENTIAL:
            continue
        try:
            detail = AuthorizationDetail.from_json(element)
            # "credential_identifiers: REQUIRED." -- OID4VCI 6.2
            if detail.credential_identifiers is None:
                raise Malformed("is missing", "credential_identifiers")
        except Malformed as error:
            raise error.within(f"authorization_details[{i}]") from None
        named.setdefault(detail.credential_configuration_id, []).extend(detail.credential_identifiers)
    if not named:
        return None
    wanted = {name: tuple(dict.fromkeys(named[name])) for name in configuration_ids if name in named}
    if not wanted:
        raise Malformed("authorization_details name nothing that was asked for")
    # Several elements may name one configuration.
    if any(len(identifiers) > MAX_ITEMS for identifiers in wanted.values()):
        raise Malformed("name too many credential identifiers", "authorization_details")
    return wanted
