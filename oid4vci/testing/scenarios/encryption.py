"""Encrypted requests and answers (OID4VCI 10)."""

from typing import Any

from oid4vci.http import Request, Response
from oid4vci.testing.scenarios.alterations import altered, instead, more
from oid4vci.testing.scenarios.expectations import advised, completes, never, rejects
from oid4vci.testing.scenarios.forged import good_credentials
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting, Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, ISSUER_METADATA

__all__ = ("ENCRYPTIONS",)

NEEDS = ("encryption",)
JWT = {"content-type": "application/jwt"}


def _plain(stage: Stage, request: Request, response: Response) -> Response:
    """The Credentials, for everybody to read."""
    return Response.of_json(200, {"credentials": [{"credential": each} for each in good_credentials(stage, request)]})


def _among_decoys(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
    """Keys of unknown kinds and for other purposes before the one that serves."""
    encryption = members["credential_request_encryption"]
    decoys = [
        {"kty": "unheard-of", "kid": "decoy-1", "alg": "X-1", "x": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "decoy-2", "use": "sig", "alg": "ES256", "x": "AA", "y": "AA"},
    ]
    jwks = {"keys": [*decoys, *encryption["jwks"]["keys"]]}
    return {**members, "credential_request_encryption": {**encryption, "jwks": jwks}}


def _unheard_of(name: str, member: str) -> Any:
    return more(lambda stage, members: {**members, name: {**members[name], member: ["X-UNHEARD-OF"]}})


ENCRYPTIONS = (
    Scenario(
        name="encrypted-requests",
        about="Credential Requests must be encrypted.",
        requirements=("VCI-8.2-28", "VCI-8.2-29"),
        setting=Setting(encryption="requests"),
        needs=NEEDS,
        expectation=completes,
    ),
    Scenario(
        name="encrypted-responses",
        about="Credential Responses must be encrypted, so requests are as well.",
        requirements=("VCI-8.2-33", "VCI-8.2-34", "VCI-12.2.4-34"),
        setting=Setting(encryption="responses"),
        needs=NEEDS,
        expectation=completes,
    ),
    Scenario(
        name="encrypted-deferral",
        about="Everything must be encrypted, and the Credentials come later.",
        requirements=("VCI-9.1-09", "VCI-9.1-13", "VCI-9.1-15"),
        setting=Setting(encryption="responses", deferrals=2),
        needs=(*NEEDS, "deferral"),
        expectation=completes,
    ),
    Scenario(
        name="encryption-keys-among-decoys",
        about="The issuer publishes keys of unknown kinds and for signatures beside its key for encryption.",
        requirements=("VCI-10-03",),
        setting=Setting(encryption="requests"),
        alterations={ISSUER_METADATA: more(_among_decoys)},
        needs=NEEDS,
        expectation=completes,
    ),
    Scenario(
        name="encryption-unheard-of",
        about="Requests must be encrypted by an algorithm that nobody knows: nothing is sent in the clear.",
        requirements=("VCI-8.2-28", "VCI-10-07"),
        setting=Setting(encryption="requests"),
        alterations={ISSUER_METADATA: _unheard_of("credential_request_encryption", "enc_values_supported")},
        needs=NEEDS,
        expectation=never(CREDENTIAL),
    ),
    Scenario(
        name="encrypted-response-in-the-clear",
        about="The answer comes in the clear, though it must be encrypted: it is rejected.",
        requirements=("VCI-10-10",),
        setting=Setting(encryption="responses"),
        alterations={CREDENTIAL: altered(_plain)},
        needs=NEEDS,
        expectation=advised(rejects),
    ),
    Scenario(
        name="encrypted-response-unreadable",
        about="The answer cannot be decrypted: nothing is accepted.",
        requirements=("VCI-10-01",),
        setting=Setting(encryption="responses"),
        alterations={
            CREDENTIAL: instead(Response(200, JWT, b"eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSJ9..AA.AA.AA")),
        },
        needs=NEEDS,
        expectation=rejects,
    ),
)
