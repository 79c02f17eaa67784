"""Each rung of the recovery on the scripted BlueZ: what is asked of it, and that the adapter is there afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import VALUE
from fake_bluez.stack import BLUEZ_ERROR, HCI0, FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links import bleak_link
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bluez_recovery import RUNGS
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Read
from gattkeeper.privileged.wire import Request, decode_request, encode_answer
from link_contract.bench import AdapterLog, ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0


async def climb(link: BleakLink, rung: Rung, device: FakeDevice) -> None:
    async with asyncio.timeout(LIMIT_S):
        await link.recover(rung, DeviceAddress(value=device.address))


async def refused(link: BleakLink, rung: Rung, device: FakeDevice) -> Fault:
    with pytest.raises(LinkError) as caught:
        await climb(link, rung, device)
    return caught.value.fault


async def works(link: BleakLink, device: FakeDevice) -> None:
    async with asyncio.timeout(LIMIT_S):
        connection = await link.connect(DeviceAddress(value=device.address), ConnectionLog())
        assert await connection.perform(Read(target=CharacteristicRef(uuid=VALUE))) == b"first"


class PrivilegedProgram:
    """The other program, at its socket: answers every request as it is told to."""

    def __init__(self, answer: Callable[[Request], str] = lambda _: "") -> None:
        self.asked: list[Request] = []
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = decode_request(await reader.readline())
        self.asked.append(request)
        writer.write(encode_answer(self._answer(request)))
        writer.close()


@asynccontextmanager
async def supervised(bluez: FakeBluez) -> AsyncIterator[None]:
    """systemd, which answers at once; the service goes, and is back, in its own time."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    tasks: list[asyncio.Task[None]] = []

    async def restart() -> None:
        assert bluez._bus is not None
        await bluez._bus.release_name("org.bluez")
        await bluez._bus.request_name("org.bluez")

    def on_message(message: Message) -> Message | None:
        if message.member != "RestartUnit":
            return None
        assert message.body == ["bluetooth.service", "replace"]
        tasks.append(asyncio.ensure_future(restart()))
        return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/1"])

    bus.add_message_handler(on_message)
    await bus.request_name("org.freedesktop.systemd1")
    yield
    await asyncio.gather(*tasks)
    bus.disconnect()


async def test_without_privilege_there_are_four_rungs(link: BleakLink) -> None:
    assert link.traits.rungs == RUNGS


async def test_a_link_left_behind_is_disconnected(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    bluez.link_up(device)
    await climb(link, Rung.DISCONNECT_DEVICE, device)
    await bluez.until_link(device, up=False)
    await works(link, device)


async def test_a_device_that_bluez_does_not_know_cannot_be_disconnected(
    device: FakeDevice, link: BleakLink
) -> None:
    fault = await refused(link, Rung.DISCONNECT_DEVICE, device)
    assert (fault.kind, fault.text) == (FaultKind.UNSUPPORTED, "BlueZ does not know the device")


async def test_a_stale_object_is_removed(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    bluez.know(device)
    await climb(link, Rung.FORGET_DEVICE, device)
    assert device.path(HCI0) not in bluez.objects
    await works(link, device)


async def test_a_paired_device_is_never_forgotten(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    device.paired = True
    bluez.know(device)
    assert "keys" in (await refused(link, Rung.FORGET_DEVICE, device)).text
    assert bluez.count("RemoveDevice") == 0


async def test_a_stale_discovery_is_begun_and_ended(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    await climb(link, Rung.STOP_DISCOVERY, device)
    assert [bluez.count(member) for member in ("StartDiscovery", "StopDiscovery")] == [1, 1]


async def test_what_bluez_refuses_keeps_its_name(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    bluez.script("StartDiscovery", Step(refuse=f"{BLUEZ_ERROR}InProgress", text="Operation already in progress"))
    assert (await refused(link, Rung.STOP_DISCOVERY, device)).kind is FaultKind.BUSY


async def test_a_power_cycle_ends_connections_and_the_adapter_is_back(
    bluez: FakeBluez, device: FakeDevice
) -> None:
    log = AdapterLog()
    link = BleakLink(cancel_grace_s=0.5)
    await link.open(log)
    await climb(link, Rung.POWER_CYCLE, device)
    assert [log.said.get_nowait()[0] for _ in range(2)] == [False, True]
    await works(link, device)
    await link.close()


async def test_an_adapter_that_cannot_be_switched_off_is_switched_on_all_the_same(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.script("Set", Step(refuse=f"{BLUEZ_ERROR}Failed"))
    await refused(link, Rung.POWER_CYCLE, device)
    assert bluez.count("Set") == 2


async def test_a_bluez_that_never_answers_does_not_hold_a_rung(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bleak_link, "RUNG_S", 0.05)
    bluez.script("StartDiscovery", Step(hang=True))
    assert (await refused(link, Rung.STOP_DISCOVERY, device)).kind is FaultKind.WEDGED


async def test_an_adapter_is_reset_though_the_service_lists_nothing_any_more(
    bluez: FakeBluez, device: FakeDevice, tmp_path: Path
) -> None:
    program = PrivilegedProgram()
    server = await asyncio.start_unix_server(program, tmp_path / "socket")
    link = BleakLink(cancel_grace_s=0.5, privileged=tmp_path / "socket")
    await link.open(AdapterLog())
    bluez.script("GetManagedObjects", Step(hang=True))
    await climb(link, Rung.HARD_RESET, device)
    assert program.asked == [Request("reset_adapter", link.name)]
    await link.close()
    server.close()


async def test_an_adapter_that_is_gone_cannot_be_recovered(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.remove_adapter()
    async with asyncio.timeout(LIMIT_S):
        while link._absence is None:
            await asyncio.sleep(0)
    assert (await refused(link, Rung.POWER_CYCLE, device)).kind is FaultKind.ADAPTER_GONE


async def test_the_service_is_restarted_only_where_the_settings_allow_it(
    bluez: FakeBluez, device: FakeDevice
) -> None:
    link = BleakLink(cancel_grace_s=0.5, restart_service=True)
    await link.open(AdapterLog())
    assert link.traits.rungs == (*RUNGS, Rung.RESTART_SERVICE)
    async with supervised(bluez):
        await climb(link, Rung.RESTART_SERVICE, device)
        await works(link, device)
    await link.close()


async def test_with_the_privileged_program_there_are_harder_means(
    bluez: FakeBluez, device: FakeDevice, tmp_path: Path
) -> None:
    program = PrivilegedProgram()
    server = await asyncio.start_unix_server(program, tmp_path / "socket")
    link = BleakLink(cancel_grace_s=0.5, privileged=tmp_path / "socket")
    await link.open(AdapterLog())
    assert link.traits.rungs == (*RUNGS, Rung.HARD_RESET)
    await climb(link, Rung.HARD_RESET, device)
    bluez.link_up(device)
    await climb(link, Rung.DISCONNECT_DEVICE, device)
    assert program.asked == [
        Request("reset_adapter", link.name),
        Request("cut_link", link.name, device.address, "random"),
    ]
    assert bluez.count("Disconnect") == 0
    await link.close()
    server.close()


async def test_the_usb_device_is_reset_when_the_kernel_cannot(
    device: FakeDevice, bluez: FakeBluez, tmp_path: Path
) -> None:
    def answer(request: Request) -> str:
        return "the controller is busy" if request.verb == "reset_adapter" else answers.pop()

    answers = ["hci0 is no USB adapter", ""]
    program = PrivilegedProgram(answer)
    server = await asyncio.start_unix_server(program, tmp_path / "socket")
    link = BleakLink(cancel_grace_s=0.5, privileged=tmp_path / "socket")
    await link.open(AdapterLog())
    await climb(link, Rung.HARD_RESET, device)
    assert [request.verb for request in program.asked] == ["reset_adapter", "reset_usb"]
    fault = await refused(link, Rung.HARD_RESET, device)
    assert fault.text == "reset_adapter: the controller is busy; reset_usb: hci0 is no USB adapter"
    await link.close()
    server.close()
