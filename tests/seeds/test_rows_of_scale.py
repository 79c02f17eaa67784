"""The load tests of article 002 with 100 000 commands in line, on the core alone; smaller ones have a link below."""

from collections import Counter

from core.drive import POSITION, Drive, S
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Cause

NUMBER = 100_000
SURVIVORS = 2_000
DAY = 86_400 * S


def numbered(number: int) -> Write:
    return Write(target=POSITION, payload=number.to_bytes(4))


def sent(drive: Drive) -> list[int]:
    return [int.from_bytes(one.payload) for one in drive.sent() if isinstance(one, Write)]


def test_row_loads_1_to_4_with_100_000_commands_in_line() -> None:
    drive = Drive(limits=Limits(queue_max=2 * NUMBER, queue_per_device_max=2 * NUMBER))
    drive.warm()
    for number in range(NUMBER):
        survives = number < SURVIVORS
        drive.submit(f"c-{number}", numbered(number), deadline_us=DAY, survive_reconnect=survives)
    for _ in range(1_000):
        drive.answer()
    assert sent(drive) == list(range(1_001)), "all of them, in order"

    drive.submit("urgent", numbered(NUMBER), priority=Priority.URGENT, deadline_us=DAY)
    drive.answer()
    assert sent(drive)[-1] == NUMBER, "only the one in flight went before it"

    drive.wait(5 * S)
    assert drive.endings()["urgent"].cause is Cause.TIMED_OUT_IN_FLIGHT
    drive.wait(
        1 * S
    )  # no answer either in the grace: the link goes, and with it those that did not ask to survive
    causes = Counter(outcome.cause for outcome in drive.endings().values())
    assert causes[Cause.LINK_LOST_BEFORE_SEND] == NUMBER - SURVIVORS

    drive.gone()
    drive.connected()
    for _ in range(SURVIVORS - 1_001):
        drive.answer()
    assert sent(drive) == [*range(1_001), NUMBER, *range(1_001, SURVIVORS)], "the others go on where they were"
    assert drive.device().waiting == 0
    assert len(drive.endings()) == NUMBER + 2, "each has one outcome, the connect among them"
