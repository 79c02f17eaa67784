"""A daemon with its folder, as a user has it: real processes, a real socket, a real journal.

Knows how to start, ask, kill and read back. What must hold stands in the tests.
"""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gattkeeper.model.record import Record
from gattkeeper.storage import segments
from gattkeeper.world.virtual_device import Applied

READY_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 120.0

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"

[adapters.radio]
link = "virtual"
connection_interval = 0.0075
applied_log = "applied.jsonl"

[devices.lounge]
address = "F0:00:00:00:00:01"
profile = "virtual_blind"
virtual = "blind"

[devices.kitchen]
address = "F0:00:00:00:00:02"
profile = "virtual_blind"
virtual = "blind"
"""


class Home:
    """One folder with settings, socket, journal and the blinds' own log."""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        self.folder = folder
        self.settings = folder / "gattkeeper.toml"
        self.settings.write_text(settings)
        self.socket = folder / "keeper.sock"
        self.journal = folder / "journal.db"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        words = [sys.executable, "-m", "gattkeeper", "serve", "--config", str(self.settings)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # as a service: without a terminal
            )
        give_up_at = time.monotonic() + READY_TIMEOUT_S
        while self.ask("status").returncode != 0:
            assert self.process.poll() is None, (self.folder / "daemon.log").read_text()
            assert time.monotonic() < give_up_at, "the daemon does not answer"

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the daemon by a signal and wait for it; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=READY_TIMEOUT_S)
        self.process = None
        return code

    def spawn(self, *words: str) -> "subprocess.Popen[str]":
        """A client, as a shell would start it."""
        return subprocess.Popen(
            [sys.executable, "-m", "gattkeeper", *words, "--socket", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The same, to its end."""
        client = self.spawn(*words)
        out, err = client.communicate(timeout=COMMAND_TIMEOUT_S)
        return subprocess.CompletedProcess(words, client.returncode, out, err)

    def rows(self) -> list[Record]:
        """The journal as it is on the disk, oldest first."""
        bodies = []
        for file in segments.files_of(self.journal):
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as journal:
                bodies += journal.execute("SELECT body FROM journal ORDER BY seq").fetchall()
        return [msgspec.json.decode(body, type=Record) for (body,) in bodies]

    def applied(self) -> list[Applied]:
        """What reached the blinds, by their own account."""
        lines = (self.folder / "applied.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Applied) for line in lines]


@contextlib.contextmanager
def running_home(folder: Path, settings: str = SETTINGS) -> Iterator[Home]:
    """A home whose daemon runs; nothing of it is left afterwards."""
    home = Home(folder, settings)
    try:
        home.start()
        yield home
    finally:
        if home.process is not None:
            home.process.kill()
            home.process.wait()
