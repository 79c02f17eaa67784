"""Events to the scheduler, effects to the world, rows to the journal: in order, and none after the end."""

import asyncio

import pytest
from house import House, live, write

from gattkeeper.core import effects, events
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Accepted, Ended, command_of
from gattkeeper.model.status import AlertKind
from gattkeeper.runtime.pump import REWRITE_AFTER_S, Pump
from gattkeeper.world import LinkMoment, LoseResponse, run_virtual
from sim.memory_journal import MemoryJournal


class Listener:
    """Implements `pump.PumpListener`; feeds the pump again while it is being told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.pump: Pump | None = None

    def accepted(self, command: Command, at_us: int) -> None:
        self.told.append("accepted")
        assert self.pump is not None
        self.pump.feed(events.CancelRequested(command_id=command.id))

    def durable(self, command_id: str, error: object) -> None:
        self.told.append("durable")

    def refused(self, command_id: str, refusal: effects.Refusal, text: str) -> None:
        self.told.append(refusal.value)

    def marked(self, command: Command, mark: object) -> None:
        self.told.append(mark.phase.value)

    def ended(self, command: Command, outcome: object, at_us: int) -> None:
        self.told.append(f"ended {outcome.cause.value}")

    def resolves(self, command_id: str) -> bool:
        raise AssertionError("nothing is unknown")

    def resolved(self, command: Command, resolution: object, at_us: int, error: object) -> None:
        raise AssertionError("nothing is unknown")

    def connection(self, device: str, state: str, at_us: int) -> None:
        self.told.append(state)

    def availability(self, device: str, state: str, at_us: int) -> None:
        self.told.append(state)

    def alert(self, alert: object, at_us: int) -> None:
        self.told.append(alert.kind.value)

    def keeps_payloads(self, device: str) -> bool:
        return False

    def route(self, device: str) -> object:
        raise AssertionError("nothing should connect")


def test_an_event_that_an_effect_causes_waits_until_all_effects_are_performed():
    async def story() -> None:
        listener = Listener()
        pump = listener.pump = Pump(Scheduler(journalled=False), listener, journal=None, jitter=lambda: 0.5)
        pump.feed(events.AdapterAdded(adapter="a", slots=1))
        pump.feed(events.AdapterDown(adapter="a", fault=None))
        pump.feed(events.DeviceAdded(device="lamp", adapter="a"))
        pump.feed(events.Submitted(command=Command(device="lamp", operation=Connect(), id="c-1")))
        assert listener.told[:3] == ["accepted", "durable", "accepted"]
        assert listener.told[-2:] == ["outcome", "ended cancelled"]
        pump.close()
        before = list(listener.told)
        pump.feed(events.Submitted(command=Command(device="lamp", operation=Connect(), id="c-2")))
        assert listener.told == before, "a closed pump takes nothing in"

    run_virtual(story())


def rows_of(journal: MemoryJournal, kind: type) -> list:
    return [row.record for row in journal.rows if isinstance(row.record, kind)]


def test_an_outcome_that_cannot_be_written_is_told_and_written_later_once():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LoseResponse())
        handle = await house.keeper.submit(write(attempt_timeout_us=500_000))
        await asyncio.sleep(0.4)
        house.journal.failing = True
        assert (await handle.wait()).verdict is Verdict.UNKNOWN
        assert rows_of(house.journal, Ended) == []
        await asyncio.sleep(3 * REWRITE_AFTER_S)
        house.journal.failing = False
        await asyncio.sleep(2 * REWRITE_AFTER_S)
        assert [row.outcome for row in rows_of(house.journal, Ended)] == [handle.outcome]

    live(story, journal=True)


@pytest.mark.parametrize("disk_is_back", [True, False])
def test_what_is_owed_is_written_before_the_journal_is_closed_and_never_after(disk_is_back: bool):
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        handle = await house.keeper.submit(write())
        house.journal.failing = True
        await handle.wait()
        house.journal.failing = not disk_is_back
        await house.keeper.close()
        await asyncio.sleep(5 * REWRITE_AFTER_S)
        assert len(rows_of(house.journal, Ended)) == (2 if disk_is_back else 1)

    live(story, journal=True)


def test_no_outcome_is_written_of_a_command_whose_acceptance_failed():
    async def story(house: House) -> None:
        house.journal.failing = True
        older = asyncio.ensure_future(house.keeper.submit(write(b"1", coalesce_key="level")))
        await asyncio.sleep(0)
        newer = asyncio.ensure_future(house.keeper.submit(write(b"2", coalesce_key="level")))
        await asyncio.wait([older, newer])
        house.journal.failing = False
        await asyncio.sleep(3)
        assert rows_of(house.journal, Accepted) == rows_of(house.journal, Ended) == []
        assert len(house.watch.ends) == 2
        assert house.keeper._pump._unrecorded == {}, "nothing is kept of them"
        assert house.keeper._pump._accepting == {}

    live(story, journal=True)


def test_a_journal_that_cannot_be_written_is_told_once_and_so_is_that_it_can_be_again():
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.journal.failing = True
        for _ in range(3):
            with pytest.raises(StorageError):
                await house.keeper.submit(write())
        (raised,) = house.watch.alerts
        assert (raised.kind, raised.device, raised.raised) == (AlertKind.JOURNAL, "journal", True)
        assert raised.text == "the disk is full: make room"
        house.journal.failing = False
        await (await house.keeper.submit(write())).wait()
        (cleared,) = house.watch.alerts[1:]
        assert (cleared.kind, cleared.raised, cleared.text) == (AlertKind.JOURNAL, False, "")

    live(story, journal=True)


@pytest.mark.parametrize("closed_before", [True, False])
def test_a_stop_that_the_journal_could_not_take_is_written_when_it_can(closed_before: bool):
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.journal.failing = True
        (stop,) = await house.keeper.stop("lamp")
        outcome = await stop.wait()
        assert outcome.verdict is Verdict.DELIVERED
        await asyncio.sleep(2 * REWRITE_AFTER_S)
        house.journal.failing = False
        if closed_before:
            await house.keeper.close()
        await asyncio.sleep(2 * REWRITE_AFTER_S)
        written = [row.record for row in house.journal.rows if command_of(row.record) == stop.id]
        assert [type(row) for row in written] == [Accepted, Ended]
        assert written[1].outcome == outcome

    live(story, journal=True)


def test_an_early_end_is_written_after_the_acceptance():
    async def story(house: House) -> None:
        older = asyncio.ensure_future(house.keeper.submit(write(b"1", coalesce_key="level")))
        await asyncio.sleep(0)
        newer = await house.keeper.submit(write(b"2", coalesce_key="level"))
        assert (await (await older).wait()).by == newer.id
        assert [type(row.record) for row in house.journal.rows[:2]] == [Accepted, Accepted]

    live(story, journal=True)
