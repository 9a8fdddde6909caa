"""The command line, the edge of the library: here, and in this file only, a clock is read and something is printed.

`oid4vci demo` shows a whole issuance, message by message. Exit codes: 0 if everything verified, 1 if not, 2 for wrong arguments.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from textwrap import fill
from typing import Any, Final

from oid4vci.errors import ProtocolError

__all__ = ("main",)

# The headers that mean something to the protocol.
SHOWN: Final = ("accept", "accept-language", "authorization", "cache-control", "content-type", "www-authenticate")
LONGEST: Final = 64
BOLD, DIM, CYAN, GREEN = "1", "2", "36", "32"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. `argv` are the arguments without the program's name."""
    options = _parser().parse_args(argv)
    try:
        _demo(as_json=options.json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`). What is left in the buffer must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ProtocolError as error:
        print(f"oid4vci: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oid4vci", description="OpenID for Verifiable Credential Issuance 1.0")
    parser.add_argument("--version", action="version", version=f"oid4vci {_version()}")
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser(
        "demo",
        help="issue credentials in this process and show every message",
        description="Runs issuer, authorization server and wallet in this process and prints every HTTP message between them.",
    )
    demo.add_argument("--json", action="store_true", help="print one JSON document, for machines")
    return parser


def _version() -> str:
    try:
        return version("oid4vci")
    except PackageNotFoundError:
        return "(not installed)"


def _demo(*, as_json: bool) -> None:
    from oid4vci.demo import demonstrate

    shown = demonstrate(now=int(time.time())).to_json()
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for line in _Page(colours).lines(shown):
        print(line)


class _Page:
    """A demonstration as lines of text."""

    def __init__(self, colours: bool) -> None:
        self._colours = colours

    def lines(self, shown: Mapping[str, Any]) -> Iterator[str]:
        """Everything, in the order in which it happened."""
        yield self._in(BOLD, "The pre-authorized code flow of OpenID4VCI 1.0 (section 3.5), in one process.")
        yield ""
        yield "The issuer shows this URI as a QR code or a link, and sends the transaction code on another channel:"
        yield ""
        yield f"  {self._in(CYAN, shown['offer_uri'])}"
        yield f"  transaction code {self._in(CYAN, shown['tx_code'])}"
        for step in shown["steps"]:
            yield from self._step(step)
        yield from self._inside(shown["result"])
        yield from self._summary(shown["result"])

    def _step(self, step: Mapping[str, Any]) -> Iterator[str]:
        request, response = step["request"], step["response"]
        yield ""
        yield self._in(BOLD, f"{step['step']}. {step['name']} ({step['section']})")
        yield fill(step["meaning"], 100, initial_indent="   ", subsequent_indent="   ")
        yield ""
        yield from self._message(">", f"{request['method']} {request['url']}", request)
        yield self._in(DIM, "  |")
        yield from self._message("<", str(response["status"]), response)

    def _message(self, mark: str, first: str, message: Mapping[str, Any]) -> Iterator[str]:
        margin = self._in(DIM, f"  {mark} ")
        yield margin + self._in(CYAN, first)
        for name, value in message["headers"].items():
            if name in SHOWN:
                yield f"{margin}{self._in(DIM, name + ':')} {_shortened(value)}"
        body = message["body"]
        if body is None:
            return
        yield margin.rstrip()
        if message["headers"].get("content-type") == "application/json":
            yield from (margin + line for line in _pretty(body))
        else:
            yield from (f"{margin}{name}={_shortened(value)}" for name, value in body.items())

    def _inside(self, result: Mapping[str, Any]) -> Iterator[str]:
        proof, credential = result["proofs"][0], result["credentials"][0]
        parts = [
            (f"The first of {len(result['proofs'])} key proofs: header (OID4VCI F.1)", proof["header"]),
            ("... and payload", proof["payload"]),
            (f"The first of {len(result['credentials'])} SD-JWT VCs: header (OID4VCI A.3)", credential["header"]),
            ("... payload, with digests in place of what the holder may withhold", credential["payload"]),
            ("... disclosures: salt, name, value", credential["disclosures"]),
            ("... and together, as a verifier sees it when everything is disclosed", credential["claims"]),
        ]
        for title, value in parts:
            yield ""
            yield self._in(BOLD, title)
            if isinstance(value, list):
                yield from (f"    {_shortened(json.dumps(each, ensure_ascii=False), 100)}" for each in value)
            else:
                yield from (f"    {line}" for line in _pretty(value))

    def _summary(self, result: Mapping[str, Any]) -> Iterator[str]:
        for by in ("issuer", "wallet"):
            yield ""
            yield self._in(BOLD, f"What the {by} verified")
            for check in result["checks"]:
                if check["by"] == by:
                    yield f"  {self._in(GREEN, check['what'])}: {check['how']}"
        yield ""
        yield self._in(GREEN, f"{len(result['credentials'])} credentials issued and verified.")

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _shortened(text: str, longest: int = LONGEST) -> str:
    """The beginning and the end of a long token."""
    return text if len(text) <= longest else f"{text[: longest - 12]}…{text[-10:]}"


def _pretty(value: Any) -> Iterator[str]:
    """Indented JSON; strings are shortened, and arrays and objects that fit stay on one line."""
    yield from _layout(_short_strings(value), "")


def _short_strings(value: Any) -> Any:
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, Mapping):
        return {name: _short_strings(member) for name, member in value.items()}
    return [_short_strings(each) for each in value] if isinstance(value, list | tuple) else value


def _layout(value: Any, before: str, indent: str = "", after: str = "") -> Iterator[str]:
    line = f"{indent}{before}{json.dumps(value, ensure_ascii=False)}{after}"
    if not isinstance(value, dict | list) or not value or (len(line) <= 96 and indent):
        yield line
        return
    pairs = (
        [(f"{json.dumps(name)}: ", each) for name, each in value.items()]
        if isinstance(value, dict)
        else [("", e) for e in value]
    )
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield f"{indent}{before}{opening}"
    for i, (name, each) in enumerate(pairs):
        yield from _layout(each, name, indent + "  ", "," if i < len(pairs) - 1 else "")
    yield f"{indent}{closing}{after}"
