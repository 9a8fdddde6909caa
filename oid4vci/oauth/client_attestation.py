"""The client authentication method `attest_jwt_client_auth`: a Client Attestation, by an attester that is trusted, and the proof
that whoever sends it has the attested key. Validation of both for the authorization server, making of the proof for the client.

Sections are those of draft-ietf-oauth-attestation-based-client-auth-07, which OID4VCI 1.0 (appendix E: there it is the Wallet
Attestation) and HAIP 1.0 (4.4.1) name. What an attester signs is in `client_attester`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci import _jose, _json
from oid4vci._document import strings
from oid4vci._jose import DEFAULT_ALGORITHMS, Jws, check_algorithms
from oid4vci._json import Malformed
from oid4vci.attesters import Attesters, AttesterSignature, key_sources
from oid4vci.errors import InvalidClient, UseAttestationChallenge, UseFreshAttestation
from oid4vci.http import Form, Request, Response
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, Signer, public_key, thumbprint
from oid4vci.oauth.client_authentication import MAX_CLIENT_ID, AuthenticatedClient, Registered
from oid4vci.oauth.client_jwt import MAX_JTI, check_audience, spent
from oid4vci.records import Key, Records
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret, new_secret
from oid4vci.signed_jwt import KeySource, check_numbers, check_times, text

if TYPE_CHECKING:
    from oid4vci.x509 import Anchors

__all__ = (
    "ATTESTATION_TYP",
    "METHOD",
    "POP_TYP",
    "Challenges",
    "ClientAttestation",
    "ReadClientAttestation",
    "client_attestation_pop_signing_input",
)

METHOD: Final = "attest_jwt_client_auth"
ATTESTATION_TYP: Final = "oauth-client-attestation+jwt"
POP_TYP: Final = "oauth-client-attestation-pop+jwt"
_ATTESTATION, _POP = "OAuth-Client-Attestation", "OAuth-Client-Attestation-PoP"
_SPENT: Final = "client_attestation_pop"
MAX_ATTESTATION: Final = 32_768
MAX_POP: Final = 8192
MAX_TEXT: Final = 2048


@frozen
class Challenges:
    """Challenges that a server wants in proofs of possession (section 8), sealed: good at every process that has the keys.

    A challenge serves for as many requests as a client makes in `lifetime` seconds.
    """

    keys: SealingKeys
    lifetime: int = 300

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1:
            raise ValueError("lifetime must be positive")

    def new(self, issuer: str, *, now: int, new_secret: NewSecret) -> str:
        """A new challenge of the authorization server `issuer`."""
        return self.keys.seal(f"attestation_challenge {issuer}", {"exp": now + self.lifetime}, new_secret=new_secret)

    def response(self, issuer: str, *, now: int, new_secret: NewSecret) -> Response:
        """The answer of the challenge endpoint (8): a new challenge, which no cache keeps."""
        return Response.of_json(200, {"attestation_challenge": self.new(issuer, now=now, new_secret=new_secret)})

    def check(self, challenge: object, issuer: str, *, now: int, new_secret: NewSecret) -> dict[str, str]:
        """Headers for the response to a request with that challenge: the next one, once half of this one's life is over (8.1).

        Raises `UseAttestationChallenge`, with a fresh one, unless it is a challenge of `issuer` that has not expired.
        """
        remaining = 0
        if isinstance(challenge, str):
            remaining = self.keys.remaining(f"attestation_challenge {issuer}", challenge, now=now)
        if 2 * remaining > self.lifetime:
            return {}
        fresh = self.new(issuer, now=now, new_secret=new_secret)
        if not remaining:
            raise UseAttestationChallenge(fresh, "the proof of possession must have the challenge of this answer")
        return {"oauth-client-attestation-challenge": fresh}


def _check_each(_: object, __: object, algorithms: tuple[str, ...]) -> None:
    check_algorithms(algorithms)


@frozen(kw_only=True)
class ClientAttestation:
    """How Client Attestations and their proofs of possession are checked.

    Who may attest:

    - `anchors`: the authorities under which attesters hold certificates. An `x5c` must lead to one; names in it prove nothing,
      and with it `iss` is only what the attester says of itself, unless `certified_iss` wants the leaf to name it.
    - `attesters`: attesters known by their `iss`, with their keys or the URL of their JWK Set. These keys alone serve for that
      `iss`, whatever certificates an attestation brings.
    - `purpose`: an extended key usage (dotted) that the leaf of `x5c` must have.

    Any attester that is trusted can attest any `client_id`.

    How they are checked:

    - `challenges`: with them, every proof must have a challenge of ours; with None, a `challenge` is ignored.
    - `algorithms`, `pop_algorithms`: those accepted, all of them asymmetric, as in the server's metadata.
    - `max_attestation_age`: seconds since the `iat` of an attestation, after which a fresh one is wanted; None: until its `exp`.
    - `max_age`, `max_skew`: the seconds that the `iat` of a proof may lie in the past; what may lie in the future.

    Policies:

    - `require_x5c`: an attestation without `x5c` is refused (HAIP 4.4.1), and known keys are of no use.
    - `require_iss`: draft -07 wants `iss` in both JWTs; drafts from -08 on have none. With False it may be absent; where it is
      there, it is checked all the same. An attestation without it may be by any of the `attesters`.
    """

    anchors: "Anchors | None" = None
    attesters: Mapping[str, KeySource] = field(factory=dict, converter=key_sources, repr=False)
    purpose: str | None = None
    challenges: Challenges | None = None
    algorithms: tuple[str, ...] = field(default=DEFAULT_ALGORITHMS, converter=strings, validator=_check_each)
    pop_algorithms: tuple[str, ...] = field(default=DEFAULT_ALGORITHMS, converter=strings, validator=_check_each)
    max_attestation_age: int | None = None
    max_age: int = 300
    max_skew: int = 60
    require_x5c: bool = False
    require_iss: bool = True
    certified_iss: bool = False
    new_secret: NewSecret = field(default=new_secret, repr=False)
    _trusted: Attesters = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.max_age < 1 or self.max_skew < 0 or (self.max_attestation_age is not None and self.max_attestation_age < 1):
            raise ValueError("max_age and max_attestation_age must be positive, and max_skew must not be negative")
        trusted = Attesters(
            anchors=self.anchors,
            known=self.attesters,
            purpose=self.purpose,
            require_x5c=self.require_x5c,
            certified_iss=self.certified_iss,
        )
        object.__setattr__(self, "_trusted", trusted)

    def applies(self, request: Request, form: Form) -> bool:
        """Whether one of the two headers is there."""
        return _ATTESTATION in request.headers or _POP in request.headers

    def read(
        self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered
    ) -> "ReadClientAttestation":
        """Take both JWTs apart and make every check that needs no clock, no key and no record. Raises `InvalidClient`."""
        attestation = _single(request, _ATTESTATION)
        pop = _single(request, _POP)
        with _within("attestation"):
            jws = _jose.parse(attestation, max_bytes=MAX_ATTESTATION)
            claims = jws.claims()
            client_id, key = self._check_attestation(jws, claims)
            signature = self._trusted.signature(jws, claims)
        with _within("pop"):
            pop_jws = _jose.parse(pop, max_bytes=MAX_POP)
            pop_claims = pop_jws.claims()
            self._check_pop(pop_jws, pop_claims, client_id, issuer)
        return ReadClientAttestation(self, issuer, signature, claims, key, pop_jws, pop_claims, client_id)

    def _check_attestation(self, jws: Jws, claims: Mapping[str, Any]) -> tuple[str, PublicKey]:
        """Section 5.1: all that is required is there. The client and the key that are attested."""
        _check_header(jws, ATTESTATION_TYP, self.algorithms)
        if "iss" in claims or self.require_iss:
            text(claims, "iss", MAX_TEXT)
        client_id = text(claims, "sub", MAX_CLIENT_ID)
        check_numbers(claims, "exp")
        confirmation = claims.get("cnf")
        if not isinstance(confirmation, Mapping):
            raise Malformed("must be an object", "cnf")
        try:
            key = public_key(confirmation.get("jwk"))
        except Malformed as error:
            raise error.within("cnf.jwk") from None
        # OID4VCI E: whoever shows them to somebody can rely on their types.
        for name in claims.keys() & {"wallet_name", "wallet_link"}:
            text(claims, name, MAX_TEXT)
        if not isinstance(claims.get("status", {}), Mapping):
            raise Malformed("must be an object", "status")
        return client_id, key

    def _check_pop(self, jws: Jws, claims: Mapping[str, Any], client_id: str, issuer: str) -> None:
        """Section 5.2: all that is required is there, for this client and this server."""
        _check_header(jws, POP_TYP, self.pop_algorithms)
        if ("iss" in claims or self.require_iss) and claims.get("iss") != client_id:
            raise Malformed("must be the sub of the attestation", "iss")
        check_audience(claims, (issuer,))
        text(claims, "jti", MAX_JTI)
        check_numbers(claims, "iat")


@contextmanager
def _within(name: str) -> Iterator[None]:
    """What is malformed inside is so in one of the two JWTs, and the client is refused."""
    try:
        yield
    except Malformed as error:
        raise InvalidClient(str(error.within(name))) from None


def _single(request: Request, name: str) -> str:
    """The value of a header that must stand there once (sections 6.2, 9)."""
    values = request.headers.all(name)
    if len(values) != 1:
        raise InvalidClient(f"the {name} header is {'repeated' if values else 'missing'}")
    return values[0].strip(" \t")


def _check_header(jws: Jws, typ: str, algorithms: tuple[str, ...]) -> None:
    if jws.header.get("typ") != typ:
        raise Malformed(f"typ must be {typ}", "header")
    if jws.algorithm not in algorithms:
        # "a registered asymmetric digital signature algorithm, is not none, is supported by the application" -- section 9
        raise Malformed("alg is not an accepted algorithm", "header")


@frozen
class ReadClientAttestation:
    """A Client Attestation and its proof of possession: parsed, nothing believed. `client_id` is the `sub` of the attestation."""

    checks: ClientAttestation = field(repr=False)
    issuer: str
    attestation: AttesterSignature = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    key: PublicKey = field(repr=False)
    pop: Jws = field(repr=False)
    pop_claims: Mapping[str, Any] = field(repr=False)
    client_id: str
    method: str = field(default=METHOD, init=False)
    instance: str = field(init=False)
    """The thumbprint of the attested key."""
    lookups: tuple[Key, ...] = field(init=False)
    """The record that exists if the proof is spent."""

    def __attrs_post_init__(self) -> None:
        instance = thumbprint(self.key.jwk)
        object.__setattr__(self, "instance", instance)
        # Of this key, so that nobody can spend another's `jti`.
        object.__setattr__(self, "lookups", (Key.of(_SPENT, f"{self.issuer} {instance} {self.pop_claims['jti']}"),))

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Where the attester publishes its keys, if it is known by that."""
        return self.attestation.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        """The checks of section 9 that are left. Nothing is consumed yet.

        Raises `InvalidClient`; `UseFreshAttestation` if all that is wrong with the attestation is its age;
        `UseAttestationChallenge` if all that is wrong is the challenge.
        """
        checks = self.checks
        with _within("attestation"):
            check_times(self.claims, now=now, max_skew=checks.max_skew)
            # "The signature ... verifies with the public key of a known and trusted Attester." -- section 9
            self.attestation.verify(keys=keys, algorithms=checks.algorithms, now=now)
        self._check_age(now)
        with _within("pop"):
            check_times(self.pop_claims, now=now, max_skew=checks.max_skew)
            if self.pop_claims["iat"] < now - checks.max_age:
                raise Malformed("is too long ago", "iat")
            _jose.verify(self.pop, self.key, algorithms=checks.pop_algorithms)
        headers: Mapping[str, str] = {}
        if checks.challenges is not None:
            challenge = self.pop_claims.get("challenge")
            headers = checks.challenges.check(challenge, self.issuer, now=now, new_secret=checks.new_secret)
        (used,) = self.lookups
        if used in records:
            raise InvalidClient("pop: was used before")
        return AuthenticatedClient(
            client_id=self.client_id,
            method=METHOD,
            changes=(spent(used, self.pop_claims["iat"] + checks.max_age),),
            instance=self.instance,
            claims=self.claims,
            headers=headers,
        )

    def _check_age(self, now: int) -> None:
        limit = self.checks.max_attestation_age
        if limit is None:
            return
        if "iat" not in self.claims or self.claims["iat"] < now - limit:
            # "The Client Attestation JWT is fresh enough for the policies of the authorization server" -- section 9
            raise UseFreshAttestation("the attestation is too old, or does not say when it was issued")


def client_attestation_pop_signing_input(
    signer: Signer, *, client_id: str, audience: str, jti: str, now: int, challenge: str | None = None
) -> bytes:
    """What a client instance signs with its attested key (section 5.2).

    `client_id` is the `sub` of the attestation, `audience` the identifier of the authorization server. `jti` is new for every
    request: at least 96 random bits. `challenge` is the latest that this server gave, if any.
    """
    claims: dict[str, Any] = {"iss": client_id, "aud": audience, "jti": jti, "iat": now}
    if challenge is not None:
        claims["challenge"] = challenge
    return _jose.signing_input({"typ": POP_TYP, "alg": signer.algorithm}, _json.dump_bytes(claims))
