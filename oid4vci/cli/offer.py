"""`oid4vci offer`: a Credential Offer, for a person to read."""

from collections.abc import Iterator

from oid4vci.cli.source import Unreadable, from_file
from oid4vci.cli.terminal import plain
from oid4vci.http import url_origin, url_path
from oid4vci.lint.recognition import is_offer_uri
from oid4vci.offers import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    CredentialOffer,
    OfferReference,
    TxCode,
    read_offer,
    read_offer_uri,
)

__all__ = ("show_offer",)

_HIDDEN = "(hidden; --show-codes prints it)"


def show_offer(source: str, *, show_codes: bool) -> int:
    """Print an offer; the exit code. Raises `Unreadable` if it cannot be had, `InvalidOffer` if it is none."""
    text = source.strip()
    if not text.startswith("{") and not is_offer_uri(text):
        try:
            text = from_file(source).body.decode().strip()
        except UnicodeDecodeError:
            raise Unreadable(f"{source}: not UTF-8") from None
    for line in _lines(text, show_codes):
        print(line)
    return 0


def _lines(text: str, show_codes: bool) -> Iterator[str]:
    offer: CredentialOffer | OfferReference
    if text.startswith("{"):
        offer, carried = read_offer(text.encode("utf-8", "surrogatepass")), "as JSON"
    else:
        offer, carried = read_offer_uri(text), "by value, in a URI"
    if isinstance(offer, OfferReference):
        yield "Credential Offer by reference (OID4VCI 4.1.3)"
        yield f"  it is at: {plain(offer.url) if show_codes else _without_secrets(offer.url)}"
        yield "  It was not fetched. Whoever has the whole URL may get the pre-authorized code."
        return
    yield f"Credential Offer {carried} (OID4VCI 4.1)"
    yield f"  issuer: {plain(offer.credential_issuer)}"
    for name in offer.credential_configuration_ids:
        yield f"  credential: {plain(name)}"
    yield from _grants(offer, show_codes)
    yield "  Nothing in an offer can be trusted (OID4VCI 13.5)."


def _without_secrets(url: str) -> str:
    """The origin: the path can be the secret, and the query, which needs no path before it."""
    shown = plain(f"{url_origin(url)}/")
    return f"{shown}… {_HIDDEN}" if url_path(url) != "/" or "?" in url else shown


def _grants(offer: CredentialOffer, show_codes: bool) -> Iterator[str]:
    if not offer.grant_types or offer.grants is None:
        yield "  grants: none named; the authorization server's metadata say which there are"
        return
    for grant_type in offer.grant_types:
        yield f"  grant: {plain(grant_type)}"
        server = offer.authorization_server(grant_type)
        if server is not None:
            yield f"    authorization server: {plain(server)}"
        if grant_type == AUTHORIZATION_CODE and offer.grants.authorization_code is not None:
            state = offer.grants.authorization_code.issuer_state
            if state is not None:
                yield f"    issuer state: {plain(state) if show_codes else _HIDDEN}"
        elif grant_type == PRE_AUTHORIZED_CODE and offer.grants.pre_authorized_code is not None:
            grant = offer.grants.pre_authorized_code
            yield f"    pre-authorized code: {plain(grant.pre_authorized_code) if show_codes else _HIDDEN}"
            yield from _tx_code(grant.tx_code)


def _tx_code(tx_code: TxCode | None) -> Iterator[str]:
    if tx_code is None:
        yield "    transaction code: not needed"
        return
    kind = "digits" if tx_code.input_mode == "numeric" else "characters"
    yield f"    transaction code: needed, {kind if tx_code.length is None else f'{tx_code.length} {kind}'}"
    if tx_code.description is not None:
        yield f"    which the issuer describes so: {plain(tx_code.description)}"
