"""A command that was taken on: its steps, its deadline, and what a latch holds back."""

from core.drive import A_READ, S, write
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import CommandPhase, CommandStep
from gattkeeper.model.command import Command


def test_a_step_that_is_not_in_the_table_changes_nothing() -> None:
    entry = Entry(command=Command(device="blind", operation=A_READ), start_us=0, sequence=1, accepted_at=7)
    assert not entry.move(CommandStep.READY)
    assert entry.phase is CommandPhase.WAITING


def test_a_step_of_the_table_is_taken() -> None:
    entry = Entry(command=Command(device="blind", operation=A_READ), start_us=0, sequence=1, accepted_at=7)
    assert entry.move(CommandStep.START)
    assert entry.phase is CommandPhase.IN_FLIGHT


def test_a_deadline_counts_from_acceptance() -> None:
    command = Command(device="blind", operation=A_READ, deadline_us=3 * S)
    assert Entry(command=command, start_us=0, sequence=1, accepted_at=2 * S).deadline_at == 5 * S


def test_a_latch_holds_back_what_changes_the_device_but_not_what_undoes_it() -> None:
    change = Command(device="blind", operation=write())
    look = Command(device="blind", operation=A_READ)
    assert Entry(command=change, start_us=0, sequence=1, accepted_at=0).held_back
    assert not Entry(command=look, start_us=0, sequence=1, accepted_at=0).held_back
    assert not Entry(command=change, start_us=0, sequence=1, accepted_at=0, undoes="c-1").held_back
