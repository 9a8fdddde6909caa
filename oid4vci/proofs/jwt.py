"""The `jwt` proof type (OID4VCI F.1, F.4)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._jose import ALGORITHMS
from oid4vci._json import Malformed
from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, Signer, public_key
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.proof_type import Expected, Proved
from oid4vci.revocation import Statuses, StatusRef

__all__ = ("JwtProofType", "proof_signing_input")

TYP: Final = "openid4vci-proof+jwt"
MAX_PROOF = 16_384


@frozen
class JwtProofType:
    """Validation of `jwt` proofs.

    `max_age` and `max_skew` are the seconds that `iat` may lie in the past and in the future. With `max_age=None` only the nonce
    bounds a proof's age (OID4VCI 13.8: "servers MAY limit key proof lifetimes by using server-provided nonce values").
    """

    max_age: int | None = 300
    max_skew: int = 60

    def read(self, proofs: Sequence[Any]) -> "ReadJwtProofs":
        """Read the array of JWTs. Raises `InvalidProof`."""
        read = tuple([_read(i, proof) for i, proof in enumerate(proofs)])
        found = [proof.claims.get("nonce") for proof in read]
        return ReadJwtProofs(self, read, tuple([nonce if isinstance(nonce, str) else None for nonce in found]))

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """The algorithms that can be verified."""
        return frozenset(ALGORITHMS)

    @property
    def validates_key_attestations(self) -> bool:
        """Not yet."""
        return False


@frozen
class _Proof:
    jws: _jose.Jws
    claims: Mapping[str, Any]


def _read(index: int, proof: Any) -> _Proof:
    try:
        if not isinstance(proof, str):
            raise Malformed("must be a string")
        jws = _jose.parse(proof, max_bytes=MAX_PROOF)
        return _Proof(jws, jws.claims())
    except Malformed as error:
        raise _at(index, error) from None


def _at(index: int, error: Malformed) -> InvalidProof:
    return InvalidProof(str(error.within(f"proofs.jwt[{index}]")))


@frozen
class ReadJwtProofs:
    """`jwt` proofs: parsed, nothing believed. `nonces` are the `nonce` claims; one that is no string counts as missing."""

    type: JwtProofType
    proofs: tuple[_Proof, ...] = field(repr=False)
    nonces: tuple[str | None, ...] = field(repr=False)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """None: the keys are in the proofs."""
        return ()

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """None."""
        return ()

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        """The proved keys, each once. Raises `InvalidProof`, for the first proof that is wrong."""
        proved: dict[PublicKey, None] = {}
        for index, proof in enumerate(self.proofs):
            try:
                proved[self._verify(proof, expected)] = None
            except Malformed as error:
                raise _at(index, error) from None
        return Proved(tuple(proved))

    def _verify(self, proof: _Proof, expected: Expected) -> PublicKey:
        header, claims = proof.jws.header, proof.claims
        # "explicitly typed using header parameters as defined for that proof type" -- OID4VCI F.4
        if header.get("typ") != TYP:
            raise Malformed(f"typ must be {TYP}", "header")
        # `kid`, `jwk`, `x5c`: each "MUST NOT be present if" another is, and the JWT is signed "by a key identified ... through" one
        if sum(name in header for name in ("kid", "jwk", "x5c")) != 1:
            raise Malformed("must have exactly one of kid, jwk and x5c", "header")
        # "When used for signature verification, the header parameter `kid` MUST be present."
        if "trust_chain" in header and "kid" not in header:
            raise Malformed("trust_chain needs kid", "header")
        if "jwk" not in header:
            raise Malformed("the key must be given as jwk", "header")
        if claims.get("aud") != expected.audience:
            raise Malformed("aud must be the Credential Issuer Identifier")
        self._check_times(claims, expected.now)
        if "iss" in claims:
            # "This claim MUST be omitted if the access token ... was obtained ... through anonymous access to the token endpoint."
            if expected.client_id is None:
                raise Malformed("iss must be omitted by an anonymous client")
            if claims["iss"] != expected.client_id:
                raise Malformed("iss must be the client_id")
        try:
            key = public_key(header["jwk"])
        except Malformed as error:
            raise error.within("header.jwk") from None
        _jose.verify(proof.jws, key, algorithms=expected.algorithms)
        return key

    def _check_times(self, claims: Mapping[str, Any], now: int) -> None:
        issued_at = claims.get("iat")
        if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
            raise Malformed("iat must be a number")
        if issued_at > now + self.type.max_skew:
            raise Malformed("iat is in the future")
        if self.type.max_age is not None and issued_at < now - self.type.max_age:
            raise Malformed("iat is too long ago")
        for name in claims.keys() & {"exp", "nbf"}:
            value = claims[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Malformed(f"{name} must be a number")
            if value <= now if name == "exp" else value > now + self.type.max_skew:
                raise Malformed("the proof has expired" if name == "exp" else "the proof is not valid yet")


def proof_signing_input(signer: Signer, *, audience: str, nonce: str | None, issuer_claim: str | None, now: int) -> bytes:
    """What a Wallet signs to prove possession of the key of `signer`.

    `audience` is the Credential Issuer Identifier, `nonce` the `c_nonce` if the issuer has a Nonce Endpoint, `issuer_claim` the
    `client_id`, None after an anonymous Token Request.
    """
    header = {"typ": TYP, "alg": signer.algorithm, "jwk": dict(signer.public_jwk)}
    claims: dict[str, Any] = {"aud": audience, "iat": now}
    if nonce is not None:
        claims["nonce"] = nonce
    if issuer_claim is not None:
        claims["iss"] = issuer_claim
    return _jose.signing_input(header, _json.dump_bytes(claims))
