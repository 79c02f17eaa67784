"""Why an attempt failed, in our words and in the stack's own.

Knows kinds of trouble. What to do about one is decided in `core.retry`; which stack error means
which kind stands in `links.fault_tables`.
"""

from enum import Enum

from msgspec import Struct


class FaultKind(Enum):
    """What went wrong, as far as it matters for what happens next."""

    BUSY = "busy"  # someone else's operation is in the way: adapter, device or characteristic
    TRANSIENT = "transient"  # the radio; trying again is reasonable
    GENERIC = "generic"  # the stack knows no more than "error" (Android 133)
    LINK_LOST = "link_lost"
    NOT_FOUND = "not_found"  # the device does not advertise, or nobody knows it
    UNREACHABLE = "unreachable"  # connecting took its whole time without an answer
    SLOTS_FULL = "slots_full"  # the adapter can hold no further connection
    STALE = "stale"  # the attribute table is not what we believe
    NEEDS_PAIRING = "needs_pairing"
    PAIRING_FAILED = "pairing_failed"  # keys refused, lost or never agreed
    INSUFFICIENT_SECURITY = "insufficient_security"  # the connection proves less than is demanded of its device
    AMBIGUOUS = "ambiguous"  # more than one device answers to what was asked for
    REJECTED = "rejected"  # the device, or the stack for it, says no and will say no again
    UNSUPPORTED = "unsupported"  # this link cannot do it
    TIMED_OUT = "timed_out"  # our own clock ended the attempt
    CANCELLED = "cancelled"  # the caller took it back while it was in flight
    ADAPTER_GONE = "adapter_gone"  # off, unplugged or absent
    STACK_GONE = "stack_gone"  # the Bluetooth service or its bus went away
    WEDGED = "wedged"  # the adapter answers, but nothing works
    UNLISTED = "unlisted"  # no table knows it
    JOURNAL = "journal"  # our own record could not be written, so nothing may start


class Ran(Enum):
    """Whether the device may have carried the operation out."""

    NO = "no"  # it certainly never reached the device
    REFUSED = "refused"  # the device saw it and said no
    MAYBE = "maybe"


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One failure, with everything the stack said about it."""

    kind: FaultKind
    ran: Ran = Ran.MAYBE
    stack: str = ""  # whose words these are: "att", "hci", "bluez", "bleak", "keeper"
    code: int | None = None  # the stack's own number, untouched
    name: str = ""  # the stack's own name for it
    text: str = ""  # the stack's own text, or a sentence for people

    def __str__(self) -> str:
        code = "" if self.code is None else f" {self.code:#04x}"
        said = self.text or self.name
        return f"{self.kind.value} ({self.stack}{code}{': ' if said else ''}{said})"
