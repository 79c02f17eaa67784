"""`gattkeeper pair` at a real terminal: the prompt, what is typed, and what is left when nobody is there."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gattkeeper.fronts.answers import EXIT_DONE, EXIT_NOT_DELIVERED
from gattkeeper.model.record import Ended
from system.home import Home, running_home

pytestmark = pytest.mark.system

PROMPT = "Pair without a passkey? Nothing proves then that this is lounge. [y/N] "
LIMIT_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with running_home(tmp_path) as home:
        yield home


class Seat:
    """A person's terminal, with `gattkeeper pair lounge` on it."""

    def __init__(self, home: Home) -> None:
        self._terminal, inside = pty.openpty()
        words = [sys.executable, "-m", "gattkeeper", "pair", "lounge", "--socket", str(home.socket)]
        self.program = subprocess.Popen(words, stdin=inside, stdout=inside, stderr=inside, start_new_session=True)
        os.close(inside)
        self.shown = ""

    def until_shown(self, text: str) -> None:
        """Read the terminal until this is on it."""
        give_up_at = time.monotonic() + LIMIT_S
        while text not in self.shown:
            assert time.monotonic() < give_up_at, self.shown
            self.shown += os.read(self._terminal, 4096).decode()

    def type(self, text: str) -> None:
        """Type, as on a keyboard."""
        os.write(self._terminal, text.encode())

    def end(self) -> int:
        """Wait for the program; its exit code."""
        code = self.program.wait(timeout=LIMIT_S)
        try:
            while chunk := os.read(self._terminal, 4096):
                self.shown += chunk.decode()
        except OSError:  # the other end is closed
            pass
        os.close(self._terminal)
        return code


def test_a_yes_at_the_prompt_pairs(home: Home) -> None:
    seat = Seat(home)
    seat.until_shown(PROMPT)
    seat.type("y\n")
    assert seat.end() == EXIT_DONE
    assert "lounge pair  delivered" in seat.shown
    again = Seat(home)
    assert again.end() == EXIT_DONE
    assert PROMPT not in again.shown, "the bond is kept"


def test_any_other_word_pairs_nothing_and_says_so(home: Home) -> None:
    seat = Seat(home)
    seat.until_shown(PROMPT)
    seat.type("\n")
    assert seat.end() == EXIT_NOT_DELIVERED
    assert "the pairing was declined here" in " ".join(seat.shown.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_person_who_leaves_takes_the_pairing_along(home: Home, number: signal.Signals) -> None:
    seat = Seat(home)
    seat.until_shown(PROMPT)
    seat.program.send_signal(number)
    seat.end()
    assert ("the pairing is taken back" in seat.shown) == (number is signal.SIGINT)
    give_up_at = time.monotonic() + LIMIT_S
    while not (ends := [row for row in home.rows() if isinstance(row, Ended)]):
        assert time.monotonic() < give_up_at, "the pairing goes on although nobody is there"
    assert not ends[0].outcome.succeeded
    assert home.ask("read", "lounge", "2a00").returncode == EXIT_DONE, "others go on"


def test_without_a_terminal_nobody_is_asked(home: Home) -> None:
    done = home.ask("pair", "lounge")
    assert (done.returncode, done.stderr) == (EXIT_DONE, "")
    assert home.ask("unpair", "lounge").returncode == EXIT_DONE
