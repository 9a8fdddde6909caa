"""A Status List Token as it came, JWT or CWT: taken apart into what both have, and not believed (Token Status List 5)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _cbor, _cose, _jose, _json
from oid4vci._json import Malformed
from oid4vci.http import MAX_BODY
from oid4vci.keys import PublicKey
from oid4vci.status_list.token import CWT_CLAIMS, CWT_TYPE, JWT_TYPE

__all__ = ("SignedStatusList",)

_NAMES: Final[Mapping[int | str, str]] = {key: name for name, key in CWT_CLAIMS.items()}


@frozen
class SignedStatusList:
    """`x5c` is the certificate chain of the header as a JWS has it, `kid` the key id, `algorithm` the JWS algorithm."""

    algorithm: str
    x5c: Any
    kid: str | None
    cbor: bool
    _verify: Callable[[PublicKey], None] = field(repr=False)
    _claims: Callable[[], dict[str, Any]] = field(repr=False)

    @classmethod
    def parse(cls, body: bytes, *, algorithms: Collection[str] = _jose.DEFAULT_ALGORITHMS) -> "SignedStatusList":
        """Take it apart; the type must be that of a Status List Token, signed by one of `algorithms`. Raises `Malformed`."""
        if len(body) > MAX_BODY:
            raise Malformed("the status list token is too large")
        # A compact JWS begins with the base64url of a brace; no COSE message does.
        signed = cls._jwt(body) if body[:1] == b"e" else cls._cwt(body)
        if signed.algorithm not in algorithms:
            raise Malformed("alg is not an accepted algorithm", "header")
        return signed

    @classmethod
    def _jwt(cls, body: bytes) -> "SignedStatusList":
        try:
            jws = _jose.parse(body.decode("ascii"), max_bytes=MAX_BODY)
        except UnicodeDecodeError:
            raise Malformed("not a JWT") from None
        # "The JWT type MUST be statuslist+jwt" -- Token Status List 5.1
        if jws.header.get("typ") != JWT_TYPE:
            raise Malformed(f"typ must be {JWT_TYPE}", "header")
        algorithm = jws.algorithm

        def verify(key: PublicKey) -> None:
            _jose.verify(jws, key, algorithms=(algorithm,))

        def claims() -> dict[str, Any]:
            return _json.object_from(jws.payload, max_bytes=MAX_BODY)

        return cls(algorithm, jws.header.get("x5c"), _kid(jws.header.get("kid")), False, verify, claims)

    @classmethod
    def _cwt(cls, body: bytes) -> "SignedStatusList":
        # A tag for CWTs is accepted, which drafts before 16 did not forbid.
        message = _cose.parse(body)
        # "REQUIRED. The type of the CWT MUST be application/statuslist+cwt", in the protected header -- Token Status List 5.2
        if message.header.get(_cose.TYP) != CWT_TYPE:
            raise Malformed(f"the type must be {CWT_TYPE}", "header")
        number, header = message.algorithm, {**message.unprotected, **message.header}
        chain = header.get(_cose.X5CHAIN)
        kid = header.get(_cose.KID)

        def verify(key: PublicKey) -> None:
            _cose.verify(message, key, algorithms=(number,))

        def claims() -> dict[str, Any]:
            value = _cbor.loads(message.payload)
            if not isinstance(value, dict):
                raise Malformed("the claims of a CWT are a map")
            return {_NAMES[key]: claim for key, claim in value.items() if key in _NAMES}

        from oid4vci import x509

        x5c = None if chain is None else x509.encode_x5c(_cose.x5chain(chain))
        return cls(_cose.ALGORITHMS[number], x5c, _kid(kid), True, verify, claims)

    def claims(self, keys: Sequence[PublicKey]) -> dict[str, Any]:
        """The claims by their JWT names, if one of `keys` has made the signature. Raises `Malformed`."""
        *others, last = keys
        for key in others:
            with suppress(Malformed):
                self._verify(key)
                break
        else:
            self._verify(last)
        return self._claims()


def _kid(value: Any) -> str | None:
    """A key id: text, which is bytes in COSE (RFC 9052 3.1)."""
    try:
        kid = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        kid = ""
    if kid is not None and (not isinstance(kid, str) or not kid):
        raise Malformed("kid must be text", "header")
    return kid
