"""How an endpoint takes Access Tokens: as Bearer (RFC 6750) or with a DPoP proof (RFC 9449 7), and how it refuses them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidDpopProof, InvalidToken, InvalidTokenRequest, MissingToken, Refusal, UseDpopNonce
from oid4vci.http import Request
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, thumbprint
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.protected_resource import Access, ProtectedResource
from oid4vci.records import Insert, Key, Record, Records
from tests.dpop_proofs import Sent
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, counted, secret_keys

KEY, OTHER = LocalSigner.generate("dpop"), LocalSigner.generate("other")
JKT = thumbprint(KEY.public_jwk)
TOKEN_KEY, REFERENCE = Key.of("grant", "x"), KeyReference("https://as.example/jwks")
ALLOWED = Authorization(
    subject="ada",
    client_id="wallet",
    configuration_ids=frozenset(),
    identifiers=None,
    granted=(),
    note=None,
    expires_at=NOW + 9,
)


@frozen
class FixedToken:
    """A token that is good if its row is there."""

    jkt: str | None
    lookups: tuple[Key, ...] = (TOKEN_KEY,)
    key_refs: tuple[KeyReference, ...] = (REFERENCE,)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        if TOKEN_KEY not in records:
            raise InvalidToken("the access token has expired or was revoked")
        return evolve(ALLOWED, jkt=self.jkt)


@frozen
class FixedTokens:
    """The tokens `plain` and `bound`, and no others."""

    jkt: str = JKT

    def read(self, token: str, *, credential_issuer: str) -> FixedToken:
        assert credential_issuer == IDENTIFIER
        if token not in ("plain", "bound"):
            raise InvalidToken("the access token is not valid")
        return FixedToken(self.jkt if token == "bound" else None)


ROW = {TOKEN_KEY: Record(TOKEN_KEY, {}, NOW + 9)}
NARROW = Dpop(algorithms=("ES256", "EdDSA"))
PLAIN = ProtectedResource(FixedTokens(), IDENTIFIER)
BOTH = ProtectedResource(FixedTokens(), IDENTIFIER, NARROW)
BOUND = ProtectedResource(FixedTokens(), IDENTIFIER, NARROW, bearer=False)
DPOP_CHALLENGE = 'DPoP algs="ES256 EdDSA"'


def request(authorization: str | None, *proofs: Sent | str, query: str = "") -> Request:
    pairs = [] if authorization is None else [("Authorization", authorization)]
    return Request("POST", CREDENTIAL + query, [*pairs, *(("DPoP", str(proof)) for proof in proofs)])


def accessed(resource: ProtectedResource, sent: Request, *, records: Records = ROW, now: int = NOW) -> Access:
    return resource.read(sent, url=CREDENTIAL).verify(records, keys={}, now=now)


def refused(
    resource: ProtectedResource, error: type[Refusal], sent: Request, *, status: int = 401, records: Records = ROW
) -> tuple[str, ...]:
    """The challenges of a refusal, in order; nothing is changed by it, and nothing of the request is in it."""
    with pytest.raises(Refusal) as caught:
        accessed(resource, sent, records=records)
    assert type(caught.value) is error
    reply = caught.value.reply
    assert reply.changes == ()
    assert reply.response.status == status
    assert reply.response.headers.get("cache-control") == "no-store"
    if error is MissingToken:
        # "the resource server SHOULD NOT include an error code or other error information" -- RFC 6750 3.1
        assert reply.response.body == b""
    else:
        assert reply.response.json()["error"] == caught.value.error
    challenge = reply.response.headers.get("www-authenticate")
    assert challenge is not None
    first, *others = re.split(r", (?=DPoP|Bearer)", challenge)
    assert all("error" not in other for other in others)
    scheme, _, parameters = first.partition(" ")
    named = dict(re.findall(r'(\w+)="([^"]*)"', parameters))
    assert named.get("error") == (None if error is MissingToken else caught.value.error)
    left = "" if "algs" not in named else f' algs="{named["algs"]}"'
    return (scheme + left, *others)


def good(**changes: object) -> Sent:
    return Sent(**{"key": KEY, "access_token": "bound", **changes})  # type: ignore[arg-type]


# --- what is taken --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", [PLAIN, BOTH])
@pytest.mark.parametrize("authorization", ["Bearer plain", "bearer plain", "BEARER   plain  ", "\tBearer plain"])
def test_a_bearer_token(resource: ProtectedResource, authorization: str) -> None:
    read = resource.read(request(authorization), url=CREDENTIAL)
    assert (read.lookups, read.key_refs) == ((TOKEN_KEY,), (REFERENCE,))
    access = read.verify(ROW, keys={}, now=NOW)
    assert access.authorization == ALLOWED
    assert (access.changes, access.headers) == ((), {})


@pytest.mark.parametrize("resource", [BOTH, BOUND])
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP  "])
def test_a_bound_token_with_its_proof(resource: ProtectedResource, scheme: str) -> None:
    read = resource.read(request(f"{scheme} bound", good()), url=CREDENTIAL)
    token_row, spent = read.lookups
    assert (token_row, read.key_refs) == (TOKEN_KEY, (REFERENCE,))
    access = read.verify(ROW, keys={}, now=NOW)
    assert access.authorization.jkt == JKT
    (change,) = access.changes
    assert isinstance(change, Insert)
    assert change.record.key == spent


def test_a_dpop_header_beside_a_bearer_token_is_of_no_interest() -> None:
    for proof in ("nonsense", good(), good(signer=OTHER)):
        assert accessed(BOTH, request("Bearer plain", proof, proof)).changes == ()


def test_an_endpoint_takes_something() -> None:
    with pytest.raises(ValueError, match="bearer"):
        ProtectedResource(FixedTokens(), IDENTIFIER, bearer=False)


def test_the_next_nonce_comes_along() -> None:
    nonces = DpopNonces(secret_keys())
    resource = ProtectedResource(FixedTokens(), IDENTIFIER, Dpop(nonces=nonces))
    old = nonces.new(now=NOW - 200, new_secret=counted())
    access = accessed(resource, request("DPoP bound", good(nonce=old)))
    assert nonces.remaining(access.headers["dpop-nonce"], now=NOW) == 300


# --- no token, or not in its place ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "challenges"),
    [(PLAIN, ("Bearer",)), (BOTH, (DPOP_CHALLENGE, "Bearer")), (BOUND, (DPOP_CHALLENGE,))],
)
@pytest.mark.parametrize("authorization", [None, "", "Basic eDp5", "Bear plain", "Bearerplain", "Bearer\tplain", "plain"])
def test_without_a_token_the_answer_names_the_schemes_and_no_error(
    resource: ProtectedResource, challenges: tuple[str, ...], authorization: str | None
) -> None:
    assert refused(resource, MissingToken, request(authorization)) == challenges
    assert refused(resource, MissingToken, request(authorization, good())) == challenges


def test_a_scheme_that_is_not_taken_is_no_token() -> None:
    assert refused(PLAIN, MissingToken, request("DPoP bound", good())) == ("Bearer",)
    assert refused(BOUND, MissingToken, request("Bearer plain")) == (DPOP_CHALLENGE,)
    assert refused(BOUND, MissingToken, request("Bearer bound", good())) == (DPOP_CHALLENGE,)


@pytest.mark.parametrize("token", ["", "a b", "a,b", "=a", "a\nb", "plain\n", "é", '"plain"', "a" * 8193])
def test_a_malformed_token(token: str) -> None:
    assert refused(BOTH, InvalidToken, request(f"Bearer {token}")) == ("Bearer", DPOP_CHALLENGE)
    assert refused(BOTH, InvalidToken, request(f"DPoP {token}", good())) == (DPOP_CHALLENGE, "Bearer")


@pytest.mark.parametrize(
    "values", [["Bearer plain"] * 2, ["Bearer plain", "DPoP bound"], ["DPoP bound"] * 2, ["Basic x", "Bearer plain"], ["", ""]]
)
def test_several_authorization_headers(values: Sequence[str]) -> None:
    sent = Request("POST", CREDENTIAL, [*(("authorization", value) for value in values), ("dpop", str(good()))])
    assert refused(BOTH, InvalidTokenRequest, sent, status=400) == (DPOP_CHALLENGE, "Bearer")


@pytest.mark.parametrize("query", ["?access_token=plain", "?a=b&access%5Ftoken=plain", "?access_token", "?+=&access_token=&"])
def test_a_token_in_the_query(query: str) -> None:
    assert refused(BOTH, InvalidTokenRequest, request(None, query=query), status=400) == (DPOP_CHALLENGE, "Bearer")
    with_header = request("Bearer plain", query=query)
    assert refused(BOTH, InvalidTokenRequest, with_header, status=400) == ("Bearer", DPOP_CHALLENGE)
    assert accessed(BOTH, request("Bearer plain", query="?x=access_token")).authorization == ALLOWED


# --- tokens that are worth nothing here -----------------------------------------------------------------------------------


def test_a_token_that_is_unknown_or_over() -> None:
    assert refused(BOTH, InvalidToken, request("Bearer other")) == ("Bearer", DPOP_CHALLENGE)
    assert refused(BOTH, InvalidToken, request("DPoP other", good(access_token="other"))) == (DPOP_CHALLENGE, "Bearer")
    assert refused(BOTH, InvalidToken, request("Bearer plain"), records={}) == ("Bearer", DPOP_CHALLENGE)
    assert refused(BOTH, InvalidToken, request("DPoP bound", good()), records={}) == (DPOP_CHALLENGE, "Bearer")


@pytest.mark.spec("VCI-13.2-04", "HAIP-4-08")
@pytest.mark.parametrize("resource", [PLAIN, BOTH])
def test_a_bound_token_without_its_proof_is_worth_nothing_to_who_stole_it(resource: ProtectedResource) -> None:
    for sent in (request("Bearer bound"), request("Bearer bound", good())):
        assert refused(resource, InvalidToken, sent)[0] == "Bearer"


def test_a_token_that_is_not_bound_is_no_dpop_token() -> None:
    sent = request("DPoP plain", good(access_token="plain"))
    assert refused(BOTH, InvalidToken, sent) == (DPOP_CHALLENGE, "Bearer")
    assert refused(BOUND, InvalidToken, sent) == (DPOP_CHALLENGE,)


def test_a_token_that_is_bound_to_another_key() -> None:
    """With this key, "Invalid DPoP key binding" (RFC 9449 7.1), although the proof itself is good."""
    assert refused(BOTH, InvalidToken, request("DPoP bound", good(key=OTHER))) == (DPOP_CHALLENGE, "Bearer")
    stolen = good(header={"jwk": dict(KEY.public_jwk)}, signer=OTHER)
    assert refused(BOTH, InvalidDpopProof, request("DPoP bound", stolen)) == (DPOP_CHALLENGE, "Bearer")


# --- proofs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-13.2-04", "HAIP-4-08")
@pytest.mark.parametrize("resource", [BOTH, BOUND])
def test_a_proof_must_be_there_once(resource: ProtectedResource) -> None:
    for proofs in ((), (good(), good()), ("",)):
        assert refused(resource, InvalidDpopProof, request("DPoP bound", *proofs))[0] == DPOP_CHALLENGE


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": "plain"},
        {"claims": {"htm": "GET"}},
        {"url": f"{IDENTIFIER}/token"},
        {"claims": {"iat": NOW - 3600}},
        {"claims": {"iat": NOW + 3600}},
        {"claims": {"jti": None}},
        {"header": {"alg": "none"}},
        {"header": {"typ": "JWT"}},
        {"header": {"jwk": {**KEY.public_jwk, "d": "AAAA"}}},
        {"signer": OTHER},
    ],
)
def test_a_proof_that_is_wrong(change: dict[str, object]) -> None:
    assert refused(BOTH, InvalidDpopProof, request("DPoP bound", good(**change))) == (DPOP_CHALLENGE, "Bearer")


def test_a_proof_by_an_algorithm_that_is_not_announced() -> None:
    key = LocalSigner.generate("dpop", "ES384")
    tokens = FixedTokens(thumbprint(key.public_jwk))
    sent = request("DPoP bound", good(key=key))
    assert refused(ProtectedResource(tokens, IDENTIFIER, NARROW), InvalidDpopProof, sent) == (DPOP_CHALLENGE, "Bearer")
    assert accessed(ProtectedResource(tokens, IDENTIFIER, Dpop()), sent).changes


def test_a_proof_that_was_used_before() -> None:
    sent = request("DPoP bound", good())
    (change,) = accessed(BOTH, sent).changes
    assert isinstance(change, Insert)
    records = {**ROW, change.record.key: change.record}
    assert refused(BOTH, InvalidDpopProof, sent, records=records) == (DPOP_CHALLENGE, "Bearer")


def test_a_proof_without_the_nonce() -> None:
    nonces = DpopNonces(secret_keys())
    resource = ProtectedResource(FixedTokens(), IDENTIFIER, evolve(NARROW, nonces=nonces))
    for value in (None, "x", nonces.new(now=NOW - 300, new_secret=counted())):
        sent = request("DPoP bound", good(nonce=value))
        assert refused(resource, UseDpopNonce, sent) == (DPOP_CHALLENGE, "Bearer")
        with pytest.raises(UseDpopNonce) as caught:
            accessed(resource, sent)
        fresh = caught.value.reply.response.headers.get("dpop-nonce")
        assert accessed(resource, request("DPoP bound", good(nonce=fresh))).changes
    # Who has no good token gets no nonce either: nothing would be good about the next request.
    assert refused(resource, InvalidToken, request("DPoP bound", good()), records={})


def test_insufficient_scope_names_the_scheme_that_was_used() -> None:
    for sent, expected in (
        (request("Bearer plain"), f'Bearer error="insufficient_scope", error_description="why", {DPOP_CHALLENGE}'),
        (
            request("DPoP bound", good()),
            'DPoP error="insufficient_scope", error_description="why", algs="ES256 EdDSA", Bearer',
        ),
    ):
        response = accessed(BOTH, sent).insufficient_scope("why").reply.response
        assert (response.status, response.headers.get("www-authenticate")) == (403, expected)


def test_no_stage_shows_a_secret() -> None:
    sent = good()
    asked = request("DPoP bound", sent)
    read = BOTH.read(asked, url=CREDENTIAL)
    shown = repr([asked, read, read.verify(ROW, keys={}, now=NOW)])
    for secret in ("'bound'", str(sent), str(sent).rpartition(".")[2], sent.jti):
        assert secret not in shown


# --- the examples of RFC 9449, and anything at all ------------------------------------------------------------------------


def printed(vectors: Path, number: str) -> tuple[list[str], str]:
    """The request's header lines of a printed message, and its `WWW-Authenticate`."""
    text = next((vectors / "dpop/examples").glob(f"{number}-*.txt")).read_text().replace("\r", "")
    (challenge,) = re.findall("(?m)^WWW-Authenticate: (.*)$", text)
    return re.findall("(?m)^Authorization: (.*)$", text), challenge


@pytest.mark.parametrize(
    ("number", "error", "status"),
    [("14", MissingToken, 401), ("15", InvalidToken, 401), ("16", InvalidTokenRequest, 400)],
)
def test_the_answers_of_an_endpoint_that_takes_both(vectors: Path, number: str, error: type[Refusal], status: int) -> None:
    """RFC 9449 7.2 names the same schemes and the same error; of two challenges, ours gives it with the first."""
    authorization, challenge = printed(vectors, number)
    sent = Request("GET", CREDENTIAL, [("authorization", value) for value in authorization])
    ours = refused(BOTH, error, sent, status=status)
    assert {each.partition(" ")[0] for each in ours} == set(re.findall("DPoP|Bearer", challenge))
    if error is not MissingToken:
        assert f'error="{error.error}"' in challenge
    if number == "15":
        assert challenge.startswith(ours[0])


def test_the_answers_of_an_endpoint_that_takes_dpop_only(vectors: Path) -> None:
    _, challenge = printed(vectors, "12")
    only = ProtectedResource(FixedTokens(), IDENTIFIER, Dpop(("ES256", "ES384")), bearer=False)
    assert refused(only, MissingToken, request(None)) == (challenge.replace("PS256", "ES384"),)
    _, challenge = printed(vectors, "13")
    with pytest.raises(InvalidToken) as caught:
        accessed(BOUND, request("DPoP bound", good(key=OTHER)))
    ours = caught.value.reply.response.headers.get("www-authenticate")
    assert ours is not None
    blank = 'error_description="..."'
    assert re.sub('error_description="[^"]*"', blank, ours).replace(" EdDSA", "") == re.sub(
        'error_description="[^"]*"', blank, challenge
    )


VALUES = st.text(max_size=20) | st.sampled_from(
    ["Bearer plain", "DPoP bound", "DPoP plain", "Bearer bound", "DPoP  ", "bearer"]
)


@given(
    st.lists(st.tuples(st.sampled_from(["authorization", "Authorization", "dpop", "x"]), VALUES), max_size=4),
    st.text(max_size=30),
    st.sampled_from([PLAIN, BOTH, BOUND]),
)
def test_any_headers_and_query_are_taken_or_refused(
    headers: list[tuple[str, str]], query: str, resource: ProtectedResource
) -> None:
    sent = Request("POST", f"/credential?{query}", headers)
    try:
        access = accessed(resource, sent)
    except Refusal as refusal:
        challenge = refusal.reply.response.headers.get("www-authenticate")
        assert challenge
        assert challenge.isascii()
        return
    # Without a proof that verifies, all there can be is the Bearer token.
    assert access.authorization == ALLOWED
    assert resource.bearer
