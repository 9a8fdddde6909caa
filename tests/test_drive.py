"""The drivers: whole exchanges in either colour, and what they do when the store says no."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from oid4vci.drive import ATTEMPTS, Draft, Together, arespond, arun, respond, run
from oid4vci.errors import NotFound, TemporarilyUnavailable
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Swap
from oid4vci.wallet import Order, Session
from tests.issuance import (
    ISSUER_METADATA,
    NONCE,
    NOW,
    SERVER_METADATA,
    Host,
    Issuance,
    Proof,
    credential_request,
    encoders,
    issuance,
    order_of,
    refused,
    token_request,
)
from tests.scripted_server import NOW as WALLET_NOW
from tests.scripted_server import TOKEN, Server, ok, opened
from tests.wallet_clients import BOUND, DPOP, INSTANCE, attestation, remote, server, sign, wants_nonce


class Colourless(Host):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def load(self, keys: Sequence[Key], /) -> Records:
        self.calls.append("load")
        return super().load(keys)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        self.calls.append("resolve")
        return super().resolve(references)

    def decide(self, order: Any, /) -> Draft | Reply:
        self.calls.append("decide")
        return super().decide(order)

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        self.calls.append("sign")
        return super().sign(inputs)

    def commit(self, changes: Sequence[Change], /) -> bool:
        self.calls.append("commit")
        return super().commit(changes)


class AsyncHost:
    """The same host, awaited."""

    def __init__(self, host: Host) -> None:
        self.host = host

    async def load(self, keys: Sequence[Key], /) -> Records:
        await asyncio.sleep(0)
        return self.host.load(keys)

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        await asyncio.sleep(0)
        return self.host.resolve(references)

    async def decide(self, order: Any, /) -> Draft | Reply:
        await asyncio.sleep(0)
        return self.host.decide(order)

    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        await asyncio.sleep(0)
        return self.host.sign(inputs)

    async def commit(self, changes: Sequence[Change], /) -> bool:
        await asyncio.sleep(0)
        return self.host.commit(changes)


def send(world: Issuance, request: Request, colour: str) -> Response:
    role = Together([world.issuer, world.server])
    if colour == "sync":
        return respond(role, request, world.host, now=NOW)
    return asyncio.run(arespond(role, request, AsyncHost(world.host), now=NOW))


COLOURS = pytest.mark.parametrize("colour", ["sync", "async"])


@COLOURS
def test_a_whole_issuance(colour: str) -> None:
    host = Colourless()
    world = issuance(host=host, encoders=encoders(host.remote_signer))
    granted = world.grant("note", tx_code="1234")
    host.calls.clear()
    token = send(world, token_request(granted, tx_code="1234"), colour).json()["access_token"]
    assert host.calls == ["load", "decide", "commit"]
    host.calls.clear()
    nonce = send(world, Request("POST", NONCE), colour).json()["c_nonce"]
    assert host.calls == []
    assert send(world, credential_request(token, order_of(Proof(nonce))), colour).status == 200
    assert host.calls == ["load", "decide", "sign", "commit"]
    host.calls.clear()
    # Where nothing is to be written nothing is committed.
    refused(send(world, credential_request(token, order_of(Proof(nonce))), colour), "invalid_nonce")
    assert host.calls == ["load"]


@COLOURS
def test_a_refusal_that_has_a_change_is_committed(colour: str) -> None:
    world = issuance()
    granted = world.grant("note", tx_code="1234")
    refused(send(world, token_request(granted, tx_code="0000"), colour), "invalid_grant")
    assert world.host.rows[granted.key].data["wrong_tx_codes"] == 1


@COLOURS
def test_roles_are_found_by_path(colour: str) -> None:
    world = issuance()
    assert "credential_issuer" in send(world, Request("GET", ISSUER_METADATA), colour).json()
    assert "token_endpoint" in send(world, Request("GET", SERVER_METADATA), colour).json()
    refused(send(world, Request("GET", "/elsewhere"), colour), "not_found", status=404)


def test_together_serves_what_one_of_them_serves() -> None:
    world = issuance()
    both = Together([world.issuer, world.server])
    assert both.serves("/tenant/token")
    assert both.serves("/tenant/nonce")
    assert not both.serves("/")
    with pytest.raises(NotFound):
        both.read(Request("GET", "/"))
    with pytest.raises(NotFound):
        world.issuer.read(Request("POST", "/tenant/token"))


class Racing(Host):
    """Before the first commit of a decision, `first` is committed: another process was faster."""

    first: Sequence[Change] = ()

    def commit(self, changes: Sequence[Change], /) -> bool:
        if self.first:
            first, self.first = self.first, ()
            assert super().commit(first)
        return super().commit(changes)


@COLOURS
def test_the_slower_of_two_token_requests_sees_the_used_code_by_itself(colour: str) -> None:
    host = Racing()
    world = issuance(host=host)
    granted = world.grant("note")
    call = world.server.read_token_request(token_request(granted))
    host.first = call.verify(host.load(call.lookups), now=NOW).issue().finish().changes
    refused(send(world, token_request(granted), colour), "invalid_grant")
    assert len(host.orders) == 1
    assert host.rows[granted.key].version == 1


@COLOURS
def test_the_slower_of_two_credential_requests_sees_the_spent_nonce_by_itself(colour: str) -> None:
    host = Racing()
    world = issuance(host=host)
    token, nonce = world.token("note"), world.nonce()
    host.first = [Insert(Record(Key.of("c_nonce", nonce), {}, NOW + 300))]
    before = len(host.orders)
    refused(send(world, credential_request(token, order_of(Proof(nonce))), colour), "invalid_nonce")
    assert len(host.orders) == before + 1


@COLOURS
def test_a_wrong_transaction_code_is_counted_however_many_come_at_once(colour: str) -> None:
    host = Racing()
    world = issuance(host=host)
    granted = world.grant("note", tx_code="1234")
    wrong = token_request(granted, tx_code="0000")
    other = issuance(host=Host())
    assert other.host.commit(granted.changes)
    refused(other.send(wrong), "invalid_grant")
    stored = other.host.rows[granted.key]
    host.first = [Swap(host.rows[granted.key], stored)]
    refused(send(world, wrong, colour), "invalid_grant")
    assert host.rows[granted.key].data["wrong_tx_codes"] == 2


class Refusing(Host):
    tries = 0

    def commit(self, changes: Sequence[Change], /) -> bool:
        self.tries += 1
        return False


@COLOURS
def test_a_store_that_always_says_no_is_unavailable(colour: str) -> None:
    world = issuance()
    granted = world.grant("note")
    busy = Refusing()
    busy._rows.update(world.host._rows)
    stuck = issuance(host=busy)
    response = send(stuck, token_request(granted), colour)
    assert response.status == 503
    assert response.headers.get("retry-after") == "1"
    assert response.headers.get("cache-control") == "no-store"
    assert json.loads(response.body) == {"error": "temporarily_unavailable"}
    assert busy.tries == ATTEMPTS == len(busy.orders)
    assert world.redeem(granted).status == 200


@COLOURS
@pytest.mark.parametrize("step", ["load", "decide", "commit"])
def test_a_host_that_cannot_go_on_now_says_so_at_any_step(colour: str, step: str) -> None:
    class Away(Host):
        away = False

    def unless_away(self: Away, *arguments: Any) -> Any:
        if self.away:
            raise TemporarilyUnavailable("the store cannot be reached")
        return getattr(Host, step)(self, *arguments)

    setattr(Away, step, unless_away)
    host = Away()
    world = issuance(host=host)
    granted, before = world.grant("note"), host.rows
    host.away = True
    response = send(world, token_request(granted), colour)
    assert (response.status, json.loads(response.body)["error"]) == (503, "temporarily_unavailable")
    host.away = False
    assert host.rows == before
    assert send(world, token_request(granted), colour).status == 200


@COLOURS
def test_what_the_application_raises_is_not_hidden_and_consumes_nothing(colour: str) -> None:
    class Broken(Host):
        def decide(self, order: Any, /) -> Draft | Reply:
            if isinstance(order, CredentialOrder):
                raise LookupError("the database is gone")  # noqa: TRY004
            return super().decide(order)

    world = issuance(host=Broken())
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    with pytest.raises(LookupError, match="gone"):
        send(world, credential_request(token, order_of(Proof(nonce))), colour)
    assert world.host.rows == before


@COLOURS
def test_a_signature_service_that_answers_wrongly_is_the_applications_fault(colour: str) -> None:
    class Wrong(Host):
        def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
            return [b"short"]

    host = Wrong()
    world = issuance(host=host, encoders=encoders(host.remote_signer))
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    with pytest.raises(ValueError, match="64 bytes"):
        send(world, credential_request(token, order_of(Proof(nonce))), colour)
    assert world.host.rows == before


def carried(start: Any, script: Server, colour: str, signer: Callable[[Any], list[bytes]] | None) -> Any:
    """An exchange of the Wallet, carried through in one colour."""
    if colour == "sync":
        return run(start, script, sign=signer)

    async def asend(request: Request) -> Response:
        await asyncio.sleep(0)
        return script(request)

    async def asign(inputs: Sequence[SigningInput]) -> Sequence[bytes]:
        await asyncio.sleep(0)
        assert signer is not None
        return signer(inputs)

    return asyncio.run(arun(start, asend, sign=None if signer is None else asign))


@COLOURS
def test_a_wallet_whose_keys_are_elsewhere(colour: str) -> None:
    asked: list[list[str]] = []

    def counted(inputs: Sequence[SigningInput]) -> list[bytes]:
        asked.append([each.key_id for each in inputs])
        return sign(inputs)

    script = server({TOKEN: [wants_nonce("n"), ok(BOUND)]})
    redeeming = opened(script).redeem(now=WALLET_NOW, dpop=remote(DPOP), authentication=attestation(remote(INSTANCE)))
    session = carried(redeeming, script, colour, counted)
    assert isinstance(session, Session)
    assert asked == [["instance", "dpop"]] * 2
    # Nothing to sign: nobody is asked.
    assert isinstance(carried(session.order("pid"), script, colour, counted), Order)
    assert len(asked) == 2
    assert carried(session, script, colour, None) is session


@COLOURS
def test_a_wallet_with_nobody_to_sign(colour: str) -> None:
    script = server()
    with pytest.raises(ValueError, match="signed first"):
        carried(opened(script).redeem(now=WALLET_NOW, dpop=remote(DPOP)), script, colour, None)


@COLOURS
@pytest.mark.parametrize("answer", [[], [b"short"], [b"0" * 64] * 2])
def test_a_wallets_signature_service_that_answers_wrongly(colour: str, answer: list[bytes]) -> None:
    script = server()
    with pytest.raises(ValueError, match="signature"):
        carried(opened(script).redeem(now=WALLET_NOW, dpop=remote(DPOP)), script, colour, lambda inputs: answer)
    assert script.to(TOKEN) == []
