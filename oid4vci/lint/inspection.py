"""What a Credential says, in one form for all formats, for a person to read. Nothing of it is verified here."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _cose, _jose, _json, x509
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.claims import ClaimsPath
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import jwt_vc, sd_jwt, vcdm
from oid4vci.formats.mdoc_security_object import IssuerSigned, SecurityObject
from oid4vci.keys import PublicKey, thumbprint
from oid4vci.lint.recognition import CREDENTIAL_KINDS, recognise

__all__ = ("CertificateSummary", "Inspection", "inspect")


@frozen
class CertificateSummary:
    """A certificate that came along: names as text (RFC 4514), times in seconds since the epoch."""

    subject: str
    issuer: str
    not_before: int
    not_after: int
    self_signed: bool

    @classmethod
    def of(cls, der: bytes) -> "CertificateSummary":
        """Raises `Malformed`."""
        certificate = x509.load(der)
        return cls(
            x509.subject(certificate),
            certificate.issuer.rfc4514_string(),
            int(certificate.not_valid_before_utc.timestamp()),
            int(certificate.not_valid_after_utc.timestamp()),
            x509.self_signed(certificate),
        )


@frozen(kw_only=True)
class Inspection:
    """A Credential taken apart. Everything here is what it says of itself.

    - `format`: its Credential Format Identifier. `types`: `vct`, `docType`, or the types of a W3C Credential.
    - `algorithm`: with which it is said to be signed; None where proofs have cryptosuites, which `algorithm` then names.
    - `issuer`: None where only the certificates say who that is.
    - `issued_at`, `valid_from`, `expires_at`: seconds since the epoch, None where it does not say.
    - `holder`: what it is bound to, in words; None if to nothing.
    - `claims`: JSON values; dates and times as text, byte strings in base64url.
    - `disclosed`: the places of claims that the holder may withhold. `withheld`: how many digests lead to none of them: claims that
      were withheld, or decoys.
    """

    format: str
    types: tuple[str, ...] = ()
    algorithm: str | None = None
    issuer: str | None = None
    issued_at: int | None = None
    valid_from: int | None = None
    expires_at: int | None = None
    holder: str | None = None
    claims: Mapping[str, Any] = field(factory=dict, repr=False)
    disclosed: tuple[ClaimsPath, ...] = field(default=(), repr=False)
    withheld: int = 0
    status: Mapping[str, Any] | None = field(default=None, repr=False)
    certificates: tuple[CertificateSummary, ...] = ()


def inspect(credential: str, *, kind: str | None = None) -> Inspection:
    """Take a Credential apart. `kind`: its format; None: it is told from the Credential.

    Raises `InvalidCredential` if it is not well formed enough for that; `lint` then says why.
    """
    credential = credential.strip()
    kind = kind or recognise(credential)
    if kind not in CREDENTIAL_KINDS:
        raise InvalidCredential("this is no credential of a format that is known here")
    with reading(InvalidCredential):
        if kind == "mso_mdoc":
            return _mdoc(credential)
        if kind == "ldp_vc":
            return _ldp_vc(credential)
        if kind in ("dc+sd-jwt", "vc+sd-jwt"):
            return _sd_jwt(credential, kind)
        return _jwt(credential, kind)


# --- JOSE -------------------------------------------------------------------------------------------------------------------


def _sd_jwt(credential: str, kind: str) -> Inspection:
    parsed = sd_jwt.parse(credential if "~" in credential else f"{credential}~")
    payload = parsed.payload()
    unfolded = sd_jwt.unfold(payload, parsed.disclosures)
    own = _claims(unfolded.claims, kind)
    digests = len(list(_digests(payload)))
    for text in parsed.disclosures:
        digests += len(list(_digests(_json.loads(b64url_decode(text))[-1])))
    return Inspection(
        format=kind,
        **_jose_members(parsed.jws),
        **own,
        disclosed=tuple(disclosure.path for disclosure in unfolded.disclosures),
        withheld=digests - len(parsed.disclosures),
    )


def _jwt(credential: str, kind: str) -> Inspection:
    jws = _jose.parse(credential, max_bytes=_json.MAX_BYTES)
    claims = _json.object_from(jws.payload)
    return Inspection(format=kind, **_jose_members(jws), **_claims(claims, kind))


def _jose_members(jws: _jose.Jws) -> dict[str, Any]:
    chain = x509.decode_x5c(jws.header["x5c"]) if "x5c" in jws.header else ()
    return {"algorithm": jws.algorithm, "certificates": tuple(CertificateSummary.of(der) for der in chain)}


def _claims(claims: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What the claims of a JWT say, and of a W3C Credential in it."""
    about: dict[str, Any] = {"claims": claims, "issuer": claims.get("iss"), "status": claims.get("status")}
    if kind == "dc+sd-jwt":
        about["types"] = (claims["vct"],) if isinstance(claims.get("vct"), str) else ()
    else:
        members = jwt_vc.decoded(claims) if kind == "jwt_vc_json" else claims
        about |= {**_w3c(members), "claims": members}
        about["status"] = claims.get("status") or about["status"]
    for name, claim in (("issued_at", "iat"), ("valid_from", "nbf"), ("expires_at", "exp")):
        seconds = claims.get(claim)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and abs(seconds) < 1e15:
            about[name] = int(seconds)
    about["holder"] = _confirmation(claims.get("cnf")) or about.get("holder")
    if not isinstance(about["issuer"], str):
        about["issuer"] = None
    if not isinstance(about["status"], dict):
        about["status"] = None
    return about


def _confirmation(cnf: Any) -> str | None:
    if not isinstance(cnf, dict):
        return None
    if "jwk" in cnf:
        return _key(_jose.public_key(cnf["jwk"]))
    return f"cnf with {', '.join(sorted(cnf))}"


def _key(key: PublicKey) -> str:
    return f"a key of {key.jwk.get('crv', key.jwk['kty'])} with the thumbprint {thumbprint(key.jwk)}"


def _digests(value: Any) -> Iterator[Any]:
    """Digests in a payload or a disclosed value (RFC 9901 4.2.4)."""
    if isinstance(value, dict):
        digests = value.get("_sd")
        if isinstance(digests, list):
            yield from digests
        if "..." in value:
            yield value["..."]
        for member in value.values():
            yield from _digests(member)
    elif isinstance(value, list):
        for each in value:
            yield from _digests(each)


# --- W3C --------------------------------------------------------------------------------------------------------------------

_MODELS: Final = (vcdm.VCDM_2_0, vcdm.VCDM_1_1)


def _w3c(members: Mapping[str, Any]) -> dict[str, Any]:
    read = vcdm.read(members, models=_MODELS)
    types = members["type"]
    subjects = [subject for subject in read.subject_ids if subject is not None]
    return {
        "types": tuple(types) if isinstance(types, list) else (types,),
        "issuer": read.issuer,
        "valid_from": None if read.valid_from is None else int(read.valid_from),
        "expires_at": None if read.valid_until is None else int(read.valid_until),
        "holder": f"the subject {', '.join(subjects)}" if subjects else None,
        "status": None if read.status is None else {"credentialStatus": read.status},
    }


def _ldp_vc(credential: str) -> Inspection:
    from oid4vci.data_integrity import read_proofs

    members = _json.object_from(credential)
    suites = [proof.cryptosuite.name for proof in read_proofs(members)]
    return Inspection(format="ldp_vc", algorithm=", ".join(suites) or None, claims=members, **_w3c(members))


# --- mdoc -------------------------------------------------------------------------------------------------------------------


def _mdoc(credential: str) -> Inspection:
    issued = IssuerSigned.read(b64url_decode(credential.rstrip("=")))
    message = issued.issuer_auth
    mso = SecurityObject.read(message.payload)
    elements = issued.data_elements(mso)
    chain: Sequence[bytes] = ()
    if _cose.X5CHAIN in message.unprotected:
        chain = _cose.x5chain(message.unprotected[_cose.X5CHAIN])
    return Inspection(
        format="mso_mdoc",
        types=(mso.doctype,),
        algorithm=_cose.ALGORITHMS[message.algorithm],
        issued_at=int(mso.validity.signed.timestamp()),
        valid_from=int(mso.validity.valid_from.timestamp()),
        expires_at=int(mso.validity.valid_until.timestamp()),
        holder=_key(mso.device_key),
        claims=_plain(elements),
        disclosed=tuple((name, element) for name, members in elements.items() for element in members),
        withheld=sum(map(len, mso.value_digests.values())) - sum(map(len, elements.values())),
        status=None if mso.status is None else _plain(mso.status),
        certificates=tuple(CertificateSummary.of(der) for der in chain),
    )


def _plain(value: Any) -> Any:
    """A value of CBOR as JSON."""
    if isinstance(value, Mapping):
        return {name if isinstance(name, str) else str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return b64url_encode(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise Malformed("holds a value that JSON has not")
