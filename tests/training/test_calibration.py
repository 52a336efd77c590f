import numpy as np
import pytest
from cdjax.training.batches import Examples
from cdjax.training.calibration import BOUNDS, best_factor, calibrate
from cdjax.training.loop import evaluate

from tests.conftest import random_classifier


def drawn(factor, count, classes=2, seed=0):
    """Logits, and labels drawn with the probabilities of `factor` times them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes))
    probabilities = np.exp(factor * logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = (rng.random((count, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_finds_the_factor_that_labels_were_drawn_with(factor, classes):
    logits, labels = drawn(factor, 40_000, classes)
    assert best_factor(logits, labels) == pytest.approx(factor, rel=0.05)


def test_a_few_right_predictions_are_not_made_certain():
    logits = np.array([[0.0, 1.0], [1.0, 0.0]] * 5)
    labels = logits.argmax(axis=1)
    factor = best_factor(logits, labels)
    assert 1 / (1 + np.exp(-factor)) == pytest.approx(11 / 12)  # ten right, and one more of each


def test_weights_count_like_copies():
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(300, 2)) * 3, rng.integers(0, 2, 300)
    labels = np.where(rng.random(300) < 0.7, logits.argmax(axis=1), labels)
    weights = rng.integers(1, 4, 300).astype(float)
    copies = np.repeat(np.arange(300), weights.astype(int))
    weighted = best_factor(logits, labels, weights)
    assert weighted == pytest.approx(best_factor(logits[copies], labels[copies]), rel=1e-2)
    assert weighted != pytest.approx(best_factor(logits, labels), rel=1e-2)


def test_stays_within_its_bounds():
    logits = np.array([[0.0, 1e-6], [1e-6, 0.0]])
    assert best_factor(logits, logits.argmax(axis=1)) == pytest.approx(BOUNDS[1])
    assert best_factor(logits, logits.argmin(axis=1)) == pytest.approx(BOUNDS[0])


def test_scales_the_classifier_and_changes_no_prediction():
    rng = np.random.default_rng(1)
    classifier = random_classifier(rng, classes=3)
    sequences = [rng.integers(0, len(classifier.embedding), 5) for _ in range(60)]
    examples = Examples(sequences, rng.integers(0, 3, 60))
    scaled, factor = calibrate(classifier, examples)
    assert factor != pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(scaled.readout, factor * classifier.readout, rtol=1e-6)
    before, after = evaluate(classifier, examples), evaluate(scaled, examples)
    assert after["accuracy"] == before["accuracy"]
    assert after["log_loss"] < before["log_loss"]
