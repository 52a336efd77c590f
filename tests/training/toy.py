"""A language of 16 words in which "not" turns the one good or bad word of a sentence around."""

import numpy as np
from cdjax.training.batches import Examples
from cdjax.training.step import Options

GOOD, BAD, NOT, FILLERS, DECOYS = (1, 2, 3), (4, 5, 6), 7, (8, 9, 10, 13), (11, 12)
UNUSED = (0, 14, 15)
SMALL = Options(
    hidden=8,
    epochs=12,
    batch_size=16,
    learning_rate=0.03,
    embedding_rate=1.0,
    embedding_dropout=0.0,
    hidden_dropout=0.0,
    average=0.9,
    evaluations=2,
    patience=100,
)
DROPOUT = SMALL._replace(embedding_dropout=0.2, hidden_dropout=0.2)


def sentences(count, seed, longest=4, negation=True):
    """Sentences of 3 to `longest` words.

    Tests train on few shapes, so that few programs are compiled: 4 words are one shape of batches.
    """
    rng = np.random.default_rng(seed)
    sequences, labels = [], []
    for _ in range(count):
        positive, negated = rng.integers(0, 2, 2) * (1, negation)
        words = [*([NOT] * negated), rng.choice(GOOD if positive else BAD)]
        fillers = rng.choice(FILLERS, rng.integers(3, longest + 1) - len(words))
        before = rng.integers(0, len(fillers) + 1)
        sequence = [*fillers[:before], *words, *fillers[before:]]
        sequences.append(np.array(sequence, np.int32))
        labels.append(positive ^ negated)
    return Examples(sequences, np.array(labels, np.int32))


def vectors(seed=0):
    return np.random.default_rng(seed).normal(size=(16, 5)).astype(np.float32)
