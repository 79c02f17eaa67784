"""Prepared writes at Bumble's GATT server, corrected where a client would see that it is no real one.

Knows ATT (Core Specification, Vol 3, Part F, 3.4.6) and Bumble 0.0.236, which keeps the parts of each connection
and puts a value together from its parts alone: a part that does not follow another one is answered with 0x07.
"""

from bumble import att, gatt
from bumble.gatt_server import Server

from gattkeeper.world.virtual_device import PREPARE_QUEUE_FULL, REQUEST_NOT_SUPPORTED, WRITE_NOT_PERMITTED

_INVALID_HANDLE = 0x01
_INSUFFICIENT_ENCRYPTION = 0x0F
_DATABASE_OUT_OF_SYNC = 0x12

_GONE = 0  # no attribute has this handle (Vol 3, Part F, 3.2.2)

_Permissions = att.Attribute.Permissions
_Properties = gatt.Characteristic.Properties


def correct_prepared_writes(server: Server, queue_max: int) -> None:
    """Let a server refuse a part when it comes, where Bumble takes it and refuses at the end, or never answers.

    `queue_max` parts are kept for each connection; 0: the server does not know prepared writes.
    """
    bumble_prepare = server.on_att_prepare_write_request
    bumble_execute = server.on_att_execute_write_request

    def prepare(bearer: att.Bearer, request: att.ATT_Prepare_Write_Request) -> None:
        """Ask for permission, security and room before anything is kept (3.4.6.1)."""
        if not queue_max:
            raise att.ATT_Error(REQUEST_NOT_SUPPORTED, request.attribute_handle)
        _must_be_writable(server.get_attribute(request.attribute_handle), bearer, request.attribute_handle)
        if len(server.prepared_writes.get(bearer, ())) >= queue_max:
            raise att.ATT_Error(PREPARE_QUEUE_FULL, request.attribute_handle)
        bumble_prepare(bearer, request)

    def execute(bearer: att.Bearer, request: att.ATT_Execute_Write_Request) -> None:
        """Answer also when the attributes are others by now (3.4.6.3)."""
        if not queue_max:
            raise att.ATT_Error(REQUEST_NOT_SUPPORTED)
        if request.flags and any(handle == _GONE for handle, _, _ in server.prepared_writes.get(bearer, ())):
            del server.prepared_writes[bearer]
            raise att.ATT_Error(_DATABASE_OUT_OF_SYNC)
        bumble_execute(bearer, request)

    server.on_att_prepare_write_request = prepare
    server.on_att_execute_write_request = execute


def outdate_prepared_writes(server: Server) -> None:
    """The attributes are others: what was prepared for the old ones is not written to the new ones."""
    for queue in server.prepared_writes.values():
        queue[:] = [(_GONE, offset, part) for _, offset, part in queue]


def _must_be_writable(attribute: att.Attribute | None, bearer: att.Bearer, handle: int) -> None:
    if attribute is None:
        raise att.ATT_Error(_INVALID_HANDLE, handle)
    permissions = attribute.permissions
    writes = _Properties.WRITE | _Properties.WRITE_WITHOUT_RESPONSE
    closed = isinstance(attribute, gatt.Characteristic) and not attribute.properties & writes
    if closed or not permissions & _Permissions.WRITEABLE:
        raise att.ATT_Error(WRITE_NOT_PERMITTED, handle)
    if permissions & _Permissions.WRITE_REQUIRES_ENCRYPTION and not bearer.encryption:
        raise att.ATT_Error(_INSUFFICIENT_ENCRYPTION, handle)
