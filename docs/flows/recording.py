"""What is kept of a run: each request and each response on its own, who sent it to whom, and notes on what is no message."""

from typing import TypeAlias

from attrs import field, frozen

from oid4vci.http import Request, Response

__all__ = ("Message", "Note", "Recording", "Step")


@frozen
class Message:
    """A request or a response on its way."""

    sender: str
    receiver: str
    content: Request | Response


@frozen
class Note:
    """What happens beside the messages: a person, a decision, another channel."""

    text: str


Step: TypeAlias = Message | Note


@frozen
class Recording:
    """A run. `title` says in a few words what it shows; `actors` are those who take part, from left to right."""

    title: str
    actors: tuple[str, ...]
    steps: list[Step] = field(factory=list)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The steps that are messages."""
        return tuple(step for step in self.steps if isinstance(step, Message))
