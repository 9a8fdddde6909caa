"""Credential Offers (OID4VCI 4): what is refused, what is kept, and that both ways of sending carry the same object."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, dumps
from oid4vci.errors import InvalidOffer
from oid4vci.http import Response
from oid4vci.offers import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    AuthorizationCodeGrant,
    CredentialOffer,
    Grants,
    OfferReference,
    PreAuthorizedCodeGrant,
    TxCode,
    check_new_offer,
    check_offer,
    offer_response,
    read_offer,
    read_offer_response,
    read_offer_uri,
    reference_uri,
)

ISSUER = "https://issuer.example"
MINIMAL: dict[str, Any] = {"credential_issuer": ISSUER, "credential_configuration_ids": ["pid"]}
EXTERNAL = "https://server.example.com/credential-offer/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"


def with_grants(grants: Any) -> dict[str, Any]:
    return {**MINIMAL, "grants": grants}


def with_pre_authorized(**members: Any) -> dict[str, Any]:
    return with_grants({PRE_AUTHORIZED_CODE: {"pre-authorized_code": "c0de", **members}})


def with_tx_code(tx_code: Any) -> dict[str, Any]:
    return with_pre_authorized(tx_code=tx_code)


def refused(value: Any) -> str:
    """The message for an offer that the constructor and the wallet's reader must refuse alike."""
    with pytest.raises(Malformed) as built:
        CredentialOffer.from_json(value)
    with pytest.raises(InvalidOffer) as read:
        read_offer(json.dumps(value).encode())
    assert str(read.value) == str(built.value)
    return str(read.value)


def by_value(text: str, endpoint: str = "openid-credential-offer://") -> str:
    return f"{endpoint}?credential_offer={quote(text, safe='')}"


# --- the object -------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-4.1-02")
@pytest.mark.parametrize("text", ["", "null", "[]", '"offer"', "1", "{", "{}x", "eyJhbGciOiJub25lIn0.e30.", "\ufeff{}"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidOffer):
        read_offer(text.encode())
    with pytest.raises(InvalidOffer):
        read_offer_uri(by_value(text))


@pytest.mark.parametrize(
    "body",
    [
        b'{"credential_issuer":"https://a.example","credential_issuer":"https://b.example","credential_configuration_ids":["a"]}',
        dumps(MINIMAL).encode("utf-16"),
        dumps({**MINIMAL, "x": "\xe9"}).encode("latin-1"),
        dumps({**MINIMAL, "x": "y" * 65_536}).encode(),
        b'{"credential_issuer":"https://a.example","credential_configuration_ids":["a"],"x":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
    ids=["doubled member", "UTF-16", "Latin-1", "huge", "deep"],
)
def test_json_that_is_not_strict_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidOffer):
        read_offer(body)


@pytest.mark.spec("VCI-4.1.1-01")
@pytest.mark.parametrize(
    "issuer",
    [
        *(None, 1, "", [ISSUER], {}, "issuer.example", "http://issuer.example", "https://", "https://issuer.example?x=1"),
        *("https://issuer.example#x", "https://user@issuer.example", "https://issuer.example/ ", "https://is\u0161uer.example"),
    ],
)
def test_credential_issuer_must_be_an_https_identifier(issuer: Any) -> None:
    assert refused({**MINIMAL, "credential_issuer": issuer}).startswith("credential_issuer: ")


@pytest.mark.spec("VCI-4.1.1-01", "VCI-4.1.1-03")
@pytest.mark.parametrize("name", ["credential_issuer", "credential_configuration_ids"])
def test_a_missing_member_is_named(name: str) -> None:
    assert refused({key: value for key, value in MINIMAL.items() if key != name}) == f"{name}: is missing"


@pytest.mark.spec("VCI-4.1.1-03", "VCI-3.3.4-01")
@pytest.mark.parametrize(
    "ids", [None, [], ["a", "a"], [1], [""], ["a", None], "a", {"a": 1}, [{"format": "dc+sd-jwt"}], [["a"]]]
)
def test_credential_configuration_ids_must_be_unique_strings(ids: Any) -> None:
    assert refused({**MINIMAL, "credential_configuration_ids": ids}).startswith("credential_configuration_ids")


@pytest.mark.spec("VCI-3.3.4-01")
def test_configurations_are_offered_by_id_only() -> None:
    offer = CredentialOffer(credential_issuer=ISSUER, credential_configuration_ids=("pid", "mdl"))
    assert offer.to_json() == {"credential_issuer": ISSUER, "credential_configuration_ids": ["pid", "mdl"]}
    assert read_offer_uri(offer.uri()) == offer


@pytest.mark.spec("VCI-4.1.1-05")
@pytest.mark.parametrize(
    "grants",
    [
        *([], "authorization_code", True, 1, {AUTHORIZATION_CODE: "x"}, {AUTHORIZATION_CODE: []}, {PRE_AUTHORIZED_CODE: "x"}),
        *({"urn:other": "x"}, {"urn:other": None}, {"": {}}, {AUTHORIZATION_CODE: {}, "urn:other": []}),
    ],
)
def test_grants_must_be_an_object_of_objects(grants: Any) -> None:
    assert refused(with_grants(grants)).startswith("grants")


@pytest.mark.spec("VCI-4.1.1-05")
def test_grants_absent_null_and_empty() -> None:
    absent, null, empty = (CredentialOffer.from_json(value) for value in (MINIMAL, with_grants(None), with_grants({})))
    assert absent == null
    assert absent.grants is None
    assert empty.grants == Grants()
    assert empty.to_json() == with_grants({})
    assert absent.grant_types == empty.grant_types == ()


@pytest.mark.spec("VCI-4.1.1-11", "VCI-4.1.1-12")
def test_authorization_code_grant() -> None:
    for members in ({}, {"issuer_state": "eyJhbGciOiJSU0Et...FYUaBy"}, {"authorization_server": ISSUER}):
        offer = CredentialOffer.from_json(with_grants({AUTHORIZATION_CODE: members}))
        assert offer.grants is not None
        grant = offer.grants.authorization_code
        assert grant is not None
        assert grant.issuer_state == members.get("issuer_state")
        assert grant.authorization_server == members.get("authorization_server")
        assert offer.grant_types == (AUTHORIZATION_CODE,)


@pytest.mark.spec("VCI-4.1.1-12")
@pytest.mark.parametrize("value", [1, True, {}, ["a"], ""])
def test_issuer_state_must_be_a_string(value: Any) -> None:
    assert refused(with_grants({AUTHORIZATION_CODE: {"issuer_state": value}})).startswith(
        "grants.authorization_code.issuer_state"
    )


@pytest.mark.parametrize("value", [1, "", "as.example", "http://as.example", "https://as.example?x"])
@pytest.mark.parametrize("grant", [{}, {"pre-authorized_code": "c0de"}], ids=["authorization_code", "pre-authorized"])
def test_authorization_server_must_be_an_identifier(grant: dict[str, str], value: Any) -> None:
    name = PRE_AUTHORIZED_CODE if grant else AUTHORIZATION_CODE
    assert "authorization_server: " in refused(with_grants({name: {**grant, "authorization_server": value}}))


@pytest.mark.spec("VCI-4.1.1-18")
@pytest.mark.parametrize(
    "grant",
    [
        {},
        {"pre_authorized_code": "c0de"},
        {"pre-authorized-code": "c0de"},
        {"pre-authorized_code": None},
        {"pre-authorized_code": 1234},
        {"pre-authorized_code": ["c0de"]},
        {"pre-authorized_code": ""},
        {"pre-authorized_code": " \t "},
    ],
)
def test_the_pre_authorized_grant_needs_its_code(grant: dict[str, Any]) -> None:
    assert refused(with_grants({PRE_AUTHORIZED_CODE: grant})).endswith(
        ("pre-authorized_code: is missing", "must not be null", "must be a string", "must not be empty", "must not be blank")
    )


@pytest.mark.spec("VCI-4.1.1-17")
@pytest.mark.parametrize(
    "name", ["pre-authorized_code", "urn:ietf:params:oauth:grant-type:pre-authorized-code", PRE_AUTHORIZED_CODE.upper()]
)
def test_another_name_is_another_grant(name: str) -> None:
    offer = CredentialOffer.from_json(with_grants({name: {"pre-authorized_code": "c0de"}}))
    assert offer.grants is not None
    assert offer.grants.pre_authorized_code is None
    assert offer.grant_types == (name,)


@pytest.mark.spec("VCI-4.1.1-22", "VCI-4.1.1-26", "VCI-4.1.1-28")
def test_tx_code_absent_null_and_empty() -> None:
    def tx_code(value: Any) -> TxCode | None:
        grants = CredentialOffer.from_json(value).grants
        assert grants is not None
        assert grants.pre_authorized_code is not None
        return grants.pre_authorized_code.tx_code

    assert tx_code(with_pre_authorized()) is None
    assert tx_code(with_tx_code(None)) is None
    required = tx_code(with_tx_code({}))
    assert required == TxCode()
    assert required is not None
    assert (required.input_mode, required.length, required.description) == ("numeric", None, None)


@pytest.mark.spec("VCI-4.1.1-26")
def test_an_empty_tx_code_is_written_as_it_was_read() -> None:
    for tx_code in ({}, {"input_mode": "numeric"}, {"input_mode": "text", "length": 6, "description": ""}):
        assert CredentialOffer.from_json(with_tx_code(tx_code)).to_json() == with_tx_code(tx_code)


@pytest.mark.spec("VCI-4.1.1-22")
@pytest.mark.parametrize("value", [True, False, "1234", 1234, [], ["numeric"]])
def test_tx_code_must_be_an_object(value: Any) -> None:
    assert refused(with_tx_code(value)).endswith("tx_code: must be an object")


@pytest.mark.spec("VCI-4.1.1-27")
def test_input_mode() -> None:
    assert TxCode(input_mode="numeric").to_json() == {"input_mode": "numeric"}
    assert TxCode.from_json({"input_mode": "text"}).input_mode == "text"
    for value in ("", "Numeric", "alphanumeric", 1, ["text"]):
        assert refused(with_tx_code({"input_mode": value})).endswith("input_mode: must be one of numeric, text")


@pytest.mark.spec("VCI-4.1.1-29")
@pytest.mark.parametrize("value", ["6", 0, -1, True, 6.5, 6.0, [6]])
def test_length_must_be_a_positive_integer(value: Any) -> None:
    assert "tx_code.length: must be " in refused(with_tx_code({"length": value}))
    with pytest.raises(ValueError, match="length"):
        TxCode(length=value)


@pytest.mark.spec("VCI-4.1.1-29")
def test_length_is_read() -> None:
    assert TxCode.from_json({"length": 6}).length == 6


@pytest.mark.spec("VCI-4.1.1-30", "VCI-4.1.1-32")
@pytest.mark.parametrize("character", ["a", "\u00e9", "\U0001f511"])
def test_description_has_at_most_300_characters(character: str) -> None:
    assert TxCode.from_json({"description": character * 300}).description == character * 300
    assert TxCode().description is None
    assert "at most 300" in refused(with_tx_code({"description": character * 301}))
    with pytest.raises(ValueError, match="at most 300"):
        TxCode(description=character * 301)


@pytest.mark.spec("VCI-4.1.1-30")
@pytest.mark.parametrize("value", [1, True, {}, ["text"]])
def test_description_must_be_a_string(value: Any) -> None:
    assert refused(with_tx_code({"description": value})).endswith("description: must be a string")


@pytest.mark.spec("VCI-4.1.1-09", "VCI-4.1.1-10")
def test_unknown_members_are_ignored_and_kept() -> None:
    value = {
        **MINIMAL,
        "grants": {
            AUTHORIZATION_CODE: {"issuer_state": "s", "x": 1},
            PRE_AUTHORIZED_CODE: {"pre-authorized_code": "c0de", "interval": 5, "tx_code": {"y": [None]}},
            "urn:example:other": {"z": {}},
        },
        "version": "1.0",
        "null": None,
    }
    offer = CredentialOffer.from_json(value)
    assert offer.to_json() == value
    assert offer.grant_types == (AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, "urn:example:other")


@pytest.mark.spec("VCI-4.1.1-09")
def test_a_builder_may_add_members_but_not_known_ones() -> None:
    offer = CredentialOffer(credential_issuer=ISSUER, credential_configuration_ids=("pid",), extra={"x": 1})
    assert offer.to_json()["x"] == 1
    with pytest.raises(ValueError, match="known member"):
        CredentialOffer(credential_issuer=ISSUER, credential_configuration_ids=("pid",), extra={"grants": {}})
    with pytest.raises(ValueError, match="must be an object"):
        Grants(extra={"urn:other": "x"})


@pytest.mark.spec("VCI-4.1.1-24")
def test_no_offer_carries_the_transaction_code() -> None:
    offer = CredentialOffer.from_json(with_tx_code({"length": 4, "input_mode": "numeric", "description": "by e-mail"}))
    assert offer.grants is not None
    assert offer.grants.pre_authorized_code is not None
    assert offer.grants.pre_authorized_code.tx_code is not None
    assert set(offer.grants.pre_authorized_code.tx_code.to_json()) == {"length", "input_mode", "description"}
    with pytest.raises(TypeError):
        TxCode(value="1234")  # type: ignore[call-arg]


def test_secrets_do_not_show() -> None:
    grants = Grants(
        authorization_code=AuthorizationCodeGrant(issuer_state="hidden-state"),
        pre_authorized_code=PreAuthorizedCodeGrant(pre_authorized_code="hidden-code"),
    )
    offer = CredentialOffer(credential_issuer=ISSUER, credential_configuration_ids=("pid",), grants=grants)
    assert "hidden" not in repr(offer)
    assert "hidden" not in repr(OfferReference(f"{ISSUER}/hidden"))


def test_errors_repeat_no_value() -> None:
    for value in (
        {**MINIMAL, "credential_issuer": "http://hidden.example"},
        {**MINIMAL, "credential_configuration_ids": ["hidden", "hidden"]},
        with_grants({'"hidden" \u00e9': 1}),
        with_tx_code({"input_mode": "hidden"}),
    ):
        assert "hidden" not in refused(value)
    with pytest.raises(InvalidOffer) as error:
        read_offer_uri("openid-credential-offer://?credential_offer_uri=http://hidden.example")
    assert "hidden" not in str(error.value)


# --- by value ---------------------------------------------------------------------------------------------------------------

TRICKY = 'a b "c" & d=e + f%20g # ? / \\ \u00e9 \u4e2d \U0001f511'


@pytest.mark.spec("VCI-4.1.2-01", "VCI-4.1-02")
@pytest.mark.parametrize(
    "endpoint",
    [
        *("openid-credential-offer://", "haip-vci://", "haip://", "eu.wallet+test://offer", "https://wallet.example/offer"),
        *(
            "https://wallet.example/offer?",
            "https://wallet.example/offer?theme=dark",
            "https://wallet.example/offer?theme=dark&",
        ),
    ],
)
def test_an_offer_by_value_comes_back(endpoint: str) -> None:
    offer = CredentialOffer.from_json({**with_pre_authorized(tx_code={"description": TRICKY}), "x": TRICKY, TRICKY: 1})
    uri = offer.uri(endpoint)
    assert uri.startswith(endpoint)
    assert uri.isascii()
    assert not set(uri[len(endpoint) :]) & set(' "{}+#\\')
    assert read_offer_uri(uri) == offer


def test_an_https_endpoint_keeps_its_query() -> None:
    offer = CredentialOffer.from_json(MINIMAL)
    assert offer.uri("https://wallet.example/o?a=1").startswith("https://wallet.example/o?a=1&credential_offer=%7B")
    assert offer.uri("https://wallet.example/o?").startswith("https://wallet.example/o?credential_offer=%7B")


@pytest.mark.parametrize(
    "endpoint", ["", "wallet", "://x", "1a://", "wallet://a b", "wallet://\u00e9", "wallet://x#y", "w://%zz?%"]
)
def test_an_endpoint_must_be_a_uri(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"URI|fragment"):
        CredentialOffer.from_json(MINIMAL).uri(endpoint)
    with pytest.raises(ValueError, match=r"URI|fragment"):
        reference_uri(EXTERNAL, endpoint)


@pytest.mark.spec("VCI-4.1-04", "VCI-4.1-05")
@pytest.mark.parametrize("name", ["credential_offer", "credential_offer_uri", "credential%5Foffer"])
def test_a_builder_never_makes_a_uri_with_both(name: str) -> None:
    endpoint = f"https://wallet.example/?{name}=x"
    with pytest.raises(ValueError, match="already"):
        CredentialOffer.from_json(MINIMAL).uri(endpoint)
    with pytest.raises(ValueError, match="already"):
        reference_uri(EXTERNAL, endpoint)


def test_an_offer_too_long_for_a_uri() -> None:
    offer = CredentialOffer(credential_issuer=ISSUER, credential_configuration_ids=tuple(f"{i:0100}" for i in range(700)))
    with pytest.raises(ValueError, match="by reference"):
        offer.uri()
    with pytest.raises(InvalidOffer, match="too long"):
        read_offer_uri(by_value(dumps(offer.to_json())))


@pytest.mark.spec("VCI-4.1-03", "VCI-4.1-04", "VCI-4.1-05")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?offer=%7B%7D",
        "?Credential_Offer=%7B%7D",
        "#?credential_offer=$",
        "?credential_offer=$&credential_offer=$",
        "?credential_offer_uri=@&credential_offer_uri=@",
        "?credential_offer=$&credential_offer_uri=@",
        "?credential_offer_uri=@&credential_offer=$",
        "?credential_offer=$&credential_offer_uri=",
        "?credential_offer=&credential_offer_uri=@",
        "?credential_offer=$&credential%5Foffer=$",
        "?credential_offer=$&%63redential_offer_uri=@",
        "?credential_offer",
        "?credential_offer=",
        "?credential_offer_uri=",
    ],
)
def test_exactly_one_offer_parameter(query: str) -> None:
    query = query.replace("$", quote(dumps(MINIMAL))).replace("@", quote(EXTERNAL, safe=""))
    with pytest.raises(InvalidOffer):
        read_offer_uri(f"openid-credential-offer://{query}")


def test_other_parameters_are_ignored() -> None:
    offer = CredentialOffer.from_json(MINIMAL)
    value = quote(dumps(MINIMAL))
    for query in (
        f"a=1&credential_offer={value}&a=2",
        f"&&credential_offer={value}&",
        f"%ff=%ff&b&credential_offer={value}#x=y",
    ):
        assert read_offer_uri(f"openid-credential-offer://?{query}") == offer


@pytest.mark.parametrize("broken", ["%", "%7", "%zz", "%7B%7", "%u007B", "%C3", "%FF", "%ED%A0%80", "%C0%AF"])
def test_broken_percent_encoding(broken: str) -> None:
    value = quote(dumps({**MINIMAL, "x": "$"})).replace("%24", "$").replace("$", broken)
    with pytest.raises(InvalidOffer):
        read_offer_uri(f"openid-credential-offer://?credential_offer={value}")


@pytest.mark.parametrize(
    "uri", ["", " ", "?credential_offer=$", "offer?credential_offer=$", "x://?credential_offer=$\n", "1://?a"]
)
def test_what_is_no_uri(uri: str) -> None:
    with pytest.raises(InvalidOffer):
        read_offer_uri(uri.replace("$", quote(dumps(MINIMAL))))
    with pytest.raises(InvalidOffer):
        read_offer_uri(uri.replace("$", dumps({**MINIMAL, "x": "\u00e9"})))


@pytest.mark.spec("VCI-4.1.2-01")
def test_every_common_encoding_of_spaces_and_plus_signs() -> None:
    offer = CredentialOffer.from_json(with_pre_authorized(tx_code={"description": "1 + 1 = 2"}))
    text = json.dumps(offer.to_json())
    assert " " in text
    as_form = urlencode({"credential_offer": text})
    assert "+" in as_form
    assert "%20" not in as_form
    component = f"credential_offer={quote(text, safe='')}"
    plus_as_it_is = f"credential_offer={quote(text, safe=':/,+')}"
    assert "+" in plus_as_it_is
    for query in (as_form, component, plus_as_it_is):
        assert read_offer_uri(f"openid-credential-offer://?{query}") == offer


# --- by reference -----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-4.1-02")
@pytest.mark.parametrize("endpoint", ["openid-credential-offer://", "haip-vci://", "https://wallet.example/offer?theme=dark"])
@pytest.mark.parametrize("url", [EXTERNAL, "https://issuer.example:8443/o?id=a%20b&x=1+1", "https://[2001:db8::1]/o"])
def test_a_reference_comes_back(url: str, endpoint: str) -> None:
    assert read_offer_uri(reference_uri(url, endpoint)) == OfferReference(url)


@pytest.mark.spec("VCI-4.1-06")
@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://issuer.example/o",
            "file:///etc/passwd",
            "ftp://issuer.example/o",
            "javascript:alert(1)",
            "data:,{}",
            "//a/o",
        ),
        *("https://", "https:issuer.example", "https://user:pw@issuer.example/o", "https://issuer.example/o#f", "/o", "o"),
        *(
            "https://issuer.example/a b",
            "https://issuer.example\\@evil.example",
            "https://is\u0161uer.example",
            "https://a:0/o",
        ),
        "https://issuer.example/" + "a" * 2048,
    ],
)
def test_a_reference_must_be_an_https_url(url: str) -> None:
    with pytest.raises(InvalidOffer):
        read_offer_uri(f"openid-credential-offer://?credential_offer_uri={quote(url, safe='')}")
    with pytest.raises(ValueError, match="must"):
        reference_uri(url)


def test_a_plus_sign_in_a_reference_stays_one() -> None:
    uri = "openid-credential-offer://?credential_offer_uri=https://issuer.example/o?id=a+b"
    assert read_offer_uri(uri) == OfferReference("https://issuer.example/o?id=a+b")


@pytest.mark.spec("VCI-4.1.3-02", "VCI-4.1.3-03", "VCI-4.1-02")
def test_a_reference_leads_to_the_offer_it_stands_for() -> None:
    offer = CredentialOffer.from_json(with_pre_authorized(tx_code={"description": TRICKY}))
    assert read_offer_uri(reference_uri(EXTERNAL)) == OfferReference(EXTERNAL)
    response = offer_response(offer)
    assert response.status == 200
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    assert read_offer_response(response) == offer == read_offer_uri(offer.uri())


@pytest.mark.spec("VCI-4.1.3-04")
def test_parameters_of_the_media_type_do_not_matter() -> None:
    for content_type in ("application/json; charset=utf-8", "Application/JSON"):
        response = Response(200, {"content-type": content_type}, dumps(MINIMAL).encode())
        assert read_offer_response(response) == CredentialOffer.from_json(MINIMAL)


@pytest.mark.spec("VCI-4.1.3-04", "VCI-4.1.3-05")
@pytest.mark.parametrize(
    "headers",
    [
        *(
            (),
            (("content-type", "text/html"),),
            (("content-type", "application/jwt"),),
            (("content-type", "application/json+x"),),
        ),
        (("content-type", "application/json"), ("content-type", "application/json")),
    ],
)
def test_another_media_type_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(InvalidOffer):
        read_offer_response(Response(200, headers, dumps(MINIMAL).encode()))


@pytest.mark.spec("VCI-4.1.3-05")
@pytest.mark.parametrize("content_type", ["application/jwt", "application/json"])
def test_an_unsecured_jwt_is_no_offer(content_type: str) -> None:
    unsecured = b"eyJhbGciOiJub25lIn0.eyJjcmVkZW50aWFsX2lzc3VlciI6Imh0dHBzOi8vaXNzdWVyLmV4YW1wbGUifQ."
    with pytest.raises(InvalidOffer):
        read_offer_response(Response(200, {"content-type": content_type}, unsecured))


@pytest.mark.parametrize("status", [201, 204, 302, 404, 500])
def test_another_status_is_refused(status: int) -> None:
    with pytest.raises(InvalidOffer):
        read_offer_response(Response(status, {"content-type": "application/json"}, dumps(MINIMAL).encode()))


# --- against the issuer's metadata ------------------------------------------------------------------------------------------


@frozen
class Metadata:
    credential_issuer: str = ISSUER
    credential_configurations_supported: Mapping[str, object] = MappingProxyType({"pid": {}, "mdl": {}})
    authorization_servers: tuple[str, ...] | None = None


def hinting(server: str, grant: str) -> CredentialOffer:
    members = {"authorization_server": server}
    if grant == PRE_AUTHORIZED_CODE:
        members["pre-authorized_code"] = "c0de"
    return CredentialOffer.from_json(with_grants({AUTHORIZATION_CODE: {}, grant: members}))


@pytest.mark.parametrize(
    "issuer", ["https://issuer.example/", "https://ISSUER.example", "https://issuer.example:443", "https://other.example"]
)
def test_the_issuer_identifier_is_compared_as_a_string(issuer: str) -> None:
    offer = CredentialOffer.from_json(MINIMAL)
    with pytest.raises(InvalidOffer, match="Credential Issuer"):
        check_offer(offer, Metadata(credential_issuer=issuer))
    with pytest.raises(ValueError, match="Credential Issuer"):
        check_new_offer(offer, Metadata(credential_issuer=issuer))
    check_offer(offer, Metadata())
    check_new_offer(offer, Metadata())


@pytest.mark.spec("VCI-4.1.1-04")
@pytest.mark.parametrize("ids", [["other"], ["pid", "other"], ["PID"], ["pid "]])
def test_every_configuration_must_be_in_the_metadata(ids: list[str]) -> None:
    offer = CredentialOffer.from_json({**MINIMAL, "credential_configuration_ids": ids})
    with pytest.raises(InvalidOffer, match="Credential Configuration"):
        check_offer(offer, Metadata())
    with pytest.raises(ValueError, match="Credential Configuration"):
        check_new_offer(offer, Metadata())


ONE, TWO = "https://as1.example", "https://as2.example"
GRANTS = [
    pytest.param(AUTHORIZATION_CODE, marks=pytest.mark.spec("VCI-4.1.1-15", "VCI-4.1.1-16")),
    pytest.param(PRE_AUTHORIZED_CODE, marks=pytest.mark.spec("VCI-4.1.1-35", "VCI-4.1.1-36")),
]


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("servers", [None, (ONE,), (ONE, TWO)])
def test_a_hint_must_be_one_of_the_servers(grant: str, servers: tuple[str, ...] | None) -> None:
    metadata = Metadata(authorization_servers=servers)
    for hint in (ISSUER, f"{ONE}/"):
        with pytest.raises(InvalidOffer, match="Authorization Server"):
            check_offer(hinting(hint, grant), metadata)
        with pytest.raises(ValueError, match="Authorization Server"):
            check_new_offer(hinting(hint, grant), metadata)


@pytest.mark.parametrize("grant", GRANTS)
def test_a_hint_is_for_several_servers(grant: str) -> None:
    for server in (ONE, TWO):
        check_offer(hinting(server, grant), Metadata(authorization_servers=(ONE, TWO)))
        check_new_offer(hinting(server, grant), Metadata(authorization_servers=(ONE, TWO)))
    check_offer(hinting(ONE, grant), Metadata(authorization_servers=(ONE,)))
    with pytest.raises(ValueError, match="several"):
        check_new_offer(hinting(ONE, grant), Metadata(authorization_servers=(ONE,)))


# --- what others write ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["004-sending-credential-offer-by-value-using-credenti", "005-sending-credential-offer-by-value-using-credenti"]
)
def test_the_specification_s_offers_by_value(vectors: Path, name: str) -> None:
    example = json.loads((vectors / f"oid4vci-1.0/{name}.parsed.json").read_text())
    uri = example.get("uri") or example["start_line"].removeprefix("GET ")
    offer = read_offer_uri(uri)
    assert isinstance(offer, CredentialOffer)
    assert offer.to_json() == json.loads(example["query"][0][1])
    assert offer.uri(uri.partition("?")[0]) == uri


def test_the_specification_s_offer_by_reference(vectors: Path) -> None:
    folder = vectors / "oid4vci-1.0"
    example = json.loads((folder / "007-sending-credential-offer-by-reference-using-cred.parsed.json").read_text())
    assert read_offer_uri(example["uri"]) == OfferReference(example["query"][0][1])
    served = json.loads((folder / "008-credential-offer-authz-code.parsed.json").read_text())
    response = Response(served["status"], [tuple(pair) for pair in served["headers"]], json.dumps(served["body_json"]).encode())
    assert read_offer_response(response).to_json() == served["body_json"]


@pytest.mark.spec("VCI-4.1-01", "HAIP-4-14")
def test_the_specification_s_offer_objects(spec_folder: Path) -> None:
    files = sorted((spec_folder / "examples-1.0").glob("credential_offer_*.json"))
    assert len(files) == 3
    for file in files:
        offer = read_offer(file.read_bytes())
        assert offer.to_json() == json.loads(file.read_text())
        assert read_offer(dumps(offer.to_json()).encode()) == offer


def test_offers_of_other_implementations(vectors: Path) -> None:
    parsed = refused_issuers = 0
    for vector in json.loads((vectors / "oid4vci-offers/vectors.json").read_text())["vectors"]:
        plain_http = vector.get("offer", {}).get("credential_issuer", "").startswith("http://")
        if vector["expect"].startswith("reject"):
            with pytest.raises(InvalidOffer, match="credential_configuration_ids: is missing"):
                read_offer_uri(vector["uri"])
        elif plain_http:
            # Issuers use https (OID4VCI 12.2.1); two of these also have a member twice.
            with pytest.raises(InvalidOffer, match=r"https scheme|is repeated"):
                read_offer_uri(vector["uri"])
            refused_issuers += 1
        else:
            read = read_offer_uri(vector["uri"])
            expected = vector.get("offer", vector.get("credential_offer_uri"))
            assert (read.to_json() if isinstance(read, CredentialOffer) else read.url) == expected, vector["id"]
            parsed += 1
    assert parsed >= 18
    assert refused_issuers >= 5


def test_offers_of_the_eudi_wallet_s_tests(vectors: Path) -> None:
    folder = vectors / "oid4vci-peer-fixtures"
    for name in ("sample_credential_offer", "credential_offer_with_unknown_format"):
        body = (folder / f"{name}.json").read_bytes()
        assert read_offer(body).to_json() == json.loads(body)
    for name in ("over_sized_tx_code_description", "with_blank_pre_authorized_code"):
        with pytest.raises(InvalidOffer, match=r"must not be blank|at most 300"):
            read_offer((folder / f"credential_offer_{name}.json").read_bytes())


# --- properties -------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
urls = st.builds(
    "https://{}.example{}".format, st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.sampled_from(["", "/", "/a/b"])
)
texts = st.text(min_size=1, max_size=20).filter(lambda text: not text.isspace())


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    known = set(required) | set(optional)
    unknown = st.dictionaries(st.text(max_size=8).filter(lambda name: name not in known), json_values, max_size=2)
    return st.builds(lambda a, b: {**a, **b}, st.fixed_dictionaries(required, optional=optional), unknown)


tx_codes = objects(
    {}, {"input_mode": st.sampled_from(["numeric", "text"]), "length": st.integers(1, 99), "description": st.text(max_size=300)}
)
grants = st.fixed_dictionaries(
    {},
    optional={
        AUTHORIZATION_CODE: objects({}, {"issuer_state": texts, "authorization_server": urls}),
        PRE_AUTHORIZED_CODE: objects({"pre-authorized_code": texts}, {"tx_code": tx_codes, "authorization_server": urls}),
        "urn:example:other": st.dictionaries(st.text(max_size=8), json_values, max_size=2),
    },
)
offers = objects(
    {"credential_issuer": urls, "credential_configuration_ids": st.lists(texts, min_size=1, max_size=4, unique=True)},
    {"grants": grants},
)


@pytest.mark.spec("VCI-4.1-01", "VCI-4.1.2-01")
@given(offers, st.sampled_from(["openid-credential-offer://", "haip-vci://", "https://wallet.example/?a=b"]))
def test_every_offer_comes_back(value: dict[str, Any], endpoint: str) -> None:
    offer = CredentialOffer.from_json(value)
    assert offer.to_json() == value
    assert read_offer(json.dumps(value).encode()) == offer
    assert read_offer_uri(offer.uri(endpoint)) == offer
    assert read_offer_response(offer_response(offer)) == offer


T = TypeVar("T")


def outcome(read: Callable[[T], CredentialOffer | OfferReference], data: T) -> CredentialOffer | OfferReference | InvalidOffer:
    """What a reader makes of something; any other exception is a failure of the test."""
    try:
        return read(data)
    except InvalidOffer as error:
        return error


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_properly(body: bytes) -> None:
    # No such value has the two required members.
    assert isinstance(outcome(read_offer, body), InvalidOffer)


@given(
    st.dictionaries(st.sampled_from([*MINIMAL, "grants", "x"]), json_values)
    | st.fixed_dictionaries({AUTHORIZATION_CODE: json_values, PRE_AUTHORIZED_CODE: json_values}).map(with_grants)
    | st.dictionaries(st.sampled_from(["input_mode", "length", "description"]), json_values).map(with_tx_code)
)
def test_any_members_give_an_offer_or_invalid_offer(value: dict[str, Any]) -> None:
    read = outcome(read_offer, json.dumps(value).encode())
    assert str(read).isascii() if isinstance(read, InvalidOffer) else isinstance(read, CredentialOffer)


@given(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "openid-credential-offer://", "https://[", "/"]),
        st.sampled_from(["", "?", "?credential_offer=", "?credential_offer_uri=", "?credential_offer_uri=https://"]),
        st.text(max_size=40) | st.text('%0Fc{}[]":@/?#&=+.', max_size=40),
    )
)
def test_any_text_gives_a_reference_or_invalid_offer(uri: str) -> None:
    read = outcome(read_offer_uri, uri)
    assert str(read).isascii() if isinstance(read, InvalidOffer) else isinstance(read, OfferReference)
