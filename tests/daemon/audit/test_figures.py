"""Figures are right to what they say, and their memory has a bound."""

import random
from collections import Counter

import pytest
from found import UTC_US, found
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.daemon.audit import figures
from gattkeeper.daemon.audit.figures import BINS_MAX, OTHERS, Figures, Latencies, OverTime
from gattkeeper.model.outcome import Verdict


@given(st.lists(st.integers(min_value=1, max_value=10**9), min_size=1), st.sampled_from([50, 95, 99, 100]))
def test_percentiles_are_right_to_one_percent(lengths_us: list[int], percent: int) -> None:
    latencies = Latencies()
    for length_us in lengths_us:
        latencies.add(length_us)
    exact = sorted(lengths_us)[-(-len(lengths_us) * percent // 100) - 1]
    said = latencies.percentile_us(percent)
    assert said is not None
    assert abs(said - exact) <= max(1, exact * 0.01)


def test_no_latencies_have_no_percentile() -> None:
    assert Latencies().percentile_us(50) is None


def test_latencies_of_any_number_take_a_few_hundred_classes() -> None:
    latencies, dice = Latencies(), random.Random(1)
    for _ in range(100_000):
        latencies.add(int(dice.lognormvariate(13, 2)))
    assert len(latencies.classes) < 2_000


@given(st.lists(st.integers(min_value=0, max_value=2**53), min_size=1, max_size=80))
def test_bins_lose_nothing_and_stay_few(moments_us: list[int]) -> None:
    over_time = OverTime()
    for utc_us in moments_us:
        over_time.add(utc_us, "sent")
    assert sum(counts.total() for counts in over_time.bins.values()) == len(moments_us)
    assert len(over_time.bins) <= BINS_MAX
    assert all(at_s % over_time.bin_s == 0 for at_s in over_time.bins)


def test_each_device_is_counted_by_verdict() -> None:
    all_of = Figures()
    for verdict in (Verdict.DELIVERED, Verdict.DELIVERED, Verdict.UNKNOWN, None):
        all_of.add(found(verdict))
    all_of.add(found(Verdict.SENT, device="pump"))
    assert all_of.devices["lounge"].verdicts == Counter(delivered=2, unknown=1, open=1)
    assert all_of.devices["pump"].verdicts == Counter(sent=1)
    assert all_of.total.verdicts.total() == 5
    assert all_of.total.attempts == 10
    assert all_of.total.latencies.classes.total() == 3  # of what was delivered or sent


def test_the_period_is_that_of_the_moments_not_of_their_order() -> None:
    all_of = Figures()
    for utc_us in (UTC_US, UTC_US + 5, UTC_US - 5):
        all_of.add(found(utc_us=utc_us))
    assert (all_of.first_utc_us, all_of.last_utc_us) == (UTC_US - 5, UTC_US + 5)


def test_too_many_devices_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "DEVICES_MAX", 2)
    all_of = Figures()
    for name in ("a", "b", "c", "d", "a"):
        all_of.add(found(device=name))
    assert {name: one.verdicts.total() for name, one in all_of.devices.items()} == {"a": 2, "b": 1, OTHERS: 2}


def test_the_newest_unknown_ones_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "UNKNOWN_MAX", 2)
    all_of = Figures()
    for seq in (9, 8, 7):
        all_of.add(found(Verdict.UNKNOWN, seq=seq))
    assert [one.seq for one in all_of.unknown] == [9, 8]
    assert all_of.total.verdicts["unknown"] == 3
