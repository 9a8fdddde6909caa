"""What an OAuth server that embeds the library must do, whichever it is: the same wallet, the same attacks.

A test module gives a fixture `server` and a subclass of `Embedding`; see `test_example_authlib.py`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from attrs import evolve, frozen

from oid4vci import _jose
from oid4vci.drive import run
from oid4vci.errors import AuthorizationDenied, Refused, TryLater, WrongTxCode
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.offers import CredentialOffer
from oid4vci.sealed import SealingKeys
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Opened, Session, Wallet
from oid4vci.wallet.client_authentication import WalletAttestation

IDENTIFIER = "https://club.example"
TOKEN, CREDENTIAL = f"{IDENTIFIER}/token", f"{IDENTIFIER}/credential"
REDIRECT_URI = "https://wallet.example/callback"
PUBLIC, ATTESTED = "wallet", "attested-wallet"
PASSWORD = "correct horse"
PROVIDER = "https://provider.example"
PROVIDER_KEY = LocalSigner.generate("provider-1")
"""The key with which the wallet provider that the servers trust attests."""
FORM = "application/x-www-form-urlencoded"
RACERS = 8
AUTHORIZATION_REQUEST = {
    "response_type": "code",
    "client_id": PUBLIC,
    "redirect_uri": REDIRECT_URI,
    "state": "the-state",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


def trusted_attestation(keys: SealingKeys) -> ClientAttestation:
    """How the servers check attestations."""
    return ClientAttestation(attesters={PROVIDER: (public_key(PROVIDER_KEY.public_jwk),)}, challenges=Challenges(keys))


class EmbeddingServer(Protocol):
    """A server under test, and what only its application can do."""

    def send(self, request: Request) -> Response:
        """Send a request, to which the server answers."""

    def offer(self, subject: str, configuration_ids: Sequence[str], *, tx_code: str | None = None) -> CredentialOffer:
        """An offer with a new pre-authorized code."""

    def agree(self, url: str, *, username: str, agreed: bool = True) -> str:
        """What a person does in the browser at the authorization endpoint; the URL to which it is sent in the end."""

    def end_tokens(self) -> None:
        """Let the lifetime of all access tokens be over."""

    def revoke(self, access_token: str) -> None:
        """Revoke a token, in the server's own way."""

    def tokens(self) -> int:
        """How many rows the server's own token table has."""

    def records(self) -> int:
        """How many records of the library are stored."""

    def purge(self) -> None:
        """Delete what will have expired in an hour."""


def now() -> int:
    return int(time.time())


@frozen
class Phone:
    """A wallet, and the server it talks to."""

    server: EmbeddingServer
    wallet: Wallet

    @classmethod
    def of(cls, server: EmbeddingServer, *, client_id: str = PUBLIC) -> "Phone":
        return cls(server, Wallet(trust=Trust.of(IDENTIFIER), client_id=client_id))

    def opened(self, offer: CredentialOffer) -> Opened:
        return run(Offer.parse(offer.uri()).open(self.wallet), self.server.send)

    def redeem(self, offer: CredentialOffer, tx_code: str | None = None, **options: Any) -> Session:
        return run(self.opened(offer).redeem(tx_code, now=now(), **options), self.server.send)

    def authorize(self, *configuration_ids: str, username: str = "alice", agreed: bool = True, **options: Any) -> Session:
        opened = run(Offer.of(IDENTIFIER, *configuration_ids).open(self.wallet), self.server.send)
        pending = run(opened.authorize(redirect_uri=REDIRECT_URI, now=now(), **options), self.server.send)
        url = self.server.agree(pending.url, username=username, agreed=agreed)
        return run(pending.callback(url, now=now()), self.server.send)

    def credential(self, session: Session, configuration_id: str = "membership") -> Mapping[str, Any]:
        """The claims of a credential that was issued and verified."""
        order = run(session.order(configuration_id), self.server.send)
        issued = run(order.prove([LocalSigner.generate("holder")], now=now()).submit(), self.server.send)
        assert isinstance(issued, Issued)
        (credential,) = issued.credentials
        return credential.claims


def attestation(signer: LocalSigner, *, provider: LocalSigner = PROVIDER_KEY, client_id: str = ATTESTED) -> WalletAttestation:
    """What a wallet provider gives to the instance of a wallet that has the key of `signer`."""
    data = client_attestation_signing_input(
        provider, issuer=PROVIDER, client_id=client_id, jwk=signer.public_jwk, now=now(), lifetime=600
    )
    return WalletAttestation(_jose.compact(data, provider.sign(data)), signer, authorization_server=IDENTIFIER)


def token_request(offer: CredentialOffer, **parameters: str | None) -> Request:
    """A token request by hand. A parameter that is None is left out."""
    assert offer.grants is not None
    assert offer.grants.pre_authorized_code is not None
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": offer.grants.pre_authorized_code.pre_authorized_code,
        "client_id": PUBLIC,
        **parameters,
    }
    return form_request({name: value for name, value in form.items() if value is not None})


def form_request(form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    return Request("POST", TOKEN, {"content-type": FORM, **(headers or {})}, urlencode(form).encode())


def race(send: Callable[[Request], Response], request: Request) -> list[Response]:
    """The answers to one request that is sent several times at once."""
    with ThreadPoolExecutor(RACERS) as threads:
        return list(threads.map(send, [request] * RACERS))


def outcome(response: Response) -> tuple[int, str | None]:
    return response.status, response.json().get("error")


class Embedding:
    """The tests."""

    def test_the_metadata_are_right(self, server: EmbeddingServer) -> None:
        opened = Phone.of(server).opened(server.offer("alice", ["membership"]))
        assert opened.server.findings() == ()
        assert opened.metadata.findings([opened.server]) == ()

    # --- the pre-authorized code grant ------------------------------------------------------------------------------------

    def test_a_code_becomes_a_token_and_a_credential(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        session = phone.redeem(server.offer("alice", ["membership"], tx_code="493536"), "493536")
        assert phone.credential(session)["level"] == "gold"
        assert server.tokens() == 1

    def test_a_wrong_transaction_code_is_counted(self, server: EmbeddingServer) -> None:
        phone, offer = Phone.of(server), server.offer("alice", ["membership"], tx_code="493536")
        for _ in range(4):
            with pytest.raises(WrongTxCode):
                phone.redeem(offer, "000000")
        assert phone.credential(phone.redeem(offer, "493536"))["name"] == "Alice"
        other = server.offer("alice", ["membership"], tx_code="493536")
        for _ in range(5):
            with pytest.raises(WrongTxCode):
                phone.redeem(other, "000000")
        with pytest.raises(WrongTxCode):
            phone.redeem(other, "493536")
        assert server.tokens() == 1

    def test_a_code_serves_once(self, server: EmbeddingServer) -> None:
        request = token_request(server.offer("alice", ["membership"]))
        assert outcome(server.send(request)) == (200, None)
        assert outcome(server.send(request)) == (400, "invalid_grant")
        assert server.tokens() == 1

    def test_a_code_used_several_times_at_once_gives_one_token(self, server: EmbeddingServer) -> None:
        answers = race(server.send, token_request(server.offer("alice", ["membership"])))
        assert sorted(map(outcome, answers)) == [(200, None), *[(400, "invalid_grant")] * (RACERS - 1)]
        assert server.tokens() == 1

    def test_guesses_at_once_are_all_counted(self, server: EmbeddingServer) -> None:
        offer = server.offer("alice", ["membership"], tx_code="493536")
        answers = race(server.send, token_request(offer, tx_code="000000"))
        assert set(map(outcome, answers)) == {(400, "invalid_grant")}
        assert sum(b"transaction code is wrong" in answer.body for answer in answers) == 5
        assert outcome(server.send(token_request(offer, tx_code="493536"))) == (400, "invalid_grant")

    @pytest.mark.parametrize(
        ("parameters", "error"),
        [
            ({"pre-authorized_code": "unknown"}, "invalid_grant"),
            ({"pre-authorized_code": None}, "invalid_request"),
            ({"tx_code": "1234"}, "invalid_request"),
            ({"client_id": "stranger"}, "invalid_client"),
            ({"client_id": None}, "invalid_client"),
            ({"authorization_details": "[]"}, "invalid_authorization_details"),
            ({"grant_type": "urn:example:other"}, "unsupported_grant_type"),
        ],
    )
    def test_what_is_wrong_is_refused_and_burns_nothing(
        self, server: EmbeddingServer, parameters: dict[str, str | None], error: str
    ) -> None:
        offer = server.offer("alice", ["membership"])
        refused = server.send(token_request(offer, **parameters))
        assert refused.status in (400, 401)
        assert refused.json()["error"] == error
        assert server.tokens() == 0
        assert outcome(server.send(token_request(offer))) == (200, None)

    def test_a_repeated_parameter_is_refused(self, server: EmbeddingServer) -> None:
        request = token_request(server.offer("alice", ["membership"]))
        doubled = evolve(request, body=request.body + b"&pre-authorized_code=other")
        assert outcome(server.send(doubled)) == (400, "invalid_request")
        assert server.tokens() == 0

    def test_an_expired_token_and_a_revoked_one_are_refused(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        session, other = (phone.redeem(server.offer("alice", ["membership"])) for _ in range(2))
        server.revoke(session.access_token)
        with pytest.raises(Refused, match="invalid_token"):
            phone.credential(session)
        assert phone.credential(other)["name"] == "Alice"
        server.end_tokens()
        with pytest.raises(Refused, match="invalid_token"):
            phone.credential(other)

    def test_a_token_of_another_server_is_refused(self, server: EmbeddingServer) -> None:
        body = json.dumps({"credential_configuration_id": "membership"}).encode()
        for header in ({}, {"authorization": "Bearer of-another-server"}):
            refused = server.send(Request("POST", CREDENTIAL, {"content-type": "application/json", **header}, body))
            assert refused.status == 401
            assert "www-authenticate" in refused.headers

    def test_what_has_expired_can_be_purged(self, server: EmbeddingServer) -> None:
        server.offer("alice", ["membership"])
        phone = Phone.of(server)
        session = phone.redeem(server.offer("alice", ["membership"]), dpop=LocalSigner.generate("dpop"))
        phone.credential(session)
        # Two grants, two proofs, a nonce.
        assert (server.records(), server.tokens()) == (5, 1)
        server.purge()
        assert (server.records(), server.tokens()) == (0, 0)

    # --- authorization_details --------------------------------------------------------------------------------------------

    def test_details_narrow_a_pre_authorized_grant(self, server: EmbeddingServer) -> None:
        phone, offer = Phone.of(server), server.offer("alice", ["membership", "parking_permit"])
        session = phone.redeem(offer, configuration_ids=["parking_permit"])
        assert session.credential_identifiers == {"parking_permit": ("parking_permit/default",)}
        assert phone.credential(session, "parking_permit")["place"] == "A 12"
        request = {"credential_configuration_id": "membership"}
        headers = {"authorization": f"Bearer {session.access_token}", "content-type": "application/json"}
        assert server.send(Request("POST", CREDENTIAL, headers, json.dumps(request).encode())).status == 400

    def test_details_of_an_authorization_request_come_back_with_identifiers(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        session = phone.authorize("membership", "parking_permit", using="authorization_details")
        assert session.credential_identifiers == {
            "membership": ("membership/default",),
            "parking_permit": ("parking_permit/default",),
        }
        assert phone.credential(session, "parking_permit")["place"] == "A 12"

    def test_an_authorization_request_by_scope(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        session = phone.authorize("membership", username="bob", using="scope")
        assert session.credential_identifiers is None
        assert session.refresh_token is None
        assert phone.credential(session)["level"] == "silver"

    def test_a_person_can_refuse(self, server: EmbeddingServer) -> None:
        with pytest.raises(AuthorizationDenied):
            Phone.of(server).authorize("membership", agreed=False)
        assert server.tokens() == 0

    @pytest.mark.parametrize("jkt", ["short", "x" * 44])
    def test_a_thumbprint_that_is_none_goes_back_to_the_client(self, server: EmbeddingServer, jkt: str) -> None:
        query = {**AUTHORIZATION_REQUEST, "scope": "membership", "dpop_jkt": jkt}
        url = server.agree(f"{IDENTIFIER}/authorize?{urlencode(query)}", username="alice")
        assert parse_qs(urlsplit(url).query)["error"] == ["invalid_request"]

    @pytest.mark.parametrize(
        "details",
        ["[", '[{"type": "openid_credential", "credential_configuration_id": "unknown"}]', '[{"type": "other"}]'],
    )
    def test_wrong_details_go_back_to_the_client(self, server: EmbeddingServer, details: str) -> None:
        query = {**AUTHORIZATION_REQUEST, "authorization_details": details}
        url = server.agree(f"{IDENTIFIER}/authorize?{urlencode(query)}", username="alice")
        assert url.startswith(REDIRECT_URI)
        answer = parse_qs(urlsplit(url).query)
        assert answer["error"] == ["invalid_authorization_details"]
        assert (answer["state"], answer["iss"]) == (["the-state"], [IDENTIFIER])

    def test_an_authorization_code_serves_once_also_at_once(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        opened = run(Offer.of(IDENTIFIER, "membership").open(phone.wallet), server.send)
        pending = run(opened.authorize(redirect_uri=REDIRECT_URI, now=now()), server.send)
        request = pending.callback(server.agree(pending.url, username="alice"), now=now()).request
        answers = race(server.send, request)
        assert sorted(map(outcome, answers)) == [(200, None), *[(400, "invalid_grant")] * (RACERS - 1)]
        assert outcome(server.send(request)) == (400, "invalid_grant")
        assert server.tokens() == 1

    # --- DPoP -------------------------------------------------------------------------------------------------------------

    def test_a_token_bound_to_a_key(self, server: EmbeddingServer) -> None:
        phone, key = Phone.of(server), LocalSigner.generate("dpop")
        session = phone.redeem(server.offer("alice", ["membership"], tx_code="4921"), "4921", dpop=key)
        assert phone.credential(session)["name"] == "Alice"
        session = phone.authorize("membership", dpop=key)
        assert phone.credential(session)["name"] == "Alice"

    def test_a_bound_token_is_worth_nothing_without_its_key(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        session = phone.redeem(server.offer("alice", ["membership"]), dpop=LocalSigner.generate("dpop"))
        with pytest.raises(Refused, match="invalid_token"):
            phone.credential(evolve(session, sender=evolve(session.sender, dpop=LocalSigner.generate("another"))))
        with pytest.raises(Refused, match="invalid_token"):
            phone.credential(evolve(session, sender=evolve(session.sender, dpop=None)))

    def test_a_proof_serves_once_and_a_missing_nonce_is_no_attempt(self, server: EmbeddingServer) -> None:
        phone, sent = Phone.of(server), list[Request]()
        offer = server.offer("alice", ["membership"], tx_code="4921")

        def send(request: Request) -> Response:
            sent.append(request)
            return server.send(request)

        opened = phone.opened(offer)
        with pytest.raises(WrongTxCode):
            run(opened.redeem("0000", now=now(), dpop=LocalSigner.generate("dpop")), send)
        first, second = sent
        assert server.send(first).json()["error"] == "use_dpop_nonce"
        # Refused for its transaction code, the proof is not spent, and each attempt is counted.
        for _ in range(3):
            assert outcome(server.send(second)) == (400, "invalid_grant")
        right = evolve(second, body=second.body.replace(b"tx_code=0000", b"tx_code=4921"))
        assert outcome(server.send(right)) == (200, None)
        # Granted, it is spent, for whatever it comes with.
        other = evolve(second, body=token_request(server.offer("alice", ["membership"])).body)
        assert outcome(server.send(other)) == (400, "invalid_dpop_proof")
        assert server.tokens() == 1

    def test_a_code_is_bound_to_the_key_of_its_request(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server)
        opened = run(Offer.of(IDENTIFIER, "membership").open(phone.wallet), server.send)
        pending = run(opened.authorize(redirect_uri=REDIRECT_URI, now=now(), dpop=LocalSigner.generate("dpop")), server.send)
        url = server.agree(pending.url, username="alice")
        thief = evolve(pending, sender=evolve(pending.sender, dpop=LocalSigner.generate("another")))
        with pytest.raises(Refused, match="invalid_grant"):
            run(thief.callback(url, now=now()), server.send)
        assert phone.credential(run(pending.callback(url, now=now()), server.send))["name"] == "Alice"

    # --- client attestation -----------------------------------------------------------------------------------------------

    def test_an_attested_wallet(self, server: EmbeddingServer) -> None:
        phone = Phone.of(server, client_id=ATTESTED)
        wallet_attestation = attestation(LocalSigner.generate("instance"))
        key = LocalSigner.generate("dpop")
        session = phone.redeem(server.offer("alice", ["membership"]), dpop=key, authentication=wallet_attestation)
        assert phone.credential(session)["name"] == "Alice"
        session = phone.authorize("membership", dpop=key, authentication=wallet_attestation)
        assert phone.credential(session)["name"] == "Alice"

    def test_an_unknown_provider_a_stranger_and_no_attestation_are_refused(self, server: EmbeddingServer) -> None:
        offer, instance = server.offer("alice", ["membership"]), LocalSigner.generate("instance")
        stranger = LocalSigner.generate("provider-1")
        for client_id, authentication in (
            (ATTESTED, attestation(instance, provider=stranger)),
            ("unregistered", attestation(instance, client_id="unregistered")),
            # Registered as a public client: an attestation does not make it another one.
            (PUBLIC, attestation(instance, client_id=PUBLIC)),
            (ATTESTED, None),
        ):
            with pytest.raises(Refused, match="invalid_client"):
                Phone.of(server, client_id=client_id).redeem(offer, authentication=authentication)
        assert server.tokens() == 0
        assert Phone.of(server).redeem(offer).access_token

    @pytest.mark.parametrize("grant_type", ["refresh_token", "client_credentials", "password", "unknown"])
    def test_no_other_grant_is_a_way_around_proofs(self, server: EmbeddingServer, grant_type: str) -> None:
        """An attested client asks with everything that is right but the grant type."""
        sent = list[Request]()

        def send(request: Request) -> Response:
            sent.append(request)
            return Response.of_json(503, {}) if request.url.endswith("/token") else server.send(request)

        opened = Phone.of(server, client_id=ATTESTED).opened(server.offer("alice", ["membership"]))
        with pytest.raises(TryLater):
            run(opened.redeem(now=now(), authentication=attestation(LocalSigner.generate("instance"))), send)
        form = {
            "grant_type": grant_type,
            "client_id": ATTESTED,
            "refresh_token": "x",
            "username": "alice",
            "password": PASSWORD,
        }
        answered = server.send(evolve(sent[-1], body=urlencode(form).encode()))
        assert (answered.status, answered.json()["error"]) == (400, "unsupported_grant_type")

    def test_a_proof_of_possession_serves_once(self, server: EmbeddingServer) -> None:
        phone, sent = Phone.of(server, client_id=ATTESTED), list[Request]()

        def send(request: Request) -> Response:
            sent.append(request)
            return server.send(request)

        opened = phone.opened(server.offer("alice", ["membership"]))
        run(opened.redeem(now=now(), authentication=attestation(LocalSigner.generate("instance"))), send)
        again = token_request(server.offer("alice", ["membership"]), client_id=ATTESTED)
        refused = server.send(evolve(sent[-1], body=again.body))
        assert refused.json()["error"] == "invalid_client"
        assert server.tokens() == 1
