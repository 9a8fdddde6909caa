"""What outside test suites look for, line by line, and by which checks, scenarios and rules of conduct each line is seen.

Those of issuers and authorization servers are checks of `oid4vci.testing.ISSUER_CHECKS`; those of wallets are scenarios, and rules
of conduct, which have underscores where scenarios have hyphens. A pattern with `*` is several of them.
"""

from typing import Final, Literal

from attrs import frozen

__all__ = ("LINES", "Line", "Party")

Party = Literal["Credential Issuer", "Authorization Server", "Wallet"]


@frozen
class Line:
    """A line. `priority`: 0 breaks most tests of a suite, 1 single ones, 2 gives warnings."""

    party: Party
    priority: int
    text: str
    seen_by: tuple[str, ...]


def _issuer(priority: int, text: str, *seen_by: str) -> Line:
    return Line("Credential Issuer", priority, text, seen_by)


def _server(priority: int, text: str, *seen_by: str) -> Line:
    return Line("Authorization Server", priority, text, seen_by)


def _wallet(priority: int, text: str, *seen_by: str) -> Line:
    return Line("Wallet", priority, text, seen_by)


LINES: Final = (
    _issuer(
        0,
        "Metadata are at the inserted well-known path, name the issuer exactly, have https URLs and no unknown members; binding "
        "methods come with proof types; locales are canonical; HAIP has scopes and a nonce endpoint",
        *("issuer_metadata_*", "issuer_endpoints_are_https", "binding_methods_and_proof_types_come_together"),
        *("locales_are_canonical", "haip_metadata_have_scopes_and_a_nonce_endpoint"),
    ),
    _issuer(0, "The nonce endpoint answers a POST with a fresh c_nonce that no cache keeps", "nonce_*", "nonces_differ"),
    _issuer(
        0,
        "The credential endpoint: DPoP with ath, schemes of either case, unknown members ignored, one token for some 35 requests, "
        "odd Accept values, a Date, no token in the query",
        *("dpop_at_credential_*", "access_token_*", "credential_request_with_unknown_members", "metadata_are_from_now"),
        "odd_accept_values_are_served",
    ),
    _issuer(
        0,
        "Proofs: jwt, with key attestations, and attestation; each wrong one is refused",
        *("proof_*", "proofs_*", "key_attestation_*", "attestation_proofs"),
    ),
    _issuer(
        0,
        "A credential is named by its identifier if there are identifiers, else by its configuration",
        *("credential_request_by_identifier_where_there_are_any", "credential_request_for_*"),
    ),
    _issuer(0, "The answer is JSON with the members that are defined and no others", "credential_is_issued"),
    _issuer(
        0,
        "Errors are 400 in plain JSON with the three members; names and encryption come before proofs, the DPoP nonce before "
        "anything is consumed",
        *("credential_request_that_is_garbage", "credential_request_is_read_before_its_proofs", "errors_are_never_encrypted"),
        *("encryption_parameters_that_are_wrong", "dpop_nonce_*"),
    ),
    _issuer(
        0,
        "SD-JWT VC: typ, vct, cnf of the proved key, unique salts, the form; HAIP: certificates, exp or status",
        *("sd_jwt_vc_*", "credentials_follow_the_rules_of_their_format", "wallet_gets_credentials_that_verify"),
    ),
    _issuer(
        0,
        "mdoc: IssuerSigned, the device key, certificates in the unprotected header, digests, docType, the elements of an mDL",
        *("mdoc_*", "credentials_follow_the_rules_of_their_format", "wallet_gets_credentials_that_verify"),
    ),
    _issuer(1, "The status list is a signed token, in which the credential is valid", "status_list_is_served"),
    _issuer(
        1,
        "Encryption: offered for both ways or none, keys with kid, answers by what was asked, zip only where offered",
        *("encrypt*", "compressed_request_that_grows"),
    ),
    _issuer(
        1,
        "A batch is one dataset with distinct keys, salts, rounded times, and distinct status indices on one list",
        *("batch_*", "times_of_credentials_are_rounded", "credential_for_each_key"),
    ),
    _issuer(
        1,
        "Deferred: 202 with transaction_id and interval, then the credential, once, for nobody else, encrypted too",
        *("deferred_*", "transaction_ends_with_its_credential", "transaction_that_nobody_promised"),
        "transaction_of_somebody_else",
    ),
    _issuer(1, "Notifications: any event gets a 2xx, unknown members are ignored", "notification_*"),
    _issuer(
        1,
        "Offers by value and by reference over https, with issuer_state, fresh for each run",
        *("offer_*", "offers_are_fresh", "authorization_with_an_issuer_state"),
    ),
    _issuer(2, "Signed metadata have typ, sub, iat and x5c", "signed_metadata_*"),
    _server(0, "RFC 8414 metadata have all that is served, and say so", "server_*"),
    _server(
        0,
        "Pushed requests: 201, a request_uri that nobody guesses for a minute or so, unknown parameters ignored, redirect URIs "
        "exact, S256 only, long state, each wrong one refused",
        *("pushed_*",),
    ),
    _server(
        0,
        "Authorization: what was pushed counts, a request_uri survives a visit, serves once, expires, belongs to its client; PAR "
        "can be demanded",
        "authorization_request_*",
        *("authorization_heeds_what_was_pushed", "authorization_that_is_refused_says_so"),
    ),
    _server(
        0,
        "Answers to the browser have iss and state, in the query, and nothing else; a refusal is access_denied",
        *("authorization_response_says_whose_it_is", "authorization_that_is_refused_says_so"),
    ),
    _server(
        0,
        "Client authentication: private_key_jwt, attestations and their proofs, challenges; each wrong one refused",
        *("client_assertion_*", "client_attestation_*", "token_request_of_a_client_that_does_not_authenticate"),
    ),
    _server(
        0,
        "DPoP: clocks may differ by ten seconds and not by an hour, jti, htm, htu as a URL, keys, dpop_jkt, one header",
        *("dpop_at_token_*", "dpop_clocks_may_differ", "dpop_htu_is_compared_as_a_url", "dpop_extra_claims_are_tolerated"),
        "pushed_request_binds_the_code_to_a_key",
    ),
    _server(
        0,
        "Codes serve once, for a minute, their client and their verifier; used again they end the token they gave",
        "authorization_code_*",
    ),
    _server(
        0,
        "Tokens cannot be guessed or cached; with authorization_details come identifiers",
        *("pre_authorized_code_gives_a_token", "authorization_code_gives_a_token", "authorization_details_come_back"),
        *("token_request_with_authorization_details", "bearer_tokens_are_short_lived"),
    ),
    _server(
        1,
        "The pre-authorized code with Transaction Code, client authentication and DPoP",
        *("transaction_code_*", "pre_authorized_code_*", "token_request_*", "token_endpoint_ignores_unknown_parameters"),
    ),
    _server(1, "Refresh: announced, the token before serves a while, no other instance or client", "refresh_token_*"),
    _server(1, "The challenge endpoint answers a POST, and no cache keeps it", "challenge_is_given_to_everybody"),
    _wallet(
        0,
        "Well-known paths are exact; any mismatch of issuers ends it; openid is never asked for",
        *("issuer_metadata_path", "server_metadata_path", "issuer-mismatch-*", "server-mismatch-*", "no_openid_scope"),
        *("issuer-with-slash", "several-servers", "offer-of-strange-server"),
    ),
    _wallet(
        0,
        "PAR with S256 and a fresh verifier; the URL has client_id and request_uri; state of 128 at most; issuer_state is sent",
        *("pushed_requests", "authorization_url", "pkce*", "state", "issuer_state"),
    ),
    _wallet(0, "A wrong or missing iss or state ends it without a further call", "iss-*", "state-*"),
    _wallet(
        0,
        "Client assertions for the issuer with a fresh jti; attestations without anchor, jti of proofs, challenges by POST",
        *("client_assertion_*", "wallet_attestation*", "attestation_proof*", "challenge_request", "client_authentication"),
    ),
    _wallet(
        0,
        "DPoP: fresh jti, ath, nonces retried at every endpoint and followed, none where none was given; tokens in the header",
        *("dpop_*", "dpop-*", "token_in_header"),
    ),
    _wallet(
        0,
        "Requests have defined members, one proof type, one key header, the latest c_nonce once, the right aud; key attestations "
        "where demanded",
        *("credential_request_members", "one_proof_type", "proof_*", "latest_nonce", "nonce_used_once", "key_attestation*"),
        *("keys_attested_where_demanded", "attested-keys*", "nonce-*"),
    ),
    _wallet(
        0,
        "Credentials are asked for by identifiers where there are any",
        *("credential_identifier", "token-with-identifiers"),
    ),
    _wallet(
        1,
        "Requests are encrypted whenever encrypted answers are asked for, with alg in the key; deferred ones too",
        *("asked_in_secret", "answer_key*", "answers_asked_encrypted", "requests_encrypted", "encrypt*"),
    ),
    _wallet(
        1,
        "Deferred credentials are polled for; batches have distinct keys and are matched by key; notifications are plain",
        *("deferred*", "batch_size", "distinct_keys", "batch-*", "notification_*", "one-at-a-time"),
    ),
    _wallet(
        1,
        "Offers by value and by reference; tx_code; locations name the issuer",
        *("offer-*", "transaction_code", "transaction-code-refused", "locations", "details-for-one-of-several-servers"),
    ),
    _wallet(
        1,
        "token_type of either case, expires_in missing, decoys among keys",
        *("token-type-in-another-case", "token-without-expiry", "issuer-key-among-decoys", "encryption-keys-among-decoys"),
    ),
    _wallet(1, "Credentials that do not verify are not accepted", "sd-jwt-vc*", "mdoc*"),
    _wallet(2, "Signed metadata are believed only when asked for", "signed-metadata*", "accept_of_metadata"),
)
