"""Any script of faults, cancels, time-outs and lost links on eight devices: numbers are those of the conformance list.

Short by default; GATTKEEPER_SOAK makes it a hundred thousand steps.
"""

import asyncio
import os
import random

from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, Write
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import (
    Fail,
    Hang,
    LateResponse,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    LoseRequest,
    LoseResponse,
    SimulatedLink,
    run_virtual,
)
from runtime.house import Watch
from sim.scene import COUNTER, WRITABLE, Book, device

STEPS = 100_000 if os.environ.get("GATTKEEPER_SOAK") else 2_000

LOST = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="test", code=0x08)
BUSY = Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="test")
NOT_FOUND = Fault(kind=FaultKind.NOT_FOUND, ran=Ran.NO, stack="test")

TROUBLE = {
    LinkMoment.OPERATION: (
        LateResponse(seconds=5.2),
        LoseRequest(),
        LoseResponse(),
        LoseLink(fault=LOST),
        Fail(fault=BUSY),
    ),
    LinkMoment.CONNECT: (Hang(), Fail(fault=NOT_FOUND)),
}


class Crowd:
    """Eight devices on one adapter with five places, and somebody who asks for anything."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.devices = [device(f"device-{number}", number) for number in range(1, 9)]
        self.link = SimulatedLink(self.devices, seed=seed)
        for moment, actions in TROUBLE.items():
            self.link.rules += [LinkRule(LinkMatch(moment=moment, probability=0.01), action) for action in actions]
        self.watch = Watch()
        rules = {one.name: DeviceRules(address=one.address, linger_us=500_000) for one in self.devices}
        self.keeper = Keeper(
            links={"adapter": self.link}, book=Book(rules), observers=(self.watch,), jitter=self.dice.random
        )
        self.handles: list[Handle] = []

    def command(self, number: int) -> Command:
        dice = self.dice
        target = characteristic_ref(COUNTER if dice.random() < 0.3 else WRITABLE)
        reads = target == characteristic_ref(COUNTER)
        return Command(
            device=dice.choice(self.devices).name,
            operation=Read(target=target) if reads else Write(target=target, payload=number.to_bytes(4, "big")),
            priority=dice.choice(list(Priority)),
            deadline_us=dice.choice((2_000_000, 30_000_000)),
            survive_reconnect=dice.random() < 0.5,
        )

    async def step(self, number: int) -> None:
        await asyncio.sleep(self.dice.expovariate(20))
        turn = self.dice.random()
        if turn < 0.85:
            self.handles.append(await self.keeper.submit(self.command(number)))
        elif turn < 0.95 and self.handles:
            self.keeper.cancel(self.dice.choice(self.handles[-50:]).id)
        else:
            self.link.lose(self.dice.choice(self.devices).name, LOST)


def test_c111_whatever_happens_each_command_ends_once_and_each_device_does_one_thing_at_a_time() -> None:
    async def run(seed: int) -> list[bool]:
        crowd = Crowd(seed)
        await crowd.keeper.start()
        for number in range(STEPS):
            await crowd.step(number)
        async with asyncio.timeout(60):
            outcomes = [await handle.wait() for handle in crowd.handles]
        await crowd.keeper.close()
        assert crowd.link.log.violations == []
        ids = [outcome.command_id for outcome in crowd.watch.ends]
        assert sorted(ids) == sorted(handle.id for handle in crowd.handles), "exactly one end for each"
        payloads = [one.payload for each in crowd.devices for one in each.applied]
        assert len(payloads) == len(set(payloads)), "no write was done twice"
        assert sum(outcome.succeeded for outcome in outcomes) > len(outcomes) / 4
        return [bool(rule.fired) for rule in crowd.link.rules]

    fired = zip(*(run_virtual(run(seed)) for seed in (1, 2)), strict=True)
    assert all(map(any, fired)), "a fault that never happened was not tested"
