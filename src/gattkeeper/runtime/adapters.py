"""A keeper's adapters, from their opening to their end, and what the core hears of them.

Knows links by their names in the settings. Which of them carries a device is the business of `ways`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from msgspec import Struct

from gattkeeper.core import events
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.fault import Fault
from gattkeeper.runtime.ports import Link
from gattkeeper.runtime.sessions import outlast
from gattkeeper.runtime.ways import Ways, must_be_apart

SLOTS = 5
"""How many connections an adapter has at once, unless told."""

LINK_CLOSE_TIMEOUT_S = 15.0
"""How long a link may take to let go of its adapter: longer than one polite disconnect."""

_log = logging.getLogger(__name__)


class AdapterUse(Struct, frozen=True, kw_only=True):
    """How adapters are used, by name; those that are not named as the defaults say."""

    slots: Mapping[str, int] = {}  # connections at once
    serialization: Mapping[str, Serialization] = {}
    recovery: Mapping[str, bool] = {}  # whether it is recovered when it is wedged


class Adapters:
    """The links of a keeper. `feed` takes events of the core, `jitter` gives numbers from 0 to 1."""

    def __init__(
        self,
        links: Mapping[str, Link],
        use: AdapterUse,
        ways: Ways,
        *,
        feed: Callable[[events.Event], None],
        jitter: Callable[[], float],
    ) -> None:
        self._links = links
        self._use = use
        self._ways = ways
        self._feed = feed
        self._jitter = jitter
        self._open: list[Link] = []

    async def open(self) -> None:
        """Take hold of every adapter. Raises SettingsError, with what to do, when one cannot be had."""
        for name, link in self._links.items():
            try:
                await link.open(self._watch(name))
                self._open.append(link)
                must_be_apart(self._links, name)
            except BaseException:
                await self.close()
                raise
            self._feed(
                events.AdapterAdded(
                    adapter=name,
                    slots=self._use.slots.get(name, SLOTS),
                    bypass=link.traits.bypass,
                    bypass_other=link.traits.bypass_other,
                    aside=link.traits.aside,
                    unanswered=link.traits.unanswered,
                    forgets=link.traits.forgets,
                    discovers_beside=link.traits.discovers_beside,
                    serialization=self._use.serialization.get(name, Serialization.AUTO),
                    rungs=link.traits.rungs if self._use.recovery.get(name, True) else (),
                )
            )

    async def close(self) -> None:
        """Let go of them, each in a bounded time."""
        while self._open:
            task = asyncio.get_running_loop().create_task(self._open.pop().close())
            await asyncio.wait({task}, timeout=LINK_CLOSE_TIMEOUT_S)
            if await outlast(task):
                _log.warning("an adapter could not be let go of within %g s", LINK_CLOSE_TIMEOUT_S)

    def _watch(self, name: str) -> Callable[[bool, Fault | None], None]:
        def changed(up: bool, fault: Fault | None) -> None:  # noqa: FBT001 - the port's shape
            if up or fault is None:
                self._feed(events.AdapterUp(adapter=name))
                self._ways.adapter_up(name)
            else:
                self._feed(events.AdapterDown(adapter=name, fault=fault, jitter=self._jitter()))

        return changed
