"""Pairing over Bumble: what its Security Manager asks goes to whoever pairs on that connection.

Knows Bumble's pairing delegate. Where nobody is asked we say that we have neither keys nor a display, so only a
pairing without a passkey comes about. Bonds are kept in `bumble_bonds`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bumble.device import Connection, Device
from bumble.pairing import PairingConfig, PairingDelegate

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_faults import bumble_fault
from gattkeeper.links.pairing_faults import advised, declined
from gattkeeper.runtime.asking import Asking

T = TypeVar("T")


class _Asked(PairingDelegate):  # type: ignore[misc]  # Bumble is not typed strictly
    """Asks for one pairing. Bumble lets its questions run on when the pairing is over: `close` ends them."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT)
        self._asking = asking
        self._questions: set[asyncio.Task[Any]] = set()
        self.declined = False

    async def confirm(self, auto: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002 - Bumble's shape
        """Just Works."""
        return await self._yes(self._asking.confirm())

    async def compare_numbers(self, number: int, digits: int) -> bool:  # noqa: ARG002 - there are always six
        """Numeric comparison."""
        return await self._yes(self._asking.confirm_passkey(number))

    async def get_number(self) -> int | None:
        """Passkey entry, here."""
        passkey = await self._run(self._asking.request_passkey())
        self.declined |= passkey is None
        return passkey

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002 - there are always six
        """Passkey entry, on the device."""
        await self._run(self._asking.display_passkey(number))

    def close(self) -> None:
        """The pairing is over: nobody needs an answer any more."""
        for question in self._questions:
            question.cancel()

    async def _yes(self, question: Coroutine[Any, Any, bool]) -> bool:
        answer = await self._run(question)
        self.declined |= not answer
        return answer

    async def _run(self, question: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(question)
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        return await task


class Pairings:
    """Gives each connection's pairing its delegate. Bumble asks one factory of an adapter for all of them."""

    def __init__(self, usual: Callable[[Connection], PairingConfig]) -> None:
        self._usual = usual
        self._asked: dict[Connection, _Asked] = {}

    @classmethod
    def install(cls, device: Device) -> None:
        """Have an adapter's pairings come here."""
        device.pairing_config_factory = cls(device.pairing_config_factory)

    def __call__(self, connection: Connection) -> PairingConfig:
        """What Bumble calls when a pairing begins."""
        config = self._usual(connection)
        config.delegate = self._asked.get(connection, config.delegate)
        return config

    async def pair(self, connection: Connection, asking: Asking | None) -> None:
        """Pair. Raises LinkError when it was declined here, and what Bumble raises."""
        if asking is None:
            await connection.pair()
            return
        asked = self._asked[connection] = _Asked(asking)
        try:
            await connection.pair()
        except Exception as error:
            if asked.declined:
                raise LinkError(declined()) from error
            raise
        finally:
            asked.close()
            del self._asked[connection]


@contextmanager
def advising(asking: Asking | None) -> Iterator[None]:
    """Have every failure say what people can do about it. Lets LinkError out, and no exception of Bumble's."""
    try:
        yield
    except LinkError:
        raise
    except Exception as error:
        raise LinkError(advised(bumble_fault(error), asked=asking is not None)) from error
