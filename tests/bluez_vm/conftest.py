"""The guest that the cases of this folder share: one boot for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bluez_vm.guests import booted
from bluez_vm.machine import Machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker: there they share a guest."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("bluez_vm"))


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    yield from booted()
