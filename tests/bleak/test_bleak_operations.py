"""What Bleak promises of reads, writes and notifications, kept by a client that the keeper serves."""

import asyncio

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakCharacteristicNotFoundError, BleakDBusError, BleakError, BleakGATTProtocolError
from bleak_programs import Program, everywhere, live

from gattkeeper.bleak import hint
from gattkeeper.errors import CommandNotDeliveredError, CommandUnknownError
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Property
from gattkeeper.model.operation import Write, WriteMode
from gattkeeper.world import Fail, LinkMatch, LinkMoment, LinkRule, VirtualCharacteristic, VirtualService
from sim.scene import COUNTER, PUSHED, WRITABLE


@everywhere
def test_a_characteristic_is_named_by_uuid_handle_or_object(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            found = client.services.get_characteristic(COUNTER)
            values = [await client.read_gatt_char(each) for each in (COUNTER, found.uuid, found.handle, found)]
            assert values == [bytearray(number.to_bytes(4, "big")) for number in (1, 2, 3, 4)]
            assert all(type(each) is bytearray for each in values)

    live(world, story)


@everywhere
def test_a_characteristic_that_is_not_there_is_not_found(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            for unknown in ("1234", 999):
                with pytest.raises(BleakCharacteristicNotFoundError):
                    await client.read_gatt_char(unknown)

    live(world, story)


@everywhere
def test_twins_are_told_apart_by_handle(world):
    async def story(program: Program) -> None:
        twins = [VirtualCharacteristic("fe99", Property.READ, value) for value in (b"one", b"two", b"three")]
        program.change_services(VirtualService("fe60", tuple(twins[:2])), VirtualService("fe61", tuple(twins[2:])))
        async with program.client() as client:
            with pytest.raises(BleakError, match="Multiple Characteristics"):
                await client.read_gatt_char("fe99")
            found = [each for each in client.services.characteristics.values() if each.uuid.startswith("0000fe99")]
            assert [bytes(await client.read_gatt_char(each)) for each in found] == [b"one", b"two", b"three"]

    live(world, story)


@everywhere
def test_after_service_changed_a_handle_is_refused_a_uuid_goes_on_and_a_new_connection_has_the_new_table(world):
    async def story(program: Program) -> None:
        twins = [VirtualCharacteristic("fe99", Property.READ, value) for value in (b"one", b"two")]
        program.change_services(VirtualService("fe60", tuple(twins)))
        async with program.client() as client:
            found = [each for each in client.services.characteristics.values() if each.uuid.startswith("0000fe99")]
            counter = client.services.get_characteristic(COUNTER)
            moved = VirtualService("fe60", (VirtualCharacteristic("fe98", Property.READ, b"new"), *twins))
            await program.tell_services(moved)
            assert client.is_connected
            for refused in (client.read_gatt_char, client.stop_notify):
                with pytest.raises(BleakError, match="other services by now"):
                    await refused(found[0])
            assert await client.read_gatt_char(counter)
            with pytest.raises(BleakCharacteristicNotFoundError):
                await client.read_gatt_char("fe98")
        async with client:
            with pytest.raises(BleakError, match="other services by now"):
                await client.read_gatt_char(found[0])
            found = [each for each in client.services.characteristics.values() if each.uuid.startswith("0000fe99")]
            assert [bytes(await client.read_gatt_char(each)) for each in found] == [b"one", b"two"]
            assert await client.read_gatt_char("fe98") == b"new"

    live(world, story)


@everywhere
def test_a_write_asks_for_a_response_when_told_or_when_it_can(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            for response in (True, False, None):
                await client.write_gatt_char(WRITABLE, bytearray(b"x"), response=response)
            await client.write_gatt_char(WRITABLE, memoryview(b"y"), response=True)
        assert program.lamp.heard == [b"x", b"x", b"x", b"y"]
        modes = [command.operation.mode for command in program.asked if isinstance(command.operation, Write)]
        assert modes == [
            WriteMode.WITH_RESPONSE,
            WriteMode.WITHOUT_RESPONSE,
            WriteMode.WITH_RESPONSE,
            WriteMode.WITH_RESPONSE,
        ]

    live(world, story, journal=True)


@everywhere
def test_what_the_device_refuses_has_its_code(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            program.lamp.refusals.append(0x80)
            with pytest.raises(BleakGATTProtocolError) as caught:
                await client.write_gatt_char(WRITABLE, b"x", response=True)
            assert caught.value.code == 0x80
            assert client.is_connected

    live(world, story)


@everywhere
def test_a_payload_that_does_not_fit_is_refused(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            for payload, response in ((b"", True), (bytes(513), True), (bytes(600), False)):
                with pytest.raises(BleakError):
                    await client.write_gatt_char(WRITABLE, payload, response=response)
            await client.write_gatt_char(WRITABLE, bytes(512), response=True)

    live(world, story)


@everywhere
def test_values_are_pushed_in_order_to_plain_and_async_callbacks(world):
    async def story(program: Program) -> None:
        plain: list[tuple[BleakGATTCharacteristic, bytearray]] = []
        awaited: list[bytearray] = []

        async def later(_sender: BleakGATTCharacteristic, value: bytearray) -> None:
            await asyncio.sleep(0)
            awaited.append(value)

        async with program.client() as first, program.client() as second:
            await first.start_notify(PUSHED, lambda sender, value: plain.append((sender, value)))
            await second.start_notify(PUSHED, later)
            await program.push(*(bytes([number]) for number in range(20)))
            assert plain[0][0] is first.services.get_characteristic(PUSHED)
            assert [value for _, value in plain] == awaited == [bytearray([number]) for number in range(20)]
            assert type(plain[0][1]) is bytearray
            await first.stop_notify(PUSHED)
            await program.push(b"more")
            assert (len(plain), len(awaited)) == (20, 21)

    live(world, story)


@everywhere
def test_notifications_are_begun_and_ended_once(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            with pytest.raises(BleakDBusError, match="No notify session started"):
                await client.stop_notify(PUSHED)
            await client.start_notify(PUSHED, lambda _sender, _value: None)
            with pytest.raises(BleakDBusError, match="InProgress"):
                await client.start_notify(PUSHED, lambda _sender, _value: None)
            await client.stop_notify(PUSHED)
            await client.start_notify(PUSHED, lambda _sender, _value: None)

    live(world, story)


@everywhere
def test_what_cannot_notify_is_refused_and_may_be_tried_again(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            for _ in range(2):
                with pytest.raises(BleakError):
                    await client.start_notify(COUNTER, lambda _sender, _value: None)

    live(world, story)


@pytest.mark.parametrize("world", ["simulated", "socket"])
def test_notifications_that_the_device_refuses_have_its_code(world):
    async def story(program: Program) -> None:
        refused = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80)
        match = LinkMatch(moment=LinkMoment.OPERATION, kind="subscribe", times=1)
        program.world.link.rules.append(LinkRule(match, Fail(fault=refused)))
        heard: list[bytearray] = []
        async with program.client() as client:
            with pytest.raises(BleakGATTProtocolError) as caught:
                await client.start_notify(PUSHED, lambda _sender, value: heard.append(value))
            assert caught.value.code == 0x80
            assert isinstance(caught.value.__cause__, CommandNotDeliveredError)
            assert client.is_connected
            await client.start_notify(PUSHED, lambda _sender, value: heard.append(value))
            await program.push(b"x")
        assert heard == [b"x"]

    live(world, story)


@everywhere
def test_notifications_end_with_the_connection(world):
    async def story(program: Program) -> None:
        heard: list[bytearray] = []
        client = program.client()
        for _ in range(2):
            await client.connect()
            await client.start_notify(PUSHED, lambda _sender, value: heard.append(value))
            await program.push(b"x")
            await client.disconnect()
            await program.push(b"y")
        async with client:
            await program.push(b"z")
        assert heard == [b"x", b"x"]

    live(world, story)


@everywhere
def test_a_callback_that_fails_harms_nobody(world, caplog):
    async def story(program: Program) -> None:
        heard: list[bytearray] = []
        async with program.client() as broken, program.client() as whole:
            await broken.start_notify(PUSHED, lambda _sender, _value: 1 / 0)
            await whole.start_notify(PUSHED, lambda _sender, value: heard.append(value))
            await program.push(b"x", b"y")
            assert heard == [b"x", b"y"]

    live(world, story)
    assert "a notification callback failed" in caplog.text


def test_descriptors_are_read_and_written():
    async def story(program: Program) -> None:
        async with program.client() as client:
            cccd = client.services.get_characteristic(PUSHED).get_descriptor("2902")
            assert await client.read_gatt_descriptor(cccd) == bytearray(b"\x00\x00")
            assert await client.read_gatt_descriptor(cccd.handle) == bytearray(b"\x00\x00")
            with pytest.raises(ValueError, match="Cannot write to CCCD"):
                await client.write_gatt_descriptor(cccd, b"\x01\x00")
            with pytest.raises(BleakError, match="was not found"):
                await client.read_gatt_descriptor(999)

    live("bumble", story)


@everywhere
def test_a_hint_says_how_urgent_a_call_is(world, monkeypatch):
    monkeypatch.setenv("GATTKEEPER_PRIORITY", "background")

    async def story(program: Program) -> None:
        async with program.client() as client:
            with hint(priority="interactive"):
                await client.write_gatt_char(WRITABLE, b"x", response=True)
            await client.write_gatt_char(WRITABLE, b"y", response=True)
        assert [command.priority for command in program.asked] == [
            Priority.BACKGROUND,
            Priority.INTERACTIVE,
            Priority.BACKGROUND,
        ]

    live(world, story, journal=True)


def test_a_hint_lets_a_write_be_repeated_and_without_it_none_is():
    async def story(program: Program) -> None:
        async with program.client() as client:
            program.lamp.refusals.append(0x0E)  # which says nothing about whether it was carried out
            with pytest.raises(BleakGATTProtocolError):
                await client.write_gatt_char(WRITABLE, b"once", response=True)
            program.lamp.refusals.append(0x0E)
            with hint(idempotent=True):
                await client.write_gatt_char(WRITABLE, b"again", response=True)
        assert program.lamp.heard == [b"once", b"again", b"again"]

    live("bumble", story)


@everywhere
def test_a_write_that_nobody_answers_may_have_happened_and_is_not_repeated(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            program.world.unanswered("write")
            with pytest.raises(BleakError, match="unknown") as caught:
                await client.write_gatt_char(WRITABLE, b"once", response=True)
            assert isinstance(caught.value.__cause__, CommandUnknownError)
        async with client:  # at once, while the answer is still owed
            await client.write_gatt_char(WRITABLE, b"next", response=True)
        assert program.lamp.heard == [b"once", b"next"]

    live(world, story)
