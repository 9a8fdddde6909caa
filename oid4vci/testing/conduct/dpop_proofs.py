"""DPoP proofs, and how access tokens are presented (RFC 9449, RFC 6750)."""

import hashlib
from collections.abc import Iterator
from typing import Any

from oid4vci._json import Malformed, b64url_encode
from oid4vci.keys import public_key
from oid4vci.testing.conduct.client_authentication import unique, verifies
from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.report import CheckSkipped
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.recorded import FLOW, NONCE, PUSHED, RESOURCES, TOKEN

__all__ = ()

ANYWHERE = (PUSHED, TOKEN, NONCE, *RESOURCES)
SERVER, RESOURCE = (PUSHED, TOKEN), (NONCE, *RESOURCES)


def _proofs(conduct: Conduct) -> Iterator[tuple[Stage, Recorded, dict[str, Any]]]:
    """The claims of all DPoP proofs. Raises `CheckSkipped`."""
    for stage, each in conduct.with_header("dpop", *ANYWHERE):
        yield stage, each, dict(each.claims("dpop"))


def _tokens(stage: Stage) -> set[str]:
    found = (each.answer.get("access_token") for each in stage.to(TOKEN))
    return {token for token in found if isinstance(token, str)}


@CONDUCT("RFC9449-4.2", "RFC9449-4.3")
def dpop_proof(conduct: Conduct) -> None:
    """A proof has its type and a public key that signed it, is made for this method and URL, and is new; there is one at most."""
    for stage, each, claims in _proofs(conduct):
        jws = each.jws("dpop")
        if len(each.request.headers.all("dpop")) != 1 or jws is None:
            wrong(stage, f"the request to the {each.endpoint} endpoint has no proof, or several")
        jwk = jws.header.get("jwk")
        if jws.header.get("typ") != "dpop+jwt" or not isinstance(jwk, dict) or "d" in jwk:
            wrong(stage, "typ of the proof is not dpop+jwt, or jwk is not a public key")
        try:
            key = public_key(jwk)
        except Malformed:
            wrong(stage, "the key in jwk cannot be read")
        if not verifies(jws, key):
            wrong(stage, "the proof is not signed by the key in its jwk")
        if claims.get("htm") != each.request.method or claims.get("htu") != stage.urls.get(each.endpoint):
            wrong(stage, f"htm and htu of the proof are not those of the request to the {each.endpoint} endpoint")
        issued_at = claims.get("iat")
        if not isinstance(issued_at, int | float) or abs(issued_at - each.at) > 300:
            wrong(stage, "iat of the proof is not the time of the request")


@CONDUCT("RFC9449-4.2", "RFC9449-11.1")
def dpop_jti(conduct: Conduct) -> None:
    """Every proof has a `jti` of its own."""
    unique(((stage, claims.get("jti")) for stage, _, claims in _proofs(conduct)), "a DPoP proof")


@CONDUCT("RFC9449-4.2", "RFC9449-7")
def dpop_ath(conduct: Conduct) -> None:
    """A proof that comes with an access token has its hash, any other has none."""
    for stage, each, claims in _proofs(conduct):
        token = (each.header("authorization") or "").partition(" ")[2]
        expected = b64url_encode(hashlib.sha256(token.encode()).digest()) if each.endpoint in RESOURCES else None
        if claims.get("ath") != expected:
            wrong(stage, f"ath of the proof for the {each.endpoint} endpoint is not the hash of the access token")


def _latest(stage: Stage, each: Recorded) -> set[str | None]:
    """The nonces that a proof may have: the latest of all, and the latest of this server and of this endpoint."""
    before = stage.exchanges[: stage.exchanges.index(each)]
    same = SERVER if each.endpoint in SERVER else RESOURCE
    given = [(one.endpoint, nonce) for one in before for nonce in one.response.headers.all("dpop-nonce")]
    allowed = ((*SERVER, *RESOURCE), same, (each.endpoint,))
    return {next((nonce for endpoint, nonce in reversed(given) if endpoint in some), None) for some in allowed}


@CONDUCT("RFC9449-8", "RFC9449-8.2", "RFC9449-9", "HAIP-4-09", "VCI-7.2-07")
def dpop_nonce(conduct: Conduct) -> None:
    """A proof has the nonce that came last, and none where none was given."""
    for stage, each, claims in _proofs(conduct):
        if claims.get("nonce") not in _latest(stage, each):
            wrong(stage, f"nonce of the proof for the {each.endpoint} endpoint is not the one that came last")


@CONDUCT("RFC9449-8", "RFC9449-9")
def dpop_nonce_retried(conduct: Conduct) -> None:
    """A request that is refused for want of a nonce is sent once more, with the nonce that came."""
    looked = False
    for stage in conduct.stages:
        for i, each in enumerate(stage.exchanges):
            if each.altered or each.answer.get("error") != "use_dpop_nonce":
                continue
            looked = True
            if not any(later.endpoint == each.endpoint for later in stage.exchanges[i + 1 :]):
                wrong(stage, f"the request to the {each.endpoint} endpoint was not sent once more with the nonce")
    if not looked:
        raise CheckSkipped("no request was refused for want of a nonce")


@CONDUCT("RFC9449-5", "RFC9449-7", "HAIP-4-08")
def dpop_key(conduct: Conduct) -> None:
    """All proofs for one access token are by the same key."""
    for stage in {id(stage): stage for stage, _, _ in _proofs(conduct)}.values():
        keys = {str(jws.header.get("jwk")) for each in stage.to(TOKEN, *RESOURCES) if (jws := each.jws("dpop")) is not None}
        if len(keys) > 1:
            wrong(stage, "the proofs are by several keys")


@CONDUCT("VCI-8.2-01", "VCI-11-03", "RFC6750-2.1", "RFC9449-7.1")
def token_in_header(conduct: Conduct) -> None:
    """The access token is in the Authorization header, under the scheme of its type, and nowhere else."""
    for stage, each in conduct.sent(*RESOURCES):
        values, tokens = each.request.headers.all("authorization"), _tokens(stage)
        scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
        expected = "dpop" if "dpop" in each.request.headers else "bearer"
        if scheme.lower() != expected or token not in tokens:
            wrong(stage, f"the request to the {each.endpoint} endpoint has no access token under the scheme {expected}")
        text = each.request.url + each.request.body.decode("latin-1")
        if any(known in text or known in str(dict(each.members)) for known in tokens):
            wrong(stage, f"the request to the {each.endpoint} endpoint has the access token in its URL or body")


@CONDUCT("VCI-7.1-01", "RFC9449-7")
def token_for_resources_only(conduct: Conduct) -> None:
    """The access token goes to the Credential, Deferred Credential and Notification Endpoints, and to no other."""
    for stage, each in conduct.sent(*FLOW):
        if each.endpoint not in RESOURCES and any(token in str(each.request.headers.pairs) for token in _tokens(stage)):
            wrong(stage, f"the {each.endpoint} endpoint was sent the access token")
