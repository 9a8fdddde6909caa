"""Which of several Authorization Servers the Wallet uses, for which grant (OID4VCI 4.1.1, 12.2.4)."""

from typing import Any

import pytest

from oid4vci.drive import run
from oid4vci.errors import InvalidMetadata, InvalidOffer, Untrusted
from oid4vci.http import Response
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.trust import Trust
from oid4vci.wallet import Offer, Opened
from tests.scripted_authorization import PAR, REDIRECT, authorizing, code_metadata, code_offer, code_server, push, response
from tests.scripted_server import (
    CODE,
    CREDENTIAL,
    ISSUER,
    METADATA_URL,
    TOKEN,
    Server,
    by_value,
    metadata,
    ok,
    server_metadata,
    wallet,
)

FIRST, SECOND, THIRD = (f"https://issuer.example/as/{i}" for i in (1, 2, 3))
URLS = {
    server: f"https://issuer.example/.well-known/oauth-authorization-server/as/{server[-1]}"
    for server in (FIRST, SECOND, THIRD)
}
PRE: dict[str, Any] = {"grant_types_supported": [PRE_AUTHORIZED_CODE]}
BOTH: dict[str, Any] = {"grant_types_supported": [PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE]}


def several(*members: dict[str, Any] | Response) -> Server:
    """An issuer with that many servers, each with its own token endpoint; without other members, with the code grant."""
    answers: dict[str, Any] = {PAR: push}
    servers = (FIRST, SECOND, THIRD)[: len(members)]
    for server, own in zip(servers, members, strict=True):
        answers[URLS[server]] = (
            own if isinstance(own, Response) else ok(code_metadata(server, **{"token_endpoint": f"{server}/token", **own}))
        )
        answers[f"{server}/token"] = ok({"access_token": server, "token_type": "Bearer"})
    return Server({METADATA_URL: ok({**metadata(), "authorization_servers": list(servers)}), **answers})


def offer(pre: str | None = None, code: str | None = None) -> dict[str, Any]:
    """An offer with both grants, and the server that each names."""
    grants: dict[str, dict[str, str]] = {AUTHORIZATION_CODE: {}, PRE_AUTHORIZED_CODE: {"pre-authorized_code": CODE}}
    for grant_type, server in ((PRE_AUTHORIZED_CODE, pre), (AUTHORIZATION_CODE, code)):
        if server is not None:
            grants[grant_type]["authorization_server"] = server
    return {**code_offer("pid"), "grants": grants}


def open_offer(server: Server, document: Any, grant_type: str | None = None, **settings: Any) -> Opened:
    return run(Offer.parse(by_value(document)).open(wallet(**settings), grant_type=grant_type), server)


@pytest.mark.spec("VCI-4.1.1-14", "VCI-4.1.1-16")
@pytest.mark.parametrize("named", [FIRST, SECOND, THIRD])
def test_the_server_that_the_grant_names_is_used(named: str) -> None:
    server = several({}, {}, {})
    pending = authorizing(server, code_offer("pid", authorization_server=named))
    assert pending.opened.server.issuer == named
    assert [url for url in server.urls if url in URLS.values()] == [URLS[named]]
    assert run(pending.callback(response(pending)), server).access_token == named


@pytest.mark.spec("VCI-12.2.4-08", "VCI-4.1.1-16")
@pytest.mark.parametrize("hint", [f"{FIRST}/", ISSUER, "https://issuer.example/as/9", FIRST.upper()])
def test_a_server_that_the_metadata_lack_ends_the_flow(hint: str) -> None:
    for document in (code_offer("pid", authorization_server=hint), offer(FIRST, hint), offer(hint, FIRST)):
        server = several({}, {})
        with pytest.raises(InvalidOffer):
            open_offer(server, document)
        assert server.urls == [METADATA_URL]


@pytest.mark.spec("VCI-12.2.4-08")
def test_a_server_that_is_named_where_the_metadata_have_none_ends_the_flow() -> None:
    server = code_server()
    with pytest.raises(InvalidOffer):
        open_offer(server, code_offer("pid", authorization_server=ISSUER))
    assert server.urls == [METADATA_URL]


@pytest.mark.spec("VCI-4.1.1-08", "VCI-4.1.1-14", "VCI-4.1.1-34")
def test_each_grant_of_an_offer_may_have_its_own_server() -> None:
    server = several(PRE, {})
    document = offer(pre=FIRST, code=SECOND)
    by_default = open_offer(server, document)
    assert (by_default.server.issuer, by_default.grant_types) == (FIRST, (AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE))
    assert run(by_default.redeem(), server).access_token == FIRST
    assert open_offer(server, document, PRE_AUTHORIZED_CODE) == by_default
    by_code = open_offer(server, document, AUTHORIZATION_CODE)
    assert by_code.server.issuer == SECOND
    pending = run(by_code.authorize(redirect_uri=REDIRECT), server)
    assert run(pending.callback(response(pending)), server).access_token == SECOND


def test_a_grant_is_not_used_at_the_server_of_another() -> None:
    """A pre-authorized code would be shown to a server that it is not for."""
    server = several(BOTH, BOTH)
    document = offer(pre=FIRST, code=SECOND)
    with pytest.raises(ValueError, match="another Authorization Server"):
        open_offer(server, document).authorize(redirect_uri=REDIRECT)
    with pytest.raises(ValueError, match="another Authorization Server"):
        open_offer(server, document, AUTHORIZATION_CODE).redeem()
    assert not server.to(f"{FIRST}/token")
    assert not server.to(f"{SECOND}/token")


def test_nor_at_a_server_that_does_not_support_it() -> None:
    server = several({}, PRE)
    assert open_offer(server, offer()).server.issuer == SECOND
    with pytest.raises(ValueError, match="another Authorization Server"):
        open_offer(server, offer()).authorize(redirect_uri=REDIRECT)
    with pytest.raises(ValueError, match="another Authorization Server"):
        open_offer(server, offer(), AUTHORIZATION_CODE).redeem()
    assert not server.to(f"{FIRST}/token")


@pytest.mark.parametrize("document", [offer(), offer(pre=FIRST), offer(code=FIRST), offer(FIRST, FIRST)])
def test_one_server_may_do_for_both_grants(document: dict[str, Any]) -> None:
    server = several(BOTH, BOTH)
    for grant_type in (None, PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE):
        start = open_offer(server, document, grant_type)
        assert start.server.issuer == FIRST
        assert run(start.redeem(), server).access_token == FIRST
        assert run(start.authorize(redirect_uri=REDIRECT), server).url


@pytest.mark.spec("VCI-12.2.4-07", "VCI-4.1.1-08")
@pytest.mark.parametrize(
    ("grant_type", "expected"), [(None, SECOND), (PRE_AUTHORIZED_CODE, SECOND), (AUTHORIZATION_CODE, FIRST)]
)
def test_servers_without_the_grant_are_passed_over(grant_type: str | None, expected: str) -> None:
    assert open_offer(several({}, PRE), offer(), grant_type).server.issuer == expected


@pytest.mark.spec("VCI-12.2.4-07")
@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({}, FIRST),
        (PRE, SECOND),
        ({"grant_types_supported": []}, SECOND),
        # RFC 8414 2: the default has the authorization code grant.
        ({"grant_types_supported": None}, FIRST),
        ({"authorization_endpoint": None}, SECOND),
        (Response(404), SECOND),
        (ok({}), InvalidMetadata),
    ],
)
def test_the_first_server_with_the_code_grant_is_used(first: Any, expected: Any) -> None:
    for document in (code_offer("pid"), {**code_offer("pid"), "grants": {}}):
        server = several(first, {})
        if isinstance(expected, str):
            assert open_offer(server, document).server.issuer == expected
        else:
            with pytest.raises(expected):
                open_offer(server, document)


def test_without_a_grant_in_the_offer_a_server_without_the_code_grant_is_the_last_resort() -> None:
    own = Offer.of(ISSUER, "pid")
    assert run(own.open(wallet()), several(PRE, {})).server.issuer == SECOND
    only = run(own.open(wallet()), several(PRE, PRE))
    assert (only.server.issuer, only.grant_types) == (FIRST, (PRE_AUTHORIZED_CODE,))
    with pytest.raises(InvalidMetadata, match="authorization code grant"):
        only.authorize(redirect_uri=REDIRECT)
    with pytest.raises(InvalidMetadata, match="grant type"):
        run(own.open(wallet(), grant_type=AUTHORIZATION_CODE), several(PRE, PRE))


@pytest.mark.parametrize("grant_type", [PRE_AUTHORIZED_CODE, "urn:other"])
def test_a_grant_that_the_offer_does_not_have_is_not_opened(grant_type: str) -> None:
    server = several(BOTH)
    with pytest.raises(InvalidOffer, match="grant type"):
        open_offer(server, code_offer("pid"), grant_type)
    assert server.requests == []


def test_nor_one_that_a_referenced_offer_does_not_have() -> None:
    reference = "https://issuer.example/o"
    server = Server({reference: ok(code_offer("pid"))})
    with pytest.raises(InvalidOffer, match="grant type"):
        run(
            Offer.parse(f"openid-credential-offer://?credential_offer_uri={reference}").open(
                wallet(), grant_type=PRE_AUTHORIZED_CODE
            ),
            server,
        )
    assert server.urls == [reference]


def test_a_grant_of_which_this_version_does_not_know() -> None:
    document = {**code_offer("pid"), "grants": {"urn:other": {}}}
    start = open_offer(several({}), document)
    assert start.grant_types == ("urn:other",)
    for use in (start.redeem, lambda: start.authorize(redirect_uri=REDIRECT)):
        with pytest.raises(ValueError, match=r"has no (pre-authorized code|authorization code grant)"):
            use()


def test_untrusted_servers_are_passed_over_and_a_named_one_is_not_replaced() -> None:
    trusted = {ISSUER, SECOND, TOKEN, CREDENTIAL}
    trust = Trust(allow=trusted.__contains__)
    server = several({}, {})
    assert open_offer(server, code_offer("pid"), trust=trust).server.issuer == SECOND
    assert URLS[FIRST] not in server.urls
    with pytest.raises(Untrusted):
        open_offer(server, code_offer("pid", authorization_server=FIRST), trust=trust)
    assert URLS[FIRST] not in server.urls


def test_a_named_server_that_does_not_support_the_grant_is_not_replaced_either() -> None:
    server = several(PRE, {})
    with pytest.raises(InvalidMetadata):
        open_offer(server, code_offer("pid", authorization_server=FIRST))
    assert URLS[SECOND] not in server.urls


def test_the_metadata_of_the_server_are_its_own() -> None:
    server = several(ok(server_metadata(SECOND)), {})
    with pytest.raises(InvalidMetadata):
        open_offer(server, code_offer("pid", authorization_server=FIRST))
