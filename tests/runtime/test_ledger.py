"""Which commands there are, by id and by idempotency key."""

import pytest
from msgspec.structs import replace

from gattkeeper.errors import ConflictError
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.operation import Connect, ReadRssi
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.record import Accepted, Ended, Resolved
from gattkeeper.runtime import ledger as ledger_module
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.world import run_virtual
from sim.memory_journal import MemoryJournal, Row

COMMAND = Command(device="lamp", operation=Connect())
KEYED = Command(device="lamp", operation=Connect(), idempotency_key="tap")
OUTCOME = Outcome(command_id="old-1", verdict=Verdict.UNKNOWN, cause=Cause.CRASHED_IN_FLIGHT)


def in_loop(story) -> None:
    async def run() -> None:
        story()

    run_virtual(run())


def ledger_after(*records) -> Ledger:
    journal = MemoryJournal(rows=[Row(record=record, durable_at_us=0) for record in records])
    return Ledger(id_prefix="new", journal=journal)


def old_command() -> Command:
    return Command(device="lamp", operation=Connect(), idempotency_key="tap", id="old-1")


def test_an_id_of_several_that_belong_together_is_no_commands():
    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        assert (ledger.open(COMMAND).id, ledger.new_id(), ledger.open(COMMAND).id) == ("p-1", "p-2", "p-3")

    in_loop(story)


def test_ids_are_unique_and_live_until_the_end():
    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        one, two = ledger.open(COMMAND), ledger.open(COMMAND)
        assert ledger.live_ids() == (one.id, two.id) == ("p-1", "p-2")
        assert ledger.close(one.id) is one
        assert ledger.close(one.id) is None
        assert (ledger.live(one.id), ledger.find(one.id)) == (None, one)
        assert ledger.live_ids() == ("p-2",)
        assert ledger.find("p-3") is None

    in_loop(story)


def test_a_key_gives_the_same_command_again_and_belongs_to_one_request():
    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        handle = ledger.open(KEYED)
        assert ledger.find_by_key(KEYED) is handle
        assert ledger.find_by_key(COMMAND) is None
        with pytest.raises(ConflictError, match="'tap' belongs to p-1"):
            ledger.find_by_key(Command(device="lamp", operation=ReadRssi(), idempotency_key="tap"))

    in_loop(story)


def test_who_asks_without_a_name_is_the_program_itself_and_others_are_who_they_are():
    def story() -> None:
        own = Origin(front="library", principal="ann", uid=1, pid=2)
        ledger = Ledger(id_prefix="p", journal=None, origin=own)
        assert ledger.open(COMMAND).command.origin == own
        eve = Origin(front="socket", principal="eve")
        assert ledger.open(replace(COMMAND, origin=eve)).command.origin == eve
        assert (ledger.who(None), ledger.who(eve)) == (own, eve)

    in_loop(story)


def test_what_was_not_taken_on_leaves_its_key_free():
    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        ledger.strike(ledger.open(KEYED))
        assert ledger.find_by_key(KEYED) is None
        assert ledger.live_ids() == ()

    in_loop(story)


def test_memory_is_bounded_and_the_oldest_ended_is_forgotten_with_its_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ledger_module, "ENDED_KEPT", 2)

    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        for command in (KEYED, COMMAND, COMMAND):
            ledger.close(ledger.open(command).id)
        assert ledger.find("p-1") is None
        assert ledger.find("p-2") is not None
        assert ledger.find_by_key(KEYED) is None

    in_loop(story)


def test_an_earlier_run_is_answered_from_the_journal():
    def story() -> None:
        ledger = ledger_after(Accepted(command=old_command(), at_us=0), Ended(outcome=OUTCOME, at_us=1))
        assert ledger.find("old-1").outcome == OUTCOME
        assert ledger.find_by_key(KEYED).id == "old-1"

    in_loop(story)


def test_a_handle_learns_of_its_resolution_and_there_is_no_other():
    def story() -> None:
        ledger = Ledger(id_prefix="p", journal=None)
        handle = ledger.open(COMMAND)
        ledger.close(handle.id)
        resolution = Resolution(command_id=handle.id, applied=True, who="a person", why="looked")
        assert ledger.resolve(handle.id)
        ledger.resolved(resolution)
        assert handle.resolution == resolution
        assert not ledger.resolve(handle.id)
        ledger.resolved(Resolution(command_id="forgotten", applied=True, who="a person", why="looked"))

    in_loop(story)


def test_a_command_is_resolved_once_whichever_run_did_it():
    def story() -> None:
        resolution = Resolution(command_id="old-1", applied=True, who="a person", why="looked")
        rows = [Accepted(command=old_command(), at_us=0), Ended(outcome=OUTCOME, at_us=1)]
        assert not ledger_after(*rows, Resolved(resolution=resolution, at_us=2)).resolve("old-1")
        ledger = ledger_after(*rows)
        assert [ledger.resolve("old-1"), ledger.resolve("old-1")] == [True, False]
        ledger.reopen("old-1")
        assert ledger.resolve("old-1")
        assert ledger_after(*rows, Resolved(resolution=resolution, at_us=2)).find("old-1").resolution == resolution

    in_loop(story)
