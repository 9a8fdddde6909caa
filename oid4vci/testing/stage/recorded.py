"""What a Wallet sent and got: one HTTP exchange, and what can be read of it.

Rule: a Wallet can send anything. Nothing here raises; what cannot be read counts as not there.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._jose import Jws
from oid4vci._json import Malformed
from oid4vci.encryption import JWT, Encryption
from oid4vci.errors import Refusal
from oid4vci.http import MAX_BODY, Form, Request, Response, media_type

__all__ = (
    "AUTHORIZATION",
    "CHALLENGE",
    "CREDENTIAL",
    "DEFERRED",
    "FLOW",
    "ISSUER_METADATA",
    "KEYS",
    "NONCE",
    "NOTIFICATION",
    "OFFER",
    "OTHER_SERVER",
    "PUSHED",
    "RESOURCES",
    "SERVER_METADATA",
    "TOKEN",
    "UNKNOWN",
    "Recorded",
    "claims_of",
    "jws_of",
    "sent_members",
)

OFFER: Final = "offer"
ISSUER_METADATA: Final = "issuer metadata"
SERVER_METADATA: Final = "server metadata"
KEYS: Final = "issuer keys"
CHALLENGE: Final = "challenge"
PUSHED: Final = "pushed request"
AUTHORIZATION: Final = "authorization"
TOKEN: Final = "token"  # noqa: S105  # an endpoint
NONCE: Final = "nonce"
CREDENTIAL: Final = "credential"
DEFERRED: Final = "deferred credential"
NOTIFICATION: Final = "notification"
OTHER_SERVER: Final = "other server"
UNKNOWN: Final = "unknown"

# In the order in which a Wallet comes to them; documents may be fetched at any time.
FLOW: Final = (PUSHED, AUTHORIZATION, TOKEN, NONCE, CREDENTIAL, DEFERRED, NOTIFICATION)
RESOURCES: Final = (CREDENTIAL, DEFERRED, NOTIFICATION)


def sent_members(request: Request, encryption: Encryption | None) -> Mapping[str, Any]:
    """The JSON object that a request holds, decrypted if need be; empty if there is none."""
    with suppress(Malformed, Refusal):
        if encryption is not None and request.media_type == JWT:
            return encryption.decrypt(request.body, max_bytes=MAX_BODY)
        return _json.object_from(request.body) if request.body else {}
    return {}


def jws_of(text: object) -> Jws | None:
    """A compact JWS, taken apart; None if it is none."""
    with suppress(Malformed):
        return _jose.parse(text) if isinstance(text, str) else None
    return None


def claims_of(jws: Jws | None) -> dict[str, Any]:
    """The claims of a JWS; empty if there are none."""
    with suppress(Malformed):
        return {} if jws is None else jws.claims()
    return {}


@frozen(eq=False)
class Recorded:
    """A request of the Wallet, and the answer it got.

    `unaltered` is what a good issuer would have answered, `members` the JSON object that the request holds. `at` is the time in
    seconds since the epoch.
    """

    endpoint: str
    request: Request
    response: Response
    unaltered: Response
    at: int
    members: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def altered(self) -> bool:
        """Whether the answer was made wrong, or otherwise special, for the scenario."""
        return self.response is not self.unaltered

    @property
    def media_types(self) -> list[str]:
        """What each Content-Type of the request says."""
        return [media_type(value) for value in self.request.headers.all("content-type")]

    @property
    def encrypted(self) -> bool:
        """Whether the request says that it is encrypted."""
        return JWT in self.media_types

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters of the request: of its body or, for GET, of its query."""
        with suppress(Malformed, UnicodeDecodeError):
            text = self.request.query if self.request.method == "GET" else self.request.body.decode("ascii")
            return dict(Form.parse(text).pairs)
        return {}

    @property
    def answer(self) -> Mapping[str, Any]:
        """The JSON object that the answer holds."""
        with suppress(Malformed):
            return _json.object_from(self.response.body) if self.response.body else {}
        return {}

    def header(self, name: str) -> str | None:
        """A header of the request; the first one, if it stands several times."""
        return next(iter(self.request.headers.all(name)), None)

    def jws(self, name: str) -> Jws | None:
        """The JWS in a header of the request."""
        return jws_of(self.header(name))

    def claims(self, name: str) -> Mapping[str, Any]:
        """The claims of the JWS in a header of the request."""
        return claims_of(self.jws(name))

    def proofs_of(self, proof_type: str) -> list[Any]:
        """The array in `proofs` of a Credential Request; empty if there is none."""
        proofs = self.members.get("proofs")
        found = proofs.get(proof_type) if isinstance(proofs, Mapping) else None
        return found if isinstance(found, list) else []

    @property
    def proofs(self) -> tuple[Jws, ...]:
        """The `jwt` proofs of a Credential Request, as far as they are JWS."""
        return tuple(jws for each in self.proofs_of("jwt") if (jws := jws_of(each)) is not None)

    @property
    def succeeded(self) -> bool:
        """Whether the answer says that all went well."""
        return 200 <= self.response.status < 400
