"""Each status of Android means what its row says, by the callback it came in."""

import pytest

from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault, android_lost_fault
from gattkeeper.model.fault import FaultKind, Ran

NO, REFUSED, MAYBE = Ran.NO, Ran.REFUSED, Ran.MAYBE

CONNECTION = [
    (0, "link_lost", "link_lost"),
    (1, "transient", "link_lost"),
    (5, "pairing_failed", "pairing_failed"),
    (6, "pairing_failed", "pairing_failed"),
    (8, "link_lost", "link_lost"),
    (13, "slots_full", "link_lost"),
    (14, "pairing_failed", "pairing_failed"),
    (15, "rejected", "link_lost"),
    (19, "link_lost", "link_lost"),
    (22, "link_lost", "link_lost"),
    (34, "link_lost", "link_lost"),
    (41, "pairing_failed", "pairing_failed"),
    (58, "busy", "link_lost"),
    (59, "rejected", "link_lost"),
    (62, "transient", "link_lost"),
    (128, "slots_full", "link_lost"),
    (129, "generic", "link_lost"),
    (133, "generic", "link_lost"),
    (137, "needs_pairing", "needs_pairing"),
    (142, "needs_pairing", "needs_pairing"),
    (147, "transient", "link_lost"),
    (256, "transient", "link_lost"),
    (257, "slots_full", "link_lost"),
    (999, "unlisted", "link_lost"),
]

OPERATION = [
    (1, "stale", REFUSED),
    (5, "needs_pairing", REFUSED),
    (6, "rejected", REFUSED),
    (8, "rejected", REFUSED),
    (13, "rejected", REFUSED),
    (14, "busy", MAYBE),
    (15, "needs_pairing", REFUSED),
    (19, "rejected", REFUSED),
    (22, "unlisted", MAYBE),
    (128, "slots_full", NO),
    (129, "generic", MAYBE),
    (130, "transient", MAYBE),
    (131, "slots_full", NO),
    (132, "busy", NO),
    (133, "generic", MAYBE),
    (134, "busy", NO),
    (135, "rejected", NO),
    (136, "busy", NO),
    (137, "needs_pairing", REFUSED),
    (138, "transient", MAYBE),
    (139, "rejected", NO),
    (140, "transient", MAYBE),
    (141, "needs_pairing", REFUSED),
    (142, "needs_pairing", REFUSED),
    (143, "transient", MAYBE),
    (144, "rejected", NO),
    (145, "busy", NO),
    (146, "transient", MAYBE),
    (147, "rejected", REFUSED),  # the device's own application error 0x93
    (253, "rejected", REFUSED),
    (254, "busy", REFUSED),
    (255, "rejected", REFUSED),
    (999, "unlisted", MAYBE),
]


@pytest.mark.parametrize(("status", "never_up", "was_up"), CONNECTION)
def test_row_of_a_connection(status: int, never_up: str, was_up: str) -> None:
    failed, lost = android_connect_fault(status), android_lost_fault(status)
    assert (failed.kind, failed.ran) == (FaultKind(never_up), Ran.NO)
    assert (lost.kind, lost.ran) == (FaultKind(was_up), Ran.MAYBE)
    for fault in (failed, lost):
        assert (fault.stack, fault.code) == ("android", status)
    assert failed.name == lost.name


@pytest.mark.parametrize(("status", "kind", "ran"), OPERATION)
def test_row_of_an_operation(status: int, kind: str, ran: Ran) -> None:
    fault = android_fault(status)
    assert (fault.kind, fault.ran, fault.stack, fault.code) == (FaultKind(kind), ran, "android", status)


def test_every_number_of_the_stacks_own_has_its_row_here() -> None:
    own = range(128, 147)
    assert set(own) <= {status for status, _, _ in OPERATION}
    assert all(android_fault(status).name for status in own)
