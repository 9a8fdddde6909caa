"""Proofs that `@openid4vc/oauth2` makes are verified here, and those that are made here are verified there."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._json import Malformed
from oid4vci.errors import InvalidClient, InvalidDpopProof, UseAttestationChallenge, UseDpopNonce
from oid4vci.http import Request
from oid4vci.keys import LocalSigner, public_key, thumbprint
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation, client_attestation_pop_signing_input
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.oauth.client_authentication import AuthenticatedClient
from oid4vci.oauth.dpop import Dpop, DpopNonces, DpopProof, dpop_signing_input
from oid4vci.oauth.pkce import check_verifier, code_challenge, new_verifier
from oid4vci.secret import new_secret
from tests.browser import query
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.issuance import secret_keys

pytestmark = pytest.mark.interop

ISSUER, PROVIDER, CLIENT = "https://server.example", "https://provider.example", "https://wallet.example/app"
TOKEN, CREDENTIAL = f"{ISSUER}/token", f"{ISSUER}/credential"
ACCESS_TOKEN = "an-access-token~with.all+the/characters=="
NONCES, CHALLENGES = DpopNonces(secret_keys()), Challenges(secret_keys())


# Theirs


@frozen
class Made:
    """What a client of the library sends."""

    provider: Party
    answer: Mapping[str, Any]

    def request(self, name: str, **changes: str) -> Request:
        """A request by its name, some of whose headers are others."""
        made = self.answer["requests"][name]
        headers = [(key, changes.get(key, value)) for key, value in made["headers"]]
        return Request(made["method"], made["url"], headers, made["body"].encode())


@pytest.fixture(scope="module", params=[True, False], ids=["x5c", "known attester"])
def made(request: pytest.FixtureRequest, node: Node) -> Made:
    provider, now = Party(PROVIDER), int(time.time())
    attester = {"issuer": PROVIDER, "jwk": provider.private_jwk, "x5c": provider.x5c if request.param else None}
    given = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "attester": attester,
        "nonce": NONCES.new(now=now, new_secret=new_secret),
        "challenge": CHALLENGES.new(ISSUER, now=now, new_secret=new_secret),
        "access_token": ACCESS_TOKEN,
    }
    return Made(provider, node.run("proofs.mjs", {"make": given}))


def proved(request: Request, *, url: str, access_token: str | None = None, nonces: DpopNonces = NONCES) -> DpopProof:
    """Our word on the DPoP proof of a request."""
    read = Dpop(nonces=nonces).read(request, url=url)
    assert read is not None
    return read.verify({}, now=int(time.time()), access_token=access_token)


@pytest.mark.parametrize(
    ("name", "url", "access_token"),
    [("par", f"{ISSUER}/par", None), ("token", TOKEN, None), ("credential", CREDENTIAL, ACCESS_TOKEN)],
)
def test_their_dpop_proofs_are_accepted(made: Made, name: str, url: str, access_token: str | None) -> None:
    proof = proved(made.request(name), url=url, access_token=access_token)
    assert proof.jkt == made.answer["thumbprints"]["dpop"]


def test_their_dpop_proof_is_for_one_request_and_one_token(made: Made) -> None:
    request = made.request("credential")
    with pytest.raises(InvalidDpopProof, match="htm"):
        Dpop().read(Request("GET", request.url, request.headers), url=CREDENTIAL)
    with pytest.raises(InvalidDpopProof, match="htu"):
        Dpop().read(request, url=TOKEN)
    with pytest.raises(InvalidDpopProof, match="ath"):
        proved(request, url=CREDENTIAL, access_token="another-access-token")
    with pytest.raises(UseDpopNonce):
        proved(request, url=CREDENTIAL, access_token=ACCESS_TOKEN, nonces=DpopNonces(secret_keys(2)))


def authenticated(made: Made, request: Request, *, issuer: str = ISSUER, challenges: bool = True) -> AuthenticatedClient:
    """Our word on the client attestation of a request."""
    certified = "x5c" in _jose.parse(request.headers.get("oauth-client-attestation") or "").header
    checks = ClientAttestation(
        anchors=made.provider.anchors if certified else None,
        attesters={} if certified else {PROVIDER: (public_key(made.provider.signer.public_jwk),)},
        challenges=CHALLENGES if challenges else None,
    )
    read = checks.read(request, request.form(), issuer=issuer, endpoint=request.url, registered=lambda client_id: None)
    return read.verify({}, keys={}, now=int(time.time()))


@pytest.mark.parametrize("name", ["par", "token"])
def test_their_client_attestation_is_accepted(made: Made, name: str) -> None:
    client = authenticated(made, made.request(name))
    assert (client.client_id, client.instance) == (CLIENT, made.answer["thumbprints"]["instance"])


def test_their_proof_of_possession_is_for_one_server_one_key_and_one_challenge(made: Made) -> None:
    with pytest.raises(InvalidClient, match="aud"):
        authenticated(made, made.request("token"), issuer="https://other.example")
    with pytest.raises(UseAttestationChallenge):
        authenticated(made, made.request("without challenge"))
    assert authenticated(made, made.request("without challenge"), challenges=False).client_id == CLIENT
    pop = made.request("token").headers.get("oauth-client-attestation-pop") or ""
    moved = made.request("par", **{"oauth-client-attestation-pop": pop.rpartition(".")[0] + ".AAAA"})
    with pytest.raises(InvalidClient, match="pop"):
        authenticated(made, moved)


def test_their_code_challenge_fits_their_verifier(made: Made) -> None:
    parameters = query(made.answer["authorization_request_url"])
    assert parameters["code_challenge_method"] == "S256"
    check_verifier(made.answer["code_verifier"], parameters["code_challenge"])
    with pytest.raises(Malformed):
        check_verifier(new_verifier(new_secret), parameters["code_challenge"])
    # RFC 9449 10: a request that is not pushed names the key.
    assert parameters["dpop_jkt"] == made.answer["thumbprints"]["dpop"]


# Ours


def jws(signer: LocalSigner, data: bytes) -> str:
    return _jose.compact(data, signer.sign(data))


@frozen
class Ours:
    """What we make, and by name what the library is asked about it."""

    provider: Party = field(factory=lambda: Party(PROVIDER))
    instance: LocalSigner = field(factory=lambda: LocalSigner.generate("instance"))
    now: int = field(factory=lambda: int(time.time()))

    def dpop(self, algorithm: str = "ES256", **asked: Any) -> dict[str, Any]:
        """A proof with everything in it, and what the library is to hold against it."""
        signer = LocalSigner.generate("dpop", algorithm)
        data = dpop_signing_input(
            signer, method="POST", url=f"{CREDENTIAL}?page=1", jti="jti", now=self.now, nonce="nonce", access_token=ACCESS_TOKEN
        )
        right = {"method": "POST", "url": CREDENTIAL, "nonce": "nonce", "access_token": ACCESS_TOKEN}
        return {"dpop": jws(signer, data), "jkt": thumbprint(signer.public_jwk), **right, **asked}

    def attestation(
        self,
        *,
        x5c: bool = True,
        pop: Mapping[str, Any] | None = None,
        signer: LocalSigner | None = None,
        trusted: Party | None = None,
        lifetime: int = 600,
        **asked: Any,
    ) -> dict[str, Any]:
        """An attestation and a proof of it, of which some claims are others, and what the library is to hold against them."""
        party = trusted or self.provider
        attestation = client_attestation_signing_input(
            self.provider.signer,
            x5c=[self.provider.leaf] if x5c else (),
            issuer=PROVIDER,
            client_id=CLIENT,
            jwk=self.instance.public_jwk,
            now=self.now - 60,
            lifetime=lifetime,
            extra={"wallet_name": "Wallet", "wallet_link": "https://wallet.example"},
        )
        made = client_attestation_pop_signing_input(
            self.instance, client_id=CLIENT, audience=ISSUER, jti="jti", now=self.now, challenge="challenge"
        )
        if pop is not None:
            parts = _jose.parse(_jose.compact(made, b""))
            made = _jose.signing_input(parts.header, _json.dump_bytes({**parts.claims(), **pop}))
        return {
            "attestation": jws(self.provider.signer, attestation),
            "pop": jws(signer or self.instance, made),
            "issuer": ISSUER,
            "trust": {"anchors": party.anchors_pem, "attesters": {PROVIDER: dict(party.signer.public_jwk)}},
            **asked,
        }

    @property
    def questions(self) -> dict[str, Any]:
        """By name."""
        # draft-ietf-oauth-attestation-based-client-auth-07 5.2 has no `exp` in the proof; this version of the library demands
        # the one of drafts before -06.
        expiring = {"exp": self.now + 60}
        verifier = new_verifier(new_secret)
        return {
            "dpop ES256": self.dpop(),
            "dpop ES384": self.dpop("ES384"),
            "dpop EdDSA": self.dpop("EdDSA"),
            "dpop for another method": self.dpop(method="GET"),
            "dpop for another url": self.dpop(url=TOKEN),
            "dpop with another nonce": self.dpop(nonce="other"),
            "dpop for another token": self.dpop(access_token="other"),
            "dpop by another key": self.dpop(jkt=thumbprint(self.instance.public_jwk)),
            "attestation with x5c": self.attestation(pop=expiring),
            "attestation of a known attester": self.attestation(pop=expiring, x5c=False),
            "attestation as it is": self.attestation(draft=7),
            "attestation as it is for another server": self.attestation(draft=7, issuer="https://other.example"),
            "attestation as it is for an old draft": self.attestation(),
            "attestation for another server": self.attestation(pop=expiring, issuer="https://other.example"),
            "attestation for another client": self.attestation(pop={**expiring, "iss": "https://wallet.example/other"}),
            "attestation with a proof by another key": self.attestation(pop=expiring, signer=LocalSigner.generate("other")),
            "attestation under another anchor": self.attestation(pop=expiring, trusted=Party(PROVIDER)),
            "attestation by another attester": self.attestation(pop=expiring, trusted=Party(PROVIDER), x5c=False),
            "attestation that has expired": self.attestation(pop=expiring, lifetime=30),
            "pkce": {"code_verifier": verifier, "code_challenge": code_challenge(verifier)},
            "pkce with another verifier": {
                "code_verifier": new_verifier(new_secret),
                "code_challenge": code_challenge(verifier),
            },
        }


@pytest.fixture(scope="module")
def said(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """By name what the library says."""
    answer: dict[str, Any] = node.run("proofs.mjs", {"verify": Ours().questions})
    return answer


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA"])
def test_our_dpop_proofs_are_accepted(said: Mapping[str, Any], algorithm: str) -> None:
    assert said[f"dpop {algorithm}"].keys() == {"ok"}, said


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("dpop for another method", "htm"),
        ("dpop for another url", "htu"),
        ("dpop with another nonce", "nonce"),
        ("dpop for another token", "ath"),
        ("dpop by another key", "thumbprint"),
        ("attestation for another server", "'aud' does not match"),
        ("attestation as it is for another server", "'aud' does not match"),
        ("attestation for another client", "'iss'"),
        ("attestation with a proof by another key", "client attestation pop jwt verification failed"),
        ("attestation under another anchor", "client attestation jwt verification failed"),
        ("attestation by another attester", "client attestation jwt verification failed"),
        ("attestation that has expired", "'exp' is in the past"),
        ("pkce with another verifier", "does not match the expected code challenge"),
    ],
)
def test_what_is_wrong_with_ours_is_noticed(said: Mapping[str, Any], name: str, because: str) -> None:
    assert said[name].keys() == {"error"}
    assert because in said[name]["error"]


@pytest.mark.parametrize("name", ["attestation as it is", "attestation with x5c", "attestation of a known attester"])
def test_our_client_attestation_is_accepted(said: Mapping[str, Any], name: str) -> None:
    (read,) = said[name].values()
    assert (read["attestation"]["wallet_name"], read["pop"]["challenge"]) == ("Wallet", "challenge")


def test_what_only_old_drafts_want_is_missing(said: Mapping[str, Any]) -> None:
    """Else the library has learnt draft -07, and what is done for it here can go."""
    assert said["attestation as it is for an old draft"].keys() == {"error"}


def test_our_code_challenge_is_accepted(said: Mapping[str, Any]) -> None:
    assert said["pkce"] == {"ok": True}
