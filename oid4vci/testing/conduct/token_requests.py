"""The Token Request (OID4VCI 6.1)."""

from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.stage.recorded import AUTHORIZATION, PUSHED, TOKEN

__all__ = ()

FORM = "application/x-www-form-urlencoded"
GRANTS = ("authorization_code", PRE_AUTHORIZED_CODE, "refresh_token")


@CONDUCT("VCI-6.1-01", "RFC6749-3.2", "RFC9126-2.1")
def forms_by_post(conduct: Conduct) -> None:
    """Pushed requests and Token Requests are forms, sent by POST, no parameter twice."""
    for stage, each in conduct.sent(PUSHED, TOKEN):
        if each.request.method != "POST" or each.media_types != [FORM] or not each.form:
            wrong(stage, f"the request to the {each.endpoint} endpoint is not a form that is sent by POST")
        if each.request.query:
            wrong(stage, f"the request to the {each.endpoint} endpoint has parameters in its URL")


@CONDUCT("VCI-3.5-01", "VCI-4.1.1-06", "VCI-4.1.1-21", "VCI-6.1-02", "RFC6749-4.1.3")
def token_grant(conduct: Conduct) -> None:
    """The Token Request is for the grant of the offer, with what that needs."""
    for stage, each in conduct.sent(TOKEN):
        grant = each.form.get("grant_type")
        if grant not in GRANTS:
            wrong(stage, "grant_type is none of those of the offer")
        if grant == PRE_AUTHORIZED_CODE and ("pre-authorized_code" not in each.form or stage.to(AUTHORIZATION)):
            wrong(stage, "the pre-authorized code is missing, or came after an authorization request")
        if grant == "authorization_code":
            wanted = {sent.form.get("redirect_uri") for sent in stage.to(PUSHED, AUTHORIZATION)} - {None}
            if "code" not in each.form or each.form.get("redirect_uri") not in wanted:
                wrong(stage, "the code is missing, or redirect_uri is not that of the authorization request")


@CONDUCT("VCI-4.1.1-23", "VCI-6.1-04", "VCI-6.1-05")
def transaction_code(conduct: Conduct) -> None:
    """There is a `tx_code` exactly if the offer demands one."""
    for stage, each in conduct.sent(TOKEN):
        if each.form.get("grant_type") != "refresh_token" and ("tx_code" in each.form) != (stage.tx_code is not None):
            wrong(stage, "tx_code must be there exactly if the offer demands it")
