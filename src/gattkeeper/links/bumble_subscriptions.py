"""Notifications and indications of one connection over Bumble: registered at its client, enabled at the device.

Knows Bumble's lists of subscribers and the CCCD. What a value means to the connection, its owner knows.
"""

from collections.abc import Callable

from bumble import att
from bumble.gatt_client import Client

from gattkeeper.links.targets import chosen_kind, find_descriptor
from gattkeeper.model.gatt import Characteristic, normal_uuid
from gattkeeper.model.operation import SubscriptionKind

_CCCD = normal_uuid("2902")
_NOTIFY, _INDICATE, _NEITHER = b"\x01\x00", b"\x02\x00", b"\x00\x00"
"""Values of the CCCD (Core Specification, Vol 3, Part G, 3.3.3.3)."""


class Subscriptions:
    """What is subscribed to; `heard` gets every value. Its calls raise LinkError, and what Bumble raises."""

    def __init__(self, gatt: Client, heard: Callable[[Characteristic, bytes], None]) -> None:
        self._gatt = gatt
        self._heard = heard

    async def begin(self, target: Characteristic, wanted: SubscriptionKind) -> None:
        """Subscribe, in the way that is wanted or, to either, in that which there is."""
        gatt, held = self._gatt, None
        if target.handle in gatt.notification_subscribers:
            held = SubscriptionKind.NOTIFY
        elif target.handle in gatt.indication_subscribers:
            held = SubscriptionKind.INDICATE
        if chosen_kind(target, wanted, held) is SubscriptionKind.NOTIFY:
            subscribers, enabled = gatt.notification_subscribers, _NOTIFY
        else:
            subscribers, enabled = gatt.indication_subscribers, _INDICATE
        cccd = find_descriptor(target, _CCCD)
        # first, so that no value is missed
        subscribers[target.handle] = {lambda payload: self._heard(target, bytes(payload))}
        try:
            await gatt.write_value(cccd.handle, enabled, with_response=True)
        except att.ATT_Error:
            subscribers.pop(target.handle, None)
            raise

    async def end(self, target: Characteristic) -> None:
        """Undo `begin`."""
        cccd = find_descriptor(target, _CCCD)
        await self._gatt.write_value(cccd.handle, _NEITHER, with_response=True)
        self._gatt.notification_subscribers.pop(target.handle, None)
        self._gatt.indication_subscribers.pop(target.handle, None)

    def forget(self) -> None:
        """The handles are those of a table that is gone: nothing is subscribed to on the one there is now."""
        self._gatt.notification_subscribers.clear()
        self._gatt.indication_subscribers.clear()
