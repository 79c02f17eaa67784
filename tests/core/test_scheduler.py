"""The scheduler as a whole: events that do not fit, the clock, its figures, and its cost in a long line."""

from typing import get_args

import pytest

from core.drive import A_READ, MS, Drive, S, fault, write
from core.test_waiting import calls
from gattkeeper.core import effects, events, scheduler
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.outcome import Phase

GONE = fault(FaultKind.ADAPTER_GONE)

STRANGE: list[events.Event] = [
    events.AdapterDown(adapter="nobody", fault=GONE),
    events.AdapterUp(adapter="nobody"),
    events.AdapterAdded(adapter="hci", slots=1),
    events.DeviceAdded(device="blind", adapter="hci"),
    events.DeviceAdded(device="new", adapter="nobody"),
    events.Resumed(device="nobody"),
    events.Resolved(command_id="x", device="nobody"),
    events.Connected(device="nobody", epoch=1),
    events.Connected(device="blind", epoch=0),
    events.ConnectFailed(device="blind", epoch=0, fault=GONE),
    events.ConnectProgressed(device="blind", epoch=0, phase=Phase.SCAN),
    events.ConnectionLost(device="blind", epoch=0, fault=GONE),
    events.DisconnectDone(device="blind", epoch=0),
    events.Answered(device="blind", epoch=0, token=1),
    events.Failed(device="blind", epoch=0, token=1, fault=GONE),
    events.IntentRecorded(device="blind", token=1),
    events.AcceptFailed(command_id="nobody"),
    events.Ticked(),
]


@pytest.mark.parametrize("event", STRANGE, ids=lambda event: type(event).__name__)
def test_an_event_that_does_not_fit_changes_nothing(event: events.Event) -> None:
    drive = Drive()
    before = drive.scheduler.status(0)
    assert drive.feed(event) == []
    assert drive.scheduler.status(0) == before
    assert drive.scheduler.wakeup_at() is None


def test_there_is_one_way_to_take_each_event() -> None:
    ways = [*scheduler._OF_KEEPER, *scheduler._OF_DEVICE, *scheduler._OF_CONNECTION]
    assert len(ways) == len(set(ways))
    assert set(ways) == set(get_args(events.Event))


def test_where_nobody_watches_only_the_outcome_tells_of_phases() -> None:
    watched, unwatched = Drive(), Scheduler(watched=False)
    watched.warm()
    watched.submit("one", A_READ)
    watched.answer(b"\x55")
    caused = [effect for event, now in watched.fed for effect in unwatched.handle(event, now)]
    assert caused == [effect for effect in watched.effects if not isinstance(effect, effects.Marked)]
    assert len(watched.effects) > len(caused)


def test_a_clock_that_goes_back_is_not_believed() -> None:
    drive = Drive()
    drive.now = 10 * S
    drive.submit("one", A_READ)
    drive.now = 1 * S
    drive.submit("two", A_READ)
    assert drive.of(effects.Marked)[-1].mark.at_us == 10 * S


def test_wakeup_is_the_earliest_of_all_moments_and_none_when_there_is_nothing_to_wait_for() -> None:
    drive = Drive()
    assert drive.scheduler.wakeup_at() is None
    drive.submit("one", A_READ, deadline_us=40 * S, queue_timeout_us=3 * S)
    assert drive.scheduler.wakeup_at() == 3 * S
    assert [drive.scheduler.may_wake_before(at) for at in (3 * S, 3 * S + 1)] == [False, True]
    drive.connected()
    assert drive.scheduler.wakeup_at() == 2500 * MS
    drive.wait(2500 * MS)
    assert drive.scheduler.wakeup_at() == 5 * S
    drive.answer(b"x")
    assert drive.scheduler.wakeup_at() == drive.now + 8 * S
    drive.wait(8 * S)
    drive.gone()
    assert drive.scheduler.wakeup_at() is None


def test_figures_show_what_is_there() -> None:
    drive = Drive("blind", "lamp")
    drive.warm()
    drive.submit("one", A_READ)
    drive.submit("two", write())
    drive.submit("other", A_READ, "lamp")
    drive.wait(2 * S)
    blind, lamp = drive.device(), drive.device("lamp")
    assert (blind.connection, blind.in_flight, blind.in_flight_us) == ("connected", "one", 2 * S)
    assert (blind.waiting, blind.oldest_waiting_us) == (1, 2 * S)
    assert (lamp.connection, lamp.in_flight, lamp.waiting) == ("connecting", "", 1)
    status = drive.scheduler.status(drive.now)
    assert (status.waiting, status.accepted, status.ended) == (2, 4, 1)
    adapter = drive.adapter()
    assert (adapter.connections, adapter.slots, adapter.connecting) == (2, 5, "lamp")


def test_the_same_events_give_the_same_effects_again() -> None:
    drive = Drive("blind", "lamp", safety=True)
    drive.warm()
    drive.submit("one", write(1))
    drive.submit("two", A_READ, "lamp")
    drive.wait(5 * S)
    drive.stop()
    drive.wait(30 * S)
    again = Scheduler()
    assert [effect for event, now in drive.fed for effect in again.handle(event, now)] == drive.effects


def filled(commands: int) -> Drive:
    """One command in flight and so many behind it."""
    drive = Drive(limits=Limits(queue_max=30_000, queue_per_device_max=30_000), journalled=False)
    drive.warm()
    for number in range(commands + 1):
        drive.submit(f"{number}", A_READ)
    return drive


def test_submitting_and_dispatching_cost_the_same_with_twenty_thousand_waiting() -> None:
    """Calls are counted, not time. A heap of timers is a few comparisons deeper, and those are no calls."""

    def cost(drive: Drive) -> tuple[int, int]:
        scheduler, owed = drive.scheduler, drive.owed[0]
        command = Command(id="new", device="blind", operation=A_READ)
        submitted, answered = (
            events.Submitted(command=command),
            events.Answered(device="blind", epoch=owed.epoch, token=owed.token),
        )
        return (
            calls(lambda: scheduler.handle(submitted, drive.now)),
            calls(lambda: scheduler.handle(answered, drive.now)),
        )

    few, many = cost(filled(100)), cost(filled(20_000))
    assert many[0] <= few[0] + 5
    assert many[1] <= few[1] + 5


def test_a_command_waits_until_it_starts() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("first", A_READ)
    drive.submit("second", A_READ)
    waits = drive.scheduler.waits
    assert (waits("first"), waits("second"), waits("nobody")) == (False, True, False)
