"""Every fenced block of everything that is written is held against something: code runs, commands exist, JSON is read.

A block in a language that is not listed here is a failure: whoever adds one adds what checks it.
"""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, fenced, pages
from tests.test_docs import PAGES as RUN_WITH_DOCS
from tests.test_tutorials import PAGES as TUTORIALS

README = ROOT / "README.md"
BLOCKS = [block for page in pages() for block in fenced(page)]
SHELL = ("sh", "bash", "console")
# What sphinx runs, which refuses those that it does not know.
DIRECTIVES = ("{toctree}", "{eval-rst}", "{flow}", "{include}")
# `py` is Python that needs more than its page: a test of its own runs it.
LANGUAGES = ("python", "py", "text", "json", *SHELL, *DIRECTIVES, "")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Programs of others: what they take is theirs to say.
PROGRAMS = frozenset(
    {"cat", "cd", "curl", "echo", "export", "kill", "openssl", "sleep", "umask"}
    | {"createdb", "psql", "redis-cli", "redis-server", "pkcs11-tool", "softhsm2-util"}
    | {"chromium", "node", "npm", "wrk", "flask", "gunicorn", "hypercorn", "uvicorn"}
)


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language.split(" ")[0] in languages]


def named(block: Block) -> str:
    return f"{block.path.relative_to(ROOT)}:{block.line}"


def test_there_are_pages_and_blocks() -> None:
    assert {README, ROOT / "docs" / "index.md", ROOT / "examples" / "reference_server" / "README.md"} <= set(pages())
    assert len(of("python")) > 50
    assert all(of(language) for language in ("python", "text", "json", "sh", "console", *DIRECTIVES, ""))


def test_no_block_is_in_a_language_that_nothing_checks() -> None:
    assert [(named(block), block.language) for block in BLOCKS if block not in of(*LANGUAGES)] == []


def test_every_fence_is_closed() -> None:
    for page in pages():
        fences = re.findall(r"^ *(?:`{3,}|~{3,})", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(list(fenced(page))), page


def test_python_is_on_pages_that_are_run() -> None:
    ran = {README, *RUN_WITH_DOCS, *TUTORIALS}
    assert [named(block) for block in of("python") if block.path not in ran] == []


def test_python_that_needs_more_has_a_test_of_its_own() -> None:
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py") if path != Path(__file__)]
    pages_with = {block.path.name for block in of("py")}
    assert [name for name in pages_with if not any(f'"{name}"' in test and '"py"' in test for test in tests)] == []


def test_text_is_what_a_tutorial_prints() -> None:
    assert [named(block) for block in of("text") if block.path not in TUTORIALS] == []


@pytest.mark.parametrize("block", of("json"), ids=named)
def test_json_is_json(block: Block) -> None:
    """Those for `server.json` are read by the reference server, in tests of its own."""
    assert json.loads(block.text)


def test_directives_are_on_pages_of_the_documentation() -> None:
    assert [named(block) for block in of(*DIRECTIVES) if (ROOT / "docs") not in block.path.parents] == []


# --- commands ----------------------------------------------------------------------------------------------------------------


def commands(block: Block) -> list[list[str]]:
    """The commands of a block as words. In a console, they are what follows `$`; the rest is what is printed."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    found: list[list[str]] = []
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&;|()\n")
    lexer.whitespace, lexer.whitespace_split = " \t", True
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if set(word) <= set("&;|()\n"):
            found += [words] if words else []
            words = []
        else:
            words.append(word)
    return found


@cache
def usage(*arguments: str) -> str:
    command = [sys.executable, *arguments, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout


def wrong(words: list[str]) -> str | None:
    """What is wrong with a command, if anything is."""
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    program, arguments = (Path(words[0]).name, words[1:]) if words else ("", [])
    match program, arguments:
        case ("pip", ["install", *rest]):
            return wrong_requirement([each for each in rest if not each.startswith("-")])
        case (
            ("python" | "python3", ["-m", "venv", _])
            | ("pytest", [] | ["-n", "auto", "--dist", "loadfile"])
            | ("", [] | [".venv/bin/activate"])
        ):
            return None
        case ("python" | "python3", ["-m", module, *rest]):
            return wrong_options(module, rest)
        case ("oid4vci", rest):
            return wrong_options("oid4vci", rest)
        case ("sphinx-build", ["docs", "docs/_build"]):
            return None
        case ("curl", rest):
            return wrong_body(rest)
    return None if program in PROGRAMS else "nothing checks this program"


def wrong_requirement(requirements: list[str]) -> str | None:
    extras = {"test", "docs", "dev", *PROJECT["optional-dependencies"]}
    for each in requirements:
        found = re.fullmatch(r"(?:oid4vci|\.)(?:\[([\w,]+)\])?", each)
        if found is None or not set(filter(None, (found[1] or "").split(","))) <= extras:
            return f"{each} cannot be installed"
    return None


def wrong_options(module: str, arguments: list[str]) -> str | None:
    command, rest = ["-m", module], arguments
    if module == "oid4vci" and rest:
        command, rest = [*command, rest[0]], rest[1:]
    try:
        known = set(re.findall(r"--?[\w-]+", usage(*command)))
    except subprocess.CalledProcessError as error:
        return f"{' '.join(command)}: {error.stderr}"
    unknown = [each for each in rest if each.startswith("-") and each != "-" and each.partition("=")[0] not in known]
    return f"{module} has no {unknown}" if unknown else None


def wrong_body(arguments: list[str]) -> str | None:
    """The JSON that curl is to send."""
    for flag, body in pairwise(arguments):
        if flag in ("-d", "--data", "--json") and body.startswith("{"):
            try:
                json.loads(body)
            except ValueError as error:
                return f"{body}: {error}"
    return None


def is_answer(block: Block) -> bool:
    """Whether a block without a language is JSON that a server answers; the others are commands."""
    return block.language == "" and block.text.startswith(("{", "["))


def is_of_redis(block: Block) -> bool:
    """Whether a block without a language is a configuration of Redis."""
    return block.language == "" and block.text.partition(" ")[0] in ("appendonly", "save", "maxmemory-policy")


OF_REDIS = [block for block in BLOCKS if is_of_redis(block)]


@pytest.mark.parametrize("block", OF_REDIS, ids=named)
def test_settings_of_redis_are_those_that_the_stores_are_tested_with(block: Block) -> None:
    tests = "".join((ROOT / "tests" / name).read_text(encoding="utf-8") for name in ("store_servers.py", "test_redis_store.py"))
    for line in block.text.splitlines():
        name, value = line.split()
        assert re.search(rf'"(?:--)?{name}", "{value}"', tests), line


@pytest.mark.parametrize(
    "block", [block for block in of(*SHELL, "") if not is_answer(block) and block not in OF_REDIS], ids=named
)
def test_commands_exist_with_their_options(block: Block) -> None:
    found = commands(block)
    assert found
    assert [mistake for words in found if (mistake := wrong(words)) is not None] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if is_answer(block)], ids=named)
def test_answers_are_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize(
    "command",
    [
        "pip install 'oid4vci[exmaples]'",
        "pip install other",
        "python -m examples.reference_server --isuer https://localhost:8443",
        "python -m examples.no_such_example",
        "python -m oid4vci lnit x",
        "oid4vci lint x --profil haip",
        "frobnicate --all",
        "curl https://issuer.example -d '{\"a\": }'",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    (words,) = commands(Block(README, "sh", command + "\n", 1))
    assert wrong(words) is not None


def test_commands_are_taken_apart() -> None:
    block = Block(README, "sh", "a=1 x 'b c' \\\n  -d && y\n# z\nw | v\n(u '(t)')\n", 1)
    assert commands(block) == [["a=1", "x", "b c", "-d"], ["y"], ["w"], ["v"], ["u", "(t)"]]
    assert commands(Block(README, "console", "$ a b\nprinted\n$ c\n", 1)) == [["a", "b"], ["c"]]


# --- links -------------------------------------------------------------------------------------------------------------------


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.is_file(), link
        if anchor and path.suffix == ".md":
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, link
