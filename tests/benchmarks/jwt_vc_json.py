"""W3C credentials as JWTs, `jwt_vc_json`: a small degree, bound by the holder's key, under a key that the issuer publishes.

The floor encodes the degree once for a batch, and reads the issuer's key once for it. The peers know JWTs, not credentials.
"""

import datetime
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from jose import jwt

from oid4vci._json import dump_bytes
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.metadata import JwtVcJsonConfiguration
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
from oid4vci.trust import Trust
from tests.benchmarks.by_hand import CURVE, ECDSA, b64, decode, der, encode, load_point, raw, unb64
from tests.benchmarks.cold import cold
from tests.benchmarks.parties import HOLDERS, IDENTIFIER, ISSUER_KEY, NOW, SIGNER, jwk, private_jwk
from tests.benchmarks.workload import NodePeer, Workload

LIFETIME = 31_536_000
CONFIGURATION = JwtVcJsonConfiguration.from_json(
    {
        "format": "jwt_vc_json",
        "credential_definition": {"type": ["VerifiableCredential", "UniversityDegreeCredential"]},
    }
)
SUBJECT = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "degree": {"type": "BachelorDegree", "name": "Bachelor of Science in Mathematics"},
}
DOCUMENTS = {
    jwt_vc_issuer_metadata_url(IDENTIFIER): dump_bytes(
        {"issuer": IDENTIFIER, "jwks": {"keys": [{**SIGNER.public_jwk, "kid": SIGNER.key_id, "alg": "ES256", "use": "sig"}]}}
    )
}
TRUST = Trust.of(IDENTIFIER)
HEADER = {"alg": "ES256", "typ": "JWT", "kid": SIGNER.key_id}
START = NOW - NOW % 86_400


def _date(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def claims_of(subject: Mapping[str, Any]) -> dict[str, Any]:
    """All claims but `cnf`."""
    return {
        "vc": {
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "type": ["VerifiableCredential", "UniversityDegreeCredential"],
            "credentialSubject": subject,
            "issuer": IDENTIFIER,
            "issuanceDate": _date(START),
            "expirationDate": _date(START + LIFETIME),
        },
        "iss": IDENTIFIER,
        "nbf": START,
        "exp": START + LIFETIME,
    }


# --- by hand ----------------------------------------------------------------------------------------------------------------

_HEAD = b64(encode(HEADER).encode()) + b"."


def floor_issue(subject: Mapping[str, Any], jwks: Sequence[Mapping[str, str]]) -> list[str]:
    """A batch: what does not differ is encoded once."""
    start, credentials = encode(claims_of(subject)).encode()[:-1], []
    for holder in jwks:
        names = (holder["x"].encode(), holder["y"].encode())
        data = _HEAD + b64(b'%b,"cnf":{"jwk":{"kty":"EC","crv":"P-256","x":"%b","y":"%b"}}}' % (start, *names))
        credentials.append((data + b"." + b64(raw(ISSUER_KEY.sign(data, ECDSA)))).decode())
    return credentials


def floor_verify(credentials: Sequence[str], jwks: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The credentials of a batch; equal headers are read once, and their key too."""
    read, key, found = b"", ISSUER_KEY.public_key(), []
    for credential, holder in zip(credentials, jwks, strict=True):
        data, _, signature = credential.encode().rpartition(b".")
        head, _, payload = data.partition(b".")
        if head != read:
            header = decode(unb64(head).decode())
            if header["alg"] != "ES256":
                raise ValueError
            keys = decode(DOCUMENTS[jwt_vc_issuer_metadata_url(IDENTIFIER)].decode())["jwks"]["keys"]
            member = next(key for key in keys if key["kid"] == header["kid"])
            read, key = head, load_point(CURVE, b"\x04" + unb64(member["x"].encode()) + unb64(member["y"].encode()))
        key.verify(der(unb64(signature)), data, ECDSA)
        claims = decode(unb64(payload).decode())
        if claims["exp"] < NOW or claims["iss"] != IDENTIFIER or claims["cnf"]["jwk"] != holder:
            raise ValueError
        vc: dict[str, Any] = claims["vc"]
        if "UniversityDegreeCredential" not in vc["type"] or vc["issuer"] != IDENTIFIER:
            raise ValueError
        found.append(vc)
    return found


# --- the library, and its peers ---------------------------------------------------------------------------------------------


def library_issue(encoder: JwtVcEncoder, size: int) -> tuple[str, ...]:
    """A batch."""
    return encoder.draft(
        {"credentialSubject": SUBJECT},
        configuration=CONFIGURATION,
        issuer=IDENTIFIER,
        holder_keys=HOLDERS[:size],
        now=NOW,
        new_secret=os.urandom,
    ).finish()


def library_verify(credentials: Sequence[str]) -> list[Mapping[str, Any]]:
    """Each by itself."""
    verifier, keys, found = JwtVcVerifier(), HOLDERS[: len(credentials)], []
    for credential in credentials:
        verified = verifier.verify(
            credential, configuration=CONFIGURATION, trust=TRUST, holder_keys=keys, documents=DOCUMENTS, now=NOW
        )
        assert isinstance(verified, VerifiedCredential)
        found.append(verified.claims)
    return found


_MESSAGE = bytes(900)
_SIGNATURE = ISSUER_KEY.sign(_MESSAGE, ECDSA)
_POINT = b"\x04" + b"".join(unb64(SIGNER.public_jwk[name].encode()) for name in "xy")


def cryptography_issue(size: int) -> None:
    """The signatures."""
    for _ in range(size):
        ISSUER_KEY.sign(_MESSAGE, ECDSA)


def cryptography_verify(size: int) -> None:
    """The key, once, and the signatures."""
    key = load_point(CURVE, _POINT)
    for _ in range(size):
        key.verify(_SIGNATURE, _MESSAGE, ECDSA)


def python_jose_issue(jwks: Sequence[Mapping[str, str]]) -> list[str]:
    """With python-jose, whose arithmetic the library uses."""
    headers = {name: value for name, value in HEADER.items() if name != "alg"}
    return [jwt.encode({**claims_of(SUBJECT), "cnf": {"jwk": key}}, private_jwk(), "ES256", headers) for key in jwks]


def python_jose_verify(credentials: Sequence[str]) -> list[Mapping[str, Any]]:
    """With python-jose, whose arithmetic the library uses."""
    key = dict(SIGNER.public_jwk)
    return [jwt.decode(text, key, ["ES256"], issuer=IDENTIFIER)["vc"] for text in credentials]


def workload(size: int, *, node: NodePeer | None = None, python: bool = False) -> Workload:
    """Bound by `cnf`."""
    jwks = [jwk(key) for key in HOLDERS[:size]]
    by_hand = partial(floor_issue, SUBJECT, jwks)
    library = partial(library_issue, JwtVcEncoder(signer=SIGNER, lifetime=LIFETIME), size)
    theirs, ours = by_hand(), library()
    assert library_verify(theirs) == library_verify(ours) == floor_verify(theirs, jwks) == floor_verify(ours, jwks)
    work = Workload(
        "jwt_vc_json",
        size,
        {"cryptography": partial(cryptography_issue, size), "floor": by_hand, "library": library},
        {
            "cryptography": partial(cryptography_verify, size),
            "floor": partial(floor_verify, ours, jwks),
            "library": cold(partial(library_verify, ours)),
            "library again": partial(library_verify, ours),
        },
    )
    if python:
        assert library_verify(python_jose_issue(jwks)) == python_jose_verify(ours)
        work = work.beside("python-jose", partial(python_jose_issue, jwks), partial(python_jose_verify, ours))
    if node is not None:
        given = {
            "key": private_jwk(),
            "header": HEADER,
            "claims": claims_of(SUBJECT),
            "holders": jwks,
            "credentials": ours,
        }
        issued, verified = node.load("jwt", given)
        assert library_verify(issued.result()) == verified.result()
        work = work.beside("jose (node)", issued, verified)
    return work
