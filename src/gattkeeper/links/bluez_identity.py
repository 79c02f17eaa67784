"""Whether BlueZ's object is the device that is meant: it keeps one for an address, whichever kind that is of.

Knows BlueZ's AddressType. A device that changes its address keeps its object once it is paired: BlueZ resolves it.
"""

from bleak.backends.device import BLEDevice

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import AddressKind, DeviceAddress


def must_be_of_kind(wanted: DeviceAddress, found: BLEDevice) -> None:
    """Raise LinkError when the object is that of a device with the other kind of address."""
    properties = found.details.get("props", {}) if isinstance(found.details, dict) else {}
    kind = properties.get("AddressType", wanted.kind.value)
    if wanted.kind is AddressKind.ANY or kind == wanted.kind.value:
        return
    text = (
        f"{wanted.value} is a {kind} address to BlueZ, and {wanted.spelled} is meant: two devices have the same"
        f" address here, or the settings are wrong (`bluetoothctl remove {wanted.value}` lets BlueZ look again)"
    )
    raise LinkError(Fault(kind=FaultKind.AMBIGUOUS, ran=Ran.NO, stack="keeper", name="other_kind", text=text))
