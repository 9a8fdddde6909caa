"""The body of a request to the Credential Endpoint and the Deferred Credential Endpoint, and how its answer is to be sent back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidCredentialRequest, InvalidEncryptionParameters, Refusal
from oid4vci.http import Request, Response

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("RequestBody", "read_request_body")

MAX_REQUEST = 4 << 20


@frozen
class RequestBody:
    """The members of a request. `fault` is what is wrong with how its answer is to be encrypted, raised where its turn comes."""

    members: Mapping[str, Any] = field(repr=False)
    fault: Refusal | None = None

    def response(self, status: int, members: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """The answer with these members, as the request wants it (OID4VCI 8.3, 9.2)."""
        return Response.of_json(status, members, headers)


def read_request_body(issuer: "Issuer", request: Request) -> RequestBody:
    """Read the body. Raises `InvalidCredentialRequest`, `InvalidEncryptionParameters`."""
    try:
        if request.media_type == "application/jwt":
            # Encryption that is not announced cannot be asked for (OID4VCI 8.2).
            raise InvalidEncryptionParameters("this issuer takes no encrypted requests")
        members = request.json_object(max_bytes=MAX_REQUEST)
    except Malformed as error:
        raise InvalidCredentialRequest(str(error)) from None
    fault = None
    if "credential_response_encryption" in members:
        fault = InvalidEncryptionParameters("this issuer does not encrypt responses")
    return RequestBody(members, fault)
