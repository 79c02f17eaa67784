"""Those who scan at once hear one and the same scan, each for as long as it likes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.ports import Sighting
from gattkeeper.runtime.shared_scan import HEARD_MAX, RECENT_S, SCAN_LENGTH_S, SharedScan
from gattkeeper.world.virtual_time import run_virtual

GONE = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="test")
STUCK = Fault(kind=FaultKind.WEDGED, ran=Ran.NO, stack="test")


class Air:
    """A scan that hears what is put on the air, and takes half a second to stop."""

    def __init__(self) -> None:
        self.history: list[tuple[str, float]] = []
        self.ear: asyncio.Queue[Sighting | Fault] = asyncio.Queue()
        self.stop_fault: Fault | None = None
        self.stops_broken_off = 0

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        self.note("on")
        try:
            async with asyncio.timeout(duration_s):
                while True:
                    heard = await self.ear.get()
                    if isinstance(heard, Fault):
                        raise LinkError(heard)
                    yield heard
        except TimeoutError:
            pass
        finally:
            try:
                await asyncio.sleep(0.5)
            except asyncio.CancelledError:
                self.stops_broken_off += 1
                raise
            self.note("off")
            if self.stop_fault is not None:
                raise LinkError(self.stop_fault)

    def note(self, what: str) -> None:
        self.history.append((what, asyncio.get_running_loop().time()))

    def put(self, number: int, rssi_dbm: int = -60) -> None:
        address = parse_address(f"F0:00:00:00:{number // 256:02X}:{number % 256:02X}")
        self.ear.put_nowait(Sighting(address=address, rssi_dbm=rssi_dbm))


async def heard_in(shared: SharedScan, duration_s: float | None) -> list[int | None]:
    return [sighting.rssi_dbm async for sighting in shared.listen(duration_s)]


async def next_of(shared: SharedScan) -> tuple[AsyncGenerator[Sighting, None], int | None]:
    listening = shared.listen(None)
    return listening, (await anext(listening)).rssi_dbm


def test_each_listener_hears_for_its_own_time_and_the_scan_ends_with_the_last():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        short, long = asyncio.create_task(heard_in(shared, 1)), asyncio.create_task(heard_in(shared, 3))
        await asyncio.sleep(0.5)
        air.put(1, -50)
        await asyncio.sleep(1)
        assert short.done()
        assert air.history == [("on", 0.0)]
        air.put(1, -51)
        assert (await short, await long) == ([-50], [-50, -51])
        assert air.history == [("on", 0.0), ("off", 3.5)]

    run_virtual(story())


def test_who_joins_begins_with_what_was_heard_of_late():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        first = asyncio.create_task(heard_in(shared, 60))
        await asyncio.sleep(0)
        air.put(1, -50)
        await asyncio.sleep(RECENT_S - 5)
        air.put(2, -51)
        air.put(2, -52)
        await asyncio.sleep(6)
        joined, heard = await next_of(shared)
        assert heard == -52  # not what is too old by now, and of each device the newest only
        await joined.aclose()
        first.cancel()

    run_virtual(story())


def test_what_an_earlier_scan_heard_is_not_told_again():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        air.put(1)
        assert await heard_in(shared, 1) == [-60]
        assert await heard_in(shared, 1) == []

    run_virtual(story())


def test_a_scan_without_end_goes_on_in_scans_that_end():
    async def story():
        air = Air()
        async with aclosing(SharedScan(air.scan).listen(None)) as listening:
            asyncio.get_running_loop().call_later(SCAN_LENGTH_S + 10, air.put, 1)
            await anext(listening)
        assert [what for what, _ in air.history] == ["on", "off", "on", "off"]

    run_virtual(story())


def test_a_link_that_ends_its_scan_too_early_ends_everybodys():
    async def story():
        async def short_scan(_duration_s: float) -> AsyncGenerator[Sighting, None]:
            yield Sighting(address=parse_address("F0:00:00:00:00:01"), rssi_dbm=-60)

        shared = SharedScan(short_scan)
        assert await asyncio.gather(heard_in(shared, 5), heard_in(shared, None)) == [[-60], [-60]]
        assert await heard_in(shared, None) == [-60]

    run_virtual(story())


def test_who_comes_while_the_scan_ends_gets_a_new_one_after_it():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        first = asyncio.create_task(heard_in(shared, 1))
        await asyncio.sleep(1.2)
        second = asyncio.create_task(heard_in(shared, 1))
        await asyncio.gather(first, second)
        assert air.history == [("on", 0.0), ("off", 1.5), ("on", 1.5), ("off", 2.7)]

    run_virtual(story())


def test_a_pause_while_the_scan_ends_waits_and_does_not_break_that_off():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        scanning = asyncio.create_task(heard_in(shared, 1))
        await asyncio.sleep(1.2)
        async with shared.paused():
            assert air.history == [("on", 0.0), ("off", 1.5)]
        await scanning
        assert air.stops_broken_off == 0

    run_virtual(story())


def test_what_breaks_the_scan_is_told_to_everybody():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        scans = [asyncio.create_task(heard_in(shared, length)) for length in (5, None)]
        await asyncio.sleep(1)
        air.ear.put_nowait(GONE)
        for scan in scans:
            with pytest.raises(LinkError) as caught:
                await scan
            assert caught.value.fault == GONE

    run_virtual(story())


def test_a_scan_that_cannot_be_stopped_is_told_to_the_last_one():
    async def story():
        air = Air()
        air.stop_fault = STUCK
        with pytest.raises(LinkError) as caught:
            await heard_in(SharedScan(air.scan), 1)
        assert caught.value.fault == STUCK

    run_virtual(story())


def test_a_slow_listener_loses_what_comes_too_late_and_still_ends():
    async def story():
        air = Air()
        shared = SharedScan(air.scan)
        slow = shared.listen(2)
        quick = asyncio.create_task(heard_in(shared, 2))
        await asyncio.sleep(0)
        for number in range(HEARD_MAX + 10):
            air.put(number)
        await anext(slow)
        await asyncio.sleep(5)
        assert len([each async for each in slow]) < HEARD_MAX
        await quick
        assert len(shared._recent) <= HEARD_MAX

    run_virtual(story())
