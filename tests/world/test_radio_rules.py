"""When a rule fires, and what it may do."""

import random

import pytest

from gattkeeper.world import AnswerError, Delay, Disconnect, Drop, Duplicate, Garble, Match, Moment, Rule


def fired(rule: Rule, count: int = 6, **what) -> list[int]:
    """The numbers of the PDUs for which it fires."""
    dice = random.Random(1)
    seen = {"moment": Moment.FROM_DEVICE, "device": "lounge", "opcode": 0x13, "now": 0.0, **what}
    return [number for number in range(1, count + 1) if rule.fires(**seen, dice=dice)]


def test_it_fires_for_its_moment_device_and_opcode_only():
    rule = Rule(Match(moment=Moment.FROM_DEVICE, device="lounge", opcode=0x13), Drop())
    assert fired(rule, 1) == [1]
    assert fired(rule, moment=Moment.TO_DEVICE) == []
    assert fired(rule, device="kitchen") == []
    assert fired(rule, opcode=0x0B) == []
    assert (rule.seen, rule.fired) == (1, 1)


def test_it_starts_at_the_first_one_meant_and_fires_so_many_times():
    rule = Rule(Match(moment=Moment.FROM_DEVICE, first=3, times=2), Drop())
    assert fired(rule) == [3, 4]
    assert (rule.seen, rule.fired) == (6, 2)


def test_it_fires_within_its_time_only():
    rule = Rule(Match(moment=Moment.FROM_DEVICE, from_s=1.0, until_s=2.0), Drop())
    assert [bool(fired(rule, 1, now=at)) for at in (0.99, 1.0, 1.99, 2.0)] == [False, True, True, False]


def test_probability_is_thrown_with_the_dice_it_is_given():
    often = Rule(Match(moment=Moment.FROM_DEVICE, probability=0.5), Drop())
    again = Rule(Match(moment=Moment.FROM_DEVICE, probability=0.5), Drop())
    assert fired(often, 1000) == fired(again, 1000)
    assert 400 < often.fired < 600
    assert fired(Rule(Match(moment=Moment.FROM_DEVICE, probability=0.0), Drop())) == []


@pytest.mark.parametrize(
    ("moment", "action"),
    [
        (Moment.ADVERTISEMENT, Delay(seconds=1.0)),
        (Moment.CONNECT_REQUEST, Disconnect()),
        (Moment.FROM_DEVICE, AnswerError(code=0x05)),
        (Moment.ADVERTISEMENT, Duplicate()),
        (Moment.CONNECT_REQUEST, Garble()),
    ],
)
def test_what_cannot_happen_then_is_refused(moment, action):
    with pytest.raises(ValueError, match=f"cannot happen to {moment.value}: possible are Drop"):
        Rule(Match(moment=moment), action)
