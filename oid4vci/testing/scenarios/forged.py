"""Credentials in which one thing is not as it should be: good ones are taken apart, changed, and signed again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import evolve

from oid4vci import _cbor, _cose, _jose, _json
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.formats import sd_jwt
from oid4vci.http import Request, Response
from oid4vci.keys import PublicKey, public_key
from oid4vci.secret import new_secret
from oid4vci.testing.scenarios.alterations import altered
from oid4vci.testing.stage import Alteration, Stage
from oid4vci.testing.stage.authority import CertifiedKey
from oid4vci.testing.stage.good_issuer import CLAIMS, CONFIGURATION, ELEMENTS
from oid4vci.testing.stage.recorded import jws_of, sent_members
from oid4vci.x509 import encode_x5c

__all__ = ("Forgery", "credentials", "expired", "good_credentials", "in_turn", "of_mdoc", "of_sd_jwt")

Forgery: TypeAlias = Callable[[Stage, str], Any]
"""Makes another Credential of a good one."""
Made: TypeAlias = "Callable[[Stage], CertifiedKey] | None"
"""Makes the key that signs; None for the issuer's own."""


def _keys(request: Request, stage: Stage) -> tuple[PublicKey, ...]:
    """The keys that a Credential Request proves or has attested. Raises `Malformed`."""
    proofs = sent_members(request, stage.good.encryption).get("proofs")
    found: dict[PublicKey, None] = {}
    for text in (each for texts in proofs.values() for each in texts) if isinstance(proofs, Mapping) else ():
        if (jws := jws_of(text)) is None:
            continue
        attestation = jws_of(jws.header.get("key_attestation"))
        attested = (jws if attestation is None else attestation).claims().get("attested_keys") or [jws.header.get("jwk")]
        for jwk in attested:
            found[public_key(jwk)] = None
    return tuple(found)


def _made(stage: Stage, request: Request, *, encoder: Any = None, ago: int = 0) -> tuple[str, ...]:
    encoder = encoder or stage.good.issuer.encoders[CONFIGURATION]
    made: tuple[str, ...] = encoder.draft(
        ELEMENTS if encoder.format == "mso_mdoc" else CLAIMS,
        configuration=stage.metadata.credential_configurations_supported[CONFIGURATION],
        issuer=stage.identifier,
        holder_keys=_keys(request, stage),
        now=stage.clock() - ago,
        new_secret=new_secret,
    ).finish()
    return made


def good_credentials(stage: Stage, request: Request) -> tuple[str, ...]:
    """Credentials with nothing wrong for the keys of a request. Raises `Malformed`."""
    return _made(stage, request)


def _with(response: Response, made: Sequence[Any]) -> Response:
    members = {**_json.object_from(response.body), "credentials": [{"credential": each} for each in made]}
    return Response(response.status, response.headers, _json.dump_bytes(members))


def _issued(response: Response) -> list[Any]:
    found = _json.object_from(response.body).get("credentials")
    if not isinstance(found, list):
        raise Malformed("the answer has no credentials")
    return [each["credential"] for each in found]


def credentials(forgery: Forgery) -> Alteration:
    """An answer in which each Credential is forged."""
    return in_turn(lambda stage, issued: [forgery(stage, each) for each in issued])


def in_turn(change: Callable[[Stage, list[Any]], list[Any]]) -> Alteration:
    """An answer with other Credentials, made of those that were issued."""
    return altered(lambda stage, request, response: _with(response, change(stage, _issued(response))))


def expired(stage: Stage, request: Request, response: Response) -> Response:
    """Credentials that were good for a minute, most of an hour ago."""
    if response.status != 200:
        return response
    encoder: Any = stage.good.issuer.encoders[CONFIGURATION]
    short = evolve(encoder, lifetime=60, time_granularity=1)
    return _with(response, _made(stage, request, encoder=short, ago=3000))


def of_sd_jwt(
    change: Callable[[Stage, dict[str, Any], dict[str, Any]], object] = lambda *_: None,
    *,
    key: Made = None,
    certified: bool = True,
) -> Forgery:
    """The same SD-JWT VC with another header or payload, signed by the issuer or by another `key`.

    `certified`: whether the certificate of that other key is in it.
    """

    def forgery(stage: Stage, credential: str) -> str:
        parsed = sd_jwt.parse(credential)
        header, payload = dict(parsed.jws.header), parsed.payload()
        signing = stage.good.key if key is None else key(stage)
        if certified:
            header["x5c"] = encode_x5c([signing.certificate])
        change(stage, header, payload)
        data = _jose.signing_input(header, _json.dump_bytes(payload))
        signature = b"" if header.get("alg") == "none" else signing.signer.sign(data)
        return "~".join((_jose.compact(data, signature), *parsed.disclosures, ""))

    return forgery


def of_mdoc(
    change: Callable[[Stage, dict[Any, Any]], object] = lambda *_: None, *, key: Made = None, certified: bool = True
) -> Forgery:
    """The same mdoc with another security object, signed by the document signer or by another `key`: see `of_sd_jwt`."""

    def forgery(stage: Stage, credential: str) -> str:
        issuer_signed = _cbor.loads(b64url_decode(credential))
        protected, unprotected, payload, _ = issuer_signed["issuerAuth"]
        security_object = _cbor.loads(_cbor.loads(payload).content)
        signing = stage.good.key if key is None else key(stage)
        change(stage, security_object)
        content = _cbor.dumps(security_object)
        payload = _cbor.dumps(_cbor.Embedded(content, b""))
        sent = {_cose.X5CHAIN: signing.certificate} if certified else unprotected
        signature = signing.signer.sign(_cose.sig_structure(protected, payload))
        return b64url_encode(_cbor.dumps({**issuer_signed, "issuerAuth": [protected, sent, payload, signature]}))

    return forgery
