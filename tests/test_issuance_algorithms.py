"""RSA and ML-DSA from end to end: proofs, what credentials are bound to, what signs them, status lists and access tokens."""

from bisect import bisect_left
from typing import Any

import pytest
from attrs import evolve

from oid4vci import _jose
from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.errors import InvalidCredential, InvalidRequest, InvalidToken, StatusUnknown
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.formats.ldp_vc import LdpVcEncoder
from oid4vci.formats.mdoc import MdocEncoder
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.keys import LocalSigner, public_key, public_keys, published_jwks
from oid4vci.metadata import ProofType
from oid4vci.oauth.access_tokens import MAX_TOKEN
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens, TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import MAX_PROOF
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.proof_type import Intended
from oid4vci.secret import new_secret
from oid4vci.status_list import CWT, JWT, StatusChecker, StatusListSigner
from oid4vci.x509 import encode_x5c
from tests import linked_credentials, mdocs, status_lists, test_jwt_access_tokens, test_sd_jwt_vc, w3c_credentials
from tests.external_server import SERVER
from tests.issuance import CLIENT, IDENTIFIER, NOW, Issuance, Proof, configuration, issuance, issuer_metadata, order_of, refused
from tests.signers import ML_DSA_NAMES, RSA, signer_for
from tests.test_x509 import SUB, SUB_KEY, certificate

# Of those that go by default, and of those that do not.
ALGORITHMS = ("PS256", "PS512", "RS256", *ML_DSA_NAMES)
HOLDERS = {name: public_key(signer_for(name).public_jwk) for name in ("PS256", *ML_DSA_NAMES)}
CURVED = public_key(LocalSigner.generate("holder").public_jwk)


def world(*algorithms: str) -> Issuance:
    """An issuer whose `note` takes `jwt` proofs by these algorithms."""
    supported = {name: configuration("ES256") for name in ("other", "badge")}
    supported |= {"note": configuration(*algorithms), "object": configuration(format="x-object")}
    return issuance(metadata=issuer_metadata(credential_configurations_supported=supported))


# --- proofs -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_credential_for_a_proof_by_an_algorithm_that_is_listed(name: str) -> None:
    at, holder = world("ES256", name), signer_for(name)
    response = at.credential(at.token(), order_of(Proof(at.nonce(), holder)))
    assert response.status == 200, response.body
    (made,) = response.json()["credentials"]
    assert _jose.parse(made["credential"]).claims()["cnf"] == {"jwk": dict(holder.public_jwk)}
    # Another one beside it: each key once, each of its kind.
    at = world("ES256", name)
    assert at.credential(at.token(), order_of(Proof(nonce := at.nonce(), holder), Proof(nonce))).status == 200


@pytest.mark.spec("VCI-F.1-24", "VCI-F.4-03")
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_proof_by_an_algorithm_that_is_not_listed(name: str) -> None:
    others = [other for other in _jose.ALGORITHMS if other != name]
    at = world(*others)
    token, before = at.token(), at.host.rows
    body = refused(at.credential(token, order_of(Proof(at.nonce(), signer_for(name)))), "invalid_proof")
    assert "alg is not an accepted algorithm" in body["error_description"]
    assert at.host.rows == before


@pytest.mark.spec("VCI-F.1-02", "VCI-F.4-03")
@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_is_wrong_with_a_proof(name: str) -> None:
    at, holder = world(*ALGORITHMS, "ES256"), signer_for(name)
    token, nonce = at.token(), at.nonce()
    before = at.host.rows
    other = LocalSigner.generate("other", name)
    jwk = dict(holder.public_jwk)
    material = "pub" if jwk["kty"] == "AKP" else "n"
    broken: list[Proof | str] = [
        Proof(nonce, holder, signer=other),
        Proof(nonce, holder, header={"alg": "ES256"}),
        Proof(nonce, holder, header={"alg": "none"}),
        Proof(nonce, holder, header={"alg": "HS256"}),
        Proof(nonce, holder, header={"alg": "PS384"}),
        Proof(nonce, holder, header={"jwk": {**jwk, "alg": "PS384"}}),
        Proof(nonce, holder, header={"jwk": dict(CURVED.jwk)}),
        Proof(nonce, holder, header={"jwk": {**jwk, material: jwk[material][:-4]}}),
        Proof(nonce, holder, header={"jwk": {**jwk, material: None}}),
        Proof(nonce, holder, header={"jwk": {**jwk, "priv": "AA"}}),
        str(Proof(nonce, holder))[:-2],
    ]
    for each in broken:
        refused(at.credential(token, order_of(each)), "invalid_proof")
        assert at.host.rows == before
    assert at.credential(token, order_of(Proof(nonce, holder))).status == 200


@pytest.mark.parametrize("name", _jose.ALGORITHMS)
def test_proofs_that_we_make_are_taken(name: str) -> None:
    at, holder = world(name), signer_for(name)
    intended = Intended(audience=IDENTIFIER, client_id=CLIENT, nonce=at.nonce(), now=NOW)
    (proof,) = JwtProofMaker().draft([HolderKey(holder)], intended).finish()
    assert len(proof) < MAX_PROOF
    assert at.credential(at.token(), order_of(proof)).status == 200


# --- what a credential can be bound to ----------------------------------------------------------------------------------------


def listing(*algorithms: str) -> dict[str, Any]:
    terms = ProofType(proof_signing_alg_values_supported=algorithms)
    return {"cryptographic_binding_methods_supported": ("did:key", "did:jwk", "jwk"), "proof_types_supported": {"jwt": terms}}


@pytest.mark.parametrize("name", HOLDERS)
def test_an_mdoc_is_bound_to_a_key_on_a_curve(name: str) -> None:
    encoder, asked = mdocs.encoder(), mdocs.configuration()
    assert encoder.binds(CURVED, configuration=asked)
    assert not encoder.binds(HOLDERS[name], configuration=asked)
    encoder.check(asked)
    terms = {"jwt": ProofType(proof_signing_alg_values_supported=("ES256", name))}
    with pytest.raises(ValueError, match=f"so {name} is not for proofs of it"):
        encoder.check(mdocs.configuration(proof_types_supported=terms))
    with pytest.raises(ValueError, match="no COSE_Key here"):
        encoder.draft(
            mdocs.LICENCE,
            configuration=mdocs.configuration(),
            issuer=IDENTIFIER,
            holder_keys=[HOLDERS[name]],
            now=mdocs.NOW,
            new_secret=new_secret,
        )


@pytest.mark.parametrize("name", HOLDERS)
def test_a_did_key_is_on_a_curve(name: str) -> None:
    for encoder, asked in (
        (linked_credentials.encoder(), linked_credentials.CONFIGURATION),
        (JwtVcEncoder(signer=w3c_credentials.SIGNER, binding="did:key"), w3c_credentials.CONFIGURATIONS["jwt_vc_json"]),
        (VcJwtEncoder(signer=w3c_credentials.SIGNER, binding="did:key"), w3c_credentials.CONFIGURATIONS["vc+jwt"]),
    ):
        assert encoder.binds(CURVED, configuration=asked)
        assert not encoder.binds(HOLDERS[name], configuration=asked)
        encoder.check(evolve(asked, **listing("ES256", "EdDSA")))
        with pytest.raises(ValueError, match=f"so {name} is not for proofs of it"):
            encoder.check(evolve(asked, **listing("ES256", name)))
        with pytest.raises(ValueError, match="no Multikey here"):
            encoder.draft(
                w3c_credentials.CLAIMS,
                configuration=asked,
                issuer=IDENTIFIER,
                holder_keys=[HOLDERS[name]],
                now=NOW,
                new_secret=new_secret,
            )


@pytest.mark.parametrize("name", HOLDERS)
def test_a_did_jwk_has_every_key_that_is_not_too_large(name: str) -> None:
    key = HOLDERS[name]
    asked = w3c_credentials.CONFIGURATIONS["vc+jwt"]
    encoder = VcJwtEncoder(signer=w3c_credentials.SIGNER, binding="did:jwk")
    assert encoder.binds(key, configuration=asked) is (name != "ML-DSA-87")
    encoder.check(evolve(asked, **listing("ES256", name)))
    if encoder.binds(key, configuration=asked):
        (made,) = w3c_credentials.issue(encoder, keys=[key])
        assert w3c_credentials.check(VcJwtVerifier(), made, holder_keys=[key]).holder_key == key


@pytest.mark.parametrize("name", HOLDERS)
def test_a_key_itself_can_be_any(name: str) -> None:
    key, asked = HOLDERS[name], test_sd_jwt_vc.CONFIGURATION
    encoder = SdJwtVcEncoder(signer=test_sd_jwt_vc.SIGNER)
    assert encoder.binds(key, configuration=asked)
    assert encoder.binds(CURVED, configuration=asked)
    (made,) = test_sd_jwt_vc.issue(encoder, keys=(key,))
    assert test_sd_jwt_vc.check(made, holder_keys=(key,)).holder_key == key
    bound = JwtVcEncoder(signer=w3c_credentials.SIGNER)
    assert bound.binds(key, configuration=asked)
    (made,) = w3c_credentials.issue(bound, keys=(key,))
    assert w3c_credentials.check(JwtVcVerifier(), made, holder_keys=(key,)).holder_key == key


# --- what signs credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_credential_signed_by_an_algorithm_that_is_listed(name: str) -> None:
    signer = signer_for(name, "issuer-1")
    asked = evolve(test_sd_jwt_vc.CONFIGURATION, credential_signing_alg_values_supported=(name,))
    (made,) = test_sd_jwt_vc.issue(SdJwtVcEncoder(signer=signer), configuration=asked)
    documents = test_sd_jwt_vc.documents({**signer.public_jwk, "kid": "issuer-1"})
    assert test_sd_jwt_vc.check(made, configuration=asked, documents=documents).issuer == test_sd_jwt_vc.ISSUER
    silent = evolve(asked, credential_signing_alg_values_supported=None)
    for other in (silent, test_sd_jwt_vc.CONFIGURATION, None):
        if name in _jose.DEFAULT_ALGORITHMS and other is not test_sd_jwt_vc.CONFIGURATION:
            assert test_sd_jwt_vc.check(made, configuration=other, documents=documents)
        else:
            with pytest.raises(InvalidCredential, match="alg is not an accepted algorithm"):
                test_sd_jwt_vc.check(made, configuration=other, documents=documents)


@pytest.mark.parametrize("name", ["PS256", "RS256"])
def test_a_credential_with_a_certificate_for_an_rsa_key(name: str) -> None:
    signer = signer_for(name)
    asked = evolve(test_sd_jwt_vc.CONFIGURATION, credential_signing_alg_values_supported=(name,))
    leaf = certificate("rsa", RSA._private_key, "sub", SUB_KEY)  # type: ignore[arg-type]  # RSA
    encoder = SdJwtVcEncoder(signer=signer, x5c=(leaf, SUB), include_issuer=False)
    (made,) = test_sd_jwt_vc.issue(encoder, configuration=asked)
    verified = test_sd_jwt_vc.check(made, configuration=asked, documents={})
    assert verified.issuer_certificate == leaf
    with pytest.raises(ValueError, match="for the signer's key"):
        SdJwtVcEncoder(signer=LocalSigner.generate("other", name), x5c=(leaf, SUB))
    head = _jose.signing_input({"alg": "ES256", "typ": "dc+sd-jwt", "x5c": encode_x5c([leaf, SUB])}, b"{}")
    with pytest.raises(InvalidCredential):
        test_sd_jwt_vc.check(f"{head.decode()}.{b64url_encode(RSA.sign(head))}~", configuration=None, documents={})


@pytest.mark.parametrize("name", ALGORITHMS)
def test_encoders_of_formats_that_have_no_such_signatures(name: str) -> None:
    signer = signer_for(name)
    with pytest.raises(ValueError, match="not an algorithm for COSE here"):
        MdocEncoder(signer=signer, x5c=[mdocs.SIGNER_CERTIFICATE])
    with pytest.raises(ValueError, match="needs a key on P-256 or P-384"):
        LdpVcEncoder(signer=signer)
    with pytest.raises(ValueError, match="needs a key on Ed25519"):
        LdpVcEncoder(signer=signer, cryptosuite="eddsa-rdfc-2022")


# --- status lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_status_list_signed_by_an_algorithm_that_a_setting_names(name: str) -> None:
    signing = StatusListSigner(signer=signer_for(name, "issuer-1"))
    body = status_lists.made(JWT, signing)
    metadata = dump_bytes({"issuer": status_lists.ISSUER, "jwks": published_jwks([signing.signer])})
    assert status_lists.status(body, checker=StatusChecker(algorithms=[name]), metadata=metadata).value == 1
    with pytest.raises(ValueError, match="not an algorithm for COSE here"):
        status_lists.made(CWT, signing)
    for checker in (StatusChecker(), StatusChecker(algorithms=["ES256"])):
        if name not in checker.algorithms:
            with pytest.raises(StatusUnknown, match="alg is not an accepted algorithm"):
                status_lists.check(body, metadata=metadata, checker=checker)


def test_a_cwt_is_signed_by_an_algorithm_that_a_setting_names() -> None:
    assert status_lists.status(status_lists.cwt()).value == 1
    with pytest.raises(StatusUnknown, match="alg is not an accepted algorithm"):
        status_lists.check(status_lists.cwt(), checker=StatusChecker(algorithms=["EdDSA", "PS256"]))


# --- access tokens --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_access_token_by_an_algorithm_that_a_setting_names(name: str) -> None:
    """RSA of every kind is taken from other servers unless a setting says otherwise (RFC 9068 2.1), ML-DSA is not."""
    signer = signer_for(name, "as-1")
    token = test_jwt_access_tokens.minted(JwtAccessTokens(signer, issuer=SERVER))
    for algorithms in ((name,), None, ("ES256",)):
        server = TrustedAuthorizationServer(issuer=SERVER, keys=public_keys(published_jwks([signer])))
        server = server if algorithms is None else evolve(server, algorithms=algorithms)
        read = TrustedJwtAccessTokens(servers=(server,)).read(token, credential_issuer=IDENTIFIER)
        if name in server.algorithms:
            assert read.verify({}, keys={}, now=NOW).subject == "ada"
        else:
            with pytest.raises(InvalidToken, match="alg is not an accepted algorithm"):
                read.verify({}, keys={}, now=NOW)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_room_is_left_for_the_signature_of_a_token(name: str) -> None:
    mint = JwtAccessTokens(signer_for(name, "as-1"), issuer=SERVER)

    def size(subject: int) -> int:
        """Of a token for a subject of that many letters; 0 if it is refused."""
        try:
            return len(test_jwt_access_tokens.minted(mint, data={"subject": "a" * subject}))
        except InvalidRequest:
            return 0

    largest = bisect_left(range(MAX_TOKEN), 1, key=lambda subject: size(subject) == 0) - 1
    assert MAX_TOKEN - 3 <= size(largest) <= MAX_TOKEN
