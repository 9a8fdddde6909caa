"""Several Credentials of one dataset: what each copy has of its own, and the drafts that wait for signatures.

Copies share dataset and format and nothing else that would tell Verifiers that they belong together (OID4VCI 15.4.1).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from oid4vci.keys import LocalSigner, Signer, SigningInput, sign
from oid4vci.revocation import StatusReference

__all__ = ("Copies", "SignedCopies", "check_status")

C = TypeVar("C", str, dict[str, Any])


def check_status(status: Any) -> None:
    """Raise `ValueError` unless this can be a Credential's `status`; a reference to a status list must have its shape."""
    if not isinstance(status, dict) or not status:
        raise ValueError("status must be an object that refers to a status mechanism")
    StatusReference.of(status)


def _check_own(name: str, values: Sequence[Any], *, count: int, shared: bool) -> None:
    """Raise `ValueError` if two of `count` copies have one value: it would tell Verifiers that they belong together."""
    if count > 1 and (shared or any(each in values[:i] for i, each in enumerate(values))):
        raise ValueError(f"each copy needs {name} of its own")


@frozen
class Copies:
    """The members of each copy, one mapping for each Credential; a copy's `status` is like no other's.

    Make it with `of`.
    """

    members: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, copies: Sequence[Mapping[str, Any]] | None, *, count: int, status: Any = None) -> "Copies":
        """Check what an encoder was given for `count` Credentials. `status`: what the dataset itself says, for all of them.

        Raises `ValueError`.
        """
        if copies is not None and len(copies) != count:
            raise ValueError(f"copies must have {count} elements, one for each credential")
        found = [members["status"] for members in copies or () if "status" in members]
        for each in found if status is None else (status, *found):
            check_status(each)
        # HAIP 6.1: "its own unique, unpredictable status list index"; whatever else there is beside it.
        entries = [StatusReference.of(each) or each for each in found]
        _check_own("status", entries, count=count, shared=status is not None)
        return cls(tuple(copies) if copies is not None else ({},) * count)

    def check_own(self, name: str, *, shared: bool) -> None:
        """Raise `ValueError` if two copies have the same member `name`, or all do: `shared` says that the dataset has it."""
        values = [members[name] for members in self.members if name in members]
        _check_own(name, values, count=len(self.members), shared=shared)


@frozen
class SignedCopies(Generic[C]):
    """Credentials that lack only their signatures; see `CredentialsDraft`.

    `assemble(i, signature)` is the i-th Credential.
    """

    signer: Signer
    _inputs: tuple[bytes, ...] = field(repr=False)
    _assemble: Callable[[int, bytes], C] = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is in this process."""
        if isinstance(self.signer, LocalSigner):
            return ()
        return tuple(SigningInput(self.signer.key_id, self.signer.algorithm, data) for data in self._inputs)

    def finish(self, signatures: Sequence[bytes] = ()) -> tuple[C, ...]:
        """The credentials, in the order of the holder keys. Raises `ValueError`."""
        made = sign(self.signer, self._inputs, signatures)
        return tuple(self._assemble(i, signature) for i, signature in enumerate(made))
