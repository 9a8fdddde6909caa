"""What a person sees whose browser comes with an offer, or back from a login: plain HTML without script."""

from html import escape
from typing import Final

from examples.wallet_server.run import FOR_PERSON, FOR_TX_CODE, Run
from oid4vci.http import Response

__all__ = ("page", "run_page")

HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def page(status: int, text: str, more: str = "", headers: dict[str, str] | None = None) -> Response:
    """A page that says one thing; `more` is HTML."""
    head = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Wallet</title>\n'
    body = f'{head}<p id="said">{escape(text)}</p>\n{more}</html>\n'
    return Response(status, {**HEADERS, **(headers or {})}, body.encode())


def run_page(run: Run, location: str) -> Response:
    """The run that a browser's offer began, and what a person has to do."""
    texts = {
        FOR_PERSON: "The issuer wants you to log in.",
        FOR_TX_CODE: f"The offer needs a transaction code. It goes to {location}/tx_code",
    }
    more = f'<p>Report: <a id="run" href="{escape(location)}">{escape(location)}</a></p>\n'
    if run.state == FOR_PERSON and run.authorization_url is not None:
        where = escape(run.authorization_url.partition("?")[0])
        more += f'<p><a id="login" href="{escape(run.authorization_url)}">Log in at {where}</a></p>\n'
    return page(202, texts.get(run.state, "The wallet has taken the offer."), more, {"location": location})
