"""Parts made in this process; the next is read and the last one written while one is scored."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from cdjax.corpus.parts import PartMaker
from cdjax.corpus.runners import Finished


@contextlib.contextmanager
def _switching_every(seconds: float) -> Iterator[None]:
    """Let Python's threads take turns more often than every 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run(maker: PartMaker, numbers: Sequence[int], stop: Callable[[], bool]) -> Finished:
    """Make parts one after the other.

    Tokenizing and writing are Python and Arrow's threads; scoring waits for devices, and lets them
    run meanwhile. It comes back for moments only, and shall not wait long for its turn.
    """
    with (
        _switching_every(5e-4),
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
    ):
        ahead = reader.submit(maker.prepare, numbers[0]) if numbers else None
        written = None
        for index, number in enumerate(numbers):
            assert ahead is not None
            records, tokenized = ahead.result()
            if index + 1 < len(numbers):
                ahead = reader.submit(maker.prepare, numbers[index + 1])
            results = maker.score(records, tokenized)
            if written is not None:
                yield written[0], written[1].result()
            written = number, writer.submit(maker.write, number, records, tokenized, results)
            if stop():
                break
        if written is not None:
            yield written[0], written[1].result()
