"""Each correction of Bumble's virtual controller, seen from a host."""

import asyncio
import subprocess
import sys

import pytest
from bumble import hci
from bumble.core import TimeoutError as ConnectTimeoutError

from gattkeeper.world import VirtualRadio, run_virtual
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
