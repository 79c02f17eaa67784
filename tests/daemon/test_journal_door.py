"""A daemon whose journal is out of order at the start: it stops devices, and goes on with the journal when it can."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.daemon.journal_door import open_journal, open_or_do_without, wait_for
from gattkeeper.daemon.settings import load_settings
from gattkeeper.errors import LatchedError, StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Accepted, Intended
from gattkeeper.model.status import AlertKind
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.late_journal import LateJournal
from gattkeeper.storage.succession import Whole, verify_journal
from gattkeeper.world.virtual_blind import BLIND_LABEL
from system.home import SETTINGS


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "g.toml"
    path.write_text(SETTINGS.replace("[devices.kitchen]", "[devices.kitchen]\nsafety = true"))
    return load_settings(path)


async def leave_one_in_flight(settings):
    """As a keeper that dies: its command is not ended."""
    journal = await open_journal(settings)
    command = Command(
        id="old-1",
        device="kitchen",
        operation=Write(target=characteristic_ref(BLIND_LABEL), payload=b"\x01"),
    )
    journal.append(Accepted(command=command, at_us=1))
    journal.append(Intended(command_id="old-1", attempt=1, epoch=1, at_us=2))
    await journal.close()


@asynccontextmanager
async def damaged(settings):
    """The beginning of the journal is lost; at the end it is restored, as from a copy."""
    file = settings.keeper.journal
    kept = file.read_bytes()
    file.write_bytes(bytes(4096) + kept[4096:])
    yield
    file.write_bytes(kept)


@pytest.mark.asyncio
async def test_without_its_journal_it_carries_out_stops_and_refuses_everything_else(settings):
    await leave_one_in_flight(settings)
    async with damaged(settings):
        journal = await open_or_do_without(settings)
        async with open_keeper(settings, journal=journal) as keeper:
            (alert,) = keeper.status().alerts
            assert alert.kind is AlertKind.JOURNAL
            assert "is not a gattkeeper journal" in alert.text
            with pytest.raises(StorageError, match="is not a gattkeeper journal"):
                await keeper.device("lounge").write(BLIND_LABEL, b"\x02")
            (stop,) = await keeper.stop("lounge")
            assert (await stop.wait()).verdict is Verdict.DELIVERED


@pytest.mark.asyncio
async def test_when_the_journal_comes_everything_goes_on_but_for_what_it_holds_back(settings):
    await leave_one_in_flight(settings)
    async with damaged(settings):
        journal = await open_or_do_without(settings)
    async with open_keeper(settings, journal=journal) as keeper:
        await wait_for(journal, keeper, settings, retry_s=0)
        assert keeper.status().alerts == ()
        await keeper.device("lounge").write(BLIND_LABEL, b"\x02")
        with pytest.raises(LatchedError):
            await keeper.device("kitchen").write(BLIND_LABEL, b"\x03")
        old = keeper.handle("old-1")
        assert old is not None
        assert (await old.wait()).verdict is Verdict.UNKNOWN
    assert isinstance(verify_journal(settings.keeper.journal), Whole)


@pytest.mark.asyncio
async def test_it_looks_again_until_the_journal_is_mended(settings):
    await leave_one_in_flight(settings)
    async with damaged(settings):
        journal = await open_or_do_without(settings)
        async with open_keeper(settings, journal=journal) as keeper:
            waiting = asyncio.create_task(wait_for(journal, keeper, settings, retry_s=0.01))
            done, _ = await asyncio.wait({waiting}, timeout=0.2)
            assert not done
            assert keeper.status().alerts
            waiting.cancel()


@pytest.mark.asyncio
async def test_a_journal_that_another_process_holds_is_no_reason_to_start(settings):
    holder = await SqliteJournal.open(settings.keeper.journal)
    with pytest.raises(StorageError, match="is held by"):
        await open_or_do_without(settings)
    await holder.close()


@pytest.mark.asyncio
async def test_a_first_start_that_cannot_make_a_journal_says_so(settings):
    settings.keeper.journal.mkdir()
    with pytest.raises(StorageError):
        await open_journal(settings)
    settings.keeper.journal.rmdir()
    settings.keeper.journal.with_name("journal.db-wal").write_bytes(b"left")
    with pytest.raises(StorageError, match="restore the one"):
        await open_or_do_without(settings)


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_read_may_hold_a_journal(settings):
    file = settings.keeper.journal.with_name("file")
    file.write_text("")
    keeper = replace(settings.keeper, journal=file / "journal.db")
    assert isinstance(await open_or_do_without(replace(settings, keeper=keeper)), LateJournal)
