"""Messages of the protocol as hypothesis strategies: valid ones, built with the library's own classes, and mutated ones.

This package needs hypothesis, which the library itself does not: without it, importing raises an `ImportError` that says so.
"""

from oid4vci.testing.strategies.documents import (
    HOLDERS,
    authorization_details,
    authorization_server_metadata,
    client_metadata,
    credential_configurations,
    credential_issuer_metadata,
    credential_offers,
)
from oid4vci.testing.strategies.messages import (
    credential_requests,
    credential_responses,
    deferred_responses,
    nonce_responses,
    token_requests,
    token_responses,
)
from oid4vci.testing.strategies.values import identifier_urls, json_objects, json_values, mutated

__all__ = (
    "HOLDERS",
    "authorization_details",
    "authorization_server_metadata",
    "client_metadata",
    "credential_configurations",
    "credential_issuer_metadata",
    "credential_offers",
    "credential_requests",
    "credential_responses",
    "deferred_responses",
    "identifier_urls",
    "json_objects",
    "json_values",
    "mutated",
    "nonce_responses",
    "token_requests",
    "token_responses",
)
