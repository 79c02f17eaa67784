"""What each stack's errors mean, as data: one table per stack, one row per error."""
