"""Measurements of cdjax; not part of the package."""
