"""Engines that make the parts of a corpus: in this process, or on many by Ray.

An engine is a function `run(maker, numbers, stop)` that makes the parts of these numbers and yields
the number and counts of each as it is finished, in any order. It ends early, all that it has begun
being finished, where `stop()` is true.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cdjax.corpus.parts import PartMaker

Finished = Iterator[tuple[int, dict[str, Any]]]
Runner = Callable[[PartMaker, Sequence[int], Callable[[], bool]], Finished]
