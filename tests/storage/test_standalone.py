"""The program without gattkeeper finds what ours finds: in journals, in exports, on its own."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signed_journals import exported, key, lines, ours, tamper, theirs, write, write_several_files

from gattkeeper.storage import segments, standalone
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of

VALUES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=400) | st.binary(max_size=400)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Seven rows."""
    write(tmp_path / "journal.db", "c1", "c2")
    return tmp_path / "journal.db"


@given(st.lists(VALUES, max_size=20).map(tuple))
def test_both_write_messagepack_alike(values: tuple[object, ...]) -> None:
    assert standalone.packed(values) == msgspec.msgpack.encode(values)


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 65_535, 65_536])
def test_lengths_at_their_limits_are_written_alike(length: int) -> None:
    for value in ("x" * length, bytes(length), (None,) * min(length, 65_535)):
        assert standalone.packed(value) == msgspec.msgpack.encode(value)


@pytest.mark.parametrize("value", [0.5, 2**64, -(2**63) - 1])
def test_what_no_row_can_hold_is_none(value: object) -> None:
    with pytest.raises(standalone.FlawError):
        standalone.packed((value,))


def test_it_runs_alone(path: Path, tmp_path: Path) -> None:
    program = tmp_path / "verify.py"
    program.write_bytes(Path(standalone.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(program), str(path), "--key", key(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "every row from 1 to 7 is as it was written" in done.stdout
    assert "checkpoints agree, up to row 7, on the key that was given" in done.stdout
    tamper(path, "UPDATE journal SET utc_us = 1 WHERE seq = 3")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NOT as it was written: row 3 is not as it was written" in done.stderr
    done = subprocess.run([*command[:4], str(tmp_path / "none.db")], capture_output=True, text=True, check=False)
    assert (done.returncode, "cannot be read" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE journal SET body = x'7b7d' WHERE seq = 4"], "row 4 is not as it was written"),
        (["DELETE FROM journal WHERE seq = 4"], "row 4 is missing: row 5 stands in its place"),
        (["DELETE FROM segment"], "its beginning is gone"),
        (["UPDATE segment SET install_id = 'x'"], "row 1 is not as it was written"),
        (["UPDATE segment SET previous_hash = x'" + "01" * 32 + "'"], "row 1"),
        (["UPDATE segment SET number = 2"], "row 1"),
        (["INSERT INTO carried_key VALUES ('k', 'c1', 1)"], "carries over"),
    ],
)
def test_what_was_changed_is_found(path: Path, statements: list[str], said: str) -> None:
    tamper(path, *statements)
    assert said in theirs(path)
    assert not ours(path).whole


def test_each_flipped_byte_is_found_or_changes_nothing_that_was_said(path: Path) -> None:
    """As for ours: bytes that no row uses may differ."""
    checkpoints_of(path).unlink()  # to be quick
    whole = path.read_bytes()
    rows = said(path)
    body = rows[2][9]
    around = {whole.index(body) + offset for offset in range(-120, len(body) + 60)}
    missed = []
    for place in sorted(around | set(range(0, len(whole), 97))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        if not theirs(path) and said(path) != rows:
            missed.append(place)
    assert missed == []


def said(path: Path) -> list[tuple]:
    """Without the right to write, SQLite reads past a column's rule that is damaged."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY seq").fetchall()


@pytest.fixture
def several(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    write_several_files(path, 150, checkpoints=CheckpointRules(rows=20))
    return path


def test_a_file_from_the_middle_or_the_beginning_is_missed(several: Path) -> None:
    first = several.read_bytes()
    several.unlink()
    assert "no row says that they were deleted" in theirs(segments.file_of(several, 2))
    several.write_bytes(first)
    write_several_files(several, 150, checkpoints=CheckpointRules(rows=20))
    segments.file_of(several, 2).unlink()
    assert "does not go on from row" in theirs(several)


def test_an_export_is_checked_like_the_files(several: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(exported(several))
    assert theirs(export, elsewhere=lines(several), key=key(several)) == ""


def spoilt(export: bytes, number: int, **columns: object) -> bytes:
    found = export.splitlines()
    found[number] = json.dumps(json.loads(found[number]) | columns).encode()
    return b"\n".join(found)


@pytest.mark.parametrize("number", [1, 4, 7])
@pytest.mark.parametrize("column", ["kind", "command_id", "utc_us", "body", "hash"])
def test_a_changed_line_of_an_export_is_named(path: Path, tmp_path: Path, number: int, column: str) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(spoilt(exported(path), number, **{column: "ab" * 32}))
    assert f"row {number}" in theirs(export)


def test_lines_of_an_export_that_are_missing_or_damaged_are_found(path: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    whole = exported(path).splitlines()
    export.write_bytes(b"\n".join(whole[:3] + whole[4:]))
    assert "row 3 is missing" in theirs(export)
    export.write_bytes(b"\n".join(whole[1:]))
    assert "have no beginning" in theirs(export)
    export.write_bytes(b"\n".join([*whole[:4], whole[4][:40], *whole[5:]]))
    assert "line 5" in theirs(export)
    export.write_bytes(b"\n".join(whole[:-2]))
    assert "rows 6 to 7 are missing" in theirs(export, elsewhere=lines(path))


@pytest.mark.parametrize("line", [b"{", b'{"seq": 1}', b'{"signature": 5}'])
def test_a_damaged_checkpoint_is_named(path: Path, line: bytes) -> None:
    number = len(lines(path)) + 1
    assert f"line {number} of the checkpoints is damaged" in theirs(path, elsewhere=[line])


def test_a_flipped_byte_of_a_checkpoint_is_found(path: Path) -> None:
    (line, *_) = lines(path)
    checkpoints_of(path).unlink()
    for place in range(0, len(line), 7):
        flipped = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        assert theirs(path, elsewhere=[flipped], key=key(path)), flipped
