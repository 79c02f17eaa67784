"""An adapter that does not work any more, at the keeper on a simulated link: F25, F26, F27 and what belongs to them."""

import asyncio

from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.record import Recovery
from gattkeeper.model.status import AdapterStatus, AlertKind
from gattkeeper.world import Fail, Hang, LateResponse, LinkMoment, LoseResponse
from runtime.house import House, live, now, write

MILD, HARD = Rung.STOP_DISCOVERY, Rung.POWER_CYCLE
LADDER = (Rung.DISCONNECT_DEVICE, MILD, HARD)
REFUSED = Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="test", text="no such thing here")


def adapter(house: House) -> AdapterStatus:
    return house.keeper.status().adapters[0]


def done(house: House) -> list[Rung]:
    return [rung for rung, _ in house.link.recovered]


def rows(house: House) -> list[Recovery]:
    assert house.journal is not None
    return [row.record for row in house.journal.rows if isinstance(row.record, Recovery)]


async def end_of(
    house: House, device: str = "lamp", payload: bytes = b"x", **fields: object
) -> tuple[Verdict, Cause]:
    handle = await house.keeper.submit(write(payload, device, **fields))
    outcome = await handle.wait()
    return outcome.verdict, outcome.cause


DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_f25_a_controller_that_hangs_is_reset_once_and_its_commands_wait_for_that() -> None:
    async def story(house: House) -> None:
        house.link.wedge(HARD)
        assert await end_of(house) == DELIVERED
        assert done(house) == list(LADDER)
        assert house.applied() == [b"x"]
        assert adapter(house).recovery == ""
        alerts = [(one.kind, one.raised) for one in house.watch.alerts]
        assert alerts == [(AlertKind.RECOVERY, True), (AlertKind.RECOVERY, False)]

    live(story, rungs=LADDER)


def test_f25_what_was_in_flight_when_it_hung_is_unknown_and_comes_to_its_end_first() -> None:
    async def story(house: House) -> None:
        assert await end_of(house, "door", b"warm") == DELIVERED
        house.rule(LinkMoment.OPERATION, LoseResponse(), device="door")
        flying = await house.keeper.submit(write(b"fly", "door"))
        house.link.wedge(HARD)
        assert await end_of(house) == DELIVERED
        outcome = await flying.wait()
        assert outcome.verdict is Verdict.UNKNOWN
        assert done(house) == [HARD]

    live(story, rungs=(HARD,))


def test_f26_a_reset_that_does_not_help_is_not_repeated_and_every_command_is_told() -> None:
    async def story(house: House) -> None:
        house.link.wedge()
        first = await house.keeper.submit(write(b"1", deadline_us=600_000_000))
        outcome = await first.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
        assert outcome.fault is not None
        assert "nothing that may be done about it now helped; it is tried again in 300 s" in outcome.fault.text
        assert (adapter(house).up, adapter(house).recovery) == (False, "parked")
        began = now()
        assert await end_of(house, "door") == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
        assert now() == began, "at once"
        await asyncio.sleep(3_500.0)
        assert done(house) == list(LADDER)
        kinds = [one.kind for one in house.watch.alerts if one.raised]
        assert kinds == [AlertKind.RECOVERY, AlertKind.PARKED]

    live(story, rungs=LADDER)


def test_f26_a_day_of_callers_on_a_dead_adapter_resets_it_three_times_an_hour_at_most() -> None:
    async def story(house: House) -> None:
        house.link.wedge()
        for _ in range(24 * 60):
            assert (await end_of(house))[0] is Verdict.NOT_DELIVERED
            await asyncio.sleep(60.0)
        assert 24 <= done(house).count(HARD) <= 3 * 25

    live(story, rungs=(HARD,))


def test_f27_a_reset_waits_for_the_end_of_a_command_in_flight() -> None:
    async def story(house: House) -> None:
        assert await end_of(house, "door", b"warm") == DELIVERED
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=4.5), device="door", times=1)
        house.link.wedge(HARD)
        lamp = asyncio.create_task(end_of(house))
        await asyncio.sleep(2.0)
        door = asyncio.create_task(end_of(house, "door", b"slow"))
        await asyncio.sleep(3.0)
        assert adapter(house).recovery == "power_cycle"
        assert done(house) == []
        assert await door == DELIVERED
        assert await lamp == DELIVERED
        assert done(house) == [HARD]
        assert house.applied("door") == [b"warm", b"slow"]

    live(story, rungs=(HARD,))


def test_one_devices_trouble_lets_go_of_its_link_and_never_touches_the_adapter() -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.CONNECT, Hang(), device="lamp")
        for _ in range(30):
            assert (await end_of(house))[0] is Verdict.NOT_DELIVERED
            await asyncio.sleep(10.0)
        assert house.link.recovered == [(Rung.DISCONNECT_DEVICE, "lamp")]
        assert [one for one in house.watch.alerts if one.kind is AlertKind.RECOVERY] == []

    live(story, rungs=LADDER, limits=Limits(breaker_failures_max=1_000))


def test_two_devices_out_of_reach_at_once_begin_it() -> None:
    async def story(house: House) -> None:
        fault = Fault(kind=FaultKind.NOT_FOUND, ran=Ran.NO, stack="test")
        house.rule(LinkMoment.CONNECT, Fail(fault=fault), times=6)
        ends = await asyncio.gather(end_of(house, "lamp"), end_of(house, "door"))
        assert done(house) == [MILD]
        assert DELIVERED in ends, "the last of the six waited for it"

    live(story, rungs=(MILD,))


def test_a_stop_goes_beside_a_mild_rung_and_right_after_a_reset() -> None:
    async def story(house: House) -> None:
        house.link.wedge(HARD)
        house.rule(LinkMoment.RECOVER, Hang(seconds=2.0))
        waiting = asyncio.create_task(end_of(house, survive_reconnect=True))
        while not done(house):
            await asyncio.sleep(0.1)
        assert adapter(house).recovery == "power_cycle"
        (stop,) = await house.keeper.stop("door")
        outcome = await stop.wait()
        assert outcome.verdict is Verdict.DELIVERED
        assert await waiting == DELIVERED

    live(story, rungs=(HARD,))


def test_a_parked_adapter_is_tried_again_and_works_once_it_is_well() -> None:
    async def story(house: House) -> None:
        house.link.wedge()
        assert (await end_of(house))[0] is Verdict.NOT_DELIVERED
        house.link.wedge(MILD)
        await asyncio.sleep(301.0)
        assert adapter(house).up
        assert await end_of(house) == DELIVERED
        assert done(house) == [MILD, MILD]

    live(story, rungs=(MILD,))


def test_every_rung_has_a_row_in_the_journal_and_no_command_is_the_worse_for_it() -> None:
    async def story(house: House) -> None:
        house.link.wedge(HARD)
        house.rule(LinkMoment.RECOVER, Fail(fault=REFUSED), first=2, times=1)
        assert await end_of(house) == DELIVERED
        assert [(row.adapter, row.rung, row.device, row.fault) for row in rows(house)] == [
            ("adapter", Rung.DISCONNECT_DEVICE, "lamp", None),
            ("adapter", MILD, "lamp", REFUSED),
            ("adapter", HARD, "lamp", None),
        ]
        assert [row.why for row in rows(house)] == [
            "signs of a wedged adapter, the last of lamp: wedged (simulated: the adapter answers no command)",
            "signs of a wedged adapter, the last of lamp: wedged (simulated: the adapter answers no command)",
            "stop_discovery could not be done: unsupported (test: no such thing here)",
        ]
        assert house.journal is not None
        assert house.journal.unresolved() == []

    live(story, rungs=LADDER, journal=True)


def test_a_keeper_closes_in_the_middle_of_a_rung() -> None:
    async def story(house: House) -> None:
        house.link.wedge(HARD)
        house.rule(LinkMoment.RECOVER, Hang())
        await house.keeper.submit(Command(device="lamp", operation=Connect()))
        while not done(house):
            await asyncio.sleep(0.1)

    live(story, rungs=(HARD,))


def test_where_the_settings_say_so_nothing_is_done() -> None:
    async def story(house: House) -> None:
        house.link.wedge(MILD)
        assert (await end_of(house))[0] is Verdict.NOT_DELIVERED
        assert done(house) == []

    live(story, rungs=LADDER, recovery=False)
