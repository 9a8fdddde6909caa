"""Offers as the issuer makes and serves them (OID4VCI 4.1)."""

import json

import pytest

from oid4vci.errors import NotFound
from oid4vci.http import Request
from oid4vci.issuer.open_endpoints import OFFER
from oid4vci.offers import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    AuthorizationCodeGrant,
    CredentialOffer,
    OfferReference,
    PreAuthorizedCodeGrant,
    read_offer_response,
    read_offer_uri,
)
from oid4vci.records import Key
from tests.issuance import (
    IDENTIFIER,
    NOW,
    OFFERS,
    Issuance,
    counted,
    issuance,
    issuer_metadata,
    refused,
    token_request,
)


def published(world: Issuance, *, lifetime: int = 600) -> tuple[CredentialOffer, str]:
    """An offer that is stored, and its URL."""
    granted = world.grant("note", "badge", tx_code="1234")
    offer = world.issuer.offer(["note", "badge"], pre_authorized_code=granted.grant)
    stored = world.issuer.publish_offer(offer, now=NOW, lifetime=lifetime)
    assert world.host.commit(stored.changes)
    return offer, stored.url


@pytest.mark.spec("VCI-3.3.4-01")
def test_an_offer_names_configurations_by_their_ids() -> None:
    world = issuance()
    granted = world.grant("note", "badge")
    offer = world.issuer.offer(["note", "badge"], pre_authorized_code=granted.grant)
    assert offer.to_json() == {
        "credential_issuer": IDENTIFIER,
        "credential_configuration_ids": ["note", "badge"],
        "grants": {
            "urn:ietf:params:oauth:grant-type:pre-authorized_code": {"pre-authorized_code": granted.grant.pre_authorized_code}
        },
    }
    assert read_offer_uri(offer.uri()) == offer
    assert (
        world.send(token_request(offer.to_json()["grants"][next(iter(offer.grant_types))]["pre-authorized_code"])).status == 200
    )


def test_an_offer_may_have_no_grant_and_further_members() -> None:
    offer = issuance().issuer.offer(["note"], extra={"x": 1})
    assert offer.to_json() == {"credential_issuer": IDENTIFIER, "credential_configuration_ids": ["note"], "x": 1}


@pytest.mark.parametrize("configuration_ids", [[], ["note", "note"], ["unknown"], ["note", "unknown"], [""]])
def test_an_offer_is_for_configurations_of_the_issuer(configuration_ids: list[str]) -> None:
    with pytest.raises(ValueError, match=r"(?i)configuration"):
        issuance().issuer.offer(configuration_ids)


@pytest.mark.spec("VCI-4.1.1-11", "VCI-4.1.1-12")
@pytest.mark.parametrize(
    ("grant", "members"),
    [
        (AuthorizationCodeGrant(), {}),
        (AuthorizationCodeGrant(issuer_state="eyJhbGci.x/y+z=é"), {"issuer_state": "eyJhbGci.x/y+z=é"}),
        (AuthorizationCodeGrant(extra={"x": [1]}), {"x": [1]}),
    ],
)
def test_an_offer_for_the_authorization_code_flow(grant: AuthorizationCodeGrant, members: dict[str, object]) -> None:
    world = issuance()
    offer = world.issuer.offer(["note"], authorization_code=grant)
    assert offer.to_json() == {
        "credential_issuer": IDENTIFIER,
        "credential_configuration_ids": ["note"],
        "grants": {AUTHORIZATION_CODE: members},
    }
    assert read_offer_uri(offer.uri()) == offer
    stored = world.issuer.publish_offer(offer, now=NOW)
    assert world.host.commit(stored.changes)
    assert read_offer_response(world.get(stored.url)) == offer


def test_an_offer_may_have_both_grants_for_the_wallet_to_choose_from() -> None:
    world = issuance()
    granted = world.grant("note", tx_code="1234")
    code = AuthorizationCodeGrant(issuer_state="state-1")
    offer = world.issuer.offer(["note"], authorization_code=code, pre_authorized_code=granted.grant)
    assert set(offer.grant_types) == {AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE}
    assert read_offer_uri(offer.uri()) == offer
    assert offer.grants is not None
    assert (offer.grants.authorization_code, offer.grants.pre_authorized_code) == (code, granted.grant)
    # Each parameter belongs to its grant only.
    written = offer.to_json()["grants"]
    assert written[AUTHORIZATION_CODE] == {"issuer_state": "state-1"}
    assert written[PRE_AUTHORIZED_CODE].keys() == {"pre-authorized_code", "tx_code"}


def test_an_issuer_state_does_not_show() -> None:
    offer = issuance().issuer.offer(["note"], authorization_code=AuthorizationCodeGrant(issuer_state="secret-state"))
    assert "secret-state" not in repr(offer)


ONE, TWO = "https://as-1.example", "https://as-2.example"


@pytest.mark.parametrize(
    "grant",
    [
        pytest.param(AUTHORIZATION_CODE, marks=pytest.mark.spec("VCI-4.1.1-15", "VCI-4.1.1-16")),
        pytest.param(PRE_AUTHORIZED_CODE, marks=pytest.mark.spec("VCI-4.1.1-35", "VCI-4.1.1-36")),
    ],
)
def test_an_authorization_server_is_named_only_if_there_are_several(grant: str) -> None:
    def offered(world: Issuance, server: str) -> CredentialOffer:
        if grant == AUTHORIZATION_CODE:
            return world.issuer.offer(["note"], authorization_code=AuthorizationCodeGrant(authorization_server=server))
        hint = PreAuthorizedCodeGrant(pre_authorized_code="x", authorization_server=server)
        return world.issuer.offer(["note"], pre_authorized_code=hint)

    for servers in (None, (ONE,), (TWO, "https://as-3.example"), (f"{ONE}/", TWO)):
        world = issuance(metadata=issuer_metadata(authorization_servers=servers))
        with pytest.raises(ValueError, match="Authorization Server"):
            offered(world, ONE)
    several = issuance(metadata=issuer_metadata(authorization_servers=(ONE, TWO)))
    for server in (ONE, TWO):
        assert offered(several, server).authorization_server(grant) == server


def test_each_grant_of_an_offer_may_name_a_server_of_its_own() -> None:
    world = issuance(metadata=issuer_metadata(authorization_servers=(ONE, TWO)))
    code = AuthorizationCodeGrant(authorization_server=ONE)
    good = PreAuthorizedCodeGrant(pre_authorized_code="x", authorization_server=TWO)
    bad = PreAuthorizedCodeGrant(pre_authorized_code="x", authorization_server="https://as-3.example")
    offer = world.issuer.offer(["note"], authorization_code=code, pre_authorized_code=good)
    assert (offer.authorization_server(AUTHORIZATION_CODE), offer.authorization_server(PRE_AUTHORIZED_CODE)) == (ONE, TWO)
    with pytest.raises(ValueError, match="Authorization Server"):
        world.issuer.offer(["note"], authorization_code=code, pre_authorized_code=bad)


# --- by reference -----------------------------------------------------------------------------------------------------------


def test_an_offer_by_reference_is_served_as_json_that_no_cache_keeps() -> None:
    world = issuance()
    offer, url = published(world)
    response = world.get(url, {"accept": "text/html"})
    assert (response.status, response.headers.get("content-type")) == (200, "application/json")
    assert response.headers.get("cache-control") == "no-store"
    assert read_offer_response(response) == offer
    # It may be fetched again: a Wallet may have failed in between.
    assert world.get(url).body == response.body


@pytest.mark.spec("HAIP-4.2-06", "VCI-12.1.1-02")
def test_the_uri_leads_there() -> None:
    world = issuance()
    offer = world.issuer.offer(["note"])
    stored = world.issuer.publish_offer(offer, now=NOW)
    assert world.host.commit(stored.changes)
    assert stored.uri().startswith("openid-credential-offer://?")
    reference = read_offer_uri(stored.uri())
    assert isinstance(reference, OfferReference)
    assert read_offer_response(world.get(reference.url)) == offer
    assert stored.uri("https://wallet.example/offer").startswith("https://wallet.example/offer?credential_offer_uri=")


def test_nobody_can_guess_the_url_and_no_two_are_alike() -> None:
    world = issuance()
    urls = {published(world)[1] for _ in range(20)}
    assert len(urls) == 20
    assert {len(url.removeprefix(f"{OFFERS}/")) for url in urls} == {43}
    assert issuance(new_secret=counted()).issuer.publish_offer(world.issuer.offer(["note"]), now=NOW).url.endswith("AAAE")


def test_an_offer_ends() -> None:
    world = issuance()
    _, url = published(world, lifetime=60)
    assert world.get(url, now=NOW + 59).status == 200
    refused(world.get(url, now=NOW + 60), "not_found", status=404)


@pytest.mark.parametrize("tail", ["/", "", "/x", "/x/y", "/../token", "/" + "x" * 129, "/%00", "/é", "//", "/..", "?id=x"])
def test_what_was_not_published_is_not_found(tail: str) -> None:
    world = issuance()
    published(world)
    body = refused(world.get(f"{OFFERS}{tail}"), "not_found", status=404)
    assert "x" * 129 not in json.dumps(body)


def test_an_id_in_another_spelling_is_not_found() -> None:
    world = issuance()
    _, url = published(world)
    for other in (url + "/", url + "=", url[:-1], url.replace(url[-1], "%" + format(ord(url[-1]), "X")), url.swapcase()):
        assert world.get(other).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "get"])
def test_other_methods_are_refused(method: str) -> None:
    world = issuance()
    _, url = published(world)
    response = world.send(Request(method, url))
    assert (response.status, response.headers.get("allow")) == (405, "GET")


def test_an_issuer_without_the_endpoint_serves_no_offers() -> None:
    world = issuance(credential_offer_endpoint=None)
    refused(world.get(f"{OFFERS}/x"), "not_found", status=404)
    with pytest.raises(NotFound):
        world.issuer.read_offer_request(Request("GET", f"{OFFERS}/x"))
    with pytest.raises(ValueError, match="credential_offer_endpoint"):
        world.issuer.publish_offer(world.issuer.offer(["note"]), now=NOW)


def test_the_row_of_an_offer_does_not_have_its_url_and_nothing_shows_the_code() -> None:
    world = issuance()
    offer, url = published(world)
    offer_id = url.rpartition("/")[2]
    assert Key.of(OFFER, offer_id) in world.host.rows
    assert offer.grants is not None
    assert offer.grants.pre_authorized_code is not None
    code = offer.grants.pre_authorized_code.pre_authorized_code
    stored = world.issuer.publish_offer(offer, now=NOW)
    shown = repr([world.host.rows, offer, stored, stored.changes, world.issuer.read_offer_request(Request("GET", url))])
    assert offer_id not in shown
    assert stored.url not in shown
    assert code not in shown


def test_a_stolen_table_holds_no_code() -> None:
    """Neither the key of a row nor what is in it leads to a live code: an offer is sealed under the id in its URL."""
    world = issuance()
    granted = world.grant("note")
    published = world.issuer.publish_offer(world.issuer.offer(["note"], pre_authorized_code=granted.grant), now=NOW)
    assert world.host.commit(published.changes)
    everything = str([(key, record, dict(record.data)) for key, record in world.host.rows.items()])
    assert granted.grant.pre_authorized_code not in everything
    assert published.url.rpartition("/")[2] not in everything
    assert world.get(published.url).json()["grants"]


def test_only_ids_of_offers_are_taken_for_offers() -> None:
    """Whatever stands beneath the offers' URL otherwise is another endpoint's, or nothing."""
    world = issuance()
    for name in ("x", "token", "a" * 42, "a" * 44, "a" * 42 + "é", "a" * 42 + "\udcff", "a" * 42 + "."):
        refused(world.get(f"{OFFERS}/{name}"), "not_found", status=404)
