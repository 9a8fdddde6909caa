"""`POST /admin/offers`, and who may use that and the rest under `/admin`: this machine, or holders of a token.

Whoever makes offers gets credentials made. Without a token in the settings, a request must come over the loopback interface,
directly (not forwarded by a proxy), and name a host of this machine or the issuer's, so that a page in a browser which resolves
its own name to this machine gets nowhere.
"""

import hmac
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from examples.reference_server.encoders import Datasets
from examples.reference_server.issuer_states import new_issuer_state
from examples.reference_server.journal import NOTIFICATIONS
from examples.reference_server.service import Service
from oid4vci.http import Request, Response
from oid4vci.offers import AUTHORIZATION_CODE, AuthorizationCodeGrant, CredentialOffer
from oid4vci.records import Change, Store

__all__ = ("OffersEndpoint", "list_notifications")

MEMBERS = frozenset(("credential_configuration_ids", "grant", "tx_code", "by_reference", "subject"))
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def _error(status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response.of_json(status, {"error": error, "error_description": description}, headers)


@frozen
class OffersEndpoint:
    """Makes credential offers. `token` is what a client must present; without one, only this machine is served."""

    service: Service
    store: Store
    subjects: Datasets
    tx_code_length: int
    token: str | None = field(default=None, repr=False)

    def refusal(self, request: Request, client: str | None, methods: Sequence[str] = ("POST",)) -> Response | None:
        """What a client that may not make offers is told, before its body is read. `client` is the address it came from."""
        if request.method not in methods:
            allowed = ", ".join(methods)
            return _error(405, "invalid_request", f"the method must be {' or '.join(methods)}", {"allow": allowed})
        headers = request.headers
        if self.token is not None:
            values = headers.all("authorization")
            scheme, _, given = values[0].partition(" ") if len(values) == 1 else ("", "", "")
            if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode()):
                return None
            return _error(401, "invalid_token", "the admin token is needed", {"www-authenticate": "Bearer"})
        if not _loopback(client) or any(name in headers for name in _FORWARDED) or not self._names_us(headers.all("host")):
            return _error(403, "access_denied", "this is for this machine only, or for an admin token")
        return None

    def _names_us(self, hosts: Sequence[str]) -> bool:
        ours = (*_LOCAL_HOSTS, urlsplit(self.service.issuer.identifier).hostname)
        try:
            return len(hosts) == 1 and urlsplit(f"//{hosts[0]}").hostname in ours
        except ValueError:
            return False

    def answer(self, request: Request, *, now: int) -> Response:
        """The new offer: `{"offer_uri", "offer", "tx_code"}`, or 400 with what is wrong."""
        try:
            members = self._members(request)
        except ValueError as error:
            return _error(400, "invalid_request", str(error))
        tx_code = self.service.server.new_tx_code(self.tx_code_length) if members.get("tx_code") else None
        offer, changes = self._offer(members, tx_code, now)
        uri = offer.uri()
        if members.get("by_reference"):
            published = self.service.issuer.publish_offer(offer, now=now)
            changes, uri = (*changes, *published.changes), published.uri()
        if not self.store.commit(changes):
            return _error(503, "temporarily_unavailable", "the offer could not be stored")
        return Response.of_json(200, {"offer_uri": uri, "offer": offer.to_json(), "tx_code": tx_code})

    def _offer(self, members: Mapping[str, Any], tx_code: str | None, now: int) -> tuple[CredentialOffer, tuple[Change, ...]]:
        server, issuer = self.service.server, self.service.issuer
        configuration_ids = members["credential_configuration_ids"]
        if members["grant"] == AUTHORIZATION_CODE:
            state, change = new_issuer_state(configuration_ids, now=now, new_secret=issuer.new_secret)
            return issuer.offer(configuration_ids, authorization_code=AuthorizationCodeGrant(issuer_state=state)), (change,)
        granted = server.pre_authorize(
            members["subject"],
            configuration_ids,
            now=now,
            tx_code=tx_code,
            tx_code_description=None if tx_code is None else "The code that was shown with the offer",
        )
        return issuer.offer(configuration_ids, pre_authorized_code=granted.grant), granted.changes

    def _members(self, request: Request) -> dict[str, Any]:
        members = request.json_object()
        if not members.keys() <= MEMBERS:
            raise ValueError(f"members are {', '.join(sorted(MEMBERS))}")
        grant = members.get("grant", "pre-authorized_code")
        if grant not in ("pre-authorized_code", AUTHORIZATION_CODE):
            raise ValueError(f"grant must be pre-authorized_code or {AUTHORIZATION_CODE}")
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
            raise ValueError("nobody can log in at this server, so its only grant is pre-authorized_code")
        if members.get("tx_code") or "subject" in members:
            # Who gets the credentials is who logs in.
            raise ValueError(f"tx_code and subject do not go with {AUTHORIZATION_CODE}")
        return members

    def _subject(self, members: Mapping[str, Any], asked: list[str]) -> str:
        """The subject named, or the first that has all datasets."""
        having = [name for name, datasets in self.subjects.items() if set(asked) <= datasets.keys()]
        subject = members.get("subject", having[0] if having else None)
        if not isinstance(subject, str) or subject not in having:
            raise ValueError("subject must be one that has all of the configurations")
        return subject


def list_notifications(store: Store, subjects: Datasets) -> Response:
    """What wallets said of their credentials: `{"notifications": [{"subject", "configuration_id", "event", ...}]}` (OID4VCI 11)."""
    events = [{"subject": subject, **entry} for subject, entry in NOTIFICATIONS.entries(store, subjects)]
    return Response.of_json(200, {"notifications": events})


def _loopback(client: str | None) -> bool:
    try:
        return client is not None and ip_address(client).is_loopback
    except ValueError:
        return False
