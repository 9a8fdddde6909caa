"""A Wallet and signed metadata: when it asks for them, what it takes, what it keeps (OID4VCI 12.2.2, 12.2.3, HAIP 4.1)."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.drive import respond, run
from oid4vci.errors import InvalidMetadata, TryLater, Untrusted, WalletError
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.metadata import IssuerDisplay
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Issued, Offer, Opened, Session, dump, load
from oid4vci.x509 import Anchors
from tests.issuance import Host, issuer_metadata, new_issuer
from tests.scripted_server import (
    ISSUER,
    METADATA_URL,
    SERVER_URL,
    TOKEN,
    Server,
    by_value,
    metadata,
    offer,
    ok,
    server_metadata,
    wallet,
)
from tests.signed_metadata import CHAIN, CLAIMS, HEADER, NOW, OTHER, SIGNER, SIGNING, jwt, pinning, trusting
from tests.test_wallet_storage import again
from tests.test_x509 import ROOT

REFERENCE = "https://issuer.example/offers/1"
SIGNED = jwt()


def signed(token: str | bytes = b"", *, status: int = 200, media_type: str = "application/jwt") -> Response:
    body = token or SIGNED
    return Response(status, {"content-type": media_type}, body.encode() if isinstance(body, str) else body)


def open_(answer: Response | None = None, trust: Trust | None = None, *, now: int | None = NOW, **settings: Any) -> Opened:
    return run(exchange(trust, now=now, **settings), serving(answer))


def exchange(trust: Trust | None = None, *, now: int | None = NOW, **settings: Any) -> Exchange[Opened]:
    return Offer.parse(by_value(offer())).open(wallet(trust=trust or trusting(), **settings), now=now)


def serving(answer: Response | None = None) -> Server:
    return Server({METADATA_URL: signed() if answer is None else answer})


# --- what is asked for ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.2-04")
@pytest.mark.parametrize(
    ("trust", "accept"),
    [
        (trusting(metadata_anchors=None), "application/json"),
        (trusting(metadata_anchors=Anchors()), "application/json"),
        (trusting(), "application/jwt, application/json;q=0.5"),
        (pinning(SIGNER), "application/jwt, application/json;q=0.5"),
        (trusting(signed_metadata_required=True), "application/jwt"),
        (pinning(SIGNER, signed_metadata_required=True), "application/jwt"),
        (
            trusting(metadata_anchors=None, metadata_keys={"https://other.example": (public_key(SIGNER.public_jwk),)}),
            "application/json",
        ),
    ],
)
def test_signed_metadata_are_asked_for_where_they_can_be_believed(trust: Trust, accept: str) -> None:
    server = serving(signed() if "jwt" in accept else ok(metadata()))
    result = run(exchange(trust), server)
    assert [request.headers.get("accept") for request in server.requests] == [accept, "application/json"]
    assert (result.signed_metadata is not None) == ("jwt" in accept)
    assert result.metadata.to_json() == metadata()


def test_languages_are_asked_for_as_well() -> None:
    server = serving()
    run(exchange(locales=["de-AT", "en"]), server)
    assert server.requests[0].headers.get("accept-language") == "de-AT, en;q=0.9"


@pytest.mark.spec("VCI-12.2.3-10", "VCI-12.2.3-12")
def test_it_is_known_who_signed() -> None:
    found = open_(signed(jwt({**CLAIMS, "iss": "https://attester.example"}))).signed_metadata
    assert found is not None
    assert (found.issuer, found.certificate, found.verified_at) == ("https://attester.example", CHAIN[0], NOW)
    assert (found.issued_at, found.expires_at) == (NOW, NOW + 3600)
    assert not any(claim in open_().metadata.extra for claim in ("iss", "sub", "iat", "exp"))


def test_the_time_is_needed() -> None:
    for trust in (trusting(), pinning(SIGNER), trusting(metadata_anchors=None, signed_metadata_required=True)):
        with pytest.raises(ValueError, match="now is needed"):
            exchange(trust, now=None)
        with pytest.raises(ValueError, match="now is needed"):
            Offer.parse(f"x://?credential_offer_uri={REFERENCE}").open(wallet(trust=trust))
    assert open_(ok(metadata()), trusting(metadata_anchors=None), now=None).signed_metadata is None


def test_an_offer_by_reference() -> None:
    server = Server({METADATA_URL: signed(), REFERENCE: ok(offer())})
    opened = run(Offer.parse(f"x://?credential_offer_uri={REFERENCE}").open(wallet(trust=trusting()), now=NOW), server)
    assert opened.signed_metadata is not None
    assert opened == open_()


def test_an_identifier_that_ends_in_a_slash() -> None:
    identifier = f"{ISSUER}/"
    claims = {**CLAIMS, "sub": identifier, "credential_issuer": identifier, "authorization_servers": [ISSUER]}
    server = Server({METADATA_URL: signed(jwt(claims))})
    invocation = Offer.parse(by_value({**offer(), "credential_issuer": identifier}))
    opened = run(invocation.open(wallet(trust=trusting(signs_metadata=lambda issuer, leaf: True)), now=NOW), server)
    assert [request.headers.get("accept") for request in server.requests[:2]] == ["application/jwt, application/json;q=0.5"] * 2
    assert opened.metadata.credential_issuer == identifier


# --- what is taken ----------------------------------------------------------------------------------------------------------------


def refused(error: type[WalletError], answer: Response, trust: Trust | None = None, **more: Any) -> None:
    server = serving(answer)
    with pytest.raises(error):
        run(exchange(trust, **more), server)
    assert server.urls == [METADATA_URL], "nothing is asked for once more, or of a server that bad metadata name"


@pytest.mark.spec("HAIP-4.1-04")
def test_unsigned_metadata_will_do_where_signatures_are_not_required() -> None:
    assert open_(ok(metadata())).signed_metadata is None
    for trust in (trusting(signed_metadata_required=True), pinning(SIGNER, signed_metadata_required=True)):
        refused(Untrusted, ok(metadata()), trust)


@pytest.mark.spec("HAIP-4.1-04")
def test_nothing_is_sent_where_signatures_are_required_and_nobody_is_believed() -> None:
    for trust in (
        trusting(metadata_anchors=None, signed_metadata_required=True),
        pinning(SIGNER, metadata_keys={"https://other.example": ()}, signed_metadata_required=True),
    ):
        with pytest.raises(Untrusted, match="demands signed metadata"):
            exchange(trust)


@pytest.mark.spec("VCI-12.2.2-06", "VCI-12.2.2-09")
@pytest.mark.parametrize(
    "answer",
    [
        signed(media_type="application/json"),
        signed(media_type=""),
        signed(media_type="text/plain"),
        signed(media_type="application/openidvci-issuer-metadata+jwt"),
        signed(_json.dump_bytes(metadata())),
        signed(_json.dump_bytes(metadata()), media_type="text/html"),
        signed(b"\xff"),
        signed("\u00e9"),
        signed(status=201),
        signed(status=404),
        signed(status=406),
        signed(b" "),
    ],
)
def test_the_media_type_says_how_to_read_them(answer: Response) -> None:
    refused(InvalidMetadata, answer)


def test_signed_metadata_that_were_not_asked_for() -> None:
    for trust in (trusting(metadata_anchors=None), pinning(SIGNER, metadata_keys={"https://other.example": ()})):
        refused(InvalidMetadata, signed(), trust)
        refused(InvalidMetadata, signed(), trusting(metadata_anchors=None), now=None)


@pytest.mark.spec("VCI-12.2.3-11", "VCI-12.2.3-12")
@pytest.mark.parametrize(
    "token",
    [
        jwt(by=OTHER),
        jwt({"credential_issuer": 1}, by=OTHER),
        jwt(header={**HEADER, "x5c": None}),
        jwt({**CLAIMS, "sub": "https://other.example"}),
        jwt({**CLAIMS, "iat": None}),
        jwt({**CLAIMS, "exp": NOW - 60}),
        jwt(header={**HEADER, "typ": "JWT"}),
    ],
)
def test_a_bad_signature_is_no_reason_to_take_them_unsigned(token: str) -> None:
    refused(InvalidMetadata, signed(token))


def test_a_signer_that_is_not_trusted() -> None:
    refused(Untrusted, signed(), trusting(signs_metadata=lambda issuer, leaf: False))


@pytest.mark.spec("VCI-12.2.4-02", "VCI-12.2.4-03", "VCI-12.2.3-09")
def test_what_is_signed_obeys_the_rules_of_metadata() -> None:
    for claims in (
        {"credential_issuer": None},
        {"credential_issuer": f"{ISSUER}/"},
        {"credential_endpoint": None},
        {"credential_configurations_supported": None},
        {"credential_endpoint": "http://issuer.example/credential"},
    ):
        refused(InvalidMetadata, signed(jwt({**CLAIMS, **claims})))
    nested = {"sub": ISSUER, "iat": NOW, "metadata": metadata()}
    refused(InvalidMetadata, signed(jwt(nested)))


def test_a_server_in_trouble() -> None:
    refused(TryLater, signed(status=503))


def test_unsigned_metadata_say_nothing_of_claims() -> None:
    """They keep members by whatever name."""
    opened = open_(ok({**metadata(), "iss": "x", "exp": 1}))
    assert opened.metadata.extra == {"iss": "x", "exp": 1}


@pytest.mark.spec("VCI-12.2.2-12")
def test_content_language_is_not_believed() -> None:
    shown = [{"name": "Example", "locale": "en"}, {"name": "Beispiel", "locale": "de"}]
    answer = ok({**metadata(), "display": shown})
    for language in ("fr", "en", "\u00e9", "x" * 9000):
        lying = evolve(answer, headers=(*answer.headers.pairs, ("content-language", language)))
        found = open_(lying, locales=["de"]).metadata.shown(["de"])
        assert found is not None
        assert found.name == "Beispiel"


# --- what is kept -----------------------------------------------------------------------------------------------------------------


def stored(opened: Opened) -> dict[str, Any]:
    document = _json.loads(dump(opened))
    assert isinstance(document, dict)
    return document


def test_a_state_comes_back_with_its_signature() -> None:
    for trust in (trusting(), pinning(SIGNER), trusting(signed_metadata_required=True)):
        opened = open_(trust=trust)
        found = load(dump(opened), again(trust=trust))
        assert found == opened
        assert isinstance(found, Opened)
        assert found.signed_metadata == opened.signed_metadata is not None
    assert stored(open_())["state"].keys() == {"offer", "server", "signed_metadata"}


def test_later_states_come_back_with_it() -> None:
    server, settings = serving(), again(trust=trusting())
    session = run(run(exchange(), server).redeem(), server)
    found = load(dump(session), settings)
    assert isinstance(found, Session)
    assert found == session
    assert found.opened.signed_metadata is not None
    order = run(found.order("ticket"), server)
    issued = run(order.prove([], now=NOW).submit(), server)
    assert isinstance(issued, Issued)
    later = load(dump(issued), settings)
    assert isinstance(later, Issued)
    assert later.session.opened.signed_metadata == found.opened.signed_metadata


def test_a_state_outlives_its_metadata() -> None:
    """They are verified for the time of their receipt: they had to hold then."""
    opened = open_(signed(jwt({**CLAIMS, "exp": NOW + 1})))
    assert load(dump(opened), again(trust=trusting())) == opened


def test_a_state_is_believed_no_longer_than_its_signer() -> None:
    data = dump(open_())
    for trust in (
        trusting(metadata_anchors=None),
        pinning(OTHER),
        trusting(signs_metadata=lambda issuer, leaf: False),
        trusting(metadata_anchors=Anchors.from_der(ROOT, purposes=["1.2.3"])),
    ):
        with pytest.raises(Malformed):
            load(data, again(trust=trust))


def test_an_unsigned_state_where_signatures_are_required_by_now() -> None:
    data = dump(open_(ok(metadata())))
    assert load(data, again(trust=trusting())) is not None
    with pytest.raises(Malformed, match="demands signed metadata"):
        load(data, again(trust=trusting(signed_metadata_required=True)))


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": metadata()},
        {"signed_metadata": None},
        {"signed_metadata": {}},
        {"signed_metadata": {"jwt": jwt()}},
        {"signed_metadata": {"jwt": jwt(by=OTHER), "verified_at": NOW}},
        {"signed_metadata": {"jwt": jwt(), "verified_at": NOW + 10_000}},
        {"signed_metadata": {"jwt": jwt({**CLAIMS, "credential_issuer": "https://issuer.example"}), "verified_at": NOW}},
        {"signed_metadata": {"jwt": jwt(), "verified_at": str(NOW)}},
        {"signed_metadata": {"jwt": 1, "verified_at": NOW}},
        {"offer": {**offer(), "credential_issuer": "https://issuer.example"}},
    ],
)
def test_what_was_tampered_with(changes: dict[str, Any]) -> None:
    document = stored(open_())
    state = {name: value for name, value in {**document["state"], **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=r"^state|^metadata|^signed_metadata|^server|^offer|:"):
        load(_json.dump_bytes({**document, "state": state}), again(trust=trusting()))


# --- our issuer -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.1-04", "HAIP-4.1-05", "HAIP-7-04")
def test_our_wallet_believes_our_issuer() -> None:
    shown = tuple(IssuerDisplay(name=f"in {each}", locale=each) for each in ("en", "de", "fr"))
    issuer = new_issuer(issuer_metadata(display=shown), signed_metadata=SIGNING, localised=True)
    server = Server(
        {
            METADATA_URL: lambda request: respond(issuer, request, Host(), now=NOW),
            SERVER_URL: ok({**server_metadata(), "token_endpoint": TOKEN}),
        }
    )
    document = {**offer(), "credential_configuration_ids": ["note"]}
    settings = wallet(trust=trusting(signed_metadata_required=True), locales=["de-CH"])
    opened = run(Offer.parse(by_value(document)).open(settings, now=NOW + 5), server)
    assert opened.signed_metadata is not None
    assert opened.signed_metadata.expires_at == NOW + 86_400
    assert opened.metadata.display == (shown[1],)
    assert opened.metadata.shown(settings.locales) == shown[1]
    plain = respond(issuer, Request("GET", METADATA_URL), Host(), now=NOW)
    assert opened.metadata.to_json() == {**plain.json(), "display": [shown[1].to_json()]}
