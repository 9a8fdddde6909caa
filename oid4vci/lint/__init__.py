"""What can be said of a document without keys and without trust: metadata, Credential Offers, Credentials."""

from oid4vci.lint.document import KINDS, lint, lint_with_servers, members_of
from oid4vci.lint.inspection import CertificateSummary, Inspection, inspect
from oid4vci.lint.report import Report

__all__ = ("KINDS", "CertificateSummary", "Inspection", "Report", "inspect", "lint", "lint_with_servers", "members_of")
