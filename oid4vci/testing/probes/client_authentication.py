"""Client authentication at the Token Endpoint: `private_key_jwt` and `attest_jwt_client_auth` (RFC 7523, OID4VCI E)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from oid4vci.http import Response
from oid4vci.keys import LocalSigner
from oid4vci.testing.probes.expectations import demand, json_object, need, no_store, refused, status
from oid4vci.testing.probes.instance import Authentication
from oid4vci.testing.probes.jwts import Jwt, token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import redeem, token_response

__all__ = ()

CODES: Final = ("invalid_client", "invalid_client_attestation", "use_fresh_attestation", "use_attestation_challenge")
HOUR: Final = 3600

Change = Callable[[Authentication], Authentication]


def _refused(response: Response, *, what: str) -> None:
    refused(response, *CODES, "invalid_request", "invalid_grant", what=what, statuses=(400, 401))


def _mistake(name: str, requirements: Sequence[str], about: str, change: Change, *, attested: bool) -> None:
    """A Token Request whose client authenticates wrongly: it is refused, and the code still serves."""

    def look(peer: Peer) -> None:
        client = peer.supplies.client
        if attested:
            need(client.attest, "the client is not attested")
        else:
            need(client.signer, "the client does not use private_key_jwt")
        made, instance = peer.offer(), peer.instance()
        _refused(redeem(peer, made, instance=instance, client=change), what=about)
        token_response(redeem(peer, made, instance=instance), bound=instance.dpop is not None)

    kind = "attestation" if attested else "assertion"
    CHECKS.add(f"client_{kind}_{name}", requirements, f"{about[0].upper()}{about[1:]} is refused; the code still serves.", look)


def _jwt(value: Jwt | str | None) -> Jwt:
    if not isinstance(value, Jwt):
        raise TypeError("there is no such JWT in this request")
    return value


def _stranger(jwt: Jwt) -> LocalSigner:
    return LocalSigner.generate(jwt.signer.key_id, jwt.signer.algorithm)


# --- private_key_jwt --------------------------------------------------------------------------------------------------------------


def _assertion(make: Callable[[Jwt], Jwt | str]) -> Change:
    return lambda given: evolve(given, assertion=make(_jwt(given.assertion)))


def _claims(**claims: Any) -> Change:
    return _assertion(lambda jwt: jwt.changed(claims=claims))


for _name, _about, _change in (
    ("missing", "no assertion", lambda given: evolve(given, assertion=None)),
    ("for_another_server", "an assertion for another server", _claims(aud="https://other.example")),
    ("without_aud", "an assertion without aud", _claims(aud=None)),
    ("of_another_client", "an assertion of another client", _claims(sub="somebody-else", iss="somebody-else")),
    ("with_another_iss", "an assertion whose iss is not its sub", _claims(iss="somebody-else")),
    ("without_exp", "an assertion without exp", _claims(exp=None)),
    ("expired", "an assertion that has expired", _assertion(lambda jwt: jwt.changed(claims={"exp": jwt.claims["iat"] - HOUR}))),
    ("unsigned", "an assertion with the algorithm none", _assertion(lambda jwt: jwt.unsigned)),
    ("broken", "an assertion whose signature does not verify", _assertion(lambda jwt: jwt.broken)),
    ("by_a_stranger", "an assertion by another key", _assertion(lambda jwt: jwt.changed(by=_stranger(jwt)))),
    (
        "with_its_own_key",
        "an assertion that brings its own key",
        _assertion(lambda jwt: _self_made(jwt, _stranger(jwt))),
    ),
):
    _mistake(_name, ("VCI-6.1-07", "RFC7523-3"), _about, _change, attested=False)


def _self_made(jwt: Jwt, stranger: LocalSigner) -> Jwt:
    return jwt.changed(header={"kid": None, "jwk": dict(stranger.public_jwk)}, by=stranger)


@CHECKS("RFC7523-3", "HAIP-4-04")
def client_assertion_serves_once(peer: Peer) -> None:
    """An assertion that was used is refused."""
    need(peer.supplies.client.signer, "the client does not use private_key_jwt")
    instance, seen = peer.instance(), list[Jwt | str | None]()

    def kept(given: Authentication) -> Authentication:
        seen.append(given.assertion)
        return given

    token_response(redeem(peer, peer.offer(), instance=instance, client=kept), bound=instance.dpop is not None)
    used = seen[-1]
    response = redeem(peer, peer.offer(), instance=instance, client=lambda given: evolve(given, assertion=used))
    _refused(response, what="an assertion that was used")


# --- attest_jwt_client_auth -------------------------------------------------------------------------------------------------------


def _pop(make: Callable[[Jwt], Jwt | str]) -> Change:
    return lambda given: evolve(given, pop=make(_jwt(given.pop)))


def _pop_claims(**claims: Any) -> Change:
    return _pop(lambda jwt: jwt.changed(claims=claims))


def _forged(given: Authentication) -> Authentication:
    """The same attestation, signed by somebody whom nobody trusts."""
    from oid4vci import _jose

    jws = _jose.parse(given.attestation or "")
    return evolve(given, attestation=str(Jwt(jws.header, jws.claims(), LocalSigner.generate("stranger", jws.algorithm))))


def _broken(given: Authentication) -> Authentication:
    """The attestation with another payload than was signed."""
    from oid4vci import _jose
    from oid4vci._json import b64url_encode, dump_bytes

    jws = _jose.parse(given.attestation or "")
    head, _, signature = (given.attestation or "").split(".")
    payload: Mapping[str, Any] = {**jws.claims(), "unheard_of": 1}
    return evolve(given, attestation=f"{head}.{b64url_encode(dump_bytes(payload))}.{signature}")


def _self_attested(given: Authentication) -> Authentication:
    """An attestation that brings its own key, as if that proved anything."""
    from oid4vci import _jose

    jws = _jose.parse(given.attestation or "")
    stranger = LocalSigner.generate("stranger", jws.algorithm)
    header = {name: value for name, value in jws.header.items() if name not in ("x5c", "kid")}
    return evolve(given, attestation=str(Jwt({**header, "jwk": dict(stranger.public_jwk)}, jws.claims(), stranger)))


for _name, _rule, _about, _change in (
    ("missing", "VCI-E-02", "no attestation", lambda given: evolve(given, attestation=None, pop=None)),
    ("without_pop", "VCI-E-02", "an attestation without proof of its key", lambda given: evolve(given, pop=None)),
    ("alone_pop", "VCI-E-02", "a proof without the attestation", lambda given: evolve(given, attestation=None)),
    ("by_a_stranger", "VCI-E-01", "an attestation by somebody whom nobody trusts", _forged),
    ("broken", "VCI-E-01", "an attestation that was changed", _broken),
    ("with_its_own_key", "VCI-E-01", "an attestation that brings its own key", _self_attested),
    ("garbage", "VCI-E-02", "an attestation that is no JWT", lambda given: evolve(given, attestation="garbage")),
    (
        "of_another_client",
        "VCI-E-08",
        "another client_id than is attested",
        lambda given: evolve(given, client_id="somebody-else"),
    ),
    (
        "pop_by_a_stranger",
        "VCI-E-02",
        "a proof by another key than is attested",
        _pop(lambda jwt: jwt.changed(by=_stranger(jwt))),
    ),
    ("pop_unsigned", "VCI-E-02", "a proof with the algorithm none", _pop(lambda jwt: jwt.unsigned)),
    ("pop_broken", "VCI-E-02", "a proof whose signature does not verify", _pop(lambda jwt: jwt.broken)),
    ("pop_with_wrong_typ", "VCI-E-02", "a proof of another type", _pop(lambda jwt: jwt.changed(header={"typ": "JWT"}))),
    ("pop_for_another_server", "VCI-E-02", "a proof for another server", _pop_claims(aud="https://other.example")),
    ("pop_without_jti", "VCI-E-02", "a proof without jti", _pop_claims(jti=None)),
    ("pop_without_iat", "VCI-E-02", "a proof without iat", _pop_claims(iat=None)),
    ("pop_old", "VCI-E-02", "a proof of an hour ago", _pop(lambda jwt: jwt.changed(claims={"iat": jwt.claims["iat"] - HOUR}))),
):
    _mistake(_name, (_rule, "VCI-6.1-07"), _about, _change, attested=True)


@CHECKS("VCI-E-02", "HAIP-4.4.1-02")
def client_attestation_pop_serves_once(peer: Peer) -> None:
    """A proof of possession that was used is refused."""
    need(peer.supplies.client.attest, "the client is not attested")
    instance, seen = peer.instance(), list[Jwt | str | None]()

    def kept(given: Authentication) -> Authentication:
        # Signed once: the very same text is sent again.
        seen.append(str(given.pop))
        return evolve(given, pop=seen[-1])

    token_response(redeem(peer, peer.offer(), instance=instance, client=kept), bound=instance.dpop is not None)
    used = seen[-1]
    response = redeem(peer, peer.offer(), instance=instance, client=lambda given: evolve(given, pop=used))
    _refused(response, what="a proof of possession that was used")


@CHECKS("VCI-E-02")
def client_attestation_challenge_must_be_of_the_server(peer: Peer) -> None:
    """Where the server gives challenges, a proof with none, or with one that somebody made up, is refused."""
    need(peer.supplies.client.attest, "the client is not attested")
    need("challenge_endpoint" in peer.server, "the server gives no challenges")
    made, instance = peer.offer(), peer.instance()
    for challenge in (token(), None):
        response = redeem(peer, made, instance=instance, client=_pop_claims(challenge=challenge))
        _refused(response, what="a challenge that nobody gave")
    token_response(redeem(peer, made, instance=instance), bound=instance.dpop is not None)


@CHECKS("VCI-E-02")
def challenge_is_given_to_everybody(peer: Peer) -> None:
    """A POST to the challenge endpoint is answered with a challenge that no cache keeps, and each time with another."""
    url, seen = peer.server_endpoint("challenge_endpoint"), set()
    for _ in range(2):
        response = peer.post(url)
        status(response, 200, what="a challenge request")
        challenge = json_object(response, what="a challenge request").get("attestation_challenge")
        demand(isinstance(challenge, str) and len(challenge) >= 16, "there is no attestation_challenge")
        no_store(response, what="a challenge request")
        seen.add(challenge)
    demand(len(seen) == 2, "the same challenge was given twice")
