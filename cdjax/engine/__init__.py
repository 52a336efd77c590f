"""The fast path: many spans of many sequences, equal to the recursion of `core` span by span."""
