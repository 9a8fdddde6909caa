"""What the formats share in which JOSE secures a W3C credential: settings of issuers, and what a Wallet checks of a header."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import Factory, evolve, field, frozen

from oid4vci._json import Malformed, b64url_encode, dump_bytes
from oid4vci.claims import ClaimsSemantics
from oid4vci.dids import DID_METHODS, KNOWN_DID_METHODS, DidMethods, DidUrl, resolve
from oid4vci.formats import issuer_keys, vcdm
from oid4vci.formats.validity import DAY, check_settings, default_granularity, issued_and_expires
from oid4vci.formats.vcdm import DataModel, W3cCredential
from oid4vci.formats.vcdm_draft import CNF, DraftedCredential, can_bind, check_binding, check_own_binding, draft
from oid4vci.keys import PublicKey, Signer, public_key
from oid4vci.secret import NewSecret

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("MAX_VC", "JoseVcEncoder", "JoseVcVerifier", "lifespan", "numeric_date", "published_status")

MAX_VC = 1 << 20


def _tuple(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(values)


def _kid(encoder: "JoseVcEncoder") -> str | None:
    if encoder.x5c:
        return None
    issuer, key_id = encoder.issuer, encoder.signer.key_id
    if issuer is None or not issuer.startswith("did:"):
        return key_id
    method = DID_METHODS.get(DidUrl.parse(issuer).method)
    return f"{issuer}#{key_id}" if method is None else method.verification_method(issuer)


@frozen(kw_only=True)
class JoseVcEncoder:
    """The settings of an encoder for W3C credentials in JOSE.

    - `signer`: the issuer's key.
    - `issuer`: who the credential says has made it, if that is not the Credential Issuer identifier: a DID, or a URL. A did:key
      or did:jwk must be that of the signer.
    - `x5c`: the signer's certificate and those that lead towards the anchor, DER, leaf first, nothing self-signed. The leaf must
      name the issuer, or Wallets refuse the credential.
    - `kid`: the key id in the header. By default nothing if there is an `x5c`, else the id of the signer; if the issuer is a DID,
      the DID URL of the key, whose fragment is that id where it is not the DID's own affair.
    - `binding`: how a credential is bound to the holder's key: `cnf`, the key itself; or by the id of its only subject, which
      becomes a `did:key` or `did:jwk`, the one that the holder named or else that of the key; or, with `did`, as the holder
      named the key: by that DID, of whatever method the configuration lists, and a plain key by what of all this it lists.
    - `contexts`: what follows the contexts of the configuration in `@context`: URLs, or objects.
    - `new_ids`: whether credentials that have no `id` get one, a random `urn:uuid:`.
    - `lifetime`: seconds that a credential holds; None for one that does not expire.
    - `time_granularity`: seconds to whose multiples times are rounded down, so that they link no two presentations
      (OID4VCI 15.4.1); it must fit twice into `lifetime`. By default a day, or less for short lifetimes.

    Raises `ValueError` for what does not fit together.
    """

    model: ClassVar[DataModel]
    typ: ClassVar[str]

    signer: Signer
    issuer: str | None = None
    x5c: tuple[bytes, ...] = field(default=(), converter=_tuple, repr=False)
    kid: str | None = Factory(_kid, takes_self=True)
    binding: str = CNF
    contexts: tuple[str | Mapping[str, Any], ...] = field(default=(), converter=_tuple)
    new_ids: bool = False
    lifetime: int | None = 30 * DAY
    time_granularity: int = Factory(default_granularity, takes_self=True)
    _head: str = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_settings(self.lifetime, self.time_granularity)
        check_binding(self.binding)
        if self.issuer is not None and self.issuer.startswith("did:") and not self.x5c:
            kid = self.kid or self.issuer
            # VC-JOSE-COSE 4.1.1: `kid` says which of a DID's keys it is.
            if DidUrl.parse(kid).did != self.issuer:
                raise ValueError("kid must be a DID URL of a key of the issuer")
            if resolve(kid) not in (None, public_key(self.signer.public_jwk)):
                raise ValueError("the issuer's DID is not that of the signer's key")
        header: dict[str, Any] = {"alg": self.signer.algorithm, "typ": self.typ, **self._further_header()}
        if self.kid is not None:
            header["kid"] = self.kid
        if self.x5c:
            from oid4vci import x509

            x509.check_own_chain(self.x5c, self.signer.public_jwk)
            header["x5c"] = x509.encode_x5c(self.x5c)
        object.__setattr__(self, "_head", f"{b64url_encode(dump_bytes(header))}.")

    def _further_header(self) -> dict[str, str]:
        return {}

    @property
    def semantics(self) -> ClaimsSemantics:
        """JSON paths from the credential on (OID4VCI C.1); an `id` that binds it is always there."""
        if self.binding == CNF:
            return vcdm.SEMANTICS
        return evolve(vcdm.SEMANTICS, always=vcdm.SEMANTICS.always | {("credentialSubject", "id")})

    def _check(self, configuration: "CredentialConfiguration", identifier: str) -> None:
        vcdm.definition_of(configuration, identifier)
        issuer_keys.check_own_algorithm(configuration, self.signer)
        check_own_binding(configuration, self.binding)

    def binds(self, key: PublicKey, *, configuration: "CredentialConfiguration") -> bool:
        """See `CredentialEncoder.binds`: every key in `cnf`, else one that has a DID of the method that binds."""
        return can_bind(key, self.binding, configuration)

    def _times(self, now: int) -> tuple[int, int | None]:
        return issued_and_expires(now, self.lifetime, self.time_granularity)

    def _draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: "CredentialConfiguration",
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None,
    ) -> DraftedCredential:
        valid_from, valid_until = self._times(now)
        return draft(
            claims,
            model=self.model,
            configuration=configuration,
            contexts=self.contexts,
            issuer=issuer,
            binding=self.binding,
            holder_keys=holder_keys,
            valid_from=valid_from,
            valid_until=valid_until,
            copies=copies,
            new_ids=new_secret if self.new_ids else None,
        )


def numeric_date(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 2), None if there is none. Raises `Malformed`."""
    value = claims.get(name)
    if name in claims and (isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15):
        raise Malformed("must be a number", name)
    return value


def lifespan(
    credential: W3cCredential, issued_at: float | None, expires_at: float | None, *, now: int
) -> tuple[int | None, int | None]:
    """When the credential was issued and when it expires, in seconds since the epoch: as its JWT (`iat`, `exp`) and it itself say.

    Raises `Malformed` for an `iat` of another day to come.
    """
    if issued_at is not None and issued_at > now + DAY:
        raise Malformed("lies in the future", "iat")
    issued = credential.valid_from if issued_at is None else issued_at
    ends = [end for end in (expires_at, credential.valid_until) if end is not None]
    return None if issued is None else int(issued), int(min(ends)) if ends else None


def published_status(claims: Mapping[str, Any], credential: W3cCredential) -> dict[str, Any] | None:
    """Where revocation is published: the members of the claim `status`, and `credentialStatus` as it stands.

    Raises `Malformed`.
    """
    status = claims.get("status", {})
    if not isinstance(status, dict) or ("status" in claims and not status):
        raise Malformed("must be an object that refers to a status mechanism", "status")
    if not isinstance(status.get("status_list", {}), dict):
        raise Malformed("must be an object", "status.status_list")
    found = status if credential.status is None else {**status, "credentialStatus": credential.status}
    return found or None


@frozen(kw_only=True)
class JoseVcVerifier:
    """The settings of a verifier for W3C credentials in JOSE.

    `leeway`: seconds by which clocks may differ. `did_methods`: the DID methods that issuers and holders may use, by name.
    """

    leeway: int = 60
    did_methods: DidMethods = KNOWN_DID_METHODS
