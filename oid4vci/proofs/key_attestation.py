"""Key attestations (OID4VCI D): what is known of the keys of a Wallet, and of how they are kept, by the word of an attester."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._jose import Jws
from oid4vci._json import Malformed
from oid4vci.attesters import Attesters, AttesterSignature, key_sources
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, public_key
from oid4vci.metadata import AlgorithmIdentifier, KeyAttestationsRequired
from oid4vci.revocation import CertificateReference, Statuses, StatusRef, StatusReference
from oid4vci.signed_jwt import KeySource, check_numbers, check_times, text

if TYPE_CHECKING:
    from oid4vci.x509 import Anchors

__all__ = (
    "BASIC",
    "ENHANCED_BASIC",
    "HIGH",
    "MODERATE",
    "TYP",
    "KeyAttestation",
    "KeyAttestations",
    "ReadKeyAttestation",
    "attested_keys",
)

TYP: Final = "key-attestation+jwt"
HIGH: Final = "iso_18045_high"
MODERATE: Final = "iso_18045_moderate"
ENHANCED_BASIC: Final = "iso_18045_enhanced-basic"
BASIC: Final = "iso_18045_basic"
"""Attack potential resistance (OID4VCI D.2)."""

MAX_KEY_ATTESTATION: Final = 65_536
MAX_ATTESTED_KEYS: Final = 256
MAX_LEVELS: Final = 32
MAX_TEXT: Final = 2048


@frozen(kw_only=True)
class KeyAttestation:
    """A key attestation that was verified.

    `keys` are the attested keys, each once. `key_storage` and `user_authentication` are the levels that hold, None if none is
    claimed. `issuer` is the `iss`, which an attester that is known by its certificate says of itself; `certificate` is the
    attester's in DER, if it is known by that. Times are seconds since the epoch. `claims` are all that it says.
    """

    keys: tuple[PublicKey, ...]
    issued_at: float
    expires_at: float | None = None
    key_storage: tuple[str, ...] | None = None
    user_authentication: tuple[str, ...] | None = None
    certification: str | None = None
    nonce: str | None = field(default=None, repr=False)
    status: Mapping[str, Any] | None = None
    issuer: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    claims: Mapping[str, Any] = field(factory=dict, repr=False)

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any], *, keys: tuple[PublicKey, ...], certificate: bytes | None) -> Self:
        """What claims say that were verified. `keys` are the usable ones among `attested_keys`."""
        return cls(
            keys=keys,
            issued_at=claims["iat"],
            expires_at=claims.get("exp"),
            key_storage=_levels(claims, "key_storage"),
            user_authentication=_levels(claims, "user_authentication"),
            certification=claims.get("certification"),
            nonce=claims.get("nonce"),
            status=claims.get("status"),
            issuer=claims.get("iss"),
            certificate=certificate,
            claims=claims,
        )


@frozen(kw_only=True)
class KeyAttestations:
    """Whose key attestations an issuer believes, and how it checks them.

    Who may attest:

    - `anchors`: the authorities under which attesters hold certificates, and none for another purpose. An `x5c` must lead to one,
      without holding it (HAIP 4.5.1); names in it prove nothing.
    - `attesters`: attesters known by their `iss`, with their keys or the URL of their JWK Set. These keys alone serve for that
      `iss`, whatever certificates an attestation brings. One without `iss` and `x5c` may be by any of them.
    - `purpose`: an extended key usage (dotted) that the leaf of `x5c` must have.
    - `require_x5c`: an attestation without `x5c` is refused (HAIP 4.5.1), and known keys are of no use.

    How they are checked:

    - `max_age`: seconds since `iat`, where nothing else shows that an attestation is fresh: no nonce, since the issuer has no Nonce
      Endpoint, and no proof in whose header it stands (OID4VCI F.4). None: until its `exp`, if it has one.
    - `max_skew`: the seconds that `iat` and `nbf` may lie in the future.
    - `check_status`: whether an attestation that has a `status` must be found to stand. One that refers to no mechanism that is
      known (the Token Status List is) is then refused.
    - `check_certificates`: whether each certificate of `x5c` must be found not to be revoked.

    Raises `ValueError` if nobody is trusted, and for an attester whose keys would be in a DID document: DIDs are resolved for
    holders, of the methods that Credentials are bound to.
    """

    anchors: "Anchors | None" = None
    attesters: Mapping[str, KeySource] = field(factory=dict, converter=key_sources, repr=False)
    purpose: str | None = None
    require_x5c: bool = False
    max_age: int | None = 300
    max_skew: int = 60
    check_status: bool = True
    check_certificates: bool = False
    _trusted: Attesters = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.max_skew < 0 or (self.max_age is not None and self.max_age < 1):
            raise ValueError("max_age must be positive, and max_skew must not be negative")
        if self.check_certificates and self.anchors is None:
            raise ValueError("what is required of x5c needs anchors")
        if any(isinstance(each, KeyReference) and each.url.startswith("did:") for each in self.attesters.values()):
            raise ValueError("an attester is known by its keys or by the URL of its JWK Set, not by a DID")
        trusted = Attesters(anchors=self.anchors, known=self.attesters, purpose=self.purpose, require_x5c=self.require_x5c)
        object.__setattr__(self, "_trusted", trusted)

    def read(self, token: Any) -> "ReadKeyAttestation":
        """Take a key attestation apart and make every check that needs no clock and no key (OID4VCI D.1). Raises `Malformed`."""
        jws, claims = parse_key_attestation(token)
        reference = None
        if self.check_status and "status" in claims:
            try:
                reference = StatusReference.of(claims["status"])
            except Malformed as error:
                raise error.within("status") from None
        return ReadKeyAttestation(self, self._trusted.signature(jws, claims), claims, reference)


def parse_key_attestation(token: Any) -> tuple[Jws, Mapping[str, Any]]:
    """A key attestation taken apart, with all that D.1 requires, and not believed. Raises `Malformed`."""
    if not isinstance(token, str):
        raise Malformed("must be a string")
    jws = _jose.parse(token, max_bytes=MAX_KEY_ATTESTATION)
    _check_header(jws)
    claims = jws.claims()
    check_claims(claims)
    return jws, claims


def _check_header(jws: Jws) -> None:
    header = jws.header
    if header.get("typ") != TYP:
        raise Malformed(f"typ must be {TYP}", "header")
    # "When used for signature verification, the header parameter `kid` MUST be present." -- OID4VCI F.1, to which D.1 refers
    if "trust_chain" in header and "kid" not in header:
        raise Malformed("trust_chain needs kid", "header")
    if "jwk" in header:
        # It makes nobody an attester, but "the header parameter does not contain a private key" -- OID4VCI F.4
        try:
            public_key(header["jwk"])
        except Malformed as error:
            raise error.within("header.jwk") from None


def check_claims(claims: Mapping[str, Any]) -> None:
    """The claims are there, and of the types and within the bounds that they have (OID4VCI D.1). Raises `Malformed`."""
    check_numbers(claims, "iat")
    keys = claims.get("attested_keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_ATTESTED_KEYS:
        raise Malformed(f"must be an array of 1 to {MAX_ATTESTED_KEYS} keys", "attested_keys")
    for name in claims.keys() & {"key_storage", "user_authentication"}:
        levels = claims[name]
        if not isinstance(levels, list) or not 1 <= len(levels) <= MAX_LEVELS:
            raise Malformed(f"must be an array of 1 to {MAX_LEVELS} strings", name)
        if not all(isinstance(level, str) and 1 <= len(level) <= MAX_TEXT for level in levels):
            raise Malformed(f"must hold strings of 1 to {MAX_TEXT} characters", name)
    for name in claims.keys() & {"iss", "certification"}:
        text(claims, name, MAX_TEXT)
    if not isinstance(claims.get("nonce", ""), str):
        raise Malformed("must be a string", "nonce")
    if not isinstance(claims.get("status", {}), Mapping):
        raise Malformed("must be an object", "status")


@frozen
class ReadKeyAttestation:
    """A key attestation: parsed, nothing believed."""

    checks: KeyAttestations = field(repr=False)
    _signature: AttesterSignature = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    _status: StatusReference | None = field(repr=False)

    @property
    def nonce(self) -> str | None:
        """The `nonce`, None if there is none."""
        nonce: str | None = self.claims.get("nonce")
        return nonce

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Where the attester publishes its keys, if it is known by that."""
        return self._signature.key_refs

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """What may have been revoked, to be found out before `verify`.

        A status list is named by the attestation itself. Where the attester's key is known without asking, nothing is listed unless
        the signature verifies. Where `key_refs` must be resolved first, anybody may have made it: the caller then fetches only
        from places that it knows to be those of attesters.
        """
        if self._status is None and not self.checks.check_certificates:
            return ()
        if not self.key_refs:
            try:
                # At the time of its own issuance: whether it holds now is found out in `verify`.
                self._signature.verify(keys={}, now=self.claims["iat"])
            except Malformed:
                return ()
        return (*(() if self._status is None else (self._status,)), *self._certificate_refs)

    @property
    def _certificate_refs(self) -> tuple[CertificateReference, ...]:
        return self._signature.certificate_refs if self.checks.check_certificates else ()

    def verify(
        self,
        *,
        algorithms: Collection[AlgorithmIdentifier],
        required: KeyAttestationsRequired | None,
        max_keys: int,
        exp_required: bool,
        audience: str,
        nonce: bool,
        keys: ResolvedKeys,
        statuses: Statuses,
        now: int,
    ) -> KeyAttestation:
        """Make every check that is left, and believe what the attestation says.

        - `algorithms`, `required`: what the configuration says for the proof type. `max_keys`: the batch size.
        - `exp_required`: whether it came with a `jwt` proof: `exp` is required then, and the proof shows that it is fresh.
        - `audience`: the Credential Issuer Identifier, which an `aud` must have, if there is one.
        - `nonce`: whether the issuer has a Nonce Endpoint. The value is the caller's to check.
        - `keys`, `statuses`: what `key_refs` and `status_refs` led to. `now`: seconds since the epoch.

        Raises `Malformed`.
        """
        claims, checks = self.claims, self.checks
        if exp_required and "exp" not in claims:
            # "MUST be present if the attestation is used with the JWT proof type" -- OID4VCI D.1
            raise Malformed("is missing", "exp")
        if "aud" in claims and audience not in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]):
            # D.1 has no such claim, but whom it does not name "MUST" reject the JWT (RFC 7519 4.1.3).
            raise Malformed("does not have the Credential Issuer Identifier", "aud")
        check_times(claims, now=now, max_skew=checks.max_skew)
        # "the creation time of the JWT ... is within an acceptable window" -- OID4VCI F.4
        if not (nonce or exp_required or checks.max_age is None) and claims["iat"] < now - checks.max_age:
            raise Malformed("is too long ago", "iat")
        revoked = statuses if checks.check_certificates else None
        self._signature.verify(keys=keys, algorithms=algorithms, now=now, statuses=revoked)
        attested = attested_keys(claims["attested_keys"], max_keys)
        if required is not None:
            _check_level(claims, "key_storage", required.key_storage)
            _check_level(claims, "user_authentication", required.user_authentication)
        self._check_statuses(statuses)
        certificates = self._signature.certificates
        return KeyAttestation.of_claims(claims, keys=attested, certificate=certificates[0] if certificates else None)

    def _check_statuses(self, statuses: Statuses) -> None:
        if self.checks.check_status and "status" in self.claims:
            if self._status is None:
                raise Malformed("refers to no status mechanism that is known", "status")
            if statuses.get(self._status) != 0:
                raise Malformed("was revoked, or its status could not be found out", "status")


def attested_keys(jwks: Sequence[Any], maximum: int = MAX_ATTESTED_KEYS) -> tuple[PublicKey, ...]:
    """The keys of `attested_keys`, each once. Raises `Malformed` if one cannot be used, or if there are more."""
    found: dict[PublicKey, None] = {}
    for index, jwk in enumerate(jwks):
        try:
            key = public_key(jwk)
            if not key.signs:
                raise Malformed("is not that of signatures by this kind of key", "alg")
            found.setdefault(key)
        except Malformed as error:
            raise error.within(f"attested_keys[{index}]") from None
        if len(found) > maximum:
            raise Malformed("has more keys than the batch size allows", "attested_keys")
    return tuple(found)


def _levels(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    return tuple(claims[name]) if name in claims else None


def _check_level(claims: Mapping[str, Any], name: str, accepted: Collection[str] | None) -> None:
    """At least one of the values "accepted by the Credential Issuer" (OID4VCI 12.2.4), "case sensitive strings" (D.1), is there."""
    if accepted is None:
        return
    if name not in claims:
        raise Malformed("is missing", name)
    if set(accepted).isdisjoint(claims[name]):
        raise Malformed("has no value that the issuer accepts", name)
