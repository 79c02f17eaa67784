"""`gattkeeper audit`: what the journal proves, for people and programs."""
