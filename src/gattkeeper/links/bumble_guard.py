"""Responses that are not ours kept from Bumble's GATT client, which takes any error for that of its own request.

Knows ATT requests and what answers them. Bumble itself throws away other responses that do not fit.
"""

from bumble import att
from bumble.gatt_client import Client


def ignore_foreign_responses(client: Client) -> None:
    """From now on a response is passed on only if a request waits for it; an error only if it answers that one.

    An error names the request and the attribute (Core Specification, Vol 3, Part F, 3.4.1.1); some devices leave
    the attribute 0. Without its answer a request runs into its time-out, and the connection is dropped then.
    """
    pass_on = client.on_gatt_pdu

    def on_gatt_pdu(pdu: att.ATT_PDU) -> None:
        if pdu.op_code not in att.ATT_RESPONSES or _answers(pdu, client):
            pass_on(pdu)

    client.on_gatt_pdu = on_gatt_pdu


def _answers(response: att.ATT_PDU, client: Client) -> bool:
    request, waiting = client.pending_request, client.pending_response
    if request is None or waiting is None or waiting.done():
        return False
    if not isinstance(response, att.ATT_Error_Response):
        return True
    handle = getattr(request, "attribute_handle", None)
    fits = handle is None or response.attribute_handle_in_error in (0, handle)
    return fits and bool(response.request_opcode_in_error == request.op_code)
