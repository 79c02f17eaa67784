"""The guest that the cases of this folder share: one boot for all of them."""

from collections.abc import Iterator

import pytest

from bluez_vm.guests import booted
from bluez_vm.machine import Machine


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    yield from booted()
