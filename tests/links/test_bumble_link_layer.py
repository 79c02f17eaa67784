"""PHYs and the pace of a connection, as bytes on HCI between the link and a virtual controller."""

import asyncio

from bumble import hci

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Phy, ReadPhy, RequestConnectionParameters, SetPhy
from gattkeeper.model.outcome import ConnectionParameters, Phys
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import connected
from link_contract.bumble_bench import ADAPTER, bumble_bench
from link_contract.checks_operation import refusal

PACE = RequestConnectionParameters(interval_min_us=8_750, interval_max_us=13_750, latency=3)


class Tap:
    """What the host sends to its controller from now on; `swallow` keeps it from getting there."""

    def __init__(self, bench) -> None:
        self.controller = bench.radio._adapters[ADAPTER]
        self.sent: list[hci.HCI_Packet] = []
        self.swallow = False
        self._deliver = self.controller.on_packet
        self.controller.on_packet = self._on_packet

    def _on_packet(self, packet: bytes) -> None:
        self.sent.append(hci.HCI_Packet.from_bytes(packet))
        if not self.swallow:
            self._deliver(packet)


def on_bench(story):
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await story(bench, connection, log)

    run_virtual(main())


def test_a_pace_is_asked_for_in_the_specifications_units():
    async def story(bench, connection, _log):
        tap = Tap(bench)
        pace = await connection.perform(PACE)
        (command,) = tap.sent
        assert isinstance(command, hci.HCI_LE_Connection_Update_Command)
        figures = command.connection_interval_min, command.connection_interval_max
        assert (*figures, command.max_latency, command.supervision_timeout) == (7, 11, 3, 500)
        assert pace == ConnectionParameters(interval_us=13_750, latency=3, supervision_timeout_us=5_000_000)

    on_bench(story)


def test_a_pace_that_no_adapter_takes_is_not_even_asked_for():
    async def story(bench, connection, _log):
        tap = Tap(bench)
        wrong = RequestConnectionParameters(interval_min_us=1, interval_max_us=2)
        fault = await refusal(connection, wrong)
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "connection_parameters")
        assert "from 7.5 ms to 4 s" in fault.text
        assert tap.sent == []

    on_bench(story)


def test_a_phy_is_asked_for_per_direction():
    async def story(bench, connection, _log):
        tap = Tap(bench)
        for wanted, bits in (
            (SetPhy(tx=Phy.LE_2M, rx=Phy.LE_CODED), (0, 2, 4)),
            (SetPhy(tx=Phy.LE_1M), (2, 1, 0)),
            (SetPhy(), (3, 0, 0)),
        ):
            await connection.perform(wanted)
            command = tap.sent[-1]
            assert (command.all_phys, command.tx_phys, command.rx_phys) == bits
        assert await connection.perform(ReadPhy()) == Phys(tx=Phy.LE_1M, rx=Phy.LE_CODED)

    on_bench(story)


def test_an_adapter_that_fails_later_says_so_with_its_code():
    async def story(bench, connection, _log):
        tap = Tap(bench)
        for wanted, kind, event in (
            (
                PACE,
                hci.HCI_LE_Connection_Update_Complete_Event,
                {"connection_interval": 0, "peripheral_latency": 0},
            ),
            (SetPhy(tx=Phy.LE_2M), hci.HCI_LE_PHY_Update_Complete_Event, {"tx_phy": 1, "rx_phy": 1}),
        ):
            tap.swallow = True
            asking = asyncio.create_task(refusal(connection, wanted))
            await asyncio.sleep(0.1)
            controller = tap.controller
            controller._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, tap.sent[-1].op_code)
            if kind is hci.HCI_LE_Connection_Update_Complete_Event:
                event["supervision_timeout"] = 0
            failure = kind(status=0x1A, connection_handle=connection._connection.handle, **event)
            controller.send_hci_packet(failure)
            controller.send_hci_packet(failure)  # a second one is nobody's
            fault = await asking
            assert (fault.kind, fault.ran, fault.code) == (FaultKind.REJECTED, Ran.NO, 0x1A)
            tap.swallow = False

    on_bench(story)


def test_a_link_that_breaks_meanwhile_ends_the_wait():
    async def story(bench, connection, log):
        tap = Tap(bench)
        tap.swallow = True
        asking = asyncio.create_task(refusal(connection, SetPhy(tx=Phy.LE_2M)))
        await asyncio.sleep(0.1)
        tap.controller._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, tap.sent[-1].op_code)
        await asyncio.sleep(0.1)
        await bench.lose_link()
        assert (await asking).kind is FaultKind.LINK_LOST
        await log.until_lost()

    on_bench(story)


def test_an_adapter_without_the_command_says_that_it_cannot():
    async def story(bench, connection, _log):
        tap = Tap(bench)
        unknown = hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR)
        tap.controller.on_hci_le_read_phy_command = lambda _command: unknown
        fault = await refusal(connection, ReadPhy())
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.UNSUPPORTED, Ran.NO, "unknown_command")

    on_bench(story)
