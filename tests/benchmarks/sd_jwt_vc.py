"""SD-JWT VCs, `dc+sd-jwt`: 20 claims, 10 of them disclosures, 4 of those inside a nested object.

The floor encodes the claims once for a batch, and reads the issuer's key or certificate once for it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj  # type: ignore[import-untyped]
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from oid4vci._json import dump_bytes
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.benchmarks.by_hand import CURVE, ECDSA, b64, decode, der, encode, load_point, raw, sha256, to_url, unb64
from tests.benchmarks.cold import cold
from tests.benchmarks.credential_endpoint import ADDRESS, CLAIMS, DISCLOSABLE, FLAT, OPEN, VCT
from tests.benchmarks.parties import (
    AUTHORITY,
    AUTHORITY_KEY,
    HOLDERS,
    IDENTIFIER,
    ISSUER_KEY,
    LEAF,
    NOW,
    SIGNER,
    jwk,
    private_jwk,
    x5c,
)
from tests.benchmarks.workload import NodePeer, Workload

CONFIGURATION = SdJwtVcConfiguration(vct=VCT)
LIFETIME = 31_536_000
DOCUMENTS = {
    jwt_vc_issuer_metadata_url(IDENTIFIER): dump_bytes(
        {"issuer": IDENTIFIER, "jwks": {"keys": [{**SIGNER.public_jwk, "kid": SIGNER.key_id, "alg": "ES256", "use": "sig"}]}}
    )
}
TRUST = Trust.of(IDENTIFIER, anchors=Anchors.from_der(AUTHORITY))
HEADER = {"alg": "ES256", "typ": "dc+sd-jwt"}


# --- by hand ----------------------------------------------------------------------------------------------------------------


def floor_issue(header: bytes, jwks: Sequence[Mapping[str, str]]) -> list[str]:
    """A batch: the claims of every copy are encoded once, each copy has salts of its own."""
    members = [*FLAT.items(), *ADDRESS.items()]
    # With a salt of 18 bytes, `["<salt>"` is 27: what follows it begins on a base64 boundary.
    ends = [b64(f",{encode([name, value])[1:]}".encode()) for name, value in members]
    count, flat, size = len(ends), len(FLAT), 18 * len(ends)
    own = {**OPEN, "iss": IDENTIFIER, "vct": VCT, "iat": NOW, "exp": NOW + LIFETIME, "_sd_alg": "sha-256"}
    start = encode(own).encode()[:-1]
    credentials = []
    for holder in jwks:
        salts = to_url(os.urandom(size))
        starts = to_url(b'["' + b'"["'.join([salts[k : k + 24] for k in range(0, 24 * count, 24)]) + b'"')
        disclosures = [starts[36 * i : 36 * i + 36] + end for i, end in enumerate(ends)]
        # 32 bytes and a zero are 44 characters of base64, of which 43 are the digest's.
        encoded = to_url(b"\0".join([sha256(text).digest() for text in disclosures]) + b"\0")
        digests = [encoded[k : k + 43] for k in range(0, 44 * count, 44)]
        payload = b'%b,"cnf":{"jwk":{"kty":"EC","crv":"P-256","x":"%b","y":"%b"}},"_sd":["%b"],"address":{"_sd":["%b"]}}' % (
            start,
            holder["x"].encode(),
            holder["y"].encode(),
            b'","'.join(sorted(digests[:flat])),
            b'","'.join(sorted(digests[flat:])),
        )
        data = header + b64(payload)
        signature = b64(raw(ISSUER_KEY.sign(data, ECDSA)))
        credentials.append(b"~".join((data + b"." + signature, *disclosures, b"")).decode())
    return credentials


def published_key(header: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The issuer's key as its metadata have it."""
    metadata = decode(DOCUMENTS[jwt_vc_issuer_metadata_url(IDENTIFIER)].decode())
    found = next(key for key in metadata["jwks"]["keys"] if key["kid"] == header["kid"])
    return load_point(CURVE, b"\x04" + unb64(found["x"].encode()) + unb64(found["y"].encode()))


def certified_key(header: Mapping[str, Any], authority: ec.EllipticCurvePublicKey) -> ec.EllipticCurvePublicKey:
    """The issuer's key as the authority has certified it."""
    leaf = x509.load_der_x509_certificate(unb64(header["x5c"][0].encode()))
    authority.verify(leaf.signature, leaf.tbs_certificate_bytes, ECDSA)
    if leaf.not_valid_after_utc.timestamp() < NOW:
        raise ValueError
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def floor_verify(
    credentials: Sequence[str],
    jwks: Sequence[Mapping[str, str]],
    key_of: Callable[[Mapping[str, Any]], ec.EllipticCurvePublicKey],
) -> list[dict[str, Any]]:
    """The claims of a batch; equal headers are read once, and their key too."""
    read, key, found = b"", ISSUER_KEY.public_key(), []
    for credential, holder in zip(credentials, jwks, strict=True):
        jwt, *disclosures, _ = credential.encode().split(b"~")
        data, _, signature = jwt.rpartition(b".")
        head, _, payload = data.partition(b".")
        if head != read:
            header = decode(unb64(head).decode())
            if header["alg"] != "ES256" or header["typ"] != "dc+sd-jwt":
                raise ValueError
            read, key = head, key_of(header)
        key.verify(der(unb64(signature)), data, ECDSA)
        claims: dict[str, Any] = decode(unb64(payload).decode())
        if claims["exp"] < NOW or claims["vct"] != VCT or claims["iss"] != IDENTIFIER or claims["cnf"]["jwk"] != holder:
            raise ValueError
        contents = decode("[" + ",".join([unb64(text).decode() for text in disclosures]) + "]")
        waiting = {b64(sha256(text).digest()).decode(): each for text, each in zip(disclosures, contents, strict=True)}
        del claims["_sd_alg"]
        for members in (claims, claims["address"]):
            for digest in members.pop("_sd"):
                _, name, value = waiting.pop(digest)
                members[name] = value
        if waiting:
            raise ValueError
        found.append(claims)
    return found


# --- the library, and its peers ---------------------------------------------------------------------------------------------


@frozen
class _Batch:
    """One kind of header, for one number of holders."""

    size: int
    certified: bool

    @property
    def header(self) -> dict[str, Any]:
        return {**HEADER, **({"x5c": x5c(LEAF)} if self.certified else {"kid": SIGNER.key_id})}

    def library_issue(self) -> Callable[[], tuple[str, ...]]:
        chain = (LEAF,) if self.certified else ()
        encoder = SdJwtVcEncoder(signer=SIGNER, x5c=chain, disclosable=DISCLOSABLE, lifetime=LIFETIME)
        keys = HOLDERS[: self.size]

        def issue() -> tuple[str, ...]:
            return encoder.draft(
                CLAIMS, configuration=CONFIGURATION, issuer=IDENTIFIER, holder_keys=keys, now=NOW, new_secret=os.urandom
            ).finish()

        return issue

    def library_verify(self, credentials: Sequence[str]) -> list[VerifiedCredential]:
        verifier, keys, trust = SdJwtVcVerifier(), HOLDERS[: self.size], TRUST
        found = []
        for credential in credentials:
            verified = verifier.verify(
                credential, configuration=CONFIGURATION, trust=trust, holder_keys=keys, documents=DOCUMENTS, now=NOW
            )
            assert isinstance(verified, VerifiedCredential)
            found.append(verified)
        return found

    def key_of(self) -> Callable[[Mapping[str, Any]], ec.EllipticCurvePublicKey]:
        return partial(certified_key, authority=AUTHORITY_KEY.public_key()) if self.certified else published_key

    def cryptography_issue(self) -> None:
        for _ in range(self.size):
            ISSUER_KEY.sign(_TO_SIGN, ECDSA)

    def cryptography_verify(self) -> None:
        key: Any
        if self.certified:
            leaf = x509.load_der_x509_certificate(LEAF)
            AUTHORITY_KEY.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ECDSA)
            key = leaf.public_key()
        else:
            key = load_point(CURVE, _POINT)
        for _ in range(self.size):
            key.verify(_SIGNED, _TO_SIGN, ECDSA)


_TO_SIGN = bytes(1_500)
_SIGNED = ISSUER_KEY.sign(_TO_SIGN, ECDSA)
_POINT = b"\x04" + b"".join(unb64(SIGNER.public_jwk[name].encode()) for name in "xy")


@frozen
class _SdJwt:
    """`sd-jwt` from the Python package index: the SD-JWT alone; it knows neither dates nor certificates, so those are read as
    the floor does it."""

    keys: Sequence[JWK]
    own: JWK
    header: Mapping[str, Any]
    key_of: Callable[[Mapping[str, Any]], ec.EllipticCurvePublicKey]

    @classmethod
    def of(cls, batch: _Batch) -> "_SdJwt":
        header = {name: value for name, value in batch.header.items() if name != "alg"}
        return cls([JWK(**jwk(key)) for key in HOLDERS[: batch.size]], JWK(**private_jwk()), header, batch.key_of())

    def issue(self) -> list[str]:
        flat = {SDObj(name): value for name, value in FLAT.items()}
        address = {SDObj(name): value for name, value in ADDRESS.items()}
        own = {"iss": IDENTIFIER, "vct": VCT, "iat": NOW, "exp": NOW + LIFETIME}
        return [
            SDJWTIssuer(
                {**own, **OPEN, **flat, "address": address}, self.own, key, extra_header_parameters=dict(self.header)
            ).sd_jwt_issuance
            for key in self.keys
        ]

    def verify(self, credentials: Sequence[str]) -> list[dict[str, Any]]:
        return [SDJWTVerifier(text, self._issuer_key).get_verified_payload() for text in credentials]

    def _issuer_key(self, issuer: str, header: Mapping[str, Any]) -> JWK:
        return JWK.from_pyca(self.key_of(header)) if "x5c" in header else self.own


def workload(size: int, *, certified: bool, node: NodePeer | None = None, python: bool = False) -> Workload:
    """`certified`: whether the issuer's key is that of a certificate, or one that it publishes."""
    batch = _Batch(size, certified)
    header, jwks = b64(encode(batch.header).encode()) + b".", [jwk(key) for key in HOLDERS[:size]]
    by_hand, library, key_of = partial(floor_issue, header, jwks), batch.library_issue(), batch.key_of()
    theirs, ours = by_hand(), library()
    assert [verified.claims for verified in batch.library_verify(theirs)] == floor_verify(theirs, jwks, key_of)
    assert [verified.claims for verified in batch.library_verify(ours)] == floor_verify(ours, jwks, key_of)
    work = Workload(
        f"dc+sd-jwt, {'certified' if certified else 'published'} key",
        size,
        {"cryptography": batch.cryptography_issue, "floor": by_hand, "library": library},
        {
            "cryptography": batch.cryptography_verify,
            "floor": partial(floor_verify, ours, jwks, key_of),
            "library": cold(partial(batch.library_verify, ours)),
            "library again": partial(batch.library_verify, ours),
        },
    )
    if python:
        peer = _SdJwt.of(batch)
        assert len(batch.library_verify(peer.issue())) == size
        assert peer.verify(ours) == [verified.claims for verified in batch.library_verify(ours)]
        work = work.beside("sd-jwt", peer.issue, partial(peer.verify, ours))
    if node is not None:
        given = {
            "key": private_jwk(),
            "header": {name: value for name, value in batch.header.items() if name != "alg"},
            "payload": {"iss": IDENTIFIER, "vct": VCT, "iat": NOW, "exp": NOW + LIFETIME, **CLAIMS},
            "frame": {"_sd": list(FLAT), "address": {"_sd": list(ADDRESS)}},
            "holders": jwks,
            "credentials": ours,
            "anchors": x5c(AUTHORITY),
        }
        issued, verified = node.load("sd-jwt-vc", given)
        assert len(batch.library_verify(issued.result())) == size
        assert verified.result() == [each.claims for each in batch.library_verify(ours)]
        work = work.beside("@sd-jwt/sd-jwt-vc", issued, verified)
    return work
