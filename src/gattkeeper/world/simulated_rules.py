"""Faults of a simulated link, as data: at which call something happens, and what happens then.

Knows the calls of a link, and no radio. The link asks the rules about every call; the first one that fires
decides.
"""

import asyncio
import math
import random
from contextlib import suppress
from enum import Enum

from msgspec import Struct

from gattkeeper.model.fault import Fault, Ran
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.operation import Operation, Write, WriteMode, kind_of
from gattkeeper.world.firing import fires_now, must_be_possible


class LinkMoment(Enum):
    """Which call of a link a rule is about."""

    CONNECT = "connect"
    OPERATION = "operation"
    DISCONNECT = "disconnect"


class Hang(Struct, frozen=True, kw_only=True):
    """Nothing happens for so many seconds, then the call goes on; for ever unless told."""

    seconds: float = math.inf


class Stubborn(Struct, frozen=True, kw_only=True):
    """As Hang, but the stack is deaf: to cancel the call in those seconds has no effect, then or later."""

    seconds: float


class Fail(Struct, frozen=True, kw_only=True):
    """The call ends with a fault. `applied`: the device carried the operation out all the same."""

    fault: Fault
    applied: bool = False


class LoseRequest(Struct, frozen=True, kw_only=True):
    """The request never reaches the device, and the call never answers."""


class LoseResponse(Struct, frozen=True, kw_only=True):
    """The device carries the operation out, and the call never answers."""


class Pretend(Struct, frozen=True, kw_only=True):
    """The device acknowledges the operation, and does not carry it out."""


class LateRequest(Struct, frozen=True, kw_only=True):
    """The request reaches the device so many seconds later, if the connection is still up then."""

    seconds: float


class LateResponse(Struct, frozen=True, kw_only=True):
    """The device carries the operation out in time; its answer comes so many seconds later."""

    seconds: float


class LoseLink(Struct, frozen=True, kw_only=True):
    """The connection breaks, before or after the device carried the operation out.

    At CONNECT: it comes up, and is lost before the call returns. `told` is how often the owner hears of it: more
    than once breaks the promise that links make.
    """

    fault: Fault
    applied: bool = False
    told: int = 1


class Raise(Struct, frozen=True, kw_only=True):
    """The call raises what no link may: a cancellation nobody asked for, an exception that is no LinkError."""

    error: type[BaseException]
    applied: bool = False


LinkAction = (
    Hang | Stubborn | Fail | LoseRequest | LoseResponse | Pretend | LateRequest | LateResponse | LoseLink | Raise
)


class LinkMatch(Struct, frozen=True, kw_only=True):
    """What a rule is about. Times are on the running loop's clock, in seconds."""

    moment: LinkMoment
    device: str = ""  # its name; empty: any
    kind: str = ""  # as `model.operation.kind_of` gives it; empty: any
    mode: WriteMode | None = None  # of a write; None: any
    characteristic: str = ""  # UUID of what the operation is about; empty: any
    first: int = 1  # the rule starts with so many-th match
    times: int | None = None  # and fires so often; None: for ever
    probability: float = 1.0  # that it fires for a match, with the link's dice
    from_s: float = 0.0
    until_s: float = math.inf


class LinkRule:
    """A fault: when, and what. `seen` counts the matches, `fired` how often something was done.

    `name` is how the link's log calls it; that of the action unless told.

    Raises ValueError for an action that has no meaning at that moment, and for a fault that denies what was done.
    """

    def __init__(self, match: LinkMatch, action: LinkAction, *, name: str = "") -> None:
        must_be_possible(action, match.moment.value, _POSSIBLE[match.moment])
        if isinstance(action, Fail) and action.applied and action.fault.ran is not Ran.MAYBE:
            message = "a fault of an operation that was carried out says that it may have run: ran=Ran.MAYBE"
            raise ValueError(message)
        self.match = match
        self.action = action
        self.name = name or type(action).__name__
        self.seen = 0
        self.fired = 0

    def fires(
        self, moment: LinkMoment, device: str, operation: Operation | None, now: float, dice: random.Random
    ) -> bool:
        """Whether the rule is about this, and wants it to happen. Counts. An `operation` at OPERATION only."""
        match = self.match
        fits = moment is match.moment and match.device in ("", device) and _fits(match, operation)
        return fits and fires_now(self, now, dice)


def _fits(match: LinkMatch, operation: Operation | None) -> bool:
    if match.kind and (operation is None or kind_of(operation) != match.kind):
        return False
    if match.mode is not None and not (isinstance(operation, Write) and operation.mode is match.mode):
        return False
    target = getattr(operation, "target", None)
    return not match.characteristic or (target is not None and target.uuid == normal_uuid(match.characteristic))


async def be_deaf(seconds: float) -> None:
    """Let so much time pass, whoever cancels."""
    over = asyncio.get_running_loop().create_task(asyncio.sleep(seconds))
    while not over.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({over})


_POSSIBLE: dict[LinkMoment, tuple[type[LinkAction], ...]] = {
    LinkMoment.CONNECT: (Hang, Stubborn, Fail, LoseLink, Raise),
    LinkMoment.OPERATION: (Fail, LoseRequest, LoseResponse, Pretend, LateRequest, LateResponse, LoseLink, Raise),
    LinkMoment.DISCONNECT: (Hang, Stubborn, Raise),
}
