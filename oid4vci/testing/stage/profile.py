"""What a Wallet under test can do, and by what an Authorization Server knows it."""

from collections.abc import Collection
from typing import Final

from attrs import field, frozen

from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.testing.stage.setting import Format, Grant

__all__ = ("FEATURES", "WalletProfile")

FEATURES: Final = frozenset(
    (
        *(
            "pre-authorized_code",
            "authorization_code",
            "tx_code",
            "client_id",
            "by reference",
            "pushed requests",
            "authorization_details",
        ),
        *("dc+sd-jwt", "mso_mdoc", "dpop", "batch", "encryption", "deferral", "jwt-vc-issuer", "signed metadata"),
    )
)
"""What not every Wallet has to have. A scenario that needs one of these is not played with a Wallet that lacks it.

`client_id`: that the Wallet says its name with a pre-authorized code; for one that does not, every server takes that.
"""


def _features(values: Collection[str]) -> frozenset[str]:
    if isinstance(values, str) or not set(values) <= FEATURES:
        raise ValueError(f"features are some of {', '.join(sorted(FEATURES))}")
    return frozenset(values)


def _public() -> ClientMetadata:
    return ClientMetadata(token_endpoint_auth_method="none")  # noqa: S106  # the name of a method


@frozen(kw_only=True)
class WalletProfile:
    """A Wallet under test.

    - `registration`: what is registered for it (RFC 7591): its `redirect_uris`, without which there are no scenarios with the
      authorization code grant, its `token_endpoint_auth_method` (`none`, `private_key_jwt` with `jwks`, or
      `attest_jwt_client_auth`). It holds for every `client_id` that the Wallet names.
    - `client_attestation`: whose Wallet Attestations are believed; needed with `attest_jwt_client_auth`.
    - `key_attestations`: whose key attestations are believed; with it there are scenarios that demand them.
    - `haip`: whether the Wallet is to go by HAIP 1.0: what only that demands is else doubtful, and no more.
    - `features`: those of `FEATURES` that the Wallet has; by default all of them.

    Raises `ValueError`.
    """

    registration: ClientMetadata = field(factory=_public)
    client_attestation: ClientAttestation | None = None
    key_attestations: KeyAttestations | None = None
    haip: bool = False
    features: frozenset[str] = field(default=FEATURES, converter=_features)

    def __attrs_post_init__(self) -> None:
        if (self.method == "attest_jwt_client_auth") != (self.client_attestation is not None):
            raise ValueError("client_attestation must be there exactly with attest_jwt_client_auth")
        if self.method not in ("none", "private_key_jwt", "attest_jwt_client_auth"):
            raise ValueError("token_endpoint_auth_method must be none, private_key_jwt or attest_jwt_client_auth")
        if not self.formats or not self.grants:
            raise ValueError("the Wallet must have a grant and a format")

    @property
    def method(self) -> str:
        """How it authenticates."""
        return self.registration.token_endpoint_auth_method or "none"

    @property
    def formats(self) -> tuple[Format, ...]:
        """The Credential Formats that it takes."""
        known: tuple[Format, ...] = ("dc+sd-jwt", "mso_mdoc")
        return tuple(each for each in known if each in self.features)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants that it uses, the one that needs fewer steps first."""
        usable: dict[Grant, bool] = {"pre-authorized_code": True, "authorization_code": bool(self.registration.redirect_uris)}
        return tuple(each for each, can in usable.items() if can and each in self.features)
