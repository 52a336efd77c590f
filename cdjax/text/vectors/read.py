"""Files of word vectors, in the formats they are published in."""

import contextlib
import os
import warnings
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.files.packed import PACKED, Bytes, FileError, inner_suffix, open_packed
from cdjax.text.vectors.arrays import read_arrays
from cdjax.text.vectors.rows import Row, binary_rows, text_rows


class WordVectors(NamedTuple):
    """Words and their vectors."""

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "v d"]  # float32, one row a word


SUFFIXES = (".npz", ".txt", ".vec", ".bin")
"""Endings of files that can be read; all but the first may be packed, too (.gz, .zip, ...)."""


def read_vectors(
    path: str | os.PathLike, words: Container[str] | None = None, first: int = 0
) -> WordVectors:
    """Read a file of word vectors; only the rows wanted are ever in memory, but for `.npz`.

    Args:
        path: By its ending, in any case,
            `.npz`: two arrays, `words`, strings `[V]`, and `vectors`, floats `[V, D]`;
            `.txt`, `.vec`: GloVe's text, a word and its numbers a line, in UTF-8, or word2vec's
            and fastText's, which begins with a line of V and D;
            `.bin`: word2vec's binary;
            and these packed: `.gz`, `.bz2`, `.xz`, `.zst`, or `.zip`, an archive of one such file;
            of several, name it: `some.zip/glove.6B.50d.txt`.
        words: Keep only the rows of these words; all when None.
        first: Keep the first rows of the file as well, so many; files begin with frequent words.

    Returns:
        The words in the order of the file and their vectors in float32. Of a word that the file
        holds several times, which is told by a warning, the first row.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is damaged, of another format, holds fewer or more rows than it
            says, or a value that is not finite. Names the file, the line and what was found.
    """
    path = Path(path)
    archive = next((parent for parent in path.parents if parent.suffix.lower() == ".zip"), None)
    kind = inner_suffix(path.name)
    if kind not in SUFFIXES and (archive or path).suffix.lower() != ".zip":
        raise ValueError(
            f"{path}: found the suffix {path.suffix!r}; expected word vectors, "
            f"{', '.join(SUFFIXES)}, or packed ones, {', '.join(PACKED)}."
        )
    if archive is None and path.suffix.lower() == ".npz":
        return _read_npz(path, words, first)
    with _open_rows(path, archive) as rows:
        return _collect(path, rows, words, first)


def _collect(
    path: Path, rows: Iterator[Row], words: Container[str] | None, first: int
) -> WordVectors:
    vectors: dict[str, np.ndarray] = {}
    repeated: dict[str, str] = {}
    for number, (location, word, values) in enumerate(rows):
        if number >= first and words is not None and word not in words:
            continue
        if word in vectors:
            repeated.setdefault(word, location)
            continue
        vector = values()
        if not np.isfinite(vector).all():
            raise FileError(f"{path}, {location}: the vector of {word!r} is not finite.")
        vectors[word] = vector
    if not vectors:
        raise FileError(f"{path} holds none of the words wanted.")
    # Words that are no UTF-8 all look the same: no word that anybody wrote.
    if told := [f"{word!r} ({at})" for word, at in repeated.items() if "\ufffd" not in word]:
        listed = ", ".join(told[:3]) + ", ..." * (len(told) > 3)
        warnings.warn(
            f"{path} holds {len(told):,} words more than once, {listed}: the first row of each is "
            f"kept.",
            stacklevel=3,
        )
    return WordVectors(tuple(vectors), np.stack(list(vectors.values())))


@contextlib.contextmanager
def _open_rows(path: Path, archive: Path | None) -> Iterator[Iterator[Row]]:
    """Open a file, or one in an archive, and yield its rows."""
    wanted = None if archive is None else path.relative_to(archive).as_posix()
    chosen = path.name

    def choose(members: Sequence[str]) -> str | None:
        nonlocal chosen
        fitting = [name for name in members if inner_suffix(name) in SUFFIXES[1:]]
        if wanted is not None:
            fitting = [name for name in fitting if name == wanted]
        if len(fitting) != 1:
            raise FileError(
                f"{archive or path} holds {', '.join(members[:9]) or 'nothing'}; expected one file "
                f"of word vectors, or which one: {archive or path}/NAME.txt."
            )
        chosen = fitting[0]
        return chosen

    with (archive or path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        with open_packed(file, str(archive or path), choose) as unpacked:
            if unpacked is file and (archive or path).suffix.lower() == ".zip":
                raise FileError(f"{archive or path} is no zip archive. Get it again.")
            yield _rows(unpacked, path, chosen, size if unpacked is file else None)


def _rows(file: Bytes, path: Path, name: str, size: int | None) -> Iterator[Row]:
    if inner_suffix(name) == ".bin":
        return binary_rows(file, path, size)
    return text_rows(file, path)


def _read_npz(path: Path, words: Container[str] | None, first: int) -> WordVectors:
    names, table = read_arrays(path, ("words", "vectors")).values()
    if names.ndim != 1 or names.dtype.kind != "U":
        raise FileError(
            f"{path}: words holds {names.dtype} {list(names.shape)}; expected strings [V]."
        )
    if table.ndim != 2 or table.dtype.kind != "f" or len(table) != len(names) or not table.size:
        raise FileError(
            f"{path}: vectors holds {table.dtype} {list(table.shape)}; expected floats "
            f"[{len(names)}, D], one row a word."
        )
    listed = names.tolist()
    with np.errstate(over="ignore"):  # what float32 can't hold is not finite

        def row(n: int) -> Row:
            return Row(f"row {n}", listed[n], lambda: table[n].astype(np.float32))

        return _collect(path, map(row, range(len(listed))), words, first)
