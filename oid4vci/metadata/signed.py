"""Wallet: signed Credential Issuer Metadata, verified (OID4VCI 12.2.3, HAIP 4.1).

Rule 1: a signer is believed because the trust given says so, never because of what the JWT brings along.
Rule 2: nothing in the payload is looked at before the signature has verified.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._jose import DEFAULT_ALGORITHMS, Jws
from oid4vci._json import Malformed
from oid4vci.errors import Untrusted
from oid4vci.http import MAX_BODY
from oid4vci.keys import PublicKey
from oid4vci.metadata.signing import REGISTERED_CLAIMS, TYPE
from oid4vci.signed_jwt import fitting_keys, verify_with

if TYPE_CHECKING:
    from oid4vci.trust import Trust

__all__ = ("LEEWAY", "SignedMetadata")

LEEWAY: Final = 60
MAX_ISS: Final = 2048


@frozen(kw_only=True)
class SignedMetadata:
    """Credential Issuer Metadata that somebody whom the Wallet trusts has signed.

    - `issuer`: the party that attests to them (`iss`), None if the JWT does not say. It is the signer's word.
    - `key`: with which they verified; `certificate` is its certificate in DER, None if the trust names the key itself.
    - `issued_at`, `expires_at`: in seconds since the epoch; None: they do not expire.
    - `parameters`: the metadata.
    - `jwt`, `verified_at`: what was received and when, to verify it again.
    """

    jwt: str = field(repr=False)
    verified_at: int
    issuer: str | None
    key: PublicKey
    certificate: bytes | None = field(repr=False)
    issued_at: int
    expires_at: int | None
    parameters: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def verify(cls, jwt: str, *, credential_issuer: str, trust: "Trust", now: int, leeway: int = LEEWAY) -> "SignedMetadata":
        """The metadata that were fetched for `credential_issuer`, verified at `now`, in seconds since the epoch.

        `leeway`: seconds by which clocks may differ. Raises `Malformed`, and `Untrusted` if nobody, or not this signer, is trusted
        to sign them.
        """
        jws = _jose.parse(jwt, max_bytes=MAX_BODY)
        # "typ: REQUIRED. MUST be openidvci-issuer-metadata+jwt" -- OID4VCI 12.2.3
        if jws.header.get("typ") != TYPE:
            raise Malformed(f"typ must be {TYPE}", "header")
        # None of these is `none` or a MAC.
        if jws.algorithm not in DEFAULT_ALGORITHMS:
            raise Malformed("alg is not an accepted algorithm", "header")
        key, certificate = _verified_key(jws, credential_issuer, trust, now)
        claims = _json.object_from(jws.payload, max_bytes=MAX_BODY)
        # The signer of one issuer's metadata has nothing to say about another issuer.
        for name in ("sub", "credential_issuer"):
            if claims.get(name) != credential_issuer:
                raise Malformed("must be the Credential Issuer that the metadata were requested for", name)
        issuer = claims.get("iss")
        if issuer is not None and not (isinstance(issuer, str) and 1 <= len(issuer) <= MAX_ISS):
            raise Malformed(f"must be a string of 1 to {MAX_ISS} characters", "iss")
        issued_at, expires_at = _check_times(claims, now, leeway)
        return cls(
            jwt=jwt,
            verified_at=now,
            issuer=issuer,
            key=key,
            certificate=certificate,
            issued_at=issued_at,
            expires_at=expires_at,
            parameters={name: value for name, value in claims.items() if name not in REGISTERED_CLAIMS},
        )


def _verified_key(jws: Jws, credential_issuer: str, trust: "Trust", now: int) -> tuple[PublicKey, bytes | None]:
    """The key that has made the signature, and its certificate. Keys that are named for an issuer are the only ones for it."""
    pinned = trust.metadata_keys.get(credential_issuer)
    if pinned is not None:
        return verify_with(jws, fitting_keys(jws, (pinned,), {}), algorithms=DEFAULT_ALGORITHMS), None
    anchors = trust.metadata_anchors
    if anchors is None or not anchors.certificates:
        # "Otherwise, the Wallet MUST reject the signed metadata." -- OID4VCI 12.2.3
        raise Untrusted("nobody is trusted to sign the metadata of this issuer")
    from oid4vci import x509

    chain = x509.decode_x5c(jws.header.get("x5c"))
    statuses = None if trust.check_statuses is None else trust.check_statuses(x509.references(chain, anchors), now)
    # "the trust anchor MUST NOT be included", "the certificate signing the request MUST NOT be self-signed" -- HAIP 4.1
    try:
        leaf = x509.verify_sent(chain, anchors, now=now, statuses=statuses)
    except Malformed as error:
        raise error.within("x5c") from None
    _jose.verify(jws, leaf.key, algorithms=DEFAULT_ALGORITHMS)
    if not trust.signs_metadata(credential_issuer, leaf):
        raise Untrusted("the certificate is not that of somebody who is trusted to sign the metadata of this issuer")
    return leaf.key, leaf.der


def _check_times(claims: Mapping[str, Any], now: int, leeway: int) -> tuple[int, int | None]:
    """`iat` is an integer and has come, `exp` is to come, `nbf` has come; clocks may differ by `leeway`."""
    for name in ("iat", "exp", "nbf"):
        value = claims.get(name)
        if (name in claims or name == "iat") and (isinstance(value, bool) or not isinstance(value, int)):
            raise Malformed("must be an integer", name)
    if claims.get("exp", now + 1) + leeway <= now:
        raise Malformed("is over", "exp")
    for name in ("iat", "nbf"):
        if claims.get(name, now) > now + leeway:
            raise Malformed("is in the future", name)
    return claims["iat"], claims.get("exp")
