"""Issuer: Credential Issuer Metadata as a signed JWT (OID4VCI 12.2.3)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import Factory, field, frozen

from oid4vci import _jose
from oid4vci._json import dump_bytes
from oid4vci.keys import Signer, SigningInput
from oid4vci.unsigned_jwt import UnsignedJwt, signed, to_sign

__all__ = ("REGISTERED_CLAIMS", "TYPE", "MetadataSigner", "SignedMetadataDraft")

TYPE: Final = "openidvci-issuer-metadata+jwt"
REGISTERED_CLAIMS: Final = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti"))
"""Claims that a JWT has for itself (RFC 7519 4.1): none of them is a metadata parameter."""

DAY: Final = 86_400


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


def _kid(signing: "MetadataSigner") -> str | None:
    return None if signing.x5c else signing.signer.key_id


def _refresh(signing: "MetadataSigner") -> int:
    return DAY // 2 if signing.lifetime is None else max(1, signing.lifetime // 2)


@frozen(kw_only=True)
class MetadataSigner:
    """Makes signed metadata: with which key, and how long they hold.

    - `signer`: the key; every algorithm that there is makes digital signatures.
    - `x5c`: its certificate and those that lead towards the anchor, DER, leaf first, with nothing self-signed (HAIP 4.1). It should
      name the issuer among its subject alternative names: the Wallet of this library demands that unless it is told otherwise.
    - `kid`: the key id in the header, by default that of the signer if there is no `x5c`; for a DID, the DID URL of the key.
    - `lifetime`: seconds until `exp`; None for metadata that do not expire.
    - `iss`: the party that attests to the metadata, if they are to name it; it need not be the issuer.
    - `refresh`: seconds after which they are signed anew; by default half the lifetime.

    Raises `ValueError` for what does not fit together.
    """

    signer: Signer
    x5c: tuple[bytes, ...] = field(default=(), converter=_chain, repr=False)
    kid: str | None = Factory(_kid, takes_self=True)
    lifetime: int | None = DAY
    iss: str | None = None
    refresh: int = Factory(_refresh, takes_self=True)

    def __attrs_post_init__(self) -> None:
        if self.lifetime is not None and self.lifetime < 1:
            raise ValueError("lifetime must be positive")
        if self.refresh < 1 or (self.lifetime is not None and self.refresh > self.lifetime):
            raise ValueError("refresh must be positive, and not after the end of the lifetime")
        if self.iss == "" or self.kid == "":
            raise ValueError("iss and kid must not be empty")
        if self.x5c:
            from oid4vci import x509

            x509.check_own_chain(self.x5c, self.signer.public_jwk)

    def draft(self, metadata: Mapping[str, Any], *, now: int) -> "SignedMetadataDraft":
        """The JWT of these metadata, a JSON object (`CredentialIssuerMetadata.to_json`), but for its signature.

        `now`: seconds since the epoch. Raises `ValueError` if a metadata parameter has the name of a claim that JWTs have for
        themselves.
        """
        if not REGISTERED_CLAIMS.isdisjoint(metadata):
            raise ValueError(f"metadata to be signed must have none of {', '.join(sorted(REGISTERED_CLAIMS))}")
        header: dict[str, Any] = {"alg": self.signer.algorithm, "typ": TYPE}
        if self.kid is not None:
            header["kid"] = self.kid
        if self.x5c:
            from oid4vci import x509

            header["x5c"] = x509.encode_x5c(self.x5c)
        claims: dict[str, Any] = {} if self.iss is None else {"iss": self.iss}
        claims |= {"sub": metadata["credential_issuer"], "iat": now}
        if self.lifetime is not None:
            claims["exp"] = now + self.lifetime
        # "All metadata parameters used by the Credential Issuer MUST be added as top-level claims" -- OID4VCI 12.2.3
        data = _jose.signing_input(header, dump_bytes({**claims, **metadata}))
        return SignedMetadataDraft(UnsignedJwt(self.signer, data))


@frozen
class SignedMetadataDraft:
    """Signed metadata that lack only their signature."""

    _jwt: UnsignedJwt

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is a `LocalSigner`."""
        return to_sign((self._jwt,))

    def finish(self, signatures: Sequence[bytes] = ()) -> str:
        """The JWT, to be served as `application/jwt`. `signatures`: one for each element of `to_sign`. Raises `ValueError`."""
        return signed((self._jwt,), signatures)[0]
