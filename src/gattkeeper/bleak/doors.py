"""Where a keeper is reached: in this process, or through a daemon's socket.

Knows what the drop-in needs of either. Names nothing of Bleak.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from gattkeeper.bleak.hints import Hints
from gattkeeper.model.gatt import CharacteristicRef, Service
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.ports import Sighting

WAIT_S = 20.0
"""How long connecting may take beyond its time-out: for others to make room, of which that knows nothing."""


class Hold(Protocol):
    """A device's connection, kept for this program while it is `active`. All of it on one event loop."""

    @property
    def name(self) -> str:
        """What the settings call the device; its address where they do not name it."""

    @property
    def active(self) -> bool:
        """Whether it holds. Once it does not, it never does again."""

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table in force."""

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""

    async def run(self, operation: Operation, hints: Hints) -> AnswerValue:
        """Carry an operation out when its turn comes. Raises GattkeeperError; cancelling takes it back."""

    async def subscribe(self, target: CharacteristicRef, hints: Hints, push: Callable[[bytes], None]) -> None:
        """From now on `push` gets the characteristic's values, in order. Raises GattkeeperError."""

    async def unsubscribe(self, target: CharacteristicRef, hints: Hints) -> None:
        """No more of them. Raises GattkeeperError."""

    async def close(self) -> None:
        """Let go. `on_end` is not called any more. Never raises."""


class Door(Protocol):
    """A keeper, as far as one client or scanner needs it."""

    async def hold(
        self, device: str, *, holder: str, timeout: float, hints: Hints, on_end: Callable[[], None]
    ) -> Hold:
        """Connect, in `timeout` seconds once it is its turn, and keep the connection.

        `on_end` is called once when it is taken, or lost. Raises GattkeeperError; cancelling takes it back.
        """

    async def unpair(self, device: str) -> None:
        """Forget our half of the bond. Raises GattkeeperError."""

    def scan(self) -> AsyncGenerator[Sighting, None]:
        """Advertisements until the caller has heard enough. Raises GattkeeperError."""

    async def problem_with_scan(self) -> str:
        """Why nothing can be heard now, in a sentence; empty when something can. Raises GattkeeperError."""

    async def close(self) -> None:
        """Needed no more. Never raises."""
