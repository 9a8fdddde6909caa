"""A Credential Issuer whose keys are in a token: what it issues, what it signs besides, and what happens when the token fails."""

import json
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cbor2
import httpx
import pkcs11
import pytest
from attrs import evolve, field, frozen
from cryptography import x509
from joserfc import jwt
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from pymdoccbor.mdoc.verifier import MdocCbor  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from examples.adapters.endpoints import Endpoints
from examples.pkcs11_issuer.__main__ import main
from examples.pkcs11_issuer.certificates import DemoAuthority
from examples.pkcs11_issuer.issuer import CLAIMS, DOCTYPE, MEMBER, MEMBER_MDOC, Membership, TokenHost, TokenKeys
from examples.pkcs11_issuer.signer import Pkcs11Signer
from examples.pkcs11_issuer.token_keys import TokenError, TokenKey
from oid4vci._json import b64url_decode
from oid4vci.drive import run
from oid4vci.errors import TryLater
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, SigningInput
from oid4vci.metadata import jwt_vc_issuer_metadata_url
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Proofs, Session, Wallet, check_status
from oid4vci.x509 import Anchors
from tests.documents import ROOT, blocks
from tests.network import over
from tests.running_adapter import running_adapter
from tests.running_program import DEADLINE, free_port
from tests.softhsm import PIN, SoftHsm
from tests.test_proofs_jwt_libraries import ROOMY

pytestmark = pytest.mark.servers
IDENTIFIER = "https://issuer.example"
README = ROOT / "examples" / "pkcs11_issuer" / "README.md"


def now() -> int:
    return int(time.time())


@frozen
class World:
    """The issuer, and a wallet that trusts its demonstration authority."""

    club: Membership
    host: TokenHost
    authority: DemoAuthority
    signer: Pkcs11Signer
    sent: list[Request] = field(factory=list)

    @classmethod
    def of(cls, signer: Pkcs11Signer, keys: TokenKeys) -> "World":
        authority = DemoAuthority()
        club = Membership.at(IDENTIFIER, keys, authority)
        host = TokenHost(signer, club.statuses)
        assert host.commit([club.statuses.create()])
        return cls(club, host, authority, signer)

    def send(self, request: Request) -> Response:
        """Through what all adapters have in common."""
        self.sent.append(request)
        endpoints = Endpoints(role=self.club.role, issuer=IDENTIFIER)
        return endpoints.answer(evolve(request, body=b""), [request.body], self.host)

    @property
    def wallet(self) -> Wallet:
        anchors = Anchors.from_pem(self.authority.pem)
        trust = Trust(
            anchors, allow=lambda url: url.startswith(IDENTIFIER), metadata_anchors=anchors, signed_metadata_required=True
        )
        return Wallet(trust=trust, client_id="wallet")

    def session(self) -> Session:
        offer = self.club.offer(self.host.store, now=now())
        return run(run(Offer.parse(offer.uri()).open(self.wallet, now=now()), self.send).redeem(), self.send)

    def proofs(self, configuration_id: str, *, count: int = 1) -> Proofs:
        order = run(self.session().order(configuration_id), self.send)
        return order.prove([LocalSigner.generate(f"holder-{i}") for i in range(count)], now=now())

    def issued(self, configuration_id: str, *, count: int = 1) -> tuple[VerifiedCredential, ...]:
        issued = run(self.proofs(configuration_id, count=count).submit(), self.send)
        assert isinstance(issued, Issued)
        return tuple(issued.credentials)


@pytest.fixture(scope="module")
def signer(softhsm: SoftHsm) -> Iterator[Pkcs11Signer]:
    with Pkcs11Signer(softhsm.module, "issuer", PIN, timeout=DEADLINE) as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(signer: Pkcs11Signer) -> TokenKeys:
    return TokenKeys(signer.generate("club-1"), signer.generate("club-documents"))


@pytest.fixture
def world(signer: Pkcs11Signer, keys: TokenKeys) -> World:
    return World.of(signer, keys)


# --- what is issued -----------------------------------------------------------------------------------------------------------


def test_sd_jwt_vcs(world: World, keys: TokenKeys) -> None:
    """The wallet has verified them, and so does another library."""
    credentials = world.issued(MEMBER, count=10)
    assert len({each.credential for each in credentials}) == 10
    for each in credentials:
        assert {name: each.claims[name] for name in CLAIMS} == CLAIMS
        public = JWK(**keys.issuer.public_jwk)
        payload = SDJWTVerifier(each.credential, lambda issuer, header, key=public: key).get_verified_payload()
        assert (payload["level"], payload["iss"]) == ("gold", IDENTIFIER)


# It asks `datetime` for the time in an old way.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_mdocs(world: World) -> None:
    credentials = world.issued(MEMBER_MDOC, count=3)
    for each in credentials:
        assert each.claims == {DOCTYPE: CLAIMS}
        reader = MdocCbor()
        document = {"docType": DOCTYPE, "issuerSigned": cbor2.loads(b64url_decode(str(each.credential)))}
        reader.loads(cbor2.dumps({"version": "1.0", "documents": [document], "status": 0}).hex())
        assert reader.verify(trusted_root_certs=[x509.load_pem_x509_certificate(world.authority.pem)])


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "PS256"])
def test_issuers_with_other_keys(signer: Pkcs11Signer, keys: TokenKeys, algorithm: str) -> None:
    world = World.of(signer, evolve(keys, issuer=signer.generate(f"club-{algorithm}", algorithm)))
    (credential,) = world.issued(MEMBER)
    assert credential.claims["level"] == "gold"


def test_many_wallets_at_once(world: World) -> None:
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda i: world.issued((MEMBER, MEMBER_MDOC)[i % 2], count=2), range(20)))
    assert len({each.credential for pair in found for each in pair}) == 40


# --- what is signed besides ---------------------------------------------------------------------------------------------------


def test_the_statuses(world: World) -> None:
    """The list is signed in the token too, once for all who ask."""
    credentials = (*world.issued(MEMBER), *world.issued(MEMBER_MDOC))
    found: Any = run(check_status(world.wallet, credentials, now=now()), world.send)
    assert [each.valid for each in found] == [True, True]
    status = credentials[0].status
    assert status is not None
    store, statuses = world.host.store, world.club.statuses
    assert store.commit([statuses.set(store.load([statuses.key]), {status["status_list"]["idx"]: 1})])
    found = run(check_status(world.wallet, credentials, now=now()), world.send)
    assert [each.valid for each in found] == [False, True]


def test_the_metadata(world: World, keys: TokenKeys) -> None:
    """The wallet takes no others than signed ones; another library verifies them as well."""
    assert world.issued(MEMBER)
    answer = world.send(Request("GET", f"{IDENTIFIER}/.well-known/openid-credential-issuer", {"accept": "application/jwt"}))
    assert answer.media_type == "application/jwt"
    key = KeySet.import_key_set({"keys": [dict(keys.issuer.public_jwk)]})
    assert jwt.decode(answer.body.decode(), key, registry=ROOMY).claims["credential_issuer"] == IDENTIFIER


# --- rotation -----------------------------------------------------------------------------------------------------------------


def test_another_key_and_the_earlier_one(signer: Pkcs11Signer, keys: TokenKeys, world: World) -> None:
    (old,) = world.issued(MEMBER)
    rotated = World.of(signer, TokenKeys(signer.generate("club-2"), keys.document_signer, earlier=(keys.issuer,)))
    (new,) = rotated.issued(MEMBER)
    published = rotated.send(Request("GET", jwt_vc_issuer_metadata_url(IDENTIFIER)))
    assert [each["kid"] for each in published.json()["jwks"]["keys"]] == ["club-2", "club-1"]

    def verified(credential: VerifiedCredential, document: bytes) -> object:
        return SdJwtVcVerifier().verify(
            credential.credential,
            configuration=None,
            trust=Trust.of(IDENTIFIER),
            holder_keys=[],
            documents={jwt_vc_issuer_metadata_url(IDENTIFIER): document},
            now=now(),
        )

    for each in (old, new):
        assert isinstance(verified(each, published.body), VerifiedCredential)
    # Had it not been published any more, nobody could verify what it signed.
    alone = {"issuer": IDENTIFIER, "jwks": {"keys": published.json()["jwks"]["keys"][:1]}}
    with pytest.raises(Exception, match="key"):
        verified(old, json.dumps(alone).encode())


# --- a token that fails -------------------------------------------------------------------------------------------------------


def hang(go_on: threading.Event) -> Callable[..., bytes]:
    def hanging(*_: Any) -> bytes:
        go_on.wait(20)
        return bytes(64)

    return hanging


def device_error(*_: Any) -> bytes:
    raise pkcs11.DeviceError


def unable(*_: Any) -> bytes:
    raise pkcs11.MechanismInvalid


@pytest.mark.parametrize(
    ("failure", "status"), [(device_error, 503), (lambda *_: bytes(64), 503), (lambda *_: b"short", 503), (unable, 500)]
)
def test_nothing_is_spent_when_the_token_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: Callable[..., bytes], status: int
) -> None:
    """The same request, with the same nonce and proofs, succeeds when the token is there again."""
    exchange: Any = world.proofs(MEMBER, count=2).submit()
    before = _rows(world)
    with monkeypatch.context() as patch:
        patch.setattr(TokenKey, "sign", failure)
        for _ in range(2):
            answer = world.send(exchange.request)
            assert answer.status == status
            assert answer.json()["error"] == ("temporarily_unavailable" if status == 503 else "server_error")
            assert not {"credentials", "detail"} & answer.json().keys()
        assert _rows(world) == before
        if status == 503:
            with pytest.raises(TryLater):
                run(exchange, world.send)
    issued = run(exchange, world.send)
    assert isinstance(issued, Issued)
    assert len(issued.credentials) == 2
    assert _rows(world) != before
    # And now it is spent.
    assert world.send(exchange.request).json()["error"] == "invalid_nonce"


def test_nothing_is_spent_when_the_token_hangs(softhsm: SoftHsm, keys: TokenKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    with Pkcs11Signer(softhsm.module, "issuer", PIN, timeout=DEADLINE) as signer:
        world = World.of(signer, TokenKeys(signer.signer("club-1"), signer.signer("club-documents")))
        exchange: Any = world.proofs(MEMBER).submit()
        before = _rows(world)
        with monkeypatch.context() as patch:
            patch.setattr(TokenKey, "sign", hang(go_on))
            signer.timeout = 0.3
            try:
                assert world.send(exchange.request).status == 503
                assert _rows(world) == before
            finally:
                go_on.set()
        signer.timeout = DEADLINE
        assert isinstance(run(exchange, world.send), Issued)


def test_a_token_request_needs_no_token_of_that_kind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Access tokens and nonces are sealed here: what the HSM does not sign, it does not keep from being answered."""
    offer = world.club.offer(world.host.store, now=now())
    opened = run(Offer.parse(offer.uri()).open(world.wallet, now=now()), world.send)
    monkeypatch.setattr(TokenKey, "sign", device_error)
    assert run(opened.redeem(), world.send).access_token
    assert world.send(Request("POST", f"{IDENTIFIER}/nonce")).status == 200


def _rows(world: World) -> Mapping[Any, Any]:
    store: Any = world.host.store
    return dict(store._rows)


def test_a_key_that_the_host_does_not_have(world: World, keys: TokenKeys, softhsm: SoftHsm) -> None:
    with Pkcs11Signer(softhsm.module, "issuer", PIN) as another:
        host = TokenHost(another, world.club.statuses, world.host.store)
        with pytest.raises(TokenError, match="club-1 is not a key"):
            host.sign([SigningInput(keys.issuer.key_id, keys.issuer.algorithm, b"data")])


# --- the command line ---------------------------------------------------------------------------------------------------------


def command(softhsm: SoftHsm, *more: str) -> list[str]:
    """The one of the README, with files of the tests' own."""
    (text,) = [line for block in blocks(README, "sh") for line in block.text.splitlines() if "examples.pkcs11_issuer" in line]
    words = text.split()
    assert words[:3] == ["python", "-m", "examples.pkcs11_issuer"]
    given = {"--module": softhsm.module, "--token-label": "issuer", "--pin-file": str(softhsm.pin_file())}
    for name, value in given.items():
        words[words.index(name) + 1] = value
    return [*words[2:], *more]


def test_started_as_the_readme_says(softhsm: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    more = ("--issuer-key", "readme-1", "--document-signer-key", "readme-documents", "--port", str(port))
    with running_adapter(command(softhsm, *more), "pkcs11", port, tmp_path) as server:
        printed = server.log.read_text()
        certificate, authority = (re.findall(rf"{name}: (\S+)", printed)[0] for name in ("to trust", "document signers"))
        offer = re.findall(r"openid-credential-offer:\S+", printed)[0]
        identifier, context = f"https://localhost:{port}", ssl.create_default_context(cafile=certificate)
        anchors = Anchors.from_pem(Path(authority).read_bytes())
        with httpx.Client(verify=context, trust_env=False, timeout=DEADLINE) as client:
            send = over(client)
            wallet = Wallet(trust=Trust(anchors, allow={identifier}.__contains__), client_id="wallet")
            session = run(run(Offer.parse(offer).open(wallet), send).redeem(), send)
            for configuration_id in (MEMBER, MEMBER_MDOC):
                order = run(session.order(configuration_id), send)
                issued = run(order.prove([LocalSigner.generate("holder")], now=now()).submit(), send)
                assert isinstance(issued, Issued)
    assert PIN not in server.log.read_text()


def test_a_wrong_pin(softhsm: SoftHsm) -> None:
    """In a process of its own: in this one somebody has logged in."""
    done = subprocess.run(
        [sys.executable, "-m", *command(softhsm, "--pin-file", str(softhsm.pin_file("0000")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (done.returncode, done.stderr) == (2, "error: the token issuer refuses the PIN: PinIncorrect\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--pin-file", "/nowhere", "No such file"),
        ("--token-label", "another", "error: the token another cannot be opened"),
        ("--module", "/nowhere.so", "error: the token issuer cannot be opened with /nowhere.so"),
        ("--earlier-key", "none", "error: the token has no private key with the label none"),
    ],
)
def test_settings_that_are_wrong(
    softhsm: SoftHsm, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    assert main([*command(softhsm)[1:], option, value]) == 2
    assert said in capsys.readouterr().err


def test_keys_are_generated_only_if_that_is_wanted(softhsm: SoftHsm, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [each for each in command(softhsm)[1:] if each != "--generate"]
    assert main([*arguments, "--issuer-key", "not-there"]) == 2
    assert "no private key with the label not-there" in capsys.readouterr().err
