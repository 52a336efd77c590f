"""Labelled reviews from files, to train on; and Yelp Review Polarity."""

from collections.abc import Iterator
from typing import Any

from cdjax.corpus.readers import FORMATS as READABLE
from cdjax.corpus.readers.records import RecordError, Report, raise_error
from cdjax.corpus.reviews import Review, read_reviews

FORMATS = (*(name for name in READABLE if name not in ("txt", "trees")), "yelp")
"""What can be read. `yelp` is Zhang, Zhao & LeCun's: a CSV file without a header, of the class and
the text, where a line break is written as the two characters \\n."""


def read_labelled(
    paths: Any,
    format: str | None = None,
    *,
    label_column: str = "label",
    report: Report = raise_error,
    **options: Any,
) -> Iterator[Review]:
    """Yield the labelled reviews of files, one at a time, so that they may be larger than memory.

    Args:
        paths: As for `read_reviews`.
        format: One of `FORMATS`; told by the files when None (never `yelp`).
        label_column: The column of the label.
        report: Called with the error of a malformed record, which is left out where it returns.
        **options: Further arguments of `read_reviews`; none for `yelp`.

    Raises:
        ReadError: Where a file is missing, can't be read on, or lacks a column; with `raise_error`,
            where a record is malformed, has no label, or a text that is blank.
    """
    yelp = format == "yelp"
    if yelp:
        format, label_column = "csv", "1"
        options = {"text_column": "2", "header": False}
    for review in read_reviews(paths, format, label_column=label_column, report=report, **options):
        if not (review.text or "").strip() and not review.tokens:
            report(RecordError(review.location, "the text is blank; expected a review."))
        elif yelp and review.text is not None:
            yield review._replace(text=review.text.replace("\\n", "\n").replace('\\"', '"'))
        else:
            yield review
