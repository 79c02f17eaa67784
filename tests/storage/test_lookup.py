"""Questions that the file which is written cannot answer go to the sealed ones, and no farther than they must."""

from pathlib import Path

import pytest
from journal_rows import accepted, ended, intended
from rotating import fill, with_journal

from gattkeeper.storage import lookup, segments
from gattkeeper.storage.journal import SqliteJournal


def test_a_command_is_found_in_whichever_file_it_is(tmp_path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        await fill(journal, 0, 400)
        for name in ("c0", "c150", "c399"):
            assert journal.records_of(name) == [accepted(name, key=f"key-{name}"), intended(name), ended(name)]

    with_journal(tmp_path / "journal.db", story)


def test_the_file_that_is_written_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    async def story(journal: SqliteJournal) -> None:
        await fill(journal, 0, 400)
        read = segments.read
        monkeypatch.setattr(segments, "read", lambda path: (opened.append(path), read(path))[1])
        journal.records_of("c399")
        assert opened == []
        journal.records_of("c0")
        assert opened == list(segments.sealed_files(tmp_path / "journal.db"))

    with_journal(tmp_path / "journal.db", story)


def test_no_more_files_are_opened_than_the_limit_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SEALED_FILES_MAX", 1)

    async def story(journal: SqliteJournal) -> None:
        await fill(journal, 0, 400)
        assert journal.records_of("c0") == []

    with_journal(tmp_path / "journal.db", story)
