"""Random faults for simulations: which rules a link gets from which dice.

Knows what stacks do wrong. A fault never denies what was done: that would be a stack nobody could stand on.
"""

import asyncio
import random

from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.world import (
    Fail,
    Hang,
    LateRequest,
    LateResponse,
    LinkAction,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    LoseRequest,
    LoseResponse,
    Raise,
)


def fault(kind: FaultKind, ran: Ran, code: int | None = None) -> Fault:
    return Fault(kind=kind, ran=ran, stack="simulated", code=code)


LINK_LOST = fault(FaultKind.LINK_LOST, Ran.MAYBE, 0x08)
GENERIC = fault(FaultKind.GENERIC, Ran.MAYBE, 133)

CONNECT: tuple[LinkAction, ...] = (
    Hang(),
    Hang(seconds=1.0),
    Hang(seconds=19.9),
    Fail(fault=fault(FaultKind.TRANSIENT, Ran.NO, 0x3E)),
    Fail(fault=fault(FaultKind.GENERIC, Ran.NO, 133)),
    Fail(fault=fault(FaultKind.BUSY, Ran.NO)),
    Fail(fault=fault(FaultKind.SLOTS_FULL, Ran.NO)),
    Fail(fault=fault(FaultKind.WEDGED, Ran.NO)),
    LoseLink(fault=LINK_LOST),
    LoseLink(fault=LINK_LOST, told=2),
    Raise(error=asyncio.CancelledError),
    Raise(error=KeyError),
)

OPERATION: tuple[LinkAction, ...] = (
    LoseRequest(),
    LoseResponse(),
    LateRequest(seconds=0.4),
    LateRequest(seconds=5.3),
    LateResponse(seconds=0.4),
    LateResponse(seconds=5.2),
    Fail(fault=GENERIC),
    Fail(fault=GENERIC, applied=True),
    Fail(fault=fault(FaultKind.GENERIC, Ran.NO, 133)),
    Fail(fault=fault(FaultKind.BUSY, Ran.NO)),
    Fail(fault=fault(FaultKind.BUSY, Ran.MAYBE, 0x0E), applied=True),
    Fail(fault=fault(FaultKind.REJECTED, Ran.REFUSED, 0x80)),
    Fail(fault=fault(FaultKind.STALE, Ran.REFUSED, 0x12)),
    Fail(fault=fault(FaultKind.NEEDS_PAIRING, Ran.REFUSED, 0x05)),
    LoseLink(fault=LINK_LOST),
    LoseLink(fault=LINK_LOST, applied=True),
    LoseLink(fault=fault(FaultKind.LINK_LOST, Ran.MAYBE, 0x13), told=2),
    Raise(error=asyncio.CancelledError),
    Raise(error=asyncio.CancelledError, applied=True),
    Raise(error=EOFError, applied=True),
)

DISCONNECT: tuple[LinkAction, ...] = (Hang(), Hang(seconds=5.0), Raise(error=OSError))

_EVERYTHING = (
    *((LinkMoment.CONNECT, action) for action in CONNECT),
    *((LinkMoment.OPERATION, action) for action in OPERATION),
    *((LinkMoment.DISCONNECT, action) for action in DISCONNECT),
)


def rules_for(dice: random.Random, until_s: float) -> list[LinkRule]:
    """A random part of all that can go wrong, each with a probability of its own."""
    chosen = [one for one in _EVERYTHING if dice.random() < dice.choice((0.0, 0.2, 0.6))]
    return [
        LinkRule(LinkMatch(moment=moment, probability=dice.choice((0.01, 0.05, 0.2)), until_s=until_s), action)
        for moment, action in chosen
    ]
