"""`POST /admin/offers`, and who may use that and the rest under `/admin`: this machine, or holders of a token.

Whoever makes offers gets credentials made. Without a token in the settings, a request must come over the loopback interface,
directly (not forwarded by a proxy), and name a host of this machine or the issuer's, so that a page in a browser which resolves
its own name to this machine gets nowhere.
"""

import hmac
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import field, frozen

from examples.reference_server.encoders import Datasets
from examples.reference_server.journal import NOTIFICATIONS
from examples.reference_server.new_offers import NewOffers
from examples.reference_server.service import Service
from oid4vci.http import Request, Response
from oid4vci.records import Store

__all__ = ("OffersEndpoint", "list_notifications")

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

    @property
    def new_offers(self) -> NewOffers:
        """What makes the offers."""
        return NewOffers(self.service, self.subjects, self.tx_code_length)

    def answer(self, request: Request, *, now: int) -> Response:
        """The new offer: `{"offer_uri", "offer", "tx_code"}`, or 400 with what is wrong."""
        try:
            members = request.json_object()
            made = self.new_offers.make(members, now=now)
        except ValueError as error:
            return _error(400, "invalid_request", str(error))
        uri, changes = made.offer.uri(), made.changes
        if members.get("by_reference"):
            published = self.service.issuer.publish_offer(made.offer, now=now)
            changes, uri = (*changes, *published.changes), published.uri()
        if not self.store.commit(changes):
            return _error(503, "temporarily_unavailable", "the offer could not be stored")
        return Response.of_json(200, {"offer_uri": uri, "offer": made.offer.to_json(), "tx_code": made.tx_code})


def list_notifications(store: Store, subjects: Datasets) -> Response:
    """What wallets said of their credentials: `{"notifications": [{"subject", "configuration_id", "event", ...}]}` (OID4VCI 11)."""
    events = [{"subject": subject, **entry} for subject, entry in NOTIFICATIONS.entries(store, subjects)]
    return Response.of_json(200, {"notifications": events})


def _loopback(client: str | None) -> bool:
    try:
        return client is not None and ip_address(client).is_loopback
    except ValueError:
        return False
