"""`oid4vci lint`: reports about documents, for persons and for machines.

As JSON: `{"documents": [{"source", "kind", "findings": [{"severity", "path", "message", "section", "requirement"}], "notes"}],
"errors", "warnings"}`. Members may be added; these stay.
"""

import json
from collections.abc import Sequence
from typing import Literal

from oid4vci._json import Malformed
from oid4vci.cli.source import Source, Unreadable, from_file
from oid4vci.cli.terminal import plain
from oid4vci.lint import KINDS, Report, lint, lint_with_servers, members_of
from oid4vci.lint.recognition import ISSUER, SERVER, SIGNED, is_offer_uri
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.metadata.finding import Finding

__all__ = ("run_lint",)

# Of an issuer whose metadata were fetched.
MAX_SERVERS = 10


def run_lint(source: str, *, kind: str | None, profile: Literal["haip"] | None, as_json: bool, strict: bool, now: int) -> int:
    """Print the report; the exit code. Raises `Unreadable`."""
    if kind is not None and kind not in KINDS:
        raise Unreadable(f"--type must be one of {', '.join(KINDS)}")
    sources, further = _sources(source)
    reports = []
    for each in sources:
        # What is fetched besides is no longer what --type speaks of.
        report = lint(each.body, now=now, kind=kind if each is sources[0] else SERVER, profile=profile)
        reports.append((each.name, report.and_also((*each.findings, *_identity(each, report)))))
    if further:
        reports[0] = (reports[0][0], reports[0][1].and_also(further))
    errors = sum(report.errors for _, report in reports)
    warnings = sum(report.warnings for _, report in reports)
    if as_json:
        documents = [{"source": name, **report.to_json()} for name, report in reports]
        print(json.dumps({"documents": documents, "errors": errors, "warnings": warnings}, indent=2))
    else:
        _print(reports)
    return 1 if errors or (strict and warnings) else 0


def _sources(source: str) -> tuple[list[Source], tuple[Finding, ...]]:
    """The document, and what belongs to it; findings about how they fit together."""
    if is_offer_uri(source):
        return [Source("the URI", source.encode("utf-8", "surrogatepass"))], ()
    if not source.startswith(("https://", "http://")):
        return [from_file(source)], ()
    from oid4vci.cli import web

    found = web.from_url(source)
    servers, findings = [], []
    for identifier in _servers_of(found):
        try:
            servers.append(web.from_server(identifier))
        except Unreadable as error:
            findings.append(Finding("authorization_servers", str(error), "OID4VCI 12.2.4", "error", "VCI-12.2.4-06"))
    bodies = {server.name: server.body for server in servers}
    together = lint_with_servers(found.body, bodies) if servers else ()
    return [found, *servers], (*findings, *together)


def _servers_of(found: Source) -> Sequence[str]:
    """The Authorization Servers of an issuer that was asked for by its identifier."""
    try:
        metadata = CredentialIssuerMetadata.from_json(members_of(found.body))
    except Malformed:
        return ()
    return metadata.servers[:MAX_SERVERS] if found.issuer is not None else ()


def _identity(source: Source, report: Report) -> tuple[Finding, ...]:
    """Metadata must name the identifier that they were asked for by (OID4VCI 12.2.4, RFC 8414 3.3)."""
    name, rule, requirement = {
        ISSUER: ("credential_issuer", "OID4VCI 12.2.4", "VCI-12.2.4-02"),
        SIGNED: ("credential_issuer", "OID4VCI 12.2.4", "VCI-12.2.4-02"),
        SERVER: ("issuer", "RFC 8414 3.3", None),
    }.get(report.kind or "", ("", "", None))
    if source.issuer is None or not name:
        return ()
    try:
        named = members_of(source.body).get(name)
    except Malformed:
        return ()
    if named == source.issuer or any(finding.path == name for finding in report.findings):
        return ()
    return (Finding(name, "is not the identifier that the metadata were requested for", rule, "error", requirement),)


def _print(reports: Sequence[tuple[str, Report]]) -> None:
    for name, report in reports:
        print(f"{plain(name)}: {report.kind or 'not known'}")
        for finding in report.findings:
            where = f"{plain(finding.path)}: " if finding.path else ""
            rule = f"{finding.rule}, {finding.requirement}" if finding.requirement else finding.rule
            print(f"  {finding.severity}: {where}{plain(finding.message)} ({rule})")
        for note in report.notes:
            print(f"  note: {note}")
        print(f"  {_counted(report.errors, 'error')}, {_counted(report.warnings, 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
