"""When checkpoints are made, and where they are kept: a thread beside the one that writes rows.

Knows the files beside the journal. What a checkpoint says stands in `checkpoints`, who signs it in `signing`, how
it gets elsewhere in `pushing`. No row waits for anything here.
"""

import asyncio
import logging
from pathlib import Path
from threading import Condition, Thread
from typing import Literal, Self

import msgspec
from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.storage import clock, line_file
from gattkeeper.storage.chain import Head, Segment
from gattkeeper.storage.checkpoints import Checkpoint, checkpoint_in, line_of
from gattkeeper.storage.pushing import Place, place_of, pushers_of
from gattkeeper.storage.signing import Signer

_LINE_MAX = 4096
"""Bytes from the end in which the last line is looked for; one takes about 500."""

_log = logging.getLogger(__name__)


class CheckpointRules(Struct, frozen=True, kw_only=True):
    """How often, with which keys, and where to."""

    rows: int = 1000  # after so many rows at the latest
    every_s: float = 300.0  # and when the oldest row without one is so old, or a little later
    keys: Literal["fixed", "evolving"] = "fixed"  # evolving: one for each checkpoint, erased afterwards
    push: tuple[str, ...] = ()  # places as `pushing.place_of` knows them


def checkpoints_of(journal: Path) -> Path:
    """The file of a journal's checkpoints."""
    return journal.with_name(journal.name + ".checkpoints")


def key_of(journal: Path) -> Path:
    """The private file of the keys that sign them."""
    return journal.with_name(journal.name + ".key")


def progress_of(journal: Path) -> Path:
    """What each place has had."""
    return journal.with_name(journal.name + ".pushed")


class Checkpointer:
    """Signs how far the journal goes: soon after a start, by the rules, and at the end."""

    def __init__(
        self,
        journal: Path,
        rules: CheckpointRules,
        signer: Signer,
        *,
        segment: Segment,
        head: Head,
        newest: Checkpoint | None,
    ) -> None:
        self.newest = newest  # of those that were there at the start
        self._holding = False
        self._rules = rules
        self._signer = signer
        self._install_id = segment.install_id
        self._path = checkpoints_of(journal)
        places: dict[str, Place] = {name: place_of(name) for name in rules.push}
        self._pushers = pushers_of(places, self._path, progress_of(journal))
        self._condition = Condition()
        self._head = head
        self._segment = segment.number
        is_newest = newest is not None and (newest.seq, newest.hash) == (head.seq, head.hash.hex())
        self._signed_seq = head.seq if is_newest else 0
        self._due_seq = head.seq + 1  # the first rows of a keeper are signed at once
        self._ending = False
        self._failing = False
        self._thread = Thread(target=self._run, name="gattkeeper-checkpoints", daemon=True)

    @classmethod
    def open(cls, journal: Path, rules: CheckpointRules, *, segment: Segment, head: Head) -> Self:
        """Begin, where a journal stands that its caller has locked. The key is made where there is none.

        Raises StorageError without a usable key, SettingsError for a place that is none. Whether the journal is
        what was signed is not looked at: nothing new is signed before `start`.
        """
        newest = _newest(checkpoints_of(journal))
        named = newest.next_key if newest else ""
        signer = Signer.open(key_of(journal), evolving=rules.keys == "evolving", named=named)
        return cls(journal, rules, signer, segment=segment, head=head, newest=newest)

    def start(self, *, holding: bool) -> None:
        """Begin to sign and to push. `holding`: sign nothing before `go_on`: the newest one stays what it is."""
        self._holding = holding
        for pusher in self._pushers:
            pusher.start()
        self._thread.start()

    def go_on(self) -> None:
        """Sign from now on, and at once."""
        with self._condition:
            self._holding = False
            self._due_seq = self._head.seq
            self._condition.notify()

    def advance(self, head: Head, segment: int) -> None:
        """Rows up to `head` are durable. Returns at once; from the writer's thread."""
        with self._condition:
            self._head, self._segment = head, segment
            if head.seq >= self._due_seq:
                self._condition.notify()

    async def stop(self) -> None:
        """Sign what is there, push it, and end; a few seconds where a place does not answer."""
        with self._condition:
            self._ending = True
            self._condition.notify()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        self._thread.join()
        for pusher in self._pushers:
            pusher.stop()
        for pusher in self._pushers:
            pusher.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._ending or self._head.seq >= self._due_seq, self._rules.every_s
                )
                head, segment, ending = self._head, self._segment, self._ending
                self._due_seq = head.seq + self._rules.rows
                holding = self._holding
            if head.seq != self._signed_seq and not holding:
                self._make(head, segment)

    def _make(self, head: Head, segment: int) -> None:
        checkpoint = Checkpoint(
            install_id=self._install_id,
            segment=segment,
            seq=head.seq,
            hash=head.hash.hex(),
            utc_us=clock.wall_us(),
            mono_us=clock.monotonic_us(),
            boot_id=clock.boot_id(),
            clock_synced=clock.synchronised(),
        )
        try:
            line_file.append(self._path, line_of(self._signer.sign(checkpoint)))
            self._signed_seq = head.seq
            self._signer.signed()
        except OSError as fault:
            if not self._failing:
                _log.error("checkpoints cannot be written to %s, and wait: %s", self._path, fault)
            self._failing = True
            return
        if self._failing:
            _log.warning("checkpoints can be written to %s again", self._path)
        self._failing = False
        for pusher in self._pushers:
            pusher.wake()


def _newest(path: Path) -> Checkpoint | None:
    """The last line, if it is one of ours. Raises StorageError when the file cannot be read."""
    try:
        lines = line_file.read_from(path, max(0, path.stat().st_size - _LINE_MAX)).splitlines()
        return checkpoint_in(lines[-1]) if lines else None
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StorageError(f"the checkpoints {path} cannot be read: {fault.strerror}") from fault
    except msgspec.MsgspecError:
        _log.error("the last line of the checkpoints %s is damaged; see `gattkeeper audit verify`", path)
        return None
