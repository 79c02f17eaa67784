"""Checkpoints get to every place that is asked for, also after it failed; no place holds up another."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest

from gattkeeper.errors import SettingsError
from gattkeeper.storage import pushing
from gattkeeper.storage.pushing import (
    FilePlace,
    Progress,
    Pusher,
    SocketPlace,
    for_journald,
    for_syslog,
    place_of,
)

TIMEOUT_S = 30.0


class Shelf:
    """A place in memory that fails as often as it is told, and tells when something came."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.new = False
        self.came: SimpleQueue[bytes] = SimpleQueue()

    def send(self, lines: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("nobody there")
        self.came.put(lines)

    def is_new(self) -> bool:
        return self.new

    def next(self) -> bytes:
        return self.came.get(timeout=TIMEOUT_S)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "journal.db.checkpoints"


def pusher(place: Shelf, source: Path) -> Pusher:
    made = Pusher("shelf", place, source, Progress(source.with_suffix(".pushed")))
    made.start()
    return made


def finish(*pushers: Pusher) -> None:
    for one in pushers:
        one.stop()
    for one in pushers:
        one.join()
        assert not one._thread.is_alive()


def add(source: Path, lines: bytes) -> None:
    with source.open("ab") as file:
        file.write(lines)


def test_a_place_gets_each_line_once_over_starts(source: Path) -> None:
    place = Shelf()
    add(source, b"one\n")
    first = pusher(place, source)
    assert place.next() == b"one\n"
    add(source, b"two\nhalf of th")
    first.wake()
    assert place.next() == b"two\n"
    finish(first)
    add(source, b"ree\n")
    second = pusher(place, source)
    assert place.next() == b"half of three\n"
    finish(second)
    assert place.came.empty()


def test_the_end_is_pushed_before_it_ends(source: Path) -> None:
    place = Shelf()
    only = pusher(place, source)
    add(source, b"last\n")
    finish(only)
    assert place.next() == b"last\n"


def test_a_place_that_fails_is_told_once_and_gets_everything_later(
    source: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "RETRY_S", 0.001)
    place = Shelf(failures=3)
    add(source, b"one\n")
    only = pusher(place, source)
    assert place.next() == b"one\n"
    finish(only)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "cannot be pushed to shelf, and wait: nobody there" in caplog.text
    assert "pushed to shelf again" in caplog.text


def test_what_a_place_did_not_get_is_sent_after_the_next_start(source: Path) -> None:
    place = Shelf(failures=2)
    add(source, b"one\n")
    finish(pusher(place, source))
    place.failures = 0
    second = pusher(place, source)
    assert place.next() == b"one\n"
    finish(second)


def test_a_new_medium_gets_everything(source: Path) -> None:
    place = Shelf()
    add(source, b"one\n")
    first = pusher(place, source)
    assert place.next() == b"one\n"
    finish(first)
    place.new = True
    second = pusher(place, source)
    assert place.next() == b"one\n"
    finish(second)


def test_checkpoints_that_began_anew_are_all_sent(source: Path) -> None:
    place = Shelf()
    add(source, b"one\ntwo\n")
    first = pusher(place, source)
    assert place.next() == b"one\ntwo\n"
    finish(first)
    source.write_bytes(b"uno\n")
    second = pusher(place, source)
    assert place.next() == b"uno\n"
    finish(second)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"shelf": "x"}', b'{"shelf": -5}'])
def test_progress_that_was_lost_only_sends_again(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "pushed"
    if content is not None:
        path.write_bytes(content)
    progress = Progress(path)
    assert progress.of("shelf") == 0
    progress.note("shelf", 7)
    assert (Progress(path).of("shelf"), Progress(path).of("other")) == (7, 0)
    if content is None:
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_is_a_place(tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "stick" / "checkpoints")
    with pytest.raises(FileNotFoundError):
        place.send(b"one\n")
    (tmp_path / "stick").mkdir()
    assert place.is_new()
    place.send(b"one\n")
    place.send(b"two\n")
    assert not place.is_new()
    assert (tmp_path / "stick" / "checkpoints").read_bytes() == b"one\ntwo\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """What a system's log listens on."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.settimeout(TIMEOUT_S)
        listening.bind(str(tmp_path / "log"))
        yield tmp_path / "log", listening


@pytest.mark.parametrize(
    ("framed", "first"),
    [
        (for_syslog, b"<86>gattkeeper: one"),
        (for_journald, b"SYSLOG_IDENTIFIER=gattkeeper\nPRIORITY=6\nMESSAGE=one\n"),
    ],
)
def test_a_systems_log_gets_a_message_for_each_line(log: tuple[Path, socket.socket], framed, first: bytes) -> None:
    path, listening = log
    place = SocketPlace(path, framed)
    assert not place.is_new()
    place.send(b"one\ntwo\n")
    assert listening.recv(4096) == first
    assert b"two" in listening.recv(4096)


def test_a_log_that_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        SocketPlace(tmp_path / "log", for_syslog).send(b"one\n")


def test_places_have_names() -> None:
    assert isinstance(place_of("file:/mnt/usb/checkpoints.jsonl"), FilePlace)
    assert isinstance(place_of("syslog"), SocketPlace)
    assert isinstance(place_of("journald"), SocketPlace)
    for name in ("file:relative", "file:", "mqtt", ""):
        with pytest.raises(SettingsError, match="is no place for checkpoints"):
            place_of(name)
