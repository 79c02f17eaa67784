"""Which command a submission is: a new one, or the one that its key belongs to."""

import pytest

from gattkeeper.core import events
from gattkeeper.errors import ConflictError, StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read, Write
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.submitting import begin
from gattkeeper.world import run_virtual
from sim.memory_journal import MemoryJournal

TARGET = CharacteristicRef(uuid="2a19")
WRITE = Command(device="lounge", operation=Write(target=TARGET, payload=b"x"), idempotency_key="k")


def test_a_new_one_is_fed_and_its_key_gives_it_again():
    async def story() -> None:
        fed: list[events.Event] = []
        ledger = Ledger(id_prefix="c", journal=None)
        handle, is_new = begin(ledger, fed.append, None, WRITE)
        assert is_new
        assert fed == [events.Submitted(command=handle.command)]
        assert begin(ledger, fed.append, None, WRITE) == (handle, False)
        with pytest.raises(ConflictError):
            begin(
                ledger, fed.append, None, Command(device="attic", operation=WRITE.operation, idempotency_key="k")
            )
        assert len(fed) == 1

    run_virtual(story())


def test_while_the_journal_holds_what_changes_devices_nothing_of_it_is_fed():
    async def story() -> None:
        fed: list[events.Event] = []
        journal = MemoryJournal()
        journal.flaws, journal.holds = ("rows are missing",), True
        ledger = Ledger(id_prefix="c", journal=journal)
        with pytest.raises(StorageError, match="rows are missing"):
            begin(ledger, fed.append, journal, WRITE)
        assert ledger.live_ids() == ()
        begin(ledger, fed.append, journal, Command(device="lounge", operation=Read(target=TARGET)))
        assert len(fed) == 1

    run_virtual(story())
