"""Pretrained word vectors: reading them, and making one table of several files."""

from cdjax.text.vectors.combine import combine_vectors
from cdjax.text.vectors.read import SUFFIXES, WordVectors, read_vectors

__all__ = ["SUFFIXES", "WordVectors", "combine_vectors", "read_vectors"]
