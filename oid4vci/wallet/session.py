"""An Access Token and what may be ordered with it; the Token Response (OID4VCI 6.2, 6.3)."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci._document import Codec, Document, integer, json_array, string, wire
from oid4vci._json import Malformed
from oid4vci.errors import WrongTxCode
from oid4vci.http import Response
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.oauth.authorization_details import OPENID_CREDENTIAL, AuthorizationDetail
from oid4vci.wallet.exchange import Exchange, json_object, server_error
from oid4vci.wallet.order import Order, request_nonce
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


def _check_token_type(value: Any) -> None:
    # "Value is case insensitive." -- RFC 6749 5.1
    if not isinstance(value, str) or value.lower() != "bearer":
        raise Malformed("must be Bearer: other types are not supported")


@frozen(kw_only=True)
class TokenResponse(Document):
    """The members of a Token Response that the Wallet uses; a `c_nonce` among the others comes from drafts and is ignored."""

    access_token: str = field(repr=False, metadata=wire(ACCESS_TOKEN))
    token_type: str = field(metadata=wire(Codec(_check_token_type)))
    expires_in: int | None = field(default=None, metadata=wire(integer(minimum=0)))
    refresh_token: str | None = field(default=None, repr=False, metadata=wire(string(maximum=65_536)))
    authorization_details: tuple[Any, ...] | None = field(default=None, metadata=wire(json_array()))


@frozen(kw_only=True)
class TokenRequest:
    """What of a Token Request decides how its answer is read."""

    client_id: str | None
    configuration_ids: tuple[str, ...]
    with_details: bool
    with_tx_code: bool


@frozen(kw_only=True)
class Session:
    """An Access Token, and what may be ordered with it.

    `client_id` is what the Token Request named, None if it was anonymous. `configuration_ids` can be ordered; if the server named
    `credential_identifiers` (by configuration id), each is one Credential Dataset, and Credentials are ordered by them.
    `expires_in` is in seconds from the answer, None if the server did not say.

    The value holds the Access Token and the Refresh Token. Store it (`dump`) as a secret (OID4VCI 13.10).
    """

    opened: "Opened"
    access_token: str = field(repr=False)
    client_id: str | None
    configuration_ids: tuple[str, ...]
    credential_identifiers: Mapping[str, tuple[str, ...]] | None = None
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


def read_token_response(opened: "Opened", request: TokenRequest, response: Response) -> Session:
    """The answer to the Token Request. Raises `WrongTxCode`, `Refused`, and `Malformed`."""
    if refused := server_error(response):
        # "the Client provides the wrong Transaction Code", or the code has expired: OID4VCI 6.3 has one error for both.
        if refused.error == "invalid_grant" and request.with_tx_code:
            raise WrongTxCode(refused.error, refused.description, status=refused.status)
        raise refused
    token = TokenResponse.from_json(json_object(response))
    identifiers = _identifiers(opened, request, token)
    return Session(
        opened=opened,
        access_token=token.access_token,
        client_id=request.client_id,
        configuration_ids=request.configuration_ids if identifiers is None else tuple(identifiers),
        credential_identifiers=identifiers,
        expires_in=token.expires_in,
        refresh_token=token.refresh_token,
    )


def _identifiers(opened: "Opened", request: TokenRequest, token: TokenResponse) -> dict[str, tuple[str, ...]] | None:
    """The credential identifiers by offered configuration, in the order of the offer; None if the server named none."""
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
        # "REQUIRED when the authorization_details parameter ... is used in ... [the] Token Request" -- OID4VCI 6.2
        if request.with_details:
            raise Malformed("authorization_details of type openid_credential are missing")
        return None
    offered = {name: tuple(dict.fromkeys(named[name])) for name in opened.offer.credential_configuration_ids if name in named}
    if not offered:
        raise Malformed("authorization_details name nothing that was offered")
    return offered
