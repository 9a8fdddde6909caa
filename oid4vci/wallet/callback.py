"""The Authorization Response, as the browser brought it to the redirect URI (OID4VCI 5.2, 5.3; RFC 6749 4.1.2, RFC 9207).

Anybody can open a redirect URI: nothing here is believed before `state` and `iss` are right.
"""

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from oid4vci._json import Malformed
from oid4vci.errors import AuthorizationDenied, AuthorizationRefused
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.authorization_response import check_redirect_uri
from oid4vci.wallet.exchange import error_words
from oid4vci.wallet.settings import Wallet

__all__ = ("check_own_redirect_uri", "iss_required", "read_callback")

MAX_URL = 65_536
MAX_PARAMETERS = 64
# code = 1*VSCHAR -- RFC 6749 A.11
_CODE = re.compile(r"[\x20-\x7e]{1,16384}")
# Parameters of Authorization Responses (RFC 6749 4.1.2, RFC 9207 2, JARM 2.3).
_RESPONSE = frozenset(("code", "state", "iss", "error", "error_description", "error_uri", "response"))
_PLACE = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*:)(//[^/?#]*)?)([^?#]*)")
# Browsers leave out a default port and resolve dot segments, also encoded ones (RFC 3986 6.2.2.3, 6.2.3; the URL Standard).
_CHANGED = re.compile(
    r"(?:https://[^/?]*:0*(?:443)?|http://[^/?]*:0*(?:80)?)(?=[/?]|$)|[^?]*/(?:\.|%2e){1,2}(?=[/?]|$)", re.IGNORECASE
)


def check_own_redirect_uri(redirect_uri: str) -> None:
    """Raises `ValueError` unless a response can come to this redirect URI, and is recognized there."""
    check_redirect_uri(redirect_uri)
    if _CHANGED.match(redirect_uri):
        raise ValueError("a redirect URI has no default port and no dot segments: browsers change them")
    if not _RESPONSE.isdisjoint(_parameters(redirect_uri)):
        raise ValueError(f"the query of a redirect URI has none of {', '.join(sorted(_RESPONSE))}")


def _place(url: str) -> tuple[str, ...] | None:
    """Scheme, authority and path, with what browsers change of a redirect URI that was checked: case, and an empty path."""
    found = _PLACE.match(url)
    if found is None:
        return None
    scheme, authority, path = found.groups(default="")
    return scheme.lower(), authority.lower(), path or ("/" if authority else "")


def _parameters(url: str) -> dict[str, str]:
    """The query. "Request and response parameters MUST NOT be included more than once." -- RFC 6749 3.1"""
    query = url.partition("#")[0].partition("?")[2]
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise Malformed("the query of the URL is not a form") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise Malformed("a parameter of the URL is repeated")
    return parameters


def _same(received: str, expected: str) -> bool:
    return hmac.compare_digest(received.encode(errors="replace"), expected.encode())


def iss_required(wallet: Wallet, server: AuthorizationServerMetadata) -> bool:
    """Whether a response without `iss` is none of this server: it says that it sends it, or the settings want it (RFC 9207 2.4)."""
    return bool(server.authorization_response_iss_parameter_supported) or not wallet.responses_without_iss


def read_callback(url: str, *, redirect_uri: str, state: str, issuer: str, iss_required: bool) -> str:
    """The `code` in the URL that the browser opened; a fragment of it is ignored.

    `issuer` is the Authorization Server to which the request went.

    Raises `AuthorizationRefused` (`AuthorizationDenied`) for an error that this server reported, and `Malformed` for what is no
    response to this request: another redirect URI, another or no `state`, the `iss` of another server, none although the server
    says that it gives one, a repeated parameter, both a code and an error, or neither.
    """
    if len(url) > MAX_URL:
        raise Malformed("the URL is too long")
    if _place(url) is None or _place(url) != _place(redirect_uri):
        raise Malformed("the URL is not that of the redirect URI")
    parameters = _parameters(url)
    # "which MUST be retained when adding additional query parameters" -- RFC 6749 3.1.2
    if any(parameters.get(name) != value for name, value in _parameters(redirect_uri).items()):
        raise Malformed("the URL is not that of the redirect URI")
    if not _same(parameters.get("state", ""), state):
        raise Malformed("the state is not that of this flow")
    iss = parameters.get("iss")
    # "If the value does not match the expected issuer identifier, clients MUST reject the authorization response and MUST NOT
    # proceed"; an error of somebody else is none of this server -- RFC 9207 2.4
    if (iss is None and iss_required) or (iss is not None and not _same(iss, issuer)):
        raise Malformed("iss is not the Authorization Server of this flow")
    return _code(parameters)


def _code(parameters: Mapping[str, str]) -> str:
    code = parameters.get("code")
    if "error" in parameters:
        if code is not None:
            raise Malformed("the response has both a code and an error")
        error, description = error_words(parameters)
        raise (AuthorizationDenied if error == "access_denied" else AuthorizationRefused)(error, description)
    if code is None or not _CODE.fullmatch(code):
        raise Malformed("the response has no code")
    return code
