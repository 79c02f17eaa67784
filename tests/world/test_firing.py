"""When a rule fires: counted, timed, and by the dice."""

import math
import random

import pytest

from gattkeeper.world import Drop, Duplicate, Match, Moment, Rule
from gattkeeper.world.firing import fires_now, must_be_possible


def rule(**when) -> Rule:
    return Rule(Match(moment=Moment.TO_DEVICE, **when), Drop())


def firings(one: Rule, moments=range(6), seed: int = 1) -> list[bool]:
    dice = random.Random(seed)
    return [fires_now(one, now, dice) for now in moments]


def test_it_starts_with_the_first_that_counts_and_fires_so_often():
    one = rule(first=2, times=2)
    assert firings(one) == [False, True, True, False, False, False]
    assert (one.seen, one.fired) == (6, 2)


def test_outside_of_its_time_nothing_is_even_seen():
    one = rule(from_s=2, until_s=4)
    assert firings(one) == [False, False, True, True, False, False]
    assert (one.seen, one.fired) == (2, 2)


def test_the_dice_decide_and_the_same_seed_decides_the_same():
    some = firings(rule(probability=0.5), range(100))
    assert 20 < sum(some) < 80
    assert some == firings(rule(probability=0.5), range(100))
    assert sum(firings(rule(probability=0.0), range(100))) == 0
    assert all(firings(rule(until_s=math.inf)))


def test_an_action_without_meaning_is_refused_with_those_that_have_one():
    must_be_possible(Drop(), "advertisement", (Drop,))
    with pytest.raises(ValueError, match="Duplicate cannot happen to advertisement: possible are Drop"):
        must_be_possible(Duplicate(), "advertisement", (Drop,))
