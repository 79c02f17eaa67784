"""Devices in reach of several adapters, at the keeper on simulated links: the choice, failing over, coming back."""

import asyncio

import pytest

from conformance.block import Block, live, numbered
from gattkeeper.errors import SettingsError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import Hang, LinkMatch, LinkMoment, LinkRule, SimulatedLink, run_virtual
from runtime.house import now
from sim.scene import Book, device

HALL, ATTIC, SHED = "hall", "attic", "shed"
PREFERRED = {"adapter": HALL, "others": (ATTIC, SHED)}


def test_eight_devices_share_three_adapters_by_their_places() -> None:
    async def story(block: Block) -> None:
        outcomes = await block.write_all()
        assert all(outcome.succeeded for outcome in outcomes)
        used = [block.used(one.name) for one in block.devices]
        assert sorted(len(adapters) for adapters in used) == [1] * 8
        counts = [used.count([name]) for name in (HALL, ATTIC, SHED)]
        assert counts == [3, 3, 2], "the first has three places, and so on"

    live(story, HALL, ATTIC, SHED, devices=8, slots=3, linger_us=8_000_000, **PREFERRED)


def test_where_all_places_are_taken_idle_connections_make_room_and_everybody_is_served() -> None:
    async def story(block: Block) -> None:
        for _ in range(3):
            outcomes = await block.write_all()
            assert all(outcome.succeeded for outcome in outcomes)

    live(story, HALL, ATTIC, SHED, devices=8, slots=2, linger_us=8_000_000, **PREFERRED)


def test_an_adapter_goes_and_what_waits_goes_on_by_the_next_without_an_error() -> None:
    async def story(block: Block) -> None:
        for one in block.devices:
            await block.keeper.device(one.name).connect()
        handles = [
            await block.keeper.submit(numbered(one.name, number, survive_reconnect=number % 2 == 0))
            for number in range(10)
            for one in block.devices
        ]
        await asyncio.sleep(0.2)
        block.links[HALL].adapter_down()
        outcomes = [await handle.wait() for handle in handles]
        lost = [outcome for outcome in outcomes if not outcome.succeeded]
        assert len(lost) <= len(block.devices), "those in flight at most"
        assert all(outcome.verdict is Verdict.UNKNOWN for outcome in lost)
        assert all(block.used(one.name) == [HALL, ATTIC] for one in block.devices)
        assert block.told() == [(HALL, True)]
        (row,) = block.rows()
        assert (row.adapter, row.rung) == (HALL, Rung.FAIL_OVER)

    live(story, HALL, ATTIC, devices=4, linger_us=8_000_000, adapter=HALL, others=(ATTIC,))


def test_who_has_no_other_adapter_waits_as_ever() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].adapter_down()
        outcome = await block.write(deadline_us=5_000_000)
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
        assert block.used() == []

    live(story, HALL, ATTIC, adapter=HALL)


def test_when_the_first_choice_is_back_the_next_connection_goes_there_and_a_running_one_stays() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].adapter_down()
        await block.write()
        block.links[HALL].adapter_up()
        await block.write()
        assert block.used() == [ATTIC]
        assert (block.device().adapter, block.device().adapter_why) == (ATTIC, "hall is down")
        await block.idle()
        await block.write()
        assert block.used() == [ATTIC, HALL]
        assert block.told() == [(HALL, True), (HALL, False)]

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_a_wedged_adapter_hands_its_devices_over_within_seconds_and_is_recovered_meanwhile() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].wedge(Rung.POWER_CYCLE)
        began = now()
        outcomes = await block.write_all()
        assert all(outcome.succeeded for outcome in outcomes)
        assert now() - began < 10
        assert {ATTIC} in [set(block.used(one.name)) for one in block.devices]
        for _ in range(3):  # the next connections tell that the first step did not help, and the second did
            await block.idle()
            await asyncio.sleep(10)
            assert (await block.write()).succeeded
        assert [rung for rung, _ in block.links[HALL].recovered] == [Rung.STOP_DISCOVERY, Rung.POWER_CYCLE]
        assert block.used()[-1] == HALL
        assert block.adapter(HALL).recovery == ""
        assert block.told() == [], "a step takes seconds: nobody needs to know"

    live(
        story, HALL, ATTIC, devices=3, rungs=(Rung.STOP_DISCOVERY, Rung.POWER_CYCLE), adapter=HALL, others=(ATTIC,)
    )


def test_an_adapter_that_nothing_helps_is_parked_and_its_devices_fail_over_until_it_is_tried_again() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].wedge(Rung.HARD_RESET)  # which it does not have
        for _ in range(4):
            outcomes = await block.write_all()
            assert all(outcome.succeeded for outcome in outcomes)
            await block.idle()
            await asyncio.sleep(2)
        assert block.adapter(HALL).recovery == "parked"
        assert [row.rung for row in block.rows()] == [Rung.STOP_DISCOVERY, Rung.FAIL_OVER]
        assert block.told() == [(HALL, True)]
        await block.write()
        assert block.device().adapter_why == "hall is parked"
        block.links[HALL].unwedge()
        await asyncio.sleep(300)
        assert block.told() == [(HALL, True), (HALL, False)]
        await block.write()
        assert block.used()[-1] == HALL

    live(story, HALL, ATTIC, devices=3, rungs=(Rung.STOP_DISCOVERY,), adapter=HALL, others=(ATTIC,))


def test_a_device_out_of_one_adapters_reach_is_reached_by_the_other_within_one_command() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].rules.append(LinkRule(LinkMatch(moment=LinkMoment.CONNECT), Hang(seconds=float("inf"))))
        outcome = await block.write(deadline_us=60_000_000)
        assert outcome.succeeded
        assert [attempt.fault is None for attempt in outcome.attempts] == [False, True]
        await block.idle()
        began = now()
        await block.write()
        assert now() - began < 1, "it is not looked for by the first again"
        assert block.used() == [ATTIC, ATTIC]

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_the_strongest_signal_decides_and_small_changes_do_not() -> None:
    async def story(block: Block) -> None:
        hall, attic = block.links[HALL], block.links[ATTIC]
        hall.signals["1"], attic.signals["1"] = -80, -60
        await asyncio.sleep(4)
        for value in (-80, -64, -56, -63):
            hall.signals["1"] = value
            await asyncio.sleep(120)
            await block.write()
            await block.idle()
        assert block.used() == [ATTIC] * 4
        assert block.device().adapter_why.startswith("signal -")
        hall.signals["1"] = -45
        await asyncio.sleep(300)
        await block.write()
        assert block.used()[-1] == HALL

    live(story, HALL, ATTIC, listen_every_s=60)


def test_a_scan_that_somebody_asks_for_is_heard_too() -> None:
    async def story(block: Block) -> None:
        block.links[ATTIC].signals["1"] = -40
        assert [one async for one in block.keeper.scan(1, adapter=ATTIC)] != []
        await block.write()
        assert block.used() == [ATTIC]

    live(story, HALL, ATTIC)


def test_listening_goes_on_where_an_adapter_is_away_for_a_while() -> None:
    async def story(block: Block) -> None:
        block.links[ATTIC].signals["1"] = -40
        block.links[HALL].adapter_down()
        await asyncio.sleep(100)
        block.links[HALL].adapter_up()
        block.links[HALL].signals["1"] = -20
        await asyncio.sleep(200)
        await block.write()
        assert block.used() == [HALL]

    live(story, HALL, ATTIC, listen_every_s=60)


def test_a_bonded_device_uses_the_adapter_that_has_its_keys_and_says_so() -> None:
    async def story(block: Block) -> None:
        assert block.device().adapter_why == "its bond is there"
        await block.write()
        block.links[ATTIC].adapter_down()
        outcome = await block.write(deadline_us=5_000_000)
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
        assert "1 is bonded with attic alone" in str(outcome.fault)
        assert block.used() == [ATTIC]

    class Bonded(Block):
        def __init__(self, *adapters: str, **settings: object) -> None:
            super().__init__(*adapters, **settings)
            self.links[ATTIC].paired.add("1")

    async def run() -> None:
        block = Bonded(HALL, ATTIC, adapter=HALL, others=(ATTIC,))
        await block.keeper.start()
        await story(block)
        await block.keeper.close()

    run_virtual(run())


def test_who_pairs_on_one_adapter_stays_with_it() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].adapter_down()
        await block.keeper.device("1").pair()
        block.links[HALL].adapter_up()
        await block.idle()
        await block.write()
        assert block.used() == [ATTIC, ATTIC]

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_a_device_that_pairs_by_itself_stays_with_the_adapter_it_did_that_with() -> None:
    async def story(block: Block) -> None:
        attic = block.links[ATTIC]
        block.links[HALL].adapter_down()
        await block.write()
        attic.pair("1", under_way=True)
        attic.pair("1", under_way=False)
        block.links[HALL].adapter_up()
        await block.idle()
        await block.write()
        assert block.used() == [ATTIC, ATTIC]
        assert block.device().adapter_why == "its bond is there"

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_a_stop_goes_by_the_adapter_that_works() -> None:
    async def story(block: Block) -> None:
        block.links[HALL].adapter_down()
        began = now()
        (handle,) = await block.keeper.stop("1")
        outcome = await handle.wait()
        assert outcome.succeeded
        assert now() - began < 1
        assert block.used() == [ATTIC]

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_subscriptions_go_on_by_the_other_adapter() -> None:
    async def story(block: Block) -> None:
        async with block.keeper.device("1").subscribe("fe53") as notifications:
            block.links[HALL].adapter_down()
            await asyncio.sleep(5)
            one = block.devices[0]
            one.notify(one.characteristic("fe53"), b"news")
            assert await anext(aiter(notifications)) == b"news"
        assert block.used() == [HALL, ATTIC]

    live(story, HALL, ATTIC, adapter=HALL, others=(ATTIC,))


def test_adapters_that_come_and_go_all_day_lose_nothing_that_waits() -> None:
    async def story(block: Block) -> None:
        async def trouble() -> None:
            for turn in range(60):
                link = block.links[(HALL, ATTIC, SHED)[turn % 3]]
                link.adapter_down()
                await asyncio.sleep(7)
                link.adapter_up()
                await asyncio.sleep(3)

        going = asyncio.create_task(trouble())
        verdicts = []
        while not going.done():
            outcomes = await block.write_all(idempotent=True, survive_reconnect=True)
            verdicts += [outcome.verdict for outcome in outcomes]
            await asyncio.sleep(0.5)
        await going
        assert set(verdicts) == {Verdict.DELIVERED}
        assert len(verdicts) > 1_000

    live(story, HALL, ATTIC, SHED, devices=8, slots=4, **PREFERRED)


def test_two_adapters_with_one_address_are_refused_and_let_go_of() -> None:
    async def run() -> None:
        lamp = device("lamp", 1)
        address = "00:1A:7D:DA:71:13"
        keeper = Keeper(
            links={name: SimulatedLink([lamp], name=address) for name in (HALL, ATTIC)},
            book=Book({"lamp": DeviceRules(address=lamp.address)}),
        )
        with pytest.raises(SettingsError, match="adapters hall and attic have one address, 00:1A:7D:DA:71:13"):
            await keeper.start()
        assert keeper._open == []

    run_virtual(run())


def test_adapters_that_nobody_has_are_named() -> None:
    async def run() -> None:
        lamp = device("lamp", 1)
        rules = DeviceRules(address=lamp.address, adapter=HALL, others=("cellar",))
        keeper = Keeper(links={HALL: SimulatedLink([lamp], name=HALL)}, book=Book({"lamp": rules}))
        with pytest.raises(SettingsError, match="no adapter 'cellar': there is hall"):
            await keeper.start()
        await keeper.close()

    run_virtual(run())
