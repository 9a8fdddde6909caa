"""What holds of every SD-JWT VC: any claims come back with any choice of disclosures, no changed bit is believed, and the copies
of a batch have nothing in common that Verifiers could join."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import b64url_decode, dump_bytes
from oid4vci.claims import ClaimsPath
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, IF_PUBLISHED, REQUIRED, SdJwtVcEncoder, SdJwtVcVerifier
from oid4vci.formats.type_metadata import CredentialType, TypeMetadata
from oid4vci.keys import LocalSigner, public_key
from oid4vci.trust import Trust
from tests.test_sd_jwt import digest
from tests.test_sd_jwt_vc import CERTIFIED, DAY, HOLDERS, NAMED_LEAF, SIGNER, TRUST, VCT, check, documents, issue, opened
from tests.test_x509 import NOW, SUB

NAMES = st.text(max_size=4) | st.sampled_from(["given_name", "address", "jwk", "iat", "x5c", "ключ", '"', "\\u0000", "\x00"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
SET_HERE = {
    "iss",
    "iat",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "status",
    "aud",
    "sub",
    "aka_vcts",
    "vct#integrity",
    "_sd",
    "_sd_alg",
    "...",
}


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of everything within a value."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield (*at, name)
            yield from places(member, (*at, name))
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield (*at, i)
            yield from places(element, (*at, i))


def reserved(value: Any) -> bool:
    return any(step in ("_sd", "_sd_alg", "...") for place in places(value) for step in place)


CLAIMS = st.dictionaries(NAMES, VALUES, max_size=5).filter(lambda claims: not SET_HERE & claims.keys() and not reserved(claims))


@st.composite
def chosen(draw: st.DrawFn) -> tuple[dict[str, Any], set[tuple[str | int, ...]], list[ClaimsPath]]:
    """Claims, the places that are to be disclosable, and paths that say so: with null where that means no others."""
    claims = draw(CLAIMS)
    known = list(places(claims))
    wanted = set(draw(st.lists(st.sampled_from(known), unique=True))) if known else set()
    paths: list[ClaimsPath] = sorted(wanted, key=repr)
    for array in {place[:-1] for place in wanted if isinstance(place[-1], int)}:
        elements = {place for place in known if place[:-1] == array}
        if elements <= wanted and draw(st.booleans()):
            paths = [path for path in paths if path not in elements] + [(*array, None)]
    return claims, wanted, paths


@given(chosen(), st.sampled_from(["sha-256", "sha-384", "sha-512"]), st.integers(0, 3))
def test_any_claims_with_any_disclosures(
    drawn: tuple[dict[str, Any], set[tuple[str | int, ...]], list[ClaimsPath]], hash_algorithm: str, decoys: int
) -> None:
    claims, wanted, paths = drawn
    encoder = SdJwtVcEncoder(signer=SIGNER, disclosable=paths, hash_algorithm=hash_algorithm, decoys=decoys)
    (credential,) = issue(encoder, claims)
    verified = check(credential)
    assert {name: verified.claims[name] for name in verified.claims.keys() - SET_HERE} == claims
    assert {one.path for one in verified.disclosures} == wanted
    # Python takes 1, 1.0 and True for equal.
    found = {name: verified.claims[name] for name in claims}
    assert json.dumps(found, sort_keys=True) == json.dumps(claims, sort_keys=True)


@given(chosen())
def test_what_a_type_demands_of_any_claims(
    drawn: tuple[dict[str, Any], set[tuple[str | int, ...]], list[ClaimsPath]],
) -> None:
    """An encoder that knows the type makes what a verifier that knows it takes."""
    claims, wanted, _ = drawn
    described: list[dict[str, Any]] = [
        {"path": list(place), "sd": "always" if place in wanted else "never", "mandatory": True} for place in places(claims)
    ]
    body = {"vct": VCT, "claims": described}
    encoder = SdJwtVcEncoder(signer=SIGNER, type_metadata=CredentialType.of(TypeMetadata.from_json(body)))
    (credential,) = issue(encoder, claims)
    verifier = SdJwtVcVerifier(type_metadata=REQUIRED, types={VCT: dump_bytes(body)})
    assert {one.path for one in check(credential, verifier=verifier).disclosures} == wanted
    if wanted or described:
        plain = SdJwtVcEncoder(signer=SIGNER, disclosable=[] if wanted else [tuple(described[0]["path"])])
        with pytest.raises(InvalidCredential, match="disclosable"):
            check(issue(plain, claims)[0], verifier=verifier)


(CREDENTIAL,) = issue(
    SdJwtVcEncoder(signer=CERTIFIED, x5c=(NAMED_LEAF, SUB), disclosable=EVERY_CLAIM), {"name": "Zoë", "list": [1, None]}
)


@given(st.integers(0, len(CREDENTIAL) * 8 - 1), st.booleans())
def test_a_changed_bit_of_a_certified_credential(bit: int, haip: bool) -> None:
    changed = bytearray(CREDENTIAL.encode())
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((InvalidCredential, Untrusted)):
        check(changed.decode("latin-1"), verifier=SdJwtVcVerifier(haip=haip))


@given(st.integers(0, len(CREDENTIAL) - 1), st.integers(0, len(CREDENTIAL) - 1), st.text(max_size=3))
def test_parts_that_are_replaced(start: int, end: int, by: str) -> None:
    changed = CREDENTIAL[: min(start, end)] + by + CREDENTIAL[max(start, end) :]
    # What has lost whole disclosures is what its holder might present.
    whole = CREDENTIAL.split("~")
    if changed.split("~")[0] == whole[0] and set(changed.split("~")) <= set(whole) and changed.endswith("~"):
        return
    with pytest.raises((InvalidCredential, Untrusted)):
        check(changed)


BODIES = st.binary() | st.dictionaries(
    st.sampled_from(["vct", "extends", "claims", "display", "extends#integrity", "issuer", "jwks"]),
    VALUES | st.just(VCT) | st.lists(st.fixed_dictionaries({"path": st.lists(st.none() | NAMES | st.integers())})),
).map(lambda members: dump_bytes({"vct": VCT, **members}))
(PUBLISHED,) = issue(SdJwtVcEncoder(signer=SIGNER), {"list": [1, {"a": None}]})


@given(BODIES, st.sampled_from([IF_PUBLISHED, REQUIRED]))
def test_publishers_that_do_anything(body: bytes, policy: Any) -> None:
    verifier = SdJwtVcVerifier(type_metadata=policy)
    trust = Trust(TRUST.anchors, allow=lambda url: True)
    more: dict[str, Any] = {"configuration": None, "trust": trust, "holder_keys": HOLDERS, "now": NOW}
    # Whatever else is raised is not an answer to a publisher's fault.
    with suppress(InvalidCredential, Untrusted):
        outcome = verifier.verify(PUBLISHED, documents={**documents(), VCT: body}, **more)
        assert isinstance(outcome, VerifiedCredential | NeededDocument)


# --- linkability ------------------------------------------------------------------------------------------------------------


def secrets(credential: str) -> list[str]:
    """Everything in a credential that is unpredictable, and so would show that two are of one batch."""
    jwt, *disclosures, _ = credential.split("~")
    found: list[str] = [jwt.split(".")[2], *disclosures]
    found += [json.loads(b64url_decode(text))[0] for text in disclosures]

    def digests(value: Any) -> None:
        if isinstance(value, dict):
            found.extend(value.get("_sd", ()))
            found.extend([value["..."]] if "..." in value else [])
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            digests(inner)

    digests(opened(credential)[1])
    for text in disclosures:
        digests(json.loads(b64url_decode(text))[-1])
    return found


BATCH = tuple(public_key(LocalSigner.generate(f"{i}").public_jwk) for i in range(40))
DATASET = {"a": 1, "b": "x", "c": [1, 2], "d": {"e": 5, "f": {"g": None}}, "h": True, "i": "open"}
PATHS: list[ClaimsPath] = [("a",), ("b",), ("c", None), ("d",), ("d", "e"), ("d", "f", "g"), ("h",)]


def test_copies_have_nothing_in_common_that_was_drawn() -> None:
    encoder = SdJwtVcEncoder(signer=SIGNER, disclosable=PATHS, decoys=2, not_before=True)
    statuses = [{"status": {"status_list": {"idx": i, "uri": "https://status.example.com/1"}}} for i in range(len(BATCH))]
    credentials = issue(encoder, DATASET, BATCH, copies=statuses)
    drawn = [secret for credential in credentials for secret in secrets(credential)]
    assert len(drawn) == len(set(drawn))
    headers, payloads = zip(*map(opened, credentials), strict=True)
    assert all(header == headers[0] for header in headers)
    same = {
        name
        for name in payloads[0]
        if all(dump_bytes(payload.get(name)) == dump_bytes(payloads[0][name]) for payload in payloads)
    }
    # `c` and `d` hold digests; the rest is the dataset, and times that are those of everyone of the day.
    assert same == {"vct", "iat", "iss", "nbf", "exp", "i", "_sd_alg"}
    assert all(payloads[0][name] % DAY == 0 for name in ("iat", "nbf", "exp"))
    assert all(payload.keys() == payloads[0].keys() and list(payload) == list(payloads[0]) for payload in payloads)
    assert len({len(credential.split("~")) for credential in credentials}) == 1


def test_the_order_of_digests_says_nothing() -> None:
    """They are in the order of their text; where that of a claim stands is different in each copy, decoys in between."""
    credentials = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=PATHS, decoys=2), DATASET, BATCH)
    seen = set()
    for credential in credentials:
        payload = opened(credential)[1]
        assert payload["_sd"] == sorted(payload["_sd"])
        # a, b, d, h and two decoys
        assert len(payload["_sd"]) == 6
        text = next(text for text in credential.split("~")[1:-1] if json.loads(b64url_decode(text))[1] == "a")
        seen.add(payload["_sd"].index(digest(text)))
    assert len(seen) > 3


@pytest.mark.spec("VCI-15.4.1-02")
def test_credentials_of_one_day_have_the_same_times() -> None:
    start = NOW - NOW % DAY
    encoder = SdJwtVcEncoder(signer=SIGNER, not_before=True)
    times = set()
    for now in (start, start + 1, start + DAY // 2, start + DAY - 1):
        payload = opened(issue(encoder, now=now)[0])[1]
        times.add((payload["iat"], payload["nbf"], payload["exp"]))
    assert len(times) == 1
