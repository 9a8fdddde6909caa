"""Status List Aggregation: the URIs of all lists of an issuer, for Verifiers that fetch them ahead (Token Status List 9.3)."""

from collections.abc import Sequence

from attrs import field, frozen

from oid4vci._document import Document, array, string, wire
from oid4vci._json import object_from

__all__ = ("Aggregation", "read_aggregation")


@frozen(kw_only=True)
class Aggregation(Document):
    """The document."""

    status_lists: Sequence[str] = field(metadata=wire(array(string(maximum=2048), minimum=0)))


def read_aggregation(body: bytes) -> tuple[str, ...]:
    """The URIs that a body names, in its order; nothing is said of whether they may be fetched. Raises `Malformed`."""
    return tuple(Aggregation.from_json(object_from(body)).status_lists)
