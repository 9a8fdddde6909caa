"""An issuer with HAIP's switch: what is turned on, and settings that break one rule, which is named (HAIP 4, 4.5.1, 6.1, 8)."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.formats.mdoc import MdocEncoder
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import CredentialIssuerMetadata, MetadataSigner, ProofType
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.dpop import Dpop
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.secret import new_secret
from oid4vci.status_list.signing import StatusListSigner
from tests import haip, mdocs
from tests.issuance import ISSUER_KEY, NoteEncoder, new_issuer, secret_keys
from tests.key_attestations import ROOT, SUB, known_attester
from tests.test_metadata_haip import issuer as published
from tests.test_metadata_haip import ldp_vc


def breaks(*requirements: str, metadata: CredentialIssuerMetadata | None = None, **settings: Any) -> str:
    """That these rules are named and no other; with the switch off, nothing of it is said."""
    with pytest.raises(ValueError, match="HAIP is not met") as caught:
        haip.issuer(metadata, **settings)
    text = str(caught.value)
    rules = text.partition("HAIP is not met: ")[2].split("; ")
    assert tuple(each.partition(":")[0] for each in rules if each.startswith("HAIP-")) == requirements, text
    for requirement in requirements:
        assert f"(HAIP {requirement.removeprefix('HAIP-').rpartition('-')[0]}" in text
    return text


@pytest.mark.spec("HAIP-3-01", "HAIP-4-08", "HAIP-4.5.1-05", "HAIP-6.1.1-02")
def test_the_switch_turns_on_what_takes_no_decision() -> None:
    issuer = haip.issuer()
    assert (issuer.bearer, issuer.dpop) == (False, Dpop(new_secret=issuer.dpop.new_secret if issuer.dpop else new_secret))
    made, mdoc = issuer.encoders["pid"], issuer.encoders["pid-mdoc"]
    assert isinstance(made, SdJwtVcEncoder)
    assert isinstance(mdoc, MdocEncoder)
    assert made.haip
    assert mdoc.haip
    for proof_type in issuer.proof_types.values():
        assert proof_type.key_attestations.require_x5c  # type: ignore[attr-defined]


def test_nothing_changes_without_it() -> None:
    off = haip.issuer(haip=False)
    assert (off.bearer, off.dpop) == (True, None)
    assert dict(off.encoders) == haip.encoders()
    assert off.proof_types["jwt"] == haip.proof_types()["jwt"]
    assert new_issuer().haip is False
    # What breaks the profile is an issuer all the same.
    assert haip.issuer(haip.metadata(nonce_endpoint=None), nonces=None, haip=False)


def test_its_place_among_the_arguments_is_its_own() -> None:
    keys = secret_keys()
    dpop = Dpop()
    positional = Issuer(
        haip.metadata(), SealedAccessTokens(keys), haip.encoders(), Nonces(keys), haip.proof_types(), None, (), dpop, False
    )
    assert (positional.dpop, positional.bearer, positional.haip) == (dpop, False, False)


@pytest.mark.spec("HAIP-3-03", "HAIP-4-16")
def test_what_is_optional_stays_so() -> None:
    issuer = haip.issuer(haip.metadata(batch_credential_issuance=None))
    assert "batch_credential_issuance" not in issuer.metadata.to_json()
    assert issuer.metadata.deferred_credential_endpoint is None


@pytest.mark.spec("HAIP-3-01")
def test_all_rules_are_named_at_once() -> None:
    metadata = haip.metadata(
        nonce_endpoint=None, credential_configurations_supported={"pid": haip.pid(scope=None)}, batch_credential_issuance=None
    )
    breaks(
        "HAIP-4.1-03",
        "HAIP-4.1-10",
        "HAIP-4-08",
        "HAIP-6.1.1-02",
        metadata=metadata,
        nonces=None,
        bearer=True,
        encoders={"pid": SdJwtVcEncoder(signer=ISSUER_KEY)},
    )


@pytest.mark.spec("HAIP-3-02", "HAIP-4-02")
def test_only_other_formats() -> None:
    breaks("HAIP-4-02", metadata=published(degree=ldp_vc()), encoders={"degree": NoteEncoder(ISSUER_KEY, format="ldp_vc")})


@pytest.mark.spec("HAIP-4.1-03", "HAIP-4.2-02")
def test_a_configuration_without_a_scope() -> None:
    """No offer of such an issuer can be made, since there is none."""
    encoders = {"pid": haip.encoder(), "other": haip.encoder()}
    text = breaks("HAIP-4.1-03", metadata=published(pid=haip.pid(), other=haip.pid(scope=None)), encoders=encoders)
    assert "credential_configurations_supported.other.scope" in text


@pytest.mark.spec("HAIP-4.2-02")
def test_whatever_is_offered_has_a_scope() -> None:
    issuer = haip.issuer()
    offer = issuer.offer(["pid", "pid-mdoc"], authorization_code=AuthorizationCodeGrant())
    supported = issuer.metadata.credential_configurations_supported
    assert all(supported[name].scope for name in offer.credential_configuration_ids)


@pytest.mark.spec("HAIP-4.1-10")
def test_key_binding_without_a_nonce_endpoint() -> None:
    breaks("HAIP-4.1-10", metadata=haip.metadata(nonce_endpoint=None), nonces=None)


@pytest.mark.spec("HAIP-4-08")
def test_bearer_tokens() -> None:
    breaks("HAIP-4-08", bearer=True)
    breaks("HAIP-4-08", dpop=None)


@pytest.mark.spec("HAIP-4-08", "HAIP-4-12")
def test_dpop_without_es256() -> None:
    breaks("HAIP-4-08", dpop=Dpop(algorithms=("PS256",)))
    assert haip.issuer(dpop=Dpop(algorithms=("ES256",)))


@pytest.mark.spec("HAIP-7-02", "HAIP-7-03")
@pytest.mark.parametrize(("name", "requirement"), [("jwt", "HAIP-7-03"), ("attestation", "HAIP-7-02")])
def test_proofs_without_es256(name: str, requirement: str) -> None:
    other = ProofType(proof_signing_alg_values_supported=("ES384",))
    metadata = published(pid=haip.pid(proof_types_supported={name: other}))
    breaks(requirement, metadata=metadata, encoders={"pid": haip.encoder()})


@pytest.mark.spec("HAIP-4.3-03")
def test_a_scope_for_two_types() -> None:
    metadata = published(pid=haip.pid(), other=haip.pid(vct="https://credentials.example/other"))
    breaks("HAIP-4.3-03", metadata=metadata, encoders={"pid": haip.encoder(), "other": haip.encoder()})


@pytest.mark.spec("HAIP-6.1.1-01", "HAIP-6.1.1-02")
def test_an_encoder_without_certificates() -> None:
    text = breaks("HAIP-6.1.1-02", encoders=haip.encoders(pid=SdJwtVcEncoder(signer=ISSUER_KEY)))
    assert "encoders.pid" in text


@pytest.mark.spec("HAIP-6.1.1-03", "HAIP-6.1.1-04")
def test_a_chain_with_an_anchor_or_a_self_signed_leaf() -> None:
    for chain in ((haip.ISSUER_LEAF, SUB, ROOT), (ROOT,)):
        with pytest.raises(ValueError, match="self-signed"):
            haip.encoder(x5c=chain)


class Other:
    """An encoder of a third party."""

    format = "dc+sd-jwt"

    def __init__(self, **members: Any) -> None:
        self.__dict__ |= members
        self.encoder = haip.encoder()

    def __getattr__(self, name: str) -> Any:
        if name == "haip":
            raise AttributeError(name)
        return getattr(self.encoder, name)


@pytest.mark.spec("HAIP-6.1.1-02")
def test_an_encoder_of_somebody_else_must_say_that_it_knows_the_profile() -> None:
    breaks("HAIP-6.1.1-02", encoders=haip.encoders(pid=Other()))
    breaks("HAIP-6.1.1-02", encoders=haip.encoders(pid=Other(haip=False)))
    other = Other(haip=True)
    assert haip.issuer(encoders=haip.encoders(pid=other)).encoders["pid"] is other


@pytest.mark.spec("HAIP-8-01")
def test_another_digest_algorithm() -> None:
    breaks("HAIP-8-01", encoders=haip.encoders(pid=haip.encoder(hash_algorithm="sha-512")))
    breaks("HAIP-8-01", encoders=haip.encoders(**{"pid-mdoc": mdocs.encoder(digest_algorithm="SHA-384")}))


@pytest.mark.spec("HAIP-6.1-03", "HAIP-6.1-04")
def test_a_credential_without_an_end_is_not_issued() -> None:
    issuer = haip.issuer(encoders=haip.encoders(pid=haip.encoder(lifetime=None)))
    configuration = issuer.metadata.credential_configurations_supported["pid"]
    arguments: dict[str, Any] = {
        "configuration": configuration, "issuer": issuer.identifier, "now": 1_800_000_000, "new_secret": new_secret,
        "holder_keys": [public_key(haip.HOLDERS[0].public_jwk)],
    }  # fmt: skip
    with pytest.raises(ValueError, match="exp or a status"):
        issuer.encoders["pid"].draft({"a": 1}, **arguments)
    status = {"status": {"status_list": {"idx": 7, "uri": haip.STATUSES}}}
    assert issuer.encoders["pid"].draft({"a": 1}, copies=[status], **arguments)


@pytest.mark.spec("HAIP-5.3.1-03")
def test_an_mdoc_has_a_status_that_mdocs_know() -> None:
    encoder = haip.issuer().encoders["pid-mdoc"]
    arguments: dict[str, Any] = {
        "configuration": mdocs.configuration(mdocs.PID), "issuer": "https://issuer.example", "now": mdocs.NOW,
        "new_secret": new_secret, "holder_keys": [mdocs.HOLDER],
    }  # fmt: skip
    unknown = [{"status": {"x-mechanism": {"id": 1}}}]
    with pytest.raises(ValueError, match=r"HAIP 5\.3\.1"):
        encoder.draft(mdocs.PERSON, copies=unknown, **arguments)
    assert mdocs.encoder().draft(mdocs.PERSON, copies=unknown, **arguments)
    assert encoder.draft(mdocs.PERSON, copies=[{"status": {"identifier_list": {"id": b"1", "uri": "https://a"}}}], **arguments)
    assert encoder.draft(mdocs.PERSON, **arguments)


@pytest.mark.spec("HAIP-4.5.1-05")
def test_attesters_that_are_known_by_their_keys() -> None:
    text = breaks("HAIP-4.5.1-05", proof_types={**haip.proof_types(), "jwt": JwtProofType(key_attestations=known_attester())})
    assert "proof_types.jwt" in text
    both = KeyAttestations(anchors=haip.ANCHORS, attesters=known_attester().attesters)
    breaks("HAIP-4.5.1-05", proof_types={**haip.proof_types(), "jwt": JwtProofType(key_attestations=both)})
    decided = JwtProofType(key_attestations=KeyAttestations(anchors=haip.ANCHORS, require_x5c=True))
    assert haip.issuer(proof_types={**haip.proof_types(), "jwt": decided})


@pytest.mark.spec("HAIP-4.5.1-08")
def test_a_proof_type_of_somebody_else_is_left_alone() -> None:
    types = haip.proof_types()
    assert haip.issuer(proof_types={**types, "x-proof": types["jwt"]}).proof_types.keys() == {*types, "x-proof"}
    unattested = JwtProofType()
    assert haip.issuer(proof_types={**types, "x-proof": unattested}).proof_types["x-proof"] is unattested


@pytest.mark.spec("HAIP-3-01")
def test_the_switch_cannot_be_evolved_around() -> None:
    for changed in ({"bearer": True}, {"dpop": None}, {"metadata": haip.metadata(nonce_endpoint=None), "nonces": None}):
        with pytest.raises(ValueError, match="HAIP is not met"):
            evolve(haip.issuer(), **changed)
    with pytest.raises(ValueError, match="HAIP is not met"):
        evolve(new_issuer(), haip=True)


@pytest.mark.spec("HAIP-4.1-05")
def test_signed_metadata_have_their_certificate() -> None:
    breaks("HAIP-4.1-05", signed_metadata=MetadataSigner(signer=ISSUER_KEY))
    assert haip.issuer(signed_metadata=MetadataSigner(signer=haip.ISSUER_SIGNER, x5c=(haip.ISSUER_LEAF, SUB)))


@pytest.mark.spec("HAIP-6.1-08")
def test_a_status_list_has_its_certificate() -> None:
    key = LocalSigner.generate("statuses")
    with pytest.raises(ValueError, match=r"HAIP-6\.1-08"):
        StatusListSigner(signer=key, haip=True)
    assert StatusListSigner(signer=key)
    assert StatusListSigner(signer=haip.ISSUER_SIGNER, x5c=(haip.ISSUER_LEAF, SUB), haip=True)
