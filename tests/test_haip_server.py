"""An authorization server with HAIP's switch: what is turned on, and settings that break one rule, which is named (HAIP 4, 7)."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from oid4vci.authorization_server import AuthorizationServer
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.client_authentication import PublicClient
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from tests import haip
from tests.authorization import code_flow
from tests.clients import known_attester
from tests.issuance import IDENTIFIER, secret_keys
from tests.test_metadata_haip import issuer as published

ATTESTED = ClientAttestation(anchors=haip.ANCHORS)


def breaks(*requirements: str, metadata: Mapping[str, Any] | None = None, **settings: Any) -> str:
    """That these rules are named and no other."""
    with pytest.raises(ValueError, match="HAIP is not met") as caught:
        haip.server(metadata, **settings)
    text = str(caught.value)
    rules = text.partition("HAIP is not met: ")[2].split("; ")
    assert tuple(each.partition(":")[0] for each in rules if each.startswith("HAIP-")) == requirements, text
    for requirement in requirements:
        assert f"(HAIP {requirement.removeprefix('HAIP-').rpartition('-')[0]}" in text
    return text


def methods(**changed: Any) -> dict[str, Any]:
    return {"attest_jwt_client_auth": ATTESTED, **changed}


@pytest.mark.spec("HAIP-3-01", "HAIP-4-06", "HAIP-4-08", "HAIP-4.3-02", "HAIP-4.4.1-05", "HAIP-4-10")
def test_the_switch_turns_on_what_takes_no_decision() -> None:
    server = haip.server()
    assert server.dpop is not None
    assert server.dpop_required
    assert server.scope_required
    assert server.other_clients is None
    attested = server.client_authentication["attest_jwt_client_auth"]
    assert isinstance(attested, ClientAttestation)
    assert attested.require_x5c
    assert server.refresh_tokens is not None
    assert not server.refresh_tokens.rotation
    assert server.metadata.require_pushed_authorization_requests
    assert server.metadata.dpop_signing_alg_values_supported == server.dpop.algorithms


def test_nothing_changes_without_it() -> None:
    server = code_flow().server
    assert (server.haip, server.dpop_required, server.scope_required) == (False, False, False)
    keys = secret_keys()
    bare = AuthorizationServer.at(
        IDENTIFIER, access_tokens=SealedAccessTokens(keys), pre_authorized_codes=PreAuthorizedCodes(keys), haip=False
    )
    assert (bare.dpop, bare.other_clients) == (None, ClientMetadata(token_endpoint_auth_method="none"))
    assert bare.metadata.require_pushed_authorization_requests is None
    kept = haip.server(haip=False, other_clients=None)
    assert kept.client_authentication == {"attest_jwt_client_auth": ATTESTED}
    assert kept.refresh_tokens is not None
    assert kept.refresh_tokens.rotation


@pytest.mark.spec("HAIP-3-01")
def test_all_rules_are_named_at_once() -> None:
    breaks(
        *("HAIP-4-06", "HAIP-4-04", "HAIP-4-04", "HAIP-4-08", "HAIP-4.3-02", "HAIP-4.4.1-05"),
        metadata={"require_pushed_authorization_requests": False},
        authorization_codes=AuthorizationCodes(lifetime=61),
        request_uri_lifetime=600,
        dpop_required=False,
        scope_required=False,
        client_authentication={"attest_jwt_client_auth": known_attester()},
    )


@pytest.mark.spec("HAIP-4-01")
def test_no_authorization_codes() -> None:
    text = breaks("HAIP-4-01", "HAIP-4-01", "HAIP-4-05", "HAIP-4-06", "HAIP-4-07", "HAIP-4-01", authorization_codes=None)
    assert "authorization_codes is missing" in text


def test_lifetimes_of_fapi() -> None:
    breaks("HAIP-4-04", authorization_codes=AuthorizationCodes(lifetime=61))
    breaks("HAIP-4-04", request_uri_lifetime=600)
    assert haip.server(authorization_codes=AuthorizationCodes(lifetime=60), request_uri_lifetime=599)


@pytest.mark.spec("HAIP-4-05", "HAIP-4-06", "HAIP-4-07")
@pytest.mark.parametrize(
    ("requirement", "member", "value"),
    [
        ("HAIP-4-05", "code_challenge_methods_supported", ("plain",)),
        ("HAIP-4-06", "pushed_authorization_request_endpoint", None),
        ("HAIP-4-06", "require_pushed_authorization_requests", False),
        ("HAIP-4-07", "authorization_response_iss_parameter_supported", None),
    ],
)
def test_a_promise_that_is_missing(requirement: str, member: str, value: Any) -> None:
    metadata = {member: value}
    if member == "pushed_authorization_request_endpoint":
        metadata["require_pushed_authorization_requests"] = None
    assert member in breaks(requirement, metadata=metadata)


@pytest.mark.spec("HAIP-4-08")
def test_bearer_tokens() -> None:
    breaks("HAIP-4-08", dpop_required=False)
    # It is neither published nor checked.
    breaks("HAIP-4-08", "HAIP-4-08", dpop=None)


@pytest.mark.spec("HAIP-4-08", "HAIP-4-12")
def test_dpop_without_es256() -> None:
    breaks("HAIP-4-08", "HAIP-4-08", dpop=Dpop(algorithms=("PS256",)))
    assert haip.server(dpop=Dpop(algorithms=("ES256",)))


@pytest.mark.spec("HAIP-4.3-02")
def test_requests_without_a_scope() -> None:
    breaks("HAIP-4.3-02", scope_required=False)


@pytest.mark.spec("HAIP-4.3-03")
def test_a_scope_for_two_types() -> None:
    metadata = published(pid=haip.pid(), other=haip.pid(vct="https://credentials.example/other"))
    breaks("HAIP-4.3-03", credential_issuers=(metadata,))
    # What else an issuer's metadata break is not the server's.
    assert haip.server(credential_issuers=(haip.metadata(nonce_endpoint=None),))


@pytest.mark.spec("HAIP-4.4.1-02")
def test_public_clients() -> None:
    breaks("HAIP-4.4.1-02", client_authentication=methods(none=PublicClient()))
    # Also by another name, and by none: the default of a server without the switch.
    breaks("HAIP-4.4.1-02", client_authentication=methods(**{"x-nothing": PublicClient()}))
    with pytest.raises(ValueError, match=r"HAIP-4\.4\.1-02"):
        haip.server(client_authentication={"none": PublicClient()}, clients={})


@pytest.mark.spec("HAIP-4.4.1-02")
def test_anonymous_clients() -> None:
    breaks("HAIP-4.4.1-02", metadata={"pre_authorized_grant_anonymous_access_supported": True})


@pytest.mark.spec("HAIP-4.4.1-04", "HAIP-4-10")
def test_another_method_is_as_good() -> None:
    key = LocalSigner.generate("client")
    client = ClientMetadata(
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [{**key.public_jwk, "kid": "client"}]},
        redirect_uris=(haip.REDIRECT_URI,),
    )
    server = haip.server(client_authentication={"private_key_jwt": PrivateKeyJwt()}, clients={haip.CLIENT: client})
    assert server.metadata.token_endpoint_auth_methods_supported == ("private_key_jwt",)


@pytest.mark.spec("HAIP-4.4.1-05")
def test_attesters_that_are_known_by_their_keys() -> None:
    known = {"https://provider.example": (public_key(LocalSigner.generate("provider").public_jwk),)}
    for method in (known_attester(), ClientAttestation(anchors=haip.ANCHORS, attesters=known)):
        text = breaks("HAIP-4.4.1-05", client_authentication=methods(attest_jwt_client_auth=method))
        assert "client_authentication.attest_jwt_client_auth.require_x5c" in text


@pytest.mark.spec("HAIP-7-01")
@pytest.mark.parametrize("setting", ["algorithms", "pop_algorithms"])
def test_attestations_without_es256(setting: str) -> None:
    # It is published so as well.
    changed: dict[str, Any] = {setting: ("ES384",)}
    method = evolve(ATTESTED, **changed)
    breaks("HAIP-7-01", "HAIP-7-01", client_authentication=methods(attest_jwt_client_auth=method))
    changed = {setting: ("ES384", "ES256")}
    more = evolve(ATTESTED, **changed)
    assert haip.server(client_authentication=methods(attest_jwt_client_auth=more))


@pytest.mark.spec("HAIP-7-01", "HAIP-7-07")
@pytest.mark.parametrize("name", ["client_attestation", "client_attestation_pop"])
def test_algorithms_of_attestations_that_are_not_published(name: str) -> None:
    breaks("HAIP-7-01", metadata={f"{name}_signing_alg_values_supported": None})


@pytest.mark.spec("HAIP-3-01")
def test_the_switch_cannot_be_evolved_around() -> None:
    for changed in (
        {"dpop_required": False},
        {"scope_required": False},
        {"authorization_codes": AuthorizationCodes(lifetime=90)},
    ):
        with pytest.raises(ValueError, match="HAIP is not met"):
            evolve(haip.server(), **changed)
    with pytest.raises(ValueError, match="HAIP is not met"):
        evolve(code_flow().server, haip=True)
