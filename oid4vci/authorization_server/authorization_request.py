"""The Authorization Request at both endpoints, and the decision of the application (OID4VCI 5, RFC 6749 4.1, RFC 9126).

Login and consent are the application's. A verified request waits in a record under a handle that nobody can guess, until the
application approves or refuses it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci._json import b64url_encode
from oid4vci.authorization_server.client_request import ClientCall
from oid4vci.errors import AccessDenied, InvalidRequest, InvalidRequestUri, Refusal, UnauthorizedClient
from oid4vci.http import Form, Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata import ClientMetadata, CredentialConfiguration
from oid4vci.oauth.authorization_codes import GRANT_TYPE
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.oauth.authorization_requests import AuthorizationRequest, read_authorization_request, read_state
from oid4vci.oauth.authorization_response import Redirect, RedirectedRefusal, registered_redirect_uri
from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Swap

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("AuthorizationCall", "AuthorizationOrder", "PendingAuthorization", "PushedRequestCall")

REQUEST: Final = "authorization_request"
REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
MAX_HANDLE: Final = 256


def may_use_code(client: ClientMetadata) -> None:
    """Raises `UnauthorizedClient` if the client's registration does not have the grant type (RFC 7591 2)."""
    if not client.may_use(GRANT_TYPE):
        raise UnauthorizedClient("the client may not use the authorization code grant")


@frozen
class PushedRequestCall:
    """A pushed Authorization Request (RFC 9126 2.1): parsed, nothing believed."""

    server: "AuthorizationServer" = field(repr=False)
    client: ClientCall
    form: Form = field(repr=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load."""
        return self.client.lookups

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve."""
        return self.client.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> Reply:
        """The `request_uri` under which the request is kept (RFC 9126 2.2), 201.

        Raises what `ClientCall.verify` and `read_authorization_request` raise, `UnauthorizedClient`.
        """
        server, form = self.server, self.form
        verified = self.client.verify(records, keys=keys or {}, now=now)
        client_id = verified.client.client_id
        if client_id is None:
            raise TypeError("a client authentication method must say who the client is")
        if form.get("request_uri") is not None:
            # "The request_uri authorization request parameter MUST NOT be provided" -- RFC 9126 2.1
            raise InvalidRequest("request_uri must not be pushed")
        may_use_code(verified.registration)
        authenticated = verified.client.method != "none"
        uri = registered_redirect_uri(verified.registration, form.get("redirect_uri"), any_uri=authenticated)
        request = read_authorization_request(
            form,
            client_id=client_id,
            redirect=Redirect(uri, read_state(form), server.identifier),
            issuers=server.issuers_metadata,
            jkt=verified.jkt,
            instance=verified.client.instance,
            scope_required=server.scope_required,
        )
        handle = b64url_encode(server.new_secret(32))
        record = Record(
            Key.of(REQUEST, handle),
            {**request.to_data(), "visit_by": now + server.request_uri_lifetime, "visited": False},
            now + server.request_uri_lifetime + server.login_lifetime,
        )
        body = {"request_uri": REQUEST_URI + handle, "expires_in": server.request_uri_lifetime}
        return Reply(Response.of_json(201, body, verified.headers), (Insert(record), *verified.changes))


@frozen
class AuthorizationCall:
    """A request that a browser brought: parsed, nothing believed. Also a kept request that is taken up again by its `handle`."""

    server: "AuthorizationServer" = field(repr=False)
    form: Form = field(repr=False)
    handle: str | None = field(repr=False)
    resumed: bool = False
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The record of the kept request."""
        return () if self.handle is None else (Key.of(REQUEST, self.handle),)

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> "AuthorizationOrder":
        """Check the request. Nothing is consumed: a `request_uri` is good until the decision, for whoever comes back from a login.

        Raises `InvalidRequestUri`, `InvalidRequest` and `UnauthorizedClient` where nothing may be sent to the redirect URI, else
        `RedirectedRefusal`.
        """
        if self.handle is not None:
            return self._kept(self.handle, records, now)
        return self._direct(now)

    def _kept(self, handle: str, records: Records, now: int) -> "AuthorizationOrder":
        record = records.get(Key.of(REQUEST, handle))
        unknown = InvalidRequestUri("the request is unknown, was decided or has expired")
        if record is None or record.expires_at <= now:
            raise unknown
        request = AuthorizationRequest.from_data(record.data)
        # Servers may share a store: what was pushed at one is nothing to another, nor to a Credential Issuer that is gone.
        here = request.redirect.issuer == self.server.identifier
        if not here or request.requested.credential_issuer not in self.server.issuer_identifiers:
            raise unknown
        # Who came in time may finish; the handle of a pushed request is in its `request_uri`, so that alone proves no visit.
        if record.data["visit_by"] <= now and not (self.resumed and record.data["visited"]):
            raise unknown
        if not self.resumed and request.client_id != self.form.get("client_id"):
            # "bound to the client" -- RFC 9126 2.2
            raise InvalidRequestUri("the request is another client's")
        client = self.server.registered(request.client_id)
        if client is None:
            raise UnauthorizedClient("the client is not known")
        return AuthorizationOrder(self.server, request, client, handle, record, now)

    def _direct(self, now: int) -> "AuthorizationOrder":
        server, form = self.server, self.form
        client_id = form.get("client_id")
        client = None if client_id is None else server.registered(client_id)
        if client_id is None or client is None:
            # "MUST NOT automatically redirect the user-agent to the invalid redirection URI" -- RFC 6749 4.1.2.1
            raise InvalidRequest("client_id is missing or not known")
        uri = registered_redirect_uri(client, form.get("redirect_uri"))
        redirect = Redirect(uri, read_state(form), server.identifier)
        with redirect.refusals():
            may_use_code(client)
            if server.metadata.require_pushed_authorization_requests or client.require_pushed_authorization_requests:
                raise InvalidRequest("the request must be pushed")
            request = read_authorization_request(
                form,
                client_id=client_id,
                redirect=redirect,
                issuers=server.issuers_metadata,
                scope_required=server.scope_required,
            )
        return AuthorizationOrder(server, request, client, b64url_encode(server.new_secret(32)), None, now)


@frozen
class PendingAuthorization:
    """A request that waits for a decision: commit `changes`, show the End-User a page, and come back with `handle`.

    The handle proves nothing about who comes back with it (that of a pushed request is known to the client): bind it to the
    session of the End-User who logs in.
    """

    handle: str = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)


@frozen
class AuthorizationOrder:
    """A verified Authorization Request: the application lets it wait (`pending`), approves it or refuses it."""

    server: "AuthorizationServer" = field(repr=False)
    request: AuthorizationRequest
    client: ClientMetadata
    handle: str = field(repr=False)
    record: Record | None = field(repr=False)
    now: int

    @property
    def client_id(self) -> str:
        """Who asks."""
        return self.request.client_id

    @property
    def credential_issuer(self) -> str:
        """The Credential Issuer whose Credentials are asked for."""
        return self.request.requested.credential_issuer

    @property
    def configuration_ids(self) -> tuple[str, ...]:
        """What is asked for."""
        return self.request.requested.configuration_ids

    @property
    def configurations(self) -> Mapping[str, CredentialConfiguration]:
        """What is asked for, from the issuer's metadata, with the claims that a consent page tells of (OID4VCI 12.2.4)."""
        (issuer,) = (each for each in self.server.issuers_metadata if each.credential_issuer == self.credential_issuer)
        known = issuer.credential_configurations_supported
        return {name: known[name] for name in self.configuration_ids if name in known}

    @property
    def details(self) -> tuple[AuthorizationDetail, ...]:
        """The `authorization_details` of the request, with the claims the Wallet asks for."""
        return self.request.requested.details

    @property
    def issuer_state(self) -> str | None:
        """What the Wallet says it found in an offer. Anybody may have put it there: it proves nothing (OID4VCI 5.1.3)."""
        return self.request.issuer_state

    def pending(self) -> PendingAuthorization:
        """Keep the request for `login_lifetime` seconds. `AuthorizationServer.resume` takes it up again."""
        if self.record is not None:
            visited = self.record.data["visited"]
            return PendingAuthorization(self.handle, () if visited else (Swap.update(self.record, visited=True),))
        expires_at = self.now + self.server.login_lifetime
        data = {**self.request.to_data(), "visit_by": self.now, "visited": True}
        record = Record(Key.of(REQUEST, self.handle), data, expires_at)
        return PendingAuthorization(self.handle, (Insert(record),))

    def approve(
        self,
        subject: str,
        *,
        configuration_ids: Sequence[str] | None = None,
        datasets: Mapping[str, Sequence[str]] | None = None,
        note: Any = None,
    ) -> Reply:
        """Send the browser back with a code (OID4VCI 5.2): `subject` has logged in and agreed.

        `configuration_ids`, `datasets` and `note` are as in `AuthorizationCodes.new`. Raises `ValueError`.
        """
        codes = self.server.authorization_codes
        if codes is None:
            raise ValueError("this server makes no authorization codes")
        code = codes.new(
            self.request,
            subject,
            now=self.now,
            new_secret=self.server.new_secret,
            configuration_ids=configuration_ids,
            datasets=datasets,
            note=note,
        )
        return Reply(self.request.redirect.response(code=code.code), (*self._decided, code.change))

    def refuse(self, refusal: Refusal | None = None) -> Reply:
        """Send the browser back with an error, `access_denied` by default (OID4VCI 5.3)."""
        reply = RedirectedRefusal(refusal or AccessDenied("the request was refused"), self.request.redirect).reply
        return Reply(reply.response, (*self._decided, *reply.changes))

    @property
    def _decided(self) -> tuple[Change, ...]:
        """What makes the decision the only one."""
        return () if self.record is None else (Swap(self.record, None),)
