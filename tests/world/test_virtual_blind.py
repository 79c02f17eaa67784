"""A blind moves in time, tells where it is, and stops."""

import asyncio

import pytest

from gattkeeper.world import AttError, VirtualBlind, run_virtual
from gattkeeper.world.virtual_blind import BATTERY_LEVEL, BLIND_MOTOR, BLIND_POSITION, BLIND_TARGET, MOTOR_STOP
from world.raw_central import lounge, now


def write(blind: VirtualBlind, uuid: str, payload: bytes) -> None:
    blind.device.write(blind.device.characteristic(uuid), payload)


def read(blind: VirtualBlind, uuid: str) -> int:
    return blind.device.read(blind.device.characteristic(uuid))[0]


def told(blind: VirtualBlind) -> list[tuple[float, int]]:
    """What it notifies from now on: (time, position)."""
    notified = []
    blind.device.notify = lambda _characteristic, payload: notified.append((round(now(), 6), payload[0]))
    return notified


def test_it_moves_at_its_speed_and_stands_still_on_arrival():
    async def scenario():
        blind = lounge(position=0, speed=20.0)
        write(blind, BLIND_TARGET, b"\x49")
        assert (read(blind, BLIND_TARGET), read(blind, BLIND_POSITION), blind.moving) == (73, 0, True)
        await asyncio.sleep(1.0)
        assert read(blind, BLIND_POSITION) == 20
        await asyncio.sleep(2.66)
        assert (read(blind, BLIND_POSITION), blind.moving) == (73, False)

    run_virtual(scenario())


def test_it_notifies_at_most_every_tenth_of_a_second_and_the_last_position_always():
    async def scenario():
        blind = lounge(position=100, speed=20.0)
        notified = told(blind)
        blind.move_to(95)
        await asyncio.sleep(10)
        assert notified == [(0.1, 98), (0.2, 96), (0.25, 95)]

    run_virtual(scenario())


def test_a_slow_blind_notifies_each_percent():
    async def scenario():
        blind = lounge(position=0, speed=0.5)
        notified = told(blind)
        blind.move_to(2)
        await asyncio.sleep(10)
        assert notified == [(2.0, 1), (4.0, 2)]

    run_virtual(scenario())


def test_stop_freezes_it_where_it_is():
    async def scenario():
        blind = lounge(position=0)
        notified = told(blind)
        blind.move_to(100)
        await asyncio.sleep(1.02)
        write(blind, BLIND_MOTOR, MOTOR_STOP)
        assert (blind.position, blind.target, blind.moving) == (20, 20, False)
        count = len(notified)
        await asyncio.sleep(10)
        assert (blind.position, notified[-1][1], len(notified)) == (20, 20, count)

    run_virtual(scenario())


def test_stop_tells_a_position_that_was_not_told_yet():
    async def scenario():
        blind = lounge(position=0)
        notified = told(blind)
        blind.move_to(100)
        await asyncio.sleep(0.07)
        blind.stop()
        assert notified == [(0.07, 1)]

    run_virtual(scenario())


def test_a_new_target_takes_over_from_where_it_is():
    async def scenario():
        blind = lounge(position=0)
        blind.move_to(100)
        await asyncio.sleep(2.0)
        blind.move_to(10)
        assert blind.position == 40
        await asyncio.sleep(1.0)
        assert blind.position == 20
        await asyncio.sleep(5.0)
        assert (blind.position, blind.target) == (10, 10)

    run_virtual(scenario())


def test_the_target_it_stands_at_moves_nothing():
    async def scenario():
        blind = lounge(position=50)
        notified = told(blind)
        blind.move_to(50)
        assert not blind.moving
        await asyncio.sleep(1)
        assert notified == []

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("uuid", "payload", "code"),
    [
        (BLIND_TARGET, b"\x65", 0x13),
        (BLIND_TARGET, b"", 0x0D),
        (BLIND_TARGET, b"\x01\x02", 0x0D),
        (BLIND_MOTOR, b"\x01", 0x13),
        (BLIND_MOTOR, b"\x00\x00", 0x0D),
        (BLIND_POSITION, b"\x01", 0x03),
    ],
)
def test_what_a_blind_does_not_understand_is_refused(uuid, payload, code):
    blind = lounge(position=30)
    with pytest.raises(AttError) as refused:
        write(blind, uuid, payload)
    assert refused.value.code == code
    assert (blind.device.applied, blind.target) == ([], 30)


def test_a_blind_with_a_dead_man_function_stops_on_link_loss():
    async def scenario(stops: bool) -> int:
        blind = lounge(position=0, stop_on_link_loss=stops)
        blind.move_to(100)
        await asyncio.sleep(1.0)
        blind.device.disconnected()
        await asyncio.sleep(10.0)
        return blind.position

    assert run_virtual(scenario(True)) == 20
    assert run_virtual(scenario(False)) == 100


def test_the_battery_is_a_percentage():
    assert read(lounge(battery=12), BATTERY_LEVEL) == 12


@pytest.mark.parametrize("settings", [{"speed": 0}, {"speed": float("nan")}, {"position": 101}])
def test_a_blind_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match="a blind moves"):
        lounge(**settings)
