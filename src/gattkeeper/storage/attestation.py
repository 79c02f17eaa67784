"""Whether a journal is the one that was signed: each checkpoint's row is there and has the hash that was signed.

Knows what a chain that is whole in itself leaves open. The chain is checked by `succession` before, the signatures
by `checkpoints`.
"""

import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.chain import Segment
from gattkeeper.storage.checkpoints import Checkpoint, Signed, told
from gattkeeper.storage.succession import Whole
from gattkeeper.storage.verification import Flaw

_HASH_OF = "SELECT hash FROM journal WHERE seq = ?"


class Attested(Struct, frozen=True, kw_only=True):
    """Every checkpoint whose row is there agrees with it."""

    to: int  # the newest row that is signed for; 0: none
    older: int  # checkpoints of rows that were deleted by the rules


def attest(journal: Path, whole: Whole, signed: Signed) -> Attested | Flaw:
    """Hold the checkpoints against a journal that is whole; gives how far it is signed for, or the first flaw.

    The checkpoints are to be read before the journal is checked, if a daemon may be writing. Raises StorageError.
    """
    waiting = deque(one for one in signed.checkpoints if one.seq >= whole.first_seq)
    older = len(signed.checkpoints) - len(waiting)
    agreed = whole.first_seq - 1
    for path in segments.files_of(journal):
        with closing(segments.read(path)) as file:
            segment, last = journal_file.segment_of(file), journal_file.head(file).seq
            while waiting and waiting[0].seq <= last:
                checkpoint = waiting.popleft()
                what = _disagreement(file, segment, checkpoint)
                if what:
                    begin = f"some row from {agreed + 1} to {checkpoint.seq}"
                    return Flaw(seq=checkpoint.seq, what=f"{begin} is not the one that was signed: {what}")
                agreed = checkpoint.seq
    if waiting:
        newest = waiting[-1]
        missing = f"rows {whole.head.seq + 1} to {newest.seq} are missing"
        return Flaw(seq=whole.head.seq + 1, what=f"{missing}: {told(newest)} shows that they were written")
    return Attested(to=agreed if agreed >= whole.first_seq else 0, older=older)


def _disagreement(file: sqlite3.Connection, segment: Segment, checkpoint: Checkpoint) -> str:
    """Empty when the row is the one that was signed."""
    if checkpoint.install_id != segment.install_id:
        return f"{told(checkpoint)} is of another installation ({checkpoint.install_id})"
    found = file.execute(_HASH_OF, (checkpoint.seq,)).fetchone()
    if found is None or found[0].hex() != checkpoint.hash or checkpoint.segment != segment.number:
        return f"{told(checkpoint)} has another hash"
    return ""
