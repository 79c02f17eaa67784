"""What goes on record of what happens: digests instead of bytes, who asked, and nothing missing after trouble."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from house import House, live, nothing_left, write

from gattkeeper.core.limits import Limits
from gattkeeper.errors import ConflictError
from gattkeeper.model.command import Origin
from gattkeeper.model.digest import digests_in, digests_of, without_payloads
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Accepted, Alerted, Ended, Latch, Resolved, ResumeAsked, StopAsked
from gattkeeper.model.status import Alert, AlertKind
from gattkeeper.runtime import rows as rows_module
from gattkeeper.runtime.rows import Rows
from gattkeeper.world import LinkMoment, LoseResponse, run_virtual
from sim.memory_journal import MemoryJournal

EVE = Origin(front="socket", principal="eve", uid=1000, pid=77)


def rows_of(house: House, kind: type) -> list:
    return [row.record for row in house.journal.rows if isinstance(row.record, kind)]


async def unknown(house: House):
    rule = house.rule(LinkMoment.OPERATION, LoseResponse())
    lost = await house.keeper.submit(write(attempt_timeout_us=500_000))
    assert (await lost.wait()).verdict is Verdict.UNKNOWN
    house.link.rules.remove(rule)
    return lost


def test_the_journal_has_digests_of_payloads_and_values_and_the_caller_has_the_bytes():
    async def story(house: House) -> None:
        written = await house.keeper.submit(write(b"secret"))
        await written.wait()
        value = await house.keeper.device("lamp").read("fe52")
        row, read = rows_of(house, Accepted)
        end, value_end = rows_of(house, Ended)
        assert (row.command, row.digests) == (without_payloads(written.command), digests_of(written.command))
        assert value_end.outcome.value is None
        assert [one.length for one in value_end.digests] == [len(value)]
        assert (read.digests, end.digests) == ((), ())

    live(story, journal=True)


def test_bytes_are_kept_for_the_devices_that_ask_for_it_from_the_moment_they_do():
    async def story(house: House) -> None:
        await (await house.keeper.submit(write(b"one"))).wait()
        await house.keeper.use_book(house.book.without(journal_payloads=True))
        handle = await house.keeper.submit(write(b"two"))
        await handle.wait()
        value = await house.keeper.device("lamp").read("fe52")
        first, second, _ = rows_of(house, Accepted)
        assert first.command.operation.payload == b""
        assert (second.command, second.digests) == (handle.command, digests_of(handle.command))
        read_end = rows_of(house, Ended)[-1]
        assert (read_end.outcome.value, read_end.digests) == (value, digests_in(read_end.outcome))

    live(story, journal=True)


def after_a_restart(first: Callable[[House], Awaitable[None]], then: Callable[[House], Awaitable[None]]) -> None:
    """Two stories of two keepers, the second with the journal of the first."""

    async def story(house: House) -> None:
        await first(house)
        await house.keeper.close()
        following = House(safety=True, journal=True, rows=house.journal.rows)
        await following.keeper.start()
        await then(following)
        await following.keeper.close()
        await nothing_left()

    live(story, safety=True, journal=True)


def test_a_key_gives_the_same_record_after_a_restart_although_only_digests_are_left():
    ids: list[str] = []

    async def first(house: House) -> None:
        handle = await house.keeper.submit(write(b"one", idempotency_key="tap"))
        await handle.wait()
        ids.append(handle.id)

    async def then(house: House) -> None:
        again = await house.keeper.submit(write(b"one", idempotency_key="tap", origin=EVE))
        assert (again.id, again.outcome.verdict) == (ids[0], Verdict.DELIVERED)
        with pytest.raises(ConflictError, match=f"'tap' belongs to {ids[0]}"):
            await house.keeper.submit(write(b"two", idempotency_key="tap"))
        assert house.applied() == []

    after_a_restart(first, then)


def test_a_stop_and_its_end_are_on_record_with_scope_and_who_asked():
    async def story(house: House) -> None:
        stops = await house.keeper.stop("all", latch=True, origin=EVE)
        await asyncio.gather(*(stop.wait() for stop in stops))
        house.keeper.resume("lamp", origin=EVE)
        await asyncio.sleep(1)
        (asked,), (resumed,) = rows_of(house, StopAsked), rows_of(house, ResumeAsked)
        assert (asked.scope, asked.latch, asked.origin) == ("all", True, EVE)
        assert asked.commands == tuple(stop.id for stop in stops)
        assert (resumed.scope, resumed.devices, resumed.origin) == ("lamp", ("lamp",), EVE)

    live(story, journal=True)


def test_a_latch_is_on_record_when_it_is_set_and_when_it_opens():
    async def story(house: House) -> None:
        lost = await unknown(house)
        await house.keeper.resolve(lost.id, applied=True, who="Ann", why="looked", origin=EVE)
        await asyncio.sleep(1)
        latches = rows_of(house, Latch)
        assert [(one.device, one.by, one.held) for one in latches] == [
            ("lamp", lost.id, True),
            ("lamp", lost.id, False),
        ]
        (resolved,) = rows_of(house, Resolved)
        assert (resolved.resolution.who, resolved.resolution.origin) == ("Ann", EVE)

    live(story, safety=True, journal=True)


def test_a_latch_that_a_restart_found_is_on_record_again():
    async def first(house: House) -> None:
        await unknown(house)

    async def then(house: House) -> None:
        await asyncio.sleep(1)
        assert [one.held for one in rows_of(house, Latch)] == [True, True]

    after_a_restart(first, then)


def test_alerts_are_on_record_when_they_are_raised_and_when_they_are_cleared():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LoseResponse(), times=1)
        await (await house.keeper.submit(write(attempt_timeout_us=2_000_000))).wait()
        await asyncio.sleep(1)
        alerts = [row.alert for row in rows_of(house, Alerted)]
        assert alerts == house.watch.alerts
        assert [(one.kind, one.raised) for one in alerts] == [
            (AlertKind.IN_FLIGHT, True),
            (AlertKind.IN_FLIGHT, False),
        ]

    live(story, journal=True, limits=Limits(alert_in_flight_us=1_000_000))


def test_what_happened_while_the_journal_failed_is_written_when_it_can_be():
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.journal.failing = True
        house.keeper.resume(origin=EVE)
        await asyncio.sleep(1)
        assert rows_of(house, ResumeAsked) == rows_of(house, Alerted) == []
        house.journal.failing = False
        await (await house.keeper.submit(write())).wait()
        (resumed,) = rows_of(house, ResumeAsked)
        assert resumed.at_us < house.journal.rows[-1].durable_at_us - 900_000, "the row says when it was"
        assert [row.alert.raised for row in rows_of(house, Alerted)] == [True, False]

    live(story, journal=True)


def test_what_was_missed_is_tried_once_more_at_the_end():
    async def story(house: House) -> None:
        house.journal.failing = True
        house.keeper.resume(origin=EVE)
        await asyncio.sleep(1)
        house.journal.failing = False
        await house.keeper.close()
        assert len(rows_of(house, ResumeAsked)) == 1

    live(story, journal=True)


def test_what_is_missed_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows_module, "NOTES_KEPT", 2)

    async def story() -> None:
        journal = MemoryJournal()
        rows = Rows(journal, now_us=lambda: 0, keeps=lambda _device: False, tell=lambda _alert, _at_us: None)
        journal.failing = True
        for at_us in range(3):
            rows.note(ResumeAsked(scope="all", devices=(), origin=EVE, at_us=at_us))
            await asyncio.sleep(1)
        journal.failing = False
        rows.close()
        await journal.close()
        assert [row.record.at_us for row in journal.rows if isinstance(row.record, ResumeAsked)] == [1, 2]
        rows.note(ResumeAsked(scope="all", devices=(), origin=EVE, at_us=9))
        assert rows._missed == rows_module.deque(), "nothing is kept after the end"

    run_virtual(story())


def test_without_a_journal_everything_is_on_record_at_once():
    async def story() -> None:
        told: list[object] = []
        rows = Rows(None, now_us=lambda: 7, keeps=lambda _device: False, tell=lambda *news: told.append(news))
        alert = Alert(kind=AlertKind.DEPTH, device="lamp", raised=True, value=3)
        rows.alert(alert)
        rows.put(ResumeAsked(scope="all", devices=(), origin=EVE, at_us=0), told.append)
        assert told == [(alert, 7), None]

    run_virtual(story())
