"""Status List Tokens and other people's libraries for JWTs and COSE; a W3C credential and its list, both of our own formats."""

import json
import zlib
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jwt as jwcrypto_jwt

from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.vc_jwt import VcJwtConfiguration, VcJwtEncoder, VcJwtVerifier
from oid4vci.metadata import CredentialConfiguration, CredentialDefinition
from oid4vci.secret import new_secret
from oid4vci.status_list import (
    BITSTRING_CREDENTIAL_TYPES,
    CWT,
    JWT,
    BitstringStatusChecker,
    BitstringStatusList,
    BitstringStatusListEntry,
    StatusListIndices,
)
from oid4vci.trust import Trust
from tests.status_lists import (
    CLAIMS,
    INDEX,
    ISSUER,
    KEY,
    METADATA,
    METADATA_URL,
    NOW,
    PUBLISHING,
    SIGNER,
    STATUSES,
    URI,
    credential,
    made,
    status,
)

NUMBERS = KEY.private_numbers()
PUBLIC: dict[str, str | list[str]] = {**SIGNER.public_jwk}
PRIVATE: dict[str, str | list[str]] = {**SIGNER.public_jwk, "d": b64url_encode(NUMBERS.private_value.to_bytes(32, "big"))}


def test_joserfc_reads_our_token() -> None:
    # A header with certificates is too large for it.
    body = made(JWT, PUBLISHING).decode()
    token = joserfc_jwt.decode(body, ECKey.import_key(PUBLIC), algorithms=["ES256"])
    assert token.header["typ"] == "statuslist+jwt"
    lst = zlib.decompress(b64url_decode(token.claims["status_list"]["lst"]))
    assert lst == STATUSES.packed
    assert token.claims["sub"] == URI


def test_we_read_a_token_of_joserfc() -> None:
    header = {"alg": "ES256", "typ": "statuslist+jwt", "kid": "issuer-1"}
    token = joserfc_jwt.encode(header, dict(CLAIMS), ECKey.import_key(PRIVATE))
    assert status(token.encode()).value == 1


def test_jwcrypto_reads_our_token() -> None:
    token = jwcrypto_jwt.JWT(expected_type="JWS", algs=["ES256"], check_claims={"sub": URI, "exp": None, "iat": None})
    token.validity, token.leeway = 0, 10**9
    token.deserialize(made(JWT).decode(), jwcrypto_jwk.JWK(**SIGNER.public_jwk))
    assert json.loads(token.claims)["status_list"] == CLAIMS["status_list"]


def test_we_read_a_token_of_jwcrypto() -> None:
    token = jwcrypto_jwt.JWT(header={"alg": "ES256", "typ": "statuslist+jwt"}, claims=dict(CLAIMS))
    token.make_signed_token(jwcrypto_jwk.JWK(**PRIVATE))
    assert status(token.serialize().encode()).value == 1
    assert status(made(JWT, PUBLISHING), credential(INDEX)).value == 1


def test_a_cwt_by_hand() -> None:
    """No library that is installed here reads CWTs; cbor2 and cryptography do, with the few lines of RFC 9052 4.4."""
    message = cbor2.loads(made(CWT))
    protected, unprotected, payload, signature = message.value
    assert message.tag == 18
    assert unprotected == {}
    structure = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    KEY.public_key().verify(encode_dss_signature(r, s), structure, ec.ECDSA(hashes.SHA256()))
    claims = cbor2.loads(payload)
    assert zlib.decompress(claims[65533]["lst"]) == STATUSES.packed
    r, s = decode_dss_signature(KEY.sign(structure, ec.ECDSA(hashes.SHA256())))
    again = [protected, unprotected, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]
    assert status(cbor2.dumps(cbor2.CBORTag(18, again))).value == 1


# A W3C credential and its list


LISTS = "https://issuer.example/status/3"
CONTEXT = "https://www.w3.org/ns/credentials/v2"


def configuration(*types: str) -> CredentialConfiguration:
    return VcJwtConfiguration(
        credential_definition=CredentialDefinition.from_json({"@context": [CONTEXT], "type": list(types)}),
        credential_signing_alg_values_supported=("ES256",),
    )


def issued(of: CredentialConfiguration, claims: dict[str, Any], copies: Any = None, **more: Any) -> str:
    encoder = VcJwtEncoder(signer=SIGNER, kid="issuer-1")
    draft = encoder.draft(
        claims, configuration=of, issuer=ISSUER, holder_keys=(), now=NOW, new_secret=new_secret, copies=copies
    )
    return draft.finish()[0]


def verified(credential: str) -> VerifiedCredential:
    result = VcJwtVerifier().verify(
        credential,
        configuration=None,
        trust=Trust.of(ISSUER),
        holder_keys=(),
        documents={METADATA_URL: METADATA},
        now=NOW,
    )
    assert isinstance(result, VerifiedCredential)
    return result


def test_a_w3c_credential_has_both_kinds_of_status() -> None:
    allocated = (
        StatusListIndices(uri=LISTS, expires_at=NOW + 1, size=131_072).draw(1, now=NOW, new_secret=new_secret).verify({})
    )
    (index,) = allocated.values
    entry = BitstringStatusListEntry.of(LISTS, index).to_json()
    reference = {"status_list": {"idx": INDEX, "uri": URI}}
    subject = {"credentialSubject": {"id": "did:example:1", "name": "Ada"}}
    own = verified(
        issued(configuration("VerifiableCredential", "Diploma"), subject, [{"credentialStatus": entry, "status": reference}])
    )
    assert status(made(JWT, PUBLISHING), own).value == 1
    for value in (0, 1):
        dataset = BitstringStatusList.of(statuses={index: value}).dataset(LISTS, ["revocation"], ttl=600)
        body = issued(configuration(*BITSTRING_CREDENTIAL_TYPES), dataset).encode()
        documents: dict[str, bytes] = {}
        checker, trust = BitstringStatusChecker(verifier=VcJwtVerifier()), Trust.of(ISSUER)
        served = {LISTS: body, METADATA_URL: METADATA}
        outcome = checker.check(own, trust=trust, documents=documents, now=NOW)
        while isinstance(outcome, NeededDocument):
            documents[outcome.url] = served[outcome.url]
            outcome = checker.check(own, trust=trust, documents=documents, now=NOW)
        (found,) = outcome
        assert (found.value, found.purpose, found.valid_until) == (value, "revocation", NOW + 600)
