"""What a key attestation says, as the Wallet reads it before it sends it on. Whether it is genuine, the issuer finds out."""

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.keys import PublicKey
from oid4vci.proofs.key_attestation import attested_keys, parse_key_attestation

__all__ = ("AttestedKeys",)


@frozen(kw_only=True)
class AttestedKeys:
    """The keys that a key attestation is for, each once, and what it says of them (OID4VCI D.1). Nothing was verified.

    `algorithm` is that of its signature, `certified` says whether it has an `x5c`. Levels are empty if none is claimed.
    `expires_at` is in seconds since the epoch.
    """

    keys: tuple[PublicKey, ...]
    algorithm: str
    certified: bool = False
    nonce: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    key_storage: tuple[str, ...] = ()
    user_authentication: tuple[str, ...] = ()

    @classmethod
    def read(cls, key_attestation: str, *, nonce: str | None, now: int) -> "AttestedKeys":
        """Read a key attestation that can be sent now.

        `nonce` is the `c_nonce` that it must have, None if the issuer has no Nonce Endpoint. Raises `ValueError` for one that lacks
        something, has expired, or was made for another nonce.
        """
        try:
            jws, claims = parse_key_attestation(key_attestation)
            read = cls(
                keys=attested_keys(claims["attested_keys"]),
                algorithm=jws.algorithm,
                certified="x5c" in jws.header,
                nonce=claims.get("nonce"),
                expires_at=claims.get("exp"),
                key_storage=tuple(claims.get("key_storage", ())),
                user_authentication=tuple(claims.get("user_authentication", ())),
            )
        except Malformed as error:
            raise error.within("key_attestation") from None
        if read.expires_at is not None and read.expires_at <= now:
            raise ValueError("the key attestation has expired")
        # "the `c_nonce` value ... MUST be provided in the key attestation's `nonce` parameter" -- OID4VCI F.3; F.1 says the same
        if nonce is not None and read.nonce != nonce:
            raise ValueError("the nonce of the key attestation must be the c_nonce")
        return read
