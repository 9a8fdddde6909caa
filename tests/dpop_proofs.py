"""DPoP proofs made by hand, so that every part of them can be wrong."""

import hashlib
from collections.abc import Mapping
from itertools import count
from typing import Any

from attrs import field, frozen

from oid4vci.keys import LocalSigner
from tests.issuance import CREDENTIAL, NOW, b64url, jws

_numbers = count()


def ath(access_token: str) -> str:
    """What a proof says of the Access Token that it goes with."""
    return b64url(hashlib.sha256(access_token.encode()).digest())


@frozen
class Sent:
    """A good proof for a POST to `url`, until some of it is changed. A member that is None in `header` or `claims` is left out."""

    key: LocalSigner = field(factory=lambda: LocalSigner.generate("dpop"))
    url: str = CREDENTIAL
    access_token: str | None = None
    nonce: str | None = None
    header: Mapping[str, Any] = field(factory=dict)
    claims: Mapping[str, Any] = field(factory=dict)
    signer: LocalSigner | None = None
    jti: str = field(factory=lambda: f"proof number {next(_numbers)}")

    def __str__(self) -> str:
        header = {"typ": "dpop+jwt", "alg": self.key.algorithm, "jwk": dict(self.key.public_jwk)}
        claims = {
            "jti": self.jti,
            "htm": "POST",
            "htu": self.url,
            "iat": NOW,
            "ath": None if self.access_token is None else ath(self.access_token),
            "nonce": self.nonce,
        }
        return jws(
            {name: value for name, value in {**header, **self.header}.items() if value is not None},
            {name: value for name, value in {**claims, **self.claims}.items() if value is not None},
            self.signer or self.key,
        )
