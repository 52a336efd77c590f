"""Public data sets: where they are, and getting them whole and unchanged."""
