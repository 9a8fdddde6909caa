"""Deferred issuance: a wallet of `@openid4vc/openid4vci` at our issuer, and our Wallet at an issuer made of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from attrs import evolve

from oid4vci import _jose
from oid4vci.drive import Draft, run
from oid4vci.errors import Refused
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request
from oid4vci.issuer import DeferredOrder
from oid4vci.keys import LocalSigner, public_key, thumbprint
from oid4vci.metadata import ProofType, SdJwtVcConfiguration
from oid4vci.oauth.dpop import Dpop
from oid4vci.offers import CredentialOffer, Grants
from oid4vci.records import Reply
from oid4vci.wallet import Deferred, Issued, Order, dump, load
from tests.deferrals import INTERVAL, deferring_metadata, host_of, world_of
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.interop.test_typescript_issuer import ISSUER, PROVIDER, Flow, TypescriptIssuer, flow
from tests.issuance import CLAIMS, CLIENT, IDENTIFIER, ISSUER_KEY, Issuance, server_metadata

pytestmark = pytest.mark.interop

ORIGIN = "https://issuer.example"
COPIES = 3


# --- their wallet -------------------------------------------------------------------------------------------------------------


@contextmanager
def listening(world: Issuance) -> Iterator[str]:
    """The issuer on the loopback interface; requests come as if they went to its own host."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = Request(self.command, f"{ORIGIN}{self.path}", list(self.headers.items()), body)
            response = world.send(request, now=int(time.time()))
            self.send_response(response.status)
            for name, value in (*response.headers.pairs, ("content-length", str(len(response.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = answer  # noqa: N815  # what the base class wants

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def deferring(polled: Callable[[DeferredOrder], Draft | Reply], *, dpop: bool) -> Issuance:
    """Their wallet knows no formats of third parties."""
    pid = SdJwtVcConfiguration(
        vct="urn:pid",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    metadata = deferring_metadata(credential_configurations_supported={"pid": pid})
    encoders = {"pid": SdJwtVcEncoder(signer=ISSUER_KEY)}
    checks = Dpop()
    server = {
        "dpop": checks,
        "metadata": server_metadata(dpop_signing_alg_values_supported=checks.algorithms),
    }
    return world_of(polled, metadata=metadata, encoders=encoders, dpop=checks, bearer=not dpop, server=server)


def taken(node: Node, world: Issuance, *, dpop: bool, polls: int) -> Any:
    grants = Grants(pre_authorized_code=world.grant("pid", now=int(time.time())).grant)
    offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("pid",), grants=grants)
    with listening(world) as url:
        given = {"offer_uri": offer.uri(), "identifier": IDENTIFIER, "url": url, "client_id": CLIENT, "copies": COPIES}
        return node.run("deferred.mjs", {**given, "dpop": dpop, "polls": polls})


BOTH_SCHEMES = pytest.mark.parametrize("dpop", [False, True], ids=["bearer", "dpop"])


@pytest.mark.spec("VCI-8.3-02", "VCI-8.3-03", "VCI-9.2-01", "VCI-9.2-02", "VCI-9.2-03", "VCI-9.2-04", "VCI-9.2-05")
@BOTH_SCHEMES
def test_their_wallet_waits_and_takes_what_is_issued_once(node: Node, dpop: bool) -> None:
    def second_time(order: DeferredOrder) -> Draft | Reply:
        return order.wait(interval=5) if len(host_of(world).polls) == 1 else order.issue(CLAIMS)

    world = deferring(second_time, dpop=dpop)
    result = taken(node, world, dpop=dpop, polls=3)
    assert result["promise"]["interval"] == INTERVAL
    waiting, issued, over = result["polls"]
    assert waiting == {"status": 202, "body": {**result["promise"], "interval": 5}}
    assert issued["status"] == 200
    bound = [_jose.parse(each["credential"].partition("~")[0]).claims()["cnf"]["jwk"] for each in issued["body"]["credentials"]]
    assert [thumbprint(jwk) for jwk in bound] == result["holders"]
    assert (over["status"], over["body"]["error"]) == (400, "invalid_transaction_id")
    assert len(host_of(world).polls) == 2


@BOTH_SCHEMES
def test_their_wallet_is_told_that_there_will_be_nothing(node: Node, dpop: bool) -> None:
    world = deferring(lambda order: order.deny("no longer enrolled"), dpop=dpop)
    result = taken(node, world, dpop=dpop, polls=2)
    assert [(each["status"], each["body"]["error"]) for each in result["polls"]] == [(400, "credential_request_denied")] * 2
    assert len(host_of(world).polls) == 1


# --- their issuer -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(node: Node) -> Iterator[TypescriptIssuer]:
    """An issuer that has nothing ready before the second request for it."""
    party, provider = Party(ISSUER), Party(PROVIDER)
    given = {
        "identifier": ISSUER,
        "signing": {"jwk": party.private_jwk, "x5c": party.x5c},
        "anchors": provider.anchors_pem,
        "challenge_endpoint": True,
        "deferred_polls": 1,
    }
    with node.serving("issuer.mjs", given) as said, httpx.Client(trust_env=False, timeout=30) as client:
        yield TypescriptIssuer(said["port"], party, provider, client)


HOLDERS = [LocalSigner.generate(f"holder {i}") for i in range(COPIES)]


def promised(issuer: TypescriptIssuer) -> tuple[Flow, Deferred]:
    wallet = flow(issuer, "with_x5c")
    order = run(wallet.session(wallet.authorizing()).order("with_x5c"), issuer.send)
    assert isinstance(order, Order)
    result = run(order.prove(HOLDERS, now=int(time.time())).submit(), issuer.send)
    assert isinstance(result, Deferred)
    assert result.interval == 1
    return wallet, result


def restarted(wallet: Flow, deferred: Deferred) -> Deferred:
    """Weeks later, in another process."""
    signers = {signer.key_id: signer for signer in (wallet.dpop, wallet.instance)}
    loaded = load(dump(deferred), evolve(wallet.wallet, signers=signers))
    assert isinstance(loaded, Deferred)
    return loaded


@pytest.mark.parametrize("refreshed", [False, True], ids=["same token", "refreshed"])
def test_our_wallet_waits_and_takes_what_is_issued(running: TypescriptIssuer, refreshed: bool) -> None:
    issuer = evolve(running, requests=[])
    wallet, deferred = promised(issuer)
    deferred = restarted(wallet, deferred)
    waiting = run(deferred.poll(now=deferred.ready_at), issuer.send)
    assert isinstance(waiting, Deferred)
    if refreshed:
        session = run(waiting.session.refresh(now=int(time.time())), issuer.send)
        waiting = restarted(wallet, waiting.with_session(session))
    issued = run(waiting.poll(now=waiting.ready_at), issuer.send)
    assert isinstance(issued, Issued)
    assert {each.holder_key for each in issued.credentials} == {public_key(holder.public_jwk) for holder in HOLDERS}
    assert issued.notification_id
    with pytest.raises(Refused, match="invalid_transaction_id"):
        run(waiting.poll(now=waiting.ready_at), issuer.send)


def test_our_wallet_at_an_issuer_with_a_transaction_of_somebody_else(running: TypescriptIssuer) -> None:
    _, deferred = promised(running)
    with pytest.raises(Refused, match="invalid_transaction_id"):
        run(evolve(deferred, transaction_id="another").poll(now=deferred.ready_at), running.send)
