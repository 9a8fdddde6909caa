"""Whether and how the messages between a Wallet and one issuer are encrypted (OID4VCI 8.2, 9.1, 10, 12.2.4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from oid4vci import _json, _jwe
from oid4vci._json import Malformed
from oid4vci._jwe import CONTENT_ENCRYPTIONS, KEY_AGREEMENTS, ZIP_VALUES, DecryptionKey, EncryptionKey
from oid4vci.encryption import JWT
from oid4vci.errors import InvalidMetadata
from oid4vci.http import MAX_CREDENTIALS, Headers, Response
from oid4vci.metadata import CredentialIssuerMetadata, CredentialRequestEncryption, CredentialResponseEncryption
from oid4vci.secret import NewSecret
from oid4vci.wallet.settings import Wallet

__all__ = ("AnswerKey", "AnswerTerms", "MessageEncryption", "message_encryption", "plain_response")


@frozen
class AnswerKey:
    """A key for one answer, and the only way in which that may be encrypted to it."""

    key: DecryptionKey
    enc: str
    zip: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """`credential_response_encryption`."""
        asked: dict[str, Any] = {"jwk": dict(self.key.public_jwk), "enc": self.enc}
        return asked if self.zip is None else {**asked, "zip": self.zip}

    def decrypt(self, body: bytes) -> bytes:
        """The answer. Raises `Malformed` for any other encryption than was asked for."""
        zip_values = () if self.zip is None else (self.zip,)
        jwe = _jwe.parse(body, max_bytes=MAX_CREDENTIALS)
        return _jwe.decrypt(jwe, self.key, enc_values=(self.enc,), zip_values=zip_values, max_bytes=MAX_CREDENTIALS)


@frozen
class AnswerTerms:
    """By which algorithms answers are to be encrypted."""

    alg: str
    enc: str
    zip: str | None

    def new_key(self, new_secret: NewSecret) -> AnswerKey:
        """A key for one answer, on the curve that every issuer knows."""
        return AnswerKey(DecryptionKey.generate(alg=self.alg, new_secret=new_secret), self.enc, self.zip)


@frozen
class MessageEncryption:
    """How requests to one issuer are encrypted, and their `answers`: not at all, if that is None."""

    key: EncryptionKey
    enc: str
    zip: str | None
    answers: AnswerTerms | None = None

    def encrypt(self, members: Mapping[str, Any], new_secret: NewSecret) -> bytes:
        """A request with these members."""
        plaintext = _json.dump_bytes(members)
        return _jwe.encrypt(plaintext, self.key, enc=self.enc, zip=self.zip, new_secret=new_secret).encode()


def message_encryption(wallet: Wallet, metadata: CredentialIssuerMetadata) -> MessageEncryption | None:
    """How messages are encrypted, where the issuer demands it, or the settings want it and it is possible.

    Raises `InvalidMetadata` if the issuer demands it and no key or algorithm that it names can be used.
    """
    request, response = metadata.credential_request_encryption, metadata.credential_response_encryption
    demands_request = request is not None and request.encryption_required
    demands_response = response is not None and response.encryption_required
    if not (demands_request or demands_response or wallet.encryption == "when possible"):
        return None
    encryption = None if request is None else _for_requests(wallet, request)
    if encryption is None:
        if demands_request or demands_response:
            # Also where only answers are to be encrypted: what asks for that "MUST be used" encrypted itself -- OID4VCI 8.2
            raise InvalidMetadata(
                "the issuer demands encrypted messages, but names no key and algorithm to encrypt requests with"
            )
        return None
    if response is None or not (demands_response or wallet.encryption == "when possible"):
        return encryption
    answers = _for_answers(wallet, response)
    if answers is None and demands_response:
        raise InvalidMetadata("the issuer demands encrypted responses, but by no algorithm that this Wallet has")
    return evolve(encryption, answers=answers)


def _first(known: Sequence[str], named: Sequence[str]) -> str | None:
    return next((each for each in known if each in named), None)


def _zip(wallet: Wallet, named: Sequence[str] | None) -> str | None:
    return _first(ZIP_VALUES, named or ()) if wallet.compression else None


def _for_requests(wallet: Wallet, published: CredentialRequestEncryption) -> MessageEncryption | None:
    enc = _first(tuple(CONTENT_ENCRYPTIONS), published.enc_values_supported)
    if enc is None:
        return None
    for jwk in published.keys:
        # "In the case where multiple public keys are available, any may be selected" -- OID4VCI 10
        try:
            return MessageEncryption(EncryptionKey.from_jwk(jwk), enc, _zip(wallet, published.zip_values_supported))
        except Malformed:
            continue
    return None


def _for_answers(wallet: Wallet, published: CredentialResponseEncryption) -> AnswerTerms | None:
    alg = _first(tuple(KEY_AGREEMENTS), published.alg_values_supported)
    enc = _first(tuple(CONTENT_ENCRYPTIONS), published.enc_values_supported)
    return None if alg is None or enc is None else AnswerTerms(alg, enc, _zip(wallet, published.zip_values_supported))


def plain_response(response: Response, key: AnswerKey | None) -> Response:
    """The answer as it was before it was encrypted, to `key` if that is there. Raises `Malformed`."""
    encrypted = response.media_type == JWT
    if not 200 <= response.status < 300:
        if encrypted:
            raise Malformed("the answer is an error that is encrypted, which errors never are")  # OID4VCI 8.3.1.2
        return response
    if key is None:
        return response
    if not encrypted:
        # "it SHOULD be rejected" -- OID4VCI 10
        raise Malformed("the answer must be encrypted: that was asked for")
    others = tuple((name, value) for name, value in response.headers.pairs if name != "content-type")
    return Response(response.status, Headers((*others, ("content-type", "application/json"))), key.decrypt(response.body))
