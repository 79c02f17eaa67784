"""A virtual radio's controller behind the kernel's own Bluetooth stack, through /dev/vhci.

Knows the device file (the kernel's drivers/bluetooth/hci_vhci.c) and what the kernel expects of a controller
beyond the corrections of `gattkeeper.world`. To be used inside a running event loop.
"""

import asyncio
import os

from bumble import hci

from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.radio_air import RadioAir

_NEW_CONTROLLER = b"\xff\x00"  # vendor packet: a primary controller, please; the answer has its number
_RESET = b"\x01\x03\x0c\x00"  # HCI Reset (Core Specification, Vol 4, Part E, 7.3.2)


class KernelController(CorrectedController):
    """A controller whose host is the kernel.

    `keeps_links`: its firmware says that it has disconnected, and has not. `hides_losses`: it does not say that a
    connection was lost. `hangs`: its firmware takes no command but HCI Reset.
    """

    keeps_links = False
    hides_losses = False
    hangs = False

    def on_packet(self, packet: bytes) -> None:
        """Take an HCI packet from the kernel."""
        if packet == _RESET:
            self.hangs = False
        if not self.hangs:
            super().on_packet(packet)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """End a connection; or only say so."""
        if not self.keeps_links:
            super().on_hci_disconnect_command(command)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.send_hci_packet(
            hci.HCI_Disconnection_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=command.connection_handle,
                reason=hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR,
            )
        )

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Report connections with the enhanced event.

        Bumble claims LL privacy, and reports them with the plain one (Vol 4, Part E, 7.7.65.1). The kernel then
        waits 4 s for the other, and takes its next Disconnect for the end of a connection attempt.
        """
        if self.hides_losses and isinstance(packet, hci.HCI_Disconnection_Complete_Event):
            return
        if isinstance(packet, hci.HCI_LE_Connection_Complete_Event):
            packet = hci.HCI_LE_Enhanced_Connection_Complete_Event(
                status=packet.status,
                connection_handle=packet.connection_handle,
                role=packet.role,
                peer_address_type=packet.peer_address_type,
                peer_address=packet.peer_address,
                local_resolvable_private_address=hci.Address.ANY,
                peer_resolvable_private_address=hci.Address.ANY,
                connection_interval=packet.connection_interval,
                peripheral_latency=packet.peripheral_latency,
                supervision_timeout=packet.supervision_timeout,
                central_clock_accuracy=packet.central_clock_accuracy,
            )
        super().send_hci_packet(packet)


class VhciAdapter:
    """An adapter that can be plugged in and pulled out. The kernel numbers it anew each time."""

    def __init__(self, address: str, air: RadioAir) -> None:
        self.address = address
        self._air = air
        self._controller: KernelController | None = None
        self._file: int | None = None

    @property
    def controller(self) -> KernelController:
        """What is plugged in."""
        if self._controller is None:
            raise LookupError("it was never plugged in")
        return self._controller

    def links(self) -> int:
        """How many connections it has on the air, whatever the kernel believes."""
        return len(self.controller.le_connections)

    def plug(self) -> None:
        """Plug it in. Raises OSError where there is no /dev/vhci."""
        self._controller = KernelController(self.address, self._air, public_address=self.address)
        self._controller.host = self
        self._file = os.open("/dev/vhci", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # The kernel's first command comes with the answer: somebody listens by then.
        asyncio.get_running_loop().add_reader(self._file, self._readable)
        os.write(self._file, _NEW_CONTROLLER)

    def unplug(self) -> None:
        """Pull it out; devices notice by supervision time-out."""
        if self._file is None or self._controller is None:
            return
        asyncio.get_running_loop().remove_reader(self._file)
        self._controller.leave()
        file, self._file = self._file, None
        os.close(file)

    def on_packet(self, packet: bytes) -> None:
        """From the controller to the kernel; the name is Bumble's."""
        if self._file is not None:
            os.write(self._file, packet)

    def _readable(self) -> None:
        if self._file is None or self._controller is None:
            return
        try:
            packet = os.read(self._file, 4096)
        except BlockingIOError:
            return
        if not packet.startswith(_NEW_CONTROLLER[:1]):
            self._controller.on_packet(packet)
