"""The doors to Bluetooth stacks: one link per stack, and the tables that read their errors."""
