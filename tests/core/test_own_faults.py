"""The faults that the core itself finds."""

from gattkeeper.core import own_faults
from gattkeeper.model.fault import Fault, Ran

ALL = [one for one in vars(own_faults).values() if isinstance(one, Fault)]


def test_they_say_that_they_are_ours_and_can_be_told_apart() -> None:
    assert {one.stack for one in ALL} == {"keeper"}
    assert len({one.name for one in ALL}) == len(ALL) >= 5


def test_what_never_reached_a_device_does_not_sow_doubt() -> None:
    assert {one.name for one in ALL if one.ran is Ran.NO} == {
        "link_stalled",
        "connect_timeout",
        "table_changed",
        "address_changes",
        "device_removed",
        "stopped",
        "lease_closed",
        "lease_silent",
        "lease_too_long",
        "leases_full",
        "lease_over",
        "place_taken",
        "reconnect",
        "closing",
    }
