"""What a credential is made of: read without trust, for the formats that HAIP has."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci import _cose, _json, x509
from oid4vci._json import b64url_decode
from oid4vci.formats import sd_jwt
from oid4vci.formats.mdoc_security_object import IssuerSigned, SecurityObject
from oid4vci.keys import PublicKey, public_key
from oid4vci.testing.probes.expectations import demand

__all__ = ("Contents", "contents")


@frozen
class Contents:
    """A credential, taken apart.

    `holder` is the key it is bound to. `salts` are those of its disclosures or data elements, `times` what says when, in seconds,
    `dataset` the rest of what is said, `types` its `vct` or `docType`.
    """

    format: str
    type: str | None
    holder: PublicKey | None
    salts: Sequence[Any] = field(repr=False)
    times: Mapping[str, int]
    dataset: Any = field(repr=False)
    status: Mapping[str, Any] | None
    header: Mapping[Any, Any] = field(repr=False)
    certificates: Sequence[bytes] = field(default=(), repr=False)

    @property
    def certified_since(self) -> int | None:
        """When the certificate of its issuer begins to hold; None if there is none."""
        if not self.certificates:
            return None
        return int(x509.load(self.certificates[0]).not_valid_before_utc.timestamp())


def contents(credential: Any, format_: str) -> Contents | None:
    """A credential of `dc+sd-jwt` or `mso_mdoc`; None for other formats. Raises `CheckFailed` and `Malformed`."""
    if format_ not in ("dc+sd-jwt", "mso_mdoc"):
        return None
    demand(isinstance(credential, str), "the credential must be a string")
    return _sd_jwt(str(credential)) if format_ == "dc+sd-jwt" else _mdoc(str(credential))


def _sd_jwt(text: str) -> Contents:
    demand(text.endswith("~"), "an SD-JWT ends in ~")
    parsed = sd_jwt.parse(text)
    payload = parsed.payload()
    claims = sd_jwt.unfold(payload, parsed.disclosures).claims
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    times = {name: claims[name] for name in ("iat", "nbf", "exp") if isinstance(claims.get(name), int)}
    status, said = claims.get("status"), ("iat", "nbf", "exp", "status", "cnf", "_sd_alg", "jti")
    return Contents(
        "dc+sd-jwt",
        claims.get("vct") if isinstance(claims.get("vct"), str) else None,
        None if jwk is None else public_key(jwk),
        [_json.loads(b64url_decode(each))[0] for each in parsed.disclosures],
        times,
        {name: value for name, value in claims.items() if name not in said},
        status if isinstance(status, dict) else None,
        parsed.jws.header,
        x509.decode_x5c(parsed.jws.header["x5c"]) if "x5c" in parsed.jws.header else (),
    )


def _mdoc(text: str) -> Contents:
    issued = IssuerSigned.read(b64url_decode(text))
    mso = SecurityObject.read(issued.issuer_auth.payload)
    validity = mso.validity
    times = {
        "signed": int(validity.signed.timestamp()),
        "validFrom": int(validity.valid_from.timestamp()),
        "validUntil": int(validity.valid_until.timestamp()),
    }
    digests = [digest for each in mso.value_digests.values() for digest in each.values()]
    chain = issued.issuer_auth.unprotected.get(_cose.X5CHAIN)
    certificates = () if chain is None else _cose.x5chain(chain)
    elements = issued.data_elements(mso)
    header = issued.issuer_auth.header
    return Contents("mso_mdoc", mso.doctype, mso.device_key, digests, times, elements, mso.status, header, certificates)
