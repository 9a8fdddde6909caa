"""The READMEs of the examples: their tables name the files that are there, and the first of them can be followed word by word."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks
from tests.running_program import DEADLINE, free_port
from tests.test_example_wallet_server_readme import curl, started

EXAMPLES = ROOT / "examples"
README = EXAMPLES / "README.md"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/README.md"))
FILES = re.compile(r"`((?:\.\./)?[\w/]+(?:\.\w+|/)?)`")


def named_files(readme: Path) -> set[str]:
    """What stands in the columns of its tables that are called `file`."""
    named: set[str] = set()
    for table in re.findall(r"^(?:\|.*\n)+", readme.read_text(encoding="utf-8") + "\n", re.MULTILINE):
        header, _, *rows = ([cell.strip() for cell in line.split("|")] for line in table.splitlines())
        if "file" in header:
            named.update(name for row in rows for name in FILES.findall(row[header.index("file")]))
    return named


def missing(folder: Path, named: set[str]) -> list[str]:
    """The files of a folder that are not named, by themselves or by the folder that they are in."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [
        str(path)
        for path in found
        if path.name not in ("README.md", "__init__.py") and not {str(path), f"{path.parts[0]}/"} & named
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_of_files_is_that_of_the_folder(folder: Path) -> None:
    named = named_files(folder / "README.md")
    assert missing(folder, named) == []
    assert [name for name in named if not (folder / name).exists()] == []


def test_every_example_and_every_shared_file_is_named() -> None:
    text = README.read_text(encoding="utf-8")
    named = named_files(README)
    with_readme = {f"{folder.name}/" for folder in FOLDERS}
    assert [name for name in with_readme if f"]({name}README.md)" not in text] == []
    assert missing(EXAMPLES, named | with_readme) == []
    assert [name for name in named if not (EXAMPLES / name).exists()] == []


def test_what_is_not_named_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.py").touch()
    assert sorted(missing(tmp_path, set())) == ["a.py", "b/c.py"]
    assert missing(tmp_path, {"a.py", "b/"}) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_issuance_of_the_readme(tmp_path: Path) -> None:
    """A certificate, the server, an offer, the wallet: in a folder of its own, at a free port, and without a person who agrees."""
    port, environment = str(free_port()), {"PYTHONPATH": str(ROOT)}
    _, certificate, server, offering = (block.text.replace("8443", port) for block in blocks(README, "sh"))
    subprocess.run(certificate, shell=True, check=True, capture_output=True, cwd=tmp_path, timeout=DEADLINE)  # noqa: S602
    anchors, offer, wallet = (shlex.split(line) for line in offering.replace("\\\n", " ").splitlines())
    with started([sys.executable, *shlex.split(server)[1:]], tmp_path):
        curl(anchors, tmp_path)
        answer = json.loads(curl(offer, tmp_path))
        known = {"OFFER_URI": answer["offer_uri"], "TX_CODE": answer["tx_code"]}
        command = [sys.executable, *(known.get(word, word) for word in wallet[1:]), "--yes"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Done: 5 credentials.\n")
    assert len(list((tmp_path / "wallet").glob("*.sd-jwt"))) == 5
