"""Keys of the parties in these tests, with certificates that are valid now."""

import time
from base64 import b64encode
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci._json import b64url_encode
from oid4vci.keys import LocalSigner
from oid4vci.x509 import Anchors
from tests.private_keys import in_pem
from tests.test_x509 import CERT_SIGN, SIGNING_ONLY, certificate, pem

DAY = 86_400


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@frozen
class Party:
    """An identifier, a key, and an authority of its own, which has certified both."""

    identifier: str
    key: ec.EllipticCurvePrivateKey = field(factory=_key, repr=False)
    _authority_key: ec.EllipticCurvePrivateKey = field(factory=_key, repr=False)
    authority: bytes = field(init=False, repr=False)
    leaf: bytes = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        valid: Any = {"start": int(time.time()) - 300, "end": int(time.time()) + DAY}
        root, key = "root", self._authority_key
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(self.identifier)])
        ca = certificate(root, key, root, key, (x509.BasicConstraints(True, None), True), (CERT_SIGN, True), **valid)
        leaf = certificate("leaf", self.key, root, key, (SIGNING_ONLY, True), (names, False), **valid)
        object.__setattr__(self, "authority", ca)
        object.__setattr__(self, "leaf", leaf)

    @property
    def anchors(self) -> Anchors:
        """The authority."""
        return Anchors.from_der(self.authority)

    @property
    def anchors_pem(self) -> str:
        """The authority, in PEM."""
        return pem(self.authority).decode()

    @property
    def x5c(self) -> list[str]:
        """The chain without the authority, as a JWS header has it."""
        return [b64encode(self.leaf).decode()]

    @property
    def signer(self) -> LocalSigner:
        """The key, to sign here."""
        return LocalSigner.from_pem(self.identifier, in_pem(self.key))

    @property
    def private_jwk(self) -> dict[str, str]:
        """The key, to sign in another process."""
        secret = self.key.private_numbers().private_value.to_bytes(32, "big")
        return {**self.signer.public_jwk, "d": b64url_encode(secret)}
