"""SD-JWT VC, the format `dc+sd-jwt` (OID4VCI A.3, draft-ietf-oauth-sd-jwt-vc): encoder for issuers, verifier for Wallets.

What an SD-JWT is stands in `sd_jwt`, how one is made in `sd_jwt_template`; here is what its claims and header mean as a credential.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import Factory, field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed, b64url_encode, dump_bytes, dumps
from oid4vci.claims import ClaimsPath, ClaimsSemantics
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, sd_jwt
from oid4vci.formats.copies import Copies, SignedCopies, check_status
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.sd_jwt_template import Hiding, Template, hiding
from oid4vci.formats.validity import DAY, check_now, check_settings, default_granularity, issued_and_expires
from oid4vci.keys import PublicKey, Signer, public_key
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.secret import NewSecret
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("EVERY_CLAIM", "FORMAT", "SD_JWT_VC", "SdJwtVcEncoder", "SdJwtVcVerifier")

FORMAT: Final = "dc+sd-jwt"

EVERY_CLAIM: Final = "every claim"
"""Makes each top-level claim of a dataset disclosable, apart from those that never are."""

# What a Verifier needs to decide whether to believe a credential at all (draft-ietf-oauth-sd-jwt-vc, RFC 9901 9.7).
_ALWAYS_DISCLOSED: Final = frozenset(("iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"))
_NOT_HIDDEN: Final = _ALWAYS_DISCLOSED | {"aud"}
_SEMANTICS: Final = ClaimsSemantics(always=frozenset((name,) for name in (*_ALWAYS_DISCLOSED, "iat")))
_SET_HERE: Final = frozenset(("iss", "iat", "nbf", "exp", "cnf", "vct", "_sd", "_sd_alg", "..."))


# --- issuer -----------------------------------------------------------------------------------------------------------------


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


def _granularity(encoder: "SdJwtVcEncoder") -> int:
    return default_granularity(encoder.lifetime)


def _kid(encoder: "SdJwtVcEncoder") -> str | None:
    return None if encoder.x5c else encoder.signer.key_id


@frozen(kw_only=True)
class SdJwtVcEncoder:
    """Makes SD-JWT VCs of one Credential Configuration.

    - `signer`: the issuer's key.
    - `x5c`: its certificate and those that lead towards the anchor, DER, leaf first. A self-signed certificate is refused: the
      anchor must not be sent, nor may the leaf be self-signed (HAIP 6.1.1).
    - `kid`: the key id in the header, by default that of the signer if there is no `x5c`.
    - `disclosable`: claims path pointers of the claims that the holder can withhold, or `EVERY_CLAIM`. With a path and one beneath
      it, both can be withheld separately. `iat` and `sub` may be among them.
    - `decoys`: digests without meaning for each object that has disclosable members (RFC 9901 4.2.5).
    - `hash_algorithm`: `sha-256`, `sha-384` or `sha-512`.
    - `lifetime`: seconds until `exp`; None for a credential that does not expire.
    - `not_before`: whether there is an `nbf`, equal to `iat`.
    - `time_granularity`: seconds to whose multiples `iat`, `nbf` and `exp` are rounded down, so that they link no two
      presentations (OID4VCI 15.4.1); `exp` is then up to that much earlier, so it must fit twice into `lifetime`. By default a
      day, or an hour, a minute or a second for short lifetimes.
    - `include_issuer`: whether there is an `iss`; without, `x5c` alone says who the issuer is.

    Raises `ValueError` for what does not fit together.
    """

    signer: Signer
    x5c: tuple[bytes, ...] = field(default=(), converter=_chain, repr=False)
    kid: str | None = Factory(_kid, takes_self=True)
    disclosable: Sequence[ClaimsPath] | Literal["every claim"] = ()
    decoys: int = 0
    hash_algorithm: str = "sha-256"
    lifetime: int | None = 30 * DAY
    not_before: bool = False
    time_granularity: int = Factory(_granularity, takes_self=True)
    include_issuer: bool = True
    _hidden: Hiding | None = field(init=False, repr=False, eq=False)
    _head: bytes = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.hash_algorithm not in sd_jwt.HASHES:
            raise ValueError(f"hash_algorithm must be one of {', '.join(sd_jwt.HASHES)}")
        if self.decoys < 0:
            raise ValueError("decoys must not be negative")
        check_settings(self.lifetime, self.time_granularity)
        if not self.include_issuer and not self.x5c:
            raise ValueError("without iss, only x5c can say who the issuer is")
        object.__setattr__(self, "_hidden", self._read_disclosable())
        header = {"alg": self.signer.algorithm, "typ": FORMAT}
        if self.kid is not None:
            header["kid"] = self.kid
        if self.x5c:
            issuer_keys.check_own_chain(self.x5c, self.signer)
        certificates = {"x5c": [b64encode(der).decode() for der in self.x5c]} if self.x5c else {}
        object.__setattr__(self, "_head", b64url_encode(dump_bytes({**header, **certificates})).encode() + b".")

    def _read_disclosable(self) -> Hiding | None:
        if isinstance(self.disclosable, str):
            if self.disclosable != EVERY_CLAIM:
                raise ValueError("disclosable must be claims paths or EVERY_CLAIM")
            return None
        hidden = hiding(self.disclosable)
        for name in hidden.within.keys() & _NOT_HIDDEN:
            raise ValueError(f"{name} must not be selectively disclosable, nor any part of it")
        return hidden

    @property
    def format(self) -> str:
        """`dc+sd-jwt` (OID4VCI A.3.1)."""
        return FORMAT

    @property
    def semantics(self) -> ClaimsSemantics:
        """JSON paths (OID4VCI C.1)."""
        return _SEMANTICS

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: the configuration has a `vct`, and lists the signer's algorithm if it lists any."""
        if configuration.format != FORMAT or not isinstance(getattr(configuration, "vct", None), str):
            raise ValueError(f"this encoder makes credentials of a {FORMAT} configuration with a vct")
        algorithms = configuration.credential_signing_alg_values_supported
        if algorithms is not None and self.signer.algorithm not in algorithms:
            raise ValueError("the signer's algorithm is not among the configuration's credential_signing_alg_values_supported")

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: "CredentialConfiguration",
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> SignedCopies[str]:
        """See `CredentialEncoder.draft`. `vct` comes from `configuration`, `iss` from `issuer`.

        `status` and `vct#integrity` may be among the claims; of several copies each needs a status of its own, in `copies`.
        """
        self.check(configuration)
        own = self._copies(claims, len(holder_keys) or 1, copies)
        template = Template.of(
            {**self._own_claims(configuration, issuer, now), **claims},
            self._hidden or Hiding(within={name: Hiding.member(name) for name in claims.keys() - _NOT_HIDDEN}),
            hash_algorithm=self.hash_algorithm,
            decoys=self.decoys,
        )
        inputs, tails = [], []
        for i, members in enumerate(own.members):
            text = ""
            if holder_keys:
                text = f',"cnf":{{"jwk":{dumps(dict(holder_keys[i].jwk))}}}'
            if members:
                text += "," + dumps(dict(members))[1:-1]
            payload, disclosures = template.fill(new_secret(template.entropy), text.encode())
            inputs.append(self._head + b64url_encode(payload).encode())
            tails.append(b"~".join((b"", *disclosures, b"")))

        def assemble(i: int, signature: bytes) -> str:
            return f"{inputs[i].decode()}.{b64url_encode(signature)}{tails[i].decode()}"

        return SignedCopies(self.signer, tuple(inputs), assemble)

    def _own_claims(self, configuration: "CredentialConfiguration", issuer: str, now: int) -> dict[str, Any]:
        issued_at, expires_at = issued_and_expires(now, self.lifetime, self.time_granularity)
        own: dict[str, Any] = {"vct": configuration.vct, "iat": issued_at}  # type: ignore[attr-defined]  # checked
        if self.include_issuer:
            own["iss"] = issuer
        if self.not_before:
            own["nbf"] = issued_at
        if expires_at is not None:
            own["exp"] = expires_at
        return own

    def _copies(self, claims: Mapping[str, Any], count: int, copies: Sequence[Mapping[str, Any]] | None) -> Copies:
        for members in (claims, *(copies or ())):
            if not _SET_HERE.isdisjoint(members):
                raise ValueError(f"the library sets {', '.join(sorted(_SET_HERE & members.keys()))}, claims must not")
        if "status" in claims:
            check_status(claims["status"])
        hidden = set() if self._hidden is None else self._hidden.within.keys()
        for members in copies or ():
            Template.of(dict(members), Hiding())
            if members.keys() & (claims.keys() | hidden):
                raise ValueError("what differs from copy to copy must be neither among the claims nor disclosable")
        return Copies.of(copies, count=count, status=claims.get("status"))


# --- wallet -----------------------------------------------------------------------------------------------------------------


def _date(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if name in claims and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Malformed("must be a number", name)
    return value


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if name in members and (not isinstance(value, str) or not value):
        raise Malformed("must be a string that is not empty", name)
    return value


@frozen(kw_only=True)
class SdJwtVcVerifier:
    """Checks SD-JWT VCs as they come from an issuer: compact serialisation, no Key Binding JWT.

    `leeway`: seconds by which clocks may differ. `haip`: demand what HAIP 6.1 adds: a certificate chain without the anchor, and
    a `status` with `status_list`.
    """

    leeway: int = 60
    haip: bool = False

    def verify(
        self,
        credential: Any,
        *,
        configuration: "CredentialConfiguration | None",
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        """See `CredentialVerifier.verify`. The issuer's key is that of `x5c`, else one that the https URL in `iss` publishes."""
        with reading(InvalidCredential):
            if not isinstance(credential, str):
                # The JSON serialisation is not supported: OID4VCI A.3.4 wants a string.
                raise Malformed("an SD-JWT VC is a string")
            parsed = sd_jwt.parse(credential)
            if parsed.key_binding is not None:
                raise Malformed("an SD-JWT VC has no key binding when it is issued, it must end in ~")
            algorithm = self._check_header(parsed.jws, configuration)
            payload = parsed.payload()
            self._check_type(payload, configuration)
            not_before, expires_at = _date(payload, "nbf"), _date(payload, "exp")
            check_now(not_before, expires_at, now=now, leeway=self.leeway, names=("nbf", "exp"))
            holder_key = self._holder_key(payload, holder_keys)
            self._check_status(payload)
            issuer = _text(payload, "iss")
            keys = self._issuer_keys(parsed.jws.header, issuer, algorithm, trust, documents, now)
            if isinstance(keys, NeededDocument):
                return keys
            issuer_keys.verify_with_one_of(parsed.jws, keys, algorithm)
            claims, disclosures = sd_jwt.process(payload, parsed.disclosures)
            # Only what the issuer always discloses may say whether to believe the rest (draft-ietf-oauth-sd-jwt-vc).
            if any(disclosure.path[0] in _ALWAYS_DISCLOSED for disclosure in disclosures):
                raise Malformed("a claim is selectively disclosable that must not be")
            issued_at = _date(claims, "iat")
            if issued_at is not None and issued_at > now + DAY:
                raise Malformed("lies in the future", "iat")
            _text(claims, "sub")
            return VerifiedCredential(
                FORMAT,
                credential,
                claims,
                issuer=issuer,
                holder_key=holder_key,
                issued_at=None if issued_at is None else int(issued_at),
                expires_at=None if expires_at is None else int(expires_at),
                status=claims.get("status"),
                disclosures=disclosures,
                semantics=_SEMANTICS,
            )

    def _check_header(self, jws: _jose.Jws, configuration: "CredentialConfiguration | None") -> str:
        # `vc+sd-jwt` was the name in drafts, before the media type belonged to W3C (OID4VCI A.3.1).
        if jws.header.get("typ") != FORMAT:
            raise Malformed(f"typ must be {FORMAT}", "header")
        algorithm = jws.algorithm
        listed = None if configuration is None else configuration.credential_signing_alg_values_supported
        if algorithm not in _jose.ALGORITHMS or (listed is not None and algorithm not in listed):
            raise Malformed("alg is not an accepted algorithm", "header")
        return algorithm

    def _check_type(self, payload: Mapping[str, Any], configuration: "CredentialConfiguration | None") -> None:
        vct = _text(payload, "vct")
        if vct is None:
            raise Malformed("is missing", "vct")
        if configuration is not None and vct != getattr(configuration, "vct", None):
            raise Malformed("is not the type that was asked for", "vct")
        _text(payload, "vct#integrity")

    def _holder_key(self, payload: Mapping[str, Any], holder_keys: Sequence[PublicKey]) -> PublicKey | None:
        if "cnf" not in payload:
            if holder_keys:
                raise Malformed("is missing", "cnf")
            return None
        cnf = payload["cnf"]
        if not isinstance(cnf, dict) or not cnf:
            raise Malformed("must be an object that names a key", "cnf")
        key = None
        if "jwk" in cnf:
            try:
                key = public_key(cnf["jwk"])
            except Malformed as error:
                raise error.within("cnf.jwk") from None
        if holder_keys and key not in holder_keys:
            raise Malformed("is not a key that the credential was requested for", "cnf")
        return key

    def _check_status(self, payload: Mapping[str, Any]) -> None:
        if "status" not in payload:
            return
        status = payload["status"]
        if not isinstance(status, dict) or not status:
            raise Malformed("must be an object that refers to a status mechanism", "status")
        # "The status claim, if present, MUST contain status_list" -- HAIP 6.1
        if not isinstance(status.get("status_list", None if self.haip else {}), dict):
            raise Malformed("must be an object", "status.status_list")

    def _issuer_keys(
        self,
        header: Mapping[str, Any],
        issuer: str | None,
        algorithm: str,
        trust: Trust,
        documents: Mapping[str, bytes],
        now: int,
    ) -> tuple[PublicKey, ...] | NeededDocument:
        if "x5c" in header:
            return (issuer_keys.certified_key(header["x5c"], issuer, trust=trust, now=now, anchor_allowed=not self.haip),)
        if self.haip:
            raise Malformed("x5c is missing", "header")
        if issuer is None:
            raise Malformed("is missing, and there is no x5c", "iss")
        kid = _text(header, "kid")
        return issuer_keys.published_keys(issuer, kid, algorithm, trust=trust, documents=documents)


SD_JWT_VC: Final = CredentialFormat(
    identifier=FORMAT,
    configuration_class=SdJwtVcConfiguration,
    encoder=SdJwtVcEncoder,
    verifier=SdJwtVcVerifier,
    semantics=_SEMANTICS,
)
