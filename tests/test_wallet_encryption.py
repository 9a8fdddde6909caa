"""A Wallet encrypts Credential Requests and reads encrypted answers (OID4VCI 8.2, 10), at our issuer and at scripted ones."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json, _jwe
from oid4vci._jwe import CONTENT_ENCRYPTIONS, KEY_AGREEMENTS, DecryptionKey, EncryptionKey
from oid4vci.drive import run
from oid4vci.encryption import Encryption
from oid4vci.errors import InvalidMetadata, InvalidResponse, Refused
from oid4vci.http import Request, Response
from oid4vci.secret import new_secret
from oid4vci.wallet import Deferred, Issued, Order, Proofs
from tests.encrypted_messages import JWT, REQUEST_KEY, encrypting
from tests.jwes import changed_header
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    METADATA_URL,
    NOW,
    SERVER_URL,
    Server,
    credential_for,
    metadata,
    offer,
    ok,
    opened,
    server_metadata,
    session,
)
from tests.wallet_at_issuer import Internet, ordered
from tests.wallet_clients import BOUND, DPOP, nonces, wants_nonce

FIRST, SECOND, *_ = HOLDER_KEYS
POSSIBLE: dict[str, Any] = {"encryption": "when possible"}
ISSUED = {"credentials": [{"credential": credential_for(dict(FIRST.public_jwk))}]}


def published(encryption: Encryption | None = None, /, **members: Any) -> dict[str, Any]:
    """The metadata of an issuer with that encryption; a member that is None is left out."""
    made = encryption or Encryption(keys=[REQUEST_KEY], zip_values=["DEF"])
    response = None if made.response_metadata is None else made.response_metadata.to_json()
    both = {"credential_request_encryption": made.request_metadata.to_json(), "credential_response_encryption": response}
    return {name: value for name, value in {**metadata(), **both, **members}.items() if value is not None}


def plaintext(request: Request) -> dict[str, Any]:
    """What an encrypted request says."""
    zip_values = ("DEF",)
    return _json.object_from(
        _jwe.decrypt(_jwe.parse(request.body), REQUEST_KEY, enc_values=tuple(CONTENT_ENCRYPTIONS), zip_values=zip_values)
    )


def answer(request: Request, members: Any = ISSUED, *, status: int = 200, **changes: Any) -> Response:
    """An answer as the request wants it, but for `changes`."""
    asked = plaintext(request)["credential_response_encryption"]
    options = {"key": EncryptionKey.from_jwk(asked["jwk"]), "enc": asked["enc"], "zip": asked.get("zip"), **changes}
    body = members if isinstance(members, bytes) else _json.dump_bytes(members)
    token = _jwe.encrypt(body, options.pop("key"), **options, new_secret=new_secret)
    return Response(status, {"content-type": JWT}, token.encode())


def serving(given: Any, answered: Any = answer, **answers: Any) -> Server:
    return Server({METADATA_URL: ok(given), CREDENTIAL: answered, **answers})


def proved(server: Server, *, dpop: Any = None, **settings: Any) -> Proofs:
    begun = session(server, **settings) if dpop is None else run(opened(server, **settings).redeem(dpop=dpop, now=NOW), server)
    order = run(begun.order("pid"), server)
    assert isinstance(order, Order)
    return order.prove([FIRST], now=NOW)


def submitted(server: Server, **settings: Any) -> Any:
    return run(proved(server, **settings).submit(), server)


# --- at our issuer --------------------------------------------------------------------------------------------------------------


def at_issuer(encryption: Encryption, /, **settings: Any) -> tuple[Internet, Order]:
    net = Internet(encrypting(encryption))
    return net, ordered(net, **settings)


@pytest.mark.spec(
    "VCI-8.2-02", "VCI-8.2-28", "VCI-8.2-33", "VCI-8.2-34", "VCI-12.2.4-27", "VCI-12.2.4-35", "VCI-8.2-27", "VCI-8.2-32"
)
@pytest.mark.parametrize("setting", ["when required", "when possible"])
@pytest.mark.parametrize("requests_required", [False, True])
@pytest.mark.parametrize("responses", ["none", "possible", "required"])
def test_what_is_demanded_or_wanted_is_encrypted(setting: Any, requests_required: bool, responses: str) -> None:
    net, order = at_issuer(
        Encryption(
            keys=[REQUEST_KEY],
            requests_required=requests_required,
            responses=responses != "none",
            responses_required=responses == "required",
        ),
        encryption=setting,
    )
    proofs = order.prove([FIRST, SECOND], now=NOW)
    exchange = proofs.submit()
    request = exchange.request
    wanted = setting == "when possible"
    asked = responses == "required" or (responses == "possible" and wanted)
    if requests_required or wanted or asked:
        assert request.headers.all("content-type") == (JWT,)
        assert request.headers.all("accept") == ("application/jwt, application/json",)
        assert request.headers.all("content-length") == (str(len(request.body)),)
        assert ("credential_response_encryption" in plaintext(request)) == asked
    else:
        assert request.headers.all("content-type") == ("application/json",)
        assert "credential_response_encryption" not in request.json_object()
    result = run(exchange, net)
    assert isinstance(result, Issued)
    assert len(result.credentials) == 2


@pytest.mark.spec("VCI-10-03", "VCI-10-05", "VCI-10-06", "VCI-10-07")
@pytest.mark.parametrize("crv", ["P-256", "P-384", "P-521", "X25519"])
@pytest.mark.parametrize("alg", KEY_AGREEMENTS)
@pytest.mark.parametrize("enc", CONTENT_ENCRYPTIONS)
def test_every_algorithm(alg: str, enc: str, crv: str) -> None:
    encryption = Encryption(
        keys=[DecryptionKey.generate("k", alg=alg, crv=crv)], alg_values=[alg], enc_values=[enc], responses_required=True
    )
    net, order = at_issuer(encryption)
    exchange = order.prove([FIRST], now=NOW).submit()
    header = _jwe.parse(exchange.request.body).header
    assert header.keys() == {"alg", "enc", "epk", "kid"}
    assert (header["alg"], header["enc"], header["kid"]) == (alg, enc, "k")
    assert isinstance(run(exchange, net), Issued)


@pytest.mark.spec("VCI-10-08", "VCI-10-09")
@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("zip_values", [[], ["DEF"]])
def test_compression_only_if_both_want_it(compression: bool, zip_values: list[str]) -> None:
    encryption = Encryption(keys=[REQUEST_KEY], responses_required=True, zip_values=zip_values)
    net, order = at_issuer(encryption, compression=compression)
    exchange = order.prove([FIRST], now=NOW).submit()
    compressed = compression and bool(zip_values)
    assert ("zip" in _jwe.parse(exchange.request.body).header) == compressed
    assert ("zip" in plaintext(exchange.request)["credential_response_encryption"]) == compressed
    assert isinstance(run(exchange, net), Issued)


# --- what is sent ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-16", "VCI-8.2-17", "VCI-8.2-29", "VCI-10-04", "VCI-12.2.4-34")
def test_the_key_for_the_answer_is_a_new_public_one_each_time() -> None:
    proofs = proved(serving(published()), **POSSIBLE)
    asked = [plaintext(proofs.submit().request)["credential_response_encryption"] for _ in range(3)]
    for each in asked:
        assert each.keys() == {"jwk", "enc"}
        assert each["enc"] == "A256GCM"
        assert each["jwk"].keys() == {"kty", "crv", "x", "y", "alg", "use"}
        assert (each["jwk"]["crv"], each["jwk"]["alg"], each["jwk"]["use"]) == ("P-256", "ECDH-ES", "enc")
    assert len({each["jwk"]["x"] for each in asked}) == 3


def test_keys_come_of_the_wallets_own_secrets() -> None:
    drawn: list[int] = []

    def secret(size: int) -> bytes:
        drawn.append(size)
        return new_secret(size)

    proofs = proved(serving(published()), new_secret=secret, **POSSIBLE)
    drawn.clear()
    proofs.submit()
    # Two keys on P-256, and an initialization vector.
    assert drawn == [40, 40, 12]


def test_a_request_that_is_sent_again_with_a_nonce_is_still_encrypted() -> None:
    answers: list[Any] = [wants_nonce("n", status=401), answer]
    bound = {**server_metadata(), "dpop_signing_alg_values_supported": ["ES256"]}
    server = serving(published(), answers)
    server.answers |= {SERVER_URL: ok(bound), "https://tokens.example/token": ok(BOUND)}
    result = run(proved(server, dpop=DPOP, **POSSIBLE).submit(), server)
    assert isinstance(result, Issued)
    assert nonces(server.to(CREDENTIAL)) == [None, "n"]
    assert all(request.headers.all("content-type") == (JWT,) for request in server.to(CREDENTIAL))


def test_an_order_that_is_renewed_asks_with_another_key() -> None:
    answers: list[Any] = [Response.of_json(400, {"error": "invalid_nonce"}), answer]
    server = serving(published(), answers)
    assert isinstance(submitted(server, **POSSIBLE), Issued)
    first, second = (plaintext(request) for request in server.to(CREDENTIAL))
    assert first["credential_response_encryption"]["jwk"]["x"] != second["credential_response_encryption"]["jwk"]["x"]


@pytest.mark.spec("VCI-10-03")
def test_the_key_is_one_that_can_be_used() -> None:
    """Decoys: for signatures, without `alg`, of another kind, private members stripped badly."""
    good = dict(REQUEST_KEY.public_jwk)
    decoys = [
        {**good, "use": "sig", "kid": "1"},
        {name: value for name, value in {**good, "kid": "2"}.items() if name != "alg"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RSA-OAEP-256", "kid": "3"},
        {**good, "x": good["y"], "kid": "4"},
        {"kty": "OKP", "crv": "X448", "x": "AA", "alg": "ECDH-ES", "kid": "5"},
    ]
    members = published()["credential_request_encryption"]
    given = published(credential_request_encryption={**members, "jwks": {"keys": [*decoys, good]}})
    request = proved(serving(given), **POSSIBLE).submit().request
    assert _jwe.parse(request.body).header["kid"] == "enc-1"
    # Without any other, nothing is encrypted, unless it must be.
    lacking = {**members, "jwks": {"keys": decoys}}
    assert proved(serving(published(credential_request_encryption=lacking)), **POSSIBLE).submit().request.media_type != JWT
    with pytest.raises(InvalidMetadata, match="names no key"):
        opened(serving(published(credential_request_encryption={**lacking, "encryption_required": True})))


def test_a_bare_array_of_keys_as_an_example_of_the_specification_has_it() -> None:
    members = published()["credential_request_encryption"]
    given = published(credential_request_encryption={**members, "jwks": [dict(REQUEST_KEY.public_jwk)]})
    assert isinstance(submitted(serving(given), **POSSIBLE), Issued)


@pytest.mark.spec("VCI-13.11-01")
def test_keys_come_from_the_issuers_metadata_only() -> None:
    elsewhere = Encryption(keys=[DecryptionKey.generate("enc-1")]).request_metadata.to_json()
    document = {**offer(), "credential_request_encryption": elsewhere}
    server = serving(published())
    begun = run(opened(server, document, **POSSIBLE).redeem(), server)
    order = run(begun.order("pid"), server)
    assert isinstance(order, Order)
    assert plaintext(order.prove([FIRST], now=NOW).submit().request)


# --- metadata that make it impossible -------------------------------------------------------------------------------------------


def without(name: str, **changes: Any) -> dict[str, Any]:
    return {name: {**published()[name], **changes}}


REQUEST, RESPONSE = "credential_request_encryption", "credential_response_encryption"
MUST = {"encryption_required": True}


@pytest.mark.spec("VCI-12.2.4-34", "VCI-8.2-33", "VCI-8.2-28")
@pytest.mark.parametrize(
    "members",
    [
        without(REQUEST, **MUST, enc_values_supported=["A128CTR"]),
        without(REQUEST, **MUST, jwks={"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "1", "alg": "RSA-OAEP"}]}),
        {**without(RESPONSE, **MUST), REQUEST: None},
        {**without(RESPONSE, **MUST), **without(REQUEST, enc_values_supported=["A128CTR"])},
        without(RESPONSE, **MUST, alg_values_supported=["RSA-OAEP"]),
        without(RESPONSE, **MUST, enc_values_supported=["A128CTR"]),
    ],
)
def test_encryption_that_is_demanded_and_impossible_ends_the_flow_before_a_code_is_spent(members: dict[str, Any]) -> None:
    for setting in ("when required", "when possible"):
        server = serving(published(**members))
        with pytest.raises(InvalidMetadata, match="the issuer demands encrypted"):
            opened(server, encryption=setting)
        assert server.urls == [METADATA_URL]


@pytest.mark.parametrize(
    ("members", "request_encrypted"),
    [
        ({REQUEST: None}, False),
        (without(REQUEST, enc_values_supported=["A128CTR"]), False),
        ({RESPONSE: None}, True),
        (without(RESPONSE, alg_values_supported=["RSA-OAEP"]), True),
        (without(RESPONSE, enc_values_supported=["A128CTR"]), True),
    ],
)
def test_what_is_possible_is_encrypted_and_the_rest_is_not(members: dict[str, Any], request_encrypted: bool) -> None:
    request = proved(serving(published(**members)), **POSSIBLE).submit().request
    assert (request.media_type == JWT) == request_encrypted
    assert RESPONSE not in (plaintext(request) if request_encrypted else request.json_object())


def test_there_is_no_other_setting() -> None:
    with pytest.raises(ValueError, match="encryption"):
        opened(serving(published()), encryption="always")


# --- answers --------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-05")
def test_a_deferred_answer_is_encrypted_as_well() -> None:
    promise = {"transaction_id": "t", "interval": 5}
    result = submitted(serving(published(), lambda request: answer(request, promise, status=202)), **POSSIBLE)
    assert isinstance(result, Deferred)


STRANGER = DecryptionKey.generate()


@pytest.mark.spec("VCI-10-02", "VCI-10-05", "VCI-10-07", "VCI-10-09", "VCI-10-10", "VCI-8.3-06")
@pytest.mark.parametrize(
    "answered",
    [
        lambda request: ok(ISSUED),
        lambda request: Response(202, {"content-type": "application/json"}, b'{"transaction_id":"t","interval":5}'),
        lambda request: Response(200, {"content-type": "application/json"}, answer(request).body),
        lambda request: Response(200, {"content-type": "application/jose"}, answer(request).body),
        lambda request: Response(200, {}, answer(request).body),
        lambda request: answer(request, enc="A128GCM"),
        lambda request: answer(request, zip="DEF"),
        lambda request: answer(request, key=EncryptionKey.from_jwk(dict(STRANGER.public_jwk))),
        lambda request: answer(request, key=EncryptionKey.from_jwk({**STRANGER.public_jwk, "alg": "ECDH-ES+A128KW"})),
        lambda request: Response(200, {"content-type": JWT}, request.body),
        lambda request: Response(200, {"content-type": JWT}, b""),
        lambda request: Response(200, {"content-type": JWT}, b"a.b.c"),
        lambda request: Response(200, {"content-type": JWT}, b'{"credentials":[]}'),
        lambda request: Response(200, {"content-type": JWT}, answer(request).body[:-1]),
        lambda request: Response(
            200, {"content-type": JWT}, changed_header(answer(request).body, lambda header: {**header, "crit": ["kid"]})
        ),
        lambda request: answer(request, b"[]"),
        lambda request: answer(request, b"e30.e30.AA"),
        lambda request: answer(request, {"error": "invalid_proof"}),
        lambda request: answer(request, answer(request).body),
        lambda request: answer(request, status=201),
    ],
)
def test_answers_that_are_not_as_they_were_asked_for(answered: Callable[[Request], Response]) -> None:
    assert isinstance(submitted(serving(published()), **POSSIBLE), Issued)
    with pytest.raises(InvalidResponse):
        submitted(serving(published(), answered), **POSSIBLE)


def test_a_named_key_may_be_named_or_not() -> None:
    """The key for the answer has no name; an issuer that gives it one all the same has encrypted to nobody else."""
    result = submitted(
        serving(published(), lambda request: answer(request, key=named(plaintext(request)[RESPONSE]["jwk"]))), **POSSIBLE
    )
    assert isinstance(result, Issued)


def named(jwk: Mapping[str, Any]) -> EncryptionKey:
    return EncryptionKey.from_jwk({**jwk, "kid": "x"})


def test_an_answer_may_not_inflate_without_end() -> None:
    bomb = b'{"credentials":"' + b" " * (8 << 20) + b'"}'
    with pytest.raises(InvalidResponse, match="decompresses to too much"):
        submitted(serving(published(), lambda request: answer(request, bomb)), compression=True, **POSSIBLE)


def test_an_answer_that_nobody_asked_to_encrypt() -> None:
    server = serving(published(), lambda request: Response(200, {"content-type": JWT}, b"a.b.c.d.e"))
    with pytest.raises(InvalidResponse, match="media type"):
        submitted(server)


@pytest.mark.spec("VCI-8.3.1.2-19")
@pytest.mark.parametrize("settings", [{}, POSSIBLE])
def test_an_error_is_plain(settings: dict[str, Any]) -> None:
    for code in ("invalid_encryption_parameters", "credential_request_denied"):
        with pytest.raises(Refused) as caught:
            submitted(serving(published(), Response.of_json(400, {"error": code})), **settings)
        assert caught.value.error == code
    body = _json.dump_bytes({"error": "credential_request_denied"})
    with pytest.raises(InvalidResponse, match="errors never are"):
        submitted(serving(published(), Response(400, {"content-type": JWT}, body)), **settings)


def test_an_encrypted_error_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="errors never are"):
        submitted(serving(published(), lambda request: answer(request, {"error": "invalid_proof"}, status=400)), **POSSIBLE)


# --- shapes ---------------------------------------------------------------------------------------------------------------------

SERVER = serving(published())
PROOFS = proved(SERVER, **POSSIBLE)


@given(st.binary(max_size=100) | st.just(ISSUED), st.sampled_from([*KEY_AGREEMENTS]), st.sampled_from([*CONTENT_ENCRYPTIONS]))
def test_any_answer_is_read_or_refused(members: Any, alg: str, enc: str) -> None:
    exchange = PROOFS.submit()
    asked = plaintext(exchange.request)[RESPONSE]
    key = EncryptionKey.from_jwk({**asked["jwk"], "alg": alg})
    response = answer(exchange.request, members, key=key, enc=enc)
    if (members, alg, enc) == (ISSUED, "ECDH-ES", asked["enc"]):
        assert isinstance(exchange.receive(response), Issued)
    else:
        with pytest.raises(InvalidResponse):
            exchange.receive(response)
