"""The Credential Issuer beside the OAuth server: it looks access tokens up among the toolkit's own."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen
from django.conf import settings

from examples.adapters.endpoints import now
from examples.django_oauth_toolkit.models import GrantedToken
from examples.django_oauth_toolkit.settings import Club
from examples.django_oauth_toolkit.store import commit, load
from examples.membership import decide, new_club
from examples.token_table import TOKEN, TableTokens
from oid4vci.drive import Draft
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.offers import CredentialOffer
from oid4vci.records import Change, Key, Record, Records, Reply
from oid4vci.secret import new_secret

__all__ = ("HOST", "ISSUER", "new_offer")

club: Club = settings.CLUB


@frozen
class IssuerHost:
    """The application behind the issuer."""

    def load(self, keys: Sequence[Key], /) -> Records:
        """Records of the library, and tokens as if they were such."""
        found = dict(load([key for key in keys if key.kind != TOKEN]))
        tokens = GrantedToken.objects.select_related("access_token__user", "access_token__application")
        for key in keys:
            granted = tokens.filter(access_token__token_checksum=key.digest).first() if key.kind == TOKEN else None
            if granted is not None:
                found[key] = _record(key, granted)
        return found

    def commit(self, changes: Sequence[Change], /) -> bool:
        """The changes of the issuer: spent nonces and proofs."""
        return commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """No key is anywhere else."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """The key signs by itself."""
        return ()

    def decide(self, order: CredentialOrder, /) -> Draft | Reply:
        """See `examples.membership`."""
        return decide(order)


def _record(key: Key, granted: GrantedToken) -> Record:
    token = granted.access_token
    data = {
        "subject": token.user.username,
        "client_id": token.application.client_id,
        "configuration_ids": granted.configuration_ids,
        "details": granted.details,
        "note": granted.note,
        "jkt": granted.jkt,
    }
    return Record(key, data, int(token.expires.timestamp()))


ISSUER: Final = new_club(club.metadata, TableTokens(), keys=club.keys, signer=club.signer, dpop=club.dpop)
HOST: Final = IssuerHost()


def new_offer(
    username: str, configuration_ids: Sequence[str], *, tx_code: str | None = None, note: Any = None
) -> CredentialOffer:
    """An offer with a pre-authorized code for a user; `tx_code` goes to the person another way."""
    made = club.codes.new(username, configuration_ids, now=now(), new_secret=new_secret, tx_code=tx_code, note=note)
    if not commit(made.changes):
        raise RuntimeError("the same random number came up twice")
    return ISSUER.offer(configuration_ids, pre_authorized_code=made.grant)
