"""An adapter with roles of the test's own beside the demonstration's club: what it hands on is seen, and its store can fail.

`python -m tests.adapter_under_test FRAMEWORK PORT` serves plain HTTP, as behind a proxy that speaks TLS.
"""

import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from examples.adapters.applications import SERVERS, Listening
from examples.adapters.endpoints import Endpoints
from examples.adapters.issuer import Club, ClubHost, new_club_server
from oid4vci.drive import Together
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Insert, Key, Record, Records, Reply

IDENTIFIER = "https://issuer.example/club"
WALLET_ORIGIN = "https://wallet.example"
SECRET = "the password of the database"
AT_ONCE = 4
TROUBLE = "trouble"


@frozen
class Done:
    """A call to which the reply is known."""

    reply: Reply
    lookups: tuple[Key, ...] = ()
    key_refs: tuple[KeyReference, ...] = ()

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The reply."""
        return self.reply


def echo(request: Request) -> Done:
    """What the adapter has made of a request; a field that stands twice in the answer."""
    seen = {
        "method": request.method,
        "url": request.url,
        "headers": [list(pair) for pair in request.headers.pairs],
        "length": len(request.body),
        "digest": hashlib.sha256(request.body).hexdigest(),
    }
    fields = (("content-type", "application/json"), ("x-twice", "one"), ("x-twice", "two"), ("set-cookie", "a=1"))
    return Done(Reply(Response(200, (*fields, ("set-cookie", "b=2")), json.dumps(seen).encode())))


def trouble(request: Request) -> Done:
    """What the store is to do is the last part of the path: when it loads, or when it commits."""
    kind = request.path.rpartition("/")[2]
    record = Record(Key(TROUBLE, kind), {}, 2_000_000_000)
    if kind.startswith("commit"):
        return Done(Reply(Response.of_json(200, {}), (Insert(record),)))
    return Done(Reply(Response.of_json(200, {})), (record.key,))


@frozen
class Watched:
    """A role at paths that begin with one of these."""

    readers: dict[str, Callable[[Request], Done]]

    def serves(self, path: str) -> bool:
        """Whether a path is one of them."""
        return any(path.startswith(each) for each in self.readers)

    def read(self, request: Request) -> Done:
        """See each of the functions."""
        return next(reader(request) for prefix, reader in self.readers.items() if request.path.startswith(prefix))


@frozen
class Offers:
    """`POST /offers/alice` makes an offer for alice."""

    club: Club

    def __call__(self, request: Request) -> Done:
        subject = request.path.rpartition("/")[2]
        changes: list[Change] = []
        offer = self.club.offer(_Recording(changes), subject, ["membership"], now=int(time.time()))
        return Done(Reply(Response.of_json(200, {"offer": offer.uri()}), tuple(changes)))


class _Recording(MemoryStore):
    def __init__(self, changes: list[Change]) -> None:
        super().__init__()
        self.changes = changes

    def commit(self, changes: Sequence[Change], /) -> bool:
        self.changes.extend(changes)
        return True


class TroubledStore(MemoryStore):
    """A store that does what the records say that are looked for. Some it loads only if they are looked for at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.together = threading.Barrier(AT_ONCE)

    def load(self, keys: Sequence[Key], /) -> Records:
        self._trouble(keys)
        return super().load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        self._trouble([change.record.key for change in changes if isinstance(change, Insert)])
        return super().commit(changes)

    def _trouble(self, keys: Sequence[Key]) -> None:
        for key in keys:
            if key.kind == TROUBLE and key.digest == "together":
                self.together.wait(20)
            elif key.kind == TROUBLE and key.digest.endswith("unavailable"):
                raise TemporarilyUnavailable("the database is down")
            elif key.kind == TROUBLE:
                raise ConnectionError(SECRET)


def main(framework: str, port: int) -> None:
    """Serve until interrupted."""
    club: Any = new_club_server(IDENTIFIER)
    watched = Watched({"/echo/": echo, "/trouble/": trouble, "/offers/": Offers(club)})
    endpoints = Endpoints(role=Together([*club.role.roles, watched]), issuer=IDENTIFIER, wallet_origins={WALLET_ORIGIN})
    SERVERS[framework](endpoints, ClubHost(TroubledStore()), Listening(port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
