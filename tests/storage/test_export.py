"""An export has everything that is needed to compute the chain again, and nothing else."""

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from journal_rows import accepted, durable, rows
from rotating import three_files, with_journal

from gattkeeper.errors import StorageError
from gattkeeper.storage import export, segments, standalone
from gattkeeper.storage.chain import DOMAIN, link
from gattkeeper.storage.export import lines_of
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return three_files(tmp_path / "journal.db")


def test_the_chain_can_be_computed_from_the_lines_alone(path: Path) -> None:
    seq, last = 0, bytes(32)
    for line in lines_of(path):
        found = json.loads(line)
        if "segment" in found:
            segment = found["segment"]
            assert bytes.fromhex(segment["previous_hash"]) == last
            beginning = (*list(segment.values())[:4], last, bytes.fromhex(segment["carried_hash"]))
            last = sha256(msgspec.msgpack.encode((DOMAIN, *beginning))).digest()
            continue
        *columns, body, stored = found.values()
        seq += 1
        assert found["seq"] == seq
        last = link(last, (*columns, body.encode()))
        assert last.hex() == stored
    assert seq == 1201


def test_the_verifier_that_needs_no_gattkeeper_agrees_and_sees_a_changed_line(path: Path) -> None:
    exported = path.with_suffix(".jsonl")
    lines = list(lines_of(path))
    exported.write_bytes(b"".join(lines))
    assert "every row from 1 to 1201 is as it was written" in standalone.verify([exported], [], "")
    lines[500] = lines[500].replace(b'"utc_us":1', b'"utc_us":2', 1)
    exported.write_bytes(b"".join(lines))
    with pytest.raises(standalone.FlawError, match="is not as it was written"):
        standalone.verify([exported], [], "")


def test_every_file_has_its_beginning_and_progress_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 100)
    told: list[int] = []
    lines = [json.loads(line) for line in lines_of(path, on_progress=told.append)]
    assert sum("segment" in line for line in lines) == len(segments.files_of(path))
    assert told == sorted(told)
    assert told[-1] == 1201


def test_it_ends_where_the_journal_ended_when_its_last_file_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        await durable(journal, accepted("a"))
        lines = lines_of(path)
        assert b"segment" in next(lines)
        await durable(journal, accepted("b"))
        assert [json.loads(line)["command_id"] for line in lines] == ["a"]

    with_journal(path, story, rules=SegmentRules(size_max=0))


def test_text_of_every_kind_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    label = '"quoted" \n\u202e 寝室 \x00 =1+1'

    async def story(journal: SqliteJournal) -> None:
        await durable(journal, accepted("a", label=label))

    with_journal(path, story)
    _, line, _closed = lines_of(path)
    assert json.loads(json.loads(line)["body"])["command"]["label"] == label
    ((stored,),) = rows(path, "SELECT hash FROM journal WHERE seq = 1")
    assert json.loads(line)["hash"] == stored.hex()


def test_a_body_that_is_no_text_is_named(tmp_path: Path) -> None:

    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        await durable(journal, accepted("a"))

    with_journal(path, story)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_is_never_updated")
        connection.execute("UPDATE journal SET body = x'ff'")
    with pytest.raises(StorageError, match="row 1 of the journal is damaged"):
        list(lines_of(path))
