"""`oid4vci inspect`: a Credential, for a person to read; verified only under trust anchors that were given."""

import json
from collections.abc import Iterator

from oid4vci._json import object_from
from oid4vci.cli.source import Unreadable, from_file
from oid4vci.cli.terminal import instant, plain
from oid4vci.errors import ProtocolError
from oid4vci.formats import CREDENTIAL_FORMATS, NeededDocument
from oid4vci.lint import Inspection, inspect
from oid4vci.lint.recognition import CREDENTIAL_KINDS
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors

__all__ = ("show_credential",)


def show_credential(source: str, *, kind: str | None, trust: str | None, now: int) -> int:
    """Print a Credential; the exit code: 1 if it was to be verified and was not.

    `trust` names a file of trust anchors. Raises `Unreadable` if a file cannot be had, `InvalidCredential` if it is no Credential.
    """
    if kind is not None and kind not in CREDENTIAL_KINDS:
        raise Unreadable(f"--type must be one of {', '.join(CREDENTIAL_KINDS)}")
    read = from_file(source)
    try:
        text = read.body.decode().strip()
    except UnicodeDecodeError:
        raise Unreadable(f"{read.name}: not UTF-8") from None
    anchors = None if trust is None else _anchors(trust)
    inspection = inspect(text, kind=kind)
    for line in _lines(inspection, now):
        print(line)
    if anchors is None:
        print("Nothing was verified. To verify it, name trust anchors: --trust anchors.pem")
        return 0
    problem = _problem(text, inspection.format, anchors, now)
    if problem is None:
        print("Verified: the signature, the certificates up to a trust anchor, and the times. The status was not looked at.")
        return 0
    print(f"NOT verified: {plain(problem)}")
    return 1


def _anchors(name: str) -> Anchors:
    try:
        return Anchors.from_pem(from_file(name).body)
    except ValueError:
        raise Unreadable(f"{name}: no certificates in PEM") from None


def _problem(text: str, kind: str, anchors: Anchors, now: int) -> str | None:
    """Why a Credential does not verify; None if it does."""
    try:
        found = (
            CREDENTIAL_FORMATS[kind]
            .verifier()
            .verify(
                object_from(text) if kind == "ldp_vc" else text,
                configuration=None,
                trust=Trust(anchors),
                holder_keys=(),
                documents={},
                now=now,
            )
        )
    except (ProtocolError, ImportError) as error:
        return str(error)
    if isinstance(found, NeededDocument):
        return f"the issuer's keys are at {found.url}, and were not fetched"
    return None


def _lines(inspection: Inspection, now: int) -> Iterator[str]:
    yield f"Credential of the format {inspection.format}"
    for name in inspection.types:
        yield f"  type: {plain(name)}"
    yield f"  issuer: {plain(inspection.issuer or '(only the certificate says)')}"
    yield f"  signed with: {plain(inspection.algorithm or '(not known here)')}"
    yield f"  issued: {instant(inspection.issued_at)}"
    yield f"  valid from: {instant(inspection.valid_from)}"
    over = inspection.expires_at is not None and inspection.expires_at <= now
    yield f"  expires: {instant(inspection.expires_at)}{' (over)' if over else ''}"
    yield f"  bound to: {plain(inspection.holder or 'no key')}"
    for i, certificate in enumerate(inspection.certificates):
        yield f"  certificate {i + 1}: {plain(certificate.subject)}"
        yield f"    issued by: {plain(certificate.issuer)}{' (self-signed)' if certificate.self_signed else ''}"
        yield f"    valid: {instant(certificate.not_before)} to {instant(certificate.not_after)}"
    yield from _json_lines("status", inspection.status) if inspection.status else ("  status: none is published",)
    yield from _json_lines("claims", inspection.claims)
    if inspection.disclosed or inspection.withheld:
        yield f"  the holder may withhold: {len(inspection.disclosed)} of them"
        for path in inspection.disclosed:
            yield f"    {plain(json.dumps(path, ensure_ascii=False))}"
        yield f"  digests without a disclosure (withheld, or decoys): {inspection.withheld}"


def _json_lines(title: str, value: object) -> Iterator[str]:
    yield f"  {title}:"
    for line in json.dumps(value, indent=2, ensure_ascii=False).split("\n"):
        yield f"    {plain(line)}"
