"""Credentials that no Wallet may accept, whatever brought them (OID4VCI 13.5, A.2, A.3)."""

from typing import Any

from oid4vci import _cose
from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.keys import LocalSigner, public_key
from oid4vci.testing.scenarios.expectations import rejects
from oid4vci.testing.scenarios.forged import Forgery, credentials, expired, of_mdoc, of_sd_jwt
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Alteration, IssuingAuthority, Setting, Stage
from oid4vci.testing.stage.authority import CertifiedKey
from oid4vci.testing.stage.recorded import CREDENTIAL
from oid4vci.x509 import encode_x5c

__all__ = ("ACCEPTS", "BAD_CREDENTIALS", "MDOC", "SD_JWT", "altered_signature", "another_jwk")

SD_JWT = Setting(format="dc+sd-jwt")
MDOC = Setting(format="mso_mdoc")
ACCEPTS = ("VCI-13.5-03",)


# --- keys that nobody should believe ------------------------------------------------------------------------------------------


def _self_signed(stage: Stage) -> CertifiedKey:
    if stage.setting.format == "mso_mdoc":
        return stage.good.authority.document_key(now=stage.clock(), self_signed=True)
    return stage.good.authority.issuer_key(stage.identifier, now=stage.clock(), self_signed=True)


def _of_a_stranger(stage: Stage) -> CertifiedKey:
    """An authority of the same name, which nobody trusts."""
    authority = IssuingAuthority.new(now=stage.clock())
    if stage.setting.format == "mso_mdoc":
        return authority.document_key(now=stage.clock())
    return authority.issuer_key(stage.identifier, now=stage.clock())


def _of_another_issuer(stage: Stage) -> CertifiedKey:
    return stage.good.authority.issuer_key("https://other.example", now=stage.clock())


def _long_ago(stage: Stage) -> CertifiedKey:
    then = stage.clock() - 200 * 86_400
    if stage.setting.format == "mso_mdoc":
        return stage.good.authority.document_key(now=then)
    return stage.good.authority.issuer_key(stage.identifier, now=then)


def another_jwk() -> dict[str, str]:
    return dict(LocalSigner.generate("another").public_jwk)


# --- changes of one thing -----------------------------------------------------------------------------------------------------


def _put(**members: Any) -> Any:
    """A change of the payload; a member that is None is left out."""

    def change(stage: Stage, header: dict[str, Any], payload: dict[str, Any]) -> None:
        for name, given in members.items():
            payload[name] = given(stage) if callable(given) else given
            if payload[name] is None:
                del payload[name]

    return change


def _header(**members: Any) -> Any:
    return lambda stage, header, payload: header.update(members)


def _with_its_anchor(stage: Stage, credential: str) -> Any:
    """The anchor that vouches for the leaf is one that came along."""
    authority = IssuingAuthority.new(now=stage.clock())
    key = authority.issuer_key(stage.identifier, now=stage.clock())

    def change(_: Stage, header: dict[str, Any], payload: dict[str, Any]) -> None:
        header["x5c"] = encode_x5c([key.certificate, authority.der])

    return of_sd_jwt(change, key=lambda _: key)(stage, credential)


def altered_signature(stage: Stage, credential: str) -> str:
    jwt, *rest = credential.split("~")
    head, _, signature = jwt.rpartition(".")
    raw = b64url_decode(signature)
    return "~".join((f"{head}.{b64url_encode(raw[:-1] + bytes((raw[-1] ^ 1,)))}", *rest))


def _altered_disclosure(stage: Stage, credential: str) -> str:
    jwt, first, *rest = credential.split("~")
    raw = b64url_decode(first)
    return "~".join((jwt, b64url_encode(raw[:-2] + b"X" + raw[-2:]), *rest))


def _last_byte(stage: Stage, credential: str) -> str:
    """The signature is what an `IssuerSigned` ends with."""
    raw = b64url_decode(credential)
    return b64url_encode(raw[:-1] + bytes((raw[-1] ^ 1,)))


def _another_name(stage: Stage, credential: str) -> str:
    """Only the name spaces have values, the security object has digests."""
    return b64url_encode(b64url_decode(credential).replace(b"Lovelace", b"Hopperly"))


def _of_object(**members: Any) -> Any:
    return lambda stage, security_object: security_object.update(members)


def _another_device(stage: Stage, security_object: dict[str, Any]) -> None:
    security_object["deviceKeyInfo"] = {"deviceKey": _cose.cose_key(public_key(another_jwk()))}


def _bad(name: str, about: str, alteration: Forgery | None, *requirements: str, setting: Setting = SD_JWT) -> Scenario:
    made: Alteration = expired if alteration is None else credentials(alteration)
    return Scenario(
        name=name,
        about=f"The Credentials {about}: they are not accepted.",
        requirements=(*ACCEPTS, *requirements),
        setting=setting,
        alterations={CREDENTIAL: made},
        expectation=rejects,
    )


_BY_ANOTHER = of_sd_jwt(key=_of_a_stranger, certified=False)
_BOUND_TO_ANOTHER = of_sd_jwt(_put(cnf=lambda _: {"jwk": another_jwk()}))

_BAD_SD_JWTS = (
    ("signature", "have an altered signature", altered_signature, "VCI-A.3.1-01"),
    ("key", "are signed by another key than that of the certificate", _BY_ANOTHER, "HAIP-6.1.1-01"),
    ("alg-none", "are not signed, by alg none", of_sd_jwt(_header(alg="none")), "RFC9901-9.1"),
    ("crit", "have a critical header parameter that nobody knows", of_sd_jwt(_header(crit=["x"], x=1)), "RFC7515-4.1.11"),
    ("typ", "are of another typ", of_sd_jwt(_header(typ="JWT")), "VCI-A.3.1-01"),
    ("binding", "are bound to a key that the Wallet does not have", _BOUND_TO_ANOTHER, "HAIP-6.1-05"),
    ("unbound", "are bound to no key", of_sd_jwt(_put(cnf=None)), "HAIP-6.1-05"),
    ("vct", "are of another type", of_sd_jwt(_put(vct="urn:example:other")), "VCI-A.3.1-01"),
    ("expired", "have expired", None, "RFC9901-7.1"),
    ("future", "are not valid yet", of_sd_jwt(_put(nbf=lambda stage: stage.clock() + 86_400)), "RFC9901-7.1"),
    ("disclosure", "have an altered disclosure", _altered_disclosure, "RFC9901-7.1"),
    ("unreferenced", "have a disclosure with no digest", lambda _, each: f"{each}WyJzYWx0IiwiYWRtaW4iLHRydWVd~", "RFC9901-7.1"),
    ("self-signed", "have a certificate that signed itself", of_sd_jwt(key=_self_signed), "HAIP-6.1.1-01"),
    ("stranger", "have a certificate of a strange authority", of_sd_jwt(key=_of_a_stranger), "HAIP-6.1.1-01"),
    ("anchor-sent", "come with an anchor of their own", _with_its_anchor, "HAIP-6.1.1-01"),
    ("certificate-expired", "have a certificate that has expired", of_sd_jwt(key=_long_ago), "HAIP-6.1.1-01"),
    ("certificate-of-another", "have the certificate of another issuer than iss", of_sd_jwt(key=_of_another_issuer), "VCI-14.4-02"),
    ("of-another-issuer", "name another iss", of_sd_jwt(_put(iss="https://other.example")), "VCI-14.4-02"),
)  # fmt: skip

_BAD_MDOCS = (
    ("signature", "have an altered signature", _last_byte),
    ("key", "are signed by another key than that of the certificate", of_mdoc(key=_of_a_stranger, certified=False)),
    ("digest", "have an element that does not have its digest", _another_name),
    ("doctype", "are of another docType", of_mdoc(_of_object(docType="org.example.other"))),
    ("binding", "are bound to a key that the Wallet does not have", of_mdoc(_another_device)),
    ("expired", "have expired", None),
    ("self-signed", "have a certificate that signed itself", of_mdoc(key=_self_signed)),
    ("stranger", "have a certificate of a strange authority", of_mdoc(key=_of_a_stranger)),
    ("certificate-expired", "have a certificate that has expired", of_mdoc(key=_long_ago)),
)

BAD_CREDENTIALS = (
    *(_bad(f"sd-jwt-vc-{name}", about, forgery, requirement) for name, about, forgery, requirement in _BAD_SD_JWTS),
    *(_bad(f"mdoc-{name}", about, forgery, "VCI-A.2.1-01", setting=MDOC) for name, about, forgery in _BAD_MDOCS),
)
