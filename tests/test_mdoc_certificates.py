"""Who may sign an mdoc: document signers and their authorities, and what only looks like them."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from oid4vci.errors import InvalidCredential
from oid4vci.formats.mdoc_certificates import ANY_ISSUER, ISO_18013_5, CertificateProfile
from tests import mdocs
from tests.mdocs import IACA, LICENCE, MDL, NAMESPACE, NOW, PID, forge, issue, trust, verify
from tests.test_x509 import CERT_SIGN, SIGNING_ONLY

OTHER_USE = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
AGREEMENT = x509.KeyUsage(True, False, False, False, True, False, False, False, False)
TLS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
PHOTO_ID = ObjectIdentifier("1.0.23220.4.1.2")


def refused(credential: str, **options: Any) -> str:
    with pytest.raises(InvalidCredential) as error:
        verify(credential, **options)
    return str(error.value)


def as_person(mso: Any) -> None:
    mso["docType"] = PID


def signed_by(chain: Any, *, person: bool = False) -> str:
    """A licence, or another document, with that in x5chain."""
    return forge(chain=chain, mso=as_person) if person else forge(chain=chain)


def test_a_document_signer() -> None:
    realistic = mdocs.document_signer(
        more=[
            (x509.SubjectKeyIdentifier.from_public_key(mdocs.SIGNER_KEY.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(mdocs.IACA_KEY.public_key()), False),
            (x509.IssuerAlternativeName([x509.RFC822Name("a@example.com")]), False),
        ]
    )
    assert verify(signed_by(realistic)).claims == LICENCE


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"purpose": None}, "extended key usage"),
        ({"purpose": (x509.ExtendedKeyUsage([mdocs.DOCUMENT_SIGNER]), False)}, "extended key usage"),
        ({"purpose": (x509.ExtendedKeyUsage([PHOTO_ID]), True)}, "extended key usage"),
        ({"purpose": (TLS, True)}, "extended key usage"),
        ({"usage": None}, "signatures only"),
        ({"usage": (SIGNING_ONLY, False)}, "signatures only"),
        ({"usage": (OTHER_USE, True)}, "signatures only"),
        ({"usage": (AGREEMENT, True)}, "signatures only"),
        ({"usage": (CERT_SIGN, True)}, "not for signatures"),
        ({"subject": mdocs.name("ds", "XX")}, "anchor"),
        ({"subject": mdocs.name("ds", None)}, "anchor"),
        ({"issuer_key": mdocs.new_key()}, "anchor"),
        ({"issuer": mdocs.name("other")}, "anchor"),
        ({"start": NOW + 1}, "not valid now"),
        ({"end": NOW - 1}, "not valid now"),
        ({"more": [(x509.BasicConstraints(True, None), True)]}, "certification authority"),
        ({"more": [(x509.PolicyConstraints(0, 0), True)]}, "not understood"),
    ],
)
def test_what_is_no_document_signer(settings: dict[str, Any], reason: str) -> None:
    assert reason in refused(signed_by(mdocs.document_signer(**settings)))


@pytest.mark.parametrize(
    "settings",
    [
        {"length": 1},
        {"length": None},
        {"ca": False},
        {"usage": None},
        {"usage": (SIGNING_ONLY, True)},
        {"usage": (x509.KeyUsage(True, False, False, False, False, True, True, False, False), True)},
        {"end": NOW - 1},
        {"start": NOW + 1},
        {"subject": mdocs.name("other")},
    ],
)
def test_what_is_no_authority_for_licences(settings: dict[str, Any]) -> None:
    assert "anchor" in refused(signed_by(mdocs.SIGNER_CERTIFICATE), trusted=trust(mdocs.iaca(**settings)))


def test_of_several_authorities_the_one_that_signed() -> None:
    """Matched by signature: that two have the same name proves nothing."""
    other_key = mdocs.new_key()
    constraints, usage = (mdocs.AUTHORITY, True), (CERT_SIGN, True)
    namesake = mdocs.certificate(mdocs.IACA_NAME, other_key.public_key(), mdocs.IACA_NAME, other_key, constraints, usage)
    credential = signed_by(mdocs.SIGNER_CERTIFICATE)
    verify(credential, trusted=trust(namesake, IACA))
    assert "anchor" in refused(credential, trusted=trust(namesake))


@pytest.mark.parametrize(
    ("authority", "signer", "good"),
    [
        (None, None, True),
        (None, "UT-1", True),
        ("UT-1", "UT-1", True),
        ("UT-1", "UT-2", False),
        ("UT-1", None, False),
    ],
)
def test_states_of_a_country(authority: str | None, signer: str | None, good: bool) -> None:
    subject = mdocs.name("Utopia IACA", "UT", authority)
    anchors = trust(mdocs.iaca(subject))
    credential = signed_by(mdocs.document_signer(mdocs.name("ds", "UT", signer), issuer=subject))
    if good:
        verify(credential, trusted=anchors)
    else:
        refused(credential, trusted=anchors)


def test_an_authority_and_a_signer_of_no_country() -> None:
    subject = mdocs.name("Utopia IACA", None)
    leaf = mdocs.document_signer(mdocs.name("ds", None), issuer=subject)
    assert "country" in refused(signed_by(leaf), trusted=trust(mdocs.iaca(subject)))


def test_the_issuing_country_is_that_of_the_certificate() -> None:
    def change(spaces: Any) -> None:
        (element,) = (each for each in spaces[NAMESPACE] if each["elementIdentifier"] == "issuing_country")
        element["elementValue"] = "XX"

    credential = forge(items=change)
    assert "issuing_country" in refused(credential)
    verify(credential, certificate_profile=ANY_ISSUER)


@pytest.mark.parametrize(
    ("state", "jurisdiction", "good"),
    [(None, "UT-A", True), ("UT-A", "UT-A", True), ("UT-A", None, True), ("UT-A", "UT-B", False), ("UT-A", 7, False)],
)
def test_the_issuing_jurisdiction_is_that_of_the_certificate(state: str | None, jurisdiction: Any, good: bool) -> None:
    def change(spaces: Any) -> None:
        if jurisdiction is not None:
            element = {"elementIdentifier": "issuing_jurisdiction", "elementValue": jurisdiction}
            spaces[NAMESPACE].append({"digestID": 99, "random": bytes(16), **element})

    credential = forge(items=change, chain=mdocs.document_signer(mdocs.name("ds", state=state)))
    verify(credential, certificate_profile=ANY_ISSUER)
    if good:
        verify(credential)
    else:
        assert "issuing_jurisdiction" in refused(credential)


# --- what proves nothing ----------------------------------------------------------------------------------------------------


def test_a_self_signed_leaf() -> None:
    constraints = (x509.BasicConstraints(False, None), True)
    purpose = (x509.ExtendedKeyUsage([mdocs.DOCUMENT_SIGNER]), True)
    key = mdocs.SIGNER_KEY
    leaf = mdocs.certificate(
        mdocs.SIGNER_NAME, key.public_key(), mdocs.SIGNER_NAME, key, constraints, (SIGNING_ONLY, True), purpose
    )
    for anchors in (mdocs.TRUST, trust(leaf), trust(leaf, IACA)):
        refused(signed_by(leaf), trusted=anchors)
        refused(signed_by(leaf, person=True), trusted=anchors, doctype=PID)


def test_an_authority_that_comes_along_is_not_trusted() -> None:
    """An attacker brings a whole chain of his own."""
    key = mdocs.new_key()
    constraints, usage = (mdocs.AUTHORITY, True), (CERT_SIGN, True)
    forged = mdocs.certificate(mdocs.IACA_NAME, key.public_key(), mdocs.IACA_NAME, key, constraints, usage)
    leaf = mdocs.document_signer(issuer_key=key)
    for person in (False, True):
        assert "anchor" in refused(signed_by([leaf, forged], person=person), doctype=PID if person else MDL)


def test_the_anchor_may_come_along_unless_haip_forbids_it() -> None:
    credential = signed_by([mdocs.SIGNER_CERTIFICATE, IACA])
    verify(credential)
    assert "trust anchor" in refused(credential, haip=True)


def test_the_anchor_is_no_signer() -> None:
    credential = forge(chain=IACA, signer=mdocs.local_signer(mdocs.IACA_KEY))
    refused(credential)


def test_the_leaf_comes_first() -> None:
    refused(signed_by([IACA, mdocs.SIGNER_CERTIFICATE]))


def test_an_authority_in_between_is_not_for_licences() -> None:
    middle, key = mdocs.name("middle"), mdocs.new_key()
    chain = [mdocs.document_signer(issuer=middle, issuer_key=key), mdocs.intermediate(middle, key)]
    root = trust(mdocs.iaca(length=None))
    assert "anchor" in refused(signed_by(chain), trusted=root)
    verify(signed_by(chain), trusted=root, certificate_profile=ANY_ISSUER)
    verify(signed_by(chain, person=True), trusted=root, doctype=PID)
    assert "anchor" in refused(signed_by(chain, person=True), doctype=PID)


def test_a_chain_too_long() -> None:
    refused(signed_by([mdocs.SIGNER_CERTIFICATE] * 9))


def test_a_signer_for_tls_signs_no_document_of_any_type() -> None:
    leaf = mdocs.document_signer(purpose=(TLS, True))
    assert "another purpose" in refused(signed_by(leaf, person=True), doctype=PID)


def test_who_may_ask_for_mdocs_signs_none() -> None:
    reader = x509.ObjectIdentifier("1.0.18013.5.1.6")
    leaf = mdocs.document_signer(purpose=(x509.ExtendedKeyUsage([reader]), True))
    assert "another purpose" in refused(signed_by(leaf, person=True), doctype=PID)
    both = mdocs.document_signer(purpose=(x509.ExtendedKeyUsage([reader, mdocs.DOCUMENT_SIGNER]), True))
    verify(signed_by(both, person=True), doctype=PID)


# --- profiles ---------------------------------------------------------------------------------------------------------------


def test_the_profile_is_that_of_the_document_type_unless_one_is_chosen() -> None:
    plain = mdocs.document_signer(mdocs.name("ds", None), purpose=None)
    refused(signed_by(plain))
    verify(signed_by(plain), certificate_profile=ANY_ISSUER)
    verify(signed_by(plain, person=True), doctype=PID)
    refused(signed_by(plain, person=True), doctype=PID, certificate_profile=ISO_18013_5)


def test_a_profile_of_ones_own() -> None:
    profile = CertificateProfile(purposes={PHOTO_ID.dotted_string, "1.2.3"})
    leaf = mdocs.document_signer(purpose=(x509.ExtendedKeyUsage([PHOTO_ID]), True))
    verify(signed_by(leaf, person=True), doctype=PID, certificate_profile=profile)
    assert "usage" in refused(signed_by(mdocs.SIGNER_CERTIFICATE, person=True), doctype=PID, certificate_profile=profile)
    issue(mdocs.PERSON, doctype=PID, x5c=[leaf], certificate_profile=profile)


def test_authorities_in_between_that_are_for_something_else() -> None:
    profile = CertificateProfile(purposes={PHOTO_ID.dotted_string})
    middle, key = mdocs.name("middle"), mdocs.new_key()
    leaf = mdocs.document_signer(issuer=middle, issuer_key=key, purpose=(x509.ExtendedKeyUsage([PHOTO_ID]), True))
    for purposes, good in (([PHOTO_ID], True), ([], True), ([ObjectIdentifier("1.2.3")], False)):
        usage = [(x509.ExtendedKeyUsage(purposes), False)] if purposes else []
        constraints = x509.BasicConstraints(True, None)
        between = mdocs.certificate(
            middle, key.public_key(), mdocs.IACA_NAME, mdocs.IACA_KEY, (constraints, True), (CERT_SIGN, True), *usage
        )
        options: dict[str, Any] = {"trusted": trust(mdocs.iaca(length=None)), "doctype": PID, "certificate_profile": profile}
        if good:
            verify(signed_by([leaf, between], person=True), **options)
        else:
            assert "anchor" in refused(signed_by([leaf, between], person=True), **options)


def test_the_type_is_the_issuers_word() -> None:
    """A credential cannot choose the weaker profile: what was asked for is a licence."""
    plain = mdocs.document_signer(purpose=None)
    assert "docType" in refused(signed_by(plain, person=True))
