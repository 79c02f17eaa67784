"""Each way of losing a link on BlueZ, with a keeper on top: seen within 2 s, told rightly, and over by itself.

In each story a write is with the device, unanswered, and a second one waits. What is lost is the scripted BlueZ's.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from dbus_fast import Variant

from fake_bluez.bus import PrivateBus
from fake_bluez.device import ADAPTER, DEVICE
from fake_bluez.house import BluezHouse, bluez_house, fake_device
from fake_bluez.stack import ADAPTER_ADDRESS, BLUEZ_ERROR, HCI0, FakeBluez, Step
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.outcome import Cause, Verdict

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

SEEN_S = 2.0  # a loss is told within this time
BACK_S = 10.0  # and what comes afterwards is served
HCI1 = "/org/bluez/hci1"
BUSY = Step(refuse=f"{BLUEZ_ERROR}InProgress", text="Operation already in progress")

Story = Callable[[BluezHouse, PrivateBus], Awaitable[None]]


async def service_dies(house: BluezHouse, _bus: PrivateBus) -> None:
    await house.bluez.crash()


async def service_returns(house: BluezHouse, _bus: PrivateBus) -> None:
    await house.bluez.start()


async def adapter_is_pulled(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.remove_adapter()


async def adapter_returns_as_another_number(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.home = HCI1
    house.bluez.add_adapter(HCI0, "F4:4E:FC:00:00:99")
    house.bluez.add_adapter(HCI1, ADAPTER_ADDRESS)


async def object_is_removed(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.remove_device(house.lamp)


async def power_goes(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.power(on=False)


async def power_returns(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.power(on=True)


async def link_drops(house: BluezHouse, _bus: PrivateBus) -> None:
    house.bluez.drop_link(house.lamp)


async def link_drops_past_bleak(house: BluezHouse, _bus: PrivateBus) -> None:
    """Bleak tells nobody, as when another callback raises before ours: it calls none of those after it."""
    (await get_global_bluez_manager())._device_watchers[house.lamp.path(HCI0)].clear()
    house.bluez.script("Disconnect", Step(refuse=f"{BLUEZ_ERROR}NotConnected", text="Not Connected"))
    house.bluez.drop_link(house.lamp)


async def bus_dies(house: BluezHouse, bus: PrivateBus) -> None:
    await bus.stop()
    await house.bluez.crash()


async def bus_returns(house: BluezHouse, bus: PrivateBus) -> None:
    await bus.start()
    await house.bluez.start()


async def nothing(house: BluezHouse, _bus: PrivateBus) -> None:
    """It is over by itself."""


LOSSES: dict[str, tuple[Story, Story, FaultKind, Cause]] = {
    "the service": (service_dies, service_returns, FaultKind.STACK_GONE, Cause.STACK_RESTARTED),
    "the adapter": (
        adapter_is_pulled,
        adapter_returns_as_another_number,
        FaultKind.ADAPTER_GONE,
        Cause.STACK_RESTARTED,
    ),
    "the device's object": (object_is_removed, nothing, FaultKind.LINK_LOST, Cause.LINK_LOST_IN_FLIGHT),
    "the power": (power_goes, power_returns, FaultKind.ADAPTER_GONE, Cause.STACK_RESTARTED),
    "the link": (link_drops, nothing, FaultKind.LINK_LOST, Cause.LINK_LOST_IN_FLIGHT),
    "the link, past Bleak": (link_drops_past_bleak, nothing, FaultKind.LINK_LOST, Cause.LINK_LOST_IN_FLIGHT),
    "the bus": (bus_dies, bus_returns, FaultKind.STACK_GONE, Cause.STACK_RESTARTED),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_loss_is_seen_told_and_over_by_itself(bluez: FakeBluez, system_bus: PrivateBus, loss: str) -> None:
    goes, returns, kind, cause = LOSSES[loss]
    async with bluez_house(bluez) as house:
        house.lamp.silent = True
        running = await house.write(b"1")
        waiting = await house.write(b"2")
        await house.until_asked()
        await goes(house, system_bus)
        lost = await running.wait(SEEN_S)
        assert (lost.verdict, lost.cause) == (Verdict.UNKNOWN, cause)
        assert lost.fault is not None
        assert lost.fault.kind is kind
        assert (await waiting.wait(SEEN_S)).verdict is Verdict.NOT_DELIVERED
        house.lamp.silent = False
        await returns(house, system_bus)
        read = await house.read()
        assert (await read.wait(BACK_S)).value == b"value"
        assert [payload for _, payload in house.lamp.applied] == [b"1"], "nothing was sent again"


async def test_services_that_are_dropped_under_a_connection_are_found_anew(bluez: FakeBluez) -> None:
    async with bluez_house(bluez) as house:
        assert (await (await house.read()).wait(BACK_S)).value == b"value"
        layout = fake_device().layout
        for characteristics in layout.values():
            for characteristic in characteristics:
                characteristic.value = b"another"
        bluez._change(house.lamp.path(HCI0), DEVICE, ServicesResolved=Variant("b", False))
        bluez.change_attributes(house.lamp, layout)
        assert (await (await house.read()).wait(BACK_S)).value == b"another"


async def test_a_scan_of_somebody_else_is_waited_for(bluez: FakeBluez) -> None:
    async with bluez_house(bluez) as house:
        bluez.objects[HCI0][ADAPTER]["Discovering"] = Variant("b", True)
        bluez.script("StartDiscovery", BUSY)
        assert (await (await house.read()).wait(BACK_S)).value == b"value"
        assert bluez.count("StartDiscovery") == 2


async def test_a_discovery_that_is_stuck_is_ended_by_the_ladder_and_the_command_goes_on(
    bluez: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BlueZ refuses every discovery until the adapter was off."""
    bluez.always["StartDiscovery"] = BUSY
    power = bluez.power

    def cured(on: bool, path: str = HCI0) -> None:
        bluez.always.clear()
        power(on, path)

    monkeypatch.setattr(bluez, "power", cured)
    async with bluez_house(bluez) as house:
        read = await house.read(deadline_us=20_000_000)
        assert (await read.wait(20.0)).value == b"value"
        assert bluez.count("Set") == 2


async def test_operations_on_one_characteristic_never_meet_so_that_bleak_never_polls(bluez: FakeBluez) -> None:
    async with bluez_house(bluez) as house:
        house.lamp.delay_s = 0.002
        house.door.delay_s = 0.002
        handles = [
            handle
            for number in range(20)
            for device in ("lamp", "door")
            for handle in (await house.write(bytes([number]), device), await house.read(device))
        ]
        outcomes = [await handle.wait(30.0) for handle in handles]
        assert all(outcome.verdict is Verdict.DELIVERED for outcome in outcomes)
        assert (bluez.count("WriteValue"), bluez.count("ReadValue")) == (40, 40), "BlueZ was asked once for each"
        for device in (house.lamp, house.door):
            assert [payload for _, payload in device.applied] == [bytes([number]) for number in range(20)]


async def test_an_answer_after_the_loss_is_nobodys(bluez: FakeBluez) -> None:
    async with bluez_house(bluez) as house:
        await (await house.read()).wait(BACK_S)
        house.lamp.delay_s = 0.5
        late = await house.write(b"late")
        await house.until_asked()
        await house.until_asked()
        house.lamp.delay_s = 0.0
        bluez.drop_link(house.lamp)
        assert (await late.wait(SEEN_S)).verdict is Verdict.UNKNOWN
        reads = [await house.read() for _ in range(3)]
        assert [(await read.wait(BACK_S)).value for read in reads] == [b"value"] * 3
        await asyncio.wait(set(bluez._tasks))
        await bluez.bus_names()  # a round trip later the late answer has come
        assert (await (await house.read()).wait(BACK_S)).value == b"value"


@pytest.mark.parametrize("paired", [True, False])
async def test_a_bluez_that_goes_while_a_paired_device_is_connected_is_told_with_the_bond(
    bluez: FakeBluez, paired: bool
) -> None:
    async with bluez_house(bluez) as house:
        house.lamp.paired = paired
        house.lamp.delay_s = 3600.0
        bluez.know(house.lamp)
        handle = await house.write(b"never", deadline_us=3_000_000)
        await bluez.until_link(house.lamp, up=True)
        await bluez.crash()
        async with asyncio.timeout(BACK_S):
            outcome = await handle.wait()
    assert outcome.verdict is Verdict.NOT_DELIVERED
    assert outcome.fault is not None
    assert outcome.fault.text.startswith("the Bluetooth service is gone")
    assert ("gattkeeper unpair" in outcome.fault.text) is paired
