"""Bumble's virtual controller, corrected where a host would see that it is no real one.

Knows HCI and Bumble 0.0.236. What is on the air is the business of `radio_air`. Each correction says what
Bumble does, and what the Core Specification wants.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from bumble import att, hci, l2cap, ll
from bumble.controller import Connection, Controller

RSSI_DBM = -50
"""Signal strength of every connection; Bumble reports the same for every advertisement."""


PACKET_BYTES_MAX = 251
"""Of one data packet, as every controller since Bluetooth 4.2 can have it (Vol 6, Part B, 4.5.10)."""

PACKETS_MAX = 20
"""Data packets the buffer of a controller holds, for all connections together: a usual figure."""

_START_PHYS = (hci.Phy.LE_1M, hci.Phy.LE_1M)
"""Of every new connection, to and from the other end (Vol 6, Part B, 4.5)."""

_EITHER_PHY = 0x07
"""No preference among the three PHYs, as bits (Vol 4, Part E, 7.8.49)."""


@dataclass
class PhyRequest(ll.ControlPdu):  # type: ignore[misc]  # Bumble is not typed strictly
    """LL_PHY_REQ: the PHYs the sender would use towards the other end, and from it, as bits; 0 for any."""

    opcode = ll.ControlPdu.Opcode.LL_PHY_REQ

    tx_phys: int
    rx_phys: int


@dataclass
class PhyUpdate(ll.ControlPdu):  # type: ignore[misc]  # Bumble is not typed strictly
    """LL_PHY_UPDATE_IND, as its receiver sees it: the PHY towards the other end, and the one from it."""

    opcode = ll.ControlPdu.Opcode.LL_PHY_UPDATE_IND

    tx_phy: int
    rx_phy: int


class Air(Protocol):
    """What a controller needs to know about the air around it."""

    def remove_controller(self, controller: Controller) -> None:
        """Take a controller off the air."""

    def is_advertising(self, address: hci.Address) -> bool:
        """Whether somebody within reach advertises on this address now."""

    def terminate(self, end: Connection, reason: int) -> None:
        """Take a connection down in good order: the other end hears the reason, this one 0x16."""

    def fall_silent(self, controller: Controller) -> None:
        """End the connections of a controller without a word: the other ends find out."""


class CorrectedController(Controller):  # type: ignore[misc]  # Bumble is not typed strictly
    """A virtual controller on the air. A `silent` one no longer speaks with its host."""

    le_acl_data_packet_length = PACKET_BYTES_MAX
    total_num_le_acl_data_packets = PACKETS_MAX

    def __init__(self, name: str, air: Air, public_address: str | None = None) -> None:
        super().__init__(name, link=air, public_address=public_address)
        self.air = air
        self.silent = False
        self.unplugged = False

    def on_packet(self, packet: bytes) -> None:
        """Take an HCI packet from the host, unless silent."""
        if not self.silent:
            super().on_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Give an HCI packet to the host, unless silent."""
        if not self.silent:
            super().send_hci_packet(packet)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Take a data packet into the buffer, until its frame has crossed the air: see `take_frame`.

        Bumble reports it as completed at once, so that a host is never slowed down (Vol 4, Part E, 4.1.1).
        """
        end = self.find_le_connection_by_handle(packet.connection_handle)
        if end is not None:
            end.buffered = getattr(end, "buffered", 0) + 1
            end.assembler.feed_packet(packet)
            self._make_room(end)

    def _make_room(self, end: Connection) -> None:
        """Report the parts of a frame as completed when no place is left for its rest: frames may be longer."""
        held = sum(getattr(each, "buffered", 0) for each in self.le_connections.values())
        if end.buffered and held >= self.total_num_le_acl_data_packets > 0:
            self.take_frame(end)()

    def take_frame(self, end: Connection) -> Callable[[], None]:
        """Take the packets of the frame that has just become whole; call the answer when they have crossed."""
        packets, end.buffered = end.buffered, 0

        def crossed() -> None:
            self.send_hci_packet(
                hci.HCI_Number_Of_Completed_Packets_Event(
                    connection_handles=[end.handle], num_completed_packets=[packets]
                )
            )

        return crossed

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """Connect only to somebody who still advertises; else go on waiting.

        Bumble reports a connection to a device that another central took a moment ago.
        """
        if self.air.is_advertising(peer_address):
            super().create_le_connection(peer_address)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """End the attempt with LE Connection Complete, status 0x02, after the command's own answer.

        Bumble answers success and goes on connecting: `connect` with a time-out hangs for ever, and the next
        one is refused (Vol 4, Part E, 7.8.13).
        """
        pending = self.pending_le_connection
        self.pending_le_connection: hci.HCI_Command | None = None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Tell the other end first, and report 0x16, terminated by the local host, then.

        Bumble reports the reason meant for the other end (0x13), at once, and nothing at all for a handle that it
        does not know (Vol 4, Part E, 7.1.6).
        """
        end = self.find_le_connection_by_handle(command.connection_handle)
        if end is None:
            unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(unknown, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.air.terminate(end, command.reason)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Let go of everything. Bumble keeps connections, scanning and advertising (Vol 4, Part E, 7.3.2)."""
        self.go_idle()
        return super().on_hci_reset_command(command)

    def go_idle(self) -> None:
        """End connections, scanning, connecting and advertising without a word to anybody."""
        self.air.fall_silent(self)
        self.le_connections.clear()
        self.pending_le_connection = None
        self.le_scan_enable = False
        for advertiser in (self.le_legacy_advertiser, *self.advertising_sets.values()):
            advertiser.stop()
        self.advertising_sets.clear()

    def leave(self) -> None:
        """Leave the air for good, without a word to the host."""
        if not self.unplugged:
            self.go_idle()
            self.air.remove_controller(self)
            self.silent = self.unplugged = True

    def unplug(self) -> None:
        """Leave the air for good; the host is told that its transport is lost."""
        if not self.unplugged:
            self.leave()
            self.host.on_transport_lost()

    def on_hci_le_connection_update_command(self, command: hci.HCI_LE_Connection_Update_Command) -> None:
        """Refuse parameters that no controller takes. Bumble takes all (Vol 4, Part E, 7.8.18).

        What it then reports is the interval asked for; on this air the interval does not change.
        """
        longest, awake = command.connection_interval_max, 1 + command.max_latency
        fits = (
            0x0006 <= command.connection_interval_min <= longest <= 0x0C80
            and command.max_latency <= 0x01F3
            and 0x000A <= command.supervision_timeout <= 0x0C80
            and command.supervision_timeout * 10 > 2 * awake * longest * 1.25
        )
        if fits:
            super().on_hci_le_connection_update_command(command)
        else:
            invalid = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
            self._send_hci_command_status(invalid, command.op_code)

    def on_hci_le_read_phy_command(
        self, command: hci.HCI_LE_Read_PHY_Command
    ) -> hci.HCI_LE_Read_PHY_ReturnParameters:
        """Answer with the PHYs agreed on. Bumble says 1M always, of any handle (Vol 4, Part E, 7.8.47)."""
        end = self.find_le_connection_by_handle(command.connection_handle)
        tx_phy, rx_phy = _START_PHYS if end is None else _phys_of(end)
        unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        return hci.HCI_LE_Read_PHY_ReturnParameters(
            status=unknown if end is None else hci.HCI_ErrorCode.SUCCESS,
            connection_handle=command.connection_handle,
            tx_phy=tx_phy,
            rx_phy=rx_phy,
        )

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        """Agree on PHYs with the other end. Bumble lists the command and does not know it (7.8.49).

        The other end takes what it is asked for, as far as it can. How fast the air is does not change.
        """
        end = self.find_le_connection_by_handle(command.connection_handle)
        if end is None:
            unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(unknown, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        end.send_ll_control_pdu(
            PhyRequest(
                tx_phys=0 if command.all_phys & 0x01 else command.tx_phys,
                rx_phys=0 if command.all_phys & 0x02 else command.rx_phys,
            )
        )

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        """Take part in agreeing on PHYs, of which Bumble knows nothing (Vol 6, Part B, 5.1.10)."""
        if not isinstance(packet, PhyRequest | PhyUpdate):
            super().on_ll_control_pdu(sender_address, packet)
            return
        end = self.le_connections.get(sender_address)
        if end is None:
            return
        before = _phys_of(end)
        if isinstance(packet, PhyUpdate):
            self._change_phys(end, packet.tx_phy, packet.rx_phy)
            return
        tx_phy, rx_phy = _chosen(packet.rx_phys, before[0]), _chosen(packet.tx_phys, before[1])
        end.send_ll_control_pdu(PhyUpdate(tx_phy=rx_phy, rx_phy=tx_phy))
        if (tx_phy, rx_phy) != before:
            self._change_phys(end, tx_phy, rx_phy)

    def _change_phys(self, end: Connection, tx_phy: int, rx_phy: int) -> None:
        end.phys = (tx_phy, rx_phy)
        self.send_hci_packet(
            hci.HCI_LE_PHY_Update_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS, connection_handle=end.handle, tx_phy=tx_phy, rx_phy=rx_phy
            )
        )

    def on_hci_read_rssi_command(self, command: hci.HCI_Read_RSSI_Command) -> hci.HCI_Read_RSSI_ReturnParameters:
        """Answer Read RSSI. Bumble lists it as supported and does not know it (Vol 4, Part E, 7.5.4)."""
        known = self.find_le_connection_by_handle(command.handle) is not None
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS if known else hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            handle=command.handle,
            rssi=RSSI_DBM,
        )


def _phys_of(end: Connection) -> tuple[int, int]:
    """The PHYs of a connection, kept at Bumble's object for this end of it."""
    return getattr(end, "phys", _START_PHYS)


def _chosen(wanted: int, now: int) -> int:
    """The fastest PHY of those wanted, as bits; the present one where all are the same to the other end."""
    if wanted & _EITHER_PHY in (0, _EITHER_PHY):
        return now
    return next(int(phy) for phy in (hci.Phy.LE_2M, hci.Phy.LE_1M, hci.Phy.LE_CODED) if wanted & 1 << (phy - 1))


def quieten_bumble() -> None:
    """Spare Bumble the debug texts that nobody reads; unless its debug log is switched on.

    Bumble formats every packet for its debug log, in colour, also when that log is off: two fifths of what a
    write over a virtual radio costs. This changes the whole process, for good: `color` in Bumble's modules
    returns its text as it is, and the `str` and `repr` of HCI packets, ATT PDUs and L2CAP frames are class names.
    """
    if logging.getLogger("bumble").isEnabledFor(logging.DEBUG):
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("bumble.") and hasattr(module, "color"):
            setattr(module, "color", _uncoloured)  # noqa: B010 - the type of a module does not list it
    for root in (hci.HCI_Packet, att.ATT_PDU, l2cap.L2CAP_Control_Frame):
        for kind in _subclasses(root):
            kind.__str__ = kind.__repr__ = _class_name


def _uncoloured(text: str, *_style: Any, **_named: Any) -> str:
    return text


def _class_name(packet: object) -> str:
    return type(packet).__name__


def _subclasses(root: Any) -> Iterator[Any]:
    yield root
    for kind in root.__subclasses__():
        yield from _subclasses(kind)
