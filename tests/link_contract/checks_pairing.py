"""The link contract for pairing with a person: who is asked what, and what becomes of the answer.

Knows benches and ports only.
"""

import asyncio

from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Pair, Read
from link_contract.bench import LIMIT_S, PASSKEY, VALUE, LinkBench, Panel, connected, need
from link_contract.checks_operation import at, refusal


class Person:
    """A `PairingAgent`: reads the device's panel and types on it, as told."""

    def __init__(self, says: int | None = PASSKEY) -> None:
        self.asked: list[str] = []
        self.shown: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.thinks = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.interrupted = asyncio.Event()
        self._says = says

    async def display_passkey(self, device: str, passkey: int) -> None:
        await self._hear(f"display to {device}")
        self.shown.set_result(passkey)

    async def request_passkey(self, device: str) -> int | None:
        await self._hear(f"request of {device}")
        return self._says

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        await self._hear(f"compare with {device}")
        return 0 <= passkey <= 999_999 and self._says is not None

    async def confirm(self, device: str) -> bool:
        await self._hear(f"confirm {device}")
        return self._says is not None

    async def _hear(self, question: str) -> None:
        self.asked.append(question)
        self.thinks.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.interrupted.set()
            raise


async def _paired(bench: LinkBench, panel: Panel, asked: str) -> None:
    person = Person()
    need(bench, "panel")
    await bench.panel(panel, person.shown)
    connection, log = await connected(bench)
    log.agent = person
    async with asyncio.timeout(LIMIT_S):
        await connection.perform(Pair())
    assert person.asked == [asked]
    assert await connection.perform(Read(target=at(VALUE))) == b"first"
    await connection.perform(Pair())
    assert person.asked == [asked], "the bond is kept: nobody is asked again"


async def check_a_passkey_that_the_device_shows_is_asked_for(bench: LinkBench) -> None:
    await _paired(bench, Panel.SHOWS, "request of device")


async def check_a_passkey_that_is_typed_on_the_device_is_shown(bench: LinkBench) -> None:
    await _paired(bench, Panel.TYPES, "display to device")


async def check_a_number_that_both_show_is_compared(bench: LinkBench) -> None:
    await _paired(bench, Panel.COMPARES, "compare with device")


async def _refused(bench: LinkBench, panel: Panel, person: Person | None, *said: str) -> None:
    need(bench, "panel")
    await bench.panel(panel, asyncio.get_running_loop().create_future())
    connection, log = await connected(bench)
    log.agent = person
    fault = await refusal(connection, Pair())
    assert fault.kind is FaultKind.PAIRING_FAILED
    assert [each for each in said if each not in fault.text] == []
    assert str(PASSKEY) not in repr(fault)


async def check_a_wrong_passkey_pairs_nothing_and_says_so(bench: LinkBench) -> None:
    await _refused(bench, Panel.SHOWS, Person(says=PASSKEY + 1), "perhaps the passkey was wrong")


async def check_a_passkey_that_nobody_gives_pairs_nothing(bench: LinkBench) -> None:
    await _refused(bench, Panel.SHOWS, Person(says=None), "declined here")


async def check_numbers_that_differ_pair_nothing(bench: LinkBench) -> None:
    await _refused(bench, Panel.COMPARES, Person(says=None), "declined here")


async def check_a_device_that_wants_a_passkey_is_not_paired_where_nobody_is_asked(bench: LinkBench) -> None:
    await _refused(bench, Panel.SHOWS, None, "pair it where a person can be asked")


async def check_a_pairing_that_is_given_up_interrupts_the_question(bench: LinkBench) -> None:
    person = Person()
    person.may_answer.clear()
    need(bench, "panel")
    await bench.panel(Panel.SHOWS, person.shown)
    connection, log = await connected(bench)
    log.agent = person
    pairing = asyncio.create_task(connection.perform(Pair()))
    async with asyncio.timeout(LIMIT_S):
        await person.thinks.wait()
        pairing.cancel()
        await asyncio.wait((pairing,))
        await person.interrupted.wait()
    assert pairing.cancelled()


async def check_a_link_that_is_lost_meanwhile_interrupts_the_question(bench: LinkBench) -> None:
    person = Person()
    person.may_answer.clear()
    need(bench, "panel")
    await bench.panel(Panel.SHOWS, person.shown)
    connection, log = await connected(bench)
    log.agent = person
    pairing = asyncio.create_task(refusal(connection, Pair()))
    async with asyncio.timeout(LIMIT_S):
        await person.thinks.wait()
        await bench.lose_link()
        assert (await pairing).kind is FaultKind.LINK_LOST
        await person.interrupted.wait()
