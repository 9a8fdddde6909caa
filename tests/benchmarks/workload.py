"""A workload, issued and verified in several ways, and libraries for node among them."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from attrs import evolve, field, frozen

from tests.benchmarks.rounds import Case, measure, table
from tests.interop.node import HERE, Node

__all__ = ("NodeCase", "NodePeer", "Workload", "node_peer")


@frozen
class Workload:
    """Credentials of one kind, `size` of them in one call of a case."""

    name: str
    size: int
    issue: Mapping[str, Case]
    verify: Mapping[str, Case]

    def beside(self, name: str, issue: Case, verify: Case) -> "Workload":
        """One more way."""
        return evolve(self, issue={**self.issue, name: issue}, verify={**self.verify, name: verify})

    def tables(self, *, rounds: int, seconds: float) -> Iterator[str]:
        """What was measured, as Markdown."""
        for verb, cases in (("issue", self.issue), ("verify", self.verify)):
            timings = measure(cases, rounds=rounds, seconds=seconds)
            yield table(f"{self.name}: {verb} {self.size}", timings, ("cryptography", "floor"), per=self.size)


@frozen
class NodePeer:
    """A process of node that runs `benchmark.mjs`: it is told what to run how often, and says what processor time it took."""

    _input: IO[str] = field(repr=False)
    _output: IO[str] = field(repr=False)

    def ask(self, question: Any) -> Any:
        """One line there, one back."""
        self._input.write(f"{json.dumps(question)}\n")
        self._input.flush()
        line = self._output.readline()
        if not line:
            raise RuntimeError("node has ended: see what it wrote")
        return json.loads(line)

    def load(self, script: str, given: Any) -> "tuple[NodeCase, NodeCase]":
        """Issuing and verifying as `script` does it with what it is given."""
        number = self.ask({"load": script, "given": given})
        return NodeCase(self, number, "issue"), NodeCase(self, number, "verify")


@frozen
class NodeCase:
    """A case that runs in node."""

    peer: NodePeer
    number: int
    verb: str

    def seconds(self, count: int) -> float:
        """Processor time of the whole process for running `count` times."""
        spent: float = self.peer.ask({"run": self.number, "verb": self.verb, "count": count})
        return spent

    def result(self) -> Any:
        """What it yields."""
        return self.peer.ask({"result": self.number, "verb": self.verb})


@contextmanager
def node_peer() -> Iterator[NodePeer]:
    """Node, with the packages of package-lock.json. Raises `Missing`."""
    command = [Node.installed().path, str(HERE / "benchmark.mjs")]
    with subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield NodePeer(process.stdin, process.stdout)
        finally:
            # It ends when its standard input does.
            process.stdin.close()
