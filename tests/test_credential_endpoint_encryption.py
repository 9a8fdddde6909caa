"""The Credential Endpoint with encryption (OID4VCI 8.2, 8.3, 10): what is taken, what is refused, how answers are encrypted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import b64url_encode
from oid4vci.encryption import DecryptionKey
from oid4vci.http import Response
from oid4vci.issuer.request_body import MAX_REQUEST
from oid4vci.secret import new_secret
from tests.encrypted_messages import ANSWER_KEY, BADGE, JWT, REQUEST_KEY, asking, encrypting, opened, sealed, sealed_request
from tests.issuance import Issuance, Proof, issuance, order_of, refused
from tests.jwes import changed_header, made

CURVES_AND_ALGORITHMS = [
    ("P-256", "ECDH-ES"),
    ("P-384", "ECDH-ES"),
    ("P-521", "ECDH-ES+A128KW"),
    ("X25519", "ECDH-ES"),
    ("X25519", "ECDH-ES+A256KW"),
]


def credential_of(members: dict[str, Any]) -> str:
    assert members.keys() == {"credentials"}
    (element,) = members["credentials"]
    assert isinstance(element["credential"], str)
    return element["credential"]


def nothing_happened(world: Issuance) -> bool:
    """Nobody decided anything, and no nonce was spent."""
    return len(world.host.orders) == 1 and not any(key.kind == "c_nonce" for key in world.host.rows)


# --- requests -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec(
    "VCI-8.2-02", "VCI-8.2-14", "VCI-8.2-15", "VCI-8.2-27", "VCI-8.3-06", "VCI-10-01", "VCI-10-02", "VCI-12.2.4-27"
)
def test_encrypted_and_plain_requests_are_the_same_request() -> None:
    world = encrypting()
    token = world.token("badge", "note")
    plain = world.credential(token, BADGE)
    encrypted = world.send(sealed_request(token, BADGE))
    # Neither asked for an encrypted answer.
    for response in (plain, encrypted):
        assert (response.status, response.headers.get("content-type")) == (200, "application/json")
        assert credential_of(response.json())
    response = world.send(sealed_request(token, order_of(Proof(world.nonce()), Proof(world.nonce()))))
    assert len(response.json()["credentials"]) == 2


@pytest.mark.parametrize(("crv", "alg"), CURVES_AND_ALGORITHMS)
def test_several_keys_and_retired_ones_are_found_by_their_kid(crv: str, alg: str) -> None:
    old, new = REQUEST_KEY, DecryptionKey.generate("enc-2", alg=alg, crv=crv)
    world = encrypting(keys=[new], retired_keys=[old])
    token = world.token("badge")
    for key in (old, new):
        assert world.send(sealed_request(token, BADGE, key=key)).status == 200
    published = world.issuer.metadata.credential_request_encryption
    assert published is not None
    assert [jwk["kid"] for jwk in published.keys] == ["enc-2"]


def test_the_media_type_may_have_parameters_and_capitals() -> None:
    world = encrypting()
    token = world.token("badge")
    assert world.credential(token, sealed(BADGE), content_type="Application/JWT; charset=utf-8").status == 200


@pytest.mark.spec("VCI-8.2-28", "VCI-8.3.1.2-12", "VCI-10-10", "VCI-12.2.4-28")
def test_a_plain_request_where_encryption_is_required() -> None:
    world = encrypting(requests_required=True)
    token = world.token("badge", "note")
    refused(world.credential(token, BADGE), "invalid_encryption_parameters")
    refused(world.credential(token, order_of(Proof(world.nonce()))), "invalid_encryption_parameters")
    assert nothing_happened(world)
    refused(world.credential(token, b"{", content_type="application/json"), "invalid_credential_request")
    assert world.send(sealed_request(token, BADGE)).status == 200


@pytest.mark.spec("VCI-8.2-29", "VCI-10-05", "VCI-10-07", "VCI-10-09", "VCI-8.3.1.2-12")
@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": "enc-2"},
        {"kid": ["enc-1"]},
        {"alg": "ECDH-ES+A128KW"},
        {"alg": "dir"},
        {"alg": None},
        {"enc": "A128CBC-HS256"},
        {"enc": None},
        {"zip": "DEF"},
        {"apu": b64url_encode(b"x")},
        {"epk": None},
    ],
)
def test_a_request_by_other_parameters_than_are_announced(header: dict[str, Any]) -> None:
    world = encrypting(enc_values=("A256GCM",), zip_values=())
    token = world.token("badge")
    assert world.credential(token, made({}, json.dumps(BADGE).encode(), REQUEST_KEY), content_type=JWT).status == 200
    before = world.host.rows
    message = made(header, json.dumps(BADGE).encode(), REQUEST_KEY)
    refused(world.credential(token, message, content_type=JWT), "invalid_encryption_parameters")
    assert world.host.rows == before


def test_a_request_to_the_key_of_another_with_the_same_name() -> None:
    world = encrypting()
    body = refused(
        world.send(sealed_request(world.token("badge"), BADGE, key=DecryptionKey.generate("enc-1"))),
        "invalid_encryption_parameters",
    )
    assert body["error_description"] == "cannot be decrypted"


@pytest.mark.spec("VCI-10-02", "VCI-8.2-30", "VCI-8.3.1.2-19")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JWT),
        (b"a.b.c", JWT),
        (b"a.b.c.d.e", JWT),
        (json.dumps(BADGE).encode(), JWT),
        (sealed(BADGE) + b"\n", JWT),
        (sealed(BADGE) + b".x", JWT),
        (changed_header(sealed(BADGE), lambda header: {**header, "crit": ["kid"]}), JWT),
        (sealed(BADGE), "application/json"),
        (sealed(BADGE), "application/jose"),
        (sealed(BADGE), "application/x-www-form-urlencoded"),
        (b"x" * (MAX_REQUEST + 1), JWT),
    ],
)
def test_a_request_that_is_no_encrypted_message(body: bytes, content_type: str) -> None:
    world = encrypting()
    refused(world.credential(world.token("badge"), body, content_type=content_type), "invalid_credential_request")
    assert nothing_happened(world)


@pytest.mark.spec("VCI-10-01")
@pytest.mark.parametrize(
    "plaintext", [b"", b"[]", b'"x"', b"null", b"{", b'{"a":1,"a":1}', b"\xff", b"e30.e30.AA", sealed(BADGE)]
)
def test_a_message_that_has_no_json_object_in_it(plaintext: bytes) -> None:
    """Nor a signed or another encrypted message: what was encrypted is the request itself."""
    world = encrypting()
    refused(world.send(sealed_request(world.token("badge"), plaintext)), "invalid_credential_request")


@pytest.mark.spec("VCI-10-08", "VCI-10-09")
def test_a_request_may_be_compressed_and_not_inflate_without_end() -> None:
    world = encrypting()
    token = world.token("badge")
    assert world.send(sealed_request(token, BADGE, zip="DEF")).status == 200
    bomb = {**BADGE, "x": " " * MAX_REQUEST}
    request = sealed_request(token, bomb, zip="DEF")
    assert len(request.body) < 10_000
    refused(world.send(request), "invalid_encryption_parameters")
    # Where it is not announced, it is not taken.
    plain = encrypting(zip_values=())
    refused(plain.send(sealed_request(plain.token("badge"), BADGE, zip="DEF")), "invalid_encryption_parameters")


def test_a_small_request_does_not_become_a_large_one() -> None:
    """Before any token is looked at: 8 KB that become 4 MB of arrays take a second to read, and whoever sends them none."""
    world = encrypting()
    token = world.token("badge")
    grown = b"{" + b" " * 100_000 + b'"a":[' + b",".join([b"[]"] * 100_000) + b"]}"
    request = sealed_request(token, grown, zip="DEF")
    assert len(request.body) < 8_192
    error = refused(world.send(request), "invalid_encryption_parameters")
    assert error["error_description"] == "decompresses to too much"
    # What every proof of a batch has in it as well, such as a key attestation, makes it a good deal larger too.
    attestation = b64url_encode(new_secret(7_500))
    proofs = [f"{attestation}.{b64url_encode(new_secret(96))}" for _ in range(100)]
    request = sealed_request(token, {**BADGE, "proofs": {"jwt": proofs}}, zip="DEF")
    assert len(request.body) < 40_000
    refused(world.send(request), "invalid_proof")


# --- answers --------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-05", "VCI-8.2-19", "VCI-8.2-32", "VCI-10-05", "VCI-10-06", "VCI-10-07", "VCI-10-09", "VCI-12.2.4-35")
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"])
@pytest.mark.parametrize(("crv", "alg"), CURVES_AND_ALGORITHMS)
@pytest.mark.parametrize("kid", [None, "answer"])
def test_an_answer_is_encrypted_as_the_request_says(enc: str, crv: str, alg: str, kid: str | None) -> None:
    world, key = encrypting(), DecryptionKey.generate(kid, alg=alg, crv=crv)
    request = sealed_request(world.token("badge"), {**BADGE, "credential_response_encryption": asking(key, enc=enc)})
    named: dict[str, Any] = {} if kid is None else {"kid": kid}
    assert credential_of(opened(world.send(request), key, enc=enc, **named))


@pytest.mark.spec("VCI-8.2-18", "VCI-10-08")
def test_an_answer_is_compressed_if_that_was_asked_for() -> None:
    world = encrypting()
    token = world.token("badge")
    request = sealed_request(token, {**BADGE, "credential_response_encryption": asking(zip="DEF")})
    assert credential_of(opened(world.send(request), zip="DEF"))


def test_each_answer_has_a_key_of_its_own() -> None:
    world = encrypting()
    token = world.token("badge")
    request = sealed_request(token, {**BADGE, "credential_response_encryption": asking()})
    assert len({world.send(request).body.split(b".")[0] for _ in range(3)}) == 3


@pytest.mark.spec("VCI-8.2-33", "VCI-8.3.1.2-12", "VCI-10-10")
def test_a_request_that_does_not_ask_for_an_encrypted_answer_where_that_is_required() -> None:
    world = encrypting(responses_required=True)
    token = world.token("badge", "note")
    refused(world.credential(token, BADGE), "invalid_encryption_parameters")
    refused(world.send(sealed_request(token, BADGE)), "invalid_encryption_parameters")
    refused(world.send(sealed_request(token, order_of(Proof(world.nonce())))), "invalid_encryption_parameters")
    assert nothing_happened(world)
    request = sealed_request(token, {**BADGE, "credential_response_encryption": asking()})
    assert credential_of(opened(world.send(request)))


@pytest.mark.spec("VCI-8.2-34", "VCI-8.3.1.2-12")
def test_a_plain_request_may_not_ask_for_an_encrypted_answer() -> None:
    """Whoever can read it could put a key of his own there."""
    world = encrypting()
    token = world.token("badge")
    members = {**BADGE, "credential_response_encryption": asking()}
    refused(world.credential(token, members), "invalid_encryption_parameters")
    assert nothing_happened(world)
    assert opened(world.send(sealed_request(token, members)))


@pytest.mark.spec("VCI-8.2-31")
def test_an_issuer_that_encrypts_no_answers() -> None:
    world = encrypting(responses=False)
    assert world.issuer.metadata.credential_response_encryption is None
    token = world.token("badge")
    assert world.send(sealed_request(token, BADGE)).status == 200
    request = sealed_request(token, {**BADGE, "credential_response_encryption": asking()})
    refused(world.send(request), "invalid_encryption_parameters")


JWK = dict(ANSWER_KEY.public_jwk)


@pytest.mark.spec(
    "VCI-8.2-14", "VCI-8.2-16", "VCI-8.2-17", "VCI-8.2-18", "VCI-8.3.1.2-12", "VCI-10-04", "VCI-12.2.4-30", "VCI-12.2.4-32"
)
@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "x",
        [],
        {},
        True,
        asking(jwk=None),
        asking(jwk=[JWK]),
        asking(jwk={"keys": [JWK]}),
        asking(jwk="x"),
        asking(jwk={**JWK, "d": "AA"}),
        asking(jwk={**JWK, "use": "sig"}),
        asking(jwk={**JWK, "y": JWK["x"]}),
        asking(jwk={**JWK, "alg": "RSA-OAEP-256"}),
        asking(jwk={**JWK, "alg": "ECDH-ES+A128KW"}),
        asking(jwk={name: value for name, value in JWK.items() if name != "alg"}),
        asking(jwk={name: value for name, value in JWK.items() if name != "alg"}, alg="ECDH-ES"),
        asking(jwk={"kty": "oct", "k": "AA", "alg": "dir"}),
        asking(enc=None),
        asking(enc=""),
        asking(enc="A192GCM"),
        asking(enc=["A128GCM"]),
        asking(zip="DEF"),
        asking(zip="GZIP"),
        asking(zip=1),
        {**asking(), "zip": None},
    ],
)
def test_parameters_that_no_answer_can_be_encrypted_by(parameters: Any) -> None:
    """Refused before proofs are looked at and anything is spent, after identifiers; in plain JSON."""
    world = encrypting(alg_values=("ECDH-ES",), enc_values=("A128GCM", "A256GCM"), zip_values=())
    token, nonce = world.token("badge", "note"), world.nonce()
    asked: dict[str, Any] = {"credential_response_encryption": parameters}
    refused(world.send(sealed_request(token, {**BADGE, **asked})), "invalid_encryption_parameters")
    refused(world.send(sealed_request(token, order_of(Proof(nonce), **asked))), "invalid_encryption_parameters")
    refused(world.send(sealed_request(token, order_of("broken", **asked))), "invalid_encryption_parameters")
    unknown = order_of("broken", configuration_id="x", **asked)
    refused(world.send(sealed_request(token, unknown)), "unknown_credential_configuration")
    assert nothing_happened(world)
    good: dict[str, Any] = {"credential_response_encryption": asking()}
    assert opened(world.send(sealed_request(token, order_of(Proof(nonce), **good))))


def test_further_members_are_ignored() -> None:
    world = encrypting()
    asked: dict[str, Any] = {"credential_response_encryption": asking(x=1, jwk={**JWK, "x5t": "x"})}
    assert opened(world.send(sealed_request(world.token("badge"), {**BADGE, **asked})))


# --- errors ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-19")
def test_errors_are_never_encrypted() -> None:
    world = encrypting()
    token = world.token("badge", "note")
    asked: dict[str, Any] = {"credential_response_encryption": asking()}
    for body, code in (
        (order_of("broken", **asked), "invalid_proof"),
        (order_of(Proof("not a nonce"), **asked), "invalid_nonce"),
        ({"credential_configuration_id": "x", **asked}, "unknown_credential_configuration"),
        ({"credential_identifier": "x", **asked}, "unknown_credential_identifier"),
        ({**asked}, "invalid_credential_request"),
    ):
        refused(world.send(sealed_request(token, body)), code)
    denied = world.issuer.read_credential_request(sealed_request(token, {**BADGE, **asked}))
    order = denied.verify(world.host.load(denied.lookups), now=1_800_000_000)
    refused(order.deny("no").response, "credential_request_denied")


def test_nothing_is_said_to_who_has_no_token() -> None:
    """Not even whether a message can be decrypted."""
    world = encrypting(requests_required=True)
    answers: list[Response] = []
    for body in (sealed(BADGE), sealed(BADGE, DecryptionKey.generate("enc-1")), b"", sealed(BADGE)[:-1], sealed(b"[]")):
        answers.append(world.credential("no-token", body, content_type=JWT))
    assert {answer.status for answer in answers} == {401}
    assert len({(answer.headers, answer.body) for answer in answers}) == 1


def test_without_encryption_nothing_of_it_is_there() -> None:
    world = issuance()
    assert world.issuer.encryption is None
    assert not any("encryption" in name for name in world.issuer.metadata.to_json())


# --- shapes ---------------------------------------------------------------------------------------------------------------------

WORLD = encrypting()
TOKEN = WORLD.token("badge")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["ECDH-ES", "A128GCM", "DEF", "P-256"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*JWK, "d", "k", "kid"]), inner, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["jwk", "enc", "zip", "alg"]), VALUES) | VALUES)
def test_whatever_is_asked_for_is_answered_or_refused(parameters: Any) -> None:
    body = {**BADGE, "credential_response_encryption": parameters}
    response = WORLD.send(sealed_request(TOKEN, body))
    assert response.status == 400
    refused(response, "invalid_encryption_parameters")


@given(st.dictionaries(st.sampled_from(list(JWK)), VALUES, min_size=1))
def test_a_key_with_other_members_is_encrypted_to_or_refused(members: dict[str, Any]) -> None:
    body = {**BADGE, "credential_response_encryption": asking(jwk={**JWK, **members})}
    response = WORLD.send(sealed_request(TOKEN, body))
    assert response.media_type == JWT if response.status == 200 else refused(response, "invalid_encryption_parameters")


@given(st.binary(max_size=200))
def test_any_plaintext_is_answered_or_refused(plaintext: bytes) -> None:
    refused(WORLD.send(sealed_request(TOKEN, plaintext)), "invalid_credential_request")
