"""What devices send on the channel of ATT, looked at before Bumble's GATT client and server get it.

Knows ATT's PDUs and what answers what. Bumble takes any error for that of its own request, and what it cannot read
ends as an exception in the middle of its packet handling, while the request goes on waiting.
"""

from bumble import att
from bumble.device import Connection, Device
from bumble.gatt_client import Client

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran

ATT_MTU_WANTED = 517
"""ATT_MTU asked for, in bytes: the longest attribute value, 512, and the longest header around it."""

_ERROR_LENGTH = 5
"""Bytes of an Error Response (Vol 3, Part F, 3.4.1.1): Bumble reads a missing code as 0."""

_SHOWN_MAX = 16
"""Bytes of a malformed PDU that its fault shows."""


def guard_att(device: Device) -> None:
    """From now on Bumble gets what is well formed, and a response only if a request waits for that one.

    An error names the request and the attribute (Core Specification, Vol 3, Part F, 3.4.1.1); some devices leave
    the attribute 0. Without its answer a request runs into its time-out, and the connection is dropped then. A
    response that cannot be read ends the request that waits for it: nobody knows what it would have said. A
    request that cannot be read is answered with Invalid PDU; anything else is not there.
    """

    def on_pdu(connection_handle: int, pdu: bytes) -> None:
        connection = device.lookup_connection(connection_handle)
        if connection is not None and pdu:
            _take(connection, pdu)

    device.l2cap_channel_manager.register_fixed_channel(att.ATT_CID, on_pdu)


def _take(connection: Connection, pdu: bytes) -> None:
    client = connection.gatt_client
    parsed = _parsed(pdu)
    if parsed is None:
        _refuse(connection, pdu)
    elif not _is_from_server(pdu[0]):
        connection.gatt_server.on_gatt_pdu(connection, parsed)
    elif pdu[0] not in att.ATT_RESPONSES or _answers(parsed, client):
        client.on_gatt_pdu(parsed)


def _parsed(pdu: bytes) -> att.ATT_PDU | None:
    """None where it cannot be read, or is longer than what we said that we take."""
    if len(pdu) > ATT_MTU_WANTED or (pdu[0] == att.Opcode.ATT_ERROR_RESPONSE and len(pdu) < _ERROR_LENGTH):
        return None
    try:
        return att.ATT_PDU.from_bytes(pdu)
    except Exception:  # noqa: BLE001 - whatever Bumble stumbles over
        return None


def _refuse(connection: Connection, pdu: bytes) -> None:
    client, opcode = connection.gatt_client, pdu[0]
    request, waiting = client.pending_request, client.pending_response
    if opcode in att.ATT_REQUESTS:
        error = att.ATT_Error_Response(
            request_opcode_in_error=opcode, attribute_handle_in_error=0, error_code=att.ErrorCode.INVALID_PDU
        )
        connection.gatt_server.send_response(connection, error)
        return
    if waiting is None or waiting.done():
        return
    if opcode in (att.Opcode.ATT_ERROR_RESPONSE, request.op_code + 1):
        waiting.set_exception(LinkError(_malformed(pdu)))


def _malformed(pdu: bytes) -> Fault:
    shown = pdu[:_SHOWN_MAX].hex(" ") + (" …" if len(pdu) > _SHOWN_MAX else "")
    text = f"the device answered with {len(pdu)} bytes that make no sense ({shown}): disconnect first"
    return Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="keeper", name="malformed_answer", text=text)


def _is_from_server(opcode: int) -> bool:
    """Responses, notifications and indications are odd; requests, commands and confirmations are even."""
    return bool(opcode & 1)


def _answers(response: att.ATT_PDU, client: Client) -> bool:
    request, waiting = client.pending_request, client.pending_response
    if request is None or waiting is None or waiting.done():
        return False
    if not isinstance(response, att.ATT_Error_Response):
        return True
    handle = getattr(request, "attribute_handle", None)
    fits = handle is None or response.attribute_handle_in_error in (0, handle)
    return fits and bool(response.request_opcode_in_error == request.op_code)
