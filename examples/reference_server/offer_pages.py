"""The pages of `/` as HTML: what can be had and how, and an offer with its QR code, its link and its state."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from attrs import frozen

from examples.reference_server.followed_offers import FollowedOffer
from examples.reference_server.offer_progress import CREDENTIALS, SAYS, STEPS, Progress
from examples.reference_server.pages import form, page, shown
from oid4vci.http import Response
from oid4vci.qr import qr_svg

__all__ = ("Choice", "Credential", "Way", "message_page", "offer_page", "start_page")

_SCRIPT: Final = Path(__file__).with_name("offer.js").read_text()


@frozen
class Credential:
    """A configuration, as it is shown."""

    configuration_id: str
    title: str
    description: str
    format: str

    def __str__(self) -> str:
        """HTML."""
        text = f"{shown(self.description)}<br>" if self.description else ""
        return f"<b>{shown(self.title)}</b><small>{text}{shown(self.format)}, {shown(self.configuration_id)}</small>"


@frozen
class Way:
    """How an offer can be taken up. `refusal` says why a visitor cannot choose it, None if they can."""

    name: str
    title: str
    text: str
    refusal: str | None = None


@frozen
class Choice:
    """What a visitor has chosen, and what is wrong with it."""

    configuration_ids: Sequence[str] = ()
    way: str | None = None
    problem: str | None = None
    status: int = 200


def start_page(
    identifier: str,
    credentials: Sequence[Credential],
    ways: Sequence[Way],
    *,
    action: str,
    ticket: str,
    choice: Choice,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What this issuer issues, and the form that makes an offer of it, if there is a way to choose."""
    intro = f'<p>Credential Issuer: <code id="issuer">{shown(identifier)}</code></p>'
    if all(way.refusal is not None for way in ways):
        listed = "".join(f"<li>{each}</li>" for each in credentials)
        reasons = "".join(f"<li><b>{way.title}</b><small>{way.refusal}</small></li>" for way in ways)
        body = (
            f'{intro}\n<section>\n<h2>What is issued here</h2>\n<ul id="credentials" class="plain">{listed}</ul>\n</section>\n'
            f'<section>\n<h2>Why there are no offers here</h2>\n<ul id="unavailable" class="plain">{reasons}</ul>\n</section>'
        )
        return page(choice.status, "Credentials", body, headers=headers)
    chosen = choice.configuration_ids if choice.way is not None else [credentials[0].configuration_id]
    possible = [way.name for way in ways if way.refusal is None]
    way_name = choice.way if choice.way in possible else possible[0]
    alert = "" if choice.problem is None else f'<p id="problem" role="alert">{escape(choice.problem)}</p>\n'
    described = "" if choice.problem is None else ' aria-describedby="problem"'
    boxes = "\n".join(_box(i, each, each.configuration_id in chosen) for i, each in enumerate(credentials))
    radios = "\n".join(_radio(each, each.name == way_name) for each in ways)
    fields = (
        f"{alert}<fieldset{described}>\n<legend>Which credentials?</legend>\n{boxes}\n</fieldset>\n"
        f"<fieldset>\n<legend>How are they handed out?</legend>\n{radios}\n</fieldset>\n"
        '<p><button id="make" class="main" name="decision" value="make">Make an offer</button></p>'
    )
    return page(choice.status, "Get credentials", f"{intro}\n{form(action, ticket, fields)}", "'self'", headers)


def _box(i: int, credential: Credential, checked: bool) -> str:
    name = escape(f"credential {credential.configuration_id}")
    return (
        f'<div class="choice"><input type="checkbox" id="credential-{i}" name="{name}" value="on"{" checked" if checked else ""}>'
        f'<label for="credential-{i}">{credential}</label></div>'
    )


def _radio(way: Way, checked: bool) -> str:
    state = " disabled" if way.refusal is not None else " checked" if checked else ""
    refusal = "" if way.refusal is None else f'<small id="refusal-{way.name}">{way.refusal}</small>'
    return (
        f'<div class="choice"><input type="radio" id="way-{way.name}" name="way" value="{way.name}"{state}>'
        f'<label for="way-{way.name}"><b>{way.title}</b><small>{way.text}</small>{refusal}</label></div>'
    )


def offer_page(
    offer: FollowedOffer, credentials: Sequence[Credential], progress: Progress, *, here: str, state_url: str, home: str
) -> Response:
    """An offer for a wallet, and how far it is. `here` is the path of this page, `state_url` where its script asks."""
    body = (
        f'<div class="pair">\n{_take(offer, progress)}\n{_state(credentials, progress, here, state_url)}\n</div>\n'
        f'<p><a id="home" href="{escape(home)}">Make another offer</a></p>'
    )
    return page(200, "Credential offer", body, script=_SCRIPT)


def _take(offer: FollowedOffer, progress: Progress) -> str:
    about = "Whoever logs in gets the credential." if offer.subject is None else f"It is about {shown(offer.subject)}."
    code = ""
    if offer.tx_code is not None:
        code = (
            "<details><summary>Show the transaction code</summary>\n"
            f'<p id="tx_code" class="code">{escape(offer.tx_code)}</p></details>\n'
        )
    return (
        f'<section id="take"{"" if progress.is_open else " hidden"}>\n<h2>Take the offer to a wallet</h2>\n{_qr(offer.uri)}\n'
        f'<p><a id="open" class="button main" href="{escape(offer.uri)}">Open in a wallet on this device</a></p>\n{code}'
        f'<p><label for="offer_uri">The link as text</label>\n<textarea id="offer_uri" rows="4" readonly spellcheck="false">'
        f"{escape(offer.uri)}</textarea>\n"
        '<button id="copy" type="button" hidden>Copy the link</button> <span id="copied" role="status"></span></p>\n'
        f'<p class="soft"><span id="about">{about}</span> <span id="ends">{escape(progress.ends)}</span></p>\n</section>'
    )


def _qr(uri: str) -> str:
    try:
        svg = qr_svg(uri)
    except ImportError:
        lacking = "There is no QR code: the server lacks the extra <code>oid4vci[qr]</code>. The link works all the same."
        return f'<p id="no-qr">{lacking}</p>'
    except ValueError:
        return '<p id="no-qr">The link is too long for a QR code. It works all the same.</p>'
    return (
        "<p>Scan the code with the wallet, or open the link on this device.</p>\n"
        f'<div id="qr" role="img" aria-label="QR code with the link of the offer">{svg}</div>'
    )


def _state(credentials: Sequence[Credential], progress: Progress, here: str, state_url: str) -> str:
    steps = "".join(
        f'<li id="step-{name}" data-status="{status}"{" aria-current=" + chr(34) + "step" + chr(34) if status == "now" else ""}>'
        f'<b>{STEPS[name]}</b> <small id="step-{name}-status">{SAYS[status]}</small></li>'
        for name, status in progress.steps
    )
    each = "".join(
        f'<li>{credential}<span id="credential-{i}">{CREDENTIALS[state]}</span></li>'
        for i, (credential, state) in enumerate(zip(credentials, progress.credentials, strict=True))
    )
    return (
        f'<section id="follow" data-from="{escape(state_url)}">\n<h2 id="heading-state" tabindex="-1">What becomes of it</h2>\n'
        f'<p id="state" role="status" aria-live="polite">{escape(progress.text)}</p>\n<ol class="steps">{steps}</ol>\n'
        f'<h2>Credentials</h2>\n<ul id="credentials" class="plain">{each}</ul>\n'
        f'<noscript><p><a id="again" href="{escape(here)}">Look again</a>: without script this page does not change by itself.</p>'
        "</noscript>\n</section>"
    )


def message_page(status: int, text: str, *, home: str, headers: Mapping[str, str] | None = None) -> Response:
    """Why there is no offer."""
    body = f'<p id="problem">{escape(text)}</p>\n<p><a id="home" href="{escape(home)}">Back to the beginning</a></p>'
    return page(status, "No offer", body, headers=headers)
