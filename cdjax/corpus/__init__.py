"""Corpora: reviews from files of any kind, and the scores of all their phrases in parts."""
