"""Client authentication (RFC 6749 2.3): what every method does, the method `none`, and the choice of the one that was used.

A method is an entry in a mapping from its `token_endpoint_auth_method` to an object; a third party adds one there. An existing
server calls `read_client` with the request and its form, and with its own registrations.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from attrs import field, frozen

from oid4vci.errors import InvalidClient, InvalidRequest
from oid4vci.http import Form, Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata.client import ClientMetadata
from oid4vci.records import Change, Key, Records

__all__ = (
    "NONE",
    "AuthenticatedClient",
    "ClientAuthenticationMethod",
    "PublicClient",
    "ReadClient",
    "Registered",
    "read_client",
)

NONE: Final = "none"
# Characters of a client_id: in a form, and in what a client was authenticated with.
MAX_CLIENT_ID: Final = 2048

Registered: TypeAlias = Callable[[str], ClientMetadata | None]
"""Gives the registration of a `client_id`, None if there is none. Wallets that are known by their attestation only need one as
well: a `ClientMetadata` with `attest_jwt_client_auth`, the same for all."""


@frozen(kw_only=True)
class AuthenticatedClient:
    """The client that sent a request, as its method has proved it.

    - `client_id`: None for an anonymous client.
    - `method`: its `token_endpoint_auth_method`; `none` proves nothing.
    - `changes`: go into the successful reply, so that what was sent serves once. A refusal commits none of them.
    - `instance`: the thumbprint of an attested instance's key: refresh tokens are bound to it.
    - `claims`: those of the Client Attestation, `status` among them, which nobody has looked up yet.
    - `headers`: go into the successful response.
    """

    client_id: str | None
    method: str
    changes: tuple[Change, ...] = field(default=(), repr=False)
    instance: str | None = None
    claims: Mapping[str, Any] = field(factory=dict, repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)


class ReadClient(Protocol):
    """The authentication of a request: parsed, nothing believed."""

    @property
    def client_id(self) -> str | None:
        """Who the client says it is; None for an anonymous one."""

    @property
    def method(self) -> str:
        """The method it used."""

    @property
    def lookups(self) -> tuple[Key, ...]:
        """Records to load."""

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Keys to resolve."""

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        """The client, if it is who it says. Nothing is consumed yet.

        Raises `InvalidClient`, `UseAttestationChallenge`, `UseFreshAttestation`.
        """


class ClientAuthenticationMethod(Protocol):
    """A way to authenticate."""

    def applies(self, request: Request, form: Form) -> bool:
        """Whether the request tries to authenticate in this way, rightly or not."""

    def read(self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered) -> ReadClient:
        """Take a request for which this method `applies` apart.

        `issuer` is the identifier of the authorization server, `endpoint` the URL of the endpoint as published. That the client
        is registered for this method and names no other `client_id` in the form is for `read_client` to check. Raises
        `InvalidClient`.
        """


@frozen
class PublicClient:
    """The method `none`: a client that names itself with `client_id` and proves nothing."""

    def applies(self, request: Request, form: Form) -> bool:
        """Whether there is a `client_id`."""
        return form.get("client_id") is not None

    def read(self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered) -> ReadClient:
        """The client as it names itself."""
        return _UnprovedClient(form.get("client_id"))


@frozen
class _UnprovedClient:
    """A public client, or an anonymous one."""

    client_id: str | None
    method: str = field(default=NONE, init=False)
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        """The client: there is nothing to verify."""
        return AuthenticatedClient(client_id=self.client_id, method=NONE)


def _credentials(request: Request, form: Form) -> int:
    """How many of the usual kinds of credentials a request has, whether the server takes them or not."""
    return sum(
        (
            "authorization" in request.headers,
            form.get("client_secret") is not None,
            form.get("client_assertion") is not None or form.get("client_assertion_type") is not None,
            "oauth-client-attestation" in request.headers or "oauth-client-attestation-pop" in request.headers,
        )
    )


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _challenge(names: Iterable[str]) -> str | None:
    """The value of `WWW-Authenticate` for a client that must authenticate: the methods that can be names of schemes there."""
    return ", ".join(name for name in names if name != NONE and _TOKEN.fullmatch(name)) or None


def read_client(
    request: Request,
    form: Form,
    *,
    methods: Mapping[str, ClientAuthenticationMethod],
    registered: Registered,
    issuer: str,
    endpoint: str,
    anonymous: bool,
) -> ReadClient:
    """The client of a request, in the one way it authenticates: parsed, nothing believed.

    - `methods`: those that the server takes, by their names as in `token_endpoint_auth_methods_supported`.
    - `registered`: the registrations; one without `token_endpoint_auth_method` is that of a public client.
    - `issuer`: the identifier of the authorization server; `endpoint`: the endpoint's URL as published.
    - `anonymous`: whether a client may come without saying who it is (OID4VCI 12.3).

    Raises `InvalidRequest` for more than one method, else `InvalidClient`: with status 401 for a client that must authenticate
    and did not. Nothing is consumed.
    """
    client_id = form.get("client_id")
    if len(client_id or "") > MAX_CLIENT_ID:
        raise InvalidClient("the client is not known")
    used = [name for name, method in methods.items() if name != NONE and method.applies(request, form)]
    credentials = _credentials(request, form)
    if len(used) > 1 or credentials > 1:
        # "The client MUST NOT use more than one authentication method in each request." -- RFC 6749 2.3; the code is that of 5.2.
        raise InvalidRequest("the client authenticates in more than one way")
    if not used:
        if credentials:
            # "If the client attempted to authenticate via the "Authorization" request header field" -- RFC 6749 5.2
            challenge = 'Basic realm="token"' if "authorization" in request.headers else None
            raise InvalidClient("this client authentication method is not supported", challenge=challenge)
        if client_id is None:
            if anonymous:
                return _UnprovedClient(None)
            if NONE in methods:
                raise InvalidClient("client_id is missing, and anonymous access is not supported")
        if NONE not in methods or not methods[NONE].applies(request, form):
            raise InvalidClient("the client must authenticate", challenge=_challenge(methods))
        used = [NONE]
    (name,) = used
    client = methods[name].read(request, form, issuer=issuer, endpoint=endpoint, registered=registered)
    if client.client_id is None or client_id not in (None, client.client_id):
        # RFC 7521 4.2, draft-ietf-oauth-attestation-based-client-auth-07 6.3, 6.4
        raise InvalidClient("client_id is not the client that is authenticated")
    metadata = registered(client.client_id)
    if metadata is None:
        raise InvalidClient("the client is not known")
    wanted = metadata.token_endpoint_auth_method or NONE
    if wanted != name:
        # Else whoever knows the name of a client could do without its keys.
        challenge = _challenge((wanted,)) if name == NONE else None
        raise InvalidClient("the client is registered for another client authentication method", challenge=challenge)
    return client
