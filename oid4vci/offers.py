"""Credential Offers (OID4VCI 4): the object, the URI that carries it, and the checks against the issuer's metadata.

Rule 1: nothing in an offer is trustworthy (OID4VCI 13.5). What is read here is well formed, and no more than that.
Rule 2: what a Wallet reads raises `InvalidOffer`; what an application builds raises `ValueError` (`Malformed` is one).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, unquote_to_bytes

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import (
    Codec,
    Document,
    array,
    choice,
    https_url,
    identifier_url,
    integer,
    json_object,
    mapping,
    nested,
    string,
    wire,
)
from oid4vci._json import Malformed
from oid4vci.errors import InvalidOffer, reading
from oid4vci.http import Response, with_query

__all__ = (
    "AUTHORIZATION_CODE",
    "ENDPOINT",
    "PRE_AUTHORIZED_CODE",
    "AuthorizationCodeGrant",
    "CredentialOffer",
    "Grants",
    "OfferReference",
    "PreAuthorizedCodeGrant",
    "TxCode",
    "carried_by_uri",
    "check_new_offer",
    "check_offer",
    "offer_response",
    "read_offer",
    "read_offer_response",
    "read_offer_uri",
    "reference_uri",
)

AUTHORIZATION_CODE: Final = "authorization_code"
PRE_AUTHORIZED_CODE: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
ENDPOINT: Final = "openid-credential-offer://"
"""The Credential Offer Endpoint of a Wallet that is not known (OID4VCI 12.1)."""

MAX_URI = 65_536
MAX_OFFER = 65_536


def _check_code(value: Any) -> None:
    string(maximum=MAX_OFFER).check(value)
    if value.isspace():
        raise Malformed("must not be blank")


@frozen(kw_only=True)
class TxCode(Document):
    """What the Transaction Code looks like. That this object is there, even empty, means that a code is required.

    `length` is the number of characters. `description` tells the person how the code arrives, in at most 300 characters (Unicode
    code points); it comes from an unauthenticated source, show it as plain text. The code itself is never part of an offer.
    """

    _input_mode: Literal["numeric", "text"] | None = field(default=None, metadata=wire(choice("numeric", "text")))
    length: int | None = field(default=None, metadata=wire(integer(minimum=1)))
    description: str | None = field(default=None, metadata=wire(string(minimum=0, maximum=300)))

    @property
    def input_mode(self) -> Literal["numeric", "text"]:
        """`numeric` (only digits; also when the offer does not say) or `text` (any characters)."""
        return self._input_mode or "numeric"


@frozen(kw_only=True)
class AuthorizationCodeGrant(Document):
    """The `authorization_code` grant, which may be empty.

    `issuer_state` goes unchanged into the Authorization Request. `authorization_server` is the identifier of one of several
    Authorization Servers in the issuer's metadata.
    """

    issuer_state: str | None = field(default=None, repr=False, metadata=wire(string()))
    authorization_server: str | None = field(default=None, metadata=wire(identifier_url()))


@frozen(kw_only=True)
class PreAuthorizedCodeGrant(Document):
    """The `urn:ietf:params:oauth:grant-type:pre-authorized_code` grant.

    `pre_authorized_code` goes unchanged into the Token Request. A Transaction Code is required if, and only if, `tx_code` is not
    None. `authorization_server` is the identifier of one of several Authorization Servers in the issuer's metadata.
    """

    pre_authorized_code: str = field(repr=False, metadata=wire(Codec(_check_code), "pre-authorized_code"))
    tx_code: TxCode | None = field(default=None, metadata=wire(nested(TxCode)))
    authorization_server: str | None = field(default=None, metadata=wire(identifier_url()))


_unknown_grants = mapping(json_object())


@frozen(kw_only=True)
class Grants(Document):
    """The grants an offer names. Those this version does not know are kept in `extra`, each an object."""

    authorization_code: AuthorizationCodeGrant | None = field(default=None, metadata=wire(nested(AuthorizationCodeGrant)))
    pre_authorized_code: PreAuthorizedCodeGrant | None = field(
        default=None, metadata=wire(nested(PreAuthorizedCodeGrant), PRE_AUTHORIZED_CODE)
    )
    rules = (lambda grants: _unknown_grants.check(grants.extra),)


@frozen(kw_only=True)
class CredentialOffer(Document):
    """A Credential Offer object (OID4VCI 4.1.1). The constructor and `from_json` raise `Malformed`.

    `credential_configuration_ids` are keys of the issuer's `credential_configurations_supported`: at least one, none twice.

    >>> offer = CredentialOffer(credential_issuer="https://issuer.example", credential_configuration_ids=("pid",))
    >>> offer.uri()
    'openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://issuer.example%22,%22credential_configuration_ids%22:%5B%22pid%22%5D%7D'
    """

    credential_issuer: str = field(metadata=wire(identifier_url()))
    credential_configuration_ids: tuple[str, ...] = field(metadata=wire(array(string(), unique=True)))
    grants: Grants | None = field(default=None, metadata=wire(nested(Grants)))

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types the offer names. If none, those in the Authorization Server's metadata may be used (OID4VCI 4.1.1)."""
        return () if self.grants is None else tuple(self.grants.to_json())

    def authorization_server(self, grant_type: str) -> str | None:
        """The Authorization Server that the offer names for a grant type, None if it leaves the choice (OID4VCI 4.1.1)."""
        if self.grants is None:
            return None
        known = {AUTHORIZATION_CODE: self.grants.authorization_code, PRE_AUTHORIZED_CODE: self.grants.pre_authorized_code}
        grant = known.get(grant_type)
        return None if grant is None else grant.authorization_server

    def uri(self, endpoint: str = ENDPOINT) -> str:
        """The URI that invokes a Wallet with this offer by value (OID4VCI 4.1.2).

        `endpoint` is the Wallet's Credential Offer Endpoint, with any scheme; a query that it has is kept. Raises `ValueError` if
        the endpoint is no URI, has a fragment or offer parameters of its own, or if the whole exceeds 64 KiB.
        """
        return _invocation(endpoint, "credential_offer", _json.dumps(self.to_json()))


def _check_reference(reference: "OfferReference", _: object, url: str) -> None:
    https_url().check(url)


@frozen
class OfferReference:
    """An offer that is at `url`, an `https` URL that a peer chose: a trust decision comes before any request to it.

    The URL often is all it takes to get the Pre-Authorized Code, so it does not show in `repr`.
    """

    url: str = field(repr=False, validator=_check_reference)


def reference_uri(url: str, endpoint: str = ENDPOINT) -> str:
    """The URI that invokes a Wallet with an offer by reference (OID4VCI 4.1.3).

    `url` is the `https` URL where the Wallet gets the offer, a different one for each offer; `endpoint` as in
    `CredentialOffer.uri`. Raises `ValueError`.
    """
    return _invocation(endpoint, "credential_offer_uri", OfferReference(url).url)


_URI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)[\x21-\x7e]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _parameters(uri: str) -> list[tuple[bytes, str]]:
    """The query parameters of a URI: the name decoded, the value as it stands."""
    if len(uri) > MAX_URI:
        raise Malformed("the URI is too long")
    if not _URI.fullmatch(uri):
        raise Malformed("not a URI")
    query = uri.partition("#")[0].partition("?")[2]
    if _BROKEN_ESCAPE.search(query):
        raise Malformed("the percent-encoding of the URI is broken")
    pairs = (parameter.partition("=") for parameter in query.split("&"))
    return [(unquote_to_bytes(name), value) for name, _, value in pairs]


_NAMES = (b"credential_offer", b"credential_offer_uri")


def _invocation(endpoint: str, name: str, value: str) -> str:
    if "#" in endpoint:
        raise ValueError("a Credential Offer Endpoint has no fragment")
    if any(own in _NAMES for own, _ in _parameters(endpoint)):
        # Each parameter "MUST NOT be present when" the other one is -- OID4VCI 4.1
        raise ValueError("the Credential Offer Endpoint has offer parameters already")
    # What is left as it is stands so in the specification's examples too, and keeps QR codes small.
    uri = with_query(endpoint, f"{name}={quote(value, safe=':/,')}")
    if len(uri) > MAX_URI:
        raise ValueError("the offer is too long for a URI: send it by reference")
    return uri


def read_offer_uri(uri: str) -> CredentialOffer | OfferReference:
    """Read what invoked the Wallet: an offer, or a reference to one.

    `uri` is the whole URI, of any scheme, or path and query of it; parameters other than the two of OID4VCI 4.1 are ignored.
    A `+` in an offer by value is a space, as in a form (RFC 6749 B), unless spaces are written `%20`: who writes those does not
    write forms, and the plus sign is one. In a reference it is always a plus sign, as no URL has spaces.

    Raises `InvalidOffer` unless exactly one of the two parameters is there, once, and is right.
    """
    with reading(InvalidOffer):
        carried = carried_by_uri(uri)
        return carried if isinstance(carried, OfferReference) else _offer(carried)


def carried_by_uri(uri: str) -> bytes | OfferReference:
    """What `read_offer_uri` reads: the JSON text of an offer, or a reference to one. Raises `Malformed`."""
    found = [(name, value) for name, value in _parameters(uri) if name in _NAMES]
    if len(found) != 1:
        raise Malformed("the URI must have one of credential_offer and credential_offer_uri, once")
    name, value = found[0]
    if name == b"credential_offer":
        return unquote_to_bytes(value if "%20" in value else value.replace("+", " "))
    # Bytes outside ASCII become characters that no URL has.
    url = unquote_to_bytes(value).decode("latin-1")
    try:
        return OfferReference(url)
    except Malformed as error:
        raise error.within("credential_offer_uri") from None


def read_offer(body: bytes) -> CredentialOffer:
    """Read a Credential Offer object, JSON of at most 64 KiB, however it arrived. Raises `InvalidOffer`."""
    with reading(InvalidOffer):
        return _offer(body)


def read_offer_response(response: Response) -> CredentialOffer:
    """Read the answer to a GET of an `OfferReference` (OID4VCI 4.1.3). Raises `InvalidOffer`."""
    if response.status != 200:
        raise InvalidOffer("the offer was not delivered: the status is not 200")
    with reading(InvalidOffer):
        # "the application/json media type MUST be used" -- OID4VCI 4.1.3
        if response.media_type != "application/json":
            raise Malformed("the content type must be application/json")
        return _offer(response.body)


def _offer(text: bytes) -> CredentialOffer:
    return CredentialOffer.from_json(_json.object_from(text, max_bytes=MAX_OFFER))


def offer_response(offer: CredentialOffer) -> Response:
    """The answer to a Wallet that fetches an offer by reference (OID4VCI 4.1.3): JSON that no cache keeps."""
    return Response.of_json(200, offer.to_json())


class _IssuerMetadata(Protocol):
    """What the checks need of `CredentialIssuerMetadata` (OID4VCI 12.2.4)."""

    @property
    def credential_issuer(self) -> str: ...
    @property
    def credential_configurations_supported(self) -> Mapping[str, object]: ...
    @property
    def authorization_servers(self) -> tuple[str, ...] | None: ...


def _hints(offer: CredentialOffer) -> list[str]:
    named = (offer.authorization_server(grant_type) for grant_type in (AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE))
    return [server for server in named if server is not None]


def _contradiction(offer: CredentialOffer, metadata: _IssuerMetadata) -> str | None:
    if offer.credential_issuer != metadata.credential_issuer:
        return "the offer names another Credential Issuer than the metadata"
    if any(name not in metadata.credential_configurations_supported for name in offer.credential_configuration_ids):
        return "the offer names a Credential Configuration that the metadata lack"
    if any(hint not in (metadata.authorization_servers or ()) for hint in _hints(offer)):
        return "the offer names an Authorization Server that the metadata lack"
    return None


def check_offer(offer: CredentialOffer, metadata: _IssuerMetadata) -> None:
    """Check an offer that a Wallet received against the issuer's metadata (OID4VCI 4.1.1).

    The issuer identifier must be the same string, every Credential Configuration must be there, an `authorization_server` must
    be one of `authorization_servers`. Tolerated: one that is named although it is the only one. Raises `InvalidOffer`.
    """
    if contradiction := _contradiction(offer, metadata):
        raise InvalidOffer(contradiction)


def check_new_offer(offer: CredentialOffer, metadata: _IssuerMetadata) -> None:
    """Check an offer that an issuer is about to make against its own metadata: `check_offer`, with nothing tolerated.

    Raises `ValueError`.
    """
    if contradiction := _contradiction(offer, metadata):
        raise ValueError(contradiction)
    if _hints(offer) and len(metadata.authorization_servers or ()) < 2:
        # "It MUST NOT be used otherwise" -- OID4VCI 4.1.1
        raise ValueError("an offer names an Authorization Server only if the metadata have several")
