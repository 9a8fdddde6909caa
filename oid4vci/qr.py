"""Credential Offers as QR codes (OID4VCI 4.1), for a page and for a terminal.

Both functions need the extra `oid4vci[qr]`; without it they raise `ImportError`. A QR code holds about 2900 characters, and long
before that phones read it badly: offers by reference make small codes.
"""

from io import BytesIO, StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segno import QRCode

__all__ = ("qr_svg", "qr_text")


def _code(uri: str) -> "QRCode":
    try:
        import segno
    except ImportError:
        raise ImportError("QR codes need the extra oid4vci[qr]: pip install 'oid4vci[qr]'") from None
    try:
        return segno.make_qr(uri, error="l")
    except segno.DataOverflowError:
        raise ValueError("the URI is too long for a QR code: send the offer by reference") from None


def qr_svg(uri: str, *, scale: int = 4, border: int = 4) -> str:
    """An SVG element, black on white, for a page or a file.

    `scale` is the size of a module in pixels, `border` the width of the quiet zone in modules; a style sheet may draw it smaller
    or larger. Raises `ValueError` if `uri` is too long.
    """
    out = BytesIO()
    _code(uri).save(out, kind="svg", scale=scale, border=border, light="#fff", unit="px", xmldecl=False, nl=False)
    return out.getvalue().decode()


def qr_text(uri: str) -> str:
    """Lines of block characters, for a terminal with light text on a dark ground. Raises `ValueError` if `uri` is too long."""
    out = StringIO()
    _code(uri).terminal(out, compact=True)
    return out.getvalue()
