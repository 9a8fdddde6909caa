"""A sixth format of a third party, for both roles and from the outside: nothing of the library is touched (OID4VCI A).

Its credentials are JSON objects, its datasets have values that JSON has not, and its claims stand beneath a member of their own.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from oid4vci import _json
from oid4vci._document import string, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics, Selection, select
from oid4vci.drive import Together, respond, run
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.copies import Copies, SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.known import CREDENTIAL_FORMATS, KnownFormats
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner, PublicKey, RemoteSigner, Signer, public_key
from oid4vci.metadata import (
    CONFIGURATION_CLASSES,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    CredentialMetadata,
    SdJwtVcConfiguration,
)
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.records import Insert, Key, Record
from oid4vci.secret import NewSecret
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Opened, Session, Wallet, dump, load
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, Host, Issuance, configuration, issuance, issuer_metadata
from tests.scripted_server import HOLDER_KEYS

# "it is RECOMMENDED to use the media type" -- OID4VCI A
FORMAT = "application/vnd.example.card"
KEYS = f"{IDENTIFIER}/card-keys"


def _select(path: ClaimsPath, credential: Any) -> Selection:
    return select(path, credential)


SEMANTICS = ClaimsSemantics(select=_select, within=("holder",), always=frozenset({("design",)}))


@frozen(kw_only=True)
class CardConfiguration(CredentialConfiguration):
    """Its configurations have a `card_type`."""

    identifier = FORMAT
    algorithm_type = str

    card_type: str = field(metadata=wire(string()))


def _plain(value: Any) -> Any:
    """How the format writes what JSON cannot."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(element) for element in value] if isinstance(value, list) else value


def _native(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {"bytes"}:
            return bytes.fromhex(value["bytes"])
        if value.keys() == {"date"}:
            return date.fromisoformat(value["date"])
        return {name: _native(member) for name, member in value.items()}
    return [_native(element) for element in value] if isinstance(value, list) else value


@frozen(kw_only=True)
class CardEncoder:
    """Makes cards."""

    signer: Signer
    format: str = FORMAT
    semantics: ClaimsSemantics = SEMANTICS

    def check(self, configuration: CredentialConfiguration) -> None:
        if not isinstance(configuration, CardConfiguration):
            raise ValueError("a card needs a configuration with a card_type")  # noqa: TRY004

    def binds(self, key: PublicKey, *, configuration: CredentialConfiguration) -> bool:
        return True

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: CredentialConfiguration,
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> SignedCopies[dict[str, Any]]:
        assert isinstance(configuration, CardConfiguration)
        own = Copies.of(copies, count=len(holder_keys) or 1)
        cards = []
        for i, members in enumerate(own.members):
            bound = {"key": dict(holder_keys[i].jwk)} if holder_keys else {}
            salt = {"salt": new_secret(16).hex()}
            cards.append(
                {**_plain(claims), **members, **bound, **salt, "card": configuration.card_type, "by": issuer, "at": now}
            )

        def assemble(i: int, signature: bytes) -> dict[str, Any]:
            return {**cards[i], "signature": signature.hex()}

        return SignedCopies(self.signer, tuple(_json.dump_bytes(card) for card in cards), assemble)


def _check_signature(jwk: Mapping[str, str], data: bytes, signature: bytes) -> None:
    x, y = (int.from_bytes(_json.b64url_decode(jwk[name]), "big") for name in "xy")
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))


@frozen(kw_only=True)
class CardVerifier:
    """Checks cards, with the key that their issuer publishes."""

    def verify(
        self,
        credential: Any,
        *,
        configuration: CredentialConfiguration | None,
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        trust.demand(KEYS)
        if KEYS not in documents:
            return NeededDocument(KEYS, ("application/json",))
        try:
            if not isinstance(credential, Mapping) or not isinstance(configuration, CardConfiguration):
                raise Malformed("a card is an object")
            card = {name: value for name, value in credential.items() if name != "signature"}
            _check_signature(_json.loads(documents[KEYS]), _json.dump_bytes(card), bytes.fromhex(credential["signature"]))
            if card["card"] != configuration.card_type:
                raise Malformed("is another card")
            key = public_key(card["key"]) if "key" in card else None
        except (InvalidSignature, ValueError, KeyError, TypeError) as error:
            raise InvalidCredential(f"the card does not verify: {error}") from None
        return VerifiedCredential(
            FORMAT, credential, _native(card), issuer=card["by"], holder_key=key, issued_at=card["at"], semantics=SEMANTICS
        )


CARD = CredentialFormat(
    identifier=FORMAT, configuration_class=CardConfiguration, encoder=CardEncoder, verifier=CardVerifier, semantics=SEMANTICS
)
PERSON: Mapping[str, Any] = {
    "design": {"colour": "red"},
    "holder": {"name": "Ada", "born": date(1815, 12, 10), "portrait": b"\xff\xd8", "titles": ["Countess"]},
}
SIGNER = LocalSigner.generate("card-issuer")


class Cards(Host):
    """An application that issues cards."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def decide(self, order: Any, /) -> Any:
        return order.issue(PERSON, **self.options) if hasattr(order, "holder_keys") else super().decide(order)


def published() -> CredentialIssuerMetadata:
    described = (
        ClaimsDescription(path=("holder", "name"), mandatory=True),
        ClaimsDescription(path=("holder", "portrait")),
        ClaimsDescription(path=("holder", "born")),
    )
    card = CardConfiguration(
        card_type="library",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported=configuration("ES256").proof_types_supported,
        credential_metadata=CredentialMetadata(claims=described),
    )
    return issuer_metadata(credential_configurations_supported={"card": card})


def world(signer: Signer = SIGNER, **options: Any) -> Issuance:
    made = CARD.encoder(signer=signer)
    return issuance(metadata=published(), encoders={"card": made}, host=Cards(**options))


def network(net: Issuance, key: LocalSigner = SIGNER, tamper: Any = None) -> Any:
    def send(request: Request) -> Response:
        if request.url == KEYS:
            return Response.of_json(200, dict(key.public_jwk))
        response = respond_to(request)
        return Response.of_json(200, tamper(response.json())) if tamper and request.url == CREDENTIAL else response

    def respond_to(request: Request) -> Response:
        return respond(Together([net.issuer, net.server]), request, net.host, now=NOW)

    return send


def wallet(**settings: Any) -> Wallet:
    formats = {**CREDENTIAL_FORMATS, FORMAT: CARD}
    return Wallet(**{"trust": Trust.of(IDENTIFIER), "client_id": "wallet", "formats": formats, **settings})


def opened(net: Issuance, settings: Wallet) -> Opened:
    granted = net.server.pre_authorize("ada", ("card",), now=NOW)
    assert net.host.commit(granted.changes)
    offer = net.issuer.offer(("card",), pre_authorized_code=granted.grant)
    return run(Offer.parse(offer.uri()).open(settings), network(net))


def issued(session: Session, send: Any, keys: int = 2) -> Issued:
    result = run(run(session.order("card"), send).prove(HOLDER_KEYS[:keys], now=NOW).submit(), send)
    assert isinstance(result, Issued)
    return result


@pytest.mark.spec("VCI-A-01", "VCI-A.1-02")
@pytest.mark.parametrize("remote", [False, True])
def test_from_the_offer_to_a_stored_credential(remote: bool) -> None:
    net = world(RemoteSigner("r", "ES256", SIGNER.public_jwk) if remote else SIGNER)
    net.host.signer = SIGNER
    settings = wallet()
    start = opened(net, settings)
    read = start.configurations["card"]
    assert isinstance(read, CardConfiguration)
    assert read.card_type == "library"
    again = load(dump(start), settings)
    assert again == start
    assert isinstance(again, Opened)
    assert isinstance(again.configurations["card"], CardConfiguration)
    send = network(net)
    session = run(again.redeem(), send)
    result = issued(session, send)
    assert [each.claims["holder"] for each in result.credentials] == [PERSON["holder"]] * 2
    assert [each.claims["design"] for each in result.credentials] == [{"colour": "red"}] * 2
    assert {each.holder_key for each in result.credentials} == set(result.holder_keys)
    assert all(isinstance(each.credential, dict) for each in result.credentials)
    restored = load(dump(result), settings)
    assert restored == result
    assert isinstance(restored, Issued)
    assert restored.credentials[0].select(("holder", "born"))[0][1] == date(1815, 12, 10)
    assert result.missing_claims == ()
    assert [each.path for each in result.view().claims] == [
        ("holder", "name"),
        ("holder", "portrait"),
        ("holder", "born"),
        ("holder", "titles"),
    ]


@pytest.mark.spec("VCI-B.1-03", "VCI-B.2-02")
def test_its_claims_are_asked_for_like_those_of_any_other() -> None:
    net = world(copies=[{"number": 1}], changes=[Insert(Record(Key.of("number", "1"), {}, NOW + 60))])
    send, settings = network(net), wallet()
    wanted = [ClaimsDescription(path=("holder", "portrait"), mandatory=True)]
    result = issued(run(opened(net, settings).redeem(claims={"card": wanted}), send), send, keys=1)
    (card,) = result.credentials
    assert card.claims["holder"] == {"name": "Ada", "portrait": b"\xff\xd8"}
    assert (card.claims["design"], card.claims["number"]) == ({"colour": "red"}, 1)
    assert Key.of("number", "1") in net.host.rows


def changed(**members: Any) -> Any:
    def tamper(response: Any) -> Any:
        return {"credentials": [{"credential": {**each["credential"], **members}} for each in response["credentials"]]}

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        changed(number=2),
        changed(signature="00"),
        changed(signature=None),
        changed(key=dict(HOLDER_KEYS[3].public_jwk)),
        lambda response: {"credentials": [{"credential": "card"}]},
        lambda response: {"credentials": [response["credentials"][0]] * 2},
    ],
)
def test_what_is_no_card_is_refused(tamper: Any) -> None:
    net = world()
    send = network(net, tamper=tamper)
    session = run(opened(net, wallet()).redeem(), send)
    with pytest.raises(InvalidCredential):
        issued(session, send)


def test_its_issuer_must_be_trusted_and_its_key_fetched() -> None:
    net = world()
    send = network(net, LocalSigner.generate("somebody"))
    session = run(opened(net, wallet()).redeem(), send)
    with pytest.raises(InvalidCredential, match="does not verify"):
        issued(session, send)
    elsewhere = wallet(trust=Trust(allow=lambda url: url != KEYS))
    session = run(opened(net, elsewhere).redeem(), network(net))
    with pytest.raises(Untrusted):
        issued(session, network(net))


def test_a_wallet_without_it_reads_the_rest_of_the_metadata() -> None:
    start = opened(world(), wallet(formats=CREDENTIAL_FORMATS))
    assert type(start.configurations["card"]) is CredentialConfiguration
    with pytest.raises(ValueError, match="no verifier for the format"):
        start.redeem()


def test_a_configuration_that_is_none_of_the_format_is_left_out() -> None:
    document = published().to_json()
    del document["credential_configurations_supported"]["card"]["card_type"]
    document["credential_configurations_supported"]["other"] = {"format": "x"}
    read = CredentialIssuerMetadata.from_json(document, classes=wallet().configuration_classes)
    assert list(read.skipped) == ["card"]


def test_an_issuer_checks_its_configurations() -> None:
    plain = issuer_metadata(credential_configurations_supported={"card": configuration("ES256", format=FORMAT)})
    with pytest.raises(ValueError, match="needs a configuration with a card_type"):
        Issuer(plain, SealedAccessTokens(issuance().keys), {"card": CardEncoder(signer=SIGNER)})


# --- which classes a Wallet reads configurations with ---------------------------------------------------------------------------


def test_a_wallet_reads_what_its_formats_say() -> None:
    classes = wallet().configuration_classes
    assert classes[FORMAT] is CardConfiguration
    assert classes["dc+sd-jwt"] is SdJwtVcConfiguration
    assert set(classes) == {*CONFIGURATION_CLASSES, *CREDENTIAL_FORMATS, FORMAT}
    assert len(classes) == len(set(classes))
    with pytest.raises(KeyError):
        classes["unknown"]


@frozen(kw_only=True)
class OtherSdJwtConfiguration(SdJwtVcConfiguration):
    """With a member more."""


@pytest.mark.parametrize("lazy", [False, True])
def test_a_format_of_the_library_may_be_replaced(lazy: bool) -> None:
    other = CredentialFormat(
        identifier="dc+sd-jwt", configuration_class=OtherSdJwtConfiguration, encoder=CardEncoder, verifier=CardVerifier
    )
    loaded: list[str] = []

    def loader() -> CredentialFormat:
        loaded.append("dc+sd-jwt")
        return other

    settings = wallet(formats=KnownFormats({"dc+sd-jwt": loader}) if lazy else {"dc+sd-jwt": other})
    assert loaded == []
    assert settings.configuration_classes["dc+sd-jwt"] is OtherSdJwtConfiguration
    assert isinstance(settings.verifier("dc+sd-jwt"), CardVerifier)
    assert settings.verifier("dc+sd-jwt") is settings.verifier("dc+sd-jwt")


def test_a_verifier_with_settings_of_its_own_goes_with_the_librarys_configurations() -> None:
    verifier = CardVerifier()
    settings = wallet(formats={"dc+sd-jwt": verifier, "x": verifier})
    assert settings.verifier("dc+sd-jwt") is verifier
    assert settings.configuration_classes["dc+sd-jwt"] is SdJwtVcConfiguration
    assert "x" not in {name for name in settings.configuration_classes if name in CONFIGURATION_CLASSES}


def test_reading_metadata_loads_no_format() -> None:
    code = (
        "import sys; from oid4vci.wallet import Wallet; from oid4vci.trust import Trust; "
        "from oid4vci.metadata import CredentialConfiguration as C; "
        "print(type(C.read({'format': 'mso_mdoc', 'doctype': 'x'}, classes=Wallet(trust=Trust()).configuration_classes)).__name__, "
        "'oid4vci.formats.sd_jwt_vc' in sys.modules, 'cbor2' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["MsoMdocConfiguration", "False", "False"]
