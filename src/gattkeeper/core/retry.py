"""Again, and when? One table from the kind of a fault to what follows.

Knows nothing of commands in particular: whether a command *may* be repeated (idempotent, or certainly
not run) is asked before this table is.
"""

from enum import Enum

from msgspec import Struct

from gattkeeper.model.fault import FaultKind

MS = 1_000
S = 1_000_000


class Reaction(Enum):
    """What a fault asks for."""

    RETRY = "retry"  # on the same connection
    RECONNECT = "reconnect"  # on a fresh one, with its services discovered anew
    PAIR = "pair"  # pair, then retry at once
    GIVE_UP = "give_up"


class RetryDecision(Struct, frozen=True, kw_only=True):
    """The reaction, and how long to wait first."""

    reaction: Reaction
    backoff_us: int = 0


class Row(Struct, frozen=True, kw_only=True):
    """One kind's row: what to do the first time, the second, … `endless` repeats the last."""

    steps: tuple[tuple[Reaction, int], ...] = ()
    endless: bool = False
    spread: float = 0.25  # the back-off is varied by this part of it, up and down


_RETRY, _RECONNECT = Reaction.RETRY, Reaction.RECONNECT

TABLE: dict[FaultKind, Row] = {
    # someone else is at it: wait, inside the deadline, and do not march in step with them
    FaultKind.BUSY: Row(
        steps=((_RETRY, 500 * MS), (_RETRY, 1 * S), (_RETRY, 2 * S), (_RETRY, 4 * S)), endless=True, spread=0.5
    ),
    FaultKind.SLOTS_FULL: Row(steps=((_RETRY, 4 * S),), endless=True),
    FaultKind.TRANSIENT: Row(steps=((_RETRY, 250 * MS), (_RETRY, 500 * MS), (_RETRY, 1 * S), (_RETRY, 1 * S))),
    # Android's 133: once more as it is, then on a fresh connection
    FaultKind.GENERIC: Row(steps=((_RETRY, 200 * MS), (_RECONNECT, 200 * MS))),
    FaultKind.LINK_LOST: Row(steps=((_RECONNECT, 250 * MS), (_RECONNECT, 500 * MS), (_RECONNECT, 1 * S))),
    FaultKind.NOT_FOUND: Row(steps=((_RETRY, 1 * S), (_RETRY, 1 * S))),
    FaultKind.TIMED_OUT: Row(steps=((_RETRY, 100 * MS), (_RETRY, 100 * MS))),
    FaultKind.STALE: Row(steps=((_RECONNECT, 0),)),
    FaultKind.NEEDS_PAIRING: Row(steps=((Reaction.PAIR, 0),)),
    FaultKind.ADAPTER_GONE: Row(
        steps=((_RECONNECT, 1 * S), (_RECONNECT, 2 * S), (_RECONNECT, 4 * S), (_RECONNECT, 8 * S)), endless=True
    ),
    FaultKind.STACK_GONE: Row(
        steps=((_RECONNECT, 1 * S), (_RECONNECT, 2 * S), (_RECONNECT, 4 * S), (_RECONNECT, 8 * S)), endless=True
    ),
    FaultKind.WEDGED: Row(steps=((_RECONNECT, 1 * S), (_RECONNECT, 2 * S))),
    FaultKind.UNLISTED: Row(steps=((_RETRY, 100 * MS),)),
    # a whole connect time-out means out of reach; the rest will say no again
    FaultKind.UNREACHABLE: Row(),
    FaultKind.PAIRING_FAILED: Row(),
    FaultKind.INSUFFICIENT_SECURITY: Row(),
    FaultKind.AMBIGUOUS: Row(),
    FaultKind.REJECTED: Row(),
    FaultKind.UNSUPPORTED: Row(),
    FaultKind.CANCELLED: Row(),
    FaultKind.JOURNAL: Row(),
}


def decide(kind: FaultKind, *, nth: int, jitter: float) -> RetryDecision:
    """What follows the `nth` fault of this kind (1 for the first) of one command or connection.

    `jitter` runs from 0 to 1; 0.5 gives the table's back-off unchanged.
    """
    row = TABLE[kind]
    index = nth - 1
    if index >= len(row.steps):
        if not row.endless:
            return RetryDecision(reaction=Reaction.GIVE_UP)
        index = len(row.steps) - 1
    reaction, backoff_us = row.steps[index]
    varied = int(backoff_us * (1 + row.spread * (2 * jitter - 1)))
    return RetryDecision(reaction=reaction, backoff_us=varied)
