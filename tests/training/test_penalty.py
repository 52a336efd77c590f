"""A word gives the label away in training; a penalty keeps the model from using it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cdjax.core.rules import ACD, PAPER
from cdjax.training.loop import StoppedError, evaluate, train
from cdjax.training.network import FlaxClassifier, read_weights
from cdjax.training.penalty import penalize_scores
from cdjax.training.step import KINDS, Penalty
from flax import nnx

from tests.training.toy import DECOYS, SMALL, sentences, vectors

OPTIONS = SMALL._replace(epochs=6, average=0.0)


def with_decoys(examples, flipped=False):
    sequences = [
        np.insert(sequence, len(sequence) // 2, DECOYS[label ^ flipped])
        for sequence, label in zip(examples.sequences, examples.labels, strict=True)
    ]
    return examples._replace(sequences=[sequence.astype(np.int32) for sequence in sequences])


def plain(count, seed):
    """Sentences of three words without "not"; with a decoy, four."""
    return sentences(count, seed, longest=3, negation=False)


def accuracies(penalty):
    data = with_decoys(plain(400, 0)), plain(100, 1)
    training = train(vectors(), *data, OPTIONS, penalty=penalty)
    unseen = plain(300, 2)
    return [
        evaluate(training.classifier, examples)["accuracy"]
        for examples in (unseen, with_decoys(unseen, flipped=True))
    ]


@pytest.mark.thorough
def test_a_model_with_a_penalty_does_without_the_decoy():
    clean, flipped = accuracies(None)
    assert clean < 0.9
    assert flipped < 0.3
    # Scores of zero leave the decoy its interactions with other words, which no score of it shows.
    clean, flipped = accuracies(Penalty(DECOYS, 1.0))
    assert clean > 0.95
    assert 0.4 < flipped < 0.95
    clean, flipped = accuracies(Penalty(DECOYS, 1.0, "influence", ACD))
    assert clean > 0.95
    assert flipped > 0.95


def assert_equal(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)


DATA = with_decoys(plain(60, 0)), plain(20, 1)
FEW = SMALL._replace(epochs=1)
RULES = {"scores": PAPER, "influence": ACD, "shares": PAPER}  # few, so that few are compiled


@pytest.mark.parametrize(
    "kind", [KINDS[0], *(pytest.param(kind, marks=pytest.mark.thorough) for kind in KINDS[1:])]
)
def test_stopped_and_resumed_it_ends_the_same(kind, tmp_path):
    path, penalty = tmp_path / "checkpoint", Penalty(DECOYS, 0.5, kind, RULES[kind])
    whole = train(vectors(), *DATA, FEW, penalty=penalty).classifier
    stops = iter([False, True])
    with pytest.raises(StoppedError):
        train(vectors(), *DATA, FEW, penalty=penalty, checkpoint=path, stop=lambda: next(stops))
    other = penalty._replace(weight=0.4)
    with pytest.raises(ValueError, match=r"penalty = .*0\.5.*this one has .*0\.4"):
        train(vectors(), *DATA, FEW, penalty=other, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"penalty = .*this one has None"):
        train(vectors(), *DATA, FEW, checkpoint=path, resume=True)
    resumed = train(vectors(), *DATA, FEW, penalty=penalty, checkpoint=path, resume=True)
    assert_equal(resumed.classifier, whole)
    unpenalized = train(vectors(), *DATA, FEW).classifier
    assert not np.array_equal(unpenalized.readout, whole.readout)


def test_a_penalty_on_words_that_do_not_occur_changes_nothing():
    # Not to the last bit: the program is another.
    unpenalized = train(vectors(), *DATA, FEW).classifier
    penalized = train(vectors(), *DATA, FEW, penalty=Penalty((0, 14), 1.0)).classifier
    for a, b in zip(*map(jax.tree.leaves, (unpenalized, penalized)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (Penalty((), 1.0), "no words"),
        (Penalty((16,), 1.0), "word id 16; expected 0 to 15"),
        (Penalty((1,), -1.0), "weight -1.0"),
        (Penalty((1,), float("nan")), "weight nan"),
        (Penalty((1,), 1.0, "score"), "kind 'score'; expected scores, "),
    ],
)
def test_penalties_are_checked_first(penalty, message):
    with pytest.raises(ValueError, match=message):
        train(vectors(), *DATA, FEW, penalty=penalty)


def test_a_step_of_ones_own():
    network = FlaxClassifier(width=5, hidden=8, classes=2, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(network, optax.adam(0.03), wrt=nnx.Param)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(16, 6, 5)), jnp.float32)
    lengths, labels = jnp.full(16, 6), jnp.arange(16) % 2
    inside = jnp.zeros((16, 6), bool).at[:, 2].set(True)

    @nnx.jit
    def penalty(network):
        return penalize_scores(read_weights(network), x, lengths, inside)

    @nnx.jit
    def step(network, optimizer):
        def loss(network):
            logits = network(x, lengths)
            answer = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return jnp.mean(answer + 3 * penalty(network)), jnp.mean(answer)

        (_, answer), gradient = nnx.value_and_grad(loss, has_aux=True)(network)
        optimizer.update(network, gradient)
        return answer

    first, before = step(network, optimizer), penalty(network).mean()
    for _ in range(100):
        last = step(network, optimizer)
    assert last < first
    assert penalty(network).mean() < before / 2
