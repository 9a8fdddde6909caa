"""W3C credentials of VCDM 2.0 as SD-JWTs, the format `vc+sd-jwt` (VC-JOSE-COSE 3.2): encoder for issuers, verifier for Wallets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed, b64url_encode, dump_bytes
from oid4vci.claims import ClaimsPath
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, sd_jwt, vcdm
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.sd_jwt_template import Hiding, Template, hiding
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM
from oid4vci.formats.vc_jose import VcJoseEncoder, VcJoseVerifier, own_claims
from oid4vci.formats.vcdm_draft import CNF
from oid4vci.keys import PublicKey
from oid4vci.metadata import LdpVcConfiguration
from oid4vci.secret import NewSecret
from oid4vci.signed_jwt import verify_with
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("VC_SD_JWT", "VcSdJwtConfiguration", "VcSdJwtEncoder", "VcSdJwtVerifier")

# What decides whether to believe the rest: "properties necessary for the validation and verification of a credential are NOT
# selectively disclosable" (VC-JOSE-COSE 3.2.1), nor the claims of RFC 9901 9.7.
_ALWAYS_DISCLOSED: Final = frozenset(
    (
        *(step for (step, *_) in vcdm.SEMANTICS.always),
        *("credentialSchema", "relatedResource"),
        *("iss", "exp", "nbf", "cnf"),
        # Those must not be there at all (VC-JOSE-COSE 3.1.3), in a disclosure neither.
        *("vc", "vp"),
    )
)


class VcSdJwtConfiguration(LdpVcConfiguration):
    """A W3C credential of VCDM 2.0 as an SD-JWT, `vc+sd-jwt`: `credential_definition` has `@context` and `type`."""

    __slots__ = ()

    identifier = "vc+sd-jwt"


@frozen(kw_only=True)
class VcSdJwtEncoder(VcJoseEncoder):
    """Makes credentials of format `vc+sd-jwt`.

    - `disclosable`: claims path pointers of the claims that the holder can withhold, or `EVERY_CLAIM`: each about a subject.
    - `decoys`: digests without meaning for each object that has disclosable members (RFC 9901 4.2.5).
    - `hash_algorithm`: `sha-256`, `sha-384` or `sha-512`.

    For the other settings see `VcJwtEncoder`.
    """

    typ = VcSdJwtConfiguration.identifier

    disclosable: Sequence[ClaimsPath] | Literal["every claim"] = ()
    decoys: int = 0
    hash_algorithm: str = "sha-256"
    _hidden: Hiding | None = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.hash_algorithm not in sd_jwt.HASHES:
            raise ValueError(f"hash_algorithm must be one of {', '.join(sd_jwt.HASHES)}")
        if self.decoys < 0:
            raise ValueError("decoys must not be negative")
        if isinstance(self.disclosable, str) and self.disclosable != EVERY_CLAIM:
            raise ValueError("disclosable must be claims paths or EVERY_CLAIM")
        object.__setattr__(self, "_hidden", None if isinstance(self.disclosable, str) else self._hiding(self.disclosable))

    def _hiding(self, paths: Sequence[ClaimsPath]) -> Hiding:
        hidden = hiding(paths)
        for name in hidden.within.keys() & _ALWAYS_DISCLOSED:
            raise ValueError(f"{name} must not be selectively disclosable, nor any part of it")
        subject = hidden.within.get("credentialSubject")
        if self.binding != CNF and subject is not None and (subject.itself or "id" in subject.within):
            raise ValueError("the id that binds the credential must not be selectively disclosable")
        return hidden

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
        """See `CredentialEncoder.draft`. Of several copies each needs an `id`, a `status`, a `credentialStatus` of its own."""
        keys = {"configuration": configuration, "holder_keys": holder_keys, "new_secret": new_secret}
        drafted, registered = self._drafted(claims, issuer, now, copies, **keys)
        hidden = self._hidden or self._hiding(_every_claim(claims.get("credentialSubject")))
        for own in drafted.own:
            if own.members.keys() & hidden.within.keys():
                raise ValueError("what differs from copy to copy must not be disclosable")
            Template.of(own_claims(own), Hiding())
        shared = self._template({**drafted.shared, **registered}, hidden)
        inputs, tails = [], []
        for i, own in enumerate(drafted.own):
            template = shared
            if own.subject_id is not None:
                subject = drafted.credential(i)["credentialSubject"]
                template = self._template({**drafted.shared, **registered, "credentialSubject": subject}, hidden)
            further = own_claims(own)
            members = b"," + dump_bytes(further)[1:-1] if further else b""
            payload, disclosures = template.fill(new_secret(template.entropy), members)
            inputs.append(self._head.encode() + b64url_encode(payload).encode())
            tails.append(b"~".join((b"", *disclosures, b"")).decode())
        return SignedCopies(self.signer, tuple(inputs), lambda i, signature: _jose.compact(inputs[i], signature) + tails[i])

    def _template(self, claims: dict[str, Any], hidden: Hiding) -> Template:
        return Template.of(claims, hidden, hash_algorithm=self.hash_algorithm, decoys=self.decoys)


def _every_claim(subjects: Any) -> list[ClaimsPath]:
    """The path of each claim about a subject, ids apart."""
    if not isinstance(subjects, list):
        return [("credentialSubject", name) for name in subjects or () if name != "id"]
    return [("credentialSubject", i, name) for i, subject in enumerate(subjects) for name in subject if name != "id"]


@frozen(kw_only=True)
class VcSdJwtVerifier(VcJoseVerifier):
    """Checks credentials of format `vc+sd-jwt`, as they come from an issuer: without Key Binding JWT."""

    format = VcSdJwtConfiguration.identifier

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
        """See `CredentialVerifier.verify`; keys are found as `JwtVcVerifier.verify` finds them."""
        with reading(InvalidCredential):
            if not isinstance(credential, str):
                raise Malformed("a credential of this format is an SD-JWT")
            parsed = sd_jwt.parse(credential)
            if parsed.key_binding is not None:
                raise Malformed("a credential has no key binding when it is issued, it must end in ~")
            algorithm = issuer_keys.accepted_algorithm(parsed.jws, configuration)
            payload = parsed.payload()
            keys = self._keys(parsed.jws, payload, algorithm, trust, documents, now)
            if isinstance(keys, NeededDocument):
                return keys
            verify_with(parsed.jws, keys, algorithms=(algorithm,))
            claims, disclosures = sd_jwt.process(payload, parsed.disclosures)
            if any(disclosure.path[0] in _ALWAYS_DISCLOSED for disclosure in disclosures):
                raise Malformed("a member is selectively disclosable that must not be")
            return self._verified(credential, claims, disclosures, configuration, holder_keys, now)


VC_SD_JWT: Final = CredentialFormat(
    identifier=VcSdJwtConfiguration.identifier,
    configuration_class=VcSdJwtConfiguration,
    encoder=VcSdJwtEncoder,
    verifier=VcSdJwtVerifier,
    semantics=vcdm.SEMANTICS,
)
