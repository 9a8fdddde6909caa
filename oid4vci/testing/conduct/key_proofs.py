"""Proofs of possession of keys, and key attestations (OID4VCI 7, 8.2, D, F)."""

from collections.abc import Iterator
from typing import Any

from oid4vci import x509
from oid4vci._jose import Jws
from oid4vci._json import Malformed
from oid4vci.keys import public_key
from oid4vci.testing.conduct.client_authentication import chain_problem, verifies
from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong, wrong_by_haip
from oid4vci.testing.report import CheckFailed, CheckSkipped
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.recorded import CREDENTIAL, NONCE, PUSHED, TOKEN, claims_of, jws_of

__all__ = ("proofs", "proved_keys")

NAMES = ("jwk", "kid", "x5c")


def proofs(conduct: Conduct) -> Iterator[tuple[Stage, Recorded, Jws]]:
    """All `jwt` proofs. Raises `CheckSkipped`."""
    found = [(stage, each, jws) for stage, each in conduct.sent(CREDENTIAL) for jws in each.proofs]
    if not found:
        raise CheckSkipped("no request has a jwt proof")
    yield from found


def _attestations(conduct: Conduct) -> Iterator[tuple[Stage, Recorded, Jws, bool]]:
    """All key attestations, and whether each is within a `jwt` proof. Raises `CheckSkipped`."""
    found: list[tuple[Stage, Recorded, Jws, bool]] = []
    for stage, each in conduct.sent(CREDENTIAL):
        texts = [(text, False) for text in each.proofs_of("attestation")]
        texts += [(jws.header["key_attestation"], True) for jws in each.proofs if "key_attestation" in jws.header]
        for text, within in texts:
            if (jws := jws_of(text)) is None:
                wrong(stage, "a key attestation is not a JWT")
            found.append((stage, each, jws, within))
    if not found:
        raise CheckSkipped("no request has a key attestation")
    yield from found


def proved_keys(jws: Jws) -> list[str]:
    """What identifies the key that a proof names."""
    named = jws.header.get("jwk") or jws.header.get("kid") or jws.header.get("x5c")
    return [str(sorted(named.items()) if isinstance(named, dict) else named)]


@CONDUCT("VCI-F.1-01", "VCI-F.1-02", "VCI-F.1-03", "VCI-F.1-24", "VCI-12.2.4-62")
def proof_signature(conduct: Conduct) -> None:
    """A proof has its type, and is signed by the key that it names with an algorithm that the issuer takes."""
    for stage, _, jws in proofs(conduct):
        if jws.header.get("typ") != "openid4vci-proof+jwt" or jws.header.get("alg") != "ES256":
            wrong(stage, "typ of the proof is not openid4vci-proof+jwt, or alg is not one that the issuer takes")
        try:
            key = _named_key(jws)
        except (Malformed, ValueError):
            wrong(stage, "the key that the proof names cannot be read")
        if key is not None and not verifies(jws, key):
            wrong(stage, "the proof is not signed by the key that it names")


def _named_key(jws: Jws) -> Any:
    if "x5c" in jws.header:
        return x509.leaf_public_key(x509.load(x509.decode_x5c(jws.header["x5c"])[0]))
    return public_key(jws.header["jwk"]) if "jwk" in jws.header else None


@CONDUCT("VCI-F.1-05", "VCI-F.1-07", "VCI-F.1-09")
def proof_names_one_key(conduct: Conduct) -> None:
    """A proof has exactly one of `jwk`, `kid` and `x5c`."""
    for stage, _, jws in proofs(conduct):
        if len([name for name in NAMES if name in jws.header]) != 1:
            wrong(stage, "the proof has not exactly one of jwk, kid and x5c")


@CONDUCT("VCI-F.1-17", "VCI-8.2-20")
def proof_audience(conduct: Conduct) -> None:
    """`aud` of a proof is the identifier of the issuer, as a string."""
    for stage, _, jws in proofs(conduct):
        if claims_of(jws).get("aud") != stage.identifier:
            wrong(stage, "aud of the proof is not the credential issuer identifier, as a string")


@CONDUCT("VCI-F.1-18")
def proof_time(conduct: Conduct) -> None:
    """`iat` of a proof is the time at which it was made."""
    for stage, each, jws in proofs(conduct):
        issued_at = claims_of(jws).get("iat")
        if not isinstance(issued_at, int | float) or abs(issued_at - each.at) > 300:
            wrong(stage, "iat of the proof is not the time of the request")


@CONDUCT("VCI-F.1-15", "VCI-F.1-16")
def proof_issuer(conduct: Conduct) -> None:
    """`iss` of a proof, if it is there, is the `client_id`; who got its token without a name has none in its proofs."""
    for stage, _, jws in proofs(conduct):
        if (said := claims_of(jws).get("iss")) is not None and said not in _clients(stage):
            wrong(stage, "iss of the proof is not the client_id, or the access token was got without one")


def _clients(stage: Stage) -> set[Any]:
    """The names that the Wallet gave, by itself or in what it authenticates with."""
    found: set[Any] = set()
    for each in stage.to(PUSHED, TOKEN):
        asserted = jws_of(each.form.get("client_assertion"))
        found.add(each.form.get("client_id"))
        found.add(each.claims("oauth-client-attestation").get("sub"))
        found.add(None if asserted is None else claims_of(asserted).get("sub"))
    return found - {None}


def _nonces_of(each: Recorded) -> list[Any]:
    found = [jws for jws in map(jws_of, each.proofs_of("attestation")) if jws is not None]
    return [claims_of(jws).get("nonce") for jws in (*found, *each.proofs)]


@CONDUCT("VCI-8.2-21", "VCI-8.2-23", "VCI-F.1-20", "VCI-F.3-02")
def latest_nonce(conduct: Conduct) -> None:
    """What proves keys has the `c_nonce` that came last from the Nonce Endpoint, and none if there is no such endpoint."""
    for stage, each in conduct.sent(CREDENTIAL):
        before = stage.exchanges[: stage.exchanges.index(each)]
        given = [one.answer.get("c_nonce") for one in before if one.endpoint == NONCE and one.succeeded]
        for nonce in _nonces_of(each):
            if nonce != (given[-1] if given else None):
                wrong(stage, "the nonce of what proves the keys is not the c_nonce that came last")


@CONDUCT("VCI-13.8-02", "VCI-8.3.1.2-11")
def nonce_used_once(conduct: Conduct) -> None:
    """A `c_nonce` that was rejected, or with which Credentials were had, is not used again."""
    looked = False
    for stage in conduct.stages:
        spent: set[Any] = set()
        for each in stage.to(CREDENTIAL):
            nonces = {nonce for nonce in _nonces_of(each) if nonce is not None}
            if nonces & spent:
                wrong(stage, "a c_nonce was used again")
            if each.response.status == 200 or each.answer.get("error") == "invalid_nonce":
                looked = True
                spent |= nonces
    if not looked:
        raise CheckSkipped("no c_nonce was used")


@CONDUCT("VCI-7.1-01")
def nonce_request(conduct: Conduct) -> None:
    """A `c_nonce` is asked for by POST, without an access token."""
    for stage, each in conduct.sent(NONCE):
        if each.request.method != "POST" or "authorization" in each.request.headers:
            wrong(stage, "a c_nonce was not asked for by POST, without an access token")


@CONDUCT("VCI-D.1-03", "VCI-D.1-05", "VCI-D.1-07", "VCI-D.1-08", "VCI-F.1-11", "VCI-F.3-02")
def key_attestation(conduct: Conduct) -> None:
    """A key attestation has its type, `iat`, `attested_keys` and the `c_nonce`, and within a proof an `exp`."""
    for stage, each, jws, within in _attestations(conduct):
        claims = claims_of(jws)
        if jws.header.get("typ") != "key-attestation+jwt":
            wrong(stage, "typ of the key attestation is not key-attestation+jwt")
        for name in ("iat", "exp") if within else ("iat",):
            if not isinstance(claims.get(name), int):
                wrong(stage, f"{name} of the key attestation is missing")
        if not isinstance(claims.get("attested_keys"), list) or not claims["attested_keys"]:
            wrong(stage, "attested_keys of the key attestation are missing")
        given = [one.answer.get("c_nonce") for one in stage.to(NONCE)]
        if given and claims.get("nonce") not in given:
            wrong(stage, "nonce of the key attestation is not a c_nonce of the issuer")
        if each.at - 86_400 * 366 > claims["iat"]:
            wrong(stage, "the key attestation is more than a year old")


@CONDUCT("HAIP-4.5.1-05", "HAIP-4.5.1-06", "HAIP-4.5.1-07")
def key_attestation_chain(conduct: Conduct) -> None:
    """The certificates of a key attestation are in `x5c`, without anything self-signed."""
    for stage, _, jws, _ in _attestations(conduct):
        if (problem := chain_problem(jws)) is not None:
            wrong_by_haip(conduct, stage, f"the key attestation {problem}")


@CONDUCT("HAIP-4.5.1-01", "VCI-F-03", "VCI-F-04")
def keys_attested_where_demanded(conduct: Conduct) -> None:
    """Where keys must be attested, every proof has a key attestation, or there is one alone if that is the proof type."""
    demanding = [stage for stage in conduct.stages if stage.setting.key_attestations and stage.to(CREDENTIAL)]
    if not demanding:
        raise CheckSkipped("no issuer demanded attested keys")
    for stage in demanding:
        for each in stage.to(CREDENTIAL):
            wanted = each.proofs_of(stage.setting.proof_type)
            if not wanted or (stage.setting.proof_type == "attestation" and len(wanted) != 1):
                raise CheckFailed(f"in {stage.name}: there is not one key attestation in proofs.attestation")
            if any("key_attestation" not in jws.header for jws in each.proofs):
                wrong(stage, "a proof has no key_attestation")
