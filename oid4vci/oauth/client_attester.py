"""The attester's side of `attest_jwt_client_auth`: what a Wallet Provider signs for each instance of its Wallet.

Sections are those of draft-ietf-oauth-attestation-based-client-auth-07.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oid4vci import _jose, _json
from oid4vci.keys import Signer, public_key
from oid4vci.oauth.client_attestation import ATTESTATION_TYP

__all__ = ("client_attestation_signing_input",)


def client_attestation_signing_input(
    signer: Signer,
    *,
    x5c: Sequence[bytes] = (),
    issuer: str,
    client_id: str,
    jwk: Mapping[str, Any],
    now: int,
    lifetime: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """What an attester (a Wallet Provider) signs for one instance of its client (section 5.1, OID4VCI E).

    - `x5c`: the signer's certificate and those that lead towards the anchor, DER, leaf first, without the anchor (HAIP 4.4.1).
      Without certificates, the header has the signer's `key_id` as `kid`.
    - `issuer`: the identifier of the attester. `client_id`: that of the client software, the same for all its instances (OID4VCI
      15.4.4). `jwk`: the public key of the instance.
    - `lifetime`: seconds from `now`, within which the instance can use the attestation again and again.
    - `extra`: further claims: `wallet_name`, `wallet_link`, `status`.

    Raises `ValueError`.
    """
    if lifetime < 1:
        raise ValueError("lifetime must be positive")
    header: dict[str, Any] = {"typ": ATTESTATION_TYP, "alg": signer.algorithm}
    if x5c:
        from oid4vci import x509

        x509.check_own_chain(x5c, signer.public_jwk)
        header["x5c"] = x509.encode_x5c(x5c)
    else:
        header["kid"] = signer.key_id
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": client_id,
        "iat": now,
        "exp": now + lifetime,
        "cnf": {"jwk": dict(public_key(jwk).jwk)},
    }
    taken = claims.keys() & (extra or {}).keys()
    if taken:
        raise ValueError(f"extra must not have {', '.join(sorted(taken))}")
    return _jose.signing_input(header, _json.dump_bytes({**claims, **(extra or {})}))
