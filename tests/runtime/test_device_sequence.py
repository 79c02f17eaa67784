"""Sequences and long writes as library users hold them: through a keeper, over a simulated link and over Bumble."""

import asyncio

import pytest
from house import LOST, House, live

from gattkeeper.errors import CommandUnknownError, InvalidCommandError, UnsupportedError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Connect, Read, ReadDescriptor, Write
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, LinkTraits
from gattkeeper.world import Fail, LinkMoment, LoseLink, SimulatedLink, VirtualRadio, run_virtual
from sim.scene import COUNTER, WRITABLE, Book, device

REFUSED = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80)


def put(payload: bytes) -> Write:
    return Write(target=characteristic_ref(WRITABLE), payload=payload)


def get() -> Read:
    return Read(target=characteristic_ref(COUNTER))


def test_a_sequence_is_one_command_with_a_value_for_each_step():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        done, other = await asyncio.gather(lamp.sequence(put(b"a"), get(), put(b"b")), lamp.write(WRITABLE, b"z"))
        assert (done.verdict, done.cause, done.progress) == (Verdict.DELIVERED, Cause.ACKNOWLEDGED, 3)
        assert done.values == (None, b"\x00\x00\x00\x01", None)
        assert other.succeeded
        assert house.applied() == [b"a", b"b", b"z"]

    live(story)


def test_a_link_lost_in_the_middle_is_told_and_undone_on_the_next_connection():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LoseLink(fault=LOST), first=2, times=1)
        with pytest.raises(CommandUnknownError) as caught:
            await house.keeper.device("lamp").sequence(put(b"a"), put(b"b"), put(b"c"), undo=put(b"u"))
        assert caught.value.outcome.progress == 1
        while house.keeper.status().ended < 2:
            await asyncio.sleep(0.1)
        assert house.applied()[-1] == b"u"
        assert b"c" not in house.applied()
        outcome = house.keeper.handle(f"{caught.value.outcome.command_id}-undo").outcome
        assert outcome.verdict is Verdict.DELIVERED

    live(story, journal=True)


def test_each_step_is_in_the_journal_before_it_is_handed_over():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, Fail(fault=REFUSED), first=2, times=1)
        with pytest.raises(CommandUnknownError) as caught:
            await house.keeper.device("lamp").sequence(put(b"a"), put(b"b"))
        outcome = caught.value.outcome
        assert (outcome.cause, outcome.fault) == (Cause.PARTLY, REFUSED)
        accepted, first, second, ended = house.journal.records_of(outcome.command_id)
        assert isinstance(accepted, Accepted)
        assert [row.step for row in (first, second) if isinstance(row, Intended)] == [1, 2]
        assert isinstance(ended, Ended)

    live(story, journal=True)


def test_what_is_no_sequence_is_refused_before_anything_is_queued():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        for steps in ((), (put(b""),), (Connect(),)):
            with pytest.raises(InvalidCommandError):
                await lamp.sequence(*steps)
        with pytest.raises(InvalidCommandError, match="lease"):
            await lamp.sequence(get(), lease=0)
        assert house.keeper.status().accepted == 0

    live(story)


def test_a_step_that_the_link_cannot_do_is_refused_with_the_whole():
    async def story(house: House) -> None:
        house.link._traits = LinkTraits(operations=frozenset({"write", "read"}))
        step = ReadDescriptor(target=characteristic_ref(WRITABLE), descriptor="2901")
        with pytest.raises(UnsupportedError, match="read_descriptor"):
            await house.keeper.device("lamp").sequence(put(b"a"), step)
        assert house.applied() == []

    live(story)


def test_over_bumble_the_steps_reach_the_device_in_their_order():
    async def story() -> None:
        lamp, radio = device("lamp"), VirtualRadio()
        await radio.add(lamp)
        keeper = Keeper(
            links={"adapter": BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="adapter")},
            book=Book({"lamp": DeviceRules(address=lamp.address)}),
        )
        await keeper.start()
        done = await keeper.device("lamp").sequence(put(b"a"), get(), put(b"b"))
        assert done.values == (None, b"\x00\x00\x00\x01", None)
        await keeper.close()
        await radio.close()
        assert [one.payload for one in lamp.applied] == [b"a", b"b"]

    run_virtual(story())


@pytest.mark.parametrize("over_bumble", [False, True])
def test_a_long_write_reaches_the_device_whole_and_in_order(over_bumble):
    payload = bytes(range(256)) * 4

    async def story() -> list[bytes]:
        lamp, radio = device("lamp"), VirtualRadio()
        await radio.add(lamp)
        bumble = BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="adapter")
        keeper = Keeper(
            links={"adapter": bumble if over_bumble else SimulatedLink([lamp])},
            book=Book({"lamp": DeviceRules(address=lamp.address)}),
        )
        await keeper.start()
        lounge = keeper.device("lamp")
        att_mtu = await lounge.request_mtu(100)
        done = await lounge.long_write(WRITABLE, payload)
        with pytest.raises(InvalidCommandError, match="longer than any long write"):
            await lounge.long_write(WRITABLE, bytes(16_385))
        await keeper.close()
        await radio.close()
        chunks = [one.payload for one in lamp.applied]
        assert (done.verdict, done.progress) == (Verdict.DELIVERED, len(chunks))
        assert {len(chunk) for chunk in chunks[:-1]} == {min(att_mtu - 3, 512)}
        return chunks

    assert b"".join(run_virtual(story())) == payload
