"""Notifications on their way to their readers."""

import asyncio

from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import Characteristic, characteristic_ref
from gattkeeper.runtime.notifications import NotificationHub, Notifications
from gattkeeper.world import run_virtual

TARGET = characteristic_ref("fe53")
OTHER = characteristic_ref("fe51")
FAULT = Fault(kind=FaultKind.REJECTED)


def pushed(uuid: str = TARGET.uuid) -> Characteristic:
    return Characteristic(uuid=uuid, service="", handle=7, properties=0x10)


async def rest_of(reader: Notifications) -> list[bytes]:
    return [payload async for payload in reader]


def test_payloads_come_in_order_also_to_a_reader_that_waits():
    async def story() -> None:
        reader = Notifications(TARGET)
        waiting = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        for payload in (b"1", b"2"):
            reader.push(payload)
        assert await waiting == b"1"
        reader.end()
        assert await rest_of(reader) == [b"2"], "what had arrived is still given"

    run_virtual(story())


def test_a_slow_reader_loses_the_oldest_and_is_told_how_many():
    async def story() -> None:
        reader = Notifications(TARGET, buffer_max=2)
        for payload in (b"1", b"2", b"3", b"4"):
            reader.push(payload)
        reader.end()
        assert await rest_of(reader) == [b"3", b"4"]
        assert reader.dropped == 2

    run_virtual(story())


def test_the_first_reason_for_an_end_is_kept():
    reader = Notifications(TARGET)
    reader.end(FAULT)
    reader.end(Fault(kind=FaultKind.LINK_LOST))
    reader.end()
    assert reader.fault == FAULT


def test_everyone_who_asked_gets_it_and_nobody_else():
    async def story() -> None:
        hub = NotificationHub()
        readers = {name: Notifications(target) for name, target in (("a", TARGET), ("b", TARGET), ("c", OTHER))}
        for reader in readers.values():
            hub.add("lamp", reader)
        hub.push("lamp", pushed(), b"x")
        hub.push("door", pushed(), b"y")
        hub.end("lamp", TARGET, FAULT)
        hub.end("door", OTHER, FAULT)
        assert [await rest_of(readers[name]) for name in "ab"] == [[b"x"], [b"x"]]
        assert readers["c"].fault is None

    run_virtual(story())


def test_the_last_reader_of_a_target_is_known_as_such():
    hub = NotificationHub()
    first, second, other = Notifications(TARGET), Notifications(TARGET), Notifications(OTHER)
    for reader in (first, second, other):
        hub.add("lamp", reader)
    assert not hub.remove("lamp", first)
    assert hub.remove("lamp", second)
    assert hub.remove("lamp", second)
    assert hub.remove("door", other)
