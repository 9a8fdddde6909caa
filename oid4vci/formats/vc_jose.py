"""What `vc+jwt` and `vc+sd-jwt` share: W3C credentials of VCDM 2.0 in JOSE (VC-JOSE-COSE 3.1, 3.2).

The payload is the credential itself, and claims of the JWT stand beside its members. OID4VCI has no profile for these formats.
Their identifiers are their media types, as Appendix A recommends, and their configurations have the members of `ldp_vc`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from attrs import frozen

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.formats import vcdm
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.holder_binding import holder_key
from oid4vci.formats.jose_vc import JoseVcEncoder, JoseVcVerifier, lifespan, numeric_date, published_status
from oid4vci.formats.jose_vc_keys import find_issuer_keys
from oid4vci.formats.validity import check_now
from oid4vci.formats.vcdm import VCDM_2_0
from oid4vci.formats.vcdm_draft import DraftedCredential, OwnMembers
from oid4vci.keys import PublicKey
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.formats.sd_jwt import Disclosure
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("VcJoseEncoder", "VcJoseVerifier", "own_claims")

# Claims of the JWT, which a dataset cannot say; `vc` and `vp` must not be there at all (VC-JOSE-COSE 3.1.3).
_JWT_CLAIMS: Final = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vc", "vp"))


# --- issuer -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class VcJoseEncoder(JoseVcEncoder):
    """`JoseVcEncoder` for the two formats, with `include_issuer`: whether there is an `iss`, by which readers find keys."""

    model = VCDM_2_0

    include_issuer: bool = True

    def _further_header(self) -> dict[str, str]:
        # "When present, the cty header parameter SHOULD be vc."
        return {"cty": "vc"}

    @property
    def format(self) -> str:
        """The Credential Format Identifier, which is also the media type."""
        return self.typ

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: format, algorithm and binding are those of the configuration."""
        self._check(configuration, self.format)

    def _drafted(
        self, claims: Mapping[str, Any], issuer: str, now: int, copies: Sequence[Mapping[str, Any]] | None, **more: Any
    ) -> tuple[DraftedCredential, dict[str, Any]]:
        """The credential, and the claims of the JWT that all copies have: times of the signature, and `iss`."""
        self.check(more["configuration"])
        for members in (claims, *(copies or ())):
            if not _JWT_CLAIMS.isdisjoint(members):
                raise ValueError(f"{', '.join(sorted(_JWT_CLAIMS & members.keys()))} would be taken for claims of the JWT")
        named = self.issuer or issuer
        valid_from, valid_until = self._times(now)
        # "the issuance and expiration time of the signature" -- VC-JOSE-COSE 3.1.3; here the same as the credential's.
        registered: dict[str, Any] = {"iat": valid_from}
        if valid_until is not None:
            registered["exp"] = valid_until
        if self.include_issuer:
            registered["iss"] = named
        return self._draft(claims, issuer=named, now=now, copies=copies, **more), registered


def own_claims(own: OwnMembers) -> dict[str, Any]:
    """Members and claims of one copy, apart from its subject."""
    claims = dict(own.members)
    if own.cnf is not None:
        claims["cnf"] = own.cnf
    if own.status is not None:
        claims["status"] = own.status
    return claims


# --- wallet -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class VcJoseVerifier(JoseVcVerifier):
    """`JoseVcVerifier` for the two formats: what is checked before the signature, and after it."""

    format: ClassVar[str]

    def _keys(
        self,
        jws: _jose.Jws,
        payload: Mapping[str, Any],
        algorithm: str,
        trust: Trust,
        documents: Mapping[str, bytes],
        now: int,
    ) -> tuple[PublicKey, ...] | NeededDocument:
        """The issuer's keys. What is looked at until then is the header, `issuer`, and claims that are never withheld."""
        # `application/` may be left out (RFC 7515 4.1.9).
        if str(jws.header.get("typ")).removeprefix("application/") != self.format:
            raise Malformed(f"typ must be {self.format}", "header")
        if str(jws.header.get("cty", "vc")).removeprefix("application/") != "vc":
            raise Malformed("cty must be vc", "header")
        for name in ("vc", "vp"):
            # "The JWT Claim Names vc and vp MUST NOT be present." -- VC-JOSE-COSE 3.1.3
            if name in payload:
                raise Malformed("must not be there", name)
        issuer = vcdm.issuer_of(payload)
        # "iss value, if present, MUST match issuer value" -- VC-JOSE-COSE 4.1.2
        for claims in (jws.header, payload):
            if claims.get("iss", issuer) != issuer:
                raise Malformed("is not the issuer of the credential", "iss")
        check_now(numeric_date(payload, "nbf"), numeric_date(payload, "exp"), now=now, leeway=self.leeway, names=("nbf", "exp"))
        return find_issuer_keys(
            jws.header, issuer, algorithm, trust=trust, documents=documents, now=now, methods=self.did_methods
        )

    def _verified(
        self,
        credential: str,
        claims: Mapping[str, Any],
        disclosures: "tuple[Disclosure, ...]",
        configuration: "CredentialConfiguration | None",
        holder_keys: Sequence[PublicKey],
        now: int,
    ) -> VerifiedCredential:
        definition = None if configuration is None else vcdm.definition_of(configuration, self.format)
        read = vcdm.read(claims, models=(VCDM_2_0,), definition=definition)
        read.check_now(now, self.leeway)
        # "SHOULD avoid setting JWT claims to values that conflict" -- VC-JOSE-COSE 3.1.3; two readers would see two credentials.
        if "jti" in claims and claims.get("id", claims["jti"]) != claims["jti"]:
            raise Malformed("contradicts id", "jti")
        if "sub" in claims and read.subject_ids not in ((None,), (claims["sub"],)):
            raise Malformed("contradicts credentialSubject.id", "sub")
        begin, end = lifespan(read, _issued_at(claims), numeric_date(claims, "exp"), now=now)
        return VerifiedCredential(
            self.format,
            credential,
            claims,
            issuer=read.issuer,
            holder_key=holder_key(claims, read.subject_ids, holder_keys, methods=self.did_methods),
            issued_at=begin,
            expires_at=end,
            status=published_status(claims, read),
            disclosures=disclosures,
            semantics=vcdm.SEMANTICS,
        )


def _issued_at(claims: Mapping[str, Any]) -> float | None:
    """`iat`: a NumericDate, or a date and time as in the credentials of the W3C's own test suite."""
    if not isinstance(claims.get("iat"), str):
        return numeric_date(claims, "iat")
    try:
        return vcdm.timestamp(claims["iat"])
    except Malformed as error:
        raise error.within("iat") from None
