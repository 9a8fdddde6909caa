"""Credential Issuer Metadata: a JSON document (OID4VCI 12.2.4), or signed (12.2.3)."""

from collections.abc import Mapping
from typing import Any

from oid4vci import _jose, _json
from oid4vci._json import MAX_BYTES
from oid4vci.lint import haip as rules
from oid4vci.lint.certificates import lint_x5c
from oid4vci.lint.reading import read_object, read_what_can_be_read
from oid4vci.lint.recognition import ISSUER, SIGNED, SIGNED_TYPE
from oid4vci.lint.report import Notebook, Report
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.metadata.unreadable import CREDENTIAL_ISSUER_MEMBERS

__all__ = ("lint_issuer", "lint_signed")

_RULE = "OID4VCI 12.2.3"
_UNVERIFIED = "the signature was not verified"
_CONFIGURATIONS = "credential_configurations_supported"
_STAND_INS: Mapping[str, Any] = {
    "credential_issuer": "https://issuer.invalid",
    "credential_endpoint": "https://issuer.invalid/credential",
    _CONFIGURATIONS: {},
}
_OF_DRAFTS = {
    "credentials_supported": "it is credential_configurations_supported now",
    "batch_credential_endpoint": "it is batch_credential_issuance now, at the Credential Endpoint",
    "signed_metadata": "signed metadata are the whole answer now, of the type application/jwt",
    "authorization_server": "it is authorization_servers now",
}


def lint_issuer(text: str, *, haip: bool) -> Report:
    """What is wrong with metadata in JSON."""
    notebook = Notebook()
    value = read_object(text, notebook, "VCI-12.2.2-06")
    if value is not None:
        _lint(value, notebook, haip)
    return Report(ISSUER, tuple(notebook.findings))


def lint_signed(text: str, *, now: int, haip: bool) -> Report:
    """What is wrong with signed metadata. The signature is not verified."""
    notebook = Notebook()
    jws = notebook.attempt(lambda: _jose.parse(text, max_bytes=MAX_BYTES), _RULE, "VCI-12.2.3-01")
    if jws is None:
        return Report(SIGNED, tuple(notebook.findings), (_UNVERIFIED,))
    header = jws.header
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        notebook.error("header", "alg must be a string", _RULE, "VCI-12.2.3-02")
    elif algorithm == "none" or algorithm.startswith("HS"):
        notebook.error("header", "alg must be a digital signature algorithm", _RULE, "VCI-12.2.3-03")
    if header.get("typ") != SIGNED_TYPE:
        notebook.error("header", f"typ must be {SIGNED_TYPE}", _RULE, "VCI-12.2.3-04")
    lint_x5c(header, notebook, now=now, haip=("HAIP 4.1", "HAIP-4.1-07", "HAIP-4.1-06") if haip else None)
    if haip and "x5c" not in header:
        notebook.error("header", "x5c is missing", "HAIP 4.1", "HAIP-4.1-05")
    claims = notebook.attempt(lambda: _json.object_from(jws.payload), _RULE, "VCI-12.2.3-09")
    if claims is not None:
        _lint_claims(claims, notebook, now)
        _lint(claims, notebook, haip)
    return Report(SIGNED, tuple(notebook.findings), (_UNVERIFIED,))


def _lint_claims(claims: Mapping[str, Any], notebook: Notebook, now: int) -> None:
    if "sub" not in claims:
        notebook.error("sub", "is missing", _RULE, "VCI-12.2.3-06")
    elif claims["sub"] != claims.get("credential_issuer"):
        notebook.error("sub", "is not the Credential Issuer Identifier", _RULE, "VCI-12.2.3-06")
    for name, requirement in (("iat", "VCI-12.2.3-07"), ("exp", "VCI-12.2.3-08")):
        if type(claims.get(name)) is not int and (name in claims or name == "iat"):
            notebook.error(name, "must be an integer" if name in claims else "is missing", _RULE, requirement)
    expires = claims.get("exp")
    if type(expires) is int and expires <= now:
        notebook.warning("exp", "lies in the past", _RULE, "VCI-12.2.3-08")


def _lint(value: Mapping[str, Any], notebook: Notebook, haip: bool) -> None:
    metadata = read_what_can_be_read(
        CredentialIssuerMetadata, value, _STAND_INS, CREDENTIAL_ISSUER_MEMBERS, notebook, besides=(_CONFIGURATIONS,)
    )
    for name, what in _OF_DRAFTS.items():
        if name in value:
            notebook.warning(name, f"is of a draft: {what}", "OID4VCI 12.2.4")
    if metadata is None:
        return
    known = {finding.path for finding in notebook.findings}
    notebook.findings += (finding for finding in metadata.findings() if finding.path not in known)
    if haip:
        notebook.findings += rules.issuer_findings(metadata)
