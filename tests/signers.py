"""A key of each kind, made once: making an RSA key takes as long as many tests."""

from collections.abc import Mapping
from typing import Final

from oid4vci._jose import ALGORITHMS, Algorithm
from oid4vci.keys import LocalSigner

ON_CURVES: Final[Mapping[str, Algorithm]] = {name: known for name, known in ALGORITHMS.items() if known.crv}
RSA_NAMES: Final = tuple(name for name, known in ALGORITHMS.items() if known.kty == "RSA")
ML_DSA_NAMES: Final = tuple(name for name, known in ALGORITHMS.items() if known.kty == "AKP")

RSA: Final = LocalSigner.generate("rsa", "PS256")


def signer_for(algorithm: str, key_id: str = "key") -> LocalSigner:
    """A signer by that algorithm: always the same key for RSA, else a new one."""
    if ALGORITHMS[algorithm].kty == "RSA":
        return LocalSigner(key_id, algorithm, RSA._private_key)
    return LocalSigner.generate(key_id, algorithm)
