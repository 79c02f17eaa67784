"""The link over Bumble opens with clear words, finds addresses, and follows its adapter."""

import asyncio
import subprocess
import sys

import pytest

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bumble_link import ANSWER_S, REOPEN_PAUSE_S, BumbleLink
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Phase
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import CONSTANT, AdapterLog, ConnectionLog, connected
from link_contract.bumble_bench import ADAPTER, BumbleBench, bumble_bench


async def _no_host():
    raise OSError(19, "No such device")


def test_importing_the_link_imports_no_bumble():
    program = "import sys, gattkeeper.links.bumble_link; sys.exit('bumble' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_bumble_making_a_link_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bumble", None)
    monkeypatch.setitem(sys.modules, "bumble.device", None)
    with pytest.raises(SettingsError, match=r"pip install 'gattkeeper\[bumble\]'"):
        BumbleLink(_no_host, name="none")
    with pytest.raises(SettingsError, match=r"pip install 'gattkeeper\[bumble\]'"):
        BumbleLink.on_transport("usb:0")


def test_an_adapter_that_cannot_be_opened_is_a_settings_error():
    with pytest.raises(SettingsError, match="adapter spare cannot be used: .*No such device"):
        run_virtual(BumbleLink(_no_host, name="spare").open(AdapterLog()))


def test_an_adapter_that_never_answers_is_given_up_and_closed():
    async def main():
        closed = asyncio.Event()

        async def close():
            closed.set()

        bench = BumbleBench()

        async def open_silent_host():
            host = await bench.radio.adapter(ADAPTER)()
            bench.radio.silence_adapter(ADAPTER)
            return host

        loop = asyncio.get_running_loop()
        link = BumbleLink(open_silent_host, name="mute", close_host=close)
        with pytest.raises(SettingsError, match="adapter mute: nothing answered within 10 s"):
            await link.open(AdapterLog())
        assert loop.time() == pytest.approx(ANSWER_S)
        assert closed.is_set()

    run_virtual(main())


def test_the_name_is_the_controllers_address():
    async def main():
        async with bumble_bench() as bench:
            assert bench.link.name == ADAPTER

    run_virtual(main())


def test_rssi_is_a_trait_where_the_controller_has_it():
    async def main():
        bench = BumbleBench()
        assert "read_rssi" not in bench.link.traits.operations
        await bench.link.open(bench.adapter_log)
        assert "read_rssi" in bench.link.traits.operations
        await bench.link.close()

    run_virtual(main())


def test_an_address_of_unknown_kind_is_listened_for_once():
    async def main():
        async with bumble_bench() as bench:
            address = DeviceAddress(value=bench.address.value, kind=AddressKind.ANY)
            for phases in ([Phase.SCAN, Phase.CONNECTED, Phase.DISCOVERED], [Phase.CONNECTED, Phase.DISCOVERED]):
                log = ConnectionLog()
                connection = await bench.link.connect(address, log)
                assert log.phases == phases
                await connection.disconnect()

    run_virtual(main())


def test_listening_for_an_address_ends_with_the_adapter():
    async def main():
        async with bumble_bench() as bench:
            await bench.stop_advertising()
            address = DeviceAddress(value=bench.address.value)
            connecting = asyncio.create_task(bench.link.connect(address, ConnectionLog()))
            await asyncio.sleep(1.0)
            await bench.vanish_adapter()
            with pytest.raises(LinkError) as caught:
                async with asyncio.timeout(0.1):
                    await connecting
            assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.NO)

    run_virtual(main())


def test_connecting_ends_with_the_adapter():
    async def main():
        async with bumble_bench() as bench:
            await bench.stop_advertising()
            connecting = asyncio.create_task(bench.link.connect(bench.address, ConnectionLog()))
            await asyncio.sleep(1.0)
            await bench.vanish_adapter()
            with pytest.raises(LinkError) as caught:
                async with asyncio.timeout(0.1):
                    await connecting
            assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.NO)

    run_virtual(main())


def test_scanning_ends_with_the_adapter():
    async def main():
        async with bumble_bench() as bench:
            with pytest.raises(LinkError) as caught:
                async for _ in bench.link.scan(60.0):
                    await bench.vanish_adapter()
            assert caught.value.fault.kind is FaultKind.ADAPTER_GONE
            with pytest.raises(LinkError):
                bench.link.scan(1.0)

    run_virtual(main())


def test_an_adapter_that_went_away_is_closed_before_it_is_opened_again():
    async def main():
        history = []
        bench = BumbleBench()

        async def open_host():
            history.append("open")
            return await bench.radio.adapter(ADAPTER)()

        async def close_host():
            history.append("close")

        link = BumbleLink(open_host, name="moody", close_host=close_host)
        await link.open(bench.adapter_log)
        await bench.vanish_adapter()
        await bench.return_adapter()
        assert not (await bench.adapter_log.said.get())[0]
        assert (await bench.adapter_log.said.get())[0]
        await link.close()
        assert history == ["open", "close", "open", "close"]

    run_virtual(main())


@pytest.mark.parametrize("rung", [Rung.POWER_CYCLE, Rung.HARD_RESET])
def test_a_reset_ends_its_connections_and_leaves_an_adapter_that_works(rung):
    async def main():
        async with bumble_bench() as bench:
            _, log = await connected(bench)
            assert rung in bench.link.traits.rungs
            async with asyncio.timeout(ANSWER_S):
                await bench.link.recover(rung, bench.address)
            assert [fault.name for fault in log.losses] == ["reset"]
            assert [(await bench.adapter_log.said.get())[0] for _ in range(2)] == [False, True]
            async with asyncio.timeout(60.0):  # until the device has noticed that the old connection is gone
                connection, _ = await connected(bench)
            assert await connection.perform(Read(target=CharacteristicRef(uuid=CONSTANT))) == b"constant"

    run_virtual(main())


def test_a_controller_that_answers_nothing_cannot_be_reset_and_is_looked_for():
    async def main():
        async with bumble_bench() as bench:
            bench.radio.silence_adapter(ADAPTER)
            with pytest.raises(LinkError) as caught:
                await bench.link.recover(Rung.POWER_CYCLE, bench.address)
            assert caught.value.fault.kind is FaultKind.WEDGED
            assert "nothing answered within 10 s" in caught.value.fault.text
            assert bench.adapter_log.said.qsize() == 1
            with pytest.raises(LinkError):
                await bench.link.recover(Rung.POWER_CYCLE, bench.address)

    run_virtual(main())


def test_an_adapter_goes_away_once():
    async def main():
        async with bumble_bench() as bench:
            device = bench.link._adapter._device
            await bench.vanish_adapter()
            device.emit("flush")
            assert bench.adapter_log.said.qsize() == 1

    run_virtual(main())


def test_an_adapter_that_is_away_for_long_is_found_again():
    async def main():
        async with bumble_bench() as bench:
            await bench.vanish_adapter()
            await asyncio.sleep(3600.0)
            await bench.return_adapter()
            async with asyncio.timeout(2 * REOPEN_PAUSE_S):
                up, fault = await bench.adapter_log.said.get()
                assert (up, fault.kind) == (False, FaultKind.ADAPTER_GONE)
                assert await bench.adapter_log.said.get() == (True, None)
            await connected(bench)

    run_virtual(main())


def test_an_adapter_that_vanishes_while_the_link_is_closed_is_no_news():
    async def main():
        async with bumble_bench() as bench:
            _, log = await connected(bench)
            closing = asyncio.create_task(bench.link.close())
            await asyncio.sleep(0)
            await bench.vanish_adapter()
            await closing
            await asyncio.sleep(10 * REOPEN_PAUSE_S)
            assert len(log.losses) == 1
            assert bench.adapter_log.said.empty()

    run_virtual(main())


def test_a_closed_link_looks_for_no_adapter():
    async def main():
        bench = BumbleBench()
        await bench.link.open(bench.adapter_log)
        await bench.vanish_adapter()
        async with asyncio.timeout(1.0):
            await bench.link.close()
        await bench.return_adapter()
        await asyncio.sleep(10 * REOPEN_PAUSE_S)
        assert bench.adapter_log.said.qsize() == 1
        with pytest.raises(LinkError):
            await bench.link.connect(bench.address, ConnectionLog())

    run_virtual(main())
