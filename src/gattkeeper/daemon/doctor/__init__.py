"""`gattkeeper doctor`: looks at everything around the keeper, one file per area, and changes nothing."""
