"""One table of the vectors of several sources."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cdjax.text.vectors.read import WordVectors


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
        row_of_word = {word: row for row, word in enumerate(source.words)}
        rows = np.array([row_of_word.get(word, -1) for word in words], int)
        in_source = rows >= 0
        if not in_source.any():
            raise ValueError(
                f"source {n} knows none of the {len(words):,} words; its first are "
                f"{list(source.words[:3])}. Are they lower case, too?"
            )
        values = source.vectors[rows[in_source]]
        values = values - values.mean(axis=0)
        part = np.zeros((len(words), values.shape[1]), np.float32)
        part[in_source] = values / (values.std() or 1)
        parts.append(part)
        known |= in_source
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
