"""Authorization Server Metadata (RFC 8414, OID4VCI 12.3)."""

from collections.abc import Mapping
from typing import Any

from oid4vci.lint import haip as rules
from oid4vci.lint.reading import read_object, read_what_can_be_read
from oid4vci.lint.recognition import SERVER
from oid4vci.lint.report import Notebook, Report
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.metadata.unreadable import SERVER_MEMBERS

__all__ = ("lint_server",)

_STAND_INS: Mapping[str, Any] = {"issuer": "https://server.invalid"}


def lint_server(text: str, *, haip: bool) -> Report:
    """What is wrong with metadata of an Authorization Server, in JSON."""
    notebook = Notebook()
    value = read_object(text, notebook)
    if value is not None:
        metadata = read_what_can_be_read(AuthorizationServerMetadata, value, _STAND_INS, SERVER_MEMBERS, notebook)
        if metadata is not None:
            known = {finding.path for finding in notebook.findings}
            notebook.findings += (finding for finding in metadata.findings() if finding.path not in known)
            if haip:
                notebook.findings += rules.server_findings(metadata)
    return Report(SERVER, tuple(notebook.findings))
