"""Each row of the HCI table, brought about: an adapter answers with it, or reports the end of a connection."""

import pytest
from bumble import hci

from gattkeeper.errors import LinkError
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import VALUE, ConnectionLog, connected
from link_contract.bumble_bench import BumbleBench, bumble_bench
from links.fault_tables.rows import FaultRow, rows_of


def refuse_to_connect(bench: BumbleBench, status: int) -> None:
    """The controller answers LE Create Connection with a Command Status (Vol 4, Part E, 7.7.15), in either form."""
    controller = bench.link._adapter._device.host.hci_sink.sink

    def refuse(command: hci.HCI_Command) -> None:
        controller._send_hci_command_status(status, command.op_code)

    controller.on_hci_le_create_connection_command = refuse
    controller.on_hci_le_extended_create_connection_command = refuse


@pytest.mark.parametrize("row", rows_of("HCI status"), ids=lambda row: row.said)
def test_an_adapter_refuses_to_connect_with_it(row: FaultRow) -> None:
    async def story() -> None:
        async with bumble_bench() as bench:
            refuse_to_connect(bench, row.code)
            with pytest.raises(LinkError) as caught:
                await bench.link.connect(bench.address, ConnectionLog())
            fault = caught.value.fault
            assert (fault.stack, fault.code, fault.kind, fault.ran) == ("hci", row.code, row.kind, row.ran)

    run_virtual(story())


@pytest.mark.parametrize("row", rows_of("HCI reason"), ids=lambda row: row.said)
def test_a_connection_ends_with_it(row: FaultRow) -> None:
    async def story() -> None:
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            bench.radio.break_link(bench.device, row.code)
            fault = await log.until_lost()
            assert (fault.stack, fault.code, fault.kind, fault.ran) == ("hci", row.code, row.kind, row.ran)
            with pytest.raises(LinkError) as caught:
                await connection.perform(Read(target=CharacteristicRef(uuid=VALUE)))
            assert caught.value.fault.code == row.code

    run_virtual(story())
