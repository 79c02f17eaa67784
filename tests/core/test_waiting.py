"""The line of one device: order by a fixed key, places kept, and nothing that costs more in a long line."""

import gc
import sys
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.drive import A_READ, write
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import waiting_start
from gattkeeper.core.waiting import Waiting
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.operation import Operation

AGEING_US = 1_000


def entry(
    number: int,
    priority: Priority = Priority.NORMAL,
    key: str = "",
    *,
    at: int = 0,
    client: str = "",
    operation: Operation = A_READ,
) -> Entry:
    command = Command(
        id=str(number),
        device="blind",
        operation=operation,
        priority=priority,
        coalesce_key=key,
        origin=Origin(principal=client),
    )
    start_us = waiting_start(at or number, priority, AGEING_US)
    return Entry(command=command, start_us=start_us, sequence=number, accepted_at=at)


def change(number: int, priority: Priority = Priority.NORMAL) -> Entry:
    return entry(number, priority, operation=write(number))


def line(*entries: Entry) -> Waiting:
    waiting = Waiting()
    for one in entries:
        waiting.push(one)
    return waiting


def leave(one: Entry) -> None:
    assert one.line is not None
    one.line.remove(one)


def in_turn(waiting: Waiting) -> list[Entry]:
    """Empty the line as the scheduler does: the next one, until there is none."""
    taken = []
    while (one := waiting.ready(10_000)) is not None:
        leave(one)
        taken.append(one)
    return taken


def test_an_empty_line_has_nobody() -> None:
    waiting = line()
    assert len(waiting) == 0
    assert waiting.head() is None
    assert waiting.ready(0) is None


def test_the_more_urgent_is_first_and_equals_are_first_in_first_out() -> None:
    low, first, second, urgent = (
        entry(1, Priority.BACKGROUND),
        entry(2),
        entry(3),
        entry(4, Priority.URGENT),
    )
    waiting = line(low, first, second, urgent)
    assert waiting.head() is urgent
    assert in_turn(waiting) == [urgent, first, second, low]


def test_one_that_waited_the_ageing_time_is_before_newcomers_one_priority_up() -> None:
    old = entry(1, Priority.BACKGROUND, at=1)
    new = entry(2, Priority.NORMAL, at=1 + AGEING_US + 1)
    assert line(old, new).ready(5_000) is old


def test_while_one_backs_off_only_a_higher_priority_overtakes_it() -> None:
    backing_off, equal, lower = entry(1), entry(2), entry(3, Priority.BACKGROUND)
    backing_off.ready_at = 10_000
    waiting = line(backing_off, equal, lower)
    assert waiting.ready(0) is None
    urgent = entry(4, Priority.URGENT)
    waiting.push(urgent)
    assert waiting.ready(0) is urgent
    assert waiting.ready(10_000) is urgent


def test_the_oldest_of_several_that_back_off_decides_who_is_blocked() -> None:
    older, younger = entry(1, Priority.BACKGROUND, at=1), entry(2, Priority.NORMAL, at=9_000)
    older.ready_at = younger.ready_at = 20_000
    waiting = line(younger, older)
    assert waiting.ready(0) is None


def test_one_that_comes_back_finds_its_old_place_behind_older_ones() -> None:
    first, second, third = entry(1), entry(2), entry(3)
    waiting = line(first, second, third)
    leave(second)
    waiting.push(second)
    assert in_turn(waiting) == [first, second, third]


def test_removing_takes_out_one_wherever_it_stands() -> None:
    first, second, third = entry(1), entry(2), entry(3)
    waiting = line(first, second, third)
    leave(second)
    assert len(waiting) == 2
    assert in_turn(waiting) == [first, third]


def test_a_place_that_was_left_for_another_line_counts_no_more() -> None:
    first, moved, last = entry(1), entry(2), entry(3)
    waiting = line(first, moved, last)
    for priority in (Priority.BACKGROUND, Priority.NORMAL, Priority.URGENT, Priority.BACKGROUND):
        leave(moved)
        moved.turn = None
        moved.command = replace(moved.command, priority=priority)
        moved.start_us = waiting_start(2, priority, AGEING_US)
        waiting.push(moved)
    assert in_turn(waiting) == [first, last, moved]
    assert len(waiting) == 0


def test_what_is_detached_stands_in_lines_of_its_own_and_goes_back_to_its_place() -> None:
    entries = [entry(number) for number in range(1, 7)]
    waiting = line(*entries)
    detached = waiting.detach()
    assert (len(waiting), len(detached)) == (0, 6)
    late = entry(7)
    waiting.push(late)
    for one in entries[1::2]:
        detached.hand_on(one, waiting)
    assert in_turn(detached) == entries[::2]
    assert entries[1] in waiting
    assert entries[0] not in waiting
    assert in_turn(waiting) == [*entries[1::2], late]


def test_a_latch_holds_back_what_changes_the_device_and_nothing_else() -> None:
    first, reads, last = change(1), entry(2), change(3)
    waiting = line(first, reads, last)
    waiting.latched = True
    assert waiting.ready(10_000) is waiting.head() is waiting.oldest() is reads
    assert waiting.may_run()
    leave(reads)
    assert waiting.head() is waiting.oldest() is None
    assert not waiting.may_run()
    assert len(waiting) == 2
    waiting.latched = False
    assert in_turn(waiting) == [first, last]


def test_those_that_change_the_device_and_those_that_do_not_are_one_line() -> None:
    entries = [change(1), entry(2), change(3), entry(4), entry(5), change(6)]
    assert in_turn(line(*entries)) == entries


def test_clients_take_turns_in_a_priority() -> None:
    flood = [entry(number, client="flood") for number in range(1, 5)]
    waiting = line(*flood)
    guest = [entry(number, client="guest") for number in range(5, 7)]
    for one in guest:
        waiting.push(one)
    assert in_turn(waiting) == [flood[0], guest[0], flood[1], guest[1], flood[2], flood[3]]


def test_who_comes_late_gets_the_turn_that_is_now_and_not_those_that_are_over() -> None:
    flood = [entry(number, client="flood") for number in range(1, 7)]
    waiting = line(*flood)
    for one in flood[:3]:
        leave(one)
    guest = entry(7, client="guest")
    waiting.push(guest)
    assert in_turn(waiting) == [guest, *flood[3:]]


def test_a_client_whose_last_command_was_taken_back_does_not_pay_for_it() -> None:
    slider = [entry(number, client="slider") for number in range(1, 9)]
    waiting = line(slider[0])
    for one in slider[1:]:  # each takes the place of the one before it
        waiting.push(one)
        leave(one)
    other = [entry(number, client="other") for number in range(9, 11)]
    for one in other:
        waiting.push(one)
    last = entry(11, client="slider")
    waiting.push(last)
    assert in_turn(waiting) == [slider[0], other[0], other[1], last]


def test_the_turn_of_a_command_that_was_taken_back_is_its_clients_next() -> None:
    one, two, gone = entry(1, client="b"), entry(2, client="c"), entry(3, client="c")
    waiting = line(one, two, gone)
    leave(gone)
    again, other = entry(4, client="c"), entry(5, client="b")
    waiting.push(again)
    waiting.push(other)
    assert in_turn(waiting) == [one, two, again, other]


def test_a_client_that_took_everything_back_begins_with_the_turn_that_is_now() -> None:
    slider = [entry(number, client="slider") for number in range(1, 4)]
    other = [entry(number, client="other") for number in range(4, 7)]
    waiting = line(*slider, *other)
    for one in (slider[1], slider[2], slider[0]):
        leave(one)
    again = entry(7, client="slider")
    waiting.push(again)
    assert in_turn(waiting) == [other[0], again, other[1], other[2]]


def test_who_comes_late_has_one_turn_at_a_time_like_those_who_were_there() -> None:
    flood = [entry(number, client="flood") for number in range(1, 5)]
    waiting = line(*flood)
    for one in flood[:3]:
        leave(one)
    guest = [entry(number, client="guest") for number in range(5, 7)]
    for one in guest:
        waiting.push(one)
    assert in_turn(waiting) == [guest[0], flood[3], guest[1]]


def test_one_that_left_its_priority_and_came_back_has_lost_its_place() -> None:
    moved, other = entry(1, Priority.BACKGROUND), entry(2, Priority.BACKGROUND)
    waiting = line(moved, other)
    for priority in (Priority.NORMAL, Priority.BACKGROUND):
        leave(moved)
        moved.turn = None
        moved.command = replace(moved.command, priority=priority)
        waiting.push(moved)
    assert in_turn(waiting) == [other, moved]


def test_the_age_of_a_priority_is_that_of_its_oldest_whoever_has_the_turn() -> None:
    flood = [entry(number, Priority.BACKGROUND, at=1, client="flood") for number in (1, 2)]
    waiting = line(*flood)
    leave(flood[0])
    guest = entry(3, Priority.BACKGROUND, at=5_000, client="guest")
    newer = entry(4, Priority.NORMAL, at=2_500)
    waiting.push(guest)
    waiting.push(newer)
    assert waiting.ready(10_000) is guest, "its line is older, and it has the turn there"


def test_the_first_to_be_shed_is_the_oldest_of_the_least_urgent() -> None:
    oldest = entry(2, Priority.BACKGROUND)
    assert line(entry(1), oldest, change(3, Priority.BACKGROUND)).least() is oldest
    assert line().least() is None


def test_a_coalesce_key_names_the_newest_and_is_forgotten_with_it() -> None:
    older, newer = entry(1, key="position"), entry(2, key="position")
    waiting = line(newer)
    waiting.push(older)
    assert waiting.roll.keys["position"] is newer
    leave(older)
    assert waiting.roll.keys["position"] is newer
    leave(newer)
    assert waiting.roll.keys == {}


def test_a_line_whose_members_leave_from_its_middle_does_not_grow() -> None:
    first = entry(1)
    waiting = line(first)
    for number in range(2, 5_000):
        one = entry(number)
        waiting.push(one)
        leave(one)
    line_of_first = first.line
    assert line_of_first is not None
    assert len(line_of_first._turns) + len(line_of_first._ages) < 300
    assert in_turn(waiting) == [first]


@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(1, 5_000)), max_size=40))
def test_taking_the_next_until_the_end_gives_the_order_of_the_keys(commands: list[tuple[Priority, int]]) -> None:
    moments = sorted(at for _, at in commands)
    priorities = [priority for priority, _ in commands]
    entries = [
        entry(number, priority, at=at)
        for number, (priority, at) in enumerate(zip(priorities, moments, strict=True), start=1)
    ]
    waiting = line(*entries)
    assert in_turn(waiting) == sorted(entries, key=lambda one: one.order)


def calls(work: Callable[[], object]) -> int:
    """How many Python and C calls the work makes: a cost that no busy machine changes."""
    count = 0

    def note(_frame: object, what: str, _argument: object) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    gc.collect()
    gc.disable()  # what other tests left behind must not be finalised in the middle
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_push_next_and_remove_cost_the_same_in_a_line_of_twenty_thousand() -> None:
    def cycle(waiting: Waiting, number: int) -> None:
        waiting.push(entry(number))
        head = waiting.ready(10**9)
        assert head is not None
        leave(head)

    short = line(*(entry(number) for number in range(1, 10)))
    long = line(*(entry(number) for number in range(1, 20_001)))
    assert calls(lambda: cycle(long, 30_000)) == calls(lambda: cycle(short, 30_000))
