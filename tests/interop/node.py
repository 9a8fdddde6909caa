"""node and what runs in it: scripts that read one JSON object from standard input, and print one."""

import fcntl
import hashlib
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

HERE = Path(__file__).parent
DEADLINE = 60


class Missing(Exception):
    """There is no node, no npm, or no package registry."""


@frozen
class Node:
    """The path of node. The packages of package-lock.json are installed beside the scripts."""

    path: str

    @classmethod
    def installed(cls) -> "Node":
        """node, once the packages are there. Raises `Missing`."""
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise Missing("node and npm are needed")
        packages = HERE / "node_modules"
        wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
        marker = packages / ".installed"
        # One at a time, if tests run in several processes.
        with (HERE / "package.json").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not marker.is_file() or marker.read_text() != wanted:
                command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
                done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
                if done.returncode != 0:
                    raise Missing(f"npm ci failed: {done.stderr[-2000:]}")
                marker.write_text(wanted)
        return cls(node)

    def run(self, script: str, given: Any, *, authority: Path | None = None) -> Any:
        """What a script prints. It trusts the TLS authority in a PEM file."""
        command, environment = self._command(script, authority)
        done = subprocess.run(
            command,
            cwd=HERE,
            env=environment,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, script: str, given: Any) -> Iterator[Any]:
        """The line that a server prints once it listens. It ends when its standard input does, so also with this process."""
        command, environment = self._command(script, None)
        with subprocess.Popen(
            command, cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(f"{json.dumps(given)}\n")
                process.stdin.flush()
                assert select.select([process.stdout], [], [], DEADLINE)[0], "the server does not listen"
                line = process.stdout.readline()
                assert line, "the server has ended: see what it wrote"
                yield json.loads(line)
            finally:
                process.stdin.close()
                try:
                    code = process.wait(DEADLINE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
        assert code == 0

    def _command(self, script: str, authority: Path | None) -> tuple[list[str], dict[str, str]]:
        environment = dict(os.environ) if authority is None else {**os.environ, "NODE_EXTRA_CA_CERTS": str(authority)}
        return [self.path, str(HERE / script)], environment
