"""The README of the wallet server: its session, run command by command; its tables and files are those of the code."""

import json
import re
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from attrs import fields_dict

from examples.wallet_server.parties import TrustFiles
from examples.wallet_server.run import DEFERRED, FOR_PERSON, FOR_TX_CODE, OVER, RUNNING
from examples.wallet_server.settings import Settings, read_settings
from tests.documents import blocks
from tests.private_keys import in_pem
from tests.proving_configurations import PROVIDER
from tests.running_program import DEADLINE, ROOT, free_port
from tests.running_server import make_certificates
from tests.test_x509 import pem

README = ROOT / "examples" / "wallet_server" / "README.md"
TEXT = README.read_text(encoding="utf-8")


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    """A server of the session, in its folder."""
    with subprocess.Popen(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(DEADLINE) == 0


def curl(arguments: list[str], folder: Path) -> bytes:
    """What curl does with these options; the server may only just have been started."""
    options = {arguments[i]: arguments[i + 1] for i in range(len(arguments) - 1) if arguments[i].startswith("-")}
    (url,) = (each for each in arguments if each.startswith("https://"))
    assert options.keys() <= {"--cacert", "-o", "-H", "-d"}
    context, end = ssl.create_default_context(cafile=folder / options["--cacert"]), time.monotonic() + DEADLINE
    headers = dict([options["-H"].split(": ")]) if "-H" in options else {}
    while True:
        try:
            with httpx.Client(verify=context, trust_env=False, timeout=DEADLINE) as client:
                method = "POST" if "-d" in options else "GET"
                answer = client.request(method, url, headers=headers, content=options.get("-d")).raise_for_status()
                break
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.1)
    if "-o" in options:
        (folder / options["-o"]).write_bytes(answer.content)
    return answer.content


def filled(text: str, known: dict[str, str]) -> str:
    """A text of the README with ports that are free, and what earlier answers said."""
    return re.sub(r"8443|9443|OFFER_URI|TX_CODE|\bID\b", lambda found: known[found.group()], text)


def session(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The answers to the session's commands, with free ports in place of those in the text."""
    server, wallet = free_port(), free_port()
    known = {"8443": str(server), "9443": str(wallet)}
    (script,) = (block.text for block in blocks(README, "sh"))
    files = [block.text for block in blocks(README, "json")]
    (redirect,) = (text for text in files if text.startswith('{"other_clients"'))
    (config,) = (text for text in files if '"logins"' in text and '"haip"' not in text)
    for path, text in (("server.json", redirect), ("wallet.json", config)):
        (folder / path).write_text(filled(text, known))
    for made, name in zip(make_certificates(folder), ("ca.pem", "c.pem", "k.pem"), strict=True):
        made.rename(folder / name)
    running = []
    try:
        for line in script.splitlines():
            line = filled(line, known)
            program, *arguments = shlex.split(line)
            if program == "python":
                running.append(started([sys.executable, *arguments], folder))
                running[-1].__enter__()
                continue
            assert program == "curl"
            content = curl(arguments, folder)
            if content.startswith(b"{"):
                answer = json.loads(content)
                names = ("offer_uri", "tx_code", "id")
                known |= {name.upper(): answer[name] for name in names if isinstance(answer.get(name), str)}
                yield line, answer
    finally:
        for each in reversed(running):
            each.__exit__(None, None, None)


def test_the_session(tmp_path: Path) -> None:
    reports = [answer for line, answer in session(tmp_path) if "?wait=" in line]
    assert [each["state"] for each in reports] == ["issued", "waiting_for_tx_code", "issued"]
    formats = {each["format"] for each in reports[0]["credentials"]}
    assert formats == {"dc+sd-jwt", "mso_mdoc"}


def rows(head: str) -> list[str]:
    """The first column of a table."""
    table = TEXT.partition(head)[2].split("\n\n")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)


def test_the_tables_have_every_member_and_every_state() -> None:
    assert sorted(rows("\n| member | | default |")) == sorted(fields_dict(Settings))
    trust = {*fields_dict(TrustFiles), "anchors_file", "status_anchors_file", "metadata_anchors_file"} - {"anchors"}
    assert sorted(rows("| member of `trust` |")) == sorted(trust)
    assert sorted(rows("| `state` | |")) == sorted((RUNNING, FOR_PERSON, FOR_TX_CODE, DEFERRED, *OVER))


def test_the_configuration_for_haip_is_one(tmp_path: Path) -> None:
    (text,) = (block.text for block in blocks(README, "json") if '"haip"' in block.text)
    (tmp_path / "wallet.json").write_text(text)
    (tmp_path / "attester.key.pem").write_bytes(in_pem(PROVIDER.key))
    (tmp_path / "attester.pem").write_bytes(pem(PROVIDER.leaf))
    (tmp_path / "anchors.pem").write_bytes(pem(PROVIDER.authority))
    assert read_settings(tmp_path / "wallet.json").haip


def test_the_files_of_the_table_are_those_that_are_there() -> None:
    named = set(re.findall(r"`([a-z_]+\.py)`", TEXT.partition("## The files")[2]))
    assert named == {path.name for path in README.parent.glob("*.py")} - {"__init__.py"}
