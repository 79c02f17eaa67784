"""Every ceiling and every length of time of the core, by name.

Knows figures only. Lengths are in microseconds; the settings have them in seconds.
"""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Every ceiling and every length of time, by name. Lengths in microseconds."""

    queue_max: int = 10_000
    queue_per_device_max: int = 1_000
    shed: bool = False  # a full queue lets a more urgent command in, and ends the least urgent that waits
    ageing_us: int = 10_000_000  # waiting so long is worth one priority
    attempt_timeout_us: int = 5_000_000  # a GATT operation
    discovery_timeout_us: int = 10_000_000
    mtu_timeout_us: int = 10_000_000
    connect_timeout_us: int = 20_000_000
    pair_timeout_us: int = 30_000_000
    pairing_pause_max_us: int = 30_000_000  # how long a pairing that is under way holds the bearer's clock
    late_answer_grace_us: int = 500_000
    stop_grace_us: int = 100_000
    stop_attempt_timeout_us: int = 2_000_000
    stop_connect_timeout_us: int = 10_000_000
    stop_connect_backoff_us: int = 250_000
    stop_attempts_max: int = 4  # the first and three more
    stop_persist_us: int = 0  # a stop that failed is tried again for so long; 0: not at all
    stop_persist_backoff_us: int = 5_000_000  # after a pause of so long
    check_deadline_us: int = 300_000_000  # a look at what an unknown command did
    contention_cooldown_us: int = 60_000_000  # one operation at a time on the adapter, after contention
    breaker_failures_max: int = 5  # so many failed connections in a row, and the device is left alone
    breaker_cooldown_us: int = 30_000_000  # for so long, twice as long each time it fails again
    breaker_cooldown_us_max: int = 300_000_000
    recovery_wedged_min: int = 3  # so many signs that the adapter itself is wedged: it is recovered
    recovery_failures_min: int = 6  # or so many failures
    recovery_devices_min: int = 2  # of so many devices
    recovery_in_vain_min: int = 3  # so many failures of one device: what the stack holds of it alone is let go of
    recovery_window_us: int = 120_000_000  # within so long
    recovery_drain_us: int = 6_000_000  # what is in flight has so long before a reset: an attempt and its grace
    recovery_cooldown_us: int = 300_000_000  # before the same is done again, or anything after all was in vain
    recovery_per_hour_max: int = 3
    leases_per_device_max: int = 32  # programs that hold one connection
    lease_us_max: int = 86_400_000_000  # so long at most, a day: a program that nobody remembers lets go
    lease_idle_us: int = 10_000_000  # nothing ran for so long: the place goes to a device that waits for one
    roaming_margin_db: int = 6  # so much better is another adapter's signal, or it is no better: Core
    # Specification, Vol 4, Part E, 7.5.4 lets an adapter's reading be wrong by that much
    roaming_signal_life_us: int = 180_000_000  # an advertisement counts for so long: three rounds of listening
    roaming_avoid_us: int = 300_000_000  # an adapter that did not reach a device comes after others for so long
    alert_depth: int = 100  # commands that wait for one device
    alert_waiting_us: int = 20_000_000  # age of the oldest of them
    alert_in_flight_us: int = 2_500_000  # half of what an attempt may take
