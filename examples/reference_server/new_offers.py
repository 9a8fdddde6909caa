"""Credential offers as this server makes them: for whoever logs in, or with a code that stands for a person."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from examples.reference_server.encoders import Datasets
from examples.reference_server.issuer_states import new_issuer_state
from examples.reference_server.service import Service
from oid4vci.offers import AUTHORIZATION_CODE, AuthorizationCodeGrant, CredentialOffer
from oid4vci.records import Change, Key

__all__ = ("PRE_AUTHORIZED", "NewOffer", "NewOffers")

PRE_AUTHORIZED: Final = "pre-authorized_code"
MEMBERS: Final = frozenset(("credential_configuration_ids", "grant", "tx_code", "by_reference", "subject"))


@frozen
class NewOffer:
    """An offer, once `changes` are committed. `subject` is whom it is about, None if that is who logs in; `grant` is its record."""

    offer: CredentialOffer = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)
    subject: str | None = None
    grant: Key | None = None


@frozen
class NewOffers:
    """Makes offers for the people in `subjects`."""

    service: Service
    subjects: Datasets
    tx_code_length: int

    def make(self, members: Mapping[str, Any], *, now: int, note: Any = None) -> NewOffer:
        """An offer as `members` ask for it, which are those of `POST /admin/offers`. Raises `ValueError`.

        `note` is JSON that comes back with every order that follows from the offer.
        """
        asked = self._checked(members)
        server, issuer = self.service.server, self.service.issuer
        configuration_ids = asked["credential_configuration_ids"]
        if asked["grant"] == AUTHORIZATION_CODE:
            state, change = new_issuer_state(configuration_ids, now=now, new_secret=issuer.new_secret, note=note)
            grant = AuthorizationCodeGrant(issuer_state=state)
            return NewOffer(issuer.offer(configuration_ids, authorization_code=grant), (change,))
        tx_code = server.new_tx_code(self.tx_code_length) if asked.get("tx_code") else None
        granted = server.pre_authorize(
            asked["subject"],
            configuration_ids,
            now=now,
            tx_code=tx_code,
            tx_code_description=None if tx_code is None else "The code that was shown with the offer",
            note=note,
        )
        offer = issuer.offer(configuration_ids, pre_authorized_code=granted.grant)
        return NewOffer(offer, granted.changes, tx_code, asked["subject"], granted.key)

    def _checked(self, members: Mapping[str, Any]) -> dict[str, Any]:
        if not members.keys() <= MEMBERS:
            raise ValueError(f"members are {', '.join(sorted(MEMBERS))}")
        grant = members.get("grant", PRE_AUTHORIZED)
        if grant not in (PRE_AUTHORIZED, AUTHORIZATION_CODE):
            raise ValueError(f"grant must be {PRE_AUTHORIZED} or {AUTHORIZATION_CODE}")
        for name in ("tx_code", "by_reference"):
            if members.get(name, False) is not True and members.get(name, False) is not False:
                raise ValueError(f"{name} must be true or false")
        known = self.service.issuer.metadata.credential_configurations_supported
        asked = members.get("credential_configuration_ids")
        if not isinstance(asked, list) or not asked or not all(isinstance(each, str) and each in known for each in asked):
            raise ValueError(f"credential_configuration_ids must be an array of some of: {', '.join(known)}")
        if len(set(asked)) != len(asked):
            raise ValueError("credential_configuration_ids must not repeat an element")
        if grant != AUTHORIZATION_CODE:
            return {**members, "grant": grant, "subject": self._subject(members, asked)}
        if self.service.server.authorization_codes is None:
            raise ValueError(f"nobody can log in at this server, so its only grant is {PRE_AUTHORIZED}")
        if members.get("tx_code") or "subject" in members:
            # Who gets the credentials is who logs in.
            raise ValueError(f"tx_code and subject do not go with {AUTHORIZATION_CODE}")
        return dict(members)

    def _subject(self, members: Mapping[str, Any], asked: list[str]) -> str:
        """The subject named, or the first that has all datasets."""
        having = [name for name, datasets in self.subjects.items() if set(asked) <= datasets.keys()]
        subject = members.get("subject", having[0] if having else None)
        if not isinstance(subject, str) or subject not in having:
            raise ValueError("subject must be one that has all of the configurations")
        return subject
