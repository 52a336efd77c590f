"""Scores of many spans of many reviews: batches, files, checks."""
