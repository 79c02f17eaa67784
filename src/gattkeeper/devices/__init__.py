"""Device profiles: what people ask for becomes bytes, and bytes become what people read."""
