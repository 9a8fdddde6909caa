"""Proofs of possession in a Credential Request (OID4VCI 8.2, F)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from oid4vci.keys import LocalSigner
from oid4vci.testing.probes.expectations import demand, need, refused
from oid4vci.testing.probes.jwts import Jwt, key_attestation, private_jwk, token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import Session, session

__all__ = ()

Made: TypeAlias = Callable[[Session, Jwt], Any]
"""Makes the value of `proofs.jwt` from a proof that is right."""

PROOF: Final = ("invalid_proof",)
NONCE: Final = ("invalid_nonce",)
REQUEST: Final = ("invalid_proof", "invalid_credential_request")
DAYS: Final = 90_000


def _jwt_session(peer: Peer) -> Session:
    wanted = next((each for each in peer.targets if each.proof_type == "jwt"), None)
    need(wanted, "no configuration takes jwt proofs that the probe can make")
    return session(peer, wanted)


def _wrong(name: str, requirements: Sequence[str], codes: Sequence[str], about: str, make: Made) -> None:
    """A request with a wrong proof: it is refused with one of these codes, and the nonce then serves for a right one."""

    def look(peer: Peer) -> None:
        begun = _jwt_session(peer)
        nonce, holder = peer.nonce(), begun.target.holder()
        body = begun.body(holder, nonce=nonce)
        made = make(begun, begun.proof(holder, nonce))
        refused(begun.order({**body, "proofs": {"jwt": made}}), *codes, what=about)
        begun.accepted(begun.order(body), what="the same request with a right proof")

    CHECKS.add(f"proof_{name}", (*requirements, "VCI-8.3.1.2-09"), f"{about[0].upper()}{about[1:]} is refused.", look)


def _one(change: Callable[[Jwt], object]) -> Made:
    return lambda _, proof: [str(change(proof))]


def _header(**members: Any) -> Made:
    return _one(lambda proof: proof.changed(header=members))


def _claims(**members: Any) -> Made:
    return _one(lambda proof: proof.changed(claims=members))


def _stranger(proof: Jwt) -> LocalSigner:
    return LocalSigner.generate("stranger", proof.signer.algorithm)


def _unsupported(begun: Session, proof: Jwt) -> Any:
    """By an algorithm that the configuration does not name."""
    terms = begun.target.members["proof_types_supported"]["jwt"]["proof_signing_alg_values_supported"]
    other = next((each for each in ("ES512", "ES384", "ES256", "EdDSA") if each not in terms), None)
    need(other, "the configuration takes every algorithm that the probe has")
    key = LocalSigner.generate("other", str(other))
    return [str(proof.changed(header={"alg": key.algorithm, "jwk": dict(key.public_jwk), "kid": None}, by=key))]


def _did(proof: Jwt) -> str:
    return f"did:example:{token(8)}#0"


_TABLE: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...], str, Made], ...]] = (
    ("without_typ", ("VCI-F.1-03", "VCI-F.4-02"), PROOF, "a proof without typ", _header(typ=None)),
    ("with_wrong_typ", ("VCI-F.1-03", "VCI-F.4-02"), PROOF, "a proof of another type", _header(typ="JWT")),
    ("without_aud", ("VCI-F.1-17", "VCI-8.2-20"), PROOF, "a proof without aud", _claims(aud=None)),
    ("with_wrong_aud", ("VCI-F.1-17", "VCI-8.2-20"), PROOF, "a proof for another issuer", _claims(aud="https://other.example")),
    (
        "with_almost_right_aud",
        ("VCI-F.1-17",),
        PROOF,
        "a proof for the identifier with a slash more",
        _one(lambda proof: proof.changed(claims={"aud": f"{proof.claims['aud']}/"})),
    ),
    ("without_iat", ("VCI-F.1-18", "VCI-F.4-01"), PROOF, "a proof without iat", _claims(iat=None)),
    (
        "from_long_ago",
        ("VCI-F.4-07",),
        (*PROOF, *NONCE),
        "a proof of yesterday",
        _one(lambda proof: proof.changed(claims={"iat": proof.claims["iat"] - DAYS})),
    ),
    (
        "from_the_future",
        ("VCI-F.4-07",),
        PROOF,
        "a proof of tomorrow",
        _one(lambda proof: proof.changed(claims={"iat": proof.claims["iat"] + DAYS})),
    ),
    ("with_iat_as_text", ("VCI-F.1-18",), PROOF, "a proof whose iat is text", _claims(iat="now")),
    ("unsigned", ("VCI-F.1-02", "VCI-F.4-03"), PROOF, "a proof with the algorithm none", lambda _, proof: [proof.unsigned]),
    ("with_broken_signature", ("VCI-F.1-21", "VCI-F.4-04"), PROOF, "a broken signature", lambda _, proof: [proof.broken]),
    (
        "signed_by_another_key",
        ("VCI-F.1-21", "VCI-F.4-04"),
        PROOF,
        "a proof signed by another key than it names",
        _one(lambda proof: proof.changed(by=_stranger(proof))),
    ),
    ("with_unsupported_algorithm", ("VCI-F.1-24",), PROOF, "an algorithm that is not supported", _unsupported),
    (
        "with_symmetric_algorithm",
        ("VCI-F.1-02", "VCI-F.4-03"),
        PROOF,
        "a symmetric algorithm",
        _header(alg="HS256", kid=None, jwk={"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}),
    ),
    (
        "with_private_key",
        ("VCI-F.4-05",),
        PROOF,
        "a proof with a private key",
        _one(lambda proof: proof.changed(header={"kid": None, "jwk": private_jwk(proof.signer)})),
    ),
    (
        "with_two_keys",
        ("VCI-F.1-05", "VCI-F.1-07"),
        PROOF,
        "a proof that names its key twice",
        _one(lambda proof: proof.changed(header={"kid": _did(proof), "jwk": dict(proof.signer.public_jwk)})),
    ),
    ("without_key", ("VCI-F.1-21",), PROOF, "a proof that names no key", _header(jwk=None, kid=None, key_attestation=None)),
    ("with_crit", ("RFC7515-4.1.11",), PROOF, "a proof with crit", _header(crit=["unheard_of"], unheard_of=1)),
    ("that_is_garbage", ("VCI-F-01",), REQUEST, "a proof that is no JWT", lambda _, __: ["garbage"]),
    ("that_is_no_text", ("VCI-F-01",), REQUEST, "a proof that is a number", lambda _, __: [1]),
    ("array_empty", ("VCI-8.2-13", "VCI-F-01"), REQUEST, "an empty array of proofs", lambda _, __: []),
    ("that_is_no_array", ("VCI-8.2-13",), REQUEST, "a proof that is not in an array", lambda _, proof: str(proof)),
    (
        "good_beside_a_wrong_one",
        ("VCI-F.4-04",),
        PROOF,
        "a right proof beside a wrong one",
        lambda _, proof: [str(proof), str(proof.changed(by=_stranger(proof)))],
    ),
    ("of_another_client", ("VCI-F.1-15",), PROOF, "a proof whose iss is another client", _claims(iss="somebody-else")),
)
for _row in _TABLE:
    _wrong(*_row)


def _wrong_nonce(name: str, codes: Sequence[str], about: str, nonce: Callable[[Session, str], str | None]) -> None:
    """A proof with another nonce than a fresh one of this issuer."""

    def look(peer: Peer) -> None:
        begun = _jwt_session(peer)
        fresh = peer.nonce()
        need(fresh is not None, "the issuer has no Nonce Endpoint")
        holder = begun.target.holder()
        changed = nonce(begun, str(fresh))
        # A key attestation keeps the fresh one: the proof itself must have it.
        proof = begun.proof(holder, fresh).changed(claims={"nonce": changed})
        refused(begun.order({**begun.wanted, "proofs": {"jwt": [str(proof)]}}), *codes, what=about)
        begun.accepted(begun.order(begun.body(holder, nonce=fresh)), what="the same request with a fresh nonce")

    rules = ("VCI-F.1-20", "VCI-F.4-06", "VCI-8.2-21", "VCI-8.3.1.2-10")
    CHECKS.add(f"proof_nonce_{name}", rules, f"{about.capitalize()} is refused.", look)


_wrong_nonce("missing", (*PROOF, *NONCE), "a proof without nonce", lambda _, __: None)
_wrong_nonce("made_up", NONCE, "a nonce that nobody gave", lambda _, fresh: token(len(fresh) * 3 // 4))
_wrong_nonce("changed", NONCE, "a nonce of which the end was changed", lambda _, fresh: f"{fresh[:-4]}AAAA")
_wrong_nonce("of_another_kind", NONCE, "an access token as nonce", lambda begun, _: begun.access_token)


@CHECKS("VCI-13.8-02", "VCI-8.3.1.2-10")
def proof_nonce_serves_once(peer: Peer) -> str | None:
    """A nonce is refused once it was used: not a rule of OID4VCI, but what keeps a proof from being replayed."""
    begun = _jwt_session(peer)
    nonce = peer.nonce()
    need(nonce is not None, "the issuer has no Nonce Endpoint")
    body = begun.body(nonce=nonce)
    begun.accepted(begun.order(body))
    response = begun.order(body)
    if response.status in (200, 202):
        return "the issuer takes a nonce more than once"
    refused(response, *NONCE, what="a nonce that was used")
    return None


@CHECKS("VCI-8.2-22", "VCI-8.3.1.2-09")
def proofs_missing(peer: Peer) -> None:
    """Where keys are bound, a request without `proofs` is refused."""
    begun = session(peer)
    need(begun.target.proof_type, "the configuration binds no keys")
    refused(begun.order(begun.wanted), *REQUEST, what="no proofs")
    begun.accepted(begun.order(begun.body()))


@CHECKS("VCI-8.2-12")
def proofs_of_two_types(peer: Peer) -> None:
    """`proofs` has one member: none, two, or another thing than an object are refused."""
    begun = _jwt_session(peer)
    right = begun.body()
    proofs = right["proofs"]
    wrong: list[Any] = [{}, {**proofs, "attestation": proofs["jwt"]}, {"unheard_of": ["x"]}, [], "x", None]
    for value in wrong:
        refused(begun.order({**right, "proofs": value}), *REQUEST, what="proofs that are not of one type")
    begun.accepted(begun.order(right))


def _batch_size(peer: Peer) -> int:
    batch = peer.metadata.get("batch_credential_issuance")
    size = batch.get("batch_size") if isinstance(batch, dict) else 1
    return size if type(size) is int else 1


@CHECKS("VCI-12.2.4-37", "VCI-3.3.2-01")
def proofs_more_than_allowed(peer: Peer) -> None:
    """More proofs than `batch_size`, or two where there is none, are refused."""
    begun = _jwt_session(peer)
    size = _batch_size(peer)
    need(not begun.target.attested and size < 32, "the probe would have to make too many proofs")
    holders = [begun.target.holder() for _ in range(size + 1)]
    refused(begun.order(begun.body(*holders)), *REQUEST, what=f"{size + 1} proofs")
    begun.accepted(begun.order(begun.body()))


@CHECKS("VCI-12.2.4-65", "VCI-D-04")
def key_attestation_that_is_required_is_missing(peer: Peer) -> None:
    """Where key attestations are required, a `jwt` proof without one is refused."""
    begun = _jwt_session(peer)
    need(begun.target.attested, "the configuration needs no key attestation")
    nonce, holder = peer.nonce(), begun.target.holder()
    proof = begun.proof(holder, nonce).changed(header={"key_attestation": None})
    refused(begun.order({**begun.wanted, "proofs": {"jwt": [str(proof)]}}), *PROOF, what="no key attestation")
    begun.accepted(begun.order(begun.body(holder, nonce=nonce)))


@CHECKS("VCI-D-03", "HAIP-4.5.1-05")
def key_attestation_of_a_stranger(peer: Peer) -> None:
    """A key attestation that somebody signed whom nobody trusts is refused, in both proof types."""
    wanted = [each for each in peer.targets if each.attested or each.proof_type == "attestation"]
    need(wanted, "no configuration needs key attestations")
    for target in wanted:
        begun = session(peer, target)
        nonce, holder = peer.nonce(), target.holder()
        forged = str(key_attestation(LocalSigner.generate("stranger"), holder, now=peer.now, nonce=nonce))
        proofs: Mapping[str, Any] = {"attestation": [forged]}
        if target.proof_type == "jwt":
            proofs = {"jwt": [str(begun.proof(holder, nonce).changed(header={"key_attestation": forged}))]}
        refused(begun.order({**begun.wanted, "proofs": proofs}), *PROOF, what="a key attestation by a stranger")
        begun.accepted(begun.order(begun.body(holder, nonce=nonce)))


@CHECKS("VCI-D.1-14")
def key_attestation_of_other_keys(peer: Peer) -> None:
    """A `jwt` proof by a key that its key attestation does not have is refused."""
    begun = _jwt_session(peer)
    need(begun.target.attested, "the configuration needs no key attestation")
    nonce, holder, other = peer.nonce(), begun.target.holder(), begun.target.holder("other")
    attestation = begun.attestation([other], nonce)
    proof = begun.proof(holder, nonce).changed(header={"key_attestation": attestation})
    refused(begun.order({**begun.wanted, "proofs": {"jwt": [str(proof)]}}), *PROOF, what="a key attestation of other keys")
    begun.accepted(begun.order(begun.body(holder, nonce=nonce)))


@CHECKS("VCI-F-03", "VCI-F.3-01", "VCI-F.3-02")
def attestation_proofs(peer: Peer) -> None:
    """A key attestation alone is a proof, if it has a fresh nonce; two of them, or one with another nonce, are refused."""
    need(peer.supplies.attest_keys, "nothing was given that attests keys")
    wanted = next((each for each in peer.targets if "attestation" in (each.members.get("proof_types_supported") or ())), None)
    need(wanted, "no configuration takes attestation proofs")
    begun = session(peer, wanted)
    holder, nonce = begun.target.holder(), peer.nonce()
    good = begun.attestation([holder], nonce)
    refused(begun.order({**begun.wanted, "proofs": {"attestation": [good, good]}}), *REQUEST, what="two attestations")
    if nonce is not None:
        stale = {"attestation": [begun.attestation([holder], token())]}
        refused(begun.order({**begun.wanted, "proofs": stale}), *NONCE, what="an attestation with a made-up nonce")
    begun.accepted(begun.order({**begun.wanted, "proofs": {"attestation": [good]}}), what="an attestation proof")


@CHECKS("VCI-F.1-23", "VCI-F.1-02", "HAIP-7-03")
def proof_algorithms_are_digital_signatures(peer: Peer) -> None:
    """What the metadata say of `jwt` proofs are names of digital signature algorithms, under HAIP `ES256` among them."""
    for target in peer.targets:
        types = target.members.get("proof_types_supported")
        terms = types.get("jwt") if isinstance(types, dict) else None
        names = terms.get("proof_signing_alg_values_supported") if isinstance(terms, dict) else None
        if isinstance(names, list):
            wrong = [each for each in names if not isinstance(each, str) or each == "none" or each.startswith("HS")]
            demand(not wrong, f"{target.configuration_id}: there is an algorithm that is no digital signature")
            demand("ES256" in names or not peer.supplies.haip, f"{target.configuration_id}: ES256 is missing")
