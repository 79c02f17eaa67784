"""Whether all files of a journal together are what was written: each whole, and each going on from the one before.

Knows segments and deletions. One file is checked by `verification`.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from gattkeeper.model.record import Record, SegmentDeleted
from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.chain import NOTHING_BEFORE, Head, Segment
from gattkeeper.storage.rows import records_in
from gattkeeper.storage.verification import Flaw, verify

_DELETIONS = "SELECT seq, body FROM journal WHERE kind = 'segment_deleted'"


class Whole(Struct, frozen=True, kw_only=True):
    """Nothing is wrong."""

    first_seq: int  # of the oldest row that is there: 1, unless files were deleted by the rules
    head: Head
    files: int


class Broken(Struct, frozen=True, kw_only=True):
    """The first flaw, and the file it is in."""

    path: Path
    flaw: Flaw


def verify_journal(journal: Path, *, on_progress: Callable[[int], None] | None = None) -> Whole | Broken:
    """Check every file of a journal, oldest first. Reads only.

    Raises StorageError when there is none, or one is not ours. `on_progress` as for `verification.verify`.
    """
    *sealed, written = segments.files_of(journal) or [journal]
    head: Head | None = None
    deleted: list[Record] = []
    for path in sealed:
        with closing(segments.read(path)) as connection:
            found = verify(connection, after=head, on_progress=on_progress)
            if isinstance(found, Flaw):
                return Broken(path=path, flaw=found)
            deleted += records_in(connection.execute(_DELETIONS))
        head = found
    with closing(journal_file.open_as_it_is(written)) as connection:
        found = verify(connection, after=head, on_progress=on_progress)
        if isinstance(found, Flaw):
            return Broken(path=written, flaw=found)
        deleted += records_in(connection.execute(_DELETIONS))
        first = journal_file.segment_of(connection)
    if sealed:
        first = segments.look_into(sealed[0]).segment
    missing = _missing(first, deleted)
    if missing:
        return Broken(path=(*sealed, written)[0], flaw=Flaw(seq=first.first_seq - 1, what=missing))
    return Whole(first_seq=first.first_seq, head=found, files=len(sealed) + 1)


def _missing(first: Segment, deleted: Iterable[Record]) -> str:
    """Why the oldest file should not be the oldest; empty when those before it were deleted as the rules say."""
    if first.number == 1:
        return "" if first.previous_hash == NOTHING_BEFORE else "the first file goes on from another one"
    deletions = (one for one in deleted if isinstance(one, SegmentDeleted))
    before = next((one for one in deletions if one.number == first.number - 1), None)
    if before is None:
        return f"rows up to {first.first_seq - 1} are missing, and no row says that their file was deleted"
    if (before.last_seq + 1, before.last_hash) != (first.first_seq, first.previous_hash.hex()):
        return f"rows up to {first.first_seq - 1} are missing, and the file that was deleted was another one"
    return ""
