"""The endpoint that needs no client and no decision, and has something new for everybody: challenges for Client Attestations."""

from typing import TYPE_CHECKING

from attrs import field, frozen

from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.client_attestation import Challenges
from oid4vci.records import Key, Records, Reply

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("ChallengeCall",)


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
