"""The options that say as whom the wallet comes, and with which keys."""

import argparse
from pathlib import Path

from examples.wallet.attester import Attester
from examples.wallet.certifier import Certifier
from examples.wallet.client import Client
from examples.wallet.keys import read_key
from examples.wallet.ordering import KEY_NAMES, Ordering, Send

__all__ = ("add_client_options", "check_client_options", "client_of", "ordering_of")


def _copies(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument("--copies", type=_copies, help="how many copies of each credential; by default all the issuer gives")
    parser.add_argument("--client-id", default="oid4vci-wallet-cli", help="the name for servers that want one: %(default)s")
    parser.add_argument("--client-key", type=Path, metavar="PEM", help="the key that is registered for private_key_jwt")
    parser.add_argument("--attestation-key", type=Path, metavar="PEM", help="who attests this wallet to servers: itself")
    parser.add_argument("--attestation-chain", type=Path, metavar="PEM", help="the certificates of that key")
    parser.add_argument("--attestation-issuer", metavar="NAME", help="the name of who attests; by default the client id")
    parser.add_argument("--key-attestation-key", type=Path, metavar="PEM", help="who attests the keys of this wallet: itself")
    parser.add_argument("--key-attestation-chain", type=Path, metavar="PEM", help="the certificates of that key")
    parser.add_argument(
        "--key-name", choices=KEY_NAMES, default="jwk", help="how proofs name keys, where the issuer takes that"
    )
    parser.add_argument("--certifier-key", type=Path, metavar="PEM", help="who certifies keys that are named by x5c: itself")
    parser.add_argument("--certifier-chain", type=Path, metavar="PEM", help="the certificates of that key")


def check_client_options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End with a message if they do not go together."""
    for chain, key in (("attestation_chain", "attestation_key"), ("key_attestation_chain", "key_attestation_key")):
        if getattr(given, chain) is not None and getattr(given, key) is None:
            parser.error(f"--{chain.replace('_', '-')} is for --{key.replace('_', '-')}")
    if given.client_key is not None and given.attestation_key is not None:
        parser.error("either --client-key or --attestation-key")
    if given.attestation_issuer is not None and given.attestation_key is None:
        parser.error("--attestation-issuer is for --attestation-key")
    needed = given.key_name == "x5c"
    if (given.certifier_key is not None, given.certifier_chain is not None) != (needed, needed):
        parser.error("--key-name x5c, --certifier-key and --certifier-chain go together")


def client_of(given: argparse.Namespace) -> Client:
    """As whom the wallet comes. Raises `OSError`, `ValueError`."""
    if given.client_key is not None:
        return Client(client_id=given.client_id, method="private_key_jwt", key=read_key(given.client_key))
    if given.attestation_key is not None:
        name = given.attestation_issuer or given.client_id
        provider = Attester.from_files(given.attestation_key, given.attestation_chain, name)
        return Client(client_id=given.client_id, method="attest_jwt_client_auth", provider=provider)
    return Client(client_id=given.client_id)


def ordering_of(given: argparse.Namespace, send: Send) -> Ordering:
    """With which keys it orders. Raises `OSError`, `ValueError`."""
    attester = certifier = None
    if given.key_attestation_key is not None:
        attester = Attester.from_files(given.key_attestation_key, given.key_attestation_chain, given.client_id)
    if given.certifier_key is not None:
        certifier = Certifier.from_files(given.certifier_key, given.certifier_chain)
    return Ordering(send=send, attester=attester, copies=given.copies, key_name=given.key_name, certifier=certifier)
