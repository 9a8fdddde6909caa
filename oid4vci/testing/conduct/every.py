"""All rules of conduct: each module adds its own."""

from oid4vci.testing.conduct import (
    authorization_requests,
    client_authentication,
    credential_requests,
    documents,
    dpop_proofs,
    encrypted_messages,
    key_proofs,
    later_requests,
    token_requests,
)
from oid4vci.testing.conduct.conduct import CONDUCT

__all__ = ("CONDUCT", "MODULES")

MODULES = (
    documents,
    authorization_requests,
    client_authentication,
    token_requests,
    dpop_proofs,
    key_proofs,
    credential_requests,
    encrypted_messages,
    later_requests,
)
