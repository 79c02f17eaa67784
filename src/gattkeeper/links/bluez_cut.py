"""Ends a link past bluetoothd, which waits 2 s by itself: through the privileged program, where that runs.

Knows what the program has to be told, and how what came of it is told to people. BlueZ is asked for the same
meanwhile, so that a program that refuses, or does not answer, costs nothing: that is the connection's business.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from gattkeeper.errors import LinkError
from gattkeeper.links.privileged_client import PrivilegedClient
from gattkeeper.privileged.wire import Request

CUT_S = 2.0
"""How long the program may take, in seconds: bluetoothd's own way takes no longer (DISCONNECT_TIMER, device.c)."""

CUT = "the privileged program cut the link"
OWN_WAY = "BlueZ took the link down, which takes it 2 s"
NO_PROGRAM = f"{OWN_WAY}: no privileged program runs that would cut it"
NO_ANSWER = f"{OWN_WAY}: the privileged program did not answer"


def cut_request(adapter: str, properties: Mapping[str, Any]) -> Request:
    """What to ask for: the adapter's address, and BlueZ's properties of the device."""
    return Request("cut_link", adapter, str(properties["Address"]), str(properties.get("AddressType", "public")))


async def cut(program: PrivilegedClient, adapter: str, properties: Mapping[str, Any]) -> str:
    """Have the link cut; what came of it, in words. Never raises, and takes `CUT_S` at most."""
    if not program.there:
        return NO_PROGRAM
    try:
        async with asyncio.timeout(CUT_S):
            await program.ask(cut_request(adapter, properties))
    except TimeoutError:
        return NO_ANSWER
    except LinkError as error:
        return f"{OWN_WAY}: {error.fault.text}"
    return CUT
