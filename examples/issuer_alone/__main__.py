"""The command line: `python -m examples.issuer_alone --authorization-server https://as.example`."""

import argparse
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import uvicorn

from examples.issuer_alone.app import new_application, new_issuer
from examples.issuer_alone.host import new_offer
from examples.local_tls import made_up_certificate
from examples.sqlite_store import SqliteStore
from oid4vci.keys import LocalSigner
from oid4vci.metadata import AuthorizationServerMetadata, authorization_server_metadata_url
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer
from oid4vci.sealed import SealingKeys

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.issuer_alone", description=__doc__)
    parser.add_argument("--authorization-server", required=True, metavar="URL", help="the identifier of the server, https")
    parser.add_argument("--ca", type=Path, metavar="PEM", help="a further TLS authority, for a server on this machine")
    parser.add_argument("--port", type=int, default=8444)
    parser.add_argument("--store", default=":memory:", help="a file for SQLite; by default nothing is kept")
    parser.add_argument("--subject", default="alice", help="whom an offer is made for at start: %(default)s")
    return parser.parse_args(arguments)


def discover(identifier: str, client: httpx.Client) -> TrustedAuthorizationServer:
    """The server with the keys that its metadata name. Raises `ValueError`, `httpx.HTTPError`."""
    answer = client.get(authorization_server_metadata_url(identifier)).raise_for_status()
    metadata = AuthorizationServerMetadata.from_json(answer.json())
    metadata.check_identifier(identifier)
    return TrustedAuthorizationServer.of(metadata)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on localhost until interrupted, after printing an offer. Gives the exit code."""
    given = _arguments(arguments)
    context = ssl.create_default_context()
    try:
        if given.ca is not None:
            context.load_verify_locations(given.ca)
        with httpx.Client(verify=context, trust_env=False) as browser:
            server = discover(given.authorization_server, browser)
    except (ValueError, OSError, httpx.HTTPError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    identifier, signer = f"https://localhost:{given.port}", LocalSigner.generate("club-1")
    issuer = new_issuer(identifier, server, keys=SealingKeys([os.urandom(32)]), signer=signer)
    with SqliteStore(given.store) as store, tempfile.TemporaryDirectory() as folder:
        certificate, key = made_up_certificate(Path(folder))
        offer = new_offer(issuer, store, given.subject, ["membership"], now=int(time.time()))
        print(f"certificate for clients to trust: {certificate}\nfor {given.subject}:\n  {offer.uri()}", flush=True)
        client = httpx.AsyncClient(verify=context, trust_env=False, timeout=10)
        app = new_application(issuer, server, store, client=client, clock=lambda: int(time.time()))
        uvicorn.run(app, host="127.0.0.1", port=given.port, ssl_certfile=certificate, ssl_keyfile=key, access_log=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
