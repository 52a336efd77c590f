"""How long a sequence may be for all of its spans to be scored."""

from cdjax.spans import count_spans

LONGEST = 2000
"""Steps of the longest sequence of which all spans are scored, 2,001,000 of them. Their number
grows with the square of the length and the work with its cube, so longer ones need a `max_len`."""


def check_length(length: int, max_len: int | None, name: str) -> None:
    """Raise where a sequence is too long for all its spans to be scored.

    Raises:
        ValueError: Where it has more than `LONGEST` steps and `max_len` is None.
    """
    if max_len is None and length > LONGEST:
        raise ValueError(
            f"{name} has {length:,} words, so {count_spans(length):,} phrases; without a limit at "
            f"most {LONGEST:,} words are scored. Limit the phrases: max_len=10 leaves "
            f"{count_spans(length, 10):,} of them."
        )
