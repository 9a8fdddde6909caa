"""A sequence diagram as SVG: a line for each who takes part, an arrow for each message, in the order of the recording.

Colours come from the stylesheet of the pages (`_static/flows.css`), so that a diagram is light or dark as its page is.
"""

from html import escape
from typing import Final

from attrs import define, field

from docs.flows.essentials import essentials
from docs.flows.recording import Message, Note, Recording

__all__ = ("diagram",)

WIDTH, MARGIN, HEAD = 760, 92, 46
LINE, GAP, WRAP = 15, 16, 92
# The width of a character of the two sizes of text, at most.
CHARACTER: Final = 6.4


@define
class _Canvas:
    recording: Recording
    y: int = HEAD + GAP
    parts: list[str] = field(factory=list)

    def x(self, actor: str) -> int:
        """Where the line of an actor is."""
        actors = self.recording.actors
        return MARGIN + actors.index(actor) * (WIDTH - 2 * MARGIN) // (len(actors) - 1)

    def text(self, x: int, kind: str, text: str) -> str:
        self.y += LINE
        longest = int((WIDTH - x - 4) / CHARACTER)
        shown = text if len(text) <= longest else f"{text[: longest - 3]}..."
        return f'<text class="flow-{kind}" x="{x}" y="{self.y - 4}">{escape(shown)}</text>'

    def message(self, number: int, message: Message) -> None:
        """The text of a message, and below it its arrow."""
        start, end = self.x(message.sender), self.x(message.receiver)
        left, what = min(start, end) + 10, essentials(message)
        status = 0 if not hasattr(message.content, "status") else message.content.status
        kind = "request" if not status else "refusal" if status >= 400 else "response"
        shown = [self.text(left, "line", f"{number}. {what.line}")]
        shown += [self.text(left, "member", f"{name}: {value}") for name, value in what.members]
        self.y += 5
        tip = end - 9 if end > start else end + 9
        arrow = (
            f'<line x1="{start}" y1="{self.y}" x2="{tip}" y2="{self.y}"/>'
            f'<polygon points="{end},{self.y} {tip},{self.y - 4} {tip},{self.y + 4}"/>'
        )
        self.parts.append(f'<g class="flow-{kind}">{"".join(shown)}{arrow}</g>')
        self.y += GAP

    def note(self, note: Note) -> None:
        """A box over all lines."""
        lines, top = _wrapped(note.text), self.y
        self.y += 6
        shown = [self.text(MARGIN // 2 + 10, "words", line) for line in lines]
        self.y += 6
        box = f'<rect x="{MARGIN // 2}" y="{top}" width="{WIDTH - MARGIN}" height="{self.y - top}" rx="4"/>'
        self.parts.append(f'<g class="flow-note">{box}{"".join(shown)}</g>')
        self.y += GAP

    def actors(self) -> list[str]:
        """The names above, and their lines down to where the drawing ends."""
        drawn = []
        for actor in self.recording.actors:
            x = self.x(actor)
            drawn.append(
                f'<line class="flow-life" x1="{x}" y1="{HEAD}" x2="{x}" y2="{self.y}"/>'
                f'<rect class="flow-actor" x="{x - 84}" y="14" width="168" height="{HEAD - 14}" rx="4"/>'
                f'<text class="flow-name" x="{x}" y="35" text-anchor="middle">{escape(actor)}</text>'
            )
        return drawn


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= WRAP:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def diagram(name: str, recording: Recording) -> str:
    """The drawing. `name` is what its ids begin with, so that a page can have several."""
    canvas, number = _Canvas(recording), 0
    for step in recording.steps:
        if isinstance(step, Note):
            canvas.note(step)
        else:
            number += 1
            canvas.message(number, step)
    title, described = f"flow-{name}-title", f"flow-{name}-desc"
    description = f"{number} messages between {', '.join(recording.actors)}. The list that follows has them as text."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" viewBox="0 0 {WIDTH} {canvas.y}" role="img" '
        f'aria-labelledby="{title} {described}">'
        f'<title id="{title}">{escape(recording.title)}</title><desc id="{described}">{escape(description)}</desc>'
        f"{''.join(canvas.actors())}{''.join(canvas.parts)}</svg>"
    )
