"""Submitting while the caller goes away, with a real keeper on a fake link."""

import asyncio

import pytest

from fronts.keeper_bench import ADDRESSES, bench
from gattkeeper.fronts.commands import Options, write_command
from gattkeeper.model.command import Origin
from gattkeeper.model.gatt import characteristic_ref

pytestmark = pytest.mark.asyncio

WRITE = write_command("lounge", characteristic_ref("fe51"), b"\x01", Options())


async def test_a_caller_that_vanishes_while_it_submits_tears_nothing(tmp_path):
    async with bench(tmp_path) as b:
        submitting = asyncio.ensure_future(b.service.submissions.submit(WRITE))
        await asyncio.sleep(0)
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        await b.service.submissions.drain()
        [known] = b.timeline.newest(9)
        assert (await b.keeper.handle(known.command.id).wait()).succeeded


async def test_a_command_is_handed_over_in_the_moment_in_which_that_is_asked(tmp_path):
    async with bench(tmp_path) as b:
        handle = b.service.submissions.begin(WRITE)
        [known] = b.timeline.newest(9)
        assert known.command.id == handle.id
        assert (await handle.wait()).succeeded


async def test_a_stop_is_handed_over_with_its_origin(tmp_path):
    async with bench(tmp_path) as b:
        [handle] = await b.service.submissions.stop("lounge", latch=False, origin=Origin(front="cli"))
        assert (await handle.wait()).succeeded
        assert handle.command.origin.front == "cli"


async def test_a_fan_out_is_handed_over_whole_although_its_caller_vanishes(tmp_path):
    async with bench(tmp_path) as b:
        commands = [write_command(name, characteristic_ref("fe51"), b"\x01", Options()) for name in ADDRESSES]
        submitting = asyncio.ensure_future(b.service.submissions.fanout(commands, 5.0))
        await asyncio.sleep(0)
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        await b.service.submissions.drain()
        handles = [b.keeper.handle(known.command.id) for known in b.timeline.newest(9)]
        assert [(await handle.wait()).succeeded for handle in handles] == [True, True]
