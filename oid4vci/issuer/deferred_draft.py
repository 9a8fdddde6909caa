"""The answer that Credentials are to be had later (OID4VCI 8.3, 9.2)."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from oid4vci._document import positive_number
from oid4vci._json import Malformed
from oid4vci.issuer.request_body import RequestBody
from oid4vci.issuer.transaction import transaction_key
from oid4vci.keys import SigningInput
from oid4vci.records import Change, Reply

__all__ = ("DeferredDraft",)


@frozen
class DeferredDraft:
    """A promise of Credentials. `interval` is what the Wallet should wait, in seconds."""

    transaction_id: str = field(repr=False)
    interval: int | float
    changes: tuple[Change, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: RequestBody = field(repr=False)

    def __attrs_post_init__(self) -> None:
        try:
            # "a positive number" -- OID4VCI 8.3
            positive_number().check(self.interval)
        except Malformed as error:
            raise error.within("interval") from None

    @property
    def handle(self) -> str:
        """What the application finds the transaction by (`Issuer.transaction`), and good for nothing else."""
        return transaction_key(self.transaction_id).digest

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """Nothing."""
        return ()

    def with_changes(self, *changes: Change) -> "DeferredDraft":
        """The draft with further changes of the application, which can have the `handle` in them.

        They are committed with the answer or not at all. Store a handle so: if the driver has to ask for a decision once more,
        another transaction comes of it.
        """
        return evolve(self, changes=(*self.changes, *changes))

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The response, with status 202: it has `transaction_id` and `interval`, and no Credentials (OID4VCI 8.3, 9.2).

        Raises `ValueError` if there are signatures.
        """
        if signatures:
            raise ValueError("there is nothing to sign, no signatures are expected")
        members = {"transaction_id": self.transaction_id, "interval": self.interval}
        return Reply(self.body.response(202, members, self.headers), self.changes)
