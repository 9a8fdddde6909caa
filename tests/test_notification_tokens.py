"""With which Access Tokens a `notification_id` is used (OID4VCI 11): those of its grant, also refreshed ones, and no others."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.keys import LocalSigner
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.records import Key, Record
from tests.authorization import Proving
from tests.external_server import JWKS_URI, SCOPES, SERVER, Elsewhere, ExternalHost, jwks, jwt, scoped_metadata
from tests.issuance import CREDENTIAL, NOW, TOKEN, Issuance, new_issuer, refused, secret_keys
from tests.notifications import (
    ACCEPTED,
    DELETED,
    NOTIFICATION,
    NOTIFICATIONS,
    TakingNote,
    acknowledged,
    flow,
    given,
    id_of,
    noted,
    notification_request,
    noting,
    rows,
)
from tests.test_refresh_tokens import ME, again, authenticated, first

NOTE = {"credential_configuration_id": "note"}


def bound(token: str, proving: Proving, url: str, **claims: Any) -> dict[str, Any]:
    """The headers of a request with a token that is bound to a key."""
    return {"authorization": f"DPoP {token}", "dpop": proving(url, access_token=token, **claims)}


def id_for(parts: Issuance, token: str, proving: Proving) -> str:
    return id_of(parts.credential(None, NOTE, **bound(token, proving, CREDENTIAL)))


def tell(
    parts: Issuance, token: str, proving: Proving, notification_id: str, event: str = ACCEPTED, *, now: int = NOW, **claims: Any
) -> Any:
    body = {"notification_id": notification_id, "event": event}
    headers = bound(token, proving, claims.pop("url", NOTIFICATION), now=now, **claims)
    return parts.send(notification_request(None, body, **headers), now=now)


# --- the grant ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-03", "VCI-11-04")
def test_a_refreshed_token_notifies_of_what_was_issued_before() -> None:
    parts, proving = flow(), Proving()
    body = first(parts, proving)
    notification_id = id_for(parts, body["access_token"], proving)
    later = NOW + 86_400
    assert tell(parts, body["access_token"], proving, notification_id, now=later).status == 401
    renewed = again(parts, body["refresh_token"], proving, now=later).json()
    acknowledged(tell(parts, renewed["access_token"], proving, notification_id, now=later))
    acknowledged(tell(parts, renewed["access_token"], proving, notification_id, now=later))
    assert [(order.repeated, order.issued_at, order.now) for order in noted(parts)] == [(False, NOW, later), (True, NOW, later)]


def test_a_client_that_authenticates_may_have_another_key_by_then() -> None:
    base = authenticated()
    issuer = evolve(
        base.issuer, metadata=evolve(base.issuer.metadata, notification_endpoint=NOTIFICATION), notifications=NOTIFICATIONS
    )
    parts, old, new = noting(evolve(base, issuer=issuer)), Proving(), Proving()
    body = first(parts, old, headers=ME)
    notification_id = id_for(parts, body["access_token"], old)
    renewed = again(parts, body["refresh_token"], new, headers=ME).json()
    acknowledged(tell(parts, renewed["access_token"], new, notification_id))


@pytest.mark.spec("VCI-11-04")
def test_a_token_that_is_for_another_configuration_of_the_grant_will_do() -> None:
    parts, proving = flow(), Proving()
    body = first(parts, proving, scope="note-scope card-scope")
    notification_id = id_for(parts, body["access_token"], proving)
    narrow = again(parts, body["refresh_token"], proving, scope="card-scope").json()["access_token"]
    assert parts.credential(None, NOTE, **bound(narrow, proving, CREDENTIAL)).status == 403
    acknowledged(tell(parts, narrow, proving, notification_id))
    assert noted(parts)[0].configuration_id == "note"


@pytest.mark.spec("VCI-11.3-06")
def test_another_grant_of_the_same_person_and_client_has_no_use_for_an_id() -> None:
    held = given()
    stranger = evolve(held, token=held.parts.token("badge"))
    before = held.parts.host.rows
    refused(stranger.notify(), "invalid_notification_id")
    assert held.parts.host.rows == before
    assert noted(held.parts) == []
    acknowledged(held.notify())


@pytest.mark.spec("VCI-11.3-06")
def test_another_client_and_another_person_have_no_use_for_an_id() -> None:
    parts, proving, other = flow(), Proving(), Proving()
    notification_id = id_for(parts, first(parts, proving)["access_token"], proving)
    for subject in ("ada", "bob"):
        granted = parts.server.pre_authorize(subject, ["note"], now=NOW, client_id="other")
        assert parts.host.commit(granted.changes)
        members: dict[str, Any] = {
            "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "pre-authorized_code": granted.grant.pre_authorized_code,
            "client_id": "other",
        }
        token = parts.exchange(None, headers={"dpop": other(TOKEN)}, **members).json()["access_token"]
        before = parts.host.rows
        refused(tell(parts, token, other, notification_id), "invalid_notification_id")
        assert parts.host.rows == before
    assert noted(parts) == []


def test_why_an_id_is_invalid_is_not_told_to_who_has_somebody_elses() -> None:
    held = given()
    stranger = evolve(held, token=held.parts.token("badge", now=NOW + NOTIFICATIONS.lifetime))
    alive = refused(evolve(held, token=held.parts.token("badge")).notify(), "invalid_notification_id")
    over = refused(stranger.notify(now=NOW + NOTIFICATIONS.lifetime), "invalid_notification_id")
    assert alive == over


# --- tokens of another server -----------------------------------------------------------------------------------------------------

SECOND, SECOND_SIGNER = "https://second.example", LocalSigner.generate("as-2")


class ExternalNotedHost(ExternalHost, TakingNote):
    """A host that takes note, and has the keys of two servers."""

    def __init__(self) -> None:
        super().__init__()
        self.documents[f"{SECOND}/jwks"] = jwks(SECOND_SIGNER)


def elsewhere() -> Elsewhere:
    servers = (
        TrustedAuthorizationServer(issuer=SERVER, jwks_uri=JWKS_URI),
        TrustedAuthorizationServer(issuer=SECOND, jwks_uri=f"{SECOND}/jwks"),
    )
    metadata = scoped_metadata(notification_endpoint=NOTIFICATION, authorization_servers=(SERVER, SECOND))
    tokens = TrustedJwtAccessTokens(servers=servers, scopes=SCOPES)
    issuer = new_issuer(metadata, access_tokens=tokens, notifications=NOTIFICATIONS)
    return Elsewhere(issuer, ExternalNotedHost())


@pytest.mark.spec("VCI-11.3-06")
def test_of_another_server_it_is_the_person_and_the_client_that_count() -> None:
    parts = elsewhere()
    notification_id = id_of(parts.ask(jwt()))
    body = {"notification_id": notification_id, "event": ACCEPTED}
    for strange in (
        jwt(sub="bob"),
        jwt(client_id="other"),
        jwt(iss=SECOND, signer=SECOND_SIGNER, header={"kid": "as-2"}),
    ):
        assert parts.ask(strange).status == 200
        refused(parts.send(notification_request(strange, body)), "invalid_notification_id")
    fresh = jwt(jti="token-2", iat=NOW, exp=NOW + 600)
    acknowledged(parts.send(notification_request(fresh, body), now=NOW + 300))


def authorization(**changes: Any) -> Authorization:
    members: dict[str, Any] = {
        "subject": "ada",
        "client_id": None,
        "configuration_ids": ["badge"],
        "expires_at": NOW,
        "jkt": "k",
    }
    return Authorization.granting(**{**members, **changes})


def test_an_anonymous_client_of_another_server_is_known_by_its_key() -> None:
    known = authorization()
    assert authorization(expires_at=NOW + 5, configuration_ids=["note"]).family == known.family
    for change in ({"jkt": "other"}, {"jkt": None}, {"subject": "bob"}, {"client_id": "c"}):
        assert authorization(**change).family != known.family
    assert authorization(client_id="c", jkt="other").family == authorization(client_id="c").family
    grant = Record(Key.of("grant", "code"), {}, NOW)
    ours = authorization(grant=grant)
    assert ours.family != known.family
    assert authorization(grant=evolve(grant, version=7, data={"x": 1}), jkt="other").family == ours.family
    assert authorization(grant=Record(Key.of("grant", "another code"), {}, NOW)).family != ours.family


# --- tokens that are bound to a key -----------------------------------------------------------------------------------------------


def test_a_proof_is_for_this_url_and_this_token() -> None:
    parts, proving = flow(), Proving()
    token = first(parts, proving)["access_token"]
    notification_id = id_for(parts, token, proving)
    before = parts.host.rows
    wrong: list[Any] = [
        tell(parts, token, proving, notification_id, url=CREDENTIAL),
        tell(parts, token, proving, notification_id, method="GET"),
        tell(parts, token, Proving(), notification_id),
        parts.send(notification_request(token, {"notification_id": notification_id, "event": ACCEPTED})),
        parts.send(
            notification_request(
                None,
                {"notification_id": notification_id, "event": ACCEPTED},
                authorization=f"DPoP {token}",
                dpop=proving(NOTIFICATION, access_token="another"),
            )
        ),
    ]
    assert [response.status for response in wrong] == [401] * 5
    assert parts.host.rows == before
    assert noted(parts) == []
    acknowledged(tell(parts, token, proving, notification_id))


def test_a_proof_serves_once_for_an_event_and_is_not_spent_by_a_refusal() -> None:
    parts, proving = flow(), Proving()
    token = first(parts, proving)["access_token"]
    notification_id = id_for(parts, token, proving)
    headers = bound(token, proving, NOTIFICATION)
    refused(
        parts.send(notification_request(None, {"notification_id": "x", "event": ACCEPTED}, **headers)),
        "invalid_notification_id",
    )
    request = notification_request(None, {"notification_id": notification_id, "event": ACCEPTED}, **headers)
    acknowledged(parts.send(request))
    other = notification_request(None, {"notification_id": notification_id, "event": DELETED}, **headers)
    for replay in (request, other):
        refused(parts.send(replay), "invalid_dpop_proof", status=401)
    assert [order.event for order in noted(parts)] == [ACCEPTED]


def test_nonces_are_demanded_and_renewed() -> None:
    nonces = DpopNonces(secret_keys(), lifetime=300)
    parts, proving = flow(dpop=Dpop(nonces=nonces)), Proving()
    nonce = nonces.new(now=NOW, new_secret=lambda size: bytes(size))

    def with_nonce(url: str, **claims: Any) -> str:
        return proving(url, nonce=nonce, **claims)

    response = parts.exchange(parts.code(), headers={"dpop": with_nonce(TOKEN)})
    token = response.json()["access_token"]
    notification_id = id_of(
        parts.credential(None, NOTE, authorization=f"DPoP {token}", dpop=with_nonce(CREDENTIAL, access_token=token))
    )
    wanted = tell(parts, token, proving, notification_id)
    assert wanted.status == 401
    assert 'error="use_dpop_nonce"' in wanted.headers.get("www-authenticate")
    assert (noted(parts), rows(parts, "notification")) == ([], [])
    acknowledged(tell(parts, token, proving, notification_id, nonce=wanted.headers.get("dpop-nonce")))
    # An old nonce is good, and the next one comes along.
    late = NOW + 290
    renewed = tell(parts, token, proving, notification_id, nonce=nonce, now=late)
    acknowledged(renewed)
    assert nonces.remaining(renewed.headers.get("dpop-nonce"), now=late) == 300
