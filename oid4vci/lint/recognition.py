"""What a document is, told from itself.

Whoever sends one may say anything, so this decides by which rules it is judged, no more.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from oid4vci import _cbor, _jose, _json
from oid4vci._json import Malformed, b64url_decode

__all__ = ("CREDENTIAL_KINDS", "ISSUER", "KINDS", "OFFER", "SERVER", "SIGNED", "is_offer_uri", "recognise")

ISSUER: Final = "issuer-metadata"
SIGNED: Final = "signed-issuer-metadata"
SERVER: Final = "server-metadata"
OFFER: Final = "offer"
CREDENTIAL_KINDS: Final = ("dc+sd-jwt", "mso_mdoc", "jwt_vc_json", "ldp_vc", "vc+jwt", "vc+sd-jwt")
KINDS: Final = (ISSUER, SIGNED, SERVER, OFFER, *CREDENTIAL_KINDS)
"""What can be linted. `jwt_vc_json-ld` cannot be told from `jwt_vc_json`, and has the same rules here."""

SIGNED_TYPE: Final = "openidvci-issuer-metadata+jwt"

_OFFER_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]*[?&]credential_offer(?:_uri)?=")
_SERVER_MEMBERS: Final = frozenset(
    (
        "token_endpoint",
        "authorization_endpoint",
        "response_types_supported",
        "grant_types_supported",
        "pushed_authorization_request_endpoint",
        "jwks_uri",
    )
)


def is_offer_uri(text: str) -> bool:
    """Whether this is a URI with one of the parameters of a Credential Offer (OID4VCI 4.1)."""
    return _OFFER_URI.match(text) is not None


def recognise(text: str) -> str | None:
    """One of `KINDS`, None if it cannot be told."""
    if is_offer_uri(text):
        return OFFER
    if text.startswith("{"):
        try:
            return _of_object(_json.object_from(text))
        except Malformed:
            return None
    if "~" in text:
        return _of_sd_jwt(text.partition("~")[0])
    if text.count(".") == 2:
        return _of_jwt(text)
    try:
        encoded = _cbor.loads(b64url_decode(text.rstrip("=")))
    except Malformed:
        return None
    return "mso_mdoc" if isinstance(encoded, dict) and not encoded.keys().isdisjoint(("issuerAuth", "nameSpaces")) else None


def _of_object(members: Mapping[str, Any]) -> str | None:
    if not members.keys().isdisjoint(("credential_configuration_ids", "grants")):
        return OFFER
    if not members.keys().isdisjoint(("credential_issuer", "credential_configurations_supported", "credential_endpoint")):
        return ISSUER
    if not members.keys().isdisjoint(("@context", "credentialSubject", "proof")):
        return "ldp_vc"
    if not _SERVER_MEMBERS.isdisjoint(members):
        return SERVER
    return None


def _payload(jwt: str) -> Mapping[str, Any]:
    try:
        return _json.object_from(_jose.parse(jwt, max_bytes=_json.MAX_BYTES).payload)
    except Malformed:
        return {}


def _typ(jwt: str) -> Any:
    try:
        typ = _jose.parse(jwt, max_bytes=_json.MAX_BYTES).header.get("typ")
    except Malformed:
        return None
    return typ.removeprefix("application/") if isinstance(typ, str) else None


def _of_sd_jwt(jwt: str) -> str:
    payload = _payload(jwt)
    # `vc+sd-jwt` was the name of `dc+sd-jwt` in drafts, so the type alone does not tell.
    if "vct" not in payload and ("@context" in payload or _typ(jwt) == "vc+sd-jwt"):
        return "vc+sd-jwt"
    return "dc+sd-jwt"


def _of_jwt(text: str) -> str | None:
    typ, payload = _typ(text), _payload(text)
    if typ == SIGNED_TYPE or "credential_configurations_supported" in payload:
        return SIGNED
    if typ == "vc+jwt":
        return "vc+jwt"
    if typ == "dc+sd-jwt" or "vct" in payload:
        return "dc+sd-jwt"
    if "vc" in payload:
        return "jwt_vc_json"
    return "vc+jwt" if "@context" in payload else None
