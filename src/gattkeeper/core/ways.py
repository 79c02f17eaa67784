"""What is known of one adapter's way to one device: signal, bond, and whether it failed of late.

Knows facts and how long they hold. Which way is taken is decided in `roaming`.
"""

from msgspec import Struct

_WEIGHT = 4
"""One advertisement moves the average by this part: its three channels alone differ by several dB."""


class Way(Struct, kw_only=True, eq=False):
    """One for each adapter that a device may use."""

    rssi_dbm: float = 0.0  # of the last advertisements, on average
    heard_at: int = -1  # the last of them; -1: none
    avoided_until: int = 0  # the device could not be reached this way: others are tried first
    bonded: bool = False  # the adapter has keys of the device

    def hear(self, rssi_dbm: int, now: int, life_us: int) -> None:
        """An advertisement came in: the device is in reach. What was heard long ago is no part of the average."""
        if self.signal(now, life_us) is None:
            self.rssi_dbm = rssi_dbm
        else:
            self.rssi_dbm += (rssi_dbm - self.rssi_dbm) / _WEIGHT
        self.heard_at = now
        self.avoided_until = 0

    def signal(self, now: int, life_us: int) -> float | None:
        """The signal in dBm; None when nothing was heard of late."""
        return self.rssi_dbm if self.heard_at >= 0 and now - self.heard_at <= life_us else None
