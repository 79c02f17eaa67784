"""Limits that a short history reaches: few places, and pauses of seconds. And what it draws from."""

from hypothesis import strategies as st
from msgspec.structs import replace

from core.drive import MS, S
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran

BREAKER = {"breaker_failures_max": 2, "breaker_cooldown_us": 4 * S, "breaker_cooldown_us_max": 20 * S}
RECOVERY = {
    "recovery_wedged_min": 2,
    "recovery_failures_min": 3,
    "recovery_cooldown_us": 10 * S,
    "recovery_in_vain_min": 2,
}
QUEUE = {"queue_per_device_max": 4, "queue_max": 9, "check_deadline_us": 20 * S}
LIMITS = Limits(recovery_per_hour_max=1_000, **QUEUE, **BREAKER, **RECOVERY)
PERSISTENT = replace(LIMITS, stop_persist_us=12 * S, stop_persist_backoff_us=2 * S)

devices = st.sampled_from(("a", "a", "a", "b", "c"))  # most of it on one: that is where it gets crowded
kinds = st.sampled_from(FaultKind)
AGAIN = (FaultKind.BUSY, FaultKind.TRANSIENT, FaultKind.TIMED_OUT, FaultKind.NEEDS_PAIRING)
rans, jitters = st.sampled_from(Ran), st.sampled_from((0.0, 0.5, 1.0))
lengths = st.sampled_from((1, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S, 2 * S, 5 * S, 12 * S))
