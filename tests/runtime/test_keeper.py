"""The keeper as fronts and library users meet it."""

import asyncio
import threading

import pytest
from house import House, live, now, write
from msgspec.structs import replace

from gattkeeper.core.limits import Limits
from gattkeeper.errors import (
    ConflictError,
    InvalidCommandError,
    QueueFullError,
    SettingsError,
    StorageError,
    UnknownDeviceError,
    UnsupportedError,
    UsageError,
)
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, ReadDescriptor
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended
from gattkeeper.model.status import AlertKind
from gattkeeper.world import Hang, LinkMoment
from sim.scene import COUNTER

CONNECT = LinkMoment.CONNECT
READ = Read(target=characteristic_ref(COUNTER))


async def connected(house: House) -> None:
    await house.keeper.device("lamp").connect()


def test_submit_returns_when_the_command_is_durable_and_the_journal_tells_its_whole_story():
    async def story(house: House) -> None:
        handle = await house.keeper.submit(write())
        assert [type(row.record) for row in house.journal.rows] == [Accepted]
        outcome = await handle.wait()
        rows = [row.record for row in house.journal.rows]
        assert [type(row) for row in rows] == [Accepted, Intended, Ended]
        assert rows[-1].outcome == outcome

    live(story, journal=True)


def test_submit_never_raises_for_radio_trouble():
    async def story(house: House) -> None:
        house.rule(CONNECT, Hang())
        outcome = await (await house.keeper.submit(write())).wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
        assert outcome.fault.kind is FaultKind.UNREACHABLE
        assert now() == pytest.approx(20, abs=0.1)

    live(story)


@pytest.mark.parametrize(
    ("command", "error", "sentence"),
    [
        (write(b""), InvalidCommandError, "at least one byte"),
        (write(device="cellar"), UnknownDeviceError, "there is lamp, door"),
        (write(stop=True), InvalidCommandError, "goes through Keeper.stop"),
        (
            Command(device="lamp", operation=ReadDescriptor(target=READ.target, descriptor="2901")),
            UnsupportedError,
            "simulated cannot do read_descriptor; it can do connect,",
        ),
    ],
    ids=["form", "device", "stop", "link"],
)
def test_a_wrong_command_is_refused_with_what_to_do(command: Command, error: type[Exception], sentence: str):
    async def story(house: House) -> None:
        with pytest.raises(error, match=sentence):
            await house.keeper.submit(command)
        assert house.keeper.status().accepted == 0

    live(story)


def test_the_same_key_with_the_same_request_is_the_same_command():
    async def story(house: House) -> None:
        command = write(idempotency_key="tap")
        first, second = await asyncio.gather(house.keeper.submit(command), house.keeper.submit(command))
        assert first is second
        await first.wait()
        assert (await house.keeper.submit(command)).id == first.id
        with pytest.raises(ConflictError):
            await house.keeper.submit(replace(command, operation=READ))
        assert house.applied() == [b"x"]

    live(story, journal=True)


def test_when_the_acceptance_cannot_be_written_nothing_runs_and_the_key_stays_free():
    async def story(house: House) -> None:
        await connected(house)
        house.journal.failing = True
        command = write(idempotency_key="tap")
        with pytest.raises(StorageError, match="make room"):
            await house.keeper.submit(command)
        await asyncio.sleep(5)
        assert house.applied() == []
        house.journal.failing = False
        assert (await (await house.keeper.submit(command)).wait()).succeeded
        assert house.applied() == [b"x"]

    live(story, journal=True)


def test_cancelling_a_submission_takes_the_command_back():
    async def story(house: House) -> None:
        await connected(house)
        submission = asyncio.ensure_future(house.keeper.submit(write()))
        await asyncio.sleep(0)
        submission.cancel()
        await asyncio.wait([submission])
        await asyncio.sleep(1)
        assert house.applied() == []
        assert house.watch.ends[-1].cause is Cause.CANCELLED

    live(story, journal=True)


def test_a_full_queue_refuses_at_once_with_its_depth():
    async def story(house: House) -> None:
        handles = [await house.keeper.submit(write(bytes([n]))) for n in range(1, 3)]
        with pytest.raises(QueueFullError, match="2 commands wait for lamp"):
            await house.keeper.submit(write())
        assert all([(await handle.wait()).succeeded for handle in handles])

    live(story, limits=Limits(queue_per_device_max=2))


def test_a_command_is_cancelled_by_its_id_and_a_stop_is_not():
    async def story(house: House) -> None:
        handle = await house.keeper.submit(write())
        assert house.keeper.cancel(handle.id)
        assert (await handle.wait()).cause is Cause.CANCELLED
        assert not house.keeper.cancel(handle.id)
        (stop,) = await house.keeper.stop("lamp")
        assert not house.keeper.cancel(stop.id)
        assert (await stop.wait()).succeeded

    live(story)


def test_a_command_that_waits_gets_another_priority_and_one_that_has_ended_does_not():
    async def story(house: House) -> None:
        handles = [await house.keeper.submit(write(bytes([n]))) for n in range(1, 4)]
        house.keeper.reprioritise(handles[2].id, Priority.URGENT)
        for handle in handles:
            await handle.wait()
        assert house.applied() == [b"\x03", b"\x01", b"\x02"]
        with pytest.raises(UsageError, match="does not wait"):
            house.keeper.reprioritise(handles[2].id, Priority.URGENT)

    live(story)


def test_watchers_hear_that_a_device_is_left_alone_and_that_a_queue_is_long():
    async def story(house: House) -> None:
        house.rule(CONNECT, Hang())
        handles = [await house.keeper.submit(write(bytes([n]))) for n in range(1, 3)]
        for handle in handles:
            await handle.wait()
        assert house.watch.availabilities == [("lamp", "unavailable")]
        assert [(one.kind, one.raised) for one in house.watch.alerts][0] == (AlertKind.DEPTH, True)

    live(story, limits=Limits(breaker_failures_max=1, alert_depth=2))


def test_another_thread_may_submit():
    async def story(house: House) -> None:
        futures = []
        threads = [
            threading.Thread(
                target=lambda command=command: futures.append(house.keeper.submit_threadsafe(command))
            )
            for command in (write(), write(b""))
        ]
        for thread in threads:
            thread.start()
            thread.join()
        good, bad = map(asyncio.wrap_future, futures)
        assert (await good).succeeded
        with pytest.raises(InvalidCommandError):
            await bad

    live(story)


def test_an_adapter_that_went_away_is_waited_for_and_everything_goes_on_by_itself():
    async def story(house: House) -> None:
        await connected(house)
        house.link.adapter_down()
        assert not house.keeper.status().adapters[0].up
        handle = await house.keeper.submit(write())
        await asyncio.sleep(10)
        assert handle.outcome is None
        house.link.adapter_up()
        assert (await handle.wait()).succeeded

    live(story)


def test_scanning_hears_devices_and_wrong_scans_are_refused():
    async def story(house: House) -> None:
        names = {one.name async for one in house.keeper.scan(0.5)}
        assert names == {"lamp", "door"}
        with pytest.raises(InvalidCommandError):
            await anext(house.keeper.scan(0))
        with pytest.raises(SettingsError, match="there is adapter"):
            await anext(house.keeper.scan(1, adapter="hci7"))

    live(story)


def test_a_bare_address_is_a_device_and_a_foreign_name_is_not():
    async def story(house: House) -> None:
        assert house.keeper.device("F0:00:00:00:00:09").name == "F0:00:00:00:00:09"
        with pytest.raises(UnknownDeviceError):
            house.keeper.device("cellar")

    live(story)
