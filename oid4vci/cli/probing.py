"""`oid4vci probe`: what an issuer makes of a wallet that follows the rules and breaks them."""

import json
from collections.abc import Callable, Sequence

from attrs import frozen

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.cli import web
from oid4vci.cli.source import Unreadable
from oid4vci.http import Request, Response
from oid4vci.testing.probes.supplies import Offered, OfferRequest, ProbeClient
from oid4vci.testing.report import Report
from oid4vci.testing.scripted_wallet import ISSUER_CHECKS, ScriptedWallet

__all__ = ("run_probe",)


@frozen
class _Offers:
    """Where offers are made: a POST of what is wanted is answered with `offer_uri` and `tx_code`."""

    url: str
    send: Callable[[Request], Response]

    def __call__(self, asked: OfferRequest) -> Offered | None:
        """The new offer; None where none is made."""
        members = {
            "credential_configuration_ids": list(asked.configuration_ids),
            "grant": asked.grant,
            "tx_code": asked.tx_code,
            "by_reference": asked.by_reference,
        }
        answer = self.send(Request("POST", self.url, {"content-type": "application/json"}, _json.dump_bytes(members)))
        if answer.status != 200:
            return None
        try:
            made = _json.object_from(answer.body)
        except Malformed:
            return None
        uri, tx_code = made.get("offer_uri"), made.get("tx_code")
        return Offered(uri, tx_code if isinstance(tx_code, str) else None) if isinstance(uri, str) else None


def run_probe(
    issuer: str,
    *,
    offers: str | None,
    client_id: str,
    dpop: bool,
    haip: bool,
    only: Sequence[str] | None,
    as_json: bool,
    now: Callable[[], int],
    wait: Callable[[int], None],
) -> int:
    """Print the report; the exit code, 1 if anything failed. Raises `Unreadable`."""
    if not issuer.startswith("https://"):
        raise Unreadable("the issuer is named by an https URL")
    unknown = [name for name in only or () if name not in {check.name for check in ISSUER_CHECKS}]
    if unknown:
        raise Unreadable(f"there is no check {unknown[0]}")
    with web.new_client() as client:
        send = web.sending(client)
        wallet = ScriptedWallet(
            issuer=issuer,
            send=send,
            now=now,
            wait=wait,
            new_offer=None if offers is None else _Offers(offers, send),
            client=ProbeClient(client_id),
            dpop=dpop,
            haip=haip,
            over_http=True,
        )
        report: Report = wallet.probe(only=only)
    print(json.dumps(report.to_json(), indent=2) if as_json else report.text(), end="\n" if as_json else "")
    return 0 if report.ok else 1
