"""A connection attempt of a simulated link, which may be ended from outside.

Knows time only. What it waits for is `simulated_link`'s business.
"""

import asyncio
import math

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, Ran


class Attempt(Struct, kw_only=True, eq=False):
    """A running connection attempt; `gone` gets the fault that ends it from outside."""

    device: str
    gone: "asyncio.Future[Fault]"
    linked: bool = False  # the link is up: what is left is discovery

    async def wait(self, seconds: float) -> None:
        """Let time pass. Raises LinkError when the attempt is ended from outside."""
        await asyncio.wait([self.gone], timeout=None if math.isinf(seconds) else seconds)
        if self.gone.done():
            raise LinkError(replace(self.gone.result(), ran=Ran.NO))
