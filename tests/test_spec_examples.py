"""The specification's own examples of Credential Requests and Responses, read by one role and written by the other (OID4VCI 8, 9).

Those of deferred issuance are in `test_deferred_vectors` too, and those of notifications in `test_notification_vectors`; what is
said there is not said again. Proofs and Credentials are placeholders in the examples: here are types and formats that take them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidTransactionId, Refused, UnknownCredentialConfiguration
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, Deferral
from oid4vci.keys import KeyReference, PublicKey, SigningInput, public_key
from oid4vci.metadata import AlgorithmIdentifier, CredentialConfiguration, ProofType
from oid4vci.notifications import Notifications
from oid4vci.proofs.di_vp import DiVpProofType
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import Expected, Intended, Proved
from oid4vci.revocation import StatusRef
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Order
from tests.deferrals import DEFERRED, LIFETIME, Deferring, deferring_metadata
from tests.issuance import CLAIMS, FixedEncoder, Issuance, encoders, issuance, issuer_metadata, refused, secret_keys
from tests.scripted_server import HOLDER_KEYS, METADATA_URL, NOW, TOKEN, Server, metadata, offer, ok, opened

FOLDERS = ("oid4vci-1.0", "oid4vci-1.0-errata1-draft")
ENDPOINT, DEFERRED_ENDPOINT = "https://server.example.com/credential", "https://server.example.com/deferred_credential"
NOTIFICATION = "https://server.example.com/notification"
MDL, DEGREE = "org.iso.18013.5.1.mDL", "CivilEngineeringDegree-2023"
REQUESTS = ("026", "027", "028")
RESPONSES = ("029", "030")
KEYS = tuple(public_key(signer.public_jwk) for signer in HOLDER_KEYS)


def example(vectors: Path, name: str, folder: str = FOLDERS[0]) -> dict[str, Any]:
    """An example; the errata have those that they change."""
    (file, *_) = (*(vectors / folder).glob(f"{name}-*.parsed.json"), *(vectors / FOLDERS[0]).glob(f"{name}-*.parsed.json"))
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def headers(printed: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in printed["headers"]}


def request_of(printed: Mapping[str, Any], **changed: str) -> Request:
    """A printed request, as a server gets it."""
    path = printed["start_line"].split()[1]
    return Request(printed["method"], path, {**headers(printed), **changed}, json.dumps(printed["body_json"]).encode())


def response_of(printed: Mapping[str, Any]) -> Response:
    """A printed response, as a Wallet gets it."""
    return Response(printed["status"], printed["headers"], json.dumps(printed["body_json"]).encode())


def same(response: Response, printed: Mapping[str, Any], **own: Any) -> None:
    """The response is the printed one, but for members that are its `own`."""
    assert response.status == printed["status"]
    assert headers(printed).items() <= dict(response.headers.pairs).items()
    assert response.json() == {**printed["body_json"], **own}


def written(request: Request, printed: Mapping[str, Any]) -> None:
    """The request is the printed one; the name of the scheme has no letter case."""
    start = printed["start_line"].split()
    assert (request.method, request.url) == (start[0], f"https://{headers(printed)['host']}{start[1]}")
    assert request.headers.all("content-type") == (headers(printed)["content-type"],)
    scheme, _, token = headers(printed)["authorization"].partition(" ")
    assert request.headers.all("authorization") == (f"{scheme.capitalize()} {token}",)
    assert request.json_object() == printed["body_json"]


# --- placeholders -----------------------------------------------------------------------------------------------------------------


@frozen
class TakenProofs:
    """As many keys as there are proofs."""

    count: int
    nonces: tuple[str | None, ...] = ()
    key_refs: tuple[KeyReference, ...] = ()
    status_refs: tuple[StatusRef, ...] = ()

    def verify(self, expected: Expected, **_: Any) -> Proved:
        return Proved(KEYS[: self.count])


@define
class AnyProof:
    """A proof type that takes whatever is printed, and a maker of it."""

    printed: list[Any] = field(factory=list)
    algorithms: Collection[AlgorithmIdentifier] = ("ES256",)
    validates_key_attestations: bool = False
    signs: bool = True
    dids_only: bool = False

    def read(self, proofs: Sequence[Any]) -> TakenProofs:
        self.printed = list(proofs)
        return TakenProofs(len(proofs))

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        return ("ES256",)

    def draft(self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None) -> "AnyProof":
        return self

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        return ()

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        return self.printed


@define
class AnyText:
    """A format of Credentials that are any text, each for a key of its own."""

    seen: list[Any] = field(factory=list)

    def verify(self, credential: Any, *, holder_keys: Sequence[PublicKey], **_: Any) -> VerifiedCredential:
        self.seen.append(credential)
        return VerifiedCredential("dc+sd-jwt", credential, {}, holder_key=holder_keys[len(self.seen) - 1])


def world(*credentials: str, proof_types: Mapping[str, Any] | None = None) -> Issuance:
    """An issuer that knows what the examples ask for, and issues what they show."""
    takes = {name: ProofType(proof_signing_alg_values_supported=("ES256",)) for name in ("jwt", "di_vp")}
    takes["di_vp"] = ProofType(proof_signing_alg_values_supported=("eddsa-jcs-2022",))
    known = CredentialConfiguration(
        format="x-object", cryptographic_binding_methods_supported=("jwk", "did:key"), proof_types_supported=takes
    )
    published = issuer_metadata(
        credential_endpoint=ENDPOINT,
        nonce_endpoint=None,
        notification_endpoint=NOTIFICATION,
        credential_configurations_supported={MDL: known, "degree": known},
    )
    fixed = FixedEncoder(tuple(credentials))
    return issuance(
        metadata=published,
        nonces=None,
        encoders={MDL: fixed, "degree": fixed},
        notifications=Notifications(secret_keys()),
        proof_types=proof_types or {"jwt": JwtProofType(), "di_vp": DiVpProofType()},
    )


def token_for(parts: Issuance, printed: Mapping[str, Any]) -> str:
    """A token for what a printed request asks for, with identifiers if it names one."""
    named = "credential_identifier" in printed["body_json"]
    granted = parts.grant("degree", datasets={"degree": [DEGREE]}) if named else parts.grant(MDL)
    token = parts.redeem(granted).json()["access_token"]
    assert isinstance(token, str)
    return token


# --- the Credential Request (8.2) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REQUESTS)
def test_the_issuer_reads_the_printed_request(vectors: Path, name: str) -> None:
    printed, types = example(vectors, name), {"jwt": AnyProof(), "di_vp": AnyProof(algorithms=("eddsa-jcs-2022",))}
    ((proof_type, proofs),) = printed["body_json"]["proofs"].items()
    texts = [f"credential {i}" for i in range(len(proofs))]
    parts = world(*texts, proof_types=types)
    scheme = headers(printed)["authorization"].split()[0]
    request = request_of(printed, authorization=f"{scheme} {token_for(parts, printed)}")
    answer = parts.send(request)
    assert (answer.status, [each["credential"] for each in answer.json()["credentials"]]) == (200, texts)
    assert types[proof_type].printed == proofs
    order = parts.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.identifier == printed["body_json"].get("credential_identifier")
    assert order.configuration_id == printed["body_json"].get("credential_configuration_id", "degree")


@pytest.mark.parametrize("name", REQUESTS)
def test_of_the_printed_request_nothing_but_the_placeholders_is_refused(vectors: Path, name: str) -> None:
    printed, parts = example(vectors, name), world("credential")
    request = request_of(printed, authorization=f"Bearer {token_for(parts, printed)}")
    refused(parts.send(request), "invalid_proof")
    # Whose token is none is not told as much.
    assert parts.send(request_of(printed)).status == 401


def issuer(printed: Mapping[str, Any], answers: Any, proof_type: str = "jwt", deferred: Sequence[Response] = ()) -> Server:
    """A scripted issuer with the endpoints and the token of the examples."""
    known = {
        "format": "dc+sd-jwt",
        "vct": "urn:printed",
        "cryptographic_binding_methods_supported": ["jwk"],
        "proof_types_supported": {proof_type: {"proof_signing_alg_values_supported": ["ES256"]}},
    }
    published = {
        **metadata(),
        "credential_endpoint": ENDPOINT,
        "deferred_credential_endpoint": DEFERRED_ENDPOINT,
        "notification_endpoint": NOTIFICATION,
        "credential_configurations_supported": {MDL: known},
    }
    token: dict[str, Any] = {"access_token": headers(printed)["authorization"].split()[1], "token_type": "Bearer"}
    if identifier := printed["body_json"].get("credential_identifier"):
        detail = {"type": "openid_credential", "credential_configuration_id": MDL, "credential_identifiers": [identifier]}
        token["authorization_details"] = [detail]
    return Server({METADATA_URL: ok(published), TOKEN: ok(token), ENDPOINT: answers, DEFERRED_ENDPOINT: list(deferred)})


def submitted(server: Server, count: int, proof_type: str = "jwt", proofs: Sequence[Any] = ("a", "b")) -> Issued | Deferred:
    """What a Wallet gets that sends these proofs for as many keys."""
    settings: dict[str, Any] = {
        "trust": Trust(allow=lambda url: True),
        "proof_makers": {proof_type: AnyProof(list(proofs)[:count])},
        "formats": {"dc+sd-jwt": AnyText()},
    }
    document = {**offer(), "credential_configuration_ids": [MDL]}
    order = run(run(opened(server, document, **settings).redeem(now=NOW), server).order(MDL), server)
    assert isinstance(order, Order)
    result = run(order.prove(HOLDER_KEYS[:count], now=NOW).submit(), server)
    assert isinstance(result, Issued | Deferred)
    return result


@pytest.mark.parametrize("name", REQUESTS)
def test_the_wallet_writes_the_printed_request(vectors: Path, name: str) -> None:
    printed = example(vectors, name)
    ((proof_type, proofs),) = printed["body_json"]["proofs"].items()
    server = issuer(printed, response_of(example(vectors, "029")), proof_type)
    submitted(server, len(proofs), proof_type, proofs)
    (request,) = server.to(ENDPOINT)
    written(request, printed)


# --- the Credential Response (8.3) ------------------------------------------------------------------------------------------------


def texts_of(printed: Mapping[str, Any]) -> list[str]:
    return [each["credential"] for each in printed["body_json"]["credentials"]]


@pytest.mark.parametrize("name", RESPONSES)
def test_the_issuer_writes_the_printed_response(vectors: Path, name: str) -> None:
    printed, asked = example(vectors, name), example(vectors, "026")
    texts = texts_of(printed)
    parts = world(*texts, proof_types={"jwt": AnyProof(), "di_vp": AnyProof(algorithms=("eddsa-jcs-2022",))})
    body = {**asked["body_json"], "proofs": {"jwt": ["x"] * len(texts)}}
    request = request_of({**asked, "body_json": body}, authorization=f"Bearer {token_for(parts, asked)}")
    answer = parts.send(request)
    # Ours has an id wherever there is a Notification Endpoint.
    same(answer, printed, notification_id=answer.json()["notification_id"])


@pytest.mark.parametrize("name", [*RESPONSES, "034"])
def test_the_wallet_reads_the_printed_response(vectors: Path, name: str) -> None:
    printed, asked = example(vectors, name), example(vectors, "026")
    result = submitted(issuer(asked, response_of(printed)), len(texts_of(printed)))
    assert isinstance(result, Issued)
    assert [each.credential for each in result.credentials] == texts_of(printed)
    assert result.notification_id == printed["body_json"].get("notification_id")
    assert result.can_notify == ("notification_id" in printed["body_json"])


def test_the_issuer_writes_the_printed_error(vectors: Path) -> None:
    printed, asked = example(vectors, "032"), example(vectors, "026")
    parts = world("credential")
    other = {**asked, "body_json": {**asked["body_json"], "credential_configuration_id": "unknown"}}
    answer = parts.send(request_of(other, authorization=f"Bearer {token_for(parts, asked)}"))
    same(answer, printed, error_description=answer.json()["error_description"])
    same(UnknownCredentialConfiguration().reply.response, printed)


def test_the_wallet_reads_the_printed_error(vectors: Path) -> None:
    printed, asked = example(vectors, "032"), example(vectors, "026")
    with pytest.raises(Refused) as caught:
        submitted(issuer(asked, response_of(printed)), 1)
    assert (caught.value.error, caught.value.status) == (printed["body_json"]["error"], printed["status"])
    assert caught.value.advice is Advice.GIVE_UP


# --- deferred issuance (8.3, 9) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_wallet_defers_and_polls_as_is_printed(vectors: Path, folder: str) -> None:
    promised, asked, ready, again = (example(vectors, name, folder) for name in ("031", "033", "034", "035"))
    server = issuer(asked, response_of(promised), deferred=[response_of(again), response_of(ready)])
    deferred = submitted(server, 2)
    now = NOW
    for printed in (promised, again):
        assert isinstance(deferred, Deferred)
        assert (deferred.transaction_id, deferred.interval) == tuple(printed["body_json"].values())
        now += int(deferred.interval)
        result = run(deferred.poll(now=now), server)
        if isinstance(result, Deferred):
            deferred = result
    assert isinstance(result, Issued)
    assert [each.credential for each in result.credentials] == texts_of(ready)
    assert result.notification_id == ready["body_json"]["notification_id"]
    for request in server.to(DEFERRED_ENDPOINT):
        written(request, asked)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_issuer_promises_repeats_and_keeps_as_is_printed(vectors: Path, folder: str) -> None:
    promised, asked, ready, again, over = (example(vectors, name, folder) for name in ("031", "033", "034", "035", "036"))
    (text, *_) = texts_of(ready)
    host = Deferring(lambda order: order.wait(interval=86_400) if order.now == NOW + 1 else order.issue(CLAIMS))
    published = deferring_metadata(notification_endpoint=NOTIFICATION)
    parts = issuance(
        host=host,
        metadata=published,
        deferral=Deferral(LIFETIME),
        encoders={**encoders(), "object": FixedEncoder((text,))},
        notifications=Notifications(secret_keys()),
    )
    token = parts.token("object")
    answer = parts.credential(token, {"credential_configuration_id": "object"})
    transaction_id = answer.json()["transaction_id"]
    same(answer, promised, transaction_id=transaction_id)

    def poll(now: int) -> Response:
        body = json.dumps({**asked["body_json"], "transaction_id": transaction_id}).encode()
        fields = {**headers(asked), "authorization": f"Bearer {token}"}
        return parts.send(Request(asked["method"], DEFERRED, fields, body), now=now)

    same(poll(NOW + 1), again, transaction_id=transaction_id)
    answer = poll(NOW + 2)
    # One Credential is asked for without keys.
    same(answer, ready, credentials=[{"credential": text}], notification_id=answer.json()["notification_id"])
    answer = poll(NOW + 3)
    same(answer, over, error_description=answer.json()["error_description"])
    same(InvalidTransactionId().reply.response, over)
