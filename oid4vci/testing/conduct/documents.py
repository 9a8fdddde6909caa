"""How documents are fetched, and what holds for every request (OID4VCI 4.1.3, 12.2.2, RFC 8414 3)."""

from oid4vci.testing.conduct.conduct import CONDUCT, Conduct, wrong
from oid4vci.testing.report import CheckWarned
from oid4vci.testing.stage import Stage
from oid4vci.testing.stage.recorded import FLOW, ISSUER_METADATA, OFFER, OTHER_SERVER, SERVER_METADATA, UNKNOWN

__all__ = ()

MAX_REQUESTS = 60
"""For one offer, retries and all; the scenario with the most takes some 20."""


def _first_for(stage: Stage, name: str, endpoint: str) -> None:
    """The first request for a well-known document goes to where it is; others may follow if it is not there."""
    for each in stage.exchanges:
        if each.endpoint == endpoint:
            return
        if each.endpoint != OTHER_SERVER and name in each.request.path:
            wrong(stage, f"the {endpoint} were not asked for at their well-known path")


@CONDUCT("VCI-12.2.2-01", "VCI-12.2.2-03")
def issuer_metadata_path(conduct: Conduct) -> None:
    """`/.well-known/openid-credential-issuer` is inserted between host and path, and nothing else is tried before."""
    for stage, _ in conduct.sent(ISSUER_METADATA, UNKNOWN):
        _first_for(stage, "openid-credential-issuer", ISSUER_METADATA)


@CONDUCT("VCI-12.2.4-05", "VCI-12.2.4-06", "RFC8414-3.1")
def server_metadata_path(conduct: Conduct) -> None:
    """`/.well-known/oauth-authorization-server` is inserted between host and path, and nothing else is tried before."""
    for stage, _ in conduct.sent(SERVER_METADATA, UNKNOWN):
        for name in ("oauth-authorization-server", "openid-configuration"):
            _first_for(stage, name, SERVER_METADATA)


@CONDUCT("VCI-12.2.2-03", "VCI-4.1.3-01", "RFC8414-3.1")
def documents_by_get(conduct: Conduct) -> None:
    """Offers and metadata are fetched by GET, without a body and without any credentials."""
    for stage, each in conduct.sent(OFFER, ISSUER_METADATA, SERVER_METADATA):
        if each.request.method != "GET" or each.request.body:
            wrong(stage, f"the {each.endpoint} was asked for by {each.request.method}, GET without a body was expected")
        if {"authorization", "dpop", "oauth-client-attestation"} & {name for name, _ in each.request.headers.pairs}:
            wrong(stage, f"the request for the {each.endpoint} has credentials of the wallet")


@CONDUCT("VCI-12.2.2-04")
def accept_of_metadata(conduct: Conduct) -> None:
    """The request for the issuer's metadata says which media types are taken: JSON, signed ones, or both."""
    for stage, each in conduct.sent(ISSUER_METADATA):
        accept = ",".join(each.request.headers.all("accept")).lower()
        if not any(kind in accept for kind in ("application/json", "application/jwt")):
            raise CheckWarned(f"in {stage.name}: Accept names neither application/json nor application/jwt")


@CONDUCT("VCI-4.1-06", "VCI-12.2.1-01", "VCI-13.2-01")
def always_tls(conduct: Conduct) -> None:
    """No request has an http URL."""
    for stage, each in conduct.sent(OFFER, ISSUER_METADATA, SERVER_METADATA, *FLOW):
        if each.request.url.lower().startswith("http://"):
            wrong(stage, f"a request to the {each.endpoint} endpoint had an http URL")


@CONDUCT("VCI-13.2-01")
def no_endless_requests(conduct: Conduct) -> None:
    """Whatever is answered, a Wallet comes to an end."""
    for stage, _ in conduct.sent(OFFER, ISSUER_METADATA, SERVER_METADATA, UNKNOWN, *FLOW):
        if len(stage.exchanges) > MAX_REQUESTS:
            wrong(stage, f"the wallet sent {len(stage.exchanges)} requests, {MAX_REQUESTS} at most are due")


@CONDUCT("RFC9700-4.3", "RFC6750-2.3")
def no_secrets_in_urls(conduct: Conduct) -> None:
    """Codes, tokens, Transaction Codes and verifiers are in no URL: those are kept in logs and histories."""
    for stage, each in conduct.sent(OFFER, ISSUER_METADATA, SERVER_METADATA, UNKNOWN, *FLOW):
        secret = {
            *(token for token in _given(stage, "access_token", "refresh_token", "c_nonce")),
            *(sent.form.get(name) for sent in stage.to("token") for name in ("code", "pre-authorized_code", "code_verifier")),
            stage.tx_code,
        } - {None, ""}
        if any(str(value) in each.request.url for value in secret):
            wrong(stage, f"the URL of a request to the {each.endpoint} endpoint has a code, a token or a nonce in it")


def _given(stage: Stage, *names: str) -> list[str]:
    found = (each.answer.get(name) for each in stage.exchanges for name in names if each.endpoint in ("token", "nonce"))
    return [value for value in found if isinstance(value, str) and value]
