"""Who is on the air: timing of whole operations, adapters that come and go, and that chance has a seed."""

import asyncio
import time

import pytest
from bumble import hci
from bumble.core import TimeoutError as ConnectTimeoutError

from gattkeeper.world import Drop, Match, Moment, Rule, VirtualBlind, VirtualRadio, run_virtual
from gattkeeper.world.virtual_blind import BLIND_TARGET
from world.raw_central import ADAPTER, RawCentral, connect, lounge, now, on_air, power_on


def kitchen() -> VirtualBlind:
    return VirtualBlind("kitchen", "F0:00:00:00:00:02")


async def seconds_per_write(central: RawCentral, count: int) -> float:
    started = now()
    for _ in range(count):
        await central.write(BLIND_TARGET, b"\x32")
    return (now() - started) / count


@pytest.mark.parametrize("interval", [0.0075, 0.03, 0.1])
def test_a_write_takes_two_connection_intervals(interval):
    async def scenario():
        central = await on_air(VirtualRadio(connection_interval_s=interval), lounge().device)
        return await seconds_per_write(central, 50)

    assert run_virtual(scenario()) == pytest.approx(2 * interval)


def test_loss_costs_connection_events():
    async def scenario():
        radio = VirtualRadio()
        central = await on_air(radio, lounge().device)
        radio.loss = 0.3
        return await seconds_per_write(central, 200)

    # Each of the two PDUs takes 1 / (1 - 0.3) intervals on average: 86 ms.
    assert 0.075 < run_virtual(scenario()) < 0.097


def test_the_same_seed_gives_the_same_history():
    async def scenario(seed: int) -> list[float]:
        radio = VirtualRadio(seed=seed, loss=0.2)
        radio.rules.append(Rule(Match(moment=Moment.ADVERTISEMENT, probability=0.5), Drop()))
        blind, other = lounge(), kitchen()
        await radio.add(other.device)
        central = await on_air(radio, blind.device)
        both = (central, await connect(central.device, other.device))
        for level in range(20):
            await asyncio.gather(*(one.write(BLIND_TARGET, bytes([level])) for one in both))
        return [applied.at_s for applied in blind.device.applied + other.device.applied]

    first = run_virtual(scenario(7))
    assert run_virtual(scenario(7)) == first
    assert run_virtual(scenario(8)) != first


def test_a_virtual_day_runs_in_seconds():
    async def scenario():
        blind = lounge()
        central = await on_air(VirtualRadio(), blind.device)
        for hour in range(24):
            await central.write(BLIND_TARGET, bytes([hour]))
            await asyncio.sleep(3600)
        return now(), len(blind.device.applied)

    started = time.monotonic()
    at, writes = run_virtual(scenario())
    assert (at > 86_400, writes) == (True, 24)
    assert time.monotonic() - started < 20


def test_a_device_advertises_again_after_a_disconnection():
    async def scenario():
        blind = lounge()
        central = await on_air(VirtualRadio(), blind.device)
        for count in (1, 2, 3):
            assert blind.device.connections == count
            await central.connection.disconnect()
            central = await connect(central.device, blind.device)

    run_virtual(scenario())


def test_break_link_tells_the_adapter_the_reason_and_is_nothing_without_a_connection():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        radio.break_link(blind.device, 0x22)
        radio.break_link(blind.device, 0x22)
        await asyncio.sleep(1)
        return central.lost

    assert run_virtual(scenario()) == [0x22]


def test_a_device_out_of_reach_is_lost_after_the_supervision_timeout_and_not_heard():
    async def scenario():
        radio, blind = VirtualRadio(supervision_timeout_s=2.0), lounge()
        central = await on_air(radio, blind.device)
        radio.take_away(blind.device)
        await asyncio.sleep(1.99)
        assert central.lost == []
        await asyncio.sleep(0.02)
        assert central.lost == [0x08]
        with pytest.raises(ConnectTimeoutError):
            await central.device.connect(hci.Address(blind.device.address.value), timeout=5)
        radio.bring_back(blind.device)
        await connect(central.device, blind.device)

    run_virtual(scenario())


def test_what_is_on_its_way_to_a_device_that_goes_out_of_reach_never_arrives():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        write = asyncio.create_task(central.write(BLIND_TARGET, b"\x01"))
        await asyncio.sleep(0.02)  # the request waits for its connection event
        radio.take_away(blind.device)
        with pytest.raises(asyncio.CancelledError):
            await write
        assert blind.device.applied == []

    run_virtual(scenario())


def test_an_unplugged_adapter_loses_everything_and_opens_again_when_plugged_in():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        radio.unplug_adapter(ADAPTER)
        await asyncio.sleep(1)
        assert not central.device.connections
        with pytest.raises(OSError, match="unplugged"):
            await radio.adapter(ADAPTER)()
        radio.plug_adapter(ADAPTER)
        await connect(await power_on(radio), blind.device)
        assert blind.device.connections == 2

    run_virtual(scenario())


def test_a_silent_adapter_speaks_again_when_it_is_opened_again():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        radio.silence_adapter(ADAPTER)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(central.write(BLIND_TARGET, b"\x01"), 5)
        await connect(await power_on(radio), blind.device)

    run_virtual(scenario())


def test_two_adapters_cannot_have_the_same_device():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        await radio.add(blind.device)
        one, two = await power_on(radio), await power_on(radio, "C0:00:00:00:00:02")
        address = hci.Address(blind.device.address.value)
        attempts = [asyncio.create_task(central.connect(address, timeout=5)) for central in (one, two)]
        ends = await asyncio.gather(*attempts, return_exceptions=True)
        assert sorted(isinstance(end, ConnectTimeoutError) for end in ends) == [False, True]
        assert blind.device.connections == 1

    run_virtual(scenario())


def test_closing_the_radio_leaves_nothing_to_happen():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        blind.move_to(0)
        await radio.close()
        await radio.close()
        await asyncio.sleep(0.15)
        assert blind.moving
        assert not central.device.connections
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(scenario())


def test_a_name_or_address_that_is_taken_is_refused():
    async def scenario():
        radio = VirtualRadio()
        await radio.add(lounge().device)
        for twin in (
            lounge(),
            VirtualBlind("other", "F0:00:00:00:00:01"),
            VirtualBlind("lounge", "F0:00:00:00:00:09"),
        ):
            with pytest.raises(ValueError, match="on the air already"):
                await radio.add(twin.device)

    run_virtual(scenario())


@pytest.mark.parametrize(
    "settings",
    [
        {"connection_interval_s": 0.0},
        {"connection_interval_s": 4.1},
        {"loss": 1.0},
        {"loss": -0.1},
        {"supervision_timeout_s": 0.03},
        {"pdus_per_event": 0},
    ],
)
def test_figures_that_no_radio_has_are_refused(settings):
    with pytest.raises(ValueError, match=r"lasts|needs|probability"):
        VirtualRadio(**settings)
