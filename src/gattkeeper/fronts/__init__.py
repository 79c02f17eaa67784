"""Ways in: each folder or file speaks one protocol and reaches the keeper, nothing below it."""
