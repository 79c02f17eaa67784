"""The load of article 001 on the stacks it names: under the keeper nothing overlaps, is dropped or goes to the wrong
caller; callers who go to the same stack by themselves meet its habits.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault, android_lost_fault
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import Android, CoreBluetooth, Overlap, PersonalLink, SimulatedLink, Statuses, run_virtual
from gattkeeper.world.android import UNANSWERED
from seeds.callback_gatt import CallbackGatt, Unheard
from seeds.platform_story import Load, load, the_device
from sim.scene import Book

PATIENCE_S = 10.0
PRIORITIES = {
    "ui": Priority.INTERACTIVE,
    "sync": Priority.BACKGROUND,
    "telemetry": Priority.NORMAL,
    "setup": Priority.NORMAL,
}
STATUSES = Statuses(connecting=android_connect_fault, lost=android_lost_fault, other=android_fault)

Habits = Android | CoreBluetooth
MAKERS: dict[str, Callable[[], Habits]] = {
    "pixel": lambda: Android(Overlap.RETURNS_FALSE, STATUSES),
    "samsung": lambda: Android(Overlap.STATUS_133, STATUSES),
    "xiaomi": lambda: Android(Overlap.DROPPED, STATUSES),
    "core_bluetooth": CoreBluetooth,
}


class Stage:
    """The device behind a platform."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.device = the_device()
        self.simulated = SimulatedLink([self.device], unanswered=UNANSWERED, connection_interval_s=0.0075)
        self.link = PersonalLink(self.simulated, habits)


async def kept(stage: Stage) -> Load:
    """Everybody goes through one keeper."""
    book = Book({"monitor": DeviceRules(address=stage.device.address)})
    keeper = Keeper(links={"adapter": stage.link}, book=book)
    await keeper.start()

    async def perform(source: str, operation: Operation) -> tuple[str, object]:
        command = Command(
            device="monitor",
            operation=operation,
            priority=PRIORITIES[source],
            origin=Origin(front="library", principal=source),
            deadline_us=3_600_000_000,
        )
        outcome = await (await keeper.submit(command)).wait()
        return ("done" if outcome.succeeded else outcome.cause.value), outcome.value

    result = await load(stage.device, perform)
    await keeper.close()
    return result


async def naive(stage: Stage) -> Load:
    """Everybody calls the stack by themselves, and gives up after a while."""
    connection = await stage.link.connect(stage.device.address, Unheard())

    async def perform(source: str, operation: Operation) -> tuple[str, object]:
        try:
            return "done", await asyncio.wait_for(connection.perform(operation), PATIENCE_S)
        except LinkError as error:
            return error.fault.name, None
        except TimeoutError:
            return "silence", None

    result = await load(stage.device, perform)
    await connection.disconnect()
    return result


async def by_callback(stage: Stage) -> Load:
    """The same, over a listener that is not told which request an answer belongs to: to the last one, they think."""
    gatt = CallbackGatt(await stage.link.connect(stage.device.address, Unheard()))
    last: list[asyncio.Future[tuple[str, AnswerValue]]] = []

    def heard(status: int, value: AnswerValue) -> None:
        if last and not last[-1].done():
            last[-1].set_result(("refused" if status else "done", value))

    async def perform(source: str, operation: Operation) -> tuple[str, object]:
        last[:] = [asyncio.get_running_loop().create_future()]
        asked = last[-1]
        gatt.start(operation)
        try:
            return await asyncio.wait_for(asked, PATIENCE_S)
        except TimeoutError:
            return "silence", None

    gatt.listener = heard
    result = await load(stage.device, perform)
    await gatt.close()
    return result


def on(habits: Habits, way: Callable[[Stage], Awaitable[Load]]) -> tuple[Stage, Load]:
    async def story() -> tuple[Stage, Load]:
        stage = Stage(habits)
        return stage, await way(stage)

    return run_virtual(story())


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_row_platforms_the_keeper_lets_nothing_overlap_nothing_vanish_and_nothing_be_mistaken(make):
    stage, result = on(make(), kept)
    assert result.asked == 2400
    assert result.told == {"done": 2400}
    assert (result.wrong, result.lost, result.twice) == (0, 0, 0)
    assert stage.habits.overlapped == 0
    assert stage.simulated.log.violations == []


@pytest.mark.parametrize(
    ("name", "habit"), [("pixel", "returned_false"), ("samsung", "gatt_error"), ("xiaomi", "silence")]
)
def test_row_platforms_callers_by_themselves_meet_the_vendors_habit(name, habit):
    stage, result = on(MAKERS[name](), naive)
    assert set(result.told) == {"done", habit}
    assert result.told[habit] > 1000, "most of what overlaps"
    assert stage.habits.overlapped == result.told[habit]


def test_row_platforms_callers_who_take_each_answer_for_their_own_get_those_of_others():
    _, result = on(MAKERS["xiaomi"](), by_callback)
    assert result.wrong > 0
    assert result.lost > 0, "told as done, and dropped"


def test_row_platforms_callers_by_themselves_take_each_others_answers_on_core_bluetooth():
    stage, result = on(CoreBluetooth(), naive)
    assert result.told["silence"] > 100, "a newer caller has their answer"
    assert stage.habits.overlapped > 100


@pytest.mark.parametrize("way", [kept, naive])
def test_row_platforms_no_queue_above_helps_a_link_that_does_not_ask_core_bluetooth_whether_it_is_ready(way):
    stage, result = on(CoreBluetooth(asks=False, places=1, sent_s=0.2), way)
    assert result.lost == stage.habits.lost_writes > 0
