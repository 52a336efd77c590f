"""Worked examples on real data: networks of other frameworks, read and explained."""
