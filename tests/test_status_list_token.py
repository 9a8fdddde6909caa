"""Status List Tokens: made as JWT and CWT, and what a Wallet believes of those that it is given (Token Status List 5, 8.3)."""

import contextlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _cbor, _cose, _jose, _json
from oid4vci._cbor import Tagged
from oid4vci.dids import DidJwk, DidKey
from oid4vci.errors import InvalidCredential, StatusUnknown, Untrusted
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.status_list import CWT, JWT, Status, StatusChecker, StatusList, StatusListSigner
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.status_lists import (
    ANCHORS,
    CHAIN,
    CLAIMS,
    COSE_CLAIMS,
    COSE_HEADER,
    HEADER,
    INDEX,
    ISSUER,
    KEY,
    LEAF,
    METADATA,
    METADATA_URL,
    NOW,
    OTHER,
    OTHER_KEY,
    PUBLISHING,
    ROOT,
    ROOT_KEY,
    SIGNER,
    SIGNING,
    STATUSES,
    SUB,
    SUB_KEY,
    TRUST,
    URI,
    check,
    credential,
    cwt,
    jwt,
    leaf_of,
    made,
    names,
    status,
)
from tests.test_x509 import SIGNING_ONLY, authority, certificate, name, signer

HAIP = StatusChecker(haip=True)
STATUS_SIGNING = "1.3.6.1.5.5.7.3.999"
BOTH = pytest.mark.parametrize("media_type", [JWT, CWT])


def vector(vectors: Path, name: str) -> dict[str, Any]:
    found = json.loads((vectors / "status-list" / "vectors.json").read_text())["vectors"]
    return next(each for each in found if each["id"] == name)


# Published tokens


@pytest.mark.parametrize("name", ["status-list-token-jwt-5.1", "status-list-token-cwt-5.2"])
def test_published_tokens_are_believed_with_the_key_of_the_issuer(vectors: Path, name: str) -> None:
    token = vector(vectors, name)
    body = token["compact"].encode() if "compact" in token else bytes.fromhex(token["hex"])
    issuer, uri = "https://example.com", "https://example.com/statuslists/1"
    metadata = {"issuer": issuer, "jwks": {"keys": [token["jwk"]]}}
    documents = {uri: body, f"{issuer}/.well-known/jwt-vc-issuer": _json.dump_bytes(metadata)}
    checker, trust, now = StatusChecker(), Trust.of(issuer), 1_686_920_200
    for index, expected in enumerate((1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1)):
        of = credential(index, uri=uri, issuer=issuer)
        assert checker.check(of, trust=trust, documents=documents, now=now) == Status(expected, now, now + 43_200)
    with pytest.raises(StatusUnknown):
        checker.check(credential(16, uri=uri, issuer=issuer), trust=trust, documents=documents, now=now)
    with pytest.raises(StatusUnknown):
        checker.check(credential(0, uri=uri, issuer=issuer), trust=trust, documents=documents, now=2_291_720_170 + 60)


def test_a_published_credential_refers_to_its_entry(vectors: Path) -> None:
    payload = vector(vectors, "6.2-referenced-token-sd-jwt")["processed_payload"]
    needed = StatusChecker().check(
        credential(issuer=payload["iss"], status=payload["status"]),
        trust=Trust.of(ISSUER, "https://example.com"),
        documents={},
        now=NOW,
    )
    assert needed == NeededDocument("https://example.com/statuslists/1", (JWT, CWT))


# What is made


@BOTH
@pytest.mark.spec("HAIP-6.1-08")
def test_tokens_come_back(media_type: str) -> None:
    body = made(media_type)
    assert status(body, checker=HAIP) == Status(1, NOW, NOW + 43_200)
    assert status(body, credential(0)).valid
    assert [status(body, credential(index)).name for index in (0, INDEX, 7, 8)] == ["VALID", "INVALID", "SUSPENDED", None]


@pytest.mark.spec("HAIP-6.1-08")
def test_a_jwt_says_what_the_specification_wants() -> None:
    jws = _jose.parse(made().decode())
    assert jws.header == dict(HEADER)
    assert jws.claims() == dict(CLAIMS)
    bare = StatusListSigner(signer=SIGNER, lifetime=None, ttl=None, include_jwk=True, aggregation_uri=f"{ISSUER}/statuslists")
    jws = _jose.parse(made(signing=bare).decode())
    assert jws.header == {"alg": "ES256", "typ": "statuslist+jwt", "kid": "issuer-1", "jwk": dict(SIGNER.public_jwk)}
    link = {"aggregation_uri": f"{ISSUER}/statuslists"}
    assert jws.claims() == {"sub": URI, "iat": NOW, "status_list": {**STATUSES.to_json(), **link}}


def test_a_cwt_says_what_the_specification_wants() -> None:
    body = made(CWT)
    message = _cose.parse(body)
    assert body[:1] == b"\xd2"
    assert message.header == dict(COSE_HEADER)
    assert message.unprotected == {}
    assert _cbor.loads(message.payload) == dict(COSE_CLAIMS)
    single = StatusListSigner(signer=SIGNER, x5c=(signer("root", ROOT_KEY, key=KEY),))
    assert isinstance(_cose.parse(made(CWT, single)).header[33], bytes)
    assert _cose.parse(made(CWT, PUBLISHING)).header[4] == b"issuer-1"


def test_keys_elsewhere_sign_each_representation() -> None:
    remote = RemoteSigner("hsm", "ES256", SIGNER.public_jwk)
    draft = StatusListSigner(signer=remote, x5c=CHAIN).draft(STATUSES, uri=URI, now=NOW, media_types=(JWT, CWT))
    assert [each.key_id for each in draft.to_sign] == ["hsm", "hsm"]
    published = draft.finish([SIGNER.sign(each.data) for each in draft.to_sign])
    assert {status(body) for body in published.tokens.values()} == {Status(1, NOW, NOW + 43_200)}
    with pytest.raises(ValueError, match="2 signatures"):
        draft.finish([])
    assert SIGNING.draft(STATUSES, uri=URI, now=NOW).to_sign == ()


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
@BOTH
def test_every_algorithm(algorithm: str, media_type: str) -> None:
    key = LocalSigner.generate("issuer-1", algorithm)
    metadata = _json.dump_bytes({"issuer": ISSUER, "jwks": {"keys": [{**key.public_jwk, "kid": "issuer-1"}]}})
    assert status(made(media_type, StatusListSigner(signer=key)), metadata=metadata).value == 1


@pytest.mark.spec("HAIP-6.1-09", "HAIP-6.1-10")
@pytest.mark.parametrize(
    "settings",
    [
        {"lifetime": 0},
        {"ttl": 0},
        {"aggregation_uri": "http://issuer.example"},
        {"x5c": (*CHAIN, ROOT)},
        {"x5c": (ROOT,)},
        {"x5c": (signer("root", ROOT_KEY, key=OTHER_KEY),)},
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        StatusListSigner(**{"signer": SIGNER, **settings})


@pytest.mark.parametrize("arguments", [{"uri": "http://issuer.example/1"}, {"media_types": ()}, {"media_types": ("a/b",)}])
def test_drafts_that_cannot_be(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SIGNING.draft(STATUSES, **{"uri": URI, "now": NOW, **arguments})


# What a Wallet asks for


def test_the_token_is_fetched_first_then_the_keys() -> None:
    checker = StatusChecker()
    needed = checker.check(credential(), trust=TRUST, documents={}, now=NOW)
    assert needed == NeededDocument(URI, ("application/statuslist+jwt", "application/statuslist+cwt"))
    body = made(signing=PUBLISHING)
    needed = checker.check(credential(), trust=TRUST, documents={URI: body}, now=NOW)
    assert needed == NeededDocument(METADATA_URL, ("application/json",))
    assert status(body) == Status(1, NOW, NOW + 43_200)


def test_nothing_is_fetched_where_trust_has_not_allowed_it() -> None:
    elsewhere = "https://elsewhere.example/1"
    for trust, of in [
        (TRUST, credential(uri=elsewhere)),
        (Trust(ANCHORS), credential(issuer=None)),
        (Trust(ANCHORS), credential(issuer="did:jwk:abc")),
        (Trust(ANCHORS), credential(uri="https://issuer.example:8443/1")),
    ]:
        with pytest.raises(Untrusted):
            StatusChecker().check(of, trust=trust, documents={}, now=NOW)
    assert StatusChecker().check(credential(), trust=Trust(ANCHORS), documents={}, now=NOW) == NeededDocument(URI, (JWT, CWT))


@pytest.mark.parametrize("uri", ["http://issuer.example/1", "urn:list:1", "https://a@issuer.example/1", f"{URI}#1"])
def test_only_https_is_fetched(uri: str) -> None:
    with pytest.raises(StatusUnknown):
        StatusChecker().check(credential(uri=uri), trust=Trust(allow=lambda _: True), documents={}, now=NOW)


@pytest.mark.parametrize("value", [None, {}, [], {"other": {}}, {"status_list": {}}, {"status_list": {"idx": -1, "uri": URI}}])
def test_a_credential_must_refer_to_a_list(value: Any) -> None:
    with pytest.raises(StatusUnknown):
        check(made(), credential(status=value))


def test_a_credential_that_has_expired_stays_so() -> None:
    with pytest.raises(InvalidCredential) as caught:
        check(made(), credential(0, expires_at=NOW - 60))
    assert not isinstance(caught.value, StatusUnknown)
    assert status(made(), credential(0, expires_at=NOW - 59)).valid


def test_how_long_an_answer_is_kept() -> None:
    def until(**claims: Any) -> int:
        return status(jwt({**CLAIMS, **claims})).valid_until - NOW

    assert until() == 43_200
    assert until(ttl=1) == 60
    assert until(ttl=0.5) == 60
    assert until(ttl=10**9, exp=None) == 7 * 86_400
    assert until(ttl=None, exp=None) == 7 * 86_400
    assert until(ttl=None, exp=NOW + 100) == 160
    assert until(ttl=1000, exp=NOW + 100) == 160


# What is not believed


def refused(body: bytes, of: Any = None, **more: Any) -> None:
    with pytest.raises(StatusUnknown):
        check(body, of, **more)


def test_the_tokens_of_these_tests_are_good() -> None:
    assert status(jwt()).value == status(cwt()).value == 1


CHANGED: list[tuple[str, Any]] = [
    ("sub", None),
    ("sub", f"{URI}/"),
    ("sub", URI.upper()),
    ("sub", 7),
    ("iat", None),
    ("iat", NOW + 61),
    ("iat", "now"),
    ("iat", True),
    ("iat", -1),
    ("exp", NOW - 60),
    ("exp", "never"),
    ("nbf", NOW + 61),
    ("nbf", "now"),
    ("aud", "https://somebody.example"),
    ("ttl", 0),
    ("ttl", -1),
    ("ttl", "60"),
    ("ttl", True),
    ("status_list", None),
    ("status_list", []),
    ("status_list", "eNrbuRgAAhcBXQ"),
]


@pytest.mark.parametrize(("name", "value"), CHANGED)
def test_claims_that_are_wrong(name: str, value: Any) -> None:
    refused(jwt({**CLAIMS, name: value}))
    numbers = {"sub": 2, "aud": 3, "exp": 4, "nbf": 5, "iat": 6, "status_list": 65533, "ttl": 65534}
    refused(cwt({**COSE_CLAIMS, numbers[name]: value}))


@pytest.mark.parametrize(
    ("name", "value"), [("bits", 3), ("bits", None), ("lst", "AAAA"), ("lst", None), ("aggregation_uri", 7)]
)
def test_lists_that_are_wrong(name: str, value: Any) -> None:
    refused(jwt({**CLAIMS, "status_list": {**STATUSES.to_json(), name: value}}))
    refused(cwt({**COSE_CLAIMS, 65533: {**STATUSES.to_cbor(), name: value}}))


def test_each_representation_has_its_own_type_of_list() -> None:
    refused(cwt({**COSE_CLAIMS, 65533: STATUSES.to_json()}))
    refused(cwt({**COSE_CLAIMS, 65534: 0.5}))
    refused(cwt({**COSE_CLAIMS, 65533: None}))


def test_the_claims_of_a_cwt_are_a_map() -> None:
    protected, payload = _cbor.dumps(dict(COSE_HEADER)), _cbor.dumps([URI, NOW])
    signature = SIGNER.sign(_cose.sig_structure(protected, payload))
    refused(_cose.assemble(protected, _cbor.dumps({}), payload, signature))


def test_a_list_beyond_the_bound_is_refused() -> None:
    refused(jwt(), checker=StatusChecker(max_size=STATUSES.size // 4 - 1))
    assert status(jwt(), checker=StatusChecker(max_size=STATUSES.size // 4)).value == 1
    refused(b"e" + bytes(1 << 20))
    refused(b"\xd2" + bytes(1 << 20))


def test_leeway_is_for_clocks() -> None:
    assert status(jwt({**CLAIMS, "iat": NOW + 60})).value == 1
    assert status(jwt({**CLAIMS, "exp": NOW - 59})).value == 1
    refused(jwt({**CLAIMS, "exp": NOW}), checker=StatusChecker(leeway=0))


@pytest.mark.parametrize("index", [STATUSES.size, 1 << 40])
@BOTH
def test_an_index_out_of_bounds_tells_nothing(index: int, media_type: str) -> None:
    refused(made(media_type), credential(index))


@pytest.mark.parametrize("typ", [None, "JWT", "statuslist+cwt", "application/statuslist+jwt", "STATUSLIST+JWT", 7])
def test_the_type_of_a_jwt(typ: Any) -> None:
    refused(jwt(header={**HEADER, "typ": typ}))


@pytest.mark.parametrize("typ", [None, "statuslist+cwt", "application/statuslist+jwt", 7, b"application/statuslist+cwt"])
def test_the_type_of_a_cwt(typ: Any) -> None:
    refused(cwt(header={**COSE_HEADER, 16: typ}))
    refused(cwt(header={**COSE_HEADER, 16: None}, unprotected={16: CWT}))


@pytest.mark.parametrize("alg", [None, "none", "HS256", "RS256", "ES384", "EdDSA", 7])
def test_the_algorithm_must_fit(alg: Any) -> None:
    refused(jwt(header={**HEADER, "alg": alg}))
    refused(jwt(header={**HEADER, "crit": ["exp"]}))


@pytest.mark.parametrize("alg", [None, 0, -35, -8, 5, "ES256"])
def test_the_algorithm_of_a_cwt_must_fit(alg: Any) -> None:
    refused(cwt(header={**COSE_HEADER, 1: alg}))
    refused(cwt(header={**COSE_HEADER, 2: [1]}))


def test_the_tags_of_a_cwt() -> None:
    """Untagged and tagged as a CWT it was allowed by drafts that the specifications name."""
    body = cwt()
    assert status(body[1:]).value == 1
    assert status(b"\xd8\x3d" + body).value == 1
    refused(b"\xd1" + body[1:])
    refused(_cbor.dumps(Tagged(17, _cbor.loads(body[1:]))))


@BOTH
def test_the_signature_must_be_that_of_the_certificate(media_type: str) -> None:
    refused(jwt(by=OTHER) if media_type == JWT else cwt(by=OTHER))
    refused(made(media_type)[:-1])
    refused(made(media_type) + b"A")


@BOTH
def test_a_key_in_the_header_proves_nothing(media_type: str) -> None:
    """`jwk` beside a chain is for clients that look there; without a chain the issuer's published key decides."""
    with_jwk = StatusListSigner(signer=SIGNER, include_jwk=True)
    assert status(made(media_type, with_jwk)).value == 1
    refused(made(media_type, StatusListSigner(signer=OTHER, include_jwk=True, kid="issuer-1")))


def test_published_keys_are_those_of_the_issuer_of_the_credential() -> None:
    header = {**HEADER, "x5c": None}
    assert status(jwt(header=header)).value == 1
    assert status(cwt(header={**COSE_HEADER, 33: None, 4: b"issuer-1"})).value == 1
    assert status(cwt(header={**COSE_HEADER, 33: None}, unprotected={4: b"issuer-1"})).value == 1
    refused(jwt(header={**header, "kid": "another"}))
    refused(jwt(header={**header, "kid": 7}))
    refused(cwt(header={**COSE_HEADER, 33: None, 4: b"\xff"}))
    refused(jwt(header=header, by=OTHER))
    refused(jwt(header=header), credential(issuer=None), trust=Trust(ANCHORS, allow=lambda _: True))
    refused(jwt(header=header), metadata=METADATA.replace(b"issuer.example", b"another.example"))
    refused(jwt(header=header), credential(issuer="urn:issuer"), trust=Trust(allow=lambda _: True))


def test_one_of_several_published_keys() -> None:
    jwks = {"keys": [dict(OTHER.public_jwk), dict(SIGNER.public_jwk)]}
    metadata = _json.dump_bytes({"issuer": ISSUER, "jwks": jwks})
    for body in (jwt(header={**HEADER, "x5c": None}), cwt(header={**COSE_HEADER, 33: None})):
        assert status(body, metadata=metadata).value == 1
    refused(jwt(header={**HEADER, "x5c": None}, by=LocalSigner.generate("third")), metadata=metadata)


@pytest.mark.parametrize("method", [DidJwk(), DidKey()])
@BOTH
def test_an_issuer_may_be_a_did(method: DidJwk | DidKey, media_type: str) -> None:
    did = method.did(public_key(SIGNER.public_jwk))
    trust, of = Trust.of(did, ISSUER), credential(issuer=did)
    for kid in (method.verification_method(did), None):
        assert status(made(media_type, StatusListSigner(signer=SIGNER, kid=kid)), of, trust=trust).value == 1
    # `kid` may be the fragment alone, as in a Credential.
    fragment = "#" + method.verification_method(did).partition("#")[2]
    assert status(made(media_type, StatusListSigner(signer=SIGNER, kid=fragment)), of, trust=trust).value == 1
    foreign = method.did(public_key(OTHER.public_jwk))
    refused(made(media_type, StatusListSigner(signer=OTHER, kid=method.verification_method(foreign))), of, trust=trust)
    refused(made(media_type, StatusListSigner(signer=OTHER, kid=method.verification_method(did))), of, trust=trust)
    refused(made(media_type, StatusListSigner(signer=SIGNER, kid="issuer-1")), of, trust=trust)
    with pytest.raises(Untrusted):
        check(made(media_type, StatusListSigner(signer=SIGNER, kid=did)), of, trust=Trust.of(ISSUER))
    other = "did:example:issuer"
    refused(
        made(media_type, StatusListSigner(signer=SIGNER, kid=f"{other}#1")),
        credential(issuer=other),
        trust=Trust.of(other, ISSUER),
    )


def test_did_methods_of_the_application() -> None:
    did = DidJwk().did(public_key(SIGNER.public_jwk))
    body = made(JWT, StatusListSigner(signer=SIGNER, kid=f"{did}#0"))
    of, trust = credential(issuer=did), Trust.of(did, ISSUER)
    refused(body, of, trust=trust, checker=StatusChecker(did_methods={"key": DidKey()}))
    assert status(body, of, trust=trust, checker=StatusChecker(did_methods={"jwk": DidJwk()})).value == 1


# Chains


def chained(*chain: bytes, by: LocalSigner = SIGNER) -> tuple[bytes, bytes]:
    x5c = [b64encode(der).decode() for der in chain]
    cose = chain[0] if len(chain) == 1 else list(chain)
    return jwt(header={**HEADER, "x5c": x5c}, by=by), cwt(header={**COSE_HEADER, 33: cose}, by=by)


@pytest.mark.spec("HAIP-6.1-08")
def test_haip_wants_a_chain() -> None:
    for body in (jwt(header={**HEADER, "x5c": None}), cwt(header={**COSE_HEADER, 33: None})):
        assert status(body).value == 1
        refused(body, checker=HAIP)


@pytest.mark.spec("HAIP-6.1-09")
def test_haip_does_not_want_the_anchor_in_the_chain() -> None:
    for body in chained(LEAF, SUB, ROOT):
        assert status(body).value == 1
        refused(body, checker=HAIP)


@pytest.mark.spec("HAIP-6.1-10")
def test_a_self_signed_certificate_is_refused() -> None:
    own = signer("signer", KEY, key=KEY)
    for body in chained(own):
        refused(body, checker=HAIP)
        refused(body)


def test_a_chain_must_lead_to_an_anchor() -> None:
    for body in (*chained(LEAF), *chained(signer("sub", OTHER_KEY), SUB)):
        refused(body)
    for body in chained(*CHAIN):
        with pytest.raises(Untrusted):
            check(body, trust=Trust.of(ISSUER))


def test_the_certificate_must_name_the_issuer_of_the_credential() -> None:
    stranger = leaf_of("https://stranger.example", OTHER_KEY)
    for body in chained(stranger, SUB, by=OTHER):
        refused(body)
        assert status(body, credential(issuer=None)).value == 1


def test_of_an_issuer_that_is_known_by_its_certificate_the_authority_is_the_same() -> None:
    beside, above = leaf_of("https://elsewhere.example", KEY), signer("root", ROOT_KEY, key=KEY)
    for body in chained(leaf_of("https://status.example", OTHER_KEY), SUB, by=OTHER):
        for issuer in ("CN=signer", None):
            assert status(body, credential(issuer=issuer, issuer_certificate=beside)).value == 1
            refused(body, credential(issuer=issuer, issuer_certificate=above))
        refused(body, credential(issuer="CN=signer"))
        refused(body, credential(issuer=ISSUER, issuer_certificate=beside))


def test_an_authority_is_its_key_and_not_its_name() -> None:
    """Whoever runs an authority that the Wallet trusts as well can give a certificate any issuer by way of one more below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    root, impostor = authority("other", OTHER_KEY, "other", OTHER_KEY), authority("sub", key, "other", OTHER_KEY)
    trust = Trust.of(ISSUER, anchors=Anchors.from_der(ROOT, root))
    for body in chained(signer("sub", key, key=KEY), impostor):
        for issuer in ("CN=signer", None):
            assert status(body, credential(issuer=None), trust=trust).value == 1
            refused(body, credential(issuer=issuer, issuer_certificate=LEAF), trust=trust)


def san(subject: x509.Name, identifier: str) -> bytes:
    return certificate(subject, KEY, "sub", SUB_KEY, (SIGNING_ONLY, True), names(identifier))


@pytest.mark.parametrize("subject", [name("another"), x509.Name([])])
def test_an_issuer_that_is_the_subject_of_its_certificate_is_no_other_of_the_same_authority(subject: x509.Name) -> None:
    """An authority may have certificates for many. That of an mdoc has its own only, whose status lists one of them signs."""
    theirs, ours = (san(subject, f"https://{each}.example") for each in ("theirs", "ours"))
    for body in chained(theirs, SUB):
        refused(body, credential(issuer=None, issuer_certificate=LEAF))
        refused(body, credential(issuer=None, issuer_certificate=san(x509.Name([]), "https://ours.example")))
        assert status(body, credential(issuer="CN=signer", issuer_certificate=LEAF)).value == 1
        assert status(body, credential(issuer=None, issuer_certificate=san(subject, "https://theirs.example"))).value == 1
    for body in chained(ours, SUB):
        assert status(body, credential(issuer=None, issuer_certificate=ours)).value == 1


def test_an_authority_may_have_changed_its_key() -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    of = credential(issuer="CN=signer", issuer_certificate=signer("root", ROOT_KEY))
    for body in chained(signer("root", new, key=KEY)):
        for renewed in ((ROOT, authority("root", new, "root", new)), (authority("root", new, "root", new),)):
            trust = Trust.of(ISSUER, anchors=Anchors.from_der(*renewed))
            if len(renewed) == 2:
                assert status(body, of, trust=trust).value == 1
            else:
                refused(body, of, trust=trust)


def test_a_certificate_may_name_an_issuer_that_is_no_url() -> None:
    for body in chained(leaf_of("urn:example:issuer"), SUB):
        assert status(body, credential(issuer="urn:example:issuer")).value == 1
        refused(body, credential(issuer="urn:example:other"))


def test_a_certificate_for_status_lists_need_not_name_the_issuer() -> None:
    purpose = x509.ExtendedKeyUsage([ObjectIdentifier(STATUS_SIGNING)]), False
    leaf = leaf_of("https://status.example", OTHER_KEY, purpose)
    for body in chained(leaf, SUB, by=OTHER):
        refused(body)
        refused(body, checker=StatusChecker(purposes=("1.2.3",)))
        assert status(body, checker=StatusChecker(purposes=(STATUS_SIGNING,))).value == 1


def test_an_authority_that_is_not_for_status_lists_makes_nobody_list_for_others() -> None:
    checker = StatusChecker(purposes=(STATUS_SIGNING,))

    def usage(*purposes: str) -> tuple[x509.ExtensionType, bool]:
        return x509.ExtendedKeyUsage([ObjectIdentifier(each) for each in purposes]), False

    anywhere = Trust(ANCHORS, allow=lambda _: True)
    leaf = leaf_of("https://status.example", OTHER_KEY, usage(STATUS_SIGNING, "1.2.3"))
    for purpose, good in ((STATUS_SIGNING, True), ("1.2.3", False)):
        sub = authority("sub", SUB_KEY, "root", ROOT_KEY, usage(purpose))
        for body in chained(leaf, sub, by=OTHER):
            if good:
                assert status(body, checker=checker).value == 1
            else:
                refused(body, checker=checker)
                # Its own are another matter.
                assert status(body, credential(issuer="https://status.example"), checker=checker, trust=anywhere).value == 1


@pytest.mark.parametrize("x5c", [[], "MII", ["!"], [7], {}, [b64encode(LEAF).decode()] * 9])
def test_malformed_chains(x5c: Any) -> None:
    refused(jwt(header={**HEADER, "x5c": x5c}))


@pytest.mark.parametrize("x5chain", [[], "MII", b"!", [LEAF], [7, 8], {}, [LEAF] * 9])
def test_malformed_chains_of_a_cwt(x5chain: Any) -> None:
    refused(cwt(header={**COSE_HEADER, 33: x5chain}))


def test_a_certificate_ends_at_the_end_of_its_chain() -> None:
    late = NOW + 400 * 86_400
    refused(jwt({**CLAIMS, "iat": late, "exp": late + 60}), now=late)


# Anything


@given(st.binary(max_size=400))
def test_arbitrary_bodies_raise_nothing_else(body: bytes) -> None:
    for start in (b"", b"e", b"\xd2\x84"):
        refused(start + body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*CLAIMS, "nbf", "aud"]), JSON)
def test_arbitrary_claims_raise_nothing_else(name: str, value: Any) -> None:
    with contextlib.suppress(StatusUnknown):
        check(jwt({**CLAIMS, name: value}))


@given(st.sampled_from([*COSE_CLAIMS, 5, 3, 99]), JSON | st.binary())
def test_arbitrary_claims_of_a_cwt_raise_nothing_else(key: int, value: Any) -> None:
    with contextlib.suppress(StatusUnknown):
        check(cwt({**COSE_CLAIMS, key: value}))


@pytest.mark.parametrize("media_type", [JWT, CWT])
@given(data=st.data())
def test_a_changed_bit_is_noticed(media_type: str, data: st.DataObject) -> None:
    body = bytearray(TOKENS[media_type])
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    body[bit // 8] ^= 1 << bit % 8
    refused(bytes(body))


TOKENS = {media_type: made(media_type) for media_type in (JWT, CWT)}


@given(st.integers(1, 5000), st.sampled_from((1, 2, 4, 8)), st.data())
def test_any_list_is_read_by_the_wallet(size: int, bits: int, data: st.DataObject) -> None:
    values = data.draw(st.dictionaries(st.integers(0, size - 1), st.integers(0, (1 << bits) - 1), max_size=5))
    statuses = StatusList.of(size, bits=bits, statuses=values)
    index = data.draw(st.sampled_from([*values, size - 1]))
    for media_type in (JWT, CWT):
        assert status(made(media_type, statuses=statuses), credential(index)).value == values.get(index, 0)
