"""W3C credentials of VCDM 2.0 as JWTs, the format `vc+jwt` (VC-JOSE-COSE 3.1): encoder for issuers, verifier for Wallets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from oid4vci import _jose, _json
from oid4vci._json import Malformed, b64url_encode, dumps
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, vcdm
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.jose_vc import MAX_VC
from oid4vci.formats.vc_jose import VcJoseEncoder, VcJoseVerifier, own_claims
from oid4vci.keys import PublicKey
from oid4vci.metadata import LdpVcConfiguration
from oid4vci.secret import NewSecret
from oid4vci.signed_jwt import verify_with
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("VC_JWT", "VcJwtConfiguration", "VcJwtEncoder", "VcJwtVerifier")


class VcJwtConfiguration(LdpVcConfiguration):
    """A W3C credential of VCDM 2.0 as a JWT, `vc+jwt`: `credential_definition` has `@context` and `type`."""

    __slots__ = ()

    identifier = "vc+jwt"


@frozen(kw_only=True)
class VcJwtEncoder(VcJoseEncoder):
    """Makes credentials of format `vc+jwt`; for the settings see the base classes.

    The dataset is the credential without what the encoder sets; a `status` in it, or in
    `copies`, is a claim of the JWT (Token Status List).
    """

    typ = VcJwtConfiguration.identifier

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
        shared = dict(drafted.shared)
        subject = shared.pop("credentialSubject")
        # All that does not differ from copy to copy is written once.
        before, about = dumps({**shared, **registered})[:-1], dumps(subject)
        inputs = []
        for own in drafted.own:
            further = own_claims(own)
            payload = f'{before},"credentialSubject":{own.subject(about)}{"," if further else ""}{dumps(further)[1:]}'
            inputs.append(f"{self._head}{b64url_encode(payload.encode())}".encode())
        return SignedCopies(self.signer, tuple(inputs), lambda i, signature: _jose.compact(inputs[i], signature))


@frozen(kw_only=True)
class VcJwtVerifier(VcJoseVerifier):
    """Checks credentials of format `vc+jwt`. For the settings see the base class."""

    format = VcJwtConfiguration.identifier

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
                raise Malformed("a credential of this format is a JWT")
            jws = _jose.parse(credential, max_bytes=MAX_VC, header_repeats=True)
            algorithm = issuer_keys.accepted_algorithm(jws, configuration)
            claims = _json.object_from(jws.payload, max_bytes=MAX_VC)
            keys = self._keys(jws, claims, algorithm, trust, documents, now)
            if isinstance(keys, NeededDocument):
                return keys
            verify_with(jws, keys, algorithms=(algorithm,))
            return self._verified(credential, claims, (), configuration, holder_keys, now)


VC_JWT: Final = CredentialFormat(
    identifier=VcJwtConfiguration.identifier,
    configuration_class=VcJwtConfiguration,
    encoder=VcJwtEncoder,
    verifier=VcJwtVerifier,
    semantics=vcdm.SEMANTICS,
)
