"""Access Tokens that the authorization server is asked about (RFC 7662), for a Credential Issuer whose server is elsewhere.

The question is a lookup: `read` gives an `Introspection` among the keys to load, and whoever loads sends its `request` and gives
back the `record` of the answer. A store that knows nothing of it finds nothing, and the token is refused.

    def load(self, keys):
        found = dict(self.store.load(keys))
        for key in keys:
            if isinstance(key, Introspection) and (key not in found or found[key].expires_at <= self.now()):
                response = self.send(key.request(ENDPOINT, headers={"authorization": f"Basic {self.credentials}"}))
                found[key] = key.record(response, now=self.now())
        return found

A revoked token serves until the answer that was kept about it ends: keep none, or choose `lifetime`.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import https_url, identifier_url
from oid4vci._json import Malformed
from oid4vci.errors import InvalidToken, TemporarilyUnavailable, reading
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.access_tokens import MAX_TOKEN
from oid4vci.oauth.external_access_tokens import ExternalAccessTokens, time_claim
from oid4vci.oauth.grants import Authorization
from oid4vci.records import Key, Record, Records

__all__ = ("IntrospectedAccessTokens", "Introspection")

INTROSPECTION: Final = "introspection"
MAX_ANSWER: Final = 65_536


@frozen(eq=False)
class Introspection(Key):
    """What is to be asked about `token`: the lookup that only `authorization_server` (its identifier) can answer.

    It equals the plain `Key` of its kind and digest, under which an answer may be kept: the token itself is not stored. The digest
    is that of the server and the token, since another server's answer is another matter.
    """

    authorization_server: str
    token: str = field(repr=False)

    @classmethod
    def about(cls, token: str, *, authorization_server: str) -> "Introspection":
        """The lookup for a token."""
        key = Key.of(INTROSPECTION, f"{authorization_server} {token}")
        return cls(key.kind, key.digest, authorization_server, token)

    @property
    def key(self) -> Key:
        """Where an answer may be kept."""
        return Key(self.kind, self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self.kind, self.digest) == (other.kind, other.digest)

    def __hash__(self) -> int:
        return hash(self.key)

    def request(
        self, endpoint: str, *, headers: Mapping[str, str] | None = None, parameters: Mapping[str, str] | None = None
    ) -> Request:
        """The Introspection Request (RFC 7662 2.1) to the server's `introspection_endpoint`.

        The caller is to be authorized there: `headers` and `parameters` take what that needs, an `authorization` header for
        instance, or a `client_assertion`. Raises `ValueError` if the endpoint is no https URL.
        """
        https_url().check(endpoint)
        form = {**(parameters or {}), "token": self.token, "token_type_hint": "access_token"}
        fields = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **(headers or {})}
        return Request("POST", endpoint, fields, urlencode(form).encode())

    def record(self, response: Response, *, now: int, lifetime: int = 60) -> Record:
        """The answer (RFC 7662 2.2) as a record: good for `lifetime` seconds, or until the token ends.

        Raises `TemporarilyUnavailable` if it is none: then nothing is known of the token, and the request must wait.
        """
        try:
            # RFC 7662 2.3: without the right to ask, the answer is 401 or 403, and says nothing of the token.
            if response.status != 200 or response.media_type != "application/json":
                raise Malformed("not an introspection response")
            answer = _json.object_from(response.body, max_bytes=MAX_ANSWER)
            ends = (now + lifetime, *((time_claim(answer, "exp"),) if "exp" in answer else ()))
        except Malformed:
            raise TemporarilyUnavailable("the access token could not be checked") from None
        return Record(self.key, answer, min(ends))


def _check_identifier(tokens: "IntrospectedAccessTokens", _: object, issuer: str) -> None:
    identifier_url().check(issuer)


@frozen(kw_only=True)
class IntrospectedAccessTokens(ExternalAccessTokens):
    """Tokens that `authorization_server` (its identifier) is asked about, whatever they look like.

    `require_audience`: an answer without `aud` is refused, though RFC 7662 lets servers leave it out: the token may be meant for
    anybody. With False, see to it that the server tells this issuer of tokens for it alone.
    """

    authorization_server: str = field(validator=_check_identifier)
    require_audience: bool = True

    def read(self, token: str, *, credential_issuer: str) -> "IntrospectedAccessToken":
        """The question about a token. Raises `InvalidToken` if the token is too long."""
        if len(token) > MAX_TOKEN:
            raise InvalidToken("the access token is not valid")
        introspection = Introspection.about(token, authorization_server=self.authorization_server)
        return IntrospectedAccessToken(self, introspection, credential_issuer)


@frozen
class IntrospectedAccessToken:
    """A token that the server is to be asked about."""

    tokens: IntrospectedAccessTokens = field(repr=False)
    introspection: Introspection
    credential_issuer: str

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The server's answer."""
        return (self.introspection,)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """None."""
        return ()

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the token allows, as the server says. Raises `InvalidToken`, also if there is no answer that is still good."""
        answer = records.get(self.introspection)
        if answer is None or answer.expires_at <= now or answer.data.get("active") is not True:
            raise InvalidToken("the access token has expired or was revoked")
        with reading(InvalidToken):
            self._check(answer.data, now)
            expires_at = time_claim(answer.data, "exp") if "exp" in answer.data else answer.expires_at
            # Whoever has the same name at another server is somebody else, whether this one says who it is or not.
            claims = {**answer.data, "iss": self.tokens.authorization_server}
            return self.tokens.authorization(claims, credential_issuer=self.credential_issuer, expires_at=expires_at)

    def _check(self, claims: Mapping[str, Any], now: int) -> None:
        """Everything but `active` is OPTIONAL (RFC 7662 2.2), and holds where it is there."""
        if claims.get("iss", self.tokens.authorization_server) != self.tokens.authorization_server:
            raise Malformed("must be the authorization server", "iss")
        if "aud" in claims or self.tokens.require_audience:
            self.tokens.check_audience(claims, self.credential_issuer)
        self.tokens.check_times(claims, now)
        token_type = claims.get("token_type", "Bearer")
        if not isinstance(token_type, str) or token_type.lower() not in ("bearer", "dpop"):
            raise Malformed("must be Bearer or DPoP", "token_type")
        if token_type.lower() == "dpop" and "cnf" not in claims:
            # Bound to a key that is not said (RFC 9449 6.2): nobody could check the proof.
            raise Malformed("is missing", "cnf")
