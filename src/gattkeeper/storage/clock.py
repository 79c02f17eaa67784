"""The clocks that are written into rows, and what the system says of them. They decide nothing.

Knows this machine's clocks. What a step of one means to a reader stands in `docs/audit.md`.
"""

import ctypes
import sys
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux, random(4)
_TIMEX_LENGTH = 256  # bytes; struct timex of adjtimex(2) takes 208 on 64-bit and 128 on 32-bit Linux
_TIME_ERROR = 5  # adjtimex(2): "the system clock is not synchronized to a reliable server"


def wall_us() -> int:
    """Wall clock: microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def monotonic_us() -> int:
    """Monotonic clock of this boot, in microseconds."""
    return time.monotonic_ns() // 1000


def boot_id() -> str:
    """Which boot the monotonic clock belongs to; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text(encoding="utf-8").strip()
    except OSError:  # not Linux
        return ""


def synchronised() -> bool | None:
    """Whether the kernel says that something keeps the wall clock right; None where nobody knows."""
    if sys.platform != "linux":
        return None
    state = ctypes.CDLL(None, use_errno=True).adjtimex(
        ctypes.create_string_buffer(_TIMEX_LENGTH)
    )  # modes 0: a look
    return None if state < 0 else state != _TIME_ERROR
