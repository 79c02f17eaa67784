"""Each correction of Bumble's virtual controller, seen from a host."""

import asyncio
import subprocess
import sys

import pytest
from bumble import hci
from bumble.core import TimeoutError as ConnectTimeoutError

from gattkeeper.world import VirtualRadio, run_virtual
from gattkeeper.world.bumble_corrections import PACKET_BYTES_MAX, PACKETS_MAX
from gattkeeper.world.virtual_blind import BLIND_TARGET
from world.raw_central import connect, lounge, now, on_air, power_on

ADDRESS = hci.Address("F0:00:00:00:00:01")


def test_connecting_with_a_timeout_ends_in_time_and_leaves_nothing_behind():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await power_on(radio)
        with pytest.raises(ConnectTimeoutError):
            await central.connect(ADDRESS, timeout=5)
        assert now() == pytest.approx(5.0, abs=0.01)
        await radio.add(blind.device)
        await connect(central, blind.device)

    run_virtual(scenario())


def test_cancelling_nothing_is_not_allowed():
    async def scenario():
        central = await power_on(VirtualRadio())
        with pytest.raises(hci.HCI_Error) as refused:
            await central.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        assert refused.value.error_code == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR

    run_virtual(scenario())


def test_the_end_that_disconnects_hears_0x16_and_the_other_one_the_reason():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        started_at = now()
        await central.connection.disconnect()
        assert 0 < now() - started_at < 0.031
        assert central.lost == [0x16]

    run_virtual(scenario())


def test_disconnecting_a_handle_that_is_not_there_is_refused():
    async def scenario():
        central = await power_on(VirtualRadio())
        with pytest.raises(hci.HCI_Error) as refused:
            await central.send_async_command(hci.HCI_Disconnect_Command(connection_handle=0x0EEE, reason=0x13))
        assert refused.value.error_code == hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR

    run_virtual(scenario())


def test_a_reset_lets_go_of_connections_and_the_device_finds_out():
    async def scenario():
        blind = lounge(stop_on_link_loss=True, position=0)
        central = await on_air(VirtualRadio(), blind.device)
        blind.move_to(100)
        await central.device.host.send_sync_command(hci.HCI_Reset_Command())
        await asyncio.sleep(1)
        assert not blind.moving

    run_virtual(scenario())


def test_a_reset_ends_scanning():
    async def scenario():
        radio = VirtualRadio()
        await radio.add(lounge().device)
        central = await power_on(radio)
        heard = []
        central.on("advertisement", heard.append)
        await central.start_scanning()
        await asyncio.sleep(0.5)
        await central.host.send_sync_command(hci.HCI_Reset_Command())
        count = len(heard)
        await asyncio.sleep(10)
        assert count > 0
        assert len(heard) == count

    run_virtual(scenario())


def test_the_signal_strength_of_a_connection_can_be_read():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        assert await central.connection.get_rssi() == -50
        with pytest.raises(hci.HCI_Error):
            await central.device.send_sync_command(hci.HCI_Read_RSSI_Command(handle=0x0EEE))

    run_virtual(scenario())


@pytest.mark.parametrize(
    "figures",
    [
        (5, 12, 0, 500),
        (12, 9, 0, 500),
        (9, 3201, 0, 3200),
        (9, 12, 500, 3200),
        (9, 12, 0, 9),
        (9, 12, 0, 3201),
        (80, 80, 4, 100),
    ],
    ids=[
        "too short",
        "backwards",
        "too long",
        "too much sleep",
        "too hasty",
        "too patient",
        "asleep when it is over",
    ],
)
def test_a_pace_outside_of_the_specification_is_refused(figures: tuple[int, ...]):
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        with pytest.raises(hci.HCI_Error) as refused:
            await central.device.send_async_command(update(central.connection.handle, *figures))
        assert refused.value.error_code == hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR

    run_virtual(scenario())


def test_both_ends_hear_of_another_pace():
    async def scenario():
        radio, device = VirtualRadio(), lounge().device
        central = await on_air(radio, device)
        (theirs,) = radio._devices["lounge"]._bumble.connections.values()
        await central.device.send_async_command(update(central.connection.handle, 9, 12, 1, 500))
        await asyncio.sleep(1)
        for end in (central.connection, theirs):
            assert (end.parameters.connection_interval, end.parameters.peripheral_latency) == (15.0, 1)

    run_virtual(scenario())


def update(handle: int, shortest: int, longest: int, latency: int, timeout: int) -> hci.HCI_Command:
    return hci.HCI_LE_Connection_Update_Command(
        connection_handle=handle,
        connection_interval_min=shortest,
        connection_interval_max=longest,
        max_latency=latency,
        supervision_timeout=timeout,
        min_ce_length=0,
        max_ce_length=0,
    )


def test_both_ends_agree_on_phys_each_from_its_side():
    async def scenario():
        radio, device = VirtualRadio(), lounge().device
        central = await on_air(radio, device)
        ours = central.connection
        (theirs,) = radio._devices["lounge"]._bumble.connections.values()
        told = []
        for end in (ours, theirs):
            end.on("connection_phy_update", lambda phy, end=end: told.append((end, phy.tx_phy, phy.rx_phy)))
        await ours.set_phy([hci.Phy.LE_2M], [hci.Phy.LE_CODED, hci.Phy.LE_1M])
        await asyncio.sleep(1)
        assert told == [(theirs, 1, 2), (ours, 2, 1)], "the faster one of two"
        for end, tx, rx in told:
            phy = await end.get_phy()
            assert (phy.tx_phy, phy.rx_phy) == (tx, rx)
        await theirs.set_phy([hci.Phy.LE_1M], None)
        await asyncio.sleep(1)
        assert told[2:] == [(theirs, 1, 2)], "nothing changed for the other end, and only who asked is told"

    run_virtual(scenario())


def test_phys_of_a_connection_that_is_not_there_are_refused():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        wanted = hci.HCI_LE_Set_PHY_Command(
            connection_handle=0x0EEE, all_phys=3, tx_phys=0, rx_phys=0, phy_options=0
        )
        for call in (
            central.device.send_sync_command(hci.HCI_LE_Read_PHY_Command(connection_handle=0x0EEE)),
            central.device.send_async_command(wanted),
        ):
            with pytest.raises(hci.HCI_Error) as refused:
                await call
            assert refused.value.error_code == hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR

    run_virtual(scenario())


QUIET = """
import logging, sys
from bumble import att, colors, device, hci
if "debug" in sys.argv: logging.getLogger("bumble").setLevel(logging.DEBUG)
from gattkeeper.world import quieten_bumble
quieten_bumble()
print(device.color("text", "red"), str(hci.HCI_Reset_Command()), str(att.ATT_Write_Response()))
"""


def quietened(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", QUIET, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_quiet_bumble_formats_nothing():
    assert quietened() == "text HCI_Reset_Command ATT_Write_Response"


def test_a_bumble_whose_debug_log_is_on_stays_as_it_is():
    assert "\x1b[31mtext" in quietened("debug")


def test_a_packet_is_completed_when_it_has_crossed_the_air_and_not_before():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        queue = central.connection.data_packet_queue
        assert (queue.max_in_flight, queue.max_packet_size) == (PACKETS_MAX, PACKET_BYTES_MAX)
        before = queue.pending
        started_at = now()
        for number in range(50):
            await central.write(BLIND_TARGET, bytes([number]), with_response=False)
        assert queue.pending == before + 50
        flowed = asyncio.Event()
        queue.on("flow", flowed.set)
        await flowed.wait()
        assert 0 < now() - started_at <= 0.031
        await central.connection.drain()
        assert now() - started_at == pytest.approx(50 / 6 * 0.03, abs=0.04), "six in each connection event"

    run_virtual(scenario())


def test_a_long_frame_takes_as_many_places_as_it_has_packets():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        queue = central.connection.data_packet_queue
        await central.write(BLIND_TARGET, bytes(400), with_response=False)
        assert queue.pending == 2
        await central.connection.drain()
        assert queue.pending == 0

    run_virtual(scenario())


def test_packets_for_a_connection_that_is_gone_are_nobodys():
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        packet = hci.HCI_AclDataPacket(0x0EEE, 0, 0, 4, bytes(4))
        central.device.host.hci_sink.on_packet(bytes(packet))
        await central.write(BLIND_TARGET, b"\x01")

    run_virtual(scenario())
