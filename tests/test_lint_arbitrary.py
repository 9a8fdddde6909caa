"""The linter on anything: it never fails, and says of anything only what is bounded and printable."""

import base64
import json
from contextlib import suppress
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidCredential
from oid4vci.lint import KINDS, inspect
from oid4vci.lint.recognition import CREDENTIAL_KINDS, recognise
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.offers import CredentialOffer
from oid4vci.testing import strategies
from tests.linting import METADATA, OFFER, SERVER, checked, said
from tests.mdocs import forge
from tests.w3c_credentials import signed

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KIND = st.none() | st.sampled_from(KINDS)
NAMES = sorted(
    {name for document in (METADATA, SERVER, OFFER) for name in document}
    | {"vct", "iss", "sub", "iat", "nbf", "exp", "cnf", "status", "vc", "vp", "_sd", "_sd_alg", "@context", "type", "issuer"}
    | {
        "credentialSubject",
        "credentialStatus",
        "validFrom",
        "validUntil",
        "issuanceDate",
        "proof",
        "aka_vcts",
        "jti",
        "display",
    }
    | {"credential_request_encryption", "credential_response_encryption", "batch_credential_issuance", "vct#integrity"}
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=8)


@given(st.binary(max_size=200) | st.text(max_size=200), KIND, st.sampled_from([None, "haip"]))
def test_arbitrary_bytes(document: Any, kind: str | None, profile: Any) -> None:
    checked(document, kind=kind, profile=profile)


@given(OBJECTS, KIND)
def test_arbitrary_objects(members: dict[str, Any], kind: str | None) -> None:
    checked(members, kind=kind, profile="haip")


@given(st.sampled_from([METADATA, SERVER, OFFER]), st.data())
def test_documents_in_which_one_member_is_anything(document: Any, data: st.DataObject) -> None:
    """What has no errors can be read."""
    name = data.draw(st.sampled_from(sorted(document)))
    changed = {**document, name: data.draw(VALUES)}
    report = checked(changed)
    if report.errors == 0:
        readers: Any = {
            "issuer-metadata": CredentialIssuerMetadata,
            "server-metadata": AuthorizationServerMetadata,
            "offer": CredentialOffer,
        }
        assert report.kind is not None
        readers[report.kind].from_json(json.loads(json.dumps(changed)))


@given(strategies.credential_issuer_metadata(), strategies.authorization_server_metadata(), strategies.credential_offers())
def test_documents_that_can_be_read(issuer: Any, server: Any, offer: CredentialOffer) -> None:
    """The linter finds what the documents say of themselves, and no member that cannot be read."""
    for document, kind in ((issuer, "issuer-metadata"), (server, "server-metadata")):
        assert said(checked(document.to_json(), kind=kind)) == [
            (each.path, each.requirement) for each in document.findings() if each.severity == "error"
        ]
    assert said(checked(offer.to_json())) == said(checked(offer.uri())) == []


@given(
    OBJECTS,
    st.dictionaries(st.sampled_from(["typ", "kid", "x5c", "cty", "crit", "b64"]), VALUES, max_size=3),
    st.booleans(),
    st.sampled_from(["dc+sd-jwt", "vc+sd-jwt", "vc+jwt", "JWT", "openidvci-issuer-metadata+jwt"]),
)
def test_arbitrary_jwts(claims: dict[str, Any], header: dict[str, Any], disclosing: bool, typ: str) -> None:
    jwt = signed(claims, *([""] if disclosing else []), **{"typ": typ, **header})
    checked(jwt, profile="haip")
    for kind in CREDENTIAL_KINDS:
        checked(jwt, kind=kind, profile="haip")
        with suppress(InvalidCredential):
            inspect(jwt, kind=kind)


@given(st.data())
def test_mdocs_in_which_bytes_are_others(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(MDOC + "=="))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    text = b64url_encode(bytes(raw))
    checked(text, kind="mso_mdoc", profile="haip")
    with suppress(InvalidCredential):
        inspect(text, kind="mso_mdoc")


MDOC = forge()


@given(VALUES)
def test_arbitrary_cbor(value: Any) -> None:
    text = b64url_encode(cbor2.dumps({"nameSpaces": value, "issuerAuth": value}))
    assert recognise(text) in ("mso_mdoc", None)
    checked(text, kind="mso_mdoc")
    with suppress(InvalidCredential):
        inspect(text, kind="mso_mdoc")
