"""`di_vp` proofs: when they were made, whose keys they name, what signatures over linked data cover (OID4VCI F.2, F.4)."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.data_integrity import CRYPTOSUITES, Contexts, secured
from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.di_vp import MAX_PRESENTATION, MAX_TOGETHER, DiVpProofType
from oid4vci.proofs.proof_type import Expected
from tests.issuance import CLIENT, IDENTIFIER, NOW, Host, refused
from tests.presentations import (
    ANOTHER,
    DATA_INTEGRITY,
    HOLDER,
    HOLDERS,
    JCS,
    V1,
    V2,
    accepted,
    broken,
    changed,
    did,
    did_url,
    order_of,
    presentation,
    world,
)

BOTH = pytest.mark.parametrize("holder", [HOLDER, JCS], ids=["rdfc", "jcs"])
WEB = "did:web:holder.example"
WEB_KEY = f"{WEB}#key-1"
READER = DiVpProofType()


def expected(**members: Any) -> Expected:
    values: dict[str, Any] = {
        "audience": IDENTIFIER,
        "client_id": CLIENT,
        "algorithms": tuple(CRYPTOSUITES),
        "binding_methods": ("did:key", "did:jwk", "did:web"),
        "now": NOW,
        "max_keys": 1000,
        **members,
    }
    return Expected(**values)


def verify(made: Sequence[Any], *, keys: ResolvedKeys | None = None, **members: Any) -> tuple[PublicKey, ...]:
    return READER.read(made).verify(expected(**members), keys=keys or {}, statuses={}).keys


def date(seconds: int) -> str:
    """`NOW` and some more seconds."""
    minutes, second = divmod(8 * 3600 + seconds, 60)
    return f"2027-01-15T{minutes // 60:02}:{minutes % 60:02}:{second:02}Z"


# --- when it was made ---------------------------------------------------------------------------------------------------------


def created(value: Any) -> Callable[[str], Any]:
    return lambda nonce: presentation(nonce, options={"created": value})


@pytest.mark.spec("VCI-F.4-07")
@pytest.mark.parametrize("value", [date(-300), date(0), date(60), "2027-01-15T09:00:00.5+01:00", ...])
def test_it_was_made_a_short_while_ago(value: Any) -> None:
    """Without `created`, the nonce says so."""
    where = world()
    accepted(where, created(value)(where.nonce()))


@pytest.mark.spec("VCI-F.4-07")
@pytest.mark.parametrize("value", [date(-301), date(61), "2026-01-15T08:00:00Z", "2037-01-15T08:00:00Z"])
def test_it_was_not_made_long_ago_or_later(value: Any) -> None:
    broken(created(value), ".proof.created")


@pytest.mark.parametrize("value", [None, "", NOW, str(NOW), "yesterday", "2027-01-15", [date(0)], "2027-13-15T08:00:00Z"])
@BOTH
def test_times_are_times(holder: LocalSigner, value: Any) -> None:
    for name in ("created", "expires"):
        broken(lambda nonce, name=name: changed(presentation(nonce, holder), {name: value}), f".proof.{name}")  # type: ignore[misc]


def test_it_has_not_expired() -> None:
    where = world()
    accepted(where, presentation(where.nonce(), options={"expires": date(-59)}))
    for value in (date(-60), date(-86_400 // 4)):
        broken(lambda nonce, value=value: presentation(nonce, options={"expires": value}), ".proof.expires")  # type: ignore[misc]


@pytest.mark.spec("VCI-F.4-07", "VCI-F.2-10")
def test_without_a_nonce_the_time_shows_that_it_is_fresh() -> None:
    where = world(nonces=False)
    accepted(where, presentation(None))
    for value in (..., date(-301), date(61)):
        made = presentation(None, options={"created": value})
        body = refused(where.credential(where.token("note"), order_of(made)), "invalid_proof")
        assert body["error_description"].startswith("proofs.di_vp[0].proof.created: ")


def test_the_window_is_a_setting() -> None:
    narrow = world(proof_type=DiVpProofType(max_age=10, max_skew=5))
    accepted(narrow, created(date(-10))(narrow.nonce()))
    broken(created(date(-11)), ".proof.created", where=narrow)
    broken(created(date(6)), ".proof.created", where=narrow)
    # Only the nonce bounds the age; without one, nothing would.
    unbounded = DiVpProofType(max_age=None)
    where = world(proof_type=unbounded)
    accepted(where, created("2020-01-15T08:00:00Z")(where.nonce()))
    broken(created(date(61)), ".proof.created", where=where)
    without = world(proof_type=unbounded, nonces=False)
    refused(without.credential(without.token("note"), order_of(presentation(None))), "invalid_proof")


# --- whose key it is ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.4-01")
@BOTH
@pytest.mark.parametrize(
    "value",
    [
        *(..., None, "", 1, [did_url()], {"id": did_url()}, did(), f"{did()}#", "#key-1", "did:key", "did::#x", "did:key:#x"),
        *("https://holder.example#key-1", "urn:uuid:1#x", "z6Mk", "did:web:holder.example:é#key-1"),
    ],
)
def test_the_key_is_named_by_a_did_url(holder: LocalSigner, value: Any) -> None:
    """An https URL is a controller too (Controlled Identifiers 1.0), but no Credential can be bound to one."""
    broken(
        lambda nonce: changed(presentation(nonce, holder, holder=...), {"verificationMethod": value}),
        ".proof.verificationMethod",
    )


@BOTH
@pytest.mark.parametrize(
    "value",
    [
        *(
            f"{did()}#key-1",
            f"{did()}#{did()}",
            f"{did()}/x#{did()[8:]}",
            f"{did()}?x#{did()[8:]}",
            "did:key:z6Mk#z6Mk",
            "did:key:u7QE#u7QE",
        ),
        *(f"{did(HOLDER, 'jwk')}#1", "did:jwk:e30#0", "did:jwk:!#0", "did:jwk:eyJrdHkiOiJvY3QiLCJrIjoiQUEifQ#0"),
    ],
)
def test_a_did_that_is_a_key_has_that_key_only(holder: LocalSigner, value: str) -> None:
    broken(
        lambda nonce: changed(presentation(nonce, holder, holder=...), {"verificationMethod": value}),
        ".proof.verificationMethod",
    )


@pytest.mark.spec("VCI-F.2-11", "VCI-F.4-04")
@pytest.mark.parametrize("name", HOLDERS)
def test_the_signature_is_that_of_the_key_that_is_named(name: str) -> None:
    holder = HOLDERS[name]
    stranger = LocalSigner.generate("stranger", holder.algorithm)
    broken(lambda nonce: presentation(nonce, holder, signer=stranger), ".proof.proofValue")
    broken(
        lambda nonce: changed(presentation(nonce, holder, holder=...), {"verificationMethod": did_url(stranger)}),
        ".proof.proofValue",
    )


@pytest.mark.spec("VCI-F.4-05")
def test_a_private_key_is_none_to_prove() -> None:
    private = {**HOLDER.public_jwk, "d": HOLDER.public_jwk["x"]}
    method = f"did:jwk:{b64url_encode(dump_bytes(private))}#0"
    broken(lambda nonce: presentation(nonce, method=method), ".proof.verificationMethod")


@BOTH
def test_the_method_is_one_to_which_credentials_are_bound(holder: LocalSigner) -> None:
    where = world(binding=("did:key", "jwk"))
    broken(lambda nonce: presentation(nonce, holder, method=did_url(holder, "jwk")), ".proof.verificationMethod", where=where)
    broken(lambda nonce: presentation(nonce, holder, method=WEB_KEY), ".proof.verificationMethod", where=where)
    assert where.host.asked == []


class WebHost(Host):
    """A host that resolves one key of a did:web."""

    def __init__(self, *found: PublicKey) -> None:
        super().__init__()
        self.found = found

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        super().resolve(references)
        return {reference: self.found for reference in references if reference.url == WEB_KEY}


KEY = public_key(HOLDER.public_jwk)


@pytest.mark.spec("VCI-F.2-03")
def test_a_key_that_lives_elsewhere_is_resolved() -> None:
    where = world(host=WebHost(KEY))
    made = presentation(where.nonce(), method=WEB_KEY)
    order = accepted(where, made, made)
    assert where.host.asked == [KeyReference(WEB_KEY)]
    assert (order.holder_keys, order.holder_keys[0].did_url) == ((KEY,), WEB_KEY)
    assert KEY.did_url is None


@BOTH
def test_one_request_names_few_documents(holder: LocalSigner) -> None:
    where = world(batch_size=20)
    token, nonce = where.token("note"), where.nonce()
    named = [f"did:web:holder-{i}.example" for i in range(9)]
    made = [presentation(nonce, holder, method=f"{each}#k") for each in named]
    body = refused(where.credential(token, order_of(*made)), "invalid_proof")
    assert "too many DIDs" in body["error_description"]
    assert where.host.asked == []
    # Any number of keys of one.
    made = [presentation(nonce, holder, method=f"{named[0]}#{i}") for i in range(12)]
    assert "one key" in refused(where.credential(token, order_of(*made)), "invalid_proof")["error_description"]
    assert len(where.host.asked) == 12


def test_a_key_that_lives_elsewhere_must_be_the_one() -> None:
    other = public_key(ANOTHER.public_jwk)
    for found, path in (
        ((), ".proof.verificationMethod"),
        ((KEY, other), ".proof.verificationMethod"),
        ((other,), ".proof.proofValue"),
    ):
        with pytest.raises(InvalidProof, match=path.replace(".", r"\.")):
            verify([presentation("n", method=WEB_KEY)], keys={KeyReference(WEB_KEY): found})
    with pytest.raises(InvalidProof, match="verificationMethod: could not be resolved"):
        verify([presentation("n", method=f"{WEB}#key-2")], keys={KeyReference(WEB_KEY): (KEY,)})
    with pytest.raises(InvalidProof, match="holder: is not the controller"):
        verify([presentation("n", method=WEB_KEY, holder=f"{WEB}:x")])


# --- what a signature over linked data does not cover -------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.2-11")
def test_what_is_read_of_a_proof_has_a_definition() -> None:
    """In the older data model, the context that defines a proof can be left out: then its signature says nothing of the proof."""
    broken(lambda nonce: changed(presentation(nonce, context=(V1, DATA_INTEGRITY)), **{"@context": [V1]}))
    signed_for_another = {"domain": "https://other.example", "challenge": "another"}

    def replayed(nonce: str) -> dict[str, Any]:
        loose = Contexts()
        made = presentation(nonce, context=(V1, DATA_INTEGRITY), options=signed_for_another, contexts=loose)
        return changed(made, {"domain": IDENTIFIER, "challenge": nonce}, **{"@context": [V1]})

    broken(replayed)

    def nothing_signed(nonce: str) -> dict[str, Any]:
        """As one that leaves out what has no definition would sign it: a signature over no proof at all."""
        unsecured = {"@context": [V1], "type": ["VerifiablePresentation"], "holder": did()}
        canonical = CRYPTOSUITES["ecdsa-rdfc-2019"].canonical(unsecured, Contexts(), crv="P-256")
        signature = HOLDER.sign(hashlib.sha256(b"").digest() + hashlib.sha256(canonical).digest())
        return secured(
            unsecured, {name: value for name, value in presentation(nonce)["proof"].items() if name != "proofValue"}, signature
        )

    assert "no context defines" in broken(nothing_signed)


def test_a_context_gives_no_other_name_to_what_is_read_of_a_proof() -> None:
    security = "https://w3id.org/security#"
    terms = {"audience": f"{security}domain", "asked": f"{security}challenge"}
    url = "https://contexts.example/v1"
    contexts = Contexts({url: {"@context": terms}})
    where = world(proof_type=DiVpProofType(contexts=contexts))
    for name in terms:
        broken(
            lambda nonce, name=name: changed(presentation(nonce, context=(V2, url), contexts=contexts), {name: "x"}),  # type: ignore[misc]
            where=where,
        )


def test_a_proof_that_builds_on_another_stands_alone() -> None:
    broken(lambda nonce: changed(presentation(nonce), {"previousProof": "urn:uuid:1"}), ".proof.previousProof")


# --- what takes long ----------------------------------------------------------------------------------------------------------


def clique(size: int) -> list[dict[str, Any]]:
    """Blank nodes that all look alike (RDF-CANON 7.1)."""
    return [{"id": f"_:n{i}", "https://x.example/p": [{"id": f"_:n{j}"} for j in range(size) if j != i]} for i in range(size)]


def long(context: dict[str, Any]) -> dict[str, Any]:
    """A node with a context of its own, under which it says something a few thousand times."""
    return {"@context": context, "i": [f"{i:x}" for i in range(5_000)]}


HOSTILE: dict[str, dict[str, Any]] = {
    "poison": {"termsOfUse": clique(8)},
    "larger poison": {"termsOfUse": clique(40)},
    "types": {"verifiableCredential": [{"@context": V2, "type": "VerifiableCredential"} for _ in range(700)]},
    "contexts": {"verifiableCredential": [{"@context": [V1], "type": "VerifiableCredential"} for _ in range(700)]},
    # A text that stands there once, and that each short name is put in front of.
    "base": {"https://x.example/p": long({"@base": "urn:b/" + "x" * 20_000 + "/", "i": {"@id": "urn:i", "@type": "@id"}})},
    "vocabulary": {"https://x.example/p": long({"@vocab": "urn:" + "x" * 20_000})},
    "language": {"https://x.example/p": long({"i": "urn:i", "@language": "a" + "-bbbbbbbb" * 2_000})},
    "datatype": {"https://x.example/p": long({"i": {"@id": "urn:i", "@type": "urn:" + "x" * 20_000}})},
    "included": {"@included": long({"@vocab": "urn:" + "x" * 20_000})},
    "statements": {"termsOfUse": [{"type": "https://x.example/T"} for _ in range(1_800)]},
    "values": {"termsOfUse": {"https://x.example/p": list(range(9_000))}},
    "terms": {f"t{i}": [] for i in range(5_000)},
    "depth": {"termsOfUse": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[["x"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
    "text": {"id": "urn:" + "x" * (MAX_PRESENTATION - 1_000)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_takes_long_ends_soon(name: str) -> None:
    made = changed(presentation("n"), **HOSTILE[name])
    started = time.process_time()
    if name == "terms":
        assert verify([made])
    else:
        with pytest.raises(InvalidProof):
            verify([made])
    assert time.process_time() - started < 2


def test_sizes_are_bounded() -> None:
    with pytest.raises(InvalidProof, match=r"di_vp\[0\]: too large"):
        verify([changed(presentation("n"), x="x" * MAX_PRESENTATION)])
    made = changed(presentation("n"), x="x" * (MAX_PRESENTATION - 2_000))
    assert verify([made] * 4)
    with pytest.raises(InvalidProof, match="di_vp: too large"):
        verify([made] * (MAX_TOGETHER // MAX_PRESENTATION + 1))


def test_every_one_is_looked_at_before_any_signature_is_verified() -> None:
    made = [changed(presentation("n"), termsOfUse=clique(8)), presentation("n", options={"domain": "https://other.example"})]
    with pytest.raises(InvalidProof, match=r"di_vp\[1\]\.proof\.domain"):
        verify(made)


# --- issuers ------------------------------------------------------------------------------------------------------------------


def test_an_issuer_says_what_it_verifies() -> None:
    assert READER.algorithms == set(CRYPTOSUITES)
    assert not READER.validates_key_attestations
    with pytest.raises(ValueError, match="not all algorithms of di_vp can be verified"):
        world("eddsa-2022")
    # Nor can an issuer have a cryptosuite of its own: proofs are read with those that are known.
    suite = CRYPTOSUITES["eddsa-jcs-2022"]
    for name in ("eddsa-2022", "ecdsa-jcs-2019"):
        with pytest.raises(ValueError, match="cryptosuites must be some of"):
            DiVpProofType(cryptosuites={name: suite})
    few = DiVpProofType(cryptosuites={"eddsa-jcs-2022": CRYPTOSUITES["eddsa-jcs-2022"]})
    where = world("eddsa-jcs-2022", proof_type=few)
    accepted(where, presentation(where.nonce(), HOLDERS["eddsa-jcs-2022"]))
    with pytest.raises(InvalidProof, match="cryptosuite: is not supported"):
        few.read([presentation("n")])


def test_a_key_attestation_has_no_place_in_it() -> None:
    with pytest.raises(ValueError, match="key attestation"):
        world(required=KeyAttestationsRequired())


def test_without_the_extra_the_error_names_it() -> None:
    code = """
import sys
sys.modules["pyld"] = sys.modules["rfc8785"] = None
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.di_vp import DiVpProofMaker, DiVpProofType
for each in (DiVpProofMaker, DiVpProofType):
    try:
        each()
    except ImportError as error:
        print(error)
"""
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2
    assert all("oid4vci[ldp]" in line for line in lines)
