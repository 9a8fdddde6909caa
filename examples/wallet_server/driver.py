"""Drives runs: each is a task, its steps go to threads, between them it waits for a person, a code, or the time to ask again."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, Final, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import define, field

from examples.wallet.promises import Promises
from examples.wallet_server.asked import Asked
from examples.wallet_server.flow import Flow
from examples.wallet_server.outbound import Outbound, Unreachable
from examples.wallet_server.run import DEFERRED, FOR_PERSON, FOR_TX_CODE, RUNNING, Run
from examples.wallet_server.runs import Runs
from examples.wallet_server.saved_runs import SavedRuns
from examples.wallet_server.setting_up import Setup
from oid4vci.errors import TxCodeRequired, WalletError, WrongTxCode
from oid4vci.http import Form, Request, Response
from oid4vci.wallet import Authorizing, Exchange, Opened, Session

__all__ = ("Driver", "NotWaiting")

log = logging.getLogger("wallet_server")
T = TypeVar("T")
ATTEMPTS: Final = 3
GRACE: Final = 5


class NotWaiting(Exception):
    """Nobody waits for this."""


@define(eq=False)
class Waiter:
    """Somebody is waited for: a person at `pending`, or whoever has the transaction code."""

    flow: Flow
    pending: Authorizing | None = None
    event: anyio.Event = field(factory=anyio.Event)
    given: Any = field(default=None, repr=False)

    def give(self, given: Any) -> None:
        """What was waited for, or the error that came instead: nobody is waited for from now on."""
        self.given = given
        self.flow.run.becomes(RUNNING)
        self.event.set()


@define
class Driver:
    """All that is under way. `tasks` is there while the application runs."""

    setup: Setup
    runs: Runs
    saved: SavedRuns
    outbound: Outbound
    tasks: TaskGroup | None = None
    _limiter: anyio.CapacityLimiter = field(init=False)
    _waiters: dict[str, Waiter] = field(factory=dict, init=False, repr=False)
    _watching: set[anyio.CancelScope] = field(factory=set, init=False, repr=False)
    _parting: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(self.setup.settings.parallel)

    # --- what comes from outside ----------------------------------------------------------------------------------------------

    def begin(self, asked: Asked) -> Run:
        """Begin a run. Raises `TooManyRuns`."""
        run = self.runs.new()
        self._start(self._carried, run, lambda flow: self._issuance(flow, asked))
        return run

    def take_up(self) -> None:
        """Go on with the runs that were saved."""
        for run, promises in self.saved.load(self.setup.wallet, self._keep):
            self.runs.add(run)
            self._start(self._carried, run, self._collecting, promises)

    def came_back(self, request: Request) -> None:
        """The browser is at the redirect URI. Raises `NotWaiting`, `ValueError`, and the `WalletError` that ends the run by it."""
        state = Form.parse(request.query).get("state")
        waiter = next((each for each in self._waiters.values() if each.pending and each.pending.state == state), None)
        if waiter is None or waiter.pending is None or waiter.event.is_set():
            raise NotWaiting
        url = f"{self.setup.redirect_uri}?{request.query}"
        try:
            waiter.give(waiter.flow.callback(waiter.pending, url))
        except (WalletError, ValueError) as error:
            # "a wrong or missing iss": whoever sent the browser is not the server that was asked, or it is under attack.
            waiter.give(error)
            raise

    def tx_code(self, run: Run, tx_code: str) -> None:
        """The transaction code of a run. Raises `NotWaiting`."""
        waiter = self._waiters.get(run.id)
        if waiter is None or run.state != FOR_TX_CODE or waiter.event.is_set():
            raise NotWaiting
        waiter.give(tx_code)

    async def watch(self, run: Run, seconds: float) -> None:
        """Wait until a run is over or somebody has to do something, at most that long; not while the server comes to its end."""
        if self._parting:
            return
        with anyio.CancelScope() as scope:
            self._watching.add(scope)
            try:
                await run.wait(seconds)
            finally:
                self._watching.discard(scope)

    def part(self) -> None:
        """The server comes to its end: nobody watches a run any more."""
        self._parting = True
        for scope in self._watching:
            scope.cancel()

    async def stop(self) -> None:
        """Let the steps that are being taken come to their end, for a few seconds, then stop everything."""
        with anyio.move_on_after(GRACE):
            while self._limiter.borrowed_tokens:
                await anyio.sleep(0.05)
        if self.tasks is not None:
            self.tasks.cancel_scope.cancel()

    # --- runs -----------------------------------------------------------------------------------------------------------------

    def _start(self, *task: Any) -> None:
        if self.tasks is None:
            raise RuntimeError("the application is not running")
        self.tasks.start_soon(*task)

    def _keep(self, run: Run) -> Callable[[Promises], None]:
        def keep(promises: Promises) -> None:
            run.deferred = [
                {"configuration_id": each.deferred.configuration_id, "ready_at": each.deferred.ready_at}
                for each in promises.left
            ]
            self.saved.write(run, promises)

        return keep

    async def _carried(self, run: Run, course: Callable[[Flow], Any], promises: Promises | None = None) -> None:
        """Carry a run to its end, whatever that is."""
        flow = Flow(run, self.setup, self._send, self._keep(run), self._pause)
        error: Exception | None = None
        if promises is not None:
            flow.keys, flow.promises = promises.keys, promises
        try:
            await course(flow)
        except CancelledError:
            # The server stops, and a thread was waiting for an answer. What was promised is in its file.
            return
        except (WalletError, ValueError, ImportError, OSError, Unreachable) as stopped:
            error = stopped
        except Exception as unforeseen:
            log.exception("a run failed")
            error = unforeseen
        run.ends_with(error)
        code = None if run.error is None else run.error["code"] or run.error["type"]
        members = {"run": run.id, "state": run.state, "issuer": run.credential_issuer, "error": code}
        log.info("run", extra={"members": {**members, "credentials": len(run.credentials)}})

    def _send(self, request: Request) -> Response:
        return anyio.from_thread.run(self.outbound.send, request)

    def _pause(self, seconds: float) -> None:
        anyio.from_thread.run(anyio.sleep, seconds)

    async def _step(self, step: Callable[..., T], *arguments: Any) -> T:
        return await anyio.to_thread.run_sync(step, *arguments, limiter=self._limiter)

    async def _issuance(self, flow: Flow, asked: Asked) -> None:
        opened = await self._step(flow.open, asked)
        if opened.pre_authorized_code is not None and asked.grant_type != "authorization_code":
            session = await self._redeemed(flow, asked, opened)
        else:
            session = await self._authorized(flow, asked, opened)
        await self._step(flow.obtain, session)
        await self._collecting(flow)

    async def _redeemed(self, flow: Flow, asked: Asked, opened: Opened) -> Session:
        given = None
        if opened.tx_code is not None:
            given = asked.tx_code or self.setup.settings.tx_code
            if given is None:
                given = await self._asked_for_tx_code(flow, opened)
        elif asked.tx_code is not None:
            given = asked.tx_code
        for attempt in range(ATTEMPTS):
            try:
                return await self._step(flow.redeem, opened, asked, given)
            except (TxCodeRequired, WrongTxCode) as error:
                if attempt == ATTEMPTS - 1:
                    raise
                given = await self._asked_for_tx_code(flow, opened, error)
        raise AssertionError("the last attempt returns or raises")

    async def _asked_for_tx_code(self, flow: Flow, opened: Opened, error: WalletError | None = None) -> str:
        hints = opened.tx_code
        if hints is not None:
            flow.run.tx_code = {"input_mode": hints.input_mode, "length": hints.length, "description": hints.description}
            # Where the code goes is for the person to see before it is entered (OID4VCI 13.6.2).
            flow.run.tx_code |= {"sent_to": opened.token_endpoint, "not_accepted": None if error is None else str(error)[:200]}
        given: str = await self._waited(flow, FOR_TX_CODE, Waiter(flow), error)
        return given

    async def _authorized(self, flow: Flow, asked: Asked, opened: Opened) -> Session:
        pending = await self._step(flow.authorize, opened, asked)
        flow.run.step("authorization", pushed=pending.expires_in is not None)
        url = await self._step(flow.visit, pending) if self.setup.settings.visits else None
        if url is None:
            flow.run.authorization_url = pending.url
            came_back: Exchange[Session] = await self._waited(flow, FOR_PERSON, Waiter(flow, pending))
        else:
            # A wrong or missing state or iss ends the run here: nothing more is sent.
            came_back = flow.callback(pending, url)
        return await self._step(flow.exchange, came_back)

    async def _waited(self, flow: Flow, state: str, waiter: Waiter, otherwise: WalletError | None = None) -> Any:
        """What somebody gives, in time. Raises what came instead, `otherwise`, or `TimeoutError`."""
        self._waiters[flow.run.id] = waiter
        flow.run.becomes(state)
        try:
            with anyio.move_on_after(self.setup.settings.patience):
                await waiter.event.wait()
        finally:
            del self._waiters[flow.run.id]
        if not waiter.event.is_set():
            raise otherwise or TimeoutError("nobody came in time")
        if isinstance(waiter.given, Exception):
            raise waiter.given
        return waiter.given

    async def _collecting(self, flow: Flow) -> None:
        """Ask for what was promised, no sooner than the issuer said, until nothing is left."""
        run, promises = flow.run, flow.promises
        if promises is None or not promises.left:
            return
        run.becomes(DEFERRED)
        end = run.created_at + self.setup.settings.deferral_patience
        pause = 0
        while promises.left:
            promise = promises.next()
            left = max(promise.deferred.ready_at - int(time.time()), pause)
            if time.time() + left > end:
                self.saved.forget(run)
                raise TimeoutError("the issuer needs more time than this wallet waits")
            await anyio.sleep(left)
            pause = await self._step(flow.collect, promise)
