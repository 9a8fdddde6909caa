"""Identifiers and the URLs where metadata are (OID4VCI 12.2.1, 12.2.2, RFC 8414 3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.metadata import (
    authorization_server_metadata_url,
    credential_issuer_metadata_url,
    well_known_fallback_url,
    well_known_url,
)

WELL_KNOWN = "/.well-known/openid-credential-issuer"


@pytest.mark.spec("VCI-12.2.2-01")
@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("https://i.example", f"https://i.example{WELL_KNOWN}"),
        ("https://i.example/tenant", f"https://i.example{WELL_KNOWN}/tenant"),
        ("https://i.example/a/b", f"https://i.example{WELL_KNOWN}/a/b"),
        ("https://i.example:8443", f"https://i.example:8443{WELL_KNOWN}"),
        ("https://i.example:8443/t", f"https://i.example:8443{WELL_KNOWN}/t"),
        ("https://[2001:db8::1]:8443/t", f"https://[2001:db8::1]:8443{WELL_KNOWN}/t"),
        ("https://i.example/", f"https://i.example{WELL_KNOWN}/"),
        ("https://i.example/t/", f"https://i.example{WELL_KNOWN}/t/"),
        ("https://i.example//", f"https://i.example{WELL_KNOWN}//"),
        ("https://I.Example/T%2f", f"https://I.Example{WELL_KNOWN}/T%2f"),
        ("https://i.example:443/a/..b", f"https://i.example:443{WELL_KNOWN}/a/..b"),
    ],
)
def test_the_well_known_string_goes_between_host_and_path(identifier: str, url: str) -> None:
    assert credential_issuer_metadata_url(identifier) == url
    assert well_known_url(identifier, "openid-credential-issuer") == url


@pytest.mark.spec("VCI-12.2.2-01")
@given(
    host=st.from_regex(r"[A-Za-z0-9]{1,8}(\.[a-z]{2,5}){0,2}(:[1-9][0-9]{0,3})?", fullmatch=True),
    path=st.from_regex(r"(/([A-Za-z0-9_~-][A-Za-z0-9._~%-]{0,5})?){0,4}", fullmatch=True),
)
def test_nothing_of_an_identifier_changes(host: str, path: str) -> None:
    url = credential_issuer_metadata_url(f"https://{host}{path}")
    assert url.startswith(f"https://{host}{WELL_KNOWN}")
    assert url.replace(WELL_KNOWN, "", 1) == f"https://{host}{path}"


@pytest.mark.parametrize(
    ("url", "fallback"),
    [
        (f"https://i.example{WELL_KNOWN}/", f"https://i.example{WELL_KNOWN}"),
        (f"https://i.example{WELL_KNOWN}/t/", f"https://i.example{WELL_KNOWN}/t"),
        (f"https://i.example{WELL_KNOWN}/t", None),
        (f"https://i.example{WELL_KNOWN}", None),
    ],
)
def test_the_fallback_goes_without_the_last_slash(url: str, fallback: str | None) -> None:
    assert well_known_fallback_url(url) == fallback


@pytest.mark.spec("VCI-12.2.4-06")
@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("https://as.example", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/t", "https://as.example/.well-known/oauth-authorization-server/t"),
        ("https://as.example/t/", "https://as.example/.well-known/oauth-authorization-server/t"),
        ("https://as.example:8443/t/u", "https://as.example:8443/.well-known/oauth-authorization-server/t/u"),
    ],
)
def test_authorization_servers_follow_rfc_8414(identifier: str, url: str) -> None:
    assert authorization_server_metadata_url(identifier) == url


@pytest.mark.spec("VCI-12.2.1-01", "VCI-12.2.2-02")
@pytest.mark.parametrize(
    "identifier",
    [
        "http://i.example",
        "https://i.example?q",
        "https://i.example?",
        "https://i.example/t?a=b",
        "https://i.example#f",
        "https://i.example#",
        "https://user@i.example",
        "https://user:password@i.example",
        "https://",
        "https:///t",
        "https:i.example",
        "i.example",
        "",
        "ftp://i.example",
        "openid-credential-offer://i.example",
        " https://i.example",
        "https://i.example/\n",
        "https://i.example/a b",
        "https://i.example:0",
        "https://i.example:99999",
        "https://i.example:port",
        "https://ex\u00e4mple.org",
        "https://i.example\\t",
        "https://i.example/" + "a" * 3000,
        None,
        1,
        b"https://i.example",
    ],
)
def test_what_is_no_identifier_has_no_url(identifier: Any) -> None:
    for url_of in (credential_issuer_metadata_url, authorization_server_metadata_url):
        with pytest.raises(Malformed):
            url_of(identifier)
