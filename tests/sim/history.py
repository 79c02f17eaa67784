"""Everything that is known about a simulated run: what was told, written down, seen at the devices, and done wrong.

Knows shapes only. Judging is the checker's business, counting that of `report`.
"""

from msgspec import Struct

from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome
from gattkeeper.world import Seen
from sim.memory_journal import Row


class Told(Struct, frozen=True, kw_only=True):
    """What a caller was told: an outcome, or the code of the error that refused the command."""

    command: Command
    asked_at_us: int
    told_at_us: int
    outcome: Outcome | None = None
    refused: str = ""


class Fired(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault that no link brought about: a client's, the world's. Those of links stand in what was seen."""

    number: str  # F1, as `faults.toml` has it
    step: str  # what was going on, or being asked for
    at_us: int
    device: str = ""
    command_id: str = ""  # the command it hit; its outcome tells what came of it
    said: str = ""  # what came of it, where there is no command


class Push(Struct, frozen=True, kw_only=True):
    """A notification that a device sent; every payload is sent for one reason only."""

    device: str
    payload: bytes
    at_us: int


class Heard(Struct, frozen=True, kw_only=True):
    """A notification that one reader was given. What came before it began to read it was given late."""

    reader: int
    device: str
    payload: bytes
    at_us: int
    since_us: int  # when the reader began to read


class Held(Struct, kw_only=True):
    """A lease, from when its holder was told that it has it until it was told that it is over, or let go."""

    lease: str  # a name that counts in one life of the keeper
    device: str
    since_us: int
    until_us: int = 0
    ended_by: str = ""  # the name of the fault that ended it; empty: its holder let go


class History(Struct, kw_only=True):
    """Everything that is known about a run, over all lives of the keeper."""

    told: list[Told] = []
    stops: list[Told] = []  # emergency stops when they were asked for, before anybody was told anything
    rows: list[Row] = []
    seen: list[Seen] = []
    violations: list[str] = []  # of the links
    probes: list[Told] = []  # commands sent after faults stopped
    safety: frozenset[str] = frozenset()  # devices that latch
    bound_us: int = 0  # what an end may take beyond the deadline: the disk's time
    crashes_us: tuple[int, ...] = ()
    depth_max: int = 0  # most commands that were seen waiting for one device
    depth_limit: int = 0
    limits: Limits = Limits()
    adapters: dict[str, str] = {}  # by device
    serialization: dict[str, Serialization] = {}  # by adapter
    left: int = 0  # commands without an end when all was over
    fired: list[Fired] = []
    pushed: list[Push] = []
    heard: list[Heard] = []
    owners: list[
        str
    ] = []  # second keepers that were let near an adapter that had one, and first ones that were not
    to_strangers: list[str] = []  # what those were given who are not the device that was meant
    held: list[Held] = []
    reprioritised: set[str] = set()  # ids of commands that changed their place
