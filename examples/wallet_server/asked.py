"""What somebody asks the wallet for: an offer, by value or by reference, or an issuer without an offer."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci.http import Request, url_origin
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.wallet import Offer

__all__ = ("Asked", "read_asked", "read_tx_code")

GRANTS: Final = {"authorization_code": AUTHORIZATION_CODE, "pre-authorized_code": PRE_AUTHORIZED_CODE}
MAX_REQUEST: Final = 200_000
MAX_TX_CODE: Final = 256
_MEMBERS: Final = ("offer_uri", "credential_issuer", "configuration_ids", "scope", "tx_code", "grant", "using")


@frozen(kw_only=True)
class Asked:
    """`offer` is None if an issuer is asked for what it gives for `scope`.

    `configuration_ids` are some of the offer; None: all of them. `grant_type` is one of the offer that has several. `using` says
    how the authorization server is asked, see `Opened.authorize`.
    """

    offer: Offer | None
    credential_issuer: str | None = None
    configuration_ids: tuple[str, ...] | None = None
    scope: tuple[str, ...] = ()
    tx_code: str | None = field(default=None, repr=False)
    grant_type: str | None = None
    using: Any = None


def read_asked(request: Request) -> Asked:
    """The body of `POST /offers`. Raises `ValueError`, and `InvalidOffer` for what is no offer."""
    members = request.json_object(max_bytes=MAX_REQUEST)
    if not members.keys() <= set(_MEMBERS):
        raise ValueError(f"members are {', '.join(_MEMBERS)}")
    configuration_ids, scope = _names(members, "configuration_ids"), _text(members, "scope")
    grant, using = _text(members, "grant"), _text(members, "using")
    if grant is not None and grant not in GRANTS:
        raise ValueError(f"grant must be {' or '.join(GRANTS)}")
    if using not in (None, "scope", "authorization_details"):
        raise ValueError("using must be scope or authorization_details")
    given: dict[str, Any] = {
        "tx_code": read_tx_code(members) if "tx_code" in members else None,
        "grant_type": None if grant is None else GRANTS[grant],
        "using": using,
    }
    uri, issuer = _text(members, "offer_uri"), _text(members, "credential_issuer")
    if (uri is None) == (issuer is None):
        raise ValueError("either offer_uri or credential_issuer is needed")
    if uri is not None:
        if scope is not None:
            raise ValueError("scope is for an issuer without an offer")
        return Asked(offer=Offer.parse(uri), configuration_ids=configuration_ids, **given)
    if url_origin(issuer or "") is None:
        raise ValueError("credential_issuer must be an https URL")
    if (configuration_ids is None) == (scope is None):
        raise ValueError("an issuer is asked for either configuration_ids or scope")
    if configuration_ids is not None:
        return Asked(offer=Offer.of(issuer or "", *configuration_ids), credential_issuer=issuer, **given)
    return Asked(offer=None, credential_issuer=issuer, scope=tuple((scope or "").split()), **{**given, "using": "scope"})


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if name in members and (not isinstance(value, str) or not value.strip()):
        raise ValueError(f"{name} must be a string that is not empty")
    return value


def _names(members: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in members:
        return None
    value = members[name]
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise ValueError(f"{name} must be an array of strings that is not empty")
    if len(set(value)) != len(value):
        raise ValueError(f"{name} must not repeat an element")
    return tuple(value)


def read_tx_code(members: Mapping[str, Any]) -> str:
    """The member `tx_code`. Raises `ValueError`."""
    value = members.get("tx_code")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TX_CODE:
        raise ValueError(f"tx_code must be a string of 1 to {MAX_TX_CODE} characters")
    return value
