"""A value that does not fit into one Write Request, over Bumble: prepared in parts, then executed.

Knows ATT's prepared writes (Core Specification, Vol 3, Part F, 3.4.6) and how GATT writes long values with them
(Vol 3, Part G, 4.9.4). Bumble's own procedure does not look at the echoes.
"""

from collections.abc import Awaitable, Callable

from bumble import att
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_faults import as_link_errors
from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.links.targets import refusal
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX

Ask = Callable[[att.ATT_PDU], Awaitable[att.ATT_PDU]]
"""Sends one request and waits for its response, good or bad."""

_PREPARE_HEADER = 5
"""Bytes of ATT_MTU that opcode, handle and offset of a prepared part take (Vol 3, Part F, 3.4.6.1)."""

_CANCEL, _WRITE = 0x00, 0x01
"""What Execute does with the parts (Vol 3, Part F, 3.4.6.3)."""

_DISCARDED = (0x07, 0x0D)
"""Answers to Execute after which no part was written: invalid offset, invalid length. What any other one leaves
behind is not defined (Vol 3, Part F, 3.4.6.3)."""

_PARTS_LEFT = Fault(
    kind=FaultKind.LINK_LOST,
    ran=Ran.NO,
    stack="keeper",
    name="prepared_parts_left",
    text="nothing was written, but the device did not let go of the prepared parts: disconnect first",
)


async def write_long(ask: Ask, att_mtu: int, handle: int, payload: bytes, why_down: Callable[[], Fault]) -> None:
    """Write 1 to 512 bytes in parts of `att_mtu` - 5. Raises LinkError, and for Execute what Bumble raises.

    Before Execute is sent nothing can have run, whatever went wrong. A failure there makes the device forget the
    parts it has; where that fails too, the fault's kind says that the bearer is of no more use.
    """
    if len(payload) > ATTRIBUTE_LENGTH_MAX:
        raise refusal("payload", f"a payload of {len(payload)} bytes: {ATTRIBUTE_LENGTH_MAX} is the most here")
    try:
        with as_link_errors(why_down):
            await _prepare(ask, att_mtu, handle, payload)
    except LinkError as error:
        fault = error.fault
        raise LinkError(replace(fault, ran=Ran.NO) if fault.ran is Ran.MAYBE else fault) from error
    answer = await ask(att.ATT_Execute_Write_Request(flags=_WRITE))
    if isinstance(answer, att.ATT_Error_Response):
        ran = Ran.REFUSED if answer.error_code in _DISCARDED else Ran.MAYBE
        raise LinkError(replace(att_fault(answer.error_code), ran=ran))


async def _prepare(ask: Ask, att_mtu: int, handle: int, payload: bytes) -> None:
    length = att_mtu - _PREPARE_HEADER
    for offset in range(0, len(payload), length):
        request = att.ATT_Prepare_Write_Request(
            attribute_handle=handle, value_offset=offset, part_attribute_value=payload[offset : offset + length]
        )
        answer = await ask(request)
        where = f"at byte {offset} of {len(payload)}; nothing was written"
        if isinstance(answer, att.ATT_Error_Response):
            if offset:
                await _forget(ask)
            fault = att_fault(answer.error_code)
            raise LinkError(replace(fault, ran=Ran.REFUSED, text=f"{fault.name} {where}"))
        if bytes(answer)[1:] != bytes(request)[1:]:  # all but the opcode: handle, offset and value
            await _forget(ask)
            raise refusal("echo_differs", f"the device did not repeat what it was sent {where}")


async def _forget(ask: Ask) -> None:
    """Make the device forget the parts it has, so that nobody executes them later."""
    if isinstance(await ask(att.ATT_Execute_Write_Request(flags=_CANCEL)), att.ATT_Error_Response):
        raise LinkError(_PARTS_LEFT)
