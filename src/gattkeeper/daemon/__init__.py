"""Constructs the parts and reads the settings."""
