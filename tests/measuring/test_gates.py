"""What must not happen does not happen to the keeper, and does to Bumble alone: so the gates would notice."""

import pytest

from gattkeeper.world import run_virtual
from measured import gates


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (gates.strays_of_keeper, gates.strays_of_bumble),
        (gates.false_by_keeper, gates.false_by_bumble),
        (gates.spent_by_keeper, gates.spent_by_bumble),
        (gates.hung_in_keeper, gates.hung_in_bumble),
    ],
)
def test_a_gate_counts_what_happens_without_a_keeper_and_nothing_with_one(ours, theirs) -> None:
    assert (run_virtual(ours(0.0)), run_virtual(theirs(0.0))) == (0, 1)
