"""Worked examples on real data, each run by one command."""
