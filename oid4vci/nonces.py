"""`c_nonce` values (OID4VCI 7): sealed, so that any process recognises them, and by default good for one request."""

from attrs import field, frozen

from oid4vci._json import Malformed, b64url_encode
from oid4vci.errors import InvalidNonce
from oid4vci.records import Insert, Key, Record, Records
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = ("Nonce", "Nonces")

# Seconds that a spent nonce is remembered beyond its end: for requests that began before it, and for clocks that are behind.
SPENT_MARGIN = 300


@frozen
class Nonce:
    """A nonce this server gave out, and when it ends (seconds since the epoch)."""

    value: str = field(repr=False)
    expires_at: int

    @property
    def spent(self) -> Insert:
        """The change that makes the nonce unusable from now on. It fails if the nonce was spent already."""
        return Insert(Record(Key.of("c_nonce", self.value), {}, self.expires_at + SPENT_MARGIN))


@frozen
class Nonces:
    """How `c_nonce` values are made and recognised.

    `lifetime` is in seconds. With `reusable` a nonce serves until it expires, as OID4VCI 13.8 allows, and no row is written;
    otherwise a nonce ends with the request it was used in.
    """

    keys: SealingKeys
    lifetime: int = 300
    reusable: bool = False

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1:
            raise ValueError("lifetime must be positive")

    def new(self, audience: str, *, now: int, new_secret: NewSecret) -> str:
        """A new nonce for the Credential Issuer `audience`. "New challenge values MUST be unpredictable." -- OID4VCI 7.2"""
        claims = {"exp": now + self.lifetime, "id": b64url_encode(new_secret(16))}
        return self.keys.seal(f"c_nonce {audience}", claims, new_secret=new_secret)

    def lookup(self, value: str) -> tuple[Key, ...]:
        """The record that exists if the nonce is spent."""
        return () if self.reusable else (Key.of("c_nonce", value),)

    def check(self, value: str, audience: str, records: Records, *, now: int) -> Nonce:
        """The nonce, if it is ours, for this issuer, not expired and not spent. Raises `InvalidNonce`."""
        try:
            expires_at = int(self.keys.open(f"c_nonce {audience}", value)["exp"])
        except Malformed:
            raise InvalidNonce("the nonce was not given out by this issuer") from None
        if expires_at <= now:
            raise InvalidNonce("the nonce has expired")
        if not self.reusable and Key.of("c_nonce", value) in records:
            raise InvalidNonce("the nonce was used before")
        return Nonce(value, expires_at)
