"""The drawings of the documentation: each is of a real run, and shows its messages, all of them, in their order."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from attrs import evolve

from docs.flows.diagram import diagram
from docs.flows.essentials import essentials
from docs.flows.recording import Message, Note, Recording
from docs.flows.runs import FLOWS
from oid4vci import Request, Response
from tests.documents import ROOT

SVG = "{http://www.w3.org/2000/svg}"
RUNS = {name: flow() for name, flow in FLOWS.items()}
NAMES = pytest.mark.parametrize("name", RUNS)


def drawn(recording: Recording) -> list[ElementTree.Element]:
    """The groups of a drawing: messages and notes."""
    return ElementTree.fromstring(diagram("x", recording)).findall(f"{SVG}g")  # noqa: S314


def texts(group: ElementTree.Element) -> list[str]:
    return ["".join(each.itertext()) for each in group.findall(f"{SVG}text")]


def named(message: Message) -> str:
    """What a message is called here, without the code that is tested."""
    content = message.content
    return f"{content.method} {content.path}" if isinstance(content, Request) else str(content.status)


@NAMES
def test_a_drawing_has_the_messages_of_the_run_in_their_order(name: str) -> None:
    recording = RUNS[name]
    heads = [texts(group)[0] for group in drawn(recording) if group.get("class") != "flow-note"]
    assert len(heads) == len(recording.messages) > 0
    for number, (head, message) in enumerate(zip(heads, recording.messages, strict=True), 1):
        assert head.startswith(f"{number}. {named(message)[:20]}")


@NAMES
def test_arrows_go_from_the_sender_to_the_receiver(name: str) -> None:
    recording = RUNS[name]
    root = ElementTree.fromstring(diagram("x", recording))  # noqa: S314
    names = [each.text for each in root.findall(f"{SVG}text")]
    places = dict(zip(names, [each.get("x") for each in root.findall(f"{SVG}text")], strict=True))
    assert tuple(names) == recording.actors
    arrows = [group for group in drawn(recording) if group.get("class") != "flow-note"]
    for group, message in zip(arrows, recording.messages, strict=True):
        line, tip = group.find(f"{SVG}line"), group.find(f"{SVG}polygon")
        assert line is not None
        assert tip is not None
        assert line.get("x1") == places[message.sender]
        assert (tip.get("points") or "").split(",")[0] == places[message.receiver]


@NAMES
def test_members_are_on_the_drawing(name: str) -> None:
    shown = [each for group in drawn(RUNS[name]) for each in texts(group)]
    for message in RUNS[name].messages:
        for member, _ in essentials(message).members:
            assert any(text.startswith(f"{member}: "[:60]) for text in shown)


@NAMES
def test_a_drawing_says_what_it_is(name: str) -> None:
    root = ElementTree.fromstring(diagram(name, RUNS[name]))  # noqa: S314
    ids = {each.get("id"): each.text for each in root.iter() if each.get("id")}
    title, description = (root.get("aria-labelledby") or "").split()
    assert root.get("role") == "img"
    assert ids[title] == RUNS[name].title
    assert str(len(RUNS[name].messages)) in (ids[description] or "")


@NAMES
def test_a_drawing_is_the_same_in_each_build(name: str) -> None:
    assert diagram(name, FLOWS[name]()) == diagram(name, RUNS[name])


def test_each_request_is_followed_by_its_response() -> None:
    for recording in RUNS.values():
        asked: list[Message] = []
        for message in recording.messages:
            if isinstance(message.content, Request):
                assert asked == []
                asked.append(message)
            elif asked:
                request = asked.pop()
                assert (message.sender, message.receiver) == (request.receiver, request.sender)
            else:
                # A browser is sent back when the application has decided.
                assert (message.receiver, message.content.status) == ("Browser", 303)
        assert asked == []


def test_the_flows_show_what_they_are_there_for() -> None:
    def lines(name: str) -> list[str]:
        return [named(message) for message in RUNS[name].messages]

    assert "tx_code" in dict(essentials(RUNS["pre-authorized-code"].messages[6]).members)
    pushed = [i for i, line in enumerate(lines("authorization-code")) if line == "POST /par"]
    assert [lines("authorization-code")[i + 1] for i in pushed] == ["400", "201"]
    first, second = (dict(essentials(RUNS["authorization-code"].messages[i]).members)["dpop"] for i in pushed)
    assert "nonce" not in first
    assert "nonce" in second
    assert [line for line in lines("deferred") if line in ("202", "204", "POST /deferred_credential")] == [
        "202",
        "POST /deferred_credential",
        "202",
        "POST /deferred_credential",
        "204",
    ]
    assert [essentials(each).line for each in RUNS["encrypted"].messages if "JWE" in essentials(each).line] == [
        "POST /credential, JWE",
        "200 OK, JWE",
    ]
    assert any(("grant_type", "refresh_token") in essentials(each).members for each in RUNS["refresh"].messages)


def test_long_values_are_cut_and_text_is_escaped() -> None:
    secret = "aB3" * 30
    recording = Recording("a < b", ("A", "B"))
    request = Request("POST", f"/x/{secret}?code={secret}&b=<i>", {"authorization": f"Bearer {secret}"})
    recording.steps.extend([Message("A", "B", request), Note("this & that"), Message("B", "A", Response(404))])
    text = diagram("x", recording)
    assert secret[:20] not in text
    assert "<i>" not in text
    assert "this &amp; that" in text
    assert [group.get("class") for group in drawn(recording)] == ["flow-request", "flow-note", "flow-refusal"]


def test_what_does_not_take_part_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        diagram("x", evolve(RUNS["refresh"], actors=("Wallet", "Credential Issuer")))


def test_the_page_has_every_flow_once() -> None:
    page = (ROOT / "docs" / "explanation" / "flows.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\{flow\} (.+)$", page, re.MULTILINE) == list(FLOWS)


@NAMES
def test_the_list_has_what_the_drawing_has(name: str) -> None:
    pytest.importorskip("sphinx")
    from docs.flows.directive import listed

    items = listed(RUNS[name]).children
    assert len(items) == len(RUNS[name].steps)
    wanted = [essentials(step) if isinstance(step, Message) else step.text for step in RUNS[name].steps]
    for item, want in zip(items, wanted, strict=True):
        text = item.astext()
        if isinstance(want, str):
            assert text == want
        else:
            assert want.line in text
            assert all(f"{member}: {value}" in text for member, value in want.members)


def test_colours_come_from_the_stylesheet() -> None:
    style = (ROOT / "docs" / "_static" / "flows.css").read_text(encoding="utf-8")
    classes = {part for name in RUNS for part in re.findall(r'class="([\w-]+)"', diagram(name, RUNS[name]))}
    assert classes - {"flow-request", "flow-note"} <= set(re.findall(r"\.([\w-]+)", style))
    assert not any("fill=" in diagram(name, run) for name, run in RUNS.items())
    assert Path(ROOT / "docs" / "conf.py").read_text(encoding="utf-8").count("flows.css") == 1
