"""A keeper in the same process: what holds between programs, and what is left when one goes wrong."""

import asyncio

import pytest
from bleak.exc import BleakError
from bleak_programs import Program, everywhere, live

from gattkeeper.core.limits import Limits
from gattkeeper.model.operation import Unsubscribe
from sim.scene import COUNTER, PUSHED, WRITABLE


@everywhere
def test_an_emergency_stop_takes_the_connection_and_the_program_sees_a_disconnect(world):
    async def story(program: Program) -> None:
        gone: list[object] = []
        client = program.client(disconnected_callback=gone.append)
        await client.connect()
        for handle in await program.keeper.stop("lamp", latch=True):
            await handle.wait()
        await asyncio.sleep(1)
        assert gone == [client]
        assert not client.is_connected
        async with client:
            with pytest.raises(BleakError, match="stop"):
                await client.write_gatt_char(WRITABLE, b"held back", response=True)
            assert await client.read_gatt_char(COUNTER)
            program.keeper.resume("lamp")
            await client.write_gatt_char(WRITABLE, b"x", response=True)
        assert program.lamp.heard[-1] == b"x"
        assert b"held back" not in program.lamp.heard

    live(world, story)


@everywhere
def test_who_holds_a_device_is_shown(world, monkeypatch):
    monkeypatch.setenv("GATTKEEPER_CLIENT", "blind.py")

    async def story(program: Program) -> None:
        def holders() -> list[str]:
            lamp = next(each for each in program.keeper.status().devices if each.name == "lamp")
            return [lease.holder for lease in lamp.leases]

        async with program.client():
            (holder,) = holders()
            assert holder.partition(" (pid")[0] == "blind.py"
        assert holders() == []

    live(world, story)


@everywhere
def test_a_connection_that_is_idle_gives_its_place_to_who_waits_for_one(world):
    async def story(program: Program) -> None:
        idle, waiting = program.client(), program.client("door")
        await idle.connect()
        await waiting.connect()
        assert not idle.is_connected
        await waiting.disconnect()

    live(world, story, slots=1, limits=Limits(lease_idle_us=2_000_000))


@everywhere
def test_reads_and_writes_of_two_programs_take_turns(world):
    async def story(program: Program) -> None:
        async with program.client() as first, program.client() as second:
            calls = [client.read_gatt_char(COUNTER) for client in (first, second) * 10]
            values = [int.from_bytes(value, "big") for value in await asyncio.gather(*calls)]
            assert sorted(values) == list(range(1, 21))

    live(world, story)


@everywhere
def test_both_hear_and_the_one_that_stays_goes_on_hearing(world):
    async def story(program: Program) -> None:
        heard: dict[str, list[bytearray]] = {"goes": [], "stays": []}
        async with program.client() as stays:
            await stays.start_notify(PUSHED, lambda _sender, value: heard["stays"].append(value))
            async with program.client() as goes:
                await goes.start_notify(PUSHED, lambda _sender, value: heard["goes"].append(value))
                await program.push(b"1")
            await program.push(b"2")
        assert heard == {"goes": [b"1"], "stays": [b"1", b"2"]}

    live(world, story)


@everywhere
def test_who_lets_go_ends_what_only_it_wanted_to_hear(world):
    async def story(program: Program) -> None:
        async with program.client() as stays:
            async with program.client() as goes:
                await goes.start_notify(PUSHED, lambda _sender, _value: None)
            await stays.read_gatt_char(COUNTER)
        ended = [command for command in program.asked if isinstance(command.operation, Unsubscribe)]
        assert len(ended) == 1

    live(world, story, journal=True)


@everywhere
def test_a_library_user_beside_it_keeps_its_notifications(world):
    async def story(program: Program) -> None:
        async with program.keeper.device("lamp").subscribe(PUSHED) as values:
            async with program.client() as client:
                await client.start_notify(PUSHED, lambda _sender, _value: None)
                await client.stop_notify(PUSHED)
            await program.push(b"x")
            assert await anext(values) == b"x"

    live(world, story)


@everywhere
def test_a_client_that_is_forgotten_loses_the_connection_with_its_keeper(world):
    async def story(program: Program) -> None:
        gone: list[object] = []
        client = program.client(disconnected_callback=gone.append)
        await client.connect()
        await program.keeper.close()
        await asyncio.sleep(0)
        assert gone == [client]
        with pytest.raises(BleakError, match="shutting down"):
            await client.connect()

    live(world, story)


def test_a_write_that_the_profile_allows_to_be_repeated_is():
    async def story(program: Program) -> None:
        async with program.client() as client:
            program.lamp.refusals += [0x0E]  # which says nothing about whether it was carried out
            await client.write_gatt_char(WRITABLE, bytes([73]), response=True)
            program.lamp.refusals += [0x0E]
            with pytest.raises(BleakError):
                await client.write_gatt_char(WRITABLE, b"not an action's", response=True)
        assert program.lamp.heard == [bytes([73])] * 2 + [b"not an action's"]

    live("bumble", story)
