"""An attempt lets time pass, and ends at once when it is ended from outside."""

import asyncio
import math

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Ran
from gattkeeper.world import run_virtual
from gattkeeper.world.simulated_attempt import Attempt
from gattkeeper.world.simulated_faults import LOCAL_HOST_TERMINATED


def test_it_lets_time_pass() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        await Attempt(device="lamp", gone=loop.create_future()).wait(5)
        assert loop.time() == pytest.approx(5)

    run_virtual(main())


def test_what_ends_it_from_outside_has_not_reached_the_device() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        attempt = Attempt(device="lamp", gone=loop.create_future())
        loop.call_later(3, attempt.gone.set_result, LOCAL_HOST_TERMINATED)
        with pytest.raises(LinkError) as raised:
            await attempt.wait(math.inf)
        assert raised.value.fault.ran is Ran.NO
        assert loop.time() == pytest.approx(3)

    run_virtual(main())
