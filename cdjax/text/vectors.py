"""Pretrained word vectors: reading them, and making one table of several files."""

import contextlib
import io
import os
import zipfile
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float


class WordVectors(NamedTuple):
    """Words and their vectors."""

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "v d"]  # float32, one row a word


SUFFIXES = (".npz", ".txt", ".vec", ".bin", ".zip")
"""Endings of files that can be read."""


def read_vectors(
    path: str | os.PathLike, words: Container[str] | None = None, first: int = 0
) -> WordVectors:
    """Read a file of word vectors; only the rows wanted are ever in memory, but for `.npz`.

    Args:
        path: By its ending,
            `.npz`: two arrays, `words`, strings `[V]`, and `vectors`, floats `[V, D]`;
            `.txt`, `.vec`: GloVe's text, a word and its numbers a line, in UTF-8, or word2vec's,
            which begins with a line of V and D;
            `.bin`: word2vec's binary;
            `.zip`: an archive of one such text; of several, name it: `some.zip/glove.6B.50d.txt`.
        words: Keep only the rows of these words; all when None.
        first: Keep the first rows of the file as well, so many; files begin with frequent words.

    Returns:
        The words in the order of the file and their vectors in float32.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is damaged, of another format, holds a word twice or a value that
            is not finite. Names the file, the line and what was found.
    """
    path = Path(path)
    archive = next((parent for parent in path.parents if parent.suffix == ".zip"), None)
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{path}: found the suffix {path.suffix!r}; expected word vectors, "
            f"{', '.join(SUFFIXES)}."
        )
    if archive is None and path.suffix == ".npz":
        return _read_arrays(path, words, first)
    with _open(path, archive) as file:
        rows = _binary_rows if path.suffix == ".bin" else _text_rows
        vectors: dict[str, np.ndarray] = {}
        for number, (location, word, values) in enumerate(rows(file, path)):
            if number >= first and words is not None and word not in words:
                continue
            if word in vectors:
                raise ValueError(f"{path}, {location}: the word {word!r} for the second time.")
            vector = values()
            if not np.isfinite(vector).all():
                raise ValueError(f"{path}, {location}: the vector of {word!r} is not finite.")
            vectors[word] = vector
    if not vectors:
        raise ValueError(f"{path} holds none of the words wanted.")
    return WordVectors(tuple(vectors), np.stack(list(vectors.values())))


@contextlib.contextmanager
def _open(path: Path, archive: Path | None) -> Iterator[io.BufferedIOBase]:
    """Open a file, or the text in an archive."""
    if archive is None and path.suffix != ".zip":
        with path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(archive or path) as packed:
            texts = [n for n in packed.namelist() if n.endswith((".txt", ".vec"))]
            if archive is not None:
                texts = [n for n in texts if n == path.relative_to(archive).as_posix()]
            if len(texts) != 1:
                raise ValueError(
                    f"{archive or path} holds {', '.join(packed.namelist()[:9])}; expected one "
                    f"text of word vectors, or which one: {archive or path}/NAME.txt."
                )
            with packed.open(texts[0]) as file:
                yield cast(io.BufferedIOBase, file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive or path} is damaged or no archive: {error}.") from error


def _text_rows(file: io.BufferedIOBase, path: Path) -> Iterator[tuple[str, str, Callable]]:
    """Yield where each row is, its word, and a function that reads its numbers."""
    width = None
    for number, line in enumerate(file, 1):
        location = f"line {number}"
        fields = line.rstrip(b" \r\n").split(b" ")
        if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
            width = int(fields[1])  # word2vec's first line
            continue
        width = width or len(fields) - 1
        # A few words of GloVe hold a space, so the numbers are counted from the end.
        if len(fields) <= width or width < 1:
            raise ValueError(
                f"{path}, {location}: {len(fields)} fields; expected a word and {width} numbers."
            )

        def values(fields=fields, location=location, width=width):
            try:
                return np.array(fields[-width:], np.float32)
            except ValueError as error:
                raise ValueError(f"{path}, {location}: {error}; expected numbers.") from error

        yield location, b" ".join(fields[:-width]).decode("utf-8", "replace"), values


def _binary_rows(file: io.BufferedIOBase, path: Path) -> Iterator[tuple[str, str, Callable]]:
    """Yield these of word2vec's binary: a line of V and D; each word, a space, D float32."""
    head = file.readline(64).split()
    if len(head) != 2 or not all(field.isdigit() for field in head):
        raise ValueError(f"{path}: found {head!r} first; expected word2vec's V and D.")
    count, width = map(int, head)
    for number in range(count):
        location = f"word {number + 1}"
        word = bytearray()
        while (byte := file.read(1)) not in (b" ", b"") and len(word) < 2000:
            word += byte
        data = file.read(4 * width)
        if len(data) < 4 * width:
            raise ValueError(f"{path}, {location} of {count}: the file ends; get it again.")
        name = word.lstrip(b"\n").decode("utf-8", "replace")
        yield location, name, lambda data=data: np.frombuffer(data, "<f4").astype(np.float32)


def _read_arrays(path: Path, words: Container[str] | None, first: int) -> WordVectors:
    """Read an `.npz` file."""
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
    listed = names.tolist()
    if len(set(listed)) != len(listed):
        twice = next(word for word in listed if listed.count(word) > 1)
        raise ValueError(f"{path} holds the word {twice!r} twice; expected each word once.")
    kept = [n for n, word in enumerate(listed) if n < first or words is None or word in words]
    vectors = table[kept].astype(np.float32)
    if not np.isfinite(vectors).all():
        row = int(np.argwhere(~np.isfinite(vectors))[0, 0])
        raise ValueError(f"{path}: the vector of {listed[kept[row]]!r} is not finite.")
    return WordVectors(tuple(listed[n] for n in kept), vectors)


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
