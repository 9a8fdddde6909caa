"""The whole flow with a real format: SD-JWT VCs whose issuer publishes its keys (OID4VCI A.3, 13.5)."""

from typing import Any

import pytest

from oid4vci import _jose, _json
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Wallet, dump, load
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    ISSUER_KEY,
    METADATA_URL,
    NOW,
    TOKEN,
    Server,
    by_value,
    metadata,
    offer,
    ok,
    proofs_of,
)

ISSUER_METADATA = "https://issuer.example/.well-known/jwt-vc-issuer/tenant"


def sd_jwt_vc(jwk: Any, *, signer: LocalSigner = ISSUER_KEY, **claims: Any) -> str:
    payload = {"iss": ISSUER, "vct": "urn:pid", "iat": NOW, "cnf": {"jwk": jwk}, "given_name": "Ada", **claims}
    data = _jose.signing_input({"alg": "ES256", "typ": "dc+sd-jwt"}, _json.dump_bytes(payload))
    return _jose.compact(data, signer.sign(data)) + "~"


def issuing(**changes: Any) -> Server:
    def issue(request: Request) -> Response:
        credentials = [sd_jwt_vc(proof.header["jwk"], **changes) for proof in proofs_of(request)]
        return ok({"credentials": [{"credential": credential} for credential in credentials], "notification_id": "n"})

    published = {"issuer": ISSUER, "jwks": {"keys": [dict(ISSUER_KEY.public_jwk)]}}
    return Server({CREDENTIAL: issue, ISSUER_METADATA: ok(published)})


def received(server: Server, wallet: Wallet) -> Issued:
    opened = run(Offer.parse(by_value(offer())).open(wallet), server)
    order = run(run(opened.redeem(), server).order("pid"), server)
    result = run(order.prove(HOLDER_KEYS[:3], now=NOW).submit(), server)
    assert isinstance(result, Issued)
    return result


def trusting() -> Wallet:
    return Wallet(trust=Trust(allow={ISSUER, TOKEN, CREDENTIAL}.__contains__), client_id="wallet")


@pytest.mark.spec("VCI-13.5-03")
def test_sd_jwt_vcs_are_verified_with_the_keys_that_the_issuer_publishes() -> None:
    server, wallet = issuing(), trusting()
    result = received(server, wallet)
    assert [each.claims["given_name"] for each in result.credentials] == ["Ada"] * 3
    assert {each.issuer for each in result.credentials} == {ISSUER}
    assert [each.holder_key for each in result.credentials] == list(result.holder_keys)
    assert len(server.to(ISSUER_METADATA)) == 1
    assert load(dump(result), wallet) == result


@pytest.mark.spec("VCI-13.5-03")
@pytest.mark.parametrize(
    "changes",
    [
        {"signer": LocalSigner.generate("somebody")},
        {"vct": "urn:other"},
        {"exp": NOW - 3600},
        {"cnf": {"jwk": dict(HOLDER_KEYS[3].public_jwk)}},
        {"cnf": {"jwk": dict(HOLDER_KEYS[0].public_jwk)}},
    ],
)
def test_sd_jwt_vcs_that_are_not_what_was_ordered_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidCredential):
        received(issuing(**changes), trusting())


def test_another_issuer_than_the_one_that_is_trusted_is_refused() -> None:
    server = issuing(iss="https://elsewhere.example")
    with pytest.raises(Untrusted):
        received(server, trusting())
    assert not any("elsewhere" in url for url in server.urls)


def test_a_credential_that_was_ordered_without_keys_is_bound_to_none() -> None:
    """Else it would be somebody else's to present."""
    unbound = metadata()
    for configuration in unbound["credential_configurations_supported"].values():
        configuration.pop("proof_types_supported", None)
        configuration.pop("cryptographic_binding_methods_supported", None)
    credential = sd_jwt_vc(dict(HOLDER_KEYS[0].public_jwk))
    published = {"issuer": ISSUER, "jwks": {"keys": [dict(ISSUER_KEY.public_jwk)]}}
    server = Server(
        {
            METADATA_URL: ok(unbound),
            CREDENTIAL: ok({"credentials": [{"credential": credential}]}),
            ISSUER_METADATA: ok(published),
        }
    )
    opened = run(Offer.parse(by_value(offer())).open(trusting()), server)
    order = run(run(opened.redeem(), server).order("pid"), server)
    with pytest.raises(InvalidCredential, match="bound to a key"):
        run(order.prove([], now=NOW).submit(), server)


def test_an_issuer_that_demands_binding_must_say_how_to_prove_a_key() -> None:
    silent = metadata()
    for configuration in silent["credential_configurations_supported"].values():
        configuration.pop("proof_types_supported", None)
        configuration["cryptographic_binding_methods_supported"] = ["jwk"]
    server = Server({METADATA_URL: ok(silent)})
    opened = run(Offer.parse(by_value(offer())).open(trusting()), server)
    order = run(run(opened.redeem(), server).order("pid"), server)
    with pytest.raises(ValueError, match="key binding"):
        order.prove([], now=NOW)
