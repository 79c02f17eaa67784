"""Each row of the ATT table, brought about: a device answers with it, over a complete stack."""

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read
from gattkeeper.world.virtual_device import AttError
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import VALUE, connected
from link_contract.bumble_bench import bumble_bench
from links.fault_tables.rows import FaultRow, rows_of


@pytest.mark.parametrize("row", rows_of("ATT"), ids=lambda row: row.said)
def test_a_device_answers_it(row: FaultRow) -> None:
    def refuse() -> bytes:
        raise AttError(row.code)

    async def story() -> None:
        async with bumble_bench() as bench:
            bench.device.characteristic(VALUE).on_read = refuse
            connection, log = await connected(bench)
            with pytest.raises(LinkError) as caught:
                await connection.perform(Read(target=CharacteristicRef(uuid=VALUE)))
            fault = caught.value.fault
            assert (fault.stack, fault.code, fault.kind, fault.ran) == ("att", row.code, row.kind, row.ran)
            assert log.losses == []

    run_virtual(story())
