"""The shapes of the core: steps outside of the tables change nothing, keys and tokens never repeat."""

from core.drive import A_READ, Drive, S
from gattkeeper.core.lifecycle import CommandPhase, CommandStep, ConnectionState, ConnectionStep
from gattkeeper.core.state import Entry, Limits, State, waiting_start
from gattkeeper.model.command import Command, Priority


def test_a_step_that_is_not_in_the_table_changes_nothing() -> None:
    entry = Entry(command=Command(device="blind", operation=A_READ), start_us=0, sequence=1, accepted_at=7)
    assert not entry.move(CommandStep.READY)
    assert entry.phase is CommandPhase.WAITING


def test_a_step_of_the_table_is_taken() -> None:
    entry = Entry(command=Command(device="blind", operation=A_READ), start_us=0, sequence=1, accepted_at=7)
    assert entry.move(CommandStep.START)
    assert entry.phase is CommandPhase.IN_FLIGHT


def test_a_connection_takes_no_step_that_is_not_in_the_table() -> None:
    drive = Drive()
    state: State = drive.scheduler._state
    state.effects = []
    assert not state.move_connection(state.devices["blind"], ConnectionStep.GONE)
    assert state.devices["blind"].connection is ConnectionState.DISCONNECTED
    assert state.effects == []


def test_each_priority_counts_like_one_ageing_time_of_coming_later() -> None:
    starts = [waiting_start(5, priority, 10 * S) for priority in Priority]
    assert starts == [5, 5 + 10 * S, 5 + 20 * S, 5 + 30 * S]


def test_a_deadline_counts_from_acceptance() -> None:
    command = Command(device="blind", operation=A_READ, deadline_us=3 * S)
    assert Entry(command=command, start_us=0, sequence=1, accepted_at=2 * S).deadline_at == 5 * S


def test_every_limit_is_more_than_nothing() -> None:
    limits = Limits()
    assert all(getattr(limits, name) > 0 for name in limits.__struct_fields__ if name != "shed")
