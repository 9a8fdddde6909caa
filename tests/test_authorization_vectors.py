"""The printed requests and responses of OID4VCI 1.0, RFC 9126 and RFC 9396, held against the server and the wallet."""

import json
from pathlib import Path
from typing import Any

import pytest

from oid4vci.errors import InvalidAuthorizationDetails, InvalidResponse
from oid4vci.http import Form, Response
from oid4vci.metadata import ClientMetadata, CredentialIssuerMetadata
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.authorization_details import read_authorization_details
from oid4vci.oauth.authorization_requests import requested_credentials
from oid4vci.oauth.authorization_response import Redirect
from oid4vci.wallet.authorization_request import PushedResponse
from tests.authorization import CodeFlow, code_flow, encoded
from tests.issuance import configuration, issuer_metadata, refused

UNIVERSITY = "UniversityDegreeCredential"


def university(*names: str, **members: Any) -> CredentialIssuerMetadata:
    """An issuer of what the printed requests ask for, or of `names`."""
    return issuer_metadata(
        credential_configurations_supported=dict.fromkeys(names or (UNIVERSITY,), configuration()), **members
    )


def server(client_id: str, redirect_uri: str) -> CodeFlow:
    return code_flow(metadata=university(), clients={client_id: ClientMetadata(redirect_uris=(redirect_uri,))})


def example(vectors: Path, name: str) -> dict[str, Any]:
    (file,) = (vectors / "oid4vci-1.0").glob(f"{name}*.parsed.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_the_authorization_request_of_oid4vci(vectors: Path) -> None:
    form = dict(example(vectors, "012-")["query"])
    flow = server(form["client_id"], form["redirect_uri"])
    location = flow.authorize(**{**form, "state": None, "scope": None}).headers.get("location") or ""
    assert location.startswith("https://wallet.example.org/cb?code=")
    assert flow.host.requests[-1].configuration_ids == (UNIVERSITY,)


def test_the_pushed_request_of_oid4vci_but_for_what_is_left_out_there(vectors: Path) -> None:
    form = dict(example(vectors, "015-")["body_form"])
    assert form["authorization_details"] == "..."
    flow = server(form["client_id"], form["redirect_uri"])
    details = json.dumps([{"type": "openid_credential", "credential_configuration_id": UNIVERSITY}])
    response = flow.push(**{**form, "state": None, "scope": None, "authorization_details": details})
    printed = example(vectors, "016-")
    assert (response.status, response.json().keys()) == (printed["status"], printed["body_json"].keys())
    assert "no-store" in (response.headers.get("cache-control") or "")


def test_the_token_request_of_oid4vci(vectors: Path) -> None:
    form = dict(example(vectors, "020-")["body_form"])
    call = AuthorizationCodes().read(Form.parse(encoded(form).decode()), credential_issuers=[])
    assert (call.verifier, call.redirect_uri) == (form["code_verifier"], form["redirect_uri"])


def test_the_authorization_details_of_oid4vci(spec_folder: Path) -> None:
    files = sorted((spec_folder / "examples-1.0").glob("authorization_details*.json"))
    assert len(files) == 7
    for file in files:
        text = file.read_text(encoding="utf-8")
        names = [element["credential_configuration_id"] for element in json.loads(text)]
        issuers = [university(*names, credential_issuer="https://credential-issuer.example.com")]
        asked = requested_credentials(Form((("authorization_details", text),)), issuers)
        assert [detail.to_json() for detail in asked.details] == json.loads(text)


def test_responses_are_written_as_oid4vci_prints_them(vectors: Path) -> None:
    for name, parameters in (("018-", {"code": "SplxlOBeZQQYbYS6WxSbIA"}), ("019-", {"error": "invalid_request"})):
        printed = dict(example(vectors, name)["headers"])["Location"]
        written = Redirect("https://wallet.example.org/cb", None, "https://server.example.com").response(**parameters)
        assert (written.headers.get("location") or "").startswith(printed.partition("&")[0] + "&")


# --- RFC 9126 -------------------------------------------------------------------------------------------------------------------


def printed(vectors: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((vectors / "rfc9126-par/vectors.json").read_text(encoding="utf-8"))["http"]
    return {each["id"]: each for each in found}


def body_of(text: str) -> Response:
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
    return Response(int(lines[0].split()[1]), headers, body.encode())  # type: ignore[arg-type]  # each has two parts


def test_the_pushed_request_of_rfc_9126(vectors: Path) -> None:
    form = dict(printed(vectors)["rfc9126-5"]["form"])
    form |= {"client_assertion": None, "client_assertion_type": None}
    flow = server(form["client_id"], form["redirect_uri"])
    # Its scope stands for no credential here.
    refused(flow.push(**form), "invalid_scope")
    details = json.dumps([{"type": "openid_credential", "credential_configuration_id": UNIVERSITY}])
    assert flow.push(**form, authorization_details=details).status == 201


def test_a_request_of_rfc_9126_without_pkce_is_refused(vectors: Path) -> None:
    form = dict(printed(vectors)["rfc9126-2"]["form"])
    form |= {"client_assertion": None, "client_assertion_type": None, "code_challenge": None, "code_challenge_method": None}
    body = refused(server(form["client_id"], form["redirect_uri"]).push(**form), "invalid_request")
    assert "code_challenge" in body["error_description"]


def test_the_responses_of_rfc_9126_are_read_by_the_wallet(vectors: Path) -> None:
    for name in ("rfc9126-3", "rfc9126-6"):
        response = body_of(printed(vectors)[name]["text"])
        assert response.status == 201
        answer = PushedResponse.from_json(response.json())
        assert (answer.request_uri.startswith("urn:"), answer.expires_in) == (True, response.json()["expires_in"])
    with pytest.raises((InvalidResponse, ValueError)):
        PushedResponse.from_json(body_of(printed(vectors)["rfc9126-7"]["text"]).json())


# --- RFC 9396 -------------------------------------------------------------------------------------------------------------------


def test_details_of_other_types_are_left_to_those_who_know_them(vectors: Path) -> None:
    folder = vectors / "rfc9396-rar"
    seen = set()
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        if file.name == "manifest.json" or not isinstance(content, list):
            continue
        types = {element["type"] for element in content}
        seen |= types
        with pytest.raises(InvalidAuthorizationDetails):
            read_authorization_details(json.dumps(content), credential_issuers=[])
        mine = {"type": "openid_credential", "credential_configuration_id": UNIVERSITY}
        mixed = json.dumps([*content, mine])
        (detail,) = read_authorization_details(mixed, credential_issuers=[], other_types=types)
        assert detail.to_json() == mine
    assert {"account_information", "payment_initiation"} <= seen
