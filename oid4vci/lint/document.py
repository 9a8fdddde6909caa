"""Any document: what it is, and the findings of whoever knows that kind."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from oid4vci import _jose
from oid4vci._json import MAX_BYTES, Malformed, loads, object_from
from oid4vci.lint.issuer import lint_issuer, lint_signed
from oid4vci.lint.mdoc import lint_mdoc
from oid4vci.lint.offer import lint_offer
from oid4vci.lint.recognition import ISSUER, KINDS, OFFER, SERVER, SIGNED, recognise
from oid4vci.lint.report import Report
from oid4vci.lint.sd_jwt_vc import lint_sd_jwt_vc
from oid4vci.lint.server import lint_server
from oid4vci.lint.w3c import lint_jwt_vc, lint_ldp_vc, lint_vc_jwt, lint_vc_sd_jwt
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.metadata.finding import Finding

__all__ = ("KINDS", "lint", "lint_with_servers", "members_of")

Linter: TypeAlias = Callable[[str, int, bool], Report]
"""Looks at a text, at a time, with or without the rules of HAIP."""

_LINTERS: Final[Mapping[str, Linter]] = {
    ISSUER: lambda text, now, haip: lint_issuer(text, haip=haip),
    SIGNED: lambda text, now, haip: lint_signed(text, now=now, haip=haip),
    SERVER: lambda text, now, haip: lint_server(text, haip=haip),
    OFFER: lambda text, now, haip: lint_offer(text),
    "dc+sd-jwt": lambda text, now, haip: lint_sd_jwt_vc(text, now=now, haip=haip),
    "mso_mdoc": lambda text, now, haip: lint_mdoc(text, now=now, haip=haip),
    "jwt_vc_json": lambda text, now, haip: lint_jwt_vc(text, now=now, haip=haip),
    "ldp_vc": lambda text, now, haip: lint_ldp_vc(text, now=now, haip=haip),
    "vc+jwt": lambda text, now, haip: lint_vc_jwt(text, now=now, haip=haip),
    "vc+sd-jwt": lambda text, now, haip: lint_vc_sd_jwt(text, now=now, haip=haip),
}


def lint(document: bytes | str, *, now: int, kind: str | None = None, profile: Literal["haip"] | None = None) -> Report:
    """What is wrong with a document, or doubtful, as far as it can be told from itself. No signature is verified.

    `document`: metadata or an offer as JSON, an offer URI, signed metadata, or a Credential as it stands in a Credential Response.
    `now`: seconds since the epoch; what has expired is a warning. `kind`: one of `KINDS`; None: it is told from the document.
    `profile`: `"haip"` adds the rules of HAIP 1.0.

    Never raises because of the document. Raises `ValueError` for an unknown `kind` or `profile`.

    >>> report = lint('{"credential_issuer": "https://i.example", "credential_configuration_ids": []}', now=0)
    >>> print(report.kind, *report.findings)
    offer error: credential_configuration_ids: must not be empty (OID4VCI 4.1.1)
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if profile not in (None, "haip"):
        raise ValueError('profile must be None or "haip"')
    try:
        text = _text(document)
    except Malformed as malformed:
        return Report(kind, (Finding("", malformed.reason, "RFC 8259 8.1", "error"),))
    kind = kind or recognise(text)
    if kind is None:
        return Report(None, (Finding("", _unknown(text), "OID4VCI 4.1, 12.2, A", "error"),))
    return _LINTERS[kind](text, now, profile == "haip")


def lint_with_servers(metadata: bytes | str, servers: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Findings about an issuer's metadata that take those of its Authorization Servers, by their identifiers (OID4VCI 12.2.4).

    Nothing is said about what cannot be read: `lint` does that.
    """
    try:
        issuer = CredentialIssuerMetadata.from_json(members_of(metadata))
        read = [AuthorizationServerMetadata.from_json(object_from(body)) for body in servers.values()]
    except Malformed:
        return ()
    without = set(issuer.findings())
    return tuple(finding for finding in issuer.findings(read) if finding not in without)


def members_of(document: bytes | str) -> dict[str, Any]:
    """The members of metadata, of signed ones as well: nothing is verified. Raises `Malformed`."""
    text = _text(document)
    return object_from(text if text.startswith("{") else _jose.parse(text, max_bytes=MAX_BYTES).payload)


def _text(document: bytes | str) -> str:
    if len(document) > MAX_BYTES:
        raise Malformed("too large")
    try:
        return (document.decode() if isinstance(document, bytes) else document).strip()
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None


def _unknown(text: str) -> str:
    if not text.startswith("{"):
        return "is no document that is known here"
    try:
        loads(text)
    except Malformed as malformed:
        return malformed.reason
    return "is no document that is known here"
