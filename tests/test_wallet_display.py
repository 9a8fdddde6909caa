"""How Credentials and their claims are shown (OID4VCI 12.2.4, B.2, B.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics, select_mdoc
from oid4vci.drive import run
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.type_metadata import CredentialType, TypeClaim, TypeMetadata
from oid4vci.formats.type_metadata_display import ClaimLabel
from oid4vci.metadata import CredentialIssuerMetadata, CredentialMetadata, JwtVcJsonConfiguration
from oid4vci.wallet import CredentialView, Issued, credential_view
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    METADATA_URL,
    NOW,
    Server,
    credential_for,
    metadata,
    ok,
    proofs_of,
    session,
)

CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.example",
    "family_name": "Lovelace",
    "given_name": "Ada",
    "address": {"street": "St James", "city": "London", "geo": {"lat": 1, "lon": 2}},
    "degrees": [{"type": "B", "grade": 1}, {"type": "M", "grade": 2}],
    "deceased": None,
}
IETF = ClaimsSemantics(always=frozenset({("iss",)}))


def names(**by_locale: str) -> list[dict[str, str]]:
    return [{"name": name, "locale": locale} for locale, name in by_locale.items()]


def described(*claims: dict[str, Any], **members: Any) -> CredentialMetadata:
    return CredentialMetadata.from_json({"claims": list(claims), **members} if claims else members)


def shown(
    published: CredentialMetadata | None,
    *preferences: str,
    claims: Mapping[str, Any] = CLAIMS,
    semantics: ClaimsSemantics = IETF,
    kind: CredentialType | None = None,
) -> CredentialView:
    credential = VerifiedCredential("x", "x", claims, semantics=semantics, type_metadata=kind)
    return credential_view(credential, published, preferences)


def rows(found: CredentialView) -> list[tuple[ClaimsPath, str | None, list[Any]]]:
    return [(each.path, each.name, [value for _, value in each.values]) for each in found.claims]


def a_type(*claims: dict[str, Any], **members: Any) -> CredentialType:
    return CredentialType.of(TypeMetadata.from_json({"vct": "urn:t", "claims": list(claims), **members}))


# --- claims ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.3-01")
def test_claims_are_shown_in_the_order_of_the_metadata_and_the_others_last() -> None:
    published = described(
        {"path": ["given_name"], "display": names(en="First name", de="Vorname")},
        {"path": ["degrees", None, "type"], "display": names(en="Degrees")},
        {"path": ["nickname"], "display": names(en="Nickname")},
        {"path": ["family_name"]},
    )
    found = shown(published, "en")
    assert rows(found) == [
        (("given_name",), "First name", ["Ada"]),
        (("degrees", None, "type"), "Degrees", ["B", "M"]),
        (("family_name",), None, ["Lovelace"]),
        (("address",), None, [CLAIMS["address"]]),
        (("degrees", 0, "grade"), None, [1]),
        (("degrees", 1, "grade"), None, [2]),
        (("deceased",), None, [None]),
    ]
    assert [at for at, _ in found.claims[1].values] == [("degrees", 0, "type"), ("degrees", 1, "type")]
    assert found.claims[0].description == (published.claims or ())[0]
    assert found.claims[3].description is None


@pytest.mark.spec("VCI-B.3-01")
@given(st.permutations(["given_name", "family_name", "address", "degrees", "deceased"]))
def test_every_order_is_kept(order: Sequence[str]) -> None:
    found = shown(described(*({"path": [name]} for name in order)))
    assert [each.path for each in found.claims] == [(name,) for name in order]


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [(["de"], "Vorname"), (["de-CH", "en"], "Vorname"), (["fr", "en"], "First name"), (["fr"], "Name"), ([], "Name")],
)
def test_names_are_in_the_language_that_suits(preferences: list[str], expected: str) -> None:
    display = [*names(en="First name", de="Vorname"), {"name": "Name"}, {"locale": "fr"}]
    assert shown(described({"path": ["given_name"], "display": display}), *preferences).claims[0].name == expected


def test_what_says_nothing_about_the_subject_is_shown_if_it_is_described() -> None:
    assert rows(shown(described({"path": ["iss"], "display": names(en="From")})))[0][:2] == (("iss",), "From")
    assert all(each.path[0] != "iss" for each in shown(None).claims)


def test_a_claim_and_a_part_of_it_are_two_descriptions() -> None:
    found = shown(described({"path": ["address", "city"]}, {"path": ["address"]}), claims={"address": CLAIMS["address"]})
    assert [each.path for each in found.claims] == [("address", "city"), ("address",)]


def test_of_a_claim_that_is_described_in_part_the_rest_is_shown_in_large_pieces() -> None:
    found = shown(described({"path": ["address", "geo", "lat"]}), claims={"address": CLAIMS["address"]})
    assert [each.path for each in found.claims] == [
        ("address", "geo", "lat"),
        ("address", "street"),
        ("address", "city"),
        ("address", "geo", "lon"),
    ]


def test_paths_that_cannot_be_applied_show_nothing() -> None:
    published = described({"path": ["given_name", "x"]}, {"path": ["address", 0]}, {"path": ["family_name"]})
    assert shown(published).claims[0].path == ("family_name",)


def test_an_mdoc_shows_data_elements() -> None:
    mdoc = {"org.iso.18013.5.1": {"family_name": "A", "portrait": b"\xff", "codes": [{"c": 1}, {"c": 2}]}, "org.x": {"y": True}}
    published = described({"path": ["org.x", "y"], "display": names(en="Y")})
    found = shown(published, "en", claims=mdoc, semantics=ClaimsSemantics(select_mdoc))
    assert rows(found) == [
        (("org.x", "y"), "Y", [True]),
        (("org.iso.18013.5.1", "family_name"), None, ["A"]),
        (("org.iso.18013.5.1", "portrait"), None, [b"\xff"]),
        (("org.iso.18013.5.1", "codes"), None, [[{"c": 1}, {"c": 2}]]),
    ]


def test_a_w3c_credential_shows_what_is_said_of_its_subject() -> None:
    w3c = ClaimsSemantics(within=("credentialSubject",), always=frozenset({("credentialSubject", "id")}))
    claims = {"issuer": "x", "type": ["A"], "credentialSubject": {"id": "did:x", "name": "Ada", "age": 1}}
    published = described({"path": ["credentialSubject", "age"]}, {"path": ["issuer"]})
    assert [each.path for each in shown(published, claims=claims, semantics=w3c).claims] == [
        ("credentialSubject", "age"),
        ("issuer",),
        ("credentialSubject", "name"),
    ]
    assert shown(None, claims={"type": ["A"]}, semantics=w3c).claims == ()


json_values = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
paths = st.lists(st.sampled_from(["a", "b", "c", 0, 1, None]), min_size=1, max_size=3)


@given(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3), st.lists(paths, max_size=4))
def test_every_leaf_is_shown_and_every_value_is_what_stands_there(claims: dict[str, Any], wanted: list[list[Any]]) -> None:
    descriptions = {tuple(path): ClaimsDescription(path=tuple(path)) for path in wanted}
    try:
        published = CredentialMetadata(claims=tuple(descriptions.values())) if descriptions else None
    except ValueError:
        return
    places = {}
    for each in shown(published, claims=claims, semantics=ClaimsSemantics()).claims:
        assert each.values
        for at, value in each.values:
            element: Any = claims
            for step in at:
                element = element[step]
            assert element is value
            places[at] = value

    def leaves(at: tuple[Any, ...], value: Any) -> list[tuple[Any, ...]]:
        if not isinstance(value, dict | list) or not value:
            return [at]
        members = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for step, member in members for leaf in leaves((*at, step), member)]

    for leaf in leaves((), claims) if claims else []:
        assert any(leaf[:depth] in places for depth in range(len(leaf) + 1))


# --- what the format itself says ------------------------------------------------------------------------------------------------


TYPED = a_type(
    {"path": ["family_name"], "display": [{"locale": "en", "label": "Surname"}, {"locale": "de", "label": "Nachname"}]},
    {"path": ["degrees", None, "grade"], "display": [{"locale": "en", "label": "Grade"}]},
    {"path": ["nickname"], "display": [{"locale": "en", "label": "Nick"}]},
    {"path": ["address"], "display": [{"locale": "en", "label": "Lives in"}]},
    display=[{"locale": "en", "name": "Certificate"}, {"locale": "de", "name": "Zeugnis", "rendering": {"simple": {}}}],
)


@pytest.mark.spec("VCI-12.2.4-69")
def test_what_the_type_says_is_preferred_and_the_metadata_are_the_fallback() -> None:
    published = described(
        {"path": ["address", "city"], "display": names(en="City")},
        {"path": ["family_name"], "display": names(en="Family name")},
        {"path": ["given_name"], "display": names(en="Given name")},
        display=names(en="Card", de="Karte"),
    )
    found = shown(published, "de", "en", kind=TYPED)
    assert found.name == "Zeugnis"
    assert (found.type_display and found.type_display.name, found.display and found.display.name) == ("Zeugnis", "Karte")
    assert [(each.path, each.name) for each in found.claims] == [
        (("address", "city"), "City"),
        (("family_name",), "Nachname"),
        (("given_name",), "Given name"),
        (("degrees", None, "grade"), "Grade"),
        (("address",), "Lives in"),
        (("degrees", 0, "type"), None),
        (("degrees", 1, "type"), None),
        (("deceased",), None),
    ]


@pytest.mark.spec("VCI-12.2.4-69")
def test_without_a_type_the_metadata_are_all_there_is() -> None:
    published = described(display=names(en="Card", de="Karte"))
    assert (shown(published, "de").name, shown(published, "de").type_display) == ("Karte", None)
    assert shown(published, "de", kind=a_type()).name == "Karte"
    assert (shown(None).name, shown(None).display) == (None, None)
    assert shown(None, kind=TYPED, claims={"family_name": "A"}).name == "Certificate"


def test_an_element_that_is_described_with_the_others_has_their_name() -> None:
    assert ("degrees", 1, "grade") in [at for each in shown(None, "en", kind=TYPED).claims for at, _ in each.values]
    published = described({"path": ["degrees", 1, "grade"], "display": names(en="Second")})
    assert shown(published, "en", kind=TYPED).claims[0].name == "Grade"


# --- from the Wallet -----------------------------------------------------------------------------------------------------------


def test_the_wallet_shows_in_its_own_languages() -> None:
    document = metadata()
    document["display"] = [{"name": "University", "locale": "en"}, {"name": "Universität", "locale": "de"}]
    document["credential_configurations_supported"]["pid"]["credential_metadata"] = {
        "display": [{"name": "ID", "locale": "en", "text_color": "#fff"}, {"name": "Ausweis", "locale": "de"}],
        "claims": [{"path": ["given_name"], "display": names(en="First name", de="Vorname")}],
    }

    def issue(request: Any) -> Any:
        made = [credential_for(proof.header["jwk"], given_name="Ada") for proof in proofs_of(request)]
        return ok({"credentials": [{"credential": each} for each in made]})

    server = Server({METADATA_URL: ok(document), CREDENTIAL: issue})
    ours = session(server, locales=["de-AT", "en"])
    issued = run(run(ours.order("pid"), server).prove(HOLDER_KEYS[:2], now=NOW).submit(), server)
    assert isinstance(issued, Issued)
    assert (issued.view().name, issued.view().claims[0].name) == ("Ausweis", "Vorname")
    english = issued.view(["en-GB"])
    assert (english.name, english.claims[0].name, english.display and english.display.text_color) == (
        "ID",
        "First name",
        "#fff",
    )
    german, any_other = ours.metadata.shown(["de"]), ours.metadata.shown(["fr"])
    assert (german and german.name, any_other and any_other.name) == ("Universität", "University")
    # An issuer may say it otherwise later on.
    renamed = CredentialMetadata.from_json({"display": names(de="Personalausweis")})
    assert credential_view(issued.credentials[0], renamed, ["de"]).name == "Personalausweis"
    before = ours.opened.configurations["pid"].credential_metadata
    assert before is not None
    assert before.display is not None
    assert before.shown(["de"]) == before.display[1]


def test_who_says_nothing_of_display_is_shown_without() -> None:
    assert CredentialIssuerMetadata.from_json(metadata()).shown(["en"]) is None
    assert (
        JwtVcJsonConfiguration.from_json(
            {"format": "jwt_vc_json", "credential_definition": {"type": ["A"]}, "credential_metadata": {}}
        ).credential_metadata
        == CredentialMetadata()
    )
    assert CredentialMetadata().shown(["en"]) is None


def test_the_metadata_of_a_type_are_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many claims it describes, and how many there are to show, are both the choice of others."""
    looks: list[TypeClaim] = []
    label = TypeClaim.label

    def look(claim: TypeClaim, preferences: Sequence[str]) -> ClaimLabel | None:
        looks.append(claim)
        return label(claim, preferences)

    monkeypatch.setattr(TypeClaim, "label", look)
    published = [{"path": ["a", i], "display": [{"locale": "en", "label": str(i)}]} for i in range(50)]
    published.append({"path": ["a", None], "display": [{"locale": "en", "label": "any"}]})
    kind = CredentialType.of(TypeMetadata.from_json({"vct": "x", "claims": published}))
    found = shown(None, "en", claims={"a": list(range(60)), **{f"b{i}": i for i in range(60)}}, kind=kind)
    assert [each.name for each in found.claims[:51]] == [*map(str, range(50)), "0"]
    assert len(found.claims) == 51 + 60
    assert len(looks) == 51
