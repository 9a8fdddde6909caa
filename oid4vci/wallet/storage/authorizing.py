"""The stored form of `Authorizing`."""

from attrs import field, frozen

from oid4vci._document import Document, array, integer, nested, string, wire
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.oauth.pkce import code_challenge
from oid4vci.wallet.authorization_request import authorization_endpoint
from oid4vci.wallet.authorizing import Authorizing
from oid4vci.wallet.callback import check_own_redirect_uri
from oid4vci.wallet.requested_credentials import check_takes_details, credential_scope
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.members import TEXT, require
from oid4vci.wallet.storage.sender import StoredSender
from oid4vci.wallet.storage.session import StoredOpened

__all__ = ("StoredAuthorizing",)


@frozen(kw_only=True)
class StoredAuthorizing(Document):
    """An `Authorizing`."""

    opened: StoredOpened = field(metadata=wire(nested(StoredOpened)))
    sender: StoredSender = field(metadata=wire(nested(StoredSender)))
    configuration_ids: tuple[str, ...] = field(metadata=wire(array(string(), unique=True)))
    authorization_details: tuple[AuthorizationDetail, ...] = field(
        default=(), metadata=wire(array(nested(AuthorizationDetail), minimum=0))
    )
    redirect_uri: str = field(metadata=wire(string()))
    # Never empty: a response without a state would fit.
    state: str = field(repr=False, metadata=wire(string()))
    code_verifier: str = field(repr=False, metadata=wire(string()))
    url: str = field(repr=False, metadata=wire(TEXT))
    expires_in: int | None = field(default=None, metadata=wire(integer(minimum=1)))

    @classmethod
    def of(cls, pending: Authorizing) -> "StoredAuthorizing":
        """The stored form."""
        return cls(
            opened=StoredOpened.of(pending.opened),
            sender=StoredSender.of(pending.sender),
            configuration_ids=pending.configuration_ids,
            authorization_details=pending.authorization_details,
            redirect_uri=pending.redirect_uri,
            state=pending.state,
            code_verifier=pending.code_verifier,
            url=pending.url,
            expires_in=pending.expires_in,
        )

    def restore(self, wallet: Wallet) -> Authorizing:
        """The state."""
        opened, details = self.opened.restore(wallet), self.authorization_details
        endpoint = authorization_endpoint(opened)
        check_own_redirect_uri(self.redirect_uri)
        code_challenge(self.code_verifier)
        require(set(self.configuration_ids) <= set(opened.offer.credential_configuration_ids), "configuration_ids")
        if details:
            check_takes_details(wallet, opened.server)
            named = tuple(detail.credential_configuration_id for detail in details)
            require(named == self.configuration_ids, "authorization_details")
        else:
            scopes = [credential_scope(opened.metadata, name) for name in self.configuration_ids]
            require(None not in scopes, "authorization_details")
        require(self.url.partition("?")[0] == endpoint.partition("?")[0], "url")
        return Authorizing(
            opened=opened,
            sender=self.sender.restore(wallet, opened.server),
            configuration_ids=self.configuration_ids,
            authorization_details=details,
            redirect_uri=self.redirect_uri,
            state=self.state,
            code_verifier=self.code_verifier,
            url=self.url,
            expires_in=self.expires_in,
        )
