"""Processes that race on one store: each code is redeemed once, each nonce answered once, each guess counted."""

import multiprocessing
import time
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import TypeAlias

import pytest

from oid4vci.drive import Together, respond
from oid4vci.http import Request
from oid4vci.keys import LocalSigner
from oid4vci.records import Store
from tests.issuance import Host, Issuance, Proof, credential_request, issuance, order_of, token_request
from tests.lasting_stores import opened

PROCESSES = 8
ROUNDS = 12
# Seconds after which something is stuck; the whole takes a few.
PATIENCE = 120
ATTEMPTS = 3

Answer: TypeAlias = tuple[int, bytes]
Results: TypeAlias = "Queue[tuple[int, list[Answer]]]"


class LastingHost(Host):
    """The host of the other tests, with its records where other processes find them."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        # Set on the object, these go before the methods of the store in memory.
        self.load = store.load  # type: ignore[method-assign]
        self.commit = store.commit  # type: ignore[method-assign]


def _issuance(store: Store) -> Issuance:
    return issuance(codes={"max_tx_code_attempts": ATTEMPTS}, host=LastingHost(store))


def _process(number: int, url: str, now: int, requests: Sequence[Request], barrier: Barrier, results: Results) -> None:
    """Opens the store at the same time as all others, then answers one request after another, each together with the others."""
    barrier.wait(PATIENCE)
    with opened(url) as store:
        parts = _issuance(store)
        role, answers = Together([parts.issuer, parts.server]), []
        for request in requests:
            barrier.wait(PATIENCE)
            response = respond(role, request, parts.host, now=now)
            answers.append((response.status, response.body))
        results.put((number, answers))


def race(url: str, now: int, rounds: Sequence[Sequence[Request]]) -> list[list[Answer]]:
    """The answers of each round, in which every process sends one of the requests."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_process, args=(i, url, now, [each[i] for each in rounds], barrier, results), daemon=True)
        for i in range(PROCESSES)
    ]
    with ExitStack() as cleanup:
        for process in processes:
            process.start()
            cleanup.callback(process.close)
            cleanup.callback(process.join)
            cleanup.callback(process.terminate)
        answers = dict(results.get(timeout=PATIENCE) for _ in processes)
        for process in processes:
            process.join(PATIENCE)
        assert [process.exitcode for process in processes] == [0] * PROCESSES
    return [[answers[i][number] for i in range(PROCESSES)] for number in range(len(rounds))]


@pytest.fixture
def now() -> int:
    """The real time: a store may delete by its own clock."""
    return int(time.time())


@pytest.mark.spec("VCI-4.1.1-20", "VCI-13.6.1-01")
def test_a_code_is_redeemed_by_one_of_many_processes(store_url: str, now: int) -> None:
    with opened(store_url) as store:
        parts = _issuance(store)
        codes = [parts.grant(now=now) for _ in range(ROUNDS)]
        unknown = parts.send(token_request("unknown"), now=now)
    answers = race(store_url, now, [[token_request(code)] * PROCESSES for code in codes])
    for each in answers:
        assert sum(status == 200 for status, _ in each) == 1
        assert sum(answer == (unknown.status, unknown.body) for answer in each) == PROCESSES - 1


@pytest.mark.spec("VCI-13.8-01")
def test_a_nonce_serves_one_of_many_processes(store_url: str, now: int) -> None:
    holders = [LocalSigner.generate(f"holder-{i}") for i in range(PROCESSES)]
    rounds = []
    with opened(store_url) as store:
        parts = _issuance(store)
        for _ in range(ROUNDS):
            token, nonce = parts.token(now=now), parts.nonce(now=now)
            rounds.append(
                [credential_request(token, order_of(Proof(nonce, holder, claims={"iat": now}))) for holder in holders]
            )
    for each in race(store_url, now, rounds):
        assert sum(status == 200 for status, _ in each) == 1
        assert sum(status == 400 and b'"invalid_nonce"' in body for status, body in each) == PROCESSES - 1


@pytest.mark.spec("VCI-13.6.3-01", "VCI-13.6.3-02")
def test_guesses_are_counted_across_processes(store_url: str, now: int) -> None:
    with opened(store_url) as store:
        parts = _issuance(store)
        codes = [parts.grant(tx_code="1234", now=now) for _ in range(ROUNDS)]
        unknown = parts.send(token_request("unknown"), now=now)
    guesses = [[token_request(code, tx_code=f"000{i}") for i in range(PROCESSES)] for code in codes]
    right = [[token_request(code, tx_code="1234")] * PROCESSES for code in codes]
    answers = race(store_url, now, guesses + right)
    for each in answers[:ROUNDS]:
        assert sum(status == 400 and b"transaction code is wrong" in body for status, body in each) == ATTEMPTS
        assert sum(answer == (unknown.status, unknown.body) for answer in each) == PROCESSES - ATTEMPTS
    for each in answers[ROUNDS:]:
        assert each == [(unknown.status, unknown.body)] * PROCESSES
