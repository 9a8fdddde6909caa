"""The reference server and what the README builds, as a scripted wallet is to probe them: offers, a person, attesters, a clock."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen

from examples.reference_server import demo
from oid4vci import _jose
from oid4vci.http import Request
from oid4vci.keys import LocalSigner
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.proofs.key_attestation import HIGH
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.testing import Offered, OfferRequest, ProbeClient, ScriptedWallet, asgi
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.browser import Browser, location
from tests.network import Network, Send
from tests.proving_configurations import PROVIDER
from tests.reference_server import ISSUER, Clock, ReferenceServer
from tests.test_x509 import pem

CLIENT_KEY = LocalSigner.generate("client-1")
REGISTERED, OTHER = "registered", "other"


def posted(url: str, members: Any) -> Request:
    return Request("POST", url, {"content-type": "application/json"}, dumps(members).encode())


def offers_of(send: Send, issuer: str) -> Callable[[OfferRequest], Offered | None]:
    """What the admin API makes."""

    def new_offer(asked: OfferRequest) -> Offered | None:
        members = {
            "credential_configuration_ids": list(asked.configuration_ids),
            "grant": asked.grant,
            "tx_code": asked.tx_code,
            "by_reference": asked.by_reference,
        }
        answer = send(posted(f"{issuer}/admin/offers", members))
        if answer.status != 200:
            return None
        made = answer.json()
        return Offered(made["offer_uri"], made["tx_code"])

    return new_offer


@frozen
class Person:
    """Ada, at a browser of her own each time."""

    client: Callable[[], httpx.Client]

    def approve(self, url: str) -> str:
        return Browser(self.client()).approved(url)

    def deny(self, url: str) -> str:
        browser = Browser(self.client())
        return location(browser.click(browser.visit(url), "refuse"))


def attest_client(client_id: str, now: Callable[[], int]) -> Callable[[Mapping[str, str]], str]:
    """What the wallet provider says of an instance."""

    def attest(jwk: Mapping[str, str]) -> str:
        data = client_attestation_signing_input(
            PROVIDER.signer,
            x5c=[PROVIDER.leaf],
            issuer=PROVIDER.identifier,
            client_id=client_id,
            jwk=jwk,
            now=now(),
            lifetime=3000,
        )
        return _jose.compact(data, PROVIDER.signer.sign(data))

    return attest


def attest_keys(now: Callable[[], int]) -> Callable[[Sequence[Mapping[str, str]], str | None], str]:
    """What the wallet provider says of keys."""

    def attest(jwks: Sequence[Mapping[str, str]], nonce: str | None) -> str:
        data = key_attestation_signing_input(
            PROVIDER.signer,
            x5c=[PROVIDER.leaf],
            issuer=PROVIDER.identifier,
            attested_keys=jwks,
            now=now(),
            lifetime=300,
            nonce=nonce,
            key_storage=[HIGH],
            user_authentication=[HIGH],
        )
        return _jose.compact(data, PROVIDER.signer.sign(data))

    return attest


def configuration(name: str, **members: Any) -> dict[str, Any]:
    """One of the demonstration's, changed; a member that is None is left out."""
    own = demo.CONFIGURATIONS[name]
    metadata = {**own["metadata"], **members}
    return {**own, "metadata": {name: value for name, value in metadata.items() if value is not None}}


EVERYTHING: Mapping[str, Any] = {
    "status_list_size": 10_000,
    "encryption": {"zip": True},
    "deferral": {"interval": 5},
    "configurations": {
        "identity_x5c": configuration("identity_x5c"),
        "driving_licence_mdoc": configuration("driving_licence_mdoc"),
        "degree_jwt": configuration("degree_jwt", scope=None),
        "degree_ldp": configuration("degree_ldp"),
        "membership_jwt_vc_issuer": {**configuration("membership_jwt_vc_issuer"), "deferred": 10},
    },
    "subjects": demo.SUBJECTS,
    "users": demo.USERS,
}
"""Every feature, and clients who are public."""

ATTESTED_KEYS = {"key_attestations_required": {"key_storage": [HIGH]}, "proof_signing_alg_values_supported": ["ES256"]}
HAIP: Mapping[str, Any] = {
    "haip": True,
    "client_authentication": ["attest_jwt_client_auth"],
    "client_attestation": {"anchors_file": "provider.pem"},
    "key_attestation": {"anchors_file": "provider.pem", "check_status": False},
    "status_list_size": 10_000,
    "configurations": {
        "identity_x5c": configuration(
            "identity_x5c", proof_types_supported={"jwt": ATTESTED_KEYS, "attestation": ATTESTED_KEYS}
        ),
        "driving_licence_mdoc": configuration("driving_licence_mdoc", proof_types_supported={"attestation": ATTESTED_KEYS}),
    },
    "subjects": {"ada": {name: demo.SUBJECTS["ada"][name] for name in ("identity_x5c", "driving_licence_mdoc")}},
    "users": {"ada": demo.USERS["ada"]},
}
"""What HAIP asks for: attested clients, attested keys."""

STRICT: Mapping[str, Any] = {
    "client_authentication": ["private_key_jwt"],
    "clients": {
        name: {
            "redirect_uris": ["https://wallet.example/cb?kept=1"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [{**CLIENT_KEY.public_jwk, "kid": "client-1"}]},
        }
        for name in (REGISTERED, OTHER)
    },
    "encryption": {"requests_required": True, "responses_required": True},
    "dpop": "off",
    "access_tokens": "jwt",
    "batch_size": 1,
    "deferral": {"interval": 5},
}
"""Registered clients with keys, everything encrypted, Bearer tokens."""


@contextmanager
def reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch, members: Mapping[str, Any], clock: Clock | None = None, **supplies: Any
) -> Iterator[ScriptedWallet]:
    """A wallet at the reference server with these members in its server.json, in this process."""
    (folder / "provider.pem").write_bytes(pem(PROVIDER.authority))
    server = ReferenceServer.of(folder, monkeypatch, members, clock=clock)
    transport: Any = server.client._transport
    assert server.service.demo_authority is not None
    if server.service.statuses is not None:
        server.service.statuses.begin(server.store)
    with asyncio.Runner() as runner:
        send = asgi(transport.app, run=runner.run, origin=ISSUER)
        person = Person(lambda: httpx.Client(transport=Network(send), base_url=ISSUER))
        given: dict[str, Any] = {
            "issuer": ISSUER,
            "send": send,
            "now": lambda: server.clock.now,
            "new_offer": offers_of(send, ISSUER),
            "approve": person.approve,
            "deny": person.deny,
            "client": ProbeClient("probe"),
            "other_client": ProbeClient(OTHER),
            "trust": Trust.of(ISSUER, anchors=Anchors.from_pem(server.service.demo_authority)),
            "wait": server.clock.wait,
            "patience": 10_000,
            "attest_keys": attest_keys(lambda: server.clock.now),
            **supplies,
        }
        yield ScriptedWallet(**given)


def haip_supplies(now: Callable[[], int] = lambda: int(time.time())) -> dict[str, Any]:
    """As whom a wallet goes to a server with `HAIP`."""
    clients = {name: ProbeClient(name, attest=attest_client(name, now)) for name in ("probe", OTHER)}
    return {"haip": True, "client": clients["probe"], "other_client": clients[OTHER]}


def strict_supplies(now: Callable[[], int] = lambda: int(time.time())) -> dict[str, Any]:
    """As whom a wallet goes to a server with `STRICT`."""
    return {
        "dpop": False,
        "client": ProbeClient(REGISTERED, signer=CLIENT_KEY),
        "other_client": ProbeClient(OTHER, signer=CLIENT_KEY),
        "redirect_uri": "https://wallet.example/cb?kept=1",
    }
