"""Signed Credential Issuer Metadata, the issuer's side: what is signed, for whom, how often (OID4VCI 12.2.2, 12.2.3, HAIP 4.1)."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci.drive import arespond, respond
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer, MetadataReplyDraft
from oid4vci.issuer.metadata_endpoint import MAX_VARIANTS
from oid4vci.keys import ALGORITHMS, RemoteSigner, SigningInput, public_key
from oid4vci.metadata import CredentialIssuerMetadata, IssuerDisplay, MetadataSigner
from oid4vci.records import Reply
from oid4vci.x509 import encode_x5c
from tests.issuance import IDENTIFIER, ISSUER_METADATA, Host, issuer_metadata, new_issuer
from tests.signed_metadata import CHAIN, NOW, SIGNER, SIGNING, TYPE
from tests.signers import signer_for
from tests.test_x509 import LEAF, ROOT, SUB

JSON, JWT = "application/json", "application/jwt"
REMOTE = RemoteSigner(SIGNER.key_id, SIGNER.algorithm, SIGNER.public_jwk)
METADATA = issuer_metadata(display=(IssuerDisplay(name="Note", locale="en"), IssuerDisplay(name="Zettel", locale="de")))


class Kms(Host):
    """A host that counts what it signs, and decides nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[SigningInput] = []

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        self.signed.extend(inputs)
        return [SIGNER.sign(each.data) for each in inputs]

    def decide(self, order: Any, /) -> Any:
        raise AssertionError("there is nothing to decide")


def issuer(signing: MetadataSigner | None = SIGNING, **fields: Any) -> Issuer:
    return new_issuer(METADATA, signed_metadata=signing, **fields)


def get(role: Issuer, accept: str | None = JWT, *, now: int = NOW, host: Host | None = None, **headers: str) -> Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields |= {} if accept is None else {"accept": accept}
    return respond(role, Request("GET", ISSUER_METADATA, fields), Kms() if host is None else host, now=now)


def claims_of(response: Response) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, once the signature has verified."""
    assert (response.status, response.headers.get("content-type")) == (200, JWT)
    jws = _jose.parse(response.body.decode("ascii"))
    _jose.verify(jws, public_key(SIGNER.public_jwk), algorithms=("ES256",))
    return dict(jws.header), jws.claims()


@pytest.mark.spec(
    "VCI-12.2.2-06", "VCI-12.2.2-08", "VCI-12.2.3-01", "VCI-12.2.3-02", "VCI-12.2.3-04", "VCI-12.2.3-06", "VCI-12.2.3-07",
    "VCI-12.2.3-08", "VCI-12.2.3-09", "HAIP-4.1-05",
)  # fmt: skip
def test_what_is_signed() -> None:
    header, claims = claims_of(get(issuer()))
    assert header == {"alg": "ES256", "typ": TYPE, "x5c": encode_x5c(CHAIN)}
    assert claims == {"sub": IDENTIFIER, "iat": NOW, "exp": NOW + 86_400, **METADATA.to_json()}


@pytest.mark.spec("VCI-12.2.3-05", "VCI-12.2.3-08")
def test_what_may_be_in_it() -> None:
    header, claims = claims_of(get(issuer(MetadataSigner(signer=SIGNER, lifetime=None, iss="https://attester.example"))))
    assert header == {"alg": "ES256", "typ": TYPE, "kid": "metadata-1"}
    assert claims == {"iss": "https://attester.example", "sub": IDENTIFIER, "iat": NOW, **METADATA.to_json()}
    assert claims_of(get(issuer(evolve(SIGNING, kid="k"))))[0]["kid"] == "k"


@pytest.mark.spec("VCI-12.2.2-07", "VCI-12.2.2-09", "VCI-12.2.2-10")
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("", JSON),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/*, text/html;q=0.5", JSON),
        (f"{JSON};q=0, */*", JSON),
        ("text/html", JSON),
        (f"{JWT};q=0", JSON),
        (f"{JWT};q=0, {JSON};q=0", JSON),
        (f"{JWT};q=nan", JSON),
        (f"{JWT};q=0.5, {JSON}", JSON),
        (f"{JWT};q=0.5, */*", JSON),
        ("application/jwtx", JSON),
        (f"x/y;q={JWT}", JSON),
        (JWT, JWT),
        (JWT.upper(), JWT),
        (f"{JWT}, {JSON}", JWT),
        (f"{JSON}, {JWT}", JWT),
        (f"{JWT}, {JSON};q=0.5", JWT),
        (f"{JWT}, */*;q=0.1", JWT),
        (f"{JWT};q=0.2, */*;q=0.1", JWT),
        (f"{JWT}; profile=x ; q=0.9, {JSON};q=0.8", JWT),
    ],
)
def test_a_jwt_is_for_who_asks_for_one(accept: str | None, media_type: str) -> None:
    response = get(issuer(), accept)
    assert (response.status, response.headers.get("content-type")) == (200, media_type)
    assert response.headers.get("vary") == "Accept"
    if media_type == JSON:
        assert response.json() == METADATA.to_json()


@pytest.mark.spec("VCI-12.2.2-08")
def test_who_cannot_sign_sends_json() -> None:
    response = get(issuer(None))
    assert (response.status, response.headers.get("content-type"), response.headers.get("vary")) == (200, JSON, None)


def test_several_accept_headers_are_one() -> None:
    pairs = [("Accept", f"{JSON};q=0.1"), ("Accept", JWT)]
    assert respond(issuer(), Request("GET", ISSUER_METADATA, pairs), Kms(), now=NOW).media_type == JWT


# --- keys elsewhere, and how often they sign ------------------------------------------------------------------------------------


def test_a_key_elsewhere_signs_through_the_host_and_once() -> None:
    role, host = issuer(MetadataSigner(signer=REMOTE, x5c=CHAIN)), Kms()
    first = get(role, host=host)
    claims_of(first)
    assert [(each.key_id, each.algorithm) for each in host.signed] == [("metadata-1", "ES256")]
    assert get(role, host=host, now=NOW + 43_199).body == first.body
    assert len(host.signed) == 1
    later = get(role, host=host, now=NOW + 43_200)
    assert claims_of(later)[1]["iat"] == NOW + 43_200
    # A clock that went back makes no metadata of the future.
    assert claims_of(get(role, host=host, now=NOW - 1))[1]["iat"] == NOW - 1
    assert len(host.signed) == 3
    assert not host.rows


async def _arespond(role: Issuer, host: "AsyncKms") -> Response:
    return await arespond(role, Request("GET", ISSUER_METADATA, {"accept": JWT}), host, now=NOW)


class AsyncKms:
    """The same for those who await."""

    async def load(self, keys: Any, /) -> Any:
        raise AssertionError

    async def resolve(self, references: Any, /) -> Any:
        raise AssertionError

    async def decide(self, order: Any, /) -> Any:
        raise AssertionError("there is nothing to decide")

    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return [SIGNER.sign(each.data) for each in inputs]

    async def commit(self, changes: Any, /) -> bool:
        raise AssertionError


def test_a_key_elsewhere_signs_through_a_host_that_is_awaited() -> None:
    coroutine = _arespond(issuer(MetadataSigner(signer=REMOTE, x5c=CHAIN)), AsyncKms())
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    claims_of(done.value.value)


def test_the_stages_one_by_one() -> None:
    role = issuer(MetadataSigner(signer=REMOTE))
    call = role.read(Request("GET", ISSUER_METADATA, {"accept": JWT}))
    draft = call.verify({}, keys={}, now=NOW)
    assert isinstance(draft, MetadataReplyDraft)
    with pytest.raises(ValueError, match="signatures are needed"):
        draft.finish()
    with pytest.raises(ValueError, match="64 bytes"):
        draft.finish([b"short"])
    reply = draft.finish([SIGNER.sign(draft.to_sign[0].data)])
    assert not reply.changes
    claims_of(reply.response)
    again = call.verify({}, keys={}, now=NOW + 1)
    assert isinstance(again, Reply)
    assert again.response.body == reply.response.body


def test_a_key_here_signs_once_too() -> None:
    role = issuer()
    first = get(role)
    assert get(role, now=NOW + 1).body == first.body
    assert get(role, now=NOW + 43_200).body != first.body


def test_caches_keep_it_no_longer_than_it_holds() -> None:
    role = issuer(evolve(SIGNING, lifetime=400, refresh=390))
    first = get(role)
    ages = [get(role, now=NOW + after).headers.get("cache-control") for after in (0, 99, 101, 389)]
    assert ages == [f"public, max-age={age}" for age in (300, 300, 299, 11)]
    etag = first.headers.get("etag")
    assert etag is not None
    assert get(role, if_none_match=etag).status == 304
    assert get(role, JSON, if_none_match=etag).status == 200
    assert get(role, now=NOW + 390, if_none_match=etag).status == 200
    assert get(issuer(evolve(SIGNING, lifetime=None))).headers.get("cache-control") == "public, max-age=300"


@pytest.mark.spec("VCI-12.2.2-12", "VCI-12.2.3-09")
def test_languages_and_signatures_go_together() -> None:
    role, host = issuer(MetadataSigner(signer=REMOTE), localised=True), Kms()
    response = get(role, host=host, accept_language="de")
    assert response.headers.get("vary") == "Accept, Accept-Language"
    assert response.headers.get("content-language") == "de"
    claims = claims_of(response)[1]
    assert claims["display"] == [{"name": "Zettel", "locale": "de"}]
    assert claims.keys() - {"sub", "iat", "exp"} == METADATA.to_json().keys()
    assert len(claims_of(get(role, host=host))[1]["display"]) == 2
    assert get(role, host=host, accept_language="de-AT, it").body == response.body
    assert len(host.signed) == 2


def test_nobody_has_us_sign_on_and_on() -> None:
    """Beyond a number of sets of languages, all languages are sent."""
    tags = [f"{a}{b}" for a in "abcdefghijk" for b in "abc"]
    metadata = issuer_metadata(display=tuple(IssuerDisplay(locale=each) for each in tags))
    role, host = new_issuer(metadata, signed_metadata=MetadataSigner(signer=REMOTE), localised=True), Kms()
    wanted = [f"{one}, {other}" for one in tags[:10] for other in tags[10:]]
    answers = [get(role, host=host, accept_language=each) for each in wanted]
    assert len(host.signed) == MAX_VARIANTS + 1
    assert len(claims_of(answers[-1])[1]["display"]) == len(tags)
    assert answers[-1].headers.get("content-language") is None
    assert get(role, host=host, accept_language=wanted[0]).body == answers[0].body
    # What is to be signed anew makes room.
    later = get(role, host=host, accept_language=wanted[-1], now=NOW + 50_000)
    assert later.headers.get("content-language") == wanted[-1]
    assert len(role._metadata_documents._signed) <= MAX_VARIANTS + 1


# --- what cannot be signed ------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.1-06", "HAIP-4.1-07")
@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"x5c": (*CHAIN, ROOT)}, "self-signed"),
        ({"x5c": (ROOT,)}, "self-signed"),
        ({"x5c": (LEAF, SUB)}, "signer's key"),
        ({"x5c": (SUB, CHAIN[0])}, "signer's key"),
        ({"x5c": (b"x",)}, "certificate"),
        ({"lifetime": 0}, "lifetime"),
        ({"refresh": 0}, "refresh"),
        ({"lifetime": 60, "refresh": 61}, "refresh"),
        ({"iss": ""}, "empty"),
        ({"kid": ""}, "empty"),
    ],
)
def test_what_does_not_fit_together(fields: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        MetadataSigner(signer=SIGNER, **fields)


@pytest.mark.spec("VCI-12.2.3-03")
def test_there_is_no_signer_without_a_digital_signature() -> None:
    assert not any(name == "none" or name.startswith("HS") for name in ALGORITHMS)
    for name in ("none", "HS256"):
        with pytest.raises(ValueError, match="not a supported algorithm"):
            RemoteSigner("x", name, SIGNER.public_jwk)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp", "nbf", "jti"])
def test_no_parameter_has_the_name_of_a_claim(name: str) -> None:
    metadata = CredentialIssuerMetadata.from_json({**METADATA.to_json(), name: 1})
    assert new_issuer(metadata).metadata == metadata
    with pytest.raises(ValueError, match="must have none of"):
        new_issuer(metadata, signed_metadata=SIGNING)


@pytest.mark.parametrize("algorithm", [name for name, each in ALGORITHMS.items() if each.by_default])
def test_every_algorithm_signs(algorithm: str) -> None:
    made = signer_for(algorithm)
    jws = _jose.parse(MetadataSigner(signer=made).draft(METADATA.to_json(), now=NOW).finish())
    _jose.verify(jws, public_key(made.public_jwk), algorithms=(algorithm,))


@given(st.text(max_size=80) | st.text("aplictonjwx/*,;q=.01 ", max_size=80), st.text(max_size=40))
def test_any_header_is_answered(accept: str, languages: str) -> None:
    response = get(issuer(localised=True), accept, accept_language=languages, if_none_match=languages)
    assert response.status in (200, 304)
    assert response.status == 304 or response.media_type in (JSON, JWT)
