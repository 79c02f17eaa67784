"""Whether an operation fits the attribute table: what is refused before anything is sent.

Knows attributes only. Stacks would send whatever they are told to, or refuse it in words of their own.
"""

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import (
    Characteristic,
    CharacteristicRef,
    Descriptor,
    Property,
    Service,
    find_characteristics,
    short_uuid,
)
from gattkeeper.model.operation import KIND_CONFLICT, SubscriptionKind

_NAMED_MAX = 20
"""How many characteristics a refusal names: enough for most devices, short enough to read."""

_WRITE_HEADER = 3
"""Bytes of ATT_MTU that a write's opcode and handle take (Core Specification, Vol 3, Part F, 3.4.5)."""


def find_target(services: tuple[Service, ...], ref: CharacteristicRef) -> Characteristic:
    """The one characteristic meant. Raises LinkError: no such characteristic, or more than one."""
    found = find_characteristics(services, ref)
    if len(found) == 1:
        return found[0]
    if found:
        where = ", ".join(f"{short_uuid(each.service)} (handle {each.handle:#06x})" for each in found[:_NAMED_MAX])
        raise refusal("ambiguous", f"{ref} is there {len(found)} times: name its service or its handle: {where}")
    there = [short_uuid(each.uuid) for service in services for each in service.characteristics]
    more = f" and {len(there) - _NAMED_MAX} more" if len(there) > _NAMED_MAX else ""
    has = ", ".join(there[:_NAMED_MAX]) + more if there else "none at all"
    raise refusal("no_such_characteristic", f"the device has no characteristic {ref}; it has {has}")


def find_descriptor(characteristic: Characteristic, uuid: str) -> Descriptor:
    """A descriptor of a characteristic. Raises LinkError when there is none."""
    for descriptor in characteristic.descriptors:
        if descriptor.uuid == uuid:
            return descriptor
    has = ", ".join(short_uuid(each.uuid) for each in characteristic.descriptors) or "none"
    what = f"{short_uuid(characteristic.uuid)} has no descriptor {short_uuid(uuid)}; it has {has}"
    raise refusal("no_such_descriptor", what)


def must_allow(characteristic: Characteristic, *wanted: Property) -> None:
    """Raise LinkError unless the characteristic has one of the properties."""
    if not any(characteristic.allows(each) for each in wanted):
        has = ", ".join(str(each.name).lower() for each in Property if characteristic.allows(each)) or "nothing"
        uuid = short_uuid(characteristic.uuid)
        names = " or ".join(str(each.name).lower() for each in wanted)
        raise refusal("property", f"{uuid} does not allow {names}; it allows {has}")


def chosen_kind(
    characteristic: Characteristic, wanted: SubscriptionKind, held: SubscriptionKind | None
) -> SubscriptionKind:
    """NOTIFY or INDICATE, for a characteristic that is subscribed to in one way, or not at all.

    Raises LinkError: it has not the kind wanted, or another subscriber has the other one.
    """
    if wanted is SubscriptionKind.EITHER and held is not None:
        return held
    if wanted is SubscriptionKind.EITHER:
        must_allow(characteristic, Property.NOTIFY, Property.INDICATE)
        notifies = characteristic.allows(Property.NOTIFY)
        return SubscriptionKind.NOTIFY if notifies else SubscriptionKind.INDICATE
    must_allow(characteristic, Property.NOTIFY if wanted is SubscriptionKind.NOTIFY else Property.INDICATE)
    if held not in (None, wanted):
        uuid = short_uuid(characteristic.uuid)
        what = f"{uuid} is subscribed to the other way already: unsubscribe that first, or take either kind"
        raise refusal(KIND_CONFLICT, what)
    return wanted


def fits(payload: bytes, att_mtu: int) -> bool:
    """Whether one ATT PDU carries a payload."""
    return len(payload) + _WRITE_HEADER <= att_mtu


def must_fit(payload: bytes, att_mtu: int) -> None:
    """Raise LinkError when a payload does not fit into one ATT PDU, as one without response has to."""
    if not fits(payload, att_mtu):
        needed = len(payload) + _WRITE_HEADER
        what = f"a payload of {len(payload)} bytes needs an ATT_MTU of {needed}; {att_mtu} is in force"
        what += ": with response it may be longer"
        raise LinkError(Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="keeper", name="att_mtu", text=what))


def refusal(name: str, text: str) -> LinkError:
    """What was not sent, and would fail again."""
    return LinkError(Fault(kind=FaultKind.REJECTED, ran=Ran.NO, stack="keeper", name=name, text=text))
