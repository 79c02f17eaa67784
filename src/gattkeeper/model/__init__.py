"""What things are: frozen data, true with the power off."""
