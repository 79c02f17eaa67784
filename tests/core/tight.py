"""Limits that a short history reaches: few places, and pauses of seconds."""

from msgspec.structs import replace

from core.drive import S
from gattkeeper.core.state import Limits

BREAKER = {"breaker_failures_max": 2, "breaker_cooldown_us": 4 * S, "breaker_cooldown_us_max": 20 * S}
RECOVERY = {"recovery_wedged_min": 2, "recovery_failures_min": 3, "recovery_cooldown_us": 10 * S}
LIMITS = Limits(queue_per_device_max=4, queue_max=9, recovery_per_hour_max=1_000, **BREAKER, **RECOVERY)
PERSISTENT = replace(LIMITS, stop_persist_us=12 * S, stop_persist_backoff_us=2 * S)
