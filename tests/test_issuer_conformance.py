"""What conformance suites look for in an issuer that has a Nonce, a Deferred Credential and a Notification Endpoint, and encrypts.

Shown here, with the issuer of `conformance`:

- a response has `credentials`, `transaction_id`, `notification_id` and `interval` at most, plain and encrypted, at once and
  later
- a Credential is bound to the key that was proved, with its own members and no others, in each format and by each proof type
- Credentials of a batch have one dataset, keys and salts of their own, times of the hour or the day, and places on one status
  list that follow no sequence
- what names the Credential and how the answer is encrypted is checked before the proofs; errors are 400, plain, of three
  members
- a DPoP nonce is asked for before a code or a client's own `jti` is consumed: the next request has them again
- odd `Accept` values, unknown members, and the scheme in any letter case, at every endpoint; a token in the query at none

Shown elsewhere: one Access Token some 35 times (`test_credential_endpoint`, `test_credential_endpoint_dpop`, which has the
`c_nonce` that is not consumed as well), transactions and events likewise (`test_deferred_binding`, `test_notification_tokens`),
the slash at the end of an identifier (`test_issuer_metadata_endpoint`), keys of requests by their `kid`, and the headers of
encrypted answers (`test_credential_endpoint_encryption`), 202 and what comes of it (`test_deferred_issuance`,
`test_deferred_endpoint`), events (`test_notification_endpoint`), each format (`test_sd_jwt_vc`, `test_mdoc_encoder`,
`test_mdl`), offers (`test_offer_endpoint`), status lists (`test_status_list_endpoint`), signed metadata
(`test_metadata_signing`); over HTTPS, `test_reference_server_conformance`.
"""

import json
from itertools import pairwise
from typing import Any

import pytest

from oid4vci._json import b64url_decode
from oid4vci.formats.mdoc import MdocVerifier
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.dpop import Dpop, DpopNonces
from tests import mdocs
from tests.authorization import CHALLENGE, CLIENT, PAR, REDIRECT_URI, CodeFlow, Proving, code_flow
from tests.conformance import DEFERRED, HOLDERS, MDOC, NOTIFICATION, PERSON, PID, world
from tests.encrypted_messages import asking, opened, sealed
from tests.haip import STATUSES, TRUST
from tests.issuance import CREDENTIAL, ISSUER_METADATA, JSON, NONCE, NOW, TOKEN, Issuance, Proof, order_of, refused, secret_keys
from tests.key_attestations import Attestation
from tests.test_sd_jwt_vc import opened as opened_sd_jwt
from tests.test_server_clients import JWKS, AttestedWallet, assertion, attested

JWT = "application/jwt"
HOUR = 3600
FORMATS = pytest.mark.parametrize("configuration_id", [PID, MDOC])
ENCRYPTED = pytest.mark.parametrize("encrypted", [False, True])
EXTRA = {"kid": "mine", "use": "sig", "alg": "ES256", "ext": True, "x5t": "AA", "name": "Jane", "nested": {"iss": "x"}}


def post(
    parts: Issuance, url: str, token: str, members: Any, *, encrypted: bool = False, scheme: str = "Bearer", **also: str
) -> Response:
    """A request to a protected endpoint, encrypted as its answer is to be, or plain."""
    body = sealed({**members, "credential_response_encryption": asking()}) if encrypted else json.dumps(members).encode()
    fields = {"content-type": JWT if encrypted else JSON, "authorization": f"{scheme} {token}", **also}
    return parts.send(Request("POST", url, fields, body))


def members_of(response: Response, status: int, *, encrypted: bool) -> dict[str, Any]:
    if encrypted:
        return opened(response, status=status)
    assert (response.status, response.headers.all("content-type")) == (status, (JSON,)), response.body
    found = response.json()
    assert isinstance(found, dict)
    return found


def credentials_of(response: Response) -> list[Any]:
    assert response.status == 200, response.body
    return [each["credential"] for each in response.json()["credentials"]]


def proved(nonce: str, count: int = 1, configuration_id: str = PID, **members: Any) -> dict[str, Any]:
    """An order with proofs for so many keys."""
    return order_of(*(Proof(nonce, holder) for holder in HOLDERS[:count]), configuration_id=configuration_id, **members)


# --- what a response has ----------------------------------------------------------------------------------------------------------


@FORMATS
@ENCRYPTED
def test_a_response_has_no_other_members(configuration_id: str, encrypted: bool) -> None:
    parts = world(deferrals=2)
    token = parts.token(configuration_id)
    promise = members_of(
        post(parts, CREDENTIAL, token, proved(parts.nonce(), 2, configuration_id), encrypted=encrypted),
        202,
        encrypted=encrypted,
    )
    polling = {"transaction_id": promise["transaction_id"]}
    again = members_of(post(parts, DEFERRED, token, polling, encrypted=encrypted), 202, encrypted=encrypted)
    assert promise.keys() == {"transaction_id", "interval"}
    assert again == promise
    later = members_of(post(parts, DEFERRED, token, polling, encrypted=encrypted), 200, encrypted=encrypted)
    now = members_of(
        post(parts, CREDENTIAL, token, proved(parts.nonce(), 2, configuration_id), encrypted=encrypted),
        200,
        encrypted=encrypted,
    )
    for members in (later, now):
        assert members.keys() == {"credentials", "notification_id"}
        assert [each.keys() for each in members["credentials"]] == [{"credential"}] * 2
        heard = post(parts, NOTIFICATION, token, {**polling, "event": "credential_accepted", **members})
        assert (heard.status, heard.body) == (204, b"")


# --- what a Credential is bound to ------------------------------------------------------------------------------------------------


@FORMATS
@pytest.mark.parametrize("deferrals", [0, 1])
@pytest.mark.parametrize("proof_type", ["jwt", "attestation"])
def test_a_credential_is_bound_to_the_known_members_of_a_key(configuration_id: str, deferrals: int, proof_type: str) -> None:
    """Whatever else the Wallet says of it, a name of the person for instance, would link what is presented."""
    parts, holder = world(deferrals=deferrals), HOLDERS[0]
    key = {**holder.public_jwk, **EXTRA}
    nonce = parts.nonce()
    proof = (
        Proof(nonce, holder, header={"jwk": key})
        if proof_type == "jwt"
        else Attestation(nonce, claims={"attested_keys": [key]})
    )
    token = parts.token(configuration_id)
    body = {"credential_configuration_id": configuration_id, "proofs": {proof_type: [str(proof)]}}
    response = post(parts, CREDENTIAL, token, body)
    if deferrals:
        response = post(parts, DEFERRED, token, {"transaction_id": response.json()["transaction_id"]})
    (credential,) = credentials_of(response)
    if configuration_id == PID:
        assert opened_sd_jwt(credential)[1]["cnf"] == {"jwk": dict(holder.public_jwk)}
    else:
        # Kind, curve and two coordinates (RFC 9053 7.1.1).
        device = mdocs.mso_of(credential)["deviceKeyInfo"]["deviceKey"]
        x, y = (b64url_decode(holder.public_jwk[name]) for name in "xy")
        assert device == {1: 2, -1: 1, -2: x, -3: y}


# --- a batch ----------------------------------------------------------------------------------------------------------------------


def unlinkable(values: list[Any]) -> None:
    assert len(set(values)) == len(values)


def on_one_list(references: list[dict[str, Any]]) -> None:
    """Each has its own place, and no other follows from it."""
    assert {each["uri"] for each in references} == {STATUSES}
    places = [each["idx"] for each in references]
    unlinkable(places)
    for ordered in (places, sorted(places)):
        assert len({after - before for before, after in pairwise(ordered)}) > 1


def test_copies_of_an_sd_jwt_vc_have_one_dataset_and_nothing_else_in_common() -> None:
    parts = world()
    batch = credentials_of(post(parts, CREDENTIAL, parts.token(PID), proved(parts.nonce(), 5)))
    payloads = [opened_sd_jwt(each)[1] for each in batch]
    verifier, keys = SdJwtVcVerifier(haip=True), [public_key(holder.public_jwk) for holder in HOLDERS]
    configuration = parts.issuer.metadata.credential_configurations_supported[PID]
    found: list[Any] = [
        verifier.verify(each, configuration=configuration, trust=TRUST, holder_keys=keys, documents={}, now=NOW)
        for each in batch
    ]
    assert [each.holder_key for each in found] == keys
    assert all({name: each.claims[name] for name in PERSON} == PERSON for each in found)
    for payload in payloads:
        assert all(payload[name] % HOUR == 0 for name in ("iat", "nbf", "exp"))
        assert all((payload[name] == payloads[0][name]) for name in ("iat", "nbf", "exp", "vct", "_sd_alg"))
        assert not PERSON.keys() & payload.keys()
    on_one_list([each["status"]["status_list"] for each in payloads])
    unlinkable([json.loads(b64url_decode(text))[0] for each in batch for text in each.split("~")[1:-1]])
    unlinkable([digest for payload in payloads for digest in payload["_sd"]])


def test_copies_of_an_mdoc_have_one_dataset_and_nothing_else_in_common() -> None:
    parts = world()
    batch = credentials_of(post(parts, CREDENTIAL, parts.token(MDOC), proved(parts.nonce(), 5, MDOC)))
    keys = [public_key(holder.public_jwk) for holder in HOLDERS]
    configuration = parts.issuer.metadata.credential_configurations_supported[MDOC]
    found: list[Any] = [
        MdocVerifier().verify(each, configuration=configuration, trust=TRUST, holder_keys=keys, documents={}, now=NOW)
        for each in batch
    ]
    assert [each.holder_key for each in found] == keys
    assert all(each.claims == found[0].claims for each in found)
    objects = [mdocs.mso_of(each) for each in batch]
    for signed in objects:
        assert signed["validityInfo"] == objects[0]["validityInfo"]
        assert all((time.minute, time.second, time.microsecond) == (0, 0, 0) for time in signed["validityInfo"].values())
    on_one_list([each["status"]["status_list"] for each in objects])
    unlinkable([item["random"] for each in batch for item in mdocs.items_of(each, mdocs.PID)])


# --- what is checked first --------------------------------------------------------------------------------------------------------


@FORMATS
@pytest.mark.parametrize("proofs", [{"jwt": ["broken"]}, {"unknown": ["x"]}, {}, "x", None])
def test_names_and_encryption_come_before_proofs(configuration_id: str, proofs: Any) -> None:
    """All is wrong at first; each step mends one thing."""
    parts = world()
    token, rows = parts.token(configuration_id), parts.host.rows
    bad = asking(enc="A128CTR")
    unknown = {"credential_configuration_id": "unknown"}
    known = {"credential_configuration_id": configuration_id}
    steps: list[tuple[dict[str, Any], str]] = [
        ({**unknown, "credential_response_encryption": bad}, "unknown_credential_configuration"),
        ({"credential_identifier": "unknown", "credential_response_encryption": bad}, "unknown_credential_identifier"),
        ({**known, "credential_response_encryption": bad}, "invalid_encryption_parameters"),
        ({**known, "credential_response_encryption": asking()}, "invalid_proof"),
    ]
    for members, error in steps:
        body = sealed({**members, "proofs": proofs})
        refusal = parts.send(Request("POST", CREDENTIAL, {"content-type": JWT, "authorization": f"Bearer {token}"}, body))
        assert refused(refusal, error).keys() == {"error", "error_description"}
    assert parts.host.rows == rows


NONCES = DpopNonces(secret_keys())


def asserting() -> CodeFlow:
    client = ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method="private_key_jwt", jwks=JWKS)
    return code_flow(
        clients={CLIENT: client}, client_authentication={"private_key_jwt": PrivateKeyJwt()}, dpop=Dpop(nonces=NONCES)
    )


def test_a_client_may_send_its_assertion_again_with_the_nonce() -> None:
    flow, proving = asserting(), Proving()
    first, second = assertion(jti="1"), assertion(jti="2")
    response = flow.push(headers={"dpop": proving(PAR)}, **first)
    refused(response, "use_dpop_nonce")
    nonce = response.headers.get("dpop-nonce")
    code = flow.code(headers={"dpop": proving(PAR, nonce=nonce)}, **first)
    refused(flow.exchange(code, headers={"dpop": proving(TOKEN)}, **second), "use_dpop_nonce")
    assert flow.exchange(code, headers={"dpop": proving(TOKEN, nonce=nonce)}, **second).status == 200
    refused(flow.push(headers={"dpop": proving(PAR, nonce=nonce)}, **first), "invalid_client")


@pytest.mark.parametrize("challenges", [False, True])
def test_a_wallet_may_send_its_proof_of_possession_again_with_the_nonce(challenges: bool) -> None:
    flow, wallet, proving = attested(dpop=Dpop(nonces=NONCES), challenges=challenges), AttestedWallet(), Proving()
    challenge = flow.send(Request("POST", CHALLENGE)).json()["attestation_challenge"] if challenges else None
    first, second = wallet.headers(challenge=challenge), wallet.headers(challenge=challenge)
    response = flow.push(headers={**first, "dpop": proving(PAR)})
    refused(response, "use_dpop_nonce")
    nonce = response.headers.get("dpop-nonce")
    code = flow.code(headers={**first, "dpop": proving(PAR, nonce=nonce)})
    refused(flow.exchange(code, headers={**second, "dpop": proving(TOKEN)}), "use_dpop_nonce")
    assert flow.exchange(code, headers={**second, "dpop": proving(TOKEN, nonce=nonce)}).status == 200
    refused(flow.push(headers={**first, "dpop": proving(PAR, nonce=nonce)}), "invalid_client")


# --- requests that are odd --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "application/json;q=0", ";;;,,", "a" * 9000])
def test_every_endpoint_serves_odd_accept_values(accept: str) -> None:
    parts = world(deferrals=1)
    token = parts.token(PID)
    assert parts.get(ISSUER_METADATA, {"accept": accept}).headers.get("content-type") == JSON
    nonce = parts.send(Request("POST", NONCE, {"accept": accept}))
    assert (nonce.status, nonce.headers.get("content-type")) == (200, JSON)
    promise = post(parts, CREDENTIAL, token, proved(nonce.json()["c_nonce"]), accept=accept)
    assert (promise.status, promise.headers.get("content-type")) == (202, JSON)
    ready = post(parts, DEFERRED, token, {"transaction_id": promise.json()["transaction_id"]}, accept=accept)
    assert (ready.status, ready.headers.get("content-type")) == (200, JSON)
    event = {"notification_id": ready.json()["notification_id"], "event": "credential_deleted"}
    assert post(parts, NOTIFICATION, token, event, accept=accept).status == 204


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_every_endpoint_takes_the_scheme_in_any_letter_case_and_unknown_members(scheme: str) -> None:
    parts = world(deferrals=1)
    token = parts.token(PID)
    more: dict[str, Any] = {"x": [{}], "": None, "format": "dc+sd-jwt"}
    promise = post(parts, CREDENTIAL, token, proved(parts.nonce(), **more), scheme=scheme)
    ready = post(parts, DEFERRED, token, {"transaction_id": promise.json()["transaction_id"], **more}, scheme=scheme)
    event = {"notification_id": ready.json()["notification_id"], "event": "credential_accepted", **more}
    assert (promise.status, ready.status) == (202, 200)
    assert post(parts, NOTIFICATION, token, event, scheme=scheme).status == 204


@pytest.mark.parametrize("url", [CREDENTIAL, DEFERRED, NOTIFICATION])
@pytest.mark.parametrize("header", [True, False])
def test_no_endpoint_takes_a_token_in_the_query(url: str, header: bool) -> None:
    parts = world()
    token = parts.token(PID)
    fields = {"content-type": JSON, **({"authorization": f"Bearer {token}"} if header else {})}
    response = parts.send(Request("POST", f"{url}?access_token={token}", fields, b"{}"))
    assert response.status in (400, 401)
    assert token.encode() not in response.body
