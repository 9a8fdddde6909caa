"""The authorization server, for those who have none: read, verify, decide, finish.

It is made of the rooms in `oid4vci.oauth`, which an existing server uses one by one instead.
"""

from oid4vci.authorization_server.authorization_request import (
    AuthorizationCall,
    AuthorizationOrder,
    PendingAuthorization,
    PushedRequestCall,
)
from oid4vci.authorization_server.authorization_server import AuthorizationServer, AuthorizationServerCall
from oid4vci.authorization_server.open_endpoints import ChallengeCall
from oid4vci.authorization_server.token_request import TokenCall, TokenDraft, TokenOrder

__all__ = (
    "AuthorizationCall",
    "AuthorizationOrder",
    "AuthorizationServer",
    "AuthorizationServerCall",
    "ChallengeCall",
    "PendingAuthorization",
    "PushedRequestCall",
    "TokenCall",
    "TokenDraft",
    "TokenOrder",
)
