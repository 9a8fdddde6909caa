"""The command line: `python -m examples.django_oauth_toolkit`."""

import argparse
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django
from werkzeug.serving import run_simple

from examples.django_oauth_toolkit.settings import Club, configure
from examples.local_tls import made_up_certificate
from examples.membership import MEMBERS
from oid4vci.keys import LocalSigner
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.pre_authorized import new_tx_code
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.x509 import Anchors

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.django_oauth_toolkit", description=__doc__)
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--password", default="password", help="of every account: %(default)s")
    parser.add_argument("--client", default="oid4vci-wallet-cli", help="the client_id of a public wallet: %(default)s")
    parser.add_argument("--redirect-uri", default="http://127.0.0.1:8765/callback", help="of the wallets: %(default)s")
    parser.add_argument("--attested-client", default="attested-wallet", help="the client_id of an attested wallet: %(default)s")
    parser.add_argument(
        "--attesters", type=Path, metavar="PEM", help="authorities of wallet providers, whose attestations count"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on localhost until interrupted, with a database that is deleted afterwards, after printing an offer."""
    given, keys = _arguments(arguments), SealingKeys([os.urandom(32)])
    attestation = None
    if given.attesters is not None:
        anchors = Anchors.from_pem(given.attesters.read_bytes())
        attestation = ClientAttestation(anchors=anchors, challenges=Challenges(keys))
    club = Club(f"https://localhost:{given.port}", keys, LocalSigner.generate("club-1"), attestation)
    with tempfile.TemporaryDirectory() as folder:
        configure(club, database=Path(folder) / "club.db", secret_key=secrets.token_urlsafe(50))
        django.setup()
        certificate, key = made_up_certificate(Path(folder))
        offer, tx_code = _prepare(given)
        print(f"certificate for clients to trust: {certificate}\nuntil ten minutes from now, for alice:\n  {offer}")
        print(f"transaction code: {tx_code}", flush=True)

        from django.core.wsgi import get_wsgi_application

        ssl_context = str(certificate), str(key)
        run_simple("127.0.0.1", given.port, get_wsgi_application(), ssl_context=ssl_context, threaded=True)
    return 0


def _prepare(given: argparse.Namespace) -> tuple[str, str]:
    """Make tables, accounts and clients, and an offer with its transaction code."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from examples.django_oauth_toolkit.issuer import new_offer
    from examples.django_oauth_toolkit.oauth import new_application

    call_command("migrate", verbosity=0)
    for username in MEMBERS:
        get_user_model().objects.create_user(username, password=given.password)
    new_application(given.client, given.redirect_uri)
    if given.attesters is not None:
        new_application(given.attested_client, given.redirect_uri, attested=True)
    tx_code = new_tx_code(new_secret=new_secret)
    return new_offer("alice", ["membership", "parking_permit"], tx_code=tx_code).uri(), tx_code


if __name__ == "__main__":
    raise SystemExit(main())
