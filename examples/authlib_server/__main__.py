"""The command line: `python -m examples.authlib_server`."""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from werkzeug.serving import run_simple

from examples.authlib_server.app import new_club_server
from examples.authlib_server.database import Client, Database
from examples.local_tls import made_up_certificate
from examples.membership import MEMBERS
from oid4vci.keys import LocalSigner
from oid4vci.oauth.client_attestation import METHOD, Challenges, ClientAttestation
from oid4vci.oauth.pre_authorized import new_tx_code
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.x509 import Anchors

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.authlib_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--database", default=":memory:", help="a file for SQLite; by default nothing is kept")
    parser.add_argument("--password", default="password", help="of every account: %(default)s")
    parser.add_argument("--client", default="oid4vci-wallet-cli", help="the client_id of a public wallet: %(default)s")
    parser.add_argument("--redirect-uri", default="http://127.0.0.1:8765/callback", help="of the wallets: %(default)s")
    parser.add_argument("--attested-client", default="attested-wallet", help="the client_id of an attested wallet: %(default)s")
    parser.add_argument(
        "--attesters", type=Path, metavar="PEM", help="authorities of wallet providers, whose attestations count"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on localhost until interrupted, after printing an offer. Gives the exit code."""
    given = _arguments(arguments)
    identifier, keys, database = f"https://localhost:{given.port}", SealingKeys([os.urandom(32)]), Database(given.database)
    for username in MEMBERS:
        database.add_user(username, given.password)
    database.add_client(Client(given.client, given.redirect_uri, "none"))
    attestation = None
    if given.attesters is not None:
        database.add_client(Client(given.attested_client, given.redirect_uri, METHOD))
        anchors = Anchors.from_pem(given.attesters.read_bytes())
        attestation = ClientAttestation(anchors=anchors, challenges=Challenges(keys))
    signer = LocalSigner.generate("club-1")
    club = new_club_server(
        identifier, database, keys=keys, signer=signer, attestation=attestation, clock=lambda: int(time.time())
    )
    tx_code = new_tx_code(new_secret=new_secret)
    offer = club.offer("alice", ["membership", "parking_permit"], tx_code=tx_code)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = made_up_certificate(Path(folder))
        print(f"certificate for clients to trust: {certificate}\nuntil ten minutes from now, for alice:\n  {offer.uri()}")
        print(f"transaction code: {tx_code}", flush=True)
        run_simple("127.0.0.1", given.port, club.application, ssl_context=(str(certificate), str(key)), threaded=True)
    database.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
