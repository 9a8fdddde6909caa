"""The code in the documentation: the fenced blocks of a Markdown file, compiled so that a failure points to its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def blocks(path: Path, language: str) -> Iterator[Block]:
    """The blocks of one language, in their order."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        if found.group(1) == language:
            yield Block(path, language, found.group(2), text.count("\n", 0, found.start(2)) + 1)


def run(path: Path, namespace: dict[str, Any]) -> None:
    """Run the Python blocks of a file, one after the other, as one script."""
    for block in blocks(path, "python"):
        exec(block.compiled(), namespace)  # noqa: S102
