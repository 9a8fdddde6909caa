"""Checking SD-JWT VCs, credentials of the format `dc+sd-jwt` (OID4VCI A.3, draft-ietf-oauth-sd-jwt-vc)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.dids import KNOWN_DID_METHODS, DidMethods
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, sd_jwt
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.holder_binding import keys_of_did
from oid4vci.formats.integrity import is_integrity_metadata
from oid4vci.formats.sd_jwt_vc_claims import ALWAYS_DISCLOSED, FORMAT, SEMANTICS, check_other_types
from oid4vci.formats.validity import DAY, check_now
from oid4vci.keys import PublicKey, public_key
from oid4vci.signed_jwt import verify_with
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.formats.type_metadata import CredentialType
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("IF_PUBLISHED", "REQUIRED", "SdJwtVcVerifier")

IF_PUBLISHED: Final = "if published"
"""Type Metadata are looked at where there are some."""

REQUIRED: Final = "required"
"""Without Type Metadata a credential is refused."""


def _leaf(header: Mapping[str, Any]) -> bytes:
    """The certificate that the chain begins with, which has been verified."""
    from oid4vci import x509

    return x509.decode_x5c(header["x5c"])[0]


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


def _audience(claims: Mapping[str, Any]) -> None:
    """`aud` is for Verifiers, so it says nothing to a holder; it is "a case-sensitive string" or several (RFC 7519 4.1.3)."""
    if "aud" in claims:
        audience = claims["aud"]
        if not all(isinstance(each, str) for each in (audience if isinstance(audience, list) else [audience])):
            raise Malformed("must be a string or an array of strings", "aud")


@frozen(kw_only=True)
class SdJwtVcVerifier:
    """Checks SD-JWT VCs as they come from an issuer: compact serialisation, no Key Binding JWT.

    - `leeway`: seconds by which clocks may differ.
    - `haip`: demand what HAIP 6.1 adds: a certificate chain without the anchor, a `status` with `status_list`, and a key in `cnf`
      if the configuration requires key binding.
    - `type_metadata`: whether to look at what the publisher of the type says ("Processing Type Metadata"). None: no.
      `IF_PUBLISHED`: if it is among `types`, or `vct` is a URL that the trust decision allows and something is there; whoever
      publishes it learns that a credential was issued. `REQUIRED`: a credential without is refused. Claims that are missing, or not
      disclosable as the type demands, are then errors.
    - `did_methods`: the DID methods that issuers and holders may use, by name.
    - `types`: Type Metadata documents by type, from wherever the application has them; they are not fetched.

    Raises `ValueError` for another `type_metadata`.
    """

    leeway: int = 60
    haip: bool = False
    type_metadata: Literal["if published", "required"] | None = None
    did_methods: DidMethods = field(default=KNOWN_DID_METHODS, repr=False)
    types: Mapping[str, bytes] = field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.type_metadata not in (None, IF_PUBLISHED, REQUIRED):
            raise ValueError("type_metadata must be None, IF_PUBLISHED or REQUIRED")

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
        """See `CredentialVerifier.verify`.

        The issuer's key is that of `x5c`, whose leaf names `iss` if there is one; else that of `iss`, a DID, or an https URL that
        publishes it.
        """
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
            holder_key = self._holder_key(payload, configuration, holder_keys)
            self._check_status(payload)
            issuer = _text(payload, "iss")
            keys = self._issuer_keys(parsed.jws.header, issuer, algorithm, trust, documents, now)
            if isinstance(keys, NeededDocument):
                return keys
            verify_with(parsed.jws, keys, algorithms=(algorithm,))
            unfolded = sd_jwt.unfold(payload, parsed.disclosures)
            claims, disclosures = unfolded.claims, unfolded.disclosures
            # Only what the issuer always discloses may say whether to believe the rest ("Registered JWT Claims", RFC 9901 9.7).
            for disclosure in disclosures:
                if disclosure.path[0] in ALWAYS_DISCLOSED or disclosure.path == ("aud",):
                    raise Malformed("a claim is selectively disclosable that must not be")
            issued_at = _date(claims, "iat")
            if issued_at is not None and issued_at > now + DAY:
                raise Malformed("lies in the future", "iat")
            _text(claims, "sub")
            _audience(claims)
            found = self._type(unfolded, trust, documents)
            if isinstance(found, NeededDocument):
                return found
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
                type_metadata=found,
                issuer_certificate=_leaf(parsed.jws.header) if issuer is None else None,
                semantics=SEMANTICS,
            )

    def _check_header(self, jws: _jose.Jws, configuration: "CredentialConfiguration | None") -> str:
        # `vc+sd-jwt` was the name in drafts, before the media type belonged to W3C (OID4VCI A.3.1).
        if jws.header.get("typ") != FORMAT:
            raise Malformed(f"typ must be {FORMAT}", "header")
        return issuer_keys.accepted_algorithm(jws, configuration)

    def _check_type(self, payload: Mapping[str, Any], configuration: "CredentialConfiguration | None") -> None:
        vct = _text(payload, "vct")
        if vct is None:
            raise Malformed("is missing", "vct")
        check_other_types(payload, vct)
        if configuration is not None:
            wanted = getattr(configuration, "vct", None)
            # What is of further types is to be taken for any of them ("Other Credential Types").
            if wanted != vct and wanted not in payload.get("aka_vcts", ()):
                raise Malformed("is not the type that was asked for", "vct")
        if "vct#integrity" in payload and not is_integrity_metadata(payload["vct#integrity"]):
            raise Malformed("must be integrity metadata", "vct#integrity")

    def _holder_key(
        self, payload: Mapping[str, Any], configuration: "CredentialConfiguration | None", holder_keys: Sequence[PublicKey]
    ) -> PublicKey | None:
        """The key in `cnf` (RFC 7800 3.1), or the one that a DID URL in it names (3.4), if that is the Wallet's own or is a key.

        Keys that would have to be decrypted, looked up or fetched bind nothing here.
        """
        wanted = bool(holder_keys) or (self.haip and configuration is not None and configuration.key_binding_required)
        if "cnf" not in payload:
            if wanted:
                raise Malformed("is missing", "cnf")
            return None
        cnf = payload["cnf"]
        if not isinstance(cnf, dict) or not cnf:
            raise Malformed("must be an object that names a key", "cnf")
        # "at most one of the "jwk", "jwe", and "jku" ... confirmation values defined below may be present" -- RFC 7800 3.1
        if len(cnf.keys() & {"jwk", "jwe", "jku"}) > 1:
            raise Malformed("must name one key", "cnf")
        if "jwk" not in cnf:
            # "MUST include the JSON Web Key in the jwk member" -- HAIP 6.1
            named = "kid" in cnf and not self.haip
            keys = keys_of_did(cnf["kid"], "cnf.kid", holder_keys, methods=self.did_methods) if named else ()
            if holder_keys and keys and keys[0] not in holder_keys:
                raise Malformed("is not a key that the credential was requested for", "cnf")
            if wanted and not keys:
                raise Malformed("must have jwk, or a kid that is a DID URL of the key", "cnf")
            return keys[0] if keys else None
        for key in holder_keys:
            # The same members in the same spelling: most are, and need no reading.
            if key.jwk == cnf["jwk"]:
                return key
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

    def _type(
        self, unfolded: sd_jwt.Unfolded, trust: Trust, documents: Mapping[str, bytes]
    ) -> "CredentialType | NeededDocument | None":
        """What the type's publisher says, once the credential was held against it ("Processing Type Metadata")."""
        if self.type_metadata is None:
            return None
        from oid4vci.formats.type_metadata import CredentialType, find_type
        from oid4vci.formats.type_rules import IssuedClaims

        found = find_type(
            unfolded.claims["vct"],
            integrity=unfolded.claims.get("vct#integrity"),
            types=self.types,
            trust=trust,
            documents=documents,
            required=self.type_metadata == REQUIRED,
        )
        if isinstance(found, CredentialType):
            places = {disclosure.path for disclosure in unfolded.disclosures}
            IssuedClaims(unfolded.claims, places, unfolded.withheld).check(found.claims)
        return found

    def _issuer_keys(
        self,
        header: Mapping[str, Any],
        issuer: str | None,
        algorithm: str,
        trust: Trust,
        documents: Mapping[str, bytes],
        now: int,
    ) -> tuple[PublicKey, ...] | NeededDocument:
        kid = _text(header, "kid")
        # A chain says who the issuer is, and goes before what could be had elsewhere; `kid` then names nothing that is needed.
        if "x5c" in header:
            return (issuer_keys.certified_key(header["x5c"], issuer, trust=trust, now=now, anchor_allowed=not self.haip),)
        if self.haip:
            raise Malformed("x5c is missing", "header")
        if issuer is None:
            raise Malformed("is missing, and there is no x5c", "iss")
        if issuer.startswith("did:"):
            return issuer_keys.did_keys(
                issuer, kid, algorithm, trust=trust, documents=documents, now=now, methods=self.did_methods
            )
        return issuer_keys.published_keys(issuer, kid, algorithm, trust=trust, documents=documents)
