"""The words of an explanation as they are in its text."""

from collections.abc import Iterator

from cdjax.results.explanation import Explanation


def read_words(explanation: Explanation, start: int, stop: int) -> Iterator[tuple[str, str]]:
    """Yield each word of a span, and what is between it and the one before: "" before the first.

    Where the explanation has no text, tokens with a space between.
    """
    text, offsets = explanation.text, explanation.offsets
    if text is None or offsets is None:
        for t in range(start, stop):
            yield (" " if t > start else ""), explanation.phrase_text(t, t + 1)
        return
    at = int(offsets[start, 0])
    for t in range(start, stop):
        first, last = max(at, int(offsets[t, 0])), int(offsets[t, 1])
        yield text[at:first], text[first:last]
        at = max(at, last)
