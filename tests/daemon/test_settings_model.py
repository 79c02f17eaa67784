"""The defaults are those that the documentation promises."""

from pathlib import Path

from gattkeeper.core.limits import Limits
from gattkeeper.daemon.settings_model import (
    BluezAdapter,
    BumbleAdapter,
    DeviceSettings,
    KeeperSettings,
    Settings,
    bonds_path,
)
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.ports import DeviceRules


def us(seconds):
    return round(seconds * 1_000_000)


def test_the_defaults_are_those_of_the_core():
    keeper, limits = KeeperSettings(), Limits()
    assert (keeper.queue_max, keeper.queue_per_device_max) == (limits.queue_max, limits.queue_per_device_max)
    assert us(keeper.ageing) == limits.ageing_us
    assert us(keeper.stop_grace) == limits.stop_grace_us
    assert us(keeper.late_answer_grace) == limits.late_answer_grace_us
    assert us(keeper.pairing_pause) == limits.pairing_pause_max_us
    assert (keeper.when_full == "shed") is limits.shed
    assert keeper.breaker_failures_max == limits.breaker_failures_max
    assert us(keeper.breaker_cooldown) == limits.breaker_cooldown_us
    assert us(keeper.breaker_cooldown_max) == limits.breaker_cooldown_us_max
    assert us(keeper.lease_idle) == limits.lease_idle_us
    assert us(keeper.lease_max) == limits.lease_us_max
    assert keeper.alert_depth == limits.alert_depth
    assert us(keeper.alert_waiting) == limits.alert_waiting_us
    assert us(keeper.alert_in_flight) == limits.alert_in_flight_us
    times = keeper.timeouts
    assert us(times.gatt) == limits.attempt_timeout_us
    assert us(times.discovery) == limits.discovery_timeout_us
    assert us(times.mtu) == limits.mtu_timeout_us
    assert us(times.connect) == limits.connect_timeout_us
    assert us(times.pair) == limits.pair_timeout_us


def test_the_defaults_of_a_device_are_those_of_the_runtime():
    address = parse_address("F0:00:00:00:00:01")
    device, rules = DeviceSettings(address=address), DeviceRules(address=address)
    assert (us(device.linger), device.safety, device.adapter) == (rules.linger_us, rules.safety, rules.adapter)


def test_two_settings_share_no_table():
    assert Settings().devices is not Settings().devices
    assert Settings().adapters == {"default": BluezAdapter(adapter="hci0", slots=5)}


def test_bonds_are_next_to_the_journal_unless_a_file_is_named():
    keeper = KeeperSettings(journal=Path("/var/lib/gattkeeper/journal.db"))
    assert bonds_path(BumbleAdapter(transport="usb:0"), keeper) == Path("/var/lib/gattkeeper/bonds.json")
    named = BumbleAdapter(transport="usb:0", bonds=Path("/etc/keys.json"))
    assert bonds_path(named, keeper) == Path("/etc/keys.json")
