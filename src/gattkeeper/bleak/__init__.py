"""Bleak programs under the keeper's queue."""
