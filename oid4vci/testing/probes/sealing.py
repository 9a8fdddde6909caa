"""Encrypted requests, and answers that are encrypted to the probe (OID4VCI 10)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from oid4vci import _json, _jwe
from oid4vci._jwe import CONTENT_ENCRYPTIONS, CURVES, KEY_AGREEMENTS, DecryptionKey
from oid4vci.http import Response
from oid4vci.secret import new_secret
from oid4vci.testing.probes.expectations import content_type, demand, need, no_store, status
from oid4vci.testing.probes.peer import Peer
from oid4vci.testing.report import CheckSkipped

__all__ = ("JWT", "ResponseKey", "encryption_terms", "request_encryption", "required", "sealed")

JWT: Final = "application/jwt"


class ResponseKey:
    """A key for answers, by the first algorithms that the metadata name."""

    def __init__(self, peer: Peer) -> None:
        terms = encryption_terms(peer, "credential_response_encryption")
        algs, encs = _names(terms, "alg_values_supported"), _names(terms, "enc_values_supported")
        alg = next((each for each in algs if each in KEY_AGREEMENTS), None)
        need(alg, "the probe knows none of the algorithms for responses")
        self.enc = next((each for each in encs if each in CONTENT_ENCRYPTIONS), "")
        need(self.enc, "the probe knows none of the content encryptions for responses")
        self.key = DecryptionKey.generate(alg=str(alg))
        self.zips = _names(terms, "zip_values_supported")

    def asking(self, **changes: Any) -> dict[str, Any]:
        """The member that asks for an encrypted answer; those that are None are left out."""
        made = {"jwk": dict(self.key.public_jwk), "enc": self.enc, **changes}
        return {"credential_response_encryption": {name: value for name, value in made.items() if value is not None}}

    def opened(self, response: Response, *expected: int, what: str, zip_: str | None = None) -> dict[str, Any]:
        """What an encrypted answer says, after its header has been looked at."""
        status(response, *expected, what=what)
        demand(content_type(response) == JWT, f"{what}: expected application/jwt")
        no_store(response, what=what)
        jwe = _jwe.parse(response.body, max_bytes=_jwe.MAX_MESSAGE)
        demand(jwe.header.get("alg") == self.key.alg, f"{what}: alg is not that of the key")
        demand(jwe.header.get("enc") == self.enc, f"{what}: enc is not the one that was asked for")
        demand("kid" not in jwe.header, f"{what}: there is a kid, and the key has none")
        demand(jwe.header.get("zip") == zip_, f"{what}: zip is not as it was asked for")
        plaintext = _jwe.decrypt(jwe, self.key, enc_values=(self.enc,), zip_values=(zip_,) if zip_ else ())
        return _json.object_from(plaintext, max_bytes=_jwe.MAX_MESSAGE)


def encryption_terms(peer: Peer, name: str) -> Mapping[str, Any]:
    """A member of the metadata that says how something is encrypted. Raises `CheckSkipped` if it is not there."""
    terms = peer.metadata.get(name)
    need(isinstance(terms, dict), f"there is no {name}")
    members: Mapping[str, Any] = terms if isinstance(terms, dict) else {}
    return members


def _names(terms: Mapping[str, Any], name: str) -> Sequence[str]:
    values = terms.get(name)
    return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []


def request_encryption(peer: Peer) -> tuple[_jwe.EncryptionKey, str, Sequence[str]]:
    """A key that requests are encrypted to, a content encryption, and the compressions that there are."""
    terms = encryption_terms(peer, "credential_request_encryption")
    jwks = terms.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    demand(isinstance(keys, list) and keys, "credential_request_encryption.jwks has no keys")
    for jwk in keys or ():
        if isinstance(jwk, dict) and jwk.get("alg") in KEY_AGREEMENTS and jwk.get("crv") in CURVES:
            enc = next((each for each in _names(terms, "enc_values_supported") if each in CONTENT_ENCRYPTIONS), None)
            need(enc, "the probe knows none of the content encryptions for requests")
            return _jwe.EncryptionKey.from_jwk(jwk), str(enc), _names(terms, "zip_values_supported")
    raise CheckSkipped("the probe knows none of the algorithms for requests")


def sealed(
    peer: Peer, members: Mapping[str, Any] | bytes, *, zip_: str | None = None, to: _jwe.EncryptionKey | None = None
) -> bytes:
    """An encrypted request."""
    key, enc, _ = request_encryption(peer)
    plaintext = members if isinstance(members, bytes) else _json.dump_bytes(dict(members))
    return _jwe.encrypt(plaintext, to or key, enc=enc, zip=zip_, new_secret=new_secret).encode()


def required(peer: Peer) -> tuple[bool, bool]:
    """Whether requests must be encrypted, and whether answers."""
    names = ("credential_request_encryption", "credential_response_encryption")
    terms = [peer.metadata.get(name) for name in names]
    request, response = (isinstance(each, dict) and each.get("encryption_required") is True for each in terms)
    return request, response
