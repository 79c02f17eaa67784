"""What devices send on the channel of the Security Manager, and when a pairing is over, kept in order for Bumble.

Knows SMP's commands and Bumble's sessions. Bumble keeps a pairing that has failed, for what comes later. It
also begins one of its own when a device sends anything else than a Security Request.
"""

from bumble import smp
from bumble.device import Connection, Device

from gattkeeper.model.security import KEY_SIZE_MIN

_KNOWN = frozenset(bytes([code]) for code in smp.CommandCode)


class KeptSession(smp.Session):  # type: ignore[misc]  # Bumble is not typed strictly
    """A pairing that is over once it has failed, and fails when the device offers shorter keys than ours.

    Bumble looks at neither size, and would encrypt with all 16 bytes where the device takes seven: the connection
    then breaks down with a MIC failure (Core Specification, Vol 3, Part H, 2.3.4).
    """

    def on_smp_pairing_response_command(self, command: smp.SMP_Pairing_Response_Command) -> None:
        """Look at the size before anything else."""
        if command.maximum_encryption_key_size < KEY_SIZE_MIN:
            self.send_pairing_failed(smp.ErrorCode.ENCRYPTION_KEY_SIZE)
        else:
            super().on_smp_pairing_response_command(command)

    def send_command(self, command: smp.SMP_Command) -> None:
        """Telling the device that it failed is the end of it: after a command it stumbles over Bumble waits on."""
        super().send_command(command)
        if isinstance(command, smp.SMP_Pairing_Failed_Command):
            self.on_pairing_failure(command.reason)

    def on_pairing_failure(self, reason: smp.ErrorCode) -> None:
        """What the device sends after that belongs to nobody; another pairing may have begun already."""
        super().on_pairing_failure(reason)
        if self.manager.sessions.get(self.connection.handle) is self:
            self.manager.on_session_end(self)


def guard_smp(device: Device) -> None:
    """From now on Bumble gets Security Requests, and the rest only while a pairing of ours is there to take it.

    A device begins nothing but with a Security Request (Core Specification, Vol 3, Part H, 2.4.6): whoever answers
    there could replace a bond else. What makes no sense ends the pairing that is under way, but for commands that
    nobody knows yet (3.3).
    """
    manager = device.smp_manager

    def on_pdu(connection_handle: int, pdu: bytes) -> None:
        connection, session = device.lookup_connection(connection_handle), manager.sessions.get(connection_handle)
        if connection is None or pdu[:1] not in _KNOWN:
            return
        command = _parsed(pdu)
        if isinstance(command, smp.SMP_Security_Request_Command):
            connection.emit(Connection.EVENT_SECURITY_REQUEST, command.auth_req)
        elif isinstance(command, smp.SMP_Pairing_Request_Command):
            refusal = smp.SMP_Pairing_Failed_Command(reason=smp.ErrorCode.COMMAND_NOT_SUPPORTED)
            manager.send_command(connection, refusal)
        elif session is not None and command is not None:
            session.on_smp_command(command)
        elif session is not None and not session.completed:
            session.send_pairing_failed(smp.ErrorCode.INVALID_PARAMETERS)

    device.l2cap_channel_manager.register_fixed_channel(smp.SMP_CID, on_pdu)


def _parsed(pdu: bytes) -> smp.SMP_Command | None:
    try:
        return smp.SMP_Command.from_bytes(pdu)
    except Exception:  # noqa: BLE001 - whatever Bumble stumbles over
        return None
