"""`python -m gattkeeper.privileged`: resets adapters and cuts links for those who may ask.

Knows its arguments, and which verb does what. Run by integrations/systemd/gattkeeper-privileged.service.
"""

import argparse
import logging
import pwd
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from gattkeeper.privileged import down, usb
from gattkeeper.privileged.management import Channel, Management, open_channel
from gattkeeper.privileged.server import Server, listen
from gattkeeper.privileged.wire import SOCKET, Request


def perform(
    request: Request,
    channel: Callable[[], Channel] = open_channel,
    reset_usb: Callable[[int], None] = lambda index: usb.reset(usb.node_of(index)),
    switch_off: Callable[[int], None] = down.switch_off,
) -> None:
    """Do what is asked. Raises RefusedError."""
    with closing(channel()) as opened:
        management = Management(opened)
        index = management.index_of(request.adapter)
        if request.verb == "reset_adapter":
            management.reset(index, switch_off)
        elif request.verb == "reset_usb":
            reset_usb(index)
        else:
            management.cut_link(index, request.device, request.kind)


def server_for(arguments: Sequence[str]) -> Server:
    """A server as the command line asks for it; ends the program, with a sentence, when that cannot be."""
    parser = argparse.ArgumentParser(prog="gattkeeper-privileged", description="Resets Bluetooth adapters.")
    parser.add_argument("--socket", type=Path, default=SOCKET, help="where to listen (%(default)s)")
    parser.add_argument("--user", action="append", default=[], help="who may ask, besides root; may be repeated")
    options = parser.parse_args(arguments)
    try:
        allowed = frozenset({0, *(pwd.getpwnam(user).pw_uid for user in options.user)})
    except KeyError as error:
        parser.error(f"there is no user {error.args[0].rpartition(' ')[2]}")
    try:
        listener = listen(options.socket)
    except OSError as error:
        parser.error(f"cannot listen at {options.socket}: {error.strerror}; is the folder there, and ours?")
    return Server(listener, allowed, perform)


def main(arguments: Sequence[str]) -> None:
    """Serve until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    server = server_for(arguments)
    while True:
        server.serve_one()


if __name__ == "__main__":
    main(sys.argv[1:])
