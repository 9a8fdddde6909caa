"""mdocs as they are made: what is in them, what is in none of them, and what an encoder refuses to make."""

import hashlib
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _cose
from oid4vci._json import b64url_decode
from oid4vci.claims import ClaimsDescription
from oid4vci.formats import mdl
from oid4vci.formats.mdoc import MSO_MDOC, MdocEncoder
from oid4vci.formats.mdoc_certificates import ANY_ISSUER, ISO_18013_5
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import CredentialMetadata, SdJwtVcConfiguration
from oid4vci.secret import new_secret
from tests import mdocs
from tests.mdocs import DAY, HOLDER, LICENCE, MDL, NAMESPACE, NOW, PERSON, PID, SIGNER, configuration, encoder, holder, issue

STATUS = {"status": {"status_list": {"idx": 412, "uri": "https://status.example/1"}}}


def batch(count: int, *, claims: Any = LICENCE, copies: Any = None, secret: Any = new_secret, **settings: Any) -> list[str]:
    draft = encoder(**settings).draft(
        claims,
        configuration=configuration(MDL if NAMESPACE in claims else PID),
        issuer="https://issuer.example",
        holder_keys=[holder() for _ in range(count)],
        now=NOW,
        new_secret=secret,
        copies=copies,
    )
    return list(draft.finish())


# --- what is in one ---------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.2.4-01", "VCI-8.3-14", "VCI-2-01")
def test_a_credential_is_base64url_of_an_issuer_signed() -> None:
    credential = issue()
    assert not set(credential) & set("+/= \n")
    read = mdocs.opened(credential)
    assert list(read) == ["nameSpaces", "issuerAuth"]
    assert mdocs.verify(credential).credential == credential


@pytest.mark.spec("VCI-A.2.1-01", "HAIP-5.3.1-01")
def test_the_identifier_of_the_format() -> None:
    assert MSO_MDOC.identifier == encoder().format == configuration().format == "mso_mdoc"


def test_the_issuers_signature_is_an_untagged_cose_sign1_with_the_certificate_beside_it() -> None:
    protected, unprotected, payload, signature = mdocs.opened(issue())["issuerAuth"]
    assert cbor2.loads(protected) == {1: -7}
    assert unprotected == {33: mdocs.SIGNER_CERTIFICATE}
    assert len(signature) == 64
    assert cbor2.loads(payload).tag == 24


@pytest.mark.spec("HAIP-8-01")
@pytest.mark.parametrize(("algorithm", "name"), [("SHA-256", "sha256"), ("SHA-384", "sha384"), ("SHA-512", "sha512")])
def test_every_data_element_has_a_salt_and_a_digest(algorithm: str, name: str) -> None:
    credential = issue(digest_algorithm=algorithm)
    mso = mdocs.mso_of(credential)
    assert mso["digestAlgorithm"] == algorithm
    salts = []
    for space, tagged in mdocs.opened(credential)["nameSpaces"].items():
        digests = mso["valueDigests"][space]
        for each in tagged:
            item = cbor2.loads(each.value)
            assert list(item) == ["digestID", "random", "elementIdentifier", "elementValue"]
            assert digests.pop(item["digestID"]) == hashlib.new(name, cbor2.dumps(each)).digest()
            salts.append(item["random"])
        assert digests == {}
    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {32}
    mdocs.verify(credential)


def test_what_the_security_object_says() -> None:
    mso = mdocs.mso_of(issue(expected_update=20 * DAY))
    assert list(mso) == ["version", "digestAlgorithm", "valueDigests", "deviceKeyInfo", "docType", "validityInfo"]
    assert (mso["version"], mso["docType"]) == ("1.0", MDL)
    assert mso["deviceKeyInfo"] == {"deviceKey": _cose.cose_key(HOLDER)}
    day = NOW - NOW % DAY
    assert {name: int(time.timestamp()) for name, time in mso["validityInfo"].items()} == {
        "signed": day,
        "validFrom": day,
        "validUntil": day + 30 * DAY,
        "expectedUpdate": day + 20 * DAY,
    }


def test_times_have_no_fractions_and_no_offset() -> None:
    """ISO/IEC 18013-5 9.1.2.4, where other issuers err."""
    payload = mdocs.opened(issue(time_granularity=1))["issuerAuth"][2]
    for word in (b"signed", b"validFrom", b"validUntil"):
        _, _, rest = payload.partition(word)
        assert rest[:2] == b"\xc0\x74"
        assert rest[12:13] == b"T"
        assert rest[21:22] == b"Z"


def test_dates_and_bytes_keep_their_types() -> None:
    raw = b64url_decode(issue())
    assert cbor2.dumps("birth_date") + cbor2.dumps("elementValue") + b"\xd9\x03\xec\x6a1990-02-28" in raw
    assert cbor2.dumps("expiry_date") + cbor2.dumps("elementValue") + b"\xc0\x742036-01-01T00:00:00Z" in raw
    assert cbor2.dumps("portrait") + cbor2.dumps("elementValue") + b"\x44\xff\xd8\xff\xe0" in raw


def test_a_chain_of_two_is_an_array() -> None:
    """RFC 9360 2."""
    middle, key = mdocs.name("middle"), mdocs.new_key()
    above = mdocs.intermediate(middle, key)
    leaf = mdocs.document_signer(issuer=middle, issuer_key=key)
    credential = issue(PERSON, doctype=PID, x5c=[leaf, above])
    assert mdocs.opened(credential)["issuerAuth"][1] == {33: [leaf, above]}
    assert mdocs.verify(credential, doctype=PID, trusted=mdocs.trust(mdocs.iaca(length=None))).claims == PERSON


@pytest.mark.parametrize(("algorithm", "number"), [("ES384", -35), ("ES512", -36), ("EdDSA", -8), ("Ed25519", -19)])
def test_other_algorithms(algorithm: str, number: int) -> None:
    signer = LocalSigner.generate("ds", algorithm)
    x5c = [mdocs.document_signer(key=public_key(signer.public_jwk).key)]
    credential = issue(signer=signer, x5c=x5c)
    assert cbor2.loads(mdocs.opened(credential)["issuerAuth"][0]) == {1: number}
    assert mdocs.verify(credential).claims == LICENCE


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "EdDSA"])
def test_keys_of_the_holder(algorithm: str) -> None:
    key = holder(algorithm)
    draft = encoder().draft(
        LICENCE, configuration=configuration(), issuer="", holder_keys=[key], now=NOW, new_secret=new_secret
    )
    assert mdocs.verify(draft.finish()[0], holder_keys=[key]).holder_key == key


# --- nothing that links two presentations -----------------------------------------------------------------------------------


def test_copies_share_nothing_that_could_link_them() -> None:
    credentials = batch(8, decoys=3)
    seen: Counter[bytes] = Counter()
    for credential in credentials:
        mso = mdocs.mso_of(credential)
        seen.update(digest for digests in mso["valueDigests"].values() for digest in digests.values())
        seen.update(item["random"] for item in mdocs.items_of(credential))
        seen.update([mso["deviceKeyInfo"]["deviceKey"][-2]])
    assert set(seen.values()) == {1}
    assert len({mdocs.mso_of(credential)["validityInfo"]["signed"] for credential in credentials}) == 1


def test_digest_ids_do_not_follow_the_data_elements() -> None:
    orders = [tuple(item["digestID"] for item in mdocs.items_of(credential)) for credential in batch(8)]
    assert len(set(orders)) > 4
    for order in orders:
        assert sorted(order) == list(range(len(LICENCE[NAMESPACE])))
    # The security object shows them in their own order, so not where each came from.
    for credential in batch(2, decoys=5):
        for digests in mdocs.mso_of(credential)["valueDigests"].values():
            assert list(digests) == list(range(len(digests)))


@given(st.integers(0, 40))
def test_decoys_hide_how_many_data_elements_there_are(decoys: int) -> None:
    credential = issue(PERSON, doctype=PID, decoys=decoys)
    digests = mdocs.mso_of(credential)["valueDigests"][PID]
    assert len(digests) == len(PERSON[PID]) + decoys
    assert len(set(digests.values())) == len(digests)
    assert {len(digest) for digest in digests.values()} == {32}
    assert mdocs.verify(credential, doctype=PID).claims == PERSON


def test_many_data_elements() -> None:
    claims = {PID: {f"element_{i}": i for i in range(300)}}
    assert mdocs.verify(issue(claims, doctype=PID), doctype=PID).claims == claims


# --- status -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-5.3.1-02")
def test_the_status_stands_in_the_security_object() -> None:
    credential = issue(copies=[STATUS])
    assert mdocs.mso_of(credential)["status"] == STATUS["status"]
    assert mdocs.verify(credential, haip=True).status == STATUS["status"]


def test_each_copy_has_a_status_of_its_own() -> None:
    copies = [{"status": {"status_list": {"idx": i, "uri": "https://status.example/1"}}} for i in range(3)]
    credentials = batch(3, copies=copies)
    assert [mdocs.mso_of(each)["status"]["status_list"]["idx"] for each in credentials] == [0, 1, 2]
    with pytest.raises(ValueError, match="of its own"):
        batch(2, copies=[STATUS, STATUS])
    # The same entry, however else it is described.
    for same in ({**STATUS["status"], "more": {}}, {"status_list": {**STATUS["status"]["status_list"], "more": 1}}):
        with pytest.raises(ValueError, match="of its own"):
            batch(2, copies=[STATUS, {"status": same}])


@pytest.mark.parametrize("copies", [[], [STATUS, STATUS], [{"status": {}}], [{"status": "revoked"}], [{"other": 1}]])
def test_copies_that_do_not_fit(copies: Any) -> None:
    with pytest.raises(ValueError, match=r"copies|status"):
        issue(copies=copies)


# --- keys elsewhere ---------------------------------------------------------------------------------------------------------


def test_a_key_in_an_hsm() -> None:
    """Signing elsewhere: what is signed is the Sig_structure, and a raw JWS signature is a COSE signature."""
    remote = RemoteSigner("ds", "ES256", SIGNER.public_jwk)
    keys = [HOLDER, holder()]
    draft = encoder(signer=remote).draft(
        LICENCE, configuration=configuration(), issuer="", holder_keys=keys, now=NOW, new_secret=new_secret
    )
    assert [(each.key_id, each.algorithm) for each in draft.to_sign] == [("ds", "ES256")] * 2
    assert all(cbor2.loads(each.data)[0] == "Signature1" for each in draft.to_sign)
    credentials = draft.finish([SIGNER.sign(each.data) for each in draft.to_sign])
    for credential, key in zip(credentials, keys, strict=True):
        mdocs.verify(credential, holder_keys=[key])
    with pytest.raises(ValueError, match="signatures"):
        draft.finish([b"\0" * 64])
    with pytest.raises(ValueError, match="64 bytes"):
        draft.finish([b"\0" * 70] * 2)


# --- refusals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"x5c": []}, "certificate"),
        ({"x5c": [mdocs.IACA]}, "anchor"),
        ({"x5c": [mdocs.SIGNER_CERTIFICATE, mdocs.IACA]}, "anchor"),
        ({"signer": LocalSigner.generate("other")}, "signer's key"),
        ({"signer": LocalSigner.generate("other", "ES256K")}, "ES256K"),
        ({"x5c": [b"junk"]}, "certificate"),
        ({"digest_algorithm": "SHA-1"}, "SHA-256"),
        ({"decoys": -1}, "decoys"),
        ({"lifetime": 0}, "lifetime"),
        ({"lifetime": DAY, "time_granularity": DAY}, "time_granularity"),
        ({"expected_update": 0}, "expected_update"),
        ({"expected_update": 31 * DAY}, "expected_update"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encoder(**settings)


def test_x5c_is_needed() -> None:
    with pytest.raises(TypeError):
        MdocEncoder(signer=SIGNER)  # type: ignore[call-arg]


def described(*path: Any) -> CredentialMetadata:
    return CredentialMetadata(claims=(ClaimsDescription(path=path),))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"cryptographic_binding_methods_supported": None, "proof_types_supported": None}, "bound to a key"),
        ({"credential_signing_alg_values_supported": (-35,)}, "algorithm"),
        ({"credential_signing_alg_values_supported": (-8, -47, -999)}, "algorithm"),
        ({"credential_metadata": described("family_name")}, "path"),
        ({"credential_metadata": described(NAMESPACE, None)}, "path"),
        ({"credential_metadata": described(0, "family_name")}, "path"),
    ],
)
def test_configurations_that_do_not_fit(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encoder().check(configuration(**members))


@pytest.mark.spec("VCI-A.2.2-01", "VCI-A.2.2-02", "HAIP-7-05")
@pytest.mark.parametrize("algorithms", [(-7,), (-9,), (-7, -9), (-35, -9), None])
def test_configurations_that_fit(algorithms: Any) -> None:
    """Both numbers stand for ECDSA on P-256 with SHA-256."""
    metadata = described(NAMESPACE, "driving_privileges", None, "vehicle_category_code")
    encoder().check(configuration(credential_signing_alg_values_supported=algorithms, credential_metadata=metadata))


def test_configurations_of_other_formats() -> None:
    with pytest.raises(ValueError, match="mso_mdoc"):
        encoder().check(SdJwtVcConfiguration(vct="x"))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {PID: {}},
        {PID: []},
        {"family_name": "Doe"},
        {"": {"a": 1}},
        {PID: {"": 1}},
        {PID: {1: "a"}},
        {1: {"a": 1}},
        {PID: {"a": {1, 2}}},
        {PID: {"a": float("nan")}},
        {PID: {"a": datetime(2027, 1, 1)}},
        {PID: {"a": datetime(2027, 1, 1, 0, 0, 0, 5, UTC)}},
        {PID: {"a": 1 << 64}},
        {PID: {"a": {1.5: "x"}}},
        {PID: {"a": b"x" * (1 << 20)}},
        {PID: {str(i): i for i in range(4_097)}},
        {f"{PID}.{space}": {str(i): i for i in range(1_000)} for space in range(4)},
        {**PERSON, "status": "revoked"},
    ],
)
def test_claims_that_no_mdoc_has(claims: Any) -> None:
    with pytest.raises(ValueError, match=r"mdoc|CBOR|identifier"):
        issue(claims, doctype=PID)


@pytest.mark.parametrize(
    ("claims", "settings"),
    [
        ({PID: {f"e{i}": "x" for i in range(3_600)}}, {}),
        ({f"{PID}.{space}": {str(i): i for i in range(340)} for space in range(8)}, {"digest_algorithm": "SHA-512"}),
        ({f"{PID}.{space}": {"a": 1} for space in range(3)}, {"decoys": 4_000}),
        ({PID: {"portrait": b"x" * 520_000}}, {}),
    ],
    ids=["elements", "name spaces", "decoys", "bytes"],
)
def test_what_is_large_is_read_as_well(claims: Any, settings: Any) -> None:
    assert mdocs.verify(issue(claims, doctype=PID, **settings), doctype=PID).claims == claims


def test_values_can_be_as_deep_as_they_are_read() -> None:
    deepest: Any = 1
    for _ in range(31):
        deepest = [deepest]
    assert mdocs.verify(issue({PID: {"a": deepest}}, doctype=PID), doctype=PID).claims[PID]["a"] == deepest
    with pytest.raises(ValueError, match="deep"):
        issue({PID: {"a": [deepest]}}, doctype=PID)


def test_an_mdoc_without_a_key_is_not_made() -> None:
    with pytest.raises(ValueError, match="bound to a key"):
        encoder().draft(LICENCE, configuration=configuration(), issuer="", holder_keys=[], now=NOW, new_secret=new_secret)


@pytest.mark.parametrize("now", [NOW - 101 * DAY, NOW + 301 * DAY])
def test_nothing_is_signed_with_a_certificate_that_is_not_valid(now: int) -> None:
    with pytest.raises(ValueError, match="not valid now"):
        issue(now=now)


def test_the_signing_time_is_within_the_validity_of_a_new_certificate() -> None:
    """Rounded down to the day it would be before it (ISO/IEC 18013-5 9.3.1)."""
    start = NOW - 60
    credential = issue(x5c=[mdocs.document_signer(start=start)])
    assert mdocs.mso_of(credential)["validityInfo"]["signed"].timestamp() == start
    mdocs.verify(credential)


def test_a_licence_is_signed_by_a_document_signer() -> None:
    plain = mdocs.document_signer(purpose=None)
    with pytest.raises(ValueError, match="document signer"):
        issue(x5c=[plain])
    assert issue(x5c=[plain], certificate_profile=ANY_ISSUER)
    assert issue(PERSON, doctype=PID, x5c=[plain])
    with pytest.raises(ValueError, match="document signer"):
        issue(PERSON, doctype=PID, x5c=[plain], certificate_profile=ISO_18013_5)


def test_the_issuing_country_is_that_of_the_document_signer() -> None:
    claims = {NAMESPACE: {**LICENCE[NAMESPACE], "issuing_country": "XX"}}
    with pytest.raises(ValueError, match="issuing_country"):
        issue(claims)
    claims = {NAMESPACE: {**LICENCE[NAMESPACE], "issuing_jurisdiction": "UT-B"}}
    issue(claims)
    with pytest.raises(ValueError, match="issuing_jurisdiction"):
        issue(claims, x5c=[mdocs.document_signer(mdocs.name("ds", state="UT-A"))])


def test_mandatory_elements_are_never_left_out() -> None:
    limited = encoder().semantics.limited(LICENCE, [(NAMESPACE, "age_over_18")])
    assert limited.keys() == {NAMESPACE}
    left_out = LICENCE[NAMESPACE].keys() - limited[NAMESPACE].keys()
    assert left_out == LICENCE[NAMESPACE].keys() - {*mdl.MANDATORY, "age_over_18"}
    assert issue(limited)
    assert MSO_MDOC.semantics.limited(LICENCE, [(NAMESPACE, "age_over_18")]) == {NAMESPACE: {"age_over_18": True}}
