"""mdocs that others published: those of ISO/IEC 18013-5 Annex D, and some from wallets in use."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oid4vci import _cbor, _cose
from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidCredential
from oid4vci.formats.mdoc_security_object import IssuerSigned, SecurityObject
from oid4vci.formats.mdoc_template import embedded, issuer_signed, issuer_signed_item, security_object
from oid4vci.keys import public_key
from oid4vci.trust import Trust
from oid4vci.x509 import leaf_public_key, load
from tests import mdocs
from tests.mdocs import MDL, NAMESPACE, verify
from tests.test_x509 import CERT_SIGN

# The key of the authority "utopia iaca" of Annex D, and a time when its document was new.
IACA_POINT = (
    "042c3e103dbc07b25c5a770aeedfa5d8bd15417e3e676142461a7875e3b4188a22"
    "21e6423599d1db19aaef66f923d394b61709549bcec2ea6ff60ec75268f2e094"
)
THEN = int(datetime(2020, 11, 1, tzinfo=UTC).timestamp())


def vector(vectors: Path, name: str) -> dict[str, Any]:
    document = json.loads((vectors / "mdoc" / "vectors.json").read_text())
    (found,) = (each for each in document["vectors"] if each["id"] == name)
    assert isinstance(found, dict)
    return found


def issuer_signed_of(vectors: Path, name: str) -> bytes:
    """What an issuer would have sent. In a response of a wallet it is one part."""
    data = bytes.fromhex(vector(vectors, name)["hex"])
    if name == "isomdl-issuer-signed":
        return data
    encoded = _cbor.dumps(_cbor.loads(data)["documents"][0]["issuerSigned"])
    assert encoded in data
    return encoded


@pytest.fixture
def annex_d(vectors: Path) -> bytes:
    return issuer_signed_of(vectors, "isomdl-issuer-signed")


def anchors() -> Trust:
    """An authority of the name and with the key of that of Annex D; who signed its own certificate does not matter."""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(IACA_POINT))
    parts = ((NameOID.COMMON_NAME, "utopia iaca"), (NameOID.COUNTRY_NAME, "US"))
    subject = x509.Name([x509.NameAttribute(*part) for part in parts])
    start, end = THEN - 60 * mdocs.DAY, THEN + 3000 * mdocs.DAY
    extensions = ((mdocs.AUTHORITY, True), (CERT_SIGN, True))
    return mdocs.trust(mdocs.certificate(subject, key, subject, mdocs.IACA_KEY, *extensions, start=start, end=end))


@pytest.mark.spec("VCI-A.2.4-01", "HAIP-8-01")
def test_annex_d_verifies_up_to_its_authority(vectors: Path, annex_d: bytes) -> None:
    key = vector(vectors, "iso18013-5-annexD-device-response")["device_key"]
    device_key = public_key({"kty": "EC", "crv": "P-256", **{n: b64url_encode(bytes.fromhex(key[n.upper()])) for n in "xy"}})
    read = verify(b64url_encode(annex_d), trusted=anchors(), holder_keys=[device_key], now=THEN)
    elements = read.claims[NAMESPACE]
    assert list(elements) == ["family_name", "issue_date", "expiry_date", "document_number", "portrait", "driving_privileges"]
    assert (elements["family_name"], str(elements["issue_date"])) == ("Doe", "2019-10-20")
    assert elements["portrait"].startswith(b"\xff\xd8\xff")
    assert [each["vehicle_category_code"] for each in elements["driving_privileges"]] == ["A", "B"]
    assert read.issuer == "C=US,CN=utopia ds"
    assert read.issued_at == int(datetime(2020, 10, 1, 13, 30, 2, tzinfo=UTC).timestamp())


def test_annex_d_is_over(annex_d: bytes) -> None:
    for now in (THEN - 60 * mdocs.DAY, THEN + 400 * mdocs.DAY):
        with pytest.raises(InvalidCredential):
            verify(b64url_encode(annex_d), trusted=anchors(), holder_keys=(), now=now)


def test_annex_d_is_not_signed_by_our_authority(annex_d: bytes) -> None:
    with pytest.raises(InvalidCredential, match="anchor"):
        verify(b64url_encode(annex_d), holder_keys=(), now=THEN)


def test_annex_d_byte_for_byte(annex_d: bytes) -> None:
    """With the salts, digest IDs, key, times and signature of the document, the encoding makes the same bytes."""
    read = IssuerSigned.read(annex_d)
    message = read.issuer_auth
    items = []
    for item in read.name_spaces[NAMESPACE]:
        members = _cbor.loads(item.content, tags=_cbor.DATES)
        made = issuer_signed_item(members["digestID"], members["random"], members["elementIdentifier"], members["elementValue"])
        assert made == item.encoded
        items.append(made)
    mso = _cbor.loads(_cbor.loads(message.payload).content)
    payload = security_object(
        _cbor.dumps(mso["valueDigests"]),
        _cbor.dumps(_cose.cose_key(SecurityObject.read(message.payload).device_key)),
        digest_algorithm="SHA-256",
        doctype=_cbor.dumps(MDL),
        validity=_cbor.dumps({name: _cbor.tdate(time.value) for name, time in mso["validityInfo"].items()}),
    )
    assert payload == message.payload
    protected, unprotected = _cbor.dumps({_cose.ALG: -7}), _cbor.dumps({_cose.X5CHAIN: message.unprotected[_cose.X5CHAIN]})
    signed = _cose.assemble(protected, unprotected, payload, message.signature, tagged=False)
    spaces = _cbor.dumps({NAMESPACE: []})[:-1] + _cbor.head(4, len(items)) + b"".join(items)
    assert issuer_signed(spaces, signed) == annex_d


@pytest.mark.parametrize(
    "name", ["iso18013-5-annexD-device-response", "isomdl-issuer-signed", "mdoc-ts-google", "mdoc-ts-france"]
)
def test_others_mdocs_are_read_and_their_signatures_verify(vectors: Path, name: str) -> None:
    """Without the authority of some of them, the certificate that they bring along."""
    read = IssuerSigned.read(issuer_signed_of(vectors, name))
    message = read.issuer_auth
    (der,) = _cose.x5chain(message.unprotected[_cose.X5CHAIN])
    _cose.verify(message, leaf_public_key(load(der)), algorithms=(-7,))
    elements = read.data_elements(SecurityObject.read(message.payload))
    assert elements[NAMESPACE]["family_name"] in ("Doe", "Smith")


def test_a_wallet_in_use_writes_fractions_of_seconds(vectors: Path) -> None:
    read = IssuerSigned.read(issuer_signed_of(vectors, "mdoc-ts-google"))
    assert SecurityObject.read(read.issuer_auth.payload).validity.signed.microsecond


def test_an_example_of_the_specification(spec_folder: Path) -> None:
    """OID4VCI A.2.4. What it shows is shortened, and no mdoc."""
    example = (spec_folder / "examples-1.0" / "credential_response_mso_mdoc.txt").read_text()
    credential = json.loads(example[example.index("{") :])["credentials"][0]["credential"]
    assert isinstance(credential, str)
    with pytest.raises(InvalidCredential):
        verify(credential)
    assert embedded(b"\x01") == bytes.fromhex("d8184101")
