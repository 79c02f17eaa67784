"""PHYs and connection parameters over HCI: what a connection is on, and asking for something else.

Knows commands and the events that end them. Bumble's own calls for these answer before anything has changed
(Set PHY), invent an answer (Read PHY), or cut figures short on their way through floats (Connection Update).
"""

import asyncio
from contextlib import closing
from typing import Any

from bumble import hci
from bumble.device import Connection
from bumble.utils import EventWatcher

from gattkeeper.links.targets import refusal
from gattkeeper.model.operation import Phy, RequestConnectionParameters, SetPhy, problem_with_parameters
from gattkeeper.model.outcome import ConnectionParameters, Phys

_PHYS = {Phy.LE_1M: hci.Phy.LE_1M, Phy.LE_2M: hci.Phy.LE_2M, Phy.LE_CODED: hci.Phy.LE_CODED}
_NO_TX_PREFERENCE, _NO_RX_PREFERENCE = 0x01, 0x02
"""Bits of ALL_PHYS (Core Specification, Vol 4, Part E, 7.8.49)."""

_INTERVAL_UNIT_US = 1_250
_TIMEOUT_UNIT_US = 10_000
"""Units of connection parameters (Vol 4, Part E, 7.8.18)."""


async def read_phy(connection: Connection) -> Phys:
    """The PHYs in force. Raises what Bumble raises."""
    command = hci.HCI_LE_Read_PHY_Command(connection_handle=connection.handle)
    answer = await connection.device.send_sync_command(command)
    return _phys(answer.tx_phy, answer.rx_phy)


async def set_phy(connection: Connection, wanted: SetPhy) -> Phys:
    """Ask for PHYs; those in force when the two ends have agreed. Raises what Bumble raises."""
    command = hci.HCI_LE_Set_PHY_Command(
        connection_handle=connection.handle,
        all_phys=(_NO_TX_PREFERENCE if wanted.tx is None else 0) | (_NO_RX_PREFERENCE if wanted.rx is None else 0),
        tx_phys=_bit(wanted.tx),
        rx_phys=_bit(wanted.rx),
        phy_options=0,
    )
    (phys,) = await _outcome(
        connection, command, connection.EVENT_CONNECTION_PHY_UPDATE, connection.EVENT_CONNECTION_PHY_UPDATE_FAILURE
    )
    return _phys(phys.tx_phy, phys.rx_phy)


async def request_parameters(connection: Connection, wanted: RequestConnectionParameters) -> ConnectionParameters:
    """Ask for another pace; the one in force then. Raises LinkError, and what Bumble raises."""
    problem = problem_with_parameters(wanted)
    if problem:
        raise refusal("connection_parameters", problem)
    command = hci.HCI_LE_Connection_Update_Command(
        connection_handle=connection.handle,
        connection_interval_min=wanted.interval_min_us // _INTERVAL_UNIT_US,
        connection_interval_max=wanted.interval_max_us // _INTERVAL_UNIT_US,
        max_latency=wanted.latency,
        supervision_timeout=wanted.supervision_timeout_us // _TIMEOUT_UNIT_US,
        min_ce_length=0,
        max_ce_length=0,
    )
    await _outcome(
        connection,
        command,
        connection.EVENT_CONNECTION_PARAMETERS_UPDATE,
        connection.EVENT_CONNECTION_PARAMETERS_UPDATE_FAILURE,
    )
    now = connection.parameters  # Bumble has milliseconds
    return ConnectionParameters(
        interval_us=round(now.connection_interval * 1000),
        latency=now.peripheral_latency,
        supervision_timeout_us=round(now.supervision_timeout * 1000),
    )


async def _outcome(connection: Connection, command: hci.HCI_Command, done: str, failed: str) -> tuple[Any, ...]:
    """Send a command that is over when an event says so; what the event carries."""
    told: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

    def on_done(*news: Any) -> None:
        if not told.done():
            told.set_result(news)

    def on_failed(code: int) -> None:
        if not told.done():
            told.set_exception(hci.HCI_Error(code))

    with closing(EventWatcher()) as watcher:
        watcher.on(connection, done, on_done)
        watcher.on(connection, failed, on_failed)
        await connection.device.send_async_command(command)
        return tuple(await connection.cancel_on_disconnection(told))


def _bit(phy: Phy | None) -> int:
    return 0 if phy is None else int(hci.phy_list_to_bits([_PHYS[phy]]))


def _phys(tx: int, rx: int) -> Phys:
    ours = {theirs: phy for phy, theirs in _PHYS.items()}
    return Phys(tx=ours[hci.Phy(tx)], rx=ours[hci.Phy(rx)])
