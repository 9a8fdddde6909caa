"""Processes that race on one SQLite file: each code is redeemed once, each nonce answered once, each guess counted."""

import multiprocessing
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TypeAlias

import pytest

from examples.sqlite_store import SqliteStore
from oid4vci.drive import Together, respond
from oid4vci.http import Request
from oid4vci.keys import LocalSigner
from tests.issuance import NOW, Host, Issuance, Proof, credential_request, issuance, order_of, token_request

PROCESSES = 8
ROUNDS = 12
# Seconds after which something is stuck; the whole takes a few.
PATIENCE = 120
ATTEMPTS = 3

Answer: TypeAlias = tuple[int, bytes]
Results: TypeAlias = "Queue[tuple[int, list[Answer]]]"


class SqliteHost(Host):
    """The host of the other tests, with its records in a file."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__()
        self.store = store
        # Set on the object, these go before the methods of the store in memory.
        self.load = store.load  # type: ignore[method-assign]
        self.commit = store.commit  # type: ignore[method-assign]


def _issuance(store: SqliteStore) -> Issuance:
    return issuance(codes={"max_tx_code_attempts": ATTEMPTS}, host=SqliteHost(store))


def _process(number: int, path: Path, requests: Sequence[Request], barrier: Barrier, results: Results) -> None:
    """Opens the file at the same time as all others, then answers one request after another, each together with the others."""
    barrier.wait(PATIENCE)
    with SqliteStore(path) as store:
        parts = _issuance(store)
        role, answers = Together([parts.issuer, parts.server]), []
        for request in requests:
            barrier.wait(PATIENCE)
            response = respond(role, request, parts.host, now=NOW)
            answers.append((response.status, response.body))
        results.put((number, answers))


def race(path: Path, rounds: Sequence[Sequence[Request]]) -> list[list[Answer]]:
    """The answers of each round, in which every process sends one of the requests."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_process, args=(i, path, [each[i] for each in rounds], barrier, results), daemon=True)
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


@pytest.mark.spec("VCI-4.1.1-20", "VCI-13.6.1-01")
def test_a_code_is_redeemed_by_one_of_many_processes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        parts = _issuance(store)
        codes = [parts.grant() for _ in range(ROUNDS)]
        unknown = parts.send(token_request("unknown"))
    answers = race(path, [[token_request(code)] * PROCESSES for code in codes])
    for each in answers:
        assert sum(status == 200 for status, _ in each) == 1
        assert sum(answer == (unknown.status, unknown.body) for answer in each) == PROCESSES - 1


@pytest.mark.spec("VCI-13.8-01")
def test_a_nonce_serves_one_of_many_processes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    holders = [LocalSigner.generate(f"holder-{i}") for i in range(PROCESSES)]
    rounds = []
    with SqliteStore(path) as store:
        parts = _issuance(store)
        for _ in range(ROUNDS):
            token, nonce = parts.token(), parts.nonce()
            rounds.append([credential_request(token, order_of(Proof(nonce, holder))) for holder in holders])
    for each in race(path, rounds):
        assert sum(status == 200 for status, _ in each) == 1
        assert sum(status == 400 and b'"invalid_nonce"' in body for status, body in each) == PROCESSES - 1


@pytest.mark.spec("VCI-13.6.3-01", "VCI-13.6.3-02")
def test_guesses_are_counted_across_processes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        parts = _issuance(store)
        codes = [parts.grant(tx_code="1234") for _ in range(ROUNDS)]
        unknown = parts.send(token_request("unknown"))
    guesses = [[token_request(code, tx_code=f"000{i}") for i in range(PROCESSES)] for code in codes]
    right = [[token_request(code, tx_code="1234")] * PROCESSES for code in codes]
    answers = race(path, guesses + right)
    for each in answers[:ROUNDS]:
        assert sum(status == 400 and b"transaction code is wrong" in body for status, body in each) == ATTEMPTS
        assert sum(answer == (unknown.status, unknown.body) for answer in each) == PROCESSES - ATTEMPTS
    for each in answers[ROUNDS:]:
        assert each == [(unknown.status, unknown.body)] * PROCESSES
