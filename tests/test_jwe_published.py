"""JWE of others: RFC 7518, RFC 7520, RFC 8037, Wycheproof."""

import json
from pathlib import Path
from typing import Any

import pytest

from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci._jwe import KEY_AGREEMENTS, DecryptionKey, EncryptionKey
from oid4vci._jwe.key_agreement import derived_key
from oid4vci._jwe.keys import public_agreement_key
from tests.jwes import decrypted, encrypted


def vector(vectors: Path, identifier: str) -> Any:
    published = json.loads((vectors / "jose" / "vectors.json").read_text())["vectors"]
    return next(each for each in published if each["id"] == identifier)


def test_key_derivation_of_rfc_7518(vectors: Path) -> None:
    """Appendix C, which has both parties' information."""
    given = vector(vectors, "rfc7518-C")
    ephemeral = DecryptionKey.from_jwk(given["epk_private"], alg="ECDH-ES")
    recipient = DecryptionKey.from_jwk(given["recipient_private"], alg="ECDH-ES")
    for one, another in ((ephemeral, recipient), (recipient, ephemeral)):
        secret = one.agree(EncryptionKey.from_jwk(dict(another.public_jwk)).key)
        assert secret.hex() == given["z_hex"]
        key = derived_key(
            secret,
            algorithm=given["header"]["enc"],
            size=given["keydatalen"] // 8,
            apu=b64url_decode(given["header"]["apu"]),
            apv=b64url_decode(given["header"]["apv"]),
        )
        assert b64url_encode(key) == given["derived_key"]


def test_key_agreement_of_rfc_8037(vectors: Path) -> None:
    given = vector(vectors, "rfc8037-A.6")
    secret = b64url_encode(bytes.fromhex(given["ephemeral_private_hex"]))
    ephemeral = DecryptionKey.from_jwk({**given["epk"], "d": secret}, alg="ECDH-ES")
    _, recipient = public_agreement_key(given["recipient_public"])
    assert ephemeral.agree(recipient).hex() == given["z_hex"]


@pytest.mark.parametrize("name", ["5_4", "5_5"])
def test_cookbook(vectors: Path, name: str) -> None:
    """RFC 7520 5.4 (P-384, A128KW, A128GCM) and 5.5 (P-256, directly, A128CBC-HS256)."""
    (path,) = (vectors / "jose" / "rfc7520").glob(f"{name}.*.json")
    given = json.loads(path.read_text())
    jwk = given["input"]["key"]
    key = DecryptionKey.from_jwk(jwk, alg=given["input"]["alg"])
    plaintext = given["input"]["plaintext"].encode()
    assert decrypted(given["output"]["compact"].encode(), key) == plaintext
    assert decrypted(encrypted(plaintext, key, enc=given["input"]["enc"]), key) == plaintext


def wycheproof(vectors: Path, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each test with its group."""
    groups = json.loads((vectors / "wycheproof" / f"{name}_test.json").read_text())["testGroups"]
    return [(group, test) for group in groups for test in group["tests"]]


def test_wycheproof_json_web_encryption(vectors: Path) -> None:
    """Those by ECDH-ES; all others name no algorithm that is known here, and no key that is one for it."""
    counted = {"valid": 0, "invalid": 0}
    for group, test in wycheproof(vectors, "json_web_encryption"):
        private = group["private"]
        if private.get("alg") not in KEY_AGREEMENTS:
            with pytest.raises(ValueError):  # noqa: PT011
                DecryptionKey.from_jwk(private)
            continue
        # A key without a name: some of these messages do not repeat it, which OID4VCI 10 demands.
        key = DecryptionKey.from_jwk({name: value for name, value in private.items() if name != "kid"})
        counted[test["result"]] += 1
        if test["result"] == "valid":
            assert decrypted(test["jwe"].encode(), key).hex() == test["pt"], test
        else:
            with pytest.raises(Malformed):
                decrypted(test["jwe"].encode(), key)
    assert counted == {"valid": 18, "invalid": 15}


def test_wycheproof_ecdh(vectors: Path) -> None:
    """Invalid curves, points that are none, and numbers that implementations have failed on."""
    counted = {"valid": 0, "invalid": 0}
    for _, test in wycheproof(vectors, "ecdh_secp256r1_webcrypto"):
        private = DecryptionKey.from_jwk(test["private"], alg="ECDH-ES")
        counted[test["result"]] += 1
        if test["result"] == "valid":
            assert private.agree(public_agreement_key(test["public"])[1]).hex() == test["shared"], test
        else:
            with pytest.raises(ValueError):  # noqa: PT011
                private.agree(public_agreement_key(test["public"])[1])
    assert counted == {"valid": 330, "invalid": 23}
