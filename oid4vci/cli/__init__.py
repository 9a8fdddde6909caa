"""The command line, the edge of the library: here only a clock is read, files and the network are, and something is printed."""

from oid4vci.cli.command import main

__all__ = ("main",)
