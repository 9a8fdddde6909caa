"""SD-JWT (RFC 9901): the published vectors, what must be rejected, and that what is hidden comes back where it was."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci.claims import ClaimsPath
from oid4vci.formats.sd_jwt import MAX_DISCLOSURES, parse, process
from oid4vci.formats.sd_jwt_template import Template, hiding
from oid4vci.keys import public_key
from oid4vci.secret import new_secret


def digest(text: str, algorithm: str = "sha256") -> str:
    return b64url_encode(hashlib.new(algorithm, text.encode()).digest())


def disclosure(*content: Any) -> str:
    return b64url_encode(dump_bytes(list(content)))


def made(
    claims: dict[str, Any], *paths: ClaimsPath, hash_algorithm: str = "sha-256", decoys: int = 0
) -> tuple[dict[str, Any], list[str]]:
    """A payload and disclosures of ours."""
    template = Template.of(claims, hiding(paths), hash_algorithm=hash_algorithm, decoys=decoys)
    payload, disclosures = template.fill(new_secret(template.entropy))
    return json.loads(payload), [text.decode() for text in disclosures]


def restored(payload: dict[str, Any], disclosures: list[str]) -> dict[str, Any]:
    return process(payload, disclosures)[0]


# --- vectors ----------------------------------------------------------------------------------------------------------------


def entries(vectors: Path, *types: str) -> Iterator[dict[str, Any]]:
    for topic in ("sd-jwt", "sd-jwt-vc"):
        for vector in json.loads((vectors / topic / "vectors.json").read_text())["vectors"]:
            if vector["type"] in types:
                yield vector


def test_published_sd_jwts(vectors: Path) -> None:
    count = 0
    for vector in entries(vectors, "sdjwt"):
        count += 1
        kind, text = vector["kind"], vector["compact"]
        if kind == "issuer-signed-jwt":
            with pytest.raises(Malformed, match="has no ~"):
                parse(text)
            text += "~"
        parsed = parse(text)
        assert list(parsed.disclosures) == vector["disclosures"]
        assert (parsed.key_binding is not None) == (kind == "sd-jwt+kb")
        key = public_key({name: value for name, value in vector["issuer_jwk"].items() if name != "kid"})
        if vector["expect"] == "bad-signature":
            with pytest.raises(Malformed, match="does not verify"):
                _jose.verify(parsed.jws, key, algorithms=("EdDSA",))
        else:
            assert vector["expect"] == "valid"
            _jose.verify(parsed.jws, key, algorithms=(parsed.jws.algorithm,))
        payload = parsed.payload()
        assert payload == vector["issuer_payload"]
        claims, disclosures = process(payload, parsed.disclosures)
        assert claims == vector["processed_payload"]
        assert [found.text for found in disclosures] == vector["disclosures"]
    assert count == 15


def test_published_disclosures(vectors: Path) -> None:
    count = 0
    for vector in entries(vectors, "disclosure"):
        count += 1
        text, content = vector["disclosure"], vector["decoded"]
        assert vector["sha256"] in (None, digest(text))
        # Whatever the spelling of its JSON, a disclosure reveals what the RFC says it reveals, under that digest.
        if len(content) == 3:
            assert restored({"_sd": [digest(text)]}, [text]).keys() == {content[1]}
        else:
            assert len(restored({"a": [{"...": digest(text)}]}, [text])["a"]) == 1
    assert count >= 50


def test_published_payloads_without_disclosures(vectors: Path) -> None:
    hidden = 0
    for vector in entries(vectors, "sd-payload"):
        claims, disclosures = process(vector["payload"], [])
        assert disclosures == ()
        assert "_sd" not in json.dumps(claims)
        assert '"..."' not in json.dumps(claims)
        hidden += claims != vector["payload"]
    assert hidden >= 6


def test_json_serialisation_holds_the_same_sd_jwt(vectors: Path) -> None:
    for vector in entries(vectors, "sdjwt-json"):
        jws = vector["jws"]
        signature = jws if "signature" in jws else jws["signatures"][0]
        jwt = f"{signature['protected']}.{jws['payload']}.{signature['signature']}"
        parsed = parse("~".join((jwt, *signature["header"]["disclosures"], "")))
        assert len(process(parsed.payload(), parsed.disclosures)[1]) == len(parsed.disclosures)


def test_structures_of_the_rfc_from_its_claims(vectors: Path) -> None:
    """The examples of RFC 9901 6 hide parts of one dataset: ours hide the same, and restore it."""
    payloads = {vector["id"]: vector["payload"] for vector in entries(vectors, "sd-payload")}
    claims = payloads["rfc9901-6-payload-54029"]
    parts: list[ClaimsPath] = [("address", name) for name in claims["address"]]
    examples: dict[str, list[ClaimsPath]] = {
        "rfc9901-6-payload-54760": [("address",)],
        "rfc9901-6-payload-55756": parts,
        "rfc9901-6-payload-57469": parts[:-1],
        "rfc9901-6-payload-58230": [("address",), *parts],
    }
    for example, paths in examples.items():
        payload, disclosures = made(claims, *paths)
        theirs = {name: member for name, member in payloads[example].items() if name not in ("iss", "iat", "exp")}
        assert shape(payload) == shape(theirs)
        assert restored(payload, disclosures) == claims


def test_flat_example_of_the_rfc(vectors: Path) -> None:
    vector = next(entries(vectors, "sdjwt"))
    claims = {**vector["input_claims"], **{name: vector["issuer_payload"][name] for name in ("iss", "iat", "exp", "cnf")}}
    plain = ("sub", "iss", "iat", "exp", "cnf", "nationalities")
    payload, disclosures = made(claims, ("nationalities", None), *((name,) for name in claims if name not in plain))
    assert shape(payload) == shape(vector["issuer_payload"])
    assert restored(payload, disclosures) == claims


def respelt(value: Any, digests: dict[str, str]) -> Any:
    """`value` with each digest replaced, those of an object in order."""
    if isinstance(value, dict):
        replaced = {name: respelt(member, digests) for name, member in value.items()}
        if "_sd" in replaced:
            replaced["_sd"].sort()
        return replaced
    if isinstance(value, list):
        return [respelt(element, digests) for element in value]
    return digests.get(value, value) if isinstance(value, str) else value


def digests_in(value: Any) -> Iterator[str]:
    """The digests that stand in a payload, decoys among them."""
    if isinstance(value, dict):
        yield from value.get("_sd", ())
        yield from (member for name, member in value.items() if name == "...")
        for member in value.values():
            yield from digests_in(member)
    elif isinstance(value, list):
        for element in value:
            yield from digests_in(element)


def spellings(content: list[Any]) -> set[str]:
    """The ways in which issuers write a disclosure; ours is compact, those of the RFC are Python's default."""
    return {
        b64url_encode(json.dumps(content, ensure_ascii=ascii_only, separators=separators).encode())
        for ascii_only in (False, True)
        for separators in ((", ", ": "), (",", ":"))
    }


def test_examples_are_reproduced_with_their_salts(vectors: Path) -> None:
    """With the salts and the JSON spelling of a published SD-JWT, ours is the same: every disclosure, digest and claim."""
    reproduced = []
    for vector in entries(vectors, "sdjwt"):
        published, theirs = (
            vector["issuer_payload"],
            parse(vector["compact"] + "~" * ("~" not in vector["compact"])).disclosures,
        )
        if vector["expect"] != "valid" or vector["kind"] != "sd-jwt":
            continue
        claims, found = process(published, theirs)
        payload, disclosures = made(claims, *(each.path for each in found))
        texts = {each.path: each.text for each in found}
        digests: dict[str, str] = {}
        # A disclosure stands after those within it, whose digests it holds.
        for ours in sorted(process(payload, disclosures)[1], key=lambda each: disclosures.index(each.text)):
            text = texts[ours.path]
            salt = json.loads(b64url_decode(text))[0]
            assert text in spellings([salt, *respelt(json.loads(b64url_decode(ours.text))[1:], digests)])
            digests[digest(ours.text)] = digest(text)
        # Without its decoys, which cannot be had again, and those of disclosures that were left out.
        if "_sd_alg" in published and set(digests_in(published)) <= set(digests.values()):
            assert respelt(payload, digests) == respelt(published, {})
            reproduced.append(vector["id"])
    assert {"rfc9901-5-sd-jwt-47140", "rfc9901-A.3-sd-jwt-137176"} <= set(reproduced)


def shape(value: Any, name: str = "") -> Any:
    """`value` with digests, whose text depends on the salt, blotted out."""
    if name == "_sd":
        return len(value)
    if isinstance(value, dict):
        return {name: "digest" if name == "..." else shape(member, name) for name, member in value.items()}
    return [shape(element) for element in value] if isinstance(value, list) else value


# --- parsing ----------------------------------------------------------------------------------------------------------------

JWT = f"{b64url_encode(b'{}')}.{b64url_encode(b'{}')}.{b64url_encode(b'x')}"


def test_parts() -> None:
    assert parse(f"{JWT}~").disclosures == ()
    assert parse(f"{JWT}~a~b~").disclosures == ("a", "b")
    assert parse(f"{JWT}~a~b~").key_binding is None
    assert parse(f"{JWT}~a~b.c.d").key_binding == "b.c.d"


@pytest.mark.parametrize(
    "text",
    ["", "~", "~~", JWT, f"~{JWT}~", f"{JWT}=~", f"{JWT}\n~", f"{JWT}.~", f"{JWT}.a~", "é~", "a.b.c~", "A" * ((1 << 20) + 1)],
)
def test_what_is_no_sd_jwt(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


def test_the_number_of_disclosures_is_bounded() -> None:
    assert len(parse(JWT + "~" + "a~" * MAX_DISCLOSURES).disclosures) == MAX_DISCLOSURES
    with pytest.raises(Malformed, match="too many"):
        parse(JWT + "~" + "a~" * (MAX_DISCLOSURES + 1))
    with pytest.raises(Malformed, match="too many"):
        process({}, ["a"] * (MAX_DISCLOSURES + 1))


# --- RFC 9901 7.1, step 3 ---------------------------------------------------------------------------------------------------

SALT = "_26bc4LT-ac6q2KI6cBW5es"
NAME = disclosure(SALT, "family_name", "Möbius")
ELEMENT = disclosure(SALT, "FR")


def test_disclosed_claims_take_their_places() -> None:
    inner = disclosure(SALT, "street", "Schulstr. 12")
    outer = disclosure(SALT, "address", {"_sd": [digest(inner)], "country": "DE"})
    payload = {
        "_sd_alg": "sha-256",
        "_sd": [digest(outer), digest("decoy"), digest(NAME)],
        "nationalities": ["DE", {"...": digest("withheld")}, {"...": digest(ELEMENT)}, "US"],
        "empty": {"_sd": []},
    }
    before = json.dumps(payload)
    claims, disclosures = process(payload, [inner, NAME, ELEMENT, outer])
    assert claims == {
        "nationalities": ["DE", "FR", "US"],
        "empty": {},
        "address": {"country": "DE", "street": "Schulstr. 12"},
        "family_name": "Möbius",
    }
    assert [found.path for found in disclosures] == [
        ("address", "street"),
        ("family_name",),
        ("nationalities", 1),
        ("address",),
    ]
    assert json.dumps(payload) == before


def test_any_subset_can_be_left_out() -> None:
    payload = {"_sd": [digest(NAME)], "n": [{"...": digest(ELEMENT)}]}
    assert restored(payload, []) == {"n": []}
    assert restored(payload, [NAME]) == {"n": [], "family_name": "Möbius"}
    assert restored(payload, [ELEMENT]) == {"n": ["FR"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        b64url_encode(b"not JSON"),
        b64url_encode(b'"text"'),
        b64url_encode(b'{"a":1}'),
        b64url_encode(b"[]"),
        disclosure(SALT),
        disclosure(SALT, "name", 1, 2),
        disclosure(1, "name", 1),
        disclosure(None, 1),
        disclosure(SALT, 1, 1),
        disclosure(SALT, None, 1),
        disclosure(SALT, ["name"], 1),
        b64url_encode(b'["a","b",{"c":1,"c":2}]'),
        b64url_encode(b'["a","b",NaN]'),
        b64url_encode(b"\xff\xfe"),
        b64url_encode(b'["a","b",' + b"[" * 40 + b"]" * 40 + b"]"),
        NAME + "=",
        NAME + "\n",
        "+" + NAME,
    ],
)
def test_malformed_disclosures(text: str) -> None:
    for payload in ({"_sd": [digest(text)]}, {"n": [{"...": digest(text)}]}):
        with pytest.raises(Malformed):
            process(payload, [text])


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_reserved_names_cannot_be_disclosed(name: str) -> None:
    text = disclosure(SALT, name, ["x"])
    with pytest.raises(Malformed, match="reserved name"):
        process({"_sd": [digest(text)]}, [text])


def test_a_disclosed_claim_must_not_be_there_already() -> None:
    with pytest.raises(Malformed, match="already there"):
        process({"_sd": [digest(NAME)], "family_name": "Doe"}, [NAME])
    other = disclosure("another salt", "family_name", "Doe")
    with pytest.raises(Malformed, match="already there"):
        process({"_sd": [digest(NAME), digest(other)]}, [NAME, other])
    assert restored({"_sd": [digest(NAME)], "a": {"family_name": "Doe"}}, [NAME])["family_name"] == "Möbius"


def test_a_digest_stands_once() -> None:
    inner = disclosure(SALT, "x", {"_sd": [digest(NAME)]})
    for payload in (
        {"_sd": [digest(NAME), digest(NAME)]},
        {"_sd": [digest(NAME)], "a": {"_sd": [digest(NAME)]}},
        {"_sd": [digest("decoy"), digest("decoy"), digest(NAME)]},
        {"_sd": [digest(NAME), "x"], "n": [{"...": "x"}]},
    ):
        with pytest.raises(Malformed, match="a digest is repeated"):
            process(payload, [NAME])
    with pytest.raises(Malformed, match="a digest is repeated"):
        process({"_sd": [digest(NAME), digest(inner)]}, [NAME, inner])


def test_every_disclosure_is_referenced_once() -> None:
    with pytest.raises(Malformed, match="not referenced"):
        process({"_sd": [digest("decoy")]}, [NAME])
    with pytest.raises(Malformed, match="not referenced"):
        process({}, [ELEMENT])
    with pytest.raises(Malformed, match="is repeated"):
        process({"_sd": [digest(NAME)]}, [NAME, NAME])
    # Referenced, but only by one that is not there.
    with pytest.raises(Malformed, match="not referenced"):
        process({"_sd": [digest(disclosure(SALT, "x", {"_sd": [digest(NAME)]}))]}, [NAME])


def test_kinds_of_disclosures_fit_their_places() -> None:
    with pytest.raises(Malformed, match="wrong kind"):
        process({"_sd": [digest(ELEMENT)]}, [ELEMENT])
    with pytest.raises(Malformed, match="wrong kind"):
        process({"n": [{"...": digest(NAME)}]}, [NAME])


@pytest.mark.parametrize(
    "payload",
    [
        {"_sd": "text"},
        {"_sd": {}},
        {"_sd": None},
        {"_sd": [1]},
        {"_sd": [None]},
        {"_sd": [["x"]]},
        {"a": {"_sd": "text"}},
        {"n": [{"...": 1}]},
        {"n": [{"...": None}]},
        {"n": [{"...": "x", "y": 1}]},
        {"n": [{"...": "x", "_sd": []}]},
        {"...": "x"},
        {"a": {"...": "x"}},
        {"a": {"_sd_alg": "sha-256"}},
        {"n": [{"_sd_alg": "sha-256"}]},
    ],
)
def test_digests_stand_only_where_they_may(payload: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        process(payload, [])


@pytest.mark.parametrize("name", ["sha-1", "SHA-256", "md5", "sha-256 ", "", None, 1, ["sha-256"], {}])
def test_unknown_hash_algorithms(name: Any) -> None:
    with pytest.raises(Malformed, match="hash algorithm"):
        process({"_sd_alg": name}, [])


def test_depth_is_bounded_through_disclosures() -> None:
    text = disclosure(SALT, "x", 1)
    chain = [text]
    for _ in range(40):
        text = disclosure(SALT, "x", {"_sd": [digest(text)]})
        chain.append(text)
    assert restored({"_sd": [digest(chain[25])]}, chain[:26])
    with pytest.raises(Malformed, match="too deeply"):
        process({"_sd": [digest(text)]}, chain)


# --- making -----------------------------------------------------------------------------------------------------------------

CLAIMS: dict[str, Any] = {
    "given_name": "Erika",
    "age": {"over": {"18": True, "21": None}},
    "nationalities": ["DE", "FR", ["x"], {"y": 1.5}],
    "empty": {},
    "none": [],
    "text": 'Zoë "\\ \u2028 \x00 \U0001f600',
}


@pytest.mark.parametrize(
    "paths",
    [
        [],
        [("given_name",)],
        [(name,) for name in CLAIMS],
        [("age", "over", "18")],
        [("age", "over"), ("age", "over", "18"), ("age",)],
        [("nationalities", None)],
        [("nationalities",), ("nationalities", None), ("nationalities", 3, "y")],
        [("nationalities", 0), ("nationalities", 2, 0), ("nationalities", 9)],
        [("empty",), ("none", None), ("absent", "deep")],
    ],
)
@pytest.mark.parametrize("decoys", [0, 3])
@pytest.mark.parametrize("hash_algorithm", ["sha-256", "sha-384", "sha-512"])
def test_round_trip(paths: list[ClaimsPath], decoys: int, hash_algorithm: str) -> None:
    payload, disclosures = made(CLAIMS, *paths, decoys=decoys, hash_algorithm=hash_algorithm)
    assert payload.get("_sd_alg") == (hash_algorithm if disclosures else None)
    claims, found = process(payload, disclosures)
    assert claims == CLAIMS
    expected: list[ClaimsPath] = []
    for path in paths:
        if path[0] == "nationalities" and path[-1] is None:
            expected += [("nationalities", i) for i in range(4)]
        elif path not in (("none", None), ("nationalities", 9), ("absent", "deep")):
            expected.append(path)
    assert sorted(map(repr, (one.path for one in found))) == sorted(map(repr, expected))
    for name in ("given_name", "Erika"):
        assert (name in json.dumps(payload)) != (("given_name",) in paths)


DEGREES: dict[str, Any] = {"degrees": [{"type": {"code": 1, "name": "M"}, "year": 1}, {"type": {"code": 2}}]}


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        ([(None, "type"), (0, "type")], [(0, "type"), (1, "type")]),
        ([(None, "type"), (0, "type", "code")], [(0, "type"), (0, "type", "code"), (1, "type")]),
        ([(None, "type", "code"), (0, "type")], [(0, "type"), (0, "type", "code"), (1, "type", "code")]),
        ([(None, "type", "code"), (0, "type", "name")], [(0, "type", "code"), (0, "type", "name"), (1, "type", "code")]),
        ([(None,), (None, "type"), (1, "type", "code")], [(0,), (0, "type"), (1,), (1, "type"), (1, "type", "code")]),
    ],
)
def test_one_element_and_all_of_them(paths: list[ClaimsPath], places: list[ClaimsPath]) -> None:
    """A member of an element keeps its name, whether one path leads to it or two."""
    payload, disclosures = made(DEGREES, *(("degrees", *path) for path in paths))
    claims, found = process(payload, disclosures)
    assert claims == DEGREES
    assert sorted(one.path for one in found) == [("degrees", *place) for place in places]


def test_decoys_join_objects_with_disclosures_only() -> None:
    claims = {"cnf": {"jwk": {}}, "a": {"b": 1, "c": 2}, "n": [1, 2], "p": "q"}
    payload, disclosures = made(claims, ("a", "b"), ("p",), ("n", 0), decoys=5)
    assert len(payload["_sd"]) == 6
    assert len(payload["a"]["_sd"]) == 6
    assert payload["n"][1:] == [2]
    assert payload["cnf"] == {"jwk": {}}
    assert len(disclosures) == 3
    assert restored(payload, disclosures) == claims
    assert len({*payload["_sd"], *payload["a"]["_sd"], payload["n"][0]["..."]}) == 13


def test_digests_are_in_an_order_of_their_own() -> None:
    claims = {f"claim{i}": i for i in range(20)}
    orders = set()
    for _ in range(3):
        payload, disclosures = made(claims, *((name,) for name in claims))
        assert payload["_sd"] == sorted(payload["_sd"])
        orders.add(tuple(payload["_sd"].index(digest(text)) for text in disclosures))
    assert len(orders) == 3


def test_salts_are_long_and_fresh() -> None:
    template = Template.of({"a": 1, "b": [1, 1]}, hiding([("a",), ("b", None)]), decoys=1)
    salts: set[str] = set()
    for _ in range(4):
        for text in template.fill(new_secret(template.entropy))[1]:
            salt = json.loads(b64url_decode(text))[0]
            assert len(b64url_decode(salt)) == 18
            salts.add(salt)
    assert len(salts) == 12


@pytest.mark.parametrize(
    "claims",
    [
        {"_sd": []},
        {"a": {"_sd": 1}},
        {"a": [{"...": "x"}]},
        {"a": [[{"_sd_alg": 1}]]},
        {"a": float("nan")},
        {"a": object()},
        {"a": b"bytes"},
        {"a": {1: 2}},
        {1: 2},
        {"a": "\ud800"},
        {"a": {"b": {1, 2}}},
    ],
)
def test_claims_that_cannot_be_encoded(claims: dict[str, Any]) -> None:
    for paths in ([], [("a",)], [("a", "b")] if isinstance(claims.get("a"), dict) else []):
        with pytest.raises(ValueError, match=r".+"):
            made(claims, *paths)


def test_claims_that_are_too_deep() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="deep"):
        made(deep)
    assert restored(*made({"a": [[[[[[[[1]]]]]]]]}, ("a",))) == {"a": [[[[[[[[1]]]]]]]]}


@pytest.mark.parametrize(
    "path", [(), ("_sd",), ("a", "..."), (0,), (None,), ("a", -1), ("a", True), ("a", 1.5), "abc", ["a"], (b"a",)]
)
def test_paths_that_are_none(path: Any) -> None:
    with pytest.raises(ValueError, match=r"path|reserved"):
        hiding([path])


@pytest.mark.parametrize("path", [("a", "b"), ("a", 0), ("a", None), ("n", "b"), ("n", 0, "b")])
def test_paths_that_lead_into_the_wrong_kind_of_value(path: ClaimsPath) -> None:
    with pytest.raises(ValueError, match="no such parts"):
        made({"a": "text", "n": [[]]}, path)
    with pytest.raises(ValueError, match="no such parts"):
        made({"a": "text", "n": [[]]}, path[:1], path)


def test_too_many_disclosures() -> None:
    with pytest.raises(ValueError, match="1000"):
        made({"n": list(range(1001))}, ("n", None))


names = st.text(max_size=4).filter(lambda name: name not in ("_sd", "...", "_sd_alg"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def places(value: Any, path: ClaimsPath = ()) -> Iterator[ClaimsPath]:
    """Every path that leads somewhere, those with None included."""
    steps: list[tuple[str | int | None, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
        if value and all(isinstance(element, type(value[0])) and not isinstance(element, dict | list) for element in value):
            steps.append((None, 0))
    for step, member in steps:
        yield (*path, step)
        yield from places(member, (*path, step))


@given(st.dictionaries(names, values, min_size=1, max_size=5), st.data())
def test_any_choice_of_disclosures_restores_the_claims(claims: dict[str, Any], data: st.DataObject) -> None:
    paths = data.draw(st.lists(st.sampled_from(list(places(claims))), unique=True))
    payload, disclosures = made(claims, *paths, decoys=data.draw(st.integers(0, 2)))
    # As text, so that 1 and True are told apart.
    assert json.dumps(restored(payload, disclosures), sort_keys=True) == json.dumps(claims, sort_keys=True)
    shuffled = data.draw(st.permutations(disclosures))
    found = process(payload, shuffled)[1]
    assert [one.text for one in found] == shuffled
    for one in found:
        place: Any = claims
        for step in one.path:
            place = place[step]
        revealed = json.loads(b64url_decode(one.text))[-1]
        assert isinstance(revealed, dict | list) or revealed == place


@given(st.dictionaries(names, values, min_size=1, max_size=5), st.data())
def test_withholding_removes_and_changes_nothing_else(claims: dict[str, Any], data: st.DataObject) -> None:
    payload, disclosures = made(claims, *((name,) for name in claims))
    kept = data.draw(st.lists(st.sampled_from(disclosures), unique=True))
    shown = {json.loads(b64url_decode(text))[1] for text in kept}
    assert restored(payload, kept) == {name: value for name, value in claims.items() if name in shown}


@given(
    st.dictionaries(st.sampled_from(["_sd", "...", "_sd_alg", "a"]), values | st.just([digest(NAME)])),
    st.lists(st.text() | st.just(NAME)),
)
def test_arbitrary_payloads_are_restored_or_malformed(payload: dict[str, Any], disclosures: list[str]) -> None:
    try:
        claims = restored(payload, disclosures)
    except Malformed:
        return
    assert not {"_sd", "...", "_sd_alg"} & claims.keys()


@given(st.text() | st.text(alphabet="~.AbW{}=_-").map(lambda text: JWT + text))
def test_arbitrary_text_is_parsed_or_malformed(text: str) -> None:
    try:
        parsed = parse(text)
    except Malformed:
        return
    assert text.partition("~")[2] == "".join(f"{one}~" for one in parsed.disclosures) + (parsed.key_binding or "")


def test_nothing_personal_in_repr() -> None:
    render: Callable[[Any], str] = repr
    template = Template.of({"name": "Erika"}, hiding([("name",)]))
    assert "Erika" not in render(template)
    assert NAME not in render(parse(f"{JWT}~{NAME}~"))
