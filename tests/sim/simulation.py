"""A seeded day of trouble: a real keeper on simulated links, in virtual time, with everything going wrong.

Knows how to make a world from a seed, let clients loose in it, crash it, and hand over the history. What is right
is the checker's business.
"""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.core.state import Limits
from gattkeeper.errors import CommandError, GattkeeperError, QueueClosedError, StorageError, UsageError
from gattkeeper.model.command import Command, Priority, ReadBack
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Read,
    ReadRssi,
    RequestMtu,
    Subscribe,
    Unsubscribe,
    Write,
    WriteMode,
)
from gattkeeper.model.record import Ended
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.storage.recovery import settle
from gattkeeper.world import SimulatedLink, VirtualDevice, run_virtual
from sim.checker import History, Told
from sim.memory_journal import MemoryJournal, Row
from sim.scene import CLOSED, COUNTER, PUSHED, WRITABLE, Book, device
from sim.trouble import LINK_LOST, rules_for

SYNC_S = 0.02
"""The longest that the simulated disk takes."""

CALM_S = 45.0
"""Longer than any deadline of a script, and than an adapter needs to let go of everything."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a seed decides about a run."""

    seed: int
    liveness: bool  # faults stop, and then everything has to work
    crash: bool
    busy_s: float  # how long clients are at it, in each life
    clients: int


def plan_for(seed: int, *, liveness: bool) -> Plan:
    dice = random.Random(f"plan {seed}")
    return Plan(
        seed=seed,
        liveness=liveness,
        crash=dice.random() < 0.4,
        busy_s=dice.uniform(10, 40),
        clients=dice.randint(1, 6),
    )


def simulate(plan: Plan, recordings: Path | None = None) -> History:
    """Run the plan; the same plan gives the same history. `recordings`: a folder for what the cores decided."""

    async def run() -> History:
        return await Simulation(plan, recordings).run()

    return run_virtual(run())


class Simulation:
    """The world of one plan, and everything that was noted in it."""

    def __init__(self, plan: Plan, recordings: Path | None = None) -> None:
        self._plan = plan
        self._recordings = recordings
        self._dice = random.Random(f"script {plan.seed}")
        self._loop = asyncio.get_running_loop()
        self._devices = [device(f"device-{number}", number) for number in range(1, self._dice.randint(2, 5))]
        self._safety = frozenset(one.name for one in self._devices if self._dice.random() < 0.2)
        self._links = self._make_links()
        self._book = self._make_book()
        self._limits = Limits(queue_per_device_max=self._dice.choice((4, 30, 1000)))
        self._slots = {name: self._dice.randint(1, 3) for name in self._links}
        self._journal = MemoryJournal(seed=plan.seed, sync_s=SYNC_S)
        self._keeper: Keeper | None = None
        self._payloads = 0
        self._handles: list[Handle] = []
        self._trouble_task: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._history = History(
            safety=self._safety,
            bound_us=int(2 * SYNC_S * 1_000_000),
            depth_limit=self._limits.queue_per_device_max + 1,  # one may come back from its flight
        )

    def _make_links(self) -> dict[str, SimulatedLink]:
        dice = self._dice
        names = [f"adapter-{number}" for number in range(1, dice.randint(2, 3))]
        bypass = dice.choice(((False, False), (True, False), (False, True)))
        return {
            name: SimulatedLink(
                self._devices[index :: len(names)],
                name=name,
                seed=dice.getrandbits(32),
                disconnect_s=dice.choice((0.02, 0.06, 2.0)),
                bypass=bypass[0],
                bypass_other=bypass[1],
            )
            for index, name in enumerate(names)
        }

    def _make_book(self) -> Book:
        names = list(self._links)
        rules = {
            one.name: DeviceRules(
                address=one.address,
                adapter=names[index % len(names)],
                safety=one.name in self._safety,
                linger_us=self._dice.choice((50_000, 1_000_000, 8_000_000)),
            )
            for index, one in enumerate(self._devices)
        }
        return Book(rules, may_bypass=self._dice.random() < 0.5)

    async def run(self) -> History:
        if self._plan.crash:
            await self._start("a")
            await asyncio.sleep(self._dice.uniform(0.1, self._plan.busy_s))
            await self._crash()
        await self._start("b")
        await asyncio.sleep(self._plan.busy_s)
        await self._end()
        history = self._history
        history.rows = self._journal.rows
        for link in self._links.values():
            history.seen += link.log.seen
            history.violations += link.log.violations
        return history

    async def _start(self, prefix: str) -> None:
        for link in self._links.values():
            link.rules[:] = rules_for(self._dice, self._loop.time() + self._plan.busy_s)
        self._keeper = Keeper(
            links=self._links,
            book=self._book,
            journal=self._journal,
            limits=self._limits,
            slots=self._slots,
            id_prefix=prefix,
            jitter=random.Random(self._plan.seed).random,
            recording=self._recordings / f"{prefix}.jsonl" if self._recordings is not None else None,
        )
        await self._keeper.start()
        for number in range(self._plan.clients):
            self._spawn(self._client(random.Random(f"client {prefix} {number} {self._plan.seed}")))
        self._trouble_task = self._spawn(self._trouble(random.Random(f"trouble {prefix} {self._plan.seed}")))

    async def _crash(self) -> None:
        """The process is gone from one moment to the next; what it had on the air may still arrive."""
        assert self._keeper is not None
        self._history.crashes_us += (int(self._loop.time() * 1_000_000),)
        self._journal.crash()
        self._keeper._pump.close()
        self._keeper._pump._running = True  # deaf: what the dying tasks say is heard by nobody
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in sorted(tasks, key=lambda task: task.get_name()):
            task.cancel()
        await asyncio.sleep(self._dice.uniform(0, 0.1))
        for link in self._links.values():
            await link.close()
            link.adapter_up()
        self._tasks.clear()
        self._handles.clear()
        now_us = int(self._loop.time() * 1_000_000)
        rows = self._journal.rows
        for outcome in settle(row.record for row in rows):
            rows.append(Row(record=Ended(outcome=outcome, at_us=now_us), durable_at_us=now_us))
        self._journal = MemoryJournal(seed=self._plan.seed + 1, sync_s=SYNC_S, rows=rows)

    async def _end(self) -> None:
        keeper = self._keeper
        assert keeper is not None
        assert self._trouble_task is not None
        await self._trouble_task
        if self._plan.liveness:
            for link in self._links.values():
                link.rules.clear()
                link.adapter_up()
            await asyncio.sleep(CALM_S)
            await self._probe(keeper)
        await keeper.close()
        await asyncio.wait_for(asyncio.gather(*self._tasks), CALM_S)
        status = keeper.status()
        self._history.left = status.accepted - status.ended + status.waiting

    async def _probe(self, keeper: Keeper) -> None:
        keeper.resume()
        for command in self._journal.unresolved():
            await self._resolve(command.id)
        already = len(self._history.told)
        for one in self._devices:
            command = self._write(one.name, WRITABLE)
            await self._submit(replace(command, priority=Priority.NORMAL, deadline_us=20_000_000))
        self._history.probes = self._history.told[already:]

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.append(task)
        return task

    async def _client(self, dice: random.Random) -> None:
        until = self._loop.time() + self._plan.busy_s
        pace = dice.choice((0.02, 0.2, 1.0))
        while (now := self._loop.time()) < until:
            await asyncio.sleep(min(dice.expovariate(1 / pace), until - now))
            turn = dice.random()
            if turn < 0.80:
                work = self._spawn(self._submit(self._command(dice)))
                if dice.random() < 0.5:
                    await work
            elif turn < 0.88:
                await self._vanish(self._command(dice), dice.uniform(0, 3))
            elif turn < 0.94:
                self._cancel(dice)
            elif turn < 0.95:
                await self._scan(dice)
            elif turn < 0.965:
                await self._stop(dice)
            else:
                await self._mend(dice)

    def _command(self, dice: random.Random) -> Command:
        name = dice.choice(self._devices).name
        kind = dice.random()
        command = self._write(name, CLOSED if dice.random() < 0.1 else WRITABLE)
        if kind < 0.30:
            command = replace(command, operation=Read(target=characteristic_ref(COUNTER)))
        elif kind < 0.40:
            command = replace(command, operation=_other(dice))
        elif kind < 0.50:
            command = replace(command, operation=replace(command.operation, mode=WriteMode.WITHOUT_RESPONSE))
        elif kind < 0.65:
            command = replace(command, coalesce_key=dice.choice(("level", "tilt")))
        return replace(
            command,
            priority=dice.choice(list(Priority)),
            deadline_us=dice.choice((300_000, 3_000_000, 15_000_000, 30_000_000)),
            queue_timeout_us=dice.choice((None, None, None, 500_000)),
            attempt_timeout_us=dice.choice((None, None, 200_000)),
            idempotent=dice.random() < 0.4,
            survive_reconnect=dice.random() < 0.5,
        )

    def _write(self, name: str, uuid: str) -> Command:
        self._payloads += 1
        payload, target = self._payloads.to_bytes(4, "big"), characteristic_ref(uuid)
        proof = ReadBack(target=target, expected=payload, proves_absence=True)
        return Command(device=name, operation=Write(target=target, payload=payload), read_back=proof)

    async def _submit(self, command: Command) -> None:
        assert self._keeper is not None
        asked_at_us = self._now_us()
        try:
            handle = await self._keeper.submit(command)
        except GattkeeperError as error:
            self._tell(command, asked_at_us, refused=error.code)
            return
        self._handles.append(handle)
        await self._follow(handle, asked_at_us)

    async def _follow(self, handle: Handle, asked_at_us: int) -> None:
        outcome = await handle.wait()
        self._history.told.append(
            Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=self._now_us(), outcome=outcome)
        )

    def _tell(self, command: Command, asked_at_us: int, *, refused: str) -> None:
        self._history.told.append(
            Told(command=command, asked_at_us=asked_at_us, told_at_us=self._now_us(), refused=refused)
        )

    async def _vanish(self, command: Command, after_s: float) -> None:
        """A client that is gone before its answer, perhaps."""
        assert self._keeper is not None
        asked_at_us = self._now_us()
        try:
            async with asyncio.timeout(after_s):
                await self._keeper.device(command.device).run(command)
        except CommandError:
            pass  # told through its outcome; the journal has it
        except GattkeeperError as error:
            self._tell(command, asked_at_us, refused=error.code)
        except TimeoutError:
            pass

    def _cancel(self, dice: random.Random) -> None:
        assert self._keeper is not None
        open_ones = [handle for handle in self._handles if handle.outcome is None]
        if open_ones:
            self._keeper.cancel(dice.choice(open_ones).id)

    async def _stop(self, dice: random.Random) -> None:
        assert self._keeper is not None
        scope = dice.choice([*self._book.names(), "all"])
        asked_at_us = self._now_us()
        try:
            handles = await self._keeper.stop(scope, latch=dice.random() < 0.15)
        except QueueClosedError:
            return
        for handle in handles:
            self._handles.append(handle)
            self._history.stops.append(
                Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=asked_at_us)
            )
            self._spawn(self._follow(handle, asked_at_us))

    async def _scan(self, dice: random.Random) -> None:
        assert self._keeper is not None
        with suppress(GattkeeperError):  # the keeper is closing
            async for _ in self._keeper.scan(dice.uniform(0.1, 2), adapter=dice.choice(list(self._links))):
                pass

    async def _mend(self, dice: random.Random) -> None:
        assert self._keeper is not None
        self._keeper.resume()
        if self._handles:
            await self._resolve(dice.choice(self._handles).id)

    async def _resolve(self, command_id: str) -> None:
        assert self._keeper is not None
        with suppress(UsageError, StorageError):  # it did not end unknown, is resolved, or the disk is full
            await self._keeper.resolve(command_id, applied=True, who="a person", why="looked")

    async def _trouble(self, dice: random.Random) -> None:
        """What no call brings about: links that break, adapters that go, a disk that fills. Watches depths too."""
        assert self._keeper is not None
        until = self._loop.time() + self._plan.busy_s
        flaky = dice.random() < 0.5
        while (now := self._loop.time()) < until:
            await asyncio.sleep(min(dice.uniform(0.1, 5), until - now))
            depth = max(one.waiting for one in self._keeper.status().devices)
            self._history.depth_max = max(self._history.depth_max, depth)
            link = self._links[dice.choice(list(self._links))]
            turn = dice.random()
            if turn < 0.3:
                link.lose(dice.choice(self._devices).name, LINK_LOST)
            elif flaky and turn < 0.4:
                link.adapter_down()
                await asyncio.sleep(dice.uniform(0, 4))
                link.adapter_up()
            elif flaky and turn < 0.45:
                self._journal.failing = True
                await asyncio.sleep(dice.uniform(0, 2))
                self._journal.failing = False
            elif turn < 0.7:
                self._push(dice.choice(self._devices))

    def _push(self, one: VirtualDevice) -> None:
        one.notify(one.characteristic(PUSHED), b"news")

    def _now_us(self) -> int:
        return int(self._loop.time() * 1_000_000)


def _other(dice: random.Random) -> Operation:
    target = characteristic_ref(PUSHED)
    return dice.choice(
        (
            Subscribe(target=target),
            Subscribe(target=target),
            Unsubscribe(target=target),
            Connect(),
            Disconnect(),
            DiscoverServices(),
            RequestMtu(),
            ReadRssi(),
            Pair(),
        )
    )
