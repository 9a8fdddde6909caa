"""JWTs in which every part can be wrong: key proofs, DPoP proofs, client assertions, attestations."""

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from oid4vci import _jose
from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.keys import LocalSigner
from oid4vci.secret import new_secret

__all__ = (
    "Jwt",
    "client_assertion",
    "client_attestation_pop",
    "dpop_proof",
    "key_attestation",
    "key_proof",
    "private_jwk",
    "token",
)


@frozen
class Jwt:
    """A JWT that is good until some of it is changed. As `str`, it is signed."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signer: LocalSigner

    def changed(
        self, *, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None, by: LocalSigner | None = None
    ) -> "Jwt":
        """The same with other members; those that are None are left out. `by` signs it instead, whatever the header says."""
        return evolve(
            self,
            header=_without_none({**self.header, **(header or {})}),
            claims=_without_none({**self.claims, **(claims or {})}),
            signer=by or self.signer,
        )

    def __str__(self) -> str:
        data = _jose.signing_input(self.header, dump_bytes(self.claims))
        return _jose.compact(data, self.signer.sign(data))

    @property
    def unsigned(self) -> str:
        """The same with `alg` `none`, and no signature (RFC 7519 6)."""
        return _jose.compact(_jose.signing_input({**self.header, "alg": "none"}, dump_bytes(self.claims)), b"")

    @property
    def broken(self) -> str:
        """The same with a signature of which one bit is another."""
        data = _jose.signing_input(self.header, dump_bytes(self.claims))
        signature = bytearray(self.signer.sign(data))
        signature[-1] ^= 1
        return _jose.compact(data, bytes(signature))


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def token(size: int = 24) -> str:
    """A value that nobody has seen before."""
    return b64url_encode(new_secret(size))


def private_jwk(signer: LocalSigner) -> dict[str, Any]:
    """The public JWK with what must never be in it. It is no key: the member alone is what is looked for."""
    return {**signer.public_jwk, "d": b64url_encode(new_secret(32))}


def dpop_proof(
    key: LocalSigner, *, method: str, url: str, now: int, nonce: str | None = None, access_token: str | None = None
) -> Jwt:
    """A DPoP proof for one request (RFC 9449 4.2)."""
    ath = None if access_token is None else b64url_encode(hashlib.sha256(access_token.encode()).digest())
    claims = {"jti": token(), "htm": method, "htu": url.partition("?")[0], "iat": now, "nonce": nonce, "ath": ath}
    return Jwt({"typ": "dpop+jwt", "alg": key.algorithm, "jwk": dict(key.public_jwk)}, _without_none(claims), key)


def key_proof(
    key: LocalSigner, *, audience: str, now: int, nonce: str | None, client_id: str | None, kid: str | None = None
) -> Jwt:
    """A `jwt` proof (OID4VCI F.1). With a `kid`, it names the key instead of `jwk`."""
    named = {"jwk": dict(key.public_jwk)} if kid is None else {"kid": kid}
    claims = {"aud": audience, "iat": now, "nonce": nonce, "iss": client_id}
    return Jwt({"typ": "openid4vci-proof+jwt", "alg": key.algorithm, **named}, _without_none(claims), key)


def client_assertion(signer: LocalSigner, *, client_id: str, audience: str, now: int) -> Jwt:
    """What `private_key_jwt` sends (RFC 7523 3)."""
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": token(), "iat": now, "exp": now + 60}
    return Jwt({"alg": signer.algorithm, "kid": signer.key_id}, claims, signer)


def client_attestation_pop(key: LocalSigner, *, client_id: str, audience: str, now: int, challenge: str | None) -> Jwt:
    """The proof of possession beside a client attestation (draft-ietf-oauth-attestation-based-client-auth-07 5.2)."""
    claims = {"iss": client_id, "aud": audience, "jti": token(), "iat": now, "challenge": challenge}
    return Jwt({"typ": "oauth-client-attestation-pop+jwt", "alg": key.algorithm}, _without_none(claims), key)


def key_attestation(signer: LocalSigner, *keys: LocalSigner, now: int, nonce: str | None) -> Jwt:
    """A key attestation (OID4VCI D.1) by somebody whom nobody trusts."""
    claims = {"iat": now, "exp": now + 300, "attested_keys": [dict(key.public_jwk) for key in keys], "nonce": nonce}
    header = {"typ": "key-attestation+jwt", "alg": signer.algorithm, "kid": signer.key_id}
    return Jwt(header, _without_none(claims), signer)
