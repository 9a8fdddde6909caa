"""The command line: `python -m examples.wallet_cli OFFER_URI`, `--issuer URL --configuration ID`, `--resume FILE`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from examples.wallet.folder import Folder
from examples.wallet_cli.issuance import Issuance
from examples.wallet_cli.network import Network
from examples.wallet_cli.options import add_client_options, check_client_options, client_of, ordering_of
from examples.wallet_cli.promise_file import StillToCome
from examples.wallet_cli.terminal import Person, plain
from oid4vci.errors import Advice, WalletError
from oid4vci.x509 import Anchors

__all__ = ("main",)

ADVICE = {
    Advice.ASK_AGAIN: "Look at the transaction code, then try again.",
    Advice.REFRESH: "Begin again.",
    Advice.AUTHORIZE: "Begin again.",
    Advice.ATTEST: "This server wants a wallet that somebody vouches for.",
    Advice.WAIT: "Try again later.",
    Advice.GIVE_UP: "This offer cannot be taken.",
}


def _seconds(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.wallet_cli", description=__doc__)
    parser.add_argument(
        "offer_uri", metavar="OFFER_URI", nargs="?", help="openid-credential-offer://?... from a link or a QR code"
    )
    parser.add_argument("--issuer", metavar="URL", help="ask this issuer without an offer")
    parser.add_argument("--configuration", metavar="ID", action="append", help="what to ask it for; may be repeated")
    parser.add_argument("--tx-code", help="the transaction code; asked for if the offer needs one")
    parser.add_argument("--save", type=Path, metavar="DIR", help="where credentials and keys are kept; without it, nowhere")
    parser.add_argument("--trust", type=Path, metavar="PEM", help="authorities whose certificates issuers may have (x5c)")
    parser.add_argument("--metadata-trust", type=Path, metavar="PEM", help="authorities of who signs issuers' metadata")
    parser.add_argument("--encrypt", action="store_true", help="encrypt wherever the issuer takes it, not only if it must be")
    parser.add_argument("--wait", type=_seconds, default=0, metavar="SECONDS", help="how long to wait for what is promised")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with what was promised, by a file in the folder")
    parser.add_argument("--haip", action="store_true", help="go by HAIP 1.0, and to no server that does not")
    add_client_options(parser)
    browser = parser.add_mutually_exclusive_group()
    browser.add_argument("--open", dest="open", action="store_true", default=None, help="open a browser for the login")
    browser.add_argument("--no-browser", dest="open", action="store_false", help="only print the address of the login")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="a further TLS authority, for test servers")
    parser.add_argument("--yes", action="store_true", help="agree to what the offer names without being asked")
    given = parser.parse_args(arguments)
    if sum(each is not None for each in (given.offer_uri, given.issuer, given.resume)) != 1:
        parser.error("either an offer or --issuer or --resume is needed")
    if (given.issuer is None) != (given.configuration is None):
        parser.error("--issuer and --configuration go together")
    check_client_options(parser, given)
    return given


def _anchors(path: Path | None) -> Anchors | None:
    return None if path is None else Anchors.from_pem(path.read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """One issuance. Gives the exit code: 0 if credentials were issued, 1 if not, 2 if a file is wrong, 3 if some are to come."""
    given = _arguments(arguments)
    person = Person(given.yes)
    try:
        anchors, metadata_anchors = _anchors(given.trust), _anchors(given.metadata_trust)
        folder = None if given.save is None else Folder.prepare(given.save)
        network = Network(given.ca)
        client, ordering = client_of(given), ordering_of(given, network.send)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with network:
        try:
            # Whoever sits at a terminal has a browser at hand.
            opens = person.interactive if given.open is None else given.open
            issuance = Issuance(
                person=person,
                network=network,
                anchors=anchors,
                client=client,
                ordering=ordering,
                folder=folder,
                opens=opens,
                patience=given.wait,
                encrypts=given.encrypt,
                haip=given.haip,
                metadata_anchors=metadata_anchors,
            )
            if given.resume is not None:
                count = issuance.resume(given.resume)
            elif given.issuer is None:
                count = issuance.accept(given.offer_uri, given.tx_code)
            else:
                count = issuance.ask(given.issuer, given.configuration)
        except StillToCome as later:
            person.tell(f"{later.count} came. What is still to come: --resume {later.path}")
            return 3
        except WalletError as error:
            print(f"{plain(f'{type(error).__name__}: {error}')}\n{ADVICE[error.advice]}", file=sys.stderr)
            return 1
        except (ValueError, OSError) as error:
            print(f"error: {plain(str(error))}", file=sys.stderr)
            return 1
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            print(f"the server could not be reached: {plain(f'{type(error).__name__}: {error}')}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, EOFError):
            print("\nstopped", file=sys.stderr)
            return 1
    person.tell(f"Done: {count} {'credential' if count == 1 else 'credentials'}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
