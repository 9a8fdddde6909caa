"""The whole flow with W3C credentials: what an encoder makes for the keys of an order, a Wallet verifies and keeps."""

from typing import Any

import pytest

from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import CredentialFormat
from oid4vci.formats.jwt_vc import JWT_VC_JSON, JWT_VC_JSON_LD
from oid4vci.formats.vc_jwt import VC_JWT
from oid4vci.formats.vc_sd_jwt import VC_SD_JWT
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.metadata import CONFIGURATION_CLASSES, CredentialConfiguration
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Wallet, dump, load
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    ISSUER_KEY,
    METADATA_URL,
    NOW,
    TOKEN,
    Server,
    by_value,
    metadata,
    offer,
    ok,
    proofs_of,
)
from tests.w3c_credentials import TYPES, V1, V2

DID = DID_METHODS["key"].did(public_key(ISSUER_KEY.public_jwk))
WELL_KNOWN = "https://issuer.example/.well-known/jwt-vc-issuer/tenant"
CONTEXTS = {"jwt_vc_json": None, "jwt_vc_json-ld": [V1], "vc+jwt": [V2], "vc+sd-jwt": [V2]}
CASES = [
    (each, binding) for each in (JWT_VC_JSON, JWT_VC_JSON_LD, VC_JWT, VC_SD_JWT) for binding in ("cnf", "did:key", "did:jwk")
]


def described(identifier: str, binding: str) -> dict[str, Any]:
    definition = {"type": list(TYPES)} | ({"@context": CONTEXTS[identifier]} if CONTEXTS[identifier] else {})
    return {
        "format": identifier,
        "scope": "degree",
        "credential_definition": definition,
        "credential_signing_alg_values_supported": ["ES256"],
        "cryptographic_binding_methods_supported": ["jwk", *((binding,) if binding != "cnf" else ())],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
    }


def issuing(
    credential_format: CredentialFormat,
    binding: str,
    *,
    made_for: dict[str, Any] | None = None,
    issuer: str | None = DID,
    answers: dict[str, Response] | None = None,
) -> Server:
    """An issuer that makes what its metadata describe, or something else."""
    published = metadata()
    published["credential_configurations_supported"]["pid"] = described(credential_format.identifier, binding)
    classes = {**CONFIGURATION_CLASSES, credential_format.identifier: credential_format.configuration_class}
    configuration = CredentialConfiguration.read(made_for or described(credential_format.identifier, binding), classes=classes)
    encoder = credential_format.encoder(signer=ISSUER_KEY, issuer=issuer, binding=binding, new_ids=True)

    def issue(request: Request) -> Response:
        keys = [public_key(proof.header["jwk"]) for proof in proofs_of(request)]
        made = encoder.draft(
            {"credentialSubject": {"given_name": "Ada"}},
            configuration=configuration,
            issuer=ISSUER,
            holder_keys=keys,
            now=NOW,
            new_secret=new_secret,
        ).finish()
        return ok({"credentials": [{"credential": credential} for credential in made], "notification_id": "n"})

    return Server({CREDENTIAL: issue, METADATA_URL: ok(published), **(answers or {})})


def wallet(credential_format: CredentialFormat, *trusted: str) -> Wallet:
    verifiers = {credential_format.identifier: credential_format.verifier()}
    allowed = {ISSUER, TOKEN, CREDENTIAL, *trusted}
    return Wallet(trust=Trust(allow=allowed.__contains__), client_id="wallet", formats=verifiers)


def received(server: Server, holder: Wallet) -> Issued:
    opened = run(Offer.parse(by_value(offer())).open(holder), server)
    order = run(run(opened.redeem(), server).order("pid"), server)
    result = run(order.prove(HOLDER_KEYS[:3], now=NOW).submit(), server)
    assert isinstance(result, Issued)
    return result


@pytest.mark.parametrize(("credential_format", "binding"), CASES, ids=lambda it: getattr(it, "identifier", it))
def test_w3c_credentials_of_a_did(credential_format: CredentialFormat, binding: str) -> None:
    server, holder = issuing(credential_format, binding), wallet(credential_format, DID)
    result = received(server, holder)
    assert [each.claims["credentialSubject"]["given_name"] for each in result.credentials] == ["Ada"] * 3
    assert {each.issuer for each in result.credentials} == {DID}
    assert [each.holder_key for each in result.credentials] == list(result.holder_keys)
    assert len({each.claims["id"] for each in result.credentials}) == 3
    assert load(dump(result), holder) == result


@pytest.mark.parametrize(("credential_format", "binding"), CASES[::3], ids=lambda it: getattr(it, "identifier", it))
def test_what_was_not_ordered_or_is_not_trusted(credential_format: CredentialFormat, binding: str) -> None:
    with pytest.raises(Untrusted):
        received(issuing(credential_format, binding), wallet(credential_format))
    other = described(credential_format.identifier, binding)
    other["credential_definition"] = {**other["credential_definition"], "type": ["VerifiableCredential", "Diploma"]}
    with pytest.raises(InvalidCredential, match="type"):
        received(issuing(credential_format, binding, made_for=other), wallet(credential_format, DID))


@pytest.mark.parametrize("published", [True, False], ids=["at the well-known place", "at the issuer's URL"])
def test_w3c_credentials_of_a_url(published: bool) -> None:
    jwks = {"jwks": {"keys": [{**ISSUER_KEY.public_jwk, "kid": ISSUER_KEY.key_id}]}}
    answers = {WELL_KNOWN: ok({"issuer": ISSUER, **jwks})} if published else {WELL_KNOWN: Response(404), ISSUER: ok(jwks)}
    server = issuing(JWT_VC_JSON, "cnf", issuer=None, answers=answers)
    result = received(server, wallet(JWT_VC_JSON))
    assert {each.issuer for each in result.credentials} == {ISSUER}
    # Once for the batch.
    assert len(server.to(WELL_KNOWN)) == 1
    assert len(server.to(ISSUER)) == (0 if published else 1)
