"""Nonces: the issuer's for proofs, and those of the servers for DPoP (OID4VCI 7, RFC 9449 8, 9)."""

from oid4vci.http import Response
from oid4vci.testing.scenarios.alterations import and_also, first, instead, new_nonce, redirected, refused, with_members
from oid4vci.testing.scenarios.expectations import advised, completes, follows_nothing, gives_up, stops
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting
from oid4vci.testing.stage.recorded import CREDENTIAL, DEFERRED, NONCE, NOTIFICATION, PUSHED, TOKEN

__all__ = ("NONCES",)

_CHALLENGE = {"www-authenticate": 'DPoP error="use_dpop_nonce", algs="ES256"'}

NONCES = (
    Scenario(
        name="nonce-rejected-once",
        about="The issuer rejects a c_nonce once: the Wallet gets another one, and makes its proofs anew.",
        requirements=("VCI-8.3.1.2-11",),
        alterations={CREDENTIAL: first(1, refused("invalid_nonce"))},
        expectation=advised(completes),
    ),
    Scenario(
        name="nonce-rejected-for-good",
        about="The issuer rejects every c_nonce: the Wallet does not try again and again.",
        requirements=("VCI-8.3.1.2-11",),
        alterations={CREDENTIAL: refused("invalid_nonce")},
        expectation=gives_up(CREDENTIAL, NONCE, at_most=5),
    ),
    Scenario(
        name="no-nonce-endpoint",
        about="The issuer has no Nonce Endpoint: proofs have no nonce.",
        requirements=("VCI-8.2-21", "VCI-F.1-20"),
        setting=Setting(c_nonces=False),
        haip=False,
        expectation=completes,
    ),
    *(
        Scenario(
            name=name,
            about=f"The Nonce Endpoint {about}: nothing goes to the Credential Endpoint without a nonce.",
            requirements=("VCI-7.2-02", "VCI-8.2-21"),
            alterations={NONCE: alteration},
            expectation=stops,
        )
        for name, about, alteration in (
            ("nonce-endpoint-down", "answers 500", instead(Response(500))),
            ("nonce-missing", "gives no c_nonce", with_members(c_nonce=None)),
            ("nonce-empty", "gives an empty c_nonce", with_members(c_nonce="")),
            ("nonce-no-string", "gives a number", with_members(c_nonce=4711)),
        )
    ),
    Scenario(
        name="nonce-endpoint-redirected",
        about="The Nonce Endpoint answers with a redirect: the Wallet does not follow it.",
        requirements=("VCI-7.1-01",),
        alterations={NONCE: redirected()},
        expectation=follows_nothing,
    ),
    Scenario(
        name="dpop-nonces-rotate",
        about="Every answer has another nonce for DPoP: the next proof has the latest.",
        requirements=("RFC9449-8.2", "HAIP-4-09", "VCI-7.2-07"),
        setting=Setting(deferrals=1),
        alterations=dict.fromkeys((PUSHED, TOKEN, NONCE, CREDENTIAL, DEFERRED, NOTIFICATION), new_nonce),
        needs=("dpop", "deferral"),
        expectation=completes,
    ),
    Scenario(
        name="dpop-without-nonces",
        about="The servers want no nonces in DPoP proofs: there are none.",
        requirements=("RFC9449-4.2",),
        setting=Setting(dpop="on"),
        needs=("dpop",),
        expectation=completes,
    ),
    Scenario(
        name="dpop-nonce-for-good-at-token",
        about="The Token Endpoint wants another nonce for DPoP each time: the Wallet does not try again and again.",
        requirements=("RFC9449-8",),
        alterations={TOKEN: and_also(refused("use_dpop_nonce"), new_nonce)},
        needs=("dpop",),
        expectation=gives_up(TOKEN, at_most=5),
    ),
    Scenario(
        name="dpop-nonce-for-good-at-credential",
        about="The Credential Endpoint wants another nonce for DPoP each time: the Wallet does not try again and again.",
        requirements=("RFC9449-9",),
        alterations={CREDENTIAL: and_also(refused("use_dpop_nonce", status=401, headers=_CHALLENGE), new_nonce)},
        needs=("dpop",),
        expectation=gives_up(CREDENTIAL, at_most=5),
    ),
)
