"""A person who is at the Authorization Server, and what comes back: the response, the Token Request (OID4VCI 5.2, 6.1)."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import field, frozen

from oid4vci._document import strings
from oid4vci.errors import InvalidResponse, reading
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.wallet.callback import iss_required, read_callback
from oid4vci.wallet.client_authentication import ClientAuthentication
from oid4vci.wallet.exchange import Exchange
from oid4vci.wallet.requested_credentials import check_takes_details, credential_details, details_parameter, requested_claims
from oid4vci.wallet.sender import Sender
from oid4vci.wallet.session import Session, TokenRequest, read_token_response

if TYPE_CHECKING:
    from oid4vci.wallet.opened import Opened

__all__ = ("Authorizing",)


@frozen(kw_only=True)
class Authorizing:
    """An Authorization Request that waits for its response: open `url` in a browser, give `callback` what comes to `redirect_uri`.

    `configuration_ids` were asked for, by `authorization_details` or, where these are empty, by scope values. `expires_in` says
    for how many seconds from the answer the server keeps a pushed request; None if the request is in the URL. `state` tells the
    callbacks of several flows apart: it comes back in the query of the URL.

    The value holds all that makes a code worth something. Store it (`dump`) as a secret, where the browser cannot read it, and
    drop it once a callback was taken.
    """

    opened: "Opened"
    sender: Sender
    configuration_ids: tuple[str, ...]
    authorization_details: tuple[AuthorizationDetail, ...] = ()
    redirect_uri: str
    state: str = field(repr=False)
    code_verifier: str = field(repr=False)
    url: str = field(repr=False)
    expires_in: int | None = None

    def callback(
        self,
        url: str,
        *,
        configuration_ids: Sequence[str] | None = None,
        now: int | None = None,
        authentication: ClientAuthentication | None = None,
    ) -> Exchange[Session]:
        """Take the Authorization Response, and exchange its code for an Access Token (RFC 6749 4.1.3).

        `url` is the whole URL that the browser opened. `configuration_ids` are some of those that were asked for, for a token
        that is good for less (OID4VCI 6.1.1). `now`, in seconds since the epoch, is needed if the client authenticates or the
        token is bound to a DPoP key. `authentication` replaces that of the request: a fresh Wallet Attestation for the same key.

        Raises `AuthorizationDenied` if the person said no, `AuthorizationRefused` for another error of the server, and
        `InvalidResponse` for a URL that is no response of this server to this request: no code leaves the Wallet then. Anybody
        can open a redirect URI, so the flow still waits for its own. Raises `AttestationExpired` if the Wallet Attestation has
        expired while the person was away: give the same URL once more, with a fresh one. Raises `ValueError` for other
        configurations, a server that takes no `authorization_details`, an authentication that cannot replace the other, or a
        `now` that is missing. The exchange raises `Refused` if the code is not taken.
        """
        wallet, server, chosen = self.opened.wallet, self.opened.server, self._chosen(configuration_ids)
        with reading(InvalidResponse):
            code = read_callback(
                url,
                redirect_uri=self.redirect_uri,
                state=self.state,
                issuer=server.issuer,
                iss_required=iss_required(wallet, server),
            )
        parameters = {
            "grant_type": AUTHORIZATION_CODE,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.code_verifier,
        }
        if configuration_ids is not None:
            details = [each for each in self.authorization_details if each.credential_configuration_id in chosen]
            parameters["authorization_details"] = details_parameter(details or credential_details(self.opened.metadata, chosen))
        request = TokenRequest(
            configuration_ids=chosen,
            left_out=tuple(name for name in self.configuration_ids if name not in chosen),
            with_details=configuration_ids is not None or bool(self.authorization_details),
            by_scope=not self.authorization_details,
            claims=requested_claims(self.authorization_details),
        )
        return self.sender.renewed(wallet, authentication=authentication).post_form(
            self.opened.token_endpoint, parameters, now=now, read=partial(read_token_response, self.opened, request)
        )

    def _chosen(self, configuration_ids: Sequence[str] | None) -> tuple[str, ...]:
        if configuration_ids is None:
            return self.configuration_ids
        chosen = tuple(dict.fromkeys(strings(configuration_ids)))
        if not chosen or not set(chosen) <= set(self.configuration_ids):
            raise ValueError(f"choose from what was asked for: {', '.join(self.configuration_ids)}")
        check_takes_details(self.opened.wallet, self.opened.server)
        return chosen
