"""Every row of the retry table: what the first, the second and the last fault of a kind lead to."""

import pytest

from core.drive import MS, S
from gattkeeper.core.retry import TABLE, Reaction, decide
from gattkeeper.model.fault import FaultKind

R, C, P, G = Reaction.RETRY, Reaction.RECONNECT, Reaction.PAIR, Reaction.GIVE_UP

WANTED: dict[FaultKind, list[tuple[Reaction, int]]] = {
    FaultKind.BUSY: [(R, 500 * MS), (R, 1 * S), (R, 2 * S), (R, 4 * S), (R, 4 * S), (R, 4 * S)],
    FaultKind.SLOTS_FULL: [(R, 4 * S), (R, 4 * S)],
    FaultKind.TRANSIENT: [(R, 250 * MS), (R, 500 * MS), (R, 1 * S), (R, 1 * S), (G, 0)],
    FaultKind.GENERIC: [(R, 200 * MS), (C, 200 * MS), (G, 0)],
    FaultKind.LINK_LOST: [(C, 250 * MS), (C, 500 * MS), (C, 1 * S), (G, 0)],
    FaultKind.NOT_FOUND: [(R, 1 * S), (R, 1 * S), (G, 0)],
    FaultKind.TIMED_OUT: [(R, 100 * MS), (R, 100 * MS), (G, 0)],
    FaultKind.STALE: [(C, 0), (G, 0)],
    FaultKind.NEEDS_PAIRING: [(P, 0), (G, 0)],
    FaultKind.ADAPTER_GONE: [(C, 1 * S), (C, 2 * S), (C, 4 * S), (C, 8 * S), (C, 8 * S)],
    FaultKind.STACK_GONE: [(C, 1 * S), (C, 2 * S), (C, 4 * S), (C, 8 * S), (C, 8 * S)],
    FaultKind.WEDGED: [(C, 1 * S), (C, 2 * S), (G, 0)],
    FaultKind.UNLISTED: [(R, 100 * MS), (G, 0)],
    FaultKind.UNREACHABLE: [(G, 0)],
    FaultKind.PAIRING_FAILED: [(G, 0)],
    FaultKind.INSUFFICIENT_SECURITY: [(G, 0)],
    FaultKind.AMBIGUOUS: [(G, 0)],
    FaultKind.REJECTED: [(G, 0)],
    FaultKind.UNSUPPORTED: [(G, 0)],
    FaultKind.CANCELLED: [(G, 0)],
    FaultKind.JOURNAL: [(G, 0)],
}


@pytest.mark.parametrize("kind", FaultKind, ids=lambda kind: kind.value)
def test_c74_each_kind_of_fault_leads_where_its_row_says(kind: FaultKind) -> None:
    decisions = [decide(kind, nth=nth, jitter=0.5) for nth in range(1, len(WANTED[kind]) + 1)]
    assert [(one.reaction, one.backoff_us) for one in decisions] == WANTED[kind]


@pytest.mark.parametrize("kind", FaultKind, ids=lambda kind: kind.value)
def test_the_dice_vary_a_back_off_within_its_spread(kind: FaultKind) -> None:
    middle, low, high = (decide(kind, nth=1, jitter=jitter).backoff_us for jitter in (0.5, 0.0, 1.0))
    assert low == round(middle * (1 - TABLE[kind].spread))
    assert high == round(middle * (1 + TABLE[kind].spread))
