"""A journal with something missing: what changes a device is refused until that is accepted; nothing else is."""

import pytest
from house import House, live, write

from gattkeeper.errors import InvalidCommandError, StorageError, UsageError
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Alerted, FlawAccepted
from gattkeeper.model.status import AlertKind
from sim.scene import COUNTER

READ = Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)))
STOP = b"S\x00\x00\x00\x01"
FLAWS = ("rows are missing", "a file is missing")
MAY_NOT = "rows are missing; a file is missing; nothing that changes a device starts .* `gattkeeper audit accept"


def begin_with_flaws(house: House, *, holds: bool = True) -> None:
    """As a journal that was opened so; the keeper looks at it."""
    house.journal.flaws, house.journal.holds = FLAWS, holds
    house.keeper.look_at_journal()


def flaw_alerts(house: House) -> list[bool]:
    rows = (row.record for row in house.journal.rows)
    return [
        row.alert.raised for row in rows if isinstance(row, Alerted) and row.alert.kind is AlertKind.JOURNAL_FLAW
    ]


def test_what_changes_a_device_is_refused_and_reads_and_stops_go_on():
    async def story(house: House) -> None:
        begin_with_flaws(house)
        with pytest.raises(StorageError, match=MAY_NOT):
            await house.keeper.submit(write())
        with pytest.raises(StorageError, match=MAY_NOT):
            await house.keeper.fanout([write()])
        assert (await (await house.keeper.submit(READ)).wait()).succeeded
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        assert house.applied() == [STOP]

    live(story, journal=True)


def test_a_key_of_before_still_gives_its_command():
    async def story(house: House) -> None:
        before = await house.keeper.submit(write(idempotency_key="tap"))
        await before.wait()
        begin_with_flaws(house)
        assert await house.keeper.submit(write(idempotency_key="tap")) is before

    live(story, journal=True)


def test_what_was_accepted_holds_nothing_and_clears_the_alert():
    async def story(house: House) -> None:
        begin_with_flaws(house)
        (alert,) = house.keeper.status().alerts
        assert (alert.kind, "gattkeeper audit accept" in alert.text) == (AlertKind.JOURNAL_FLAW, True)
        assert await house.keeper.accept_flaws(who="Ann", why="looked") == FLAWS
        assert house.keeper.status().alerts == ()
        assert (await (await house.keeper.submit(write())).wait()).succeeded
        accepted = [row.record for row in house.journal.rows if isinstance(row.record, FlawAccepted)]
        assert [(row.flaws, row.who, row.why) for row in accepted] == [(FLAWS, "Ann", "looked")]
        assert flaw_alerts(house) == [True, False]
        with pytest.raises(UsageError, match="nothing to accept"):
            await house.keeper.accept_flaws(who="Ann", why="looked")

    live(story, journal=True)


def test_an_acceptance_that_cannot_be_written_changes_nothing():
    async def story(house: House) -> None:
        begin_with_flaws(house)
        house.journal.failing = True
        with pytest.raises(StorageError, match="disk is full"):
            await house.keeper.accept_flaws(who="Ann", why="looked")
        house.journal.failing = False
        with pytest.raises(StorageError, match=MAY_NOT):
            await house.keeper.submit(write())

    live(story, journal=True)


@pytest.mark.parametrize(("who", "why"), [("", "looked"), ("Ann", " ")])
def test_an_acceptance_says_who_and_why(who: str, why: str):
    async def story(house: House) -> None:
        begin_with_flaws(house)
        with pytest.raises(InvalidCommandError, match="who decides, and why"):
            await house.keeper.accept_flaws(who=who, why=why)

    live(story, journal=True)


def test_where_the_settings_say_so_an_alert_is_all():
    async def story(house: House) -> None:
        begin_with_flaws(house, holds=False)
        (alert,) = house.keeper.status().alerts
        assert alert.text == "rows are missing; a file is missing; see `gattkeeper audit verify`"
        assert (await (await house.keeper.submit(write())).wait()).succeeded

    live(story, journal=True)


def test_without_a_journal_there_is_nothing_to_accept():
    async def story(house: House) -> None:
        with pytest.raises(UsageError, match="nothing to accept"):
            await house.keeper.accept_flaws(who="Ann", why="looked")

    live(story)
