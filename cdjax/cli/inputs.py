"""The options of every command that reads a file of reviews."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from cdjax.corpus.readers import FORMATS
from cdjax.corpus.readers.records import RecordError, Report
from cdjax.corpus.reviews import Review, read_reviews

HELP = """\
input, by the ending of its name (or --format), also packed (.gz .bz2 .xz .zst):
  .txt              a review a line; an empty line is an empty review
  .csv .tsv         a header, then a review a row; CSV fields in quotes may hold
                    line breaks, quotes in TSV are part of the text
  .jsonl .json      a JSON object a line, or one array of objects
  .parquet          a column of strings
  .txt .ptb         trees of the Stanford Sentiment Treebank: their own tokens
  -                 standard input (of text lines, unless --format says else)
  hf:NAME:SPLIT     a dataset of Hugging Face
Files are UTF-8, or UTF-16 with a byte order mark, unless --encoding says else.
Raw text is split into Penn Treebank tokens (is n't). Reviews are numbered from
0 in the order of the files; empty ones keep their number and have no phrase.
"""


def add_arguments(
    parser: argparse.ArgumentParser,
    *,
    formats: Sequence[str] = FORMATS,
    id_column: bool = False,
    keep: bool = False,
) -> None:
    """Add the options of reading; those of ids and kept columns where asked for."""
    group = parser.add_argument_group("options of reading")
    add = group.add_argument
    add("--format", choices=formats, help="what the input is, whatever its name")
    add(
        "--text-column",
        metavar="NAME",
        help="the column of the text (default: text, or the only column)",
    )
    if id_column:
        add("--id-column", metavar="NAME", help="a column to keep as the review's id")
    if keep:
        add(
            "--keep",
            action="append",
            default=[],
            metavar="NAME",
            help="a further column to keep with the documents; may be given again",
        )
    add(
        "--no-header",
        action="store_true",
        help="the first row of the CSV or TSV file is a review; columns are called 1, 2, ...",
    )
    add(
        "--delimiter",
        metavar="CHARACTER",
        help="between the fields of CSV or TSV (default: told by the file)",
    )
    quoting = group.add_mutually_exclusive_group()
    quoting.add_argument(
        "--quotes",
        action="store_true",
        default=None,
        help="fields of CSV or TSV may stand in quotes (default: in CSV)",
    )
    quoting.add_argument(
        "--no-quotes",
        dest="quotes",
        action="store_false",
        help="quotes in CSV or TSV are part of the text",
    )
    add("--encoding", metavar="NAME", help="of text files, as windows-1252 (default: UTF-8)")


def keywords(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options as the keywords of `read_reviews`."""
    names = "format", "text_column", "id_column", "label_column", "keep"
    given = {name: getattr(args, name) for name in names if hasattr(args, name)}
    delimiter = args.delimiter
    return given | {
        "header": not args.no_header,
        "delimiter": "\t" if delimiter in ("\\t", "tab") else delimiter,
        "quotes": args.quotes,
        "encoding": args.encoding,
    }


def read(args: argparse.Namespace, paths: Sequence[str]) -> Iterator[Review | RecordError]:
    """Yield the reviews of files and the errors of records that hold none, in their order."""
    errors: list[RecordError] = []
    report: Report = errors.append
    named = paths[0] if len(paths) == 1 else list(paths)
    for review in read_reviews(named, report=report, **keywords(args)):
        yield from errors
        errors.clear()
        yield review
    yield from errors
