"""The Token Response: what may be in it, and what is no token (OID4VCI 6, RFC 6749 5)."""

from typing import Any

from oid4vci.http import Response
from oid4vci.testing.scenarios.alterations import (
    huge,
    instead,
    more,
    redirected,
    refused,
    unknown_members,
    with_members,
    with_text,
)
from oid4vci.testing.scenarios.expectations import advised, completes, follows_nothing, gives_up, stops
from oid4vci.testing.scenarios.scenario import Expectation, Scenario
from oid4vci.testing.stage import Alteration, Setting, Stage
from oid4vci.testing.stage.recorded import TOKEN

__all__ = ("TOKENS",)


def _other_case(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
    """`DPoP` is the same as `dpOp`."""
    return {**members, "token_type": members["token_type"].swapcase()}


def _taken(name: str, about: str, alteration: Alteration, *requirements: str, **settings: Any) -> Scenario:
    return Scenario(
        name=name,
        about=about,
        requirements=requirements,
        alterations={TOKEN: alteration},
        expectation=completes,
        **settings,
    )


def _useless(name: str, about: str, alteration: Alteration, expectation: Expectation = stops) -> Scenario:
    return Scenario(
        name=name,
        about=f"The Token Response {about}: the Wallet stops.",
        requirements=("RFC6749-5.1",),
        alterations={TOKEN: alteration},
        expectation=expectation,
    )


TOKENS = (
    Scenario(
        name="token-for-anybody",
        about="The code may be redeemed by who does not say its name: if the Wallet does not, nor do its proofs.",
        requirements=("VCI-6.1-08", "VCI-6.1-09", "VCI-F.1-16"),
        setting=Setting(grant="pre-authorized_code", anonymous=True),
        haip=False,
        expectation=completes,
    ),
    Scenario(
        name="token-with-identifiers",
        about="The Token Response names credential identifiers: Credentials are asked for by them.",
        requirements=("VCI-6.2-08", "VCI-8.2-03", "VCI-8.2-07"),
        setting=Setting(identifiers=True),
        needs=("authorization_details",),
        expectation=completes,
    ),
    _taken(
        "token-type-in-another-case", "token_type is in another letter case.", more(_other_case), "RFC6749-5.1", "RFC9449-5"
    ),
    _taken("token-without-expiry", "expires_in is missing.", with_members(expires_in=None), "RFC6749-5.1"),
    _taken(
        "token-with-unknown-members",
        "The Token Response has members that nobody has defined: they are ignored.",
        unknown_members("authorization_details"),
        "VCI-6.2-10",
        "VCI-6.2-12",
        setting=Setting(identifiers=True),
        needs=("authorization_details",),
    ),
    _taken(
        "token-with-nonce",
        "The Token Response has a c_nonce, as in drafts: nonces come from the Nonce Endpoint.",
        with_members(c_nonce="of-a-draft", c_nonce_expires_in=86_400),
        "VCI-8.2-23",
    ),
    _useless("token-missing", "has no access_token", with_members(access_token=None)),
    _useless("token-type-missing", "has no token_type", with_members(token_type=None)),
    _useless("token-type-unknown", "has a token_type that nobody knows", with_members(token_type="unheard-of")),  # noqa: S106
    _useless("token-not-json", "is cut off", with_text(lambda stage, text: text[:-5])),
    _useless("token-huge", "has many megabytes", huge(), advised(stops)),
    Scenario(
        name="token-refused",
        about="The code is said to be used up: the Wallet does not try it again and again.",
        requirements=("VCI-6.3-05", "RFC6749-5.2"),
        alterations={TOKEN: refused("invalid_grant")},
        expectation=gives_up(TOKEN),
    ),
    Scenario(
        name="token-endpoint-down",
        about="The Token Endpoint always answers 503: the Wallet does not try again and again.",
        requirements=("RFC6749-5.2",),
        alterations={TOKEN: instead(Response(503, {"retry-after": "60"}))},
        expectation=gives_up(TOKEN, at_most=5),
    ),
    Scenario(
        name="token-endpoint-redirected",
        about="The Token Endpoint answers with a redirect: the Wallet does not send its code elsewhere.",
        requirements=("RFC9700-4.12",),
        alterations={TOKEN: redirected()},
        expectation=follows_nothing,
    ),
)
