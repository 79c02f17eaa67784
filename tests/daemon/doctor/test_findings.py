"""The form of a finding."""

import msgspec

from gattkeeper.daemon.doctor.findings import Level, note, ok, problem, warning


def test_each_level_has_its_maker_and_only_what_is_wrong_needs_a_cure():
    made = [ok("a", "well"), note("a", "so"), warning("a", "ill", "do"), problem("a", "broken", "mend")]
    assert [each.level for each in made] == list(Level)
    assert [each.cure for each in made] == ["", "", "do", "mend"]


def test_a_finding_without_a_cure_says_none_in_json():
    assert msgspec.to_builtins(ok("bluez", "BlueZ 5.66")) == {"area": "bluez", "level": "ok", "what": "BlueZ 5.66"}
