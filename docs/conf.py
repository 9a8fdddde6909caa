"""How the documentation is built. `requirements.md` is filled in here, from the markers of the test suite."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.spec_coverage.table import table  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "oid4vci"
author = "the oid4vci authors"
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "docs.flows.directive", "docs.sources", "docs.public_names"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "oid4vci"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["flows.css", "requirements.css"]
# In docstrings, single backticks mark code.
default_role = "code"
myst_heading_anchors = 3
# Only for strategies, which are in the reference with or without it.
autodoc_mock_imports = [] if find_spec("hypothesis") else ["hypothesis"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 88
autodoc_default_options = {"members": True, "imported-members": True, "show-inheritance": True}


def fill_in(app: "Sphinx", name: str, content: list[str]) -> None:
    """Put the table of requirements in its place."""
    if name == "requirements":
        content[0] = content[0].replace("{{ table }}", table())


def code_blocks(app: "Sphinx", what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """What is indented in a docstring after a blank line, but not in a list, is code."""
    above, out = "", list[str]()
    for line in lines:
        if line.startswith("    ") and out and not out[-1] and above[:1].strip() and not above.startswith(("- ", ":", ">>>")):
            out += ["::", ""]
        out.append(line)
        above = line or above
    lines[:] = out


def setup(app: "Sphinx") -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", code_blocks)
