import cdjax
import jax
import numpy as np
import pytest
from cdjax.training.batches import Examples
from cdjax.training.loop import best_of, choose_by, train

from tests.training.toy import (
    BAD,
    DECOYS,
    DROPOUT,
    FILLERS,
    GOOD,
    NOT,
    SMALL,
    UNUSED,
    sentences,
    vectors,
)


@pytest.fixture(scope="module")
def trained():
    records = []
    data = sentences(400, 0, longest=8), sentences(100, 1, longest=8)
    return train(vectors(), *data, SMALL, records.append), records


def test_learns_negation(trained):
    training, _ = trained
    assert training.best["accuracy"] == 1.0
    unseen = sentences(300, 2, longest=8)
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


def test_only_rows_of_words_that_occur_change(trained):
    training, _ = trained
    before, after = vectors(), training.classifier.embedding
    unseen = [*UNUSED, *DECOYS]
    np.testing.assert_array_equal(after[unseen], before[unseen])
    seen = [*GOOD, *BAD, NOT, *FILLERS]
    assert (np.abs(after[seen] - before[seen]).max(axis=1) > 1e-3).all()


def test_same_seed_same_weights():
    data = sentences(60, 0), sentences(20, 1)
    few = DROPOUT._replace(epochs=2)
    first, again, other = (
        train(vectors(), *data, few._replace(seed=seed)).classifier for seed in (3, 3, 4)
    )
    for a, b, c in zip(*map(jax.tree.leaves, (first, again, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_best_evaluation_is_returned_and_patience_ends_training():
    # Trained against the truth, the model is best on the development set at the beginning.
    truth, dev = sentences(200, 0), sentences(50, 1)
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
        ({"sequences": [np.array([1, 16])] * 60}, "training example 0 holds the word id 16"),
        ({"labels": np.full(60, -1, np.int32)}, "labels of the training examples"),
    ],
)
def test_examples_are_checked_first(change, message):
    with pytest.raises(ValueError, match=message):
        train(vectors(), sentences(60, 0)._replace(**change), sentences(20, 1), SMALL)


def test_divergence_is_an_error():
    message = r"step [12], in epoch 1, of a batch of \d+ examples.*\(training examples \d+, .*lower"
    with pytest.raises(FloatingPointError, match=message):
        train(
            vectors(),
            sentences(60, 0),
            sentences(20, 1),
            SMALL._replace(learning_rate=float("inf")),
        )


@pytest.mark.parametrize(
    "name", ["layers", "hidden", "epochs", "batch_size", "evaluations", "patience"]
)
def test_counts_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected at least 1"):
        train(vectors(), sentences(60, 0), sentences(20, 1), SMALL._replace(**{name: 0}))


@pytest.mark.parametrize("name", ["embedding_dropout", "hidden_dropout", "average"])
def test_shares_are_below_one(name):
    with pytest.raises(ValueError, match=f"{name} is 1.0; expected at least 0 and below 1"):
        train(vectors(), sentences(60, 0), sentences(20, 1), SMALL._replace(**{name: 1.0}))


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 0.0), ("embedding_rate", -1.0)])
def test_rates_are_not_negative(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; expected"):
        train(vectors(), sentences(60, 0), sentences(20, 1), SMALL._replace(**{name: value}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "rnn"}, "cell is 'rnn'; expected lstm or gru"),
        ({"bidirectional": 1}, "bidirectional is 1; expected True or False"),
        ({"balanced": "yes"}, "balanced is 'yes'; expected True or False"),
    ],
)
def test_kinds_of_networks_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        train(vectors(), sentences(60, 0), sentences(20, 1), SMALL._replace(**change))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "change", [{"cell": "gru"}, {"bidirectional": True}, {"layers": 2}], ids=str
)
def test_every_network_learns_negation(change):
    data = sentences(400, 0), sentences(100, 1)
    training = train(vectors(), *data, SMALL._replace(**change))
    unseen = sentences(300, 2)
    logits = cdjax.predict(training.classifier, unseen.sequences)
    assert (logits.argmax(1) == unseen.labels).mean() == 1.0


def without_a_word(count, positive, seed):
    """Sentences that say nothing of their label, and how many of them are positive."""
    examples = sentences(count, seed)
    sequences = [np.array([8, 9, 10], np.int32)] * count
    return examples._replace(sequences=sequences, labels=(np.arange(count) < positive).astype("i4"))


def test_balanced_classes_count_alike():
    # Nothing but their number tells the classes apart: a tenth is positive.
    data, few = (without_a_word(80, 8, 0), without_a_word(20, 2, 1)), SMALL._replace(average=0.0)
    odds = []
    for balanced in (False, True):
        training = train(vectors(), *data, few._replace(balanced=balanced))
        logits = cdjax.predict(training.classifier, [np.array([8, 9, 10])])[0]
        odds.append(float(logits[1] - logits[0]))
        log_loss = {False: 0.325, True: 0.693}[balanced]
        assert training.best["log_loss"] == pytest.approx(log_loss, abs=0.02)
    assert odds[0] == pytest.approx(np.log(1 / 9), abs=0.4)
    assert odds[1] == pytest.approx(0, abs=0.4)


def test_the_best_of_balanced_classes_is_that_of_both():
    records = [
        {"accuracy": 0.9, "balanced_accuracy": 0.5, "log_loss": 0.1},
        {"accuracy": 0.8, "balanced_accuracy": 0.8, "log_loss": 0.3},
        {"accuracy": 0.7, "balanced_accuracy": 0.8, "log_loss": 0.2},
    ]
    assert best_of(records, choose_by(SMALL)) == records[0]
    assert best_of(records, choose_by(SMALL._replace(balanced=True))) == records[2]


def test_soft_labels_cannot_be_balanced():
    examples = sentences(40, 0)
    soft = examples._replace(targets=np.full((40, 2), 0.5, np.float32))
    with pytest.raises(ValueError, match="balanced=True needs one label for each example"):
        train(vectors(), soft, sentences(20, 1), SMALL._replace(balanced=True))


def test_word_vectors_stay_at_rate_zero():
    options = SMALL._replace(epochs=1, embedding_rate=0.0)
    data = sentences(60, 0), sentences(20, 1)
    classifier = train(vectors(), *data, options).classifier
    np.testing.assert_allclose(classifier.embedding, vectors(), rtol=1e-5)


def test_certain_targets_are_labels():
    (sequences, labels, *_), dev = sentences(40, 0), sentences(20, 1)
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
    examples = sentences(40, 0)._replace(targets=targets.astype(np.float32))
    with pytest.raises(ValueError, match=message):
        train(vectors(), examples, sentences(20, 1), SMALL)
