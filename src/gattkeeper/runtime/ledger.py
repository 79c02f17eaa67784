"""Which commands there are: handles by id and by idempotency key, from memory and from the journal.

Knows who asked for what. What becomes of it is told to the ledger by others.
"""

from collections import OrderedDict

from msgspec.structs import replace

from gattkeeper.errors import ConflictError
from gattkeeper.model import record
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.digest import same_request
from gattkeeper.model.outcome import Resolution
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.ports import Journal

ENDED_KEPT = 10_000
"""Ended commands whose outcome is answered from memory; older ones are in the journal."""

NOBODY = Origin()
"""What a command says of its caller that names nobody."""


class Ledger:
    """`id_prefix` makes ids unique over restarts. `origin` stands for callers that name nobody."""

    def __init__(self, *, id_prefix: str, journal: Journal | None, origin: Origin | None = None) -> None:
        self._origin = origin or Origin()
        self._id_prefix = id_prefix
        self._journal = journal
        self._count = 0
        self._live: dict[str, Handle] = {}
        self._ended: OrderedDict[str, Handle] = OrderedDict()
        self._keys: dict[str, str] = {}
        self._resolving: set[str] = set()  # the row is being written

    def open(self, command: Command) -> Handle:
        """Give a command its id, and its caller a handle."""
        command_id = self.new_id()
        handle = Handle(replace(command, id=command_id, origin=self.who(command.origin)))
        self._live[command_id] = handle
        if command.idempotency_key:
            self._keys[command.idempotency_key] = command_id
        return handle

    def who(self, origin: Origin | None) -> Origin:
        """Who is on record for a caller that says this."""
        return self._origin if origin is None or origin == NOBODY else origin

    def new_id(self) -> str:
        """An id that nothing else has: of a command, or of several that belong together."""
        self._count += 1
        return f"{self._id_prefix}-{self._count}"

    def strike(self, handle: Handle) -> None:
        """It was not taken on: as if it had never been asked for."""
        self._live.pop(handle.id, None)
        key = handle.command.idempotency_key
        if key and self._keys.get(key) == handle.id:
            del self._keys[key]

    def close(self, command_id: str) -> Handle | None:
        """It has ended; the handle stays at hand for a while."""
        handle = self._live.pop(command_id, None)
        if handle is not None:
            self._ended[command_id] = handle
            if len(self._ended) > ENDED_KEPT:
                _, oldest = self._ended.popitem(last=False)
                self._keys.pop(oldest.command.idempotency_key, None)
        return handle

    def live(self, command_id: str) -> Handle | None:
        """The handle of a command that has not ended."""
        return self._live.get(command_id)

    def live_ids(self) -> tuple[str, ...]:
        """The commands that have not ended, in the order in which they were asked for."""
        return tuple(self._live)

    def find(self, command_id: str) -> Handle | None:
        """The handle of any command, as far back as the journal goes."""
        handle = self._live.get(command_id) or self._ended.get(command_id)
        return handle if handle is not None else self._from_journal(command_id)

    def find_by_key(self, command: Command) -> Handle | None:
        """The command accepted earlier under the same idempotency key.

        Raises ConflictError when that was a different request.
        """
        key = command.idempotency_key
        if not key:
            return None
        command_id = self._keys.get(key, "")
        if not command_id and self._journal is not None:
            command_id = self._journal.find_key(key)
        handle = self.find(command_id) if command_id else None
        if handle is not None and not same_request(handle.command, command, handle.digests):
            raise ConflictError(
                f"the idempotency key {key!r} belongs to {handle.id}, which is a different request"
            )
        return handle

    def resolve(self, command_id: str) -> bool:
        """Note that a command is resolved now; False when it already was, or somebody else is about to."""
        handle = self.find(command_id)
        if command_id in self._resolving or (handle is not None and handle.resolution is not None):
            return False
        self._resolving.add(command_id)
        return True

    def resolved(self, resolution: Resolution) -> None:
        """The resolution is on record."""
        self._resolving.discard(resolution.command_id)
        handle = self._ended.get(resolution.command_id)
        if handle is not None:
            handle.resolution = resolution

    def reopen(self, command_id: str) -> None:
        """The resolution could not be written down: as if there had been none."""
        self._resolving.discard(command_id)

    def _from_journal(self, command_id: str) -> Handle | None:
        handle: Handle | None = None
        for row in self._journal.records_of(command_id) if self._journal is not None else ():
            if isinstance(row, record.Accepted):
                handle = Handle(row.command, row.digests)
                handle.settle(None)
            elif isinstance(row, record.Ended) and handle is not None:
                handle.end(row.outcome)
            elif isinstance(row, record.Resolved) and handle is not None:
                handle.resolution = row.resolution
        return handle
