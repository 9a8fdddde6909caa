"""What makes the credentials of each configuration, and the datasets as it wants them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from examples.members import named
from examples.reference_server.elements import elements
from examples.reference_server.settings import Configuration, Settings
from examples.reference_server.signing import CertifiedKey, IssuerKeys
from oid4vci.dids import DID_METHODS
from oid4vci.formats import CREDENTIAL_FORMATS, CredentialEncoder
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM
from oid4vci.keys import public_key

__all__ = ("Datasets", "controlled_identifier", "datasets", "encoder")

Datasets = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""The claims of each subject for each credential configuration."""


def controlled_identifier(identifier: str) -> str:
    """Where the keys of Data Integrity proofs are published, which is also who those credentials say has made them."""
    return f"{identifier.removesuffix('/')}/keys"


def _x5c(key: CertifiedKey, identifier: str) -> dict[str, Any]:
    return {"x5c": key.chain}


def _published(key: CertifiedKey, identifier: str) -> dict[str, Any]:
    return {"kid": key.signer.key_id}


def _did_key(key: CertifiedKey, identifier: str) -> dict[str, Any]:
    return {"issuer": DID_METHODS["key"].did(public_key(key.signer.public_jwk))}


def _controlled_identifier(key: CertifiedKey, identifier: str) -> dict[str, Any]:
    return {"issuer": controlled_identifier(identifier)}


_KEY_RESOLUTIONS: Final[Mapping[str, Callable[[CertifiedKey, str], dict[str, Any]]]] = {
    "x5c": _x5c,
    "jwt-vc-issuer": _published,
    "did:key": _did_key,
    "controlled-identifier": _controlled_identifier,
}


DID_BINDING: Final = frozenset(("jwt_vc_json", "jwt_vc_json-ld", "ldp_vc", "vc+jwt", "vc+sd-jwt"))
"""Formats whose credentials can be bound to DIDs."""


def encoder(configuration: Configuration, identifier: str, keys: IssuerKeys) -> CredentialEncoder:
    """The encoder of a configuration of the issuer `identifier`.

    Raises `ValueError` for what does not fit together, `ImportError` without `oid4vci[ldp]`.
    """
    format_ = configuration.metadata["format"]
    key = keys.document_signer if format_ == "mso_mdoc" else keys.issuer
    if key is None:
        raise ValueError("there is no key of a document signer")
    settings = _KEY_RESOLUTIONS[configuration.key_resolution](key, identifier)
    # With a DID method, a credential is bound as the holder named the key; a plain key as without.
    methods = configuration.metadata.get("cryptographic_binding_methods_supported", ())
    if format_ in DID_BINDING and any(method.startswith("did:") for method in methods):
        settings["binding"] = "did"
    if format_ in ("dc+sd-jwt", "vc+sd-jwt"):
        settings["disclosable"] = EVERY_CLAIM
    return CREDENTIAL_FORMATS[format_].encoder(signer=key.signer, lifetime=configuration.lifetime, **settings)


def datasets(settings: Settings) -> Datasets:
    """The claims in the settings, those of mdocs with the types that CBOR has. Raises `ValueError`."""
    mdocs = {name for name, each in settings.configurations.items() if each.metadata["format"] == "mso_mdoc"}
    return {
        subject: {
            name: named(f"subjects.{subject}.{name}", partial(elements, claims)) if name in mdocs else claims
            for name, claims in each.items()
        }
        for subject, each in settings.subjects.items()
    }
