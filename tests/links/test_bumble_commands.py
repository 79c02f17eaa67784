"""An answer over HCI completes the command that caused it, and no other one."""

import asyncio

import pytest
from bumble import hci
from bumble.host import Host

from gattkeeper.links.bumble_commands import guard_commands
from gattkeeper.world import run_virtual

RANDOM, ADDRESS = hci.HCI_LE_Rand_Command, hci.HCI_Read_BD_ADDR_Command
TIMEOUT_S = 1.0


class Adapter:
    """A host, and what it sent; the test answers in the place of the controller."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.host = Host()
        self.host.set_packet_sink(self)
        self.host.ready = True
        guard_commands(self.host)

    def on_packet(self, packet: bytes) -> None:
        self.sent.append(hci.HCI_Packet.from_bytes(packet).op_code)

    def answer(self, command: type[hci.HCI_SyncCommand], number: int = 0) -> None:
        """Answer this command, with a number where it has one."""
        rest = number.to_bytes(8, "little") if command is RANDOM else bytes(6) if command is ADDRESS else b""
        parameters = b"\x01" + command.op_code.to_bytes(2, "little") + b"\0" + rest
        self.host.on_packet(bytes([0x04, 0x0E, len(parameters)]) + parameters)

    def ask(self, command: type[hci.HCI_SyncCommand]) -> "asyncio.Task[hci.HCI_ReturnParameters]":
        return asyncio.create_task(self.host.send_sync_command(command(), TIMEOUT_S))


def number_of(answer: hci.HCI_ReturnParameters) -> int:
    return int.from_bytes(answer.random_number, "little")


async def unanswered(adapter: Adapter) -> None:
    with pytest.raises(TimeoutError):
        await adapter.ask(RANDOM)


def test_a_late_answer_is_nobodys_and_the_next_command_goes_after_it() -> None:
    async def main() -> None:
        adapter = Adapter()
        await unanswered(adapter)
        following = adapter.ask(RANDOM)
        await asyncio.sleep(0.5)
        assert adapter.sent == [RANDOM.op_code], "not while an answer is owed that it could get"
        adapter.answer(RANDOM, 1)
        await asyncio.sleep(0.1)
        assert adapter.sent == [RANDOM.op_code] * 2
        adapter.answer(RANDOM, 2)
        assert number_of(await following) == 2

    run_virtual(main())


def test_a_command_behind_one_that_is_never_answered_is_never_sent_and_ends_in_its_own_time() -> None:
    async def main() -> None:
        adapter = Adapter()
        await unanswered(adapter)
        started_at = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await adapter.ask(ADDRESS)
        assert asyncio.get_running_loop().time() - started_at == pytest.approx(TIMEOUT_S)
        assert adapter.sent == [RANDOM.op_code]

    run_virtual(main())


def test_a_reset_waits_for_nothing_and_nothing_is_owed_after_it() -> None:
    async def main() -> None:
        adapter = Adapter()
        await unanswered(adapter)
        resetting = adapter.ask(hci.HCI_Reset_Command)
        await asyncio.sleep(0)
        adapter.answer(hci.HCI_Reset_Command)
        await resetting
        following = adapter.ask(ADDRESS)
        await asyncio.sleep(0)
        adapter.answer(ADDRESS)
        await following

    run_virtual(main())


def test_the_answer_to_another_command_leaves_the_one_that_waits_waiting() -> None:
    async def main() -> None:
        adapter = Adapter()
        asking = adapter.ask(RANDOM)
        await asyncio.sleep(0)
        adapter.answer(ADDRESS)
        adapter.host.on_packet(bytes.fromhex("04 0f 04 00 01 00 00"))  # room for a command, the status of none
        await asyncio.sleep(0)
        assert not asking.done()
        adapter.answer(RANDOM, 7)
        adapter.answer(RANDOM, 8)
        assert number_of(await asking) == 7

    run_virtual(main())


def test_what_was_cancelled_in_flight_is_owed_and_what_was_cancelled_before_is_not() -> None:
    async def main() -> None:
        adapter = Adapter()
        first, second, third = adapter.ask(RANDOM), adapter.ask(ADDRESS), adapter.ask(RANDOM)
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        await asyncio.sleep(0.1)
        assert adapter.sent == [RANDOM.op_code]
        adapter.answer(RANDOM, 1)
        await asyncio.sleep(0)
        adapter.answer(RANDOM, 3)
        assert number_of(await third) == 3
        assert adapter.sent == [RANDOM.op_code] * 2

    run_virtual(main())


def test_a_controller_that_takes_no_command_now_is_waited_for_no_longer_than_the_command_has() -> None:
    async def main() -> None:
        adapter = Adapter()
        asking = adapter.ask(RANDOM)
        await asyncio.sleep(0)
        adapter.host.on_packet(bytes.fromhex("04 0e 0c 00 18 20 00") + bytes(8))  # done, and room for none
        await asking
        with pytest.raises(TimeoutError):
            await adapter.ask(ADDRESS)
        adapter.host.on_packet(bytes.fromhex("04 0e 03 01 00 00"))  # room for one
        following = adapter.ask(ADDRESS)
        await asyncio.sleep(0)
        adapter.answer(ADDRESS)
        await following
        assert adapter.sent == [RANDOM.op_code, ADDRESS.op_code]

    run_virtual(main())


def test_guarding_twice_is_guarding_once() -> None:
    adapter = Adapter()
    sending = adapter.host._send_command
    guard_commands(adapter.host)
    assert adapter.host._send_command == sending
