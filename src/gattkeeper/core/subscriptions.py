"""Subscriptions of one device: those in force on its connection, and those wanted on every one.

Knows the two. One that is in force and not wanted belongs to a lease, or to writes that waited for their answer:
it ends with the connection, and does not keep it.
"""

from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState
from gattkeeper.model.operation import Connect, Subscribe, SubscriptionKind, Unsubscribe


def is_shared(device: DeviceState, operation: Connect | Subscribe | Unsubscribe) -> bool:
    """The connection is there, the subscription in force, or somebody wants it again since it was to be undone.

    Whether another kind of it goes together with the one there is, the link knows.
    """
    if isinstance(operation, Subscribe):
        held = device.enabled.get(operation.target)
        return held is not None and operation.kind in (SubscriptionKind.EITHER, held.kind)
    return isinstance(operation, Connect) or operation.target in device.wanted


def want(device: DeviceState, entry: Entry) -> None:
    """A Subscribe has succeeded: it is restored after a reconnect, unless a later command undoes it.

    That of a lease is not: it ends with the connection.
    """
    operation = entry.command.operation
    if not isinstance(operation, Subscribe) or entry.command.lease:
        return
    if device.unsubscribed.get(operation.target, 0) < entry.sequence:
        device.wanted[operation.target] = device.enabled[operation.target]  # the kind that is in force


def handed_over(device: DeviceState, operation: Unsubscribe) -> None:
    """Whatever becomes of it, nobody may rely on the subscription any more."""
    device.enabled.pop(operation.target, None)


def answered(device: DeviceState, operation: Subscribe) -> None:
    """It is in force from now on, even if nobody waits for the answer any more."""
    device.enabled[operation.target] = operation
