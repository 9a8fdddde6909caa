"""did:web: from the DID to the address of its document, and everything that has none."""

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._document import https_url
from oid4vci._json import Malformed
from oid4vci.dids import KNOWN_DID_METHODS, DidDocumentMethod, DidUrl, DidWeb, did_web_url, resolve


@pytest.mark.parametrize(
    ("did", "url"),
    [
        # The examples of the method's specification.
        ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
        ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
        ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
        ("did:web:example.com%3A3000", "https://example.com:3000/.well-known/did.json"),
        # The DID URL of a key leads to the document of the DID.
        ("did:web:example.com#key-1", "https://example.com/.well-known/did.json"),
        ("did:web:example.com:a#", "https://example.com/a/did.json"),
        # Hosts are the same in either case, paths are not.
        ("did:web:Example.COM:Alice", "https://example.com/Alice/did.json"),
        ("did:web:example.com%3a3000", "https://example.com:3000/.well-known/did.json"),
        ("did:web:localhost%3A8443", "https://localhost:8443/.well-known/did.json"),
        ("did:web:xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example/.well-known/did.json"),
        ("did:web:1.example.c0m", "https://1.example.c0m/.well-known/did.json"),
        ("did:web:example.com%3A65535", "https://example.com:65535/.well-known/did.json"),
        ("did:web:example.com:a.b:_-.c", "https://example.com/a.b/_-.c/did.json"),
        (f"did:web:{'a' * 63}.example", f"https://{'a' * 63}.example/.well-known/did.json"),
    ],
)
def test_where_documents_are(did: str, url: str) -> None:
    assert did_web_url(did) == did_web_url(DidUrl.parse(did)) == url
    assert DidWeb().document_url(DidUrl.parse(did)) == url
    https_url().check(url)


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:web:",
        "did:web",
        "web:example.com",
        "https://example.com",
        "did:Web:example.com",
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "did:webs:example.com",
        # Paths and queries of DID URLs are no part of the DID.
        "did:web:example.com/path",
        "did:web:example.com?versionId=1",
        "did:web:example.com?#key-1",
        # "it MUST NOT include IP addresses", in whatever way they are written
        "did:web:127.0.0.1",
        "did:web:127.1",
        "did:web:2130706433",
        "did:web:0x7f000001",
        "did:web:0x7f.0.0.1",
        "did:web:127.0.0.0x1",
        "did:web:0177.0.0.01",
        "did:web:127.0.0.1%3A8443",
        "did:web:%5B::1%5D",
        "did:web:%5B%3A%3A1%5D",
        # No user, no other encoded character in a host, no host at all.
        "did:web:user%40example.com",
        "did:web:user@example.com",
        "did:web:user%3Apassword%40example.com",
        "did:web:example.com%2Fpath",
        "did:web:example%2Ecom",
        "did:web:example.com%23",
        "did:web:example.com%00",
        "did:web:ex%C3%A4mple.com",
        "did:web:exämple.com",
        "did:web:%3A3000",
        "did:web:.",
        "did:web:.example.com",
        "did:web:example.com.",
        "did:web:example..com",
        "did:web:-example.com",
        "did:web:example-.com",
        "did:web:ex_ample.com",
        f"did:web:{'a' * 64}.example",
        f"did:web:{'a.' * 127}example",
        # Ports.
        "did:web:example.com%3A",
        "did:web:example.com%3A0",
        "did:web:example.com%3A080",
        "did:web:example.com%3A65536",
        "did:web:example.com%3A999999",
        "did:web:example.com%3Ahttps",
        "did:web:example.com%3A-1",
        "did:web:example.com%3A80%3A90",
        "did:web:example.com%253A3000",
        # Paths.
        "did:web:example.com:",
        "did:web:example.com::alice",
        "did:web:example.com:alice:",
        "did:web:example.com:.",
        "did:web:example.com:..",
        "did:web:example.com:a:..:b",
        "did:web:example.com:%2E%2E",
        "did:web:example.com:%2e",
        "did:web:example.com:a%2Fb",
        "did:web:example.com:a%5Cb",
        "did:web:example.com:a%20b",
        "did:web:example.com:a%3Ab",
        "did:web:example.com:%61",
        "did:web:example.com:3000%3A",
        f"did:web:example.com:{'a' * 4_096}",
    ],
)
def test_what_has_no_address(did: str) -> None:
    with pytest.raises(Malformed):
        did_web_url(did)


def test_the_method_is_one_of_those_whose_documents_are_published() -> None:
    method: DidDocumentMethod = DidWeb()
    assert KNOWN_DID_METHODS["web"] == method
    assert resolve("did:web:example.com#key-1", methods=KNOWN_DID_METHODS) is None


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABELS, min_size=1, max_size=4), st.none() | st.integers(1, 65_535), st.lists(LABELS, max_size=3))
def test_the_address_has_the_parts_of_the_did(labels: list[str], port: int | None, path: list[str]) -> None:
    host = ".".join(labels) + ("" if port is None else f"%3A{port}")
    url = urlsplit(did_web_url(":".join(("did:web", host, *path))))
    assert (url.scheme, url.hostname, url.port) == ("https", ".".join(labels), port)
    assert url.path == f"/{'/'.join(path) or '.well-known'}/did.json"
    assert (url.query, url.fragment, url.username) == ("", "", None)


@given(st.text(max_size=40) | st.text(alphabet="exa.:%3A2F10@#?-_/", max_size=30).map("did:web:{}".format))
def test_arbitrary_text_has_a_plain_address_or_none(text: str) -> None:
    with suppress(Malformed):
        url = did_web_url(text)
        https_url().check(url)
        assert url.endswith("/did.json")
        assert not {"..", ".", ""} & set(urlsplit(url).path.split("/")[1:])
        assert "%" not in url
