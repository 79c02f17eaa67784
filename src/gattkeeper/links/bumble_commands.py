"""HCI commands of one host: each answer goes to the command that caused it, or to none.

Knows Bumble's host and the events that answer commands (Core Specification, Vol 4, Part E, 4.4). Bumble gives
whatever answer comes to the command that waits now: after one that was cancelled, or not answered in time, the
late answer completes the next.
"""

import asyncio
from typing import Any

from bumble import hci
from bumble.host import Host


def guard_commands(host: Host) -> None:
    """From now on a command whose answer is owed holds the next ones back; its late answer is thrown away.

    How long they wait is part of their own time. Only a reset needs no answer to an older command: a controller
    forgets what it owes with it. Guarding a host twice does nothing.
    """
    if not isinstance(getattr(host.on_command_processed, "__self__", None), _Commands):
        _Commands(host)


class _Commands:
    """Takes the place of two of the host's methods, and uses them."""

    def __init__(self, host: Host) -> None:
        self._host: Any = host
        self._send = host._send_command  # noqa: SLF001
        self._answered = host.on_command_processed
        self._transmit = host.send_hci_packet
        self._turn = asyncio.Lock()
        self._sent: hci.HCI_Command | None = None  # the one that waits for its answer, once it has left
        self._owed: int | None = None  # the opcode of one that nobody waits for any more
        self._settled = asyncio.Event()
        host._send_command = self.send  # noqa: SLF001
        host.on_command_processed = self.answered
        host.send_hci_packet = self.transmit

    async def send(self, command: hci.HCI_Command, response_timeout: float | None = None) -> Any:
        """Send a command when no answer is owed. Raises TimeoutError, and what Bumble raises."""
        async with asyncio.timeout(response_timeout), self._turn:
            if isinstance(command, hci.HCI_Reset_Command):
                self._settle()
            while self._owed is not None:
                self._settled.clear()
                await self._settled.wait()
            opcode = command.op_code
            try:
                return await self._send(command)
            except asyncio.CancelledError:  # also by its time-out
                if self._sent is command:
                    self._owed = opcode
                raise
            finally:
                self._sent = None

    def transmit(self, packet: hci.HCI_Packet) -> None:
        """Pass a packet on, and remember the command that has left."""
        if isinstance(packet, hci.HCI_Command):
            self._sent = packet
        self._transmit(packet)

    def answered(self, event: Any) -> None:
        """Pass an answer on to the command that waits for it."""
        if event.command_opcode == self._owed:
            self._settle()
        waiting, response = self._host.pending_command, self._host.pending_response
        # Where no command waits, it may still make room for the next one.
        if waiting is None or (waiting.op_code == event.command_opcode and not response.done()):
            self._answered(event)

    def _settle(self) -> None:
        self._owed = None
        self._settled.set()
