"""Making SD-JWT VCs, credentials of the format `dc+sd-jwt` (OID4VCI A.3, draft-ietf-oauth-sd-jwt-vc)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import Factory, evolve, field, frozen

from oid4vci._json import Malformed, b64url_encode, dump_bytes, dumps
from oid4vci.claims import ClaimsPath, ClaimsSemantics, PathStep
from oid4vci.formats import issuer_keys, sd_jwt
from oid4vci.formats.copies import Copies, SignedCopies, check_status
from oid4vci.formats.integrity import is_integrity_metadata
from oid4vci.formats.sd_jwt_template import Hiding, Template, hiding
from oid4vci.formats.sd_jwt_vc_claims import FORMAT, NEVER_HIDDEN, SEMANTICS, check_other_types
from oid4vci.formats.validity import DAY, check_settings, default_granularity, issued_and_expires
from oid4vci.keys import PublicKey, Signer
from oid4vci.secret import NewSecret

if TYPE_CHECKING:
    from oid4vci.formats.type_metadata import CredentialType
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("EVERY_CLAIM", "SdJwtVcEncoder")

EVERY_CLAIM: Final = "every claim"
"""Makes each top-level claim of a dataset disclosable, apart from those that never are."""

_SET_HERE: Final = frozenset(("iss", "iat", "nbf", "exp", "cnf", "vct", "_sd", "_sd_alg", "..."))


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


def _overlap(one: ClaimsPath, other: ClaimsPath) -> bool:
    """Whether two paths may lead to the same claim."""
    return len(one) == len(other) and all(
        a == b or (not isinstance(a, str) and not isinstance(b, str) and None in (a, b))
        for a, b in zip(one, other, strict=True)
    )


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
    - `type_metadata`: the type. What it always wants disclosable is, whatever else is; what it never wants so must not be among
      `disclosable`; a dataset without a claim that is mandatory for it is refused.
    - `vct_integrity`: integrity metadata of the type's document, for `vct#integrity`; `integrity.integrity_of` makes them.
    - `haip`: refuse what HAIP 6.1 forbids: no `x5c`, neither `exp` nor `status`, a `status` without `status_list`, and no holder
      key where the configuration requires one.

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
    time_granularity: int = Factory(default_granularity, takes_self=True)
    include_issuer: bool = True
    type_metadata: "CredentialType | None" = field(default=None, repr=False)
    vct_integrity: str | None = None
    haip: bool = False
    _hidden: Hiding = field(init=False, repr=False, eq=False)
    _head: bytes = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.hash_algorithm not in sd_jwt.HASHES:
            raise ValueError(f"hash_algorithm must be one of {', '.join(sd_jwt.HASHES)}")
        if self.decoys < 0:
            raise ValueError("decoys must not be negative")
        check_settings(self.lifetime, self.time_granularity)
        if not self.include_issuer and not self.x5c:
            raise ValueError("without iss, only x5c can say who the issuer is")
        if self.haip and not self.x5c:
            raise ValueError("x5c must be there (HAIP 6.1.1)")
        if self.vct_integrity is not None and not is_integrity_metadata(self.vct_integrity):
            raise ValueError("vct_integrity must be integrity metadata")
        object.__setattr__(self, "_hidden", self._read_disclosable())
        header: dict[str, Any] = {"alg": self.signer.algorithm, "typ": FORMAT}
        if self.kid is not None:
            header["kid"] = self.kid
        if self.x5c:
            from oid4vci import x509

            x509.check_own_chain(self.x5c, self.signer.public_jwk)
            header["x5c"] = x509.encode_x5c(self.x5c)
        object.__setattr__(self, "_head", b64url_encode(dump_bytes(header)).encode() + b".")

    def _read_disclosable(self) -> Hiding:
        chosen: list[ClaimsPath] = []
        if not isinstance(self.disclosable, str):
            chosen += self.disclosable
        elif self.disclosable != EVERY_CLAIM:
            raise ValueError("disclosable must be claims paths or EVERY_CLAIM")
        chosen += self._of_type("always")
        hidden = hiding(chosen)
        for name in hidden.within.keys() & NEVER_HIDDEN:
            raise ValueError(f"{name} must not be selectively disclosable, nor any part of it")
        for path in chosen:
            if any(_overlap(path, never) for never in self._of_type("never")):
                raise ValueError("the type says of a claim that it must never be selectively disclosable")
        return hidden

    def _of_type(self, sd: str) -> list[ClaimsPath]:
        return [] if self.type_metadata is None else [claim.path for claim in self.type_metadata.claims if claim.sd == sd]

    @property
    def format(self) -> str:
        """`dc+sd-jwt` (OID4VCI A.3.1)."""
        return FORMAT

    @property
    def semantics(self) -> ClaimsSemantics:
        """JSON paths (OID4VCI C.1). What is mandatory for the type is issued, whatever the Wallet asked for."""
        if self.type_metadata is None:
            return SEMANTICS
        return evolve(SEMANTICS, needed=tuple(claim.path for claim in self.type_metadata.claims if claim.mandatory))

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: the configuration has a `vct`, and lists the signer's algorithm if it lists any."""
        if configuration.format != FORMAT or not isinstance(getattr(configuration, "vct", None), str):
            raise ValueError(f"this encoder makes credentials of a {FORMAT} configuration with a vct")
        if self.type_metadata is not None and self.type_metadata.vct != configuration.vct:  # type: ignore[attr-defined]  # checked
            raise ValueError("type_metadata is not that of the configuration's vct")
        issuer_keys.check_own_algorithm(configuration, self.signer)

    def binds(self, key: PublicKey, *, configuration: "CredentialConfiguration") -> bool:
        """See `CredentialEncoder.binds`: every key, as `jwk` in `cnf` (RFC 7800 3.2)."""
        return True

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

        `status` and `vct#integrity` may be among the claims. Of several copies each needs a `status`, a `jti` of its own, if there
        is any: in `copies`.
        """
        self.check(configuration)
        copied = self._copies(claims, len(holder_keys) or 1, copies)
        whole = {**self._own_claims(configuration, issuer, now), **claims}
        try:
            for members in (whole, *(copies or ())):
                check_other_types(members, whole["vct"])
        except Malformed as error:
            raise ValueError(str(error)) from None
        if self.haip:
            self._check_haip(whole, copied, configuration, holder_keys)
        self._check_type(whole, copied, holder_keys)
        template = Template.of(whole, self._hiding(claims), hash_algorithm=self.hash_algorithm, decoys=self.decoys)
        inputs, tails = [], []
        for members, key in zip(copied.members, holder_keys or (None,), strict=True):
            text = "" if key is None else f',"cnf":{{"jwk":{dumps(dict(key.jwk))}}}'
            if members:
                text += "," + dumps(dict(members))[1:-1]
            payload, disclosures = template.fill(new_secret(template.entropy), text.encode())
            inputs.append(self._head + b64url_encode(payload).encode())
            tails.append(b"~".join((b"", *disclosures, b"")))

        def assemble(i: int, signature: bytes) -> str:
            return f"{inputs[i].decode()}.{b64url_encode(signature)}{tails[i].decode()}"

        return SignedCopies(self.signer, tuple(inputs), assemble)

    def _hiding(self, claims: Mapping[str, Any]) -> Hiding:
        """What is disclosable in this dataset."""
        if isinstance(self.disclosable, str):
            names = claims.keys() - NEVER_HIDDEN - {path[0] for path in self._of_type("never") if len(path) == 1}
            inner = dict(self._hidden.within)
            every: dict[PathStep, Hiding] = {
                name: Hiding.member(name, within=inner[name].within if name in inner else None) for name in names
            }
            return Hiding(within=inner | every)
        return self._hidden

    def _check_type(self, whole: Mapping[str, Any], copied: Copies, holder_keys: Sequence[PublicKey]) -> None:
        """Every copy has what the type says is mandatory; what is to be disclosable is, as the encoder was made for that."""
        from oid4vci.formats.type_rules import IssuedClaims

        if self.type_metadata is None:
            return
        for i, members in enumerate(copied.members):
            # Without members, copies differ in their key alone.
            if i == 0 or members:
                cnf = {"cnf": {"jwk": dict(holder_keys[i].jwk)}} if holder_keys else {}
                try:
                    IssuedClaims({**whole, **cnf, **members}).check(self.type_metadata.claims)
                except Malformed as error:
                    raise ValueError(f"the claims are not what the type wants: {error}") from None

    def _check_haip(
        self,
        whole: Mapping[str, Any],
        copied: Copies,
        configuration: "CredentialConfiguration",
        holder_keys: Sequence[PublicKey],
    ) -> None:
        if configuration.key_binding_required and not holder_keys:
            raise ValueError("the configuration requires key binding, so there must be a cnf with a jwk (HAIP 6.1)")
        for members in copied.members:
            status = {**whole, **members}.get("status")
            if status is None and self.lifetime is None:
                raise ValueError("there must be an exp or a status (HAIP 6.1)")
            if status is not None and not isinstance(status.get("status_list"), dict):
                raise ValueError("status must contain status_list (HAIP 6.1)")

    def _own_claims(self, configuration: "CredentialConfiguration", issuer: str, now: int) -> dict[str, Any]:
        issued_at, expires_at = issued_and_expires(now, self.lifetime, self.time_granularity)
        own: dict[str, Any] = {"vct": configuration.vct, "iat": issued_at}  # type: ignore[attr-defined]  # checked
        if self.include_issuer:
            own["iss"] = issuer
        if self.not_before:
            own["nbf"] = issued_at
        if expires_at is not None:
            own["exp"] = expires_at
        if self.vct_integrity is not None:
            own["vct#integrity"] = self.vct_integrity
        return own

    def _copies(self, claims: Mapping[str, Any], count: int, copies: Sequence[Mapping[str, Any]] | None) -> Copies:
        for members in (claims, *(copies or ())):
            if not _SET_HERE.isdisjoint(members):
                raise ValueError(f"the library sets {', '.join(sorted(_SET_HERE & members.keys()))}, claims must not")
            if self.vct_integrity is not None and "vct#integrity" in members:
                raise ValueError("vct#integrity is set already, claims must not")
            if "vct#integrity" in members and not is_integrity_metadata(members["vct#integrity"]):
                raise ValueError("vct#integrity must be integrity metadata")
        if "status" in claims:
            check_status(claims["status"])
        hidden = self._hidden.within.keys()
        for members in copies or ():
            Template.of(dict(members), Hiding())
            if members.keys() & (claims.keys() | hidden):
                raise ValueError("what differs from copy to copy must be neither among the claims nor disclosable")
        copied = Copies.of(copies, count=count, status=claims.get("status"))
        copied.check_own("jti", shared="jti" in claims)
        return copied
