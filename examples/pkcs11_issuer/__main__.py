"""The command line: `python -m examples.pkcs11_issuer --module FILE --token-label LABEL --pin-file FILE`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from examples.adapters.applications import SERVERS, Listening
from examples.adapters.endpoints import Endpoints
from examples.local_tls import made_up_certificate
from examples.pkcs11_issuer.certificates import DemoAuthority
from examples.pkcs11_issuer.issuer import Membership, TokenHost, TokenKeys
from examples.pkcs11_issuer.signer import Pkcs11Signer, read_pin
from examples.pkcs11_issuer.token_keys import ALGORITHMS, TokenError
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.keys import RemoteSigner

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.pkcs11_issuer", description=__doc__)
    parser.add_argument("--module", type=Path, required=True, metavar="FILE", help="the PKCS#11 library of the token")
    parser.add_argument("--token-label", required=True, metavar="LABEL")
    parser.add_argument("--pin-file", type=Path, metavar="FILE", help="by default the PIN is taken from PKCS11_PIN")
    parser.add_argument("--generate", action="store_true", help="generate the keys that the token does not have")
    parser.add_argument("--issuer-key", default="issuer-1", metavar="LABEL", help="signs SD-JWT VCs: %(default)s")
    parser.add_argument("--earlier-key", action="append", default=[], metavar="LABEL", help="signs no more, is still published")
    parser.add_argument("--document-signer-key", default="document-signer-1", metavar="LABEL", help="mdocs: %(default)s")
    parser.add_argument("--algorithm", default="ES256", choices=ALGORITHMS, help="of a generated issuer key: %(default)s")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for a signature: %(default)s")
    parser.add_argument("--port", type=int, default=8447)
    return parser.parse_args(arguments)


def _keys(signer: Pkcs11Signer, given: argparse.Namespace) -> TokenKeys:
    """Raises `TokenError`."""

    def key(label: str, algorithm: str) -> RemoteSigner:
        try:
            return signer.signer(label)
        except TokenError:
            if not given.generate:
                raise
            return signer.generate(label, algorithm)

    earlier = tuple(signer.signer(label) for label in given.earlier_key)
    return TokenKeys(key(given.issuer_key, given.algorithm), key(given.document_signer_key, "ES256"), earlier)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on localhost until interrupted, after printing an offer. Gives the exit code."""
    given = _arguments(arguments)
    identifier = f"https://localhost:{given.port}"
    try:
        pin = read_pin(given.pin_file)
        with (
            Pkcs11Signer(given.module, given.token_label, pin, timeout=given.timeout) as signer,
            tempfile.TemporaryDirectory() as folder,
        ):
            authority = DemoAuthority()
            club = Membership.at(identifier, _keys(signer, given), authority)
            host = TokenHost(signer, club.statuses)
            host.commit([club.statuses.create()])
            certificate, key = made_up_certificate(Path(folder))
            anchor = Path(folder) / "demo-ca.pem"
            anchor.write_bytes(authority.pem)
            print(f"certificate for clients to trust: {certificate}\nauthority of document signers: {anchor}")
            print(f"until ten minutes from now:\n  {club.offer(host.store, now=int(time.time())).uri()}", flush=True)
            SERVERS["starlette"](Endpoints(role=club.role, issuer=identifier), host, Listening(given.port, (certificate, key)))
    except (TokenError, TemporarilyUnavailable, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
