"""SD-JWT VCs and the metadata of their type: what issuers make disclosable, and what Wallets hold against it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve

from oid4vci._json import Malformed, dump_bytes
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.integrity import integrity_of
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, IF_PUBLISHED, REQUIRED, SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.formats.type_metadata import CredentialType, TypeMetadata
from oid4vci.formats.type_rules import IssuedClaims
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.trust import Trust
from tests.test_sd_jwt import digest, disclosure
from tests.test_sd_jwt_vc import (
    CLAIMS,
    CONFIGURATION,
    HOLDERS,
    ISSUER,
    PAYLOAD,
    SIGNER,
    VCT,
    check,
    documents,
    issue,
    opened,
    signed,
)
from tests.test_x509 import NOW

BASE = "https://standards.example.com/person"
TRUST = Trust.of(ISSUER, "https://credentials.example.com", "https://standards.example.com")
READER = SdJwtVcVerifier(type_metadata=REQUIRED)


def metadata(*claims: dict[str, Any], vct: str = VCT, **members: Any) -> bytes:
    return dump_bytes({"vct": vct, "claims": list(claims), **members})


def credential_type(*claims: dict[str, Any], **members: Any) -> CredentialType:
    return CredentialType.of(TypeMetadata.from_json({"vct": VCT, "claims": list(claims), **members}))


def claim(*path: Any, **members: Any) -> dict[str, Any]:
    return {"path": list(path), **members}


def read(credential: str, *bodies: bytes, verifier: SdJwtVcVerifier = READER, **more: Any) -> VerifiedCredential:
    known = {**documents(), **dict(zip((VCT, BASE), bodies, strict=False))}
    return check(credential, verifier=verifier, **{"trust": TRUST, "documents": known, **more})


# --- issuing ----------------------------------------------------------------------------------------------------------------

DEMANDS = (
    claim("given_name", sd="always", mandatory=True),
    claim("address", sd="never"),
    claim("address", "locality", sd="always"),
    claim("nationalities", None, sd="always"),
    claim("sex", sd="allowed"),
    claim("iat", sd="always"),
    claim("missing", "part", sd="always"),
)
DEMANDING = credential_type(*DEMANDS)


def places(credential: str) -> set[tuple[str | int, ...]]:
    return {one.path for one in check(credential).disclosures}


def test_what_a_type_wants_disclosable_is() -> None:
    always = {("given_name",), ("address", "locality"), ("nationalities", 0), ("nationalities", 1), ("iat",)}
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, type_metadata=DEMANDING))
    assert places(credential) == always
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, type_metadata=DEMANDING, disclosable=[("sex",)]))
    assert places(credential) == {*always, ("sex",)}
    assert read(credential, metadata(*DEMANDS)).type_metadata == DEMANDING


def test_every_claim_is_every_one_that_may_be() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, type_metadata=DEMANDING, disclosable=EVERY_CLAIM))
    assert places(credential) == {
        ("given_name",), ("address", "locality"), ("nationalities",), ("nationalities", 0), ("nationalities", 1), ("sex",),
        ("iat",),
    }  # fmt: skip
    assert read(credential, metadata(*DEMANDS))


@pytest.mark.parametrize(
    ("disclosable", "never"),
    [
        (("a",), ("a",)),
        (("a", "b"), ("a", "b")),
        (("a", None), ("a", None)),
        (("a", None), ("a", 0)),
        (("a", 0), ("a", None)),
        (("a", 0, "b"), ("a", None, "b")),
    ],
)
def test_what_a_type_never_wants_disclosable(disclosable: tuple[Any, ...], never: tuple[Any, ...]) -> None:
    type_metadata = credential_type(claim(*never, sd="never"))
    with pytest.raises(ValueError, match="never be selectively"):
        SdJwtVcEncoder(signer=SIGNER, disclosable=[disclosable], type_metadata=type_metadata)
    if never != disclosable:
        with pytest.raises(ValueError, match="never be selectively"):
            SdJwtVcEncoder(
                signer=SIGNER, type_metadata=credential_type(claim(*disclosable, sd="always"), claim(*never, sd="never"))
            )
    # What lies beneath or above may be.
    for other in ((*never, "x"), ("z", *never[1:]), never[:-1] or ("z",)):
        assert SdJwtVcEncoder(signer=SIGNER, disclosable=[other], type_metadata=type_metadata)


@pytest.mark.parametrize("name", ["iss", "exp", "cnf", "vct", "status", "aka_vcts"])
def test_types_that_contradict_the_format(name: str) -> None:
    for path in ((name,), (name, "x")):
        with pytest.raises(ValueError, match="must not be selectively disclosable"):
            SdJwtVcEncoder(signer=SIGNER, type_metadata=credential_type(claim(*path, sd="always")))
        assert SdJwtVcEncoder(signer=SIGNER, type_metadata=credential_type(claim(*path, sd="never")))


def test_the_type_is_that_of_the_configuration() -> None:
    encoder = SdJwtVcEncoder(signer=SIGNER, type_metadata=DEMANDING)
    encoder.check(CONFIGURATION)
    for do in (encoder.check, lambda other: issue(encoder, configuration=other)):
        with pytest.raises(ValueError, match="vct"):
            do(SdJwtVcConfiguration(vct=VCT + "/2"))


def test_datasets_have_what_is_mandatory() -> None:
    def encoder(*path: Any) -> SdJwtVcEncoder:
        return SdJwtVcEncoder(signer=SIGNER, type_metadata=credential_type(claim(*path, mandatory=True)))

    status = {"status": {"status_list": {"idx": 1, "uri": "urn:u"}}}
    for path in (("given_name",), ("address", "locality"), ("nationalities", 1), ("nationalities", None), ("vct",), ("iss",),
                 ("cnf", "jwk", "x"), ("exp",)):  # fmt: skip
        assert issue(encoder(*path))
    for path in (("family_name",), ("address", "street"), ("nationalities", 2), ("nbf",), ("status",)):
        with pytest.raises(ValueError, match="mandatory"):
            issue(encoder(*path))
    assert issue(encoder("status", "status_list"), copies=[status])
    with pytest.raises(ValueError, match="mandatory"):
        issue(encoder("cnf"), keys=())
    # Each copy is looked at.
    other = {"status": {"other": {"idx": 2}}}
    assert issue(encoder("status"), keys=HOLDERS[:2], copies=[status, other])
    with pytest.raises(ValueError, match="mandatory"):
        issue(encoder("status", "status_list"), keys=HOLDERS[:2], copies=[status, other])
    # A claim of another kind than the type thinks of.
    with pytest.raises(ValueError, match="has a name"):
        issue(encoder("sex", "x"))


def test_the_integrity_of_the_type() -> None:
    body = metadata(*DEMANDS)
    encoder = SdJwtVcEncoder(signer=SIGNER, type_metadata=DEMANDING, vct_integrity=integrity_of(body))
    (credential,) = issue(encoder)
    assert opened(credential)[1]["vct#integrity"] == integrity_of(body)
    assert read(credential, body).type_metadata == DEMANDING
    with pytest.raises(InvalidCredential, match="integrity"):
        read(credential, body + b"\n")
    with pytest.raises(ValueError, match="vct#integrity is set"):
        issue(encoder, {**CLAIMS, "vct#integrity": integrity_of(body)})
    wrongs: tuple[Any, ...] = ("", "x", "sha256", 1)
    for wrong in wrongs:
        with pytest.raises(ValueError, match="integrity metadata"):
            evolve(encoder, vct_integrity=wrong)


# --- verifying --------------------------------------------------------------------------------------------------------------


def test_types_are_not_looked_at_unless_asked_for() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER), {})
    body = metadata(*DEMANDS)
    assert check(credential, documents={**documents(), VCT: body}, trust=TRUST).type_metadata is None
    for policy in (IF_PUBLISHED, REQUIRED):
        with pytest.raises(InvalidCredential, match="mandatory"):
            read(credential, body, verifier=SdJwtVcVerifier(type_metadata=policy))


@pytest.mark.parametrize("policy", ["requried", "", True, 1])
def test_policies_that_are_none(policy: Any) -> None:
    with pytest.raises(ValueError, match="type_metadata must be"):
        SdJwtVcVerifier(type_metadata=policy)


def ask(credential: str, policy: Any, known: Mapping[str, bytes], trust: Trust = TRUST) -> VerifiedCredential | NeededDocument:
    verifier = SdJwtVcVerifier(type_metadata=policy)
    return verifier.verify(
        credential, configuration=None, trust=trust, holder_keys=HOLDERS, documents={**documents(), **known}, now=NOW
    )


def test_documents_are_fetched_after_everything_else_was_checked() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER))
    child = metadata(vct=VCT, extends=BASE, display=[{"locale": "de", "name": "Ausweis"}])
    base = metadata(*DEMANDS[5:], vct=BASE, display=[{"locale": "en", "name": "Person"}])
    for policy in (IF_PUBLISHED, REQUIRED):
        optional = policy == IF_PUBLISHED
        assert ask(credential, policy, {}) == NeededDocument(VCT, ("application/json",), optional=optional)
        assert ask(credential, policy, {VCT: child}) == NeededDocument(BASE, ("application/json",), optional=optional)
        with pytest.raises(InvalidCredential, match="disclosable"):
            ask(credential, policy, {VCT: child, BASE: base})
        with pytest.raises(InvalidCredential, match="verify"):
            ask(credential[:-9] + "AAAAAAAA~", policy, {})
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=[("iat",)]))
    verified = ask(credential, REQUIRED, {VCT: child, BASE: base})
    assert isinstance(verified, VerifiedCredential)
    assert verified.type_metadata is not None
    assert verified.type_metadata.extends == (BASE,)
    shown = verified.type_metadata.shown(["en"])
    assert shown is not None
    assert shown.name == "Ausweis"


def test_types_that_cannot_be_had() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER))
    elsewhere = Trust.of(ISSUER)
    without: tuple[tuple[Mapping[str, bytes], Trust, Any], ...] = (
        ({VCT: b""}, TRUST, InvalidCredential), ({}, elsewhere, Untrusted), ({VCT: metadata()}, elsewhere, Untrusted),
    )  # fmt: skip
    for known, trust, error in without:
        verified = ask(credential, IF_PUBLISHED, known, trust)
        assert isinstance(verified, VerifiedCredential)
        assert verified.type_metadata is None
        with pytest.raises(error):
            ask(credential, REQUIRED, known, trust)
    # What is there must be right, and all of it.
    for known in ({VCT: b"{}"}, {VCT: metadata(vct=BASE)}, {VCT: metadata(extends=VCT)}, {VCT: b"<html>"}):
        with pytest.raises(InvalidCredential):
            ask(credential, IF_PUBLISHED, known)
    partly = ask(credential, IF_PUBLISHED, {VCT: metadata(*DEMANDS, extends=BASE), BASE: b""})
    assert isinstance(partly, VerifiedCredential)
    assert partly.type_metadata is None


def test_types_that_the_application_has() -> None:
    urn = "urn:example:pid:1"
    configuration = SdJwtVcConfiguration(vct=urn)
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER), configuration=configuration)
    body = metadata(claim("given_name", sd="never"), vct=urn)
    for policy in (IF_PUBLISHED, REQUIRED):
        verifier = SdJwtVcVerifier(type_metadata=policy, types={urn: body})
        verified = check(credential, verifier=verifier, configuration=configuration)
        assert verified.type_metadata is not None
        assert verified.type_metadata.vct == urn
        wrong = SdJwtVcVerifier(type_metadata=policy, types={urn: metadata(vct=VCT)})
        with pytest.raises(InvalidCredential, match="vct"):
            check(credential, verifier=wrong, configuration=configuration)
    assert check(credential, verifier=SdJwtVcVerifier(type_metadata=IF_PUBLISHED), configuration=configuration)
    with pytest.raises(InvalidCredential, match="no metadata of the type"):
        check(credential, verifier=READER, configuration=configuration)


def test_sd_is_held_against_the_disclosures() -> None:
    hidden, element = disclosure("s", "a", 1), disclosure("t", "x")
    credential = signed({**{k: v for k, v in PAYLOAD.items() if k != "a"}, "_sd": [digest(hidden)],
                         "l": ["y", {"...": digest(element)}], "o": {"x": 1}}, hidden, element)  # fmt: skip
    assert check(credential).claims["l"] == ["y", "x"]
    for path, said in ((("a",), "always"), (("l", 1), "always"), (("l", 0), "never"), (("l",), "never"), (("o", "x"), "never")):
        other = {"always": "never", "never": "always"}[said]
        for allowed in (said, "allowed"):
            assert read(credential, metadata(claim(*path, sd=allowed)))
        with pytest.raises(InvalidCredential, match="disclosable"):
            read(credential, metadata(claim(*path, sd=other)))
    for sd in ("always", "never"):
        with pytest.raises(InvalidCredential, match="disclosable"):
            read(credential, metadata(claim("l", None, sd=sd)))


def test_elements_without_disclosure_keep_their_places() -> None:
    element = disclosure("t", {"x": 1})
    credential = signed({**PAYLOAD, "l": [{"...": digest("?")}, {"...": digest(element)}, "z"]}, element)
    assert check(credential).claims["l"] == [{"x": 1}, "z"]
    assert check(credential).disclosures[0].path == ("l", 0)
    good = (claim("l", 0, sd="always"), claim("l", 1, sd="always"), claim("l", 1, "x", sd="never", mandatory=True),
            claim("l", 2, sd="never"), claim("l", 0, "y", mandatory=True))  # fmt: skip
    assert read(credential, metadata(*good))
    for wrong in (claim("l", 3, mandatory=True), claim("l", 2, sd="always"), claim("l", 0, sd="never"), claim("l", 2, "x")):
        with pytest.raises(InvalidCredential, match="type metadata"):
            read(credential, metadata(wrong))


# --- further types ----------------------------------------------------------------------------------------------------------


class Counted(Sequence[int]):
    """Numbers that know how often they were looked at."""

    def __init__(self, size: int) -> None:
        self.size, self.looks = size, 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: Any) -> Any:
        self.looks += 1
        if i >= self.size:
            raise IndexError
        return i


def test_elements_that_were_withheld_are_not_counted_one_by_one() -> None:
    """Both how many there are and how many paths lead among them are the choice of others."""
    withheld = Counted(10_000)
    paths = [["a", i] for i in range(9_900, 10_100)]
    kind = CredentialType.of(TypeMetadata.from_json({"vct": "x", "claims": [{"path": path, "sd": "always"} for path in paths]}))
    claims = {"a": list(range(10_000, 10_100))}
    disclosed = {("a", i) for i in range(100)}
    IssuedClaims(claims, disclosed, {("a",): withheld}).check(kind.claims)
    assert withheld.looks < 20 * len(paths)
    with pytest.raises(Malformed, match="disclosable"):
        IssuedClaims(claims, disclosed - {("a", 99)}, {("a",): withheld}).check(kind.claims)


def test_credentials_of_further_types() -> None:
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER), {"aka_vcts": [BASE, "urn:x"]})
    assert opened(credential)[1]["aka_vcts"] == [BASE, "urn:x"]
    for vct in (VCT, BASE, "urn:x"):
        assert check(credential, configuration=SdJwtVcConfiguration(vct=vct)).claims["vct"] == VCT
    with pytest.raises(InvalidCredential, match="asked for"):
        check(credential, configuration=SdJwtVcConfiguration(vct="urn:y"))


@pytest.mark.parametrize("types", [None, "urn:x", [], [1], [""], [["x"]], {}, ["urn:x", VCT], ["urn:x"] * 101])
def test_further_types_that_are_none(types: Any) -> None:
    with pytest.raises(InvalidCredential, match="aka_vcts"):
        check(signed({**PAYLOAD, "aka_vcts": types}))
    with pytest.raises(ValueError, match="aka_vcts"):
        issue(SdJwtVcEncoder(signer=SIGNER), {"aka_vcts": types})
    with pytest.raises(ValueError, match="aka_vcts"):
        issue(SdJwtVcEncoder(signer=SIGNER), copies=[{"aka_vcts": types}])


def test_further_types_are_not_disclosable() -> None:
    text = disclosure("s", "aka_vcts", ["urn:x"])
    with pytest.raises(InvalidCredential, match="disclosable"):
        check(signed({**PAYLOAD, "_sd": [digest(text)]}, text))
    with pytest.raises(ValueError, match="aka_vcts"):
        SdJwtVcEncoder(signer=SIGNER, disclosable=[("aka_vcts",)])
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=EVERY_CLAIM), {"aka_vcts": ["urn:x"]})
    assert "aka_vcts" in opened(credential)[1]
