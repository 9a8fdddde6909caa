"""The application behind the Credential Issuer: its store, the keys of the authorization server, its decisions and its offers."""

import secrets
from collections.abc import Sequence
from typing import Final

import anyio.to_thread
from attrs import frozen

from examples.issuer_alone.jwks import Jwks, Unavailable
from examples.membership import decide
from oid4vci.drive import Draft
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer
from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Store

__all__ = ("IssuerHost", "new_offer")

SESSION: Final = "issuer_state"
SESSION_LIFETIME: Final = 3600


@frozen
class IssuerHost:
    """An `AsyncHost` over a store that is not async."""

    store: Store
    jwks: Jwks

    async def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return await anyio.to_thread.run_sync(self.store.load, keys)

    async def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return await anyio.to_thread.run_sync(self.store.commit, changes)

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys of the authorization server. Raises `TemporarilyUnavailable`."""
        try:
            return await self.jwks.resolve(references)
        except Unavailable:
            # Not the wallet's fault: its token may be good.
            raise TemporarilyUnavailable("the keys of the authorization server cannot be fetched") from None

    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """The key signs by itself."""
        return ()

    async def decide(self, order: CredentialOrder, /) -> Draft | Reply:
        """Who has a token for an offer must be the person whom the offer was made for.

        The authorization server puts the `issuer_state` of the request into the token, which is an agreement with it: the
        specification leaves open how the issuer learns it. It may have been injected by an attacker (OID4VCI 5.1.3), so it decides
        nothing by itself: the person is the `sub` of the token, whom the server has authenticated.
        """
        state = order.authorization.claims.get("issuer_state")
        if state is not None:
            key = Key.of(SESSION, str(state))
            session = (await self.load([key])).get(key)
            if session is None or session.expires_at <= order.now or session.data["subject"] != order.subject:
                return order.deny("the offer was made for somebody else, or has ended")
        return decide(order)


def new_offer(issuer: Issuer, store: Store, subject: str, configuration_ids: Sequence[str], *, now: int) -> CredentialOffer:
    """An offer for `subject`, as the authorization server knows them, and the session that its `issuer_state` names."""
    state = secrets.token_urlsafe(32)
    session = Record(Key.of(SESSION, state), {"subject": subject}, now + SESSION_LIFETIME)
    if not store.commit([Insert(session)]):
        raise RuntimeError("the same random number came up twice")
    return issuer.offer(configuration_ids, authorization_code=AuthorizationCodeGrant(issuer_state=state))
