"""What phones do to operations that overlap, by vendor (article 001): ours never overlap, and a stack that does the
same for reasons of its own is survived.
"""

from collections import Counter

import pytest

from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world import Fail, LinkAction, LinkMatch, LinkMoment, LinkRule, LoseRequest, LoseResponse
from seeds.subject import applied, write
from seeds.subjects import Ours, on

NUMBER = 300
DAY_US = 86_400_000_000

RETURNS_FALSE = Fail(fault=Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="android"))
STATUS_133 = Fail(fault=Fault(kind=FaultKind.GENERIC, stack="android", code=133))
STATUS_133_BUT_DONE = Fail(fault=STATUS_133.fault, applied=True)

HABITS = pytest.mark.parametrize(
    "habit",
    [RETURNS_FALSE, STATUS_133, STATUS_133_BUT_DONE, LoseRequest(), LoseResponse()],
    ids=["returns false", "status 133", "status 133 though it was done", "drops it", "drops the answer"],
)


async def outcomes(ours: Ours, habit: LinkAction, *, idempotent: bool) -> Counter[Verdict]:
    """The verdicts of many writes on a stack that does this to one of twenty, by itself."""
    ours.link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, probability=0.05), habit))
    commands = (
        Command(
            device="lamp",
            operation=write(number),
            idempotent=idempotent,
            survive_reconnect=True,
            attempt_timeout_us=1_000_000,
            deadline_us=DAY_US,
        )
        for number in range(NUMBER)
    )
    handles = [await ours.keeper.submit(command) for command in commands]
    ends = [await handle.wait() for handle in handles]
    assert ours.link.rules[0].fired > 5
    assert ours.link.log.violations == [], "two operations at once"
    assert all(end.succeeded or end.cause in (Cause.UNCLEAR_ANSWER, Cause.TIMED_OUT_IN_FLIGHT) for end in ends)
    return Counter(end.verdict for end in ends)


@HABITS
def test_row_vendors_what_may_be_repeated_is_done_in_spite_of_it_and_in_order(habit: LinkAction) -> None:
    async def row(ours: Ours) -> None:
        assert await outcomes(ours, habit, idempotent=True) == {Verdict.DELIVERED: NUMBER}
        order = applied(ours)
        assert sorted(set(order)) == list(range(NUMBER))
        assert order == sorted(order)

    on(Ours, row)


@HABITS
def test_row_vendors_what_may_not_be_repeated_is_done_once_at_most_and_none_is_dropped_in_silence(
    habit: LinkAction,
) -> None:
    async def row(ours: Ours) -> None:
        verdicts = await outcomes(ours, habit, idempotent=False)
        order = applied(ours)
        assert order == sorted(set(order)), "twice, or out of order"
        assert verdicts[Verdict.DELIVERED] + verdicts[Verdict.UNKNOWN] == NUMBER
        assert (verdicts[Verdict.UNKNOWN] > 0) == (habit is not RETURNS_FALSE)
        assert verdicts[Verdict.DELIVERED] <= len(order) <= NUMBER

    on(Ours, row)
