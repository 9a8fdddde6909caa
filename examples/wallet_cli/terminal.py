"""What the person sees and is asked. Text that a peer wrote is data: it must not move the cursor or imitate us."""

import sys

from attrs import field, frozen

__all__ = ("Person", "plain")


def plain(text: str, *, limit: int = 300) -> str:
    """`text` on one line, without control characters, shortened."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


@frozen
class Person:
    """Whoever is at the terminal. `yes` says that what the offer names is agreed to already."""

    yes: bool = False
    interactive: bool = field(factory=lambda: sys.stdin.isatty())

    def tell(self, text: str = "") -> None:
        """Print a line."""
        print(text, flush=True)

    def agrees(self, question: str) -> bool:
        """Ask for a yes; without a terminal the answer is no."""
        if not self.interactive:
            return False
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")

    def answer(self, question: str) -> str | None:
        """Ask for a text; None without a terminal."""
        return input(f"{question}: ").strip() if self.interactive else None
