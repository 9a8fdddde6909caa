"""Encrypted Credential Requests and Responses (OID4VCI 10)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from oid4vci import _json, _jwe
from oid4vci._jwe import DecryptionKey
from oid4vci.http import Response
from oid4vci.testing.probes.expectations import demand, need, refused
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.sealing import JWT, ResponseKey, encryption_terms, request_encryption, required, sealed
from oid4vci.testing.probes.session import Session, session
from oid4vci.testing.report import CheckFailed

__all__ = ("ask_encrypted",)

PARAMETERS: Final = ("invalid_encryption_parameters",)


def ask_encrypted(begun: Session, members: Mapping[str, Any], **options: Any) -> Response:
    """The answer of the Credential Endpoint to an encrypted request."""
    return begun.order(sealed(begun.peer, members, **options), content_type=JWT, plain=True)


@CHECKS("VCI-12.2.4-22", "VCI-12.2.4-30", "VCI-8.2-34")
def encryption_is_offered_both_ways_or_not_at_all(peer: Peer) -> None:
    """An answer is encrypted only for a request that is, so where there is one member there are both."""
    response = "credential_response_encryption" in peer.metadata
    need(response or "credential_request_encryption" in peer.metadata, "nothing is encrypted")
    demand(
        "credential_request_encryption" in peer.metadata or not response, "no credential_request_encryption beside the other"
    )


@CHECKS("VCI-10-04", "VCI-12.2.4-23")
def encryption_keys_can_be_used(peer: Peer) -> None:
    """Every key for requests has an `alg` and a `kid` of its own, and is a public key."""
    terms = encryption_terms(peer, "credential_request_encryption")
    jwks = terms.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    demand(isinstance(keys, list) and keys, "jwks has no keys")
    seen = set()
    for jwk in keys if isinstance(keys, list) else ():
        demand(isinstance(jwk, dict), "a key is no object")
        demand(isinstance(jwk.get("alg"), str), "a key has no alg")
        demand(isinstance(jwk.get("kid"), str), "a key has no kid")
        demand("d" not in jwk and "k" not in jwk, "a key is not public")
        seen.add(jwk["kid"])
    demand(len(seen) == len(keys or ()), "two keys have the same kid")


@CHECKS("VCI-8.2-26", "VCI-8.2-15", "VCI-10-06")
def encrypted_request_with_plain_answer(peer: Peer) -> None:
    """An encrypted request that asks for no encrypted answer is answered in the clear, unless answers must be encrypted."""
    begun = session(peer)
    encryption_terms(peer, "credential_request_encryption")
    need(not required(peer)[1], "answers must be encrypted")
    begun.accepted(ask_encrypted(begun, begun.body()), what="an encrypted request")


@CHECKS("VCI-8.3-05", "VCI-10-01", "VCI-10-02", "VCI-10-05", "VCI-10-07", "VCI-10-09")
def encrypted_answer(peer: Peer) -> None:
    """An answer that is asked for encrypted is a JWE for the given key, by the given `enc`, without `kid` and `zip`."""
    begun, key = session(peer), ResponseKey(peer)
    response = ask_encrypted(begun, begun.body(**key.asking()))
    members = key.opened(response, 200, 202, what="an encrypted answer")
    demand("credentials" in members or "transaction_id" in members, "the encrypted answer has no credentials")


@CHECKS("VCI-10-08", "VCI-8.2-18")
def encrypted_and_compressed(peer: Peer) -> None:
    """Where `zip` is offered, compressed requests are read and answers compressed."""
    begun, key = session(peer), ResponseKey(peer)
    zips = [each for each in request_encryption(peer)[2] if each in key.zips and each in _jwe.ZIP_VALUES]
    need(zips, "no compression is offered")
    response = ask_encrypted(begun, begun.body(**key.asking(zip=zips[0])), zip_=zips[0])
    key.opened(response, 200, 202, what="a compressed answer", zip_=zips[0])


@CHECKS("VCI-8.3.1.2-19", "VCI-8.3.1.2-03")
def errors_are_never_encrypted(peer: Peer) -> None:
    """A refusal of an encrypted request that asks for an encrypted answer is plain JSON."""
    begun, key = session(peer), ResponseKey(peer)
    body = begun.body(**key.asking(), credential_configuration_id="unheard of", credential_identifier=None)
    codes = ("unknown_credential_configuration", "invalid_credential_request")
    refused(ask_encrypted(begun, body), *codes, what="an encrypted request that is wrong")


@CHECKS("VCI-8.2-34")
def encrypted_answer_to_a_plain_request(peer: Peer) -> None:
    """A plain request for an encrypted answer is refused: whoever is in between could have put in another key."""
    begun, key = session(peer), ResponseKey(peer)
    body = begun.body()
    response = begun.order({**body, **key.asking()}, plain=True)
    refused(response, *PARAMETERS, "invalid_credential_request", what="a plain request that asks for encryption")


@CHECKS("VCI-12.2.4-28", "VCI-10-10", "VCI-8.3.1.2-12")
def encryption_that_is_required(peer: Peer) -> None:
    """Where requests or answers must be encrypted, what is not is refused."""
    asked, answered = required(peer)
    need(asked or answered, "no encryption is required")
    begun = session(peer)
    refused(begun.order(begun.body(), plain=True), *PARAMETERS, "invalid_credential_request", what="a plain request")
    if answered:
        refused(ask_encrypted(begun, begun.body()), *PARAMETERS, what="a request for a plain answer")


def _parameters(peer: Peer, key: ResponseKey) -> Sequence[tuple[str, dict[str, Any]]]:
    jwk = dict(key.key.public_jwk)
    private = {**jwk, "d": token(32)}
    no_alg = {name: value for name, value in jwk.items() if name != "alg"}
    return (
        ("no jwk", key.asking(jwk=None)),
        ("a jwk that is text", key.asking(jwk="x")),
        ("a private jwk", key.asking(jwk=private)),
        ("a jwk without alg", key.asking(jwk=no_alg)),
        ("a jwk with another alg", key.asking(jwk={**jwk, "alg": "dir"})),
        ("a jwk that is no key", key.asking(jwk={**jwk, "x": "AAAA"})),
        ("no enc", key.asking(enc=None)),
        ("an unknown enc", key.asking(enc="A1")),
        ("an unknown zip", key.asking(zip="LZ")),
        ("parameters that are text", {"credential_response_encryption": "x"}),
    )


@CHECKS("VCI-8.3.1.2-12", "VCI-8.2-16", "VCI-8.2-17")
def encryption_parameters_that_are_wrong(peer: Peer) -> None:
    """Each is refused with `invalid_encryption_parameters`, before the proofs are looked at, and the nonce still serves."""
    begun, key = session(peer), ResponseKey(peer)
    body = begun.body()
    for what, wrong in _parameters(peer, key):
        response = ask_encrypted(begun, {**body, **wrong})
        refused(response, *PARAMETERS, what=what)
        unproved = {**body, **wrong, "proofs": {"jwt": ["garbage"]}}
        refused(ask_encrypted(begun, unproved), *PARAMETERS, what=f"{what}, and wrong proofs")
    key.opened(ask_encrypted(begun, {**body, **key.asking()}), 200, 202, what="the same request as it should be")


@CHECKS("VCI-10-05", "VCI-10-06", "VCI-8.3.1.2-12")
def encrypted_request_that_cannot_be_read(peer: Peer) -> None:
    """A request for another key, a JWE that was changed, and what is no JWE, are refused."""
    begun = session(peer)
    body = begun.body()
    key, _, __ = request_encryption(peer)
    other = DecryptionKey.generate(key.kid, alg=key.alg, crv=key.crv)
    right = sealed(peer, body)
    wrong = (
        sealed(peer, body, to=_jwe.EncryptionKey.from_jwk(dict(other.public_jwk))),
        right[:-6] + b"AAAAAA",
        b"garbage",
        b"",
        _json.dump_bytes(body),
    )
    for content in wrong:
        response = begun.order(content, content_type=JWT, plain=True)
        refused(response, *PARAMETERS, "invalid_credential_request", what="an encrypted request that cannot be read")
    begun.accepted(begun.order(body), what="the same request as it should be")


@CHECKS("VCI-10-08")
def compressed_request_that_grows(peer: Peer) -> None:
    """A few kilobytes that would become megabytes are refused."""
    begun = session(peer)
    _, __, zips = request_encryption(peer)
    need("DEF" in zips, "no compression is offered")
    bomb = {"credential_configuration_id": "x", "padding": "a" * 4_000_000}
    response = ask_encrypted(begun, bomb, zip_="DEF")
    if response.status in (400, 413):
        return
    raise CheckFailed(f"a request that grows to megabytes: expected 400 or 413, got {response.status}")
