"""What a connection of a device has to prove: from the settings, and from what its links can prove at all.

Knows rules and traits. Whether a connection proves enough is decided in `core.trust`.
"""

from collections.abc import Iterable

from gattkeeper.errors import SettingsError
from gattkeeper.model.security import NO_DEMAND, Demand, SecurityLevel, cannot_prove
from gattkeeper.runtime.ports import DeviceRules, LinkTraits


def demand_of(device: str, rules: DeviceRules, links: Iterable[LinkTraits]) -> Demand:
    """The demand on every connection of a device: for safety at least what was recorded when it was paired.

    Raises SettingsError when one of its links could never prove what is demanded by name.
    """
    if all(traits.proves for traits in links):
        return Demand(level=rules.security, recorded=rules.safety)
    if rules.security is not SecurityLevel.NONE:
        raise SettingsError(cannot_prove(device, rules.security))
    return NO_DEMAND
