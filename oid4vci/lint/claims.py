"""What Credentials in JOSE have in common: the header, times, the key of the holder, the claim `status`."""

from collections.abc import Mapping
from typing import Any

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.lint.report import Notebook

__all__ = ("lint_algorithm", "lint_cnf", "lint_status", "lint_times")

LEEWAY = 60


def lint_algorithm(header: Mapping[str, Any], notebook: Notebook) -> None:
    """`alg` is a digital signature algorithm that is known here (RFC 7515 4.1.1)."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        notebook.error("header", "alg must be a string", "RFC 7515 4.1.1")
    elif algorithm == "none" or algorithm.startswith("HS"):
        notebook.error("header", "alg must be a digital signature algorithm", "RFC 7515 4.1.1")
    elif algorithm not in _jose.ALGORITHMS:
        notebook.warning("header", "alg is not known here", "RFC 7515 4.1.1")


def lint_times(claims: Mapping[str, Any], notebook: Notebook, now: int) -> None:
    """`nbf`, `iat` and `exp` are numbers and in order (RFC 7519 4.1.4 to 4.1.6); what is over, or not yet begun, is doubtful."""
    times: dict[str, float] = {}
    for name in ("iat", "nbf", "exp"):
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if name in claims:
                notebook.error(name, "must be a number", "RFC 7519 2")
        else:
            times[name] = value
    expires = times.pop("exp", None)
    for name, time in times.items():
        if expires is not None and expires <= time:
            notebook.error("exp", f"is not after {name}", "RFC 7519 4.1.4")
        if time > now + LEEWAY:
            notebook.warning(name, "lies in the future", "RFC 7519 4.1.5")
    if expires is not None and expires + LEEWAY <= now:
        notebook.warning("exp", "lies in the past", "RFC 7519 4.1.4")


def lint_cnf(claims: Mapping[str, Any], notebook: Notebook) -> None:
    """`cnf` names one key, and a JWK in it is a public key (RFC 7800 3.1, 3.2)."""
    if "cnf" not in claims:
        return
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or not cnf:
        notebook.error("cnf", "must be an object that names a key", "RFC 7800 3.1")
        return
    if len(cnf.keys() & {"jwk", "jwe", "jku"}) > 1:
        notebook.error("cnf", "must name one key", "RFC 7800 3.1")
    if "jwk" in cnf:
        try:
            _jose.public_key(cnf["jwk"])
        except Malformed as malformed:
            notebook.error(malformed.within("cnf.jwk").path, malformed.reason, "RFC 7800 3.2")


def lint_status(claims: Mapping[str, Any], notebook: Notebook) -> None:
    """`status` refers to a mechanism; `status_list` has an index and a URI (Token Status List 6.1, 6.2)."""
    if "status" not in claims:
        return
    status = claims["status"]
    if not isinstance(status, dict) or not status:
        notebook.error("status", "must be an object that refers to a status mechanism", "Token Status List 6.1")
        return
    if "status_list" not in status:
        return
    reference = status["status_list"]
    if not isinstance(reference, dict):
        notebook.error("status.status_list", "must be an object", "Token Status List 6.2")
        return
    index = reference.get("idx")
    if type(index) is not int or index < 0:
        notebook.error("status.status_list.idx", "must be an integer from 0", "Token Status List 6.2")
    if not isinstance(reference.get("uri"), str) or ":" not in reference["uri"]:
        notebook.error("status.status_list.uri", "must be a URI", "Token Status List 6.2")
