"""Which writes a device's profile allows to be done twice, whoever makes them.

Knows profiles and payloads. A write is one of an action when its bytes are just those that the action would send.
"""

from gattkeeper.devices import codec
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Write
from gattkeeper.model.profile import Profile, WriteAction, setpoint_of


def may_repeat(profile: Profile, write: Write) -> bool:
    """Whether an action that may be repeated sends the very same bytes to this characteristic."""
    return any(
        isinstance(action, WriteAction)
        and (action.idempotent or bool(setpoint_of(name, action)))
        and same_characteristic(action.characteristic, write.target)
        and _sends(action, write.payload)
        for name, action in profile.actions.items()
    )


def same_characteristic(one: CharacteristicRef, other: CharacteristicRef) -> bool:
    """Whether two pointers by UUID may mean the same one."""
    return one.uuid == other.uuid and (one.service == other.service or not (one.service and other.service))


def _sends(action: WriteAction, payload: bytes) -> bool:
    """Whether the action's payload, with some value, is this one."""
    try:
        value = codec.decode(action.payload, payload)
        return codec.encode(action.payload, value if isinstance(value, int | bytes) else None) == payload
    except ValueError:  # another form; or it carries a number of its own, and is never the same twice
        return False
