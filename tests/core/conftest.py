"""What many tests of the core begin with."""

import pytest

from core.drive import Drive


@pytest.fixture
def warm() -> Drive:
    """A core with one device that is connected."""
    drive = Drive()
    drive.warm()
    return drive
