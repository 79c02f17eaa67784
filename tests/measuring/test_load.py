"""The account of the load notices what must not happen, and finds nothing of it with a keeper."""

import asyncio

import pytest

from gattkeeper.model.operation import Read
from gattkeeper.world import run_virtual
from measured.load import Product, Sources, with_keeper, without

OPERATIONS = 200


def test_with_a_keeper_nothing_overlaps_is_lost_or_goes_astray() -> None:
    product = run_virtual(with_keeper(OPERATIONS))
    assert product.done >= OPERATIONS
    assert (product.overlaps, product.untold, product.strays) == (0, 0, 0)


def test_without_a_queue_sources_overlap() -> None:
    assert run_virtual(without(OPERATIONS)).overlaps > OPERATIONS / 2


@pytest.mark.parametrize(("answer", "untold", "strays"), [(None, True, False), (b"another's", False, True)])
def test_a_caller_without_an_answer_or_with_anothers_is_counted(answer, untold: bool, strays: bool) -> None:
    product = Product()

    async def do(operation, _priority) -> object:
        await asyncio.sleep(0)
        return answer if isinstance(operation, Read) else None

    run_virtual(Sources(product, do, OPERATIONS).use())
    assert (product.untold > 0, product.strays > 0) == (untold, strays)
