"""`/`, where a person chooses credentials, and `/offers/...`, where they see the offer and follow what becomes of it.

An offer for whoever logs in gives nothing without a login: everybody may make one. One with a pre-authorized code gives the
credentials of a person to whoever has it: it is for those who may use `/admin`, and only there if that is served.
"""

from typing import Final

from attrs import evolve, frozen

from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.attempts import Attempts
from examples.reference_server.browser_session import BrowserSession, Ticket
from examples.reference_server.encoders import Datasets
from examples.reference_server.followed_offers import FollowedOffer, follow, followed_offer
from examples.reference_server.issuer_states import LIFETIME
from examples.reference_server.new_offers import PRE_AUTHORIZED, NewOffers
from examples.reference_server.offer_events import Watch, fetch_key
from examples.reference_server.offer_pages import Choice, Credential, Way, message_page, offer_page, start_page
from examples.reference_server.offer_progress import TX_CODE, progress_of
from examples.reference_server.service import Service
from oid4vci.http import Form, Request, Response, url_path
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.records import Insert, Record, Store

__all__ = ("PageEndpoints",)

# What the ticket of this form is about: no pending request has such a handle, so no other form takes it, and this one no other.
_NEW_OFFER: Final = "new offer"
FORM_LIFETIME: Final = 43_200
# Seconds in which an offer can be read, and what can be made of them: by one browser in a minute, by all visitors in ten.
OFFER_LIFETIME: Final = 600
EACH: Final = (20, 60)
ALL: Final = (600, 600)
FOREIGN: Final = "The form is too old, or was not made for this browser, which must accept cookies."


@frozen
class Visit:
    """A request of a browser whose address is `client`."""

    request: Request
    session: BrowserSession
    client: str | None
    now: int


@frozen
class PageEndpoints:
    """The page. `admin` is there if the server was started with `--admin`."""

    service: Service
    store: Store
    subjects: Datasets
    admin: OffersEndpoint | None

    def serves(self, path: str) -> bool:
        """Whether a URL path is one of these."""
        return path in self._homes or self.shown(path) is not None

    def shown(self, path: str) -> str | None:
        """A path for the log, without what names an offer; None if it is none of these."""
        if path in self._homes or path == self._path("offers"):
            return path
        handle, _, rest = path.removeprefix(self._path("offers/")).partition("/")
        if not path.startswith(self._path("offers/")) or not handle or rest not in ("", "state") or path.endswith("/"):
            return None
        return self._path("offers/*/state" if rest else "offers/*")

    def answer(self, request: Request, client: str | None, *, now: int) -> Response:
        """The answer to a browser whose address is `client`."""
        visit = Visit(request, BrowserSession.of(request, self.service.sealing_keys), client, now)
        if request.path == self._path("offers"):
            if request.method != "POST":
                return self._message(405, "An offer is made with the form.", {"allow": "POST"})
            return self._make(visit)
        if request.method != "GET":
            return self._message(405, "This page is only to be read.", {"allow": "GET"})
        if request.path in self._homes:
            return self._start(visit, Choice())
        handle, _, state = request.path.removeprefix(self._path("offers/")).partition("/")
        offer = followed_offer(handle, visit.session, self.store, now=now)
        if offer is None and state:
            return Response.of_json(404, {"error": "not_found", "error_description": "there is no such offer, or no longer"})
        if offer is None:
            return self._message(404, "This browser has made no such offer, or it is too long ago.")
        progress = progress_of(offer, self.store, self.service.issuer, now=now)
        if state:
            return Response.of_json(200, progress.to_json())
        credentials = [self._credential(each) for each in offer.configuration_ids]
        here, home = self._path(f"offers/{handle}"), self._path("")
        return offer_page(offer, credentials, progress, here=here, state_url=f"{here}/state", home=home)

    # --- choosing --------------------------------------------------------------------------------------------------------

    def _start(self, visit: Visit, choice: Choice) -> Response:
        issuer, ways = self.service.issuer, self._ways(visit)
        ticket = visit.session.seal(Ticket(_NEW_OFFER), ends_at=visit.now + FORM_LIFETIME, new_secret=issuer.new_secret)
        # Who has nothing to send needs no cookie.
        headers = visit.session.headers if any(way.refusal is None for way in ways) else None
        return start_page(
            issuer.identifier,
            [self._credential(each) for each in issuer.metadata.credential_configurations_supported],
            ways,
            action=self._path("offers"),
            ticket=ticket,
            choice=choice,
            headers=headers,
        )

    def _ways(self, visit: Visit) -> tuple[Way, ...]:
        """How offers can be taken up, and why this visitor cannot choose some of them."""
        nobody = None if self.service.users else "Nobody can log in at this server: it has no users."
        without = None
        if self.admin is None:
            without = "The server was started without <code>--admin</code>."
        elif not self._is_admin(visit):
            without = (
                "For visitors on the machine of the server only: whoever has such an offer gets the credentials of a person."
                if self.admin.token is None
                else "For holders of the admin token only, at <code>/admin/offers</code>."
            )
        return (
            Way(
                AUTHORIZATION_CODE,
                "With a log-in",
                "The wallet leads to the log-in of this server. Whoever logs in gets their credentials.",
                nobody,
            ),
            Way(PRE_AUTHORIZED, "Without a log-in", "Whoever has the offer gets the credentials, and is not asked.", without),
            Way(
                TX_CODE,
                "Without a log-in, with a transaction code",
                "The wallet also asks for a code, which is shown apart from the QR code.",
                without,
            ),
        )

    def _is_admin(self, visit: Visit) -> bool:
        return self.admin is not None and self.admin.refusal(visit.request, visit.client, ("GET", "POST")) is None

    # --- making ----------------------------------------------------------------------------------------------------------

    def _make(self, visit: Visit) -> Response:
        try:
            form = visit.request.form() if self._is_ours(visit.request) else Form(())
        except ValueError:
            return self._message(400, "The form is malformed.")
        ticket = visit.session.open(form.get("ticket"), now=visit.now)
        if ticket is None or ticket.handle != _NEW_OFFER:
            return self._message(403, FOREIGN)
        known = self.service.issuer.metadata.credential_configurations_supported
        choice = Choice([each for each in known if form.get(f"credential {each}")], form.get("way") or "")
        way = next((each for each in self._ways(visit) if each.name == choice.way), None)
        if way is None or way.refusal is not None:
            return self._again(visit, choice, "Choose one of the ways that you may.", 403)
        if not choice.configuration_ids:
            return self._again(visit, choice, "Choose at least one credential.", 400)
        if not self._take(visit):
            return self._again(visit, choice, "Too many offers were made. Wait a few minutes.", 429)
        return self._made(visit, choice, way.name)

    def _made(self, visit: Visit, choice: Choice, way: str) -> Response:
        issuer, new_secret, now = self.service.issuer, self.service.issuer.new_secret, visit.now
        watch = Watch(new_secret(32).hex(), now + LIFETIME)
        members = {
            "credential_configuration_ids": list(choice.configuration_ids),
            "grant": AUTHORIZATION_CODE if way == AUTHORIZATION_CODE else PRE_AUTHORIZED,
            "tx_code": way == TX_CODE,
        }
        try:
            made = self._new_offers.make(members, now=now, note=watch.note())
        except ValueError:
            return self._again(visit, choice, "There is nobody who has all of these.", 400)
        published = issuer.publish_offer(made.offer, now=now, lifetime=OFFER_LIFETIME)
        offer_id = published.url.rpartition("/")[2]
        offer = FollowedOffer(
            uri=published.uri(),
            offer_id=offer_id,
            way=way,
            configuration_ids=choice.configuration_ids,
            tx_code=made.tx_code,
            subject=made.subject,
            grant=None if made.grant is None else made.grant.digest,
            ends_at=now + OFFER_LIFETIME,
            watch=watch,
        )
        handle, kept = follow(offer, visit.session, new_secret=new_secret)
        fetch = Insert(Record(fetch_key(offer_id), {"at": None}, watch.until))
        if not self.store.commit((*made.changes, *published.changes, fetch, kept)):
            return self._message(503, "The offer could not be stored. Try again.")
        headers = {"location": self._path(f"offers/{handle}"), "cache-control": "no-store", "referrer-policy": "no-referrer"}
        return Response(303, headers)

    def _again(self, visit: Visit, choice: Choice, problem: str, status: int) -> Response:
        return self._start(visit, evolve(choice, problem=problem, status=status))

    def _take(self, visit: Visit) -> bool:
        """Count an offer, before it is made. Who may make as many as they like elsewhere is not held up by the others.

        A browser costs a row. So it gets one only if there is room, and takes nothing from the others once it has had its share.
        """
        browser, secret, now = Attempts(self.store, "offers_of_a_browser", *EACH), visit.session.secret, visit.now
        if browser.is_over(secret, now=now):
            return False
        everybody = Attempts(self.store, "offers_of_everybody", *ALL)
        return (self._is_admin(visit) or everybody.take("", now=now)) and browser.take(secret, now=now)

    def _is_ours(self, request: Request) -> bool:
        """Whether the form was sent by a page of this server, as far as the browser says so; the ticket proves it."""
        headers = request.headers
        if any(each != "same-origin" for each in headers.all("sec-fetch-site")):
            return False
        ours = {self.service.issuer.identifier.split("/")[2], *headers.all("host")}
        # Browsers say null where no referrer is to be sent, as from our pages.
        return all(each == "null" or each.partition("://")[2] in ours for each in headers.all("origin"))

    @property
    def _new_offers(self) -> NewOffers:
        # Without `--admin` no offer has a transaction code, whatever its length.
        return NewOffers(self.service, self.subjects, 6) if self.admin is None else self.admin.new_offers

    # --- what is shown ---------------------------------------------------------------------------------------------------

    def _credential(self, configuration_id: str) -> Credential:
        configuration = self.service.issuer.metadata.credential_configurations_supported.get(configuration_id)
        metadata = None if configuration is None else configuration.credential_metadata
        description = (metadata.display[0].description or "") if metadata is not None and metadata.display else ""
        return Credential(
            configuration_id,
            self.service.title(configuration_id),
            description,
            "" if configuration is None else configuration.format,
        )

    def _message(self, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
        return message_page(status, text, home=self._path(""), headers=headers)

    @property
    def _homes(self) -> tuple[str, ...]:
        home = self._path("")
        return (home,) if home == "/" else (home, home.removesuffix("/"))

    def _path(self, name: str) -> str:
        return url_path(f"{self.service.issuer.identifier.removesuffix('/')}/{name}")
