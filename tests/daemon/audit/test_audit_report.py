"""The report is one well-formed page that runs nothing, fetches nothing and escapes every text."""

import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from found import HOSTILE
from journals import audit, noted, write
from msgspec.structs import replace

from gattkeeper.daemon.audit.report import EVENTS_MAX
from gattkeeper.model.command import Origin
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import ClockStep, Denied, StopAsked
from gattkeeper.storage.checkpointing import CheckpointRules, key_of
from gattkeeper.storage.signing import public_key
from storage.tampering import KEPT_RIGHT, tamper

EVE = Origin(front="socket", principal="eve", uid=1000, pid=77)
NEVER_CLOSED = {"meta"}


class Page(HTMLParser):
    """What a browser would see: elements, in good order, and texts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in (*NEVER_CLOSED, "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def report(journal: Path, *options: str) -> Page:
    path = journal.with_suffix(".html")
    assert audit("export", journal, "--format", "html", "--output", str(path), "--force", *options) == 0
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.db", *Verdict, None, Verdict.UNKNOWN)


def test_every_verdict_is_counted_and_explained(journal: Path) -> None:
    text = report(journal).text
    for count, word in (
        ("6", "accepted"),
        ("1", "delivered"),
        ("1", "not delivered"),
        ("2", "unknown"),
        ("1", "open"),
    ):
        assert f" {count} {word} " in text
    assert "it may or may not have happened" in text


def test_unknown_ones_are_listed_with_what_was_found_out(journal: Path) -> None:
    text = report(journal).text
    assert "applied: looked at it (eve)" in text
    assert "nothing: look at the device" in text


def test_a_whole_journal_is_said_to_be_with_its_last_hash(journal: Path) -> None:
    text = report(journal).text
    with closing(sqlite3.connect(journal)) as connection:
        seq, hash_ = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    assert f"every row from 1 to {seq} is as it was written" in text
    assert hash_.hex() in text


def test_a_changed_journal_is_said_to_be_one(journal: Path) -> None:
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_is_never_updated")
        connection.execute("UPDATE journal SET utc_us = utc_us + 1 WHERE seq = 3")
    text = report(journal).text
    assert "The journal is NOT as it was written." in text
    assert "row 3 is not as it was written" in text


def test_what_the_checkpoints_beside_it_say_is_said(tmp_path: Path, journal: Path) -> None:
    signed = write(tmp_path / "signed.db", Verdict.DELIVERED, checkpoints=CheckpointRules())
    text = report(signed).text
    key = public_key(key_of(signed))
    assert "signed checkpoints are beside it, and every one agrees; the newest 0 rows are signed by none" in text
    assert f"The key that vouches for them is {key}" in text
    assert "No signed checkpoints are beside it" in report(journal).text


def test_rows_that_were_cut_off_are_missed(tmp_path: Path) -> None:
    signed = write(tmp_path / "signed.db", Verdict.DELIVERED, Verdict.SENT, checkpoints=CheckpointRules())
    tamper(signed, "DELETE FROM journal WHERE seq > 5", *KEPT_RIGHT)
    text = report(signed).text
    assert "The journal is NOT as it was written" in text
    assert "rows 6 to 6 are missing" in text


def test_filters_are_said_under_what_is_not_in_it(journal: Path) -> None:
    text = report(journal, "--verdict", "unknown", "--since", "2020-01-01").text
    assert "any command but those asked for: verdicts unknown" in text
    assert "accepted since 2020-01-01 00:00:00 UTC" in text
    assert " 2 accepted " in text


def test_rows_about_no_command_are_listed_with_who_caused_them(tmp_path: Path) -> None:
    stop = StopAsked(scope="all", latch=True, commands=("c1",), origin=EVE, at_us=1)
    page = report(noted(tmp_path / "journal.db", stop, ClockStep(step_us=2_000_000)), "--device", "kitchen")
    assert "stop all, held until resume: c1" in page.text
    assert "socket eve" in page.text
    assert page.text.index("closed") < page.text.index("clock step") < page.text.index("stop all"), "newest first"
    assert "are listed" not in page.text


def test_of_many_rows_about_no_command_the_newest_are_listed(tmp_path: Path) -> None:
    steps = (ClockStep(step_us=number * 1_000_000) for number in range(1, EVENTS_MAX + 1))
    text = report(noted(tmp_path / "journal.db", *steps)).text
    assert f"The newest {EVENTS_MAX} are listed." in text
    assert "ahead by 500.000 s" in text
    assert "ahead by 1.000 s" not in text, "the end of the journal is the newest"


def test_rows_about_no_command_are_those_of_the_time_asked_for(tmp_path: Path) -> None:
    text = report(noted(tmp_path / "journal.db", ClockStep(step_us=2_000_000)), "--until", "2020-01-01").text
    assert "Events There are none." in text


def test_no_text_becomes_part_of_the_page(tmp_path: Path) -> None:
    page = report(write(tmp_path / "journal.db", Verdict.UNKNOWN, device=HOSTILE, label=HOSTILE))
    assert "script" not in {tag for tag, _ in page.seen}
    assert "=1+1</td><script>alert('x')</script>" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    denied = Denied(origin=replace(EVE, principal=HOSTILE), why=HOSTILE, times=1, at_us=1)
    page = report(noted(tmp_path / "other.db", denied))
    assert "script" not in {tag for tag, _ in page.seen}
    assert "not let in: =1+1</td><script>" in page.text


def test_it_needs_nothing_from_elsewhere_and_forbids_it(journal: Path) -> None:
    page = report(journal)
    assert not [attributes for _, attributes in page.seen if {"src", "href", "onload"} & set(attributes)]
    policies = [attributes.get("content") for tag, attributes in page.seen if tag == "meta"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policies
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_an_empty_journal_has_a_report_too(tmp_path: Path) -> None:
    text = report(write(tmp_path / "journal.db")).text
    assert "no command is in it" in text
    assert "There are none." in text
