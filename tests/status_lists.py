"""What the tests of status lists share: an issuer with a certificate, its tokens, and a Wallet's checks of them."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci import _cbor, _cose, _jose, _json
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.keys import LocalSigner
from oid4vci.status_list import CWT, JWT, Status, StatusChecker, StatusList, StatusListSigner
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_x509 import NOW, ROOT, ROOT_KEY, SUB, SUB_KEY, signer

ISSUER = "https://issuer.example"
URI = f"{ISSUER}/statuslists/1"
SIZE, INDEX = 1000, 412
STATUSES = StatusList.of(SIZE, bits=2, statuses={INDEX: 1, 7: 2, 8: 3})
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SIGNER, OTHER = LocalSigner("issuer-1", "ES256", KEY), LocalSigner("other", "ES256", OTHER_KEY)
ANCHORS = Anchors.from_der(ROOT)
TRUST = Trust.of(ISSUER, anchors=ANCHORS)


def names(identifier: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identifier)]), False


def leaf_of(identifier: str, key: ec.EllipticCurvePrivateKey = KEY, *more: tuple[x509.ExtensionType, bool]) -> bytes:
    return signer("sub", SUB_KEY, names(identifier), *more, key=key)


LEAF = leaf_of(ISSUER)
CHAIN = (LEAF, SUB)
SIGNING = StatusListSigner(signer=SIGNER, x5c=CHAIN)
PUBLISHING = StatusListSigner(signer=SIGNER)
METADATA_URL = f"{ISSUER}/.well-known/jwt-vc-issuer"
METADATA = _json.dump_bytes({"issuer": ISSUER, "jwks": {"keys": [{**SIGNER.public_jwk, "kid": "issuer-1"}]}})

HEADER: Mapping[str, Any] = {"alg": "ES256", "typ": "statuslist+jwt", "x5c": [b64encode(der).decode() for der in CHAIN]}
CLAIMS: Mapping[str, Any] = {
    "sub": URI,
    "iat": NOW,
    "exp": NOW + 86_400,
    "ttl": 43_200,
    "status_list": STATUSES.to_json(),
}


def jwt(claims: Any = CLAIMS, header: Any = HEADER, by: LocalSigner = SIGNER) -> bytes:
    """A token with any claims and header. What is None is left out."""
    header, claims = ({name: value for name, value in each.items() if value is not None} for each in (header, claims))
    data = _jose.signing_input(header, _json.dump_bytes(claims))
    return _jose.compact(data, by.sign(data)).encode()


COSE_HEADER: Mapping[int, Any] = {1: -7, 16: CWT, 33: list(CHAIN)}
COSE_CLAIMS: Mapping[int, Any] = {2: URI, 6: NOW, 4: NOW + 86_400, 65534: 43_200, 65533: STATUSES.to_cbor()}


def cwt(claims: Any = COSE_CLAIMS, header: Any = COSE_HEADER, unprotected: Any = None, by: LocalSigner = SIGNER) -> bytes:
    """The same as a CWT."""
    header, claims = ({name: value for name, value in each.items() if value is not None} for each in (header, claims))
    protected, payload = _cbor.dumps(header), _cbor.dumps(claims)
    signature = by.sign(_cose.sig_structure(protected, payload))
    return _cose.assemble(protected, _cbor.dumps(unprotected or {}), payload, signature)


def credential(index: int = INDEX, *, uri: str = URI, issuer: str | None = ISSUER, **changes: Any) -> VerifiedCredential:
    """A verified Credential that refers to an entry."""
    status = changes.pop("status", {"status_list": {"idx": index, "uri": uri}})
    return VerifiedCredential("dc+sd-jwt", "", {}, issuer=issuer, status=status, **changes)


def check(
    body: bytes,
    of: VerifiedCredential | None = None,
    *,
    checker: StatusChecker | None = None,
    trust: Trust = TRUST,
    now: int = NOW,
    metadata: bytes = METADATA,
) -> Status | NeededDocument:
    """What a Wallet finds out with that token as the answer, and the issuer's metadata."""
    documents = {URI: body, METADATA_URL: metadata}
    return (checker or StatusChecker()).check(of or credential(), trust=trust, documents=documents, now=now)


def status(body: bytes, of: VerifiedCredential | None = None, **more: Any) -> Status:
    """`check`, for tokens that need no other document."""
    outcome = check(body, of, **more)
    assert isinstance(outcome, Status)
    return outcome


def made(media_type: str = JWT, signing: StatusListSigner = SIGNING, statuses: StatusList = STATUSES) -> bytes:
    """A token made by the library."""
    published = signing.draft(statuses, uri=URI, now=NOW, media_types=(media_type,)).finish()
    return published.tokens[media_type]


__all__ = (
    "ANCHORS",
    "CHAIN",
    "CLAIMS",
    "COSE_CLAIMS",
    "COSE_HEADER",
    "HEADER",
    "INDEX",
    "ISSUER",
    "KEY",
    "LEAF",
    "METADATA",
    "METADATA_URL",
    "NOW",
    "OTHER",
    "OTHER_KEY",
    "PUBLISHING",
    "ROOT",
    "ROOT_KEY",
    "SIGNER",
    "SIGNING",
    "STATUSES",
    "SUB",
    "SUB_KEY",
    "TRUST",
    "URI",
    "check",
    "credential",
    "cwt",
    "jwt",
    "leaf_of",
    "made",
    "names",
    "status",
)
