"""What a run does, step by step, in a thread: each method is one step between two moments at which something can be waited for."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from examples.wallet.client import SessionKeys
from examples.wallet.ordering import Ordering, Pause, Prepared, Send
from examples.wallet.promises import Promise, Promises
from examples.wallet_server.asked import Asked
from examples.wallet_server.delivery import Delivery
from examples.wallet_server.outbound import Unreachable
from examples.wallet_server.run import Run
from examples.wallet_server.setting_up import Setup
from examples.wallet_server.visitor import Visitor
from oid4vci.drive import run as carried_through
from oid4vci.errors import InvalidCredential, InvalidMetadata, InvalidOffer, TryLater, WalletError
from oid4vci.http import Request, Response, url_origin
from oid4vci.metadata import CredentialIssuerMetadata, credential_issuer_metadata_url
from oid4vci.offers import CredentialOffer, OfferReference, read_offer_response
from oid4vci.wallet import Authorizing, Deferred, Exchange, Issued, Offer, Opened, Session

__all__ = ("Flow",)

RETRY: Final = 30
NOT_OBTAINED = (WalletError, ValueError, ImportError, OSError, Unreachable)
"""What stops one credential: others may be had all the same."""


def _now() -> int:
    return int(time.time())


@define
class Flow:
    """The steps of one run. `keep` is called at every change of what is promised, `pause` to wait within a step.

    All may raise `WalletError`, `ValueError`, `ImportError`, `OSError`, and what `outbound` raises.
    """

    run: Run
    setup: Setup
    outbound: Send
    keep: Callable[[Promises], None]
    pause: Pause
    keys: SessionKeys = field(factory=SessionKeys, repr=False)
    promises: Promises | None = field(default=None, repr=False)

    def send(self, request: Request, *, secret: bool = False) -> Response:
        """Send, and note that. `secret`: the path is not to be seen."""
        parts = urlsplit(request.url)
        noted = {"method": request.method, "url": f"{parts.scheme}://{parts.netloc}{'/*' if secret else parts.path}"}
        try:
            answer = self.outbound(request)
        except Unreachable as error:
            self.run.step("request", **noted, status=None, problem=str(error))
            raise
        self.run.step("request", **noted, status=answer.status)
        return answer

    def _send_or_503(self, request: Request) -> Response:
        """Where credentials may have come already: a server that cannot be reached is one that is asked again."""
        try:
            return self.send(request)
        except Unreachable:
            return Response(503)

    @property
    def _ordering(self) -> Ordering:
        return self.setup.ordering(self._send_or_503, self.pause)

    def open(self, asked: Asked) -> Opened:
        """The offer, the issuer and its authorization server."""
        wallet, content = self.setup.wallet(self.keys), None if asked.offer is None else asked.offer.content
        if content is None:
            offer = Offer.of(asked.credential_issuer or "", *self._ids_by_scope(asked))
        elif isinstance(content, OfferReference):
            wallet.trust.demand(content.url)
            # Whoever knows where an offer is has the offer.
            fetched = read_offer_response(self.send(Request("GET", content.url, {"accept": "application/json"}), secret=True))
            offer = Offer(fetched)
        else:
            offer = Offer(content)
        if isinstance(offer.content, CredentialOffer):
            self.run.credential_issuer = offer.content.credential_issuer
            self.run.configuration_ids = offer.content.credential_configuration_ids
        if asked.configuration_ids is not None and not set(asked.configuration_ids) <= set(self.run.configuration_ids):
            raise InvalidOffer("the offer does not have all of the configurations that were asked for")
        opened = carried_through(offer.open(wallet, grant_type=asked.grant_type, now=_now()), self.send)
        signed = opened.signed_metadata is not None
        self.run.step("opened", authorization_server=opened.server.issuer, signed_metadata=signed)
        self.keys = self.setup.client.new_keys(opened)
        self.promises = Promises(self.keys, self.keep)
        return opened

    def _ids_by_scope(self, asked: Asked) -> list[str]:
        """The configurations that an issuer gives for the scope values."""
        wallet, issuer = self.setup.wallet(self.keys), asked.credential_issuer or ""
        wallet.trust.demand(issuer)
        answer = self.send(Request("GET", credential_issuer_metadata_url(issuer), {"accept": "application/json"}))
        try:
            metadata = CredentialIssuerMetadata.from_json(answer.json(), classes=wallet.configuration_classes)
        except ValueError as error:
            raise InvalidMetadata(str(error)) from None
        metadata.check_identifier(issuer)
        supported = metadata.credential_configurations_supported
        found = [name for name, each in supported.items() if each.scope is not None and each.scope in asked.scope]
        if not found:
            raise InvalidMetadata("the issuer has no credential for this scope")
        return found

    def redeem(self, opened: Opened, asked: Asked, tx_code: str | None) -> Session:
        """The pre-authorized code grant."""
        now = _now()
        authentication = self.setup.client.authentication(opened.server.issuer, self.keys, now=now)
        exchange = opened.redeem(
            tx_code=tx_code,
            configuration_ids=asked.configuration_ids,
            now=now,
            dpop=self.keys.dpop_signer,
            authentication=authentication,
        )
        return self._told(carried_through(exchange, self.send))

    def authorize(self, opened: Opened, asked: Asked) -> Authorizing:
        """The request of the authorization code grant, pushed where the server takes that."""
        now = _now()
        exchange = opened.authorize(
            redirect_uri=self.setup.redirect_uri,
            configuration_ids=asked.configuration_ids,
            using=asked.using,
            now=now,
            dpop=self.keys.dpop_signer,
            authentication=self.setup.client.authentication(opened.server.issuer, self.keys, now=now),
        )
        return carried_through(exchange, self.send)

    def visit(self, pending: Authorizing) -> str | None:
        """Go to the authorization endpoint in place of a person: the URL that came back, None if it wants a person."""
        visitor = Visitor(
            send=lambda request: self.send(request, secret=True),
            allows=pending.opened.wallet.trust.allow,
            redirect_uri=self.setup.redirect_uri,
            origin=url_origin(pending.url) or "",
            login=self.setup.settings.logins.get(pending.opened.server.issuer),
        )
        return visitor.visit(pending.url)

    def callback(self, pending: Authorizing, url: str) -> Exchange[Session]:
        """What came to the redirect URI, if it is the answer to the request: nothing is sent here."""
        now = _now()
        authentication = self.setup.client.authentication(pending.opened.server.issuer, self.keys, now=now)
        return pending.callback(url, now=now, authentication=authentication)

    def exchange(self, exchange: Exchange[Session]) -> Session:
        """The code for an access token."""
        return self._told(carried_through(exchange, self.send))

    def _told(self, session: Session) -> Session:
        self.run.step("token", configuration_ids=list(session.configuration_ids), dpop=session.sender.dpop is not None)
        return session

    def obtain(self, session: Session) -> None:
        """Order everything that the token is for."""
        for configuration_id in session.configuration_ids:
            for identifier in (session.credential_identifiers or {}).get(configuration_id, (None,)):
                try:
                    self._order(session, configuration_id, identifier)
                except NOT_OBTAINED as error:
                    self.run.rejected(configuration_id, error)
        if self.promises is not None and self.promises.left:
            # What came of other orders since is to be in the report that is kept with them.
            self.keep(self.promises)

    def _order(self, session: Session, configuration_id: str, identifier: str | None) -> None:
        prepared = self._ordering.prepare(carried_through(session.order(configuration_id, identifier), self.send))
        proof_type = None if prepared.choice is None else prepared.choice.type
        self.run.step("order", configuration_id=configuration_id, keys=len(prepared.keys), proof_type=proof_type)
        result = self._obtained(prepared)
        if isinstance(result, Issued):
            self._delivery.take(result, prepared.keys)
        elif self.promises is not None:
            self.run.step("deferred", configuration_id=configuration_id, interval=result.interval)
            self.promises.add(result, prepared.keys)

    def _obtained(self, prepared: Prepared) -> Issued | Deferred:
        try:
            return self._ordering.obtain(prepared)
        except InvalidCredential as error:
            self._delivery.reject(error, prepared.order.configuration_id)
            raise

    @property
    def _delivery(self) -> Delivery:
        return Delivery(self.run, self.setup, self.send)

    def collect(self, promise: Promise) -> int:
        """Ask for what was promised; for how many seconds not to ask again, beside what the issuer says."""
        promises = self.promises
        if promises is None:
            return 0
        configuration_id, came = promise.deferred.configuration_id, False
        try:
            result = promises.ask(
                promise, self.setup.client, self._send_or_503, refreshing=lambda: self.run.step("refresh"), pause=self.pause
            )
            if isinstance(result, Deferred):
                self.run.step("deferred", configuration_id=configuration_id, interval=result.interval)
                return 0
            came = True
            self._delivery.take(result, promise.keys)
        except NOT_OBTAINED as error:
            if isinstance(error, TryLater) and error.exchange is None and not came:
                # The promise still stands.
                return max(RETRY, error.retry_after or 0)
            if isinstance(error, InvalidCredential):
                self._delivery.reject(error, configuration_id)
            self.run.rejected(configuration_id, error)
        with suppress(StopIteration):
            promises.drop(promise.deferred)
        return 0
