"""What people can do about keys that were refused, lost, or never agreed: a sentence for each such fault.

Knows faults. The stack's own number and name stay as they are; its text stays in front of ours.
"""

from msgspec.structs import replace

from gattkeeper.model.fault import Fault, FaultKind, Ran

LOST_THERE = (
    "the device has lost its half of the bond, or another answers at its address: "
    "if you trust it, unpair it here (gattkeeper unpair), then pair it again (gattkeeper pair)"
)
REFUSED = (
    "the device did not pair: perhaps the passkey was wrong, or it keeps an old bond with this adapter, "
    "which it has to forget first"
)
NOBODY_ASKED = (
    "; if it wants or shows a passkey, pair it where a person can be asked (gattkeeper pair, in a terminal)"
)
DECLINED = "the pairing was declined here, or nobody answered in time"

KEY_MISSING = 0x06
"""HCI's code for a bond that the far side does not have (Core Specification, Vol 1, Part F, 2.6)."""


def declined() -> Fault:
    """The fault of a pairing that a person here did not want."""
    return Fault(kind=FaultKind.PAIRING_FAILED, ran=Ran.REFUSED, stack="keeper", name="declined", text=DECLINED)


def advised(fault: Fault, *, asked: bool) -> Fault:
    """The same fault; where keys are the trouble, with what to do. `asked`: whether somebody could be."""
    if fault.kind is not FaultKind.PAIRING_FAILED or fault.stack == "keeper":
        return fault
    refused = REFUSED if asked else REFUSED + NOBODY_ASKED
    advice = LOST_THERE if _is_lost_there(fault) else refused
    said = fault.text or fault.name
    return replace(fault, text=f"{said}: {advice}" if said else advice)


def doubted(fault: Fault) -> Fault:
    """The same fault of a connection that did not come up; with what it may be about, as we have a bond.

    BlueZ encrypts with its bond while it connects, so a bond that the device has lost may end the link there. Its
    5.66 has no error that says so: this is a guess, and told as one.
    """
    if fault.kind not in (FaultKind.TRANSIENT, FaultKind.LINK_LOST):
        return fault
    return replace(fault, text=f"{fault.text or fault.name}; it is paired here: if this stays so, {LOST_THERE}")


def ended_the_service(device: str) -> str:
    """What is told when the Bluetooth service goes while a device is connected with which we have a bond.

    Linux 6.1 breaks its own lists when the device has lost its half, and that ends bluetoothd: a guess as well.
    """
    return f"; it went while {device} was connected, which is paired here: if this stays so, {LOST_THERE}"


def _is_lost_there(fault: Fault) -> bool:
    """BlueZ says so by text alone, from `btd_error_le_str` and its like for the other radio (src/error.c)."""
    return (fault.stack == "hci" and fault.code == KEY_MISSING) or fault.text.endswith("-connection-key-missing")
