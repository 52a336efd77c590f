"""Pretrained word vectors: reading them, and making one table of several files."""

import os
import zipfile
from collections.abc import Container, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class WordVectors(NamedTuple):
    """Words and their vectors."""

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "v d"]  # float32, one row a word


def read_vectors(path: str | os.PathLike, words: Container[str] | None = None) -> WordVectors:
    """Read a file of word vectors.

    Args:
        path: An `.npz` file of two arrays: `words`, strings `[V]`, and `vectors`, floats `[V, D]`.
        words: Keep only the rows of these words; all when None.

    Returns:
        The words in the order of the file and their vectors in float32.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is damaged, of another format, holds a word twice or a value that
            is not finite. Names the file and what was found.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path}: found the suffix {path.suffix!r}; expected .npz word vectors.")
    try:
        with np.load(path, allow_pickle=False) as file:
            names, table = file["words"], file["vectors"]
    except (KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"{path} holds no word vectors: {error}. Expected an .npz file with the arrays 'words' "
            f"(strings) and 'vectors' (floats)."
        ) from error
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(
            f"{path}: words holds {names.dtype} {list(names.shape)}; expected strings [V]."
        )
    if table.ndim != 2 or table.dtype.kind != "f" or len(table) != len(names):
        raise ValueError(
            f"{path}: vectors holds {table.dtype} {list(table.shape)}; expected floats "
            f"[{len(names)}, D], one row a word."
        )
    found = names.tolist()
    if len(set(found)) != len(found):
        twice = next(word for word in found if found.count(word) > 1)
        raise ValueError(f"{path} holds the word {twice!r} twice; expected each word once.")
    kept = [n for n, word in enumerate(found) if words is None or word in words]
    vectors = table[kept].astype(np.float32)
    if not np.isfinite(vectors).all():
        row = int(np.argwhere(~np.isfinite(vectors))[0, 0])
        raise ValueError(f"{path}: the vector of {found[kept[row]]!r} is not finite.")
    return WordVectors(tuple(found[n] for n in kept), vectors)


def combine_vectors(
    sources: Sequence[WordVectors],
    words: Sequence[str],
    width: int | None = None,
    spread: float = 1.0,
) -> Float[np.ndarray, "n d"]:
    """Make one table of the vectors of several sources, side by side.

    Each source is centred and scaled to the same standard deviation, so that none outweighs the
    others. A word that a source lacks gets its mean vector, which is zero.

    Args:
        sources: The sources.
        words: The words wanted, a row each.
        width: Reduce the rows to this many principal components; keep all columns when None.
        spread: Standard deviation of the values of the table, over the words that are known.

    Returns:
        The table in float32; rows of words that no source knows are zero.

    Raises:
        ValueError: Where there is no source, a source knows none of the words, or `width` is more
            than there are columns.
    """
    if not sources:
        raise ValueError("no word vectors were given; expected at least one source.")
    parts, known = [], np.zeros(len(words), bool)
    for n, source in enumerate(sources):
        row = {word: number for number, word in enumerate(source.words)}
        places = np.array([row.get(word, -1) for word in words], int)
        here = places >= 0
        if not here.any():
            raise ValueError(
                f"source {n} knows none of the {len(words):,} words; its first are "
                f"{list(source.words[:3])}. Are they lower case, too?"
            )
        values = source.vectors[places[here]]
        values = values - values.mean(axis=0)
        part = np.zeros((len(words), values.shape[1]), np.float32)
        part[here] = values / (values.std() or 1)
        parts.append(part)
        known |= here
    table = np.concatenate(parts, axis=1)
    if width is not None:
        if not 1 <= width <= table.shape[1]:
            raise ValueError(
                f"width is {width}; expected 1 to {table.shape[1]}, the columns there are."
            )
        rows = table[known].astype(np.float64)
        _, axes = np.linalg.eigh(rows.T @ rows)  # by growing variance
        table = np.where(known[:, None], table @ axes[:, : -width - 1 : -1].astype(np.float32), 0)
    return (table * (spread / (table[known].std() or 1))).astype(np.float32)
