"""A Sphinx extension: the tests that pages name as pages of their own, with an anchor at each name, so that links lead to them."""

import re
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from tests.spec_coverage.coverage import markers

__all__ = ("page", "setup")

ROOT = Path(__file__).parents[1]
# What a marker can stand on: a function, a class, or a name that is assigned to.
_NAMED = re.compile(r"^ *(?:(?:async )?def |class )(\w+)|^(\w+)(?=:? .*= )")


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ margin: 1rem auto; max-width: 75rem }} :target {{ outline: 2px solid }}</style>
<h1>{title}</h1>
<pre>{lines}</pre>
</html>
"""


def page(path: Path) -> str:
    """A file as HTML. Of the lines that define a name, the first has the name as its id."""
    seen: set[str] = set()
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        named = _NAMED.match(line)
        name = (named[1] or named[2]) if named else ""
        if not name or name in seen:
            lines.append(escape(line))
        else:
            seen.add(name)
            lines.append(f'<span id="{name}">{escape(line)}</span>')
    return PAGE.format(title=escape(path.relative_to(ROOT).as_posix()), lines="\n".join(lines))


def write(app: Sphinx, exception: Exception | None) -> None:
    """The page of each file with a test that shows a requirement, beside the pages of the documentation."""
    if exception is not None or app.builder.format != "html":
        return
    for name in {marker.test.partition("::")[0] for marker in markers()}:
        target = Path(app.outdir, name).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(ROOT / name), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True}
