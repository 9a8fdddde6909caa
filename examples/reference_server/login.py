"""The End-User's way through the authorization endpoint: log in, approve or refuse, go back to the wallet.

The request waits in the store under its handle; which browser and which user it is about is in the ticket of each form.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import evolve, frozen

from examples.reference_server.attempts import WINDOW, Attempts
from examples.reference_server.browser_session import BrowserSession, Ticket
from examples.reference_server.host import ServerHost
from examples.reference_server.issuer_states import issuer_state_key, names_offer, note_of
from examples.reference_server.offer_events import APPROVED, LOGIN, REFUSED, with_event
from examples.reference_server.pages import Asked, Problem, consent_page, error_page, login_page
from examples.reference_server.service import Service
from examples.reference_server.users import MAX_PASSWORD, MAX_USERNAME, authenticated
from oid4vci.authorization_server import AuthorizationOrder
from oid4vci.drive import answer, respond
from oid4vci.errors import AccessDenied, Refusal
from oid4vci.http import Form, Request, Response, url_path
from oid4vci.records import Reply

__all__ = ("Login",)

FOREIGN: Final = error_page(
    403, "access_denied", "the form is too old, or was not made for this browser, which must accept cookies"
)
MALFORMED: Final = error_page(400, "invalid_request", "the form is malformed")
WRONG: Final = Problem("User name or password is wrong.", 403)
TOO_MANY: Final = Problem("There were too many attempts. Wait a minute.", 429, {"retry-after": str(WINDOW)})


@frozen
class Login:
    """The authorization endpoint, and the forms behind it."""

    service: Service
    host: ServerHost

    def serves(self, path: str) -> bool:
        """Whether a URL path is one of these."""
        return path in (self._path("authorize"), self._path("login"), self._path("consent"))

    def hashes(self, request: Request) -> bool:
        """Whether the answer may take the hash of a password, which is meant to take long, and much memory."""
        return request.method == "POST" and request.path == self._path("login")

    def answer(self, request: Request, *, now: int) -> Response:
        """The answer to a browser, in HTML; an error at the authorization endpoint is JSON unless the request accepts HTML."""
        session = BrowserSession.of(request, self.service.sealing_keys)
        if request.path == self._path("authorize"):
            host = evolve(self.host, ask=lambda order: self._log_in(order, session))
            return self.shown(request, respond(self.service.server, request, host, now=now))
        if request.method != "POST":
            return error_page(405, "invalid_request", "the method must be POST", headers={"allow": "POST"})
        try:
            form = request.form()
        except ValueError:
            return MALFORMED
        ticket = session.open(form.get("ticket"), now=now)
        if ticket is None:
            return FOREIGN
        decided = self._decided_login if request.path == self._path("login") else self._decided_consent
        return decided(form, session, ticket, now)

    def shown(self, request: Request, response: Response) -> Response:
        """A response as whoever sent the request can read it: an error is a page for a browser, and JSON for others."""
        accepts = any("text/html" in value for value in request.headers.all("accept"))
        return response if request.path == self._path("authorize") and not accepts else _as_page(response)

    def _decided_login(self, form: Form, session: BrowserSession, ticket: Ticket, now: int) -> Response:
        if form.get("decision") == "refuse":
            return self._resume(ticket, self._refuse, now)
        username, password = form.get("username") or "", form.get("password") or ""
        if len(username) > MAX_USERNAME or len(password) > MAX_PASSWORD:
            return self._resume(ticket, lambda order: self._log_in(order, session, problem=WRONG), now)
        problem, attempts = None, Attempts(self.host.store)
        if not attempts.take(username, now=now):
            problem = TOO_MANY
        elif authenticated(self.service.users, username, password) is None:
            problem = WRONG
        if problem is not None:
            return self._resume(ticket, lambda order: self._log_in(order, session, username, problem), now)
        attempts.forget(username)
        return self._resume(ticket, lambda order: self._consent(order, session, username), now)

    def _decided_consent(self, form: Form, session: BrowserSession, ticket: Ticket, now: int) -> Response:
        user = self.service.users.get(ticket.username or "")
        if user is None:
            return FOREIGN
        if form.get("decision") == "refuse":
            return self._resume(ticket, self._refuse, now)
        if form.get("decision") != "approve":
            return MALFORMED

        def approve(order: AuthorizationOrder) -> Reply:
            having = [each for each in order.configuration_ids if each in self.host.subjects[user.subject]]
            if not having:
                return self._refuse(order, AccessDenied("there is nothing about this person"))
            note = self._note(order)
            return with_event(
                order.approve(user.subject, configuration_ids=having, note=note), self.host.store, note, APPROVED, now=now
            )

        return self._resume(ticket, approve, now)

    def _resume(self, ticket: Ticket, ask: Callable[[AuthorizationOrder], Reply], now: int) -> Response:
        """Take the request up again; one that was decided before, or that waited too long, is refused."""
        return _as_page(answer(self.service.server.resume(ticket.handle), evolve(self.host, ask=ask), now=now))

    def _log_in(
        self, order: AuthorizationOrder, session: BrowserSession, username: str = "", problem: Problem | None = None
    ) -> Reply:
        pending = order.pending()
        page = login_page(
            self._asked(order),
            action=self._path("login"),
            ticket=self._seal(session, Ticket(pending.handle), order.now),
            username=username,
            problem=problem,
            headers=session.headers,
        )
        return with_event(Reply(page, pending.changes), self.host.store, self._note(order), LOGIN, now=order.now)

    def _consent(self, order: AuthorizationOrder, session: BrowserSession, username: str) -> Reply:
        datasets = self.host.subjects[self.service.users[username].subject]
        page = consent_page(
            self._asked(order),
            action=self._path("consent"),
            ticket=self._seal(session, Ticket(order.handle, username), order.now),
            username=username,
            missing=[each for each in order.configuration_ids if each not in datasets],
        )
        return Reply(page)

    def _refuse(self, order: AuthorizationOrder, refusal: Refusal | None = None) -> Reply:
        return with_event(order.refuse(refusal), self.host.store, self._note(order), REFUSED, now=order.now)

    def _note(self, order: AuthorizationOrder) -> Any:
        """The note of the offer that a request says it answers: who brings an `issuer_state` may have it from anybody."""
        state = order.issuer_state
        return None if state is None else note_of(state, self.host.load((issuer_state_key(state),)), now=order.now)

    def _asked(self, order: AuthorizationOrder) -> Asked:
        server, state = self.service.server, order.issuer_state
        registered = server.clients.get(order.client_id)
        offered = None
        if state is not None:
            records = self.host.load((issuer_state_key(state),))
            offered = names_offer(state, order.configuration_ids, records, now=order.now)
        return Asked(
            client_id=order.client_id,
            client_name=None if registered is None else registered.client_name or "A registered program",
            attested=order.request.instance is not None,
            credentials=[(each, self.service.title(each)) for each in order.configuration_ids],
            redirect_uri=order.request.redirect.uri,
            offered=offered,
        )

    def _seal(self, session: BrowserSession, ticket: Ticket, now: int) -> str:
        server = self.service.server
        return session.seal(ticket, ends_at=now + server.login_lifetime, new_secret=server.new_secret)

    def _path(self, name: str) -> str:
        return url_path(f"{self.service.issuer.identifier.removesuffix('/')}/{name}")


def _as_page(response: Response) -> Response:
    """An error that no wallet hears of, for the person at the browser."""
    if response.status < 400 or response.media_type != "application/json":
        return response
    members = response.json()
    headers = {name: value for name, value in response.headers.pairs if name in ("allow", "retry-after")}
    return error_page(response.status, members["error"], members.get("error_description", ""), headers=headers)
