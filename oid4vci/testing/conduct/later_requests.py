"""Polling for Credentials that come later, and notifications (OID4VCI 9, 11)."""

import re
from typing import Any, Final

from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.conduct.encrypted_messages import sent_as_it_is
from oid4vci.testing.report import CheckFailed, CheckSkipped, CheckWarned
from oid4vci.testing.stage import Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, DEFERRED, NOTIFICATION

__all__ = ()

EVENTS: Final = ("credential_accepted", "credential_failure", "credential_deleted")
_DESCRIPTION: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


@CONDUCT("VCI-9.1-01", "VCI-9.1-11")
def deferred_request(conduct: Conduct) -> None:
    """It is a JSON object, or that as a JWT, sent by POST with the media type of what it is."""
    for stage, each in conduct.sent(DEFERRED):
        sent_as_it_is(stage, each)


@CONDUCT("VCI-9.1-03")
def deferred_request_members(conduct: Conduct) -> None:
    """It has the `transaction_id` that came, and nothing that is not defined."""
    for stage, each in conduct.sent(DEFERRED):
        given = [answer.get("transaction_id") for answer in _plain_answers(stage)]
        if not isinstance(each.members.get("transaction_id"), str):
            wrong(stage, "transaction_id is missing")
        if any(given) and each.members["transaction_id"] not in given:
            wrong(stage, "transaction_id is not one that the issuer gave")
        if unknown := each.members.keys() - {"transaction_id", "credential_response_encryption"}:
            raise CheckWarned(f"in {stage.name}: the request has {', '.join(sorted(unknown))}")


def _plain_answers(stage: Stage) -> list[Any]:
    return [each.answer for each in stage.to(CREDENTIAL, DEFERRED)]


@CONDUCT("VCI-8.3-20")
def deferred_interval(conduct: Conduct) -> None:
    """The Wallet does not come again before `interval` seconds are over, whether or not that was said in secret."""
    for stage, _ in conduct.sent(DEFERRED):
        waits_since: int | None = None
        for each in stage.to(CREDENTIAL, DEFERRED):
            if each.endpoint == DEFERRED and waits_since is not None and each.at - waits_since < stage.setting.interval:
                wrong(stage, f"the wallet came after {each.at - waits_since} seconds, not {stage.setting.interval}")
            if each.unaltered.status == 202:
                waits_since = each.at


@CONDUCT("VCI-11.1-01", "VCI-11.1-03", "VCI-11.1-04", "VCI-11.1-05", "VCI-8.3-23")
def notification_request(conduct: Conduct) -> None:
    """It is a JSON object, sent by POST, with the `notification_id` that came and an `event` that is defined."""
    for stage, each in conduct.sent(NOTIFICATION):
        given = [answer.get("notification_id") for answer in _plain_answers(stage)]
        if each.request.method != "POST" or each.media_types != ["application/json"]:
            wrong(stage, "the notification is not a JSON object that is sent by POST as application/json")
        if any(given) and each.members.get("notification_id") not in given:
            wrong(stage, "notification_id is not one that the issuer gave")
        if each.members.get("event") not in EVENTS:
            wrong(stage, "event is none that is defined")


@CONDUCT("VCI-11.1-10", "VCI-11.1-11", "VCI-11.1-12")
def notification_members(conduct: Conduct) -> None:
    """It has nothing that is not defined, and a description in ASCII, if any."""
    for stage, each in conduct.sent(NOTIFICATION):
        description = each.members.get("event_description", "")
        if not isinstance(description, str) or not _DESCRIPTION.fullmatch(description):
            wrong(stage, "event_description has characters that are not allowed")
        if unknown := each.members.keys() - {"notification_id", "event", "event_description"}:
            raise CheckWarned(f"in {stage.name}: the notification has {', '.join(sorted(unknown))}")


@CONDUCT("VCI-11.1-06", "VCI-11.1-08")
def notification_agrees(conduct: Conduct) -> None:
    """What the Wallet notifies of is what it says has become of the offer."""
    looked = False
    for stage in conduct.stages:
        if stage.outcome is None or not stage.events:
            continue
        looked = True
        if (stage.events[-1] == "credential_accepted") != (stage.outcome == "issued"):
            raise CheckFailed(f"in {stage.name}: the wallet says {stage.outcome}, and notified of {stage.events[-1]}")
    if not looked:
        raise CheckSkipped("the wallet does not notify, or does not say what has become of an offer")
