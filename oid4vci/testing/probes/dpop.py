"""DPoP proofs (RFC 9449) at the Token Endpoint and at the Credential Endpoint."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen

from oid4vci.http import Response
from oid4vci.keys import LocalSigner
from oid4vci.testing.probes.expectations import demand, need, refused, status, unauthorized
from oid4vci.testing.probes.instance import Instance, Proofs, error_codes
from oid4vci.testing.probes.jwts import Jwt, private_jwk, token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import Session, redeem, session, token_response

__all__ = ()

CODES: Final = ("invalid_dpop_proof", "use_dpop_nonce")
HOUR: Final = 3600


@frozen
class _Wrong:
    """A way in which a proof can be wrong, and the rule that it breaks."""

    name: str
    rule: str
    about: str
    proofs: Proofs


def _changed(header: Mapping[str, Any] | None = None, **claims: Any) -> Proofs:
    return lambda proof: (str(proof.changed(header=header, claims=claims)),)


def _later(seconds: int) -> Proofs:
    return lambda proof: (str(proof.changed(claims={"iat": proof.claims["iat"] + seconds})),)


def _twice(proof: Jwt) -> Sequence[str]:
    return (str(proof), str(proof.changed(claims={"jti": token()})))


def _elsewhere(proof: Jwt) -> Sequence[str]:
    return (str(proof.changed(claims={"htu": f"{proof.claims['htu']}/elsewhere"})),)


WRONG: Final = (
    _Wrong("doubled_header", "RFC9449-4.3", "two DPoP headers", _twice),
    _Wrong("garbage", "RFC9449-4.3", "a proof that is no JWT", lambda _: ("garbage",)),
    _Wrong("wrong_typ", "RFC9449-4.3", "a proof of another type", _changed({"typ": "JWT"})),
    _Wrong("unsigned", "RFC9449-4.3", "a proof with the algorithm none", lambda proof: (proof.unsigned,)),
    _Wrong("broken_signature", "RFC9449-4.3", "a proof whose signature does not verify", lambda proof: (proof.broken,)),
    _Wrong(
        "signature_of_another",
        "RFC9449-4.3",
        "a proof signed by another key than that in jwk",
        lambda proof: (str(proof.changed(by=LocalSigner.generate("stranger", proof.signer.algorithm))),),
    ),
    _Wrong(
        "private_key",
        "RFC9449-4.3",
        "a proof with a private key",
        lambda proof: (str(proof.changed(header={"jwk": private_jwk(proof.signer)})),),
    ),
    _Wrong(
        "symmetric_key",
        "RFC9449-4.3",
        "a proof with a symmetric key",
        _changed({"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}}),
    ),
    _Wrong("no_key", "RFC9449-4.3", "a proof without a key", _changed({"jwk": None})),
    _Wrong("crit", "RFC7515-4.1.11", "a proof with crit", _changed({"crit": ["exp"], "exp": 1})),
    _Wrong("no_jti", "RFC9449-4.3", "a proof without jti", _changed(jti=None)),
    _Wrong("no_htm", "RFC9449-4.3", "a proof without htm", _changed(htm=None)),
    _Wrong("wrong_htm", "RFC9449-4.3", "a proof for another method", _changed(htm="GET")),
    _Wrong("no_htu", "RFC9449-4.3", "a proof without htu", _changed(htu=None)),
    _Wrong("wrong_htu", "RFC9449-4.3", "a proof for another URL", _elsewhere),
    _Wrong("no_iat", "RFC9449-4.3", "a proof without iat", _changed(iat=None)),
    _Wrong("old", "RFC9449-4.3", "a proof of an hour ago", _later(-HOUR)),
    _Wrong("from_the_future", "RFC9449-4.3", "a proof of an hour from now", _later(HOUR)),
)


def _bound(peer: Peer) -> Instance:
    need(peer.supplies.dpop, "tokens are not to be bound to a key")
    return peer.instance()


def _refused_token(response: Response, *, what: str) -> None:
    refused(response, *CODES, "invalid_request", what=what)


def _at_the_token_endpoint(wrong: _Wrong) -> None:
    def look(peer: Peer) -> None:
        made, instance = peer.offer(), _bound(peer)
        # The first proof can lack a nonce that the server wants.
        _refused_token(redeem(peer, made, instance=instance, proofs=wrong.proofs), what=wrong.about)
        token_response(redeem(peer, made, instance=instance), bound=True)

    about = f"At the Token Endpoint, {wrong.about} is refused, and the code still serves."
    CHECKS.add(f"dpop_at_token_{wrong.name}", (wrong.rule, "HAIP-4-08"), about, look)


def _at_the_credential_endpoint(wrong: _Wrong) -> None:
    def look(peer: Peer) -> None:
        begun = _session(peer)
        body = begun.body()
        response = begun.order(body, proofs=wrong.proofs)
        unauthorized(response, *CODES, "invalid_token", "invalid_request", what=wrong.about, statuses=(400, 401))
        begun.accepted(begun.order(body), what="the same request with a right proof")

    about = f"At the Credential Endpoint, {wrong.about} is refused, and the c_nonce still serves."
    CHECKS.add(f"dpop_at_credential_{wrong.name}", (wrong.rule, "VCI-8.3.1.1-01"), about, look)


def _session(peer: Peer) -> Session:
    _bound(peer)
    return session(peer)


for _each in WRONG:
    _at_the_token_endpoint(_each)

_AT_CREDENTIAL: Final = (
    *WRONG,
    _Wrong("missing", "RFC9449-7.1", "a bound token without a proof", lambda _: ()),
    _Wrong("no_ath", "RFC9449-4.3", "a proof without ath", _changed(ath=None)),
    _Wrong(
        "wrong_ath", "RFC9449-4.3", "a proof for another token", _changed(ath="47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")
    ),
)
for _each in _AT_CREDENTIAL:
    _at_the_credential_endpoint(_each)


@CHECKS("RFC9449-7.1", "RFC9449-6.1")
def dpop_at_credential_key_of_another(peer: Peer) -> None:
    """A token that was stolen is worth nothing with the thief's own key."""
    begun = _session(peer)
    body, thief = begun.body(), LocalSigner.generate("thief")

    def stolen(proof: Jwt) -> Sequence[str]:
        header = {"alg": thief.algorithm, "jwk": dict(thief.public_jwk)}
        return (str(proof.changed(header=header, by=thief)),)

    response = begun.order(body, proofs=stolen)
    unauthorized(response, *CODES, "invalid_token", what="a proof by another key than that of the token", statuses=(400, 401))
    begun.accepted(begun.order(body))


@CHECKS("RFC9449-7.1", "RFC9449-7.2")
def dpop_at_credential_as_bearer(peer: Peer) -> None:
    """A token that is bound to a key is refused as a Bearer token, with and without a proof."""
    begun = _session(peer)
    body = begun.body()
    nothing: Proofs = lambda _: ()  # noqa: E731
    for proofs in (nothing, lambda proof: (str(proof),)):
        response = begun.order(body, authorization=(f"Bearer {begun.access_token}",), proofs=proofs)
        # Where Bearer tokens are not taken at all, this is no token, and the answer names no error (RFC 6750 3.1).
        unauthorized(response, what="a bound token as Bearer")
    begun.accepted(begun.order(body))


def _replayed(send: Callable[[Proofs], Response]) -> tuple[Response, Response]:
    """The answers to a right proof, and to the same one again."""
    seen: list[str] = []

    def kept(proof: Jwt) -> Sequence[str]:
        seen.append(str(proof))
        return (seen[-1],)

    return send(kept), send(lambda _: (seen[-1],))


@CHECKS("RFC9449-11.1")
def dpop_at_credential_replayed(peer: Peer) -> None:
    """A proof serves once."""
    begun = _session(peer)
    first, second = _replayed(lambda proofs: begun.order(begun.body(), proofs=proofs))
    begun.accepted(first)
    unauthorized(second, *CODES, "invalid_token", what="a proof that was used", statuses=(400, 401))


@CHECKS("RFC9449-11.1")
def dpop_at_token_replayed(peer: Peer) -> None:
    """A proof serves once, also with another code."""
    instance = _bound(peer)
    offers = [peer.offer(), peer.offer()]
    first, second = _replayed(lambda proofs: redeem(peer, offers.pop(), instance=instance, proofs=proofs))
    token_response(first, bound=True)
    _refused_token(second, what="a proof that was used")


@CHECKS("RFC9449-4.3")
def dpop_clocks_may_differ(peer: Peer) -> None:
    """Ten seconds either way are taken."""
    begun = _session(peer)
    for seconds in (-10, 10):
        begun.accepted(begun.order(begun.body(), proofs=_later(seconds)), what=f"a proof of {seconds} seconds from now")


@CHECKS("RFC9449-4.3")
def dpop_htu_is_compared_as_a_url(peer: Peer) -> None:
    """Query and fragment do not count, scheme and host are of either case, and the default port is no difference."""
    begun = _session(peer)
    url = peer.endpoint("credential_endpoint")
    at = urlsplit(url)
    same = [
        f"{url}?a=1",
        f"{url}#a",
        url.replace(f"{at.scheme}://{at.netloc}", f"{at.scheme.upper()}://{at.netloc.upper()}", 1),
    ]
    if at.port is None:
        same.append(url.replace(at.netloc, f"{at.netloc}:443", 1))
    for htu in same:
        begun.accepted(begun.order(begun.body(), proofs=_changed(htu=htu)), what="htu in another spelling of the same URL")


@CHECKS("RFC9449-4.2")
def dpop_extra_claims_are_tolerated(peer: Peer) -> None:
    """Claims and header parameters that nobody knows change nothing."""
    begun = _session(peer)
    more = _changed({"unheard_of": 1}, unheard_of=[1], nbf=0, exp=peer.now + 60)
    begun.accepted(begun.order(begun.body(), proofs=more), what="a proof with further claims")


@CHECKS("RFC9449-5")
def dpop_at_token_missing(peer: Peer) -> None:
    """Without a proof the token is not bound, and where it must be the answer is 400."""
    made = peer.offer()
    response = redeem(peer, made, instance=peer.instance(dpop=False))
    if response.status == 200:
        members = token_response(response, bound=False)
        demand(not peer.supplies.haip, "HAIP: a token was given that is bound to no key")
        demand(str(members["token_type"]).lower() == "bearer", "token_type must be Bearer")
        return
    refused(response, "invalid_dpop_proof", "use_dpop_nonce", "invalid_request", what="no proof where one is needed")
    token_response(redeem(peer, made), bound=True)


@CHECKS("RFC9449-8", "RFC9449-9")
def dpop_nonce_is_asked_for_and_nothing_is_consumed(peer: Peer) -> None:
    """A request without the nonce that is wanted can be sent again: code and `c_nonce` are as good as before."""
    instance, made = _bound(peer), peer.offer()
    first = redeem(peer, made, instance=instance, retry=False)
    need("use_dpop_nonce" in error_codes(first), "the server wants no nonces in proofs")
    demand(len(first.headers.all("dpop-nonce")) == 1, "use_dpop_nonce came without one DPoP-Nonce")
    status(first, 400, what="a proof without nonce at the Token Endpoint")
    begun = Session(peer, instance, peer.target, token_response(redeem(peer, made, instance=instance), bound=True))
    instance.nonces.clear()
    body = begun.body()
    refusal = begun.order(body, retry=False)
    if "use_dpop_nonce" in error_codes(refusal):
        status(refusal, 401, what="a proof without nonce at the Credential Endpoint")
        demand(len(refusal.headers.all("dpop-nonce")) == 1, "use_dpop_nonce came without one DPoP-Nonce")
    begun.accepted(begun.order(body), what="the same request with the nonce")


@CHECKS("RFC9449-8")
def dpop_nonce_must_be_of_the_server(peer: Peer) -> None:
    """Where nonces are wanted, one that somebody made up is refused."""
    made, instance = peer.offer(), _bound(peer)
    first = redeem(peer, made, instance=instance, retry=False)
    need("use_dpop_nonce" in error_codes(first), "the server wants no nonces in proofs")
    response = redeem(peer, made, instance=instance, proofs=_changed(nonce=token()))
    refused(response, *CODES, what="a nonce that nobody gave")
    token_response(redeem(peer, made, instance=instance), bound=True)
