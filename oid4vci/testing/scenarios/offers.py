"""Offers: how they come, what they need, and those that are not to be followed (OID4VCI 4)."""

from typing import Any
from urllib.parse import parse_qsl, quote

from oid4vci import _json
from oid4vci.http import Response
from oid4vci.testing.report import CheckFailed, CheckSkipped
from oid4vci.testing.scenarios.alterations import UNKNOWN, altered, huge, redirected
from oid4vci.testing.scenarios.expectations import advised, asks_for_nothing, asks_nothing, completes, follows_nothing, stops
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting, Stage
from oid4vci.testing.stage.recorded import OFFER, TOKEN
from oid4vci.testing.stage.setting import Grant

__all__ = ("OFFERS",)

CODE: Grant = "authorization_code"
OFFERED: Grant = "pre-authorized_code"


def _rewritten(change: Any) -> Any:
    """The offer by value, with what `change` makes of it."""

    def offer(stage: Stage, uri: str) -> str:
        document = _json.loads(dict(parse_qsl(uri.partition("?")[2]))["credential_offer"])
        return f"{uri.partition('?')[0]}?credential_offer={quote(_json.dumps(change(stage, document)))}"

    return offer


def _unknown(stage: Stage, document: dict[str, Any]) -> dict[str, Any]:
    grants = {name: {**grant, **UNKNOWN} for name, grant in document["grants"].items()}
    return {**document, **UNKNOWN, "grants": {"urn:example:unheard-of": {"x": 1}, **grants}}


def _of_configuration(name: str) -> Any:
    return _rewritten(lambda stage, document: {**document, "credential_configuration_ids": [name]})


def _stranger(stage: Stage, document: dict[str, Any]) -> dict[str, Any]:
    grants = {name: {**grant, "authorization_server": f"{stage.base}/stranger"} for name, grant in document["grants"].items()}
    return {**document, "grants": grants}


def _plain_reference(stage: Stage, uri: str) -> str:
    return uri.replace("https%3A%2F%2F", "http%3A%2F%2F").replace("https://", "http://")


def _tx_code(stage: Stage) -> str:
    """The Transaction Code arrives as the person entered it."""
    completed, sent = completes(stage), [each.form.get("tx_code") for each in stage.to(TOKEN)]
    if any(code != stage.tx_code for code in sent):
        raise CheckFailed("tx_code is not the code that was entered, character by character")
    return completed


def _waits_for_tx_code(stage: Stage) -> str:
    """Another one is asked of the person, and none is tried out."""
    sent = [each.form.get("tx_code") for each in stage.to(TOKEN) if each.answer.get("error") != "use_dpop_nonce"]
    if not sent:
        raise CheckSkipped("the wallet did not come so far")
    if len(sent) > 3:
        raise CheckFailed(f"the wallet tried the transaction code {len(sent)} times")
    if stage.outcome == "issued":
        raise CheckFailed("the wallet says that credentials were issued")
    return f"{len(sent)} attempts"


OFFERS = (
    Scenario(
        name="offer-by-value",
        about="The issuer offers a Credential with a pre-authorized code, by value.",
        requirements=("VCI-4.1.2-01", "VCI-4.1.1-02", "VCI-4.1.1-21", "VCI-3.5-01", "VCI-6.1-02"),
        setting=Setting(grant=OFFERED),
        expectation=completes,
    ),
    Scenario(
        name="offer-by-reference",
        about="The offer is to be fetched.",
        requirements=("VCI-4.1.3-01", "VCI-4.1-02"),
        setting=Setting(by_reference=True),
        needs=("by reference",),
        expectation=completes,
    ),
    Scenario(
        name="offer-with-authorization-code",
        about="The offer has the authorization code grant, with an issuer_state.",
        requirements=("VCI-4.1.1-11", "VCI-4.1.1-13", "HAIP-4.2-01"),
        setting=Setting(grant=CODE),
        expectation=completes,
    ),
    Scenario(
        name="offer-without-grants",
        about="The offer names no grants: those of the Authorization Server's metadata can be used.",
        requirements=("VCI-4.1.1-07",),
        setting=Setting(grant=CODE, offer_grants=False),
        expectation=completes,
    ),
    Scenario(
        name="offer-with-transaction-code",
        about="The offer demands a Transaction Code, which begins with zeros.",
        requirements=("VCI-4.1.1-23", "VCI-4.1.1-25", "VCI-6.1-04", "VCI-6.1-06"),
        setting=Setting(grant=OFFERED, tx_code=True),
        needs=("tx_code",),
        expectation=_tx_code,
    ),
    Scenario(
        name="transaction-code-refused",
        about="The Transaction Code is said to be wrong: the Wallet tries no others by itself.",
        requirements=("VCI-6.3-04",),
        setting=Setting(grant=OFFERED, tx_code=True),
        alterations={TOKEN: altered(lambda *_: Response.of_json(400, {"error": "invalid_grant"}))},
        needs=("tx_code",),
        expectation=_waits_for_tx_code,
    ),
    Scenario(
        name="offer-with-unknown-members",
        about="The offer has members and a grant that nobody has defined: they are ignored.",
        requirements=("VCI-4.1.1-10",),
        offer=_rewritten(_unknown),
        expectation=completes,
    ),
    Scenario(
        name="offer-of-unknown-configuration",
        about="The offer names a configuration that is not in the metadata: the Wallet stops.",
        requirements=("VCI-4.1.1-04",),
        offer=_of_configuration("nobody-knows-it"),
        expectation=asks_for_nothing,
    ),
    Scenario(
        name="offer-of-strange-server",
        about="The offer's authorization_server is none of those in the metadata: the Wallet stops.",
        requirements=("VCI-4.1.1-16", "VCI-4.1.1-36", "VCI-12.2.4-08"),
        setting=Setting(servers="several"),
        offer=_rewritten(_stranger),
        expectation=asks_for_nothing,
    ),
    Scenario(
        name="offer-fetched-without-tls",
        about="The offer's reference has the scheme http: the Wallet does not fetch it.",
        requirements=("VCI-4.1-06",),
        setting=Setting(by_reference=True),
        offer=_plain_reference,
        needs=("by reference",),
        expectation=asks_nothing,
    ),
    Scenario(
        name="offer-both-ways",
        about="The offer comes by value and by reference at once: the Wallet refuses it.",
        requirements=("VCI-4.1-03", "VCI-4.1-04", "VCI-4.1-05"),
        offer=lambda stage, uri: f"{uri}&credential_offer_uri={quote(stage.base + '/credential-offer/1', safe='')}",
        expectation=asks_nothing,
    ),
    Scenario(
        name="offer-redirected",
        about="The offer's reference answers with a redirect: the Wallet does not follow it.",
        requirements=("VCI-4.1.3-01", "VCI-13.5-01"),
        setting=Setting(by_reference=True),
        alterations={OFFER: redirected(302)},
        needs=("by reference",),
        expectation=follows_nothing,
    ),
    Scenario(
        name="offer-of-another-media-type",
        about="The offer's reference answers with text/plain: the Wallet does not take it for an offer.",
        requirements=("VCI-4.1.3-04",),
        setting=Setting(by_reference=True),
        alterations={
            OFFER: altered(lambda _, __, response: Response(200, {"content-type": "text/plain"}, response.body)),
        },
        needs=("by reference",),
        expectation=stops,
    ),
    Scenario(
        name="offer-huge",
        about="The offer's reference answers with many megabytes: the Wallet should read no such thing.",
        requirements=("VCI-13.5-01",),
        setting=Setting(by_reference=True),
        alterations={OFFER: huge()},
        needs=("by reference",),
        expectation=advised(stops),
    ),
)
