"""The soak itself: which Wallet goes on next, what else happens, how long it lasts, and what became of the memory."""

import gc
import sys
import time
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from random import Random

from attrs import define, field, frozen

from oid4vci.memory import MemoryStore
from tests.soak.faults import Host, Network
from tests.soak.journeys import Journey, Stranger
from tests.soak.ledger import Ledger
from tests.soak.world import SoakStore, World

TOGETHER = 16
AUDIT = 1000
# A server gives up on a request of its own that takes longer than this many seconds.
PATIENCE = 60
# What may be there at the end beyond what was there after a tenth: caches that fill, and the chance of who is on the way.
MORE_BYTES, MORE_BLOCKS = 16 << 20, 30_000


@frozen
class Memory:
    """What a process holds: bytes of resident memory (0 where nobody says), and blocks of Python's allocator."""

    resident: int
    blocks: int

    @classmethod
    def now(cls) -> "Memory":
        """After everything is collected that can be."""
        gc.collect()
        statm = Path("/proc/self/statm")
        pages = int(statm.read_text().split()[1]) if statm.exists() else 0
        return cls(pages * 4096, sys.getallocatedblocks())


@define
class Soak:
    """A whole soak. With the same seed, the same things happen in the same order."""

    seed: int = 1
    store: SoakStore = field(factory=MemoryStore)
    faults: float = 0.15
    make_host: type[Host] = Host
    network: Network = field(init=False)
    seconds: float = 0.0
    early: Memory | None = None
    late: Memory | None = None

    def __attrs_post_init__(self) -> None:
        world = World(self.store)
        self.network = Network(world, Ledger(world), Random(self.seed), self.faults, self.make_host)

    def run(self, *, exchanges: int, seconds: float) -> None:
        """That many exchanges, or as many as there is time for. Raises `AssertionError` as soon as a promise is broken."""
        network, random = self.network, self.network.random
        world, ledger = network.world, network.ledger
        began = time.monotonic()
        travellers: list[Iterator[None]] = []
        audited = 0
        while network.exchanges < exchanges and self.seconds < seconds:
            while len(travellers) < TOGETHER:
                travellers.append((Stranger(network) if random.random() < 0.08 else Journey(network)).steps())
            index = random.randrange(TOGETHER)
            if next(travellers[index], self) is self:
                travellers.pop(index)
            world.now += random.random() < 0.4
            if random.random() < 0.1:
                network.decide()
            if random.random() < 0.02:
                network.steal()
            if network.exchanges - audited >= AUDIT:
                audited = network.exchanges
                self._audit(ledger)
                if self.early is None and audited >= exchanges / 10:
                    self.early = Memory.now()
            self.seconds = time.monotonic() - began
        self._audit(ledger)
        self.late = Memory.now()
        self._check_memory()

    def _audit(self, ledger: Ledger) -> None:
        ledger.audit()
        ledger.counts["rows purged"] += self.store.purge(now=ledger.world.now - PATIENCE)

    def _check_memory(self) -> None:
        for cache in caches():
            info = cache.cache_info()
            assert info.maxsize is not None, f"the cache of {cache.__name__} grows without bound"
            assert info.currsize <= info.maxsize
        if self.early is not None and self.late is not None:
            assert self.late.resident - self.early.resident < MORE_BYTES, "memory grows"
            assert self.late.blocks - self.early.blocks < MORE_BLOCKS, "memory grows"

    def summary(self) -> Iterator[str]:
        """What happened, a line each."""
        network = self.network
        rate = network.exchanges / self.seconds if self.seconds else 0.0
        yield f"{network.exchanges} exchanges in {self.seconds:.0f} s: {rate:.0f} a second; seed {self.seed}"
        yield f"{network.world.now - 1_800_000_000} seconds passed for them"
        for name, memory in (("after a tenth", self.early), ("at the end", self.late)):
            if memory is not None:
                yield f"memory {name}: {memory.resident / 2**20:.1f} MiB resident, {memory.blocks} blocks"
        filled = [f"{cache.__name__} {cache.cache_info().currsize}/{cache.cache_info().maxsize}" for cache in caches()]
        yield f"caches: {', '.join(filled)}"
        for name, count in sorted(network.ledger.counts.items()):
            yield f"{count:8} {name}"


def caches() -> list["_lru_cache_wrapper[object]"]:
    """Every `lru_cache` of the library that is loaded."""
    # Not `isinstance`: it asks objects for their class, and those of other libraries do things then.
    found: Iterator[_lru_cache_wrapper[object]] = (each for each in gc.get_objects() if type(each) is _lru_cache_wrapper)
    return sorted((each for each in found if each.__module__.startswith("oid4vci.")), key=lambda each: each.__name__)
