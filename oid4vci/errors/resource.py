"""Refusals of an endpoint that takes Access Tokens, and of DPoP proofs wherever they come (RFC 6750 3, RFC 9449 5, 7.1)."""

from collections.abc import Mapping, Sequence
from typing import Self

from attrs import field, frozen

from oid4vci.errors.refusal import Refusal
from oid4vci.http import Response
from oid4vci.records import Change, Reply

__all__ = (
    "Challenge",
    "ChallengedRefusal",
    "InsufficientScope",
    "InvalidDpopProof",
    "InvalidToken",
    "InvalidTokenRequest",
    "MissingToken",
    "UseDpopNonce",
)


@frozen
class Challenge:
    """An authentication scheme that the endpoint takes, with its parameters (RFC 9110 11.3).

    >>> str(Challenge("DPoP", {"algs": "ES256 EdDSA"}))
    'DPoP algs="ES256 EdDSA"'
    """

    scheme: str
    parameters: Mapping[str, str] = field(factory=dict)

    def __str__(self) -> str:
        parameters = ", ".join(f'{name}="{value}"' for name, value in self.parameters.items())
        return f"{self.scheme} {parameters}" if parameters else self.scheme


BEARER = Challenge("Bearer")


class ChallengedRefusal(Refusal):
    """A refusal whose `WWW-Authenticate` says which schemes the endpoint takes (OID4VCI 8.3.1.1, RFC 9449 7.2).

    The first of `challenges` is the scheme that was used, or is wanted: it carries the error.
    """

    def __init__(self, description: str = "", *, changes: Sequence[Change] = ()) -> None:
        super().__init__(description, changes=changes)
        self.challenges: tuple[Challenge, ...] = (BEARER,)

    def challenged(self, challenges: Sequence[Challenge]) -> Self:
        """This refusal with other challenges."""
        self.challenges = tuple(challenges)
        return self

    def _error(self) -> dict[str, str]:
        return self.body

    @property
    def headers(self) -> dict[str, str]:
        if not self.challenges:
            return {}
        first, *others = self.challenges
        first = Challenge(first.scheme, {**self._error(), **first.parameters})
        return {"www-authenticate": ", ".join(str(each) for each in (first, *others))}


class MissingToken(ChallengedRefusal):
    """No Access Token. The answer names the schemes and no error code (RFC 6750 3.1)."""

    error, status, section = "invalid_token", 401, "RFC 6750 3.1"

    def _error(self) -> dict[str, str]:
        return {}

    @property
    def reply(self) -> Reply:
        return Reply(Response(self.status, {**self.headers, "cache-control": "no-store"}), self.changes)


class InvalidToken(ChallengedRefusal):
    """The Access Token is expired, revoked, malformed, not for this issuer, or bound to another key."""

    error, status, section = "invalid_token", 401, "RFC 6750 3.1"


class InvalidTokenRequest(ChallengedRefusal):
    """The Access Token was sent in a way that is not allowed, or in two ways: `invalid_request`."""

    error, status, section = "invalid_request", 400, "RFC 6750 3.1"


class InsufficientScope(ChallengedRefusal):
    """The Access Token does not allow what was asked for."""

    error, status, section = "insufficient_scope", 403, "RFC 6750 3.1"


class _DpopRefusal(ChallengedRefusal):
    """At an authorization server the answer is 400 (RFC 9449 5); at a protected endpoint, which sets challenges, 401 (7.1)."""

    def __init__(self, description: str = "", *, changes: Sequence[Change] = ()) -> None:
        super().__init__(description, changes=changes)
        self.challenges = ()

    @property
    def reply(self) -> Reply:
        return Reply(Response.of_json(401 if self.challenges else 400, self.body, self.headers), self.changes)


class InvalidDpopProof(_DpopRefusal):
    """The DPoP proof is missing, repeated, malformed, for another request, too old, used before, or by another key."""

    error, section = "invalid_dpop_proof", "RFC 9449 5, 7.1"


class UseDpopNonce(_DpopRefusal):
    """The DPoP proof must have the `nonce`, which goes along in a header. Nothing was consumed: the same request will do."""

    error, section = "use_dpop_nonce", "RFC 9449 8, 9"

    def __init__(self, nonce: str, description: str = "the DPoP proof must have the nonce of this answer") -> None:
        super().__init__(description)
        self.nonce = nonce

    @property
    def headers(self) -> dict[str, str]:
        return {**super().headers, "dpop-nonce": self.nonce}
