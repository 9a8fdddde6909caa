"""The code in the documentation: the fenced blocks of a Markdown file, compiled so that a failure points to its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(
    r"^(?P<margin> *)(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=margin)(?P=fence)$", re.MULTILINE | re.DOTALL
)


@frozen
class Block:
    """A fenced block: its language, its text, and the line of the file on which the text begins."""

    path: Path
    language: str
    text: str
    line: int

    def compiled(self) -> CodeType:
        """The block as code, on the lines that it has in the file."""
        return compile("\n" * (self.line - 1) + self.text, str(self.path), "exec")


def pages() -> list[Path]:
    """Everything that is written: the README, the documentation, the READMEs of the examples and of what the tests bring."""
    found = (*ROOT.glob("*.md"), *(path for part in ("docs", "examples", "tests") for path in (ROOT / part).rglob("*.md")))
    return sorted(path for path in found if not {"_build", "node_modules"}.intersection(path.parts))


def fenced(path: Path) -> Iterator[Block]:
    """All fenced blocks of a page in their order; `language` is all that stands beside the fence."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(path, found["info"].strip(), found["text"], text.count("\n", 0, found.start("text")) + 1)


def blocks(path: Path, language: str) -> Iterator[Block]:
    """The blocks of one language, in their order."""
    return (block for block in fenced(path) if block.language == language)


def run(path: Path, namespace: dict[str, Any]) -> None:
    """Run the Python blocks of a file, one after the other, as one script."""
    for block in blocks(path, "python"):
        exec(block.compiled(), namespace)  # noqa: S102
