"""Which proofs a Wallet makes for an issuer, and how keys are named in them (OID4VCI 12.2.4, F): what goes over the wire."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from attrs import frozen

from oid4vci.dids import DID_METHODS, resolve
from oid4vci.drive import run
from oid4vci.keys import LocalSigner, RemoteSigner, Signer, SigningInput, public_key
from oid4vci.metadata import AlgorithmIdentifier, KeyAttestationsRequired
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.proofs.proof_type import Intended, UnsignedProofs
from oid4vci.wallet import Issued, Order
from tests.interop.parties import Party
from tests.scripted_server import HOLDER_KEYS, ISSUER, NOW, Server
from tests.wallet_proofs import OKP, credentials_for, ordered, read, remote, sent, server, signatures, taken

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
JWT = {"jwt": taken("ES256", "EdDSA")}


def did(method: str, signer: Signer) -> str:
    known = DID_METHODS[method]
    return known.verification_method(known.did(public_key(signer.public_jwk)))


def obtained(issuer: Server, order: Order, *keys: Signer | HolderKey, **arguments: Any) -> Issued:
    """What comes when the keys, wherever they are, have signed."""
    proofs = order.prove(keys, now=NOW, **arguments)
    result = run(proofs.submit(signatures(proofs)), issuer)
    assert isinstance(result, Issued)
    return result


# --- what may be chosen -----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-57", "VCI-12.2.4-63")
def test_the_choices_are_those_of_issuer_and_wallet_the_preferred_first() -> None:
    types = {
        "di_vp": taken("x-suite", "eddsa-jcs-2022"),
        "attestation": taken("ES384", attested={"key_storage": ["x"]}),
        "x-other": taken(),
        "jwt": taken("ES256", "x"),
    }
    jwt, attestation, di_vp = ordered(server(types, ("did:web", "jwk"))).proof_choices
    assert (jwt.type, jwt.algorithms, jwt.key_algorithms) == ("jwt", ("ES256", "x"), ("ES256",))
    assert (jwt.key_attestations_required, jwt.key_attestation_needed) == (None, False)
    assert (attestation.type, attestation.algorithms, attestation.key_algorithms) == ("attestation", ("ES384",), None)
    assert attestation.key_attestations_required == KeyAttestationsRequired(key_storage=("x",))
    assert attestation.key_attestation_needed
    assert (di_vp.type, di_vp.algorithms, di_vp.dids_only) == ("di_vp", ("x-suite", "eddsa-jcs-2022"), True)
    assert "EdDSA" in (di_vp.key_algorithms or ())
    assert (jwt.plain_keys, jwt.did_methods, jwt.dids_only) == (True, ("did:web",), False)


def test_the_preference_is_the_wallets() -> None:
    issuer, makers = server({**JWT, "attestation": taken()}), {name: PROOF_MAKERS[name] for name in ("attestation", "jwt")}
    assert [choice.type for choice in ordered(issuer, proof_makers=makers).proof_choices] == ["attestation", "jwt"]
    assert [choice.type for choice in ordered(issuer).proof_choices] == ["jwt", "attestation"]


def test_algorithms_are_those_of_the_preferred_choice() -> None:
    assert ordered(server(JWT)).proof_algorithms == ("ES256", "EdDSA")
    assert ordered(server({"attestation": taken("ES384")})).proof_algorithms is None


@pytest.mark.spec("VCI-12.2.4-59", "VCI-12.2.4-60")
@pytest.mark.parametrize("name", ["x-other", "JWT", "cwt"])
def test_an_unknown_proof_type_is_ignored_and_alone_of_no_use(name: str) -> None:
    issuer = server({name: taken(), **JWT}, ["jwk"], credentials_for(FIRST))
    obtained(issuer, ordered(issuer), FIRST)
    assert list(sent(issuer)[0]) == ["jwt"]
    order = ordered(server({name: taken()}))
    assert order.proof_choices == ()
    for refused in (lambda: order.prove([FIRST], now=NOW), lambda: order.proof_algorithms):
        with pytest.raises(ValueError, match=rf"types {name} \(ES256\) only, and the Wallet makes none"):
            refused()


def test_a_type_can_be_insisted_on() -> None:
    order = ordered(server(JWT))
    assert order.prove([FIRST], now=NOW, proof_type="jwt").proof_type == "jwt"
    for name in ("attestation", "x-other"):
        with pytest.raises(ValueError, match=rf"types jwt \(ES256, EdDSA\) only, .* cannot make {name}"):
            order.prove([FIRST], now=NOW, proof_type=name)


def test_what_misfits_is_said_of_each_type() -> None:
    types = {"jwt": taken("ES256"), "attestation": taken("ES256"), "x-note": taken(-7)}
    order = ordered(server(types), proof_makers={**PROOF_MAKERS, "x-note": NoteMaker()})
    with pytest.raises(
        ValueError, match=r"jwt: the issuer accepts ES256, not EdDSA; attestation: .* a key attestation; x-note: .* not EdDSA"
    ):
        order.prove([OKP], now=NOW)


@pytest.mark.parametrize("arguments", [{"proof_type": "jwt"}, {"key_attestation": "x"}])
def test_without_proof_types_nothing_is_proved(arguments: Any) -> None:
    order = ordered(server(None, None))
    assert order.proof_choices == ()
    with pytest.raises(ValueError, match="bound to none"):
        order.prove([], now=NOW, **arguments)
    with pytest.raises(ValueError, match="0 signatures"):
        order.prove([], now=NOW).submit([b""])


def test_keys_without_proof_types_cannot_be_proved() -> None:
    with pytest.raises(ValueError, match="how to prove a key"):
        ordered(server(None, ("jwk",))).prove([FIRST], now=NOW)


# --- a third party's ----------------------------------------------------------------------------------------------------------


@frozen
class UnsignedNotes:
    """One line each."""

    keys: Sequence[HolderKey]
    lines: Sequence[bytes]

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        pairs = zip(self.keys, self.lines, strict=True)
        return tuple(SigningInput(key.signer.key_id, key.signer.algorithm, line) for key, line in pairs)

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        return [[line.decode(), signature.hex()] for line, signature in zip(self.lines, signatures, strict=True)]


@frozen
class NoteMaker:
    """A proof type that nobody has heard of."""

    signs: bool = True
    dids_only: bool = False

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        return ("ES256",) if -7 in supported else ()

    def draft(self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None) -> UnsignedProofs:
        said = f"{intended.audience} {intended.client_id} {intended.nonce} {intended.now} {intended.algorithms}"
        return UnsignedNotes(keys, [f"{said} {key_attestation}".encode() for _ in keys])


@pytest.mark.spec("VCI-12.2.4-59", "VCI-12.2.4-60", "VCI-8.2-12", "HAIP-4.5.1-08")
def test_a_third_partys_type_is_used_when_it_is_among_the_makers() -> None:
    issuer = server({"x-note": taken(-7)}, ("jwk",), credentials_for(FIRST))
    order = ordered(issuer, proof_makers={**PROOF_MAKERS, "x-note": NoteMaker()})
    assert order.proof_algorithms == ("ES256",)
    obtained(issuer, order, FIRST)
    ((name, ((line, signature),)),) = sent(issuer)[0].items()
    assert (name, line) == ("x-note", f"{ISSUER} wallet nonce-1 {NOW} (-7,) None")
    assert len(bytes.fromhex(signature)) == 64


def test_a_type_of_whose_algorithms_none_can_be_made_is_no_choice() -> None:
    order = ordered(server({"x-note": taken(-8)}), proof_makers={**PROOF_MAKERS, "x-note": NoteMaker()})
    assert order.proof_choices == ()


# --- keys and their names -----------------------------------------------------------------------------------------------------


@pytest.mark.spec(
    "VCI-12.2.4-56", "VCI-F.1-05", "VCI-F.1-07", "VCI-F.1-09", "VCI-F.1-17", "VCI-F.1-18", "VCI-8.2-20", "VCI-8.2-21"
)
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("signer", [FIRST, OKP])
@pytest.mark.parametrize(
    ("methods", "name"),
    [
        (["jwk"], "jwk"),
        (["cose_key"], "jwk"),
        (["did:key", "jwk"], "jwk"),
        (["did:key"], "did:key"),
        (["did:jwk"], "did:jwk"),
        (["did:web", "did:jwk", "did:key"], "did:jwk"),
        (["JWK", "did:key"], "did:key"),
        (None, "jwk"),
    ],
)
def test_a_key_is_named_as_the_issuer_binds(methods: list[str] | None, name: str, signer: LocalSigner, elsewhere: bool) -> None:
    issuer = server(JWT, methods, credentials_for(signer))
    issued = obtained(issuer, ordered(issuer), remote(signer) if elsewhere else signer)
    ((kind, (token,)),) = sent(issuer)[0].items()
    header, claims = read(token, signer)
    named = {"jwk": signer.public_jwk} if name == "jwk" else {"kid": did(name.removeprefix("did:"), signer)}
    # Whatever a JWK could say beside its key, issuers have refused: `alg` is in the header alone.
    assert (kind, header) == ("jwt", {"typ": "openid4vci-proof+jwt", "alg": signer.algorithm, **named})
    assert claims == {"aud": ISSUER, "iat": NOW, "nonce": "nonce-1", "iss": "wallet"}
    (key,) = issued.holder_keys
    assert key == public_key(signer.public_jwk)
    assert key.did_url == named.get("kid")
    assert key.did_url is None or resolve(str(key.did_url)) == key


WEB = HolderKey(FIRST, did_url="did:web:wallet.example#key-1")
CERTIFIED = Party("https://wallet.example")
BY_CERTIFICATE = HolderKey(CERTIFIED.signer, x5c=[CERTIFIED.leaf])


@pytest.mark.spec("VCI-F.1-04")
def test_a_did_of_ones_own_is_the_name_if_its_method_is_listed() -> None:
    issuer = server(JWT, ["jwk", "did:web"], credentials_for(FIRST))
    issued = obtained(issuer, ordered(issuer), WEB)
    header, _ = read(sent(issuer)[0]["jwt"][0], FIRST)
    assert (header["kid"], issued.holder_keys[0].did_url) == ("did:web:wallet.example#key-1", "did:web:wallet.example#key-1")


@pytest.mark.spec("VCI-F.1-08")
def test_a_certified_key_is_named_by_its_certificates() -> None:
    issuer = server(JWT, ["jwk"], credentials_for(CERTIFIED.signer))
    obtained(issuer, ordered(issuer), BY_CERTIFICATE)
    header, _ = read(sent(issuer)[0]["jwt"][0], CERTIFIED.signer)
    assert header == {"typ": "openid4vci-proof+jwt", "alg": "ES256", "x5c": CERTIFIED.x5c}


@pytest.mark.spec("VCI-12.2.4-56")
@pytest.mark.parametrize(
    ("methods", "key", "name"),
    [
        (["jwk"], WEB, "did:web"),
        (["jwk", "did:key", "did:web:wallet.example"], WEB, "did:web"),
        (None, WEB, "did:web"),
        (["did:web"], FIRST, "plain keys"),
        (["x"], FIRST, "plain keys"),
        (["did:key"], BY_CERTIFICATE, "certified keys"),
    ],
)
def test_a_key_that_has_no_name_for_the_issuer_is_refused(methods: list[str] | None, key: Any, name: str) -> None:
    order = ordered(server(JWT, methods))
    with pytest.raises(ValueError, match=f"binds Credentials to {', '.join(methods or ['jwk'])} only, not to {name}"):
        order.prove([key], now=NOW)


@pytest.mark.spec("VCI-12.2.4-62")
@pytest.mark.parametrize("key", [OKP, remote(OKP), HolderKey(OKP), LocalSigner.generate("k", "ES384")])
def test_a_key_signs_by_an_algorithm_that_the_issuer_accepts(key: Any) -> None:
    algorithm = key.signer.algorithm if isinstance(key, HolderKey) else key.algorithm
    with pytest.raises(ValueError, match=f"the issuer accepts ES256, not {algorithm}"):
        ordered(server({"jwt": taken("ES256", -7)})).prove([FIRST, key], now=NOW)


@pytest.mark.parametrize("methods", [["jwk"], ["did:key"]])
def test_one_key_under_two_names_is_one_key(methods: list[str]) -> None:
    order = ordered(server(JWT, [*methods, "did:web"]))
    pairs: list[list[Signer | HolderKey]] = [[FIRST, WEB], [WEB, remote(FIRST)], [FIRST, FIRST]]
    for twice in pairs:
        with pytest.raises(ValueError, match="a key of its own"):
            order.prove(twice, now=NOW)


@pytest.mark.parametrize("keys", [[], list(HOLDER_KEYS)])
def test_the_number_of_keys_is_that_of_the_batch(keys: list[LocalSigner]) -> None:
    with pytest.raises(ValueError, match="the number of keys must be 1 to 3"):
        ordered(server(JWT)).prove(keys, now=NOW)


@pytest.mark.spec("VCI-8.2-12", "VCI-8.2-13")
def test_keys_of_both_kinds_sign_in_one_request() -> None:
    issuer = server(JWT, ["did:key"], credentials_for(THIRD, FIRST, OKP))
    proofs = ordered(issuer).prove([FIRST, remote(OKP), HolderKey(remote(THIRD))], now=NOW)
    assert [(each.key_id, each.algorithm) for each in proofs.to_sign] == [("okp", "EdDSA"), ("holder-2", "ES256")]
    assert isinstance(run(proofs.submit(signatures(proofs)), issuer), Issued)
    ((_, tokens),) = sent(issuer)[0].items()
    for token, signer in zip(tokens, (FIRST, OKP, THIRD), strict=True):
        assert read(token, signer)[0]["kid"] == did("key", signer)


def test_a_key_stays_where_it_is() -> None:
    proofs = ordered(server(JWT, ["did:key"])).prove([remote(FIRST)], now=NOW)
    assert isinstance(proofs.keys[0].signer, RemoteSigner)
    assert proofs.keys == (HolderKey(remote(FIRST), did_url=did("key", FIRST)),)
