"""did:web (W3C CCG, did:web Method Specification): where the document of such a DID is published."""

import re
from typing import Final

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.dids.did_url import DidUrl

__all__ = ("DidWeb", "did_web_url")

# RFC 1035 2.3.1 and RFC 1123 2.1: letters, digits and hyphens. What ends in a number is an IP address, or read as one.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[A-Za-z]){_LABEL}")
_MAX_HOST: Final = 253
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]+")


def did_web_url(url: str | DidUrl) -> str:
    """The https URL at which the document of a did:web is published, `url` being the DID, or the DID URL of a key of it.

    >>> did_web_url("did:web:example.com#key-1")
    'https://example.com/.well-known/did.json'
    >>> did_web_url("did:web:example.com%3A3000:user:alice")
    'https://example.com:3000/user/alice/did.json'

    The host is the choice of whoever wrote the DID: who fetches it must have allowed it, or refuse addresses inside their own
    network. Whose document it is, `did_document_keys` checks.

    Raises `Malformed` for what is no did:web, for IP addresses, which the method does not allow, and for a percent-encoded
    character other than the colon before the port.
    """
    parsed = DidUrl.parse(url) if isinstance(url, str) else url
    if parsed.method != "web":
        raise Malformed("is not a did:web")
    if parsed.path or parsed.query is not None:
        raise Malformed("has a path or a query, which lead to no document")
    host, *segments = parsed.method_specific_id.split(":")
    # "the colon MUST be percent encoded to prevent a conflict with paths"; hexadecimal digits are so in either case (RFC 3986 2.1)
    name, colon, port = host.replace("%3a", "%3A").partition("%3A")
    if len(name) > _MAX_HOST or not _HOST.fullmatch(name):
        # "it MUST NOT include IP addresses"
        raise Malformed("must begin with a domain name")
    if colon and (not _PORT.fullmatch(port) or int(port) > 65_535):
        raise Malformed("has a port that is none")
    if not all(_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in segments):
        raise Malformed("has a path that is not plain")
    # Names of hosts are the same in either case, paths are not (RFC 3986 6.2.2.1).
    return f"https://{name.lower()}{':' if colon else ''}{port}/{'/'.join(segments) or '.well-known'}/did.json"


@frozen
class DidWeb:
    """did:web, as a method whose documents are fetched: see `DidDocumentMethod`."""

    def document_url(self, url: DidUrl) -> str:
        """See `DidDocumentMethod.document_url`."""
        return did_web_url(url)
