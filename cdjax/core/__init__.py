"""The paper: arrays in, NamedTuples out. Pure functions; nothing here jits, reads or prints."""
