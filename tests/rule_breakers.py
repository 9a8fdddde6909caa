"""Wallets that do one thing wrong, at least one for each rule of conduct."""

from typing import Any

from attrs import evolve

from oid4vci import _jose
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.metadata import BatchCredentialIssuance
from oid4vci.oauth.client_assertion import ASSERTION_TYPE
from oid4vci.testing import ScriptedIssuer, Stage
from oid4vci.wallet import Issued, Opened, Order, Session
from tests.key_attestations import ROOT, chain
from tests.probed_wallet import CLIENT_KEY, INSTANCE, ProbedWallet, Send
from tests.wallet_mutants import (
    STRANGER,
    Mutant,
    again,
    and_header,
    by,
    deaf,
    elsewhere,
    resigned,
    with_dpop,
    with_form,
    with_header,
    with_members,
    with_proof,
    without_header,
)

CODE = "offer-with-authorization-code"
SEVERAL, DETAILS = "authorization-at-one-of-several-servers", "details-for-one-of-several-servers"
ASSERTED: dict[str, Any] = {"method": "private_key_jwt"}
ATTESTED: dict[str, Any] = {"method": "attest_jwt_client_auth"}
ATTESTATION, POP = "oauth-client-attestation", "oauth-client-attestation-pop"


def token(stage: Stage) -> str:
    return str(stage.to("token")[-1].answer["access_token"])


def stale_nonces(issuer: ScriptedIssuer) -> Send:
    """The Wallet hears of the first nonce for DPoP only."""
    first: dict[str, str] = {}

    def send(request: Request) -> Response:
        response = issuer.send(request)
        values = response.headers.all("dpop-nonce")
        if not values:
            return response
        name = issuer.stages[-1].name
        kept = [pair for pair in response.headers.pairs if pair[0] != "dpop-nonce"]
        return Response(response.status, [*kept, ("dpop-nonce", first.setdefault(name, values[0]))], response.body)

    return send


def own_nonces(issuer: ScriptedIssuer) -> Send:
    """The Nonce Endpoint is asked once; the Wallet remembers."""
    kept: list[Response] = []

    def send(request: Request) -> Response:
        if request.url.endswith("/nonce"):
            kept.append(kept[0] if kept else issuer.send(request))
            return kept[-1]
        return issuer.send(request)

    return send


def spare_nonces(issuer: ScriptedIssuer) -> Send:
    """Of two nonces the Wallet uses the one that came first."""

    def send(request: Request) -> Response:
        response = issuer.send(request)
        if request.url.endswith("/nonce"):
            issuer.send(request)
        return response

    return send


def endless(issuer: ScriptedIssuer) -> Send:
    def send(request: Request) -> Response:
        for _ in range(70):
            response = issuer.answer(request)
        return response

    return send


def unrequested(url: str, method: str = "GET") -> Any:
    """Something is asked for before anything else."""

    def network(issuer: ScriptedIssuer) -> Send:
        def send(request: Request) -> Response:
            if not issuer.stages[-1].exchanges:
                issuer.send(Request(method, url.format(base=issuer.stages[-1].base)))
            return issuer.send(request)

        return send

    return network


class Plain(ProbedWallet):
    """It lets the browser carry the request."""

    def session(self, opened: Opened, tx_code: str | None) -> Session:
        plain = evolve(opened.server, pushed_authorization_request_endpoint=None)
        return super().session(evolve(opened, server=plain), tx_code)


class Fickle(ProbedWallet):
    """It proves another key for the token than it got it with."""

    def ordered(self, session: Session, configuration_id: str) -> Issued:
        other = evolve(session.sender, dpop=LocalSigner.generate("another"))
        return super().ordered(evolve(session, sender=other), configuration_id)


class Liar(ProbedWallet):
    """It notifies of success, and says that it has failed."""

    def notify(self, issued: Issued) -> None:
        super().notify(issued)
        raise KeyError


class Greedy(ProbedWallet):
    """It wants more than the issuer takes in one request."""

    def obtained(self, order: Order) -> Any:
        session = order.session
        more = BatchCredentialIssuance(batch_size=9)
        opened = evolve(session.opened, metadata=evolve(session.metadata, batch_credential_issuance=more))
        return super().obtained(evolve(order, session=evolve(session, opened=opened)))


SAME = tuple(LocalSigner.generate(f"same-{i}") for i in range(5))
ATTESTED_KEYS: dict[str, Any] = {"scenario": "attested-keys"}
ALONE: dict[str, Any] = {"scenario": "attested-keys-alone"}


def within(**changes: Any) -> Any:
    """Other claims of the key attestation in every proof; `header` has other parameters."""
    header = changes.pop("header", None)

    def changed(proofs: Any) -> Any:
        def rewritten(proof: str) -> str:
            attestation = resigned(_jose.parse(proof).header["key_attestation"], header=header, **changes)
            return resigned(proof, header={"key_attestation": attestation})

        return {"jwt": [rewritten(each) for each in proofs["jwt"]]}

    return with_members(proofs=changed)


def alone(**changes: Any) -> Any:
    def changed(proofs: Any) -> Any:
        return {"attestation": [resigned(each, **changes) for each in proofs["attestation"]]}

    return with_members(proofs=changed)


def asked(**changes: Any) -> Any:
    return with_members(credential_response_encryption=lambda before: {**before, **changes})


def another_key(**changes: Any) -> Any:
    def changed(before: dict[str, Any]) -> dict[str, Any]:
        jwk = {name: value for name, value in {**before["jwk"], **changes}.items() if value is not None}
        return {**before, "jwk": jwk}

    return with_members(credential_response_encryption=changed)


def doubled(proof_type: str) -> Any:
    return lambda proofs: {proof_type: proofs[proof_type] * 2}


def assertion(**changes: Any) -> Any:
    return with_form(client_assertion=lambda text: resigned(text, **changes))


def attestation(**changes: Any) -> Any:
    return with_header(ATTESTATION, lambda text: resigned(text, **changes))


def possession(**changes: Any) -> Any:
    return with_header(POP, lambda text: resigned(text, signer=INSTANCE, **changes))


UNASKED = with_members(credential_response_encryption=None)


def other_details(value: str) -> Any:
    return with_form(authorization_details=value, scope=None)


MUTANTS = (
    # --- documents
    Mutant("issuer_metadata_path", network=unrequested("{base}/.well-known/openid-credential-issuer")),
    Mutant("issuer_metadata_path", network=unrequested("https://probe.example/.well-known/openid-credential-issuer")),
    Mutant("server_metadata_path", network=unrequested("{base}/.well-known/oauth-authorization-server")),
    Mutant("server_metadata_path", network=unrequested("{base}/.well-known/openid-configuration")),
    Mutant("documents_by_get", "issuer metadata", by("POST")),
    Mutant("documents_by_get", "server metadata", and_header("authorization", "Bearer x")),
    Mutant("documents_by_get", "offer", lambda _, request: evolve(request, body=b"x"), "offer-by-reference"),
    Mutant("accept_of_metadata", "issuer metadata", without_header("accept")),
    Mutant("accept_of_metadata", "issuer metadata", with_header("accept", "*/*")),
    Mutant("always_tls", "token", elsewhere(lambda url: url.replace("https://", "http://"))),
    Mutant("no_endless_requests", network=endless),
    Mutant("no_secrets_in_urls", "credential", lambda stage, request: evolve(request, url=f"{request.url}?t={token(stage)}")),
    Mutant("no_secrets_in_urls", "token", lambda _, request: evolve(request, url=f"{request.url}?{request.body.decode()}")),
    # --- the Authorization Request
    Mutant("pushed_requests", scenario=CODE, subclass=Plain),
    Mutant("authorization_url", "authorization", elsewhere(lambda url: url + "&scope=person"), CODE),
    Mutant("response_type", "pushed request", with_form(response_type="code id_token"), CODE),
    Mutant("response_type", "pushed request", with_form(redirect_uri=None), CODE),
    Mutant("pkce", "pushed request", with_form(code_challenge=None, code_challenge_method=None), CODE),
    Mutant("pkce", "pushed request", with_form(code_challenge_method="plain"), CODE),
    Mutant("pkce", "pushed request", with_form(code_challenge="short"), CODE),
    Mutant("pkce_verifier", "token", with_form(code_verifier="x" * 43), CODE),
    Mutant("pkce_verifier", "token", with_form(code_verifier=None), CODE),
    Mutant("pkce_fresh", "pushed request", with_form(code_challenge="x" * 43), CODE, twice=True),
    Mutant("state", "pushed request", with_form(state=None), CODE),
    Mutant("state", "pushed request", with_form(state="x" * 129), CODE),
    Mutant("state", "pushed request", with_form(state="always the same"), CODE, twice=True),
    Mutant("issuer_state", "pushed request", with_form(issuer_state=None), CODE),
    Mutant("issuer_state", "pushed request", with_form(issuer_state="another"), CODE),
    Mutant("issuer_state", "pushed request", with_form(issuer_state="of my own"), "offer-without-grants"),
    Mutant("asked_for", "pushed request", with_form(scope=None), CODE),
    Mutant("asked_for", "pushed request", other_details('[{"type": "other", "credential_configuration_id": "person"}]'), CODE),
    Mutant("asked_for", "pushed request", other_details('[{"type": "openid_credential"}]'), CODE),
    Mutant("asked_for", "pushed request", other_details('{"type": "openid_credential"}'), CODE),
    Mutant("no_openid_scope", "pushed request", with_form(scope="openid person"), CODE),
    Mutant("no_openid_scope", "token", with_form(scope="openid")),
    Mutant("locations", "pushed request", with_form(authorization_details=lambda text: text.replace("locations", "x")), DETAILS),
    Mutant("resource", "pushed request", with_form(resource=None), SEVERAL),
    # --- who the client is
    Mutant("client_authentication", "token", with_form(client_assertion=None, client_assertion_type=None), **ASSERTED),
    Mutant("client_authentication", "pushed request", with_form(client_assertion=None), CODE, **ASSERTED),
    Mutant("client_authentication", "token", without_header(ATTESTATION), **ATTESTED),
    Mutant("client_authentication", "token", with_form(client_assertion="x", client_assertion_type=ASSERTION_TYPE)),
    Mutant("client_assertion_audience", "token", assertion(aud="https://probe.example/token"), **ASSERTED),
    Mutant("client_assertion_audience", "token", assertion(aud=["https://probe.example"]), **ASSERTED),
    Mutant("client_assertion_claims", "token", assertion(iss="another"), **ASSERTED),
    Mutant("client_assertion_claims", "token", assertion(exp=None), **ASSERTED),
    Mutant("client_assertion_claims", "token", assertion(exp=9_999_999_999), **ASSERTED),
    Mutant("client_assertion_jti", "token", assertion(signer=CLIENT_KEY, jti="1"), **ASSERTED),
    Mutant("client_assertion_jti", "token", assertion(jti=None), **ASSERTED),
    Mutant("wallet_attestation", "token", attestation(header={"typ": "JWT"}), **ATTESTED),
    Mutant("wallet_attestation", "token", attestation(exp=1), **ATTESTED),
    Mutant("wallet_attestation", "token", attestation(cnf=None), **ATTESTED),
    Mutant("wallet_attestation", "token", attestation(sub="another"), **ATTESTED),
    Mutant("wallet_attestation", "token", with_header(ATTESTATION, "garbage"), **ATTESTED),
    Mutant("wallet_attestation_chain", "token", attestation(header={"x5c": None}), **ATTESTED),
    Mutant("wallet_attestation_chain", "token", attestation(header={"x5c": chain(ROOT)}), **ATTESTED),
    Mutant("wallet_attestation_chain", "token", attestation(header={"x5c": ["x"]}), **ATTESTED),
    Mutant("wallet_attestation_reused", "token", with_header(ATTESTATION, "always.the.same"), twice=True, **ATTESTED),
    Mutant("attestation_proof", "token", with_header(POP, resigned), **ATTESTED),
    Mutant("attestation_proof", "token", possession(aud="another"), **ATTESTED),
    Mutant("attestation_proof", "token", possession(challenge="another"), **ATTESTED),
    Mutant("attestation_proof", "token", possession(challenge=None), **ATTESTED),
    Mutant("attestation_proof", "token", possession(header={"typ": "JWT"}), **ATTESTED),
    Mutant("attestation_proof_jti", "token", possession(jti="1"), **ATTESTED),
    Mutant("challenge_request", "challenge", by("GET"), **ATTESTED),
    Mutant("challenge_request", "challenge", lambda _, request: evolve(request, body=b"{}"), **ATTESTED),
    # --- the Token Request
    Mutant("forms_by_post", "token", by("GET")),
    Mutant("forms_by_post", "token", with_header("content-type", "application/json")),
    Mutant("forms_by_post", "token", elsewhere(lambda url: url + "?x=y")),
    Mutant("forms_by_post", "pushed request", lambda _, request: evolve(request, body=request.body + b"&scope=person"), CODE),
    Mutant("token_grant", "token", with_form(grant_type="password")),
    Mutant("token_grant", "token", with_form(pre__authorized_code=None), "offer-by-value"),
    Mutant("token_grant", "token", with_form(code=None), CODE),
    Mutant("token_grant", "token", with_form(redirect_uri="https://other.example"), CODE),
    Mutant("transaction_code", "token", with_form(tx_code=None), "offer-with-transaction-code"),
    Mutant("transaction_code", "token", with_form(tx_code="1234")),
    # --- DPoP
    Mutant("dpop_proof", "token", with_dpop()),
    Mutant("dpop_proof", "token", with_dpop(header={"typ": "JWT"})),
    Mutant("dpop_proof", "token", with_dpop(header={"jwk": {**STRANGER.public_jwk, "d": "x"}})),
    Mutant("dpop_proof", "token", with_dpop(header={"jwk": dict(STRANGER.public_jwk)}, htm="GET")),
    Mutant("dpop_proof", "credential", with_dpop(header={"jwk": dict(STRANGER.public_jwk)}, htu="https://probe.example/")),
    Mutant("dpop_proof", "token", with_dpop(header={"jwk": dict(STRANGER.public_jwk)}, iat=1)),
    Mutant("dpop_proof", "token", with_dpop(header={"jwk": {**STRANGER.public_jwk, "y": "AA"}})),
    Mutant("dpop_proof", "token", with_dpop(header={"jwk": {"kty": "oct", "k": "AAAA"}})),
    Mutant("dpop_proof", "token", with_header("dpop", "garbage")),
    Mutant("dpop_proof", "token", lambda _, request: and_header("dpop", request.headers.get("dpop") or "")(_, request)),
    Mutant("dpop_jti", "token", with_dpop(jti="1"), twice=True),
    Mutant("dpop_jti", "credential", with_dpop(jti=None)),
    Mutant("dpop_ath", "credential", with_dpop(ath=None)),
    Mutant("dpop_ath", "credential", with_dpop(ath="x" * 43)),
    Mutant("dpop_ath", "token", with_dpop(ath="x" * 43)),
    Mutant("dpop_nonce", "token", with_dpop(nonce="of my own"), "dpop-without-nonces"),
    Mutant("dpop_nonce", network=stale_nonces, scenario="dpop-nonces-rotate"),
    Mutant("dpop_nonce_retried", network=deaf("use_dpop_nonce")),
    Mutant("dpop_key", subclass=Fickle),
    Mutant("token_in_header", "credential", without_header("authorization")),
    Mutant("token_in_header", "credential", with_header("authorization", lambda text: text.replace("DPoP", "Bearer"))),
    Mutant("token_in_header", "credential", with_header("authorization", "DPoP another")),
    Mutant("token_in_header", "credential", lambda stage, request: with_members(access_token=token(stage))(stage, request)),
    Mutant("token_in_header", "credential", lambda stage, request: evolve(request, url=f"{request.url}?t={token(stage)}")),
    Mutant("token_for_resources_only", "nonce", and_header("authorization", lambda stage: f"DPoP {token(stage)}")),
    # --- proofs
    Mutant("proof_signature", "credential", with_proof()),
    Mutant("proof_signature", "credential", with_proof({"typ": "JWT"})),
    Mutant("proof_signature", "credential", with_proof({"alg": "ES384"})),
    Mutant("proof_signature", "credential", with_proof({"jwk": {"kty": "EC"}})),
    Mutant("proof_names_one_key", "credential", with_proof({"kid": "x"})),
    Mutant("proof_names_one_key", "credential", with_proof({"jwk": None})),
    Mutant("proof_audience", "credential", with_proof(aud="https://probe.example")),
    Mutant("proof_audience", "credential", lambda stage, request: with_proof(aud=[stage.identifier])(stage, request)),
    Mutant("proof_time", "credential", with_proof(iat=1)),
    Mutant("proof_time", "credential", with_proof(iat=None)),
    Mutant("proof_issuer", "credential", with_proof(iss="another")),
    Mutant("proof_issuer", "credential", with_proof(iss="https://wallet.example/app"), "token-for-anybody"),
    Mutant("latest_nonce", "credential", with_proof(nonce="another")),
    Mutant("latest_nonce", "credential", with_proof(nonce=None)),
    Mutant("latest_nonce", "credential", with_proof(nonce="of my own"), "no-nonce-endpoint"),
    Mutant("latest_nonce", network=spare_nonces),
    Mutant("latest_nonce", "credential", alone(nonce="another"), **ALONE),
    Mutant("nonce_used_once", network=own_nonces, scenario="nonce-rejected-once"),
    Mutant("nonce_used_once", network=again("credential")),
    Mutant("nonce_request", "nonce", by("GET")),
    Mutant("nonce_request", "nonce", and_header("authorization", "DPoP x")),
    Mutant("key_attestation", "credential", within(header={"typ": "JWT"}), **ATTESTED_KEYS),
    Mutant("key_attestation", "credential", within(iat=None), **ATTESTED_KEYS),
    Mutant("key_attestation", "credential", within(iat=1), **ATTESTED_KEYS),
    Mutant("key_attestation", "credential", within(exp=None), **ATTESTED_KEYS),
    Mutant("key_attestation", "credential", within(nonce=None), **ATTESTED_KEYS),
    Mutant("key_attestation", "credential", alone(nonce="another"), **ALONE),
    Mutant("key_attestation", "credential", alone(attested_keys=[]), **ALONE),
    Mutant("key_attestation", "credential", with_members(proofs={"attestation": ["garbage"]}), **ALONE),
    Mutant("key_attestation_chain", "credential", within(header={"x5c": None}), **ATTESTED_KEYS),
    Mutant("key_attestation_chain", "credential", alone(header={"x5c": chain(ROOT)}), **ALONE),
    Mutant("keys_attested_where_demanded", "credential", with_proof({"key_attestation": None}), **ATTESTED_KEYS),
    Mutant("keys_attested_where_demanded", "credential", with_members(proofs=None), **ALONE),
    Mutant("keys_attested_where_demanded", "credential", with_members(proofs=doubled("attestation")), **ALONE),
    # --- the Credential Request
    Mutant("credential_request", "credential", by("PUT")),
    Mutant("credential_request", "credential", with_header("content-type", "text/plain")),
    Mutant("credential_request", "credential", with_header("content-type", "application/jwt")),
    Mutant("credential_request", "credential", lambda _, request: evolve(request, body=b"[]")),
    Mutant("credential_request_members", "credential", with_members(format="dc+sd-jwt")),
    Mutant("credential_identifier", "credential", with_members(credential_configuration_id="another")),
    Mutant("credential_identifier", "credential", with_members(credential_identifier="another")),
    Mutant("credential_identifier", "credential", with_members(credential_configuration_id="person"), "token-with-identifiers"),
    Mutant("credential_identifier", "credential", with_members(credential_identifier="another"), "token-with-identifiers"),
    Mutant("one_proof_type", "credential", with_members(proofs=lambda proofs: {**proofs, "attestation": ["x"]})),
    Mutant("one_proof_type", "credential", with_members(proofs=None)),
    Mutant("one_proof_type", "credential", with_members(proofs={"jwt": []})),
    Mutant("one_proof_type", "credential", with_members(proofs={"jwt": "x"})),
    Mutant("batch_size", subclass=Greedy),
    Mutant("batch_size", "credential", within(attested_keys=[dict(key.public_jwk) for key in SAME]), **ATTESTED_KEYS),
    Mutant("batch_size", "credential", alone(attested_keys=[dict(key.public_jwk) for key in SAME]), **ALONE),
    Mutant("distinct_keys", "credential", with_members(proofs=doubled("jwt"))),
    Mutant("distinct_keys", wallet={"keys": lambda count: list(SAME[:count])}, twice=True),
    # --- encryption
    Mutant("requests_encrypted", "credential", with_members(), "encrypted-requests"),
    Mutant("requests_encrypted", "deferred credential", with_members(), "encrypted-deferral"),
    Mutant("requests_encrypted", "credential", lambda _, request: evolve(request, body=b"eyJ.a.b.c.d"), "encrypted-requests"),
    Mutant("answers_asked_encrypted", "credential", UNASKED, "encrypted-responses"),
    Mutant("answers_asked_encrypted", "deferred credential", UNASKED, "encrypted-deferral"),
    Mutant("asked_in_secret", "credential", with_members(), "encrypted-responses"),
    Mutant("answer_key", "credential", another_key(alg=None), "encrypted-responses"),
    Mutant("answer_key", "credential", another_key(d="x"), "encrypted-responses"),
    Mutant("answer_key", "credential", asked(enc="A1"), "encrypted-responses"),
    Mutant("answer_key", "credential", with_members(credential_response_encryption="x"), "encrypted-responses"),
    Mutant("answer_key_fresh", network=again("credential"), scenario="encrypted-responses"),
    # --- later
    Mutant("deferred_request", "deferred credential", by("GET"), "deferred-once"),
    Mutant("deferred_request", "deferred credential", with_header("content-type", "application/jwt"), "deferred-once"),
    Mutant("deferred_request_members", "deferred credential", with_members(transaction_id=None), "deferred-once"),
    Mutant("deferred_request_members", "deferred credential", with_members(transaction_id="another"), "deferred-once"),
    Mutant("deferred_request_members", "deferred credential", with_members(credential_configuration_id="x"), "deferred-once"),
    Mutant("deferred_interval", scenario="deferred-once", wallet={"waits": False}),
    Mutant("deferred_interval", scenario="encrypted-deferral", wallet={"waits": False}),
    Mutant("notification_request", "notification", by("PUT")),
    Mutant("notification_request", "notification", with_header("content-type", "text/plain")),
    Mutant("notification_request", "notification", with_members(notification_id="another")),
    Mutant("notification_request", "notification", with_members(event="credential_stored")),
    Mutant("notification_members", "notification", with_members(credential="x")),
    Mutant("notification_members", "notification", with_members(event_description="\N{SNOWMAN}")),
    Mutant("notification_members", "notification", with_members(event_description='"')),
    Mutant("notification_agrees", subclass=Liar),
)  # fmt: skip
