"""The refusals of a simulated link and of its devices say what helps."""

import pytest

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.world.simulated_faults import INSUFFICIENT_ENCRYPTION, INVALID_HANDLE, refused_with


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (INSUFFICIENT_ENCRYPTION, FaultKind.NEEDS_PAIRING),
        (0x05, FaultKind.NEEDS_PAIRING),
        (INVALID_HANDLE, FaultKind.REJECTED),
        (0x80, FaultKind.REJECTED),
    ],
)
def test_a_device_that_refuses_was_reached(code: int, kind: FaultKind) -> None:
    fault = refused_with(code)
    assert (fault.kind, fault.ran, fault.stack, fault.code) == (kind, Ran.REFUSED, "att", code)
