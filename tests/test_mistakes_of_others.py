"""Mistakes that other implementations made at the endpoints of an issuer, each tried at one that has all of these endpoints.

What was found there: keys that are taken from a proof nobody verified, nonces that are given out and never looked at, a DPoP
proof that may be missing, a check that a misspelt name switches off, keys and encryption that can be replaced in a transaction
of somebody else, one status for a whole batch. Bombs, `crit`, algorithms, private keys, unbounded attestations and keys that
cannot be encrypted to have their tests where they are read: `test_proofs_jwt`, `test_proofs_attestation`, `test_jwe_refused`,
`test_status_list`.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.oauth.access_tokens import NewAccessToken, SealedAccessTokens
from tests.conformance import DATASETS, DEFERRED, HOLDERS, MDOC, NOTIFICATION, PID, world
from tests.dpop_proofs import Sent
from tests.encrypted_messages import asking, opened, sealed
from tests.issuance import CREDENTIAL, IDENTIFIER, JSON, NOW, Issuance, Proof, counted, order_of, refused
from tests.key_attestations import Attestation
from tests.test_sd_jwt_vc import opened as opened_sd_jwt

KEY, THIEF = LocalSigner.generate("dpop"), LocalSigner.generate("thief")
FORMATS = pytest.mark.parametrize("configuration_id", [PID, MDOC])


def post(parts: Issuance, url: str, token: str, members: Any, **headers: str) -> Response:
    fields = {"content-type": JSON, "authorization": f"Bearer {token}", **headers}
    return parts.send(Request("POST", url, fields, members if isinstance(members, bytes) else json.dumps(members).encode()))


def unchanged(parts: Issuance, token: str, body: Any, error: str) -> None:
    """Refused, with nothing spent."""
    rows = parts.host.rows
    refused(post(parts, CREDENTIAL, token, body), error)
    assert parts.host.rows == rows


# --- proofs that nobody verified --------------------------------------------------------------------------------------------------


@FORMATS
@pytest.mark.parametrize(
    "changes",
    [
        {"signer": THIEF},
        {"claims": {"aud": "https://other.example"}},
        {"claims": {"aud": f"{IDENTIFIER}/"}},
        {"claims": {"iat": NOW - 100_000}},
        {"claims": {"iat": None}},
        {"header": {"typ": "JWT"}},
        {"header": {"alg": "none"}},
    ],
)
@pytest.mark.parametrize("attested", [False, True])
def test_a_key_is_believed_by_its_signature(configuration_id: str, changes: Mapping[str, Any], attested: bool) -> None:
    """Also where a key attestation stands beside it that is good."""
    parts = world()
    token, nonce, holder = parts.token(configuration_id), parts.nonce(), HOLDERS[0]
    beside = {"key_attestation": str(Attestation(nonce, [holder]))} if attested else {}
    good = Proof(nonce, holder, header=beside)
    bad = Proof(nonce, holder, **{**changes, "header": {**beside, **changes.get("header", {})}})
    unchanged(parts, token, order_of(bad, configuration_id=configuration_id), "invalid_proof")
    unchanged(parts, token, order_of(good, bad, configuration_id=configuration_id), "invalid_proof")
    assert post(parts, CREDENTIAL, token, order_of(good, configuration_id=configuration_id)).status == 200


@FORMATS
def test_a_nonce_is_one_that_was_given_out_and_not_used(configuration_id: str) -> None:
    parts, holder = world(), HOLDERS[0]
    token, nonce = parts.token(configuration_id), parts.nonce()
    order = order_of(Proof(nonce, holder), configuration_id=configuration_id)
    for other in ("", nonce[:-1], nonce + "A", token, world().nonce()[::-1]):
        unchanged(parts, token, order_of(Proof(other, holder), configuration_id=configuration_id), "invalid_nonce")
    assert post(parts, CREDENTIAL, token, order).status == 200
    unchanged(parts, token, order, "invalid_nonce")
    late = parts.nonce(now=NOW - 10_000)
    unchanged(parts, token, order_of(Proof(late, holder), configuration_id=configuration_id), "invalid_nonce")


# --- checks that were not made ----------------------------------------------------------------------------------------------------


@FORMATS
def test_a_credential_has_one_name(configuration_id: str) -> None:
    parts = world()
    token = parts.token(configuration_id)
    for more in ({"credential_identifier": configuration_id}, {"credential_identifier": None}):
        body = order_of(Proof(parts.nonce(), HOLDERS[0]), configuration_id=configuration_id, **more)
        unchanged(parts, token, body, "invalid_credential_request")


@pytest.mark.parametrize("url", [CREDENTIAL, DEFERRED, NOTIFICATION])
def test_a_bound_token_is_worth_nothing_without_its_key(url: str) -> None:
    parts = world()
    granted = parts.grant(PID)
    assert parts.redeem(granted).status == 200
    new = NewAccessToken(
        grant=parts.host.rows[granted.key],
        credential_issuer=IDENTIFIER,
        configuration_ids=(PID,),
        jkt=thumbprint(KEY.public_jwk),
        now=NOW,
        expires_at=NOW + 300,
    )
    token = SealedAccessTokens(parts.keys).draft(new, new_secret=counted(7)).finish()
    nonce = parts.send(Request("POST", f"{IDENTIFIER}/nonce")).headers.get("dpop-nonce")
    good = Sent(KEY, url=url, access_token=token, nonce=nonce)
    stolen: list[dict[str, str]] = [
        {},
        {"authorization": f"DPoP {token}"},
        {"authorization": f"DPoP {token}", "dpop": "x"},
        {"authorization": f"DPoP {token}", "dpop": str(Sent(THIEF, url=url, access_token=token, nonce=nonce))},
        {"authorization": f"DPoP {token}", "dpop": str(Sent(KEY, url=f"{url}/x", access_token=token, nonce=nonce))},
        {"authorization": f"Bearer {token}", "dpop": str(good)},
    ]
    rows = parts.host.rows
    for headers in stolen:
        assert post(parts, url, token, {}, **headers).status == 401
    assert parts.host.rows == rows
    # With it the request is looked at: there is nothing in it.
    assert post(parts, url, token, {}, authorization=f"DPoP {token}", dpop=str(good)).status == 400


# --- what can be replaced ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encrypted", [False, True])
def test_keys_of_a_transaction_are_those_of_its_order(encrypted: bool) -> None:
    """Proofs of other keys in a later request are no part of it (OID4VCI 9.1)."""
    parts = world(deferrals=1)
    token = parts.token(PID)
    promise = post(parts, CREDENTIAL, token, order_of(Proof(parts.nonce(), HOLDERS[0]), configuration_id=PID)).json()
    others = order_of(Proof(parts.nonce(), THIEF), configuration_id=MDOC)
    body: dict[str, Any] = {"transaction_id": promise["transaction_id"], **others}
    if encrypted:
        body["credential_response_encryption"] = asking()
        found = opened(post(parts, DEFERRED, token, sealed(body), **{"content-type": "application/jwt"}))
    else:
        found = post(parts, DEFERRED, token, body).json()
    (credential,) = (each["credential"] for each in found["credentials"])
    assert opened_sd_jwt(credential)[1]["cnf"] == {"jwk": dict(HOLDERS[0].public_jwk)}


@pytest.mark.parametrize("url", [CREDENTIAL, DEFERRED])
def test_nobody_in_between_has_an_answer_encrypted_to_a_key_of_their_own(url: str) -> None:
    """A key that came in the clear may be anybody's (OID4VCI 8.2, 9.1)."""
    parts = world(deferrals=1)
    token = parts.token(PID)
    order = order_of(Proof(parts.nonce(), HOLDERS[0]), configuration_id=PID)
    if url == DEFERRED:
        order = {"transaction_id": post(parts, CREDENTIAL, token, order).json()["transaction_id"]}
    rows = parts.host.rows
    refused(post(parts, url, token, {**order, "credential_response_encryption": asking()}), "invalid_encryption_parameters")
    assert parts.host.rows == rows
    assert post(parts, url, token, order).status in (200, 202)


@FORMATS
def test_a_batch_does_not_share_one_status(configuration_id: str) -> None:
    parts = world()
    status = {"status": {"status_list": {"idx": 7, "uri": "https://issuer.example/statuses/1"}}}
    token, nonce = parts.token(configuration_id), parts.nonce()
    request = Request(
        "POST",
        CREDENTIAL,
        {"content-type": JSON, "authorization": f"Bearer {token}"},
        json.dumps(order_of(*(Proof(nonce, key) for key in HOLDERS[:2]), configuration_id=configuration_id)).encode(),
    )
    call = parts.issuer.read_credential_request(request)
    order = call.verify(parts.host.load(call.lookups), now=NOW)
    with pytest.raises(ValueError, match="status"):
        order.issue(DATASETS[configuration_id], copies=[status, status])
    if configuration_id == PID:
        # The dataset of an mdoc has no place for it.
        with pytest.raises(ValueError, match="status"):
            order.issue({**DATASETS[PID], **status})
