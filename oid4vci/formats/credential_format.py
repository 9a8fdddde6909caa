"""What a Credential Format must do: an encoder for issuers, a verifier for Wallets.

A `CredentialFormat` names both. `CREDENTIAL_FORMATS` maps the Credential Format Identifiers of this library to theirs; a third
party adds a format by writing one. Formats live in files of their own, and are imported when they are first used.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import field, frozen

from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics, Selection
from oid4vci.keys import PublicKey, SigningInput
from oid4vci.secret import NewSecret
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.formats.sd_jwt import Disclosure
    from oid4vci.formats.type_metadata import CredentialType
    from oid4vci.metadata import CredentialConfiguration

__all__ = (
    "CredentialEncoder",
    "CredentialFormat",
    "CredentialVerifier",
    "CredentialsDraft",
    "NeededDocument",
    "VerifiedCredential",
)

# Those of a format that says nothing else.
JSON_SEMANTICS: Final = ClaimsSemantics()


class CredentialsDraft(Protocol):
    """Credentials that lack only their signatures."""

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is in this process."""

    def finish(self, signatures: Sequence[bytes] = ()) -> tuple[str | dict[str, Any], ...]:
        """The credentials, as they go into the `credential` members of a Credential Response (OID4VCI 8.3).

        `signatures`: raw JWS signatures, one for each element of `to_sign`, in its order. Raises `ValueError` for a wrong
        number or size.
        """


class CredentialEncoder(Protocol):
    """Issuer: makes the Credentials of one Credential Configuration."""

    @property
    def format(self) -> str:
        """The Credential Format Identifier (OID4VCI Appendix A)."""

    @property
    def semantics(self) -> ClaimsSemantics:
        """What claims path pointers mean in a dataset of this format."""

    def check(self, configuration: "CredentialConfiguration") -> None:
        """Raises `ValueError` unless this encoder makes what the configuration promises, such as its signing algorithms.

        Nor must it promise to take proofs of keys that no Credential can be bound to.
        """

    def binds(self, key: PublicKey, *, configuration: "CredentialConfiguration") -> bool:
        """Whether Credentials of this configuration can be bound to a key. The issuer refuses proofs of others.

        `key` was proved, or attested by somebody who is believed: it may be of any kind.
        """

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
    ) -> CredentialsDraft:
        """One Credential for each holder key, in that order; a single one bound to no key if there is none.

        `claims`: the dataset, JSON values. `issuer`: the Credential Issuer identifier. `now`: seconds since the epoch.
        `copies`: members that differ from copy to copy (`{"status": {...}}`), one mapping for each Credential.

        Raises `ValueError` for claims that the format reserves or cannot carry: they are the application's; and for keys that it
        does not bind.
        """


@frozen
class NeededDocument:
    """A document that a verifier cannot go on without.

    The caller fetches `url` (https; it was allowed by the trust decision; no redirects are followed), asks for one of
    `media_types`, and calls again with the body as `documents[url]`. If it is `optional`, and cannot be had, that is `b""`.
    """

    url: str
    media_types: tuple[str, ...]
    optional: bool = False


@frozen
class VerifiedCredential:
    """A Credential whose signature, issuer, validity and binding have been checked.

    `credential` is as it was received; `claims` are what it says once it is decoded; `issuer` names the issuer, if the
    Credential does; `holder_key` is the key it is bound to; times are seconds since the epoch; `status` says where revocation
    is published, and has not been looked at; `disclosures` are those of an SD-JWT, with the place of each; `type_metadata` is
    what the publisher of an SD-JWT VC's type says, also of how it is shown: it goes before the issuer's metadata
    (OID4VCI 12.2.4); `issuer_certificate`, in DER, is what alone says who the issuer is, where the Credential itself does not;
    `semantics` is what claims path pointers mean here.
    """

    format: str
    credential: str | Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    issuer: str | None = None
    holder_key: PublicKey | None = None
    issued_at: int | None = None
    expires_at: int | None = None
    status: Mapping[str, Any] | None = field(default=None, repr=False)
    disclosures: "tuple[Disclosure, ...]" = field(default=(), repr=False)
    type_metadata: "CredentialType | None" = field(default=None, repr=False, kw_only=True)
    issuer_certificate: bytes | None = field(default=None, repr=False, kw_only=True)
    semantics: ClaimsSemantics = field(default=JSON_SEMANTICS, repr=False, kw_only=True)

    def select(self, path: ClaimsPath) -> Selection:
        """What a claims path pointer selects in this Credential (OID4VCI C). Raises `Malformed`."""
        return self.semantics.select(path, self.claims)

    def missing(self, descriptions: Sequence[ClaimsDescription]) -> tuple[ClaimsPath, ...]:
        """The paths of mandatory claims that this Credential does not have (OID4VCI B.1, B.2)."""
        return self.semantics.lacking((each.path for each in descriptions if each.mandatory), self.claims)


class CredentialVerifier(Protocol):
    """Wallet: checks the Credentials of one format."""

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
        """The checked Credential, or a document to fetch first.

        `credential`: the `credential` member as it was received. `configuration`: what was asked for; None if that is unknown.
        `holder_keys`: the Credential must be bound to one of these; if there are none, the binding is not compared.
        `documents`: bodies of what earlier calls needed, by URL. `now`: seconds since the epoch.

        Raises `InvalidCredential`, or `Untrusted` if the trust decision forbids what the Credential names.
        """


@frozen(kw_only=True)
class CredentialFormat:
    """A Credential Format, by its identifier: everything a role needs to know of it.

    - `configuration_class`: its Credential Configurations (OID4VCI 12.2.4, Appendix A).
    - `encoder`: makes an encoder; which arguments it takes is the format's affair (a signer, at least).
    - `verifier`: makes a verifier with its default settings.
    - `semantics`: what claims path pointers mean in it (OID4VCI C).
    """

    identifier: str
    configuration_class: "type[CredentialConfiguration]"
    encoder: Callable[..., CredentialEncoder]
    verifier: Callable[[], CredentialVerifier]
    semantics: ClaimsSemantics = JSON_SEMANTICS
