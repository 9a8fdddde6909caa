"""Claims that a Wallet asks for, from the request to the Credential (OID4VCI B.1, B.2)."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from attrs import evolve

from oid4vci._json import b64url_decode
from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, InvalidResponse, Refused
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.metadata import CredentialMetadata
from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer, Grants
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Offer, Opened, Order, Session, Wallet, dump, load
from tests.authorization import REDIRECT_URI, CodeHost, code_flow, scoped_metadata
from tests.issuance import IDENTIFIER, ISSUER_KEY, NOW, Issuance, configuration
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    METADATA_URL,
    TOKEN,
    JwtFormat,
    Server,
    credential_for,
    metadata,
    offer,
    ok,
    opened,
    wallet,
)
from tests.wallet_clients import DPOP

PID = {"type": "openid_credential", "credential_configuration_id": "pid", "credential_identifiers": ["ada"]}
TOKEN_RESPONSE = {"access_token": "t", "token_type": "Bearer", "refresh_token": "r", "authorization_details": [PID]}
NAMES = [ClaimsDescription(path=("given_name",), mandatory=True), ClaimsDescription(path=("nickname",))]
STREET = [ClaimsDescription(path=("addresses", None, "street"), mandatory=True)]


def parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def issuing(*claims: dict[str, Any], described: Any = None) -> Server:
    """An issuer of Credentials with these claims, one after the other."""
    published = metadata()
    if described is not None:
        published["credential_configurations_supported"]["pid"]["credential_metadata"] = {"claims": described}

    def issue(request: Request) -> Response:
        keys = [json.loads(_decoded(proof)) for proof in request.json_object()["proofs"]["jwt"]]
        made = [credential_for(key["jwk"], **said) for key, said in zip(keys, claims, strict=False)]
        return ok({"credentials": [{"credential": credential} for credential in made]})

    return Server({METADATA_URL: ok(published), TOKEN: ok(TOKEN_RESPONSE), CREDENTIAL: issue})


def _decoded(proof: str) -> bytes:
    return b64url_decode(proof.split(".")[0])


def received(server: Server, session: Session, keys: int = 1) -> Issued:
    order = run(session.order("pid"), server)
    result = run(order.prove(HOLDER_KEYS[:keys], now=NOW).submit(), server)
    assert isinstance(result, Issued)
    return result


def redeemed(server: Server, claims: Any) -> Session:
    return run(
        opened(server, offer()).redeem(configuration_ids=["pid"], claims=None if claims is None else {"pid": claims}), server
    )


# --- asking ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.1-03", "VCI-B.1-04")
def test_claims_are_asked_for_with_a_pre_authorized_code() -> None:
    server = issuing()
    session = run(opened(server, offer()).redeem(claims={"pid": NAMES}), server)
    (request,) = server.to(TOKEN)
    pid, ticket = json.loads(parameters(request)["authorization_details"])
    assert pid["claims"] == [{"path": ["given_name"], "mandatory": True}, {"path": ["nickname"]}]
    assert (ticket["credential_configuration_id"], "claims" in ticket) == ("ticket", False)
    assert session.claims == {"pid": tuple(NAMES)}


@pytest.mark.spec("VCI-B.1-02", "VCI-B.3-02", "VCI-B.3-03", "VCI-B.3-04", "VCI-B.3-05")
@pytest.mark.parametrize(
    "claims",
    [
        {"other": NAMES},
        {"pid": [{"path": ["a"]}]},
        {"pid": []},
        {"pid": [ClaimsDescription(path=("a",)), ClaimsDescription(path=("a",))]},
        {"pid": [ClaimsDescription(path=("a", None)), ClaimsDescription(path=("a", 1))]},
        {"pid": [ClaimsDescription(path=("a", 0)), ClaimsDescription(path=("a", "b"))]},
    ],
)
def test_claims_that_cannot_be_asked_for(claims: Any) -> None:
    server = issuing()
    start = opened(server, offer())
    with pytest.raises(ValueError, match="claims"):
        start.redeem(claims=claims)
    assert not server.to(TOKEN)


@pytest.mark.parametrize("path", [(), "given_name", (1.5,), (True,)])
@pytest.mark.spec("VCI-B.1-02")
def test_a_path_that_is_none_is_not_made(path: Any) -> None:
    with pytest.raises(ValueError, match="path"):
        ClaimsDescription(path=path)


def test_what_was_asked_for_is_asked_for_again_with_the_refresh_token() -> None:
    published = {**metadata(), "authorization_servers": None}
    server = issuing()
    server.answers[METADATA_URL] = ok(published)
    session = redeemed(server, NAMES)
    refreshed = run(session.refresh(configuration_ids=["pid"]), server)
    asked = json.loads(parameters(server.to(TOKEN)[1])["authorization_details"])
    assert asked[0]["claims"] == [each.to_json() for each in NAMES]
    assert refreshed.claims == session.claims


@pytest.mark.spec("VCI-B.3-02")
def test_a_token_response_with_contradictory_claims_is_refused() -> None:
    server = issuing()
    server.answers[TOKEN] = ok({**TOKEN_RESPONSE, "authorization_details": [{**PID, "claims": [{"path": ["a"]}] * 2}]})
    with pytest.raises(InvalidResponse, match="addresses the same claim"):
        redeemed(server, NAMES)


# --- receiving ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.1-03")
def test_a_credential_with_what_the_wallet_insists_on_is_accepted() -> None:
    server = issuing({"given_name": None}, {"given_name": "Ada", "nickname": "A"})
    assert len(received(server, redeemed(server, NAMES), keys=2).credentials) == 2


@pytest.mark.spec("VCI-B.1-03")
@pytest.mark.parametrize(
    ("wanted", "claims"),
    [
        (NAMES, [{}]),
        (NAMES, [{"nickname": "A"}]),
        (NAMES, [{"given_name": "Ada"}, {"nickname": "A"}]),
        (STREET, [{"addresses": []}]),
        (STREET, [{"addresses": [{"city": "London"}]}]),
        (STREET, [{"addresses": {"street": "x"}}]),
        (STREET, [{"addresses": [{"street": "x"}, "y"]}]),
    ],
)
def test_a_credential_without_a_claim_that_the_wallet_insists_on_is_not(wanted: Any, claims: list[dict[str, Any]]) -> None:
    server = issuing(*claims)
    session = redeemed(server, wanted)
    with pytest.raises(InvalidCredential, match="lacks a claim"):
        received(server, session, keys=len(claims))
    # It is fine for a Wallet that does not.
    assert received(server, redeemed(server, None), keys=len(claims)).credentials


@pytest.mark.spec("VCI-B.1-03")
def test_what_the_wallet_insists_on_outlives_the_process() -> None:
    server = issuing({})
    again = wallet()
    session = load(dump(redeemed(server, NAMES)), again)
    assert isinstance(session, Session)
    assert session.claims == {"pid": tuple(NAMES)}
    proofs = load(dump(run(session.order("pid"), server)), again)
    assert isinstance(proofs, Order)
    assert proofs.session.claims == session.claims
    with pytest.raises(InvalidCredential, match="lacks a claim"):
        received(server, session)
    server.answers[CREDENTIAL] = Response.of_json(202, {"transaction_id": "t", "interval": 5})
    deferred = run(run(session.order("pid"), server).prove(HOLDER_KEYS[:1], now=NOW).submit(), server)
    assert isinstance(deferred, Deferred)
    later = load(dump(deferred), again)
    assert isinstance(later, Deferred)
    assert later.session.claims == session.claims


def test_a_stored_state_that_insists_on_more_than_was_granted_is_none() -> None:
    state = json.loads(dump(redeemed(issuing(), NAMES)))
    state["state"]["claims"]["other"] = state["state"]["claims"]["pid"]
    with pytest.raises(ValueError, match="claims: does not fit"):
        load(json.dumps(state).encode(), wallet())
    del state["state"]["claims"]
    older = load(json.dumps(state).encode(), wallet())
    assert isinstance(older, Session)
    assert older.claims == {}


@pytest.mark.spec("VCI-B.1-03")
def test_a_stored_credential_is_held_against_it_once_more() -> None:
    server = issuing({"given_name": "Ada"})
    issued = received(server, redeemed(server, NAMES))
    assert load(dump(issued), wallet()) == issued
    state = json.loads(dump(issued))
    state["state"]["credentials"] = [credential_for(dict(HOLDER_KEYS[0].public_jwk))]
    with pytest.raises(ValueError, match="lacks a claim"):
        load(json.dumps(state).encode(), wallet())


@pytest.mark.spec("VCI-B.2-02")
def test_what_the_issuer_promised_and_did_not_keep_is_reported() -> None:
    described = [
        {"path": ["given_name"], "mandatory": True},
        {"path": ["address", "street"], "mandatory": True},
        {"path": ["email"], "mandatory": False},
        {"path": ["nickname"]},
        {"path": ["cnf"], "mandatory": True},
    ]
    whole = {"given_name": None, "address": {"street": ""}}
    server = issuing(whole, {"given_name": "Ada", "address": {}}, described=described)
    session = redeemed(server, None)
    assert received(server, session).missing_claims == ()
    assert received(server, session, keys=2).missing_claims == (("address", "street"),)
    server = issuing({}, {"given_name": "Ada"}, described=described)
    lacking = received(server, redeemed(server, None), keys=2)
    assert lacking.missing_claims == (("given_name",), ("address", "street"))
    assert load(dump(lacking), wallet()) == lacking


def test_where_nothing_is_described_nothing_is_missing() -> None:
    server = issuing({})
    assert received(server, redeemed(server, None)).missing_claims == ()


# --- our issuer, our server, our Wallet ----------------------------------------------------------------------------------------


def described_metadata() -> Any:
    published = scoped_metadata()
    note = evolve(
        configuration("ES256"),
        scope="note",
        credential_metadata=CredentialMetadata(claims=(ClaimsDescription(path=("grade",), mandatory=True),)),
    )
    return evolve(
        published, credential_configurations_supported={**published.credential_configurations_supported, "note": note}
    )


class Classroom(CodeHost):
    """An application that issues more than others ask for."""

    def decide(self, order: Any, /) -> Any:
        if isinstance(order, CredentialOrder):
            return order.issue({"given_name": "Ada", "nickname": "A", "grade": 1, "teacher": "Bob"})
        return super().decide(order)


def begun(net: Issuance) -> Opened:
    grants = Grants(authorization_code=AuthorizationCodeGrant())
    wanted = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("note",), grants=grants)
    settings = Wallet(
        trust=Trust.of(IDENTIFIER), client_id="wallet", formats={"x-note": JwtFormat(fetch=[KEYS])}, signers=SIGNERS
    )
    return run(Offer.parse(wanted.uri()).open(settings), send(net))


KEYS = f"{IDENTIFIER}/keys-of-notes"
SIGNERS = {DPOP.key_id: DPOP}


def send(net: Issuance) -> Any:
    keys = ok({"keys": [dict(ISSUER_KEY.public_jwk)]})
    return lambda request: keys if request.url == KEYS else net.send(request)


@pytest.mark.spec("VCI-B.1-03", "VCI-B.2-02")
@pytest.mark.parametrize("narrowed", [False, True])
def test_from_an_authorization_request_to_a_credential_with_these_claims(narrowed: bool) -> None:
    net = evolve(code_flow(metadata=described_metadata()), host=Classroom())
    start = begun(net)
    pending = run(start.authorize(redirect_uri=REDIRECT_URI, claims={"note": NAMES}, using="authorization_details"), send(net))
    again = load(dump(pending), start.wallet)
    assert again == pending
    answer = net.send(Request("GET", pending.url))
    chosen: Any = {"configuration_ids": ["note"]} if narrowed else {}
    session = run(pending.callback(answer.headers.get("location") or "", **chosen), send(net))
    order = run(session.order("note"), send(net))
    issued = run(order.prove([HOLDER_KEYS[0]], now=NOW).submit(now=NOW), send(net))
    assert isinstance(issued, Issued)
    (credential,) = issued.credentials
    assert credential.claims.keys() & {"given_name", "nickname", "grade", "teacher"} == {"given_name", "nickname", "grade"}
    assert issued.missing_claims == ()


@pytest.mark.spec("VCI-B.1-03")
def test_what_the_issuer_does_not_have_is_refused_before_anything_is_issued() -> None:
    net = evolve(code_flow(metadata=described_metadata()), host=Classroom())
    wanted = [ClaimsDescription(path=("email",), mandatory=True)]
    pending = run(begun(net).authorize(redirect_uri=REDIRECT_URI, claims={"note": wanted}), send(net))
    session = run(pending.callback(net.send(Request("GET", pending.url)).headers.get("location") or ""), send(net))
    order = run(session.order("note"), send(net))
    with pytest.raises(Refused) as refused:
        run(order.prove([HOLDER_KEYS[0]], now=NOW).submit(now=NOW), send(net))
    assert refused.value.error == "credential_request_denied"
