"""mdocs that `pymdoccbor` makes are verified here, and those that are made here are verified there."""

import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pymdoccbor.mdoc.issuer import MdocCborIssuer  # type: ignore[import-untyped]
from pymdoccbor.mdoc.verifier import MdocCbor  # type: ignore[import-untyped]

from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.errors import InvalidCredential
from oid4vci.keys import LocalSigner, public_key
from oid4vci.x509 import load
from tests import mdocs
from tests.mdocs import DAY, HOLDER, LICENCE, MDL, NAMESPACE, PERSON, PID, issue, verify
from tests.test_x509 import CERT_SIGN

# It asks `datetime` for the time in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

NOW = int(time.time())
VALID: Any = {"start": NOW - DAY, "end": NOW + 100 * DAY}


def soon() -> int:
    """Theirs are of the time at which they are made, which in a long run is not that of the import."""
    return int(time.time()) + 1


IACA = mdocs.iaca(**VALID)
TRUST = mdocs.trust(IACA)
CLAIMS = {
    NAMESPACE: {
        **{name: value for name, value in LICENCE[NAMESPACE].items() if name != "driving_privileges"},
        "expiry_date": date(2036, 1, 1),
        "driving_privileges": [{"vehicle_category_code": "B", "issue_date": date(2018, 8, 9)}],
    }
}


def written(value: Any) -> Any:
    """Dates as their issuer wants them."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: written(member) for name, member in value.items()}
    return [written(each) for each in value] if isinstance(value, list) else value


def theirs(algorithm: str = "ES256", *, status: Mapping[str, Any] | None = None) -> str:
    key = ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm])
    curve = {"ES256": "P_256", "ES384": "P_384", "ES512": "P_521"}[algorithm]
    secret = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    issuer = MdocCborIssuer(
        private_key={"KTY": "EC2", "CURVE": curve, "ALG": algorithm, "D": secret, "KID": b"ds"}, alg=algorithm
    )
    made = issuer.new(
        data=written(CLAIMS),
        doctype=MDL,
        validity={"issuance_date": "2025-01-01", "expiry_date": "2099-01-01"},
        devicekeyinfo={
            "KTY": "EC2",
            "CURVE": "P_256",
            "X": b64url_decode(HOLDER.jwk["x"]),
            "Y": b64url_decode(HOLDER.jwk["y"]),
        },
        x509_chain=[mdocs.document_signer(key=key.public_key(), **VALID)],
        revocation=status,
    )
    return b64url_encode(cbor2.dumps(made["documents"][0]["issuerSigned"]))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_theirs_are_accepted(algorithm: str) -> None:
    read = verify(theirs(algorithm), trusted=TRUST, now=soon(), haip=True)
    assert read.claims == CLAIMS
    assert read.holder_key == HOLDER


def test_their_status_is_read() -> None:
    status = {"status_list": {"idx": 7, "uri": "https://status.example"}}
    assert verify(theirs(status=status), trusted=TRUST, now=soon(), haip=True).status == status


def test_what_is_wrong_with_theirs_is_noticed() -> None:
    credential = theirs()
    with pytest.raises(InvalidCredential, match="requested"):
        verify(credential, trusted=TRUST, now=soon(), holder_keys=[mdocs.holder()])
    with pytest.raises(InvalidCredential, match="anchor"):
        verify(credential, trusted=mdocs.trust(mdocs.iaca(mdocs.name("other"), **VALID)), now=soon())
    with pytest.raises(InvalidCredential, match="docType"):
        verify(credential, trusted=TRUST, now=soon(), doctype=PID)


def accepted(credential: str, doctype: str = MDL, *, root: bytes = IACA) -> bool:
    """Their word on an mdoc of ours: signature, digests, and the authority above it."""
    reader = MdocCbor()
    document = {"docType": doctype, "issuerSigned": cbor2.loads(b64url_decode(credential))}
    reader.loads(cbor2.dumps({"version": "1.0", "documents": [document], "status": 0}).hex())
    return bool(reader.verify(trusted_root_certs=[load(root)]))


def ours(claims: Mapping[str, Any] = CLAIMS, doctype: str = MDL, **settings: Any) -> str:
    leaf = mdocs.document_signer(**VALID)
    return issue(claims, doctype=doctype, now=NOW, x5c=[leaf], **settings)


def test_ours_are_accepted() -> None:
    assert accepted(ours())
    assert accepted(ours(PERSON, PID, decoys=4), PID)
    assert accepted(ours(copies=[{"status": {"status_list": {"idx": 1, "uri": "https://status.example"}}}]))


def test_ours_are_not_accepted_under_another_authority() -> None:
    key = mdocs.new_key()
    extensions = ((mdocs.AUTHORITY, True), (CERT_SIGN, True))
    other = mdocs.certificate(mdocs.IACA_NAME, key.public_key(), mdocs.IACA_NAME, key, *extensions, **VALID)
    assert not accepted(ours(), root=other)


def test_our_data_elements_are_read() -> None:
    reader = MdocCbor()
    signed = cbor2.loads(b64url_decode(ours()))
    reader.loads(cbor2.dumps({"version": "1.0", "documents": [{"docType": MDL, "issuerSigned": signed}], "status": 0}).hex())
    assert reader.verify()
    read = reader.disclosure_map[NAMESPACE]
    assert (read["family_name"], read["portrait"]) == ("Doe", b"\xff\xd8\xff\xe0")
    assert load(reader.documents[0].issuersigned.issuer_auth.raw_public_keys[0]).issuer == mdocs.IACA_NAME


def changed_value(outer: Any) -> None:
    item = cbor2.loads(outer["nameSpaces"][NAMESPACE][0].value)
    outer["nameSpaces"][NAMESPACE][0] = cbor2.CBORTag(24, cbor2.dumps({**item, "elementValue": "Smith"}))


def changed_signature(outer: Any) -> None:
    *rest, signature = outer["issuerAuth"]
    outer["issuerAuth"] = [*rest, signature[:-1] + bytes([signature[-1] ^ 1])]


@pytest.mark.parametrize("change", [changed_value, changed_signature])
def test_what_is_wrong_with_ours_is_noticed(change: Callable[[Any], None]) -> None:
    outer = mdocs.opened(ours())
    change(outer)
    assert not accepted(b64url_encode(cbor2.dumps(outer)))


def test_a_signature_by_another_key_is_noticed() -> None:
    other = LocalSigner.generate("other")
    outer = mdocs.opened(ours())
    certificate = mdocs.document_signer(key=public_key(other.public_jwk).key, **VALID)
    outer["issuerAuth"] = [outer["issuerAuth"][0], {33: certificate}, *outer["issuerAuth"][2:]]
    assert not accepted(b64url_encode(cbor2.dumps(outer)))
