"""QR codes of Credential Offers."""

import sys
from xml.etree import ElementTree

import pytest
import segno

from oid4vci.offers import CredentialOffer, reference_uri
from oid4vci.qr import qr_svg, qr_text

URI = reference_uri("https://issuer.example/credential-offer/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM")
SHADES = {" ": (1, 1), "\u2580": (0, 1), "\u2584": (1, 0), "\u2588": (0, 0)}


def modules(text: str) -> list[list[int]]:
    """The modules that block characters show, dark as 1, two rows to a line, with the quiet zone."""
    rows = []
    for line in text.splitlines():
        pairs = [SHADES[char] for char in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    return rows


def test_the_text_shows_the_code_of_the_uri() -> None:
    expected = [[int(module) for module in row] for row in segno.make_qr(URI, error="l").matrix_iter(border=4)]
    rows = modules(qr_text(URI))
    assert rows[: len(expected)] == expected
    assert modules(qr_text(URI + "x"))[: len(expected)] != expected


def test_the_svg_is_a_square_of_the_asked_size() -> None:
    size = segno.make_qr(URI, error="l").symbol_size(scale=3, border=2)[0]
    root = ElementTree.fromstring(qr_svg(URI, scale=3, border=2))  # noqa: S314  # our own output
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width") == root.get("height") == f"{size}px"
    # So that it can be drawn in another size.
    assert root.get("viewBox") == f"0 0 {size} {size}"
    assert '"#fff"' in qr_svg(URI)
    assert qr_svg(URI) != qr_svg(URI + "x")


def test_the_svg_repeats_no_text() -> None:
    assert "issuer" not in qr_svg(URI)


def test_an_offer_too_long_for_a_code() -> None:
    ids = tuple(f"configuration-{i}" for i in range(200))
    uri = CredentialOffer(credential_issuer="https://issuer.example", credential_configuration_ids=ids).uri()
    for draw in (qr_svg, qr_text):
        with pytest.raises(ValueError, match="by reference"):
            draw(uri)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    for draw in (qr_svg, qr_text):
        with pytest.raises(ImportError, match=r"oid4vci\[qr\]"):
            draw(URI)
