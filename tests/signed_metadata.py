"""What the tests of signed metadata share: an issuer with a certificate, what it signs, and a Wallet's trust in it."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci import _jose, _json
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import MetadataSigner
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors, encode_x5c
from tests.scripted_server import CREDENTIAL, ISSUER, TOKEN, metadata
from tests.status_lists import leaf_of
from tests.test_x509 import NOW, ROOT, SUB

__all__ = ("CHAIN", "CLAIMS", "HEADER", "ISSUER", "KEY", "NOW", "SIGNER", "SIGNING", "TYPE", "jwt", "pinning", "trusting")

TYPE = "openidvci-issuer-metadata+jwt"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SIGNER, OTHER = LocalSigner("metadata-1", "ES256", KEY), LocalSigner("other", "ES256", OTHER_KEY)
CHAIN = (leaf_of(ISSUER, KEY), SUB)
SIGNING = MetadataSigner(signer=SIGNER, x5c=CHAIN)

HEADER: Mapping[str, Any] = {"alg": "ES256", "typ": TYPE, "x5c": encode_x5c(CHAIN)}
CLAIMS: Mapping[str, Any] = {"sub": ISSUER, "iat": NOW, "exp": NOW + 3600, **metadata()}


def jwt(claims: Any = CLAIMS, header: Any = HEADER, by: LocalSigner = SIGNER) -> str:
    """Signed metadata with any claims and header. What is None is left out."""
    header, claims = ({name: value for name, value in each.items() if value is not None} for each in (header, claims))
    data = _jose.signing_input(header, _json.dump_bytes(claims))
    return _jose.compact(data, by.sign(data))


def trusting(**fields: Any) -> Trust:
    """Trust in the issuer of `scripted_server`, and in certificates under the root."""
    return Trust(
        **{
            "allow": lambda url: url.startswith("https://issuer.example/") or url in (TOKEN, CREDENTIAL),
            "metadata_anchors": Anchors.from_der(ROOT),
            **fields,
        }
    )


def pinning(*signers: LocalSigner, **fields: Any) -> Trust:
    """Trust in these keys for the metadata of that issuer, and in no certificate."""
    keys = tuple(public_key({**each.public_jwk, "kid": each.key_id}) for each in signers)
    return trusting(**{"metadata_anchors": None, "metadata_keys": {ISSUER: keys}, **fields})
