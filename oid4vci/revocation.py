"""What may be revoked, by references that say where or under what name to look: an entry of a status list, a certificate.

A `StatusReference` is where a Credential, or an attestation, says that its status is published (Token Status List 6): in JOSE and
in COSE the same.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from oid4vci._json import Malformed

__all__ = ("CertificateReference", "StatusRef", "StatusReference", "Statuses")

MAX_URI: Final = 2048
# What JSON numbers hold exactly; no list is as long.
MAX_INDEX: Final = 2**53 - 1
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]+")


@frozen
class StatusReference:
    """The entry `index` of the Status List Token at `uri`.

    >>> StatusReference("https://example.com/statuslists/1", 7).status
    {'status_list': {'idx': 7, 'uri': 'https://example.com/statuslists/1'}}
    """

    uri: str
    index: int

    def __attrs_post_init__(self) -> None:
        # "MUST specify a non-negative Integer" -- Token Status List 6.2; a boolean is none.
        if type(self.index) is not int or not 0 <= self.index <= MAX_INDEX:
            raise Malformed("must be a non-negative integer", "status_list.idx")
        # "MUST be a URI conforming to RFC3986" -- Token Status List 6.2
        if not isinstance(self.uri, str) or len(self.uri) > MAX_URI or not _URI.fullmatch(self.uri):
            raise Malformed("must be a URI", "status_list.uri")

    @property
    def status(self) -> dict[str, Any]:
        """The value of `status`: a claim of a JWT (6.2), a member of the MSO of an mdoc (6.3)."""
        return {"status_list": {"idx": self.index, "uri": self.uri}}

    @classmethod
    def of(cls, status: Any) -> "StatusReference | None":
        """The reference in a `status`, None if it names other mechanisms only. Other members are ignored. Raises `Malformed`."""
        # "MUST specify a JSON Object that contains at least one reference to a status mechanism" -- Token Status List 6.2
        if not isinstance(status, Mapping) or not status:
            raise Malformed("must be an object that refers to a status mechanism")
        if "status_list" not in status:
            return None
        reference = status["status_list"]
        if not isinstance(reference, Mapping):
            raise Malformed("must be an object", "status_list")
        for name in ("idx", "uri"):
            if name not in reference:
                raise Malformed("is missing", f"status_list.{name}")
        return cls(reference["uri"], reference["idx"])


@frozen
class CertificateReference:
    """A certificate whose revocation is to be found out: the name of its issuer, in DER, and its serial number (RFC 5280 5.3)."""

    issuer: bytes = field(repr=False)
    serial: int


StatusRef: TypeAlias = StatusReference | CertificateReference
"""What the caller finds out, from status lists or lists of revoked certificates that it keeps or fetches."""

Statuses: TypeAlias = Mapping[StatusRef, int]
"""What was found out: a Status Type (Token Status List 7), 0 if it stands. What could not be found out is absent."""
