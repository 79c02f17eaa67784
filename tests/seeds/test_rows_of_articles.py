"""What the articles say that a queue has to stand: their load tests and their product, as behaviours of ours.

Every row is counted at the device and at the link, not only at the callers.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

import pytest

from conformance.air import Air, live
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Operation, Read, RequestMtu, Subscribe, Write
from gattkeeper.model.outcome import Cause, Outcome
from gattkeeper.runtime.handle import Handle
from gattkeeper.world import (
    AttOpcode,
    LateResponse,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseResponse,
    Moment,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualService,
)
from seeds.subject import applied, write
from seeds.subjects import Ours, on

SOAK = "GATTKEEPER_SOAK"
SIZES = (100, 10_000, 100_000) if os.environ.get(SOAK) else (100, 10_000)

LONG_US = 86_400_000_000  # a day: no command of a row ends by its deadline
LOST = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="test", code=0x08)

SERVICES = {"aa00": ("aa01", "aa02", "aa03", "aa04"), "bb00": ("bb01", "bb02", "bb03", "bb04"), "cc00": ("cc01", "cc02", "cc03")}  # fmt: skip
"""Three services and eleven characteristics."""


def roomy(number: int) -> Ours:
    return Ours(Limits(queue_max=number + 10, queue_per_device_max=number + 10))


async def queue(ours: Ours, number: int, **fields: Any) -> list[Handle]:
    commands = (
        Command(device="lamp", operation=write(payload), deadline_us=LONG_US, **fields)
        for payload in range(number)
    )
    return [await ours.keeper.submit(command) for command in commands]


async def ends(handles: list[Handle]) -> list[Outcome]:
    return [await handle.wait() for handle in handles]


@pytest.mark.parametrize("number", SIZES)
def test_row_load_1_commands_as_fast_as_they_come_are_all_done_and_in_order(number: int) -> None:
    async def row(ours: Ours) -> None:
        outcomes = await ends(await queue(ours, number))
        assert applied(ours) == list(range(number))
        assert Counter(outcome.cause for outcome in outcomes) == {Cause.ACKNOWLEDGED: number}
        assert ours.link.log.violations == []

    on(lambda: roomy(number), row)


@pytest.mark.parametrize("number", SIZES)
def test_row_load_2_after_commands_without_an_answer_the_others_go_on(number: int) -> None:
    async def row(ours: Ours) -> None:
        match = LinkMatch(moment=LinkMoment.OPERATION, kind="write", first=10, times=3)
        ours.link.rules.append(LinkRule(match, LoseResponse()))
        outcomes = await ends(await queue(ours, number, survive_reconnect=True, attempt_timeout_us=1_000_000))
        causes = Counter(outcome.cause for outcome in outcomes)
        assert causes == {Cause.ACKNOWLEDGED: number - 3, Cause.TIMED_OUT_IN_FLIGHT: 3}
        assert applied(ours) == list(range(number)), "nothing was lost, repeated or reordered"
        assert ours.link.log.violations == []

    on(lambda: roomy(number), row)


@pytest.mark.parametrize("number", SIZES)
def test_row_load_3_an_urgent_command_goes_before_all_that_wait(number: int) -> None:
    async def row(ours: Ours) -> None:
        handles = await queue(ours, number)
        urgent = Command(device="lamp", operation=write(number), priority=Priority.URGENT, deadline_us=LONG_US)
        handles.append(await ours.keeper.submit(urgent))
        await ends(handles)
        order = applied(ours)
        assert order.index(number) == 1, "only the one in flight went before it"
        assert [payload for payload in order if payload != number] == list(range(number))

    on(lambda: roomy(number), row)


@pytest.mark.parametrize("number", SIZES)
def test_row_load_4_a_lost_link_ends_every_command_in_line_at_once_and_says_why(number: int) -> None:
    async def row(ours: Ours) -> None:
        handles = await queue(ours, number)
        for handle in handles[:10]:
            await handle.wait()
        await asyncio.sleep(0.001)  # the next one is on the radio
        ours.link.lose("lamp", LOST)
        async with asyncio.timeout(1):
            outcomes = await ends(handles)
        causes = Counter(outcome.cause for outcome in outcomes)
        assert causes == {
            Cause.ACKNOWLEDGED: 10,
            Cause.LINK_LOST_IN_FLIGHT: 1,
            Cause.LINK_LOST_BEFORE_SEND: number - 11,
        }
        assert all(outcome.fault is not None and outcome.fault.code == 0x08 for outcome in outcomes[10:])
        await asyncio.sleep(60)
        assert applied(ours)[:10] == list(range(10))
        assert len(applied(ours)) <= 11, "nothing that was told to be lost was done later"

    on(lambda: roomy(number), row)


def phone_device() -> VirtualDevice:
    """Every read brings the characteristic's own mark and a number that no other read brings."""
    numbers = count()

    def attribute(uuid: str) -> VirtualCharacteristic:
        properties = Property.READ | Property.WRITE | Property.NOTIFY
        return VirtualCharacteristic(
            uuid, properties, on_read=lambda: bytes.fromhex(uuid) + next(numbers).to_bytes(4, "big")
        )

    services = tuple(VirtualService(uuid, tuple(map(attribute, inside))) for uuid, inside in SERVICES.items())
    return VirtualDevice("lamp", "F0:00:00:00:00:01", services)


class Counts:
    """Counts of what must not happen, and of what was done."""

    def __init__(self) -> None:
        self.done = self.failed = self.misattributed = 0

    async def ask(self, ours: Ours | Air, operation: Operation, priority: Priority) -> None:
        command = Command(
            device="lamp", operation=operation, priority=priority, survive_reconnect=True, deadline_us=LONG_US
        )
        outcome = await (await ours.keeper.submit(command)).wait()
        if not outcome.succeeded:
            self.failed += 1
            assert outcome.fault is not None, "a failure without a reason"
            return
        self.done += 1
        if isinstance(operation, Read):
            value = outcome.value
            assert isinstance(value, bytes)
            self.misattributed += value[:2] != bytes.fromhex(operation.target.uuid[4:8])


async def sources(ours: Ours | Air, counts: Counts, rounds: int) -> int:
    """A screen, a sync in the background, a telemetry timer and a set-up, all at once; how much they asked for."""
    uuids = [uuid for inside in SERVICES.values() for uuid in inside]
    refs = [characteristic_ref(uuid) for uuid in uuids]
    setup: list[Operation] = [
        RequestMtu(att_mtu=247),
        *(Subscribe(target=ref) for ref in refs[:2]),
        Read(target=refs[0]),
    ]

    async def source(operations: Sequence[Operation], priority: Priority, pause_s: float) -> None:
        for operation in operations:
            await counts.ask(ours, operation, priority)
            await asyncio.sleep(pause_s)

    screen = [Write(target=refs[turn % 11], payload=bytes([turn % 256])) for turn in range(rounds)]
    sync = [Read(target=refs[turn % 11]) for turn in range(rounds)]
    telemetry = [Read(target=refs[turn % 3]) for turn in range(rounds)]
    await asyncio.gather(
        source(setup, Priority.URGENT, 0),
        source(screen, Priority.INTERACTIVE, 0.02),
        source(sync, Priority.BACKGROUND, 0),
        source(telemetry, Priority.NORMAL, 0.05),
    )
    return 3 * rounds + len(setup)


@pytest.mark.parametrize("late", [0.0, 0.02], ids=["good radio", "poor radio"])
def test_row_product_four_sources_and_eleven_characteristics_without_a_drop_an_overlap_or_a_mistake(
    late: float,
) -> None:
    async def row(ours: Ours) -> None:
        match = LinkMatch(moment=LinkMoment.OPERATION, probability=late)
        ours.link.rules.append(LinkRule(match, LateResponse(seconds=5.2)))
        counts = Counts()
        asked = await sources(ours, counts, 300)
        drops = asked - counts.done - counts.failed
        assert (drops, len(ours.link.log.violations), counts.misattributed) == (0, 0, 0)
        assert (counts.failed > 0) == (late > 0)

    on(lambda: Ours(lamp=phone_device()), row)


NO_REQUESTS = (AttOpcode.WRITE_COMMAND, AttOpcode.CONFIRMATION)
PUSHES = (AttOpcode.NOTIFICATION, AttOpcode.INDICATION)


class Tap:
    """Stands among the rules of a radio, lets everything pass, and counts requests that another one was open at."""

    def __init__(self) -> None:
        self.overlaps = 0
        self._open = False

    def fires(self, moment: Moment, _device: str, opcode: int, _now: float, _dice: Random) -> bool:
        if moment is Moment.TO_DEVICE and opcode % 2 == 0 and opcode not in NO_REQUESTS:
            self.overlaps += self._open
            self._open = True
        elif moment is Moment.FROM_DEVICE and opcode not in PUSHES:
            self._open = False
        return False


def test_row_product_on_a_complete_stack() -> None:
    async def row(air: Air) -> None:
        await air.connected()
        tap, counts = Tap(), Counts()
        air.radio.rules.append(tap)
        asked = await sources(air, counts, 100)
        assert (asked - counts.done, tap.overlaps, counts.misattributed) == (0, 0, 0)
        assert len(air.applied()) == 100

    live(row, lamp=phone_device())
