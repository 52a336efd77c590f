"""Phrases as 64-bit numbers, so that a corpus of any size has no table of its words.

Two of a million phrases have one key with a probability of 3e-8.
"""

import hashlib

import numpy as np
import pyarrow as pa
from jaxtyping import UInt64


def read_words(
    tokens: pa.StringArray, lowercase: bool
) -> tuple[pa.StringArray, UInt64[np.ndarray, "t"]]:
    """Return tokens as they are compared, and their keys: equal ones wherever the words are."""
    encoded = tokens.dictionary_encode()
    distinct = [token.lower() if lowercase else token for token in encoded.dictionary.to_pylist()]
    keys = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        for word in distinct
    ]
    words = pa.array(distinct, pa.string()).take(encoded.indices)
    return words, np.array(keys, np.uint64)[encoded.indices.to_numpy()]


def phrase_keys(words: UInt64[np.ndarray, "t"], longest: int) -> UInt64[np.ndarray, "m t"]:
    """Return the key of the phrase of m + 1 words from each word on.

    Where the words do not go on so long it means nothing.
    """
    keys = np.zeros((longest, len(words)), np.uint64)
    keys[:1] = words
    for n in range(1, min(longest, len(words))):
        keys[n, :-n] = _mix(keys[n - 1, :-n] * np.uint64(0x9E3779B97F4A7C15) + words[n:])
    return keys


def _mix(x: UInt64[np.ndarray, "t"]) -> UInt64[np.ndarray, "t"]:
    """Spread every bit over all (the finalizer of SplitMix64; Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
