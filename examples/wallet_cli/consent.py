"""With whom the wallet talks: the person agrees to each origin, once, before anything is sent there."""

from urllib.parse import urlsplit

from attrs import field, frozen

from examples.wallet_cli.terminal import Person, plain

__all__ = ("Consent",)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


@frozen
class Consent:
    """The origins the person agreed to."""

    person: Person
    _agreed: set[str] = field(factory=set, init=False)
    _refused: set[str] = field(factory=set, init=False)

    def agree(self, url: str) -> None:
        """The person named this themselves."""
        self._agreed.add(_origin(url))

    def to_offer(self, url: str, what: str) -> bool:
        """Ask about a URL that the offer itself names; with `--yes` it is agreed to."""
        if self.person.yes:
            self.agree(url)
        return self._ask(url, what)

    def allow(self, url: str) -> bool:
        """The wallet's trust decision: what has an origin agreed to is allowed, others are asked about."""
        return self._ask(url, "another server that the issuer names")

    def _ask(self, url: str, what: str) -> bool:
        origin = _origin(url)
        if not origin.startswith("https://"):
            return False
        if origin not in self._agreed | self._refused:
            agreed = self.person.agrees(f"Talk to {plain(origin)} ({what})?")
            (self._agreed if agreed else self._refused).add(origin)
        return origin in self._agreed
