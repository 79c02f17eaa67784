"""Watches what the keeper does, and changes nothing. Taking this room away changes no behaviour."""
