"""The client authentication method `private_key_jwt` (RFC 7521 4.2, RFC 7523 2.2, 3): a JWT that the client signed with a key of
its registration. Validation for the authorization server, making for the client, side by side."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._document import strings
from oid4vci._jose import DEFAULT_ALGORITHMS, Jws, check_algorithms
from oid4vci._json import Malformed
from oid4vci.errors import InvalidClient, reading
from oid4vci.http import Form, Request
from oid4vci.keys import KeyReference, ResolvedKeys, Signer, public_keys
from oid4vci.metadata.client import ClientMetadata
from oid4vci.oauth.client_authentication import MAX_CLIENT_ID, AuthenticatedClient, Registered
from oid4vci.oauth.client_jwt import MAX_JTI, check_audience, spent
from oid4vci.records import Key, Records
from oid4vci.signed_jwt import KeySource, check_numbers, check_times, fitting_keys, named_by, text, verify_with

__all__ = ("ASSERTION_TYPE", "METHOD", "PrivateKeyJwt", "ReadClientAssertion", "client_assertion_signing_input")

METHOD: Final = "private_key_jwt"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION: Final = 16_384
_SPENT: Final = "client_assertion"
# A JWT of another kind (an access token, a proof) that a client was made to sign, or was given, must not serve here (RFC 8725
# 3.11). RFC 7523 has no `typ`; the last one is that of its revision.
_TYPES: Final = ("jwt", "client-authentication+jwt")


@frozen(kw_only=True)
class PrivateKeyJwt:
    """How client assertions are checked.

    - `algorithms`: those accepted, all of them asymmetric: `token_endpoint_auth_signing_alg_values_supported` of the metadata.
    - `max_lifetime`, `max_skew`: the seconds that `exp` may lie in the future, and that clocks may differ.

    Policies:

    - `require_jti`: RFC 7523 leaves `jti` to the client; an assertion without one would serve again and again until it expires.
    - `endpoint_audiences`: URLs of the server's endpoints that are accepted as `aud` besides its identifier, as RFC 7523 3 and RFC
      9126 2 allowed. An assertion that names no server, but a URL that another server claims as its endpoint, can be used by that
      other server: only for clients that cannot do otherwise.
    """

    algorithms: tuple[str, ...] = field(
        default=DEFAULT_ALGORITHMS, converter=strings, validator=lambda _, __, value: check_algorithms(value)
    )
    max_lifetime: int = 300
    max_skew: int = 60
    require_jti: bool = True
    endpoint_audiences: tuple[str, ...] = field(default=(), converter=strings)

    def __attrs_post_init__(self) -> None:
        if self.max_lifetime < 1 or self.max_skew < 0:
            raise ValueError("max_lifetime must be positive, and max_skew must not be negative")

    def applies(self, request: Request, form: Form) -> bool:
        """Whether there is a client assertion, or what would be its type."""
        return form.get("client_assertion") is not None or form.get("client_assertion_type") is not None

    def read(
        self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered
    ) -> "ReadClientAssertion":
        """Take the assertion apart and make every check that needs no clock, no key and no record. Raises `InvalidClient`."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient(f"client_assertion_type must be {ASSERTION_TYPE}")
        with reading(InvalidClient):
            jws = _jose.parse(form.get("client_assertion") or "", max_bytes=MAX_ASSERTION)
            claims = jws.claims()
            client_id = self._check(jws, claims, issuer)
        metadata = registered(client_id)
        if metadata is None:
            raise InvalidClient("the client is not known")
        if jws.algorithm != metadata.extra.get("token_endpoint_auth_signing_alg", jws.algorithm):
            # "All Token Requests ... MUST be rejected, if the JWT is not signed with this algorithm" -- OpenID Connect Dynamic
            # Client Registration 2
            raise InvalidClient("header: alg is not the one that the client is registered with")
        return ReadClientAssertion(self, issuer, jws, claims, named_by(jws, _source(metadata)), client_id)

    def _check(self, jws: Jws, claims: Mapping[str, Any], issuer: str) -> str:
        typ = jws.header.get("typ", "JWT")
        if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
            raise Malformed("typ is that of another kind of JWT", "header")
        if jws.algorithm not in self.algorithms:
            raise Malformed("alg is not an accepted algorithm", "header")
        # "For client authentication, the subject MUST be the "client_id" of the OAuth client", and so is `iss` -- RFC 7523 3
        client_id = text(claims, "sub", MAX_CLIENT_ID)
        if claims.get("iss") != client_id:
            raise Malformed("must be the same as sub", "iss")
        check_audience(claims, (issuer, *self.endpoint_audiences))
        if "jti" in claims or self.require_jti:
            text(claims, "jti", MAX_JTI)
        check_numbers(claims, "exp")
        return client_id


def _source(metadata: ClientMetadata) -> KeySource:
    if metadata.jwks_uri is not None:
        return KeyReference(metadata.jwks_uri)
    if metadata.jwks is None:
        raise InvalidClient("the client is registered without keys")
    return public_keys({"keys": list(metadata.jwks["keys"])})


@frozen
class ReadClientAssertion:
    """A client assertion: parsed, nothing believed. `client_id` is its `sub`."""

    checks: PrivateKeyJwt = field(repr=False)
    issuer: str
    assertion: Jws = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    source: KeySource = field(repr=False)
    client_id: str
    method: str = field(default=METHOD, init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The record that exists if the assertion is spent; none if it has no `jti`."""
        if "jti" not in self.claims:
            return ()
        # Of this client, so that nobody can spend another's `jti`.
        return (Key.of(_SPENT, _json.dumps([self.issuer, self.client_id, self.claims["jti"]])),)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The client's `jwks_uri`, if it is registered with one."""
        return (self.source,) if isinstance(self.source, KeyReference) else ()

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        """The checks of RFC 7523 3 that are left. Nothing is consumed yet. Raises `InvalidClient`."""
        checks, claims = self.checks, self.claims
        with reading(InvalidClient):
            check_times(claims, now=now, max_skew=checks.max_skew)
            if claims["exp"] > now + checks.max_lifetime + checks.max_skew:
                # "The authorization server may reject JWTs with an "exp" claim value that is unreasonably far in the future."
                raise Malformed("is too far in the future", "exp")
            verify_with(self.assertion, fitting_keys(self.assertion, (self.source,), keys), algorithms=checks.algorithms)
        lookups = self.lookups
        if any(key in records for key in lookups):
            raise InvalidClient("the client assertion was used before")
        changes = tuple(spent(key, claims["exp"]) for key in lookups)
        return AuthenticatedClient(client_id=self.client_id, method=METHOD, changes=changes)


def client_assertion_signing_input(
    signer: Signer, *, client_id: str, audience: str, jti: str, now: int, lifetime: int = 60
) -> bytes:
    """What a client signs with a key of its registration, where its `kid` is the signer's `key_id` (RFC 7523 3).

    `audience` is the identifier of the authorization server. `jti` is new for every request: at least 96 random bits. `lifetime`
    is in seconds. Raises `ValueError`.
    """
    if lifetime < 1:
        raise ValueError("lifetime must be positive")
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti, "iat": now, "exp": now + lifetime}
    return _jose.signing_input({"alg": signer.algorithm, "kid": signer.key_id}, _json.dump_bytes(claims))
