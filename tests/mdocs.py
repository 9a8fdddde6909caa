"""An authority, a document signer, and mdocs in which one thing is not as it should be."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from oid4vci import _cose
from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.formats import VerifiedCredential
from oid4vci.formats.mdoc import MdocEncoder, MdocVerifier
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import MsoMdocConfiguration, ProofType
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.private_keys import in_pem
from tests.test_x509 import CERT_SIGN, SIGNING_ONLY

NOW = 1_800_000_000
DAY = 86_400
MDL = "org.iso.18013.5.1.mDL"
PID = "eu.europa.ec.eudi.pid.1"
NAMESPACE = "org.iso.18013.5.1"
DOCUMENT_SIGNER = ObjectIdentifier("1.0.18013.5.1.2")

LICENCE: Mapping[str, Any] = {
    NAMESPACE: {
        "family_name": "Doe",
        "given_name": "Jane",
        "birth_date": date(1990, 2, 28),
        "issue_date": date(2026, 1, 1),
        "expiry_date": datetime(2036, 1, 1, tzinfo=UTC),
        "issuing_country": "UT",
        "issuing_authority": "Utopia DMV",
        "document_number": "123456789",
        "portrait": b"\xff\xd8\xff\xe0",
        "driving_privileges": [
            {"vehicle_category_code": "B", "issue_date": date(2018, 8, 9), "codes": [{"code": "78", "sign": "="}]},
            {"vehicle_category_code": "A"},
        ],
        "un_distinguishing_sign": "UTO",
        "age_over_18": True,
    },
    "org.iso.18013.5.1.aamva": {"organ_donor": 1},
}
PERSON: Mapping[str, Any] = {PID: {"family_name": "Doe", "birth_date": date(1990, 2, 28), "nationalities": ["UT", "XX"]}}


# --- certificates -----------------------------------------------------------------------------------------------------------


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(common: str, country: str | None = "UT", state: str | None = None) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, country), (NameOID.STATE_OR_PROVINCE_NAME, state), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text is not None])


def certificate(
    subject: x509.Name,
    key: Any,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *extensions: tuple[x509.ExtensionType, bool],
    start: int = NOW - 100 * DAY,
    end: int = NOW + 300 * DAY,
) -> bytes:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(datetime.fromtimestamp(start, UTC)).not_valid_after(datetime.fromtimestamp(end, UTC))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


IACA_KEY, SIGNER_KEY = new_key(), new_key()
IACA_NAME, SIGNER_NAME = name("Utopia IACA"), name("Utopia document signer")
AUTHORITY = x509.BasicConstraints(True, 0)
Usage = tuple[x509.ExtensionType, bool] | None
DOCUMENT_SIGNING: Usage = (x509.ExtendedKeyUsage([DOCUMENT_SIGNER]), True)


def iaca(
    subject: x509.Name = IACA_NAME, *, length: int | None = 0, usage: Usage = (CERT_SIGN, True), ca: bool = True, **times: int
) -> bytes:
    """An authority, whose own certificate is self-signed."""
    constraints = x509.BasicConstraints(ca, length if ca else None)
    extensions = ((constraints, True), usage)
    return certificate(
        subject, IACA_KEY.public_key(), subject, IACA_KEY, *(each for each in extensions if each is not None), **times
    )


def document_signer(
    subject: x509.Name = SIGNER_NAME,
    *,
    issuer: x509.Name = IACA_NAME,
    issuer_key: ec.EllipticCurvePrivateKey = IACA_KEY,
    key: Any = None,
    usage: Usage = (SIGNING_ONLY, True),
    purpose: Usage = DOCUMENT_SIGNING,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    **times: int,
) -> bytes:
    public = SIGNER_KEY.public_key() if key is None else key
    extensions = [each for each in (usage, purpose) if each is not None]
    return certificate(subject, public, issuer, issuer_key, *extensions, *more, **times)


def intermediate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, length: int | None = None) -> bytes:
    """An authority under the IACA, which a mobile driving licence must not have."""
    constraints = x509.BasicConstraints(True, length)
    return certificate(subject, key.public_key(), IACA_NAME, IACA_KEY, (constraints, True), (CERT_SIGN, True))


def local_signer(key: ec.EllipticCurvePrivateKey) -> LocalSigner:
    return LocalSigner.from_pem("ds", in_pem(key))


IACA, SIGNER_CERTIFICATE = iaca(), document_signer()
SIGNER = local_signer(SIGNER_KEY)


def trust(*authorities: bytes) -> Trust:
    return Trust(Anchors.from_der(*authorities))


TRUST = trust(IACA)


# --- issuing ----------------------------------------------------------------------------------------------------------------


def holder(algorithm: str = "ES256") -> PublicKey:
    return public_key(LocalSigner.generate("holder", algorithm).public_jwk)


HOLDER = holder()


def configuration(doctype: str = MDL, **members: Any) -> MsoMdocConfiguration:
    return MsoMdocConfiguration(
        **{
            "doctype": doctype,
            "cryptographic_binding_methods_supported": ("cose_key",),
            "proof_types_supported": {"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
            **members,
        }
    )


def encoder(**settings: Any) -> MdocEncoder:
    return MdocEncoder(**{"signer": SIGNER, "x5c": [SIGNER_CERTIFICATE], **settings})


def issue(claims: Mapping[str, Any] = LICENCE, *, doctype: str = MDL, now: int = NOW, **settings: Any) -> str:
    """One mdoc, bound to `HOLDER`."""
    copies = settings.pop("copies", None)
    (credential,) = (
        encoder(**settings)
        .draft(
            claims,
            configuration=configuration(doctype),
            issuer="https://issuer.example",
            holder_keys=[HOLDER],
            now=now,
            new_secret=new_secret,
            copies=copies,
        )
        .finish()
    )
    return credential


def verify(
    credential: Any,
    *,
    doctype: str | None = MDL,
    trusted: Trust = TRUST,
    holder_keys: Sequence[PublicKey] = (HOLDER,),
    now: int = NOW,
    asked: MsoMdocConfiguration | None = None,
    **settings: Any,
) -> VerifiedCredential:
    verified = MdocVerifier(**settings).verify(
        credential,
        configuration=asked or (None if doctype is None else configuration(doctype)),
        trust=trusted,
        holder_keys=holder_keys,
        documents={},
        now=now,
    )
    assert isinstance(verified, VerifiedCredential)
    return verified


def opened(credential: str) -> dict[str, Any]:
    """The IssuerSigned, as cbor2 reads it; tag 24 stays a tag."""
    read: dict[str, Any] = cbor2.loads(b64url_decode(credential))
    return read


def mso_of(credential: str) -> dict[str, Any]:
    """The MobileSecurityObject, as cbor2 reads it: dates are decoded."""
    payload: dict[str, Any] = cbor2.loads(cbor2.loads(opened(credential)["issuerAuth"][2]).value)
    return payload


def items_of(credential: str, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    return [cbor2.loads(tagged.value) for tagged in opened(credential)["nameSpaces"][namespace]]


# --- forging ----------------------------------------------------------------------------------------------------------------

Change = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return None


def tdate(seconds: int) -> cbor2.CBORTag:
    return cbor2.CBORTag(0, f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}")


def forge(
    *,
    items: Change = _same,
    mso: Change = _same,
    outer: Change = _same,
    message: Change = _same,
    header: Any = None,
    unprotected: Any = None,
    chain: Any = SIGNER_CERTIFICATE,
    signer: LocalSigner = SIGNER,
    embed: Callable[[bytes], Any] = lambda data: cbor2.CBORTag(24, data),
) -> str:
    """An mdoc made without the library. Each change is a function that is given what is there, and alters it or returns another.

    `items`: by name space the lists of items, before their digests are made. `mso`: the security object, before it is signed.
    `message`: the elements of the COSE_Sign1. `outer`: the IssuerSigned. `embed`: makes the payload of the encoded security object.
    """
    spaces: Any = {
        space: [
            {"digestID": i, "random": bytes([i]) * 16, "elementIdentifier": identifier, "elementValue": _plain(value)}
            for i, (identifier, value) in enumerate(elements.items())
        ]
        for space, elements in LICENCE.items()
    }
    spaces = items(spaces) or spaces
    encoded = {space: [cbor2.CBORTag(24, cbor2.dumps(each)) for each in found] for space, found in spaces.items()}
    security: Any = {
        "version": "1.0",
        "digestAlgorithm": "SHA-256",
        "valueDigests": {
            space: {each["digestID"]: digest(data) for each, data in zip(spaces[space], found, strict=True)}
            for space, found in encoded.items()
        },
        "deviceKeyInfo": {"deviceKey": _cose.cose_key(HOLDER)},
        "docType": MDL,
        "validityInfo": {"signed": tdate(NOW - 60), "validFrom": tdate(NOW - 60), "validUntil": tdate(NOW + 30 * DAY)},
    }
    security = mso(security) or security
    payload = cbor2.dumps(embed(cbor2.dumps(security)))
    protected = header if isinstance(header, bytes) else cbor2.dumps({1: -7} if header is None else header)
    sent = {33: chain} if unprotected is None else unprotected
    parts: Any = [protected, sent, payload, signer.sign(_cose.sig_structure(protected, payload))]
    parts = message(parts) or parts
    signed: Any = {"nameSpaces": encoded, "issuerAuth": parts}
    signed = outer(signed) or signed
    return b64url_encode(cbor2.dumps(signed))


def digest(item: cbor2.CBORTag, algorithm: str = "sha256") -> bytes:
    return hashlib.new(algorithm, cbor2.dumps(item)).digest()


def _plain(value: Any) -> Any:
    """Dates under the tags of the standard, whatever cbor2 makes of them."""
    if isinstance(value, datetime):
        return tdate(int(value.timestamp()))
    if isinstance(value, date):
        return cbor2.CBORTag(1004, value.isoformat())
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
