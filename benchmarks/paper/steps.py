"""Scores of single steps, kept by text: of a method that sums them they give those of any span."""

import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Ids = Int[np.ndarray, "t"]
StepScores = Float[np.ndarray, "t k"]


class _Known(NamedTuple):
    """What this process has read or computed."""

    scores: dict[bytes, StepScores]  # by the word numbers of a text
    files: set[str]


def score_steps(
    folder: Path, key: str, texts: Sequence[Ids], score: Callable[[list[Ids]], list[StepScores]]
) -> list[StepScores]:
    """Return the scores of the steps of texts, from files where they were computed before.

    Args:
        folder: Of the files, to which other processes may add at the same time.
        key: Beginning of their names: all that the scores depend on, besides the texts.
        texts: Word numbers of each.
        score: Computes the scores of texts that no file has, each given once.
    """
    known = _known(folder, key)
    for path in sorted(folder.glob(f"{key}-*.npz")):
        if path.name not in known.files:
            known.files.add(path.name)
            with np.load(path) as arrays:
                ends = np.cumsum(arrays["lengths"])[:-1]
                ids, scores = np.split(arrays["ids"], ends), np.split(arrays["scores"], ends)
            known.scores.update((of.tobytes(), s) for of, s in zip(ids, scores, strict=True))
    missing = {ids.tobytes(): ids for ids in texts if ids.tobytes() not in known.scores}
    if missing:
        computed = dict(zip(missing, score(list(missing.values())), strict=True))
        known.files.add(_store(folder, key, missing, list(computed.values())))
        known.scores.update(computed)
    return [known.scores[ids.tobytes()] for ids in texts]


@functools.cache
def _known(folder: Path, key: str) -> _Known:
    return _Known({}, set())


def _store(folder: Path, key: str, texts: dict[bytes, Ids], scores: list[StepScores]) -> str:
    """Write the scores of texts, and return the name of their file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}-{hashlib.sha256(b'|'.join(texts)).hexdigest()[:24]}.npz"
    part = path.with_suffix(f".{os.getpid()}.part")  # another process may score, or read, the same
    ids = list(texts.values())
    lengths = np.array([len(of_text) for of_text in ids])
    with part.open("wb") as file:
        np.savez(file, ids=np.concatenate(ids), lengths=lengths, scores=np.concatenate(scores))
    part.replace(path)
    return path.name
