"""Access Tokens as JWTs (RFC 9068): minted by our authorization server, or verified by a Credential Issuer.

A JWT says everything itself, so an issuer that cannot ask the server takes it until it expires. Where issuer and server share a
store, the issuer loads the grant that the token names (`TrustedAuthorizationServer.grants`): a revoked grant then ends the token
at once. Elsewhere a short life, or introspection (RFC 7662), bounds how long a revoked token still serves.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

from attrs import evolve, field, frozen

from oid4vci import _jose, _json
from oid4vci._document import identifier_url, strings
from oid4vci._jose import DEFAULT_ALGORITHMS, check_algorithms
from oid4vci._json import Malformed, b64url_encode
from oid4vci.errors import InvalidRequest, InvalidToken, reading
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, Signer, SigningInput, sign, signature_size
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.access_tokens import MAX_TOKEN, NewAccessToken
from oid4vci.oauth.authorization_details import OPENID_CREDENTIAL
from oid4vci.oauth.external_access_tokens import ExternalAccessTokens, time_claim
from oid4vci.oauth.grants import GRANT, REDEEMED, Authorization
from oid4vci.records import Key, Records
from oid4vci.secret import NewSecret

__all__ = ("JwtAccessTokens", "TrustedAuthorizationServer", "TrustedJwtAccessTokens")

TYP: Final = "at+jwt"
MAX_KID = 1024
# Taken from other servers unless a setting says otherwise: "RS256 ... MUST be supported" by each (RFC 9068 2.1).
_RS: Final = ("RS256", "RS384", "RS512")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@frozen
class JwtAccessTokens:
    """Access Tokens of the authorization server `issuer` (its identifier), signed with the key of `signer`.

    The server publishes the key, with the signer's `key_id` as `kid`. Whoever holds a token can read it: the subject of the
    grant, what it is for, and the digest that names the grant, which opens nothing.
    """

    signer: Signer
    issuer: str = field(kw_only=True)

    def draft(self, token: NewAccessToken, *, new_secret: NewSecret) -> "JwtAccessTokenDraft":
        """A token. It is worth nothing until the grant's change is committed.

        `authorization_details` has all that the token is good for. Raises `InvalidRequest` if the token would be too large.
        """
        header = {"typ": TYP, "alg": self.signer.algorithm, "kid": self.signer.key_id}
        claims = _claims(token, self.issuer, b64url_encode(new_secret(16)))
        data = _jose.signing_input(header, _json.dump_bytes(claims))
        # The signature in base64url, and the dot before it.
        if len(data) + 1 + (signature_size(self.signer) * 4 + 2) // 3 > MAX_TOKEN:
            raise InvalidRequest("the access token would be too large: ask for less at a time")
        return JwtAccessTokenDraft(self.signer, data)


def _claims(token: NewAccessToken, issuer: str, jti: str) -> dict[str, Any]:
    data = token.grant.data
    details = {each["credential_configuration_id"]: each for each in data["details"]}
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": data["subject"],
        "aud": token.credential_issuer,
        "iat": token.now,
        "exp": token.expires_at,
        "jti": jti,
        "authorization_details": [
            details.get(each, {"type": OPENID_CREDENTIAL, "credential_configuration_id": each})
            for each in token.configuration_ids
        ],
        "grant": token.grant.key.digest,
    }
    if data["client_id"] is not None:
        claims["client_id"] = data["client_id"]
    # A value that stands for more than the token is good for would be read as all of it.
    known: Mapping[str, Sequence[str]] = data.get("scopes", {})
    scopes = [each for each in (token.scope or "").split() if set(known.get(each, ())) <= set(token.configuration_ids)]
    if scopes:
        claims["scope"] = " ".join(scopes)
    if token.jkt is not None:
        claims["cnf"] = {"jkt": token.jkt}
    return claims


@frozen
class JwtAccessTokenDraft:
    """A JWT that lacks its signature only."""

    signer: Signer = field(repr=False)
    data: bytes = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is here."""
        if isinstance(self.signer, LocalSigner):
            return ()
        return (SigningInput(self.signer.key_id, self.signer.algorithm, self.data),)

    def finish(self, signatures: Sequence[bytes] = ()) -> str:
        """The token. Raises `ValueError`."""
        (signature,) = sign(self.signer, (self.data,), signatures)
        return _jose.compact(self.data, signature)


def _check_identifier(server: "TrustedAuthorizationServer", _: object, issuer: str) -> None:
    identifier_url().check(issuer)


def _keys(keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    return tuple(keys)


@frozen(kw_only=True)
class TrustedAuthorizationServer:
    """An authorization server whose JWTs are believed. Raises `ValueError`.

    - `issuer`: its identifier, which `iss` must be, character for character.
    - `jwks_uri`: where its keys are, as its metadata say: the caller resolves it (`KeyReference`). Or else its `keys` themselves.
    - `algorithms`: those accepted, all of them asymmetric. RFC 9068 2.1 has every server support RS256.
    - `grants`: whether its grants are in our store. Then the grant that a token names is loaded, what it says comes along, and a
      token whose grant is not there or was revoked is refused. Only for a server that mints with `JwtAccessTokens`.
    """

    issuer: str = field(validator=_check_identifier)
    jwks_uri: str | None = None
    keys: tuple[PublicKey, ...] = field(default=(), converter=_keys)
    algorithms: tuple[str, ...] = field(default=(*DEFAULT_ALGORITHMS, *_RS), converter=strings)
    grants: bool = False

    def __attrs_post_init__(self) -> None:
        if (self.jwks_uri is None) == (not self.keys):
            raise ValueError("a trusted server has jwks_uri or keys")
        check_algorithms(self.algorithms)

    @classmethod
    def of(cls, metadata: AuthorizationServerMetadata) -> Self:
        """The server that published these metadata. Raises `ValueError` if they have no `jwks_uri`."""
        return cls(issuer=metadata.issuer, jwks_uri=metadata.jwks_uri)


def _servers(servers: Iterable[TrustedAuthorizationServer]) -> tuple[TrustedAuthorizationServer, ...]:
    return tuple(servers)


@frozen(kw_only=True)
class TrustedJwtAccessTokens(ExternalAccessTokens):
    """JWTs of one or several authorization servers, for a Credential Issuer.

    A token is for the server that its `iss` names and for no other. Keys are found by `kid` among those of that server, never in
    the token. A `kid` that its resolved JWK Set lacks means `InvalidToken`; `KeyReference.kid` tells the caller's cache to look
    again.
    """

    servers: tuple[TrustedAuthorizationServer, ...] = field(converter=_servers)
    _by_issuer: Mapping[str, TrustedAuthorizationServer] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        by_issuer = {server.issuer: server for server in self.servers}
        if not by_issuer or len(by_issuer) != len(self.servers):
            raise ValueError("servers are at least one, and none is there twice")
        object.__setattr__(self, "_by_issuer", by_issuer)

    def read(self, token: str, *, credential_issuer: str) -> "TrustedJwtAccessToken":
        """Take a token apart. Raises `InvalidToken` if it is no JWT of one of the servers."""
        try:
            jws = _jose.parse(token, max_bytes=MAX_TOKEN)
            claims = jws.claims()
        except Malformed:
            raise InvalidToken("the access token is not valid") from None
        issuer = claims.get("iss")
        server = self._by_issuer.get(issuer) if isinstance(issuer, str) else None
        if server is None:
            raise InvalidToken("the access token is not valid")
        try:
            _check_header(jws, server)
            self.check_audience(claims, credential_issuer)
            grant = _named_grant(claims) if server.grants else None
        except Malformed as fault:
            return TrustedJwtAccessToken(self, server, jws, claims, credential_issuer, fault=fault)
        return TrustedJwtAccessToken(self, server, jws, claims, credential_issuer, grant)


def _check_header(jws: _jose.Jws, server: TrustedAuthorizationServer) -> None:
    # No other JWT of the server, an ID Token for instance, is an access token (RFC 9068 4). Letters may be large or small, as in
    # every media type (RFC 7515 4.1.9).
    typ = jws.header.get("typ")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") != TYP:
        raise Malformed(f"typ must be {TYP}", "header")
    if jws.algorithm not in server.algorithms:
        raise Malformed("alg is not an accepted algorithm", "header")
    kid = jws.header.get("kid")
    if not isinstance(kid, str | None) or len(kid or "") > MAX_KID:
        raise Malformed("kid must be a string", "header")


def _named_grant(claims: Mapping[str, Any]) -> Key:
    digest = claims.get("grant")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise Malformed("must name a grant", "grant")
    return Key(GRANT, digest)


@frozen
class TrustedJwtAccessToken:
    """A JWT of a trusted server: parsed, nothing believed. With a `fault`, nothing is loaded or resolved for it."""

    tokens: TrustedJwtAccessTokens = field(repr=False)
    server: TrustedAuthorizationServer
    jws: _jose.Jws = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    credential_issuer: str
    grant: Key | None = None
    fault: Malformed | None = None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The grant's record, if it is in our store."""
        return () if self.grant is None else (self.grant,)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The keys of the server, with the `kid` that is needed."""
        if self.server.jwks_uri is None or self.fault is not None:
            return ()
        return (KeyReference(self.server.jwks_uri, self.jws.header.get("kid")),)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the token allows, after every check of RFC 9068 4. Raises `InvalidToken`."""
        with reading(InvalidToken):
            if self.fault is not None:
                raise self.fault
            _jose.verify(self.jws, self._key(keys), algorithms=self.server.algorithms)
            expires_at = time_claim(self.claims, "exp")
            time_claim(self.claims, "iat")
            self.tokens.check_times(self.claims, now)
            allowed = self.tokens.authorization(self.claims, credential_issuer=self.credential_issuer, expires_at=expires_at)
        return allowed if self.grant is None else _from_grant(allowed, self.grant, records)

    def _key(self, resolved: ResolvedKeys) -> PublicKey:
        published = [key for reference in self.key_refs for key in resolved.get(reference, ())]
        kid = self.jws.header.get("kid")
        fitting = {key for key in (*self.server.keys, *published) if key.fits(self.jws.algorithm) and kid in (None, key.kid)}
        if len(fitting) != 1:
            raise Malformed("the key is not known")
        return fitting.pop()


def _from_grant(allowed: Authorization, key: Key, records: Records) -> Authorization:
    """What both the token and its grant allow. Raises `InvalidToken` if the grant was revoked."""
    grant = records.get(key)
    if grant is None or grant.data["state"] != REDEEMED:
        raise InvalidToken("the access token has expired or was revoked")
    stored = Authorization.from_grant(
        grant, expires_at=allowed.expires_at, jkt=allowed.jkt, configuration_ids=allowed.configuration_ids
    )
    return evolve(stored, claims=allowed.claims)
