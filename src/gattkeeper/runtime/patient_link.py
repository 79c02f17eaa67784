"""Adapters that cannot be had at the start, beside others that can: tried again, while the others are served.

Knows a link that opens later. Where no adapter at all can be had the start is refused, with what to do.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting

TRY_AGAIN_S = 5.0
"""Pause before an adapter that could not be had is tried again, in seconds."""

_log = logging.getLogger(__name__)

OnAdapter = Callable[[bool, Fault | None], None]


def patient(links: Mapping[str, Link]) -> dict[str, Link]:
    """The links; each may open later as long as another one is there. A single one has to open at once."""
    if len(links) == 1:
        return dict(links)
    absent: dict[str, str] = {}
    return {name: PatientLink(link, name, absent, len(links)) for name, link in links.items()}


class PatientLink:
    """A `ports.Link` that opens when it can. `absent` has those of the `count` links that could not, and why."""

    def __init__(self, link: Link, name: str, absent: dict[str, str], count: int) -> None:
        self._link = link
        self._key = name
        self._absent = absent
        self._count = count
        self._absence: Fault | None = None
        self._trying: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """See `ports.Link`."""
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        """See `ports.Link`."""
        return self._link.traits

    async def open(self, on_adapter: OnAdapter) -> None:
        """See `ports.Link`; raises SettingsError only when no other link can be opened either."""
        try:
            await self._link.open(on_adapter)
        except SettingsError as error:
            self._note(str(error))
            if len(self._absent) == self._count:
                raise SettingsError("no adapter can be used:\n" + "\n".join(self._absent.values())) from error
            loop = asyncio.get_running_loop()
            loop.call_soon(on_adapter, False, self._absence)  # once the owner knows the adapter
            self._trying = loop.create_task(self._try_again(on_adapter))

    async def _try_again(self, on_adapter: OnAdapter) -> None:
        while self._absence is not None:
            await asyncio.sleep(TRY_AGAIN_S)
            try:
                await self._link.open(on_adapter)
            except SettingsError as error:
                self._note(str(error))
            else:
                self._absence = None
        del self._absent[self._key]
        _log.info("adapter %s is there now (%s)", self._key, self.name)
        on_adapter(True, None)

    def _note(self, text: str) -> None:
        if self._absent.get(self._key) == text:
            return
        self._absent[self._key] = text
        self._absence = Fault(
            kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="keeper", name="not_opened", text=text
        )
        _log.warning("adapter %s cannot be used, and is tried again every %g s: %s", self._key, TRY_AGAIN_S, text)

    def _ready(self) -> Link:
        if self._absence is not None:
            raise LinkError(self._absence)
        return self._link

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """See `ports.Link`."""
        return await self._ready().connect(device, events, demand)

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`."""
        async with aclosing(self._ready().scan(duration_s)) as sightings:
            async for sighting in sightings:
                yield sighting

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._ready().recover(rung, device)

    async def bonded(self, device: DeviceAddress) -> bool:
        """See `ports.Link`."""
        return await self._ready().bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._ready().forget(device)

    async def close(self) -> None:
        """See `ports.Link`."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait({self._trying})
        if self._absence is None:
            await self._link.close()
