"""Issuer: Status List Tokens as JWT and as CWT (Token Status List 5)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, field, frozen

from oid4vci import _cbor, _cose, _jose
from oid4vci._document import https_url
from oid4vci._json import dump_bytes
from oid4vci.formats.validity import DAY
from oid4vci.keys import LocalSigner, Signer, SigningInput, sign
from oid4vci.status_list.published import PublishedStatusList
from oid4vci.status_list.status_list import StatusList
from oid4vci.status_list.token import CWT, CWT_CLAIMS, CWT_TYPE, JWT, JWT_TYPE, StatusListToken

__all__ = ("StatusListDraft", "StatusListSigner")


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


def _kid(signer: "StatusListSigner") -> str | None:
    return None if signer.x5c else signer.signer.key_id


@frozen(kw_only=True)
class StatusListSigner:
    """Makes Status List Tokens: with which key, and how long they hold.

    - `signer`: the key, by default that of the credentials' issuer. Another party's takes a certificate that Wallets know for
      that purpose (Token Status List 11.3).
    - `x5c`: its certificate and those that lead towards the anchor, DER, leaf first, with nothing self-signed (HAIP 6.1).
    - `kid`: the key id in the header, by default that of the signer if there is no `x5c`; for a DID, the DID URL of the key.
    - `include_jwk`: whether the header of a JWT has the public key as well, for clients that look there. It proves nothing.
    - `lifetime`: seconds until `exp`; None for a token that does not expire.
    - `ttl`: seconds that a token may be kept before a fresh one is fetched; a revocation is seen that much later. None: not said.
    - `aggregation_uri`: where all lists of the issuer are named (Token Status List 9).
    - `haip`: refuse to be without `x5c` (HAIP 6.1).

    Raises `ValueError` for what does not fit together.
    """

    signer: Signer
    x5c: tuple[bytes, ...] = field(default=(), converter=_chain, repr=False)
    kid: str | None = Factory(_kid, takes_self=True)
    include_jwk: bool = False
    lifetime: int | None = DAY
    ttl: int | None = DAY // 2
    aggregation_uri: str | None = None
    haip: bool = False

    def __attrs_post_init__(self) -> None:
        if any(seconds is not None and seconds < 1 for seconds in (self.lifetime, self.ttl)):
            raise ValueError("lifetime and ttl must be positive")
        if self.aggregation_uri is not None:
            https_url().check(self.aggregation_uri)
        if self.haip and not self.x5c:
            raise ValueError("HAIP-6.1-08: x5c is missing (HAIP 6.1)")
        if self.x5c:
            from oid4vci import x509

            x509.check_own_chain(self.x5c, self.signer.public_jwk)

    def draft(self, statuses: StatusList, *, uri: str, now: int, media_types: Collection[str] = (JWT,)) -> "StatusListDraft":
        """The token of the list at `uri` (https), in each of `media_types`: `JWT`, `CWT` or both. `now`: seconds since the epoch.

        Raises `ValueError`.
        """
        https_url().check(uri)
        if not media_types or not set(media_types) <= _ENCODE.keys():
            raise ValueError(f"media_types must be among {', '.join(_ENCODE)}")
        token = StatusListToken(
            uri=uri,
            statuses=statuses,
            issued_at=now,
            expires_at=None if self.lifetime is None else now + self.lifetime,
            ttl=self.ttl,
            aggregation_uri=self.aggregation_uri,
        )
        return StatusListDraft(self.signer, token, tuple(_ENCODE[each](self, token) for each in media_types))


@frozen
class _Unsigned:
    """One representation without its signature: what a signature covers, and the token once there is one."""

    media_type: str
    data: bytes
    assemble: Callable[[bytes], bytes]


def _jwt(signing: StatusListSigner, token: StatusListToken) -> _Unsigned:
    """Token Status List 5.1."""
    header: dict[str, Any] = {"alg": signing.signer.algorithm, "typ": JWT_TYPE}
    if signing.kid is not None:
        header["kid"] = signing.kid
    if signing.x5c:
        from oid4vci import x509

        header["x5c"] = x509.encode_x5c(signing.x5c)
    if signing.include_jwk:
        header["jwk"] = dict(signing.signer.public_jwk)
    data = _jose.signing_input(header, dump_bytes(token.claims(token.statuses.to_json())))
    return _Unsigned(JWT, data, lambda signature: _jose.compact(data, signature).encode())


def _cwt(signing: StatusListSigner, token: StatusListToken) -> _Unsigned:
    """Token Status List 5.2: a tagged COSE_Sign1; the type is in the protected header, and so is the chain."""
    header: dict[int, Any] = {_cose.ALG: _cose.number_of(signing.signer.algorithm), _cose.TYP: CWT_TYPE}
    if signing.kid is not None:
        header[_cose.KID] = signing.kid.encode()
    if signing.x5c:
        header[_cose.X5CHAIN] = signing.x5c[0] if len(signing.x5c) == 1 else list(signing.x5c)
    protected, claims = _cbor.dumps(header), token.claims(token.statuses.to_cbor())
    payload = _cbor.dumps({CWT_CLAIMS[name]: value for name, value in claims.items()})

    def assemble(signature: bytes) -> bytes:
        return _cose.assemble(protected, _cbor.dumps({}), payload, signature)

    return _Unsigned(CWT, _cose.sig_structure(protected, payload), assemble)


_ENCODE: Final = {JWT: _jwt, CWT: _cwt}


@frozen
class StatusListDraft:
    """A Status List Token that lacks only its signatures, one for each media type."""

    signer: Signer
    token: StatusListToken
    _unsigned: tuple[_Unsigned, ...] = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is in this process."""
        if isinstance(self.signer, LocalSigner):
            return ()
        return tuple(SigningInput(self.signer.key_id, self.signer.algorithm, each.data) for each in self._unsigned)

    def finish(self, signatures: Sequence[bytes] = ()) -> PublishedStatusList:
        """The signed token. `signatures`: raw JWS signatures, one for each element of `to_sign`. Raises `ValueError`."""
        made = sign(self.signer, [each.data for each in self._unsigned], signatures)
        tokens: Mapping[str, bytes] = {
            each.media_type: each.assemble(signature) for each, signature in zip(self._unsigned, made, strict=True)
        }
        return PublishedStatusList(
            uri=self.token.uri,
            tokens=tokens,
            issued_at=self.token.issued_at,
            expires_at=self.token.expires_at,
            ttl=self.token.ttl,
        )
