"""DPoP proofs (RFC 9449): validation, the server's nonces, and what a client signs.

Rule 1: a proof is spent by the answer that grants what it was sent for. A refusal spends nothing.
Rule 2: a proof that is answered with `use_dpop_nonce` has nothing wrong but its nonce: the same request with the right one will do.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._document import strings
from oid4vci._jose import DEFAULT_ALGORITHMS, check_algorithms
from oid4vci._json import Malformed, b64url_encode
from oid4vci.errors import InvalidDpopProof, InvalidRequest, UseDpopNonce, reading
from oid4vci.http import Form, Request
from oid4vci.keys import PublicKey, Signer, public_key, thumbprint
from oid4vci.oauth.client_jwt import MAX_JTI, spent
from oid4vci.records import Change, Key, Records
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret, new_secret
from oid4vci.signed_jwt import check_numbers, check_times, text

__all__ = ("Dpop", "DpopNonces", "DpopProof", "ReadDpopProof", "dpop_signing_input", "normalised", "read_dpop_jkt")

TYP: Final = "dpop+jwt"
# One by ML-DSA-87 (RFC 9964), key and signature in it, has about 12,000 bytes.
MAX_PROOF = 16_384
# A SHA-256 digest in base64url.
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_NONCE, _SPENT = "dpop_nonce", "dpop_jti"


@frozen
class DpopNonces:
    """Nonces that a server wants in proofs (RFC 9449 8, 9), sealed: good at every server that shares the keys.

    A nonce serves for as many requests as a client makes in `lifetime` seconds. `DpopProof.headers` has the next one in time.
    """

    keys: SealingKeys
    lifetime: int = 300

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1:
            raise ValueError("lifetime must be positive")

    def new(self, *, now: int, new_secret: NewSecret) -> str:
        """A new nonce."""
        return self.keys.seal(_NONCE, {"exp": now + self.lifetime}, new_secret=new_secret)

    def remaining(self, nonce: str, *, now: int) -> int:
        """The seconds that a nonce still serves: 0 if it has ended or is not ours."""
        return self.keys.remaining(_NONCE, nonce, now=now)


@frozen
class Dpop:
    """How proofs are checked.

    - `algorithms`: those accepted, all of them asymmetric: what metadata publish as `dpop_signing_alg_values_supported`.
    - `nonces`: with them, every proof must have a nonce of ours. With None, a `nonce` is ignored.
    - `max_age`, `max_skew`: the seconds that `iat` may lie in the past and in the future.
    """

    algorithms: tuple[str, ...] = field(default=DEFAULT_ALGORITHMS, converter=strings)
    nonces: DpopNonces | None = None
    max_age: int = 300
    max_skew: int = 60
    new_secret: NewSecret = field(default=new_secret, repr=False)

    def __attrs_post_init__(self) -> None:
        check_algorithms(self.algorithms)
        if self.max_age < 1 or self.max_skew < 0:
            raise ValueError("max_age must be positive, and max_skew must not be negative")

    def read(self, request: Request, *, url: str) -> "ReadDpopProof | None":
        """The proof of a request to the endpoint that is published as `url`; None if it has none. Raises `InvalidDpopProof`."""
        values = request.headers.all("dpop")
        if not values:
            return None
        if len(values) > 1:
            # "There is not more than one DPoP HTTP request header field." -- RFC 9449 4.3
            raise InvalidDpopProof("the DPoP header is repeated")
        with reading(InvalidDpopProof):
            jws = _jose.parse(values[0].strip(" \t"), max_bytes=MAX_PROOF)
            claims = jws.claims()
            key = _key(jws.header)
            # What is stored of a `jti` is a hash, but a large one is declined as well (RFC 9449 11.1).
            jti, htu = text(claims, "jti", MAX_JTI), text(claims, "htu", MAX_PROOF)
            check_numbers(claims, "iat")
            if claims.get("htm") != request.method:
                raise Malformed("must be the method of the request", "htm")
            if htu != url and normalised(htu) != normalised(url):
                raise Malformed("must be the URL of this endpoint", "htu")
        return ReadDpopProof(self, url, jti, jws, claims, key)

    def nonce_headers(self, *, now: int) -> dict[str, str]:
        """A `DPoP-Nonce` header for any response (RFC 9449 8.2); nothing if no nonces are wanted."""
        if self.nonces is None:
            return {}
        return {"dpop-nonce": self.nonces.new(now=now, new_secret=self.new_secret)}


def _key(header: Mapping[str, Any]) -> PublicKey:
    if header.get("typ") != TYP:
        raise Malformed(f"typ must be {TYP}", "header")
    try:
        return public_key(header.get("jwk"))
    except Malformed as error:
        raise error.within("header.jwk") from None


@frozen
class ReadDpopProof:
    """A proof: parsed, nothing believed."""

    dpop: Dpop = field(repr=False)
    url: str = field(repr=False)
    jti: str = field(repr=False)
    jws: _jose.Jws = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    key: PublicKey = field(repr=False)
    jkt: str = field(init=False)
    """The thumbprint of the key that the proof claims to be signed with."""
    lookups: tuple[Key, ...] = field(init=False)
    """The record that exists if the proof is spent."""

    def __attrs_post_init__(self) -> None:
        jkt = thumbprint(self.key.jwk)
        object.__setattr__(self, "jkt", jkt)
        # "in the context of the target URI" (RFC 9449 11.1), and of the key, so that nobody can spend another's `jti`.
        object.__setattr__(self, "lookups", (Key.of(_SPENT, f"{jkt} {self.url} {self.jti}"),))

    def verify(self, records: Records, *, now: int, access_token: str | None = None) -> "DpopProof":
        """Make every check of RFC 9449 4.3 that is left. Nothing is consumed yet.

        `access_token` is the one that came along, at a protected endpoint; the key it is bound to is the caller's to compare.
        Raises `InvalidDpopProof`, and `UseDpopNonce` if all that is wrong is the nonce.
        """
        dpop, issued_at, (key,) = self.dpop, self.claims["iat"], self.lookups
        with reading(InvalidDpopProof):
            check_times(self.claims, now=now, max_skew=dpop.max_skew)
            if issued_at < now - dpop.max_age:
                raise Malformed("is too long ago", "iat")
            if access_token is not None and self.claims.get("ath") != _hash(access_token):
                raise Malformed("must be the hash of the access token", "ath")
            _jose.verify(self.jws, self.key, algorithms=dpop.algorithms)
        headers = self._check_nonce(now)
        if key in records:
            raise InvalidDpopProof("the proof was used before")
        return DpopProof(self.jkt, (spent(key, issued_at + dpop.max_age),), headers)

    def _check_nonce(self, now: int) -> dict[str, str]:
        nonces, nonce = self.dpop.nonces, self.claims.get("nonce")
        if nonces is None:
            return {}
        remaining = nonces.remaining(nonce, now=now) if isinstance(nonce, str) else 0
        if not remaining:
            raise UseDpopNonce(nonces.new(now=now, new_secret=self.dpop.new_secret))
        # "A more efficient manner of supplying a new nonce": with an answer that grants, before the old one ends -- RFC 9449 8.2
        return {} if 2 * remaining > nonces.lifetime else self.dpop.nonce_headers(now=now)


@frozen
class DpopProof:
    """A verified proof.

    `jkt` is the thumbprint of its key. `changes` go into the successful reply and make it unusable from then on; `headers` into
    the response.
    """

    jkt: str
    changes: tuple[Change, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def _hash(access_token: str) -> str:
    return b64url_encode(hashlib.sha256(access_token.encode()).digest())


_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HTTP_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>(?:/[\x21\x22\x24-\x3e\x40-\x7e]*)?)(?:[?#][\x21-\x7e]*)?",
    re.IGNORECASE | re.ASCII,
)
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def _escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def normalised(url: str) -> str:
    """An `http` or `https` URL without query and fragment, after syntax-based and scheme-based normalisation (RFC 9449 4.3,
    RFC 3986 6.2.2, 6.2.3): two that mean the same are the same text. Raises `Malformed`.

    >>> normalised("HTTPS://Server.Example:443/a/../%7euser?x=1")
    'https://server.example/~user'
    """
    match = _HTTP_URL.fullmatch(url)
    if match is None or _BROKEN_ESCAPE.search(match["host"] + match["path"]):
        raise Malformed("is not an http URL", "htu")
    scheme, host, port = match["scheme"].lower(), _ESCAPE.sub(_escape, match["host"]).lower(), match["port"]
    authority = f"{host}:{port}" if port and port != _DEFAULT_PORTS[scheme] else host
    return f"{scheme}://{authority}{_without_dot_segments(_ESCAPE.sub(_escape, match['path']))}"


def _without_dot_segments(path: str) -> str:
    """RFC 3986 5.2.4, for a path that is empty or begins with a slash."""
    segments: list[str] = []
    last = ""
    for last in path.split("/")[1:]:
        if last == "..":
            del segments[-1:]
        elif last != ".":
            segments.append(last)
    if last in (".", ".."):
        segments.append("")
    return "/" + "/".join(segments)


def read_dpop_jkt(form: Form, *, proved: str | None = None) -> str | None:
    """The thumbprint of the key that a code is to be bound to: the `dpop_jkt` of an authorization request, or `proved`, that of
    the proof that came with a pushed one (RFC 9449 10). Raises `InvalidRequest`.
    """
    named = form.get("dpop_jkt")
    if named is not None and (not _THUMBPRINT.fullmatch(named) or proved not in (None, named)):
        # "If both mechanisms are used ... the authorization server MUST reject the request if" they differ -- RFC 9449 10.1
        raise InvalidRequest("dpop_jkt must be the thumbprint of the DPoP key")
    return proved or named


def dpop_signing_input(
    signer: Signer, *, method: str, url: str, jti: str, now: int, nonce: str | None = None, access_token: str | None = None
) -> bytes:
    """What a client signs with its DPoP key (RFC 9449 4.2).

    `method` and `url` are those of the request; query and fragment are left out. `jti` is new for every request: at least 96
    random bits. `nonce` is the latest that this server gave, if any; `access_token` the one that goes along, if any.
    """
    header = {"typ": TYP, "alg": signer.algorithm, "jwk": dict(signer.public_jwk)}
    claims: dict[str, Any] = {"jti": jti, "htm": method, "htu": url.partition("#")[0].partition("?")[0], "iat": now}
    if access_token is not None:
        claims["ath"] = _hash(access_token)
    if nonce is not None:
        claims["nonce"] = nonce
    return _jose.signing_input(header, _json.dump_bytes(claims))
