"""Which alerts are raised now, with their words: for `status`.

Knows what was told. Whether an alert is due is for the core, and for the pump, to say.
"""

from gattkeeper.model.status import Alert, AlertKind, KeeperStatus


class RaisedAlerts:
    """Keeps what was raised until it is cleared."""

    def __init__(self) -> None:
        self._raised: dict[tuple[AlertKind, str], Alert] = {}

    def note(self, alert: Alert) -> None:
        """An alert was raised or cleared."""
        self._raised.pop((alert.kind, alert.device), None)
        if alert.raised:
            self._raised[alert.kind, alert.device] = alert

    def in_force(self, status: KeeperStatus) -> tuple[Alert, ...]:
        """The oldest first. A device that leaves the settings takes its alerts along; nobody clears them."""
        of_devices = {device.name: device.alerts for device in status.devices}
        others = {"journal", *(adapter.name for adapter in status.adapters)}
        return tuple(
            alert
            for alert in self._raised.values()
            if alert.device in others or alert.kind in of_devices.get(alert.device, ())
        )
