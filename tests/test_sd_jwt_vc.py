"""SD-JWT VC (OID4VCI A.3, HAIP 6.1): what issuers make, what Wallets believe, and other implementations in both directions."""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj  # type: ignore[import-untyped]
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from oid4vci import _jose
from oid4vci._json import b64url_decode, dump_bytes
from oid4vci.claims import ClaimsPath
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialEncoder, CredentialVerifier, NeededDocument, VerifiedCredential
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.keys import LocalSigner, PublicKey, RemoteSigner, public_key
from oid4vci.metadata import CredentialConfiguration, SdJwtVcConfiguration
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_sd_jwt import digest, disclosure
from tests.test_x509 import LEAF_KEY, NOW, ROOT, ROOT_KEY, SUB, SUB_KEY, certificate, signer

DAY = 86_400
ISSUER = "https://issuer.example.com/tenant"
METADATA = "https://issuer.example.com/.well-known/jwt-vc-issuer/tenant"
VCT = "https://credentials.example.com/pid"
CONFIGURATION = SdJwtVcConfiguration(vct=VCT, credential_signing_alg_values_supported=("ES256",))
SIGNER = LocalSigner.generate("issuer-1")
HOLDERS = tuple(public_key(LocalSigner.generate(f"holder-{i}").public_jwk) for i in range(3))
TRUST = Trust(Anchors.from_der(ROOT), allow={ISSUER, "https://issuer.example.com/jwks"}.__contains__)
CLAIMS: dict[str, Any] = {
    "given_name": "Erika",
    "address": {"locality": "Köln", "country": "DE"},
    "nationalities": ["DE", "FR"],
    "sex": 2,
}


def documents(*keys: Mapping[str, Any], **members: Any) -> dict[str, bytes]:
    jwks = {"keys": [dict(key) for key in keys or ({**SIGNER.public_jwk, "kid": "issuer-1"},)]}
    return {METADATA: dump_bytes({"issuer": ISSUER, "jwks": jwks, **members})}


def draft(
    encoder: SdJwtVcEncoder, claims: Mapping[str, Any] = CLAIMS, keys: tuple[PublicKey, ...] = HOLDERS[:1], **more: Any
) -> SignedCopies[str]:
    arguments: dict[str, Any] = {"configuration": CONFIGURATION, "issuer": ISSUER, "now": NOW, "new_secret": new_secret, **more}
    return encoder.draft(claims, holder_keys=keys, **arguments)


def issue(
    encoder: SdJwtVcEncoder, claims: Mapping[str, Any] = CLAIMS, keys: tuple[PublicKey, ...] = HOLDERS[:1], **more: Any
) -> tuple[str, ...]:
    return draft(encoder, claims, keys, **more).finish()


def check(credential: Any, *, verifier: SdJwtVcVerifier | None = None, **more: Any) -> VerifiedCredential:
    arguments: dict[str, Any] = {
        "configuration": CONFIGURATION, "trust": TRUST, "holder_keys": HOLDERS, "documents": documents(), "now": NOW, **more,
    }  # fmt: skip
    verified = (verifier or SdJwtVcVerifier()).verify(credential, **arguments)
    assert isinstance(verified, VerifiedCredential)
    return verified


def opened(credential: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = credential.partition("~")[0].split(".")
    return json.loads(b64url_decode(header)), json.loads(b64url_decode(payload))


def signed(payload: Mapping[str, Any], *disclosures: str, signer: LocalSigner = SIGNER, **header: Any) -> str:
    """A credential by an issuer that may do anything. A header member of None is left out."""
    members = {"alg": signer.algorithm, "typ": "dc+sd-jwt", "kid": signer.key_id, **header}
    data = _jose.signing_input({name: value for name, value in members.items() if value is not None}, dump_bytes(payload))
    return "~".join((_jose.compact(data, signer.sign(data)), *disclosures, ""))


PAYLOAD: dict[str, Any] = {
    "iss": ISSUER,
    "vct": VCT,
    "iat": NOW,
    "exp": NOW + DAY,
    "cnf": {"jwk": dict(HOLDERS[0].jwk)},
    "a": 1,
}
ENCODER = SdJwtVcEncoder(signer=SIGNER, disclosable=[("given_name",), ("address", "locality"), ("nationalities", None)])


def test_the_interfaces_fit() -> None:
    encoder: CredentialEncoder = ENCODER
    verifier: CredentialVerifier = SdJwtVcVerifier()
    assert encoder.format == "dc+sd-jwt"
    assert verifier


# --- issuing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.3.4-01", "HAIP-6.1-01")
def test_a_credential() -> None:
    (credential,) = issue(ENCODER)
    assert credential.endswith("~")
    assert credential.count("~") == 5
    header, payload = opened(credential)
    assert header == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": "issuer-1"}
    assert payload["vct"] == VCT
    assert payload["iss"] == ISSUER
    assert payload["cnf"] == {"jwk": HOLDERS[0].jwk}
    assert payload["sex"] == 2
    assert "given_name" not in payload
    verified = check(credential)
    assert {name: verified.claims[name] for name in CLAIMS} == CLAIMS
    assert verified.claims.keys() == {*CLAIMS, "iss", "iat", "exp", "vct", "cnf"}
    assert verified.holder_key == HOLDERS[0]
    assert verified.issuer == ISSUER
    assert verified.format == "dc+sd-jwt"
    assert verified.issued_at == payload["iat"]
    assert verified.expires_at == payload["exp"]
    assert verified.status is None
    assert {one.path for one in verified.disclosures} == {
        ("given_name",), ("address", "locality"), ("nationalities", 0), ("nationalities", 1),
    }  # fmt: skip
    assert "Erika" not in repr(verified)


@pytest.mark.spec("VCI-A.3.4-02")
def test_the_wallet_keeps_what_it_received() -> None:
    (credential,) = issue(ENCODER)
    assert check(credential).credential == credential


def test_copies_share_nothing_but_the_dataset() -> None:
    credentials = issue(evolve(ENCODER, decoys=2), keys=HOLDERS)
    verified = [check(credential) for credential in credentials]
    assert [one.holder_key for one in verified] == list(HOLDERS)
    assert len({one.issued_at for one in verified}) == len({one.expires_at for one in verified}) == 1
    assert all({name: one.claims[name] for name in CLAIMS} == CLAIMS for one in verified)
    pieces = [piece for credential in credentials for piece in credential.split("~")[1:-1]]
    assert len(set(pieces)) == len(pieces) == 12
    salts = {json.loads(b64url_decode(piece))[0] for piece in pieces}
    assert len(salts) == 12
    digests = [digest for credential in credentials for digest in opened(credential)[1]["_sd"]]
    assert len(set(digests)) == len(digests) == 9


def test_one_draw_for_each_copy() -> None:
    sizes = []

    def counting(size: int) -> bytes:
        sizes.append(size)
        return new_secret(size)

    issue(ENCODER, keys=HOLDERS, new_secret=counting)
    assert sizes == [4 * 18] * 3


def test_without_a_holder_key_there_is_one_unbound_credential() -> None:
    (credential,) = issue(ENCODER, keys=())
    assert "cnf" not in opened(credential)[1]
    assert check(credential, holder_keys=()).holder_key is None
    with pytest.raises(InvalidCredential, match="cnf"):
        check(credential)


def test_a_key_elsewhere_signs() -> None:
    remote = RemoteSigner("kms-7", "ES256", SIGNER.public_jwk)
    waiting = draft(SdJwtVcEncoder(signer=remote, kid="issuer-1", disclosable=EVERY_CLAIM), keys=HOLDERS)
    assert [(one.key_id, one.algorithm) for one in waiting.to_sign] == [("kms-7", "ES256")] * 3
    credentials = waiting.finish([SIGNER.sign(one.data) for one in waiting.to_sign])
    assert [check(credential).holder_key for credential in credentials] == list(HOLDERS)
    for wrong in ([], [b"x" * 64] * 2, [b"x" * 63] * 3):
        with pytest.raises(ValueError, match="signature"):
            waiting.finish(wrong)
    assert draft(ENCODER).to_sign == ()
    with pytest.raises(ValueError, match="no signatures"):
        draft(ENCODER).finish([b"x" * 64])


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
def test_algorithms(algorithm: str) -> None:
    signer = LocalSigner.generate("k", algorithm)
    open_configuration = SdJwtVcConfiguration(vct=VCT)
    (credential,) = issue(SdJwtVcEncoder(signer=signer), configuration=open_configuration)
    published = documents({**signer.public_jwk, "kid": "k"})
    assert check(credential, configuration=open_configuration, documents=published)
    if algorithm != "ES256":
        with pytest.raises(InvalidCredential, match="alg"):
            check(credential, documents=published)
        with pytest.raises(ValueError, match="credential_signing_alg_values_supported"):
            issue(SdJwtVcEncoder(signer=signer))


def test_times_are_rounded() -> None:
    for now in (NOW, NOW + 1, NOW + 12_345, NOW - NOW % DAY, NOW - NOW % DAY + DAY - 1):
        (credential,) = issue(evolve(ENCODER, not_before=True, lifetime=3 * DAY), now=now)
        payload = opened(credential)[1]
        assert payload["iat"] == payload["nbf"] == now - now % DAY
        assert payload["exp"] % DAY == 0
        assert now + 2 * DAY < payload["exp"] <= now + 3 * DAY
    for lifetime, step in ((None, DAY), (2 * DAY, DAY), (DAY, 3_600), (7_199, 60), (120, 60), (119, 1), (1, 1)):
        encoder = SdJwtVcEncoder(signer=SIGNER, lifetime=lifetime)
        assert encoder.time_granularity == step
        payload = opened(issue(encoder)[0])[1]
        assert payload["iat"] % step == 0
        if lifetime is None:
            assert "exp" not in payload
        else:
            assert NOW < payload["exp"] <= NOW + lifetime
            assert payload["exp"] % step == 0


@pytest.mark.spec("HAIP-6.1-04")
def test_validity_is_limited_by_default() -> None:
    payload = opened(issue(SdJwtVcEncoder(signer=SIGNER))[0])[1]
    assert NOW < payload["exp"] <= NOW + 30 * DAY


@pytest.mark.spec("HAIP-6.1-11")
def test_each_copy_has_a_status_of_its_own() -> None:
    statuses = [{"status": {"status_list": {"idx": i, "uri": "https://status.example.com/1"}}} for i in (7, 3, 11)]
    credentials = issue(ENCODER, keys=HOLDERS, copies=statuses)
    assert [check(credential).status for credential in credentials] == [one["status"] for one in statuses]
    again = {"status": {**statuses[0]["status"], "other": {}}}
    for wrong in ([statuses[0]] * 3, [statuses[0], statuses[1], statuses[0]], [*statuses[:2], again], statuses[:2], []):
        with pytest.raises(ValueError, match=r"status of its own|copies must have"):
            issue(ENCODER, keys=HOLDERS, copies=wrong)
    with pytest.raises(ValueError, match="status of its own"):
        issue(ENCODER, {**CLAIMS, **statuses[0]}, HOLDERS)
    (alone,) = issue(ENCODER, {**CLAIMS, **statuses[0]})
    assert check(alone).status == statuses[0]["status"]


def test_each_copy_has_an_identifier_of_its_own() -> None:
    own = [{"jti": str(i)} for i in range(3)]
    assert [check(each).claims["jti"] for each in issue(ENCODER, keys=HOLDERS, copies=own)] == ["0", "1", "2"]
    assert check(issue(ENCODER, {**CLAIMS, "jti": "alone"})[0]).claims["jti"] == "alone"
    with pytest.raises(ValueError, match="jti of its own"):
        issue(ENCODER, {**CLAIMS, "jti": "shared"}, HOLDERS)
    with pytest.raises(ValueError, match="jti of its own"):
        issue(ENCODER, keys=HOLDERS, copies=[*own[:2], own[0]])


@pytest.mark.parametrize(
    "copy", [{"iss": "x"}, {"cnf": {}}, {"given_name": "x"}, {"sex": 1}, {"x": {"_sd": 1}}, {"x": b""}, {"address": 1}, {1: 1}]
)
def test_what_copies_must_not_bring(copy: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        issue(ENCODER, {"sex": 2}, copies=[copy])


@pytest.mark.parametrize("name", ["iss", "iat", "nbf", "exp", "cnf", "vct", "_sd", "_sd_alg", "..."])
def test_claims_that_the_library_sets(name: str) -> None:
    with pytest.raises(ValueError, match="library sets"):
        issue(ENCODER, {name: 1})


@pytest.mark.parametrize("status", [{}, None, "x", []])
def test_a_status_refers_to_something(status: Any) -> None:
    with pytest.raises(ValueError, match="status must be"):
        issue(ENCODER, {"status": status})


@pytest.mark.parametrize("name", ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aud", "_sd", "_sd_alg", "..."])
def test_claims_that_are_never_disclosable(name: str) -> None:
    for path in ((name,), (name, "x")):
        with pytest.raises(ValueError, match=r"must not be selectively|reserved"):
            SdJwtVcEncoder(signer=SIGNER, disclosable=[path])


def test_every_claim() -> None:
    claims = {
        **CLAIMS,
        "sub": "u",
        "status": {"status_list": {"idx": 1, "uri": "https://status.example.com/1"}},
        "vct#integrity": "sha256-x",
        "aud": "x",
    }
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=EVERY_CLAIM), claims)
    payload = opened(credential)[1]
    assert payload.keys() == {"iss", "iat", "exp", "vct", "cnf", "status", "vct#integrity", "aud", "_sd", "_sd_alg"}
    assert len(payload["_sd"]) == 5
    assert check(credential).claims["sub"] == "u"


@pytest.mark.spec("HAIP-6.1-13")
def test_sub_and_iat_may_be_disclosable() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=[("iat",), ("sub",)]), {"sub": "user"})
    assert not {"iat", "sub"} & opened(credential)[1].keys()
    verified = check(credential)
    assert verified.claims["sub"] == "user"
    assert verified.issued_at == NOW - NOW % DAY
    assert "sub" not in check(issue(ENCODER)[0]).claims


@pytest.mark.parametrize(
    "fields",
    [
        {"hash_algorithm": "sha-1"},
        {"decoys": -1},
        {"time_granularity": 0},
        {"lifetime": DAY, "time_granularity": DAY},
        {"lifetime": 0},
        {"lifetime": -5},
        {"include_issuer": False},
        {"disclosable": "all"},
        {"disclosable": [("_sd",)]},
        {"x5c": (signer("sub", SUB_KEY), SUB)},
    ],
)
def test_encoders_that_make_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SdJwtVcEncoder(signer=SIGNER, **fields)


def test_the_configuration_must_fit() -> None:
    for wrong in (CredentialConfiguration(format="mso_mdoc"), CredentialConfiguration(format="vc+sd-jwt")):
        with pytest.raises(ValueError, match=r"dc\+sd-jwt"):
            issue(ENCODER, configuration=wrong)


# --- certificates -----------------------------------------------------------------------------------------------------------

CERTIFIED = LocalSigner("certified", "ES256", LEAF_KEY)
NAMES = (x509.SubjectAlternativeName([x509.DNSName("issuer.example.com")]), False)
NAMED_LEAF = signer("sub", SUB_KEY, NAMES)
WITH_X5C = SdJwtVcEncoder(signer=CERTIFIED, x5c=(NAMED_LEAF, SUB), disclosable=EVERY_CLAIM)


def x5c(*chain: bytes) -> list[str]:
    return [b64encode(der).decode() for der in chain]


@pytest.mark.spec("HAIP-6.1.1-01")
def test_a_certificate_chain_names_the_issuer() -> None:
    (credential,) = issue(WITH_X5C)
    header, payload = opened(credential)
    assert header == {"alg": "ES256", "typ": "dc+sd-jwt", "x5c": x5c(NAMED_LEAF, SUB)}
    assert check(credential, documents={}).issuer == payload["iss"] == ISSUER
    both = evolve(WITH_X5C, kid="k", include_issuer=False)
    (credential,) = issue(both)
    assert opened(credential)[0]["kid"] == "k"
    assert "iss" not in opened(credential)[1]
    assert check(credential, documents={}, verifier=SdJwtVcVerifier(haip=True)).issuer is None


@pytest.mark.spec("HAIP-6.1.1-03", "HAIP-6.1.1-04")
def test_what_issuers_must_not_send_as_x5c() -> None:
    alone = certificate("signer", LEAF_KEY, "signer", LEAF_KEY, NAMES)
    for chain in ((alone,), (NAMED_LEAF, SUB, ROOT)):
        with pytest.raises(ValueError, match="neither a self-signed"):
            SdJwtVcEncoder(signer=CERTIFIED, x5c=chain)
        credential = signed(PAYLOAD, signer=CERTIFIED, x5c=x5c(*chain))
        with pytest.raises(InvalidCredential):
            check(credential, verifier=SdJwtVcVerifier(haip=True))
    with pytest.raises(InvalidCredential, match="self-signed"):
        check(signed(PAYLOAD, signer=CERTIFIED, x5c=x5c(alone)), trust=Trust(Anchors.from_der(alone)))
    # Outside HAIP an anchor that was sent is not needed, and does no harm.
    assert check(signed(PAYLOAD, signer=CERTIFIED, x5c=x5c(NAMED_LEAF, SUB, ROOT)))


@pytest.mark.spec("HAIP-6.1.1-02")
def test_haip_demands_certificates() -> None:
    (credential,) = issue(ENCODER)
    assert check(credential)
    with pytest.raises(InvalidCredential, match="x5c is missing"):
        check(credential, verifier=SdJwtVcVerifier(haip=True))


def test_iss_is_bound_to_the_leaf() -> None:
    uri = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER)]), False)
    for leaf, iss, good in (
        (NAMED_LEAF, ISSUER, True),
        (NAMED_LEAF, "https://issuer.example.com", True),
        (NAMED_LEAF, "https://other.example.com", False),
        (NAMED_LEAF, "did:web:issuer.example.com", False),
        (signer("sub", SUB_KEY, uri), ISSUER, True),
        (signer("sub", SUB_KEY, uri), "https://issuer.example.com", False),
        (signer("sub", SUB_KEY), ISSUER, False),
    ):
        credential = signed({**PAYLOAD, "iss": iss}, signer=CERTIFIED, x5c=x5c(leaf, SUB))
        if good:
            assert check(credential, documents={}).issuer == iss
        else:
            with pytest.raises(InvalidCredential, match="iss"):
                check(credential, documents={})


def test_certificates_that_prove_nothing() -> None:
    good = signed(PAYLOAD, signer=CERTIFIED, x5c=x5c(NAMED_LEAF, SUB))
    assert check(good)
    for trust in (Trust(allow=lambda url: True), Trust(Anchors(), allow=lambda url: True)):
        with pytest.raises(Untrusted):
            check(good, trust=trust)
    other_key = signer("root", ROOT_KEY, NAMES, key=SUB_KEY)
    wrongs: tuple[Any, ...] = (x5c(NAMED_LEAF), [], "x", x5c(SUB, NAMED_LEAF), x5c(other_key), [1], {}, 5, True)
    for wrong in wrongs:
        with pytest.raises(InvalidCredential):
            check(signed(PAYLOAD, signer=CERTIFIED, x5c=wrong))
    with pytest.raises(InvalidCredential, match="not valid now"):
        check(signed({**PAYLOAD, "exp": NOW + 900 * DAY}, signer=CERTIFIED, x5c=x5c(NAMED_LEAF, SUB)), now=NOW + 400 * DAY)


# --- the issuer's metadata --------------------------------------------------------------------------------------------------


def test_keys_are_fetched_only_where_trust_allows() -> None:
    (credential,) = issue(ENCODER)
    verifier = SdJwtVcVerifier()

    def ask(trust: Trust, known: Mapping[str, bytes]) -> VerifiedCredential | NeededDocument:
        return verifier.verify(credential, configuration=None, trust=trust, holder_keys=HOLDERS, documents=known, now=NOW)

    assert ask(TRUST, {}) == NeededDocument(METADATA, ("application/json",))
    for known in ({}, documents()):
        with pytest.raises(Untrusted):
            ask(Trust(Anchors.from_der(ROOT)), known)
    jwks_uri = "https://issuer.example.com/jwks"
    by_reference = {METADATA: dump_bytes({"issuer": ISSUER, "jwks_uri": jwks_uri})}
    assert ask(TRUST, by_reference) == NeededDocument(jwks_uri, ("application/jwk-set+json", "application/json"))
    jwks = dump_bytes({"keys": [{**SIGNER.public_jwk, "kid": "issuer-1"}]})
    assert isinstance(ask(TRUST, {**by_reference, jwks_uri: jwks}), VerifiedCredential)
    with pytest.raises(Untrusted):
        ask(Trust(allow={ISSUER}.__contains__), {**by_reference, jwks_uri: jwks})


@pytest.mark.parametrize(
    ("iss", "url"),
    [
        ("https://example.com", "https://example.com/.well-known/jwt-vc-issuer"),
        ("https://example.com/", "https://example.com/.well-known/jwt-vc-issuer"),
        ("https://example.com:8443/a/b", "https://example.com:8443/.well-known/jwt-vc-issuer/a/b"),
        ("https://example.com/a/", "https://example.com/.well-known/jwt-vc-issuer/a"),
    ],
)
def test_where_metadata_are(iss: str, url: str) -> None:
    needed = SdJwtVcVerifier().verify(
        signed({**PAYLOAD, "iss": iss}),
        configuration=None,
        trust=Trust(allow={iss}.__contains__),
        holder_keys=(),
        documents={},
        now=NOW,
    )
    assert isinstance(needed, NeededDocument)
    assert needed.url == url


@pytest.mark.parametrize(
    "iss",
    ["http://example.com", "example.com", "did:web:example.com", "https://a@example.com", "https://example.com?x", "https://e.com#x",
     "", 1, None, [], "https://", "https://example.com/ x", "HTTPS", "file:///etc/passwd"],
)  # fmt: skip
def test_issuers_that_publish_nothing(iss: Any) -> None:
    with pytest.raises(InvalidCredential):
        check(signed({**PAYLOAD, "iss": iss}), trust=Trust(allow=lambda url: True))


def test_no_issuer_at_all() -> None:
    with pytest.raises(InvalidCredential, match="iss"):
        check(signed({name: value for name, value in PAYLOAD.items() if name != "iss"}))


JWK_1 = {**SIGNER.public_jwk, "kid": "issuer-1"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": ISSUER + "/", "jwks": {"keys": [JWK_1]}},
        {"issuer": "https://issuer.example.com", "jwks": {"keys": [JWK_1]}},
        {"jwks": {"keys": [JWK_1]}},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks": {"keys": [JWK_1]}, "jwks_uri": "https://issuer.example.com/jwks"},
        {"issuer": ISSUER, "jwks": {"keys": []}},
        {"issuer": ISSUER, "jwks": [JWK_1]},
        {"issuer": ISSUER, "jwks": None},
        {"issuer": ISSUER, "jwks": {"keys": [{**JWK_1, "kid": "other"}]}},
        {"issuer": ISSUER, "jwks": {"keys": [SIGNER.public_jwk]}},
        {"issuer": ISSUER, "jwks": {"keys": [{**JWK_1, "use": "enc"}]}},
        {"issuer": ISSUER, "jwks": {"keys": [{**JWK_1, "alg": "ES384"}]}},
        {"issuer": ISSUER, "jwks": {"keys": [{"kty": "oct", "k": "AAAA", "kid": "issuer-1"}]}},
        {"issuer": ISSUER, "jwks": {"keys": [{**HOLDERS[0].jwk, "kid": "issuer-1"}]}},
        {"issuer": ISSUER, "jwks_uri": "http://issuer.example.com/jwks"},
        {"issuer": ISSUER, "jwks_uri": 1},
        [],
        "text",
    ],
)
def test_metadata_that_give_no_key(metadata: Any) -> None:
    with pytest.raises(InvalidCredential):
        check(issue(ENCODER)[0], documents={METADATA: dump_bytes(metadata)}, trust=Trust(allow=lambda url: True))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"issuer":"a","issuer":"b"}'])
def test_metadata_that_are_no_json(body: bytes) -> None:
    with pytest.raises(InvalidCredential):
        check(issue(ENCODER)[0], documents={METADATA: body})


def test_several_keys() -> None:
    credential = signed(PAYLOAD, kid=None)
    decoys = [dict(LocalSigner.generate("x").public_jwk) for _ in range(11)]
    other_curve = LocalSigner.generate("x", "ES384").public_jwk
    assert check(credential, documents=documents(*decoys[:9], SIGNER.public_jwk, other_curve))
    with pytest.raises(InvalidCredential, match="does not verify"):
        check(credential, documents=documents(*decoys[:10]))
    with pytest.raises(InvalidCredential, match="too many"):
        check(credential, documents=documents(*decoys[:10], SIGNER.public_jwk))
    # With a kid, only that key: two may have the same.
    named = signed(PAYLOAD)
    assert check(named, documents=documents(*decoys, {**decoys[0], "kid": "issuer-1"}, JWK_1))
    with pytest.raises(InvalidCredential, match="no such key"):
        check(named, documents=documents(*decoys, SIGNER.public_jwk))


def test_a_key_in_the_header_is_nobodys() -> None:
    thief = LocalSigner.generate("thief")
    credential = signed(PAYLOAD, signer=thief, kid="issuer-1", jwk=dict(thief.public_jwk))
    with pytest.raises(InvalidCredential, match="does not verify"):
        check(credential)


# --- what Wallets refuse ----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.3.4-01", "HAIP-6.1-02")
@pytest.mark.parametrize(
    "credential", [None, 1, {}, [], b"x~", {"payload": "", "protected": "", "signature": ""}, "", "~", "a.b.c", "a.b.c~"]
)
def test_what_is_no_credential(credential: Any) -> None:
    with pytest.raises(InvalidCredential):
        check(credential)


def test_the_form_of_an_issued_credential() -> None:
    good = signed(PAYLOAD)
    assert check(good)
    for wrong in (good[:-1], good + "a.b.c", good + "~", good + good, " " + good, good + "\n", good[:-1] + "\n~"):
        with pytest.raises(InvalidCredential):
            check(wrong)


@pytest.mark.spec("VCI-A.3.1-01")
@pytest.mark.parametrize("typ", ["vc+sd-jwt", "JWT", "DC+SD-JWT", "application/dc+sd-jwt", "", 1, None, ["dc+sd-jwt"]])
def test_typ(typ: Any) -> None:
    with pytest.raises(InvalidCredential, match="typ"):
        check(signed(PAYLOAD, typ=typ))


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES384", "es256", "", 1, None, ["ES256"]])
def test_algorithms_that_do_not_fit(alg: Any) -> None:
    for configuration in (CONFIGURATION, None):
        with pytest.raises(InvalidCredential):
            check(signed(PAYLOAD, alg=alg), configuration=configuration)


def test_extensions_of_the_header() -> None:
    headers: tuple[dict[str, Any], ...] = ({"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"kid": 1}, {"kid": ""})
    for header in headers:
        with pytest.raises(InvalidCredential):
            check(signed(PAYLOAD, **header))


@pytest.mark.parametrize(
    "changes",
    [
        {"vct": "https://credentials.example.com/PID"}, {"vct": VCT + "/"}, {"vct": ""}, {"vct": 1}, {"vct": None}, {"vct": [VCT]},
        {"vct#integrity": 1}, {"exp": NOW - 60}, {"exp": 0}, {"exp": "9999999999"}, {"exp": None}, {"exp": True}, {"exp": [1]},
        {"exp": -1e300}, {"nbf": NOW + 61}, {"nbf": "1"}, {"nbf": None}, {"iat": NOW + 2 * DAY}, {"iat": "1"}, {"iat": False},
        {"sub": 1}, {"sub": None}, {"status": {}}, {"status": None}, {"status": "x"}, {"status": {"status_list": 1}},
    ],
)  # fmt: skip
def test_claims_that_are_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidCredential):
        check(signed({**PAYLOAD, **changes}))


def test_vct_is_required() -> None:
    payload = {name: value for name, value in PAYLOAD.items() if name != "vct"}
    for configuration in (CONFIGURATION, None):
        with pytest.raises(InvalidCredential, match="vct"):
            check(signed(payload), configuration=configuration)


def test_clocks_may_differ_a_little() -> None:
    assert check(signed({**PAYLOAD, "exp": NOW - 59})).expires_at == NOW - 59
    assert check(signed({**PAYLOAD, "nbf": NOW + 60, "iat": NOW + 60.5})).issued_at == NOW + 60
    with pytest.raises(InvalidCredential, match="exp"):
        check(signed({**PAYLOAD, "exp": NOW}), verifier=SdJwtVcVerifier(leeway=0))


@pytest.mark.spec("HAIP-6.1-05", "HAIP-6.1-06")
@pytest.mark.parametrize(
    "cnf",
    [None, {}, [], "x", {"jwk": None}, {"jwk": {}}, {"jwk": "x"}, {"kid": "did:example:1#k"}, {"jwk": dict(SIGNER.public_jwk)},
     {"jwk": {**HOLDERS[0].jwk, "d": "AA"}}, {"jwk": {**HOLDERS[0].jwk, "use": "enc"}}, {"jwk": {"kty": "oct", "k": "AAAA"}}],
)  # fmt: skip
def test_the_binding_must_be_to_a_key_that_was_asked_for(cnf: Any) -> None:
    with pytest.raises(InvalidCredential, match="cnf"):
        check(signed({**PAYLOAD, "cnf": cnf}))


@pytest.mark.spec("HAIP-6.1-05")
def test_bindings_are_well_formed_even_if_nobody_compares_them() -> None:
    malformed: tuple[Any, ...] = (None, {}, [], {"jwk": {}}, {"jwk": {"kty": "oct", "k": "AAAA"}})
    for cnf in malformed:
        with pytest.raises(InvalidCredential, match="cnf"):
            check(signed({**PAYLOAD, "cnf": cnf}), holder_keys=())
    assert check(signed({**PAYLOAD, "cnf": {"kid": "x"}}), holder_keys=()).holder_key is None
    assert check(signed({**PAYLOAD, "cnf": {"jwk": {**SIGNER.public_jwk, "kid": "x"}}}), holder_keys=()).holder_key


def test_keys_are_matched_by_key_not_by_order() -> None:
    credentials = issue(ENCODER, keys=HOLDERS)
    for order in (HOLDERS, HOLDERS[::-1]):
        assert [check(credential, holder_keys=order).holder_key for credential in credentials] == list(HOLDERS)


@pytest.mark.spec("HAIP-6.1-07")
def test_haip_wants_a_status_list() -> None:
    haip = SdJwtVcVerifier(haip=True)
    for status, good in ({"status_list": {"idx": 1, "uri": "u"}}, True), ({"other": {}}, False), ({}, False):
        credential = signed({**PAYLOAD, "status": status}, signer=CERTIFIED, x5c=x5c(NAMED_LEAF, SUB))
        if good:
            assert check(credential, verifier=haip).status == status
        else:
            with pytest.raises(InvalidCredential, match="status"):
                check(credential, verifier=haip)
    assert check(signed({**PAYLOAD, "status": {"other": {}}}))


@pytest.mark.parametrize("name", ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"])
def test_what_decides_on_belief_is_not_disclosable(name: str) -> None:
    text = disclosure("salt", name, "x")
    payload = {member: value for member, value in PAYLOAD.items() if member != name}
    with pytest.raises(InvalidCredential):
        check(signed({**payload, "_sd": [digest(text)]}, text, signer=CERTIFIED, x5c=x5c(NAMED_LEAF, SUB)), holder_keys=())
    inner = disclosure("salt", "x", 1)
    with pytest.raises(InvalidCredential):
        check(signed({**PAYLOAD, name: {"_sd": [digest(inner)]}}, inner))


def test_disclosures_are_checked() -> None:
    text = disclosure("salt", "a", "x")
    for payload, disclosures in (
        ({**PAYLOAD, "_sd": [digest(text)]}, [text]),
        (PAYLOAD, [text]),
        ({**PAYLOAD, "_sd_alg": "md5"}, []),
        ({**PAYLOAD, "_sd": [digest("x"), digest("x")]}, []),
    ):
        with pytest.raises(InvalidCredential):
            check(signed(payload, *disclosures))


# --- other implementations --------------------------------------------------------------------------------------------------


def theirs(signer: LocalSigner) -> JWK:
    return JWK.from_json(json.dumps(signer.public_jwk))


def test_the_reference_implementation_verifies_ours() -> None:
    paths: list[ClaimsPath] = [("given_name",), ("address",), ("address", "locality"), ("nationalities", None)]
    encoder = SdJwtVcEncoder(signer=SIGNER, disclosable=paths, decoys=2)
    (credential,) = issue(encoder)
    result = SDJWTVerifier(credential, lambda issuer, header: theirs(SIGNER)).get_verified_payload()
    assert result == check(credential).claims


def test_we_verify_the_reference_implementation() -> None:
    private = JWK.generate(kty="EC", crv="P-256", kid="issuer-1")
    claims: dict[Any, Any] = {
        **{name: value for name, value in PAYLOAD.items() if name != "a"},
        SDObj("given_name"): "Zoë",
        SDObj("address"): {SDObj("locality"): "Köln", "country": "DE"},
        "nationalities": [SDObj("DE"), "FR"],
    }
    issuer = SDJWTIssuer(
        claims, private, add_decoy_claims=True, extra_header_parameters={"typ": "dc+sd-jwt", "kid": "issuer-1"}
    )
    published = documents(json.loads(private.export_public()))
    verified = check(issuer.sd_jwt_issuance, documents=published)
    assert verified.claims["given_name"] == "Zoë"
    assert verified.claims["address"] == {"locality": "Köln", "country": "DE"}
    assert verified.claims["nationalities"] == ["DE", "FR"]
    assert len(verified.disclosures) == 4


def test_published_credentials(vectors: Path) -> None:
    """Those of the draft verify with its metadata; the others are bound to a holder, of drafts, by DIDs, or badly signed."""
    entries = {one["id"]: one for one in json.loads((vectors / "sd-jwt-vc" / "vectors.json").read_text())["vectors"]}
    metadata = entries["jwt-vc-issuer-metadata-jwks"]["document"]
    everyone = Trust(Anchors.from_der(ROOT), allow=lambda url: True)
    good = set()
    for vector in entries.values():
        if vector["type"] != "sdjwt":
            continue
        iss = vector["issuer_payload"].get("iss", "")
        host, _, path = iss.removeprefix("https://").partition("/")
        url = f"https://{host}/.well-known/jwt-vc-issuer" + (f"/{path}" if path else "")
        known = {url: dump_bytes({**metadata, "issuer": iss})}
        more: dict[str, Any] = {"configuration": None, "trust": everyone, "documents": known, "holder_keys": ()}
        with suppress(InvalidCredential):
            verified = check(vector["compact"], now=1_700_000_000, **more)
            assert verified.claims == vector["processed_payload"]
            assert verified.holder_key == public_key(vector["issuer_payload"]["cnf"]["jwk"])
            good.add(vector["id"])
            with pytest.raises(InvalidCredential, match="exp"):
                check(vector["compact"], now=1_900_000_000, **more)
    assert good == {"sdjwtvc-26559", "sdjwtvc-100690"}


# --- properties -------------------------------------------------------------------------------------------------------------

(CREDENTIAL,) = issue(ENCODER)


@given(st.integers(0, len(CREDENTIAL) * 8 - 1))
def test_a_changed_bit_is_noticed(bit: int) -> None:
    changed = bytearray(CREDENTIAL.encode())
    changed[bit // 8] ^= 1 << bit % 8
    # A changed `iss` is another issuer, which is not trusted.
    with pytest.raises((InvalidCredential, Untrusted)):
        check(changed.decode("latin-1"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from([ISSUER, VCT, NOW]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["_sd", "...", "jwk"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["iss", "vct", "iat", "exp", "nbf", "cnf", "status", "_sd", "_sd_alg", "sub", "a"]), json_values
    ),
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "x5c", "jwk", "crit"]),
        json_values.filter(lambda value: value not in (float("inf"), float("-inf"))),
    ),
    st.lists(st.text(max_size=10), max_size=2),
)
def test_an_issuer_that_does_anything(changes: dict[str, Any], header: dict[str, Any], disclosures: list[str]) -> None:
    try:
        credential = signed({**PAYLOAD, **changes}, *disclosures, **header)
    except ValueError:
        return  # not JSON
    # Whatever else is raised is not an answer to a peer's fault.
    with suppress(InvalidCredential, Untrusted):
        check(credential, configuration=None)


@given(st.text() | st.text(alphabet=".~abcXYZ019-_=").map(CREDENTIAL.__add__) | st.binary())
def test_arbitrary_input(credential: Any) -> None:
    if credential != CREDENTIAL:
        with pytest.raises(InvalidCredential):
            check(credential)


def test_errors_repeat_nothing_a_peer_sent() -> None:
    marker = "MARKER\x00secret"
    for credential in (
        marker,
        signed({**PAYLOAD, "vct": marker}),
        signed({**PAYLOAD, "iss": marker}),
        signed(PAYLOAD, typ=marker),
        signed(PAYLOAD, alg=marker),
        signed({**PAYLOAD, "_sd_alg": marker}),
        signed({**PAYLOAD, "exp": marker}),
        signed({**PAYLOAD, marker: {"_sd": marker}}),
    ):
        with pytest.raises(InvalidCredential) as refused:
            check(credential)
        assert "MARKER" not in str(refused.value)


def test_certificates_are_read_only_when_there_are_some() -> None:
    code = "import sys, oid4vci.formats, oid4vci.formats.sd_jwt_vc as m; print('oid4vci.x509' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    code = "import sys, oid4vci.formats; print('oid4vci.formats.sd_jwt_vc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_trust_refuses_everything_by_default() -> None:
    assert not Trust().allow(ISSUER)
    with pytest.raises(Untrusted):
        Trust().demand(ISSUER)
    TRUST.demand(ISSUER)


def test_an_issuer_whose_key_contradicts_its_metadata_is_not_made() -> None:
    """Found when the issuer is set up, not when the first request comes."""
    configuration = SdJwtVcConfiguration(vct="urn:x", credential_signing_alg_values_supported=("ES256",))
    SdJwtVcEncoder(signer=LocalSigner.generate("k")).check(configuration)
    with pytest.raises(ValueError, match="algorithm"):
        SdJwtVcEncoder(signer=LocalSigner.generate("k", "ES384")).check(configuration)
