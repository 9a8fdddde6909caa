"""Issuers that are a did:web: in each format that has DIDs, the document is asked for and the key for assertions taken from it."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from oid4vci._json import dump_bytes
from oid4vci.data_integrity import controlled_identifier_document
from oid4vci.dids import DID_METHODS, DidUrl, did_web_url, multikey
from oid4vci.errors import InvalidCredential, StatusUnknown, Untrusted
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.jwt_vc import JWT_VC_JSON, JwtVcEncoder, JwtVcVerifier
from oid4vci.formats.ldp_vc import LdpVcEncoder, LdpVcVerifier
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VcSdJwtEncoder, VcSdJwtVerifier
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, public_key
from oid4vci.status_list import CWT, JWT, StatusChecker, StatusListSigner
from oid4vci.trust import Trust
from tests import linked_credentials, status_lists, test_sd_jwt_vc, test_wallet_w3c, w3c_credentials
from tests.scripted_server import ISSUER_KEY, ok
from tests.test_x509 import NOW

DID = "did:web:issuer.example.com:tenants:1"
URL = "https://issuer.example.com/tenants/1/did.json"
SIGNER, OTHER = LocalSigner.generate("key-1"), LocalSigner.generate("key-2")
TRUST = Trust.of(DID)
PUBLISHED = controlled_identifier_document(DID, [SIGNER])
DOCUMENTS = {URL: dump_bytes(PUBLISHED)}


@frozen
class Case:
    """How a format makes, and checks, a credential of the DID; `make` takes the signer and the `kid`, which may be None."""

    make: Callable[[LocalSigner, str | None], Any]
    check: Callable[..., Any]
    verifier: Callable[..., Any]
    # Whether a credential must name the key.
    names_key: bool = False


def _w3c(encoder: Callable[..., Any], verifier: Callable[..., Any]) -> Case:
    def make(signer: LocalSigner, kid: str | None) -> Any:
        return w3c_credentials.issue(encoder(signer=signer, issuer=DID, kid=kid))[0]

    return Case(make, w3c_credentials.check, verifier)


def _linked(signer: LocalSigner, kid: str | None) -> Any:
    return linked_credentials.issue(linked_credentials.encoder(signer=signer, issuer=DID, kid=kid))[0]


def _sd_jwt_vc(signer: LocalSigner, kid: str | None) -> Any:
    return test_sd_jwt_vc.signed({**test_sd_jwt_vc.PAYLOAD, "iss": DID}, signer=signer, kid=kid)


CASES = {
    "jwt_vc_json": _w3c(JwtVcEncoder, JwtVcVerifier),
    "vc+jwt": _w3c(VcJwtEncoder, VcJwtVerifier),
    "vc+sd-jwt": _w3c(VcSdJwtEncoder, VcSdJwtVerifier),
    "ldp_vc": Case(
        _linked,
        lambda verifier, credential, **more: linked_credentials.check(credential, verifier, **more),
        lambda **more: LdpVcVerifier(contexts=linked_credentials.CONTEXTS, **more),
        names_key=True,
    ),
    "dc+sd-jwt": Case(
        _sd_jwt_vc,
        lambda verifier, credential, **more: test_sd_jwt_vc.check(credential, verifier=verifier, **more),
        SdJwtVcVerifier,
    ),
}
each_format = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def made(case: Case, signer: LocalSigner = SIGNER, kid: str | None = f"{DID}#key-1") -> Any:
    return case.make(signer, kid)


def check(case: Case, credential: Any, documents: Any = PUBLISHED, **more: Any) -> VerifiedCredential:
    bodies = {URL: documents if isinstance(documents, bytes) else dump_bytes(documents)}
    result = case.check(case.verifier(), credential, **{"documents": bodies, "trust": TRUST, **more})
    assert isinstance(result, VerifiedCredential)
    return result


def refused(case: Case, credential: Any, documents: Any = PUBLISHED, because: str = "", **more: Any) -> None:
    with pytest.raises(InvalidCredential, match=because):
        check(case, credential, documents, **more)


@each_format
def test_the_document_is_asked_for(case: Case) -> None:
    arguments: dict[str, Any] = {"configuration": None, "holder_keys": (), "now": NOW}
    if case is CASES["ldp_vc"]:
        arguments["now"] = linked_credentials.NOW
    credential = made(case)
    needed = case.verifier().verify(credential, trust=TRUST, documents={}, **arguments)
    assert isinstance(needed, NeededDocument)
    assert needed.url == did_web_url(DID) == URL
    assert not needed.optional
    assert {"application/did+json", "application/json"} <= set(needed.media_types)
    verified = case.verifier().verify(credential, trust=TRUST, documents=DOCUMENTS, **arguments)
    assert isinstance(verified, VerifiedCredential)
    assert verified.issuer == DID
    # Nothing is asked for a party that is not trusted, and a document that is there is not believed.
    for trust in (Trust(), Trust.of("did:web:issuer.example.com"), Trust.of(URL)):
        for documents in ({}, DOCUMENTS):
            with pytest.raises(Untrusted):
                case.verifier().verify(credential, trust=trust, documents=documents, **arguments)
    with pytest.raises(InvalidCredential, match="not supported"):
        case.verifier(did_methods=DID_METHODS).verify(credential, trust=TRUST, documents=DOCUMENTS, **arguments)


@each_format
def test_only_the_key_that_the_document_has_for_assertions(case: Case) -> None:
    credential = made(case)
    (method,) = PUBLISHED["verificationMethod"]

    def changed(**members: Any) -> dict[str, Any]:
        return {**PUBLISHED, "verificationMethod": [{**method, **members}]}

    check(case, credential, {**PUBLISHED, "verificationMethod": [], "assertionMethod": [{**method, "id": "#key-1"}]})
    refused(case, credential, {**PUBLISHED, "assertionMethod": [], "authentication": ["#key-1"]}, "assertionMethod")
    refused(case, credential, {**PUBLISHED, "id": "did:web:issuer.example.com"}, "identifier")
    refused(case, credential, changed(publicKeyMultibase=multikey(public_key(OTHER.public_jwk))), "does not verify|signature")
    refused(case, credential, changed(controller="did:web:other.example"), "controller")
    refused(case, credential, changed(revoked="2020-01-01T00:00:00Z"), "revoked")
    refused(case, credential, changed(expires="2020-01-01T00:00:00Z"), "expires")
    refused(case, credential, changed(id=f"{DID}#key-2"), "no such key")
    refused(case, credential, b"", "JSON")
    refused(case, credential, b"<html>", "JSON")


@each_format
def test_signed_by_another_key(case: Case) -> None:
    both = controlled_identifier_document(DID, [SIGNER, OTHER])
    check(case, made(case), both)
    check(case, made(case, OTHER, f"{DID}#key-2"), both)
    refused(case, made(case, OTHER), both, "verify|signature")
    refused(case, made(case, OTHER, f"{DID}#key-2"), PUBLISHED, "no such key")
    foreign = DID_METHODS["key"].verification_method(DID_METHODS["key"].did(public_key(OTHER.public_jwk)))
    for kid in (foreign, "did:web:issuer.example.com#key-1", "https://issuer.example.com/tenants/1#key-1"):
        with pytest.raises((InvalidCredential, ValueError)):
            check(case, made(case, OTHER, kid), both)


@pytest.mark.parametrize("case", [case for case in CASES.values() if not case.names_key])
def test_a_credential_that_names_no_key(case: Case) -> None:
    """All keys for assertions that fit may have signed it, as long as these are not too many."""
    others = [LocalSigner.generate(f"other-{i}") for i in range(9)]
    credential = signed_without_kid(case)
    check(case, credential)
    check(case, credential, controlled_identifier_document(DID, [*others, SIGNER]))
    refused(case, credential, controlled_identifier_document(DID, others), "verify")
    refused(case, credential, controlled_identifier_document(DID, [*others, SIGNER, OTHER]), "too many")
    refused(case, credential, controlled_identifier_document(DID, [LocalSigner.generate("e", "EdDSA")]), "no such key")
    refused(case, credential, {**PUBLISHED, "assertionMethod": []}, "no key")


def signed_without_kid(case: Case) -> Any:
    if case is CASES["dc+sd-jwt"]:
        return made(case, kid=None)
    header, payload = w3c_credentials.opened(made(case))
    disclosures = ("",) if case is CASES["vc+sd-jwt"] else ()
    return w3c_credentials.signed(payload, *disclosures, signer=SIGNER, **{**header, "kid": None})


@each_format
def test_methods_of_others_whose_documents_are_published(case: Case) -> None:
    class Published:
        def document_url(self, url: DidUrl) -> str:
            return f"https://registry.example/{url.method_specific_id}"

    arguments: dict[str, Any] = {"trust": Trust(allow=lambda _: True), "documents": {"https://registry.example/x": b"{}"}}
    verifier = case.verifier(did_methods={**DID_METHODS, "web": Published()})
    documents = {f"https://registry.example/{DID.removeprefix('did:web:')}": DOCUMENTS[URL]}
    assert case.check(verifier, made(case), **{**arguments, "documents": documents}).issuer == DID
    with pytest.raises(AssertionError):
        case.check(verifier, made(case), **arguments)


def test_a_did_web_whose_host_is_none() -> None:
    for issuer in ("did:web:127.0.0.1", "did:web:issuer.example.com:..:x"):
        payload = {**test_sd_jwt_vc.PAYLOAD, "iss": issuer}
        with pytest.raises(InvalidCredential):
            test_sd_jwt_vc.check(test_sd_jwt_vc.signed(payload, kid=None), trust=Trust(allow=lambda _: True))


@pytest.mark.parametrize("media_type", [JWT, CWT])
def test_a_status_list_of_such_an_issuer(media_type: str) -> None:
    body = status_lists.made(media_type, StatusListSigner(signer=SIGNER, kid=f"{DID}#key-1"))
    credential = status_lists.credential(issuer=DID)
    uri = status_lists.URI
    trust, now = Trust.of(DID, uri), NOW
    needed = StatusChecker().check(credential, trust=trust, documents={uri: body}, now=now)
    assert isinstance(needed, NeededDocument)
    assert needed.url == URL
    status = StatusChecker().check(credential, trust=trust, documents={uri: body, **DOCUMENTS}, now=now)
    assert not isinstance(status, NeededDocument)
    with pytest.raises(StatusUnknown):
        StatusChecker().check(credential, trust=trust, documents={uri: body, URL: b"{}"}, now=now)


def test_a_wallet_fetches_the_document_once() -> None:
    document = ok(controlled_identifier_document(DID, [ISSUER_KEY]))
    server = test_wallet_w3c.issuing(JWT_VC_JSON, "cnf", issuer=DID, answers={URL: document})
    issued = test_wallet_w3c.received(server, test_wallet_w3c.wallet(JWT_VC_JSON, DID))
    assert {each.issuer for each in issued.credentials} == {DID}
    (asked,) = server.to(URL)
    assert "application/did+json" in (asked.headers.get("accept") or "")
    gone = test_wallet_w3c.issuing(JWT_VC_JSON, "cnf", issuer=DID, answers={URL: Response(404)})
    with pytest.raises(InvalidCredential, match="404"):
        test_wallet_w3c.received(gone, test_wallet_w3c.wallet(JWT_VC_JSON, DID))
    with pytest.raises(Untrusted):
        test_wallet_w3c.received(server, test_wallet_w3c.wallet(JWT_VC_JSON))
    assert len(server.to(URL)) == 1


def test_an_encoder_names_the_key_as_the_document_does() -> None:
    (credential,) = w3c_credentials.issue(JwtVcEncoder(signer=SIGNER, issuer=DID))
    assert w3c_credentials.opened(credential)[0]["kid"] == f"{DID}#key-1"
    (linked,) = linked_credentials.issue(LdpVcEncoder(signer=SIGNER, issuer=DID, contexts=linked_credentials.CONTEXTS))
    assert linked["proof"]["verificationMethod"] == f"{DID}#key-1"
