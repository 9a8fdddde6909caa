"""What conformance suites look for over HTTPS, at the reference server as it is without a file.

That is what no response of the library says by itself: the `Date`, one `Content-Type`, and metadata as they are published; and
what a suite does to one server again and again: offers that are fresh for each run, one Access Token for some 35 requests, odd
requests in between. The flows are in `test_reference_server_flows`, status lists and batches in
`test_reference_server_formats`, HAIP in `test_reference_server_haip`.
"""

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx
import pytest

from examples.reference_server import demo
from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from oid4vci.drive import run
from oid4vci.keys import LocalSigner
from oid4vci.memory import MemoryStore
from oid4vci.metadata import CredentialIssuerMetadata, canonical_language_tag
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Order, Session, Wallet
from oid4vci.x509 import Anchors
from tests.authorization import Proving
from tests.issuance import Proof, b64url
from tests.reference_server import ISSUER, WalletAt
from tests.running_server import RunningServer, running_server
from tests.test_reference_server import send, send_for_wallet
from tests.test_reference_server_flows import wallet_at

CONFIGURATION = "identity_x5c"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def session(server: RunningServer, wallet: WalletAt) -> Session:
    opened = wallet.opened(server.offer(CONFIGURATION)["offer_uri"])
    return run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send)


def as_it_must_be(answer: httpx.Response, status: int) -> httpx.Response:
    """Of now, of one media type, for no cache."""
    assert answer.status_code == status, answer.text
    (date,) = answer.headers.get_list("date")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 30
    if answer.content:
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.headers.get_list("cache-control") == ["no-store"]
    return answer


# --- metadata ---------------------------------------------------------------------------------------------------------------------


def texts(value: Any, name: str) -> Iterator[str]:
    """All members of this name, wherever they stand."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from texts(each, name)


def test_metadata_are_what_they_must_be(server: RunningServer) -> None:
    with server.client() as client:
        answer = client.get("/.well-known/openid-credential-issuer")
    (date,) = answer.headers.get_list("date")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 30
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    read = CredentialIssuerMetadata.from_json(document)
    assert read.to_json() == document
    assert read.credential_issuer == server.issuer
    assert read.findings() == ()
    # OID4VCI 12.2.4
    assert document.keys() <= {
        *(
            "credential_issuer",
            "authorization_servers",
            "credential_endpoint",
            "nonce_endpoint",
            "deferred_credential_endpoint",
        ),
        *("notification_endpoint", "credential_request_encryption", "credential_response_encryption"),
        *("batch_credential_issuance", "display", "credential_configurations_supported"),
    }
    assert ("credential_request_encryption" in document) == ("credential_response_encryption" in document)
    for name, value in document.items():
        if name.endswith("_endpoint"):
            assert value.startswith(f"{server.issuer}/")
    assert document["credential_configurations_supported"].keys() == demo.CONFIGURATIONS.keys()
    for configuration in document["credential_configurations_supported"].values():
        assert ("cryptographic_binding_methods_supported" in configuration) == ("proof_types_supported" in configuration)
        assert isinstance(configuration["scope"], str)
    for locale in texts(document, "locale"):
        assert canonical_language_tag(locale) == locale


@pytest.mark.parametrize("path", ["/", "/tenant/", "/tenant"])
def test_a_slash_at_the_end_of_the_identifier_is_kept(path: str) -> None:
    """For the issuer (OID4VCI 12.2.2); for its authorization server RFC 8414 3.1 takes it off."""
    identifier = f"{ISSUER}{path}"
    settings = read_settings(None)
    service = Service.of(identifier, settings, demo_keys(identifier))
    store = MemoryStore()
    offers = OffersEndpoint(service, store, settings.subjects, settings.tx_code_length)
    app = application(service, ServerHost(store, datasets(settings)), offers)
    for name, tail in (("openid-credential-issuer", path), ("oauth-authorization-server", path.rstrip("/"))):
        answer = send(app, "GET", f"/.well-known/{name}{tail}")
        assert answer.status_code == 200
        assert identifier in (answer.json().get("credential_issuer"), answer.json().get("issuer"))
        other = tail.rstrip("/") if tail.endswith("/") else f"{tail}/"
        assert send(app, "GET", f"/.well-known/{name}{other}").status_code == 404
    made = send(
        app, "POST", "/admin/offers", json={"credential_configuration_ids": [CONFIGURATION], "by_reference": True}
    ).json()
    assert service.demo_authority is not None
    wallet = Wallet(trust=Trust.of(identifier, anchors=Anchors.from_pem(service.demo_authority)), client_id="wallet")
    ask = partial(send_for_wallet, app)
    begun = run(run(Offer.parse(made["offer_uri"]).open(wallet), ask).redeem(), ask)
    order = run(begun.order(CONFIGURATION), ask)
    assert isinstance(order, Order)
    issued = run(order.prove([LocalSigner.generate("holder")], now=int(time.time())).submit(), ask)
    assert isinstance(issued, Issued)


# --- offers -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_reference", [True, False])
@pytest.mark.parametrize("grant", [AUTHORIZATION_CODE, "pre-authorized_code"])
def test_each_run_has_an_offer_of_its_own(server: RunningServer, grant: str, by_reference: bool) -> None:
    name, member = (
        (AUTHORIZATION_CODE, "issuer_state") if grant == AUTHORIZATION_CODE else (PRE_AUTHORIZED_CODE, "pre-authorized_code")
    )
    wallet = wallet_at(server)
    made = [server.offer(CONFIGURATION, grant=grant, by_reference=by_reference) for _ in range(3)]
    for each in made:
        opened = wallet.opened(each["offer_uri"])
        assert opened.offer.to_json() == each["offer"]
        assert each["offer"]["credential_issuer"] == server.issuer
        assert ("credential_offer_uri=https" in each["offer_uri"]) == by_reference
    assert len({each["offer_uri"] for each in made}) == 3
    assert len({each["offer"]["grants"][name][member] for each in made}) == 3


# --- the Credential Endpoint ------------------------------------------------------------------------------------------------------


def test_one_access_token_serves_a_whole_run(server: RunningServer) -> None:
    """Good requests, odd ones and wrong ones, in turn."""
    wallet = wallet_at(server)
    begun = session(server, wallet)
    assert wallet.dpop is not None
    url, proving, holder = (
        f"{server.issuer}/credential",
        Proving(wallet.dpop),
        LocalSigner.generate("holder"),
    )
    accepts = ["", "*/*", "text/html", "application/jwt", "application/json;q=0", ";;;,,", "a" * 4000]
    schemes = ["DPoP", "dpop", "DPOP"]
    with server.client() as client:
        given = as_it_must_be(client.post("/nonce"), 200)
        dpop_nonce = given.headers["dpop-nonce"]

        def send(body: Any, i: int, *, query: str = "", **also: str) -> httpx.Response:
            proof = proving(url, now=int(time.time()), access_token=begun.access_token, nonce=dpop_nonce)
            fields = {
                "authorization": f"{schemes[i % 3]} {begun.access_token}",
                "dpop": proof,
                "accept": accepts[i % 7],
                **also,
            }
            return client.post(f"{url}{query}", json=body, headers=fields)

        for i in range(36):
            nonce = as_it_must_be(client.post("/nonce", headers={"accept": accepts[i % 7]}), 200).json()["c_nonce"]
            claims = {"aud": server.issuer, "iat": int(time.time())}
            body = {
                "credential_configuration_id": CONFIGURATION,
                "proofs": {"jwt": [str(Proof(nonce, holder, claims=claims))]},
                "unheard_of": b64url(bytes([i])),
            }
            answer = as_it_must_be(send(body, i), 200)
            assert {"credentials"} <= answer.json().keys() <= {"credentials", "notification_id"}
            refused = as_it_must_be(send({**body, "credential_configuration_id": "unknown"}, i), 400)
            assert refused.json().keys() <= {"error", "error_description", "error_uri"}
            assert refused.json()["error"] == "unknown_credential_configuration"
        in_query = send({}, 0, query=f"?access_token={begun.access_token}", authorization="")
        assert in_query.status_code in (400, 401, 414)
        as_it_must_be(send(body, 0), 400)


def test_a_batch_has_rounded_times_and_salts_of_its_own(server: RunningServer) -> None:
    wallet = wallet_at(server)
    order = run(session(server, wallet).order(CONFIGURATION), wallet.send)
    assert isinstance(order, Order)
    holders = [LocalSigner.generate(f"holder {i}") for i in range(5)]
    issued = run(order.prove(holders, now=wallet.clock()).submit(), wallet.send)
    assert isinstance(issued, Issued)
    claims: list[Mapping[str, Any]] = [each.claims for each in issued.credentials]
    assert len({each.holder_key for each in issued.credentials}) == 5
    for name in ("iat", "exp"):
        assert len({each[name] for each in claims}) == 1
        assert claims[0][name] % 3600 == 0
    disclosures = [text for each in issued.credentials for text in str(each.credential).split("~")[1:-1]]
    assert len(set(disclosures)) == len(disclosures) > 0
    vct = issued.configuration.to_json()["vct"]
    assert [each["vct"] for each in claims] == [vct] * 5
