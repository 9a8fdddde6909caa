"""Encrypted requests, and the keys for answers (OID4VCI 8.2, 9.1, 10)."""

from collections.abc import Iterator, Mapping
from typing import Any

from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.report import CheckSkipped, CheckWarned
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, DEFERRED

__all__ = ("sent_as_it_is",)

PRIVATE = frozenset(("d", "p", "q", "k"))


def sent_as_it_is(stage: Stage, each: Recorded) -> None:
    """Raise `CheckFailed` unless it was sent by POST, with the media type of JSON or, if it is encrypted, of a JWT."""
    expected = "application/jwt" if each.request.body[:3] == b"eyJ" else "application/json"
    if each.request.method != "POST" or each.media_types != [expected]:
        wrong(stage, f"the request is not a JSON object that is sent by POST as {expected}")


def _requests(conduct: Conduct, *demanded: str) -> Iterator[tuple[Stage, Recorded]]:
    """The requests in settings in which that must be encrypted. Raises `CheckSkipped`."""
    found = [each for each in conduct.sent(CREDENTIAL, DEFERRED) if each[0].setting.encryption in demanded]
    if not found:
        raise CheckSkipped("nothing was sent that must be encrypted")
    yield from found


def _asked(conduct: Conduct) -> Iterator[tuple[Stage, Recorded, Mapping[str, Any]]]:
    """The requests that ask for encrypted answers. Raises `CheckSkipped`."""
    found = [(stage, each) for stage, each in conduct.sent(CREDENTIAL, DEFERRED) if _ENCRYPTION in each.members]
    if not found:
        raise CheckSkipped("no request asks for an encrypted answer")
    for stage, each in found:
        asked = each.members[_ENCRYPTION]
        yield stage, each, asked if isinstance(asked, Mapping) else {}


_ENCRYPTION = "credential_response_encryption"


@CONDUCT("VCI-8.2-28", "VCI-8.2-29", "VCI-9.1-09", "VCI-9.1-10", "VCI-10-01", "VCI-10-05", "VCI-10-06")
def requests_encrypted(conduct: Conduct) -> None:
    """Where requests must be encrypted they are, to a key of the issuer, so that it can read them."""
    for stage, each in _requests(conduct, "requests", "responses"):
        if not each.encrypted or not each.members:
            wrong(stage, f"the request to the {each.endpoint} endpoint is not encrypted to a key of the issuer")


@CONDUCT("VCI-8.2-33", "VCI-9.1-13", "VCI-12.2.4-34")
def answers_asked_encrypted(conduct: Conduct) -> None:
    """Where answers must be encrypted, `credential_response_encryption` asks for it."""
    for stage, each in _requests(conduct, "responses"):
        if _ENCRYPTION not in each.members:
            wrong(stage, f"the request to the {each.endpoint} endpoint has no credential_response_encryption")


@CONDUCT("VCI-8.2-34", "VCI-9.1-15")
def asked_in_secret(conduct: Conduct) -> None:
    """A request that asks for an encrypted answer is encrypted itself."""
    for stage, each, _ in _asked(conduct):
        if not each.encrypted:
            wrong(stage, "credential_response_encryption was sent in the clear")


@CONDUCT("VCI-8.2-16", "VCI-8.2-17", "VCI-10-04")
def answer_key(conduct: Conduct) -> None:
    """The key for an answer is a public one with its `alg`, and there is an `enc` that the issuer has."""
    for stage, _, asked in _asked(conduct):
        jwk, response = asked.get("jwk"), stage.metadata.credential_response_encryption
        if not isinstance(jwk, Mapping) or PRIVATE & jwk.keys():
            wrong(stage, "jwk in credential_response_encryption is not a public key")
        if response is not None and jwk.get("alg") not in response.alg_values_supported:
            wrong(stage, "jwk in credential_response_encryption has no alg that the issuer has")
        if response is not None and asked.get("enc") not in response.enc_values_supported:
            wrong(stage, "enc in credential_response_encryption is none that the issuer has")


@CONDUCT("VCI-10-04")
def answer_key_fresh(conduct: Conduct) -> None:
    """Each answer has a key of its own."""
    seen: dict[str, Recorded] = {}
    for stage, each, asked in _asked(conduct):
        key = str(asked.get("jwk"))
        # What was refused, for want of a nonce perhaps, is sent once more as it is.
        if key in seen and seen[key].succeeded:
            raise CheckWarned(f"in {stage.name}: a key for answers was used before")
        seen[key] = each
