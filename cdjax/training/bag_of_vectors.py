"""A bag of word vectors: a linear layer on their sum, the baseline that ignores word order."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from cdjax.training.batches import Examples, count_batches, count_classes, shuffled_batches
from cdjax.training.step import Options, average_weights, make_step


class BagOfVectors(nnx.Module):
    """A linear readout of the sum of a sequence's word vectors; called as `FlaxClassifier` is."""

    def __init__(self, width: int, classes: int, *, rngs: nnx.Rngs):
        self.readout = nnx.Linear(width, classes, rngs=rngs)

    def __call__(
        self, x: Float[Array, "b t d"], lengths: Int[Array, "b"], key: Array | None = None
    ) -> Float[Array, "b k"]:
        """Return the logits of padded sequences."""
        inside = jnp.arange(x.shape[1])[None] < lengths[:, None]
        return self.readout(jnp.sum(jnp.where(inside[..., None], x, 0), axis=1))


class Bag(NamedTuple):
    """A trained bag of vectors, as one weight a word and class."""

    weights: Float[np.ndarray, "v k"]  # readout @ vector of each word, in logits
    bias: Float[np.ndarray, "k"]
    dev_accuracy: float

    def accuracy(self, examples: Examples) -> float:
        """Return the share of examples predicted right."""
        sums = np.stack([self.weights[sequence].sum(axis=0) for sequence in examples.sequences])
        return float(np.mean((sums + self.bias).argmax(axis=1) == examples.labels))


def train_bag(
    embedding: Float[np.ndarray, "v d"], examples: Examples, dev: Examples, options: Options
) -> Bag:
    """Train a bag of vectors, both vectors and readout, and return the best epoch's on `dev`.

    Args:
        embedding: Word vectors to begin with.
        examples: What to train on.
        dev: Examples to choose the epoch by.
        options: As for the LSTM; dropout and `hidden` are not used.
    """
    classes = count_classes(examples, dev)
    network = BagOfVectors(embedding.shape[1], classes, rngs=nnx.Rngs(options.seed))
    graph, params = nnx.split(network)
    steps = count_batches(examples, options.batch_size) * options.epochs
    take_step, state = make_step(graph, params, embedding, options, steps)
    count, best = 0, None
    for epoch in range(options.epochs):
        order = np.random.default_rng([options.seed, epoch])
        for batch in shuffled_batches(examples, options.batch_size, classes, order):
            state, _ = take_step(state, batch._replace(members=batch.members[:0]), count)
            count += 1
        average, rows = jax.device_get(average_weights(state))
        readout: Any = nnx.merge(graph, average).readout
        bag = Bag(rows @ np.asarray(readout.kernel[...]), np.asarray(readout.bias[...]), 0.0)
        bag = bag._replace(dev_accuracy=bag.accuracy(dev))
        if best is None or bag.dev_accuracy > best.dev_accuracy:
            best = bag
    assert best is not None  # options.epochs is at least 1
    return best
