"""A seeded day of trouble: a real keeper on simulated links, in virtual time, with everything going wrong.

Knows how to let clients and the world loose on a stage, crash the keeper, and hand over the history. What is right
is the checker's business.
"""

import asyncio
import random
import tempfile
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import SettingsError
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.record import Ended
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.storage.recovery import settle
from gattkeeper.telemetry.timeline import Timeline
from gattkeeper.world import SimulatedLink, run_virtual
from gattkeeper.world.simulated_gatt import ATT_MTU
from sim import calls, front_calls, lease_calls
from sim.client_faults import CLIENT_FAULTS, ClientFault, f58_last_life
from sim.front import HISTORY_MAX, Front
from sim.history import History
from sim.link_faults import rules_for
from sim.memory_journal import MemoryJournal, Row
from sim.report import NOBODY
from sim.stage import SYNC_S, Stage, simulated_links, some_devices, some_roamers
from sim.trust_faults import mend
from sim.world_faults import WORLD_FAULTS, WorldFault, push

CALM_S = 60.0
"""Longer than any deadline of a script, and than an adapter needs to let go of everything."""


DEVICES_MAX = 8


class Plan(Struct, frozen=True, kw_only=True):
    """What a seed decides about a run."""

    seed: int
    name: str  # of the seed in its mode: what all dice are made from
    liveness: bool  # faults stop, and then everything has to work
    crash: bool
    busy_s: float  # how long clients are at it, in each life
    clients: int
    misbehaving: float  # how often a client does what it should not
    client_faults: tuple[ClientFault, ...]
    world_faults: tuple[WorldFault, ...]


def plan_for(seed: int, *, liveness: bool) -> Plan:
    """The plan of a seed."""
    name = f"{'liveness' if liveness else 'safety'} {seed}"
    dice = random.Random(f"plan {name}")
    return Plan(
        seed=seed,
        name=name,
        liveness=liveness,
        crash=dice.random() < 0.4,
        busy_s=dice.uniform(15, 60),
        clients=dice.randint(1, 6),
        misbehaving=dice.choice((0.0, 0.05, 0.15)),
        client_faults=tuple(dice.sample(CLIENT_FAULTS, k=dice.randint(1, 6))),
        world_faults=tuple(dice.sample(WORLD_FAULTS, k=dice.randint(0, 6))),
    )


def simulate(plan: Plan, recordings: Path | None = None) -> History:
    """Run the plan; the same plan gives the same history. `recordings`: a folder for what the cores decided."""

    async def run(folder: str) -> History:
        return await Simulation(plan, Path(folder), recordings).run()

    with tempfile.TemporaryDirectory() as folder:
        return run_virtual(run(folder))


class Simulation:
    """One plan, carried out."""

    def __init__(self, plan: Plan, folder: Path, recordings: Path | None) -> None:
        self._plan = plan
        self._recordings = recordings
        self._dice = dice = random.Random(f"script {plan.name}")
        devices = some_devices(dice, DEVICES_MAX)
        roamers = some_roamers(random.Random(f"roaming {plan.name}"), devices)
        links = simulated_links(dice, devices, roamers)
        self._stage = Stage(dice, folder, seed=plan.seed, devices=devices, links=links, roamers=roamers)
        mend(self._stage)
        self._trouble: asyncio.Task[None] | None = None

    async def run(self) -> History:
        """Every life of the keeper, and what is left of them."""
        self._stage.loop.set_exception_handler(self._note_exception)
        if self._plan.crash:
            await self._start("a")
            await asyncio.sleep(self._dice.uniform(0.1, self._plan.busy_s))
            await self._crash()
        await self._start("b")
        await self._end()
        history = self._stage.history
        history.rows = self._stage.journal.rows
        for link in self._stage.links.values():
            history.seen += link.log.seen
            history.violations += link.log.violations
        history.seen.sort(key=lambda entry: entry.at_s)  # a device may have been seen by several
        front_calls.note_crashed(self._stage)
        return history

    def _note_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """No part of the keeper leaves an exception to the loop."""
        said = f"{context['message']}: {context.get('exception')!r}"
        self._stage.history.violations.append(said)

    async def _start(self, prefix: str) -> None:
        stage, name = self._stage, self._plan.name
        stage.until_s = stage.loop.time() + self._plan.busy_s
        for link in stage.links.values():
            link.rules[:] = rules_for(self._dice, stage.until_s)
        stage.owned = {name: OwnedLink(link, stage.folder) for name, link in stage.links.items()}
        timeline = Timeline(HISTORY_MAX)
        stage.keeper = Keeper(
            links=stage.owned,
            book=stage.book,
            journal=stage.journal,
            limits=stage.limits,
            slots=stage.slots,
            serialization=stage.serialization,
            id_prefix=prefix,
            jitter=random.Random(name).random,
            recording=self._recordings / f"{prefix}.jsonl" if self._recordings is not None else None,
            observers=(timeline,),
        )
        stage.front = Front(stage.keeper, timeline)
        await stage.keeper.start()
        if stage.keyed:
            stage.spawn(f58_last_life(stage, self._dice))
        for number in range(self._plan.clients):
            who = Origin(principal=f"client {number}")
            stage.spawn(self._client(who, random.Random(f"client {prefix} {number} {name}")))
        stage.spawn(lease_calls.holders(stage, random.Random(f"holders {prefix} {name}")))
        self._trouble = stage.spawn(self._make_trouble(random.Random(f"trouble {prefix} {name}")))

    async def _crash(self) -> None:
        """The process is gone from one moment to the next; what it had on the air may still arrive."""
        stage = self._stage
        for name in stage.script.devices:
            step, in_flight = stage.kind_in_flight(name), stage.status_of(name).in_flight
            stage.fired("F49", step, device=name, command_id=in_flight, said="" if in_flight else NOBODY)
        stage.history.crashes_us += (stage.now_us(),)
        stage.journal.crash()
        stage.keeper._pump.close()
        stage.keeper._pump._running = True  # deaf: what the dying tasks say is heard by nobody
        await _end_all_tasks(self._dice.uniform(0, 0.1))
        await stage.front.close()
        for name, link in stage.links.items():
            await stage.owned[name].close()
            link.adapter_up()
            link.unwedge()
            link.away.clear()
        mend(stage)
        stage.tasks.clear()
        stage.handles.clear()
        now_us = stage.now_us()
        rows = stage.journal.rows
        for outcome in settle(row.record for row in rows):
            rows.append(Row(record=Ended(outcome=outcome, at_us=now_us), durable_at_us=now_us))
        stage.journal = MemoryJournal(seed=stage.seed + 1, sync_s=SYNC_S, rows=rows)

    async def _end(self) -> None:
        stage = self._stage
        assert self._trouble is not None
        await self._trouble
        if self._plan.liveness:
            await asyncio.gather(*stage.tasks)  # those who carried something away bring it back
            mend(stage)
            for link in stage.links.values():
                link.rules.clear()
                link.away.clear()
                link.att_mtu_max = ATT_MTU
                link.unwedge()
                link.adapter_up()
            await asyncio.sleep(CALM_S)
            await self._until_adapters_are_tried_again()
            await self._probe()
        closing = stage.loop.create_task(stage.keeper.close())
        if not self._plan.liveness:
            await asyncio.sleep(self._dice.choice((0, 0.01, 0.5)))
            await calls.stop(stage, self._dice.choice([*stage.book.names(), "all"]))
        await closing
        await asyncio.wait_for(asyncio.gather(*stage.tasks), CALM_S)
        await stage.front.close()
        status = stage.keeper.status()
        stage.history.left = status.accepted - status.ended + status.waiting
        await self._own_again()

    async def _until_adapters_are_tried_again(self) -> None:
        """An adapter that nothing helped stays parked for a while, an hour at most."""
        stage = self._stage
        for _ in range(60):
            if not any(one.recovery == "parked" for one in stage.keeper.status().adapters):
                return
            await asyncio.sleep(CALM_S)

    async def _own_again(self) -> None:
        """Whoever closed has let go."""
        for name in self._stage.links:
            link = OwnedLink(SimulatedLink([], name=name), self._stage.folder)
            try:
                await link.open(lambda _up, _fault: None)
            except SettingsError as error:
                self._stage.history.owners.append(f"nobody has {name}, and it cannot be had: {error}")
            else:
                await link.close()

    async def _probe(self) -> None:
        stage = self._stage
        stage.keeper.resume()
        for command in stage.journal.unresolved():
            await calls.resolve(stage, command.id)
        already = len(stage.history.told)
        for name in stage.script.devices:
            command = stage.script.write(name)
            await calls.submit(stage, replace(command, priority=Priority.NORMAL, deadline_us=20_000_000))
        stage.history.probes = stage.history.told[already:]

    async def _client(self, who: Origin, dice: random.Random) -> None:
        stage = self._stage
        pace = dice.choice((0.02, 0.2, 1.0))
        while (now := stage.loop.time()) < stage.until_s:
            await asyncio.sleep(min(dice.expovariate(1 / pace), stage.until_s - now))
            turn = dice.random()
            if turn < self._plan.misbehaving * min(1.0, pace * 5):
                await dice.choice(self._plan.client_faults)(stage, dice)
            elif turn < 0.20:
                gather = dice.choice((0.1, 2.0, 10.0))
                stage.spawn(calls.submit_together(stage, stage.script.together(dice), gather))
            elif turn < 0.90:
                command = replace(stage.script.command(dice), origin=who)
                submit = front_calls.submit if dice.random() < 0.25 else calls.submit
                work = stage.spawn(submit(stage, command))
                if dice.random() < 0.5:
                    await work
            else:
                await self._anything(dice)

    async def _anything(self, dice: random.Random) -> None:
        stage, turn = self._stage, dice.random()
        if turn < 0.4:
            calls.cancel(stage, dice)
        elif turn < 0.6:
            calls.reprioritise(stage, dice)
        elif turn < 0.65:
            await calls.scan(stage, dice)
        elif turn < 0.8:
            name = dice.choice(stage.script.devices)
            stage.spawn(calls.listen(stage, name, min(dice.uniform(1, 20), stage.until_s - stage.loop.time())))
        else:
            await calls.mend(stage, dice)

    async def _make_trouble(self, dice: random.Random) -> None:
        """What no call brings about. Watches depths too."""
        stage = self._stage
        while (now := stage.loop.time()) < stage.until_s:
            await asyncio.sleep(min(dice.uniform(0.1, 3), stage.until_s - now))
            depth = max((one.waiting for one in stage.keeper.status().devices), default=0)
            stage.history.depth_max = max(stage.history.depth_max, depth)
            happens = dice.choice(self._plan.world_faults) if self._plan.world_faults else push
            await dice.choice((happens, push))(stage, dice)


async def _end_all_tasks(grace_s: float) -> None:
    """Kill everything that runs but ourselves, however often a stack has to be told; time passes."""
    for pause_s in (grace_s, *[1.0] * 60):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if not tasks and pause_s != grace_s:
            return
        for task in sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name())):  # the oldest first
            task.cancel()
        await asyncio.sleep(pause_s)
