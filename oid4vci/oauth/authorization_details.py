"""`authorization_details` of type `openid_credential` (OID4VCI 5.1.1, 6.1.1, 6.2; RFC 9396)."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import Document, array, choice, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription, contradictions
from oid4vci.errors import InvalidAuthorizationDetails, reading

__all__ = ("OPENID_CREDENTIAL", "AuthorizationDetail", "read_authorization_details")

OPENID_CREDENTIAL = "openid_credential"
MAX_DETAILS = 100
# Characters of the parameter: what is granted is stored, and read again with every Credential Request.
MAX_PARAMETER = 16_384


def _consistent_claims(detail: "AuthorizationDetail") -> None:
    # "When a repeated or contradictory claim description is provided, the processing MUST be aborted." -- OID4VCI B.3
    for contradiction in contradictions(detail.claims or ()):
        raise contradiction.within("claims")


@frozen(kw_only=True)
class AuthorizationDetail(Document):
    """One element of `authorization_details`. `credential_identifiers` stand in Token Responses only.

    `claims` are what the Wallet asks for: without them, all that there is; what the issuer does not have is no error, unless it is
    mandatory. Descriptions that repeat or contradict each other are refused (OID4VCI B.3).
    """

    rules: ClassVar[tuple[Callable[[Any], None], ...]] = (_consistent_claims,)

    type: str = field(default=OPENID_CREDENTIAL, metadata=wire(choice(OPENID_CREDENTIAL)))
    credential_configuration_id: str = field(metadata=wire(string()))
    locations: tuple[str, ...] | None = field(default=None, metadata=wire(array(string())))
    claims: tuple[ClaimsDescription, ...] | None = field(default=None, metadata=wire(array(nested(ClaimsDescription))))
    credential_identifiers: tuple[str, ...] | None = field(default=None, metadata=wire(array(string(), unique=True)))


def read_authorization_details(
    text: str | None, *, credential_issuers: Sequence[str], other_types: Collection[str] = ()
) -> tuple[AuthorizationDetail, ...]:
    """The elements of the `authorization_details` parameter of a request whose type is `openid_credential`; none without it.

    `locations`, where given, must name one of `credential_issuers`. Members that are not known are kept and ignored. Elements of
    `other_types`, which the server reads itself, are left out.

    Raises `InvalidAuthorizationDetails`: malformed, a type this server does not know (RFC 9396 5), a configuration named twice,
    or claims descriptions that contradict each other (OID4VCI B.3).
    """
    if text is None:
        return ()
    with reading(InvalidAuthorizationDetails):
        if len(text) > MAX_PARAMETER:
            raise Malformed("too large", "authorization_details")
        elements: Any = _json.loads(text)
        if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_DETAILS:
            raise Malformed("must be a non-empty array")
        details = []
        for i, element in enumerate(elements):
            try:
                if not isinstance(element, dict) or not isinstance(element.get("type"), str):
                    raise Malformed("must be an object with a type")
                if element["type"] in other_types:
                    continue
                details.append(AuthorizationDetail.from_json(element))
            except Malformed as error:
                raise error.within(f"authorization_details[{i}]") from None
        for detail in details:
            if detail.credential_identifiers is not None:
                raise Malformed("credential_identifiers belong into a response")
            if detail.locations is not None and not set(detail.locations) & set(credential_issuers):
                raise Malformed("locations name no Credential Issuer that this server knows")
        if len({detail.credential_configuration_id for detail in details}) != len(details):
            raise Malformed("a credential configuration is named twice")
    return tuple(details)
