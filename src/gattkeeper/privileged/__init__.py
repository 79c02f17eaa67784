"""A small program of its own that does the few things about adapters which need privilege. Nothing but Python."""
