"""A protected endpoint: how a request brings its Access Token, as Bearer (RFC 6750) or with a DPoP proof (RFC 9449 7).

Rule 1: a token is taken from the `Authorization` header and nowhere else.
Rule 2: every refusal of a token names the schemes that the endpoint takes, the one that was used first, which carries the error.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from attrs import field, frozen

from oid4vci.errors import (
    Challenge,
    ChallengedRefusal,
    InsufficientScope,
    InvalidDpopProof,
    InvalidToken,
    InvalidTokenRequest,
    MissingToken,
)
from oid4vci.http import Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.access_tokens import MAX_TOKEN, AccessTokens, ReadAccessToken
from oid4vci.oauth.dpop import Dpop, ReadDpopProof
from oid4vci.oauth.grants import Authorization
from oid4vci.records import Change, Key, Records

__all__ = ("Access", "ProtectedResource", "ReadAccess")

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_NO_HEADERS: Final[Mapping[str, str]] = {}


@frozen
class ProtectedResource:
    """The endpoints of one Credential Issuer that take Access Tokens.

    - `dpop`: how DPoP proofs are checked; with None, no token that is bound to a key is taken.
    - `bearer`: whether Bearer tokens are taken. Raises `ValueError` if neither is.
    """

    access_tokens: AccessTokens
    credential_issuer: str
    dpop: Dpop | None = None
    bearer: bool = True
    _challenges: tuple[Challenge, ...] = field(init=False, repr=False, eq=False)
    # For each scheme that is taken, in lower case: the challenges, its own first.
    _schemes: Mapping[str, tuple[Challenge, ...]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        dpop = () if self.dpop is None else (Challenge("DPoP", {"algs": " ".join(self.dpop.algorithms)}),)
        challenges = (*dpop, Challenge("Bearer")) if self.bearer else dpop
        if not challenges:
            raise ValueError("bearer must be true where dpop is None, else no token would be taken")
        schemes = {own.scheme.lower(): (own, *(each for each in challenges if each != own)) for own in challenges}
        object.__setattr__(self, "_challenges", challenges)
        object.__setattr__(self, "_schemes", schemes)

    def read(self, request: Request, *, url: str) -> "ReadAccess":
        """Take the token, and the DPoP proof if there must be one, of a request to the endpoint that is published as `url`.

        Raises `MissingToken`, `InvalidToken`, `InvalidTokenRequest`, `InvalidDpopProof`.
        """
        values = request.headers.all("authorization")
        scheme, _, token = values[0].strip(" \t").partition(" ") if len(values) == 1 else ("", "", "")
        scheme = scheme.lower()
        try:
            query = request.query
            if query and any(unquote_plus(parameter.partition("=")[0]) == "access_token" for parameter in query.split("&")):
                raise InvalidTokenRequest("the access token belongs into the Authorization header")
            if len(values) > 1:
                # "Multiple methods used to include access token" -- RFC 9449 7.2
                raise InvalidTokenRequest("the Authorization header is repeated")
            if scheme not in self._schemes:
                raise MissingToken
            return self._read(request, scheme, token.strip(" "), url)
        except ChallengedRefusal as refusal:
            raise refusal.challenged(self._schemes.get(scheme, self._challenges)) from None

    def _read(self, request: Request, scheme: str, token: str, url: str) -> "ReadAccess":
        if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
            raise InvalidToken("the access token is malformed")
        read = self.access_tokens.read(token, credential_issuer=self.credential_issuer)
        if self.dpop is None or scheme != "dpop":
            return ReadAccess(read, self._schemes[scheme], token)
        proof = self.dpop.read(request, url=url)
        if proof is None:
            raise InvalidDpopProof("the DPoP proof is missing")
        return ReadAccess(read, self._schemes[scheme], token, proof)


@frozen
class ReadAccess:
    """A token, and the DPoP proof that came with it if the scheme was DPoP: parsed, nothing believed."""

    token: ReadAccessToken = field(repr=False)
    challenges: tuple[Challenge, ...]
    access_token: str = field(repr=False)
    proof: ReadDpopProof | None = None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load: those of the token, and the one that exists if the proof is spent."""
        return self.token.lookups if self.proof is None else (*self.token.lookups, *self.proof.lookups)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The keys to resolve."""
        return self.token.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> "Access":
        """Check the token, then the key it is bound to, then the proof, whose nonce is last. Nothing is consumed yet.

        Raises `InvalidToken`, `InvalidDpopProof`, `UseDpopNonce`.
        """
        try:
            authorization = self.token.verify(records, keys=keys, now=now)
            if self.proof is None:
                if authorization.jkt is not None:
                    # "MUST reject a DPoP-bound access token received as a bearer token" -- RFC 9449 7.2
                    raise InvalidToken("the access token is bound to a key, and needs a DPoP proof")
                return Access(authorization, self.challenges)
            if authorization.jkt != self.proof.jkt:
                raise InvalidToken("the access token is not bound to the key of the DPoP proof")
            proof = self.proof.verify(records, now=now, access_token=self.access_token)
        except ChallengedRefusal as refusal:
            raise refusal.challenged(self.challenges) from None
        return Access(authorization, self.challenges, proof.changes, proof.headers)


@frozen
class Access:
    """What a verified token allows. `changes` go into the successful reply, `headers` into its response."""

    authorization: Authorization
    challenges: tuple[Challenge, ...] = field(repr=False)
    changes: tuple[Change, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default=_NO_HEADERS, repr=False)

    def insufficient_scope(self, description: str) -> InsufficientScope:
        """The refusal of what the token does not allow."""
        return InsufficientScope(description).challenged(self.challenges)
