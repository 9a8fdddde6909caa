"""Refusals of a Credential Request and a Deferred Credential Request (OID4VCI 8.3.1.2, 9.3)."""

from oid4vci.errors.refusal import Refusal

__all__ = (
    "CredentialRequestDenied",
    "InvalidCredentialRequest",
    "InvalidEncryptionParameters",
    "InvalidNonce",
    "InvalidProof",
    "InvalidTransactionId",
    "UnknownCredentialConfiguration",
    "UnknownCredentialIdentifier",
)


class InvalidCredentialRequest(Refusal):
    """A parameter is missing, repeated or has an unsupported value, or the request is otherwise malformed."""

    error, section = "invalid_credential_request", "OID4VCI 8.3.1.2"


class UnknownCredentialConfiguration(Refusal):
    """The requested Credential Configuration is unknown."""

    error, section = "unknown_credential_configuration", "OID4VCI 8.3.1.2"


class UnknownCredentialIdentifier(Refusal):
    """The requested Credential identifier is unknown."""

    error, section = "unknown_credential_identifier", "OID4VCI 8.3.1.2"


class InvalidProof(Refusal):
    """`proofs` is missing, a key proof is invalid, or one has no `c_nonce`."""

    error, section = "invalid_proof", "OID4VCI 8.3.1.2"


class InvalidNonce(Refusal):
    """A key proof has a `c_nonce` that is not, or no longer, valid."""

    error, section = "invalid_nonce", "OID4VCI 8.3.1.2"


class InvalidEncryptionParameters(Refusal):
    """Encryption parameters are invalid or missing."""

    error, section = "invalid_encryption_parameters", "OID4VCI 8.3.1.2"


class CredentialRequestDenied(Refusal):
    """The issuer decided not to issue; the Wallet need not try again."""

    error, section = "credential_request_denied", "OID4VCI 8.3.1.2"


class InvalidTransactionId(Refusal):
    """The `transaction_id` was not issued by this issuer to whoever asks, or was used to obtain the Credential."""

    error, section = "invalid_transaction_id", "OID4VCI 9.3"
