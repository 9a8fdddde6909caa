"""Client Metadata: what a Wallet says about itself as an OAuth client (OID4VCI 12.1, RFC 7591 2)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from oid4vci._document import Codec, Document, array, boolean, https_url, string, wire
from oid4vci._json import Malformed
from oid4vci.metadata.encryption import jwk_set

__all__ = ("ClientMetadata",)

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[!$-;=?-\[\]_a-z~%&]*")
# An issuer's page may link to it, so nothing that runs or reads there; and an offer with its code must not go out in plain.
_REFUSED_SCHEMES = frozenset(("blob", "data", "file", "ftp", "http", "javascript", "vbscript"))


def _check_offer_endpoint(value: Any) -> None:
    if not isinstance(value, str):
        raise Malformed("must be a string")
    if len(value) > 2048:
        raise Malformed("must have at most 2048 characters")
    match = _URI.fullmatch(value)
    if not match:
        raise Malformed("must be a URI without fragment")
    if match[1].lower() in _REFUSED_SCHEMES:
        raise Malformed("has a scheme that is not allowed")


def _one_key_source(metadata: "ClientMetadata") -> None:
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        # "The "jwks_uri" and "jwks" parameters MUST NOT both be present" -- RFC 7591 2
        raise Malformed("must not be there with jwks_uri", "jwks")


@frozen(kw_only=True)
class ClientMetadata(Document):
    """A Wallet as an OAuth client. `credential_offer_endpoint` may have a custom scheme; unknown members are in `extra`."""

    rules: ClassVar[tuple[Callable[[Any], None], ...]] = (_one_key_source,)

    redirect_uris: tuple[str, ...] | None = field(default=None, metadata=wire(array(string(maximum=2048))))
    token_endpoint_auth_method: str | None = field(default=None, metadata=wire(string()))
    grant_types: tuple[str, ...] | None = field(default=None, metadata=wire(array(string(), minimum=0)))
    response_types: tuple[str, ...] | None = field(default=None, metadata=wire(array(string(), minimum=0)))
    client_name: str | None = field(default=None, metadata=wire(string(minimum=0)))
    scope: str | None = field(default=None, metadata=wire(string(minimum=0)))
    jwks_uri: str | None = field(default=None, metadata=wire(https_url()))
    jwks: Mapping[str, Any] | None = field(default=None, metadata=wire(jwk_set()))
    dpop_bound_access_tokens: bool | None = field(default=None, metadata=wire(boolean()))
    require_pushed_authorization_requests: bool | None = field(default=None, metadata=wire(boolean()))
    credential_offer_endpoint: str | None = field(default=None, metadata=wire(Codec(_check_offer_endpoint)))

    def may_use(self, grant_type: str) -> bool:
        """Whether `grant_types` has it; a list that is absent limits nothing."""
        return self.grant_types is None or grant_type in self.grant_types
