"""The wallet of the examples at issuers that bind to DIDs, and at issuers that want its keys attested."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from examples.wallet.attester import Attester
from examples.wallet.client import Client
from examples.wallet.folder import Folder
from examples.wallet.ordering import Ordering
from examples.wallet_cli.__main__ import main
from examples.wallet_cli.issuance import Issuance
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, public_key, thumbprint
from oid4vci.metadata import BatchCredentialIssuance, KeyAttestationsRequired, ProofType, SdJwtVcConfiguration
from oid4vci.offers import CredentialOffer, Grants
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.di_vp import DiVpProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import HIGH, MODERATE, KeyAttestations
from oid4vci.x509 import Anchors
from tests.interop.parties import Party
from tests.issuance import CREDENTIAL, IDENTIFIER, issuance, issuer_metadata
from tests.issuance import Issuance as World
from tests.private_keys import in_pem
from tests.scripted_server import error
from tests.test_x509 import pem

ISSUER, PROVIDER = Party(IDENTIFIER), Party("https://provider.example")
LEVELS = KeyAttestationsRequired(key_storage=(HIGH, MODERATE), user_authentication=(MODERATE,))


def takes(*algorithms: str, attested: KeyAttestationsRequired | None = None) -> ProofType:
    return ProofType(proof_signing_alg_values_supported=algorithms or ("ES256",), key_attestations_required=attested)


class Wire(Network):
    """The issuer itself, whose answers to Credential Requests can be others at first."""

    def __init__(
        self, types: Mapping[str, ProofType], methods: tuple[str, ...], believed: KeyAttestations, *first: Response
    ) -> None:
        known: dict[str, Any] = {
            "jwt": JwtProofType(key_attestations=believed),
            "attestation": AttestationProofType(believed),
            "di_vp": DiVpProofType(),
        }
        configuration = SdJwtVcConfiguration(
            vct="urn:note", cryptographic_binding_methods_supported=methods, proof_types_supported=dict(types)
        )
        self.world: World = issuance(
            metadata=issuer_metadata(
                credential_configurations_supported={"note": configuration},
                batch_credential_issuance=BatchCredentialIssuance(batch_size=2),
            ),
            encoders={"note": SdJwtVcEncoder(signer=ISSUER.signer, x5c=[ISSUER.leaf])},
            proof_types={name: known[name] for name in types},
        )
        self.first = list(first)
        self.proofs: list[Any] = []

    def send(self, request: Request) -> Response:
        if request.url == CREDENTIAL:
            self.proofs.append(request.json_object()["proofs"])
            if self.first:
                return self.first.pop(0)
        return self.world.send(request, now=int(time.time()))

    def offer(self) -> str:
        grants = Grants(pre_authorized_code=self.world.grant("note", now=int(time.time())).grant)
        return CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("note",), grants=grants).uri()


BY_ANCHOR = KeyAttestations(anchors=Anchors.from_der(PROVIDER.authority), require_x5c=True)
BY_NAME = KeyAttestations(attesters={"wallet": (public_key(PROVIDER.signer.public_jwk),)})


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    key, chain = tmp_path / "attester.key.pem", tmp_path / "attester.pem"
    encoded = in_pem(PROVIDER.key)
    key.write_bytes(encoded)
    chain.write_bytes(pem(PROVIDER.leaf))
    return key, chain


def wallet(
    wire: Wire, attester: Attester | None = None, *, person: Person | None = None, folder: Folder | None = None
) -> Issuance:
    anchors = Anchors.from_der(ISSUER.authority)
    return Issuance(
        person=person or Person(yes=True, interactive=False),
        network=wire,
        anchors=anchors,
        client=Client(client_id="wallet"),
        ordering=Ordering(send=wire.send, attester=attester),
        folder=folder,
    )


def obtained(wire: Wire, attester: Attester | None = None) -> Mapping[str, Any]:
    """The proofs by which two Credentials came."""
    assert wallet(wire, attester).accept(wire.offer(), None) == 2
    proofs: Mapping[str, Any] = wire.proofs[-1]
    assert len(proofs) == 1
    return proofs


@pytest.mark.parametrize(
    ("types", "methods", "expected"),
    [
        ({"jwt": takes()}, ("jwk",), "jwt"),
        ({"jwt": takes("EdDSA")}, ("did:key",), "jwt"),
        ({"jwt": takes(attested=LEVELS), "di_vp": takes("ecdsa-rdfc-2019")}, ("did:jwk",), "di_vp"),
        ({"di_vp": takes("eddsa-jcs-2022")}, ("did:web", "did:key"), "di_vp"),
    ],
)
def test_keys_are_named_and_proved_as_the_issuer_wants(types: Any, methods: tuple[str, ...], expected: str) -> None:
    assert list(obtained(Wire(types, methods, BY_ANCHOR))) == [expected]


@pytest.mark.parametrize("rules", [LEVELS, KeyAttestationsRequired(), None], ids=["levels", "any", "none"])
@pytest.mark.parametrize(("name", "chained", "believed"), [("jwt", True, BY_ANCHOR), ("attestation", False, BY_NAME)])
def test_keys_are_attested_where_the_issuer_wants_that(
    name: str, chained: bool, believed: KeyAttestations, rules: KeyAttestationsRequired | None, files: tuple[Path, Path]
) -> None:
    attester = Attester.from_files(files[0], files[1] if chained else None, "wallet")
    proofs = obtained(Wire({name: takes(attested=rules)}, ("jwk",), believed), attester)
    assert list(proofs) == [name]
    assert len(proofs[name]) == (1 if rules is not None or name == "attestation" else 2)


def test_a_nonce_that_is_rejected_takes_another_attestation(files: tuple[Path, Path]) -> None:
    wire = Wire({"attestation": takes(attested=LEVELS)}, ("jwk",), BY_ANCHOR, error("invalid_nonce"))
    obtained(wire, Attester.from_files(*files, "wallet"))
    first, second = [proofs["attestation"] for proofs in wire.proofs]
    assert first != second


def test_what_the_issuer_wants_is_said_where_nobody_attests(capsys: pytest.CaptureFixture[str]) -> None:
    wire = Wire({"jwt": takes(attested=LEVELS)}, ("jwk",), BY_ANCHOR)
    with pytest.raises(ValueError, match=f"demands a key attestation with key_storage {HIGH} or {MODERATE}"):
        wallet(wire).accept(wire.offer(), None)
    assert "Not obtained: note: the issuer demands a key attestation" in capsys.readouterr().out
    assert wire.proofs == []


def asked(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return answer if question.startswith("Attest") else "y"

    monkeypatch.setattr("builtins.input", reply)
    return questions


@pytest.mark.parametrize(("answer", "count"), [("y", 2), ("n", None)])
def test_the_person_is_asked_before_a_level_is_attested(
    answer: str, count: int | None, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = asked(monkeypatch, answer)
    wire = Wire({"jwt": takes(attested=LEVELS)}, ("jwk",), BY_ANCHOR, *([error("invalid_nonce")] if count else []))
    begun = wallet(wire, Attester.from_files(*files, "wallet"), person=Person(interactive=True))
    if count is None:
        with pytest.raises(ValueError, match="these are not"):
            begun.accept(wire.offer(), None)
        assert wire.proofs == []
    else:
        assert begun.accept(wire.offer(), None) == count
    wanted = f"Attest to the issuer that the wallet has keys of level {HIGH} and logins of level {MODERATE}? [y/N] "
    assert [each for each in questions if each.startswith("Attest")] == [wanted]


# --- the command line -------------------------------------------------------------------------------------------------------

OFFER = "openid-credential-offer://?credential_offer=%7B%7D"


def test_a_chain_is_for_a_key(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([OFFER, "--key-attestation-chain", str(files[1])])
    assert "--key-attestation-chain is for --key-attestation-key" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["missing", "no key", "another's chain", "with the anchor", "password"])
def test_what_is_wrong_with_the_files_is_said_before_anything_is_sent(
    wrong: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    key, chain = files
    match wrong:
        case "missing":
            key.unlink()
        case "no key":
            key.write_bytes(b"x")
        case "another's chain":
            chain.write_bytes(pem(ISSUER.leaf))
        case "with the anchor":
            chain.write_bytes(pem(PROVIDER.leaf, PROVIDER.authority))
        case _:
            key.write_bytes(in_pem(PROVIDER.key, b"secret"))
    assert main([OFFER, "--key-attestation-key", str(key), "--key-attestation-chain", str(chain)]) == 2
    assert re.match("error: .", capsys.readouterr().err)


def test_the_attester_is_known_by_its_thumbprint(files: tuple[Path, Path]) -> None:
    attester = Attester.from_files(files[0], None, "wallet")
    assert isinstance(attester.signer, LocalSigner)
    assert attester.signer.key_id == thumbprint(PROVIDER.signer.public_jwk)
