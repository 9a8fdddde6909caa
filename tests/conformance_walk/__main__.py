"""`python -m tests.conformance_walk`: each line, whether it holds, and what is wrong. Exit status 1 if one does not hold."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance_walk.walk import ELSEWHERE, probes, walked


def main() -> int:
    """Walk."""
    argparse.ArgumentParser(prog="python -m tests.conformance_walk", description=__doc__).parse_args()
    with TemporaryDirectory() as folder:
        lines = walked(probes(Path(folder)))
    for line in lines:
        print(line)
    print(f"{sum(line.holds for line in lines)} of {len(lines)} lines hold. With a clock of their own, in the tests alone:")
    for name, reason in ELSEWHERE.items():
        print(f"  {name}: {reason}")
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
