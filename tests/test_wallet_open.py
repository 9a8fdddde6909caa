"""Opening an offer: what the Wallet fetches, from whom, and when it stops (OID4VCI 4, 12, 13.5)."""

import re
from typing import Any

import pytest

from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidMetadata, InvalidOffer, TryLater, Untrusted, WalletError
from oid4vci.http import Request, Response
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Offer, Opened, Wallet
from tests.scripted_server import (
    CREDENTIAL,
    ISSUER,
    METADATA_URL,
    SERVER_URL,
    TOKEN,
    Server,
    by_value,
    metadata,
    offer,
    ok,
    opened,
    server_metadata,
    wallet,
)

REFERENCE = "https://issuer.example/offers/7f1?x=%2B"
BY_REFERENCE = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example%2Foffers%2F7f1%3Fx%3D%252B"


def trusting(*urls: str) -> Trust:
    return Trust(allow=set(urls).__contains__)


@pytest.mark.spec("VCI-4.1.1-02", "VCI-12.2.2-03", "VCI-12.2.2-04", "VCI-4.2-01")
def test_the_metadata_are_fetched_at_the_well_known_urls_and_nothing_else() -> None:
    server = Server()
    result = opened(server)
    assert [(request.method, request.url) for request in server.requests] == [("GET", METADATA_URL), ("GET", SERVER_URL)]
    assert all(request.headers.get("accept") == "application/json" for request in server.requests)
    assert all(request.body == b"" and "authorization" not in request.headers for request in server.requests)
    assert not any("accept-language" in request.headers for request in server.requests)
    assert result.metadata.credential_issuer == ISSUER
    assert result.token_endpoint == TOKEN
    assert list(result.configurations) == ["pid", "ticket"]


@pytest.mark.spec("VCI-12.2.2-11")
def test_the_preferred_languages_are_sent() -> None:
    server = Server({REFERENCE: ok(offer())})
    run(Offer.parse(BY_REFERENCE).open(wallet(locales=["de-AT", "de", "en"])), server)
    assert [request.headers.get("accept-language") for request in server.requests] == ["de-AT, de;q=0.9, en;q=0.8"] * 3


@pytest.mark.parametrize("locale", ["", "de_AT", "en\r\nx: y", "x" * 9, "de-", "*"])
def test_locales_are_language_tags(locale: str) -> None:
    with pytest.raises(ValueError, match="language tags"):
        wallet(locales=[locale])


@pytest.mark.parametrize("client_id", ["", "a\nb", "é"])
def test_a_client_id_is_printable(client_id: str) -> None:
    with pytest.raises(ValueError, match="client_id"):
        wallet(client_id=client_id)


@pytest.mark.spec("VCI-4.1.3-01", "VCI-4.1-02")
def test_an_offer_by_reference_is_fetched_first() -> None:
    server = Server({REFERENCE: ok(offer())})
    by_reference = run(Offer.parse(BY_REFERENCE).open(wallet()), server)
    assert (server.requests[0].method, server.requests[0].url) == ("GET", REFERENCE)
    assert by_reference == opened(Server())


@pytest.mark.spec("VCI-4.1.3-04", "VCI-4.1.3-05")
@pytest.mark.parametrize("media_type", ["text/html", "application/jwt", "", "application/json+x"])
def test_a_referenced_offer_must_be_json(media_type: str) -> None:
    answer = Response(200, {"content-type": media_type}, ok(offer()).body)
    with pytest.raises(InvalidOffer):
        run(Offer.parse(BY_REFERENCE).open(wallet()), Server({REFERENCE: answer}))


@pytest.mark.spec("VCI-4.1.3-04")
def test_a_referenced_offer_may_have_a_charset() -> None:
    answer = Response(200, {"content-type": "application/json; charset=utf-8"}, ok(offer()).body)
    assert run(Offer.parse(BY_REFERENCE).open(wallet()), Server({REFERENCE: answer})).offer.credential_issuer == ISSUER


@pytest.mark.spec("VCI-4.1.3-05")
def test_a_referenced_offer_is_no_unsecured_jwt() -> None:
    answer = Response(200, {"content-type": "application/json"}, b"eyJhbGciOiJub25lIn0.e30.")
    with pytest.raises(InvalidOffer):
        run(Offer.parse(BY_REFERENCE).open(wallet()), Server({REFERENCE: answer}))


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 404, 410])
def test_a_referenced_offer_comes_with_status_200(status: int) -> None:
    answer = Response(status, {"content-type": "application/json", "location": "https://issuer.example/x"}, ok(offer()).body)
    server = Server({REFERENCE: answer})
    with pytest.raises(InvalidOffer):
        run(Offer.parse(BY_REFERENCE).open(wallet()), server)
    assert server.urls == [REFERENCE]


@pytest.mark.spec("VCI-4.1-06")
@pytest.mark.parametrize(
    "url", ["http://issuer.example/o", "file:///etc/passwd", "//issuer.example/o", "https://u@issuer.example/"]
)
def test_a_reference_is_an_https_url(url: str) -> None:
    with pytest.raises(InvalidOffer):
        Offer.parse(f"openid-credential-offer://?credential_offer_uri={url}")


@pytest.mark.spec("VCI-15.6-01", "VCI-13.5-01")
def test_nothing_is_sent_before_the_trust_decision() -> None:
    asked: list[str] = []

    def refuse(url: str) -> bool:
        asked.append(url)
        return False

    by_reference, direct = Offer.parse(BY_REFERENCE), Offer.parse(by_value(offer()))
    assert asked == []
    careful = wallet(trust=Trust(allow=refuse))
    for invocation in (by_reference, direct):
        with pytest.raises(Untrusted) as caught:
            invocation.open(careful)
        assert caught.value.advice is Advice.GIVE_UP
    assert asked == [REFERENCE, ISSUER]


@pytest.mark.spec("VCI-13.6.2-01", "VCI-13.5-02")
def test_a_trusted_reference_does_not_make_the_issuer_trusted() -> None:
    server = Server({REFERENCE: ok(offer(tx_code={}))})
    with pytest.raises(Untrusted):
        run(Offer.parse(BY_REFERENCE).open(wallet(trust=trusting(REFERENCE))), server)
    assert server.urls == [REFERENCE]


@pytest.mark.spec("VCI-13.6.2-01")
def test_a_trusted_issuer_does_not_make_its_server_trusted() -> None:
    server = Server({METADATA_URL: ok({**metadata(), "authorization_servers": ["https://as.example"]})})
    with pytest.raises(Untrusted):
        opened(server, trust=trusting(ISSUER))
    assert server.urls == [METADATA_URL]


def test_by_default_nobody_is_trusted() -> None:
    with pytest.raises(Untrusted):
        Offer.parse(by_value(offer())).open(Wallet(trust=Trust()))


@pytest.mark.spec("VCI-12.2.4-02", "VCI-12.2.4-03", "VCI-13.5-02")
@pytest.mark.parametrize(
    "other",
    [
        "https://issuer.example/tenant/",
        "https://ISSUER.example/tenant",
        "https://issuer.example:443/tenant",
        "https://issuer.example/%74enant",
        "https://issuer.example/./tenant",
        "https://issuer.example",
        "https://honest.example/tenant",
    ],
)
def test_metadata_of_another_issuer_are_not_used(other: str) -> None:
    server = Server({METADATA_URL: ok({**metadata(), "credential_issuer": other})})
    with pytest.raises(InvalidMetadata):
        opened(server)
    assert server.urls == [METADATA_URL]


BROKEN: list[Response] = [
    Response(200, {"content-type": "application/jwt"}, ok(metadata()).body),
    Response(200, {}, ok(metadata()).body),
    Response(200, [("content-type", "application/json"), ("content-type", "application/json")], ok(metadata()).body),
    Response(201, {"content-type": "application/json"}, ok(metadata()).body),
    Response(302, {"content-type": "application/json", "location": METADATA_URL}, ok(metadata()).body),
    Response(404, {"content-type": "application/json"}, ok(metadata()).body),
    ok([metadata()]),
    ok({}),
    ok({**metadata(), "credential_endpoint": "http://issuer.example/credential"}),
    Response(200, {"content-type": "application/json"}, b"{"),
    Response(200, {"content-type": "application/json"}, b" " * (1 << 20) + ok(metadata()).body),
    Response(200, {"content-type": "application/json"}, b'{"credential_issuer":"x",' + ok(metadata()).body[1:]),
]


@pytest.mark.parametrize("answer", BROKEN)
def test_broken_issuer_metadata_are_refused(answer: Response) -> None:
    server = Server({METADATA_URL: answer})
    with pytest.raises(InvalidMetadata):
        opened(server)
    assert server.urls == [METADATA_URL]


@pytest.mark.parametrize(
    "answer", [*BROKEN[:7], ok({"issuer": ISSUER}), ok({**server_metadata(), "token_endpoint": "http://t.example"})]
)
def test_broken_server_metadata_are_refused(answer: Response) -> None:
    with pytest.raises(InvalidMetadata):
        opened(Server({SERVER_URL: answer}))


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (503, "120", 120),
        (429, None, None),
        (500, "Fri, 31 Dec 1999 23:59:59 GMT", None),
        (503, "9" * 5000, None),
        (502, "-1", None),
    ],
)
def test_a_server_in_trouble_can_be_asked_again(status: int, header: str | None, seconds: int | None) -> None:
    exchange = Offer.parse(by_value(offer())).open(wallet())
    with pytest.raises(TryLater) as caught:
        exchange.receive(Response(status, {} if header is None else {"retry-after": header}))
    assert (caught.value.retry_after, caught.value.advice) == (seconds, Advice.WAIT)
    assert isinstance(exchange.receive(ok(metadata())), Exchange)


SLASH = "https://issuer.example/tenant/"


def test_an_identifier_that_ends_in_a_slash_has_a_fallback() -> None:
    """Decision 21: the path as it is, then without the slash; the identifier itself must be the same string in any case."""
    server = Server(
        {
            METADATA_URL: ok({**metadata(), "credential_issuer": SLASH}),
            SERVER_URL: ok(server_metadata(SLASH)),
        }
    )
    assert opened(server, {**offer(), "credential_issuer": SLASH}).metadata.credential_issuer == SLASH
    assert server.urls == [METADATA_URL + "/", METADATA_URL, SERVER_URL]


@pytest.mark.parametrize("status", [400, 403, 410])
def test_only_404_leads_to_the_fallback(status: int) -> None:
    server = Server({METADATA_URL + "/": Response(status), METADATA_URL: ok({**metadata(), "credential_issuer": SLASH})})
    with pytest.raises(InvalidMetadata):
        opened(server, {**offer(), "credential_issuer": SLASH})
    assert len(server.requests) == 1


def test_the_fallback_has_no_fallback() -> None:
    server = Server({METADATA_URL: Response(404)})
    with pytest.raises(InvalidMetadata):
        opened(server, {**offer(), "credential_issuer": SLASH})
    assert server.urls == [METADATA_URL + "/", METADATA_URL]


def test_without_a_slash_there_is_no_fallback() -> None:
    server = Server({METADATA_URL: Response(404)})
    with pytest.raises(InvalidMetadata):
        opened(server)
    assert server.urls == [METADATA_URL]


@pytest.mark.spec("VCI-4.1.1-04")
def test_an_offered_configuration_must_be_in_the_metadata() -> None:
    server = Server()
    with pytest.raises(InvalidOffer):
        opened(server, {**offer(), "credential_configuration_ids": ["pid", "unknown"]})
    assert server.urls == [METADATA_URL]


@pytest.mark.parametrize(
    "encryption",
    [
        {"credential_request_encryption": {"jwks": {"keys": [{"kty": "EC", "kid": "1"}]}, "enc_values_supported": ["A128GCM"]}},
        {"credential_response_encryption": {"alg_values_supported": ["ECDH-ES"], "enc_values_supported": ["A128GCM"]}},
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_required_encryption_ends_the_flow_before_a_code_is_spent(encryption: dict[str, Any], required: bool) -> None:
    members = {name: {**value, "encryption_required": required} for name, value in encryption.items()}
    server = Server({METADATA_URL: ok({**metadata(), **members})})
    if required:
        with pytest.raises(InvalidMetadata, match="encrypted"):
            opened(server)
    else:
        assert opened(server).token_endpoint == TOKEN


@pytest.mark.spec("VCI-12.2.4-05", "VCI-12.2.4-06")
def test_without_authorization_servers_the_issuer_is_its_own() -> None:
    server = Server()
    assert opened(server).server.issuer == ISSUER
    assert server.urls[1] == SERVER_URL


FIRST, SECOND = "https://issuer.example/as/1", "https://issuer.example/as/2"
WELL_KNOWN = "https://issuer.example/.well-known/oauth-authorization-server/as/"


def several(first: dict[str, Any], second: dict[str, Any]) -> Server:
    return Server(
        {
            METADATA_URL: ok({**metadata(), "authorization_servers": [FIRST, SECOND]}),
            WELL_KNOWN + "1": ok({**server_metadata(FIRST), **first}),
            WELL_KNOWN + "2": ok({**server_metadata(SECOND), **second}),
        }
    )


@pytest.mark.spec("VCI-12.2.4-06")
@pytest.mark.parametrize("other", [ISSUER + "/", "https://issuer.example", SECOND])
def test_metadata_of_another_server_are_not_used(other: str) -> None:
    with pytest.raises(InvalidMetadata):
        opened(Server({SERVER_URL: ok(server_metadata(other))}))


@pytest.mark.spec("VCI-12.2.4-07")
@pytest.mark.parametrize(
    ("first", "second", "chosen", "fetched"),
    [
        ({}, {}, FIRST, 1),
        ({"grant_types_supported": [AUTHORIZATION_CODE]}, {}, SECOND, 2),
        ({"grant_types_supported": None}, {}, SECOND, 2),
        ({"grant_types_supported": None}, {"grant_types_supported": [AUTHORIZATION_CODE]}, FIRST, 2),
        ({"grant_types_supported": None}, {"grant_types_supported": None}, FIRST, 2),
        ({"grant_types_supported": []}, {"grant_types_supported": None}, SECOND, 2),
    ],
)
def test_of_several_servers_the_first_that_supports_the_grant_is_used(
    first: dict[str, Any], second: dict[str, Any], chosen: str, fetched: int
) -> None:
    server = several(first, second)
    assert opened(server).server.issuer == chosen
    assert len(server.requests) == 1 + fetched


def test_of_several_servers_the_untrusted_are_left_out() -> None:
    server = several({}, {})
    assert opened(server, trust=trusting(ISSUER, SECOND, TOKEN, CREDENTIAL)).server.issuer == SECOND
    assert WELL_KNOWN + "1" not in server.urls


def test_a_server_that_says_it_does_not_support_the_grant_is_not_used() -> None:
    lacking = {"grant_types_supported": [AUTHORIZATION_CODE]}
    for server in (several(lacking, lacking), Server({SERVER_URL: ok({**server_metadata(), **lacking})})):
        with pytest.raises(InvalidMetadata):
            opened(server)


def test_a_server_that_does_not_list_grant_types_is_tolerated() -> None:
    silent = {name: value for name, value in server_metadata().items() if name != "grant_types_supported"}
    assert opened(Server({SERVER_URL: ok(silent)})).token_endpoint == TOKEN


@pytest.mark.spec("VCI-4.1.1-36")
def test_the_offer_names_the_server() -> None:
    server = several({}, {})
    assert opened(server, offer(authorization_server=SECOND)).server.issuer == SECOND
    assert server.urls == [METADATA_URL, WELL_KNOWN + "2"]


@pytest.mark.spec("VCI-12.2.4-08", "VCI-4.1.1-36")
@pytest.mark.parametrize("hint", [FIRST + "/", "https://issuer.example/as/3", ISSUER])
def test_a_server_that_only_the_offer_names_ends_the_flow(hint: str) -> None:
    server = several({}, {})
    with pytest.raises(InvalidOffer):
        opened(server, offer(authorization_server=hint))
    assert server.urls == [METADATA_URL]


@pytest.mark.spec("VCI-4.1.1-16")
def test_the_hint_of_the_authorization_code_grant_is_checked_too() -> None:
    server = several({}, {"grant_types_supported": [AUTHORIZATION_CODE]})
    document = {**offer(), "grants": {AUTHORIZATION_CODE: {"authorization_server": "https://elsewhere.example"}}}
    with pytest.raises(InvalidOffer):
        opened(server, document)
    document["grants"] = {AUTHORIZATION_CODE: {"authorization_server": SECOND}}
    result = opened(server, document)
    assert (result.server.issuer, result.grant_types, result.tx_code) == (SECOND, (AUTHORIZATION_CODE,), None)
    with pytest.raises(ValueError, match="no pre-authorized code"):
        result.redeem()


@pytest.mark.spec("VCI-4.1.1-07")
@pytest.mark.parametrize("grants", [{}, {"grants": {}}, {"grants": None}])
@pytest.mark.parametrize(
    ("supported", "expected"),
    [([PRE_AUTHORIZED_CODE, "x"], (PRE_AUTHORIZED_CODE, "x")), (None, (AUTHORIZATION_CODE, "implicit"))],
)
def test_without_grants_the_servers_metadata_say_what_is_possible(
    grants: dict[str, Any], supported: list[str] | None, expected: tuple[str, ...]
) -> None:
    document = {name: value for name, value in offer().items() if name != "grants"} | grants
    result = opened(Server({SERVER_URL: ok({**server_metadata(), "grant_types_supported": supported})}), document)
    assert result.grant_types == expected


@pytest.mark.spec("VCI-12.2.4-89", "VCI-12.3-04", "VCI-4.1.1-10")
def test_unknown_members_are_ignored() -> None:
    published = {**metadata(), "x": [1]}
    published["credential_configurations_supported"]["pid"]["x"] = {"y": None}
    document = {**offer(x={}), "y": 1}
    document["grants"]["urn:other"] = {"z": 1}
    server = Server({METADATA_URL: ok(published), SERVER_URL: ok({**server_metadata(), "x": True})})
    assert opened(server, document).configurations.keys() == {"pid", "ticket"}


def test_a_broken_configuration_hurts_only_offers_that_name_it() -> None:
    published = metadata()
    published["credential_configurations_supported"]["other"] = {"format": 1}
    server = Server({METADATA_URL: ok(published)})
    assert opened(server).configurations.keys() == {"pid", "ticket"}
    with pytest.raises(InvalidOffer):
        opened(server, {**offer(), "credential_configuration_ids": ["other"]})


@pytest.mark.spec("VCI-4.1.1-31", "VCI-13.6.2-02")
def test_what_the_transaction_code_is_like_and_where_it_goes_is_known_before_it_is_sent() -> None:
    server = Server()
    result = opened(server, offer(tx_code={"length": 4, "description": "by text message"}))
    assert result.tx_code is not None
    assert (result.tx_code.length, result.tx_code.description) == (4, "by text message")
    assert result.token_endpoint == TOKEN
    assert TOKEN not in server.urls


def test_secrets_do_not_show() -> None:
    result = opened(Server())
    assert "the-pre-authorized-code" not in repr(result)
    assert not re.search("7f1|the-pre", repr(Offer.parse(BY_REFERENCE)) + repr(result.redeem()))


def test_an_error_repeats_nothing_of_the_peer() -> None:
    hostile = ok({**metadata(), "credential_issuer": "https://<script>.example", "<script>": 1})
    with pytest.raises(WalletError) as caught:
        opened(Server({METADATA_URL: hostile}))
    assert "script" not in str(caught.value)


def test_the_states_know_their_types() -> None:
    """An illegal step has no method: there is nothing to redeem before an offer was opened."""
    exchange: Exchange[Opened] = Offer.parse(by_value(offer())).open(wallet())
    assert isinstance(exchange.request, Request)
    assert not hasattr(exchange, "redeem")
    assert not hasattr(Offer, "redeem")
    assert not hasattr(Opened, "order")


# --- where codes, tokens and proofs go ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("untrusted", [TOKEN, CREDENTIAL])
def test_endpoints_elsewhere_are_asked_about_before_the_code_is_sent(untrusted: str) -> None:
    """What metadata name may lie inside the Wallet's own network, or with somebody who collects codes and tokens."""
    asked: list[str] = []

    def allow(url: str) -> bool:
        asked.append(url)
        return url != untrusted

    server = Server()
    with pytest.raises(Untrusted):
        opened(server, trust=Trust(allow=allow))
    assert untrusted in asked
    assert all(request.method == "GET" for request in server.requests)


def test_endpoints_beside_their_owner_are_trusted_with_it() -> None:
    beside = {"credential_endpoint": "https://ISSUER.example:443/credential?v=1", "nonce_endpoint": "https://issuer.example/n"}
    answers: dict[str, Any] = {
        METADATA_URL: ok({**metadata(), **beside}),
        SERVER_URL: ok({**server_metadata(), "token_endpoint": "https://issuer.example/token"}),
    }
    assert opened(Server(answers), trust=trusting(ISSUER)).token_endpoint == "https://issuer.example/token"
    for other in (
        "https://issuer.example.evil.com/n",
        "https://issuer.example:8443/n",
        "https://evil.com/https://issuer.example/n",
    ):
        elsewhere = {**answers, METADATA_URL: ok({**metadata(), **beside, "nonce_endpoint": other})}
        with pytest.raises(Untrusted):
            opened(Server(elsewhere), trust=trusting(ISSUER))


def test_trust_in_a_party_is_trust_in_what_lies_beneath_it() -> None:
    trust = Trust.of("https://a.example/tenant", "https://b.example/")
    for url in ("https://a.example/tenant", "https://a.example/tenant/keys", "https://b.example/", "https://b.example/keys"):
        assert trust.allow(url)
    for url in (
        "https://a.example",
        "https://a.example/tenant2",
        "https://a.example.evil.com/tenant",
        "https://b.example.evil.com",
    ):
        assert not trust.allow(url)


@pytest.mark.parametrize(
    "gone",
    [
        *(Response(404), ok([]), Response.of_json(400, {"error": "x"}), Response(200, {"content-type": "text/html"})),
        *(Response(503), Response(429), Response(302, {"location": "/"})),
        Response(200, {"content-type": "application/json"}, b" " * ((1 << 20) + 1)),
        ok({**server_metadata(FIRST), "token_endpoint": "https://elsewhere.example/token"}),
    ],
)
def test_a_server_that_is_gone_does_not_stop_an_offer_that_another_can_serve(gone: Response) -> None:
    server = several({}, {})
    server.answers[WELL_KNOWN + "1"] = gone
    assert opened(server).server.issuer == SECOND


@pytest.mark.parametrize(
    ("first", "raised"),
    [
        (Response(503), TryLater),
        (ok({**server_metadata(FIRST), "token_endpoint": "https://elsewhere.example/token"}), Untrusted),
        (Response(404), InvalidMetadata),
    ],
)
@pytest.mark.parametrize("second", [Response(404), ok({**server_metadata(SECOND), "grant_types_supported": []})])
def test_where_no_other_can_serve_it_the_reason_is_said(first: Response, second: Response, raised: type[WalletError]) -> None:
    server = several({}, {})
    server.answers[WELL_KNOWN + "1"], server.answers[WELL_KNOWN + "2"] = first, second
    with pytest.raises(raised):
        opened(server)


def test_a_server_in_doubt_serves_where_the_others_are_in_trouble() -> None:
    server = several({"grant_types_supported": None}, {})
    server.answers[WELL_KNOWN + "2"] = Response(503)
    assert opened(server).server.issuer == FIRST


def test_a_code_is_not_spent_on_credentials_that_nobody_can_verify() -> None:
    start = opened(Server(), formats={})
    with pytest.raises(ValueError, match="no verifier"):
        start.redeem()


def test_one_language_is_not_several() -> None:
    with pytest.raises(TypeError):
        wallet(locales="de")
