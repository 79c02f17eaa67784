"""What Python finds first when `gattkeeper run` has started it."""
