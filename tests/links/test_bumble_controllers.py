"""Controllers that can do little, or do it badly, serve devices all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from bumble import hci
from bumble.host import Host

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Pair, Phy, Read, ReadPhy, ReadRssi, SetPhy, Subscribe, Write, WriteMode
from gattkeeper.runtime.ports import LinkConnection
from gattkeeper.world import VirtualRadio, run_virtual
from gattkeeper.world.bumble_corrections import CorrectedController
from link_contract.bench import AdapterLog, ConnectionLog
from sim.scene import CLOSED, COUNTER, PUSHED, WRITABLE, device

ADAPTER = "C0:00:00:00:00:01"
READ = Read(target=characteristic_ref(COUNTER))

Change = Callable[[CorrectedController], None]


class Scene:
    """A link on a changed controller, and two devices on the air."""

    def __init__(self, change: Change) -> None:
        self.radio = VirtualRadio()
        self.lamp, self.door = device("lamp", 1), device("door", 2)
        self.log = AdapterLog()
        self._change = change
        self._open = self.radio.adapter(ADAPTER)
        self.link = BumbleLink(self._open_changed, name="virtual")

    @property
    def controller(self) -> CorrectedController:
        return self.radio._adapters[ADAPTER]

    async def connected(self, log: ConnectionLog | None = None, *, to_door: bool = False) -> LinkConnection:
        async with asyncio.timeout(30.0):
            return await self.link.connect((self.door if to_door else self.lamp).address, log or ConnectionLog())

    async def _open_changed(self) -> Host:
        host = await self._open()
        self._change(self.controller)
        return host


@asynccontextmanager
async def scene(change: Change) -> AsyncIterator[Scene]:
    made = Scene(change)
    await made.radio.add(made.lamp)
    await made.radio.add(made.door)
    await made.link.open(made.log)
    try:
        yield made
    finally:
        await made.link.close()
        await made.radio.close()


async def serves(at: Scene) -> None:
    """Everything that needs no more than a connection."""
    log = ConnectionLog()
    connection = await at.connected(log)
    await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
    writable = characteristic_ref(WRITABLE)
    await connection.perform(Write(target=writable, payload=bytes(512)))
    for number in range(20):
        await connection.perform(
            Write(target=writable, payload=bytes([number]) * 100, mode=WriteMode.WITHOUT_RESPONSE)
        )
    assert await connection.perform(Read(target=writable)) == b"\x13" * 100
    assert len(at.lamp.applied) == 21
    at.lamp.notify(at.lamp.characteristic(PUSHED), bytes(200))
    assert (await log.notifications.get())[1] == bytes(200)
    other = await at.connected(to_door=True)
    assert await other.perform(READ) == b"\0\0\0\1"
    heard = {each.name async for each in at.link.scan(0.5)}
    assert heard == set()  # both are connected
    await other.disconnect()
    heard = {each.name async for each in at.link.scan(0.5)}
    assert heard == {"door"}


def with_one_buffer(controller: CorrectedController) -> None:
    controller.le_acl_data_packet_length, controller.total_num_le_acl_data_packets = 27, 1


def with_shared_buffers(controller: CorrectedController) -> None:
    """Those of BR/EDR serve LE as well (Vol 4, Part E, 7.8.2): as many as they are."""
    controller.le_acl_data_packet_length, controller.total_num_le_acl_data_packets = 0, 0
    controller.acl_data_packet_length, controller.total_num_acl_data_packets = 310, 4


CORE_4_0 = {
    hci.HCI_RESET_COMMAND,
    hci.HCI_DISCONNECT_COMMAND,
    hci.HCI_SET_EVENT_MASK_COMMAND,
    hci.HCI_READ_LOCAL_VERSION_INFORMATION_COMMAND,
    hci.HCI_READ_LOCAL_SUPPORTED_COMMANDS_COMMAND,
    hci.HCI_READ_LOCAL_SUPPORTED_FEATURES_COMMAND,
    hci.HCI_READ_BUFFER_SIZE_COMMAND,
    hci.HCI_READ_BD_ADDR_COMMAND,
    hci.HCI_READ_RSSI_COMMAND,
    hci.HCI_LE_SET_EVENT_MASK_COMMAND,
    hci.HCI_LE_READ_BUFFER_SIZE_COMMAND,
    hci.HCI_LE_READ_LOCAL_SUPPORTED_FEATURES_COMMAND,
    hci.HCI_LE_SET_RANDOM_ADDRESS_COMMAND,
    hci.HCI_LE_SET_SCAN_PARAMETERS_COMMAND,
    hci.HCI_LE_SET_SCAN_ENABLE_COMMAND,
    hci.HCI_LE_CREATE_CONNECTION_COMMAND,
    hci.HCI_LE_CREATE_CONNECTION_CANCEL_COMMAND,
    hci.HCI_LE_CONNECTION_UPDATE_COMMAND,
    hci.HCI_LE_READ_REMOTE_FEATURES_COMMAND,
    hci.HCI_LE_ENCRYPT_COMMAND,
    hci.HCI_LE_RAND_COMMAND,
    hci.HCI_LE_ENABLE_ENCRYPTION_COMMAND,
}
"""What a controller of 2010 has, as far as a central needs it."""


def of_2010(controller: CorrectedController) -> None:
    controller.hci_version = hci.HCI_VERSION_BLUETOOTH_CORE_4_0
    controller.supported_commands = CORE_4_0
    controller.le_features = hci.LeFeatureMask.LE_ENCRYPTION
    controller.le_acl_data_packet_length, controller.total_num_le_acl_data_packets = 27, 4
    knows_only(controller, CORE_4_0)


def knows_only(controller: CorrectedController, commands: set[int]) -> None:
    """Answer every other command with Unknown HCI Command, as a status (Vol 4, Part E, 4.4)."""
    take = controller.on_hci_command_packet

    def on_hci_command_packet(command: hci.HCI_Command) -> None:
        if command.op_code in commands:
            take(command)
        else:
            controller.send_hci_packet(
                hci.HCI_Command_Status_Event(
                    status=hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR,
                    num_hci_command_packets=1,
                    command_opcode=command.op_code,
                )
            )

    controller.on_hci_command_packet = on_hci_command_packet


@pytest.mark.parametrize("change", [with_one_buffer, with_shared_buffers, of_2010], ids=lambda each: each.__name__)
def test_a_poor_controller_serves_two_devices(change: Change) -> None:
    async def main() -> None:
        async with scene(change) as at:
            await serves(at)

    run_virtual(main())


def test_a_controller_of_2010_says_what_it_cannot_do_and_pairs() -> None:
    async def main() -> None:
        async with scene(of_2010) as at:
            assert {"read_phy", "set_phy"}.isdisjoint(at.link.traits.operations)
            assert "read_rssi" in at.link.traits.operations
            connection = await at.connected()
            await connection.perform(Pair())
            await connection.perform(Write(target=characteristic_ref(CLOSED), payload=b"x"))
            assert at.lamp.applied[-1].payload == b"x"

    run_virtual(main())


def test_a_command_that_a_controller_lists_and_does_not_know_is_unsupported_and_harms_nothing() -> None:
    def boasts(controller: CorrectedController) -> None:
        unknown = {hci.HCI_LE_READ_PHY_COMMAND, hci.HCI_LE_SET_PHY_COMMAND, hci.HCI_READ_RSSI_COMMAND}
        knows_only(controller, set(hci.HCI_Command.command_classes) - unknown)

    async def main() -> None:
        async with scene(boasts) as at:
            connection = await at.connected()
            for operation in (ReadPhy(), SetPhy(tx=Phy.LE_2M), ReadRssi()):
                with pytest.raises(LinkError) as refused:
                    await connection.perform(operation)
                assert (refused.value.fault.kind, refused.value.fault.ran) == (FaultKind.UNSUPPORTED, Ran.NO)
            assert await connection.perform(READ) == b"\0\0\0\1"

    run_virtual(main())


def test_a_device_that_dies_with_the_only_buffer_gives_it_back_to_the_others() -> None:
    async def main() -> None:
        async with scene(with_one_buffer) as at:
            lamp, door = await at.connected(), await at.connected(to_door=True)
            at.radio.take_away(at.lamp)
            lost = asyncio.create_task(lamp.perform(READ))
            await asyncio.sleep(0)
            reading = asyncio.create_task(door.perform(READ))
            with pytest.raises(LinkError):
                await lost
            async with asyncio.timeout(0.5):
                assert await reading == b"\0\0\0\1"

    run_virtual(main())


def test_a_controller_that_reports_a_failure_of_its_own_is_reset_and_works_again() -> None:
    async def main() -> None:
        async with scene(lambda _controller: None) as at:
            connection = await at.connected()
            at.controller.host.on_packet(bytes.fromhex("04 10 01 42"))
            up, fault = await asyncio.wait_for(at.log.said.get(), 0.1)
            assert not up
            assert fault is not None
            assert (fault.kind, fault.code, fault.name) == (FaultKind.ADAPTER_GONE, 0x42, "hardware_error")
            with pytest.raises(LinkError):
                await connection.perform(READ)
            assert await asyncio.wait_for(at.log.said.get(), 15.0) == (True, None)
            assert await (await at.connected()).perform(READ) == b"\0\0\0\1"

    run_virtual(main())
