"""Talks to a running daemon from another process."""
