"""Public data sets: their addresses and digests, and downloading them."""
