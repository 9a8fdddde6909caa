"""W3C Credentials: `jwt_vc_json`, `ldp_vc` (OID4VCI A.1), `vc+jwt` and `vc+sd-jwt` (VC-JOSE-COSE 3)."""

from collections.abc import Collection, Mapping
from typing import Any

from oid4vci import _jose, _json
from oid4vci._json import Malformed
from oid4vci.formats import jwt_vc, sd_jwt, vcdm
from oid4vci.formats.vcdm import VCDM_1_1, VCDM_2_0, DataModel
from oid4vci.lint.certificates import lint_x5c
from oid4vci.lint.claims import LEEWAY, lint_algorithm, lint_cnf, lint_status, lint_times
from oid4vci.lint.report import Notebook, Report
from oid4vci.lint.sd_jwt_vc import UNVERIFIED

__all__ = ("lint_jwt_vc", "lint_ldp_vc", "lint_vc_jwt", "lint_vc_sd_jwt")

_JOSE = "VC-JOSE-COSE 3.1"


def _report(kind: str, notebook: Notebook, haip: bool) -> Report:
    if haip:
        notebook.warning("", "is of a format that HAIP does not profile", "HAIP 5.3", "HAIP-4-02")
    return Report(kind, tuple(notebook.findings), (UNVERIFIED,))


def lint_jwt_vc(text: str, *, now: int, haip: bool) -> Report:
    """A credential of VCDM 1.1 as a JWT (OID4VCI A.1.1, VCDM 1.1 6.3.1)."""
    notebook = Notebook()
    jws = notebook.attempt(lambda: _jose.parse(text, max_bytes=_json.MAX_BYTES), "OID4VCI A.1.1.4", "VCI-A.1.1.4-01")
    if jws is not None:
        _lint_header(jws.header, notebook, now)
        if jws.header.get("typ", "JWT") != "JWT":
            notebook.error("header", "typ must be JWT", "VCDM 1.1 6.3.1")
        claims = notebook.attempt(lambda: _json.object_from(jws.payload), "RFC 7519 4", "VCI-A.1.1.4-01")
        if claims is not None:
            _lint_claims(claims, notebook, now)
            if "vp" in claims:
                notebook.error("vp", "belongs into a presentation", "VCDM 1.1 6.3.1")
            members = notebook.attempt(lambda: jwt_vc.decoded(claims), "VCDM 1.1 6.3.1")
            if members is not None:
                _lint_model(members, (VCDM_1_1,), "VCDM 1.1 4", notebook, now, within="vc")
    return _report("jwt_vc_json", notebook, haip)


def lint_ldp_vc(text: str, *, now: int, haip: bool) -> Report:
    """A credential with Data Integrity proofs (OID4VCI A.1.2). No context is fetched or processed."""
    from oid4vci.data_integrity import read_document, read_proofs

    notebook = Notebook()
    members = notebook.attempt(lambda: _json.object_from(text), "OID4VCI A.1.2.4", "VCI-A.1.2.4-01")
    if members is not None:
        _lint_model(members, (VCDM_2_0, VCDM_1_1), "VCDM", notebook, now)
        proofs = notebook.attempt(lambda: read_proofs(read_document(members)), "VC Data Integrity 2.1")
        for proof in proofs or ():
            if proof.purpose != "assertionMethod":
                notebook.error("proof.proofPurpose", "must be assertionMethod", "VC Data Integrity 2.1")
        if proofs is not None and not proofs:
            notebook.warning("proof", "has no cryptosuite that is known here", "VC Data Integrity 3.1")
    return _report("ldp_vc", notebook, haip)


def lint_vc_jwt(text: str, *, now: int, haip: bool) -> Report:
    """A credential of VCDM 2.0 as a JWT (VC-JOSE-COSE 3.1)."""
    notebook = Notebook()
    jws = notebook.attempt(lambda: _jose.parse(text, max_bytes=_json.MAX_BYTES), _JOSE)
    if jws is not None:
        claims = notebook.attempt(lambda: _json.object_from(jws.payload), _JOSE)
        _lint_secured(jws.header, claims, claims, "vc+jwt", notebook, now)
    return _report("vc+jwt", notebook, haip)


def lint_vc_sd_jwt(text: str, *, now: int, haip: bool) -> Report:
    """A credential of VCDM 2.0 as an SD-JWT (VC-JOSE-COSE 3.2)."""
    notebook = Notebook()
    parsed = notebook.attempt(lambda: sd_jwt.parse(text), "RFC 9901 4")
    if parsed is not None:
        if parsed.key_binding is not None:
            notebook.error("", "has a Key Binding JWT, which only presentations have", "RFC 9901 4")
        payload = notebook.attempt(parsed.payload, "RFC 7519 4")
        claims = None
        if payload is not None:
            unfolded = notebook.attempt(lambda: sd_jwt.unfold(payload, parsed.disclosures), "RFC 9901 7.1")
            claims = None if unfolded is None else unfolded.claims
        _lint_secured(parsed.jws.header, payload, claims, "vc+sd-jwt", notebook, now)
    return _report("vc+sd-jwt", notebook, haip)


def _lint_header(header: Mapping[str, Any], notebook: Notebook, now: int) -> None:
    lint_algorithm(header, notebook)
    lint_x5c(header, notebook, now=now, haip=None)


def _lint_claims(claims: Mapping[str, Any], notebook: Notebook, now: int) -> None:
    lint_times(claims, notebook, now)
    lint_cnf(claims, notebook)
    lint_status(claims, notebook)


def _lint_secured(
    header: Mapping[str, Any],
    payload: Mapping[str, Any] | None,
    claims: Mapping[str, Any] | None,
    kind: str,
    notebook: Notebook,
    now: int,
) -> None:
    """`payload` is what was signed, `claims` what it says once everything that was disclosed is in its place."""
    _lint_header(header, notebook, now)
    for name, wanted in (("typ", kind), ("cty", "vc")):
        if str(header.get(name, "vc" if name == "cty" else None)).removeprefix("application/") != wanted:
            notebook.error("header", f"{name} must be {wanted}", _JOSE)
    if payload is None:
        return
    for name in ("vc", "vp"):
        if name in payload:
            notebook.error(name, "must not be there", f"{_JOSE}.3")
    _lint_claims(payload, notebook, now)
    if claims is not None:
        _lint_model(claims, (VCDM_2_0,), "VCDM 2.0 4", notebook, now)
        issuer = claims.get("issuer")
        named = issuer.get("id") if isinstance(issuer, Mapping) else issuer
        if "iss" in payload and payload["iss"] != named:
            notebook.error("iss", "is not the issuer of the credential", "VC-JOSE-COSE 4.1.2")


def _lint_model(
    members: Mapping[str, Any], models: Collection[DataModel], rule: str, notebook: Notebook, now: int, *, within: str = ""
) -> None:
    try:
        read = vcdm.read(members, models=models)
    except Malformed as malformed:
        notebook.error((malformed.within(within) if within else malformed).path, malformed.reason, rule)
        return
    try:
        read.check_now(now, LEEWAY)
    except Malformed as malformed:
        notebook.warning((malformed.within(within) if within else malformed).path, malformed.reason, rule)
