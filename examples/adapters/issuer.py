"""What the adapters serve in the demonstration: the club of `examples.membership`, with an authorization server of its own."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from examples.membership import club_metadata, decide, new_club
from oid4vci.authorization_server import AuthorizationServer, TokenOrder
from oid4vci.drive import Draft, Host, Together
from oid4vci.issuer import Issuer
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.offers import CredentialOffer
from oid4vci.records import Change, Key, Records, Reply, Store
from oid4vci.sealed import SealingKeys

__all__ = ("Club", "ClubHost", "ThreadedHost", "new_club_server")


@frozen
class Club:
    """The two roles that are served under one identifier."""

    issuer: Issuer
    server: AuthorizationServer

    @property
    def role(self) -> Together:
        """Both as one."""
        return Together([self.issuer, self.server])

    def offer(self, store: Store, subject: str, configuration_ids: Sequence[str], *, now: int) -> CredentialOffer:
        """An offer with a pre-authorized code for `subject`."""
        granted = self.server.pre_authorize(subject, configuration_ids, now=now)
        if not store.commit(granted.changes):
            raise RuntimeError("the same random number came up twice")
        return self.issuer.offer(configuration_ids, pre_authorized_code=granted.grant)


def new_club_server(identifier: str) -> Club:
    """The club at `identifier`, an https URL that may have a path. Its keys are made up: what it gives out ends with it."""
    keys, dpop = SealingKeys([os.urandom(32)]), Dpop()
    tokens = SealedAccessTokens(keys)
    metadata = club_metadata(identifier)
    server = AuthorizationServer.at(
        identifier,
        access_tokens=tokens,
        pre_authorized_codes=PreAuthorizedCodes(keys),
        credential_issuers=(metadata,),
        dpop=dpop,
    )
    return Club(new_club(metadata, tokens, keys=keys, signer=LocalSigner.generate("club-1"), dpop=dpop), server)


@frozen
class ClubHost:
    """The application behind the club, for adapters that are not async."""

    store: Store = field(factory=MemoryStore)

    def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return self.store.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return self.store.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """No key is anywhere else."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """The key signs by itself."""
        return ()

    def decide(self, order: Any, /) -> Draft | Reply:
        """A token for every valid code, and for members their credentials."""
        return order.issue() if isinstance(order, TokenOrder) else decide(order)


@frozen
class ThreadedHost:
    """A host that is not async as one that is: what waits, for a database or a KMS, does so in a thread of its own.

    The event loop goes on meanwhile. A host whose database has an async driver needs none of this.
    """

    host: Host

    async def load(self, keys: Sequence[Key], /) -> Records:
        """See `Host`; so the others."""
        return await asyncio.to_thread(self.host.load, keys)

    async def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return await asyncio.to_thread(self.host.commit, changes)

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """Keys that are elsewhere."""
        return await asyncio.to_thread(self.host.resolve, references)

    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Signatures by keys that are elsewhere."""
        return await asyncio.to_thread(self.host.sign, inputs)

    async def decide(self, order: Any, /) -> Draft | Reply:
        """A decision that reads a database, too, is made in a thread."""
        return await asyncio.to_thread(self.host.decide, order)
