"""`jwt` proofs, as the Wallet makes them (OID4VCI F.1)."""

from collections.abc import Collection, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._jose import ALGORITHMS
from oid4vci.keys import SigningInput
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.attested_keys import AttestedKeys
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import TYP
from oid4vci.proofs.proof_type import Intended
from oid4vci.unsigned_jwt import UnsignedJwt, signed, to_sign

__all__ = ("JwtProofMaker", "UnsignedJwtProofs")


@frozen
class JwtProofMaker:
    """Making of `jwt` proofs: one for each key, which it signs; with a key attestation that was asked for, one for all
    the keys that are attested.

    A `HolderKey` says how its proof names it: by `kid` if it has a DID URL, by `x5c` if it has certificates, else by `jwk`.
    """

    @property
    def signs(self) -> bool:
        """Yes."""
        return True

    @property
    def dids_only(self) -> bool:
        """No."""
        return False

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        """Those of `supported` that are JWS algorithms of this library: a proof is signed by one of them (OID4VCI 12.2.4)."""
        return tuple(each for each in supported if isinstance(each, str) and each in ALGORITHMS)

    def draft(
        self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None
    ) -> "UnsignedJwtProofs":
        """Proofs of possession of these keys.

        With a `key_attestation`, which must attest all of them, the first key makes the proof: the issuer binds a Credential to
        each attested key (OID4VCI F.1), and all keys are in one attestation (HAIP 4.5.1). A key that is to be bound to a DID makes
        its own proof all the same, since nothing else says its DID; and each key does where the issuer did not ask for the
        attestation, and may not look at it.

        Raises `ValueError` without keys, for a key whose algorithm the issuer does not take, and for a key attestation that lacks
        something, `exp` included, has expired, has another nonce than the `c_nonce`, is signed by an algorithm that the issuer does
        not take, or does not attest one of the keys. Whether it is genuine, the issuer finds out.
        """
        if not keys:
            raise ValueError("a proof needs a key")
        if key_attestation is not None:
            _check_attestation(key_attestation, keys, intended)
            if intended.key_attestation_asked:
                keys = [keys[0], *(key for key in keys[1:] if key.did_url is not None)]
        claims: dict[str, Any] = {"aud": intended.audience, "iat": intended.now}
        if intended.nonce is not None:
            claims["nonce"] = intended.nonce
        if intended.client_id is not None:
            # "MUST be omitted if the access token ... was obtained ... through anonymous access to the token endpoint" -- F.1
            claims["iss"] = intended.client_id
        payload = _json.dump_bytes(claims)
        headers = (_header(key, intended, key_attestation) for key in keys)
        return UnsignedJwtProofs(
            tuple(
                UnsignedJwt(key.signer, _jose.signing_input(header, payload)) for key, header in zip(keys, headers, strict=True)
            )
        )


def _check_algorithm(algorithm: str, intended: Intended, whose: str) -> None:
    if intended.algorithms is not None and algorithm not in intended.algorithms:
        # "MUST match one of the values listed in the `proof_signing_alg_values_supported`" -- OID4VCI F.1, also of attestations
        raise ValueError(f"the issuer takes {whose} by {', '.join(map(str, intended.algorithms))}, not {algorithm}")


def _check_attestation(key_attestation: str, keys: Sequence[HolderKey], intended: Intended) -> None:
    attested = AttestedKeys.read(key_attestation, nonce=intended.nonce, now=intended.now)
    if attested.expires_at is None:
        # "MUST be present if the attestation is used with the JWT proof type" -- OID4VCI D.1
        raise ValueError("a key attestation that goes with a jwt proof needs exp")
    _check_algorithm(attested.algorithm, intended, "key attestations")
    if not {key.public_key for key in keys} <= set(attested.keys):
        raise ValueError("the key attestation is not for all of these keys")


def _header(key: HolderKey, intended: Intended, key_attestation: str | None) -> dict[str, Any]:
    _check_algorithm(key.signer.algorithm, intended, "proofs")
    header: dict[str, Any] = {"typ": TYP, "alg": key.signer.algorithm}
    if key.did_url is not None:
        header["kid"] = key.did_url
    elif key.x5c:
        from oid4vci import x509

        header["x5c"] = x509.encode_x5c(key.x5c)
    else:
        header["jwk"] = dict(key.signer.public_jwk)
    if key_attestation is not None:
        header["key_attestation"] = key_attestation
    return header


@frozen
class UnsignedJwtProofs:
    """`jwt` proofs that lack their signatures only."""

    jwts: tuple[UnsignedJwt, ...] = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What the keys outside this process must sign."""
        return to_sign(self.jwts)

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        """The array of JWTs, with one signature for each element of `to_sign`, in its order. Raises `ValueError`."""
        return list(signed(self.jwts, signatures))
