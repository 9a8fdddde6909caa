"""Credentials of the format `mso_mdoc` (OID4VCI A.2, ISO/IEC 18013-5)."""

from collections.abc import Sequence

from oid4vci import _cose, x509
from oid4vci._json import Malformed, b64url_decode
from oid4vci.formats import mdl
from oid4vci.formats.mdoc_security_object import IssuerSigned, SecurityObject
from oid4vci.lint import haip as rules
from oid4vci.lint.certificates import lint_chain
from oid4vci.lint.claims import LEEWAY, lint_status
from oid4vci.lint.report import Notebook, Report
from oid4vci.lint.sd_jwt_vc import UNVERIFIED

__all__ = ("lint_mdoc",)

_KIND = "mso_mdoc"
_ISO = "ISO/IEC 18013-5 9.1.2"
_REQUIREMENT = "VCI-A.2.4-01"


def lint_mdoc(text: str, *, now: int, haip: bool) -> Report:
    """What is wrong with an mdoc: its structure, digests, times, certificates. The signature is not verified."""
    notebook = Notebook()
    _lint(text, notebook, now, haip)
    return Report(_KIND, tuple(notebook.findings), (UNVERIFIED,))


def _lint(text: str, notebook: Notebook, now: int, haip: bool) -> None:
    if text.endswith("="):
        notebook.error("", "base64url is written without padding", "OID4VCI 2", "VCI-2-01")
        text = text.rstrip("=")
    data = notebook.attempt(lambda: b64url_decode(text), "OID4VCI A.2.4", _REQUIREMENT)
    issued = None if data is None else notebook.attempt(lambda: IssuerSigned.read(data), "OID4VCI A.2.4", _REQUIREMENT)
    if issued is None:
        return
    message = issued.issuer_auth
    algorithm = notebook.attempt(lambda: message.algorithm, "RFC 9052 3.1")
    name = None if algorithm is None else _cose.ALGORITHMS[algorithm]
    chain: Sequence[bytes] = ()
    if _cose.X5CHAIN not in message.unprotected:
        notebook.error("issuerAuth", "x5chain is missing", f"{_ISO}.4")
    else:
        chain = notebook.attempt(lambda: _cose.x5chain(message.unprotected[_cose.X5CHAIN]), "RFC 9360 2") or ()
        if chain:
            lint_chain(chain, "x5chain", name, notebook, now=now, haip=None)
    security_object = notebook.attempt(lambda: SecurityObject.read(message.payload), f"{_ISO}.4")
    if security_object is not None:
        _lint_security_object(issued, security_object, notebook, now)
        if chain and not _signed_in_time(chain[0], security_object):
            notebook.error("validityInfo.signed", "is not within the validity of the certificate", "ISO/IEC 18013-5 9.3.1")
        if haip:
            notebook.findings += rules.mdoc_findings(security_object.status)


def _signed_in_time(der: bytes, security_object: SecurityObject) -> bool:
    """Whether the mdoc was signed while the certificate held; what cannot be read is reported elsewhere."""
    try:
        leaf = x509.load(der)
    except Malformed:
        return True
    return leaf.not_valid_before_utc <= security_object.validity.signed <= leaf.not_valid_after_utc


def _lint_security_object(issued: IssuerSigned, security_object: SecurityObject, notebook: Notebook, now: int) -> None:
    validity = security_object.validity
    if validity.valid_until.timestamp() + LEEWAY <= now:
        notebook.warning("validityInfo.validUntil", "lies in the past", f"{_ISO}.4")
    if validity.valid_from.timestamp() > now + LEEWAY:
        notebook.warning("validityInfo.validFrom", "lies in the future", f"{_ISO}.4")
    lint_status({} if security_object.status is None else {"status": security_object.status}, notebook)
    elements = notebook.attempt(lambda: issued.data_elements(security_object), f"{_ISO}.5")
    if elements is None:
        return
    try:
        mdl.check(security_object.doctype, elements)
    except ValueError as error:
        # It is meant for who makes one, and names data elements only.
        notebook.error("nameSpaces", str(error), "ISO/IEC 18013-5 7.2.1")
