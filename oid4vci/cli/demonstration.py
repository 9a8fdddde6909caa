"""`oid4vci demo`: a whole issuance, message by message."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any, Final

__all__ = ("demonstrate",)

# The headers that mean something to the protocol.
SHOWN: Final = ("accept", "accept-language", "authorization", "cache-control", "content-type", "www-authenticate")
LONGEST: Final = 64
BOLD, DIM, CYAN, GREEN = "1", "2", "36", "32"


def demonstrate(*, as_json: bool, now: int) -> None:
    """Print the demonstration. Raises `ProtocolError` if something in it does not verify."""
    from oid4vci import demo

    shown = demo.demonstrate(now=now).to_json()
    if as_json:
        print(json.dumps(shown, indent=2))
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
