"""The drivers ask a host what was revoked, if it can tell and if there is anything to ask."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import frozen

from oid4vci.drive import AsyncStatusHost, StatusHost, arespond, respond
from oid4vci.errors import InvalidProof
from oid4vci.http import Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, public_key
from oid4vci.metadata import CredentialConfiguration, ProofType
from oid4vci.proofs.proof_type import Expected, Proved
from oid4vci.revocation import Statuses, StatusRef, StatusReference
from tests.issuance import NOW, Host, Issuance, credential_request, encoders, issuance, issuer_metadata, refused

REFERENCE = StatusReference("https://provider.example/status/1", 7)
HOLDER = public_key(LocalSigner.generate("holder").public_jwk)


@frozen
class Vouched:
    """Proofs of a third party: a nonce each, and a status that must be known."""

    nonces: tuple[str | None, ...]
    key_refs: tuple[KeyReference, ...] = ()
    status_refs: tuple[StatusRef, ...] = (REFERENCE,)

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        if statuses.get(REFERENCE) != 0:
            raise InvalidProof("was revoked")
        return Proved((HOLDER,))


class VouchedProofType:
    algorithms: tuple[str, ...] = ("x-none",)
    validates_key_attestations = False

    def read(self, proofs: Sequence[Any]) -> Vouched:
        return Vouched(tuple(proofs))


class Knowing(Host):
    """Knows the status of the one reference, or nothing."""

    def __init__(self, known: Statuses) -> None:
        super().__init__()
        self.known = known
        self.asked_statuses: list[StatusRef] = []

    def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses:
        self.asked_statuses += references
        return self.known


class Async:
    """The same host, awaited."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._host, name)

        async def awaited(*arguments: Any) -> Any:
            return method(*arguments)

        return awaited


def world(host: Host) -> Issuance:
    configuration = CredentialConfiguration(
        format="x-note",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"x-vouched": ProofType(proof_signing_alg_values_supported=("x-none",))},
    )
    badge = CredentialConfiguration(format="x-note")
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported={"note": configuration, "badge": badge}),
        encoders={name: encoders()[name] for name in ("note", "badge")},
        proof_types={"x-vouched": VouchedProofType()},
        host=host,
    )


def ask(there: Issuance, *, awaited: bool, configuration_id: str = "note") -> Response:
    proofs = {"proofs": {"x-vouched": [there.nonce()]}} if configuration_id == "note" else {}
    body = {"credential_configuration_id": configuration_id, **proofs}
    request = credential_request(there.token(configuration_id), body)
    if not awaited:
        return respond(there.issuer, request, there.host, now=NOW)
    return asyncio.run(arespond(there.issuer, request, Async(there.host), now=NOW))


@pytest.mark.parametrize("awaited", [False, True])
def test_a_host_is_asked_once_for_what_a_request_names(awaited: bool) -> None:
    host = Knowing({REFERENCE: 0})
    assert ask(world(host), awaited=awaited).status == 200
    assert host.asked_statuses == [REFERENCE]


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("known", [{}, {REFERENCE: 1}, {StatusReference(REFERENCE.uri, 8): 0}])
def test_what_is_revoked_or_not_known_is_refused(known: Statuses, awaited: bool) -> None:
    refused(ask(world(Knowing(known)), awaited=awaited), "invalid_proof")


def test_of_a_host_that_cannot_tell_nothing_is_known() -> None:
    refused(ask(world(Host()), awaited=False), "invalid_proof")


@pytest.mark.parametrize("awaited", [False, True])
def test_a_request_that_names_nothing_is_not_asked_about(awaited: bool) -> None:
    host = Knowing({})
    assert ask(world(host), awaited=awaited, configuration_id="badge").status == 200
    assert host.asked_statuses == []


def test_who_is_asked() -> None:
    assert isinstance(Knowing({}), StatusHost)
    assert not isinstance(Host(), StatusHost)
    assert isinstance(Async(Knowing({})), AsyncStatusHost)


def test_keys_are_what_the_proofs_brought() -> None:
    there = world(Knowing({REFERENCE: 0}))
    ask(there, awaited=False)
    (order,) = [each for each in there.host.orders if isinstance(each, CredentialOrder)]
    assert order.holder_keys == (HOLDER,)
    assert order.key_attestations == ()
    refused(order.reject_proofs("a better key is needed").response, "invalid_proof")
