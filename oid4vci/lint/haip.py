"""The rules of HAIP 1.0 that metadata and Credentials can be held to (HAIP 4, 5.3, 6, 7)."""

from collections.abc import Iterator, Mapping
from typing import Any

from oid4vci.metadata.finding import Finding, error, warning
from oid4vci.metadata.haip import FORMATS, issuer_findings, server_findings

__all__ = ("FORMATS", "issuer_findings", "mdoc_findings", "sd_jwt_vc_findings", "server_findings")


def sd_jwt_vc_findings(header: Mapping[str, Any], payload: Mapping[str, Any]) -> Iterator[Finding]:
    """What HAIP adds for the issuer-signed JWT of an SD-JWT VC; what is wrong with its `x5c` is not looked at."""
    if "x5c" not in header:
        yield error("header", "x5c is missing", "HAIP 6.1.1", "HAIP-6.1.1-02")
    if "exp" not in payload and "status" not in payload:
        yield warning("exp", "is missing, and there is no status either", "HAIP 6.1", "HAIP-6.1-03")
    status, cnf = payload.get("status"), payload.get("cnf")
    if isinstance(status, Mapping) and "status_list" not in status:
        yield error("status.status_list", "is missing", "HAIP 6.1", "HAIP-6.1-07")
    if isinstance(cnf, Mapping) and "jwk" not in cnf:
        yield error("cnf.jwk", "is missing", "HAIP 6.1", "HAIP-6.1-06")


def mdoc_findings(status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """What HAIP adds for the `status` of an mdoc's security object."""
    if status is not None and status.keys().isdisjoint(("status_list", "identifier_list")):
        yield error("status", "must refer to a status list or an identifier list", "HAIP 5.3.1", "HAIP-5.3.1-03")
