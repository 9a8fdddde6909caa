"""Credentials of the format `dc+sd-jwt` (OID4VCI A.3, draft-ietf-oauth-sd-jwt-vc)."""

from collections.abc import Mapping
from typing import Any

from oid4vci import x509
from oid4vci._json import Malformed
from oid4vci.formats import sd_jwt
from oid4vci.formats.integrity import is_integrity_metadata
from oid4vci.formats.sd_jwt_vc_claims import FORMAT, NEVER_HIDDEN, check_other_types
from oid4vci.lint import haip as rules
from oid4vci.lint.certificates import lint_x5c
from oid4vci.lint.claims import lint_algorithm, lint_cnf, lint_status, lint_times
from oid4vci.lint.report import Notebook, Report

__all__ = ("UNVERIFIED", "lint_sd_jwt_vc")

UNVERIFIED = "the signature was not verified"
_RULE = "SD-JWT VC"
_REQUIREMENT = "VCI-A.3.4-01"


def lint_sd_jwt_vc(text: str, *, now: int, haip: bool) -> Report:
    """What is wrong with an SD-JWT VC. The signature is not verified, and Type Metadata are not fetched."""
    notebook = Notebook()
    if "~" not in text:
        notebook.error("", "an SD-JWT ends in ~, also without disclosures", "RFC 9901 4", _REQUIREMENT)
        text += "~"
    parsed = notebook.attempt(lambda: sd_jwt.parse(text), "RFC 9901 4", _REQUIREMENT)
    if parsed is None:
        return Report(FORMAT, tuple(notebook.findings), (UNVERIFIED,))
    if parsed.key_binding is not None:
        notebook.error("", "has a Key Binding JWT, which only presentations have", "RFC 9901 4", _REQUIREMENT)
    header = parsed.jws.header
    if header.get("typ") != FORMAT:
        notebook.error("header", f"typ must be {FORMAT}", _RULE, _REQUIREMENT)
    lint_algorithm(header, notebook)
    lint_x5c(header, notebook, now=now, haip=("HAIP 6.1.1", "HAIP-6.1.1-04", "HAIP-6.1.1-03") if haip else None)
    payload = notebook.attempt(parsed.payload, "RFC 7519 4", _REQUIREMENT)
    if payload is not None:
        _lint_payload(header, payload, notebook, now)
        unfolded = notebook.attempt(lambda: sd_jwt.unfold(payload, parsed.disclosures), "RFC 9901 7.1", _REQUIREMENT)
        if unfolded is not None and any(each.path[0] in NEVER_HIDDEN for each in unfolded.disclosures):
            notebook.error("", "a claim is selectively disclosable that must not be", _RULE, _REQUIREMENT)
        if haip:
            notebook.findings += rules.sd_jwt_vc_findings(header, payload)
    return Report(FORMAT, tuple(notebook.findings), (UNVERIFIED,))


def _lint_payload(header: Mapping[str, Any], payload: Mapping[str, Any], notebook: Notebook, now: int) -> None:
    notebook.attempt(lambda: _check_type(payload), _RULE, _REQUIREMENT)
    if "vct#integrity" in payload and not is_integrity_metadata(payload["vct#integrity"]):
        notebook.error("vct#integrity", "must be integrity metadata", _RULE)
    for name in ("iss", "sub"):
        if name in payload and (not isinstance(payload[name], str) or not payload[name]):
            notebook.error(name, "must be a string that is not empty", "RFC 7519 4.1")
    if "iss" not in payload and "x5c" not in header:
        notebook.error("iss", "is missing, and there is no x5c", _RULE)
    elif "x5c" in header and isinstance(payload.get("iss"), str) and not _is_named(header["x5c"], payload["iss"]):
        notebook.warning("x5c[0]", "does not name iss", _RULE)
    lint_times(payload, notebook, now)
    lint_cnf(payload, notebook)
    lint_status(payload, notebook)


def _is_named(chain: Any, issuer: str) -> bool:
    """Whether the first certificate is for the issuer; what cannot be read is reported elsewhere."""
    try:
        return x509.identifies(x509.load(x509.decode_x5c(chain)[0]), issuer)
    except Malformed:
        return True


def _check_type(payload: Mapping[str, Any]) -> None:
    vct = payload.get("vct")
    if not isinstance(vct, str) or not vct:
        raise Malformed("is missing" if "vct" not in payload else "must be a string that is not empty", "vct")
    check_other_types(payload, vct)
