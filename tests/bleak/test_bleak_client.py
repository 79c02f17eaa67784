"""What Bleak promises of a client's connection, kept by one that the keeper serves."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak_programs import DOOR, LAMP, NOBODY, Program, everywhere, live

from gattkeeper.model.gatt import normal_uuid
from gattkeeper.world import LinkMatch, LinkMoment, LinkRule, Stubborn
from sim.scene import COUNTER, PUSHED, SERVICE, WRITABLE


@everywhere
def test_a_block_connects_and_disconnects(world):
    async def story(program: Program) -> None:
        client = program.client()
        assert not client.is_connected
        async with client:
            assert client.is_connected
        assert not client.is_connected

    live(world, story)


@everywhere
def test_services_have_handles_descriptors_and_properties(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            service = client.services.get_service(SERVICE)
            pushed = client.services.get_characteristic(PUSHED)
            assert service.uuid == pushed.service_uuid == normal_uuid(SERVICE)
            assert pushed.properties == ["read", "notify"]
            assert client.services.characteristics[pushed.handle] is pushed
            assert {each.uuid for each in pushed.descriptors} <= {normal_uuid("2902")}

    live(world, story)


@everywhere
def test_only_the_services_that_were_asked_for_are_shown(world):
    async def story(program: Program) -> None:
        async with program.client(services=[SERVICE]) as client:
            assert [service.uuid for service in client.services] == [normal_uuid(SERVICE)]
        async with program.client(services=["180f"]) as client:
            assert list(client.services) == []

    live(world, story)


@everywhere
def test_there_are_no_services_before_and_after_a_connection(world):
    async def story(program: Program) -> None:
        client = program.client()
        for _ in range(2):
            with pytest.raises(BleakError, match="Service Discovery has not been performed yet"):
                _ = client.services
            async with client:
                assert client.services

    live(world, story)


@everywhere
def test_connecting_twice_is_an_error(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            with pytest.raises(BleakError, match="already connected"):
                await client.connect()
            assert client.is_connected

    live(world, story)


@everywhere
def test_a_client_connects_again_after_it_has_disconnected(world):
    async def story(program: Program) -> None:
        client = program.client()
        for number in range(3):
            await client.connect()
            await client.write_gatt_char(WRITABLE, bytes([number]), response=True)
            await client.disconnect()
        await client.disconnect()
        assert program.lamp.heard == [b"\x00", b"\x01", b"\x02"]

    live(world, story)


@everywhere
def test_an_address_that_nobody_answers_at_is_a_device_not_found(world):
    async def story(program: Program) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(BleakDeviceNotFoundError, match="was not found") as caught:
            await program.client(NOBODY, timeout=3).connect()
        assert caught.value.identifier == NOBODY
        assert asyncio.get_running_loop().time() - began < 6

    live(world, story)


@everywhere
def test_a_device_that_was_heard_and_does_not_answer_is_a_time_out(world):
    async def story(program: Program) -> None:
        lamp = await BleakScanner.find_device_by_address(LAMP, **program.scanning)
        program.world.take_away(program.lamp)
        client = program.client(lamp)
        with pytest.raises(TimeoutError):
            await client.connect(timeout=3)
        assert not client.is_connected
        program.world.bring_back(program.lamp)
        await asyncio.sleep(1)  # until the attempt that was given up has ended
        await client.connect()
        await client.disconnect()

    live(world, story)


@everywhere
def test_who_loses_the_link_is_told_once_and_connects_again(world):
    async def story(program: Program) -> None:
        gone: list[tuple[BleakClient, bool]] = []
        client = program.client(disconnected_callback=lambda lost: gone.append((lost, lost.is_connected)))
        await client.connect()
        program.world.lose(program.lamp)
        await asyncio.sleep(1)
        assert gone == [(client, False)]
        with pytest.raises(BleakError, match="Service Discovery"):
            _ = client.services
        await client.disconnect()
        assert len(gone) == 1
        await client.connect()
        await client.write_gatt_char(WRITABLE, b"again", response=True)
        await client.disconnect()
        assert len(gone) == 2

    live(world, story)


@everywhere
def test_who_disconnects_is_told_before_that_returns(world):
    async def story(program: Program) -> None:
        gone: list[BleakClient] = []
        client = program.client(disconnected_callback=gone.append)
        await client.connect()
        await client.disconnect()
        assert gone == [client]

    live(world, story)


@everywhere
def test_a_call_that_the_link_breaks_under_fails_and_does_not_hang(world):
    async def story(program: Program) -> None:
        gone: list[BleakClient] = []
        async with program.client(disconnected_callback=gone.append) as client:
            program.world.unanswered("write")
            writing = asyncio.create_task(client.write_gatt_char(WRITABLE, b"x", response=True))
            await asyncio.sleep(1)
            program.world.lose(program.lamp)
            with pytest.raises(BleakError, match="Disconnected"):
                await writing
            await asyncio.sleep(1)
            assert gone == [client]

    live(world, story)


@everywhere
def test_without_a_connection_every_call_says_so(world):
    async def story(program: Program) -> None:
        client = program.client()
        await client.connect()
        counter = client.services.get_characteristic(COUNTER)
        await client.disconnect()
        behind = client._backend
        for call in (
            behind.read_gatt_char(counter),
            behind.write_gatt_char(counter, b"x", True),
            behind.stop_notify(counter),
            client.start_notify(counter, print),
            client.pair(),
        ):
            with pytest.raises(BleakError, match="Not connected"):
                await call

    live(world, story)


@everywhere
def test_the_mtu_and_the_room_it_leaves_are_those_of_the_connection(world):
    async def story(program: Program) -> None:
        client = program.client()
        assert client.mtu_size == 23
        async with client:
            await client._backend._acquire_mtu()
            mtu = client.mtu_size
            assert mtu == 517 if world == "bumble" else 23
            assert client.services.get_characteristic(WRITABLE).max_write_without_response_size == mtu - 3
        assert client.mtu_size == 23

    live(world, story)


def test_a_name_is_what_is_advertised_else_that_of_the_settings_else_the_address():
    async def story(program: Program) -> None:
        heard = await BleakScanner.find_device_by_address(LAMP, **program.scanning)
        assert program.client(heard).name == "lamp"
        assert program.client(LAMP).name == "F0-00-00-00-00-01"
        async with program.client(DOOR) as client:
            assert client.name == "door"

    live("simulated", story)


@everywhere
def test_a_connect_that_is_cancelled_leaves_nothing(world):
    async def story(program: Program) -> None:
        program.world.take_away(program.lamp)
        client = program.client()
        connecting = asyncio.create_task(client.connect())
        await asyncio.sleep(1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await asyncio.sleep(1)
        lamp = next(each for each in program.keeper.status().devices if each.name == "lamp")
        assert (lamp.waiting, lamp.connection, lamp.leases) == (0, "disconnected", ())
        program.world.bring_back(program.lamp)
        async with client:
            assert client.is_connected

    live(world, story)


@pytest.mark.parametrize("world", ["simulated", "socket"])
def test_who_connects_while_another_ones_attempt_is_being_given_up_gets_one_of_its_own(world):
    async def story(program: Program) -> None:
        deaf = LinkRule(LinkMatch(moment=LinkMoment.CONNECT, times=1), Stubborn(seconds=10))
        program.world.link.rules.append(deaf)
        connecting = asyncio.create_task(program.client(timeout=3).connect())
        await asyncio.sleep(5)
        async with program.client() as client:
            assert client.is_connected
        with pytest.raises(BleakDeviceNotFoundError):
            await connecting

    live(world, story)


@everywhere
def test_a_call_that_is_cancelled_lets_the_next_one_go(world):
    async def story(program: Program) -> None:
        async with program.client() as client:
            program.world.late("read", 2.0)
            reading = asyncio.create_task(client.read_gatt_char(COUNTER))
            await asyncio.sleep(0.5)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        async with client:
            assert await client.read_gatt_char(COUNTER)

    live(world, story)


@everywhere
def test_two_clients_hold_one_device_and_one_lets_go(world):
    async def story(program: Program) -> None:
        first, second = program.client(), program.client()
        await asyncio.gather(first.connect(), second.connect())
        await asyncio.gather(
            *(client.write_gatt_char(WRITABLE, b"x", response=True) for client in (first, second) * 5)
        )
        await first.disconnect()
        await asyncio.sleep(60)
        assert second.is_connected
        await second.write_gatt_char(WRITABLE, b"y", response=True)
        await second.disconnect()
        assert program.lamp.connections == 1
        assert program.lamp.heard == [b"x"] * 10 + [b"y"]

    live(world, story)


@everywhere
def test_a_pairing_that_fails_leaves_no_connection_held(world):
    async def story(program: Program) -> None:
        client = program.client(pair=True)
        program.world.pairing_hangs()
        connecting = asyncio.create_task(client.connect())
        await asyncio.sleep(3)
        with pytest.raises(BleakError, match="already connected"):
            await client.connect()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert not client.is_connected
        lamp = next(each for each in program.keeper.status().devices if each.name == "lamp")
        assert lamp.leases == ()

    live(world, story)


@everywhere
def test_pairing_before_or_on_a_connection(world):
    async def story(program: Program) -> None:
        async with program.client(pair=True) as client:
            await client.pair()
            assert client.is_connected
        async with client:
            await client.unpair()
            await asyncio.sleep(5)
            assert not client.is_connected

    live(world, story)
