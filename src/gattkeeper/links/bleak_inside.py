"""The few places where we reach inside Bleak, each with the reason. Nothing else may.

Knows names of Bleak 3.1 that it does not promise to keep. Does nothing on other stacks than BlueZ.

Bleak keeps one manager per event loop: its own copy of BlueZ's objects, fed by signals. It does not
watch who owns the name org.bluez. When bluetoothd is killed no signal says that links are down, so the
copy still shows them connected, and a later connect "succeeds" without a single call. Bleak does rebuild
everything when the manager's own bus connection ends (`_handle_bus_disconnect`: the copy is emptied and
every client told that its link is down): ending it is therefore what makes Bleak forget.
"""

import asyncio
import contextlib
import sys

VERSION_CHECK_S = 5.0
"""How long `bluetoothctl --version` may take, in seconds; it answers in milliseconds."""


async def forget_bluez() -> None:
    """Make Bleak forget what it believes about BlueZ; the next call of it asks anew."""
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.manager import _global_instances  # noqa: PLC0415

    manager = _global_instances.get(asyncio.get_running_loop())
    bus = None if manager is None else manager._bus  # noqa: SLF001
    if bus is None:
        return
    bus.disconnect()
    # Shielded: a cancel would reach the bus's one future for its end, which Bleak waits for as well.
    with contextlib.suppress(Exception):  # it repeats what ended the connection, if anything did
        await asyncio.shield(bus.wait_for_disconnect())  # type: ignore[no-untyped-call,unused-ignore]
    await asyncio.sleep(0)  # lets Bleak's own task, woken by the same event, tell its clients


async def end_discovery(adapter_path: str) -> None:
    """Ask BlueZ to end a discovery of ours that Bleak has lost track of.

    BlueZ counts discoveries per bus connection. Bleak drops its record of one that was cancelled while
    starting; if BlueZ grants it later, every further scan is refused as already in progress.
    """
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.manager import _global_instances  # noqa: PLC0415
    from dbus_fast import Message, MessageFlag  # noqa: PLC0415

    manager = _global_instances.get(asyncio.get_running_loop())
    bus = None if manager is None else manager._bus  # noqa: SLF001
    if bus is None or not bus.connected:
        return
    message = Message(
        destination="org.bluez",
        path=adapter_path,
        interface="org.bluez.Adapter1",
        member="StopDiscovery",
        flags=MessageFlag.NO_REPLY_EXPECTED,
    )
    with contextlib.suppress(Exception):  # a bus that is gone has ended the discovery with it
        await bus.send(message)


async def check_version() -> None:
    """Let Bleak ask for BlueZ's version now, not inside the first connect.

    A connect that is cancelled during this check leaves Bleak waiting for its end for ever, in every
    later connect. Without bluetoothctl, or without its answer, Bleak goes on with a log line.
    """
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.version import BlueZFeatures  # noqa: PLC0415

    if BlueZFeatures.checked_bluez_version:
        return
    try:
        async with asyncio.timeout(VERSION_CHECK_S):
            await BlueZFeatures.check_bluez_version()
    except TimeoutError:
        BlueZFeatures.checked_bluez_version = True
    except asyncio.CancelledError:
        BlueZFeatures._check_bluez_event = None  # noqa: SLF001
        raise
