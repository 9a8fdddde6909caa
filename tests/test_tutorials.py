"""The tutorials: they run from nothing, and print what they say that they print."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.documents import ROOT, Block, fenced

TUTORIALS = ROOT / "docs" / "tutorial"
PAGES = sorted(TUTORIALS.glob("*.md"))
# Where the file ends that the other blocks import.
END_OF_LIBRARY = "## Try it\n"


def of_library(block: Block) -> bool:
    """Whether a block is a part of `library.py`, which the issuer's tutorial begins with."""
    before, end, _ = block.path.read_text(encoding="utf-8").partition(END_OF_LIBRARY)
    return block.path.stem == "issuer" and bool(end) and block.line <= before.count("\n")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`library.py`, as a reader has it."""
    module = ModuleType("library")
    for block in fenced(TUTORIALS / "issuer.md"):
        if block.language == "python" and of_library(block):
            exec(block.compiled(), module.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, "library", module)
    return module


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_tutorial_prints_what_it_says(path: Path, library: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    printed = ""
    for block in fenced(path):
        if block.language == "text":
            assert printed == block.text, f"line {block.line}"
            printed = ""
        elif block.language == "python" and not of_library(block):
            assert printed == "", f"what is printed before line {block.line} is not shown"
            exec(block.compiled(), namespace)  # noqa: S102
            printed = capsys.readouterr().out
    assert printed == ""
    assert namespace["issued" if "issued" in namespace else "result"].credentials[0].claims["name"] == "Alice"


def test_the_three_doors_are_there() -> None:
    assert [path.stem for path in PAGES] == ["issuer", "oauth-server", "wallet"]
    assert all(any(block.language == "text" for block in fenced(path)) for path in PAGES)


def test_the_library_refuses_who_is_no_member(library: ModuleType) -> None:
    from oid4vci import LocalSigner, Offer, Refused, Trust, Wallet, run

    wallet = Wallet(trust=Trust.of(library.ISSUER), client_id="my-wallet")
    opened = run(Offer.parse(library.new_offer("mallory")).open(wallet), library.handle)
    order = run(run(opened.redeem(), library.handle).order("card"), library.handle)
    proofs = order.prove([LocalSigner.generate("phone-1")], now=int(library.time.time()))
    with pytest.raises(Refused, match="no longer a member") as caught:
        run(proofs.submit(), library.handle)
    assert caught.value.error == "credential_request_denied"


def test_five_wrong_codes_end_the_code_of_the_oauth_server(library: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    for block in fenced(TUTORIALS / "oauth-server.md"):
        if block.language == "python":
            exec(block.compiled(), namespace)  # noqa: S102
    capsys.readouterr()
    made = namespace["codes"].new("bob", ["card"], tx_code="1234", now=2_000_000_000, new_secret=namespace["new_secret"])
    assert namespace["store"].commit(made.changes)
    request = {**namespace["request"], "pre-authorized_code": made.grant.pre_authorized_code}
    answers = [namespace["token_endpoint"]({**request, "tx_code": code})[0] for code in ("0", "1", "2", "3", "4", "1234")]
    assert answers == [400] * 6
