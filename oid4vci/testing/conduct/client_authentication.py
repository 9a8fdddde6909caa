"""How the Wallet authenticates as a client (OID4VCI E, HAIP 4.4.1, RFC 7523)."""

from collections.abc import Iterator
from typing import Any

from oid4vci import _jose, x509
from oid4vci._jose import Jws
from oid4vci._json import Malformed
from oid4vci.keys import public_key
from oid4vci.oauth.client_assertion import ASSERTION_TYPE
from oid4vci.oauth.client_attestation import ATTESTATION_TYP, POP_TYP
from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong, wrong_by_haip
from oid4vci.testing.report import CheckSkipped
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.recorded import CHALLENGE, PUSHED, TOKEN, claims_of, jws_of

__all__ = ("assertions", "attestations", "unique")

ATTESTATION, POP = "oauth-client-attestation", "oauth-client-attestation-pop"


def unique(found: Iterator[tuple[Stage, object]], what: str) -> None:
    """Raise `CheckFailed` for a value that is missing or stands twice."""
    seen: set[str] = set()
    for stage, value in found:
        if not isinstance(value, str) or not value:
            wrong(stage, f"{what} has no jti")
        if value in seen:
            wrong(stage, f"the jti of {what} was used before")
        seen.add(value)


def assertions(conduct: Conduct) -> list[tuple[Stage, Recorded, dict[str, Any]]]:
    """The claims of all client assertions. Raises `CheckSkipped`."""
    found = [(stage, each, jws_of(each.form.get("client_assertion"))) for stage, each in conduct.sent(PUSHED, TOKEN)]
    claims = [(stage, each, claims_of(jws)) for stage, each, jws in found if jws is not None]
    if not claims:
        raise CheckSkipped("the wallet sends no client assertions")
    return claims


def attestations(conduct: Conduct, name: str) -> list[tuple[Stage, Recorded, Jws]]:
    """The JWS in a header for attested clients. Raises `CheckSkipped`, `CheckFailed`."""
    found = []
    for stage, each in conduct.with_header(name, PUSHED, TOKEN):
        jws = each.jws(name)
        if jws is None:
            wrong(stage, f"{name} is not a JWT")
        found.append((stage, each, jws))
    return found


@CONDUCT("VCI-6.1-07", "VCI-E-03", "HAIP-4.3-01", "HAIP-4.4.1-01", "HAIP-4.4.1-11")
def client_authentication(conduct: Conduct) -> str:
    """The client authenticates as it is registered, with the pushed request and with every Token Request."""
    method = conduct.wallet.method
    for stage, each in conduct.sent(PUSHED, TOKEN):
        attested = ATTESTATION in each.request.headers and POP in each.request.headers
        asserted = each.form.get("client_assertion_type") == ASSERTION_TYPE and "client_assertion" in each.form
        if (method == "attest_jwt_client_auth") != attested or (method == "private_key_jwt") != asserted:
            wrong(stage, f"the request to the {each.endpoint} endpoint does not authenticate by {method}, and by nothing else")
    return method


@CONDUCT("RFC7523-3", "RFC9700-4.16")
def client_assertion_audience(conduct: Conduct) -> None:
    """The only audience of a client assertion is the identifier of the Authorization Server, as a string."""
    for stage, _, claims in assertions(conduct):
        if claims.get("aud") != stage.good.server.identifier:
            wrong(stage, "aud of the client assertion is not the issuer identifier of the authorization server, as a string")


@CONDUCT("RFC7523-3")
def client_assertion_claims(conduct: Conduct) -> None:
    """`iss` and `sub` of a client assertion are the client, and it expires within an hour."""
    for stage, each, claims in assertions(conduct):
        expires = claims.get("exp")
        if claims.get("iss") != claims.get("sub") or each.form.get("client_id", claims.get("sub")) != claims.get("sub"):
            wrong(stage, "iss and sub of the client assertion are not the client_id")
        if not isinstance(expires, int | float) or not 0 < expires - each.at <= 3600:
            wrong(stage, "exp of the client assertion is not within an hour")


@CONDUCT("RFC7523-3")
def client_assertion_jti(conduct: Conduct) -> None:
    """Every client assertion has a `jti` of its own."""
    unique(((stage, claims.get("jti")) for stage, _, claims in assertions(conduct)), "a client assertion")


@CONDUCT("VCI-E-02", "VCI-E-08", "HAIP-4.4.1-10")
def wallet_attestation(conduct: Conduct) -> None:
    """A Wallet Attestation has its type, `exp` and the key of the instance, and as `sub` the `client_id`."""
    for stage, each, jws in attestations(conduct, ATTESTATION):
        claims = claims_of(jws)
        confirmed, expires = claims.get("cnf"), claims.get("exp")
        if jws.header.get("typ") != ATTESTATION_TYP:
            wrong(stage, f"typ of the wallet attestation is not {ATTESTATION_TYP}")
        if not isinstance(confirmed, dict) or not isinstance(confirmed.get("jwk"), dict) or "d" in confirmed["jwk"]:
            wrong(stage, "the wallet attestation has no public key in cnf.jwk")
        if not isinstance(expires, int | float) or expires <= each.at:
            wrong(stage, "the wallet attestation has expired, or has no exp")
        if each.form.get("client_id", claims.get("sub")) != claims.get("sub"):
            wrong(stage, "sub of the wallet attestation is not the client_id")


@CONDUCT("HAIP-4.4.1-05", "HAIP-4.4.1-06")
def wallet_attestation_chain(conduct: Conduct) -> None:
    """The certificates of a Wallet Attestation are in `x5c`, without anything self-signed."""
    for stage, _, jws in attestations(conduct, ATTESTATION):
        if (problem := chain_problem(jws)) is not None:
            wrong_by_haip(conduct, stage, f"the wallet attestation {problem}")


@CONDUCT("HAIP-4.4.1-07")
def wallet_attestation_reused(conduct: Conduct) -> None:
    """A Wallet Attestation goes to one Authorization Server, and to no other."""
    known: dict[str | None, Stage] = {}
    for stage, each in conduct.with_header(ATTESTATION, PUSHED, TOKEN):
        if known.setdefault(each.header(ATTESTATION), stage) is not stage:
            wrong_by_haip(conduct, stage, "the wallet attestation was sent to another authorization server before")


def chain_problem(jws: Jws) -> str | None:
    """What is wrong with the `x5c` of a JWS by HAIP; None if it is as it must be."""
    if "x5c" not in jws.header:
        return "has no x5c"
    try:
        chain = [x509.load(der) for der in x509.decode_x5c(jws.header["x5c"])]
    except (Malformed, ValueError):
        return "has an x5c that cannot be read"
    return "has a certificate in x5c that is self-signed" if any(x509.self_signed(each) for each in chain) else None


@CONDUCT("VCI-E-07")
def attestation_proof(conduct: Conduct) -> None:
    """The proof of possession is by the attested key, for this Authorization Server, with the challenge that it gave."""
    for stage, each, jws in attestations(conduct, POP):
        claims, attested = claims_of(jws), each.claims(ATTESTATION).get("cnf")
        try:
            key = public_key(attested.get("jwk") if isinstance(attested, dict) else None)
        except Malformed:
            wrong(stage, "there is no attested key to prove")
        if jws.header.get("typ") != POP_TYP or not verifies(jws, key):
            wrong(stage, "the proof of possession is not signed by the attested key")
        if claims.get("aud") not in (stage.good.server.identifier, [stage.good.server.identifier]):
            wrong(stage, "aud of the proof of possession is not the authorization server")
        given = {_challenge(before) for before in stage.exchanges[: stage.exchanges.index(each)]} - {None}
        if given and claims.get("challenge") not in given:
            wrong(stage, "the proof of possession does not have the challenge of the authorization server")


def _challenge(each: Recorded) -> str | None:
    header = next(iter(each.response.headers.all("oauth-client-attestation-challenge")), None)
    challenge = each.answer.get("attestation_challenge") if each.endpoint == CHALLENGE else None
    return header or (challenge if isinstance(challenge, str) else None)


def verifies(jws: Jws, key: Any) -> bool:
    """Whether a signature is by a key, by the algorithm that the header says and the key is fit for."""
    try:
        _jose.verify(jws, key, algorithms=_jose.DEFAULT_ALGORITHMS)
    except Malformed:
        return False
    return True


@CONDUCT("VCI-E-07")
def attestation_proof_jti(conduct: Conduct) -> None:
    """Every proof of possession has a `jti` of its own."""
    unique(((stage, claims_of(jws).get("jti")) for stage, _, jws in attestations(conduct, POP)), "a proof of possession")


@CONDUCT("VCI-E-07")
def challenge_request(conduct: Conduct) -> None:
    """A challenge is asked for by POST, with an empty body."""
    for stage, each in conduct.sent(CHALLENGE):
        if each.request.method != "POST" or each.request.body:
            wrong(stage, f"the challenge was asked for by {each.request.method}, POST with an empty body was expected")
