"""Connecting and scanning over Bumble leave the adapter as it was, however they end."""

import asyncio

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_adapter import HEARD_MAX
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.links.bumble_reading import device_address
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.outcome import Phase
from gattkeeper.world.radio import VirtualRadio
from gattkeeper.world.radio_rules import AnswerError, AttOpcode, Drop, Match, Moment, Rule
from gattkeeper.world.virtual_device import VirtualDevice
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog, ConnectionLog, connected
from link_contract.bumble_bench import ADAPTER, bumble_bench


async def _fault_of_connecting(bench):
    with pytest.raises(LinkError) as caught:
        await bench.link.connect(bench.address, ConnectionLog())
    return caught.value.fault


@pytest.mark.parametrize("turns", range(12))
def test_connecting_may_be_cancelled_at_any_moment(turns):
    async def main():
        async with bumble_bench() as bench:
            connecting = asyncio.create_task(bench.link.connect(bench.address, ConnectionLog()))
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await bench.until_disconnected()
            await connected(bench)

    run_virtual(main())


def test_connecting_that_is_cancelled_twice_is_cleaned_up_before_the_next():
    async def main():
        async with bumble_bench() as bench:
            await bench.stop_advertising()
            connecting = asyncio.create_task(bench.link.connect(bench.address, ConnectionLog()))
            await asyncio.sleep(1.0)
            connecting.cancel()
            await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await bench.heal()
            await connected(bench)

    run_virtual(main())


def test_a_connection_that_is_never_established_is_transient():
    async def main():
        async with bumble_bench() as bench:
            bench.radio.rules.append(Rule(Match(moment=Moment.CONNECT_REQUEST, times=1), Drop()))
            fault = await _fault_of_connecting(bench)
            assert (fault.kind, fault.ran, fault.code) == (FaultKind.TRANSIENT, Ran.NO, 0x3E)
            await connected(bench)

    run_virtual(main())


def test_a_connection_that_comes_up_after_its_attempt_was_given_up_is_taken_down():
    async def main():
        async with bumble_bench() as bench:
            await bench.stop_advertising()
            controller = bench.link._adapter._device.host.hci_sink.sink
            # A controller that agrees to cancel and goes on connecting, as Bumble's own does.
            agreed = hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)
            controller.on_hci_le_create_connection_cancel_command = lambda _command: agreed
            connecting = asyncio.create_task(bench.link.connect(bench.address, ConnectionLog()))
            await asyncio.sleep(1.0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await bench.heal()
            await bench.until_connected()
            async with asyncio.timeout(1.0):
                await bench.until_disconnected()

    run_virtual(main())


def test_the_device_sees_the_same_address_after_every_start():
    async def main():
        radio = LocalLink()  # Bumble's own link, with its own controllers

        def host_of(address):
            controller = Controller(address, link=radio, public_address=address)
            return Host(controller, AsyncPipeSink(controller))

        device = Device(
            config=DeviceConfiguration(name="plain", address=hci.Address("F0:00:00:00:00:01")),
            host=host_of("F0:00:00:00:00:01"),
        )
        await device.power_on()
        await device.start_advertising(auto_restart=True)
        seen = []
        device.on("connection", lambda connection: seen.append(str(connection.peer_address)))

        async def open_host():
            return host_of("00:1A:7D:00:00:01")

        for _ in range(2):
            link = BumbleLink(open_host, name="plain")
            await link.open(AdapterLog())
            await link.connect(device_address(device.random_address), ConnectionLog())
            await link.close()
        assert seen == ["C0:1A:7D:00:00:01"] * 2

    run_virtual(main())


def test_a_scan_is_stopped_at_its_end():
    async def main():
        async with bumble_bench() as bench:
            controller = bench.link._adapter._device.host.hci_sink.sink
            async for _ in bench.link.scan(1.0):
                assert controller.le_scan_enable
            assert not controller.le_scan_enable

    run_virtual(main())


def test_a_slow_reader_of_a_scan_loses_what_is_too_much():
    async def main():
        async with bumble_bench() as bench:
            heard = 0
            async for _ in bench.link.scan(61.0):
                if not heard:
                    await asyncio.sleep(60.0)  # 600 advertisements
                heard += 1
            assert HEARD_MAX <= heard < HEARD_MAX + 20

    run_virtual(main())


def test_a_silent_adapter_is_wedged():
    async def main():
        async with bumble_bench() as bench:
            bench.radio.silence_adapter(ADAPTER)
            fault = await _fault_of_connecting(bench)
            assert (fault.kind, fault.ran) == (FaultKind.WEDGED, Ran.NO)
            with pytest.raises(LinkError) as caught:
                [_ async for _ in bench.link.scan(1.0)]
            assert caught.value.fault.kind is FaultKind.WEDGED

    run_virtual(main())


def test_cancelling_on_a_silent_adapter_ends_all_the_same():
    async def main():
        async with bumble_bench() as bench:
            await bench.stop_advertising()
            connecting = asyncio.create_task(bench.link.connect(bench.address, ConnectionLog()))
            await asyncio.sleep(1.0)
            bench.radio.silence_adapter(ADAPTER)
            connecting.cancel()
            async with asyncio.timeout(5.0):
                with pytest.raises(asyncio.CancelledError):
                    await connecting

    run_virtual(main())


def test_a_device_that_keeps_to_the_smallest_mtu_is_connected():
    async def main():
        async with bumble_bench() as bench:
            match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.EXCHANGE_MTU_REQUEST)
            bench.radio.rules.append(Rule(match, AnswerError(code=0x06)))
            connection, _ = await connected(bench)
            assert connection.att_mtu == 23

    run_virtual(main())


def test_a_refused_discovery_is_the_devices_word():
    async def main():
        async with bumble_bench() as bench:
            match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.READ_BY_GROUP_TYPE_REQUEST, times=1)
            bench.radio.rules.append(Rule(match, AnswerError(code=0x11)))
            fault = await _fault_of_connecting(bench)
            assert (fault.kind, fault.ran, fault.code) == (FaultKind.TRANSIENT, Ran.NO, 0x11)
            await bench.until_disconnected()
            await connected(bench)

    run_virtual(main())


def test_a_link_that_is_slow_to_end_holds_up_no_other_connection():
    async def main():
        radio = VirtualRadio(supervision_timeout_s=4.0)
        far, near = VirtualDevice("far", "F0:00:00:00:00:01", ()), VirtualDevice("near", "F0:00:00:00:00:02", ())
        await radio.add(far)
        await radio.add(near)
        link = BumbleLink(radio.adapter(ADAPTER), name="virtual")
        await link.open(AdapterLog())
        log = ConnectionLog()
        lost = asyncio.create_task(link.connect(far.address, log))
        while log.phases != [Phase.CONNECTED]:
            await asyncio.sleep(0.01)
        radio.loss = 0.999_999  # so that it ends with the supervision time-out
        lost.cancel()
        await asyncio.sleep(0.001)
        radio.loss = 0.0
        began = asyncio.get_running_loop().time()
        await link.connect(near.address, ConnectionLog())
        assert asyncio.get_running_loop().time() - began < 2
        assert not lost.done(), "all of it is let go of before it is over"
        with pytest.raises(asyncio.CancelledError):
            await lost
        await link.close()
        await radio.close()

    run_virtual(main())
