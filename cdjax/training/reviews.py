"""Labelled reviews as training data: texts split into words, by several processes where many."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from cdjax.text.tokenizer import tokenize
from cdjax.training.corpus import Corpus, TrainingData

BLOCK = 8192
"""Reviews read at a time; up to so many are split faster than processes start."""


def prepare_reviews(
    corpus: Corpus,
    dev: Corpus,
    test: Corpus | None = None,
    facts: Mapping[str, Any] | None = None,
    min_count: int = 2,
) -> TrainingData:
    """Return reviews to train on, and others to choose and report by.

    Args:
        corpus: Reviews to train on.
        dev: Reviews to choose by.
        test: Reviews to report the accuracy on besides.
        facts: About the data, for the provenance.
        min_count: Words that occur less often are unknown, unless a file of vectors has them.
    """
    held_out = {"dev": dev} if test is None else {"dev": dev, "test": test}
    return TrainingData(
        "classification of reviews", corpus, held_out, dict(facts or {}), min_count=min_count
    )


def tokenize_reviews(
    reviews: Iterable[tuple[str, str]], max_words: int | None, processes: int = 1
) -> Corpus:
    """Return texts and their labels as a corpus, each text cut to its first words.

    Args:
        reviews: Texts and labels.
        max_words: Words kept of each; all when None.
        processes: Processes to split the texts among, where there are more than `BLOCK` reviews.
            They are started by "spawn" (`multiprocessing`): not from a script without
            `if __name__ == "__main__"`.
    """
    tokens: list[list[str]] = []
    labels: list[str] = []
    interned: dict[str, str] = {}
    split = functools.partial(_split_words, max_words=max_words)
    rows = iter(reviews)
    with contextlib.ExitStack() as stack:
        apply: Callable[..., Iterable[list[str]]] = map
        while block := list(itertools.islice(rows, BLOCK)):
            if tokens and processes > 1 and apply is map:
                context = multiprocessing.get_context("spawn")
                pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)
                stack.enter_context(pool)
                apply = functools.partial(pool.map, chunksize=256)
            for words in apply(split, [text for text, _ in block]):
                # One string object a word, however often it occurs: half a million reviews fit in
                # memory.
                tokens.append([interned.setdefault(word, word) for word in words])
            labels += [label for _, label in block]
    return Corpus(tokens, labels)


def _end_with_parent() -> None:
    """End this process when its parent ends, which may have been killed.

    The processes of a pool would otherwise finish their queue and then wait for ever.
    """

    def wait():
        parent = multiprocessing.parent_process()
        assert parent is not None  # only processes of a pool come here
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _split_words(text: str, max_words: int | None) -> list[str]:
    return [token.lower() for token in tokenize(text)[:max_words]]
