"""Nothing secret or personal shows where it could be logged, and what is given out does not last (OID4VCI 13, 15)."""

import json
import logging
import re
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest

from oid4vci._json import b64url_encode
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.formats.mdoc import MdocEncoder
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Headers, Request
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import MAX_BEARER_LIFETIME
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.published_document import MAX_AGE
from oid4vci.status_list import StatusListSigner
from oid4vci.wallet import dump
from tests.issuance import FORM, NOW, SERVER_METADATA, TOKEN
from tests.jwes import private_jwk
from tests.wallet_clients import CLIENT, INSTANCE
from tests.watched_issuance import (
    DECRYPTION_KEY,
    DPOP_KEY,
    HOLDERS,
    ISSUER_KEY,
    NAME,
    PERSONAL,
    REDIRECT_URI,
    SEALING_KEY,
    STATE,
    authorized,
    misused,
    pre_authorized,
    pushed,
    result_of,
    server_of,
    wallet,
    world,
)
from tests.watching import Watch


def private(key: LocalSigner) -> set[str]:
    """The ways in which the private half of a key would be seen."""
    made: Any = key._private_key
    number = made.private_numbers().private_value
    return {str(number), f"{number:x}", b64url_encode(number.to_bytes(32, "big"))}


@pytest.fixture(scope="module")
def watched() -> Watch:
    """Whole issuances, by both grants, at once and later, plain and encrypted, and what goes wrong."""
    watch = Watch({*PERSONAL, private_jwk(DECRYPTION_KEY)["d"], SEALING_KEY.hex(), repr(SEALING_KEY)[2:-1]})
    watch.secrets.update(*(private(key) for key in (*HOLDERS, DPOP_KEY, ISSUER_KEY, INSTANCE)))
    with watch.listening():
        served = world(watch)
        for client in (wallet(), wallet(encryption="when possible")):
            for begin in (pre_authorized, authorized):
                issued = result_of(served, begin(served, client))
        misused(served, issued.session)
    return watch


@pytest.mark.spec("VCI-13.10-02", "VCI-15.3-02")
def test_nothing_shows_what_it_holds(watched: Watch) -> None:
    assert len({type(each) for each in watched.values.values()}) > 100
    assert len({type(each) for each in watched.errors}) > 8
    assert len(watched.secrets) > 100
    assert watched.logged
    assert not set(watched.leaks())


def test_headers_show_their_names_only() -> None:
    assert repr(Headers((("authorization", "Bearer x"),))) == "Headers(pairs=('authorization',))"


def test_a_leak_would_be_seen() -> None:
    watch = Watch({"the-secret"})
    watch.keep((ValueError("the-secret"), Request("GET", "https://the-secret.example")))
    with watch.listening():
        logging.getLogger("anybody").debug("it is %s", "the-secret")
    assert {name for name, _ in watch.leaks()} == {"ValueError", "Request", "log"}


# --- what is kept (OID4VCI 15.3, 15.4) ------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-15.3-01", "VCI-15.3-03", "VCI-15.4.1-03")
@pytest.mark.parametrize("begin", [pre_authorized, authorized], ids=["at once", "deferred"])
def test_neither_side_keeps_credentials(begin: Any) -> None:
    served = world(Watch(set()))
    issued = result_of(served, begin(served, wallet()))
    rows = json.dumps([dict(each.data) for each in served.store.load(tuple(served.store._rows)).values()])
    session = dump(issued.session).decode()
    for credential in issued.credentials:
        token = str(credential.credential)
        signed_by = token.partition("~")[0].rpartition(".")[2]
        jwk = dict(credential.holder_key.jwk if credential.holder_key else {})
        for value in (token, signed_by, jwk["x"], jwk["y"], NAME):
            assert value not in rows
            assert value not in session


@pytest.mark.spec("VCI-15.4.3-01")
def test_an_authorization_request_says_nothing_of_the_wallet() -> None:
    served = world(Watch(set()))
    requests = [pushed(served) for _ in range(2)]
    for name in ("state", "code_challenge"):
        one, other = (each[name] for each in requests)
        assert len(one) >= 43
        assert one != other
    known = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT_URI,
        "scope": "pid",
        "issuer_state": STATE,
        "code_challenge_method": "S256",
        "state": "",
        "code_challenge": "",
    }
    assert all({**each, "state": "", "code_challenge": ""} == known for each in requests)


# --- whom it is given to (OID4VCI 13.3, 15.7) -----------------------------------------------------------------------------------


@pytest.mark.spec("VCI-13.3-04", "VCI-15.7-01")
def test_who_does_not_authenticate_gets_nothing() -> None:
    served = world(Watch(set()))
    published = served(Request("GET", SERVER_METADATA)).json()
    assert published["token_endpoint_auth_methods_supported"] == ["attest_jwt_client_auth"]
    granted = server_of(served).pre_authorize("ada", ["pid"], now=NOW)
    assert served.store.commit(granted.changes)
    form = {"grant_type": GRANT_TYPE, "pre-authorized_code": granted.grant.pre_authorized_code, "client_id": CLIENT}
    refused = served(Request("POST", TOKEN, {"content-type": FORM}, urlencode(form).encode()))
    assert (refused.status, refused.json()["error"]) == (401, "invalid_client")


# --- for how long ---------------------------------------------------------------------------------------------------------------

SECURITY = Path(__file__).parent.parent / "docs/explanation/security.md"
UNITS = {"s": 1, "days": 86_400, "day": 86_400, "hours": 3600, "": 1}
# What the page says of each, and where that is: a class and the names of its fields.
DEFAULTS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "pre-authorized code": (PreAuthorizedCodes, ("lifetime",)),
    "wrong transaction codes": (PreAuthorizedCodes, ("max_tx_code_attempts",)),
    "access token (Bearer)": (AuthorizationServer, ("access_token_lifetime",)),
    "access token bound to a DPoP key": (AuthorizationServer, ("bound_access_token_lifetime",)),
    "authorization code": (AuthorizationCodes, ("lifetime",)),
    "pushed request": (AuthorizationServer, ("request_uri_lifetime", "login_lifetime")),
    "refresh token": (RefreshTokens, ("lifetime", "grace")),
    "DPoP proof": (Dpop, ("max_age", "max_skew")),
    "nonce for DPoP proofs": (DpopNonces, ("lifetime",)),
    "proof of possession of an attestation": (ClientAttestation, ("max_age", "max_skew")),
    "challenge for attestations": (Challenges, ("lifetime",)),
    "`c_nonce`": (Nonces, ("lifetime",)),
    "age of a key proof": (JwtProofType, ("max_age", "max_skew")),
    "credential": (SdJwtVcEncoder, ("lifetime",)),
    "Status List Token": (StatusListSigner, ("lifetime", "ttl")),
    "notification id": (Notifications, ("lifetime",)),
}


def stated() -> dict[str, list[int]]:
    """The numbers of each row of the table, in seconds."""
    table = SECURITY.read_text().partition("## Lifetimes")[2].partition("\n\n|")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {what: [int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+) ?(s|days?|hours)?", text)] for what, text, _ in rows}


def test_everything_ends_as_it_is_documented() -> None:
    documented = stated()
    for what, (owner, names) in DEFAULTS.items():
        fields = attrs.fields_dict(owner)
        assert documented.pop(what)[: len(names)] == [fields[name].default for name in names], what
    # Not a setting, or one without a default.
    assert documented == {"offer by reference": [600], "metadata, in caches": [MAX_AGE], "deferred transaction": []}
    assert signature(Issuer.publish_offer).parameters["lifetime"].default == 600
    assert attrs.fields_dict(MdocEncoder)["lifetime"].default == attrs.fields_dict(SdJwtVcEncoder)["lifetime"].default
    # "lifetimes longer than 5 minutes are, in general, considered long lived" -- OID4VCI 13.10
    assert MAX_BEARER_LIFETIME == 300
