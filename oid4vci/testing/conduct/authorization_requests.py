"""The Authorization Request (OID4VCI 5.1, RFC 9126, RFC 7636)."""

import re
from contextlib import suppress
from typing import Any, Final

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.oauth.pkce import code_challenge
from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong, wrong_by_haip
from oid4vci.testing.report import CheckSkipped, CheckWarned
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.good_issuer import CONFIGURATION
from oid4vci.testing.stage.recorded import AUTHORIZATION, PUSHED, TOKEN

__all__ = ("requested", "requests")

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
MAX_STATE: Final = 128


def requests(conduct: Conduct) -> list[tuple[Stage, Recorded]]:
    """The requests that say what is asked for, pushed or not. Raises `CheckSkipped`."""
    return [
        (stage, each)
        for stage, each in conduct.sent(PUSHED, AUTHORIZATION)
        if each.endpoint == PUSHED or "request_uri" not in each.form
    ]


def requested(each: Recorded) -> list[Any]:
    """The `authorization_details` of a request, as far as they are an array."""
    with suppress(Malformed):
        found = _json.loads(each.form.get("authorization_details", "[]"))
        return found if isinstance(found, list) else []
    return []


def _scopes(each: Recorded) -> list[str]:
    return each.form.get("scope", "").split(" ")


@CONDUCT("VCI-5-03", "HAIP-4-06")
def pushed_requests(conduct: Conduct) -> None:
    """The Authorization Request is pushed, since the server takes pushed ones."""
    if "pushed requests" not in conduct.wallet.features:
        raise CheckSkipped("the wallet does not push requests")
    for stage, each in conduct.sent(AUTHORIZATION):
        if "request_uri" not in each.form:
            wrong_by_haip(conduct, stage, "the browser came with a request that was not pushed")


@CONDUCT("RFC9126-4", "HAIP-4-06")
def authorization_url(conduct: Conduct) -> None:
    """The URL for the browser has `client_id` and `request_uri`, and nothing else."""
    for stage, each in conduct.sent(AUTHORIZATION):
        if "request_uri" in each.form and each.form.keys() != {"client_id", "request_uri"}:
            wrong(stage, f"the URL for the browser has {', '.join(sorted(each.form))}")


@CONDUCT("VCI-5.1-01")
def response_type(conduct: Conduct) -> None:
    """`response_type` is `code`, and there is a `redirect_uri`."""
    for stage, each in requests(conduct):
        if each.form.get("response_type") != "code" or not each.form.get("redirect_uri"):
            wrong(stage, "response_type=code and redirect_uri were expected")


@CONDUCT("VCI-5-02", "HAIP-4-05")
def pkce(conduct: Conduct) -> None:
    """There is a `code_challenge`, by S256."""
    for stage, each in requests(conduct):
        if each.form.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(each.form.get("code_challenge", "")):
            wrong(stage, "a code_challenge by S256 was expected")


@CONDUCT("VCI-5-02", "RFC7636-4.5")
def pkce_verifier(conduct: Conduct) -> None:
    """The Token Request has the verifier of the challenge."""
    for stage, each in conduct.sent(TOKEN):
        if each.form.get("grant_type") != "authorization_code":
            continue
        verifier = each.form.get("code_verifier", "")
        challenges = {sent.form.get("code_challenge") for sent in stage.to(PUSHED, AUTHORIZATION)} - {None}
        if not _VERIFIER.fullmatch(verifier) or code_challenge(verifier) not in challenges:
            wrong(stage, "code_verifier is not the verifier of the code_challenge that was sent")


@CONDUCT("RFC7636-4.1", "RFC9700-2.1.1")
def pkce_fresh(conduct: Conduct) -> None:
    """Each Authorization Request has a verifier of its own."""
    _fresh(conduct, "code_challenge")


@CONDUCT("RFC6749-10.12", "VCI-5-01")
def state(conduct: Conduct) -> None:
    """Each Authorization Request has a `state` of its own, that nobody can guess, of at most 128 characters."""
    for stage, each in requests(conduct):
        length = len(each.form.get("state", ""))
        if not 8 <= length <= MAX_STATE:
            wrong(stage, f"state has {length} characters, 8 to {MAX_STATE} were expected")
    _fresh(conduct, "state")


def _fresh(conduct: Conduct, name: str) -> None:
    seen: dict[str, Stage] = {}
    for stage, each in requests(conduct):
        value = each.form.get(name)
        # The same request is pushed once more where a nonce for DPoP was missing.
        if value is not None and seen.setdefault(value, stage) is not stage:
            wrong(stage, f"{name} was used before, in {seen[value].name}")


@CONDUCT("VCI-4.1.1-13")
def issuer_state(conduct: Conduct) -> None:
    """`issuer_state` is that of the offer, unchanged; without one in the offer there is none."""
    for stage, each in requests(conduct):
        if each.form.get("issuer_state") != stage.issuer_state:
            wrong(stage, "issuer_state is not that of the offer")


@CONDUCT("VCI-5.1-02", "VCI-5.1.1-04", "VCI-5.1.1-05", "HAIP-4.2-03", "HAIP-4.3-02")
def asked_for(conduct: Conduct) -> None:
    """The Credential is asked for by its scope value, or by `authorization_details` of the type `openid_credential`."""
    for stage, each in requests(conduct):
        by_scope = stage.setting.scope and CONFIGURATION in _scopes(each)
        details = [one for one in requested(each) if isinstance(one, dict) and one.get("type") == "openid_credential"]
        if not by_scope and not any(one.get("credential_configuration_id") == CONFIGURATION for one in details):
            wrong(stage, "the request names the credential neither by scope nor by authorization_details")


@CONDUCT("VCI-5.1.2-02")
def no_openid_scope(conduct: Conduct) -> None:
    """`openid` is not among the scope values: this is no login."""
    for stage, each in conduct.sent(PUSHED, AUTHORIZATION, TOKEN):
        if "openid" in _scopes(each):
            wrong(stage, "scope has openid")


@CONDUCT("VCI-5.1.1-09", "VCI-6.1-10")
def locations(conduct: Conduct) -> None:
    """With `authorization_servers` in the metadata, `authorization_details` have the issuer in `locations`."""
    looked = False
    for stage, each in conduct.sent(PUSHED, AUTHORIZATION, TOKEN):
        for one in requested(each) if stage.setting.servers == "several" else ():
            looked = True
            if not isinstance(one, dict) or one.get("locations") != [stage.identifier]:
                wrong(stage, "locations in authorization_details is not the identifier of the issuer")
    if not looked:
        raise CheckSkipped("the wallet asked no server that is not the issuer by authorization_details")


@CONDUCT("VCI-5.1.2-10")
def resource(conduct: Conduct) -> None:
    """With `authorization_servers` in the metadata, a request by scope has the issuer as `resource`."""
    looked = False
    for stage, each in requests(conduct):
        if stage.setting.servers == "several" and CONFIGURATION in _scopes(each):
            looked = True
            if each.form.get("resource") != stage.identifier:
                raise CheckWarned(f"in {stage.name}: resource is not the identifier of the issuer")
    if not looked:
        raise CheckSkipped("the wallet asked no server that is not the issuer by scope")
