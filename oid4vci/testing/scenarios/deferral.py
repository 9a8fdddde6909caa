"""Credentials that come later, and what becomes of them (OID4VCI 9, 11)."""

from oid4vci.http import Response
from oid4vci.testing.report import CheckFailed, CheckSkipped
from oid4vci.testing.scenarios.alterations import instead, redirected, refused, unknown_members
from oid4vci.testing.scenarios.expectations import completes, follows_nothing, gives_up
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting, Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, DEFERRED, NOTIFICATION

__all__ = ("DEFERRALS",)

NEEDS = ("deferral",)
ONCE = Setting(deferrals=1)


def _notified(stage: Stage) -> str:
    """The Credentials are kept, and the issuer is told so a few times at most."""
    count = len(stage.to(NOTIFICATION))
    if not count:
        raise CheckSkipped("the wallet does not notify")
    if count > 5:
        raise CheckFailed(f"the wallet sent {count} notifications")
    if stage.outcome == "failed":
        raise CheckFailed("the wallet says that it failed, because it could not notify")
    return f"{count} notifications"


DEFERRALS = (
    Scenario(
        name="deferred-once",
        about="The Credentials come when the Wallet asks for the first time.",
        requirements=("VCI-8.3-04", "VCI-9.1-01"),
        setting=ONCE,
        needs=NEEDS,
        expectation=completes,
    ),
    Scenario(
        name="deferred-thrice",
        about="The Credentials come when the Wallet asks for the third time.",
        requirements=("VCI-8.3-20", "VCI-9.1-03"),
        setting=Setting(deferrals=3),
        needs=NEEDS,
        expectation=completes,
    ),
    Scenario(
        name="deferred-with-unknown-members",
        about="The answers have members that nobody has defined: they are ignored.",
        requirements=("VCI-8.3-26", "VCI-9.2-08"),
        setting=Setting(deferrals=2),
        alterations={CREDENTIAL: unknown_members(), DEFERRED: unknown_members("credentials")},
        needs=NEEDS,
        expectation=completes,
    ),
    *(
        Scenario(
            name=name,
            about=f"The Deferred Credential Endpoint answers {error}: the Wallet does not ask again.",
            requirements=(requirement,),
            setting=ONCE,
            alterations={DEFERRED: refused(error)},
            needs=NEEDS,
            expectation=gives_up(DEFERRED),
        )
        for name, error, requirement in (
            ("deferred-and-denied", "credential_request_denied", "VCI-9.3-04"),
            ("deferred-and-forgotten", "invalid_transaction_id", "VCI-9.3-01"),
        )
    ),
    Scenario(
        name="deferred-endpoint-redirected",
        about="The Deferred Credential Endpoint answers with a redirect: the Wallet does not send its token elsewhere.",
        requirements=("VCI-9.1-01",),
        setting=ONCE,
        alterations={DEFERRED: redirected()},
        needs=NEEDS,
        expectation=follows_nothing,
    ),
    Scenario(
        name="notification-endpoint-down",
        about="The Notification Endpoint always answers 500: that changes nothing about the Credentials.",
        requirements=("VCI-11.1-02",),
        alterations={NOTIFICATION: instead(Response(500))},
        expectation=_notified,
    ),
)
