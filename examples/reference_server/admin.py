"""`POST /admin/offers`, and who may use that and the rest under `/admin`: whoever makes offers gets credentials made."""

from collections.abc import Sequence

from attrs import field, frozen

from examples.admission import Admission, refusal
from examples.reference_server.encoders import Datasets
from examples.reference_server.journal import NOTIFICATIONS
from examples.reference_server.new_offers import NewOffers
from examples.reference_server.service import Service
from oid4vci.http import Request, Response
from oid4vci.records import Store

__all__ = ("OffersEndpoint", "list_notifications")


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
        return Admission(self.service.issuer.identifier, self.token).refusal(request, client, methods)

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
            return refusal(400, "invalid_request", str(error))
        uri, changes = made.offer.uri(), made.changes
        if members.get("by_reference"):
            published = self.service.issuer.publish_offer(made.offer, now=now)
            changes, uri = (*changes, *published.changes), published.uri()
        if not self.store.commit(changes):
            return refusal(503, "temporarily_unavailable", "the offer could not be stored")
        return Response.of_json(200, {"offer_uri": uri, "offer": made.offer.to_json(), "tx_code": made.tx_code})


def list_notifications(store: Store, subjects: Datasets) -> Response:
    """What wallets said of their credentials: `{"notifications": [{"subject", "configuration_id", "event", ...}]}` (OID4VCI 11)."""
    events = [{"subject": subject, **entry} for subject, entry in NOTIFICATIONS.entries(store, subjects)]
    return Response.of_json(200, {"notifications": events})
