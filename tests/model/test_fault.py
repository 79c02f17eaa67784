"""How a fault reads, and that nothing the stack said is lost."""

from hypothesis import given

from gattkeeper.model.fault import Fault, FaultKind, Ran
from model.anything import anything, through_json


@given(anything(Fault))
def test_every_fault_comes_back_from_json(fault: Fault) -> None:
    assert through_json(fault, Fault) == fault


def test_a_fault_reads_as_our_word_and_the_stack_s_own() -> None:
    fault = Fault(
        kind=FaultKind.LINK_LOST, stack="hci", code=8, name="CONNECTION_TIMEOUT", text="Connection Timeout"
    )
    assert str(fault) == "link_lost (hci 0x08: Connection Timeout)"


def test_the_stack_s_name_stands_in_for_a_missing_text() -> None:
    fault = Fault(kind=FaultKind.BUSY, stack="bluez", name="org.bluez.Error.InProgress")
    assert str(fault) == "busy (bluez: org.bluez.Error.InProgress)"


def test_a_code_alone_is_enough() -> None:
    assert str(Fault(kind=FaultKind.UNLISTED, stack="att", code=0)) == "unlisted (att 0x00)"


def test_a_fault_of_unclear_effect_is_the_default() -> None:
    assert Fault(kind=FaultKind.GENERIC).ran is Ran.MAYBE
