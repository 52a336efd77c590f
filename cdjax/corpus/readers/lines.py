"""Plain text: a review a line."""

from collections.abc import Iterator

from cdjax.corpus.readers.files import Source, read_lines
from cdjax.corpus.readers.records import Dialect, ReadError, Record

SAMPLE = 20


def read(source: Source, dialect: Dialect, told: bool) -> Iterator[Record]:
    """Yield each line as the field `text`; an empty line too.

    Args:
        source: The file.
        dialect: How it is written.
        told: Whether the caller says that it is plain text, so that tabs are meant.

    Raises:
        ReadError: Where it is no text, or all its first lines have a tab and `told` is not set.
    """
    lines = read_lines(source, dialect.encoding)
    sample = []
    for number, line in lines:
        sample.append((number, line.rstrip("\r\n")))
        if len(sample) == SAMPLE:
            break
    tabs = {line.count("\t") for _, line in sample if line.strip()}
    count = tabs.pop() if len(tabs) == 1 else 0
    if count and not told:
        first = sample[0][1].split("\t")
        rows = [line.split("\t") for _, line in sample if line.strip()]
        longest = max(range(count + 1), key=lambda n: sum(len(row[n]) for row in rows))
        named = len(rows) > 1 and all(name.isidentifier() for name in first)
        column = first[longest] if named else str(longest + 1)
        how = f"text_column={column!r}" if named else f"header=False, text_column={column!r}"
        raise ReadError(
            f"{source.name}: each line has {count + 1} fields, parted by tabs; all of them would "
            f"become the review. Read it with format='tsv', {how}; or with format='txt' "
            f"as it is."
        )
    for number, line in sample:
        yield Record(f"{source.name}, line {number}", {"text": line})
    for number, line in lines:
        yield Record(f"{source.name}, line {number}", {"text": line.rstrip("\r\n")})
