"""What Bleak promises of a scanner, kept by one that the keeper serves."""

import asyncio

import pytest
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError
from bleak_programs import DOOR, LAMP, NOBODY, Program, everywhere, live

from gattkeeper.bleak.scanner import _advertisement
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.ports import Sighting
from sim.scene import SERVICE, WRITABLE


@everywhere
def test_discover_finds_what_advertises(world):
    async def story(program: Program) -> None:
        devices = await BleakScanner.discover(2, **program.scanning)
        assert sorted((each.address, each.name) for each in devices) == [(LAMP, "lamp"), (DOOR, "door")]
        heard = await BleakScanner.discover(2, return_adv=True, **program.scanning)
        device, advertisement = heard[LAMP]
        assert device.address == LAMP
        assert (advertisement.local_name, advertisement.rssi) == ("lamp", -50)
        assert advertisement.service_uuids == [normal_uuid(SERVICE)]

    live(world, story)


@everywhere
def test_a_device_is_found_by_address_name_or_filter_and_then_connected(world):
    async def story(program: Program) -> None:
        found = [
            await BleakScanner.find_device_by_address(LAMP.lower(), **program.scanning),
            await BleakScanner.find_device_by_name("lamp", **program.scanning),
            await BleakScanner.find_device_by_filter(lambda _, heard: heard.rssi > -60, **program.scanning),
        ]
        assert all(isinstance(each, BLEDevice) for each in found)
        async with program.client(found[0]) as client:
            await client.write_gatt_char(WRITABLE, b"x", response=True)
        assert await BleakScanner.find_device_by_address(NOBODY, timeout=2, **program.scanning) is None

    live(world, story)


@everywhere
def test_callbacks_hear_of_everything_and_may_be_coroutines(world):
    async def story(program: Program) -> None:
        plain: list[str] = []
        awaited: list[str] = []

        async def later(device: BLEDevice, _heard: AdvertisementData) -> None:
            await asyncio.sleep(0)
            awaited.append(device.address)

        first = program.scanner(lambda device, _heard: plain.append(device.address))
        async with first, program.scanner(later):
            await asyncio.sleep(2)
        assert set(plain) == set(awaited) == {LAMP, DOOR}
        assert len(plain) > 10

    live(world, story)


@everywhere
def test_a_filter_for_services_keeps_the_others_out(world):
    async def story(program: Program) -> None:
        assert await BleakScanner.discover(1, service_uuids=[normal_uuid("180f")], **program.scanning) == []
        found = await BleakScanner.discover(1, service_uuids=[normal_uuid(SERVICE).upper()], **program.scanning)
        assert len(found) == 2

    live(world, story)


@everywhere
def test_what_is_heard_can_be_iterated_over(world):
    async def story(program: Program) -> None:
        async with program.scanner() as scanner:
            addresses = set()
            async for device, _heard in scanner.advertisement_data():
                addresses.add(device.address)
                if len(addresses) == 2:
                    break
            assert {device.address for device in scanner.discovered_devices} == addresses
            assert set(scanner.discovered_devices_and_advertisement_data) == addresses

    live(world, story)


@everywhere
def test_starting_anew_forgets_and_stopping_twice_is_harmless(world):
    async def story(program: Program) -> None:
        scanner = program.scanner()
        await scanner.stop()
        await scanner.start()
        await scanner.start()
        await asyncio.sleep(1)
        await scanner.stop()
        await scanner.stop()
        assert len(scanner.discovered_devices) == 2
        await scanner.start()
        assert scanner.discovered_devices == []
        await scanner.stop()

    live(world, story)


@everywhere
def test_a_program_connects_while_it_scans(world):
    async def story(program: Program) -> None:
        heard: list[float] = []
        now = asyncio.get_running_loop().time
        async with program.scanner(lambda _device, _heard: heard.append(now())):
            await asyncio.sleep(1)
            async with program.client(LAMP) as client:
                await client.write_gatt_char(WRITABLE, b"x", response=True)
                connected_at = now()
                await asyncio.sleep(2)
        assert heard[0] < 1
        assert heard[-1] > connected_at + 1

    live(world, story)


@everywhere
def test_a_second_script_finds_a_device_that_lingers_or_is_held_at_once(world):
    async def story(program: Program) -> None:
        now = asyncio.get_running_loop().time
        for _script in range(3):
            began_at = now()
            found = await BleakScanner.find_device_by_address(LAMP, **program.scanning)
            assert found is not None
            assert found.name == "lamp"
            assert now() - began_at < 1.5
            async with program.client(found) as client:
                await client.write_gatt_char(WRITABLE, b"x", response=True)
                again = await BleakScanner.find_device_by_name("lamp", **program.scanning)
                assert again is not None
                assert again.address == LAMP

    live(world, story)


@everywhere
def test_a_device_that_is_connected_and_was_never_heard_is_found_by_its_address(world):
    async def story(program: Program) -> None:
        async with program.client(LAMP) as client:
            await client.write_gatt_char(WRITABLE, b"x", response=True)
            found = await BleakScanner.find_device_by_address(LAMP, timeout=1, **program.scanning)
            assert found is not None

    live(world, story)


@everywhere
def test_without_an_adapter_a_scan_says_so_at_once(world):
    async def story(program: Program) -> None:
        program.world.adapter_goes()
        await asyncio.sleep(1)
        with pytest.raises(BleakBluetoothNotAvailableError, match="adapter"):
            await program.scanner().start()
        program.world.adapter_comes_back()
        await asyncio.sleep(10)
        assert len(await BleakScanner.discover(2, **program.scanning)) == 2

    live(world, story)


def test_an_adapter_that_goes_ends_the_scan_and_says_so(caplog):
    async def story(program: Program) -> None:
        async with program.scanner() as scanner:
            await asyncio.sleep(1)
            program.world.adapter_goes()
            await asyncio.sleep(5)
            assert len(scanner.discovered_devices) == 2

    live("bumble", story)
    assert "the scan ended: cannot scan now" in caplog.text


@everywhere
def test_a_callback_that_fails_harms_nobody(world, caplog):
    async def story(program: Program) -> None:
        heard: list[str] = []

        def broken(device: BLEDevice, _heard: AdvertisementData) -> None:
            heard.append(device.address)
            raise RuntimeError(device.address)

        async with program.scanner(broken):
            await asyncio.sleep(2)
        assert set(heard) == {LAMP, DOOR}

    live(world, story)
    assert "a detection callback failed" in caplog.text


def test_what_a_device_sends_in_parts_is_put_together():
    address = parse_address(LAMP)
    first = _advertisement(
        Sighting(
            address=address,
            name="lamp",
            rssi_dbm=-60,
            services=("a",),
            manufacturer_data={1: b"one", 2: b"two"},
            tx_power_dbm=4,
        ),
        None,
    )
    second = _advertisement(
        Sighting(address=address, services=("b", "a"), manufacturer_data={2: b"new"}, service_data={"c": b"d"}),
        first,
    )
    assert (second.local_name, second.tx_power, second.rssi) == ("lamp", 4, -127)
    assert second.service_uuids == ["a", "b"]
    assert second.manufacturer_data == {1: b"one", 2: b"new"}
    assert second.service_data == {"c": b"d"}
    assert first.manufacturer_data == {1: b"one", 2: b"two"}
