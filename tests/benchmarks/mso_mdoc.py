"""mdocs, `mso_mdoc`: an mDL of 14 elements, a portrait of 2 kB and three of `age_over_NN` among them, signed with ES256.

The floor encodes the elements and the certificate once for a batch, and reads the certificate once for it. Its CBOR is written
by hand where only salts, digests and the device's key differ, and read with cbor2.
"""

import datetime
import hashlib
import os
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pymdoccbor.mdoc.issuer import MdocCborIssuer  # type: ignore[import-untyped]
from pymdoccbor.mdoc.verifier import MdocCbor  # type: ignore[import-untyped]

from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.mdoc import MdocEncoder, MdocVerifier
from oid4vci.metadata import MsoMdocConfiguration
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.benchmarks.by_hand import ECDSA, b64, der, raw, sha256, unb64
from tests.benchmarks.cold import cold
from tests.benchmarks.parties import (
    AUTHORITY,
    AUTHORITY_KEY,
    DOCUMENT_SIGNER,
    HOLDERS,
    IDENTIFIER,
    ISSUER_KEY,
    NOW,
    SIGNER,
    jwk,
    private_jwk,
    x5c,
)
from tests.benchmarks.workload import NodePeer, Workload

DOCTYPE, NAMESPACE = "org.iso.18013.5.1.mDL", "org.iso.18013.5.1"
LIFETIME = 31_536_000
PORTRAIT = hashlib.shake_128(b"portrait").digest(2_048)
DATES = {"birth_date": "1815-12-10", "issue_date": "2026-01-01", "expiry_date": "2031-01-01"}
PRIVILEGE = {"vehicle_category_code": "B", "issue_date": "2010-01-01", "expiry_date": "2031-01-01"}
TEXTS = {
    "family_name": "Lovelace",
    "given_name": "Ada",
    "issuing_country": "GB",
    "issuing_authority": "DVLA",
    "document_number": "A123456789",
    "un_distinguishing_sign": "UK",
    "age_over_18": True,
    "age_over_21": True,
    "age_over_65": False,
}


def _full_dates(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cbor2.CBORTag(1004, value) if name.endswith("_date") else value for name, value in members.items()}


def _dates(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: datetime.date.fromisoformat(value) if name.endswith("_date") else value for name, value in members.items()}


CONFIGURATION = MsoMdocConfiguration(doctype=DOCTYPE, cryptographic_binding_methods_supported=("cose_key",))
TRUST = Trust(Anchors.from_der(AUTHORITY))
CLAIMS = {NAMESPACE: {**TEXTS, **_dates(DATES), "portrait": PORTRAIT, "driving_privileges": [_dates(PRIVILEGE)]}}
ELEMENTS = {**TEXTS, **_full_dates(DATES), "portrait": PORTRAIT, "driving_privileges": [_full_dates(PRIVILEGE)]}


# --- by hand ----------------------------------------------------------------------------------------------------------------


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes((major << 5 | size,))
    if size < 256:
        return bytes((major << 5 | 24, size))
    return bytes((major << 5 | 25, *size.to_bytes(2, "big")))


def _bytes(data: bytes) -> bytes:
    return _head(2, len(data)) + data


def _text(text: str) -> bytes:
    return _head(3, len(text.encode())) + text.encode()


def _date(now: int) -> bytes:
    return b"\xc0" + _text(datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


_DEVICE_KEY = b"\x6ddeviceKeyInfo\xa1\x69deviceKey\xa4\x01\x02\x20\x01\x21\x58\x20"
_PROTECTED = _bytes(b"\xa1\x01\x26")
# A Sig_structure up to the payload (RFC 9052 4.4).
_TO_SIGN = b"\x84\x6aSignature1" + _PROTECTED + b"\x40"


def floor_issue(elements: Mapping[str, Any], chain: bytes, jwks: Sequence[Mapping[str, str]]) -> list[str]:
    """A batch: what stands before and after the salt of each element is encoded once."""
    parts = []
    for i, (name, value) in enumerate(elements.items()):
        start = b"\xa4\x68digestID" + _head(0, i) + b"\x66random\x50"
        end = b"\x71elementIdentifier" + _text(name) + b"\x6celementValue" + cbor2.dumps(value)
        parts.append((b"\xd8\x18" + _head(2, len(start) + 16 + len(end)) + start, end))
    count, namespace = len(parts), _text(NAMESPACE)
    keys = [_head(0, i) + b"\x58\x20" for i in range(count)]
    start = b"\xa6\x67version\x631.0\x6fdigestAlgorithm\x67SHA-256\x6cvalueDigests\xa1" + namespace + _head(5, count)
    dates = b"\x66signed" + _date(NOW) + b"\x69validFrom" + _date(NOW) + b"\x6avalidUntil" + _date(NOW + LIFETIME)
    end = b"\x67docType" + _text(DOCTYPE) + b"\x6cvalidityInfo\xa3" + dates
    opened = b"\xa2\x6anameSpaces\xa1" + namespace + _head(4, count)
    auth = b"\x6aissuerAuth\x84" + _PROTECTED + b"\xa1\x18\x21" + _bytes(chain)
    credentials = []
    for holder in jwks:
        salts = os.urandom(16 * count)
        items = [before + salts[16 * i : 16 * i + 16] + after for i, (before, after) in enumerate(parts)]
        digests = b"".join([key + sha256(item).digest() for key, item in zip(keys, items, strict=True)])
        x, y = unb64(holder["x"].encode()), unb64(holder["y"].encode())
        payload = _bytes(b"\xd8\x18" + _bytes(b"".join((start, digests, _DEVICE_KEY, x, b"\x22\x58\x20", y, end))))
        signature = raw(ISSUER_KEY.sign(_TO_SIGN + payload, ECDSA))
        credentials.append(b64(b"".join((opened, *items, auth, payload, b"\x58\x40", signature))).decode())
    return credentials


def certified_key(certificate: bytes, authority: ec.EllipticCurvePublicKey) -> ec.EllipticCurvePublicKey:
    """The issuer's key as the authority has certified it."""
    leaf = x509.load_der_x509_certificate(certificate)
    authority.verify(leaf.signature, leaf.tbs_certificate_bytes, ECDSA)
    if leaf.not_valid_after_utc.timestamp() < NOW:
        raise ValueError
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def floor_verify(
    credentials: Sequence[str], jwks: Sequence[Mapping[str, str]], authority: ec.EllipticCurvePublicKey
) -> list[dict[str, Any]]:
    """The elements of a batch; equal certificates are read once."""
    read, key, found, now = b"", ISSUER_KEY.public_key(), [], datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    for credential, holder in zip(credentials, jwks, strict=True):
        signed = cbor2.loads(unb64(credential.encode()))
        protected, unprotected, payload, signature = signed["issuerAuth"]
        certificate = unprotected[33]
        if protected != b"\xa1\x01\x26":
            raise ValueError
        if certificate != read:
            read, key = certificate, certified_key(certificate, authority)
        key.verify(der(signature), _TO_SIGN + _bytes(payload), ECDSA)
        security = cbor2.loads(cbor2.loads(payload).value)
        device = security["deviceKeyInfo"]["deviceKey"]
        if security["docType"] != DOCTYPE or security["validityInfo"]["validUntil"] < now:
            raise ValueError
        if device[-2] != unb64(holder["x"].encode()) or device[-3] != unb64(holder["y"].encode()):
            raise ValueError
        digests, elements = security["valueDigests"][NAMESPACE], {}
        for tagged in signed["nameSpaces"][NAMESPACE]:
            content = tagged.value
            item = cbor2.loads(content)
            if sha256(b"\xd8\x18" + _bytes(content)).digest() != digests[item["digestID"]]:
                raise ValueError
            elements[item["elementIdentifier"]] = item["elementValue"]
        found.append(elements)
    return found


# --- the library, and its peers ---------------------------------------------------------------------------------------------


def library_issue(encoder: MdocEncoder, size: int) -> tuple[str, ...]:
    """A batch."""
    return encoder.draft(
        CLAIMS,
        configuration=CONFIGURATION,
        issuer=IDENTIFIER,
        holder_keys=HOLDERS[:size],
        now=NOW,
        new_secret=os.urandom,
    ).finish()


def library_verify(credentials: Sequence[str]) -> list[Any]:
    """Each by itself."""
    verifier, keys, found = MdocVerifier(), HOLDERS[: len(credentials)], []
    for credential in credentials:
        verified = verifier.verify(
            credential, configuration=CONFIGURATION, trust=TRUST, holder_keys=keys, documents={}, now=int(time.time())
        )
        assert isinstance(verified, VerifiedCredential)
        found.append(verified.claims[NAMESPACE])
    return found


def cryptography_issue(size: int) -> None:
    """The signatures."""
    for _ in range(size):
        ISSUER_KEY.sign(_MESSAGE, ECDSA)


def cryptography_verify(size: int) -> None:
    """The certificate, once, and the signatures."""
    key = certified_key(DOCUMENT_SIGNER, AUTHORITY_KEY.public_key())
    for _ in range(size):
        key.verify(_SIGNATURE, _MESSAGE, ECDSA)


_MESSAGE = bytes(1_000)
_SIGNATURE = ISSUER_KEY.sign(_MESSAGE, ECDSA)


class _PyMdocCbor:
    """`pymdoccbor` from the Python package index. It reads and writes device responses, so that is what it is given."""

    def __init__(self, size: int, credentials: Sequence[str]) -> None:
        secret = ISSUER_KEY.private_numbers()
        x, y = (number.to_bytes(32, "big") for number in (secret.public_numbers.x, secret.public_numbers.y))
        d = secret.private_value.to_bytes(32, "big")
        key = {"KTY": "EC2", "CURVE": "P_256", "ALG": "ES256", "X": x, "Y": y, "D": d, "KID": b"issuer-1"}
        self.issuer = MdocCborIssuer(private_key=key, alg="ES256")
        self.devices = [
            {"KTY": "EC2", "CURVE": "P_256", **{name.upper(): unb64(holder.jwk[name].encode()) for name in "xy"}}
            for holder in HOLDERS[:size]
        ]
        self.authorities = [x509.load_der_x509_certificate(AUTHORITY)]
        self.responses = [
            cbor2.dumps(
                {
                    "version": "1.0",
                    "documents": [{"docType": DOCTYPE, "issuerSigned": cbor2.loads(unb64(credential.encode()))}],
                    "status": 0,
                }
            )
            for credential in credentials
        ]

    def issue(self) -> list[str]:
        issued = []
        for device in self.devices:
            # It puts tags into what it is given.
            elements = {**TEXTS, **DATES, "portrait": PORTRAIT, "driving_privileges": [dict(PRIVILEGE)]}
            self.issuer.new(
                data={NAMESPACE: elements},
                doctype=DOCTYPE,
                validity={"issuance_date": DATES["issue_date"], "expiry_date": DATES["expiry_date"]},
                devicekeyinfo=device,
                x509_chain=[DOCUMENT_SIGNER],
            )
            issued.append(b64(cbor2.dumps(self.issuer.signed["documents"][0]["issuerSigned"])).decode())
        return issued

    def verify(self) -> list[dict[str, Any]]:
        found = []
        for response in self.responses:
            read = MdocCbor()
            read.loads(response)
            if not read.verify(self.authorities):
                raise ValueError
            found.append(read.disclosure_map[NAMESPACE])
        return found


def _for_node(value: Any) -> Any:
    """JSON has no tags and no bytes."""
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, cbor2.CBORTag):
        return {"date": value.value}
    if isinstance(value, dict):
        return {name: _for_node(member) for name, member in value.items()}
    return [_for_node(element) for element in value] if isinstance(value, list) else value


def workload(size: int, *, node: NodePeer | None = None, python: bool = False) -> Workload:
    """Under one certificate."""
    jwks, authority = [jwk(key) for key in HOLDERS[:size]], AUTHORITY_KEY.public_key()
    by_hand = partial(floor_issue, ELEMENTS, DOCUMENT_SIGNER, jwks)
    library = partial(library_issue, MdocEncoder(signer=SIGNER, x5c=(DOCUMENT_SIGNER,), lifetime=LIFETIME), size)
    theirs, credentials = by_hand(), library()
    for each in (theirs, credentials):
        assert library_verify(each) == floor_verify(each, jwks, authority) == [CLAIMS[NAMESPACE]] * size
    work = Workload(
        "mso_mdoc",
        size,
        {"cryptography": partial(cryptography_issue, size), "floor": by_hand, "library": library},
        {
            "cryptography": partial(cryptography_verify, size),
            "floor": partial(floor_verify, credentials, jwks, authority),
            "library": cold(partial(library_verify, credentials)),
            "library again": partial(library_verify, credentials),
        },
    )
    if python:
        peer = _PyMdocCbor(size, credentials)
        library_verify(peer.issue())
        work = work.beside("pymdoccbor", peer.issue, peer.verify)
    if node is not None:
        given = {
            "key": private_jwk(),
            "chain": x5c(DOCUMENT_SIGNER),
            "doctype": DOCTYPE,
            "namespace": NAMESPACE,
            "elements": _for_node(ELEMENTS),
            "now": NOW,
            "lifetime": LIFETIME,
            "holders": jwks,
            "credentials": credentials,
            "anchors": x5c(AUTHORITY),
        }
        issued, verified = node.load("mdoc", given)
        library_verify(issued.result())
        assert [sorted(names) for names in verified.result()] == [sorted(ELEMENTS)] * size
        work = work.beside("@owf/mdoc", issued, verified)
    return work
