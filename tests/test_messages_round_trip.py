"""Every message survives being written and read, with what it does not know; and what is broken is refused, and nothing else."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci._document import Document
from oid4vci._json import Malformed
from oid4vci.errors import InvalidOffer, Refusal
from oid4vci.http import Request
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import public_key
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    ClientMetadata,
    CredentialConfiguration,
    CredentialIssuerMetadata,
)
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.pre_authorized import PreAuthorizedCall
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, CredentialOffer, check_offer, read_offer, read_offer_uri
from oid4vci.records import Key
from oid4vci.testing.strategies import (
    HOLDERS,
    authorization_details,
    authorization_server_metadata,
    client_metadata,
    credential_configurations,
    credential_issuer_metadata,
    credential_offers,
    credential_requests,
    credential_responses,
    deferred_responses,
    identifier_urls,
    json_values,
    mutated,
    nonce_responses,
    token_requests,
    token_responses,
)
from oid4vci.wallet.issued import CredentialResponse, DeferredResponse
from oid4vci.wallet.order import NonceResponse
from oid4vci.wallet.session import TokenResponse
from tests.issuance import CLIENT, IDENTIFIER, NOW, TOKEN, issuance

PARTS = issuance(anonymous=True)
NOTE_TOKEN = PARTS.token("note")
NOTE_NONCE = PARTS.nonce()
DATASET_TOKEN = PARTS.redeem(PARTS.grant("note", datasets={"note": ["one", "two"]})).json()["access_token"]

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
Reader = Callable[[Any], Document]
DOCUMENTS: dict[str, tuple[Reader, st.SearchStrategy[Any]]] = {
    "offer": (CredentialOffer.from_json, credential_offers()),
    "issuer metadata": (CredentialIssuerMetadata.from_json, credential_issuer_metadata()),
    "configuration": (CredentialConfiguration.read, credential_configurations()),
    "server metadata": (AuthorizationServerMetadata.from_json, authorization_server_metadata()),
    "client metadata": (ClientMetadata.from_json, client_metadata()),
    "requested details": (AuthorizationDetail.from_json, authorization_details().map(lambda details: details[0])),
    "granted details": (AuthorizationDetail.from_json, authorization_details(identified=True).map(lambda details: details[0])),
}
BODIES: dict[str, tuple[Reader, st.SearchStrategy[Any]]] = {
    "token response": (TokenResponse.from_json, token_responses()),
    "nonce response": (NonceResponse.from_json, nonce_responses()),
    "credential response": (CredentialResponse.from_json, credential_responses()),
    "deferred response": (DeferredResponse.from_json, deferred_responses()),
}


def attempt(error: type[E], read: Callable[[], T]) -> T | E:
    """What reading gives, or how it fails; any other error is one of ours."""
    try:
        return read()
    except error as refused:
        return refused


def written(document: Document) -> Any:
    """The document as JSON, after a journey as bytes."""
    return _json.loads(_json.dump_bytes(document.to_json()))


@pytest.mark.spec("VCI-4.1.1-10", "VCI-12.1-03", "VCI-12.2.4-89", "VCI-12.3-04")
@pytest.mark.parametrize("name", DOCUMENTS)
@given(data=st.data())
def test_a_document_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    read, documents = DOCUMENTS[name]
    document = data.draw(documents)
    again = read(written(document))
    assert again == document
    assert type(again) is type(document)
    assert again.extra == document.extra
    assert written(again) == written(document)


@pytest.mark.spec("VCI-6.2-10", "VCI-6.2-12", "VCI-8.3-26")
@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_a_response_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    read, bodies = BODIES[name]
    body = data.draw(bodies)
    document = read(_json.loads(_json.dump_bytes(body)))
    assert written(document) == body
    assert read(written(document)) == document


@pytest.mark.parametrize("name", [*DOCUMENTS, *BODIES])
@given(data=st.data())
def test_a_broken_document_is_refused_or_read_the_same_way_twice(name: str, data: st.DataObject) -> None:
    read, values = {**DOCUMENTS, **BODIES}[name]
    body = data.draw(mutated(values.map(lambda value: value.to_json() if isinstance(value, Document) else value)))
    document = attempt(Malformed, lambda: read(body))
    if isinstance(document, Malformed):
        assert str(document).isascii()
        return
    # A known member that is null counts as absent; apart from these, all is kept.
    again = read(written(document))
    assert again == document
    assert written(again) == written(document)


@given(credential_issuer_metadata(), authorization_server_metadata())
def test_valid_metadata_can_be_published(issuer: CredentialIssuerMetadata, server: AuthorizationServerMetadata) -> None:
    assert [str(each) for each in (*issuer.findings(), *server.findings()) if each.severity == "error"] == []


# --- offers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-4.1.1-10")
@given(credential_offers(), st.sampled_from(["openid-credential-offer://", "haip-vci://", "https://wallet.example/offer?x=1"]))
def test_an_offer_comes_back_from_its_uri(offer: CredentialOffer, endpoint: str) -> None:
    uri = offer.uri(endpoint)
    assert uri.isascii()
    assert read_offer_uri(uri) == offer


# Few examples, as each makes strategies of its own, and those are slow to make.
@settings(max_examples=20)
@given(st.data())
def test_an_offer_for_an_issuer_passes_its_check(data: st.DataObject) -> None:
    metadata = data.draw(credential_issuer_metadata())
    offer = data.draw(credential_offers(metadata))
    check_offer(offer, metadata)
    with pytest.raises(InvalidOffer):
        check_offer(evolve(offer, credential_issuer=offer.credential_issuer + "/other"), metadata)


@given(mutated(credential_offers().map(CredentialOffer.to_json)))
def test_a_broken_offer_is_an_invalid_offer(body: Any) -> None:
    offer = attempt(InvalidOffer, lambda: read_offer(_json.dump_bytes(body)))
    if isinstance(offer, InvalidOffer):
        return
    assert isinstance(body, dict)
    assert offer.credential_configuration_ids == tuple(body["credential_configuration_ids"])
    assert set(offer.grant_types) <= {AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE, *(body.get("grants") or ())}


# --- authorization details ---------------------------------------------------------------------------------------------------


@given(authorization_details(), identifier_urls())
def test_authorization_details_of_a_request_come_back(details: tuple[AuthorizationDetail, ...], issuer: str) -> None:
    asked = tuple(evolve(each, locations=(issuer,)) for each in details)
    text = _json.dumps([each.to_json() for each in asked])
    assert read_authorization_details(text, credential_issuers=[issuer]) == asked


@given(mutated(authorization_details().map(lambda details: [each.to_json() for each in details])))
def test_broken_authorization_details_are_refused(body: Any) -> None:
    details = attempt(Refusal, lambda: read_authorization_details(_json.dumps(body), credential_issuers=[IDENTIFIER]))
    if isinstance(details, Refusal):
        assert details.error == "invalid_authorization_details"
    else:
        assert len(details) == len(body) == len({each["credential_configuration_id"] for each in body})


# --- token requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.1-15")
@given(token_requests(TOKEN, resources=[IDENTIFIER]))
def test_a_token_request_is_read_as_it_was_written(request: Request) -> None:
    form = dict(parse_qsl(request.body.decode()))
    call = PARTS.server.read_token_request(request)
    assert call.lookups == (Key.of("grant", form["pre-authorized_code"]),)
    assert isinstance(call.grant_call, PreAuthorizedCall)
    assert (call.grant_call.tx_code, call.grant_call.client_id) == (form.get("tx_code"), form.get("client_id"))
    assert [each.to_json() for each in call.grant_call.details] == _json.loads(form.get("authorization_details", "[]"))
    assert call.resource == form.get("resource")
    known = {"grant_type", "pre-authorized_code", "tx_code", "client_id", "authorization_details", "resource"}
    bare = [(name, value) for name, value in parse_qsl(request.body.decode()) if name in known]
    assert PARTS.server.read_token_request(evolve(request, body=urlencode(bare).encode())) == call


@given(
    token_requests(TOKEN),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=3),
)
def test_a_broken_token_request_meets_a_refusal_or_a_dead_code(request: Request, cuts: list[tuple[int, bytes]]) -> None:
    body = request.body
    for at, piece in cuts:
        at %= len(body) + 1
        body = body[:at] + piece + body[at + 1 :]
    response = PARTS.send(evolve(request, body=body))
    assert response.status in (400, 401)
    assert set(response.json()) <= {"error", "error_description"}
    assert response.headers.get("cache-control") == "no-store"


# --- credential requests -----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-25")
@given(st.data(), st.sampled_from([None, "two"]))
def test_a_credential_request_is_read_as_it_was_written(data: st.DataObject, identifier: str | None) -> None:
    request = data.draw(
        credential_requests(
            PARTS.issuer.metadata,
            "note",
            access_token=NOTE_TOKEN if identifier is None else DATASET_TOKEN,
            c_nonce=NOTE_NONCE,
            now=NOW,
            client_id=CLIENT,
            credential_identifier=identifier,
        )
    )
    call = PARTS.issuer.read_credential_request(request)
    order = call.verify(PARTS.host.load(call.lookups), now=NOW)
    assert (order.configuration_id, order.identifier) == ("note", identifier)
    assert [nonce.value for nonce in order.nonces] == [NOTE_NONCE]
    assert set(order.holder_keys) <= {public_key(holder.public_jwk) for holder in HOLDERS}
    assert len(order.holder_keys) == len(request.json_object()["proofs"]["jwt"])


@given(st.data())
def test_a_broken_credential_request_meets_a_refusal(data: st.DataObject) -> None:
    good = data.draw(
        credential_requests(
            PARTS.issuer.metadata, "note", access_token=NOTE_TOKEN, c_nonce=NOTE_NONCE, now=NOW, client_id=CLIENT
        )
    )
    body = data.draw(mutated(st.just(good.json_object())))

    def verify() -> CredentialOrder:
        call = PARTS.issuer.read_credential_request(evolve(good, body=_json.dump_bytes(body)))
        return call.verify(PARTS.host.load(call.lookups), now=NOW)

    order = attempt(Refusal, verify)
    if isinstance(order, Refusal):
        assert order.reply.changes == ()
        assert order.reply.response.status in (400, 401, 403)
        assert order.reply.response.json()["error"] in {
            "invalid_credential_request",
            "unknown_credential_configuration",
            "unknown_credential_identifier",
            "invalid_proof",
            "invalid_nonce",
            "invalid_encryption_parameters",
            "insufficient_scope",
        }
    else:
        # Only what is not known can have changed, or the number of proofs.
        assert body["credential_configuration_id"] == order.configuration_id == "note"
        assert set(body["proofs"]["jwt"]) <= set(good.json_object()["proofs"]["jwt"])
        assert {"credential_identifier", "credential_response_encryption"}.isdisjoint(body)


# --- the strategies themselves -----------------------------------------------------------------------------------------------


@given(json_values())
def test_any_json_comes_back(value: Any) -> None:
    assert _json.loads(_json.dump_bytes(value)) == value


@given(st.data())
def test_mutation_leaves_json(data: st.DataObject) -> None:
    value = data.draw(json_values())
    before = _json.dumps(value)
    changed = data.draw(mutated(st.just(value)))
    assert _json.dumps(value) == before
    assert _json.loads(_json.dumps(changed)) == changed


def test_without_hypothesis_only_the_strategies_are_missing() -> None:
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from oid4vci.memory import MemoryStore; from oid4vci.testing import StoreContract; StoreContract.check(MemoryStore)\n"
        "import oid4vci.testing.strategies"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "oid4vci.testing.strategies needs hypothesis: install hypothesis, or oid4vci[test]"
    )
