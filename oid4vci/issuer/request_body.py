"""The body of a request to the Credential Endpoint and the Deferred Credential Endpoint, and how its answer is to be sent back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.encryption import JWT, ResponseEncryption
from oid4vci.errors import InvalidCredentialRequest, InvalidEncryptionParameters, Refusal
from oid4vci.http import Request, Response
from oid4vci.secret import NewSecret, new_secret

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("RequestBody", "read_request_body")

MAX_REQUEST = 4 << 20


@frozen
class RequestBody:
    """The members of a request. `fault` is what is wrong with how its answer is to be encrypted, raised where its turn comes.

    `encryption` says how that is; with None, the answer is plain.
    """

    members: Mapping[str, Any] = field(repr=False)
    fault: Refusal | None = None
    encryption: ResponseEncryption | None = None
    new_secret: NewSecret = field(default=new_secret, repr=False, eq=False)

    def response(self, status: int, members: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """The answer with these members, as the request wants it, whatever they are (OID4VCI 8.3, 9.2)."""
        if self.encryption is None:
            return Response.of_json(status, members, headers)
        fields = {"content-type": JWT, "cache-control": "no-store", **headers}
        return Response(status, fields, self.encryption.encrypt(members, new_secret=self.new_secret))


def read_request_body(issuer: "Issuer", request: Request) -> RequestBody:
    """Read the body. Raises `InvalidCredentialRequest`, `InvalidEncryptionParameters`."""
    try:
        encrypted = request.media_type == JWT
        members = _encrypted_members(issuer, request) if encrypted else _plain_members(issuer, request)
    except Malformed as error:
        raise InvalidCredentialRequest(str(error)) from None
    try:
        encryption = _response_encryption(issuer, members, encrypted)
    except InvalidEncryptionParameters as fault:
        return RequestBody(members, fault)
    return RequestBody(members, None, encryption, issuer.new_secret)


def _encrypted_members(issuer: "Issuer", request: Request) -> dict[str, Any]:
    if issuer.encryption is None:
        # Encryption that is not announced cannot be asked for (OID4VCI 8.2).
        raise InvalidEncryptionParameters("this issuer takes no encrypted requests")
    return issuer.encryption.decrypt(request.body, max_bytes=MAX_REQUEST)


def _plain_members(issuer: "Issuer", request: Request) -> dict[str, Any]:
    members = request.json_object(max_bytes=MAX_REQUEST)
    if issuer.encryption is not None and issuer.encryption.requests_required:
        # "When encryption of a message was required but the received message is unencrypted, it SHOULD be rejected." -- OID4VCI 10
        raise InvalidEncryptionParameters("this issuer takes encrypted requests only")
    return members


def _response_encryption(issuer: "Issuer", members: Mapping[str, Any], encrypted: bool) -> ResponseEncryption | None:
    encryption = issuer.encryption
    if "credential_response_encryption" not in members:
        if encryption is not None and encryption.responses_required:
            raise InvalidEncryptionParameters("credential_response_encryption is missing")
        return None
    if encryption is None:
        raise InvalidEncryptionParameters("this issuer does not encrypt responses")
    if not encrypted:
        # "Credential Request encryption MUST be used if the `credential_response_encryption` parameter is included, to prevent it
        # being substituted by an attacker." -- OID4VCI 8.2
        raise InvalidEncryptionParameters("a request with credential_response_encryption must be encrypted")
    return encryption.answering(members["credential_response_encryption"])
