"""SD-JWT VC Type Metadata: documents, integrity, types that extend others, and where they are found."""

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, dump_bytes
from oid4vci.errors import Untrusted
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.formats.integrity import check_integrity, integrity_of
from oid4vci.formats.type_metadata import CredentialType, TypeClaim, TypeMetadata, find_type
from oid4vci.formats.type_rules import IssuedClaims
from oid4vci.trust import Trust

BASE, CHILD = "https://types.example.com/base", "https://types.example.com/child"
TRUST = Trust.of("https://types.example.com")


def document(**members: Any) -> TypeMetadata:
    return TypeMetadata.from_json({"vct": BASE, **members})


def claim(*path: Any, **members: Any) -> dict[str, Any]:
    return {"path": list(path), **members}


def extended(base: list[dict[str, Any]], child: list[dict[str, Any]]) -> CredentialType:
    return CredentialType.of(document(vct=CHILD, extends=BASE, claims=child), document(claims=base))


# --- documents --------------------------------------------------------------------------------------------------------------


def published(vectors: Path, name: str) -> Any:
    entries = json.loads((vectors / "sd-jwt-vc" / "vectors.json").read_text())["vectors"]
    return next(entry for entry in entries if entry["id"] == name)


def test_a_published_document(vectors: Path) -> None:
    vector = published(vectors, "type-metadata-A.2")
    raw = (vectors / "sd-jwt-vc" / vector["file"]).read_bytes()
    assert integrity_of(raw) == vector["integrity"] == vector["credential"]["vct#integrity"]
    check_integrity(vector["integrity"], raw)
    read = TypeMetadata.from_json(json.loads(raw))
    assert read.to_json() == vector["document"]
    assert read.extends == "https://galaxy.example.com/galactic-education-credential/v2"
    assert read.display is not None
    assert read.display[0].rendering is not None
    assert read.display[0].rendering.svg_templates is not None
    other = {"vct": read.extends}
    found = CredentialType.of(read, TypeMetadata.from_json(other))
    assert found.extends == (read.extends,)
    german = found.shown(["de-CH", "de-DE"])
    assert german is not None
    assert german.name == "Betelgeuse-Bildungsnachweis"
    label = found.label(("degrees", 2, "field_of_study"), ["en-US"])
    assert label is not None
    assert label.label == "Field of Study"
    assert found.label(("degrees", 2), ["en-US"]) is None
    assert found.label(("degrees", "field_of_study"), ["en-US"]) is None
    # Its own example has everything that it demands, once it is issued as it wants.
    credential = vector["credential"]
    places = {("name",), ("address",), ("address", "street_address"), *(("degrees", i) for i in range(3))}
    places |= {("degrees", i, "date_awarded") for i in range(3)}
    IssuedClaims(credential, places).check(found.claims)
    with pytest.raises(Malformed, match="disclosable"):
        IssuedClaims(credential, places | {("degrees",)}).check(found.claims)


def test_the_document_that_only_extends(vectors: Path) -> None:
    vector = published(vectors, "type-metadata-5.1")
    assert TypeMetadata.from_json(vector["document"]).to_json() == vector["document"]


def test_unknown_members_are_kept() -> None:
    members = {
        "vct": BASE,
        "schema_uri": "x",
        "claims": [claim("a", future=1, display=[{"locale": "en", "label": "A", "x": 1}])],
        "display": [{"locale": "en", "name": "T", "x": 1, "rendering": {"hologram": {}, "simple": {"x": 1}}}],
    }
    assert TypeMetadata.from_json(members).to_json() == members


def test_what_drafts_called_lang() -> None:
    shown = {"lang": "de", "name": "Ausweis"}
    read = document(display=[shown], claims=[claim("a", display=[{"lang": "de", "label": "A"}])])
    assert read.display is not None
    assert read.display[0].locale == "de"
    assert read.claims is not None
    assert read.claims[0].display is not None
    assert read.claims[0].display[0].locale == "de"
    both = document(display=[{**shown, "locale": "en"}])
    assert both.display is not None
    assert both.display[0].to_json() == {"locale": "en", "name": "Ausweis", "lang": "de"}


LOGO = {"uri": "https://types.example.com/logo.png", "uri#integrity": integrity_of(b"")}
SVG = {"uri": "data:image/svg+xml,x", "properties": {"contrast": "high"}}


@pytest.mark.parametrize(
    "members",
    [
        {"vct": None}, {"vct": ""}, {"vct": 1}, {"name": 1}, {"description": []}, {"extends": 1}, {"extends": ""},
        {"extends#integrity": "x"}, {"extends#integrity": ""}, {"extends#integrity": 1}, {"extends#integrity": "sha256-"},
        {"display": {}}, {"display": [{}]}, {"display": [{"locale": "de"}]}, {"display": [{"name": "x"}]}, {"display": ["x"]},
        {"display": [{"locale": 1, "name": "x"}]}, {"display": [{"locale": "de", "name": None}]},
        {"claims": {}}, {"claims": [1]}, {"claims": [{}]}, {"claims": [claim()]}, {"claims": [claim(1.5)]},
        {"claims": [claim(-1)]}, {"claims": [claim("a", True)]}, {"claims": [claim("a", ["b"])]}, {"claims": [{"path": "a"}]},
        {"claims": [claim(*["a"] * 65)]}, {"claims": [claim("a", sd="sometimes")]}, {"claims": [claim("a", sd=True)]},
        {"claims": [claim("a", mandatory="true")]}, {"claims": [claim("a", mandatory=1)]}, {"claims": [claim("a", svg_id="1a")]},
        {"claims": [claim("a", svg_id="a-b")]}, {"claims": [claim("a", svg_id="")]}, {"claims": [claim("a", svg_id="ä")]},
        {"claims": [claim("a", display=[{"locale": "de"}])]}, {"claims": [claim("a", display=[{"label": "x"}])]},
        {"claims": [claim("a"), claim("a")]}, {"claims": [claim("a", svg_id="x"), claim("b", svg_id="x")]},
        {"claims": [claim(str(i)) for i in range(1_001)]},
    ],
)  # fmt: skip
def test_documents_that_are_wrong(members: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        document(**members)


@pytest.mark.parametrize(
    "rendering",
    [
        [], "x", {"simple": []}, {"simple": {"logo": {}}}, {"simple": {"logo": {**LOGO, "uri": "http://types.example.com"}}},
        {"simple": {"logo": {**LOGO, "uri": "javascript:alert(1)"}}}, {"simple": {"logo": {**LOGO, "uri#integrity": "md5"}}},
        {"simple": {"background_image": {"uri": "/x"}}}, {"simple": {"text_color": 1}}, {"svg_templates": {}},
        {"svg_templates": [{}]}, {"svg_templates": [SVG, {"uri": "data:,"}]}, {"svg_templates": [{**SVG, "properties": {}}]},
        {"svg_templates": [{**SVG, "properties": {"contrast": "low"}}]},
        {"svg_templates": [{**SVG, "properties": {"orientation": 1}}]},
    ],
)  # fmt: skip
def test_rendering_that_is_wrong(rendering: Any) -> None:
    good = {"simple": {"logo": LOGO, "text_color": "#000"}, "svg_templates": [SVG, SVG]}
    assert document(display=[{"locale": "de", "name": "x", "rendering": good}])
    with pytest.raises(Malformed):
        document(display=[{"locale": "de", "name": "x", "rendering": rendering}])


# --- integrity --------------------------------------------------------------------------------------------------------------

DATA = b'{"vct":"x"}'


def expression(name: str, data: bytes = DATA) -> str:
    return f"{name}-{b64encode(hashlib.new(name, data).digest()).decode()}"


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_integrity(name: str) -> None:
    check_integrity(expression(name), DATA)
    check_integrity(expression(name) + "?option", DATA)
    check_integrity(f"{name}-{urlsafe_b64encode(hashlib.new(name, DATA).digest()).decode().rstrip('=')}", DATA)
    check_integrity(f"{expression(name, b'x')} \t {expression(name)}", DATA)
    for wrong in (expression(name, b"x"), expression(name)[:-8], f"{name}-A", f"{name}-{'A' * 4}"):
        with pytest.raises(Malformed, match="not the one"):
            check_integrity(wrong, DATA)
    with pytest.raises(Malformed, match="not the one"):
        check_integrity(expression(name), DATA + b"\n")


def test_the_strongest_algorithm_counts() -> None:
    check_integrity(f"{expression('sha256', b'x')} {expression('sha512')}", DATA)
    check_integrity(f"md5-AAAA {expression('sha384')}", DATA)
    for strong, weak in (("sha512", "sha384"), ("sha512", "sha256"), ("sha384", "sha256")):
        with pytest.raises(Malformed, match="not the one"):
            check_integrity(f"{expression(strong, b'x')} {expression(weak)}", DATA)
    with pytest.raises(Malformed, match="no supported"):
        check_integrity("md5-AAAA sha1-AAAA", DATA)


@pytest.mark.parametrize(
    "metadata", ["", " ", "x", "sha256", "sha256-", "sha256- x", "SHA256-AAAA", 1, None, [], "sha256-" + "A" * 5_000]
)
def test_what_is_no_integrity_metadata(metadata: Any) -> None:
    with pytest.raises(Malformed, match="must be integrity metadata"):
        check_integrity(metadata, DATA)


# --- types that extend others -----------------------------------------------------------------------------------------------


def test_the_example_of_the_draft() -> None:
    def labelled(label: str) -> list[dict[str, str]]:
        return [{"label": label, "locale": "en"}]

    base = [claim("name", display=labelled("Full Name")), claim("address", "city", display=labelled("City"))]
    child = [claim("address", "city", display=labelled("Town")), claim("nationalities", display=labelled("Nationalities"))]
    found = extended(base, child)
    assert [one.to_json() for one in found.claims] == [base[0], *child]
    assert found.vct == CHILD
    assert found.extends == (BASE,)


def test_members_of_a_claim_are_inherited_one_by_one() -> None:
    labels = [{"locale": "en", "label": "A"}, {"locale": "de", "label": "A"}]
    base = [claim("a", display=labels, mandatory=True, sd="always", svg_id="a", x=1)]
    assert extended(base, [claim("a")]).claims[0].to_json() == base[0]
    (found,) = extended(base, [claim("a", display=labels[:1], mandatory=True, sd="always", svg_id="b", y=2)]).claims
    assert found.to_json() == {**base[0], "display": labels[:1], "svg_id": "b", "y": 2}
    # Another path is another claim, even if it leads to the same place.
    assert len(extended([claim("a", None)], [claim("a", 0)]).claims) == 2


@pytest.mark.parametrize("base", [None, "always", "allowed", "never"])
@pytest.mark.parametrize("child", [None, "always", "allowed", "never"])
def test_sd_is_never_loosened(base: str | None, child: str | None) -> None:
    said = [claim("a", **({} if sd is None else {"sd": sd})) for sd in (base, child)]
    if base in ("always", "never") and child not in (None, base):
        with pytest.raises(Malformed, match="sd"):
            extended(said[:1], said[1:])
    else:
        assert extended(said[:1], said[1:]).claims[0].sd == (child or base)


@pytest.mark.parametrize("base", [None, True, False])
@pytest.mark.parametrize("child", [None, True, False])
def test_mandatory_is_never_loosened(base: bool | None, child: bool | None) -> None:
    said = [claim("a", **({} if mandatory is None else {"mandatory": mandatory})) for mandatory in (base, child)]
    if base and child is False:
        with pytest.raises(Malformed, match="mandatory"):
            extended(said[:1], said[1:])
    else:
        assert bool(extended(said[:1], said[1:]).claims[0].mandatory) is bool(base or child)


def test_a_grandchild_loosens_nothing_either() -> None:
    child = document(vct=CHILD, extends=BASE, claims=[])
    grandchild = document(vct="urn:grandchild", extends=CHILD, claims=[claim("a", sd="never")])
    with pytest.raises(Malformed, match="sd"):
        CredentialType.of(grandchild, child, document(claims=[claim("a", sd="always")]))


def test_identifiers_of_templates_stay_unique() -> None:
    with pytest.raises(Malformed, match="svg_id"):
        extended([claim("a", svg_id="x")], [claim("b", svg_id="x")])


def test_display_is_inherited_as_a_whole() -> None:
    english = {"locale": "en", "name": "Base"}
    base = document(display=[english, {"locale": "de", "name": "Basis"}])
    assert CredentialType.of(document(vct=CHILD, extends=BASE), base).display == base.display
    own = document(vct=CHILD, extends=BASE, display=[{"locale": "fr", "name": "Enfant"}])
    assert [one.locale for one in CredentialType.of(own, base).display] == ["fr"]
    none = document(vct=CHILD, extends=BASE, display=[])
    assert CredentialType.of(none, base).shown(["en"]) is None


def test_documents_that_do_not_belong_together() -> None:
    child = document(vct=CHILD, extends=BASE)
    for wrong in ([], [child], [document(), child], [child, document(vct="urn:other")], [document(), document()]):
        with pytest.raises(Malformed, match="followed by"):
            CredentialType.of(*wrong)


def test_labels_say_the_most_about_the_nearest() -> None:
    found = CredentialType.of(
        document(
            claims=[
                claim("a", None, display=[{"locale": "en", "label": "each"}]),
                claim("a", 0, display=[{"locale": "en", "label": "first"}]),
                claim("a", 1),
            ]
        )
    )
    labels = [found.label(("a", i), []) for i in range(3)]
    assert [label and label.label for label in labels] == ["first", "each", "each"]
    assert found.label(("a",), []) is None
    assert found.label(("a", "x"), []) is None


# --- where they are found ---------------------------------------------------------------------------------------------------


def test_documents_are_asked_for_one_by_one() -> None:
    base = dump_bytes({"vct": BASE})
    child = dump_bytes({"vct": CHILD, "extends": BASE, "extends#integrity": integrity_of(base)})

    def find(documents: dict[str, bytes], **more: Any) -> Any:
        return find_type(CHILD, integrity=integrity_of(child), **{"trust": TRUST, "documents": documents, **more})

    assert find({}) == NeededDocument(CHILD, ("application/json",))
    assert find({CHILD: child}) == NeededDocument(BASE, ("application/json",))
    assert find({CHILD: child}, required=False) == NeededDocument(BASE, ("application/json",), optional=True)
    found = find({CHILD: child, BASE: base})
    assert found.vct == CHILD
    assert found.extends == (BASE,)
    # What the application has is not fetched, and checked all the same.
    assert find({}, types={CHILD: child, BASE: base}, trust=Trust()) == found
    assert find({CHILD: child}, types={BASE: base}) == found
    for documents in ({CHILD: child + b" "}, {CHILD: child, BASE: base + b" "}):
        for more in ({"documents": documents}, {"documents": {}, "types": documents}):
            with pytest.raises(Malformed, match="integrity"):
                find(more.pop("documents"), **more)


def test_every_url_is_asked_about() -> None:
    child = dump_bytes({"vct": CHILD, "extends": BASE})
    asked = []

    def allow(url: str) -> bool:
        asked.append(url)
        return url == CHILD

    with pytest.raises(Untrusted):
        find_type(CHILD, trust=Trust(allow=allow), documents={CHILD: child, BASE: b"{}"})
    assert asked == [CHILD, BASE]
    assert find_type(CHILD, trust=Trust(allow=allow), documents={CHILD: child}, required=False) is None
    assert find_type(CHILD, trust=Trust(), documents={CHILD: child}, required=False) is None


@pytest.mark.parametrize(
    "vct", ["urn:example:pid", "pid", "http://types.example.com", "https://u@types.example.com", BASE + "#x"]
)
def test_types_that_have_no_url(vct: str) -> None:
    everyone = Trust(allow=lambda url: True)
    body = dump_bytes({"vct": vct})
    with pytest.raises(Malformed, match="no metadata"):
        find_type(vct, trust=everyone, documents={vct: body})
    assert find_type(vct, trust=everyone, documents={vct: body}, required=False) is None
    found = find_type(vct, types={vct: body}, trust=Trust(), documents={})
    assert isinstance(found, CredentialType)
    assert found.vct == vct


def test_a_document_that_cannot_be_had() -> None:
    with pytest.raises(Malformed, match="cannot be had"):
        find_type(BASE, trust=TRUST, documents={BASE: b""})
    assert find_type(BASE, trust=TRUST, documents={BASE: b""}, required=False) is None


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"[]",
        b"{}",
        b'{"vct":1}',
        b'{"vct":"https://types.example.com/BASE"}',
        b'{"vct":"x","vct":"x"}',
        b"\xff",
        b"1" * 2_000_000,
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_what_is_there_must_be_right(body: bytes, required: bool) -> None:
    with pytest.raises(Malformed, match="type metadata"):
        find_type(BASE, trust=TRUST, documents={BASE: body}, required=required)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_circles(length: int) -> None:
    documents = {
        f"{BASE}/{i}": dump_bytes({"vct": f"{BASE}/{i}", "extends": f"{BASE}/{(i + 1) % length}"}) for i in range(length)
    }
    with pytest.raises(Malformed, match="extends itself"):
        find_type(f"{BASE}/0", trust=TRUST, documents=documents)


def test_long_chains() -> None:
    def chain(length: int) -> dict[str, bytes]:
        ends = [*({"extends": f"{BASE}/{i + 1}"} for i in range(length)), {}]
        return {f"{BASE}/{i}": dump_bytes({"vct": f"{BASE}/{i}", **end}) for i, end in enumerate(ends)}

    found = find_type(f"{BASE}/0", trust=TRUST, documents=chain(8))
    assert isinstance(found, CredentialType)
    assert len(found.documents) == 9
    with pytest.raises(Malformed, match="too many"):
        find_type(f"{BASE}/0", trust=TRUST, documents=chain(9))


# --- what a type demands of claims ------------------------------------------------------------------------------------------

CLAIMS = {"a": 1, "o": {"x": 1}, "l": ["zero", {"y": 1}], "e": []}


def rule(*path: Any, **members: Any) -> tuple[TypeClaim, ...]:
    return (TypeClaim.from_json(claim(*path, **members)),)


@pytest.mark.parametrize("path", [("a",), ("o", "x"), ("l",), ("l", 0), ("l", 1, "y"), ("l", None), ("e",)])
def test_mandatory_claims_that_are_there(path: tuple[Any, ...]) -> None:
    IssuedClaims(CLAIMS).check(rule(*path, mandatory=True))


@pytest.mark.parametrize("path", [("b",), ("o", "y"), ("l", 2), ("e", None), ("e", 0), ("b", "c", None)])
def test_mandatory_claims_that_are_missing(path: tuple[Any, ...]) -> None:
    IssuedClaims(CLAIMS).check(rule(*path, sd="never"))
    with pytest.raises(Malformed, match="mandatory"):
        IssuedClaims(CLAIMS).check(rule(*path, mandatory=True))


@pytest.mark.parametrize(
    "path", [("a", "b"), ("a", None), ("a", 0), ("o", 0), ("o", None), ("l", "x"), (0,), (None,), ("l", None, "y")]
)
def test_paths_that_do_not_fit_are_errors(path: tuple[Any, ...]) -> None:
    with pytest.raises(Malformed, match=r"claims\[0\]: has (an index|a name)"):
        IssuedClaims(CLAIMS).check(rule(*path))


@pytest.mark.parametrize(
    ("path", "disclosed", "good"),
    [
        (("a",), {("a",)}, "always"),
        (("a",), set(), "never"),
        # Not "because one of its ancestors is", nor because something in it is.
        (("o", "x"), {("o",)}, "never"),
        (("o",), {("o", "x")}, "never"),
        (("o", "x"), {("o", "x")}, "always"),
        (("l", None), {("l", 0), ("l", 1)}, "always"),
        (("l", None), set(), "never"),
        (("l", None), {("l", 1)}, ""),
        (("l", 1), {("l", 1)}, "always"),
        (("l", 1), {("l", 0)}, "never"),
    ],
)
def test_sd(path: tuple[Any, ...], disclosed: set[Any], good: str) -> None:
    for sd in ("always", "never"):
        if sd == good:
            IssuedClaims(CLAIMS, disclosed).check(rule(*path, sd=sd))
        else:
            with pytest.raises(Malformed, match="disclosable"):
                IssuedClaims(CLAIMS, disclosed).check(rule(*path, sd=sd))
    for members in ({"sd": "allowed"}, {}):
        IssuedClaims(CLAIMS, disclosed).check(rule(*path, **members))


def test_elements_that_were_withheld_keep_their_places() -> None:
    """Issued as [?, "one", ?, {"x": 1}], of which "one" is disclosed."""
    issued = IssuedClaims({"l": ["one", {"x": 1}]}, {("l", 0)}, {("l",): [0, 2]})
    for path, good in (
        (("l", 0), "always"), (("l", 1), "always"), (("l", 2), "always"), (("l", 3), "never"), (("l", 3, "x"), "never"),
    ):  # fmt: skip
        bad = {"always": "never", "never": "always"}[good]
        issued.check(rule(*path, sd=good, mandatory=True))
        with pytest.raises(Malformed, match="disclosable"):
            issued.check(rule(*path, sd=bad))
    for deeper in ("l", 0, "x"), ("l", 2, "x", None):
        # Nothing is known of what is in it.
        issued.check(rule(*deeper, sd="never", mandatory=True))
    with pytest.raises(Malformed, match="mandatory"):
        issued.check(rule("l", 4, mandatory=True))
    with pytest.raises(Malformed, match="disclosable"):
        issued.check(rule("l", None, sd="never"))


def test_the_work_is_bounded() -> None:
    wide = IssuedClaims({"l": [0] * 1_000})
    many = [TypeClaim.from_json(claim("l", None)) for _ in range(1_000)]
    with pytest.raises(Malformed, match="too much"):
        wide.check(many)
    wide.check(many[:50])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = st.sampled_from(["vct", "name", "extends", "extends#integrity", "display", "claims"])


@given(
    st.dictionaries(
        MEMBERS, json_values | st.lists(st.dictionaries(st.sampled_from(["path", "sd", "locale", "lang"]), json_values))
    )
)
def test_arbitrary_documents(members: dict[str, Any]) -> None:
    try:
        read = TypeMetadata.from_json({"vct": BASE, **members})
    except Malformed:
        return
    assert TypeMetadata.from_json(read.to_json()) == read


steps = st.sampled_from(["a", "b", "c", None, 0, 1])


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), json_values),
    st.lists(st.lists(steps, min_size=1, max_size=4), max_size=4),
    st.sampled_from(["always", "never", "allowed"]),
    st.booleans(),
)
def test_arbitrary_rules(claims: dict[str, Any], paths: list[list[Any]], sd: str, mandatory: bool) -> None:
    described = [TypeClaim.from_json(claim(*path, sd=sd, mandatory=mandatory)) for path in paths]
    # Whatever else is raised is not an answer to a publisher's fault.
    with suppress(Malformed):
        IssuedClaims(claims, set(), {("a",): [0]}).check(described)
