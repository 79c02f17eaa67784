"""Bumble's pairing delegate: each connection has its own, and nothing of it is left afterwards.

What a pairing asks, and what becomes of the answers, is in the link contract.
"""

import asyncio

from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Pair, Unpair
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import Panel, connected
from link_contract.bumble_bench import bumble_bench
from link_contract.checks_operation import refusal
from link_contract.checks_pairing import Person


def test_a_pairing_without_a_passkey_is_confirmed_by_the_agent():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            log.agent = person = Person(says=None)
            fault = await refusal(connection, Pair())
            assert (fault.kind, fault.name) == (FaultKind.PAIRING_FAILED, "declined")
            assert person.asked == ["confirm device"]
            await connection.disconnect()
            connection, log = await connected(bench)
            log.agent = Person()
            await connection.perform(Pair())

    run_virtual(main())


def test_an_agent_is_asked_by_its_own_pairing_only():
    async def main():
        async with bumble_bench() as bench:
            await bench.panel(Panel.SHOWS, asyncio.get_running_loop().create_future())
            connection, log = await connected(bench)
            log.agent = first = Person()
            await connection.perform(Pair())
            pairings = connection._connection.device.pairing_config_factory
            assert pairings._asked == {}
            await connection.perform(Unpair())
            await log.until_lost()
            connection, log = await connected(bench)
            assert (await refusal(connection, Pair())).kind is FaultKind.PAIRING_FAILED
            assert len(first.asked) == 1

    run_virtual(main())
