"""Who is asked while a device pairs: whoever wanted that pairing, else the keeper's own agent, else nobody.

Knows agents and how long they have for an answer. What a stack asks, and what it makes of an answer, is its link's
business. Passkeys pass through and are kept nowhere: not in the journal, a recording, an outcome or a log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from gattkeeper.errors import ConflictError

_log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_S = 25.0
"""How long an agent has for one answer, in seconds; then it counts as no. Both sides of a pairing give up 30 s
after the last word (Core Specification, Vol 3, Part H, 3.4): a person who is late is told so before that."""

PASSKEY_MAX = 999_999
"""A passkey has six digits (Core Specification, Vol 3, Part H, 2.3.5.3)."""


class PairingAgent(Protocol):
    """Answers for us while a device pairs. `device` is its name.

    A passkey is a number from 0 to 999999, shown with all its six digits. A call is cancelled when its answer is
    of no more use. It has `ANSWER_S` seconds; an exception, and an answer that comes later, count as no.
    """

    async def display_passkey(self, device: str, passkey: int) -> None:
        """Show the passkey, which a person types on the device. May go on until it is cancelled."""

    async def request_passkey(self, device: str) -> int | None:
        """The passkey that the device shows; None: do not pair."""

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        """Whether the device shows the same passkey."""

    async def confirm(self, device: str) -> bool:
        """Whether to pair without a passkey: nothing proves then that it is this device."""


class Asking:
    """One device's agent, as its link asks it: never late, never failing."""

    def __init__(self, agent: PairingAgent, device: str) -> None:
        self._agent = agent
        self._device = device

    async def display_passkey(self, passkey: int) -> None:
        """Show it."""
        await self._answer(self._agent.display_passkey(self._device, passkey), None)

    async def request_passkey(self) -> int | None:
        """The passkey of the device; None: do not pair."""
        passkey = await self._answer(self._agent.request_passkey(self._device), None)
        return passkey if passkey is not None and 0 <= passkey <= PASSKEY_MAX else None

    async def confirm_passkey(self, passkey: int) -> bool:
        """Whether the device shows the same."""
        return await self._answer(self._agent.confirm_passkey(self._device, passkey), otherwise=False)

    async def confirm(self) -> bool:
        """Whether to pair without a passkey."""
        return await self._answer(self._agent.confirm(self._device), otherwise=False)

    async def _answer(self, question: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await question
        except TimeoutError:
            return otherwise
        except Exception as error:  # noqa: BLE001 - an agent is its owner's code
            # without its text, which might quote a passkey
            _log.error("the pairing agent failed on %s: %s", self._device, type(error).__name__)
            return otherwise


class AgentDesk:
    """The agents of a keeper: its own, and for a while those of callers who have a device paired."""

    def __init__(self, own: PairingAgent | None = None) -> None:
        self._own = own
        self._for: dict[str, PairingAgent] = {}

    @contextmanager
    def on_behalf(self, device: str, agent: PairingAgent) -> Iterator[None]:
        """Ask this agent about the device meanwhile. Raises ConflictError while another one is asked."""
        if device in self._for:
            raise ConflictError(f"somebody else is pairing {device} at the moment: try again when that is over")
        self._for[device] = agent
        try:
            yield
        finally:
            del self._for[device]

    def asking(self, device: str) -> Asking | None:
        """Who is asked about a device now; None: nobody is there, so only a pairing without a passkey will do."""
        agent = self._for.get(device, self._own)
        return None if agent is None else Asking(agent, device)
