"""What a link does wrong, by number and step: a table, and the rules that dice take from it.

Knows what stacks and devices do wrong to a call. A fault never denies what was done: that would be a stack nobody
could stand on.
"""

import asyncio
import random

from msgspec import Struct

from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.links.fault_tables.hci import hci_fault, hci_lost_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import WriteMode
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
    Pretend,
    Raise,
    Stubborn,
)
from sim.scene import LONG

TIMED_OUT, ENDED_BY_DEVICE, ENDED_HERE = (0x08,), (0x13, 0x14, 0x15), (0x16, 0x22, 0x3D, 0x3E)
"""HCI reasons for the end of a connection."""

ATT_CODES = (*range(0x01, 0x14), *range(0x80, 0xA0), *range(0xFC, 0x100))
"""ATT error codes that mean something."""

FAILED_TO_BE_ESTABLISHED, CONNECTION_LIMIT, KEY_MISSING = 0x3E, 0x09, 0x06
UNLIKELY_ERROR, INSUFFICIENT_AUTHENTICATION, OUT_OF_SYNC = 0x0E, 0x05, 0x12

BUSY = Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="simulated", name="in_progress")
WEDGED = Fault(kind=FaultKind.WEDGED, ran=Ran.NO, stack="simulated", name="wedged")
GENERIC = Fault(kind=FaultKind.GENERIC, ran=Ran.MAYBE, stack="simulated", code=133)

CONNECT = ({"moment": LinkMoment.CONNECT},)
DISCONNECT = ({"moment": LinkMoment.DISCONNECT},)
RECOVER = ({"moment": LinkMoment.RECOVER},)
WRITE = {"moment": LinkMoment.OPERATION, "kind": "write", "mode": WriteMode.WITH_RESPONSE}
COMMAND = {"moment": LinkMoment.OPERATION, "mode": WriteMode.WITHOUT_RESPONSE}
LONG_WRITE = {"moment": LinkMoment.OPERATION, "characteristic": LONG}
PAIR = {"moment": LinkMoment.OPERATION, "kind": "pair"}
OTHERS = tuple(
    {"moment": LinkMoment.OPERATION, "kind": kind}
    for kind in (
        "subscribe",
        "unsubscribe",
        "request_mtu",
        "discover_services",
        "read_rssi",
        "read_phy",
        "set_phy",
        "request_connection_parameters",
    )
)
READ = {"moment": LinkMoment.OPERATION, "kind": "read"}
ANSWERED = (WRITE, WRITE, READ, PAIR, *OTHERS)
OPERATION = (*ANSWERED, COMMAND)
"""Steps at which something may happen, as the fields of a match."""


class LinkFault(Struct, frozen=True):
    """One number at some of its steps, and the actions one of which is taken."""

    number: str
    steps: tuple[dict[str, object], ...]
    actions: tuple[LinkAction, ...]


def _lost(*codes: int) -> tuple[LinkAction, ...]:
    faults = [hci_lost_fault(code) for code in codes]
    return (
        *(LoseLink(fault=fault) for fault in faults),
        *(LoseLink(fault=fault, applied=True) for fault in faults),
    )


LINK_FAULTS = (
    LinkFault("F1", ANSWERED, (LoseResponse(),)),
    LinkFault("F2", ANSWERED, (LoseRequest(),)),
    LinkFault(
        "F3",
        ANSWERED,
        (LateRequest(seconds=0.4), LateRequest(seconds=5.3), LateResponse(seconds=0.4), LateResponse(seconds=5.2)),
    ),
    LinkFault(
        "F7",
        ANSWERED,
        (
            *(Fail(fault=att_fault(code)) for code in ATT_CODES),
            Fail(fault=att_fault(UNLIKELY_ERROR), applied=True),
            Fail(fault=GENERIC),
            Fail(fault=GENERIC, applied=True),
        ),
    ),
    LinkFault("F8", (WRITE,), (Pretend(),)),
    LinkFault("F14", (COMMAND,), (LoseRequest(),)),
    LinkFault(
        "F15",
        (LONG_WRITE,),
        (LoseRequest(), LoseResponse(), Fail(fault=GENERIC), Fail(fault=GENERIC, applied=True), *_lost(0x08)),
    ),
    LinkFault("F19", (WRITE, READ, *OTHERS[:2]), (Fail(fault=att_fault(OUT_OF_SYNC)),)),
    LinkFault("F20", OPERATION, _lost(*TIMED_OUT)),
    LinkFault("F20", CONNECT, (LoseLink(fault=hci_lost_fault(TIMED_OUT[0])),)),
    LinkFault("F21", OPERATION, _lost(*ENDED_BY_DEVICE)),
    LinkFault("F21", CONNECT, tuple(LoseLink(fault=hci_lost_fault(code)) for code in ENDED_BY_DEVICE)),
    LinkFault("F22", OPERATION, _lost(*ENDED_HERE)),
    LinkFault("F22", CONNECT, (Fail(fault=hci_fault(FAILED_TO_BE_ESTABLISHED)),)),
    LinkFault(
        "F23",
        CONNECT,
        (
            Hang(),
            Hang(seconds=1.0),
            Hang(seconds=19.9),
            Stubborn(seconds=3.0),
            Stubborn(
                seconds=9.0
            ),  # a stack that is deaf for longer than the keeper waits has two attempts at once
            Fail(fault=hci_fault(CONNECTION_LIMIT)),
            Fail(fault=WEDGED),
            Fail(fault=Fault(kind=FaultKind.GENERIC, ran=Ran.NO, stack="simulated", code=133)),
        ),
    ),
    LinkFault("F26", RECOVER, (Fail(fault=WEDGED), Hang(), Hang(seconds=3.0), Raise(error=OSError))),
    LinkFault("F34", DISCONNECT, (Hang(), Hang(seconds=5.0), Stubborn(seconds=5.0), Stubborn(seconds=20.0))),
    LinkFault("F35", (*CONNECT, *OPERATION), (Fail(fault=BUSY),)),
    LinkFault("F36", OPERATION, tuple(Raise(error=error) for error in (asyncio.CancelledError, KeyError))),
    LinkFault("F36", OPERATION, (Raise(error=asyncio.CancelledError, applied=True),)),
    LinkFault("F36", CONNECT, tuple(Raise(error=error) for error in (asyncio.CancelledError, KeyError))),
    LinkFault("F36", DISCONNECT, (Raise(error=OSError),)),
    LinkFault("F37", OPERATION, (LoseLink(fault=hci_lost_fault(0x08), told=2),)),
    LinkFault("F37", CONNECT, (LoseLink(fault=hci_lost_fault(0x08), told=2),)),
    LinkFault("F43", (PAIR,), (Fail(fault=hci_fault(KEY_MISSING)),)),
    LinkFault("F45", (WRITE, READ, *OTHERS[:2]), (Fail(fault=att_fault(INSUFFICIENT_AUTHENTICATION)),)),
    LinkFault("F45", (PAIR,), (LoseResponse(),)),
)


def rules_for(dice: random.Random, until_s: float) -> list[LinkRule]:
    """A random part of all that can go wrong, at random steps, each with a probability of its own."""
    share = dice.choice((0.15, 0.4, 0.7))
    rules = []
    for fault in LINK_FAULTS:
        if dice.random() >= share:
            continue
        for step in dice.sample(fault.steps, k=dice.randint(1, min(3, len(fault.steps)))):
            often = dice.choice((0.03, 0.1, 0.3))
            match = LinkMatch(probability=often, until_s=until_s, **step)
            rules.append(LinkRule(match, dice.choice(fault.actions), name=fault.number))
    dice.shuffle(rules)
    return rules
