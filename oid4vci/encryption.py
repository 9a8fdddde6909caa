"""Encrypted Credential Requests and Responses (OID4VCI 10): the issuer's settings, and what it does by them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import Attribute, field, frozen

from oid4vci import _json, _jwe
from oid4vci._document import strings
from oid4vci._json import Malformed
from oid4vci._jwe import CONTENT_ENCRYPTIONS, KEY_AGREEMENTS, ZIP_VALUES, DecryptionKey, EncryptionKey
from oid4vci.errors import InvalidCredentialRequest, InvalidEncryptionParameters
from oid4vci.metadata import CredentialRequestEncryption, CredentialResponseEncryption
from oid4vci.secret import NewSecret

__all__ = ("JWT", "DecryptionKey", "Encryption", "ResponseEncryption")

JWT: Final = "application/jwt"
"""The media type of encrypted messages (OID4VCI 10)."""

# Anybody can send a request, and one of a few KB must not have us read megabytes. What proofs have in common, such as one key
# attestation in each of a large batch, makes them some forty times as large as they came.
MAX_GROWTH: Final = 64


@frozen
class ResponseEncryption:
    """How one answer is to be encrypted, as its request said (OID4VCI 8.2)."""

    key: EncryptionKey
    enc: str
    zip: str | None = None

    def encrypt(self, members: Mapping[str, Any], *, new_secret: NewSecret) -> bytes:
        """The answer, compressed only if the request said so."""
        plaintext = _json.dump_bytes(members)
        return _jwe.encrypt(plaintext, self.key, enc=self.enc, zip=self.zip, new_secret=new_secret).encode()


def _tuple(keys: Iterable[DecryptionKey]) -> tuple[DecryptionKey, ...]:
    return tuple(keys)


def _known(known: Sequence[str]) -> Any:
    def check(_: object, attribute: "Attribute[tuple[str, ...]]", values: tuple[str, ...]) -> None:
        if not set(values) <= set(known) or len(set(values)) != len(values):
            raise ValueError(f"{attribute.name} must be some of {', '.join(known)}")

    return check


@frozen(kw_only=True)
class Encryption:
    """Whether a Credential Issuer takes encrypted requests and encrypts its responses, by which keys and algorithms.

    - `keys`: the private keys that requests are encrypted to, each with a `kid` of its own; all of them are published.
    - `retired_keys`: those that are no longer published, and still used for Wallets that have older metadata.
    - `requests_required`: whether plain requests are refused.
    - `responses`: whether responses are encrypted where a Wallet asks for it; `responses_required`: whether it must.
    - `alg_values`, `enc_values`: the algorithms for responses, and for both directions.
    - `zip_values`: compression algorithms, for both directions: `("DEF",)` or none. What was compressed before it was encrypted
      can give away something of its content by its length (RFC 8725 3.6). A compressed request that would become more than 64
      times as large is refused, if that is more than 256 KiB.

    `request_metadata` and `response_metadata` are what the issuer publishes. Raises `ValueError`.
    """

    keys: tuple[DecryptionKey, ...] = field(converter=_tuple, repr=False)
    retired_keys: tuple[DecryptionKey, ...] = field(default=(), converter=_tuple, repr=False)
    requests_required: bool = False
    responses: bool = True
    responses_required: bool = False
    alg_values: tuple[str, ...] = field(
        default=tuple(KEY_AGREEMENTS), converter=strings, validator=_known(tuple(KEY_AGREEMENTS))
    )
    enc_values: tuple[str, ...] = field(
        default=tuple(CONTENT_ENCRYPTIONS), converter=strings, validator=_known(tuple(CONTENT_ENCRYPTIONS))
    )
    zip_values: tuple[str, ...] = field(default=(), converter=strings, validator=_known(ZIP_VALUES))
    request_metadata: CredentialRequestEncryption = field(init=False, repr=False, eq=False)
    response_metadata: CredentialResponseEncryption | None = field(init=False, repr=False, eq=False)
    _by_kid: Mapping[str | None, DecryptionKey] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        every = (*self.keys, *self.retired_keys)
        by_kid = {key.kid: key for key in every}
        if not self.keys or None in by_kid or len(by_kid) != len(every):
            # "Each JWK in the set MUST have a kid (Key ID) parameter that uniquely identifies the key." -- OID4VCI 12.2.4
            raise ValueError("there must be keys, each with a kid of its own")
        if not self.enc_values or not self.alg_values:
            raise ValueError("alg_values and enc_values must name algorithms")
        if self.responses_required and not self.responses:
            raise ValueError("responses that are required must be possible")
        request = CredentialRequestEncryption(
            jwks={"keys": [dict(key.public_jwk) for key in self.keys]},
            enc_values_supported=self.enc_values,
            zip_values_supported=self.zip_values or None,
            encryption_required=self.requests_required,
        )
        response = CredentialResponseEncryption(
            alg_values_supported=self.alg_values,
            enc_values_supported=self.enc_values,
            zip_values_supported=self.zip_values or None,
            encryption_required=self.responses_required,
        )
        object.__setattr__(self, "_by_kid", by_kid)
        object.__setattr__(self, "request_metadata", request)
        object.__setattr__(self, "response_metadata", response if self.responses else None)

    def decrypt(self, body: bytes, *, max_bytes: int) -> dict[str, Any]:
        """The members of an encrypted request, of at most `max_bytes` before and after it is decrypted.

        Raises `InvalidEncryptionParameters` for another key or algorithm than those that are published, and for what cannot be
        decrypted; `InvalidCredentialRequest` for what is no JWE, or has no JSON object in it.
        """
        try:
            jwe = _jwe.parse(body, max_bytes=max_bytes)
        except Malformed as error:
            raise InvalidCredentialRequest(str(error)) from None
        try:
            key = self._by_kid.get(jwe.text("kid")) if "kid" in jwe.header else None
            if key is None:
                # Every published key has a `kid`, and then "the JWE MUST include the same value" -- OID4VCI 10
                raise Malformed("kid names no key of this issuer", "header")
            plaintext = _jwe.decrypt(
                jwe, key, enc_values=self.enc_values, zip_values=self.zip_values, max_bytes=max_bytes, max_growth=MAX_GROWTH
            )
        except Malformed as error:
            raise InvalidEncryptionParameters(str(error)) from None
        try:
            return _json.object_from(plaintext, max_bytes=max_bytes)
        except Malformed as error:
            raise InvalidCredentialRequest(str(error)) from None

    def answering(self, parameters: Any) -> ResponseEncryption:
        """How to encrypt an answer, by the `credential_response_encryption` of its request (OID4VCI 8.2).

        Raises `InvalidEncryptionParameters`.
        """
        if not self.responses:
            raise InvalidEncryptionParameters("this issuer does not encrypt responses")
        try:
            return self._answering(parameters)
        except Malformed as error:
            raise InvalidEncryptionParameters(str(error.within("credential_response_encryption"))) from None

    def _answering(self, parameters: Any) -> ResponseEncryption:
        if not isinstance(parameters, Mapping):
            raise Malformed("must be an object")
        try:
            key = EncryptionKey.from_jwk(parameters.get("jwk"))
        except Malformed as error:
            raise error.within("jwk") from None
        if key.alg not in self.alg_values:
            raise Malformed("is not a supported algorithm", "jwk.alg")
        enc, zip_ = parameters.get("enc"), parameters.get("zip")
        if not isinstance(enc, str) or enc not in self.enc_values:
            raise Malformed("must be a supported algorithm", "enc")
        if "zip" not in parameters:
            return ResponseEncryption(key, enc)
        if not isinstance(zip_, str) or zip_ not in self.zip_values:
            raise Malformed("must be a supported algorithm", "zip")
        return ResponseEncryption(key, enc, zip_)
