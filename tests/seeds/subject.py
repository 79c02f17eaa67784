"""What a trap is set for: some queue in front of one lamp, whoever built it.

Knows what every queue can be asked, and how a body is run: in virtual time, and expected to pass or to fail.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from gattkeeper.model.gatt import characteristic_ref, normal_uuid
from gattkeeper.model.operation import Operation, Read, Write
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.world import LinkAction, LinkMatch, LinkMoment, LinkRule, SimulatedLink, VirtualDevice
from sim.scene import COUNTER, STOP, WRITABLE

COUNT = Read(target=characteristic_ref(COUNTER))
STORED = Read(target=characteristic_ref(WRITABLE))


class Reply(Struct, frozen=True, kw_only=True):
    """What a caller is told in the end. `code` is the number the stack gave."""

    told: str  # done, or anything else
    code: int | None = None
    value: AnswerValue = None


class Ticket:
    """What a caller holds: empty until it is told something."""

    def __init__(self) -> None:
        self.reply: Reply | None = None

    @property
    def told(self) -> str:
        """An empty string as long as the caller knows nothing."""
        return "" if self.reply is None else self.reply.told


class Subject(Protocol):
    """A queue, the link below it and the device at the far end."""

    link: SimulatedLink
    device: VirtualDevice

    async def start(self) -> None:
        """Connect."""

    async def call(self, operation: Operation, timeout_s: float = 5.0) -> None:
        """Submit and wait, as sequential code does."""

    def submit(self, operation: Operation, *, timeout_s: float = 5.0) -> Ticket:
        """Submit, and go on."""

    def cancel(self, ticket: Ticket) -> None:
        """The caller goes away."""

    def stop(self) -> Ticket:
        """Emergency stop."""

    async def close(self) -> None:
        """Shut the queue down."""

    def changed(self) -> list[str]:
        """Commands whose own fields are no longer what they were at submission."""

    def times(self) -> list[float]:
        """The moments in its record, in the order in which they were written down."""

    def set_wall_clock(self, seconds: float) -> None:
        """Somebody sets the clock on the wall."""


Body = Callable[[Subject], Awaitable[None]]


def write(payload: int) -> Write:
    return Write(target=characteristic_ref(WRITABLE), payload=payload.to_bytes(4, "big"))


def happen(subject: Subject, action: LinkAction, times: int = 1) -> None:
    """The next operations meet this, after whatever was announced before."""
    subject.link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, times=times), action))


def applied(subject: Subject) -> list[int]:
    """The numbers that the device stored, in its own order."""
    wanted = normal_uuid(WRITABLE)
    return [int.from_bytes(one.payload) for one in subject.device.applied if one.characteristic == wanted]


def stopped(subject: Subject) -> bool:
    """Whether the stop reached the device."""
    return any(one.characteristic == normal_uuid(STOP) for one in subject.device.applied)
