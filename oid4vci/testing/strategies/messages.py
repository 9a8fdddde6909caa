"""Requests and responses: valid, each with members or parameters that nobody knows."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from oid4vci import _json
from oid4vci.http import Request
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.proof_type import Intended
from oid4vci.testing.strategies.documents import HOLDERS, SECRETS, authorization_details
from oid4vci.testing.strategies.values import NAMES, SMALL, TEXT, WORDS, Json, json_objects, st

__all__ = (
    "credential_requests",
    "credential_responses",
    "deferred_responses",
    "nonce_responses",
    "token_requests",
    "token_responses",
)

MAX_PROOFS = 3
_ACCESS_TOKENS = st.from_regex(r"[A-Za-z0-9._~+/-]{1,24}={0,2}", fullmatch=True)


@st.composite
def token_requests(draw: st.DrawFn, token_endpoint: str, *, resources: Sequence[str] = ()) -> Request:
    """Token Requests with a Pre-Authorized Code (OID4VCI 6.1), for one of these `resources` or none, with unknown parameters."""
    form: dict[str, str] = draw(st.dictionaries(NAMES.map("x_".__add__), TEXT, max_size=2))
    optional: Mapping[str, st.SearchStrategy[str]] = {
        "tx_code": SECRETS,
        "client_id": SECRETS,
        "authorization_details": authorization_details().map(lambda details: _json.dumps([each.to_json() for each in details])),
        **({"resource": st.sampled_from(resources)} if resources else {}),
    }
    form |= {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": draw(SECRETS)}
    form |= {name: draw(values) for name, values in optional.items() if draw(st.booleans())}
    pairs = draw(st.permutations(sorted(form.items())))
    return Request("POST", token_endpoint, {"content-type": "application/x-www-form-urlencoded"}, urlencode(pairs).encode())


def _responses(
    required: Mapping[str, st.SearchStrategy[Any]], optional: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Json]:
    unknown = st.dictionaries(NAMES.map("x_".__add__), SMALL, max_size=1)
    return st.builds(
        lambda known, more: {**known, **more}, st.fixed_dictionaries(dict(required), optional=dict(optional)), unknown
    )


def token_responses() -> st.SearchStrategy[Json]:
    """Bodies of Token Responses (OID4VCI 6.2), with unknown members."""
    details = authorization_details(identified=True).map(lambda details: [each.to_json() for each in details])
    return _responses(
        {"access_token": _ACCESS_TOKENS, "token_type": st.sampled_from(["Bearer", "bearer"])},
        {"expires_in": st.integers(0, 10**6), "refresh_token": SECRETS, "authorization_details": details},
    )


def nonce_responses() -> st.SearchStrategy[Json]:
    """Bodies of Nonce Responses (OID4VCI 7.2), with unknown members."""
    return _responses({"c_nonce": WORDS}, {})


@st.composite
def credential_requests(
    draw: st.DrawFn,
    metadata: CredentialIssuerMetadata,
    configuration_id: str,
    *,
    access_token: str,
    c_nonce: str | None,
    now: int,
    client_id: str | None = None,
    credential_identifier: str | None = None,
) -> Request:
    """Credential Requests (OID4VCI 8.2) with unknown members, and with `jwt` proofs if the configuration takes some.

    The proofs are made with ES256 by distinct keys of `HOLDERS`. With a `credential_identifier` it is what they ask for.
    """
    body: Json = draw(st.dictionaries(NAMES.map("x_".__add__), SMALL, max_size=1))
    if credential_identifier is None:
        body["credential_configuration_id"] = configuration_id
    else:
        body["credential_identifier"] = credential_identifier
    if metadata.credential_configurations_supported[configuration_id].proof_types_supported is not None:
        most = min(metadata.batch_size, MAX_PROOFS)
        signers = draw(st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=most, unique_by=id))
        intended = Intended(audience=metadata.credential_issuer, client_id=client_id, nonce=c_nonce, now=now)
        body["proofs"] = {"jwt": JwtProofMaker().draft([HolderKey(each) for each in signers], intended).finish()}
    headers = {"content-type": "application/json", "authorization": f"Bearer {access_token}"}
    return Request("POST", metadata.credential_endpoint, headers, _json.dump_bytes(body))


def credential_responses() -> st.SearchStrategy[Json]:
    """Bodies of Credential Responses with Credentials (OID4VCI 8.3), with unknown members."""
    credentials = _responses({"credential": WORDS | json_objects()}, {})
    return _responses({"credentials": st.lists(credentials, min_size=1, max_size=3)}, {"notification_id": WORDS})


def deferred_responses() -> st.SearchStrategy[Json]:
    """Bodies of Credential Responses without Credentials (OID4VCI 8.3), with unknown members."""
    return _responses({"transaction_id": WORDS, "interval": st.integers(1, 10**6) | st.floats(0.5, 10**6)}, {})
