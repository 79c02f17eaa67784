"""Through a daemon's socket: what becomes of a program's calls when it, or the daemon, goes away."""

import asyncio

import pytest
from bleak.exc import BleakError
from bleak_programs import LAMP, Program, live

from gattkeeper.bleak.through_socket import CALLS_MAX
from gattkeeper.errors import DaemonGoneError
from gattkeeper.world import VirtualService
from sim.scene import COUNTER, PUSHED, WRITABLE


def test_a_daemon_that_goes_in_the_middle_of_a_call_ends_it_at_once():
    async def story(program: Program) -> None:
        gone: list[object] = []
        client = program.client(disconnected_callback=gone.append)
        await client.connect()
        await client.start_notify(PUSHED, lambda _sender, _value: None)
        program.world.late("write", 3.0)
        writing = asyncio.create_task(client.write_gatt_char(WRITABLE, b"x", response=True))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await program.front.close()
        with pytest.raises(BleakError, match="Disconnected: the daemon went away"):
            await writing
        await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() - began < 2
        assert gone == [client]
        assert not client.is_connected
        with pytest.raises(BleakError, match="no daemon answers") as caught:
            await client.connect()
        assert isinstance(caught.value.__cause__, DaemonGoneError)
        await client.disconnect()

    live("socket", story)


def test_a_scan_ends_with_its_daemon(caplog):
    async def story(program: Program) -> None:
        async with program.scanner() as scanner:
            await asyncio.sleep(1)
            await program.front.close()
            await asyncio.sleep(1)
            assert len(scanner.discovered_devices) == 2
        with pytest.raises(BleakError, match="no daemon answers"):
            await program.scanner().start()

    live("socket", story)
    assert "the scan ended: the daemon went away" in caplog.text


@pytest.mark.parametrize("after_s", [0, 0.5])
def test_a_call_that_is_cancelled_is_taken_back_at_the_daemon(after_s):
    async def story(program: Program) -> None:
        async with program.client() as client, program.client() as other:
            program.world.late("read", 2.0)
            reading = asyncio.create_task(other.read_gatt_char(COUNTER))  # keeps the device busy
            await asyncio.sleep(0.2)
            writing = asyncio.create_task(client.write_gatt_char(WRITABLE, b"never", response=True))
            await asyncio.sleep(after_s)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            await reading
            await asyncio.sleep(1)
            assert program.lamp.heard == ["read"]

    live("socket", story)


def test_more_calls_than_the_daemon_takes_at_once_wait_their_turn():
    async def story(program: Program) -> None:
        async with program.client() as client:
            values = await asyncio.gather(*(client.read_gatt_char(COUNTER) for _ in range(4 * CALLS_MAX)))
        assert len({bytes(value) for value in values}) == 4 * CALLS_MAX

    live("socket", story)


def test_a_program_that_lets_go_leaves_nothing_at_the_daemon():
    async def story(program: Program) -> None:
        async with program.client() as client:
            await client.start_notify(PUSHED, lambda _sender, _value: None)
        lamp = next(each for each in program.keeper.status().devices if each.name == "lamp")
        assert (lamp.leases, lamp.subscriptions) == ((), 0)

    live("socket", story)


def test_another_mtu_and_table_are_in_force_at_once():
    async def story(program: Program) -> None:
        async with program.client() as client:
            more = VirtualService("fe70", ())
            program.world.link.change_services("lamp", (*program.lamp.services, more))
            program.world.link.change_mtu("lamp", 185)
            await asyncio.sleep(1)
            assert client.mtu_size == 185
            assert client.services.get_characteristic(WRITABLE).max_write_without_response_size == 182
            assert len(client._backend._hold.services) == len(program.lamp.services)

    live("socket", story)


def test_a_device_may_be_named_as_in_the_settings():
    async def story(program: Program) -> None:
        async with program.client("lamp") as by_name, program.client(LAMP) as by_address:
            assert by_name.name == by_address.name == "lamp"

    live("socket", story)
