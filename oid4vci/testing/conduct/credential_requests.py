"""The Credential Request (OID4VCI 8.2)."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.conduct.encrypted_messages import sent_as_it_is
from oid4vci.testing.conduct.key_proofs import proved_keys
from oid4vci.testing.report import CheckWarned
from oid4vci.testing.stage import Stage
from oid4vci.testing.stage.good_issuer import CONFIGURATION
from oid4vci.testing.stage.recorded import CREDENTIAL, TOKEN, claims_of, jws_of

__all__ = ()

DEFINED: Final = frozenset(("credential_identifier", "credential_configuration_id", "proofs", "credential_response_encryption"))


@CONDUCT("VCI-8.2-01", "VCI-8.2-30", "VCI-10-02")
def credential_request(conduct: Conduct) -> None:
    """It is a JSON object, or that as a JWT, sent by POST with the media type of what it is."""
    for stage, each in conduct.sent(CREDENTIAL):
        sent_as_it_is(stage, each)
        if not each.members:
            wrong(stage, "the request is not a JSON object")


@CONDUCT("VCI-8.2-24")
def credential_request_members(conduct: Conduct) -> None:
    """It has no members but those that are defined."""
    for stage, each in conduct.sent(CREDENTIAL):
        if unknown := each.members.keys() - DEFINED:
            raise CheckWarned(f"in {stage.name}: the request has {', '.join(sorted(unknown))}")


def _identifiers(stage: Stage) -> set[str]:
    """The credential identifiers that Token Responses named."""
    found: set[str] = set()
    for each in stage.to(TOKEN):
        details = each.answer.get("authorization_details")
        for one in details if isinstance(details, list) else ():
            named = one.get("credential_identifiers") if isinstance(one, Mapping) else None
            found.update(name for name in named if isinstance(name, str)) if isinstance(named, list) else None
    return found


@CONDUCT("VCI-8.2-03", "VCI-8.2-04", "VCI-8.2-05", "VCI-8.2-06", "VCI-8.2-07", "VCI-8.2-10", "VCI-6.2-08", "VCI-3.3.4-04")
def credential_identifier(conduct: Conduct) -> None:
    """It has one of the credential identifiers if the Token Response named some, else the configuration id, never both."""
    for stage, each in conduct.sent(CREDENTIAL):
        identifier, configuration_id = (
            each.members.get(name) for name in ("credential_identifier", "credential_configuration_id")
        )
        named = _identifiers(stage)
        if named and (identifier not in named or configuration_id is not None):
            wrong(stage, "credential_identifier is not one of those that the Token Response named, or not alone")
        if not named and (configuration_id != CONFIGURATION or identifier is not None):
            wrong(stage, "credential_configuration_id is not what was offered, or not alone")


@CONDUCT("VCI-8.2-12", "VCI-8.2-13", "VCI-8.2-22", "VCI-12.2.4-60")
def one_proof_type(conduct: Conduct) -> None:
    """`proofs` has one member, named as the proof type that the issuer takes: an array that is not empty."""
    for stage, each in conduct.sent(CREDENTIAL):
        proofs = each.members.get("proofs")
        if not isinstance(proofs, Mapping) or list(proofs) != [stage.setting.proof_type]:
            wrong(stage, f"proofs has not exactly one member, {stage.setting.proof_type}")
        if not isinstance(proofs[stage.setting.proof_type], list) or not proofs[stage.setting.proof_type]:
            wrong(stage, "proofs are not an array with something in it")


@CONDUCT("VCI-3.3.2-03", "HAIP-4-15")
def batch_size(conduct: Conduct) -> str:
    """There are no more keys in a request than `batch_size` says, one without it."""
    most = 0
    for stage, each in conduct.sent(CREDENTIAL):
        keys = [key for jws in each.proofs for key in _attested(jws.header.get("key_attestation")) or proved_keys(jws)]
        keys += [key for text in each.proofs_of("attestation") for key in _attested(text)]
        most = max(most, len(set(keys)))
        if len(set(keys)) > max(1, stage.setting.batch_size):
            wrong(stage, f"the request has {len(set(keys))} keys, batch_size is {stage.setting.batch_size}")
    return f"{most} keys at most"


def _attested(text: object) -> list[str]:
    keys = claims_of(jws_of(text)).get("attested_keys")
    return [str(sorted(key.items()) if isinstance(key, dict) else key) for key in keys] if isinstance(keys, list) else []


@CONDUCT("VCI-15.4.1-01")
def distinct_keys(conduct: Conduct) -> None:
    """No key is proved twice in a request, and none that was used for another Credential is used again."""
    used: dict[str, Stage] = {}
    for stage, each in conduct.sent(CREDENTIAL):
        keys = [key for jws in each.proofs for key in proved_keys(jws)]
        if any(count > 1 for count in Counter(keys).values()):
            wrong(stage, "a key is proved twice in one request")
        for key in keys:
            # The same keys come again where a nonce was rejected.
            if used.setdefault(key, stage) is not stage:
                raise CheckWarned(f"in {stage.name}: a key was used before, in {used[key].name}")
