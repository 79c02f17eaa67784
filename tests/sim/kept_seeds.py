"""Which seeds `make test` runs: as many as it has time for, and those that once broke a promise.

Knows what each of those was about when it was found. What a seed does changes with the simulation, so what it was
about has a test of its own as well.
"""

from types import MappingProxyType

SEEDS = 150
"""In each mode on simulated links."""

RADIO_SEEDS = 60
"""On a complete stack."""

KEPT_SEEDS = MappingProxyType(
    {
        ("liveness", 2224): "a scan that was over began again, in a moment of virtual time that never passed",
        ("safety", 45): "a stack raised while a connection that was lost early was let go of",
        ("liveness", 27): "an intent whose acceptance was lost with a full disk: it must never be handed over",
        ("safety", 53): "a command that ended at once, while the keeper closed, was never told its outcome",
        ("radio", 37): "an error for another handle was taken for the answer of a write that was carried out",
    }
)
"""By mode and seed."""
