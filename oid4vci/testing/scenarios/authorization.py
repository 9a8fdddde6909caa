"""The Authorization Request, and what comes back with the browser (OID4VCI 5, RFC 9126, RFC 9207)."""

from oid4vci.testing.scenarios.alterations import redirected, refused, returned, unknown_members
from oid4vci.testing.scenarios.expectations import completes, denied, follows_nothing, gives_up, stops
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Alteration, Setting
from oid4vci.testing.stage.recorded import AUTHORIZATION, PUSHED, TOKEN

__all__ = ("AUTHORIZATIONS",)

CODE = Setting(grant="authorization_code")


def _wrong(name: str, about: str, alteration: Alteration, *requirements: str) -> Scenario:
    return Scenario(
        name=name,
        about=f"The Authorization Response {about}: the Wallet stops, with no further request.",
        requirements=requirements,
        setting=CODE,
        alterations={AUTHORIZATION: alteration},
        expectation=stops,
    )


def _error(code: str) -> Alteration:
    return returned(code=None, error=code)


AUTHORIZATIONS = (
    Scenario(
        name="authorization-by-details",
        about="The Credential has no scope value, so it is asked for by authorization_details.",
        requirements=("VCI-12.2.4-52", "VCI-5.1.1-02", "VCI-3.3.4-02"),
        setting=Setting(grant="authorization_code", scope=False),
        needs=("authorization_details",),
        expectation=completes,
    ),
    Scenario(
        name="authorization-at-one-of-several-servers",
        about="The Authorization Server is not the issuer itself.",
        requirements=("VCI-5.1.1-09", "VCI-5.1.2-10", "VCI-4.1.1-16"),
        setting=Setting(grant="authorization_code", servers="several"),
        expectation=completes,
    ),
    Scenario(
        name="details-for-one-of-several-servers",
        about="The Authorization Server is not the issuer itself, and the Credential has no scope value.",
        requirements=("VCI-5.1.1-09", "VCI-12.2.4-52"),
        setting=Setting(grant="authorization_code", servers="several", scope=False),
        needs=("authorization_details",),
        expectation=completes,
    ),
    Scenario(
        name="authorization-response-with-unknown-parameters",
        about="The answers to the pushed request and to the browser have parameters that nobody knows: they are ignored.",
        requirements=("RFC6749-4.1.2",),
        setting=CODE,
        alterations={PUSHED: unknown_members(), AUTHORIZATION: returned(x_unknown="1", session_state="2")},
        expectation=completes,
    ),
    _wrong("iss-wrong", "has the iss of another server", returned(iss="https://other.example"), "HAIP-4-07", "RFC9207-2.4"),
    _wrong(
        "iss-with-slash", "has an iss with one more slash", returned(iss=lambda stage: f"{stage.identifier}/"), "RFC9207-2.4"
    ),
    _wrong(
        "iss-missing", "has no iss, though the server says that it sends it", returned(iss=None), "HAIP-4-07", "RFC9207-2.4"
    ),
    _wrong("state-wrong", "has another state", returned(state="another"), "RFC6749-10.12", "VCI-5-01"),
    _wrong("state-missing", "has no state", returned(state=None), "RFC6749-10.12", "VCI-5-01"),
    _wrong("code-missing", "has neither a code nor an error", returned(code=None), "RFC6749-4.1.2"),
    _wrong("authorization-error", "is an error", _error("server_error"), "RFC6749-4.1.2.1"),
    _wrong("authorization-error-and-code", "has an error beside the code", returned(error="access_denied"), "RFC6749-4.1.2.1"),
    Scenario(
        name="authorization-denied",
        about="The End-User says no: the Wallet stops.",
        requirements=("RFC6749-4.1.2.1",),
        setting=Setting(grant="authorization_code", refuses=True),
        expectation=denied,
    ),
    Scenario(
        name="pushed-request-refused",
        about="The pushed request is refused: it does not go through the browser instead.",
        requirements=("RFC9126-2.3", "HAIP-4-06"),
        setting=CODE,
        alterations={PUSHED: refused("invalid_request")},
        needs=("pushed requests",),
        expectation=stops,
    ),
    Scenario(
        name="pushed-request-refused-for-good",
        about="Every pushed request is refused: the Wallet does not try it again and again.",
        requirements=("RFC9126-2.3",),
        setting=CODE,
        alterations={PUSHED: refused("invalid_request")},
        needs=("pushed requests",),
        expectation=gives_up(PUSHED, TOKEN),
    ),
    Scenario(
        name="pushed-request-redirected",
        about="The endpoint for pushed requests answers with a redirect: the Wallet does not follow it.",
        requirements=("RFC9126-2.2",),
        setting=CODE,
        alterations={PUSHED: redirected()},
        needs=("pushed requests",),
        expectation=follows_nothing,
    ),
)
