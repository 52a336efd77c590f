"""Trees of the Stanford Sentiment Treebank: their tokens, and the label of the whole sentence."""

from collections.abc import Iterator
from pathlib import Path

from cdjax.corpus.readers.files import Source
from cdjax.corpus.readers.records import ReadError, Record
from cdjax.text.trees import read_trees


def read(source: Source) -> Iterator[Record]:
    """Yield the fields `tokens` and `label` of each tree.

    Raises:
        ReadError: Where a tree is malformed; it ends the file.
    """
    if not Path(source.path).is_file():
        raise ReadError(f"{source.name}: trees are read from files; expected the name of one.")
    trees = read_trees(source.path)
    number = 0
    while True:
        number += 1
        try:
            tree = next(trees, None)
        except ValueError as error:
            name = "" if source.path in str(error) else f"{source.name}: "
            raise ReadError(
                f"{name}{error} (read as SST trees; format='txt' reads it as plain text)"
            ) from error
        if tree is None:
            return
        yield Record(
            f"{source.name}, tree {number}", {"tokens": tree.tokens, "label": str(tree.label)}
        )
