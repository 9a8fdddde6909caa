"""Good Credentials in all the ways in which they come, and Credential Responses that are none (OID4VCI 8.3)."""

from typing import Any

from oid4vci.testing.scenarios.alterations import huge, more, redirected, refused, unknown_members, with_members, with_text
from oid4vci.testing.scenarios.bad_credentials import ACCEPTS, MDOC, SD_JWT, altered_signature, another_jwk
from oid4vci.testing.scenarios.expectations import advised, completes, follows_nothing, gives_up, rejects
from oid4vci.testing.scenarios.forged import credentials, in_turn
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting, Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, KEYS, TOKEN

__all__ = ("CREDENTIALS",)


def _among_decoys(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
    """Keys for other purposes, of other kinds and names, and what is no key at all."""
    decoys: list[dict[str, Any]] = [
        {**another_jwk(), "kid": "another"},
        {**another_jwk(), "kid": "encrypts", "use": "enc", "alg": "ECDH-ES"},
        {"kty": "unheard-of", "kid": "unheard-of", "x": [1]},
        {"kty": "EC", "crv": "P-256", "kid": "without-coordinates"},
        another_jwk(),
    ]
    return {**members, "jwks": {"keys": [*decoys, *members["jwks"]["keys"], *decoys[:1]]}}


CREDENTIALS = (
    Scenario(
        name="sd-jwt-vc",
        about="A good SD-JWT VC is issued.",
        requirements=("VCI-A.3.1-01", "HAIP-5.3.2-01", "HAIP-6.1-01", "HAIP-6.1.1-01"),
        setting=SD_JWT,
        expectation=completes,
    ),
    Scenario(
        name="mdoc",
        about="A good mdoc is issued.",
        requirements=("VCI-A.2.1-01", "HAIP-5.3.1-01"),
        setting=MDOC,
        expectation=completes,
    ),
    Scenario(
        name="one-at-a-time",
        about="The issuer takes one key in a request.",
        requirements=("VCI-3.3.2-03",),
        setting=Setting(batch_size=1),
        expectation=completes,
    ),
    Scenario(
        name="batch-in-another-order",
        about="The Credentials of a batch come in another order than the keys.",
        requirements=("VCI-8.3-11",),
        setting=Setting(batch_size=5),
        alterations={CREDENTIAL: in_turn(lambda _, issued: issued[::-1])},
        needs=("batch",),
        expectation=completes,
    ),
    Scenario(
        name="batch-with-a-key-twice",
        about="Two Credentials of a batch are bound to the same key: they are not accepted.",
        requirements=ACCEPTS,
        setting=Setting(batch_size=5),
        alterations={CREDENTIAL: in_turn(lambda _, issued: [issued[0], *issued])},
        expectation=rejects,
    ),
    Scenario(
        name="batch-with-a-bad-one",
        about="One Credential of a batch is not good: the whole is not accepted.",
        requirements=(*ACCEPTS, "VCI-11.1-09"),
        setting=Setting(batch_size=5, format="dc+sd-jwt"),
        alterations={CREDENTIAL: in_turn(lambda stage, issued: [*issued[:-1], altered_signature(stage, issued[-1])])},
        needs=("batch",),
        expectation=rejects,
    ),
    Scenario(
        name="attested-keys",
        about="Keys must be attested, in proofs by one of them.",
        requirements=("HAIP-4.5.1-01", "HAIP-4.5.1-03", "VCI-F-04", "VCI-F.1-11"),
        setting=Setting(key_attestations=True),
        key_attestations=True,
        expectation=completes,
    ),
    Scenario(
        name="attested-keys-alone",
        about="Keys must be attested, and nothing else is asked for.",
        requirements=("HAIP-4.5.1-01", "HAIP-4.5.1-04", "VCI-F-03", "VCI-F.3-02"),
        setting=Setting(key_attestations=True, proof_type="attestation"),
        key_attestations=True,
        expectation=completes,
    ),
    Scenario(
        name="issuer-key-among-decoys",
        about="The issuer's key is one of many that it publishes, most of which are of no use.",
        requirements=("VCI-A.3.1-01",),
        setting=Setting(format="dc+sd-jwt", jwt_vc_issuer=True),
        alterations={KEYS: more(_among_decoys)},
        needs=("jwt-vc-issuer",),
        haip=False,
        expectation=completes,
    ),
    Scenario(
        name="credential-response-with-unknown-members",
        about="The Credential Response has members that nobody has defined: they are ignored.",
        requirements=("VCI-8.3-26",),
        alterations={CREDENTIAL: unknown_members("credentials")},
        expectation=completes,
    ),
    *(
        Scenario(
            name=name,
            about=f"The Credential Response {about}: nothing is accepted.",
            requirements=ACCEPTS,
            alterations={CREDENTIAL: alteration},
            expectation=rejects,
        )
        for name, about, alteration in (
            ("credentials-missing", "has no credentials", with_members(credentials=None)),
            ("credentials-none", "has an empty array", with_members(credentials=[])),
            ("credential-no-string", "has a number for a Credential", credentials(lambda *_: 4711)),
            ("credential-response-cut-off", "is cut off", with_text(lambda _, text: text[:-9])),
        )
    ),
    Scenario(
        name="credential-response-huge",
        about="The Credential Response has many megabytes: the Wallet should read no such thing.",
        requirements=("VCI-13.5-01",),
        alterations={CREDENTIAL: huge()},
        expectation=advised(rejects),
    ),
    Scenario(
        name="credential-denied",
        about="The Credential is denied: the Wallet does not ask again.",
        requirements=("VCI-8.3.1.2-14",),
        alterations={CREDENTIAL: refused("credential_request_denied")},
        expectation=gives_up(CREDENTIAL),
    ),
    Scenario(
        name="access-token-refused",
        about="The Credential Endpoint takes no access token: the Wallet does not try again and again.",
        requirements=("RFC6750-3.1",),
        alterations={
            CREDENTIAL: refused("invalid_token", status=401, headers={"www-authenticate": 'DPoP error="invalid_token"'}),
        },
        expectation=gives_up(CREDENTIAL, TOKEN, at_most=6),
    ),
    Scenario(
        name="credential-endpoint-redirected",
        about="The Credential Endpoint answers with a redirect: the Wallet does not send its token elsewhere.",
        requirements=("VCI-13.5-01",),
        alterations={CREDENTIAL: redirected()},
        expectation=follows_nothing,
    ),
)
