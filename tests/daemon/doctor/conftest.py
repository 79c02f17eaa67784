"""The scenery, and the scripted BlueZ, for the tests of the doctor."""

import pytest
from scenery import Scenery

from fake_bluez.fixtures import bluez, device, system_bus

__all__ = ["bluez", "device", "scenery", "system_bus"]


@pytest.fixture
def scenery(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return Scenery(root)
