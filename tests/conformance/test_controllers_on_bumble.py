"""Controllers that hang, on a complete stack: a keeper over Bumble, in virtual time. What they hold up is bounded.

What the link itself says of each stands in tests/links; here is what becomes of the commands.
"""

import asyncio

from bumble import hci
from bumble.controller import Controller

from conformance.air import ADAPTER, Air, live
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.radio_rules import AttOpcode, Match, Moment, Rule, SilenceAdapter
from runtime.house import write
from sim.scene import COUNTER

HUNG_S = 75.0
"""Within so long a controller that answers nothing is found out by three commands of 10 s each, and was reset."""


def controller_of(air: Air) -> CorrectedController:
    return air.radio._adapters[ADAPTER]


async def up_again(air: Air) -> float:
    """How long until the adapter was away and is back."""
    clock = asyncio.get_running_loop().time
    started_at = clock()
    for wanted in (False, True):
        async with asyncio.timeout(HUNG_S):
            while air.keeper.status().adapters[0].up is not wanted:
                await asyncio.sleep(0.1)
    return clock() - started_at


def read(device: str, deadline_s: float) -> Command:
    operation = Read(target=characteristic_ref(COUNTER))
    return Command(device=device, operation=operation, deadline_us=round(deadline_s * 1_000_000))


def test_a_controller_that_answers_nothing_is_given_up_reset_and_used_again() -> None:
    async def story(air: Air) -> None:
        await air.connected("lamp")
        match = Match(moment=Moment.TO_DEVICE, device="lamp", opcode=AttOpcode.WRITE_REQUEST)
        air.radio.rules.append(Rule(match, SilenceAdapter()))
        in_flight = await air.keeper.submit(write(b"1"))
        later = await air.keeper.submit(read("door", 120.0))
        again = asyncio.create_task(up_again(air))
        outcome = await in_flight.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        air.radio.rules.clear()
        assert await again < HUNG_S
        assert not (await later.wait()).succeeded
        assert (await (await air.keeper.submit(read("door", 30.0))).wait()).succeeded
        assert (await (await air.keeper.submit(write(b"2"))).wait()).succeeded
        assert air.applied() == [b"2"]

    live(story)


def test_a_controller_that_never_ends_a_cancelled_attempt_does_not_hold_up_other_devices_for_good() -> None:
    """Bumble's own, uncorrected: it says that the attempt is cancelled, and goes on with it."""

    async def story(air: Air) -> None:
        controller_of(air).on_hci_le_create_connection_cancel_command = lambda command: (
            Controller.on_hci_le_create_connection_cancel_command(controller_of(air), command)
        )
        air.radio.take_away(air.lamp)
        lost = await air.keeper.submit(write(b"1"))
        await asyncio.sleep(1.0)
        waiting = await air.keeper.submit(read("door", 120.0))
        assert (await lost.wait()).verdict is Verdict.NOT_DELIVERED
        outcome = await waiting.wait()
        assert outcome.succeeded, outcome.attempts
        assert outcome.attempts[-1].fault is None

    live(story)


def test_a_controller_that_says_nothing_of_a_connection_it_was_asked_for_is_no_worse_than_a_device_out_of_reach() -> (
    None
):
    async def story(air: Air) -> None:
        controller = controller_of(air)
        take, asked = controller.on_hci_le_create_connection_command, []

        def swallow(command: hci.HCI_LE_Create_Connection_Command) -> None:
            asked.append(command)

        controller.on_hci_le_create_connection_command = swallow
        lost = await air.keeper.submit(write(b"1"))
        async with asyncio.timeout(60.0):
            outcome = await lost.wait()
        assert outcome.verdict is Verdict.NOT_DELIVERED
        assert asked
        controller.on_hci_le_create_connection_command = take
        assert (await (await air.keeper.submit(read("door", 60.0))).wait()).succeeded

    live(story)
