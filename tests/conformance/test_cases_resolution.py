"""Faults that leave open what a command did, and how a look at the device resolves it.

Knows a keeper on a simulated link, and one over Bumble with the virtual blind, in virtual time. Numbers are those of
the list of faults. What the device did is taken from its own log.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.devices.profile_file import shipped_profile
from gattkeeper.errors import LatchedError, UsageError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Command, ReadBack
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.record import Resolved
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import LinkMoment, LoseRequest, LoseResponse, VirtualBlind, VirtualRadio, run_virtual
from gattkeeper.world.radio_rules import AttOpcode, Drop, Match, Moment, Rule
from gattkeeper.world.virtual_blind import BLIND_TARGET
from runtime.house import House, write
from runtime.house import live as live_in_house
from sim.scene import COUNTER, WRITABLE

OPERATION = LinkMoment.OPERATION
TARGET = characteristic_ref(BLIND_TARGET)


def proved(payload: bytes, uuid: str = WRITABLE, **fields: object) -> Command:
    """A write that leaves its own payload, which nothing but the keeper changes."""
    proof = ReadBack(target=characteristic_ref(uuid), expected=payload, proves_absence=True)
    return write(payload, read_back=proof, attempt_timeout_us=1_000_000, **fields)


async def unlatched(keeper: Keeper) -> None:
    """Wait until nothing holds the device any more."""
    async with asyncio.timeout(20):
        while keeper.status().devices[0].latched_by:
            await asyncio.sleep(0.05)


def resolutions(house: House) -> list[tuple[str, bool, str]]:
    assert house.journal is not None
    rows = [row.record.resolution for row in house.journal.rows if isinstance(row.record, Resolved)]
    assert rows == house.watch.resolutions
    return [(one.command_id, one.applied, one.who) for one in rows]


@pytest.mark.parametrize(
    ("fault", "applied"), [(LoseResponse(), True), (LoseRequest(), False)], ids=["f01", "f02"]
)
def test_f01_and_f02_what_an_unclear_write_did_is_read_back_and_the_latch_opens(
    fault: LoseResponse | LoseRequest, *, applied: bool
) -> None:
    async def story(house: House) -> None:
        house.rule(OPERATION, fault, kind="write", times=1)
        handle = await house.keeper.submit(proved(b"1"))
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        with pytest.raises(LatchedError):
            await house.keeper.submit(write(b"2"))
        await unlatched(house.keeper)
        assert house.applied() == [b"1"] * applied
        assert resolutions(house) == [(handle.id, applied, "gattkeeper")]
        found = house.keeper.handle(handle.id)
        assert found is not None
        assert found.resolution == house.watch.resolutions[0]
        assert found.outcome == outcome, "the first verdict is never edited"
        assert (await (await house.keeper.submit(write(b"2"))).wait()).succeeded
        with pytest.raises(UsageError, match="resolved already"):
            await house.keeper.resolve(handle.id, applied=not applied, who="a person", why="looked")

    live_in_house(story, safety=True, journal=True)


def test_f01_a_look_that_fails_is_taken_again_on_the_next_connection() -> None:
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), kind="write", times=1)
        house.rule(OPERATION, LoseResponse(), kind="read", times=3)
        handle = await house.keeper.submit(proved(b"1"))
        await handle.wait()
        await asyncio.sleep(60)
        assert house.keeper.status().devices[0].latched_by == handle.id
        await house.keeper.device("lamp").read(COUNTER)
        await unlatched(house.keeper)
        assert resolutions(house) == [(handle.id, True, "gattkeeper")]

    live_in_house(story, safety=True, journal=True)


def test_a_person_who_decides_first_has_decided() -> None:
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), kind="write", times=1)
        handle = await house.keeper.submit(proved(b"1"))
        await handle.wait()
        await house.keeper.resolve(handle.id, applied=False, who="a person", why="looked")
        await asyncio.sleep(60)
        assert resolutions(house) == [(handle.id, False, "a person")]

    live_in_house(story, safety=True, journal=True)


def test_what_the_journal_cannot_take_is_not_resolved_and_the_latch_holds() -> None:
    async def story(house: House) -> None:
        assert house.journal is not None
        house.rule(OPERATION, LoseResponse(), kind="write", times=1)
        held = house.rule(OPERATION, LoseResponse(), kind="read", times=1)
        handle = await house.keeper.submit(proved(b"1"))
        await handle.wait()
        async with asyncio.timeout(10):
            while not held.fired:
                await asyncio.sleep(0.1)
        house.journal.failing = True
        await asyncio.sleep(60)
        assert resolutions(house) == []
        assert house.keeper.status().devices[0].latched_by == handle.id
        house.journal.failing = False
        await house.keeper.device("lamp").read(COUNTER)
        await unlatched(house.keeper)
        assert resolutions(house) == [(handle.id, True, "gattkeeper")]

    live_in_house(story, safety=True, journal=True)


def test_an_outcome_that_the_journal_does_not_have_is_not_resolved_before_it() -> None:
    async def story(house: House) -> None:
        assert house.journal is not None
        house.rule(OPERATION, LoseResponse(), kind="write", times=1)
        handle = await house.keeper.submit(proved(b"1"))
        await asyncio.sleep(0.5)
        house.journal.failing = True
        await handle.wait()
        await asyncio.sleep(60)
        assert resolutions(house) == []
        house.journal.failing = False
        await asyncio.sleep(2)
        await house.keeper.device("lamp").read(COUNTER)
        await unlatched(house.keeper)
        rows = [type(row.record).__name__ for row in house.journal.rows if handle.id in str(row.record)]
        assert rows.index("Ended") < rows.index("Resolved")

    live_in_house(story, safety=True, journal=True)


def on_the_air(story: Callable[[Keeper, VirtualRadio, VirtualBlind], Awaitable[None]], **blind: object) -> None:
    """A keeper over Bumble with one blind, `lounge`, that is a safety device with its shipped profile."""

    async def run() -> None:
        radio = VirtualRadio()
        lounge = VirtualBlind("lounge", "F0:00:00:00:00:01", **blind)
        rules = DeviceRules(address=lounge.device.address, safety=True)
        keeper = Keeper(
            links={"adapter": BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual")},
            book=ProfileBook([Entry(name="lounge", rules=rules, profile=shipped_profile("virtual_blind"))]),
        )
        await radio.add(lounge.device)
        await keeper.start()
        await keeper.device("lounge").connect()
        try:
            await story(keeper, radio, lounge)
        finally:
            await keeper.close()
            await radio.close()

    run_virtual(run())


def test_f01_a_tap_that_was_taken_back_too_late_is_found_to_have_moved_the_blind() -> None:
    async def story(keeper: Keeper, radio: VirtualRadio, lounge: VirtualBlind) -> None:
        radio.rules.append(
            Rule(Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1), Drop())
        )
        handle = await keeper.submit(keeper.book.act("lounge", "set_position", 73))
        async with asyncio.timeout(3):
            while lounge.target != 73:
                await asyncio.sleep(0.01)
        keeper.cancel(handle.id)
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
        await unlatched(keeper)
        assert handle.resolution is not None
        assert (handle.resolution.applied, handle.resolution.why) == (
            True,
            f"read back what was expected from {TARGET}",
        )

    on_the_air(story, position=10)


MOVE = Command(  # to 73, and not to be repeated
    device="lounge",
    operation=Write(target=TARGET, payload=b"\x49"),
    read_back=ReadBack(target=TARGET, expected=b"\x49", proves_absence=True),
    attempt_timeout_us=1_000_000,
)


@pytest.mark.parametrize(
    ("moment", "opcode", "applied"),
    [
        (Moment.FROM_DEVICE, AttOpcode.WRITE_RESPONSE, True),
        (Moment.TO_DEVICE, AttOpcode.WRITE_REQUEST, False),
    ],
    ids=["f01", "f02"],
)
def test_f01_and_f02_over_the_air(moment: Moment, opcode: AttOpcode, *, applied: bool) -> None:
    async def story(keeper: Keeper, radio: VirtualRadio, lounge: VirtualBlind) -> None:
        radio.rules.append(Rule(Match(moment=moment, opcode=opcode, times=1), Drop()))
        handle = await keeper.submit(MOVE)
        assert (await handle.wait()).verdict is Verdict.UNKNOWN
        await unlatched(keeper)
        assert (lounge.target == 73) is applied
        assert handle.resolution is not None
        assert handle.resolution.applied is applied

    on_the_air(story, position=10)


def test_f08_a_device_that_says_yes_and_does_nothing_is_found_out_by_reading_back() -> None:
    async def story(keeper: Keeper, radio: VirtualRadio, lounge: VirtualBlind) -> None:
        lounge.move_to = lambda target: None  # type: ignore[method-assign]
        assert (await (await keeper.submit(MOVE)).wait()).cause is Cause.ACKNOWLEDGED
        handle = await keeper.submit(replace(MOVE, require_read_back=True))
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
        await unlatched(keeper)
        assert handle.resolution is not None
        assert handle.resolution.applied is False
        assert handle.resolution.why == f"read back something other than what was expected from {TARGET}"

    on_the_air(story, position=10)


def test_f08_where_another_value_proves_nothing_a_person_decides() -> None:
    async def story(keeper: Keeper, radio: VirtualRadio, lounge: VirtualBlind) -> None:
        lounge.move_to = lambda target: None  # type: ignore[method-assign]
        proof = ReadBack(target=TARGET, expected=b"\x49")
        handle = await keeper.submit(replace(MOVE, read_back=proof, require_read_back=True))
        assert (await handle.wait()).verdict is Verdict.UNKNOWN
        await asyncio.sleep(60)
        assert keeper.status().devices[0].latched_by == handle.id
        await keeper.resolve(handle.id, applied=False, who="a person", why="it stands still")
        assert keeper.status().devices[0].latched_by == ""

    on_the_air(story, position=10)
