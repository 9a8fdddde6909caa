"""What a Wallet brings along: its trust decisions, its name, its languages, the formats it verifies, its keys.

Settings are configuration of the running program. They are never part of a stored state.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from attrs import Attribute, Factory, field, frozen
from attrs.validators import in_

from oid4vci._document import strings
from oid4vci.formats.credential_format import CredentialFormat, CredentialVerifier
from oid4vci.formats.known import CREDENTIAL_FORMATS
from oid4vci.keys import Signer
from oid4vci.metadata import CONFIGURATION_CLASSES, CredentialConfiguration
from oid4vci.oauth import client_assertion, client_attestation
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.proofs.proof_type import ProofMaker
from oid4vci.secret import NewSecret, new_secret
from oid4vci.trust import Trust
from oid4vci.wallet.client_authentication import ClientAssertion, RestoreClientAuthentication, WalletAttestation
from oid4vci.wallet.haip import check_haip_settings, haip_verifier

__all__ = ("Wallet",)

Formats: TypeAlias = Mapping[str, CredentialFormat | CredentialVerifier]
"""What is known of Credential Formats, by their identifiers."""

_LOCALE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_CLIENT_ID = re.compile(r"[\x20-\x7e]+")


class _ConfigurationClasses(Mapping[str, type[CredentialConfiguration]]):
    """How the configurations of a Wallet's formats are read. No format is loaded for what is known without it."""

    def __init__(self, formats: "Formats") -> None:
        self._formats = formats

    def __getitem__(self, name: str) -> type[CredentialConfiguration]:
        if name in CONFIGURATION_CLASSES and self._formats is CREDENTIAL_FORMATS:
            return CONFIGURATION_CLASSES[name]
        known = self._formats.get(name)
        if isinstance(known, CredentialFormat):
            return known.configuration_class
        return CONFIGURATION_CLASSES[name] if name in CONFIGURATION_CLASSES else CREDENTIAL_FORMATS[name].configuration_class

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*CONFIGURATION_CLASSES, *CREDENTIAL_FORMATS, *self._formats)))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _check_client_id(_: object, __: "Attribute[str | None]", client_id: str | None) -> None:
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("a client_id is printable ASCII (RFC 6749 A.1)")


def _check_locales(_: object, __: "Attribute[tuple[str, ...]]", locales: tuple[str, ...]) -> None:
    if not all(_LOCALE.fullmatch(locale) for locale in locales):
        raise ValueError("locales are language tags such as de-AT (RFC 3066)")


_OWN_AUTHENTICATIONS: Mapping[str, RestoreClientAuthentication] = {
    client_assertion.METHOD: ClientAssertion.restore,
    client_attestation.METHOD: WalletAttestation.restore,
}


def _lenient(wallet: "Wallet") -> bool:
    return not wallet.haip


@frozen(eq=False, kw_only=True)
class Wallet:
    """The settings that every exchange of a Wallet shares.

    - `trust` decides with whom the Wallet talks and whose Credentials it takes.
    - `client_id` names the Wallet to Authorization Servers that do not serve anonymous clients.
    - `locales` are language tags (RFC 3066), the preferred one first.
    - `formats` maps a Credential Format Identifier to the format, or to a verifier with settings of its own; without it, the
      formats of this library. `{**CREDENTIAL_FORMATS, "x": X}` adds one.
    - `proof_makers` maps a proof type to what makes such proofs, the preferred one first; without it, those of this library.
      `{**PROOF_MAKERS, "x": X}` adds one.
    - `signers`: keys by their `key_id`, for states that are loaded; a key that is not there comes back as a `RemoteSigner`.
    - `client_authentications` maps a `token_endpoint_auth_method` to what makes a stored client authentication again.
    - `bearer`: whether Access Tokens that are bound to no key are taken.
    - `public`: whether the Wallet may do without client authentication.
    - `plain_requests`: whether an Authorization Request may go through the browser as it is, where the server takes no pushed
      ones.
    - `responses_without_iss`: whether an Authorization Response may lack `iss`, where the server does not say that it sends it.
      Nothing in such a response tells whose it is: give each such server a redirect URI of its own (RFC 9700 4.4.2).
    - `authorization_details`: whether Credentials may be asked for by `authorization_details`; if not, by scope values only.
    - `encryption`: whether Credential Requests and their answers are encrypted only "when required" by the issuer, or always "when
      possible" (OID4VCI 10): what is on the way between Wallet and issuer and ends TLS can read all others (13.11).
    - `compression`: whether what is encrypted is compressed where the issuer takes that: its length can then give away something
      of what it says (RFC 8725 3.6).
    - `new_secret` makes keys for encryption, the identifiers of what the Wallet signs, and what binds an Authorization Response to
      its request.
    - `haip`: go by HAIP 1.0. The five settings above are then False: `bearer` and `plain_requests`, `responses_without_iss` (4),
      `authorization_details` (4.3) and `public` (4.4.1). Verifiers are those with `haip=True`. Issuers and Authorization Servers
      whose metadata break the profile are refused before anything is spent, Wallet Attestations and key attestations without a
      certificate chain are not sent.

    Raises `ValueError`, with `haip` for settings that break it: it names each rule.
    """

    trust: Trust
    client_id: str | None = field(default=None, validator=_check_client_id)
    locales: tuple[str, ...] = field(default=(), converter=strings, validator=_check_locales)
    formats: Formats = field(default=CREDENTIAL_FORMATS, repr=False)
    proof_makers: Mapping[str, ProofMaker] = field(default=PROOF_MAKERS, repr=False)
    signers: Mapping[str, Signer] = field(factory=dict, repr=False)
    client_authentications: Mapping[str, RestoreClientAuthentication] = field(default=_OWN_AUTHENTICATIONS, repr=False)
    haip: bool = False
    bearer: bool = Factory(_lenient, takes_self=True)
    public: bool = Factory(_lenient, takes_self=True)
    plain_requests: bool = Factory(_lenient, takes_self=True)
    responses_without_iss: bool = Factory(_lenient, takes_self=True)
    authorization_details: bool = Factory(_lenient, takes_self=True)
    encryption: Literal["when required", "when possible"] = field(
        default="when required", validator=in_(("when required", "when possible"))
    )
    compression: bool = False
    new_secret: NewSecret = field(default=new_secret, repr=False)
    _verifiers: dict[str, CredentialVerifier] = field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.haip:
            check_haip_settings(self)

    def verifier(self, name: str) -> CredentialVerifier:
        """The verifier of a Credential Format, made when it is first used. Raises `ValueError` if there is none."""
        if name not in self._verifiers:
            if name not in self.formats:
                raise ValueError(f"the Wallet has no verifier for the format {name}")
            known = self.formats[name]
            verifier = known.verifier() if isinstance(known, CredentialFormat) else known
            self._verifiers[name] = haip_verifier(verifier, name) if self.haip else verifier
        return self._verifiers[name]

    @property
    def configuration_classes(self) -> Mapping[str, type[CredentialConfiguration]]:
        """How Credential Configurations of these formats are read from metadata, by Credential Format Identifier."""
        return _ConfigurationClasses(self.formats)
