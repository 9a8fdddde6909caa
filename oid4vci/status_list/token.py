"""The claims of a Status List Token (Token Status List 5), whatever secures them; what a JWT and a CWT call them.

Nothing is verified here but the claims themselves: signatures are the checker's affair.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.formats.validity import check_now
from oid4vci.status_list.compression import MAX_SIZE
from oid4vci.status_list.status_list import StatusList

__all__ = ("CWT", "CWT_CLAIMS", "CWT_TYPE", "JWT", "JWT_TYPE", "StatusListToken")

JWT: Final = "application/statuslist+jwt"
CWT: Final = "application/statuslist+cwt"
JWT_TYPE: Final = "statuslist+jwt"
CWT_TYPE: Final = CWT

CWT_CLAIMS: Final[Mapping[str, int]] = {
    "sub": 2,
    "aud": 3,
    "exp": 4,
    "nbf": 5,
    "iat": 6,
    "status_list": 65533,
    "ttl": 65534,
}
"""Claim keys of CWTs by the names of the same claims in JWTs (RFC 8392 3.1, Token Status List 5.2)."""


@frozen(kw_only=True)
class StatusListToken:
    """The claims of a Status List Token. Times are seconds since the epoch.

    `uri` is where it is published; `ttl` the seconds that it may be kept before a fresh one should be fetched; after
    `expires_at` it says nothing any more; `aggregation_uri` leads to all lists of the issuer.
    """

    uri: str
    statuses: StatusList = field(repr=False)
    issued_at: int
    expires_at: int | None = None
    ttl: int | None = None
    aggregation_uri: str | None = None

    def claims(self, status_list: Mapping[str, Any]) -> dict[str, Any]:
        """The claims by their JWT names; `status_list` is the list as JSON or for CBOR (Token Status List 5.1, 5.2)."""
        link = {} if self.aggregation_uri is None else {"aggregation_uri": self.aggregation_uri}
        claims: dict[str, Any] = {"sub": self.uri, "iat": self.issued_at, "status_list": {**status_list, **link}}
        if self.expires_at is not None:
            claims["exp"] = self.expires_at
        if self.ttl is not None:
            claims["ttl"] = self.ttl
        return claims

    @classmethod
    def from_claims(
        cls, claims: Mapping[str, Any], *, uri: str, now: int, leeway: int = 60, cbor: bool = False, max_size: int = MAX_SIZE
    ) -> Self:
        """Check the claims of the token that `uri` led to, by their JWT names.

        `cbor`: whether they come from a CWT. `max_size` bounds the bytes of the list. Raises `Malformed`.
        """
        # "The value MUST be equal to that of the uri claim" -- Token Status List 5.1; compared as strings.
        if _required(claims, "sub") != uri:
            raise Malformed("is not the URI that the credential names", "sub")
        if "aud" in claims:
            # "If the principal processing the claim does not identify itself with a value in the aud claim ... the JWT MUST be
            # rejected" -- RFC 7519 4.1.3
            raise Malformed("names an audience, but a status list is for everybody", "aud")
        issued_at = _date(_required(claims, "iat"), "iat")
        expires_at = _date(claims["exp"], "exp") if "exp" in claims else None
        not_before = _date(claims["nbf"], "nbf") if "nbf" in claims else None
        check_now(issued_at, expires_at, now=now, leeway=leeway, names=("iat", "exp"))
        check_now(not_before, None, now=now, leeway=leeway, names=("nbf", "exp"))
        status_list = _required(claims, "status_list")
        read = StatusList.from_cbor if cbor else StatusList.from_json
        try:
            statuses = read(status_list, max_size=max_size)
            aggregation_uri = status_list.get("aggregation_uri")
            if not isinstance(aggregation_uri, str | None):
                raise Malformed("must be a string", "aggregation_uri")
        except Malformed as error:
            raise error.within("status_list") from None
        return cls(
            uri=uri,
            statuses=statuses,
            issued_at=issued_at,
            expires_at=expires_at,
            ttl=_ttl(claims, cbor),
            aggregation_uri=aggregation_uri,
        )


def _required(claims: Mapping[str, Any], name: str) -> Any:
    if name not in claims:
        raise Malformed("is missing", name)
    return claims[name]


def _date(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise Malformed("must be a number of seconds", name)
    return int(value)


def _ttl(claims: Mapping[str, Any], cbor: bool) -> int | None:
    """ "The value of the claim MUST be a positive number" -- Token Status List 5.1; in a CWT an unsigned integer (5.2)."""
    if "ttl" not in claims:
        return None
    value = claims["ttl"]
    if isinstance(value, bool) or not isinstance(value, int if cbor else int | float) or not 0 < value < 1e15:
        raise Malformed("must be a positive number", "ttl")
    return max(1, int(value))
