"""The command line, run in this process: import `run`, the fixture, and `Run`, its type."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from oid4vci import cli

__all__ = ("Run", "run")


class Stdin(io.StringIO):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(data)  # type: ignore[misc]


class Run:
    """Runs the command in this process; what it prints, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._capsys, self._monkeypatch, self._folder = capsys, monkeypatch, folder
        self.out = self.err = ""

    def __call__(self, *arguments: str, stdin: bytes = b"") -> int:
        self._monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        code = cli.main(arguments)
        self.out, self.err = self._capsys.readouterr()
        return code

    def file(self, document: Any, name: str = "document.json") -> str:
        path = self._folder / name
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return str(path)

    def json(self, *arguments: str, **more: Any) -> Any:
        self("lint", "--json", *arguments, **more)
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    return Run(capsys, monkeypatch, tmp_path)
