"""The frame of all pages that a person sees, and those at the login. What others wrote is escaped, shortened and kept in line."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from attrs import field, frozen

from oid4vci.http import Response

__all__ = ("Asked", "Problem", "consent_page", "error_page", "form", "login_page", "page", "shown")

_STYLE: Final = Path(__file__).with_name("pages.css").read_text()
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?=[/?]|$)")


def shown(text: str, *, limit: int = 200) -> str:
    """Text of others for a page: no characters that cannot be seen or that change the direction, and not endless."""
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return f"<bdi>{escape(plain if len(plain) <= limit else plain[: limit - 3] + '...')}</bdi>"


def _origin(uri: str) -> str:
    """Where a form with a password may lead: to this server, and when the person refuses, to the origin of the redirect URI.

    Some browsers hold the redirects that follow a form against `form-action`. What has no origin that can be written in a policy
    (`[::1]`, the scheme of an app) is there with its scheme.
    """
    origin = _ORIGIN.match(uri)
    return f"'self' {origin.group() if origin else _scheme(uri)}"


def _anywhere(uri: str) -> str:
    """Where the decision may lead: wallets send the browser on from their redirect URI, and these browsers hold that against us."""
    return "'self' https: http:" if uri.startswith("http://") else f"'self' {_scheme(uri)}"


def _scheme(uri: str) -> str:
    return f"{uri.partition(':')[0]}:"


def _source(text: str) -> str:
    """An inline style or script, as a policy allows it."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


_STYLE_SOURCE: Final = _source(_STYLE)


def page(
    status: int,
    title: str,
    body: str,
    form_action: str = "'none'",
    headers: Mapping[str, str] | None = None,
    *,
    script: str = "",
) -> Response:
    """A page. `body` is HTML. Forms lead where `form_action` says, and `script`, if there is one, asks this server only."""
    runs = f"script-src {_source(script)}; connect-src 'self'; " if script else ""
    policy = (
        f"default-src 'none'; style-src {_STYLE_SOURCE}; {runs}form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    runs_last = f"<script>{script}</script>\n" if script else ""
    fields = {
        **(headers or {}),
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title} - Reference server</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n{runs_last}</body>\n</html>\n"
    )
    return Response(status, fields, text.encode())


@frozen(kw_only=True)
class Asked:
    """What a person is asked: who wants which credentials, where the answer goes, and what is known of both.

    `client_name` is what the operator of the server wrote, None for clients that are not registered. `attested`: somebody who is
    trusted vouches for the program. `credentials` are ids and names. `offered`: whether the request answers an offer of this
    server; None if it does not say so.
    """

    client_id: str
    client_name: str | None
    attested: bool
    credentials: Sequence[tuple[str, str]]
    redirect_uri: str
    offered: bool | None

    def __str__(self) -> str:
        """HTML."""
        if self.client_name is not None:
            client = f"{shown(self.client_name)} ({shown(self.client_id)}) asks"
        elif self.attested:
            client = f"A wallet whose provider is known here, and which calls itself {shown(self.client_id)}, asks"
        else:
            client = f"A program that calls itself {shown(self.client_id)} (any program can call itself so) asks"
        names = "".join(f"<li>{shown(title)} ({shown(name)})</li>" for name, title in self.credentials)
        offers = {
            None: "",
            True: "<p>It answers an offer that this server made.</p>",
            False: "<p>It answers an offer that this server does not know. Go on only if you began this yourself.</p>",
        }
        return (
            f'<p id="client">{client} for credentials about you:</p>\n<ul id="credentials">{names}</ul>\n{offers[self.offered]}'
            f'<p id="destination">Whatever you decide, your browser then goes to {shown(self.redirect_uri)}</p>'
        )


def form(action: str, ticket: str, fields: str) -> str:
    """A form of this server; `fields` is HTML."""
    hidden = f'<input type="hidden" name="ticket" value="{escape(ticket)}">'
    return f'<form method="post" action="{escape(action)}">\n{hidden}\n{fields}\n</form>'


_REFUSE: Final = '<button id="refuse" name="decision" value="refuse" formnovalidate>Refuse</button>'


@frozen
class Problem:
    """Why a login was not accepted: for the person, and as an HTTP status with headers."""

    text: str
    status: int
    headers: Mapping[str, str] = field(factory=dict)


def login_page(
    asked: Asked,
    *,
    action: str,
    ticket: str,
    username: str = "",
    problem: Problem | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The form for user name and password. `problem` is that of the login before."""
    alert = "" if problem is None else f'<p id="problem" role="alert">{escape(problem.text)}</p>\n'
    wrong = "" if problem is None else ' aria-invalid="true" aria-describedby="problem"'
    fields = (
        f'<p><label for="username">User name</label>\n<input id="username" name="username" value="{escape(username)}" '
        f'autocomplete="username" autocapitalize="none" spellcheck="false" required{wrong}></p>\n'
        f'<p><label for="password">Password</label>\n<input id="password" name="password" type="password" '
        f'autocomplete="current-password" required{wrong}></p>\n'
        f'<p><button id="login" class="main" name="decision" value="login">Log in</button>\n{_REFUSE}</p>'
    )
    body = f"{asked}\n{alert}{form(action, ticket, fields)}"
    status, more = (200, {}) if problem is None else (problem.status, problem.headers)
    return page(status, "Log in", body, _origin(asked.redirect_uri), {**(headers or {}), **more})


def consent_page(asked: Asked, *, action: str, ticket: str, username: str, missing: Sequence[str]) -> Response:
    """The question. `missing` are the configurations of which there is nothing about this person."""
    approve = '<button id="approve" class="main" name="decision" value="approve">Approve</button>\n'
    lacking = ""
    if missing:
        lacking = f'<p id="missing">There is nothing about you for {", ".join(map(shown, missing))}: it is left out.</p>\n'
    buttons = f"<p>{approve if len(missing) < len(asked.credentials) else ''}{_REFUSE}</p>"
    body = f"<p>You are logged in as {shown(username)}.</p>\n{asked}\n{lacking}{form(action, ticket, buttons)}"
    return page(200, "Approve or refuse", body, _anywhere(asked.redirect_uri))


def error_page(status: int, error: str, description: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """What cannot be answered, and is not for a wallet to hear of either."""
    body = (
        f'<p id="problem">This request cannot be answered: {shown(description or error)}.</p>\n'
        f'<p>Go back to your wallet, and begin again.</p>\n<p>Error: <code id="error">{shown(error)}</code></p>'
    )
    return page(status, "Something is wrong", body, headers=headers)
