"""A guest for tests, or the measured reason why there is none."""

from collections.abc import Iterator

import pytest

from bluez_vm.machine import GuestTooSlowError, Machine, missing, running_machine


def booted() -> Iterator[Machine]:
    """A guest of its own, to be used as a fixture. Skips where there can be none."""
    if reason := missing():
        pytest.skip(reason)
    try:
        with running_machine() as machine:
            yield machine
    except GuestTooSlowError as error:
        pytest.skip(str(error).partition("\n")[0])
