"""The Credential Endpoint (OID4VCI 8): tokens, requests, decisions, responses, errors. Rules of proofs are in test_proofs_jwt."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from oid4vci import _json
from oid4vci.errors import (
    CredentialRequestDenied,
    InsufficientScope,
    InvalidCredentialRequest,
    InvalidProof,
    InvalidToken,
    InvalidTokenRequest,
    MissingToken,
    Refusal,
)
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialCall, CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_key
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.oauth.grants import REVOKED, default_identifier
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import Expected, Proved
from oid4vci.records import Swap
from oid4vci.revocation import Statuses, StatusRef
from tests.issuance import (
    CLAIMS,
    CREDENTIAL,
    IDENTIFIER,
    JSON,
    NOW,
    FixedEncoder,
    Host,
    Issuance,
    Proof,
    configuration,
    counted,
    credential_request,
    encoders,
    issuance,
    issuer_metadata,
    jws,
    order_of,
    refused,
    secret_keys,
)

BADGE = {"credential_configuration_id": "badge"}


def payloads(response: Response) -> list[dict[str, Any]]:
    """What the credentials of a response in the format `x-note` say."""
    assert response.status == 200, response.body
    credentials = [each["credential"] for each in response.json()["credentials"]]
    return [_json.object_from(_json.b64url_decode(each.split(".")[1])) for each in credentials]


def verified(world: Issuance, request: Request, *, now: int = NOW) -> CredentialOrder:
    call = world.issuer.read_credential_request(request)
    return call.verify(world.host.load(call.lookups), now=now)


# --- the good case -------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8-02", "VCI-8.1-01", "VCI-8.2-15", "VCI-8.3-01", "VCI-8.3-06", "VCI-8.3-09", "VCI-8.3-12")
def test_a_credential_is_bound_to_the_proved_key() -> None:
    world = issuance()
    holder = LocalSigner.generate("holder")
    response = world.credential(world.token("note"), order_of(Proof(world.nonce(), holder)))
    assert response.status == 200
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    # No members but those of 8.3, and neither notification nor deferral where there is no endpoint for it.
    assert response.json().keys() == {"credentials"}
    assert [each.keys() for each in response.json()["credentials"]] == [{"credential"}]
    (payload,) = payloads(response)
    assert payload["cnf"] == {"jwk": holder.public_jwk}
    assert {name: payload[name] for name in CLAIMS} == CLAIMS
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.holder_keys == (public_key(holder.public_jwk),)
    assert (order.subject, order.note, order.details) == ("ada", None, None)


@pytest.mark.spec("VCI-3.1-01", "VCI-8.2-11", "VCI-1-01")
def test_an_issuer_with_nothing_but_a_credential_endpoint_issues() -> None:
    metadata = CredentialIssuerMetadata(
        credential_issuer=IDENTIFIER,
        credential_endpoint=CREDENTIAL,
        credential_configurations_supported={"badge": configuration(), "note": configuration("ES256")},
    )
    assert metadata.findings() == ()
    offered = {name: encoder for name, encoder in encoders().items() if name in ("badge", "note")}
    world = issuance(metadata=metadata, nonces=None, encoders=offered, credential_offer_endpoint=None)
    token = world.token("badge", "note")
    (unbound,) = payloads(world.credential(token, BADGE))
    assert "cnf" not in unbound
    (bound,) = payloads(world.credential(token, order_of(Proof(None))))
    assert "cnf" in bound


@pytest.mark.spec("VCI-3.1-01", "VCI-8-01")
def test_an_issuer_without_a_credential_endpoint_cannot_be_made() -> None:
    with pytest.raises((ValueError, TypeError), match="credential_endpoint"):
        issuer_metadata(credential_endpoint=None)
    with pytest.raises(TypeError, match="credential_endpoint"):
        CredentialIssuerMetadata(credential_issuer=IDENTIFIER, credential_configurations_supported={})  # type: ignore[call-arg]


@pytest.mark.spec("VCI-8-04")
def test_one_access_token_serves_many_requests() -> None:
    """One access token usable some 35 times."""
    world = issuance()
    token = world.token("note", "badge")
    for _ in range(40):
        assert world.credential(token, BADGE).status == 200
    for _ in range(3):
        assert world.credential(token, order_of(Proof(world.nonce()))).status == 200


@pytest.mark.spec("VCI-8.3-13")
def test_a_credential_is_a_string_or_an_object() -> None:
    world = issuance()
    token = world.token("object", "badge")
    response = world.credential(token, {"credential_configuration_id": "object"})
    assert response.json() == {"credentials": [{"credential": dict(CLAIMS)}]}
    assert isinstance(world.credential(token, BADGE).json()["credentials"][0]["credential"], str)


@pytest.mark.spec("VCI-8.2-25")
@pytest.mark.parametrize(
    "member",
    [
        {"foo": 1},
        {"proof": {"proof_type": "jwt", "jwt": "x"}},
        {"format": "x-note", "vct": "v"},
        {"credentialConfigurationId": "x"},
        {"access_token": "x"},
        {"foo": {"credential_identifier": [[[{}]]]}},
        {"": None},
    ],
)
def test_unknown_members_are_ignored(member: dict[str, Any]) -> None:
    world = issuance()
    token = world.token("badge", "note")
    assert world.credential(token, {**BADGE, **member}).status == 200
    assert world.credential(token, order_of(Proof(world.nonce()), **member)).status == 200


@pytest.mark.spec("VCI-8.2-12")
def test_the_singular_proof_of_drafts_is_not_honoured() -> None:
    world = issuance()
    body = {"credential_configuration_id": "note", "proof": {"proof_type": "jwt", "jwt": str(Proof(world.nonce()))}}
    refused(world.credential(world.token("note"), body), "invalid_proof")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "application/jwt", "application/json;q=0", "x", ";;;,,", "é☃", "a" * 9000]
)
def test_odd_accept_values_are_served(accept: str) -> None:
    world = issuance()
    response = world.credential(world.token("badge"), BADGE, accept=accept)
    assert (response.status, response.headers.get("content-type")) == (200, "application/json")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x"]
)
def test_the_content_type_may_have_parameters(content_type: str) -> None:
    world = issuance()
    assert world.credential(world.token("badge"), BADGE, content_type=content_type).status == 200


# --- access tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8-02", "VCI-8.3.1.1-01")
@pytest.mark.parametrize("authorization", [None, "", "Basic eDp5", "DPoP abc", "Bear", "Bearer\tabc", "abc"])
def test_without_a_token_the_answer_names_the_scheme_and_no_error(authorization: str | None) -> None:
    world = issuance()
    request = credential_request(None, BADGE)
    pairs = [] if authorization is None else [("authorization", authorization)]
    response = world.send(Request("POST", request.url, [*request.headers.pairs, *pairs], request.body))
    assert response.status == 401
    assert response.headers.get("www-authenticate") == "Bearer"
    assert response.headers.get("cache-control") == "no-store"
    assert response.body == b""
    assert world.host.orders == []


BROKEN = [
    "",
    " ",
    "abc",
    "a b",
    "é",
    "x" * 9000,
    "{}",
    "a,b",
    "=",
    "\x00",
    "Bearer",
    '"',
    "..",
    "A" * 120,
    "eyJhbGciOiJub25lIn0.e30.",
]


@pytest.mark.spec("VCI-8-02", "VCI-8.3.1.1-01")
@pytest.mark.parametrize("token", BROKEN)
def test_a_malformed_token_is_invalid_token(token: str) -> None:
    world = issuance()
    response = world.credential(None, BADGE, authorization=f"Bearer {token}")
    refused(response, "invalid_token", status=401)
    challenge = response.headers.get("www-authenticate")
    assert challenge is not None
    assert challenge.startswith('Bearer error="invalid_token"')
    assert world.host.orders == []


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_an_expired_token_is_invalid_token() -> None:
    world = issuance()
    token = world.token("badge")
    assert world.credential(token, BADGE, now=NOW + 299).status == 200
    refused(world.credential(token, BADGE, now=NOW + 300), "invalid_token", status=401)


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_the_token_of_a_revoked_or_deleted_grant_is_invalid_token() -> None:
    world = issuance()
    granted = world.grant("badge")
    token = world.redeem(granted).json()["access_token"]
    assert world.credential(token, BADGE).status == 200
    assert world.host.commit([Swap.update(world.host.rows[granted.key], state=REVOKED)])
    refused(world.credential(token, BADGE), "invalid_token", status=401)
    assert world.host.commit([Swap(world.host.rows[granted.key], None)])
    refused(world.credential(token, BADGE), "invalid_token", status=401)


@pytest.mark.spec("VCI-8.3.1.1-01", "VCI-6.1-12")
def test_a_token_for_another_configuration_is_insufficient_scope() -> None:
    world = issuance()
    response = world.credential(world.token("note"), BADGE)
    refused(response, "insufficient_scope", status=403)
    challenge = response.headers.get("www-authenticate")
    assert challenge is not None
    assert challenge.startswith('Bearer error="insufficient_scope"')


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "BeArEr"])
def test_the_name_of_the_scheme_is_case_insensitive_and_spaces_may_be_several(scheme: str) -> None:
    world = issuance()
    assert world.credential(None, BADGE, authorization=f"{scheme}   {world.token('badge')}  ").status == 200


@pytest.mark.parametrize("with_header", [False, True])
@pytest.mark.parametrize(
    "query", ["access_token={}", "a=b&access_token={}", "access_token={}&access_token={}", "a=b&access%5Ftoken={}"]
)
def test_a_token_in_the_query_is_refused(query: str, with_header: bool) -> None:
    world = issuance()
    token = world.token("badge")
    headers = {"content-type": JSON, **({"authorization": f"Bearer {token}"} if with_header else {})}
    url = f"{CREDENTIAL}?{query.replace('{}', token)}"
    response = world.send(Request("POST", url, headers, json.dumps(BADGE).encode()))
    assert response.status == 400
    assert response.json()["error"] == "invalid_request"
    assert token.encode() not in response.body
    assert world.host.orders[1:] == []


def test_a_query_without_a_token_is_ignored() -> None:
    world = issuance()
    headers = {"content-type": JSON, "authorization": f"Bearer {world.token('badge')}"}
    for query in ("tenant=1", "", "x", "&&", "xaccess_token=1", "%ff=%"):
        url = f"{CREDENTIAL}?{query}"
        assert world.send(Request("POST", url, headers, json.dumps(BADGE).encode())).status == 200


def test_two_authorization_headers_are_refused() -> None:
    world = issuance()
    token = world.token("badge")
    pairs = [("content-type", JSON), ("Authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    response = world.send(Request("POST", CREDENTIAL, pairs, json.dumps(BADGE).encode()))
    refused(response, "invalid_request")
    assert response.headers.get("www-authenticate") is not None


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_who_has_no_good_token_learns_nothing_about_the_request() -> None:
    world = issuance()
    expired = world.token("badge", now=NOW - 301)
    for body in (b"{", {**BADGE, "credential_identifier": "x"}, {"credential_configuration_id": "x"}, order_of("x")):
        refused(world.credential(expired, body), "invalid_token", status=401)


# --- the body ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-06", "VCI-8.3.1.2-01", "VCI-8.3.1.2-18", "VCI-8.3.1.2-02", "VCI-8.3.1.2-03", "VCI-8.3.1.2-04")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"[" * 100_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"credential_configuration_id":"badge"} x',
        b'{"credential_configuration_id":"badge","credential_configuration_id":"badge"}',
        b'{"credential_configuration_id":"badge","x":{"y":1,"y":2}}',
        b'{"credential_configuration_id":"badge","x":NaN}',
        b'{"credential_configuration_id":"badge","x":1e999}',
        b'{"credential_configuration_id":"badge","x":"\\ud800"}',
        b'{"credential_configuration_id":"badge","x":' + b"1" * 5000 + b"}",
        b'{"credential_configuration_id":"badge","x":"' + b"x" * (4 << 20) + b'"}',
        b"credential_configuration_id=badge",
        {},
        {"credential_configuration_id": None},
        {"credential_configuration_id": ""},
        {"credential_configuration_id": 1},
        {"credential_configuration_id": True},
        {"credential_configuration_id": ["badge"]},
        {"credential_configuration_id": {"badge": 1}},
        {"credential_configuration_id": "x" * 5000},
        {"credential_identifier": None},
        {"credential_identifier": ""},
        {"credential_identifier": 1},
        {"credential_identifier": ["badge"]},
        {"credential_identifier": "badge", "credential_configuration_id": "badge"},
        {"credential_identifier": None, "credential_configuration_id": "badge"},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_malformed_body_is_invalid_credential_request(body: Any) -> None:
    world = issuance()
    token = world.token("badge")
    before = world.host.rows
    refused(world.credential(token, body), "invalid_credential_request")
    assert world.host.rows == before
    assert len(world.host.orders) == 1


@pytest.mark.spec("VCI-8.2-30", "VCI-8.3.1.2-06")
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "", "json", "application/jwt+json", "é"]
)
def test_another_content_type_is_invalid_credential_request(content_type: str) -> None:
    world = issuance()
    refused(world.credential(world.token("badge"), BADGE, content_type=content_type), "invalid_credential_request")


def test_no_content_type_or_two_are_invalid_credential_request() -> None:
    world = issuance()
    token, body = f"Bearer {world.token('badge')}", json.dumps(BADGE).encode()
    for types in ([], [("content-type", JSON), ("Content-Type", JSON)]):
        pairs = [("authorization", token), *types]
        refused(world.send(Request("POST", CREDENTIAL, pairs, body)), "invalid_credential_request")


@pytest.mark.spec("VCI-8.2-01")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "post", "POST ", ""])
def test_other_methods_are_refused(method: str) -> None:
    world = issuance()
    request = credential_request(world.token("badge"), BADGE)
    response = world.send(Request(method, request.url, request.headers, request.body))
    assert (response.status, response.headers.get("allow")) == (405, "POST")


@pytest.mark.spec("VCI-8.2-26", "VCI-8.3.1.2-19")
def test_an_encrypted_request_to_an_issuer_that_announces_none_is_refused() -> None:
    world = issuance()
    token = world.token("badge")
    for body in (b"a.b.c.d.e", b"", json.dumps(BADGE).encode()):
        refused(world.credential(token, body, content_type="application/jwt"), "invalid_encryption_parameters")


@pytest.mark.spec("VCI-8.2-31", "VCI-8.2-34", "VCI-8.3.1.2-19")
@pytest.mark.parametrize(
    "parameters",
    [
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "alg": "ECDH-ES"}, "enc": "A256GCM"},
        {},
        None,
        "x",
        [],
    ],
)
def test_response_encryption_that_is_not_announced_is_refused_before_proofs_are_looked_at(parameters: Any) -> None:
    """Identifier and encryption checks come before proof checks; the answer is plain JSON."""
    world = issuance()
    token = world.token("badge", "note")
    members = {"credential_response_encryption": parameters}
    refused(world.credential(token, {**BADGE, **members}), "invalid_encryption_parameters")
    refused(world.credential(token, order_of("broken", **members)), "invalid_encryption_parameters")
    refused(world.credential(token, order_of("broken", configuration_id="x", **members)), "unknown_credential_configuration")


# --- identifiers -------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-05", "VCI-8.2-10", "VCI-8.2-06", "VCI-8.3.1.2-06")
def test_exactly_one_of_the_two_names_a_credential() -> None:
    world = issuance()
    token = world.token("badge")
    both = {**BADGE, "credential_identifier": default_identifier("badge")}
    refused(world.credential(token, both), "invalid_credential_request")
    refused(world.credential(token, {"proofs": {}}), "invalid_credential_request")


@pytest.mark.spec("VCI-8.2-08", "VCI-8.3.1.2-07")
@pytest.mark.parametrize("name", ["unknown", "Badge", "badge ", " badge", "bàdge", "__class__"])
def test_an_unknown_configuration_is_named_so_before_proofs_are_looked_at(name: str) -> None:
    world = issuance()
    token = world.token("badge")
    refused(world.credential(token, {"credential_configuration_id": name}), "unknown_credential_configuration")
    refused(world.credential(token, order_of("broken", configuration_id=name)), "unknown_credential_configuration")


@pytest.mark.spec("VCI-8.3.1.2-08", "VCI-8.2-04")
def test_an_unknown_identifier_is_named_so_before_proofs_are_looked_at() -> None:
    world = issuance()
    details = json.dumps([{"type": "openid_credential", "credential_configuration_id": "badge"}])
    with_identifiers, without = world.token("badge", authorization_details=details), world.token("badge")
    for token in (with_identifiers, without):
        for identifier in ("unknown", default_identifier("note"), "badge"):
            body = {"credential_identifier": identifier, "proofs": {"jwt": ["broken"]}}
            refused(world.credential(token, body), "unknown_credential_identifier")
    refused(world.credential(without, {"credential_identifier": default_identifier("badge")}), "unknown_credential_identifier")


@pytest.mark.spec("VCI-8.2-03", "VCI-3.3.4-02")
def test_where_the_token_response_named_identifiers_one_of_them_is_needed() -> None:
    world = issuance()
    details = json.dumps(
        [{"type": "openid_credential", "credential_configuration_id": "badge", "claims": [{"path": ["grade"]}]}]
    )
    response = world.redeem(world.grant("badge"), authorization_details=details).json()
    refused(world.credential(response["access_token"], BADGE), "invalid_credential_request")
    (identifier,) = response["authorization_details"][0]["credential_identifiers"]
    assert world.credential(response["access_token"], {"credential_identifier": identifier}).status == 200
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.details is not None
    assert order.details.claims is not None
    assert [claim.path for claim in order.details.claims] == [("grade",)]


def test_a_configuration_that_was_granted_and_then_withdrawn_is_unknown() -> None:
    world = issuance()
    token = world.token("gone")
    refused(world.credential(token, {"credential_configuration_id": "gone"}), "unknown_credential_configuration")
    granted = world.redeem(world.grant("gone", datasets={"gone": ["set"]})).json()["access_token"]
    refused(world.credential(granted, {"credential_identifier": "set"}), "unknown_credential_identifier")


# --- the shape of proofs -------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-12", "VCI-8.2-13", "VCI-8.2-22", "VCI-8.3.1.2-09", "VCI-F-01", "VCI-F-06")
@pytest.mark.parametrize(
    "proofs",
    [
        None,
        {},
        [],
        "x",
        1,
        True,
        [{"jwt": ["x"]}],
        {"jwt": []},
        {"jwt": "x"},
        {"jwt": {}},
        {"jwt": None},
        {"jwt": [None]},
        {"jwt": [1]},
        {"jwt": [{}]},
        {"jwt": [["x"]]},
        {"jwt": [""]},
        {"jwt": ["x"], "attestation": ["y"]},
        {"jwt": ["x"], "": []},
        {"attestation": ["x"]},
        {"di_vp": [{}]},
        {"x-unknown": [1]},
        {"JWT": ["x"]},
        {"": ["x"]},
        {"jwt": ["x"] * 10_000},
        {"jwt": [["x"] * 100] * 4},
    ],
    ids=lambda proofs: repr(proofs)[:40],
)
def test_proofs_of_another_shape_are_invalid_proof(proofs: Any) -> None:
    world = issuance()
    token = world.token("note")
    refused(world.credential(token, {"credential_configuration_id": "note", "proofs": proofs}), "invalid_proof")
    assert len(world.host.orders) == 1


@pytest.mark.spec("VCI-8.2-22", "VCI-8.3.1.2-09")
def test_missing_proofs_are_invalid_proof() -> None:
    world = issuance()
    refused(world.credential(world.token("note"), {"credential_configuration_id": "note"}), "invalid_proof")


def test_thousands_of_good_proofs_are_refused_without_a_single_verification() -> None:
    world = issuance()
    call = world.issuer.read_credential_request(credential_request(world.token("note"), order_of(*[str(Proof("n"))] * 5_000)))
    assert isinstance(call, CredentialCall)
    assert isinstance(call.proofs_fault, InvalidProof)
    assert call.proofs is None
    assert call.lookups == call.access.lookups


def test_proofs_where_none_are_taken_are_refused_and_their_nonce_stays() -> None:
    world = issuance()
    token, nonce = world.token("badge", "note"), world.nonce()
    refused(world.credential(token, order_of(Proof(nonce), configuration_id="badge")), "invalid_proof")
    assert world.credential(token, order_of(Proof(nonce))).status == 200


# --- batches -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-3.3.2-02", "VCI-3.3.2-01", "VCI-8.3-10", "VCI-8.3-11")
def test_a_batch_has_a_credential_for_each_key_and_all_have_one_dataset() -> None:
    """Several proofs in one request."""
    world = issuance()
    nonce, holders = world.nonce(), [LocalSigner.generate(str(i)) for i in range(4)]
    response = world.credential(world.token("note"), order_of(*(Proof(nonce, holder) for holder in holders)))
    found = payloads(response)
    assert [payload["cnf"]["jwk"] for payload in found] == [holder.public_jwk for holder in holders]
    assert len({payload["salt"] for payload in found}) == 4
    assert [{name: payload[name] for name in CLAIMS} for payload in found] == [CLAIMS] * 4


def test_proofs_of_a_batch_may_be_made_with_several_algorithms_and_several_nonces() -> None:
    world = issuance()
    proofs = [Proof(world.nonce(), LocalSigner.generate(name, name)) for name in ("ES256", "ES384", "EdDSA")]
    assert len(payloads(world.credential(world.token("note"), order_of(*proofs)))) == 3
    # Every nonce of the request is spent by it.
    token = world.token("note")
    for proof in proofs:
        refused(world.credential(token, order_of(Proof(proof.nonce))), "invalid_nonce")


@pytest.mark.spec("HAIP-4-16")
@pytest.mark.parametrize(("size", "batch_size"), [(5, 4), (3, 2), (2, None)])
def test_more_proofs_than_the_batch_size_are_invalid_proof(size: int, batch_size: int | None) -> None:
    batch = None if batch_size is None else BatchCredentialIssuance(batch_size=batch_size)
    world = issuance(metadata=issuer_metadata(batch_credential_issuance=batch))
    token, nonce = world.token("note"), world.nonce()
    refused(world.credential(token, order_of(*(Proof(nonce) for _ in range(size)))), "invalid_proof")
    assert len(payloads(world.credential(token, order_of(*(Proof(nonce) for _ in range(size - 1)))))) == size - 1


@pytest.mark.spec("VCI-8.3-11")
def test_a_key_that_is_proved_twice_gets_one_credential() -> None:
    world = issuance()
    nonce, holder = world.nonce(), LocalSigner.generate("holder")
    named = {**holder.public_jwk, "kid": "other", "alg": "ES256", "use": "sig"}
    body = order_of(Proof(nonce, holder), Proof(nonce, holder, header={"jwk": named}), Proof(nonce))
    assert len(payloads(world.credential(world.token("note"), body))) == 2


@pytest.mark.spec("VCI-8.3.1.2-09", "VCI-8.3.1.2-10")
def test_one_bad_proof_among_good_ones_refuses_all_and_consumes_nothing() -> None:
    world = issuance()
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    bad = {
        "invalid_proof": Proof(nonce, signer=LocalSigner.generate("another")),
        "invalid_nonce": Proof("unknown"),
    }
    for error, proof in bad.items():
        for position in range(3):
            proofs = [Proof(nonce), Proof(nonce)]
            proofs.insert(position, proof)
            refused(world.credential(token, order_of(*proofs)), error)
    assert world.host.rows == before
    assert world.credential(token, order_of(Proof(nonce))).status == 200


@pytest.mark.spec("VCI-8.3-10")
def test_the_application_may_issue_fewer() -> None:
    world = issuance()
    nonce = world.nonce()
    order = verified(world, credential_request(world.token("note"), order_of(*(Proof(nonce) for _ in range(3)))))
    assert len(payloads(order.issue(CLAIMS, limit=2).finish().response)) == 2
    assert len(payloads(order.issue(CLAIMS, limit=9).finish().response)) == 3
    for limit in (0, -1):
        with pytest.raises(ValueError, match="at least one"):
            order.issue(CLAIMS, limit=limit)


def test_copies_have_members_of_their_own() -> None:
    world = issuance()
    nonce = world.nonce()
    order = verified(world, credential_request(world.token("note"), order_of(Proof(nonce), Proof(nonce))))
    found = payloads(order.issue(CLAIMS, copies=[{"status": 7}, {"status": 3}]).finish().response)
    assert [payload["status"] for payload in found] == [7, 3]


@pytest.mark.spec("VCI-8.3-10", "VCI-8.3-07", "VCI-8.3-13", "VCI-8.3-11")
@pytest.mark.parametrize("credentials", [(), ("a", "b"), (1,), (None,), (b"x",), (["a"],)])
def test_an_encoder_that_makes_another_number_or_another_kind_of_credentials_is_stopped(credentials: tuple[Any, ...]) -> None:
    world = issuance(encoders={**encoders(), "object": FixedEncoder(credentials)})
    order = verified(world, credential_request(world.token("object"), {"credential_configuration_id": "object"}))
    with pytest.raises(ValueError, match="one credential for each holder key"):
        order.issue(CLAIMS).finish()


def test_claims_that_the_format_reserves_are_the_applications_mistake() -> None:
    world = issuance()
    order = verified(world, credential_request(world.token("badge"), BADGE))
    with pytest.raises(ValueError, match="reserved"):
        order.issue({"cnf": {}})


# --- decisions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-13", "VCI-8.3.1.2-02", "VCI-8.3.1.2-15")
def test_the_application_may_deny_and_nothing_is_consumed() -> None:
    class Strict(Host):
        def decide(self, order: Any, /) -> Any:
            return order.deny("no longer enrolled") if isinstance(order, CredentialOrder) else super().decide(order)

    world = issuance(host=Strict())
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    body = refused(world.credential(token, order_of(Proof(nonce))), "credential_request_denied")
    assert body["error_description"] == "no longer enrolled"
    assert world.host.rows == before
    assert CredentialRequestDenied().body == {"error": "credential_request_denied"}


@pytest.mark.spec("VCI-8.3.1.2-16", "VCI-8.3.1.2-17")
@pytest.mark.parametrize("description", ["é", 'say "no"', "back\\slash", "line\nbreak", "\x7f", "☃"])
def test_a_description_outside_the_allowed_characters_cannot_be_given(description: str) -> None:
    world = issuance()
    order = verified(world, credential_request(world.token("badge"), BADGE))
    with pytest.raises(ValueError, match="ASCII"):
        order.deny(description)


def test_no_stage_shows_a_secret() -> None:
    world = issuance()
    granted = world.grant("note", note={"id": "secret-note"})
    token, nonce = world.redeem(granted).json()["access_token"], world.nonce()
    proof = str(Proof(nonce))
    request = credential_request(token, order_of(proof))
    call = world.issuer.read_credential_request(request)
    records = world.host.load(call.lookups)
    order = call.verify(records, now=NOW)
    draft = order.issue({"given_name": "secret-claim"})
    reply = draft.finish()
    assert order.note == {"id": "secret-note"}
    shown = repr(
        [world.issuer, request, call, call.proofs, call.access, call.access.token, records, order, order.nonces, draft, reply]
    )
    for secret in (token, nonce, proof, proof.split(".")[2], "secret-note", "secret-claim"):
        assert secret not in shown


@pytest.mark.spec("VCI-8.3.1.2-05")
def test_errors_repeat_nothing_that_was_sent() -> None:
    world = issuance()
    token = world.token("note", "badge")
    listed = {
        "invalid_credential_request",
        "unknown_credential_configuration",
        "unknown_credential_identifier",
        "invalid_proof",
        "invalid_nonce",
        "invalid_encryption_parameters",
        "credential_request_denied",
    }
    holder = LocalSigner.generate("holder")
    for body in (
        b'{"BOGUS":1,"BOGUS":2}',
        b'{"BOGUS',
        {"credential_configuration_id": "BOGUS"},
        {"credential_identifier": "BOGUS"},
        {"credential_configuration_id": ["BOGUS"]},
        {"credential_configuration_id": "note", "proofs": {"BOGUS": ["BOGUS"]}},
        order_of("BOGUS"),
        order_of(jws({"BOGUS": 1, "typ": "BOGUS"}, {"BOGUS": 1}, holder)),
        order_of(Proof("BOGUS")),
        order_of(Proof(world.nonce(), claims={"aud": "BOGUS", "iss": "BOGUS"})),
        order_of(Proof(world.nonce(), header={"alg": "BOGUS"})),
        order_of(Proof(world.nonce(), header={"jwk": {"kty": "BOGUS", "BOGUS": "BOGUS"}})),
    ):
        response = world.credential(token, body)
        assert response.json()["error"] in listed
        assert response.status == 400
        assert b"BOGUS" not in response.body


@pytest.mark.spec("VCI-8.3.1.2-02", "VCI-8.3.1.2-05")
def test_every_error_of_the_payload_has_status_400() -> None:
    found = {cls.error: cls.status for cls in Refusal.__subclasses__() if getattr(cls, "section", "") == "OID4VCI 8.3.1.2"}
    assert found == dict.fromkeys(
        (
            "invalid_credential_request",
            "unknown_credential_configuration",
            "unknown_credential_identifier",
            "invalid_proof",
            "invalid_nonce",
            "invalid_encryption_parameters",
            "credential_request_denied",
        ),
        400,
    )
    assert {MissingToken.status, InvalidToken.status, InsufficientScope.status, InvalidTokenRequest.status} == {400, 401, 403}
    assert InvalidCredentialRequest().status == 400


# --- keys elsewhere -------------------------------------------------------------------------------------------------------------


def test_a_key_elsewhere_signs_what_the_draft_lists() -> None:
    host = Host()
    world = issuance(host=host, encoders=encoders(host.remote_signer))
    nonce = world.nonce()
    order = verified(world, credential_request(world.token("note"), order_of(Proof(nonce), Proof(nonce))))
    draft = order.issue(CLAIMS)
    assert [(each.key_id, each.algorithm) for each in draft.to_sign] == [("remote", "ES256")] * 2
    good = host.sign(draft.to_sign)
    for signatures in ((), good[:1], [*good, good[0]], [good[0], b""], [good[0], good[1][:-1]], [good[0], good[1] + b"\0"]):
        with pytest.raises(ValueError, match="signature"):
            draft.finish(signatures)
    reply = draft.finish(good)
    assert len(payloads(reply.response)) == 2
    assert len(reply.changes) == 1
    # The driver asks the host to sign.
    assert world.credential(world.token("note"), order_of(Proof(nonce))).status == 200


def test_a_key_in_the_process_takes_no_signatures() -> None:
    world = issuance()
    draft = verified(world, credential_request(world.token("badge"), BADGE)).issue(CLAIMS)
    assert draft.to_sign == ()
    with pytest.raises(ValueError, match="no signatures are expected"):
        draft.finish([b"x"])


def test_with_the_same_secrets_the_same_response_comes_out() -> None:
    replies = []
    for _ in range(2):
        host = Host()
        signer = LocalSigner.from_jwk(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }
        )
        world = issuance(host=host, encoders=encoders(signer), new_secret=counted(), server={"new_secret": counted(100)})
        replies.append(world.credential(world.token("badge"), BADGE).body)
    assert replies[0] == replies[1]


# --- a format of the specification -----------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-3.3.2-02", "VCI-8.3-11")
def test_a_batch_of_sd_jwt_vcs_verifies_with_another_library() -> None:
    signer = LocalSigner.generate("issuer-1")
    pid = SdJwtVcConfiguration(
        vct="urn:example:pid",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    world = issuance(
        metadata=issuer_metadata(credential_configurations_supported={"pid": pid}),
        encoders={"pid": SdJwtVcEncoder(signer=signer, disclosable=(("given_name",),))},
    )
    nonce, holders = world.nonce(), [LocalSigner.generate(str(i)) for i in range(3)]
    proofs = (Proof(nonce, holder) for holder in holders)
    response = world.credential(world.token("pid"), order_of(*proofs, configuration_id="pid"))
    credentials = [each["credential"] for each in response.json()["credentials"]]
    assert len(set(credentials)) == 3
    issuer_key = JWK(**signer.public_jwk)
    for credential, holder in zip(credentials, holders, strict=True):
        payload = SDJWTVerifier(credential, lambda issuer, header: issuer_key).get_verified_payload()
        assert payload["cnf"] == {"jwk": holder.public_jwk}
        assert (payload["vct"], payload["given_name"], payload["grade"]) == ("urn:example:pid", "Ada", 1)


# --- a proof type of a third party -----------------------------------------------------------------------------------------------


@frozen
class Vouched:
    values: tuple[Any, ...]

    @property
    def nonces(self) -> tuple[str | None, ...]:
        return tuple(value.get("nonce") for value in self.values)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        return tuple(KeyReference(value["url"]) for value in self.values)

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        return ()

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        if expected.audience != IDENTIFIER or tuple(expected.algorithms) != (-7,):
            raise InvalidProof("not for us")
        return Proved(tuple(key for reference in self.key_refs for key in keys.get(reference, ())))


class VouchedProofType:
    """Keys that live behind a URL; nothing is signed at all."""

    algorithms = (-7,)
    validates_key_attestations = False

    def read(self, proofs: Sequence[Any]) -> Vouched:
        if not all(isinstance(proof, dict) and isinstance(proof.get("url"), str) for proof in proofs):
            raise InvalidProof("each proof must be an object with a url")
        return Vouched(tuple(proofs))


class Resolver(Host):
    published: Mapping[str, Sequence[PublicKey]] = {}

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        super().resolve(references)
        return {each: self.published[each.url] for each in references if each.url in self.published}


VOUCHED = CredentialConfiguration(
    format="x-note",
    cryptographic_binding_methods_supported=("jwk",),
    proof_types_supported={"x-vouched": ProofType(proof_signing_alg_values_supported=(-7,))},
)


def vouching(published: Mapping[str, Sequence[PublicKey]]) -> Issuance:
    host = Resolver()
    host.published = published
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported={"note": VOUCHED}),
        encoders={"note": encoders()["note"]},
        proof_types={"x-vouched": VouchedProofType(), "jwt": JwtProofType()},
        host=host,
    )


@pytest.mark.spec("VCI-F-06")
def test_a_third_party_adds_a_proof_type() -> None:
    keys = [public_key(LocalSigner.generate(str(i)).public_jwk) for i in range(5)]
    world = vouching({"https://a.example": keys[:3], "https://b.example": keys, "https://c.example": []})
    token, nonce = world.token("note"), world.nonce()

    def ask(*values: Any, proof_type: str = "x-vouched") -> Response:
        return world.credential(token, {"credential_configuration_id": "note", "proofs": {proof_type: list(values)}})

    refused(ask({"nonce": nonce}), "invalid_proof")
    refused(ask({"url": "https://a.example"}), "invalid_proof")
    refused(ask({"url": "https://a.example", "nonce": "x"}), "invalid_nonce")
    # No key, not resolved, and more keys than the batch size allows: never an unbound credential.
    for url in ("https://c.example", "https://unknown.example", "https://b.example"):
        refused(ask({"url": url, "nonce": nonce}), "invalid_proof")
    # A type that is known but not for this configuration.
    refused(ask(str(Proof(nonce)), proof_type="jwt"), "invalid_proof")
    assert [each["cnf"]["jwk"] for each in payloads(ask({"url": "https://a.example", "nonce": nonce}))] == [
        dict(key.jwk) for key in keys[:3]
    ]
    assert world.host.asked[-1] == KeyReference("https://a.example")


# --- nothing but refusals ---------------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=20)
WORLD = issuance(nonces=None, metadata=issuer_metadata(nonce_endpoint=None))
TOKENS = (
    WORLD.token("note", "badge"),
    WORLD.redeem(WORLD.grant("note", "badge", datasets={"note": ["n"]})).json()["access_token"],
)
GOOD = str(Proof(None))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["note", "badge", "n", "badge/default", GOOD, GOOD[:-1], "a.b.c", "e30.e30.AA"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT | st.sampled_from(["jwt", "attestation", "di_vp", "jwk", "enc"]), inner, max_size=3)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(
    st.sampled_from(
        ["credential_configuration_id", "credential_identifier", "proofs", "credential_response_encryption", "format"]
    )
    | TEXT,
    VALUES,
    max_size=5,
)
SHAPES = st.fixed_dictionaries(
    {"credential_configuration_id": st.sampled_from(["note", "badge"])},
    optional={"proofs": st.dictionaries(st.just("jwt"), st.lists(VALUES, max_size=5), min_size=1)},
)


def answer(request: Request) -> None:
    """Whatever is not a refusal with a reply fails the test."""
    try:
        call = WORLD.issuer.read_credential_request(request)
        reply = call.verify(WORLD.host.load(call.lookups), now=NOW).issue(CLAIMS).finish()
    except Refusal as refusal:
        reply = refusal.reply
    assert reply.response.status in {200, 400, 401, 403, 405}
    if reply.response.status == 400:
        refused(reply.response, reply.response.json()["error"])


@given(BODIES | SHAPES, st.sampled_from(TOKENS))
def test_any_json_object_is_answered_or_refused(body: dict[str, Any], token: str) -> None:
    answer(credential_request(token, body))


@given(VALUES, st.sampled_from(TOKENS))
def test_any_json_is_answered_or_refused(body: Any, token: str) -> None:
    answer(credential_request(token, json.dumps(body).encode()))


@given(st.binary(max_size=200), st.sampled_from([JSON, "application/jwt", ""]) | TEXT)
def test_any_body_is_answered_or_refused(body: bytes, content_type: str) -> None:
    answer(credential_request(TOKENS[0], body, content_type=content_type))


@given(TEXT, st.lists(st.tuples(TEXT | st.sampled_from(["authorization", "content-type", "dpop"]), TEXT), max_size=4), TEXT)
def test_any_headers_and_any_target_are_answered_or_refused(method: str, headers: list[tuple[str, str]], target: str) -> None:
    good = credential_request(TOKENS[0], BADGE)
    for request in (
        Request(method, target, headers, good.body),
        Request("POST", f"{CREDENTIAL}?{target}", [*good.headers.pairs, *headers], good.body),
        Request("POST", f"{CREDENTIAL}?access_token{target}", good.headers, good.body),
    ):
        answer(request)
        assert WORLD.send(request).status in {200, 400, 401, 404, 405}


@given(TEXT | st.text("abc=./-_~+ ", max_size=40))
def test_any_token_is_refused(token: str) -> None:
    with suppress(Refusal):
        WORLD.issuer.read_credential_request(credential_request(token, BADGE))
        pytest.fail("a token that nobody sealed was taken")


def test_sealed_by_other_keys() -> None:
    token = issuance(keys=secret_keys(2)).token("badge")
    refused(issuance(keys=secret_keys(1)).credential(token, BADGE), "invalid_token", status=401)


@pytest.mark.spec("VCI-8.2-21")
def test_proofs_that_name_no_nonce_at_all_are_refused() -> None:
    class Silent(VouchedProofType):
        def read(self, proofs: Sequence[Any]) -> Vouched:
            class WithoutNonces(Vouched):
                __slots__ = ()
                nonces = ()

            return WithoutNonces(tuple(proofs))

    key = public_key(LocalSigner.generate("k").public_jwk)
    host = Resolver()
    host.published = {"https://a.example": [key]}
    world = issuance(
        metadata=issuer_metadata(credential_configurations_supported={"note": VOUCHED}),
        encoders={"note": encoders()["note"]},
        proof_types={"x-vouched": Silent()},
        host=host,
    )
    body = {"credential_configuration_id": "note", "proofs": {"x-vouched": [{"url": "https://a.example"}]}}
    refused(world.credential(world.token("note"), body), "invalid_proof")
