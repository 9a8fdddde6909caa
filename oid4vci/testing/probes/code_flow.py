"""The authorization code flow by hand: requests that are pushed or not, what the browser brings back, and codes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from oid4vci._json import dumps
from oid4vci.http import Request, Response, with_query
from oid4vci.oauth.pkce import code_challenge, new_verifier
from oid4vci.secret import new_secret
from oid4vci.testing.probes.expectations import demand, json_object, need, status
from oid4vci.testing.probes.instance import Authentication, Instance, Proofs, as_it_is, good
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.peer import Peer
from oid4vci.testing.probes.target import Target

__all__ = ("Asking", "asking", "brought", "details")


def details(*configuration_ids: str, **members: Any) -> str:
    """The parameter `authorization_details` for these configurations (OID4VCI 5.1.1)."""
    return dumps([{"type": "openid_credential", "credential_configuration_id": each, **members} for each in configuration_ids])


def brought(url: str) -> dict[str, str]:
    """The parameters of a callback, none of which is there twice."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    demand(len(dict(pairs)) == len(pairs), "the authorization response repeats a parameter")
    return dict(pairs)


@frozen
class Asking:
    """An authorization request that is being made."""

    peer: Peer
    instance: Instance
    verifier: str = field(repr=False)
    parameters: Mapping[str, str | None]

    def form(self, changes: Mapping[str, str | None]) -> dict[str, str | None]:
        """The parameters with some of them changed, or left out (None)."""
        return {**self.parameters, **changes}

    def push(
        self,
        *,
        proofs: Proofs = good,
        client: Callable[[Authentication], Authentication] = as_it_is,
        more: Sequence[tuple[str, str]] = (),
        method: str = "POST",
        **changes: str | None,
    ) -> Response:
        """The answer to the pushed request. Raises `CheckSkipped` if there is no endpoint for it."""
        url = self.peer.server_endpoint("pushed_authorization_request_endpoint")
        return self.instance.post_form(url, self.form(changes), proofs=proofs, client=client, more=more, method=method)

    def pushed(self, **changes: str | None) -> str:
        """The `request_uri` of a request that was pushed."""
        url = self.peer.server_endpoint("pushed_authorization_request_endpoint")
        response = self.instance.post_form(url, self.form(changes))
        status(response, 201, what="a pushed authorization request")
        request_uri = json_object(response, what="a pushed authorization request").get("request_uri")
        demand(isinstance(request_uri, str) and request_uri, "the answer to a pushed request has no request_uri")
        return str(request_uri)

    def url(self, request_uri: str, *, client_id: str | None = None, **outer: str) -> str:
        """Where the browser goes with a request that was pushed."""
        query = {"client_id": client_id or self.instance.client.client_id or "", "request_uri": request_uri, **outer}
        return with_query(self.peer.server_endpoint("authorization_endpoint"), urlencode(query))

    def plain_url(self, **changes: str | None) -> str:
        """Where the browser goes with a request that was not pushed."""
        form = {"client_id": self.instance.client.client_id, **self.form(changes)}
        query = urlencode([(name, value) for name, value in form.items() if value is not None])
        return with_query(self.peer.server_endpoint("authorization_endpoint"), query)

    def visit(self, url: str) -> Response:
        """What the browser is answered at once, without a person."""
        return self.peer.supplies.send(Request("GET", url, {"accept": "text/html,*/*"}))

    def request_url(self, **changes: str | None) -> str:
        """The same in the way that the server takes."""
        if "pushed_authorization_request_endpoint" in self.peer.server:
            return self.url(self.pushed(**changes))
        return self.plain_url(**changes)

    def agreed(self, url: str) -> str:
        """The callback after a person has agreed. Raises `CheckSkipped` if there is nobody who does."""
        approve = self.peer.supplies.approve
        need(approve, "nothing was given that approves authorization requests")
        callback = approve(url) if approve is not None else ""
        redirect_uri = str(self.parameters["redirect_uri"])
        demand(callback.startswith(redirect_uri), "the browser was not sent to the redirect URI")
        return callback

    def code(self, **changes: str | None) -> str:
        """A code for this request."""
        code = brought(self.agreed(self.request_url(**changes))).get("code")
        demand(code, "the authorization response has no code")
        return str(code)

    def exchange(
        self,
        code: str | None,
        *,
        instance: Instance | None = None,
        proofs: Proofs = good,
        client: Callable[[Authentication], Authentication] = as_it_is,
        **changes: str | None,
    ) -> Response:
        """The answer to the Token Request with a code."""
        parameters = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": self.parameters["redirect_uri"],
            **changes,
        }
        url = self.peer.server_endpoint("token_endpoint")
        return (instance or self.instance).post_form(url, parameters, proofs=proofs, client=client)


def asking(
    peer: Peer, target: Target | None = None, *, instance: Instance | None = None, issuer_state: str | None = None
) -> Asking:
    """A request for a configuration, by its scope or, if it has none, by `authorization_details`.

    Raises `CheckSkipped` where the server has no authorization endpoint.
    """
    peer.server_endpoint("authorization_endpoint")
    wanted = target or peer.target
    need(peer.supplies.client.client_id is not None, "the client is anonymous")
    verifier = new_verifier(new_secret)
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "redirect_uri": peer.supplies.redirect_uri,
        "code_challenge": code_challenge(verifier),
        "code_challenge_method": "S256",
        "state": token(),
        "issuer_state": issuer_state,
    }
    if wanted.scope is not None:
        parameters["scope"] = wanted.scope
    else:
        parameters["authorization_details"] = details(wanted.configuration_id)
    return Asking(peer, instance or peer.instance(), verifier, parameters)
