import cdjax
import jax
import numpy as np
import pytest
from cdjax.training.batches import Examples
from cdjax.training.loop import train
from cdjax.training.step import Options

GOOD, BAD, NOT, FILLERS = (1, 2, 3), (4, 5, 6), 7, (8, 9, 10, 11)
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


def corpus(count, seed, most_fillers=4):
    """Sentences of the sentiment of their one good or bad word, turned by "not" before it."""
    rng = np.random.default_rng(seed)
    sequences, labels = [], []
    for _ in range(count):
        positive, negated = rng.integers(0, 2, 2)
        word = rng.choice(GOOD if positive else BAD)
        words = [*rng.choice(FILLERS, rng.integers(0, most_fillers)), *([NOT] * negated), word]
        words += rng.choice(FILLERS, rng.integers(0, most_fillers)).tolist()
        sequences.append(np.array(words, np.int32))
        labels.append(positive ^ negated)
    return Examples(sequences, np.array(labels, np.int32))


def vectors(rows=14, width=5, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@pytest.fixture(scope="module")
def trained():
    records = []
    return train(vectors(), corpus(400, 0), corpus(100, 1), SMALL, records.append), records


def test_learns_negation(trained):
    training, _ = trained
    assert training.best["accuracy"] == 1.0
    unseen = corpus(300, 2)
    logits = cdjax.predict(training.classifier, unseen.sequences)
    assert (logits.argmax(1) == unseen.labels).mean() == 1.0
    sequence, spans = np.array([8, 7, 1, 9]), np.array([[2, 3], [1, 3]])
    # What it learned is what contextual decomposition shows: "not" turns "good" around.
    scores = cdjax.score_spans(training.classifier, sequence, spans, cdjax.ACD)
    good, not_good = scores[:, 1] - scores[:, 0]
    assert good > 0 > not_good


def test_log_has_a_record_of_each_evaluation(trained):
    training, records = trained
    assert tuple(records) == training.history
    steps = [record["step"] for record in records]
    assert len(steps) == 24
    assert steps == sorted(set(steps))
    assert records[-1]["epoch"] == pytest.approx(12)
    assert records[-1]["training_loss"] < records[0]["training_loss"]
    assert all(record["examples_a_second"] > 0 for record in records)


def test_rows_never_seen_stay_as_they_are(trained):
    training, _ = trained
    before, after = vectors(), training.classifier.embedding
    np.testing.assert_array_equal(after[12:], before[12:])
    assert (np.abs(after[1:12] - before[1:12]).max(axis=1) > 1e-3).all()


def test_same_seed_same_weights():
    data = corpus(60, 0, most_fillers=2), corpus(20, 1)
    few = SMALL._replace(epochs=2, embedding_dropout=0.2, hidden_dropout=0.2)
    first, again, other = (
        train(vectors(), *data, few._replace(seed=seed)).classifier for seed in (3, 3, 4)
    )
    for a, b, c in zip(*map(jax.tree.leaves, (first, again, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_best_evaluation_is_returned_and_patience_ends_training():
    # Trained against the truth, the model is best on the development set at the beginning.
    truth, dev = corpus(200, 0), corpus(50, 1)
    lies = truth._replace(labels=1 - truth.labels)
    options = SMALL._replace(patience=3)
    training = train(vectors(), lies, dev, options)
    ranks = [(record["accuracy"], -record["log_loss"]) for record in training.history]
    best = ranks.index(max(ranks))
    assert training.best == training.history[best]
    assert len(training.history) == best + 1 + 3 < 24
    logits = cdjax.predict(training.classifier, dev.sequences)
    assert (logits.argmax(1) == dev.labels).mean() == training.best["accuracy"]
    assert training.best["accuracy"] > training.history[-1]["accuracy"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequences": [], "labels": np.zeros(0, np.int32)}, "there are no training examples"),
        ({"labels": np.zeros(3, np.int32)}, "60 training examples have 3 labels"),
        ({"sequences": [np.zeros(0, np.int32)] * 60}, "training example 0 is empty"),
        ({"sequences": [np.array([1, 14])] * 60}, "training example 0 holds the word id 14"),
        ({"labels": np.full(60, -1, np.int32)}, "labels of the training examples"),
    ],
)
def test_examples_are_checked_first(change, message):
    with pytest.raises(ValueError, match=message):
        train(vectors(), corpus(60, 0)._replace(**change), corpus(20, 1), SMALL)


def test_divergence_is_an_error():
    message = r"step [12], in epoch 1, of a batch of \d+ examples.*\(training examples \d+, .*lower"
    with pytest.raises(FloatingPointError, match=message):
        train(vectors(), corpus(60, 0), corpus(20, 1), SMALL._replace(learning_rate=float("inf")))


@pytest.mark.parametrize("name", ["hidden", "epochs", "batch_size", "evaluations", "patience"])
def test_counts_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected at least 1"):
        train(vectors(), corpus(60, 0), corpus(20, 1), SMALL._replace(**{name: 0}))


@pytest.mark.parametrize("name", ["embedding_dropout", "hidden_dropout", "average"])
def test_shares_are_below_one(name):
    with pytest.raises(ValueError, match=f"{name} is 1.0; expected at least 0 and below 1"):
        train(vectors(), corpus(60, 0), corpus(20, 1), SMALL._replace(**{name: 1.0}))


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 0.0), ("embedding_rate", -1.0)])
def test_rates_are_not_negative(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; expected"):
        train(vectors(), corpus(60, 0), corpus(20, 1), SMALL._replace(**{name: value}))


def test_word_vectors_stay_at_rate_zero():
    options = SMALL._replace(epochs=1, embedding_rate=0.0)
    data = corpus(60, 0, most_fillers=2), corpus(20, 1)
    classifier = train(vectors(), *data, options).classifier
    np.testing.assert_allclose(classifier.embedding, vectors(), rtol=1e-5)


def test_certain_targets_are_labels():
    (sequences, labels, *_), dev = corpus(40, 0, most_fillers=2), corpus(20, 1)
    certain = np.eye(2, dtype=np.float32)[labels]
    few = SMALL._replace(epochs=1)
    by_label = train(vectors(), Examples(sequences, labels), dev, few).classifier
    by_target = train(vectors(), Examples(sequences, 1 - labels, certain), dev, few).classifier
    for a, b in zip(*map(jax.tree.leaves, (by_label, by_target)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("targets", "message"),
    [(np.ones((40, 3)), r"shape \[40, 3\]; expected \[40, 2\]"), (np.ones((40, 2)), "sum of 1")],
)
def test_targets_are_probabilities(targets, message):
    examples = corpus(40, 0)._replace(targets=targets.astype(np.float32))
    with pytest.raises(ValueError, match=message):
        train(vectors(), examples, corpus(20, 1), SMALL)
