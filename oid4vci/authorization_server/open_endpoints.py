"""The endpoints that need no client and no decision: metadata (RFC 8414 3), keys, challenges for Client Attestations."""

from typing import TYPE_CHECKING

from attrs import field, frozen

from oid4vci.http import Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.client_attestation import Challenges
from oid4vci.records import Key, Records, Reply

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("ChallengeCall", "ServerKeysCall", "ServerMetadataCall")


@frozen
class ServerMetadataCall:
    """A request for the server's metadata."""

    server: "AuthorizationServer"
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The metadata as JSON."""
        return Reply(Response(200, {"content-type": "application/json"}, self.server._metadata_json))


@frozen
class ServerKeysCall:
    """A request for the keys that Access Tokens are verified with."""

    server: "AuthorizationServer"
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The JWK Set (RFC 7517 5)."""
        return Reply(Response(200, {"content-type": "application/json"}, self.server._keys_json))


@frozen
class ChallengeCall:
    """A request for a challenge (draft-ietf-oauth-attestation-based-client-auth-07 8)."""

    server: "AuthorizationServer"
    challenges: Challenges
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """A fresh challenge, with `Cache-Control: no-store`."""
        return Reply(self.challenges.response(self.server.identifier, now=now, new_secret=self.server.new_secret))
