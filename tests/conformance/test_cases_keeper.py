"""Cases that need more than the core: callers, tasks, links and watchers. Numbers are those of the conformance list.

Knows a keeper on a simulated link, in virtual time.
"""

import asyncio

import pytest

from gattkeeper.errors import CommandCancelledError, CommandNotDeliveredError, StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Property, characteristic_ref, find_characteristics
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation, Read
from gattkeeper.model.outcome import AnswerValue, Cause, Verdict
from gattkeeper.model.record import Accepted, Ended, command_of
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, LinkConnection
from gattkeeper.storage.recovery import settle
from gattkeeper.world import (
    Fail,
    LateResponse,
    LinkMoment,
    LoseRequest,
    Raise,
    SeenKind,
    VirtualCharacteristic,
    VirtualService,
)
from runtime.breaking_link import StubbornLink
from runtime.house import LOST, House, live, now, write
from sim.scene import COUNTER, PUSHED, SERVICE, STOP, WRITABLE

OPERATION = LinkMoment.OPERATION
READ = Read(target=characteristic_ref(COUNTER))
NEEDS_PAIRING = Fault(kind=FaultKind.NEEDS_PAIRING, ran=Ran.REFUSED, stack="att", code=0x05)
OUT_OF_SYNC = Fault(kind=FaultKind.STALE, ran=Ran.REFUSED, stack="att", code=0x12)


async def connected(house: House) -> None:
    await house.keeper.device("lamp").connect()


def requests(house: House, kind: str, name: str = "lamp") -> int:
    """How many operations of a kind were handed over."""
    seen = (entry for entry in house.link.log.of(name) if entry.kind is SeenKind.REQUEST)
    return sum(entry.operation.__struct_config__.tag == kind for entry in seen)


def test_c15_a_watcher_that_raises_at_an_end_is_logged_and_the_next_command_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bad(*_news: object) -> None:
        raise RuntimeError("watcher")

    async def story(house: House) -> None:
        house.watch.ended = bad
        first, second = await house.keeper.submit(write(b"1")), await house.keeper.submit(write(b"2"))
        assert (await first.wait()).succeeded
        assert (await second.wait()).succeeded

    live(story)
    assert "a watcher failed" in caplog.text


class InstantConnection:
    """Implements `ports.LinkConnection`: every answer is there before the call has returned to the loop."""

    att_mtu = 23
    services = ()

    def __init__(self, events: ConnectionEvents) -> None:
        self._events = events

    async def perform(self, operation: Operation) -> AnswerValue:
        return b"at once" if isinstance(operation, Read) else None

    async def disconnect(self, *, quick: bool = False) -> str:
        self._events.lost(LOST)
        return ""


class InstantLink(StubbornLink):
    """A link that answers at once; opening, scanning and closing are the simulated link's."""

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        return InstantConnection(events)


def test_c16_an_answer_that_is_there_before_the_call_returns_is_the_commands_own() -> None:
    async def story(house: House) -> None:
        reads = [await house.keeper.submit(Command(device="lamp", operation=READ)) for _ in range(3)]
        writing = await house.keeper.submit(write())
        assert [(await handle.wait()).value for handle in reads] == [b"at once"] * 3
        assert (await writing.wait()).succeeded
        assert now() == 0

    live(story, link=InstantLink)


def test_c20_a_call_that_is_killed_from_outside_ends_with_a_cause_and_the_queue_lives() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, Raise(error=asyncio.CancelledError), times=1)
        first, second = await house.keeper.submit(write(b"1")), await house.keeper.submit(write(b"2"))
        killed = await first.wait()
        assert (killed.verdict, killed.fault.name) == (Verdict.UNKNOWN, "CancelledError")
        assert (await second.wait()).succeeded

    live(story)


def test_c40_cancelling_everything_for_one_device_leaves_the_other_alone() -> None:
    async def story(house: House) -> None:
        lamp = [await house.keeper.submit(write(bytes([payload]))) for payload in range(3)]
        door = [await house.keeper.submit(write(bytes([payload]), "door")) for payload in range(3)]
        await house.keeper.device("lamp").disconnect()
        assert {(await handle.wait()).cause for handle in lamp} == {Cause.CANCELLED}
        assert all([(await handle.wait()).succeeded for handle in door])
        assert house.applied("door") == [b"\0", b"\1", b"\2"]

    live(story)


def test_c41_a_cleared_line_is_cancelled_and_not_called_a_lost_link() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, LateResponse(seconds=1), times=1)
        calls = [asyncio.ensure_future(house.keeper.device("lamp").write(WRITABLE, b"x")) for _ in range(3)]
        await asyncio.sleep(0.5)
        await house.keeper.device("lamp").disconnect()
        for call in calls[1:]:
            with pytest.raises(CommandCancelledError):
                await call
        await asyncio.wait(calls)
        assert calls[0].exception() is not None

    live(story)


def test_c42_a_caller_whose_task_is_cancelled_is_free_at_once_and_its_bearer_is_not() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, LateResponse(seconds=0.3), times=1)
        call = asyncio.ensure_future(house.keeper.device("lamp").write(WRITABLE, b"1"))
        await asyncio.sleep(0.05)
        following = await house.keeper.submit(write(b"2"))
        call.cancel()
        before = now()
        await asyncio.wait([call])
        assert (call.cancelled(), now()) == (True, before)
        assert house.watch.ends[-1].cause is Cause.CANCELLED_IN_FLIGHT
        assert requests(house, "write") == 1
        assert (await following.wait()).succeeded

    live(story)  # which sees tasks that are left over, and two requests at once


def test_c43_one_of_those_who_wait_for_a_connection_leaves_and_the_attempt_goes_on() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        first, second = asyncio.ensure_future(lamp.connect()), asyncio.ensure_future(lamp.connect())
        await asyncio.sleep(0.05)
        first.cancel()
        await second
        assert house.lamp.connections == 1
        assert first.cancelled()

    live(story)


def test_c57_while_the_adapter_is_off_a_command_waits_for_it_as_long_as_its_deadline() -> None:
    async def story(house: House) -> None:
        house.link.adapter_down()
        short = await house.keeper.submit(write(b"1", deadline_us=2_000_000))
        long = await house.keeper.submit(write(b"2", survive_reconnect=True))
        ended = await short.wait()
        assert (ended.cause, ended.fault.kind, now()) == (Cause.EXPIRED, FaultKind.ADAPTER_GONE, pytest.approx(2))
        house.link.adapter_up()
        assert (await long.wait()).succeeded
        assert house.applied() == [b"2"]

    live(story)


def test_c62_after_the_attribute_table_changed_a_command_finds_its_characteristic_by_uuid() -> None:
    async def story(house: House) -> None:
        await connected(house)
        properties = Property.READ | Property.WRITE
        moved = tuple(VirtualCharacteristic(uuid, properties) for uuid in (STOP, PUSHED, WRITABLE))
        house.lamp.services = (VirtualService(SERVICE, moved),)
        house.rule(OPERATION, Fail(fault=OUT_OF_SYNC), times=1)
        outcome = await (await house.keeper.submit(write(b"x", survive_reconnect=True))).wait()
        assert outcome.succeeded
        assert moved[2].value == b"x"
        assert len(house.applied()) == 1

    live(story)


def test_c78_a_device_that_asks_for_pairing_although_paired_is_not_asked_for_ever() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").pair()
        house.rule(OPERATION, Fail(fault=NEEDS_PAIRING), kind="write")
        with pytest.raises(CommandNotDeliveredError) as refused:
            await house.keeper.device("lamp").write(WRITABLE, b"x")
        assert refused.value.outcome.fault == NEEDS_PAIRING
        assert requests(house, "pair") <= 2, "the caller's own, and at most one of ours"
        assert requests(house, "write") <= 2
        assert (await (await house.keeper.submit(Command(device="lamp", operation=READ))).wait()).succeeded

    live(story)


def test_c93_what_a_caller_does_to_its_buffer_later_does_not_change_the_command() -> None:
    async def story(house: House) -> None:
        buffer = bytearray(b"before")
        call = asyncio.ensure_future(house.keeper.device("lamp").write(WRITABLE, buffer))
        await asyncio.sleep(0)
        buffer[:] = b"after!"
        await call
        assert house.applied() == [b"before"]

    live(story)


def test_c94_two_readers_of_one_characteristic_enable_it_once_and_disable_it_after_the_last() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe(PUSHED):
            async with lamp.subscribe(PUSHED):
                pass
            await asyncio.sleep(1)
            assert (requests(house, "subscribe"), requests(house, "unsubscribe")) == (1, 0)
        await asyncio.sleep(1)
        assert (requests(house, "subscribe"), requests(house, "unsubscribe")) == (1, 1)

    live(story)


def test_c95_a_value_that_comes_before_the_answer_to_the_subscription_is_not_lost() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, LateResponse(seconds=1), kind="subscribe", times=1)
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: house.lamp.notify(house.lamp.characteristic(PUSHED), b"first"))
        async with house.keeper.device("lamp").subscribe(PUSHED) as values:
            assert now() > 1
            assert await anext(values) == b"first"

    live(story)


def test_c96_a_value_pushed_during_a_read_of_the_same_characteristic_is_not_the_answer_to_it() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        attribute = house.lamp.characteristic(PUSHED)
        attribute.value = b"stored"
        async with lamp.subscribe(PUSHED) as values:
            house.rule(OPERATION, LateResponse(seconds=1), kind="read", times=1)
            reading = asyncio.ensure_future(lamp.read(PUSHED))
            await asyncio.sleep(0.5)
            house.lamp.notify(attribute, b"pushed")
            assert await anext(values) == b"pushed"
            assert not reading.done()
            assert await reading == b"stored"

    live(story)


def test_c97_of_ten_thousand_values_a_slow_reader_has_the_newest_in_order_and_the_number_it_missed() -> None:
    async def story(house: House) -> None:
        async with house.keeper.device("lamp").subscribe(PUSHED) as values:
            attribute = house.lamp.characteristic(PUSHED)
            for number in range(10_000):
                house.lamp.notify(attribute, number.to_bytes(4, "big"))
                await asyncio.sleep(0.001)
            await asyncio.sleep(1)
            got = [int.from_bytes(await anext(values)) for _ in range(10_000 - values.dropped)]
            assert values.dropped == 9_000
            assert got == list(range(9_000, 10_000))

    live(story)


def test_c105_the_journal_alone_tells_who_waits_and_who_ended_at_every_moment() -> None:
    async def story(house: House) -> None:
        await connected(house)
        for payload in range(5):
            await house.keeper.submit(write(bytes([payload])))
        await asyncio.sleep(0.2)
        rows = [row.record for row in house.journal.rows]
        ended = {row.outcome.command_id for row in rows if isinstance(row, Ended)}
        open_now = {row.command.id for row in rows if isinstance(row, Accepted)} - ended
        assert {outcome.command_id for outcome in settle(rows)} == open_now
        assert open_now
        await asyncio.sleep(5)
        rows = [row.record for row in house.journal.rows]
        assert settle(rows) == []
        assert [row.at_us for row in rows] == sorted(row.at_us for row in rows)
        assert len({command_of(row) for row in rows}) == 6

    live(story, journal=True)


def test_c106_a_journal_that_fails_lets_nothing_new_start_but_holds_up_neither_answers_nor_a_stop() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, LateResponse(seconds=0.5), times=1)
        running = await house.keeper.submit(write(b"1"))
        await asyncio.sleep(0.2)
        house.journal.failing = True
        with pytest.raises(StorageError):
            await house.keeper.submit(write(b"2"))
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).succeeded
        told = await running.wait()
        house.journal.failing = False
        await asyncio.sleep(2)
        written = [row.record.outcome for row in house.journal.rows if isinstance(row.record, Ended)]
        assert told in written, "what was told meanwhile is written later"
        assert house.applied()[0] == b"1"

    live(story, journal=True)


def test_c35_a_command_that_is_cancelled_by_its_id_in_flight_gives_its_bearer_on_after_the_late_answer() -> None:
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, LoseRequest(), times=1)
        running = await house.keeper.submit(write(b"1"))
        await asyncio.sleep(0.1)
        following = await house.keeper.submit(write(b"2", survive_reconnect=True))
        house.keeper.cancel(running.id)
        assert (await running.wait()).cause is Cause.CANCELLED_IN_FLIGHT
        assert (await following.wait()).epoch == 2
        assert house.applied() == [b"2"]

    live(story)


def test_c62_a_keeper_ends_a_write_by_handle_and_finds_the_uuid_again() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        (service,) = await lamp.services()
        writable = find_characteristics((service,), characteristic_ref(WRITABLE))[0]
        await lamp.write(writable.handle, b"1")
        properties = Property.READ | Property.WRITE
        moved = tuple(VirtualCharacteristic(uuid, properties) for uuid in (STOP, PUSHED, WRITABLE))
        running = asyncio.ensure_future(lamp.write(WRITABLE, b"2"))
        waiting = asyncio.ensure_future(lamp.write(writable.handle, b"3"))
        await asyncio.sleep(0.001)
        house.link.change_services("lamp", (VirtualService(SERVICE, moved),))
        await running
        with pytest.raises(CommandNotDeliveredError, match="another attribute table"):
            await waiting
        await lamp.write(WRITABLE, b"4")
        assert [one.value for one in moved] == [b"", b"", b"4"]

    live(story)
