"""Traps that the articles' queues fall into: one body for each, run on their queue and on ours.

On the article's queue the body fails, for the reason that is given; on ours it passes.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from gattkeeper.errors import SettingsError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.world import Fail, LateResponse, LoseRequest, LoseResponse, SimulatedLink, run_virtual
from seeds import lock_of_article_000
from seeds.subject import COUNT, STORED, Body, Subject, applied, happen, stopped, write
from seeds.subjects import Of001, Of002, Ours, on
from sim.scene import device

BUSY_RADIO = Fault(kind=FaultKind.TRANSIENT, ran=Ran.NO, stack="test", code=133)
BAD_LENGTH = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x0D)


def assigned() -> Of002:
    """Article 002 with its running task assigned: what its stop was meant to be."""
    return Of002(assigned=True)


async def trap_01_a_watchdog_outlives_its_command(subject: Subject) -> None:
    await subject.call(write(1))
    await asyncio.sleep(4.5)
    happen(subject, LateResponse(seconds=1))
    second, third = subject.submit(write(2)), subject.submit(write(3))
    await asyncio.sleep(3)
    assert second.told == "done", "a later command was told of an earlier one's time-out"
    assert third.told == "done"
    assert subject.link.log.violations == []


async def trap_02_a_late_answer_completes_another_command(subject: Subject) -> None:
    await subject.call(write(7))
    happen(subject, LateResponse(seconds=1.02))
    happen(subject, LateResponse(seconds=0.5))
    subject.submit(STORED, timeout_s=1)
    counted = subject.submit(COUNT, timeout_s=5)
    await asyncio.sleep(10)
    assert counted.reply is not None
    assert counted.reply.value == (1).to_bytes(4, "big"), "it got the answer to another request"


async def trap_03_equals_change_places(subject: Subject) -> None:
    for payload in range(100):
        subject.submit(write(payload))
    await asyncio.sleep(30)
    assert applied(subject) == list(range(100)), "commands of one priority overtook each other"


async def trap_04_a_wake_up_is_lost_as_the_queue_runs_dry(subject: Subject) -> None:
    async def sequence() -> None:
        for payload in range(3):
            await subject.call(write(payload))

    task = asyncio.get_running_loop().create_task(sequence())
    await asyncio.sleep(1)
    task.cancel()
    assert applied(subject) == [0, 1, 2], "a command waits although nothing is in flight"


async def trap_05_a_cancelled_command_is_carried_out(subject: Subject) -> None:
    happen(subject, LateResponse(seconds=1))
    subject.submit(write(1))
    taken_back = subject.submit(write(2))
    await asyncio.sleep(0.5)
    subject.cancel(taken_back)
    await asyncio.sleep(5)
    assert applied(subject) == [1], "the device did what its caller had taken back"


async def trap_06_a_retry_goes_behind_younger_commands(subject: Subject) -> None:
    happen(subject, Fail(fault=BUSY_RADIO))
    for payload in (1, 2, 3):
        subject.submit(write(payload))
    await asyncio.sleep(5)
    assert applied(subject) == [1, 2, 3], "a retry lost its place"


async def trap_07_after_a_stop_two_run_at_once(subject: Subject) -> None:
    happen(subject, LateResponse(seconds=1))
    subject.submit(write(1))
    await asyncio.sleep(0.5)
    subject.stop()
    await asyncio.sleep(20)
    before = len(subject.link.log.violations)
    for payload in (2, 3, 4, 5):
        subject.submit(write(payload))
    await asyncio.sleep(5)
    assert len(subject.link.log.violations) == before, "one at a time is over since the stop"


async def trap_08_a_stop_waits_for_what_it_should_cut_short(subject: Subject) -> None:
    happen(subject, LateResponse(seconds=4))
    subject.submit(write(1))
    await asyncio.sleep(0.5)
    subject.stop()
    await asyncio.sleep(2)
    assert stopped(subject), "the stop waits behind the command in flight"


async def trap_08_a_late_answer_completes_the_stop(subject: Subject) -> None:
    happen(subject, LateResponse(seconds=0.6))
    happen(subject, LoseRequest(), times=8)
    subject.submit(write(1))
    await asyncio.sleep(0.5)
    stop = subject.stop()
    await asyncio.sleep(60)
    assert stopped(subject) == (stop.told == "done"), "a stop is called done that never reached the device"


async def trap_09_closing_forgets_those_who_wait(subject: Subject) -> None:
    happen(subject, LateResponse(seconds=1))
    tickets = [subject.submit(write(payload)) for payload in range(4)]
    await asyncio.sleep(0.5)
    await subject.close()
    await asyncio.sleep(30)
    assert all(ticket.told for ticket in tickets), "callers are never told that their commands are gone"


async def trap_10_what_the_stack_said_is_thrown_away(subject: Subject) -> None:
    happen(subject, Fail(fault=BAD_LENGTH))
    refused = subject.submit(write(1))
    await asyncio.sleep(10)
    assert refused.reply is not None
    assert refused.reply.code == 0x0D, "the status does not reach the caller"
    assert applied(subject) == []


async def trap_11_a_write_that_timed_out_is_done_twice(subject: Subject) -> None:
    happen(subject, LoseResponse())
    subject.submit(write(1), timeout_s=1)
    await asyncio.sleep(20)
    assert applied(subject) == [1], "the action happened twice"


async def trap_12_attempts_change_the_command(subject: Subject) -> None:
    happen(subject, Fail(fault=BUSY_RADIO))
    subject.submit(write(1))
    await asyncio.sleep(5)
    assert subject.changed() == [], "the command is not what was submitted"


async def trap_12_the_clock_on_the_wall_orders_the_record(subject: Subject) -> None:
    await subject.call(write(1))
    await asyncio.sleep(1)
    subject.set_wall_clock(-3600)
    await subject.call(write(2))
    await asyncio.sleep(1)
    assert subject.times() == sorted(subject.times()), "the record runs backwards"


class Trap(Struct, frozen=True, kw_only=True):
    """A body, the queue that fails it, and why."""

    body: Body
    falls_in: Callable[[], Subject]
    why: str

    @property
    def name(self) -> str:
        who = {Of001: "001", Of002: "002", assigned: "002_assigned"}[self.falls_in]
        return f"{self.body.__name__}-{who}"


TRAPS = [
    Trap(body=trap_01_a_watchdog_outlives_its_command, falls_in=Of001, why="earlier one's time-out"),
    Trap(body=trap_02_a_late_answer_completes_another_command, falls_in=Of001, why="answer to another request"),
    Trap(body=trap_03_equals_change_places, falls_in=Of001, why="overtook each other"),
    Trap(body=trap_03_equals_change_places, falls_in=Of002, why="overtook each other"),
    Trap(body=trap_04_a_wake_up_is_lost_as_the_queue_runs_dry, falls_in=Of001, why="nothing is in flight"),
    Trap(body=trap_05_a_cancelled_command_is_carried_out, falls_in=Of001, why="caller had taken back"),
    Trap(body=trap_06_a_retry_goes_behind_younger_commands, falls_in=Of002, why="lost its place"),
    Trap(body=trap_07_after_a_stop_two_run_at_once, falls_in=assigned, why="over since the stop"),
    Trap(body=trap_08_a_stop_waits_for_what_it_should_cut_short, falls_in=Of002, why="waits behind"),
    Trap(body=trap_08_a_late_answer_completes_the_stop, falls_in=assigned, why="called done that never"),
    Trap(body=trap_09_closing_forgets_those_who_wait, falls_in=Of002, why="never told"),
    Trap(body=trap_10_what_the_stack_said_is_thrown_away, falls_in=Of002, why="does not reach the caller"),
    Trap(body=trap_11_a_write_that_timed_out_is_done_twice, falls_in=Of002, why="happened twice"),
    Trap(body=trap_12_attempts_change_the_command, falls_in=Of002, why="not what was submitted"),
    Trap(body=trap_12_the_clock_on_the_wall_orders_the_record, falls_in=Of002, why="runs backwards"),
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_an_articles_queue_falls_into(trap: Trap) -> None:
    with pytest.raises(AssertionError, match=trap.why):
        on(trap.falls_in, trap.body)


@pytest.mark.parametrize("body", dict.fromkeys(trap.body for trap in TRAPS), ids=lambda body: body.__name__)
def test_our_queue_passes(body: Body) -> None:
    on(Ours, body)


def plant(folder: Path) -> Path:
    """Somebody else's file, and links to it under the names that a lock is expected to have."""
    victim = folder / "letters"
    victim.write_text("precious")
    for name in (lock_of_article_000.NAME, "adapter-simulated.lock"):
        (folder / name).symlink_to(victim)
    return victim


def test_trap_13_the_articles_lock_empties_a_file_that_a_link_points_at(tmp_path: Path) -> None:
    victim = plant(tmp_path)
    lock_of_article_000.take(tmp_path).close()
    assert victim.read_text() == ""


def test_trap_13_our_lock_refuses_a_link_and_says_so(tmp_path: Path) -> None:
    victim = plant(tmp_path)

    async def run() -> None:
        link = OwnedLink(SimulatedLink([]), tmp_path)
        with pytest.raises(SettingsError, match=r"adapter-simulated\.lock"):
            await link.open(lambda _up, _fault: None)

    run_virtual(run())
    assert victim.read_text() == "precious"


def test_trap_13_a_script_for_each_command_connects_each_time(tmp_path: Path) -> None:
    async def run() -> int:
        lamp = device("lamp")
        link = SimulatedLink([lamp])
        for payload in range(4):
            address = DeviceAddress(value=lamp.address.value)
            await lock_of_article_000.script(tmp_path, link, address, write(payload))
        return lamp.connections

    assert run_virtual(run()) == 4


def test_trap_13_our_queue_connects_once_for_all_of_them() -> None:
    async def four(subject: Subject) -> None:
        for payload in range(4):
            await subject.call(write(payload))
        assert subject.device.connections == 1

    on(Ours, four)
