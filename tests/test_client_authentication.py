"""The choice of the one method that a client uses, the method `none`, and methods of third parties (RFC 6749 2.3, OID4VCI 6.1)."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidClient, InvalidRequest, Refusal
from oid4vci.http import Form, Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import ASSERTION_TYPE, PrivateKeyJwt
from oid4vci.oauth.client_authentication import (
    AuthenticatedClient,
    ClientAuthenticationMethod,
    PublicClient,
    Registered,
    read_client,
)
from oid4vci.records import Insert, Key, Record, Records
from tests.clients import (
    ATTESTED,
    CLIENT,
    CLIENT_KEY,
    ISSUER,
    NOW,
    PAR,
    TOKEN,
    Asserted,
    Attested,
    Server,
    known_attester,
    post,
)

CONFIDENTIAL = ClientMetadata(
    token_endpoint_auth_method="private_key_jwt", jwks={"keys": [dict(CLIENT_KEY.public_jwk, kid="client")]}
)
PUBLIC = ClientMetadata(token_endpoint_auth_method="none")
METHODS: Mapping[str, ClientAuthenticationMethod] = {
    "none": PublicClient(),
    "private_key_jwt": PrivateKeyJwt(),
    "attest_jwt_client_auth": known_attester(),
}


def server(metadata: ClientMetadata = PUBLIC, **settings: Any) -> Server:
    return Server(**{"methods": METHODS, "registrations": {CLIENT: metadata}, **settings})


# --- the method none ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [PUBLIC, ClientMetadata(), ClientMetadata(jwks_uri="https://wallet.example/jwks")])
def test_a_public_client_names_itself(metadata: ClientMetadata) -> None:
    client = server(metadata).spend(post(client_id=CLIENT))
    assert client == AuthenticatedClient(client_id=CLIENT, method="none")
    assert (client.changes, client.instance, client.claims, client.headers) == ((), None, {}, {})


def test_a_client_without_a_name_is_anonymous_where_that_is_allowed() -> None:
    allowed = server(anonymous=True)
    assert allowed.spend(post()) == AuthenticatedClient(client_id=None, method="none")
    assert allowed.spend(post(client_id="")) == AuthenticatedClient(client_id=None, method="none")
    server().refuse(post(), "client_id is missing")
    server().refuse(post(client_id=""), "client_id is missing")


@pytest.mark.parametrize("anonymous", [True, False])
def test_a_client_that_names_itself_must_be_known(anonymous: bool) -> None:
    """Also where it need not name itself."""
    known = server(anonymous=anonymous)
    for name in ("https://another.example", f"{CLIENT}/", CLIENT.upper(), " ", f"{CLIENT} ", "\0", "x" * 3000):
        known.refuse(post(client_id=name), "the client is not known")


def test_a_long_name_is_not_looked_up() -> None:
    def registered(name: str) -> ClientMetadata | None:
        raise AssertionError

    request = post(client_id="x" * 2049)
    with pytest.raises(InvalidClient):
        read_client(
            request,
            request.form(),
            methods=METHODS,
            registered=registered,
            issuer=ISSUER,
            endpoint=TOKEN,
            anonymous=False,
        )


# --- clients that must authenticate -------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.1-07")
@pytest.mark.parametrize("url", [TOKEN, PAR])
@pytest.mark.parametrize(
    ("metadata", "good"),
    [(CONFIDENTIAL, Asserted().request()), (ATTESTED, Attested().request())],
    ids=["private_key_jwt", "attest_jwt_client_auth"],
)
def test_a_client_authenticates_as_it_is_registered(metadata: ClientMetadata, good: Request, url: str) -> None:
    """Its name alone will not do, though others need no more: 401 says what it lacks."""
    method = metadata.token_endpoint_auth_method
    for anonymous in (True, False):
        confidential = server(metadata, anonymous=anonymous)
        refusal = confidential.refuse(evolve(post(client_id=CLIENT), url=url), "registered for another", status=401)
        assert refusal.reply.response.headers.get("www-authenticate") == method
        assert confidential.spend(evolve(good, url=url)).method == method


def test_a_client_that_is_registered_for_a_method_that_is_not_served_cannot_use_another() -> None:
    for method in ("client_secret_basic", "tls_client_auth"):
        registered = server(ClientMetadata(token_endpoint_auth_method=method))
        refusal = registered.refuse(post(client_id=CLIENT), "registered for another", status=401)
        assert refusal.reply.response.headers.get("www-authenticate") == method
        registered.refuse(Attested().request(), "registered for another")


def test_a_method_whose_name_is_no_scheme_is_not_named() -> None:
    registered = server(ClientMetadata(token_endpoint_auth_method="https://methods.example/mine"))
    refusal = registered.refuse(post(client_id=CLIENT), "registered for another")
    assert "www-authenticate" not in refusal.reply.response.headers


@pytest.mark.parametrize("metadata", [PUBLIC, CONFIDENTIAL])
def test_a_good_attestation_serves_only_who_is_registered_for_it(metadata: ClientMetadata) -> None:
    server(metadata).refuse(Attested().request(), "registered for another")


@pytest.mark.parametrize("metadata", [ATTESTED, evolve(CONFIDENTIAL, token_endpoint_auth_method="none")])
def test_a_good_assertion_serves_only_who_is_registered_for_it(metadata: ClientMetadata) -> None:
    with_keys = evolve(metadata, jwks=CONFIDENTIAL.jwks)
    server(with_keys).refuse(Asserted().request(), "registered for another")


@pytest.mark.parametrize("good", [Attested().request(), Asserted().request()], ids=["attestation", "assertion"])
def test_who_is_not_registered_is_refused(good: Request) -> None:
    Server(METHODS, {}).refuse(good, "the client is not known")
    Server(METHODS, {"https://another.example": ATTESTED}).refuse(good, "the client is not known")


@pytest.mark.spec("HAIP-4.4.1-02")
@pytest.mark.parametrize("url", [TOKEN, PAR])
@pytest.mark.parametrize("grant", ["authorization_code", "urn:ietf:params:oauth:grant-type:pre-authorized_code", None])
@pytest.mark.parametrize("name", [CLIENT, "https://another.example", None])
def test_without_none_among_the_methods_everybody_authenticates(url: str, grant: str | None, name: str | None) -> None:
    strict = server(ATTESTED, methods={name: method for name, method in METHODS.items() if name != "none"})
    bare = evolve(post(grant_type=grant, client_id=name), url=url)
    refusal = strict.refuse(bare, "the client must authenticate", status=401)
    assert refusal.reply.response.headers.get("www-authenticate") == "private_key_jwt, attest_jwt_client_auth"
    assert strict.spend(Attested().request(client_id=CLIENT)).client_id == CLIENT


@pytest.mark.spec("VCI-E-08", "HAIP-4.4.1-10")
@pytest.mark.parametrize("url", [TOKEN, PAR])
def test_the_client_id_of_the_form_is_the_sub_of_the_attestation(url: str) -> None:
    known = server(ATTESTED, registrations={CLIENT: ATTESTED, "https://another.example": ATTESTED})
    for name in ("https://another.example", f"{CLIENT}/", CLIENT.upper(), "unknown"):
        known.refuse(evolve(Attested().request(client_id=name), url=url), "client_id is not the client")
    assert known.spend(evolve(Attested().request(client_id=CLIENT), url=url)).client_id == CLIENT
    assert known.spend(evolve(Attested().with_pop(jti="2").request(), url=url)).client_id == CLIENT


def test_the_client_id_of_the_form_is_the_sub_of_the_assertion() -> None:
    """RFC 7521 4.2: "the client_id parameter is unnecessary", and "MUST identify the same client"."""
    known = server(CONFIDENTIAL, registrations={CLIENT: CONFIDENTIAL, "https://another.example": CONFIDENTIAL})
    for name in ("https://another.example", f"{CLIENT}/", "unknown"):
        known.refuse(Asserted().request(client_id=name), "client_id is not the client")
    assert known.spend(Asserted().request(client_id=CLIENT)).client_id == CLIENT
    assert known.spend(Asserted(claims={"jti": "2"}).request()).client_id == CLIENT


def test_the_method_none_may_be_for_some_only() -> None:
    """What a third party puts in its place decides."""

    @frozen
    class WithPrefix(PublicClient):
        def applies(self, request: Request, form: Form) -> bool:
            return (form.get("client_id") or "").startswith("public:")

    some = Server({**METHODS, "none": WithPrefix()}, {CLIENT: PUBLIC, "public:1": PUBLIC})
    assert some.spend(post(client_id="public:1")).client_id == "public:1"
    refusal = some.refuse(post(client_id=CLIENT), "the client must authenticate", status=401)
    assert refusal.reply.response.headers.get("www-authenticate") == "private_key_jwt, attest_jwt_client_auth"


# --- one method only ----------------------------------------------------------------------------------------------------------

ASSERTION = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": str(Asserted())}
BASIC = {"Authorization": "Basic d2FsbGV0OnNlY3JldA=="}


@pytest.mark.parametrize(
    "request_",
    [
        post(Attested().headers, **ASSERTION),
        post(Attested().headers, client_secret="x"),
        post({**Attested().headers, **BASIC}),
        post(BASIC, **ASSERTION),
        post(BASIC, client_secret="x"),
        post(client_secret="x", **ASSERTION),
        post({"OAuth-Client-Attestation-PoP": "x"}, client_assertion_type="x"),
        post({**Attested().headers, **BASIC}, client_secret="x", **ASSERTION),
    ],
)
@pytest.mark.parametrize("metadata", [ATTESTED, CONFIDENTIAL, PUBLIC])
def test_a_client_authenticates_in_one_way(request_: Request, metadata: ClientMetadata) -> None:
    """RFC 6749 5.2: `invalid_request` for a request that "utilizes more than one mechanism for authenticating the client"."""
    server(metadata, anonymous=True).refuse(request_, "more than one way", InvalidRequest)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(BASIC), 401),
        (post(BASIC, client_id=CLIENT), 401),
        (post([*BASIC.items(), *BASIC.items()], client_id=CLIENT), 401),
        (post({"Authorization": ""}, client_id=CLIENT), 401),
        (post(client_id=CLIENT, client_secret="x"), 400),
        (post(Attested().headers, client_id=CLIENT), 400),
        (post({"OAuth-Client-Attestation": "x"}, client_id=CLIENT), 400),
        (post({"oauth-client-attestation-pop": "x"}, client_id=CLIENT), 400),
        (post(client_id=CLIENT, **ASSERTION), 400),
        (post(client_id=CLIENT, client_assertion="x"), 400),
        (post(client_id=CLIENT, client_assertion_type="x"), 400),
    ],
)
def test_credentials_that_the_server_does_not_take_are_not_passed_over(request_: Request, status: int) -> None:
    public = Server({"none": PublicClient()}, {CLIENT: PUBLIC}, anonymous=True)
    refusal = public.refuse(request_, "is not supported", status=status)
    challenge = refusal.reply.response.headers.get("www-authenticate")
    assert challenge == ('Basic realm="token"' if status == 401 else None)
    assert public.spend(post(client_id=CLIENT)).client_id == CLIENT


# --- methods of third parties -------------------------------------------------------------------------------------------------


@frozen
class Certified:
    """A method as a third party would add it: a reverse proxy says in a header whose TLS certificate it saw (RFC 8705 2)."""

    def applies(self, request: Request, form: Form) -> bool:
        return "x-certificate-of" in request.headers

    def read(self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered) -> "CertifiedClient":
        name = request.headers.get("x-certificate-of")
        assert name is not None
        assert (issuer, endpoint) == ("https://as.example", TOKEN)
        metadata = registered(name)
        if metadata is None:
            raise InvalidClient("no certificate of that name")
        return CertifiedClient(name, metadata.extra["certificate_list"])


@frozen
class CertifiedClient:
    client_id: str | None
    list_url: str
    method: str = field(default="tls_client_auth", init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        return (Key.of("certificate", f"{self.client_id}"),)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        return (KeyReference(self.list_url),)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        if self.lookups[0] in records:
            raise InvalidClient("the certificate was used before")
        changes = (Insert(Record(self.lookups[0], {}, now + 60)),)
        return AuthenticatedClient(client_id=self.client_id, method=self.method, changes=changes)


LIST = "https://wallet.example/certificates"
CERTIFIED = ClientMetadata(token_endpoint_auth_method="tls_client_auth", extra={"certificate_list": LIST})


@pytest.mark.spec("VCI-13.3-05", "HAIP-4.4.1-04")
def test_a_method_is_added_by_an_entry_in_the_mapping() -> None:
    added = server(CERTIFIED, methods={**METHODS, "tls_client_auth": Certified()}, keys={KeyReference(LIST): ()})
    good = post({"X-Certificate-Of": CLIENT}, client_id=CLIENT)
    client = added.spend(good)
    assert (client.client_id, client.method) == (CLIENT, "tls_client_auth")
    added.refuse(good, "the certificate was used before")


def test_a_method_of_a_third_party_is_held_to_the_same_rules() -> None:
    methods = {**METHODS, "tls_client_auth": Certified()}
    keys = {KeyReference(LIST): ()}
    header = {"X-Certificate-Of": CLIENT}
    added = server(CERTIFIED, methods=methods, keys=keys)
    added.refuse(post(header, client_id="https://another.example"), "client_id is not the client")
    added.refuse(post({**header, **Attested().headers}), "more than one way", InvalidRequest)
    added.refuse(post(client_id=CLIENT), "registered for another", status=401)
    server(evolve(CERTIFIED, token_endpoint_auth_method="none"), methods=methods, keys=keys).refuse(
        post(header), "registered for another"
    )
    server(CERTIFIED, keys=keys).refuse(post(client_id=CLIENT), "registered for another", status=401)


def test_a_method_must_say_who_the_client_is() -> None:
    @frozen
    class Nobody(Certified):
        def read(
            self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered
        ) -> "CertifiedClient":
            return CertifiedClient(None, LIST)

    added = server(CERTIFIED, methods={"tls_client_auth": Nobody()}, anonymous=True)
    added.refuse(post({"X-Certificate-Of": CLIENT}), "client_id is not the client")


# --- nothing but refusals -----------------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.text(max_size=30),
    st.text("eyJ.-_=", max_size=40),
    st.sampled_from([CLIENT, ASSERTION_TYPE, str(Asserted()), *Attested().headers.values()]),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["OAuth-Client-Attestation", "oauth-client-attestation-pop", "Authorization"]), VALUES),
        max_size=3,
    ),
    st.dictionaries(st.sampled_from(["client_id", "client_secret", "client_assertion", "client_assertion_type"]), VALUES),
    st.sampled_from([PUBLIC, CONFIDENTIAL, ATTESTED]),
    st.booleans(),
)
def test_any_credentials_are_accepted_or_refused(
    headers: list[tuple[str, str]], form: dict[str, str], metadata: ClientMetadata, anonymous: bool
) -> None:
    any_server = server(metadata, anonymous=anonymous)
    try:
        client = any_server.authenticate(post(headers, **form), now=NOW)
    except Refusal as error:
        refusal = error
    else:
        assert client.client_id is None or (client.client_id, client.method) == (CLIENT, metadata.token_endpoint_auth_method)
        return
    assert refusal.reply.changes == ()
    assert refusal.reply.response.status in (400, 401)
