"""Certificates that a document brings along. They prove nothing here: no anchor is asked."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from oid4vci import x509
from oid4vci._json import Malformed
from oid4vci.lint.report import Notebook

__all__ = ("HaipRules", "lint_chain", "lint_x5c")

HaipRules: TypeAlias = tuple[str, str | None, str | None]
"""The section of HAIP, and the requirements about a self-signed signer and about the anchor."""


def lint_x5c(header: Mapping[str, Any], notebook: Notebook, *, now: int, haip: HaipRules | None) -> None:
    """What is wrong with the `x5c` of a JOSE header, if it has one (RFC 7515 4.1.6)."""
    if "x5c" in header:
        chain = notebook.attempt(lambda: x509.decode_x5c(header["x5c"]), "RFC 7515 4.1.6")
        if chain is not None:
            lint_chain(chain, "x5c", header.get("alg"), notebook, now=now, haip=haip)


def lint_chain(
    chain: Sequence[bytes], path: str, algorithm: Any, notebook: Notebook, *, now: int, haip: HaipRules | None
) -> None:
    """What is wrong with certificates in DER, leaf first. `algorithm`: the JWS name of what the leaf's key signs with.

    Without HAIP a self-signed certificate is doubtful: it proves nothing, as only a configured anchor does (RFC 5280 6).
    """
    section, signer, anchor = haip or ("RFC 5280 6", None, None)
    write = notebook.warning if haip is None else notebook.error
    for i, der in enumerate(chain):
        at = f"{path}[{i}]"
        try:
            certificate = x509.load(der)
            itself = x509.self_signed(certificate)
            if i == 0:
                key = x509.leaf_public_key(certificate)
                if isinstance(algorithm, str) and not key.fits(algorithm):
                    notebook.error(at, "is for a key that does not fit the algorithm", "RFC 7518 3.1")
        except Malformed as malformed:
            notebook.error(at, malformed.reason, "RFC 5280 4.1")
            continue
        if itself and i == 0:
            write(at, "signs the document and is self-signed", section, signer)
        elif itself:
            write(at, "is self-signed: the trust anchor is not sent along", section, anchor)
        if not certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp():
            notebook.warning(at, "is not valid now", "RFC 5280 4.1.2.5")
