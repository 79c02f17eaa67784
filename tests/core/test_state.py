"""The shapes of the core: steps outside of the tables change nothing, limits are limits."""

from core.drive import Drive, S
from gattkeeper.core.lifecycle import ConnectionState, ConnectionStep
from gattkeeper.core.limits import Limits
from gattkeeper.core.state import State, waiting_start
from gattkeeper.model.command import Priority


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


def test_every_limit_is_more_than_nothing() -> None:
    limits = Limits()
    switches = ("shed", "stop_persist_us")  # off, unless told
    assert all(getattr(limits, name) > 0 for name in limits.__struct_fields__ if name not in switches)
