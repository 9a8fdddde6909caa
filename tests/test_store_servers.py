"""Servers that tests start leave nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_program import DEADLINE, ROOT, is_running, wait_until

RUN = """
import time
from pathlib import Path

def test_it(redis_server):
    made = Path(__file__).parent / "new"
    made.write_text(f"{redis_server._process.pid}\\n{redis_server.folder}")
    made.rename(made.with_name("started"))
    time.sleep(100)
"""


@pytest.mark.servers
def test_a_run_that_is_told_to_end_ends_its_servers(tmp_path: Path, redis_server: object) -> None:
    (tmp_path / "test_it.py").write_text(RUN)
    started = tmp_path / "started"
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        wait_until(lambda: started.exists() or process.poll() is not None, 2 * DEADLINE)
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE)
    assert started.exists(), output.decode()
    pid, folder = started.read_text().splitlines()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert not is_running(int(pid))
    assert not Path(folder).exists()
