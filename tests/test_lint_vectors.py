"""The linter on what others published: nothing makes it fail, and what is known to be wrong is found."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from jsonschema import Draft202012Validator

from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidCredential
from oid4vci.lint import Report, inspect
from oid4vci.lint.recognition import CREDENTIAL_KINDS
from tests.linting import checked, said

TX_CODE = "grants.urn:ietf:params:oauth:grant-type:pre-authorized_code"
OUTLINES = {"042", "043", "047", "050", "053"}


def files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.glob("*.json")) if not path.name.endswith(("parsed.json", "manifest.json")))


def vectors_in(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "vectors.json").read_text())["vectors"]
    return found


def of_peers(vectors: Path, name: str) -> Report:
    return checked((vectors / "oid4vci-peer-fixtures" / name).read_bytes())


def test_no_file_makes_it_fail(vectors: Path) -> None:
    seen = set()
    for folder in ("oid4vci-1.0", "oid4vci-1.0-errata1-draft", "oid4vci-1.1", "oid4vci-peer-fixtures"):
        for path in sorted((vectors / folder).iterdir()):
            if path.is_file():
                seen.add(checked(path.read_bytes()).kind)
                seen.add(checked(path.read_bytes(), profile="haip").kind)
    assert seen >= {"issuer-metadata", "server-metadata", "offer", None}


def test_the_examples_of_the_specification(vectors: Path) -> None:
    for path in files(vectors / "oid4vci-1.0"):
        report = checked(path.read_bytes())
        if report.kind == "offer":
            assert report.findings == ()
    long = checked((vectors / "oid4vci-1.0" / "065-credential-issuer-metadata-sd-jwt-long.json").read_bytes())
    # A known fault of the example: a bare array.
    assert said(long) == [("credential_request_encryption.jwks", "VCI-12.2.4-22")]
    mdoc = checked((vectors / "oid4vci-1.0" / "050-credential-metadata-mso-mdoc.json").read_bytes())
    assert ("credential_configurations_supported.org.iso.18013.5.1.mDL.proof_types_supported", "VCI-12.2.4-58") in said(mdoc)


def test_the_uris_of_the_specification(vectors: Path) -> None:
    uris = sorted((vectors / "oid4vci-1.0").glob("*.uri.txt"))
    assert len(uris) >= 2
    for path in uris:
        text = "".join(path.read_text().split())
        report = checked(text)
        assert (report.kind, report.findings) == ("offer", ())


@pytest.mark.parametrize(
    ("name", "path", "requirement"),
    [
        ("credential_offer_over_sized_tx_code_description.json", f"{TX_CODE}.tx_code.description", "VCI-4.1.1-32"),
        ("credential_offer_with_blank_pre_authorized_code.json", f"{TX_CODE}.pre-authorized_code", "VCI-4.1.1-18"),
        ("invalid_credential_issuer_metadata.json", "credential_configurations_supported", "VCI-12.2.4-47"),
        ("credential_issuer_metadata_no_request_encryption.json", "credential_request_encryption", "VCI-8.2-34"),
    ],
)
def test_what_peers_know_to_be_wrong(vectors: Path, name: str, path: str, requirement: str) -> None:
    assert said(of_peers(vectors, name)) == [(path, requirement)]


def test_what_peers_take(vectors: Path) -> None:
    for name in (
        "credential_issuer_metadata_valid.json",
        "oauth_authorization_server_metadata.json",
        "sample_credential_offer.json",
    ):
        assert said(of_peers(vectors, name)) == []


def test_offers_of_others(vectors: Path) -> None:
    for vector in vectors_in(vectors / "oid4vci-offers"):
        report = checked(vector["uri"])
        assert report.kind == "offer"
        older = vector.get("expect") != "parse under 1.0"
        # Some issuers of tests are at http: URLs; some URIs repeat members.
        odd = any("https" in finding.message or "repeated" in finding.message for finding in report.findings)
        assert (report.errors > 0) == (older or odd) or "offer" not in vector


def outside(vectors: Path) -> Iterator[tuple[str, str]]:
    for folder in ("sd-jwt-vc", "vc-jwt", "mdoc", "data-integrity"):
        for vector in vectors_in(vectors / folder):
            if "compact" in vector:
                yield vector["id"], vector["compact"]
            elif "signed" in vector:
                yield vector["id"], json.dumps(vector["signed"])
            elif vector.get("type") == "mdoc-issuer-signed":
                yield vector["id"], b64url_encode(bytes.fromhex(vector["hex"]))
            elif vector.get("type") == "mdoc-device-response":
                for document in cbor2.loads(bytes.fromhex(vector["hex"]))["documents"]:
                    yield vector["id"], b64url_encode(cbor2.dumps(document["issuerSigned"]))


def test_credentials_of_others(vectors: Path) -> None:
    kinds = set()
    for _, credential in outside(vectors):
        report = checked(credential)
        checked(credential, profile="haip")
        kinds.add(report.kind)
        if report.kind in CREDENTIAL_KINDS:
            assert report.notes == ("the signature was not verified",)
        try:
            seen = inspect(credential)
        except InvalidCredential:
            assert report.kind not in CREDENTIAL_KINDS or report.errors > 0
        else:
            assert seen.format == report.kind
            assert seen.claims
            json.dumps(seen.claims)
    assert kinds >= set(CREDENTIAL_KINDS)


def test_credentials_without_and_with_faults(vectors: Path) -> None:
    named = dict(outside(vectors))
    for good in (
        "sdjwtvc-26559",
        "sdjwtvc-100690",
        "vc-credo-ts-11",
        "vc-credo-ts-15",
        "eddsa-rdfc-2022-alumni",
    ):
        assert said(checked(named[good], now=1_600_000_000)) == [], good
    # Without all the data elements that make a mobile driving licence.
    assert said(checked(named["isomdl-issuer-signed"], now=1_600_000_000)) == [("nameSpaces", None)]
    # A presentation, and an old type.
    assert said(checked(named["sdjwtvc-28910"])) == [("", "VCI-A.3.4-01")]
    assert said(checked(named["sd-credo-ts-0"])) == [("header", "VCI-A.3.4-01")]
    media_type = checked(named["vjc-credential-jose-bad-media-type"])
    assert [path for path, _ in said(media_type)] == ["header", "header", "iat"]


def test_signed_metadata_of_others(vectors: Path) -> None:
    partial, whole = (checked(vector["compact"]) for vector in vectors_in(vectors / "signed-metadata"))
    assert {partial.kind, whole.kind} == {"signed-issuer-metadata"}
    assert ("sub", "VCI-12.2.3-06") in said(partial)
    assert said(whole) == []


def open_world(schema: Any) -> Any:
    """The schema without what the specification contradicts: unknown members are ignored (OID4VCI 4.1.1, 12.2.4)."""
    if isinstance(schema, dict):
        closed = ("additionalProperties", "unevaluatedProperties")
        return {name: open_world(member) for name, member in schema.items() if not (name in closed and member is False)}
    return [open_world(each) for each in schema] if isinstance(schema, list) else schema


def test_the_conformance_suites_schemas_agree(vectors: Path) -> None:
    """What has no errors here passes their schemas, and the other way round, but for what a schema of theirs does not say."""
    schemas = {
        kind: Draft202012Validator(open_world(json.loads((vectors / "oid4vci-schemas" / f"{name}-1_0.json").read_text())))
        for kind, name in (("issuer-metadata", "credential_issuer_metadata"), ("offer", "credential_offer"))
    }
    documents = [
        json.loads(path.read_text()) for folder in ("oid4vci-1.0", "oid4vci-peer-fixtures") for path in files(vectors / folder)
    ]
    documents += [vector["offer"] for vector in vectors_in(vectors / "oid4vci-offers") if "offer" in vector]
    compared = 0
    for document in documents:
        report = checked(document)
        if report.kind not in schemas:
            continue
        unsaid = (
            "must use the https scheme",
            "must not be blank",
            "must be there with cryptographic_binding_methods_supported",
            "must be there with credential_response_encryption",
        )
        errors = [each for each in report.findings if each.severity == "error" and each.message not in unsaid]
        # `display` outside of `credential_metadata`, where drafts had it, has no rules any more.
        moved = any(each.message == "belongs into credential_metadata" for each in report.findings)
        if not moved and (errors or not report.errors):
            assert schemas[report.kind].is_valid(document) == (not errors), report.findings
            compared += 1
    assert compared > 30
