"""One scenario being played: its issuer under identifiers of its own, and everything that the Wallet sent to it."""

from collections.abc import Callable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import define, field

from oid4vci.drive import Together, respond
from oid4vci.http import Request, Response, url_path
from oid4vci.metadata import (
    authorization_server_metadata_url,
    credential_issuer_metadata_url,
    jwt_vc_issuer_metadata_url,
)
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.secret import new_secret
from oid4vci.testing.stage import recorded
from oid4vci.testing.stage.good_issuer import CONFIGURATION, DATASET, SUBJECT, Application, GoodIssuer
from oid4vci.testing.stage.recorded import Recorded, sent_members
from oid4vci.testing.stage.setting import Setting

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialIssuerMetadata

__all__ = ("Alteration", "Stage", "WalletOutcome")

WalletOutcome: TypeAlias = Literal["issued", "failed"]
"""What a Wallet says has become of an offer."""

MAX_REQUESTS = 100
"""How many requests a scenario takes at most; after that, nothing but 429 is answered."""

MAX_KEPT = 3 * MAX_REQUESTS
"""How many exchanges are kept at most: a Wallet that runs somewhere else may go on for hours."""


@define(eq=False, kw_only=True)
class Stage:
    """The issuer of one scenario, and what happened.

    `name` is that of the scenario. `offer_uri` and `tx_code` are what the person has; `outcome` is what the Wallet says, None if it
    does not. `alterations` are, by endpoint, what is done to the answers of the good issuer.
    """

    name: str
    setting: Setting
    good: GoodIssuer = field(repr=False)
    application: Application = field(repr=False)
    clock: Callable[[], int] = field(repr=False)
    alterations: "Mapping[str, Alteration]" = field(factory=dict, repr=False)
    offer_uri: str = field(default="", repr=False)
    tx_code: str | None = field(default=None, repr=False)
    issuer_state: str | None = field(default=None, repr=False)
    outcome: WalletOutcome | None = None
    exchanges: list[Recorded] = field(factory=list, repr=False)
    _lock: RLock = field(factory=RLock, init=False, repr=False)
    _endpoints: Mapping[str, str] = field(init=False, repr=False)
    urls: Mapping[str, str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        metadata, server = self.metadata, self.good.server.metadata
        urls = {
            recorded.ISSUER_METADATA: credential_issuer_metadata_url(self.identifier),
            recorded.SERVER_METADATA: authorization_server_metadata_url(server.issuer),
            recorded.KEYS: jwt_vc_issuer_metadata_url(self.identifier),
            recorded.CHALLENGE: server.challenge_endpoint,
            recorded.PUSHED: server.pushed_authorization_request_endpoint,
            recorded.AUTHORIZATION: server.authorization_endpoint,
            recorded.TOKEN: server.token_endpoint,
            recorded.NONCE: metadata.nonce_endpoint,
            recorded.CREDENTIAL: metadata.credential_endpoint,
            recorded.DEFERRED: metadata.deferred_credential_endpoint,
            recorded.NOTIFICATION: metadata.notification_endpoint,
        }
        self.urls = {name: url for name, url in urls.items() if url is not None}
        self._endpoints = {url_path(url): name for name, url in self.urls.items()}

    @property
    def metadata(self) -> "CredentialIssuerMetadata":
        """What the good issuer publishes."""
        return self.good.issuer.metadata

    @property
    def identifier(self) -> str:
        """The Credential Issuer Identifier."""
        return self.metadata.credential_issuer

    @property
    def base(self) -> str:
        """What every URL of this issuer begins with."""
        return self.identifier.removesuffix("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return "/".join(self.identifier.split("/")[:3])

    def make_offer(self) -> None:
        """Make the offer, for the grant that the setting names."""
        setting, issuer, server = self.setting, self.good.issuer, self.good.server
        named = server.identifier if setting.servers == "several" else None
        now = self.clock()
        if setting.grant == "authorization_code":
            self.issuer_state = new_secret(12).hex() if setting.offer_grants else None
            grant = AuthorizationCodeGrant(issuer_state=self.issuer_state, authorization_server=named)
            offer = issuer.offer([CONFIGURATION], authorization_code=grant if setting.offer_grants else None)
        else:
            # Zeros in front are lost by who takes it for a number.
            self.tx_code = f"00{server.new_tx_code(4)}" if setting.tx_code else None
            granted = server.pre_authorize(
                SUBJECT,
                [CONFIGURATION],
                tx_code=self.tx_code,
                datasets={CONFIGURATION: (DATASET,)} if setting.identifiers else None,
                authorization_server=named,
                now=now,
            )
            self.application.commit(granted.changes)
            offer = issuer.offer([CONFIGURATION], pre_authorized_code=granted.grant)
        self.offer_uri = offer.uri()
        if setting.by_reference:
            published = issuer.publish_offer(offer, now=now)
            self.application.commit(published.changes)
            self.offer_uri = published.uri()

    @property
    def overrun(self) -> bool:
        """Whether so many requests were sent that no more is kept."""
        return len(self.exchanges) >= MAX_KEPT

    def answer(self, request: Request) -> Response:
        """Answer a request, and keep both."""
        with self._lock:
            unaltered = response = Response.of_json(429, {"error": "slow_down"})
            if self.overrun:
                return response
            endpoint, now = self.endpoint_of(request), self.clock()
            if len(self.exchanges) < MAX_REQUESTS:
                unaltered = response = self._good_answer(endpoint, request, now)
                if (alteration := self.alterations.get(endpoint)) is not None:
                    response = alteration(self, request, unaltered)
            members = sent_members(request, self.good.encryption)
            self.exchanges.append(Recorded(endpoint, request, response, unaltered, now, members))
            return response

    def _good_answer(self, endpoint: str, request: Request, now: int) -> Response:
        if endpoint == recorded.OTHER_SERVER and "/.well-known/" in request.path and request.method == "GET":
            return Response.of_json(200, self._other_server())
        return respond(Together([self.good.issuer, self.good.server]), request, self.application, now=now)

    def _other_server(self) -> dict[str, Any]:
        """The metadata of the other one of several servers, which is as good and to be left alone."""
        published, own = self.good.server.metadata.to_json(), self.good.server.identifier
        other = own.removesuffix("/as") + "/other"
        return {name: value.replace(own, other) if isinstance(value, str) else value for name, value in published.items()}

    def endpoint_of(self, request: Request) -> str:
        """The name of the endpoint that a request goes to."""
        path, base = request.path, url_path(self.base)
        if path in self._endpoints:
            return self._endpoints[path]
        if path.startswith(f"{base}/credential-offer/"):
            return recorded.OFFER
        other = path.startswith((f"{base}/other/", f"/.well-known/oauth-authorization-server{base}/other"))
        return recorded.OTHER_SERVER if other else recorded.UNKNOWN

    def to(self, *endpoints: str) -> list[Recorded]:
        """The exchanges with some endpoints, in order."""
        return [each for each in self.exchanges if each.endpoint in endpoints]

    @property
    def issued(self) -> bool:
        """Whether the Wallet was given Credentials."""
        found = self.to(recorded.CREDENTIAL, recorded.DEFERRED)
        return any(each.response.status == 200 for each in found)

    @property
    def events(self) -> tuple[str, ...]:
        """What the Wallet notified the issuer of."""
        return tuple(self.application.events)

    @property
    def authorized(self) -> bool:
        """Whether the Wallet used the authorization code grant."""
        return bool(self.to(recorded.PUSHED, recorded.AUTHORIZATION))


Alteration: TypeAlias = Callable[[Stage, Request, Response], Response]
"""What is done to the answer of a good issuer: it gives the answer that is sent."""
