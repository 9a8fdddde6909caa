"""The directive: a drawing for HTML, and the same as a list, folded away in HTML and open in all other forms."""

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from docs.flows.diagram import diagram
from docs.flows.essentials import essentials
from docs.flows.recording import Message, Note, Recording
from docs.flows.runs import FLOWS

__all__ = ("FlowDirective", "listed", "setup")


def listed(recording: Recording) -> nodes.bullet_list:
    """The steps in their order: the messages numbered as in the drawing, each with its members, and the notes."""
    items, number = nodes.bullet_list(), 0
    for step in recording.steps:
        if isinstance(step, Note):
            items += nodes.list_item("", nodes.paragraph("", "", nodes.emphasis("", step.text)))
        else:
            number += 1
            items += _item(number, step)
    return items


def _item(number: int, message: Message) -> nodes.list_item:
    shown = essentials(message)
    head = nodes.paragraph()
    head += nodes.Text(f"{number}. {message.sender} to {message.receiver}: ")
    head += nodes.literal("", shown.line)
    item = nodes.list_item("", head)
    if shown.members:
        members = nodes.bullet_list()
        for name, value in shown.members:
            literals = (nodes.literal("", name), nodes.Text(": "), nodes.literal("", value))
            members += nodes.list_item("", nodes.paragraph("", "", *literals))
        item += members
    return item


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


class FlowDirective(Directive):
    """`{flow} NAME`: one of `FLOWS`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes in the place of the directive."""
        name = self.arguments[0]
        if name not in FLOWS:
            raise self.error(f"there is no flow {name}: {', '.join(FLOWS)}")
        recording = FLOWS[name]()
        return [
            _html(diagram(name, recording)),
            _html('<details class="flow"><summary>The same as text</summary>'),
            listed(recording),
            _html("</details>"),
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("flow", FlowDirective)
    return {"version": "1", "parallel_read_safe": True}
