"""The attester's side of key attestations (OID4VCI D): what a Wallet Provider, or a key storage component itself, signs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oid4vci import _jose, _json
from oid4vci._document import strings
from oid4vci.keys import PublicKey, Signer, public_key
from oid4vci.proofs.key_attestation import TYP, check_claims
from oid4vci.revocation import StatusReference

__all__ = ("key_attestation_signing_input",)

_MEMBERS = frozenset(
    ("iss", "iat", "exp", "attested_keys", "key_storage", "user_authentication", "certification", "nonce", "status")
)


def key_attestation_signing_input(
    signer: Signer,
    *,
    x5c: Sequence[bytes] = (),
    issuer: str | None = None,
    attested_keys: Sequence[PublicKey | Mapping[str, Any]],
    now: int,
    lifetime: int | None = None,
    nonce: str | None = None,
    key_storage: Iterable[str] = (),
    user_authentication: Iterable[str] = (),
    certification: str | None = None,
    status: StatusReference | Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """What an attester signs for keys of one key storage component, after it has made sure of all that is said here (D, D.1).

    - `x5c`: the signer's certificate and those that lead towards the anchor, DER, leaf first, without the anchor (HAIP 4.5.1).
      Without certificates, the header has the signer's `key_id` as `kid`.
    - `issuer`: the identifier of the attester, by which it is known where it has no certificate.
    - `attested_keys`: public keys, or their JWKs, each once. Of a JWK, `kid` and `alg` are kept.
    - `lifetime`: seconds from `now`. Required by D.1 if the attestation goes with a `jwt` proof.
    - `nonce`: the issuer's `c_nonce`, where it has a Nonce Endpoint.
    - `key_storage`, `user_authentication`: values of D.2, such as `HIGH`, or others that the ecosystem has.
    - `certification`: the URL of the key storage component's certification.
    - `status`: where the attestation's status is published. `extra`: further claims.

    Raises `ValueError`.
    """
    header: dict[str, Any] = {"typ": TYP, "alg": signer.algorithm}
    if x5c:
        from oid4vci import x509

        x509.check_own_chain(x5c, signer.public_jwk)
        header["x5c"] = x509.encode_x5c(x5c)
    else:
        header["kid"] = signer.key_id
    if lifetime is not None and lifetime < 1:
        raise ValueError("lifetime must be positive")
    keys = [key if isinstance(key, PublicKey) else public_key(key) for key in attested_keys]
    if len(set(keys)) != len(keys):
        raise ValueError("each key is attested once")
    known = {
        "iss": issuer,
        "iat": now,
        "exp": None if lifetime is None else now + lifetime,
        "attested_keys": [_jwk(key) for key in keys],
        "key_storage": list(strings(key_storage)) or None,
        "user_authentication": list(strings(user_authentication)) or None,
        "certification": certification,
        "nonce": nonce,
        "status": status.status if isinstance(status, StatusReference) else status,
    }
    taken = _MEMBERS & (extra or {}).keys()
    if taken:
        raise ValueError(f"extra must not have {', '.join(sorted(taken))}")
    claims = {**{name: value for name, value in known.items() if value is not None}, **(extra or {})}
    check_claims(claims)
    return _jose.signing_input(header, _json.dump_bytes(claims))


def _jwk(key: PublicKey) -> dict[str, str]:
    return {**key.jwk, **{name: value for name, value in (("kid", key.kid), ("alg", key.alg)) if value is not None}}
