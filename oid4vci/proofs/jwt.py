"""The `jwt` proof type (OID4VCI F.1, F.4), as the issuer validates it; `jwt_maker` is the Wallet's side.

Rule 1: nothing is proved unless every signature verifies, of the proofs and of the key attestations in them.
Rule 2: a key attestation is believed or the proof is refused. An issuer that believes no attester does not look at one.
Rule 3: a key is bound to a DID only if a proof named it by a DID URL, and its DID has that key.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._jose import ALGORITHMS
from oid4vci._json import Malformed
from oid4vci.dids import DID_METHODS, DidMethod
from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.named_key import NamedKey, Naming, binds_plain_keys, trust_chain_algorithms
from oid4vci.proofs.proof_type import Expected, Proved, check_documents
from oid4vci.revocation import Statuses, StatusRef
from oid4vci.signed_jwt import check_numbers, check_times

if TYPE_CHECKING:
    from oid4vci.proofs.key_attestation import KeyAttestation, KeyAttestations, ReadKeyAttestation
    from oid4vci.x509 import Anchors

__all__ = ("JwtProofType",)

TYP: Final = "openid4vci-proof+jwt"
# A key attestation with its certificates, or a trust chain, may be in its header.
MAX_PROOF: Final = 131_072
# Of one request: how many chains of certificates it takes to answer.
MAX_ATTESTATIONS: Final = 32
# Signatures of one request that may fail, beyond one for each key, where a `kid` does not say which attested key it means.
MAX_GUESSES: Final = 64


@frozen
class JwtProofType:
    """Validation of `jwt` proofs.

    - `max_age`, `max_skew`: the seconds that `iat` may lie in the past and in the future. With `max_age=None` only the nonce
      bounds a proof's age (OID4VCI 13.8: "servers MAY limit key proof lifetimes by using server-provided nonce values"), and
      without a Nonce Endpoint no proof is taken.
    - `key_attestations`: whose key attestations are believed. With None, a `key_attestation` is not looked at, and a proof whose
      key only it could name is refused.
    - `did_methods`: DID methods, by name, whose DIDs are resolved here. A DID URL of another method becomes one of `key_refs`, a
      `KeyReference` with it as `url`, for the caller to resolve. Which methods a Credential is bound to, its configuration says.
    - `holder_anchors`: what an `x5c` must lead to. With None, its first certificate just carries a key, and proves nothing else.
    - `federation`: whether a `kid` with a `trust_chain` becomes one of `key_refs`: a `KeyReference` with the chain and an empty
      `url`. The caller validates the chain to its anchors (OpenID Federation 10.2) and answers with the keys of the entity that
      may prove possession. A DID URL, or a key attestation that is validated, takes precedence: the chain is then only said
      along. With False, a `trust_chain` is ignored, but that it needs a `kid`.
    """

    max_age: int | None = 300
    max_skew: int = 60
    key_attestations: "KeyAttestations | None" = None
    did_methods: Mapping[str, DidMethod] = field(default=DID_METHODS, repr=False)
    holder_anchors: "Anchors | None" = None
    federation: bool = False
    _naming: Naming = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_naming", Naming(self.did_methods, self.holder_anchors, self.federation))

    def read(self, proofs: Sequence[Any]) -> "ReadJwtProofs":
        """Read the array of JWTs. Raises `InvalidProof`."""
        attestations: dict[str, ReadKeyAttestation] = {}
        read = []
        for index, proof in enumerate(proofs):
            try:
                read.append(self._read(proof, attestations))
            except Malformed as error:
                raise _at(index, error) from None
        if len(attestations) > MAX_ATTESTATIONS:
            raise InvalidProof("the proofs bring too many key attestations")
        check_documents(reference for proof in read if (reference := proof.key.reference) is not None)
        return ReadJwtProofs(self, tuple(read), attestations)

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """The algorithms that can be verified."""
        return frozenset(ALGORITHMS)

    @property
    def validates_key_attestations(self) -> bool:
        """Whether there are attesters to believe."""
        return self.key_attestations is not None

    def _read(self, proof: Any, attestations: "dict[str, ReadKeyAttestation]") -> "_Proof":
        """One proof, with every check that needs neither clock nor configuration. Key attestations are read once each."""
        if not isinstance(proof, str):
            raise Malformed("must be a string")
        jws = _jose.parse(proof, max_bytes=MAX_PROOF)
        header, claims = jws.header, jws.claims()
        # "explicitly typed using header parameters as defined for that proof type" -- OID4VCI F.4
        if header.get("typ") != TYP:
            raise Malformed(f"typ must be {TYP}", "header")
        check_numbers(claims, "iat")
        if not isinstance(claims.get("nonce", ""), str):
            # "The value type of this claim MUST be a string" -- F.1
            raise Malformed("must be a string", "nonce")
        attestation = None
        if self.key_attestations is not None and "key_attestation" in header:
            attestation = header["key_attestation"]
            if not isinstance(attestation, str):
                raise Malformed("must be a string", "header.key_attestation")
            if attestation not in attestations:
                try:
                    attestations[attestation] = self.key_attestations.read(attestation)
                except Malformed as error:
                    raise error.within("header.key_attestation") from None
        key = self._naming.read(header, attested=attestation is not None)
        algorithms = {jws.algorithm}
        if self.federation and "trust_chain" in header:
            algorithms |= trust_chain_algorithms(header)
        return _Proof(jws, claims, key, frozenset(algorithms), attestation)


@frozen
class _Proof:
    """`algorithms` are all of which each must be listed. `attestation` is the text, None if there is none that is looked at."""

    jws: _jose.Jws
    claims: Mapping[str, Any] = field(repr=False)
    key: NamedKey
    algorithms: frozenset[str]
    attestation: str | None = field(repr=False)


def _at(index: int, error: Malformed) -> InvalidProof:
    return InvalidProof(str(error.within(f"proofs.jwt[{index}]")))


@frozen
class ReadJwtProofs:
    """`jwt` proofs: parsed, nothing believed."""

    type: JwtProofType
    proofs: tuple[_Proof, ...] = field(repr=False)
    attestations: "Mapping[str, ReadKeyAttestation]" = field(repr=False)

    @property
    def nonces(self) -> tuple[str | None, ...]:
        """The `nonce` of each proof, then that of each key attestation (OID4VCI F.1)."""
        claimed = [proof.claims.get("nonce") for proof in self.proofs]
        return (*claimed, *[attestation.nonce for attestation in self.attestations.values()])

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """DID URLs and trust chains that are the caller's to resolve, and where attesters publish their keys, each once."""
        named = [reference for proof in self.proofs if (reference := proof.key.reference) is not None]
        for attestation in self.attestations.values():
            named.extend(attestation.key_refs)
        return tuple(dict.fromkeys(named))

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """What may have been revoked of the key attestations, each once."""
        return tuple(dict.fromkeys(each for attestation in self.attestations.values() for each in attestation.status_refs))

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        """The keys to bind credentials to, each once. Raises `InvalidProof`, for the first proof that is wrong.

        They are the proved keys, and all those of the key attestations: "The Credential Issuer SHOULD issue a Credential for each
        cryptographic public key specified in the `attested_keys` claim" (OID4VCI F.1). Where Credentials are bound to DIDs only,
        they are those that a proof named by a DID URL.
        """
        verification = _Verification(expected, keys, statuses, self.attestations)
        for index, proof in enumerate(self.proofs):
            try:
                self._check(proof, expected)
                verification.add(proof)
            except Malformed as error:
                raise _at(index, error) from None
        if len(verification.proved) > expected.max_keys:
            raise InvalidProof("the proofs bring more keys than the batch size allows")
        return Proved(tuple(verification.proved.values()), tuple(verification.believed.values()))

    def _check(self, proof: _Proof, expected: Expected) -> None:
        claims = proof.claims
        # "the `alg` JWT header of the key proof, and if present, the `alg` JOSE headers of both `key_attestation` and
        # `trust_chain`, MUST match one of the values" -- F.1; that of the key attestation is checked with it.
        if not all(each in expected.algorithms for each in proof.algorithms):
            raise Malformed("alg is not an accepted algorithm", "header")
        if claims.get("aud") != expected.audience:
            raise Malformed("must be the Credential Issuer Identifier", "aud")
        check_times(claims, now=expected.now, max_skew=self.type.max_skew)
        # "the creation time ..., as determined by either the issuance time, or a server managed timestamp via the nonce" -- F.4
        if self.type.max_age is None:
            if not expected.nonce:
                raise Malformed("shows no age: neither iat nor a nonce bounds it")
        elif claims["iat"] < expected.now - self.type.max_age:
            raise Malformed("is too long ago", "iat")
        if "iss" in claims:
            # "This claim MUST be omitted if the access token ... was obtained ... through anonymous access to the token endpoint."
            if expected.client_id is None:
                raise Malformed("must be omitted by an anonymous client", "iss")
            if claims["iss"] != expected.client_id:
                raise Malformed("must be the client_id", "iss")
        if expected.key_attestations_required is not None and proof.attestation is None:
            # "the Credential Issuer expects the Wallet to send within the proof(s)" -- OID4VCI 12.2.4
            raise Malformed("key_attestation is missing", "header")


@frozen
class _Verification:
    """What was proved so far: keys by themselves, so that the DID URL of one can come later, and attestations by their text."""

    expected: Expected
    keys: ResolvedKeys
    statuses: Statuses
    attestations: "Mapping[str, ReadKeyAttestation]"
    proved: dict[PublicKey, PublicKey] = field(factory=dict)
    believed: "dict[str, KeyAttestation]" = field(factory=dict)
    signed: set[PublicKey] = field(factory=set)
    failed: list[PublicKey] = field(factory=list)

    def add(self, proof: _Proof) -> None:
        """Verify a proof, and take its key and those that are attested with it. Raises `Malformed`."""
        attestation = None if proof.attestation is None else self._believe(proof.attestation)
        key = self._signer(proof, proof.key.candidates(self.expected, self.keys, attestation))
        if attestation is not None and key not in attestation.keys:
            # "the JWT used as a proof is signed by a key contained in the attestation" -- OID4VCI D.1
            raise Malformed("must be signed by one of the attested keys")
        self.signed.add(key)
        # In the order of the attestation, whichever of its keys made the proof.
        others = attestation.keys if attestation is not None and binds_plain_keys(self.expected) else ()
        for each in (*others, key):
            self.proved.setdefault(each, each)
        if self.proved[key].did_url is None:
            self.proved[key] = key

    def _believe(self, token: str) -> "KeyAttestation":
        if token not in self.believed:
            try:
                self.believed[token] = self.attestations[token].verify(
                    algorithms=self.expected.algorithms,
                    required=self.expected.key_attestations_required,
                    max_keys=self.expected.max_keys,
                    exp_required=True,
                    audience=self.expected.audience,
                    nonce=self.expected.nonce,
                    keys=self.keys,
                    statuses=self.statuses,
                    now=self.expected.now,
                )
            except Malformed as error:
                raise error.within("header.key_attestation") from None
        return self.believed[token]

    def _signer(self, proof: _Proof, candidates: Sequence[PublicKey]) -> PublicKey:
        """The one of these keys that made the signature. Raises `Malformed`."""
        fitting = [key for key in candidates if key.fits(proof.jws.algorithm)]
        if not fitting:
            raise Malformed("alg does not fit the key", "header")
        # A request has one proof for each key, so those that have none yet come first.
        for key in sorted(fitting, key=self.signed.__contains__):
            try:
                _jose.verify(proof.jws, key, algorithms=self.expected.algorithms)
            except Malformed:
                self.failed.append(key)
            else:
                return key
            if len(self.failed) > self.expected.max_keys + MAX_GUESSES:
                raise Malformed("does not say which key it means", "header.kid")
        raise Malformed("the signature does not verify")
