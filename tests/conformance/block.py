"""A keeper with several adapters on simulated links that all reach the same devices, in virtual time.

Knows how to build one, to take it down again, and what no device may ever see: two connections at once.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome
from gattkeeper.model.record import Recovery
from gattkeeper.model.status import AdapterStatus, AlertKind, DeviceStatus
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import SeenKind, SimulatedLink, run_virtual
from runtime.house import Watch, nothing_left, write
from sim.memory_journal import MemoryJournal
from sim.scene import Book, device

CHANGES = {SeenKind.UP: 1, SeenKind.DOWN: -1}


class Block:
    """Adapters by name, and devices "1", "2", … that may use them as `adapter` and `others` say."""

    def __init__(
        self,
        *adapters: str,
        devices: int = 1,
        slots: int = 5,
        adapter: str = "",
        others: tuple[str, ...] = (),
        listen_every_s: float = 0.0,
        linger_us: int = 100_000,
        **settings: object,
    ) -> None:
        self.devices = [device(str(number), number) for number in range(1, devices + 1)]
        self.links = {
            name: SimulatedLink(self.devices, name=name, seed=seed, **settings)
            for seed, name in enumerate(adapters)
        }
        self.journal = MemoryJournal()
        self.watch = Watch()
        rules = {
            one.name: DeviceRules(address=one.address, adapter=adapter, others=others, linger_us=linger_us)
            for one in self.devices
        }
        self.keeper = Keeper(
            links=self.links,
            book=Book(rules),
            journal=self.journal,
            observers=(self.watch,),
            slots=dict.fromkeys(adapters, slots),
            listen_every_s=listen_every_s,
        )

    def device(self, name: str = "1") -> DeviceStatus:
        return next(one for one in self.keeper.status().devices if one.name == name)

    def adapter(self, name: str) -> AdapterStatus:
        return next(one for one in self.keeper.status().adapters if one.name == name)

    def used(self, name: str = "1") -> list[str]:
        """The adapters of a device's connections, in order."""
        ups = [
            (seen.at_s, adapter)
            for adapter, link in self.links.items()
            for seen in link.log.of(name)
            if seen.kind is SeenKind.UP
        ]
        return [adapter for _, adapter in sorted(ups)]

    async def write(self, name: str = "1", payload: bytes = b"x", **fields: object) -> Outcome:
        handle = await self.keeper.submit(write(payload, name, **fields))
        return await handle.wait()

    async def write_all(self, **fields: object) -> list[Outcome]:
        """One write for each device, at once."""
        return await asyncio.gather(*(self.write(one.name, **fields) for one in self.devices))

    async def idle(self) -> None:
        """Let every connection be taken down."""
        await asyncio.sleep(1)
        assert all(one.connection == "disconnected" for one in self.keeper.status().devices)

    def told(self) -> list[tuple[str, bool]]:
        """Every time an adapter's devices were said to go elsewhere, or to be free to come back."""
        return [(one.device, one.raised) for one in self.watch.alerts if one.kind is AlertKind.FAILED_OVER]

    def rows(self) -> list[Recovery]:
        return [row.record for row in self.journal.rows if isinstance(row.record, Recovery)]

    def check(self) -> None:
        """No two connections of one device, no two attempts on one adapter, nothing applied twice."""
        for link in self.links.values():
            assert link.log.violations == []
        for one in self.devices:
            changes = [
                seen for link in self.links.values() for seen in link.log.of(one.name) if seen.kind in CHANGES
            ]
            held = 0
            for seen in sorted(changes, key=lambda seen: (seen.at_s, CHANGES[seen.kind])):
                held += CHANGES[seen.kind]
                assert held <= 1, f"{one.name} has two connections at {seen.at_s}"


def live(story: Callable[[Block], Awaitable[None]], *adapters: str, **settings: object) -> None:
    """Run a story on a block of its own; nothing may be left of it."""

    async def run() -> None:
        block = Block(*adapters, **settings)
        await block.keeper.start()
        try:
            await story(block)
        finally:
            await block.keeper.close()
        await nothing_left()
        block.check()

    run_virtual(run())


def numbered(device: str, number: int, **fields: object) -> Command:
    """A write that tells which one it is."""
    return write(bytes([number]), device, **fields)
