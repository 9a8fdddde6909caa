"""The commands and their arguments.

`demo` shows a whole issuance, `lint` says what is wrong with a document, `offer` and `inspect` show an offer and a Credential,
`probe` says what an issuer does with what is right and what is wrong.
Exit codes: 0 if all is well, 1 if not (something did not verify, a document has errors), 2 for wrong arguments and for what cannot
be read.
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from oid4vci.cli.terminal import plain
from oid4vci.errors import ProtocolError

__all__ = ("main",)

SOURCE = "a file, or - for standard input"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. `argv` are the arguments without the program's name."""
    options = _parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a terminal or a file cannot show in its encoding is escaped, and no reason to stop half-way.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(options, int(time.time()))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`). What is left in the buffer must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ProtocolError as error:
        print(f"oid4vci: {plain(str(error), 1_000)}", file=sys.stderr)
        return 1
    return code


def _run(options: argparse.Namespace, now: int) -> int:
    """Commands are imported when they are run: each needs other parts of the library."""
    if options.command == "demo":
        from oid4vci.cli.demonstration import demonstrate

        demonstrate(as_json=options.json, now=now)
        return 0
    from oid4vci.cli.source import Unreadable

    try:
        if options.command == "lint":
            from oid4vci.cli.linting import run_lint

            return run_lint(
                options.source,
                kind=options.type,
                profile=options.profile,
                as_json=options.json,
                strict=options.strict,
                now=now,
            )
        if options.command == "offer":
            from oid4vci.cli.offer import show_offer

            return show_offer(options.source, show_codes=options.show_codes)
        if options.command == "probe":
            from oid4vci.cli.probing import run_probe

            return run_probe(
                options.issuer,
                offers=options.offers,
                client_id=options.client_id,
                dpop=not options.bearer,
                haip=options.profile == "haip",
                only=options.only,
                as_json=options.json,
                now=lambda: int(time.time()),
                wait=time.sleep,
            )
        from oid4vci.cli.inspection import show_credential

        return show_credential(options.source, kind=options.type, trust=options.trust, now=now)
    except Unreadable as error:
        print(f"oid4vci: {plain(str(error), 1_000)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oid4vci", description="OpenID for Verifiable Credential Issuance 1.0")
    parser.add_argument("--version", action="version", version=f"oid4vci {_version()}")
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    demo = commands.add_parser(
        "demo",
        help="issue credentials in this process and show every message",
        description="Runs issuer, authorization server and wallet in this process and prints every HTTP message between them.",
    )
    demo.add_argument("--json", action="store_true", help="print one JSON document, for machines")
    _add_lint(commands)
    offer = commands.add_parser(
        "offer",
        help="show a credential offer",
        description="Shows what a Credential Offer offers. Nothing is fetched, and nothing in an offer can be trusted.",
    )
    offer.add_argument("source", metavar="OFFER", help=f"the URI of an offer, its JSON, {SOURCE}")
    offer.add_argument("--show-codes", action="store_true", help="print the pre-authorized code, which is a secret, as well")
    inspect = commands.add_parser(
        "inspect",
        help="show what a credential says",
        description="Shows what a Credential says. Nothing is verified unless --trust is given.",
    )
    inspect.add_argument("source", nargs="?", default="-", metavar="FILE", help=f"{SOURCE} (the default)")
    inspect.add_argument("--trust", metavar="ANCHORS.PEM", help="verify it under these trust anchors")
    inspect.add_argument("--type", metavar="FORMAT", help="the credential format; by default it is told from the credential")
    _add_probe(commands)
    return parser


def _add_probe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    probe = commands.add_parser(
        "probe",
        help="try everything that is right and wrong at an issuer",
        description=(
            "Goes through the flow at a Credential Issuer as a wallet that follows the rules and breaks them, and says by "
            "requirement what came of it. It gets real credentials: only for an issuer that is there to be tested."
        ),
        epilog="Exit status: 0 if nothing failed, 1 if something did, 2 if nothing can be asked.",
    )
    probe.add_argument("issuer", metavar="URL", help="the Credential Issuer Identifier")
    probe.add_argument(
        "--offers",
        metavar="URL",
        help=(
            "where a POST of credential_configuration_ids, grant, tx_code and by_reference is answered with offer_uri and tx_code; "
            "without it, only what needs no access token is looked at"
        ),
    )
    probe.add_argument("--client-id", default="oid4vci-probe", metavar="ID", help="as which public client to ask")
    probe.add_argument("--bearer", action="store_true", help="ask for tokens that are bound to no key")
    probe.add_argument("--profile", choices=["haip"], help="add the rules of HAIP 1.0")
    probe.add_argument("--only", nargs="+", metavar="CHECK", help="make these checks only")
    probe.add_argument("--json", action="store_true", help="print one JSON document, for machines")


def _add_lint(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    lint = commands.add_parser(
        "lint",
        help="say what is wrong with metadata, an offer or a credential",
        description=(
            "Says what is wrong, or doubtful, with issuer or server metadata, a Credential Offer or a Credential, as far as it can "
            "be told without keys and trust. Given the URL of an issuer, those of its authorization servers are fetched too."
        ),
        epilog="Exit status: 0 without errors, 1 with errors (with --strict: or warnings), 2 if the document cannot be read.",
    )
    lint.add_argument(
        "source",
        nargs="?",
        default="-",
        metavar="FILE|-|URL",
        help=f"{SOURCE} (the default); an https URL; the URI of an offer",
    )
    lint.add_argument("--type", metavar="TYPE", help="what it is; by default it is told from the document")
    lint.add_argument("--profile", choices=["haip"], help="add the rules of HAIP 1.0")
    lint.add_argument("--strict", action="store_true", help="warnings count as errors")
    lint.add_argument("--json", action="store_true", help="print one JSON document, for machines")


def _version() -> str:
    try:
        return version("oid4vci")
    except PackageNotFoundError:
        return "(not installed)"
